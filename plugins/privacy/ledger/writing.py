"""Adding entries: one transaction of the ledger's database, chained on from what was signed for."""

from __future__ import annotations

import json

import sqlalchemy as sa

from privacy.clock import Clock
from privacy.errors import Refused, Tampered
from privacy.ledger.chain import START, Head, HeadFile, link
from privacy.ledger.entries import Begun, Ended, Event, made
from privacy.ledger.tables import beside, ledger

RECOVERED = "ledger.recovered"
"""The event that says of which entries (``first`` to ``last``) the signature came later than their commit."""


class Writing:
    """A transaction of the ledger's database (see :meth:`Ledger.writing`).

    :param connection: for the change that the entries tell of.
    :param head: the last entry there; None as long as none was written.
    """

    def __init__(self, connection: sa.Connection, clock: Clock, file: HeadFile) -> None:
        self.connection = connection
        self.head: Head | None = None
        self._clock = clock
        self._file = file

    def event(self, kind: str, *, actor: str, **more: object) -> int:
        """See :meth:`Ledger.event`."""
        return self.append(made(Event, {"kind": kind, "actor": actor, "at": self._clock.now(), **more}))

    def append(self, entry: Begun | Ended | Event) -> int:
        """Add an entry to the chain; its sequence number.

        :raises Tampered: the table is not what was signed for; nothing can be written until that is cleared up.
        """
        text, connection = entry.canonical().decode(), self.connection
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('privacy.ledger'))"))
        last = self.head or self._recovered(self._end())
        if entry.kind in ("run.begun", "run.ended"):
            there = self._recorded(entry, entry.kind)
            if there is not None:
                self.head = last
                return self._again(*there, text)
            if entry.kind == "run.ended" and self._recorded(entry, "run.begun") is None:
                raise Refused(
                    "ledger.not_begun",
                    "A run that has not begun cannot end.",
                    where=str(entry.run),
                    advice="Record its beginning first: the view of runs would not show its end.",
                )
        self.head = self._chained(last, text)
        return self.head.seq

    def _chained(self, last: Head, text: str) -> Head:
        head = Head(last.seq + 1, link(last.hash, text))
        self.connection.execute(sa.insert(ledger).values(seq=head.seq, entry=text, hash=head.hash))
        return head

    def _recovered(self, ends: tuple[Head, Head]) -> Head:
        """The last entry; where some are not signed for yet, it is one that says so before they are.

        After a crash these are genuine. Whoever can write into the table can chain entries on to it as well, and the
        next signature would cover theirs: this entry is what tells.
        """
        signed, last = ends
        if signed.seq == last.seq:
            return last
        values = {"kind": RECOVERED, "actor": "privacy", "at": self._clock.now(), "count": last.seq - signed.seq}
        entry = made(Event, {**values, "first": signed.seq + 1, "last": last.seq})
        return self._chained(last, entry.canonical().decode())

    def _end(self) -> tuple[Head, Head]:
        """The signed head and the last entry, held against it: to chain on after a cut would hide the cut."""
        head = self._file.read()
        newest = self.connection.execute(sa.select(sa.func.max(ledger.c.seq))).scalar()
        if head is not None and newest is not None and newest > head.seq:
            # A writer that has committed may be about to put its head in place.
            head = self._file.read(settled=True)
        there = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        if head is None:
            if self.connection.execute(there.limit(1)).first() is not None:
                raise _altered("There is no signed head, although there are entries.")
            if table := beside(self.connection):
                raise _altered(f"The ledger is empty, although the table {table} has rows.")
            self._file.found(self._clock.now())
            return Head(0, START), Head(0, START)
        rows = self.connection.execute(there.where(ledger.c.seq >= head.seq))
        last = head if head.seq == 0 else None
        for seq, entry, stored in rows:
            if last is None:
                if (seq, stored) != (head.seq, head.hash):
                    break
            elif seq != last.seq + 1 or not isinstance(entry, str) or link(last.hash, entry) != stored:
                raise _altered(f"Entry {last.seq + 1} is not what was recorded.")
            last = Head(seq, stored)
        if last is None:
            raise _altered(f"Entry {head.seq} is not there as the signed head names it.")
        return head, last

    def _recorded(self, entry: Begun | Ended | Event, kind: str) -> tuple[int, str] | None:
        query = sa.select(ledger.c.seq, ledger.c.entry).where(ledger.c.run == entry.run, ledger.c.kind == kind)
        row = self.connection.execute(query).first()
        return None if row is None else (row.seq, row.entry)

    @staticmethod
    def _again(seq: int, there: str, text: str) -> int:
        old, new = json.loads(there), json.loads(text)
        old.pop("at"), new.pop("at")
        if old != new:
            raise Refused(
                "ledger.recorded", f"The run has recorded something else as its {new['kind']!r}.", where=str(new["run"])
            )
        return seq


def _altered(message: str) -> Tampered:
    return Tampered(
        "ledger.altered",
        message,
        where="ledger",
        advice="Run `privacy ledger verify`; put back the rows, or the head that belongs to this copy of the database.",
    )
