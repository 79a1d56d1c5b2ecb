"""What is missing in the evidence that the promises are kept: looked for each day, and told loudly.

A promise counts as proven only while its proof is younger than the interval of its purge. Whoever adds something that
has to be proven adds a function to :data:`CHECKS`, or to those of :mod:`privacy.rights.evidence_rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from privacy.errors import PrivacyError
from privacy.ledger.copies import HeadCopies
from privacy.rights import evidence_last

if TYPE_CHECKING:
    from privacy.rights.house import House

VERIFIED, MISSING = "evidence.verified", "evidence.missing"
"""Events of the ledger: all is proven; something is not (``count`` says how much). ``last`` and ``digest`` name the
head of which a copy was kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not proven. Names of promises, rules, datasets and runs only: nothing personal.

    :param code: stable, dotted, e.g. ``evidence.stale``. :param promises: those that stand without a proof.
    :param where: rule, dataset, run or file. :param message: what is wrong. :param advice: what to do about it.
    :param breaks: when the promise is broken for records that the last good run left (aware); None: that is not known,
        or the promise has no limit.
    """

    code: str
    promises: tuple[str, ...]
    where: str
    message: str
    advice: str
    breaks: datetime | None = None

    def kept(self, now: datetime, zone: str) -> str:
        """Until when the promise is still kept, or since when it is broken, in words; empty: that is not known."""
        from zoneinfo import ZoneInfo

        if self.breaks is None:
            return ""
        here = f"{self.breaks.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"
        hours = abs((self.breaks - now).total_seconds()) / 3600
        if self.breaks > now:
            return f"Still kept until {here} ({hours:.0f} hours from now)."
        return f"Broken since {here} ({hours:.0f} hours), should a record of that day be left."


Check = Callable[["House", datetime], Iterable[Finding]]
"""The installation and the present (aware) in, what is missing out."""


def missing(house: House, now: datetime) -> list[Finding]:
    """Everything that is not proven; empty: all is. Changes nothing.

    What a ledger says that was altered proves nothing: it is not asked then, and every promise stands without a proof.

    :param now: aware.
    """
    from privacy.rights import evidence_rules

    found = [*_guarded(_chain, house, now)]
    checks = [*CHECKS, *evidence_rules.OF_STORES]
    if not found:
        checks = [*evidence_rules.OF_LEDGER, *checks]
    for check in checks:
        found += _guarded(check, house, now)
    # What every check stumbles over, a policy that does not load, is one thing to repair.
    return list(dict.fromkeys(found))


def record(house: House, *, actor: str) -> list[Finding]:
    """Look for what is missing, keep a copy of the signed head elsewhere, and write into the ledger what was found.

    A ledger that was altered takes no entry, and no copy is added to those that speak against it.

    :returns: as :func:`missing`; with what went wrong in keeping the copy.
    """
    now = house.clock.now()
    found = missing(house, now)
    codes = {f.code for f in found}
    if ALTERED in codes:
        return found
    kept: dict[str, object] = {}
    archive, folder = house.ledger.archive, house.settings.head_copies
    try:
        head = archive.head()
        if folder is not None and head is not None and COPY not in codes:
            HeadCopies(folder, archive.public_key).add(head)
            kept = {"last": head.head.seq, "digest": head.head.hash}
    except PrivacyError as problem:
        found.append(_of(problem))
    house.ledger.event(MISSING if found else VERIFIED, actor=actor, count=len(found), **kept)
    evidence_last.keep(house, found, now)
    return found


ALTERED, COPY = "ledger.altered", "evidence.copy"


def _chain(house: House, _: datetime) -> Iterator[Finding]:
    for problem in house.verify().problems:
        yield Finding(
            ALTERED, _promises(house), "ledger", problem,
            "Run nothing that deletes. Compare with a backup and with the copies of the head: privacy ledger verify.",
        )  # fmt: skip


def copies(house: House, _: datetime) -> Iterator[Finding]:
    """Every head that was signed once is part of the ledger of today (edge case 26)."""
    archive, folder = house.ledger.archive, house.settings.head_copies
    told = {e["last"]: e["digest"] for e in archive.events(VERIFIED, MISSING) if "last" in e and "digest" in e}
    if folder is None:
        if told:
            yield Finding(
                "evidence.no_copies", (), "PRIVACY_HEAD_COPIES",
                "Copies of the ledger's head were kept in a folder, and none is set now.", "Set it again.",
            )  # fmt: skip
        return
    for wrong in HeadCopies(folder, archive.public_key).against(archive, told):
        yield Finding(
            COPY, _promises(house), wrong.name, wrong.why,
            "Run nothing that deletes. Find out who wrote the ledger anew, or changed the copy; compare with a backup.",
        )  # fmt: skip


def _terms(house: House, _: datetime) -> Iterator[Finding]:
    """Every term is kept by a rule."""
    from privacy.datamap.promised import unproven

    for f in unproven(house.datamap):
        dataset = house.datamap.systems[f.system].datasets.get(f.name) if f.system in house.datamap.systems else None
        promise = f.name if dataset is None else dataset.promise
        yield Finding(f.code, (promise,), f.where, f.message, f.advice)


def _stores(house: House, _: datetime) -> Iterator[Finding]:
    """Nothing is held that nobody has described or excused."""
    import sqlalchemy as sa

    from privacy.connections import LEDGER
    from privacy.database import reading, translated
    from privacy.datamap.completeness import Finding as Unclaimed
    from privacy.datamap.completeness import unclaimed, unclaimed_own
    from privacy.sources.base import Claim

    found: list[Unclaimed] = []
    for name, system in house.datamap.systems.items():
        try:
            found += unclaimed(system, house.source(name).inventory(), house.datamap.home)
        except PrivacyError as problem:
            # One store that cannot be asked says nothing about the others.
            yield _of(problem, name)
    with translated(LEDGER), reading(house.engine).connect() as connection:
        tables = [Claim(name) for name in sa.inspect(connection).get_table_names()]
    found += unclaimed_own(tables, [s for s in house.datamap.systems.values() if s.connection == LEDGER])
    yield from (Finding(f.code, (), f.where, f.message, f.advice) for f in found if f.red)


CHECKS: list[Check] = [copies, _terms, _stores]
"""What is looked at besides the chain and the runs of rules."""


def _guarded(check: Check, house: House, now: datetime) -> Iterator[Finding]:
    """What cannot be looked at is not proven (edge case 28)."""
    try:
        yield from check(house, now)
    except PrivacyError as problem:
        yield _of(problem)


def _of(problem: PrivacyError, where: str = "") -> Finding:
    place = problem.where or where
    return Finding(problem.code, (), place, problem.message, problem.advice or "Repair it, and verify again.")


def _promises(house: House) -> tuple[str, ...]:
    """All that some rule proves; none where the policy cannot be read, which is told elsewhere."""
    try:
        purges = house.policy.purges.values()
    except PrivacyError:
        return ()
    return tuple(dict.fromkeys(p for purge in purges for rule in purge.rules.values() for p in rule.promises))
