"""The runs of rules as evidence: young enough, ended, answered, and believable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from privacy.datamap.policy import Rule, Term
from privacy.plans import APPROVED, ASKED, REFUSED, UNANSWERED
from privacy.retention.horizon import horizon, limit
from privacy.rights.evidence import MISSING, VERIFIED, Check, Finding

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.ledger import RuleRun
    from privacy.rights.house import House

ENDS_WITHIN = timedelta(days=1)
"""A run that began longer ago than this and has no end has died."""

ANSWERED_WITHIN = timedelta(hours=1)
"""A question that waits longer than this is told of."""

AHEAD = timedelta(minutes=5)
"""So much the clocks of two machines may differ."""


class Latest:
    """The last runs of every rule, as one state of the ledger: several checks want the same ones.

    :param now: aware; what runs say to be as of later than that, and :data:`AHEAD`, counts for nothing.
    """

    def __init__(self, house: House, now: datetime) -> None:
        policy = house.policy
        rules = [name for purge in policy.purges.values() for name in purge.rules]
        rules += list(type(policy.own).model_fields) if policy.own is not None else []
        self._found = house.ledger.latest(dict.fromkeys(rules), now + AHEAD)

    def done(self, rule: str) -> RuleRun | None:
        """The rule's last good run; see :meth:`privacy.ledger.Ledger.last_done`."""
        return self._found[rule][0]

    def ended(self, rule: str) -> RuleRun | None:
        """The rule's last run that has ended; see :meth:`privacy.ledger.Ledger.last`."""
        return self._found[rule][1]


def proofs(house: House, now: datetime, latest: Latest | None = None) -> Iterator[Finding]:
    """Every rule has a run that is done, and no older than the interval of its term.

    :param latest: what was asked for before.
    """
    runs = latest or Latest(house, now)
    ends = house.ledger.archive.ends()
    installed = now if ends is None else datetime.fromisoformat(ends[0]["at"])
    for purge, made in house.policy.purges.items():
        for name, rule in made.rules.items():
            good, last = runs.done(name), runs.ended(name)
            since = installed if good is None else good.as_of
            every, allowed = _every(_term(house, rule))
            breaks = None if good is None else broken(house, rule, good)
            again = f"Repair what the red task of {purge} says, and start it with this rule."
            if last is not None and last.reason == UNANSWERED:
                yield Finding(
                    "evidence.unanswered", rule.promises, name,
                    f"Nobody has answered whether rule {name} of {purge} may delete; nothing was deleted.",
                    f"Start {purge} with this rule, and answer its question in Airflow.", breaks,
                )  # fmt: skip
            elif now - since > allowed:
                said = _stale(purge, name, since, every, good, last)
                yield Finding("evidence.stale", rule.promises, name, said, again, breaks)
            if good is not None and good.unreadable:
                yield Finding(
                    "evidence.unreadable", rule.promises, name,
                    f"{good.unreadable} records of rule {name} say something as their start that is no moment: no run "
                    f"of {purge} ever takes them.",
                    "Correct them, or `form` and `zone` of the column; where it means that nothing has begun, let the "
                    "SELECT give NULL.", breaks,
                )  # fmt: skip
            if good is not None and _left_over(house, rule, good):
                yield Finding(
                    "evidence.left_over", rule.promises, name,
                    f"The last run of rule {name} of {purge} was done, and held nothing back, yet a record is left "
                    f"that was due as of then: its oldest is of {good.oldest_remaining:%Y-%m-%d}.",
                    f"Look at the store and at the dataset's SELECT: privacy ledger show --run {good.run}.", breaks,
                )  # fmt: skip


def ended(house: House, now: datetime) -> Iterator[Finding]:
    """Every run has ended (edge case 13)."""
    for begun in house.ledger.archive.unended(now - ENDS_WITHIN):
        rule = begun.get("rule")
        again = f"Start {begun['pipeline']} again: it ends this run with what the stores say."
        yield Finding(
            "evidence.unended", tuple(begun.get("promises", ())), str(begun["run"]),
            f"A run of {begun['pipeline']}{f' (rule {rule})' if rule else ''} began on {_day(begun['at'])}, "
            "and its end is not recorded.", again,
        )  # fmt: skip


def answered(house: House, now: datetime) -> Iterator[Finding]:
    """No question waits for an answer for long."""
    for asked in house.ledger.archive.open_questions(ASKED, (APPROVED, REFUSED, UNANSWERED)):
        at, name = datetime.fromisoformat(asked["at"]), str(asked.get("rule", ""))
        if now - at <= ANSWERED_WITHIN:
            continue
        purge, promises, breaks = "its purge", tuple[str, ...](), None
        with suppress(KeyError):
            purge, rule = house.policy.rule(name)
            good = house.ledger.last_done(name, now + AHEAD)
            promises, breaks = rule.promises, None if good is None else broken(house, rule, good)
        yield Finding(
            "evidence.asked", promises, name,
            f"Since {at:%Y-%m-%d %H:%M} UTC an answer is awaited whether rule {name} may delete.",
            f"Answer it in Airflow, among the required actions of {purge}.", breaks,
        )  # fmt: skip


def signed_late(house: House, _: datetime) -> Iterator[Finding]:
    """Entries that were signed for later than they were written, since the last time that anybody verified."""
    known = max((e["seq"] for e in house.ledger.archive.events(VERIFIED, MISSING)), default=0)
    for first, last in house.ledger.verify().recovered:
        if last > known:
            yield Finding(
                "evidence.signed_late", (), f"entries {first} to {last}",
                "They were signed for later than they were written: after a crash, or somebody wrote into the table.",
                "Compare them with what ran then: privacy ledger show.",
            )  # fmt: skip


def clock(house: House, now: datetime) -> Iterator[Finding]:
    """The ledger knows no later moment than now (edge case 13)."""
    ends = house.ledger.archive.ends()
    if ends is not None and datetime.fromisoformat(ends[1]["at"]) > now + AHEAD:
        yield Finding(
            "evidence.clock", (), "clock",
            f"The ledger's last entry is of {_day(ends[1]['at'])}, which is yet to come.",
            "Set the machine's clock; no proof is young while it is wrong.",
        )  # fmt: skip


def clocks(house: House, _: datetime) -> Iterator[Finding]:
    """Whoever writes into the ledger has about the same time; looked at since the last time that anybody verified.

    A run of a clock that was ahead looks younger than it is, and took what was not due yet.
    """
    known = max((e["seq"] for e in house.ledger.archive.events(VERIFIED, MISSING)), default=0)
    back = [(by, seq) for seq, by in house.ledger.archive.steps_back(known) if by > AHEAD]
    if back:
        by, seq = max(back)
        yield Finding(
            "evidence.clocks", (), f"entry {seq}",
            f"It is of a moment {by.total_seconds() / 60:.0f} minutes before one that was written earlier: the "
            "machines that write do not have the same time, or a clock was set back.",
            "Set the clocks of all of them (NTP), and look what ran meanwhile: privacy ledger show.",
        )  # fmt: skip


def own(house: House, now: datetime, latest: Latest | None = None) -> Iterator[Finding]:
    """The project's own records have terms too, and each has a run that is done and young enough."""
    runs = latest or Latest(house, now)
    terms, ends = house.policy.own, house.ledger.archive.ends()
    if terms is None:
        return
    installed = now if ends is None else datetime.fromisoformat(ends[0]["at"])
    for name in type(terms).model_fields:
        rule = getattr(terms, name)
        good, last = runs.done(name), runs.ended(name)
        since = installed if good is None else good.as_of
        every, allowed = _every(rule.term)
        if now - since > allowed:
            purge = "clean_airflow" if name == "airflow" else "purge_bundles"
            said = _stale(purge, name, since, every, good, last)
            yield Finding("evidence.stale", rule.promises, name, said, f"Repair what the red task of {purge} says.")


def footage(house: House, now: datetime) -> Iterator[Finding]:
    """Whoever holds the recordings has confirmed what it was ordered to keep, and its lists say what ours say."""
    from privacy.rights.footage import contradictions
    from privacy.rights.orders import unconfirmed

    for order in unconfirmed(house, now):
        left = (
            f"{order.hours_left:.0f} hours until the next wipe" if order.hours_left is not None else "no hour is left"
        )
        gone = f"; {order.wiped} of {order.lines} are past it" if order.wiped else ""
        yield Finding(
            "evidence.footage_unconfirmed", ("CAM-SHARE",), order.order or order.hold,
            f"{order.processor} has not confirmed that footage on hold is kept: {left}{gone}.",
            "Call them, then: privacy hold confirm ORDER.",
        )  # fmt: skip
    for one in contradictions(house, now):
        promise = house.datamap[one.dataset].dataset.promise
        yield Finding(
            f"camera.{one.code}", (promise,), one.dataset,
            f"What the holder of the footage says and what we know differ: {one.code} ({one.count}).",
            _CAMERA_ADVICE.get(one.code, "privacy hold list shows what is on hold; ask the company for a right list."),
        )  # fmt: skip


_CAMERA_ADVICE = {
    "list_missing": "Ask the company for a list of what it holds.",
    "list_late": "Ask the company for a new list: what it holds now is not known.",
    "kept_too_long": "Ask the company to wipe what is past its term and on no hold (privacy hold list).",
}

OF_LEDGER: list[Check] = [clock, clocks, proofs, own, ended, answered, signed_late]
"""What is asked of a ledger that stands."""

OF_STORES: list[Check] = [footage]
"""What is asked of the stores, and of others who hold records for us."""


def broken(house: House, rule: Rule, good: RuleRun) -> datetime | None:
    """When the promise is broken for a record that the run has just left: its bound and the term.

    :returns: aware, UTC; None: the term has no limit.
    """
    zone = house.policy.zone
    of = terms(house.datamap, rule)
    if len(of) == 1 and good.bound is not None:
        return limit(good.bound, of[0], zone)
    limits = [limit(horizon(term, good.as_of, zone).before, term, zone) for term in of if term.every]
    return min((at for at in limits if at is not None), default=None)


def _left_over(house: House, rule: Rule, good: RuleRun) -> bool:
    """Whether a record is left that every term of the rule had let go, though nothing was held back (edge case 28).

    What was changed meanwhile, or waits, may be left until the next run, and not beyond its limit.
    """
    if good.oldest_remaining is None or good.held or good.failed:
        return False
    found = [horizon(t, good.as_of, house.policy.zone) for t in terms(house.datamap, rule) if t.every]
    bounds = [one.late if good.retained else one.before for one in found]
    return bool(bounds) and all(at is not None and good.oldest_remaining < at for at in bounds)


def terms(datamap: DataMap, rule: Rule) -> list[Term]:
    """The terms of a rule's records: the promise's own, and those of the kinds that occur."""
    own = datamap.policy.promises[rule.promise].term
    assert own is not None  # noqa: S101 - the policy does not load otherwise
    found: list[Term] = []
    for full in rule.datasets:
        dataset = datamap[full].dataset
        if dataset.starts is not None and dataset.starts.kind is not None:
            found += [own, *own.kinds.values()]
        else:
            found.append(own.of(dataset.term_kind))
    return [term for at, term in enumerate(found) if term not in found[:at]]


def _term(house: House, rule: Rule) -> Term:
    term = house.policy.promises[rule.promise].term
    assert term is not None  # noqa: S101 - the policy does not load otherwise
    return term


def _every(term: Term) -> tuple[str, timedelta]:
    assert term.every is not None  # noqa: S101 - the policy does not load otherwise
    return str(term.every), term.every.longest + (term.margin.longest if term.margin else timedelta(0))


def _stale(purge: str, name: str, since: datetime, every: str, good: RuleRun | None, latest: RuleRun | None) -> str:
    day = f"{since:%Y-%m-%d %H:%M} UTC"
    if good is None:
        said = f"Rule {name} of {purge} has never been done; the ledger began on {day}, and it runs every {every}."
    else:
        said = f"The last run of rule {name} of {purge} that was done is as of {day}; it runs every {every}."
    if latest is not None and not latest.done:
        said += f" The latest one has ended as {latest.status}{f' ({latest.reason})' if latest.reason else ''}."
    return said


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
