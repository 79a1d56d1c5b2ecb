"""What the project itself keeps on people, as its purge sees it: things with a term, whatever they are made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from privacy.errors import BadConfiguration
from privacy.retention.horizon import horizon, limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from privacy.datamap.policy import Own, OwnRule
    from privacy.rights.house import House


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that goes as a whole.

    :param name: tells it from all others of its rule: a key of ours, a number, a run; no person's name.
    :param dataset: under which the ledger counts it.
    :param started: what its term counts from; None: it has not begun.
    :param kind: which of the rule's terms it has; :param now: it goes at once: only a crash has left it.
    :param stays: why it stays, whether its term is over or not: ``held``, ``unended`` ...
    :param request: the request that it was kept for.
    """

    name: str
    dataset: str
    started: datetime | None
    records: int = 1
    bytes: int = 0
    kind: str | None = None
    now: bool = False
    stays: str = ""
    request: str | None = None

    def but(self, stays: str) -> Thing:
        """The same, and why it stays."""
        return replace(self, stays=stays)

    def as_json(self) -> dict[str, Any]:
        """For the plan's file."""
        return {**asdict(self), "started": None if self.started is None else self.started.isoformat()}

    @classmethod
    def of_json(cls, raw: dict[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        started = None if raw["started"] is None else datetime.fromisoformat(raw["started"])
        return cls(**{**raw, "started": started})


class Keeper(Protocol):
    """What is kept under one rule."""

    def things(self, house: House) -> Iterable[Thing]:
        """Everything that there is now. :raises PrivacyError: it cannot be told; then nothing goes."""
        ...

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:
        """Remove one thing, unless it is held, in use again, or another one by now; safe to repeat."""
        ...


def own(house: House) -> Own:
    """The terms. :raises BadConfiguration: ``policy.own``: the policy has none."""
    found = house.policy.own
    if found is None:
        raise BadConfiguration(
            "policy.own", "The policy does not say how long the project keeps its own records.",
            where=str(house.settings.home / "policy"), advice="Write policy/own.yaml (`own:`).",
        )  # fmt: skip
    return found


class Bounds:
    """When things of one rule are due, as of one moment.

    :param as_of: aware. :param zone: in which whole dates count.
    """

    def __init__(self, rule: OwnRule, as_of: datetime, zone: str) -> None:
        self._rule, self._zone, self._as_of = rule, zone, as_of
        self.of_all = horizon(rule.term, as_of, zone)

    def due(self, thing: Thing) -> bool:
        """Whether it may go."""
        if thing.now or (thing.kind in self._rule.at_closing and thing.started is not None):
            return True
        return thing.started is not None and thing.started < self._of(thing).before

    def late_by(self, thing: Thing) -> float:
        """For how many seconds it has been past its limit; 0: it is not."""
        if thing.started is None:
            return 0.0
        until = limit(thing.started, self._rule.term.of(thing.kind), self._zone)
        return 0.0 if until is None else max(0.0, (self._as_of - until).total_seconds())

    def foreseen(self, thing: Thing) -> bool:
        """Whether the next run would take it."""
        return thing.started is not None and not thing.stays and thing.started < self._of(thing).next

    def _of(self, thing: Thing) -> Any:
        term = self._rule.term.of(thing.kind)
        return self.of_all if term is self._rule.term else horizon(term, self._as_of, self._zone)


def due(things: Iterable[Thing], bounds: Bounds) -> Iterator[Thing]:
    """Those that are past their term, in the order of their names."""
    yield from sorted((thing for thing in things if bounds.due(thing)), key=lambda thing: (thing.dataset, thing.name))
