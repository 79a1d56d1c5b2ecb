"""Finding a person's requests by an identifier, without opening any and without a name in the database.

A mark is an HMAC of an identity kind and a value in its normal form, under a key that only the master key gives. It is
there exactly as long as the sealed content of its request is: what forgets the one forgets the other, in one
transaction (promise REG). IP addresses get none: they pass from one person to the next.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from privacy.database import translated
from privacy.datamap.kinds import fold
from privacy.datamap.models import GLOBAL_KINDS, REQUEST
from privacy.errors import PrivacyError
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.ledger.tables import request_marks as table
from privacy.ledger.tables import request_register
from privacy.rights.payload import Payload
from privacy.rights.rows import opened
from privacy.sources.base import Identifier

UNMARKED = frozenset({"ip", REQUEST})
"""Kinds that are nobody's for good, or no person's at all."""

_AT_ONCE = 500


class Marks:
    """The marks of one installation's requests."""

    def __init__(self, key: MasterKey) -> None:
        self._key = key.derive("request-search")

    def mark(self, identifier: Identifier) -> str:
        """The keyed digest (hex) of an identifier in its normal form."""
        value = fold(str(identifier.value)) if identifier.kind == "email" else str(identifier.value)
        return hmac.new(self._key, f"{identifier.kind}\n{value}".encode("utf-8", "replace"), sha256).hexdigest()

    def of(self, payload: Payload) -> set[str]:
        """What a request is found by: all that it names, and what tells whose it turned out to be."""
        found = [i for i in payload.identifiers if i.kind not in UNMARKED]
        for i in payload.subject.identifiers if payload.subject else ():
            # A phone or a device is not theirs alone; what somebody else used too, is nobody's.
            if not i.contested and (i.kind == "email" or i.kind not in (*GLOBAL_KINDS, *UNMARKED)):
                found.append(i)
        return {self.mark(i) for i in found}

    def write(self, connection: sa.Connection, payload: Payload) -> None:
        """Let a request be found by what its content says now, in the transaction that changes it."""
        wanted = self.of(payload)
        there = set(connection.execute(sa.select(table.c.mark).where(table.c.number == payload.number)).scalars())
        if gone := there - wanted:
            connection.execute(sa.delete(table).where(table.c.number == payload.number, table.c.mark.in_(gone)))
        if new := wanted - there:
            connection.execute(sa.insert(table), [{"mark": one, "number": payload.number} for one in sorted(new)])

    def query(self, identifiers: Iterable[Identifier], most: int) -> sa.Select[Any]:
        """The numbers of requests by any of these, the latest first."""
        marks = {self.mark(i) for i in identifiers if i.kind not in UNMARKED}
        c = request_register.c
        numbers = sa.select(table.c.number).where(table.c.mark.in_(marks))
        return sa.select(c.number).where(c.number.in_(numbers)).order_by(c.received_at.desc(), c.number).limit(most)

    def fill(self, engine: sa.Engine, key: MasterKey, ledger: Ledger) -> int:
        """Mark the requests of before there were marks; those that do not open stay unmarked. Safe to repeat.

        :returns: how many were marked now.
        """
        c, marked = request_register.c, sa.select(table.c.number)
        wanted = sa.select(c.number).where(c.payload.is_not(None), c.number.not_in(marked)).order_by(c.number)
        with translated("register"), engine.connect() as connection:
            numbers = list(connection.execute(wanted).scalars())
        done = 0
        for start in range(0, len(numbers), _AT_ONCE):
            with ledger.writing() as writing:
                rows = sa.select(request_register).where(c.number.in_(numbers[start : start + _AT_ONCE]))
                for row in writing.connection.execute(rows.with_for_update()).all():
                    try:
                        self.write(writing.connection, opened(row, key).payload)
                    except PrivacyError:
                        continue  # `privacy ledger verify` tells of it.
                    done += 1
        return done


def forget(connection: sa.Connection, number: str) -> None:
    """Let nobody find a request by a person any more, in the transaction that destroys its content."""
    connection.execute(sa.delete(table).where(table.c.number == number))
