"""The SQL of terms: what is due, of which kinds, by key; and what a dataset holds (its survey)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from privacy.database import translated
from privacy.datamap.models import Dataset
from privacy.errors import BadInput
from privacy.sources.base import Among, ByKey, Due, Every, Survey
from privacy.sources.due import not_counted
from privacy.sources.instants import EPOCH, micros
from privacy.sources.sql_dialect import quoted
from privacy.sources.sql_kinds import Dialect

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource

_FUTURE = "coalesce(sum(CASE WHEN at > :now THEN 1 ELSE 0 END), 0)"
_UNREADABLE = "coalesce(sum(CASE WHEN at IS NULL THEN told ELSE 0 END), 0)"

Condition = tuple[str, dict[str, object]]
"""SQL over the dataset's SELECT, called ``d``, and its parameters."""


@dataclass(frozen=True, slots=True)
class DueText:
    """Makes the conditions of one dataset.

    :param where: its full name, for errors.
    """

    dataset: Dataset
    dialect: Dialect
    where: str

    def condition(self, pick: Due) -> Condition:
        """Which records a pick is about.

        :raises BadInput: ``sources.no_kind_column``: it tells kinds by a column that the dataset does not have.
        """
        where, parameters = self._due(pick)
        if pick.among is None:
            return where, parameters
        kinds, more = self.among(pick.among, "kinds")
        return f"({where}) AND {kinds}", parameters | more

    def _due(self, pick: Due) -> Condition:
        if isinstance(pick, ByKey):
            return self._named(pick)
        if isinstance(pick, Every):
            return "1 = 1", {}
        if self.dataset.starts is None:
            # Where nothing starts a term, nothing is ever due.
            return "1 = 0", {}
        name = self.dataset.starts.column
        return self.dialect.due(f"d.{quoted(name)}", self.dataset.columns[name], pick.before)

    def among(self, among: Among, parameter: str) -> Condition:
        """Whether a record is of these kinds: texts compared as they stand, so NULL is none of them."""
        if among.column not in self.dataset.columns:
            raise BadInput(
                "sources.no_kind_column", f"There is no column {among.column!r} to tell kinds by.", where=self.where,
                advice="Write `starts: {column: ..., kind: ...}` in the data map.",
            )  # fmt: skip
        kind = self.dialect.same_text(f"d.{quoted(among.column)}")
        one_of = self.dialect.keyed([kind], parameter)
        rows = self.dialect.rows([kind] for kind in sorted(among.kinds))
        return f"NOT {one_of}" if among.others else one_of, {parameter: rows}

    def _named(self, pick: ByKey) -> Condition:
        """By key, compared exactly and not by the column's own rules; only in parts that a database writes one way."""
        dataset, columns = self.dataset, self.dataset.columns
        at = [n for n, name in enumerate(dataset.key) if columns[name].type in ("text", "integer")]
        if not at:
            return "1 = 1", {}
        same = [
            (self.dialect.same_integer if columns[name].type == "integer" else self.dialect.same_text)(
                f"d.{quoted(name)}"
            )
            for n, name in enumerate(dataset.key)
            if n in at
        ]
        rows = self.dialect.rows([key[n] for n in at] for key in pick.keys)
        return self.dialect.keyed(same, "named"), {"named": rows}

    def survey(self, own: str, now: datetime, picks: Sequence[Due]) -> Condition:
        """One statement for a whole survey; every record's start is read once, as :meth:`condition` reads it.

        It gives: records, bytes, the oldest start, how many starts, how many in the future, how many that cannot be
        read, and each pick's records.

        :param own: the dataset's own SELECT.
        """
        columns, parameters = self.dataset.columns, dict[str, object](now=micros(now))
        start = self.dataset.starts.column if self.dataset.starts else None
        at = "CAST(NULL AS DECIMAL)" if start is None else self.dialect.micros(f"d.{quoted(start)}", columns[start])
        size = " + ".join(self.dialect.stored_bytes(f"d.{quoted(name)}") for name in columns)
        kinds: dict[Among, int] = {}
        counts = []
        for number, pick in enumerate(picks):
            if isinstance(pick, ByKey):
                raise not_counted(self.where)
            holds = "1 = 1" if isinstance(pick, Every) else f"at < :before{number}"
            if not isinstance(pick, Every):
                parameters[f"before{number}"] = micros(pick.before)
            if pick.among is not None:
                holds += f" AND k{kinds.setdefault(pick.among, len(kinds))}"
            counts.append(f"coalesce(sum(CASE WHEN {holds} THEN 1 ELSE 0 END), 0)")
        blank = "1 = 1" if start is None else self.dialect.blank(f"d.{quoted(start)}")
        told = [f"{at} AS at", f"{size} AS size", f"CASE WHEN {blank} THEN 0 ELSE 1 END AS told"]
        for among, number in kinds.items():
            kind, more = self.among(among, f"kinds{number}")
            told.append(f"{kind} AS k{number}")
            parameters |= more
        asked = ["count(*)", "coalesce(sum(size), 0)", "min(at)", "count(at)", _FUTURE, _UNREADABLE, *counts]
        text = (
            f"WITH told AS {self.dialect.materialized}(SELECT {', '.join(told)} FROM ({own}) AS d) "
            f"SELECT {', '.join(asked)} FROM told"
        )
        return text, parameters


def survey(source: SqlSource, name: str, now: datetime, picks: Sequence[Due]) -> Survey:
    """See :meth:`privacy.sources.base.Surveying.survey`. The bytes are those of the records' values.

    :raises BadInput: ``sources.unknown_dataset``, ``sources.no_kind_column``, ``sources.not_counted``.
    :raises RetryLater, Unreadable: the database cannot be asked.
    """
    where = source.where(name)
    text, parameters = source.wrap(name).survey(now, picks)
    with translated(where), source.open_engine(read_only=True).connect() as connection:
        row = connection.exec_driver_sql(text, parameters).one()
    records, size, oldest, dated, future, unreadable, *picked = row
    return Survey(
        records, int(size), None if oldest is None else EPOCH + timedelta(microseconds=int(oldest)), records - dated,
        int(future), tuple(map(int, picked)), int(unreadable),
    )  # fmt: skip
