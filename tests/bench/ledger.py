"""A ledger of a million entries: verified whole, and asked for the last good run of a rule.

Beside it: the same check as one would write it by hand, over rows of SQLAlchemy, each entry parsed and written canonically
again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import rfc8785
import sqlalchemy as sa
from harness import Row, measure, report

from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.database import engine
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.ledger.chain import START, Head, HeadFile
from privacy.ledger.tables import ledger as table

ENTRIES = 1_000_000
RULES = 20
KEY = MasterKey(b"k" * 32)
BEGUN = datetime(2020, 1, 1, tzinfo=UTC)


def entry(number: int) -> str:
    """Runs of twenty rules in turn: a beginning and an end each; three of a hundred failed."""
    run, ended = divmod(number, 2)
    at = (BEGUN + timedelta(minutes=number)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    said: dict[str, object] = {"actor": "scheduled", "at": at, "run": f"5d0d3c52-7d4b-5f0e-9b39-{run:012d}"}
    if ended:
        said |= {"kind": "run.ended", "status": "failed" if run % 100 < 3 else "done", "bytes": run * 7 % 9999,
            "datasets": {"shop.sessions": {"bytes": run * 7 % 9999, "records": run % 99}}, "deleted": run % 99,
            "failed": 0, "held": 0, "late": 0, "foreseen": 4, "omitted": {}, "records": run % 99, "retained": {},
            "unattributed": 0}  # fmt: skip
    else:
        said |= {"kind": "run.begun", "pipeline": "purge_logfiles", "rule": f"rule_{run % RULES}", "limit": "P12M",
            "promises": ["LOG-12M"], "code_version": "1.0.0+0123456789ab", "policy_version": "2022-04-15", "as_of": at,
            "bound": at, "candidates": run % 99, "plan_digest": f"{run:064x}"}  # fmt: skip
    # Canonical as it is, of numbers and plain letters alone: RFC 8785's own writer would take a minute for a million.
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def opened(folder: Path) -> tuple[sa.Engine, Ledger]:
    """The ledger of a folder."""
    made = engine(Connection("ledger", f"sqlite:///{folder}/ledger.db"), create=True)
    return made, Ledger(made, KEY, folder / "head.json", FixedClock(datetime(2026, 11, 1, tzinfo=UTC)))


def make(folder: Path, entries: int) -> None:
    """Chained and signed for as the ledger itself would have it."""
    if any(entry(n) != rfc8785.dumps(json.loads(entry(n))).decode() for n in range(4)):
        raise AssertionError
    db, _ = opened(folder)
    upgrade(db)
    previous, rows = bytes.fromhex(START), []
    with db.begin() as connection:
        for number in range(entries):
            text = entry(number)
            digest = sha256(previous + text.encode())
            previous = digest.digest()
            rows.append({"seq": number + 1, "entry": text, "hash": digest.hexdigest()})
            if len(rows) == 10_000 or number + 1 == entries:
                connection.execute(sa.insert(table), rows)
                rows = []
    with HeadFile(folder / "head.json", KEY).staged(Head(entries, previous.hex()), BEGUN) as publish:
        publish()


def ours(folder: Path) -> None:
    """The product's own."""
    found = opened(folder)[1].verify()
    if not found.ok or found.anchored != found.entries or not found.entries:
        raise AssertionError(found)


def by_hand(folder: Path) -> None:
    """Row by row: parsed, written canonically again, hashed."""
    previous = bytes.fromhex(START)
    with opened(folder)[0].connect() as connection:
        for row in connection.execute(sa.select(table.c.entry, table.c.hash).order_by(table.c.seq)):
            digest = sha256(previous + rfc8785.dumps(json.loads(row.entry)))
            previous = digest.digest()
            if digest.hexdigest() != row.hash:
                raise AssertionError(row)


def last_ten_times(folder: Path) -> None:
    """The last good run of a rule, ten times."""
    ledger = opened(folder)[1]
    for _ in range(10):
        found = ledger.last("rule_1", "done")
        if found is None or not found.done:
            raise AssertionError(found)


def by_view(folder: Path) -> None:
    """The same, once, from the view as one would ask it."""
    query = (
        "SELECT * FROM compliance_run WHERE rule = 'rule_1' AND status = 'done' ORDER BY coalesce(as_of, begun_at) DESC"
    )
    with opened(folder)[0].connect() as connection:
        if connection.exec_driver_sql(query).first() is None:
            raise AssertionError


def evidence(entries: int = ENTRIES) -> list[Row]:
    """Seconds and memory."""
    script = Path(__file__)
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), entries)
        size = f"{entries:,} entries, SQLite"
        whole, hand = (measure(script, how, name) for how in ("ours", "hand"))
        ten, view = (measure(script, how, name) for how in ("last", "view"))
    last = ten.seconds / 10
    peer = "rows of SQLAlchemy, each parsed and written canonically again"
    return [
        Row("ledger verified: time", size, "s", round(whole.seconds, 2), round(hand.seconds, 2), peer,
            round(whole.seconds / hand.seconds, 2), "at most 2 s", whole.seconds <= 2),
        Row("ledger verified: peak memory", size, "MiB", round(whole.peak_mib), round(hand.peak_mib), peer,
            round(whole.peak_mib / hand.peak_mib, 2), "at most 200 MB", whole.peak_mib * 2**20 <= 200e6),
        Row("a rule's last good run", size, "ms", round(last * 1000, 1), round(view.seconds * 1000, 1),
            "the view of runs, sorted", round(last / view.seconds, 4), "at most 10 ms", last <= 0.01),
    ]  # fmt: skip


HOW = {"ours": ours, "hand": by_hand, "last": last_ten_times, "view": by_view}

if __name__ == "__main__":
    report(lambda: HOW[sys.argv[1]](Path(sys.argv[2])))
