"""Reading declared identity edges: the links that the shop's own records state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap
from privacy.datamap.models import Dataset, Edge, System
from privacy.datamap.policy import Period
from privacy.errors import BadInput
from privacy.sources.base import Identifier, Of, Selection, Source, Subject

Key = tuple[str, str | int]
"""(kind, value in normal form)."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


LASTS = timedelta(minutes=30)
"""How long a visit whose end nobody wrote down may have lasted: the time after which web analytics end a session."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row's word that two identifiers are the same person's.

    :param start, end: when it held; for a visit: its window. ``at``: when the visit's record says that it began.
    :param lasted: until when somebody else may have been there: a visit without a known end may have gone on for
        :data:`LASTS`; for the visitor it is the moment that is known of it.
    :param owner: the row's own first identity, by the precedence of its party (see ``Party.subject``).
    """

    origin: str
    source: Key = field(repr=False)
    target: Key = field(repr=False)
    start: datetime | None = field(repr=False)
    end: datetime | None = field(repr=False)
    agent: str | None = field(repr=False)
    owner: Key | None = field(repr=False)
    at: datetime | None = field(default=None, repr=False)
    lasted: datetime | None = field(default=None, repr=False)

    def meets(self, other: Link) -> bool:
        """Whether the other may have been there at the same time (ends of visits included)."""
        until = other.lasted or other.end or _END
        return (self.start or _BEGINNING) <= until and (other.start or _BEGINNING) <= (self.end or _END)

    def overlaps(self, other: Link) -> bool:
        """Whether the two held at the same time, ends excluded: an address passed on at noon was never shared."""
        return (self.start or _BEGINNING) < (other.end or _END) and (other.start or _BEGINNING) < (self.end or _END)

    def holds(self, at: datetime) -> bool:
        """Whether it held at that moment."""
        return (self.start or _BEGINNING) <= at < (self.end or _END)


class Graph:
    """The edges of a data map over the shop's real records.

    :param source_of: gives the source of a system by its name.
    """

    def __init__(self, datamap: DataMap, source_of: Callable[[str], Source]) -> None:
        self._map = datamap
        self._source_of = source_of

    def kind_of(self, system: System, edge: Edge, column: str) -> str:
        """The identity kind in a column of the edge's dataset."""
        return str(system.datasets[edge.dataset].columns[column].identity)

    def edges(self, *, visits: bool) -> Iterator[tuple[System, Edge]]:
        """The declared edges: those of visits (to an IP address), or all others."""
        for system, edge in self._map.edges():
            if (edge.window is not None) == visits:
                yield system, edge

    def links(self, system: System, edge: Edge, known: Iterable[Identifier], *, by: str) -> Iterator[Link]:
        """The links of one edge in whose column ``by`` one of the known identifiers stands."""
        dataset = system.datasets[edge.dataset]
        kind = self.kind_of(system, edge, by)
        wanted = tuple(i for i in known if i.kind == kind)
        if not wanted:
            return
        source = self._source_of(system.system)
        selection = Selection(edge.dataset, Of((Subject(1, wanted),)), on=(by,))
        origin = f"{system.system}.{edge.dataset}:{edge.source}->{edge.target}"
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition):
                for row in batch.to_pylist():
                    link = self._link(edge, dataset, row, origin)
                    if link is not None:
                        yield link

    def _link(self, edge: Edge, dataset: Dataset, row: dict[str, object], origin: str) -> Link | None:
        source, target = self._key(dataset, edge.source, row), self._key(dataset, edge.target, row)
        if source is None or target is None:
            return None
        start = end = at = lasted = None
        if edge.valid is not None:
            start, end = (self._moment(dataset, name, row) for name in edge.valid)
        if edge.window is not None:
            start, end = (self._moment(dataset, name, row) for name in edge.window)
            if start is None:
                return None
            at = start
            # A visit without a known end is the moment that is known of it.
            before, after = _period(edge.before), _period(edge.after)
            lasted = _moved(end or _moved(start, LASTS), after)
            start, end = _moved(start, -before), _moved(end or start, after)
        agent = row[edge.agent] if edge.agent else None
        return Link(
            origin, source, target, start, end, str(agent) if agent is not None else None,
            self._owner(dataset, edge, row), at, lasted,
        )  # fmt: skip

    def _owner(self, dataset: Dataset, edge: Edge, row: dict[str, object]) -> Key | None:
        """Whose the row is: the first identity that is filled in, of the party that the edge is about."""
        for party in dataset.people.values():
            if edge.source in party.subject or edge.target in party.subject:
                for name in party.subject:
                    if (key := self._key(dataset, name, row)) is not None:
                        return key
        return self._key(dataset, edge.source, row)

    def _key(self, dataset: Dataset, column: str, row: dict[str, object]) -> Key | None:
        kind, value = str(dataset.columns[column].identity), row[column]
        if value is None:
            return None
        declared = self._map.kind(kind)
        try:
            return kind, normal(kind, value, declared.type if declared else "text")
        except BadInput:
            # A record whose address is no address links nobody to anybody.
            return None

    @staticmethod
    def _moment(dataset: Dataset, column: str | None, row: dict[str, object]) -> datetime | None:
        value = row[column] if column else None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        if isinstance(value, date):
            zone = dataset.columns[str(column)].zone or "UTC"
            return datetime.combine(value, time(), ZoneInfo(zone)).astimezone(UTC)
        return None


def _period(text: str) -> timedelta:
    return timedelta(0) if text == "PT0S" else Period.model_validate(text).longest


def _moved(at: datetime, by: timedelta) -> datetime:
    """A moment moved on; placeholders at the ends of the calendar stay in it."""
    try:
        return at + by
    except OverflowError:
        return _END if by > timedelta() else _BEGINNING
