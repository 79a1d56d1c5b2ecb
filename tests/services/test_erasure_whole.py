"""The answer sheet for erasure on the real stack: MariaDB, PostgreSQL, an object store that keeps versions, a mail server.

One shop is erased from by several, one after the other; each time exactly that one's records are gone, emptied or kept,
and every other record in every store is byte for byte the same. Some are killed (SIGKILL) in the middle.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest_demo import HOME, Made
from conftest_erasing import NOW, Erasing
from conftest_judge import Judge
from conftest_look import SHARED, Look, place_of
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.rights import State
from privacy.rights.house import House
from privacy.settings import Settings
from services.sql_studio import listening
from services.whole import Servers, Whole

Dying = Callable[[str, str], bool]
"""At which call of the erasing process it dies: what it is, and what is sent."""


class OnServers(Erasing):
    """The demo shop on servers, of which one after the other is erased."""

    def __init__(self, folder: Path, made: Made, servers: Servers) -> None:
        self.folder, self.shop, self.clock = folder, made.folder, FixedClock(NOW)
        self.made, self.place = made, Whole(made.folder, servers, "erasing", versions=True)
        self.judge, self.runs = Judge(made, self.place), 0
        self.house = self.opened()
        self.house.found()

    def opened(self) -> House:
        """The house anew: a process of its own has connections of its own."""
        urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in self.place.urls.items()}
        return House(Settings(home=HOME, state=self.folder / "state"), EnvironmentConnections(urls), self.clock)

    def name(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def killed(self, number: str, dying: Dying) -> int:
        """Erase in a process of its own, which dies at that call; how it ended."""
        name, child = self.name(), os.fork()
        if child == 0:

            def told(what: str, sent: str = "") -> None:
                if dying(what, sent):
                    os.kill(os.getpid(), signal.SIGKILL)

            def hook(event: str, arguments: tuple[Any, ...]) -> None:
                if event in ("http.client.send", "imaplib.send"):
                    told(event, repr(arguments[1])[:200])

            code = 1
            try:
                mine = self.house  # The parent's connections are kept, and not used.
                self.house = self.opened()
                sys.addaudithook(hook)
                with listening(told):
                    self.erase(number, name)
                del mine
                code = 0
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass(frozen=True)
class Case:
    """Whom, and where it dies."""

    subject: str
    dying: Dying | None = None


def expunging(what: str, sent: str) -> bool:
    """The mail server has the message without what is theirs, and the old one too."""
    return what == "imaplib.send" and "EXPUNGE" in sent


def rewriting(what: str, sent: str) -> bool:
    """The object store is about to take a file without their lines."""
    return what == "http.client.send" and "POST" in sent and "uploadId=" in sent


def committing(what: str, _: str) -> bool:
    """Files and messages are gone, and the database has changed everything but has not promised it yet."""
    return what == "before COMMIT erasing_shop"


CASES = {
    "merged accounts and a thread": Case("1001"),
    "gifts": Case("1003", committing),
    "a thread": Case("1009", expunging),
    "an open order": Case("1020"),
    "a guest": Case("guest:petra.gast@post.example", rewriting),
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_on_servers_exactly_their_records_are_gone_and_all_else_is_the_same(shop: OnServers, case: Case) -> None:
    """Edge cases 12, 13, 17, 20, 22, 30 and 31."""
    left, active = shop.judge.left(case.subject)
    before, stored = shop.judge.look(), shop.place.versions()
    number = shop.request(case.subject)
    if case.dying is not None:
        assert shop.killed(number, case.dying) == -signal.SIGKILL
        assert shop.house.register.get(number).state in (State.RECEIVED, State.PROVEN), (
            "never told to be erased by half"
        )
    ended = shop.erase(number, shop.name())
    shop.place.anew()
    after = shop.judge.look()
    shop.judge.check(case.subject, left, before, after)
    versions_are_right(shop, stored, (before, after))
    assert bool(left.waiting) == ("waiting" in ended["retained"])
    assert ended["retained"].get("changed", 0) == active
    # What the ledger says that went, over all of the request's runs, is what the sheet says.
    runs = [dict(e.entry) for e in shop.house.ledger.entries(request=number, kind="run.ended")]
    assert len(runs) == 1 + (case.dying is not None)
    told: Counter[str] = Counter()
    for run in runs:
        told.update({name: count["records"] for name, count in run["datasets"].items()})
    for name, keys in left.gone.items():
        if name.startswith(("shop.", "recruiting.", "weblogs.", "dossiers.")) and keys:
            assert told[name] == len(keys), name
    assert shop.house.verify().ok
