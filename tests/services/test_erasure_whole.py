"""The answer sheet for erasure on the real stack: MariaDB, PostgreSQL, an object store that keeps versions, a mail server.

One shop is erased from by several, one after the other; each time exactly that one's records are gone, emptied or kept,
and every other record in every store is byte for byte the same. Some are killed (SIGKILL) in the middle.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest_demo import HOME, Made
from conftest_erasing import NOW, Erasing
from conftest_judge import Judge
from conftest_look import SHARED, Look, place_of
from privacy.clock import FixedClock
from privacy.rights import State
from services.erasing_alone import house_of
from services.whole import Servers, Whole


class OnServers(Erasing):
    """The demo shop on servers, of which one after the other is erased."""

    def __init__(self, folder: Path, made: Made, servers: Servers) -> None:
        self.folder, self.shop, self.clock = folder, made.folder, FixedClock(NOW)
        self.made, self.place = made, Whole(made.folder, servers, "erasing", versions=True)
        self.judge, self.runs = Judge(made, self.place), 0
        self.last: Look | None = None
        self.house = house_of(self.place.urls, folder / "state")
        self.house.found()

    def name(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def killed(self, number: str, point: str) -> int:
        """Erase in a process of its own, which dies at that point; how it ended."""
        said = {"urls": dict(self.place.urls), "state": str(self.folder / "state"), "number": number}
        tests = str(Path(__file__).parents[1])
        ended = subprocess.run(
            [sys.executable, "-m", "services.erasing_alone"],
            input=json.dumps(said | {"name": self.name(), "point": point}), text=True, timeout=300, check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([tests, str(HOME), *sys.path])},
        )  # fmt: skip
        return ended.returncode


@dataclass(frozen=True)
class Case:
    """Whom, and at which of the points it dies."""

    subject: str
    dies: str | None = None


CASES = {
    "merged accounts and a thread": Case("1001", "expunging"),
    "gifts": Case("1003", "committing"),
    "an open order": Case("1020"),
    "a guest": Case("guest:petra.gast@post.example"),
    "an applicant": Case("applicant:1012"),
}


@pytest.fixture(scope="module")
def shop(servers: Servers, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnServers]:
    shop = OnServers(tmp_path_factory.mktemp("erasing"), made, servers)
    yield shop
    shop.house.engine.dispose()


def versions_are_right(shop: OnServers, before: dict[str, list[str]], looks: tuple[Look, Look]) -> None:
    """Of what is gone no version is stored, of what is rewritten the new one alone; all else is the very same object."""
    after, (was, now) = shop.place.versions(), looks
    rewritten = {key for key, digest in now.files.items() if was.files[key] != digest}
    assert after.keys() <= before.keys()
    for key, ids in before.items():
        if key in rewritten:
            assert len(after[key]) == 1, key
            assert not set(after[key]) & set(ids), key
        elif key in after:
            assert after[key] == ids, key
    lost = was.things - now.things
    files = {
        f"{thing[0].partition('.')[0]}/{place_of(thing)}" for thing in lost if thing[0].partition(".")[0] in SHARED
    }
    assert rewritten <= files, "a file was written that held nothing of theirs"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_on_servers_exactly_their_records_are_gone_and_all_else_is_the_same(shop: OnServers, case: Case) -> None:
    """Edge cases 12, 13, 17, 20, 22, 30 and 31."""
    left, active = shop.judge.left(case.subject)
    before, stored = shop.last or shop.judge.look(), shop.place.versions()
    number = shop.request(case.subject)
    if case.dies is not None:
        assert shop.killed(number, case.dies) == -signal.SIGKILL
        assert shop.house.register.get(number).state in (State.RECEIVED, State.PROVEN), (
            "never told to be erased by half"
        )
    ended = shop.erase(number, shop.name())
    after = shop.last = shop.judge.look()
    shop.judge.check(case.subject, left, before, after)
    versions_are_right(shop, stored, (before, after))
    assert bool(left.waiting) == ("waiting" in ended["retained"])
    assert ended["retained"].get("changed", 0) == active
    assert ended["retained"].get("review", 0) == shop.judge.reviewed(case.subject)
    # What the ledger says that went, over all of the request's runs, is what the sheet says.
    runs = [dict(e.entry) for e in shop.house.ledger.entries(request=number, kind="run.ended")]
    assert len(runs) == 1 + (case.dies is not None)
    told: Counter[str] = Counter()
    for run in runs:
        told.update({name: count["records"] for name, count in run["datasets"].items()})
    for name, keys in left.gone.items():
        if name.startswith(("shop.", "recruiting.", "weblogs.", "dossiers.")) and keys:
            assert told[name] == len(keys), name
    assert shop.house.verify().ok


def test_what_was_seen_is_what_is_there(shop: OnServers) -> None:
    """Nothing has changed under the same ETag or UID; every object and message is read again."""
    assert shop.last is not None
    shop.place.anew()
    assert shop.judge.look().things == shop.last.things
