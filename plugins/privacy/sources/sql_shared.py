"""Which of a dataset's rows have somebody else in them, and which of their columns are whose: seen in the rows' values.

The database finds a subject's rows by their identifiers; whether the row's other party is somebody else is asked here,
of those rows alone: one party has many ways to be the same person (an account that was merged, an old address).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from privacy.datamap.kinds import normal
from privacy.datamap.models import Dataset
from privacy.errors import BadConfiguration, BadInput
from privacy.sources.base import Identifier, Of, Selection, Set, identifiers_of
from privacy.sources.instants import instant, micros


class Parties:
    """The parties of rows, seen by the subjects of one selection.

    :param where: the dataset's full name, for errors.
    """

    def __init__(self, dataset: Dataset, of: Of, where: str) -> None:
        self._dataset, self._where = dataset, where
        names = list(dataset.columns)
        self._places = {
            party: [(name, names.index(name)) for name in its.subject] for party, its in dataset.people.items()
        }
        self._time = None if dataset.time is None else (dataset.columns[dataset.time], names.index(dataset.time))
        self._known: dict[tuple[str, object], list[Identifier]] = {}
        kinds = {str(dataset.columns[name].identity) for its in self._places.values() for name, _ in its}
        for _, known in identifiers_of(of.subjects, kinds):
            self._known.setdefault((known.kind, _normal(known.kind, known.value)), []).append(known)

    def mine(self, row: Sequence[Any]) -> dict[str, bool]:
        """Of each party that a row names, whether it is one of the subjects."""
        found: dict[str, bool] = {}
        for party, columns in self._places.items():
            for name, place in columns:
                if row[place] is not None and str(row[place]).strip():
                    found[party] = self._is_own(str(self._dataset.columns[name].identity), row[place], row)
                    break
        return found

    def is_shared(self, row: Sequence[Any]) -> bool:
        """Whether somebody else is in a row too. A value in doubt is another's."""
        return not all(self.mine(row).values())

    def own(self, change: Set, row: Sequence[Any]) -> Set:
        """What of a change a row's subjects are given: columns of a party that they are, and not of another's."""
        mine = self.mine(row)
        return Set({name: value for name, value in change.columns.items() if self._is_theirs(name, mine)})

    def _is_theirs(self, name: str, mine: Mapping[str, bool]) -> bool:
        of = owners(self._dataset, name)
        if not of:
            raise BadConfiguration(
                "sources.nobodys", f"Column {name!r} is no party's, so nobody can tell whose value is set.",
                where=self._where, advice="Name it in the `private:` or `wrote:` of the party that it is about.",
            )  # fmt: skip
        return all(mine.get(party, True) for party in of) and any(mine.get(party) for party in of)

    def _is_own(self, kind: str, value: object, row: Sequence[Any]) -> bool:
        return any(self._holds(known, row) for known in self._known.get((kind, _normal(kind, value)), ()))

    def _holds(self, known: Identifier, row: Sequence[Any]) -> bool:
        if known.valid_from is None and known.valid_to is None:
            return True
        if self._time is None:
            return False
        column, place = self._time
        at = instant(row[place], column.form, column.zone or "UTC")
        if at is None or (known.valid_from is not None and at < micros(known.valid_from)):
            return False
        late = known.valid_to is not None and at - (known.kind == "ip") >= micros(known.valid_to)
        return not late


def owners(dataset: Dataset, name: str) -> list[str]:
    """The parties of a dataset that a column is about."""
    return [party for party, its in dataset.people.items() if name in (*its.subject, *its.private, *its.wrote)]


def filtered(rows: Iterable[Sequence[Any]], selection: Selection, dataset: Dataset, where: str) -> list[Any]:
    """The rows that a selection is about, by who else is in them (``shared``).

    :param rows: with the dataset's columns first.
    """
    if selection.shared is None or not isinstance(selection.pick, Of):
        return list(rows)
    parties = Parties(dataset, selection.pick, where)
    return [row for row in rows if parties.is_shared(row) is selection.shared]


def _normal(kind: str, value: object) -> object:
    """An identifier in the form to compare; a number as its text: stores write 1001 and '1001'."""
    try:
        return str(normal(kind, value))
    except BadInput:
        return str(value)
