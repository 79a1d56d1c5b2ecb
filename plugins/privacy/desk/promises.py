"""The statement's promises as a supervisor may see them: each with its state, its last proof, what keeps it, its tests.

Only what can be asked at once is asked for a page: the whole check of ledger and stores is ``verify_evidence``'s, and
the page says when that was, and what it found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.datamap.policy import Policy
from privacy.datamap.promises_page import Kept, kept
from privacy.desk import finding
from privacy.desk.advising import here
from privacy.desk.proving import LOOKED
from privacy.ledger.runs import written
from privacy.ledger.tables import ledger
from privacy.rights.evidence import MISSING, VERIFIED, Finding
from privacy.rights.house import House

if TYPE_CHECKING:
    from privacy.rights.evidence_rules import Latest

ANSWERS = "R-30D"
"""The promise that requests are answered in time: red while one is late."""

VERIFIED_WITHIN = timedelta(hours=36)
"""The daily check is missing when it is older than this."""

Colour = Literal["green", "amber", "red"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A promise on the page. :param why: what makes it red or amber, a sentence each.

    :param proof: when its last proof was (aware); None: no run has proven it. :param run: which run that was.
    """

    kept: Kept
    colour: Colour
    why: tuple[str, ...]
    proof: datetime | None = None
    run: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The last whole check. :param count: what it found missing. :param stale: it is too long ago.

    :param touched: the promises that this was about; None: it may be about all of them.
    """

    at: datetime | None
    count: int
    stale: bool
    touched: frozenset[str] | None = None

    def concerns(self, promise: str) -> bool:
        """Whether what was missing may be a proof of this promise."""
        return self.count > 0 and (self.touched is None or promise in self.touched)


def checked(house: House, now: datetime) -> Checked:
    """When everything was verified last, by the ledger's own word; what it says of a moment to come counts for nothing.

    Else a clock that was ahead once would hide for as long that nobody verifies. What somebody has had verified from
    the desk since, and was not as it was written, counts too; and a table without the very entry that was signed last.
    """
    from privacy.rights.evidence_rules import AHEAD

    by = written(now + AHEAD)
    found: list[tuple[str, str]] = []
    head = house.ledger.archive.head()
    with translated("ledger"), reading(house.engine).connect() as connection:
        there = None if head is None else connection.execute(
            sa.select(ledger.c.hash).where(ledger.c.seq == head.head.seq)
        ).scalar()  # fmt: skip
        if head is not None and there != head.head.hash:
            # The table is not the one that was signed: an older copy of it, or another. Nothing in it proves anything.
            return Checked(now, 1, stale=False)
        for kind in (VERIFIED, MISSING, LOOKED):
            query = sa.select(ledger.c.at, ledger.c.entry).where(ledger.c.kind == kind, ledger.c.at <= by)
            row = connection.execute(query.order_by(ledger.c.at.desc()).limit(1)).first()
            # Who had the ledger alone verified has not looked at the stores: of that only what is wrong counts.
            if row is not None and (kind != LOOKED or json.loads(row.entry).get("count")):
                found.append((str(row.at), str(row.entry)))
    if not found:
        return Checked(None, 0, stale=True)
    text, entry = max(found)
    at, said = datetime.fromisoformat(text), json.loads(entry)
    touched = frozenset(said["promises"]) if "promises" in said else None
    return Checked(at, int(said.get("count", 0)), now - at > VERIFIED_WITHIN, touched)


def promises(house: House, project: Path, now: datetime) -> list[Shown]:
    """Each promise of the policy, in its order."""
    from privacy.rights import evidence_rules

    policy, latest = house.policy, evidence_rules.Latest(house, now)
    wrong = [*evidence_rules.proofs(house, now, latest), *evidence_rules.own(house, now, latest),
        *evidence_rules.answered(house, now)]  # fmt: skip
    late = finding.find(house, overdue=True)
    whole, is_late = checked(house, now), bool(late.requests or late.broken)
    return [_shown(house, one, wrong, latest, now, late=is_late, whole=whole) for one in _kept(policy, project)]


def _shown(
    house: House, one: Kept, wrong: list[Finding], latest: Latest, now: datetime, *, late: bool, whole: Checked
) -> Shown:
    rules = [
        name for purge in house.policy.purges.values() for name, rule in purge.rules.items() if one.id in rule.promises
    ]
    runs = [latest.done(name) for name in rules]
    good = [run for run in runs if run is not None]
    # Of several rules the oldest proof counts: the promise is kept no better than that.
    oldest = min(good, key=lambda run: run.as_of) if len(good) == len(rules) and good else None
    proof, run = (None, "") if oldest is None else (oldest.as_of, oldest.run)
    red = [" ".join(p for p in (f.message, f.kept(now, house.policy.zone), here(f.advice)) if p) for f in wrong
           if one.id in f.promises]  # fmt: skip
    if one.id == ANSWERS and late:
        red.append("A request was not answered in time: see the requests that are overdue.")
    if red:
        return Shown(one, "red", tuple(red), proof, run)
    amber = [] if one.promise.not_yet is None else [f"Not kept whole yet: {one.promise.not_yet}."]
    if one.missing:
        amber.append(f"These pipelines are not there: {', '.join(one.missing)}.")
    if rules and oldest is None:
        amber.append("No run has proven it yet.")
    if not rules:
        amber.append("No rule of a purge proves it by itself; what keeps it, and its tests, do.")
    # What a ledger says that was altered proves nothing: nothing is green while nobody has looked.
    if rules and whole.stale:
        amber.append("Nobody has verified lately that the ledger is what was written.")
    if rules and whole.concerns(one.id):
        amber.append("The last verification found something missing, or altered.")
    return Shown(one, "amber" if amber else "green", tuple(amber), proof, run)


def _kept(policy: Policy, project: Path) -> tuple[Kept, ...]:
    return _looked(_Policy(policy), project)


@dataclass(frozen=True, eq=False)
class _Policy:
    """Equal to the very same policy, which is read anew only when it has changed."""

    policy: Policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Policy) and other.policy is self.policy

    def __hash__(self) -> int:
        return id(self.policy)


@lru_cache(maxsize=4)
def _looked(held: _Policy, project: Path) -> tuple[Kept, ...]:
    """Tests are read once: they change with the code, and then the server is started anew."""
    return tuple(kept(held.policy, project / "dags", project / "tests"))
