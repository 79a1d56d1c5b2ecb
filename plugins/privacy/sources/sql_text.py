"""The SQL text around a dataset's own SELECT: of subjects, due, by key. SQLite's dialect; others stand beside it.

Values are always bound, as one JSON parameter each; names come from the data map and are quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from privacy.database import microseconds
from privacy.datamap.models import Column, Dataset, Form
from privacy.sources.base import PARTY, SUBJECT, Due, Identifier, Of, Selection

_IDS = (
    "WITH ids(n, k, v, f, t, a) AS (SELECT json_extract(value,'$[0]'), json_extract(value,'$[1]'), "
    "json_extract(value,'$[2]'), json_extract(value,'$[3]'), json_extract(value,'$[4]'), json_extract(value,'$[5]') "
    "FROM json_each(:ids)) "
)
_FACTOR = {Form.EPOCH: 1_000_000, Form.EPOCH_MS: 1_000, Form.EPOCH_US: 1}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and its parameters, which are hidden from ``repr``.

    :param arms: in how many ways a row can match: with one, no row comes twice.
    """

    text: str
    parameters: dict[str, object]
    arms: int = 1

    def __repr__(self) -> str:
        return f"Statement({self.text!r})"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def instant_of(name: str, column: Column) -> str:
    """An expression for the column's instant in microseconds; NULL where it has none."""
    here = f"d.{quoted(name)}"
    if column.form in _FACTOR:
        return f"({here} * {_FACTOR[column.form]})"
    return f"privacy_instant({here}, '{column.zone or 'UTC'}')"


def select(
    own: str, dataset: Dataset, selection: Selection, keys: Sequence[tuple[object, ...]] | None = None
) -> Statement:
    """The statement for a selection, ordered by subject and key.

    :param own: the dataset's own SELECT.
    :param keys: only these keys.
    """
    columns = ", ".join(f"d.{quoted(name)}" for name in dataset.columns)
    order = ", ".join(quoted(name) for name in dataset.key)
    parameters: dict[str, object] = {}
    only = ""
    if keys is not None:
        only = (
            f" AND ({', '.join(f'd.{quoted(k)}' for k in dataset.key)}) IN (SELECT "
            + ", ".join(f"json_extract(value,'$[{n}]')" for n in range(len(dataset.key)))
            + " FROM json_each(:keys))"
        )
        parameters["keys"] = orjson.dumps(keys).decode()
    if isinstance(selection.pick, Due):
        if dataset.starts is None:
            where = "0"
        else:
            where = f"{instant_of(dataset.starts.column, dataset.columns[dataset.starts.column])} < :before"
            parameters["before"] = microseconds(selection.pick.before)
        text = f"SELECT {columns}, NULL AS {SUBJECT}, NULL AS {PARTY} FROM ({own}) AS d WHERE {where}{only}"
        return Statement(f"{text} ORDER BY {order}", parameters)
    parameters["ids"] = _parameter(selection.pick)
    arms = [
        f"SELECT {columns}, ids.n AS {SUBJECT}, '{party}' AS {PARTY} FROM ids CROSS JOIN ({own}) AS d "
        f"WHERE ids.k = '{kind}' AND {match}{only}"
        for party, kind, match in _arms(dataset, selection.on)
    ]
    if not arms:
        arms = [f"SELECT {columns}, NULL AS {SUBJECT}, NULL AS {PARTY} FROM ({own}) AS d WHERE 0"]
    # One arm repeats a row only where a subject has the same value twice, for two spans of time.
    ways = max(2, len(arms)) if _repeats(selection.pick) else len(arms)
    return Statement(f"{_IDS}{' UNION ALL '.join(arms)} ORDER BY {SUBJECT}, {order}, {PARTY}", parameters, ways)


def _arms(dataset: Dataset, on: tuple[str, ...] | None) -> Iterator[tuple[str, str, str]]:
    """(party, identity kind, condition) of every way in which a row can be a subject's."""
    if on is not None:
        for name in on:
            kind = str(dataset.columns[name].identity)
            yield "", kind, _equal(name, kind)
        return
    for party, people in dataset.people.items():
        earlier = ""
        for name in people.subject:
            kind = str(dataset.columns[name].identity)
            yield party, kind, _equal(name, kind) + _during(dataset, kind) + earlier
            earlier += f" AND d.{quoted(name)} IS NULL"


def _equal(name: str, kind: str) -> str:
    if kind == "email":
        return f"privacy_fold(d.{quoted(name)}) = ids.v"
    return f"d.{quoted(name)} = ids.v"


def _during(dataset: Dataset, kind: str) -> str:
    """The identifier's own time: a visit's window, ends included; another's span, its end excluded."""
    if dataset.time is None:
        return " AND ids.f IS NULL AND ids.t IS NULL"
    at = instant_of(dataset.time, dataset.columns[dataset.time])
    if kind == "ip":
        agent = ' AND d."user_agent" IS ids.a' if "user_agent" in dataset.columns else ""
        return f" AND {at} BETWEEN ids.f AND ids.t{agent}"
    return f" AND (ids.f IS NULL AND ids.t IS NULL OR {at} >= ifnull(ids.f, {at}) AND ({at} < ids.t OR ids.t IS NULL))"


def _repeats(pick: Of) -> bool:
    values = [(s.no, i.kind, i.value) for s in pick.subjects for i in s.identifiers if not i.contested]
    return len(values) > len(set(values))


def _parameter(pick: Of) -> str:
    rows = []
    seen = set()
    for subject in pick.subjects:
        for i in subject.identifiers:
            row = (subject.no, i.kind, i.value, _us(i.valid_from), _us(i.valid_to), i.agent)
            if not i.contested and row not in seen:
                seen.add(row)
                rows.append(row)
    return orjson.dumps(rows).decode()


def contested(pick: Of) -> Of:
    """The same subjects with their contested identifiers alone, as if they were not: for counting."""
    from dataclasses import replace

    return Of(
        tuple(replace(s, identifiers=tuple(_plain(i) for i in s.identifiers if i.contested)) for s in pick.subjects)
    )


def _plain(identifier: Identifier) -> Identifier:
    from dataclasses import replace

    return replace(identifier, contested=False)


def _us(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
