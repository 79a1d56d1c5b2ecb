"""What PostgreSQL and MariaDB have in common: typed columns, and no function of ours inside the database.

Where SQLite calls a function of ours to compare e-mail addresses, phone numbers and IP addresses in their normal form,
a server compares plain ones by SQL of its own. The other spellings that stand in a column are asked for first, brought
to their normal form here, and those that are a wanted identifier's are then looked for exactly as they stand.
"""

from __future__ import annotations

import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Self

import orjson
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine as engine_of
from privacy.datamap.kinds import fold, normal
from privacy.datamap.models import Column
from privacy.errors import BadInput, Unreadable
from privacy.sources.instants import FACTOR, micros
from privacy.sources.sql_kinds import Ask, quoted

_PARAMETER = re.compile(
    r"""(?P<skip>'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/)
    | (?<![:\w]):(?P<name>[A-Za-z_]\w*) | (?P<percent>%)""",
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r'(?:\w+\.)?"((?:[^"]|"")+)"')
SUFFIX = 6
"""Digits by which phone numbers are told apart before they are brought to their normal form."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How a server stores a column.

    :param kind: ``integer``, ``text``, ``binary``, ``date``, ``datetime`` (a local time), ``instant``, ``decimal``,
        ``float``, ``boolean``, ``uuid`` or ``other``. :param collation: of a text, where it matters.
    """

    kind: str
    collation: str = ""


OTHER = Stored("other")


class Expression(str):
    """SQL text of which it is known what it gives."""

    __slots__ = ("stored",)
    stored: Stored


def expression(text: str, stored: Stored) -> Expression:
    """SQL text that gives values that are stored so."""
    made = Expression(text)
    made.stored = stored
    return made


def bound(text: str) -> str:
    """``:name`` as ``%(name)s``, and each other ``%`` twice, which is how both drivers want it."""

    def write(token: re.Match[str]) -> str:
        if token["name"]:
            return f"%({token['name']})s"
        return "%%" if token["percent"] else token["skip"].replace("%", "%%")

    return _PARAMETER.sub(write, text)


class Server(ABC):
    """The common part of both dialects."""

    name = ""
    server = True
    then_join = "CROSS JOIN"
    materialized = ""
    literals: Mapping[str, str] = MappingProxyType({"date": "DATE", "datetime": "TIMESTAMP", "instant": "TIMESTAMP"})
    """How a day is written to be compared with a column of this kind; sessions are in UTC."""

    def __init__(self, typed: Mapping[str, object] | None = None) -> None:
        self._typed = typed or {}
        self._tables: dict[str, Self] = {}

    def of(self, typed: Mapping[str, object]) -> Self:
        """See :meth:`Dialect.of`."""
        return type(self)(typed)

    def open(self, connection: Connection, *, read_only: bool) -> sa.Engine:
        """An engine whose ``exec_driver_sql`` takes parameters written ``:name``.

        One that changes is serializable: what a batch looked at is what it changes, or the database says that it must
        be tried again.
        """
        made = engine_of(connection, read_only=read_only)
        if not read_only:
            made = made.execution_options(isolation_level="SERIALIZABLE")

        @sa.event.listens_for(made, "before_cursor_execute", retval=True)
        def _written(_c: Any, _k: Any, statement: str, parameters: Any, context: Any, _m: Any) -> tuple[str, Any]:
            # SQLAlchemy's own statements are written for the driver already.
            return statement if context is None or context.compiled else bound(statement), parameters

        return made

    def at(self, connection: sa.Connection, table: str) -> Self:
        """See :meth:`Dialect.at`; asked once."""
        if table not in self._tables:
            self._tables[table] = self.of(self.columns_of(connection, f"SELECT * FROM {quoted(table)}"))
        return self._tables[table]

    @abstractmethod
    def columns_of(self, connection: sa.Connection, own: str) -> Mapping[str, object]:
        """See :meth:`Dialect.columns_of`."""

    def bound(self, text: str) -> str:
        """See :meth:`Dialect.bound`."""
        return bound(text)

    def stored(self, text: str) -> Stored:
        """How what an expression gives is stored, as far as it is known."""
        if isinstance(text, Expression):
            return text.stored
        bare = _BARE.fullmatch(text)
        found = self._typed.get(bare[1].replace('""', '"')) if bare else None
        return found if isinstance(found, Stored) else OTHER

    def written(self, value: object, name: str) -> object:
        """See :meth:`Dialect.written`."""
        stored = self._typed.get(name)
        kind = stored.kind if isinstance(stored, Stored) else "other"
        if kind == "boolean" and isinstance(value, int):
            return bool(value)
        if kind in ("datetime", "instant") and isinstance(value, str):
            at = datetime.fromisoformat(value)
            # The text is in the zone that the data map gives the column, as its local times are; sessions are in UTC.
            return (at.astimezone(UTC) if kind == "instant" and at.tzinfo else at).replace(tzinfo=None)
        return value

    def rows(self, rows: Iterable[Sequence[object]]) -> str:
        """See :meth:`Dialect.rows`."""
        return orjson.dumps([[_packed(value) for value in row] for row in rows]).decode()

    def due(self, expression: str, column: Column, before: datetime) -> tuple[str, dict[str, object]]:
        """See :meth:`Dialect.due`."""
        exact, parameters = f"{self.micros(expression, column)} < :before", dict[str, object](before=micros(before))
        typed = self.literals.get(self.stored(expression).kind)
        if typed is None or (column.type == "datetime" and column.form in FACTOR):
            return exact, parameters
        # Most records are far from the bound, and comparing them as they stand costs little. No zone shifts by three
        # days; what the years before the second say, and what is endless, is looked at exactly.
        try:
            sooner, later = before.date() - timedelta(days=3), before.date() + timedelta(days=3)
        except OverflowError:
            return exact, parameters
        clock = "" if typed == "DATE" else " 00:00:00"
        return (
            f"CASE WHEN {expression} >= {typed} '{later}{clock}' THEN 1 = 0 "
            f"WHEN {expression} < {typed} '{sooner}{clock}' AND {expression} >= {typed} '0002-01-01{clock}' THEN 1 = 1 "
            f"ELSE {exact} END"
        ), parameters

    @abstractmethod
    def micros(self, expression: str, column: Column) -> str:
        """See :meth:`Dialect.micros`."""

    @abstractmethod
    def same_text(self, column: str) -> str:
        """See :meth:`Dialect.same_text`."""

    @abstractmethod
    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed`."""

    # Ranges of keys (see sql_ranged)

    @abstractmethod
    def version(self, columns: Sequence[str]) -> str:
        """See :meth:`Dialect.version`."""

    @abstractmethod
    def gathered(self, texts: str, order: Sequence[str]) -> str:
        """The sha256 (hex) over a text of each of many rows, a blank between them; in another order it is another.

        :param order: the columns by which they are put in order, should they not come so.
        """

    @abstractmethod
    def watched(self, connection: sa.Connection, table: str) -> bool:
        """Whether deleting a row reaches beyond it: a foreign key refers to the table, or it has a trigger."""

    @abstractmethod
    def primary_key(self, connection: sa.Connection, table: str) -> tuple[str, ...]:
        """See :meth:`Dialect.primary_key`."""

    @abstractmethod
    def deleting(self, table: str, where: str) -> str:
        """A statement that deletes the rows of which a condition holds; the table is called ``d`` in it."""

    # Spellings

    @abstractmethod
    def plain(self, text: str) -> str:
        """A condition: nothing but printable ASCII."""

    @abstractmethod
    def numeric(self, text: str) -> str:
        """A condition: nothing but digits and dots."""

    @abstractmethod
    def suffix(self, text: str) -> str:
        """The last :data:`SUFFIX` of a text's ASCII digits."""

    @abstractmethod
    def head(self, text: str) -> str:
        """What stands before the first colon, in lower case and without zeros before it."""

    def folded(self, column: str) -> str:
        """Plain ones without case and blanks around them; others as they stand (see :meth:`spelled`)."""
        text = self.same_text(column)
        return f"CASE WHEN {self.plain(text)} THEN {self.lowered(text)} ELSE {text} END"

    def lowered(self, text: str) -> str:
        """Without blanks and case, for what is printable ASCII."""
        return f"lower(trim({text}))"

    def normal(self, column: str, kind: str) -> str:
        """As they stand (see :meth:`spelled`)."""
        return self.same_text(column)

    def spelled(self, own: str, column: str, kind: str, wanted: Iterable[str], ask: Ask) -> dict[str, list[str]]:
        """See :meth:`Dialect.spelled`."""
        sought = set(wanted)
        text = self.same_text(column)
        where, parameters = self._perhaps(text, kind, sought)
        found: dict[str, list[str]] = {}
        for (value,) in ask(f"SELECT DISTINCT {text} AS v FROM ({own}) AS d WHERE {where}", parameters):
            form = _normal(kind, value)
            if form in sought and isinstance(value, str):
                found.setdefault(str(form), []).append(value)
        return found

    def _perhaps(self, text: str, kind: str, sought: set[str]) -> tuple[str, dict[str, object]]:
        """Which texts can be another spelling of one that is sought: all that are, and few others."""
        if kind == "email":
            return f"NOT ({self.plain(text)})", {}
        if kind == "ip":
            heads = {value.partition(":")[0].lstrip("0") for value in sought if ":" in value}
            common, odd = self.keyed([expression(self.head(text), Stored("text"))], "perhaps"), self.odd_address(text)
            return f"NOT ({self.numeric(text)}) AND ({odd} OR {common})", {"perhaps": self.rows([h] for h in heads)}
        ends = {"".join(c for c in value if c.isdigit())[-SUFFIX:] for value in sought}
        if any(len(end) < SUFFIX or not end.isascii() for end in ends):
            return "1 = 1", {}
        common = self.keyed([expression(self.suffix(text), Stored("text"))], "perhaps")
        return f"({common} OR NOT ({self.plain(text)}))", {"perhaps": self.rows([e] for e in ends)}

    @abstractmethod
    def odd_address(self, text: str) -> str:
        """A condition: something else than hexadecimal digits and colons stands in it."""


def _normal(kind: str, value: object) -> str | int | None:
    if not isinstance(value, str):
        return None
    try:
        return fold(value) if kind == "email" else normal(kind, value)
    except BadInput:
        return None


def _packed(value: object) -> object:
    """A value as JSON has it; None for a text that no server can hold, which is nobody's."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, str):
        return None if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value) else value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, Decimal, uuid.UUID, int)):
        return str(value)
    raise Unreadable("sql.key_type", "A value has a type that cannot be looked up.", advice="Use another key.")
