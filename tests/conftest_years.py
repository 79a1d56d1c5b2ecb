"""Years of a demo shop under a moving clock: runs as scheduled, missed, doubled, stopped, killed, refused.

What must hold at every moment that is looked at, by the generator's own word of when each record falls due:

1. no record is there past its limit while its rule's runs succeed; what is late after a missed run is told of;
2. no statutory record goes early, and nothing goes earlier than the next run could have kept its limit;
3. what vanishes between two looks is exactly what the plan between them lists, and the ledger's counts add up to it;
4. everything else is the same to the byte;
5. no run is left without an end, and the chain verifies.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from conftest_look import SHARED, Look, Thing, place_of
from conftest_simulation import START, Shop, of, ticks
from privacy import plans
from privacy.errors import PrivacyError, Unreadable
from privacy.holds import HoldKind, Keys
from privacy.orchestration import purges

UNTIL = START + timedelta(days=731)
AHEAD = {"purge_camera_footage": timedelta(hours=1)}
"""How far a run looks ahead: ``every``, as long as a day can be."""

# In the short form only ticks within these days are computed: the first week, changes of the clock, 29 February, and
# the turn of a year; what lies between is an outage.
SHORT = [
    (datetime(2026, 11, 20, tzinfo=UTC), 5),
    (datetime(2026, 12, 31, tzinfo=UTC), 3),
    (datetime(2027, 3, 27, tzinfo=UTC), 3),
    (datetime(2027, 10, 30, tzinfo=UTC), 3),
    (datetime(2028, 2, 27, tzinfo=UTC), 4),
    (datetime(2028, 11, 15, tzinfo=UTC), 2),
]


OFTEN = {"run": 80, "missed": 6, "twice": 5, "killed": 5, "stopped": 3, "refused": 1}
"""How often a run goes how, in a hundred."""

DYING = ("open", "os.remove", "os.rename", "http.client.send", "imaplib.send")
"""Audited calls at which a run may be killed."""


@contextmanager
def nothing_more(_: Callable[[str], None]) -> Iterator[None]:
    """No further points."""
    yield


@dataclass
class Simulation:
    """One seed's shop and what became of it."""

    shop: Shop
    dice: random.Random
    seed: int
    gone: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    number: int = 0
    at: str = ""
    said: str = ""
    last: Look | None = None
    """What there was at the last look, unless something arrived since."""
    points: Callable[[Callable[[str], None]], AbstractContextManager[None]] = nothing_more
    """Tells of further points at which a run may be killed."""

    def look(self) -> Look:
        self.last = self.shop.look()
        return self.last

    def arrived(self) -> None:
        """Something has come in since the last look, and belongs to no run."""
        self.last = None

    def fail(self, why: str, things: object = "") -> None:
        raise AssertionError(f"seed {self.seed}, {self.at}: {why} {things}")

    def tick(self, purge: str, rule: str, at: datetime, how: str) -> None:
        """One run of a rule, and a look before and after it."""
        self.shop.clock.set(at)
        self.at = f"{at:%Y-%m-%d %H:%M} {rule} {how}"
        self.number += 1
        before = self.last or self.look()
        run = purges.PurgeRun(f"{self.number:06}-{rule}", purge, rule, "schedule")
        if how == "killed":
            self._killed(run)
        else:
            self._steps(run, how)
        self._compare(before, self.look(), run, at)
        self.done[how] += 1

    def _steps(self, run: purges.PurgeRun, how: str) -> None:
        house = self.shop.house
        try:
            said = purges.plan(house, run, say=lambda _: None)
        except Unreadable as problem:
            # The last file of a store has gone: from then on it looks like one that is not mounted.
            _, rule = house.policy.rule(run.rule)
            # In a process that is to die nobody looks: the connections for that are the parent's.
            looked = Counter() if how == "killed" else self.look().things
            there = [thing for thing in looked if thing[0] in rule.datasets]
            if there or not problem.code.endswith(".no_files"):
                self.fail(f"cannot be planned: {problem.code}")
            with suppress(PrivacyError):
                purges.record(house, run, problem.code)
            self.done["emptied"] += 1
            return
        failed = None
        if said["tripped"]:
            refused = how == "refused"
            purges.answered(house, run, approved=not refused, by="chief")
            self.done["asked"] += 1
        asked = [0]

        def stop() -> bool:
            asked[0] += 1
            return how == "stopped" and asked[0] > 1

        try:
            done = plans.do(house.means, run.id, actor=run.actor, stop=stop)
            if done.stopped:
                failed = "purge.stopped"
            else:
                purges.verify(house, run)
        except PrivacyError as problem:
            failed, self.said = problem.code, " < ".join(map(repr, _behind(problem)))
        self.failed.discard(run.rule)
        try:
            purges.record(house, run, failed)
        except PrivacyError as problem:
            if problem.code not in ("purge.stopped", "purge.refused"):
                self.fail(f"red: {problem.code}", self.said)
            self.failed.add(run.rule)

    def _killed(self, run: purges.PurgeRun) -> None:
        """In a process of its own, with connections of its own, which dies at some call that it makes (see test_killed)."""
        die_at, child = self.dice.randint(1, 160), os.fork()
        if child == 0:
            points = [0]

            def told(_: str) -> None:
                points[0] += 1
                if points[0] == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            def hook(event: str, _: object) -> None:
                if event in DYING:
                    told(event)

            try:
                mine = self.shop.house  # The parent's connections are kept, and not used.
                self.shop.house = self.shop.opened()
                sys.addaudithook(hook)
                with self.points(told):
                    self._steps(run, "killed")
                del mine
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        self.done["died"] += os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        self.failed.add(run.rule)

    def _compare(self, before: Look, after: Look, run: purges.PurgeRun, at: datetime) -> None:
        vanished, new = before.things - after.things, after.things - before.things
        for name in [thing for thing in new if thing[0] == "recruiting.employees"]:
            self._filled(name, vanished, new)
        if new:
            self.fail("something is there that was not", list(new)[:2])
        listed = self._listed(run)
        for thing, count in vanished.items():
            self._explained(thing, listed)
            self._not_early(thing, run, at)
            self.gone[thing[0]] += count
        touched = {f"{thing[0].split('.')[0]}/{place_of(thing)}" for thing in vanished if _system(thing) in SHARED}
        for name, content in before.files.items():
            if name not in touched and after.files.get(name) != content:
                self.fail("a file without anything due was changed", name)

    def _filled(self, thing: Thing, vanished: Counter[Thing], new: Counter[Thing]) -> None:
        """A personnel record may have got what was empty in it, and nothing else."""
        (old,) = [other for other in vanished if other[:2] == thing[:2]]
        for was, now in zip(json.loads(old[2]), json.loads(thing[2]), strict=True):
            if was != now and was not in (None, ""):
                self.fail("a personnel record lost something")
        del vanished[old], new[thing]

    def _listed(self, run: purges.PurgeRun) -> dict[str, set[tuple[object, ...]]]:
        """What the run's plan lists, by dataset."""
        folder = self.shop.house.means.folder / run.id
        if not (folder / "plan.json").exists():
            return {}
        made = plans.Plan.load(folder)
        found: dict[str, set[tuple[object, ...]]] = {}
        for step, item in made.file(folder, self.shop.house.key).items():
            found.setdefault(made.steps[step].dataset, set()).add(item.key)
        return found

    def _explained(self, thing: Thing, listed: dict[str, set[tuple[object, ...]]]) -> None:
        system = _system(thing)
        if system == "mail":
            if not any(
                key[1] == thing[1][1] for name, keys in listed.items() if name.startswith("mail.") for key in keys
            ):
                self.fail("a message vanished that no plan lists")
        elif system in SHARED:
            if (place_of(thing),) not in listed.get(thing[0], set()):
                self.fail("a record vanished from a file that no plan lists", thing[0])
        elif thing[1] not in listed.get(thing[0], set()):
            self.fail("a record vanished that no plan lists", thing[:2])

    def _not_early(self, thing: Thing, run: purges.PurgeRun, at: datetime) -> None:
        due, bound = self.shop.due[thing]
        if due is None:
            self.fail("a record vanished whose term has not begun", thing[:2])
        elif bound == "at_least" and due > at:
            self.fail(f"a statutory record went early: due {due}", thing[:2])
        elif bound == "at_most" and due > at + AHEAD.get(run.purge, timedelta(hours=25)):
            self.fail(f"a record went before it had to: due {due}", thing[:2])

    def nothing_late(self, datasets: set[str], at: datetime, spared: set[tuple[object, ...]]) -> None:
        """At this moment no record of these datasets is past its limit."""
        self.at = f"{at:%Y-%m-%d %H:%M} {sorted(datasets)[0]}"
        for thing in (self.last or self.look()).things:
            due, bound = self.shop.due[thing]
            if bound == "at_most" and due is not None and due <= at and of(thing, datasets) and thing[1] not in spared:
                self.fail(f"a record is there past its limit: due {due}", thing[:2])


def _system(thing: Thing) -> str:
    return thing[0].partition(".")[0]


def _behind(problem: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came of: a shop's must not be shown, a made one's may."""
    while problem is not None:
        yield problem
        problem = problem.__context__


def shuffled(odds: Mapping[str, int], count: int, dice: random.Random) -> list[str]:
    """How so many runs go: each way in its share, and twice at least."""
    found = [how for how, share in odds.items() if how != "run" for _ in range(max(2, round(count * share / 100)))]
    found += ["run"] * (count - len(found))
    dice.shuffle(found)
    return found


def schedule(
    shop: Shop, windows: list[tuple[datetime, int]] | None, dice: random.Random
) -> list[tuple[datetime, str, str]]:
    """(when, purge, rule) in order of time: the ticks around everything that falls due, and a few others.

    :param windows: only within these days, as :data:`SHORT`; None: two whole years.
    """
    found: list[tuple[datetime, str, str]] = []
    for purge, made in shop.house.policy.purges.items():
        each = list(ticks(shop.purges[purge], START, UNTIL))
        for rule, said in made.rules.items():
            wanted: set[int] = set()
            for due in shop.due.instants(set(said.datasets)):
                at = bisect_left(each, due)
                wanted |= {n for n in (at - 2, at - 1, at) if 0 <= n < len(each)}
            wanted |= set(dice.sample(range(len(each)), min(len(each), 6)))
            if windows is not None:
                spans = [(low, low + timedelta(days=days)) for low, days in windows]
                wanted = {n for n in wanted if any(low <= each[n] < high for low, high in spans)}
                if purge == "purge_camera_footage":
                    wanted = {n for n in wanted if each[n] < START + timedelta(days=3)}
            found += [(each[n], purge, rule) for n in wanted]
    return sorted(found)


def simulate(
    shop: Shop,
    seed: int,
    windows: list[tuple[datetime, int]] | None,
    *,
    most: int = 0,
    odds: Mapping[str, int] = OFTEN,
    **more: Any,
) -> Simulation:
    """Two years, or the days of them that are computed; fails where anything is not as it must be.

    :param windows: see :func:`schedule`. :param most: so many ticks of these at most, spread over all; 0: all.
    :param odds: how often a run goes how.
    :param more: for :class:`Simulation`. :returns: what was done.
    """
    dice = random.Random(seed)  # noqa: S311 - so that a failure can be had again
    simulation = Simulation(shop, dice, seed, **more)
    rules = shop.house.policy.purges
    # One record is held from the beginning, and let go after a while.
    session = min(key[0] for (name, key), (due, _) in shop.due.of.items() if name == "shop.sessions" and due)
    held = {(session,)}
    shop.house.holds.place(HoldKind.SUSPENSION, Keys(((session,),)), ["shop.sessions"], ground="claim", author="desk")
    computed = schedule(shop, windows, dice)
    if most:
        computed = [
            one for n, one in enumerate(computed) if n * most // len(computed) != (n - 1) * most // len(computed)
        ]
    hows = shuffled(odds, len(computed), dice)
    for n, (at, purge, rule) in enumerate(computed):
        if held and at > START + timedelta(days=3):
            shop.house.holds.release(shop.house.holds.active()[0].id, author="desk")
            held = set()
        if n % 9 == 4:
            shop.visits(n, at - (timedelta(days=500) if n % 2 else timedelta(minutes=5)))
            shop.picture(at - timedelta(minutes=7))
            simulation.arrived()
        how = hows[n]
        if how == "missed":
            simulation.failed.add(rule)
            simulation.done["missed"] += 1
            continue
        simulation.tick(purge, rule, at, "run" if how == "twice" else how)
        if how == "twice":
            simulation.tick(purge, rule, at, "again")
        if rule not in simulation.failed:
            simulation.nothing_late(set(rules[purge].rules[rule].datasets), at, held)
    # At the end of the two years everything that had to go by then is gone.
    for purge, made in rules.items():
        last = list(ticks(shop.purges[purge], UNTIL - timedelta(days=32), UNTIL))[-1]
        # A web server writes on: a folder without a log would be one that is not mounted.
        shop.visits(10_000 + len(simulation.done) + simulation.number, last - timedelta(minutes=5))
        simulation.arrived()
        for rule in made.rules:
            simulation.tick(purge, rule, last, "run")
            simulation.nothing_late(set(made.rules[rule].datasets), last, set())
    house = shop.house
    ended = [e.entry for e in house.ledger.entries(kind="run.ended")]
    begun = {e.entry["run"] for e in house.ledger.entries(kind="run.begun")}
    assert {entry["run"] for entry in ended} == begun
    told: Counter[str] = Counter()
    for entry in ended:
        for name, count in entry["datasets"].items():  # type: ignore[union-attr]
            told["mail" if name.startswith("mail.") else name] += count["records"]
    assert +told == +simulation.gone
    assert sum(told.values()) > 2_000
    for how in ("run", "again", "missed", "killed", "died", "stopped", "asked"):
        assert simulation.done[how], how
    assert any(entry["late"] for entry in ended)
    assert house.verify().ok
    with suppress(FileNotFoundError):
        assert not list(house.means.folder.glob(".*"))
    return simulation
