"""Deleting what is due by a range of its key, where the server finds there exactly what was planned: ten thousand rows
by three statements, none of which sends a row.

In one transaction, which is serializable: (1) the digest over the versions of all that the dataset has due between the
first key and the last one is the plan's: so each planned record is there, is due, is what it was, and no other is due
there; (2) the keys of those rows of the table that the condition of the DELETE holds for are the planned ones; (3) the
DELETE, by that condition, takes as many. What of that is not so goes by key, one by one (``sql_apply``).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.sources.base import ByKey, Delete, Due, Every, Step
from privacy.sources.sql_dialect import quoted
from privacy.sources.sql_due import DueText
from privacy.sources.sql_held import Held
from privacy.sources.sql_references import CHUNK
from privacy.sources.sql_servers import Server
from privacy.sources.sql_text import told

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource


class OtherwiseDeleted(Exception):
    """The DELETE took other rows than it was to take: the transaction has to be undone."""


def gone_as_planned(source: SqlSource, connection: sa.Connection, step: Step, held: Held) -> bool:
    """Delete all of a step's rows, if all of them are to go; otherwise False, and nothing was changed.

    :param connection: of an open, serializable transaction. :raises OtherwiseDeleted: it has to be undone.
    """
    name, pick = step.selection.dataset, step.selection.pick
    dataset, keys = source.dataset(name), [item.key for item in step.items]
    if not isinstance(step.change, Delete) or not isinstance(pick, Due) or isinstance(pick, ByKey | Every):
        return False
    if dataset.table is None or dataset.starts is None or not 0 < len(keys) <= CHUNK:
        return False
    if any(set(map(type, parts)) != {int} for parts in zip(*keys, strict=True)):
        return False
    own = source.wrap(name).own
    server, table = source.dialect.of(own.typed), source.dialect.at(connection, dataset.table)
    if not isinstance(server, Server) or not isinstance(table, Server):
        return False
    needed = [*dataset.key, dataset.starts.column, *([pick.among.column] if pick.among is not None else [])]
    if not _whole_keys(server, table, dataset.key, needed) or not _alone(table, connection, dataset.table, dataset.key):
        return False
    if held.planned(name, keys):
        return False
    columns = [f"d.{quoted(column)}" for column in dataset.key]
    within, ends = _between(columns, keys)
    due, parameters = DueText(dataset, server, own.where).condition(pick)
    version = server.version([f"d.{quoted(column)}" for column in told(dataset)])
    text = f"SELECT count(*), {server.gathered(version, columns)} FROM ({own.text}) AS d WHERE {within} AND ({due})"
    if _asked(connection, text, parameters | ends) != _told([item.version for item in step.items]):
        return False
    # The same condition over the table itself, whose columns may be called as the dataset's and have something else.
    due, parameters = DueText(dataset, table, own.where).condition(pick)
    where, parameters = f"{within} AND ({due})", parameters | ends
    keyed = table.gathered(f"concat_ws(',', {', '.join(columns)})", columns)
    text = f"SELECT count(*), {keyed} FROM {quoted(dataset.table)} AS d WHERE {where}"
    if _asked(connection, text, parameters) != _told([",".join(map(str, key)) for key in keys]):
        return False
    gone = connection.exec_driver_sql(table.deleting(dataset.table, where), parameters).rowcount
    if gone != len(keys):
        raise OtherwiseDeleted
    return True


def _whole_keys(server: Server, table: Server, key: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the table has these columns of the dataset, stored alike, and its key in whole numbers."""
    alike = all(server.stored(quoted(name)) == table.stored(quoted(name)) for name in names)
    return alike and all(table.stored(quoted(name)).kind == "integer" for name in key)


def _alone(dialect: Server, connection: sa.Connection, table: str, key: Sequence[str]) -> bool:
    """Whether a key is one row, and nothing else changes with it."""
    return set(dialect.primary_key(connection, table)) == set(key) and not dialect.watched(connection, table)


def _between(columns: Sequence[str], keys: Sequence[tuple[object, ...]]) -> tuple[str, dict[str, object]]:
    """A condition: the key lies between the least and the greatest of these, both included."""
    # Whole numbers, as was made sure: Python puts them in the order of the server.
    least, most = min(keys), max(keys)
    ends = {f"lo{n}": part for n, part in enumerate(least)} | {f"hi{n}": part for n, part in enumerate(most)}
    # The first part by itself finds the way in the index; the rest of a longer key only what is beside it.
    text = f"{columns[0]} BETWEEN :lo0 AND :hi0"
    if len(columns) > 1:
        lows, highs = (", ".join(f":{end}{n}" for n in range(len(columns))) for end in ("lo", "hi"))
        one = f"({', '.join(columns)})"
        text += f" AND {one} >= ({lows}) AND {one} <= ({highs})"
    return text, ends


def _asked(connection: sa.Connection, text: str, parameters: dict[str, object]) -> tuple[int, str]:
    count, digest = connection.exec_driver_sql(text, parameters).one()
    return int(count), str(digest)


def _told(texts: Sequence[str]) -> tuple[int, str]:
    return len(texts), sha256(" ".join(texts).encode()).hexdigest()
