"""Erasure markers: who was erased, as keyed digests alone, so that a restored backup brings nobody back (R-ERASE).

A marker is an HMAC of an identity kind and a value in its normal form, under a key that only the master key gives. It
says nothing to whoever has the table without that key, and nothing ties it to another marker, to a request or to a run.
IP addresses and phone numbers get none: they pass from one person to the next. An address that was somebody's for a
while is marked for that while.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.datamap.kinds import normal
from privacy.datamap.models import REQUEST
from privacy.errors import BadInput
from privacy.ledger import entries_of
from privacy.ledger.tables import erasure_markers as table
from privacy.sources.base import Identifier, Subject

if TYPE_CHECKING:
    from privacy.ledger import Writing
    from privacy.rights.house import House

UNMARKED = frozenset({"ip", "phone", REQUEST})
"""Kinds that are nobody's for good, or no person's at all."""

NOTED, FORGOTTEN = "markers.noted", "markers.forgotten"
"""Of the ledger: markers came, or their term was over; ``count`` of them, and ``digest`` of the table as it then is."""

Known = tuple[str, str | int]
"""(kind, value in normal form)."""

Row = tuple[str, str, str]
"""What tells a row: mark, theirs from, theirs until, as the table has them."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Theirs:
    """When an identifier was an erased person's. Aware, UTC.

    :param since: inclusive; None: since ever. :param until: exclusive; at the latest the moment of the erasure.
    """

    since: datetime | None
    until: datetime
    erased_at: datetime

    def covers(self, at: datetime) -> bool:
        """Whether a record of that moment is one that was to be erased."""
        return at < self.until and (self.since is None or self.since <= at)


@dataclass(frozen=True, slots=True)
class Marker:
    """One row."""

    mark: str = field(repr=False)
    theirs: Theirs


class Markers:
    """The markers of an installation."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._key = house.key.derive("erasure-markers")

    def mark(self, kind: str, value: str | int) -> str:
        """The keyed digest (hex) of an identifier, in any form that means the same.

        :raises BadInput: it cannot be one of this kind.
        """
        return _mark(self._key, *self._normal(kind, value))

    def note(self, writing: Writing, subject: Subject, at: datetime) -> int:
        """Mark what identified an erased person, within a transaction of the ledger's database. Safe to repeat.

        What somebody else used too (contested) is left out: it is not theirs alone.

        :param at: aware; until then everything of theirs is erased. A later erasure counts instead of an earlier one.
        :returns: how many markers there are of them.
        """
        wanted: dict[Row, str] = {}
        for i in subject.identifiers:
            if i.contested or i.kind in UNMARKED or (i.valid_from and i.valid_from >= at):
                continue
            try:
                mark = self.mark(i.kind, i.value)
            except BadInput:
                continue  # What is no address any more finds nothing either.
            until = i.valid_to if i.valid_to is not None and i.valid_to < at else None
            wanted[mark, _text(i.valid_from), _text(until)] = _text(at)
        if not wanted:
            return 0
        there = _every(writing.connection)
        new = [key for key in sorted(wanted) if there.get(key, "") < wanted[key]]
        if new:
            # The entry first: it takes the ledger's lock. No request's number: it would outlive the register's row.
            after = there | {key: wanted[key] for key in new}
            writing.event(NOTED, actor="erasure", count=len(new), digest=_digest(after))
        for key in new:
            if key in there:
                writing.connection.execute(sa.update(table).where(_is(key)).values(erased_at=wanted[key]))
            else:
                values = dict(zip(("mark", "theirs_from", "theirs_until"), key, strict=True))
                writing.connection.execute(sa.insert(table).values(**values, erased_at=wanted[key]))
        return len(wanted)

    def found(self, known: Iterable[Known]) -> dict[Known, tuple[Theirs, ...]]:
        """Of identifiers in normal form those that have a marker, with when they were the erased person's."""
        wanted: dict[str, Known] = {}
        for one in known:
            if one[0] not in UNMARKED:
                wanted[_mark(self._key, *one)] = one
        found: dict[Known, tuple[Theirs, ...]] = {}
        if not wanted:
            return found
        with translated("markers"), reading(self._house.engine).connect() as connection:
            for row in _rows(connection, wanted):
                one = wanted[row.mark]
                found[one] = (*found.get(one, ()), _theirs(row))
        return found

    def matching(self, identifiers: Iterable[Identifier]) -> datetime | None:
        """When a person with one of these identifiers was erased last; None: never, as far as is remembered."""
        known: list[Known] = []
        for identifier in identifiers:
            try:
                known.append(self._normal(identifier.kind, identifier.value))
            except BadInput:
                continue
        return max((one.erased_at for all in self.found(known).values() for one in all), default=None)

    def all(self) -> list[Marker]:
        """Every marker, the oldest erasure first."""
        query = sa.select(table).order_by(table.c.erased_at, table.c.mark, table.c.theirs_from, table.c.theirs_until)
        with translated("markers"), reading(self._house.engine).connect() as connection:
            return [Marker(row.mark, _theirs(row)) for row in connection.execute(query)]

    def forget(self, erased_at: datetime, *, actor: str) -> int:
        """Remove the markers of one moment, whose term is over: no backup is older. Safe to repeat.

        :returns: how many there were.
        """
        with self._house.ledger.writing() as writing:
            there = _every(writing.connection)
            left = {key: at for key, at in there.items() if at != _text(erased_at)}
            gone = len(there) - len(left)
            if gone:
                writing.event(FORGOTTEN, actor=actor, count=gone, digest=_digest(left))
                writing.connection.execute(sa.delete(table).where(table.c.erased_at == _text(erased_at)))
        return gone

    def _normal(self, kind: str, value: str | int) -> Known:
        declared = self._house.datamap.kind(kind)
        return kind, normal(kind, value, declared.type if declared else "text")


def differences(connection: sa.Connection) -> Iterator[str]:
    """What the table says otherwise than the ledger's last entry about it, in a sentence; nobody is named.

    A marker that was removed, added, altered, or put back after its term is found.
    """
    last = None
    for entry in entries_of(connection, "markers."):
        last = entry
    if _digest(_every(connection, alone=False)) != (_EMPTY if last is None else last.get("digest")):
        yield "The erasure markers are not those that were recorded: who was erased may come back with a backup."


_EMPTY = sha256().hexdigest()


def _mark(key: bytes, kind: str, value: str | int) -> str:
    # The length of the kind stands before it: no value can pass for part of another kind's.
    said = f"{len(kind)}:{kind}:{'i' if isinstance(value, int) else 't'}:{value}"
    return hmac.new(key, said.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def _rows(connection: sa.Connection, marks: Iterable[str]) -> Iterator[sa.Row[tuple[str, str, str, str]]]:
    left = iter(sorted(marks))
    while some := list(islice(left, _AT_ONCE)):
        yield from connection.execute(sa.select(table).where(table.c.mark.in_(some)))


def _theirs(row: sa.Row[tuple[str, str, str, str]]) -> Theirs:
    erased_at = datetime.fromisoformat(row.erased_at)
    until = datetime.fromisoformat(row.theirs_until) if row.theirs_until else erased_at
    return Theirs(datetime.fromisoformat(row.theirs_from) if row.theirs_from else None, until, erased_at)


def _every(connection: sa.Connection, *, alone: bool = True) -> dict[Row, str]:
    """All rows, with when they were erased.

    :param alone: hold the ledger's own lock from here on, so that nobody else changes the table (SQLite: since BEGIN).
    """
    if alone and connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('privacy.ledger'))"))
    rows = connection.execute(sa.select(table))
    return {(row.mark, row.theirs_from, row.theirs_until): row.erased_at for row in rows}


def _digest(rows: Mapping[Row, str]) -> str:
    """sha256 over all rows: the ledger's last entry about the table has it."""
    made = sha256()
    for key, at in sorted(rows.items()):
        made.update(" ".join((*key, at)).encode() + b"\n")
    return made.hexdigest()


def _is(key: Row) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.mark == key[0], table.c.theirs_from == key[1], table.c.theirs_until == key[2])


def _text(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
