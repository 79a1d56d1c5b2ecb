"""The rules of retention for pages: the term of each, its last run and its next, its oldest record against its limit.

What is asked of the ledger is what its indexes answer; the stores are not asked: how old the oldest record is, the last
run has found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from privacy.datamap.activities import titled_terms
from privacy.datamap.policy import Policy, Term
from privacy.desk import rule_runs
from privacy.desk.airflow import NextRun
from privacy.desk.rule_runs import Deleted
from privacy.ledger import RuleRun
from privacy.retention.terms import due
from privacy.rights import evidence_rules
from privacy.rights.house import House

OWN, AIRFLOW = "purge_bundles", "clean_airflow"
"""The DAGs that keep the terms of the project's own records, and of Airflow's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the policy. :param dag: what runs it. :param title: of what it deletes.

    :param datasets: full names; empty: records of the project itself. :param own: of the project itself: it has no plan
        that can be looked at and then done as it is.
    """

    name: str
    dag: str
    title: str
    promises: tuple[str, ...]
    terms: tuple[Term, ...]
    datasets: tuple[str, ...]
    own: bool = False

    @property
    def term(self) -> str:
        """In words."""
        return titled_terms(self.terms)

    @property
    def alone(self) -> bool:
        """Whether its DAG has no other rule, and takes no name of one."""
        return self.dag == AIRFLOW


@dataclass(frozen=True, slots=True)
class Bar:
    """The oldest record that the last run has left, against its limit. Moments aware.

    :param limit: when the longest of the rule's terms is over for it. :param share: of that term that has passed.
    :param keeps: the term is one to keep it at least: past it, it goes with the next run.
    """

    oldest: datetime
    limit: datetime
    share: float
    left: timedelta
    keeps: bool

    @property
    def percent(self) -> int:
        """At most 100, for the bar."""
        return min(100, max(0, round(self.share * 100)))

    @property
    def over(self) -> bool:
        """Whether its term is over."""
        return self.left <= timedelta(0)


@dataclass(frozen=True, slots=True)
class Row:
    """A rule on the page. :param last: its latest run; ``good``: its latest that was done, by its moment.

    :param kept_until: when the promise is broken if no run follows (aware); None: never, or it is not known.
    :param stale: the last run that was done is older than the term allows.
    """

    rule: Rule
    last: RuleRun | None
    good: RuleRun | None
    bar: Bar | None
    deleted: Deleted
    next: NextRun | None
    kept_until: datetime | None
    stale: bool

    @property
    def held(self) -> bool:
        """Whether the last run that was done has left records because of a hold."""
        return self.good is not None and self.good.held > 0

    @property
    def late(self) -> str:
        """How late records were deleted, or are kept now; empty: none is."""
        said = []
        if self.good is not None and self.good.late:
            by = f", the oldest by {lasting(self.good.late_by)}" if self.good.late_by else ""
            were = "1 record was past its" if self.good.late == 1 else f"{self.good.late} records were past their"
            said.append(f"{were} limit at its last run{by}")
        if self.bar is not None and self.bar.over and not self.bar.keeps:
            held = "; records of it are on hold" if self.held else ""
            said.append(f"the oldest record is {long(-self.bar.left)} past its limit now{held}")
        if self.kept_until is not None and self.stale:
            said.append("no run that was done is young enough to prove the promise")
        return "; ".join(said)


def rules(policy: Policy, house: House) -> list[Rule]:
    """Every rule: those of the purges in the policy's order, then those of the project's own records."""
    found = [
        Rule(
            name, dag, made.title.en, rule.promises, tuple(evidence_rules.terms(house.datamap, rule)), rule.datasets
        )
        for dag, made in policy.purges.items()
        for name, rule in made.rules.items()
    ]  # fmt: skip
    if policy.own is not None:
        for name in type(policy.own).model_fields:
            own = getattr(policy.own, name)
            dag = AIRFLOW if name == "airflow" else OWN
            terms = (own.term, *own.term.kinds.values())
            found.append(Rule(name, dag, "The project's own records", own.promises, terms, (), own=True))
    return found


def rule_of(policy: Policy, house: House, name: str) -> Rule | None:
    """A rule by its name; None: there is none."""
    return next((rule for rule in rules(policy, house) if rule.name == name), None)


def rows(house: House, wanted: Iterable[Rule], next_runs: Mapping[str, NextRun], now: datetime) -> list[Row]:
    """Rules as the page has them. :param now: aware."""
    chosen = list(wanted)
    names = [rule.name for rule in chosen]
    latest = rule_runs.last(house.engine, names)
    counts = rule_runs.deleted(house.engine, now, house.policy.zone, names)
    return [_row(house, rule, latest.get(rule.name), counts[rule.name], next_runs, now) for rule in chosen]


def _row(
    house: House, rule: Rule, last: RuleRun | None, deleted: Deleted, next_runs: Mapping[str, NextRun], now: datetime
) -> Row:
    # The last one usually is the last that was done: the ledger need not be asked again. By hand it may be as of long
    # before that.
    by = now + evidence_rules.AHEAD
    good = last if last is not None and last.done and last.as_of <= by else None
    if good is not None and good.begun_at - good.as_of > timedelta(hours=1):
        good = None
    if good is None and last is not None:
        good = house.ledger.last_done(rule.name, by)
    kept_until = None
    if good is not None and not rule.own:
        kept_until = evidence_rules.broken(house, house.policy.rule(rule.name)[1], good)
    stale = good is not None and now - good.as_of > _allowed(rule)
    bar = None if good is None else bar_of(good.oldest_remaining, rule.terms, now, house.policy.zone)
    return Row(rule, last, good, bar, deleted, next_runs.get(rule.dag), kept_until, stale)


def bar_of(oldest: datetime | None, terms: Iterable[Term], now: datetime, zone: str) -> Bar | None:
    """How far a record is in its term; of several terms in the longest. None: there is none, or no term by date."""
    if oldest is None:
        return None
    ends = [
        (due(oldest, period, zone, bound=bound, counts_from=term.counts_from), bound == "keep_at_least")
        for term in terms
        if (period := term.keep_at_most or term.keep_at_least) is not None
        for bound in ("keep_at_most" if term.keep_at_most else "keep_at_least",)
    ]
    if not ends:
        return None
    limit, keeps = max(ends)
    whole = (limit - oldest) / timedelta(seconds=1)
    share = ((now - oldest) / timedelta(seconds=1)) / whole if whole > 0 else 1.0
    return Bar(oldest, limit, share, limit - now, keeps)


def long(span: timedelta) -> str:
    """So long that a person can grasp it: hours, days, months or years."""
    hours = span / timedelta(hours=1)
    for unit, size, until in (("hour", 1.0, 72), ("day", 24.0, 24 * 90), ("month", 24 * 30.44, 24 * 730)):
        if hours < until:
            count = round(hours / size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{hours / 24 / 365.25:.1f} years"


def lasting(duration: str) -> str:
    """An ISO 8601 duration, as :func:`long` says it."""
    from pydantic import TypeAdapter

    return long(TypeAdapter(timedelta).validate_python(duration))


def _allowed(rule: Rule) -> timedelta:
    """So old the last run that was done may be."""
    first = next((term for term in rule.terms if term.every is not None), None)
    if first is None or first.every is None:
        return timedelta.max
    return first.every.longest + (first.margin.longest if first.margin else timedelta(0))
