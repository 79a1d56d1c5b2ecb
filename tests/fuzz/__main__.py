"""``make fuzz SECONDS=600``: any bytes for so long, a third each for log lines, messages, and dumps.

The same claims as the tests make with Hypothesis (``test_mailbox_hostile``, ``test_records_fuzz``), for as long as you
like: rows or an error of ours, and nothing else. What breaks them is printed, with the seed.
"""

from __future__ import annotations

import gzip
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from privacy.errors import PrivacyError
from privacy.sources.base import Delete, Due, Identifier
from sources import mailbox_fuzz
from sources.test_records_fuzz import DUMP, LINES, PARQUET, outcome
from sources.weblogs_kit import DAY, Logs, customer, device, line, of, visit

LOG = b"\n".join(
    [
        line(user=1001), line(device="did-a"), line(ip="192.0.2.7"), line("26/Oct/2025:02:30:00 +0200"),
        line("30/Mar/2025:02:30:00 +0100", user=1001, agent='a "quoted" \\ one'), b"no form", b"",
    ]
)  # fmt: skip
TEXTS = (b"1001", b"\n", b"\r\n", b"\0", b'"', b"[", b"]", b" - ", b"9" * 400, b"\xff", b"192.0.2.7", b"::1", b"+9999",
    b"\x1f\x8b", b"PAR1", b"{", b"}", b'":', b"1e999", b"null", b"\\ud800", b"-")  # fmt: skip
DUMPS = (
    ("clicks", "clicks/clicks-2026-11-20.ndjson", LINES),
    ("clicks", "clicks/clicks-2026-11-20.ndjson.gz", gzip.compress(LINES)),
    ("conversations", "dumps/conversations-2026-11-20.json", DUMP),
    ("conversations", "dumps/conversations-2026-11-20.json.gz", gzip.compress(DUMP)),
    *(("events", "ga4/events_20261120.parquet", content) for content in PARQUET),
)


def mutated(chance: random.Random, good: bytes) -> bytes:
    """Content with some of its bytes lost, doubled, replaced or put in from a list of bad ones."""
    made = good
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at, size = chance.randrange(len(made) + 1), chance.choice((0, 0, 1, 4, 40))
        new = chance.choice((b"", chance.choice(TEXTS), chance.randbytes(chance.randrange(5)), made[at : at + 60]))
        made = made[:at] + new + made[at + size :]
    return made


def logs(chance: random.Random) -> bytes:
    """A log of any bytes, read, located and purged for a subject and for a term."""
    content = mutated(chance, LOG)
    pick = of(customer(1001), device("did-a"), visit("08:00", "10:00"), Identifier("email", "a@b.example"))
    with tempfile.TemporaryDirectory() as folder:
        here = Logs(Path(folder))
        name = "nginx/access.log.1"
        if chance.random() < 0.4:
            here.put(name + ".gz", mutated(chance, gzip.compress(content)), compress=False)
        else:
            here.put(name, content)
        for ask in (lambda: here.read(pick), lambda: here.apply([here.step(pick, Delete())]),
                    lambda: here.apply([here.step(Due(DAY), Delete())])):  # fmt: skip
            try:
                ask()
            except PrivacyError as problem:
                if problem.code.partition(".")[0] not in ("weblogs", "storage"):
                    raise AssertionError(problem.code) from None
    return content


def dumps(chance: random.Random) -> bytes:
    """A file of records."""
    kind, name, good = chance.choice(DUMPS)
    content = mutated(chance, good)
    outcome(kind, name, content)
    return content


def mail(chance: random.Random) -> bytes:
    """A message."""
    content = mailbox_fuzz.made(chance)
    mailbox_fuzz.hold(content)
    return content


def main(seconds: float, seed: int) -> None:
    """Each for a third of the time. :raises BaseException: whatever escapes."""
    kinds: tuple[Callable[[random.Random], bytes], ...] = (logs, mail, dumps)
    for work in kinds:
        until, tried, slowest = time.monotonic() + seconds / len(kinds), 0, 0.0
        while time.monotonic() < until:
            each = f"{seed}/{tried}"
            began = time.process_time()
            try:
                work(random.Random(each))  # noqa: S311
            except BaseException:
                sys.stdout.write(f"{work.__name__}: broken by random.Random({each!r})\n")
                raise
            tried, slowest = tried + 1, max(slowest, time.process_time() - began)
        sys.stdout.write(f"{work.__name__}: {tried} tried, none broke; the slowest took {slowest:.3f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns())
