"""The desk's pages over a register of 100,000 requests and a ledger of a million entries: each within 300 ms.

Beside them: the register read whole, as a page would that cuts its list in Python. ``python tests/bench/desk.py pages
FOLDER`` shows each page's times in ms (median, worst, processor) over a folder that ``filled.py`` made;
``python tests/bench/desk.py make FOLDER [REQUESTS ENTRIES]`` makes one.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

import sqlalchemy as sa  # noqa: E402
from fastapi.routing import APIRoute  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from filled import NOW, make  # noqa: E402
from harness import Row, measure, report  # noqa: E402

from conftest_desk import People, Scheduled  # noqa: E402
from privacy.clock import FixedClock  # noqa: E402
from privacy.connections import EnvironmentConnections  # noqa: E402
from privacy.desk.app import make as made  # noqa: E402
from privacy.desk.house import Houses  # noqa: E402
from privacy.ledger.tables import ledger, request_register  # noqa: E402
from privacy.settings import Settings  # noqa: E402

HOME = TESTS.parent / "include"
LIMIT = 0.3
TIMES = 5
SECRET = "a secret of the benchmark"


@dataclass(frozen=True)
class Page:
    """A page and its times in seconds, the first (which reads policy and templates) left out.

    :param work: the processor's time of the median one: where others use the machine too, that is what the page costs.
    """

    path: str
    status: int
    median: float
    worst: float
    work: float


def houses(folder: Path) -> Houses:
    """The installation of a folder."""
    return Houses(Settings(home=HOME, state=folder), EnvironmentConnections({}), FixedClock(NOW))


def pages(folder: Path) -> Iterator[Page]:
    """Every GET route of the desk, asked several times by an operator."""
    made_houses = houses(folder)
    app = made(made_houses, People(), Scheduled(), SECRET, TESTS.parent)
    client = TestClient(app, base_url="http://desk.example", follow_redirects=False)
    client.cookies.set("session", "operator")
    for path in paths(app, made_houses):
        client.get(path)
        times, work = [], []
        for _ in range(TIMES):
            start, busy = time.perf_counter(), time.process_time()
            status = client.get(path).status_code
            times.append(time.perf_counter() - start)
            work.append(time.process_time() - busy)
        yield Page(path, status, statistics.median(times), max(times), statistics.median(work))


def paths(app: object, made_houses: Houses) -> list[str]:
    """What can be opened, with values in place of a route's parameters; filters that find little are asked too.

    :raises KeyError: a route has a parameter that nobody gave a value for here.
    """
    with made_houses().engine.connect() as connection:
        number = connection.execute(
            sa.select(request_register.c.number).order_by(request_register.c.received_at.desc()).limit(1)
        ).scalar_one()
        run = connection.execute(
            sa.select(ledger.c.run).where(ledger.c.kind == "run.begun").order_by(ledger.c.seq.desc()).limit(1)
        ).scalar_one()
    rule = next(name for purge in made_houses().policy.purges.values() for name in purge.rules)
    values = {"number": number, "seq": "500000", "run": run, "rule": rule, "full": "shop.orders",
        "kind": "receipt", "name": "README.html", "hold": "0" * 32}  # fmt: skip
    found: list[str] = []
    pending = list(getattr(app, "routes", ()))
    while pending:
        route = pending.pop(0)
        nested = getattr(getattr(route, "original_router", None), "routes", None) or getattr(route, "routes", None)
        if nested and not isinstance(route, APIRoute):
            pending += nested
        elif isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            path = re.sub(r"\{(\w+)\}", lambda one: str(values[one[1]]), route.path)
            # A download is as long as what is downloaded: a day of it is asked.
            found.append(f"{path}?since={NOW:%Y-%m-%d}" if path.endswith((".jsonl", ".csv")) else path)
    return found + [path for path in FILTERED if path.partition("?")[0] in found]


FILTERED = (
    "/requests?overdue=true", "/requests?state=undecided", "/requests?state=refused&right=portability",
    "/ledger?show=runs&status=failed", "/ledger?show=runs&rule=log_lines", "/ledger?kind=evidence.verified",
    "/ledger?kind=request.received&since=2024-01-01",
)  # fmt: skip


def by_hand(folder: Path) -> None:
    """The latest fifty requests, out of all of them."""
    found = houses(folder)().register.list()
    if len(sorted(found, key=lambda one: one.dates.received_at)[-50:]) != 50:
        raise AssertionError


def desk(requests: int = 100_000, entries: int = 1_000_000) -> list[Row]:
    """The slowest page's median, beside the whole register read."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), HOME, requests=requests, entries=entries)
        worst = max(pages(Path(name)), key=lambda page: page.median)
        hand = measure(Path(__file__), "hand", name)
    return [
        Row(f"the desk's slowest page ({worst.path.partition('?')[0]})", f"{requests:,} requests, {entries:,} entries",
            "ms", round(worst.median * 1000), round(hand.seconds * 1000), "the whole register read, and cut in Python",
            round(worst.median / hand.seconds, 3), "at most 300 ms", worst.median <= LIMIT),
    ]  # fmt: skip


if __name__ == "__main__":
    how, folder = sys.argv[1], Path(sys.argv[2])
    if how == "make":
        counts = [int(count) for count in sys.argv[3:5]]
        make(folder, HOME, **dict(zip(("requests", "entries"), counts, strict=False)))
    elif how == "pages":
        for page in pages(folder):
            times = (page.median, page.worst, page.work)
            said = "".join(f"{seconds * 1000:7.0f}" for seconds in times)
            sys.stdout.write(f"{said} {page.status} {page.path}{' TOO SLOW' if page.median > LIMIT else ''}\n")
    else:
        report(lambda: by_hand(folder))
