"""Writing, reading and proving the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.database import reading, translated
from privacy.errors import GiveUp, Refused, Tampered
from privacy.keys import MasterKey
from privacy.ledger.chain import START, Head, HeadFile, link
from privacy.ledger.entries import Begun, Ended, Event, made
from privacy.ledger.tables import ledger


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the table."""

    seq: int
    entry: dict[str, object]
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What :meth:`Ledger.verify` found.

    :param entries: how many entries there are; ``anchored``: how many the signed head covers.
    :param problems: what is wrong, one sentence each; empty means that nothing was altered.
    """

    entries: int
    anchored: int
    problems: tuple[str, ...]

    @property
    def unanchored(self) -> int:
        """Entries beyond the signed head: written, not yet signed for (a crash in between)."""
        return max(0, self.entries - self.anchored)

    @property
    def ok(self) -> bool:
        """Nothing was altered, removed, reordered or cut off."""
        return not self.problems


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
        last = self.head or self._end()
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
        self.head = Head(last.seq + 1, link(last.hash, text))
        connection.execute(sa.insert(ledger).values(seq=self.head.seq, entry=text, hash=self.head.hash))
        return self.head.seq

    def _end(self) -> Head:
        """The last entry, held against the signed head: to chain on after a cut would hide the cut."""
        head = self._file.read()
        there = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        if head is None:
            if self.connection.execute(there.limit(1)).first() is not None:
                raise _altered("There is no signed head, although there are entries.")
            self._file.found(self._clock.now())
            return Head(0, START)
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
        return last

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


class Ledger:
    """The compliance table.

    :param engine: of the ledger's database, migrated.
    :param head_file: where the signed head stands.
    """

    def __init__(self, engine: sa.Engine, key: MasterKey, head_file: Path, clock: Clock | None = None) -> None:
        self._engine = engine
        self._head = HeadFile(head_file, key)
        self._clock = clock or SystemClock()

    def begin(
        self, run: str, *, pipeline: str, actor: str, code_version: str, policy_version: str, **more: object
    ) -> int:
        """Record that a run begins, before it reads or changes anything.

        :param more: further fields of :class:`privacy.ledger.entries.Begun`.
        :returns: the entry's sequence number; of the entry that is there, when the same was said before.
        :raises Refused: the run has begun differently.
        """
        values = {"pipeline": pipeline, "code_version": code_version, "policy_version": policy_version, **more}
        return self._append(made(Begun, {"run": run, "actor": actor, "at": self._clock.now(), **values}))

    def end(self, run: str, *, status: str, actor: str, **more: object) -> int:
        """Record how a run ended; see :class:`privacy.ledger.entries.Ended`.

        :returns: as :meth:`begin`.
        :raises Refused: it has ended differently (edge case 36), or has not begun.
        """
        return self._append(
            made(Ended, {"run": run, "status": status, "actor": actor, "at": self._clock.now(), **more})
        )

    def event(self, kind: str, *, actor: str, **more: object) -> int:
        """Record an event; see :class:`privacy.ledger.entries.Event`.

        :raises BadInput: a field that an event has not, or a text that could hold something personal.
        """
        return self._append(made(Event, {"kind": kind, "actor": actor, "at": self._clock.now(), **more}))

    def entries(self, *, request: str | None = None, run: str | None = None, kind: str | None = None) -> list[Recorded]:
        """The entries in order, of a request, run or kind."""
        query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        for column, value in ((ledger.c.request, request), (ledger.c.run, run), (ledger.c.kind, kind)):
            if value is not None:
                query = query.where(column == value)
        with translated("ledger"), reading(self._engine).connect() as connection:
            return [Recorded(r.seq, json.loads(r.entry), r.hash) for r in connection.execute(query)]

    def verify(self) -> Verification:
        """Recompute the chain over the stored text and hold it against the signed head."""
        problems: list[str] = []
        try:
            head = self._head.read()
        except Tampered as problem:
            head = None
            problems.append(problem.message)
        # As bytes, and not by `link`: a million entries are to take seconds.
        previous, count, anchored = bytes.fromhex(START), 0, 0
        try:
            for seq, entry, stored in self._rows():
                count += 1
                if seq != count:
                    problems.append(f"Entry {count} is missing: the next one there is {seq}.")
                    break
                # SQLite keeps bytes in a column of text, where somebody puts them.
                digest = sha256(previous + entry.encode()) if isinstance(entry, str) else sha256()
                previous = digest.digest()
                if digest.hexdigest() != stored:
                    problems.append(f"Entry {seq} is not what was recorded.")
                    break
                if head is not None and seq == head.seq:
                    anchored = seq
                    if stored != head.hash:
                        problems.append(f"Entry {seq} is not the one that the signed head names.")
        except GiveUp as problem:
            if problem.code != "database.failed":
                raise
            problems.append(f"Entry {count + 1}, or one after it, cannot be read.")
        if head is None and count and not problems:
            problems.append("There is no signed head, although there are entries.")
        if head is not None and not problems and anchored != head.seq:
            problems.append(f"The signed head names entry {head.seq}; the table ends at {count}: the end was cut off.")
        return Verification(count, anchored, tuple(problems))

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction of this database, for a change and the entries that prove it: both are there, or neither.

        The signed head follows after the commit: a crash in between leaves entries that are there and not yet signed
        for, which the next append repairs; the other way round, the head would name an entry that never was.
        """
        with ExitStack() as stack:
            with translated("ledger"), self._engine.begin() as connection:
                writing = Writing(connection, self._clock, self._head)
                yield writing
                if writing.head is not None:
                    publish = stack.enter_context(self._head.staged(writing.head, self._clock.now()))
            if writing.head is not None:
                publish()

    def _append(self, entry: Begun | Ended | Event) -> int:
        with self.writing() as writing:
            return writing.append(entry)

    def _rows(self) -> Iterator[tuple[int, str, str]]:
        query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        with translated("ledger"), reading(self._engine).connect() as connection:
            if connection.dialect.name == "sqlite":
                cursor = connection.connection.cursor()
                cursor.execute(str(query.compile(self._engine)))
                while found := cursor.fetchmany(1_000):
                    yield from found
                return
            result = connection.execution_options(stream_results=True).execute(query)
            for part in result.partitions(10_000):
                yield from ((r[0], r[1], r[2]) for r in part)
