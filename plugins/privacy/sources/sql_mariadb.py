"""MariaDB (and MySQL's protocol): ``JSON_TABLE`` for many values, exact comparisons beside a column's own collation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from privacy.datamap.models import Column, Form
from privacy.errors import Unreadable
from privacy.sources.instants import FACTOR, LEAST, MOST
from privacy.sources.sql_kinds import literal, quoted
from privacy.sources.sql_mariadb_catalog import MariaDBCatalog
from privacy.sources.sql_servers import SUFFIX, Server, Stored, expression
from privacy.sources.zones import offsets

_EXACT = "utf8mb4_nopad_bin"
"""The collation that tells texts apart as their bytes do, blanks at the end included."""
_LONGEST = 2000
"""Characters of a text that is looked for: JSON_TABLE would cut a longer one, which then were another's."""
_INDEXED = 240
"""Characters up to which it puts an index on them, which makes a join a hundred times as fast."""
_AGENT = 6
"""The place of the user agent among the columns of ``ids``; it is as long as it is."""

_TYPES = {"integer": "BIGINT", "date": "DATE", "datetime": "DATETIME(6)", "instant": "DATETIME(6)",
          "decimal": "DECIMAL(65,20)", "float": "DOUBLE"}  # fmt: skip

_DAY = r"(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?)?"
_EPOCH = "'1970-01-01 00:00:00'"


class MariaDB(MariaDBCatalog, Server):
    """See :class:`privacy.sources.sql_kinds.Dialect`."""

    name = "mysql"
    # It takes the identifiers for forty, and would go through all records for each of them.
    then_join = "STRAIGHT_JOIN"

    # Parameters

    def ids(self, name: str, parameter: str, longest: int) -> str:
        """See :meth:`Dialect.ids`."""
        text = f"VARCHAR({_INDEXED if longest <= _INDEXED else _LONGEST}) COLLATE {_EXACT}"
        kinds = (("n", "INT"), ("k", f"VARCHAR(200) COLLATE {_EXACT}"), ("vt", text), ("vi", "BIGINT"),
                 ("f", "BIGINT"), ("t", "BIGINT"), ("a", f"LONGTEXT COLLATE {_EXACT}"))  # fmt: skip
        columns = ", ".join(f"{column} {kind} PATH '$[{at}]'" for at, (column, kind) in enumerate(kinds))
        # The limit makes it a table of its own, which then gets an index for the join.
        table = f"JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({columns}))"
        return f"{name} AS (SELECT * FROM {table} AS j LIMIT {2**63 - 1})"

    def rows(self, rows: Iterable[Sequence[object]]) -> str:
        """See :meth:`Dialect.rows`."""

        def checked(at: int, value: object) -> object:
            if isinstance(value, str) and len(value) > _LONGEST and at != _AGENT:
                raise Unreadable("sql.key_type", "A text is too long to be looked up.", advice="Use another key.")
            if isinstance(value, datetime) and value.tzinfo is not None:
                return value.astimezone(UTC).replace(tzinfo=None)
            return value

        return super().rows([checked(at, value) for at, value in enumerate(row)] for row in rows)

    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed`."""
        return f"coalesce({self.keyed_by_index(columns, parameter)}, 0)"

    def keyed_by_index(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed_by_index`."""
        table, right = self._keys(columns, parameter)
        one = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
        return f"{one} IN (SELECT {', '.join(right)} FROM {table} AS j)"

    def _keys(self, columns: Sequence[str], parameter: str) -> tuple[str, list[str]]:
        """The keys as a table, and its columns (of ``j``) as they compare with ``columns``."""
        given, right = [], []
        for at, column in enumerate(columns):
            stored = self.stored(column)
            kind = _TYPES.get(stored.kind, f"VARCHAR({_LONGEST}) COLLATE {_EXACT}")
            given.append(f"c{at} {kind} PATH '$[{at}]'")
            value = f"j.c{at}"
            if stored.kind == "text" and stored.collation:
                value = self._in_collation(value, stored.collation)
            right.append(f"UNHEX({value})" if stored.kind == "binary" else value)
        return f"JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({', '.join(given)}))", right

    def delete(self, table: str, key: Sequence[str], parameter: str) -> str:
        """From the keys to the rows: of a DELETE with a subquery it would read the whole table, and each key a row."""
        return f"DELETE t FROM {self._matched(table, key, parameter)}"

    def update(self, table: str, sets: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        """See :meth:`delete`."""
        return f"UPDATE {self._matched(table, key, parameter, also)} SET {sets}"

    def _matched(self, table: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        columns = [quoted(name) for name in key]
        keys, right = self._keys(columns, parameter)
        on = " AND ".join(f"t.{column} = {value}" for column, value in zip(columns, right, strict=True))
        return f"{keys} AS j STRAIGHT_JOIN {quoted(table)} AS t ON {on}{f' AND ({also})' if also else ''}"

    @staticmethod
    def _in_collation(text: str, collation: str) -> str:
        return f"CONVERT({text} USING {collation.partition('_')[0]}) COLLATE {collation}"

    # Expressions

    def same(self, column: str, whole: bool) -> str:
        """See :meth:`Dialect.same`."""
        if whole:
            return f"{self.same_integer(column)} = i.vi"
        stored, exact = self.stored(column), f"{self.same_text(column)} = i.vt"
        if stored.kind == "text" and stored.collation:
            # By the index, which takes a and A for the same in most collations; and then exactly.
            return f"{column} = {self._in_collation('i.vt', stored.collation)} AND {exact}"
        return exact

    def alike(self, one: str, other: str) -> str:
        """See :meth:`Dialect.alike`."""
        return f"{one} <=> {other}" if one == "NULL" else f"{self.same_text(one)} <=> {other}"

    def blank(self, column: str) -> str:
        """See :meth:`Dialect.blank`."""
        return f"coalesce(trim({column}), '') = ''"

    def same_text(self, column: str) -> str:
        """See :meth:`Dialect.same_text`."""
        return expression(f"CONVERT({column} USING utf8mb4) COLLATE {_EXACT}", Stored("text", _EXACT))

    def same_integer(self, column: str) -> str:
        """See :meth:`Dialect.same_integer`."""
        kind = self.stored(column).kind
        if kind == "integer":
            return expression(column, Stored("integer"))
        if kind in ("decimal", "float"):
            whole = f"{column} = TRUNCATE({column}, 0) AND abs({column}) < 9e18"
            return expression(f"CASE WHEN {whole} THEN CAST({column} AS SIGNED) END", Stored("integer"))
        text = f"trim({column})"
        found = f"CASE WHEN {text} REGEXP '^[+-]?[0-9]{{1,18}}$' THEN CAST({text} AS SIGNED) END"
        return expression(found, Stored("integer"))

    def plain(self, text: str) -> str:
        """See :meth:`Server.plain`."""
        return f"{text} NOT REGEXP '[^ -~]'"

    def numeric(self, text: str) -> str:
        """See :meth:`Server.numeric`."""
        return f"{text} NOT REGEXP '[^0-9.]'"

    def odd_address(self, text: str) -> str:
        """See :meth:`Server.odd_address`."""
        return f"{text} REGEXP '[^0-9A-Fa-f:]'"

    def suffix(self, text: str) -> str:
        """See :meth:`Server.suffix`."""
        return f"RIGHT(REGEXP_REPLACE({text}, '[^0-9]', ''), {SUFFIX})"

    def head(self, text: str) -> str:
        """See :meth:`Server.head`."""
        return f"TRIM(LEADING '0' FROM lower(SUBSTRING_INDEX({text}, ':', 1)))"

    def micros(self, expression: str, column: Column) -> str:
        """See :meth:`Dialect.micros`. A text of another layout of ISO 8601 than with hyphens and colons: NULL.

        The server's zones are not asked: they are tables that many never loaded, and then every answer is NULL.
        """
        kind, zone = self.stored(expression).kind, column.zone or "UTC"
        form = column.form if column.type == "datetime" else Form.ISO
        if form in FACTOR:
            return _scaled(expression, kind, FACTOR[form])
        if kind == "instant":
            return f"TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {expression})"
        if kind == "datetime":
            return _local(expression, zone)
        if kind == "date":
            return _local(f"CAST({expression} AS DATETIME)", zone)
        if kind != "text":
            return "NULL"
        text = f"trim({self.same_text(expression)})"
        clock = f"SUBSTR({text}, 11)"
        local = f"REPLACE(REPLACE(REGEXP_REPLACE({clock}, '(Z|[+-].*)$', ''), 'T', ' '), ',', '.')"
        moment = f"CAST(CONCAT(LEFT({text}, 10), {local}) AS DATETIME(6))"
        offset = f"REPLACE(REGEXP_SUBSTR({clock}, '[+-].*$'), ':', '')"
        minutes = f"CAST(SUBSTR({offset}, 2, 2) AS SIGNED) * 60 + CAST(CONCAT('0', SUBSTR({offset}, 4, 2)) AS SIGNED)"
        sign = f"CASE WHEN {clock} LIKE '%-%' THEN -1 ELSE 1 END"
        return (
            f"CASE WHEN {text} NOT REGEXP '^{_DAY}{_CLOCK}$' THEN NULL "
            f"WHEN {clock} REGEXP 'Z|[+-]' THEN TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {moment}) "
            f"- ({sign}) * ({minutes}) * 60000000 ELSE {_local(moment, zone)} END"
        )

    def version(self, columns: Sequence[str]) -> str:
        """See :meth:`Dialect.version`. A JSON text of them all, which tells NULL, numbers and texts apart."""
        return f"SHA2(JSON_ARRAY({', '.join(map(self._told, columns))}), 256)"

    def _told(self, column: str) -> str:
        kind = self.stored(column).kind
        if kind == "text":
            return f"CONVERT({column} USING utf8mb4)"
        if kind == "float":
            return f"CAST({column} AS DOUBLE)"
        return column if kind in _TYPES else f"HEX({column})"

    def gathered(self, texts: str, order: Sequence[str]) -> str:
        """See :meth:`Server.gathered`: in the order in which a range of a primary key is read, without sorting."""
        return f"SHA2(GROUP_CONCAT({texts} SEPARATOR ' '), 256)"

    def deleting(self, table: str, where: str) -> str:
        """See :meth:`Server.deleting`."""
        return f"DELETE d FROM {quoted(table)} AS d WHERE {where}"

    def stored_bytes(self, expression: str) -> str:
        """See :meth:`Dialect.stored_bytes`."""
        return f"coalesce(OCTET_LENGTH({expression}), 0)"

    def order(self, column: str) -> str:
        """See :meth:`Dialect.order`."""
        return str(self.same_text(column)) if self.stored(column).kind == "text" else column


def _local(moment: str, zone: str) -> str:
    """Microseconds of a local time; one that occurs twice is the later."""
    at = f"TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {moment})"
    *later, (_, first) = offsets(zone)
    if not later:
        return at if not first else f"CASE WHEN {moment} >= '0001-01-03' THEN {at} - {first} END"
    whens = " ".join(f"WHEN {moment} >= {literal(since)} THEN {offset}" for since, offset in later)
    # Before the third day of the year 1 it may be an instant of the year before, which nobody can read.
    return f"CASE WHEN {moment} >= '0001-01-03' THEN {at} - CASE {whens} ELSE {first} END END"


def _scaled(expression: str, kind: str, factor: int) -> str:
    """Of a number that says when: whole microseconds, the rest cut off."""
    inside = f"BETWEEN {-(-LEAST // factor)} AND {MOST // factor}"
    if kind == "integer":
        return f"CASE WHEN {expression} {inside} THEN CAST({expression} AS SIGNED) * {factor} END"
    number, known = f"CAST({expression} AS DECIMAL(65,20))", f"{expression} IS NOT NULL"
    if kind == "text":
        number = f"CAST(trim({expression}) AS DECIMAL(65,20))"
        known = f"trim({expression}) REGEXP '^[+-]?[0-9]{{1,20}}(\\.[0-9]{{1,20}})?$'"
    elif kind not in ("decimal", "float"):
        return "NULL"
    cut = "ROUND" if kind == "float" else "FLOOR"
    return f"CASE WHEN {known} AND {number} {inside} THEN CAST({cut}({number} * {factor}) AS SIGNED) END"
