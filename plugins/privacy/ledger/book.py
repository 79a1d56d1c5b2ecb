"""Writing, reading and proving the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.database import translated
from privacy.errors import Refused, Tampered
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
    :param head: the last entry written; None as long as there is none.
    """

    def __init__(self, connection: sa.Connection, clock: Clock) -> None:
        self.connection = connection
        self.head: Head | None = None
        self._clock = clock

    def event(self, kind: str, *, actor: str, **more: object) -> int:
        """See :meth:`Ledger.event`."""
        return self.append(made(Event, {"kind": kind, "actor": actor, "at": self._clock.now(), **more}))

    def append(self, entry: Begun | Ended | Event) -> int:
        """Add an entry to the chain; its sequence number."""
        text, connection = entry.canonical().decode(), self.connection
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('privacy.ledger'))"))
        if entry.kind in ("run.begun", "run.ended"):
            there = connection.execute(
                sa.select(ledger.c.seq, ledger.c.entry).where(ledger.c.run == entry.run, ledger.c.kind == entry.kind)
            ).first()
            if there is not None:
                return self._again(there.seq, there.entry, text)
        last = connection.execute(sa.select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1)).first()
        seq, previous = (last.seq + 1, last.hash) if last is not None else (1, START)
        self.head = Head(seq, link(previous, text))
        connection.execute(sa.insert(ledger).values(seq=seq, entry=text, hash=self.head.hash))
        return seq

    @staticmethod
    def _again(seq: int, there: str, text: str) -> int:
        old, new = json.loads(there), json.loads(text)
        old.pop("at"), new.pop("at")
        if old != new:
            raise Refused(
                "ledger.recorded", f"The run has recorded something else as its {new['kind']!r}.", where=str(new["run"])
            )
        return seq


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
        """Record how a run ended; see :class:`privacy.ledger.entries.Ended`."""
        return self._append(
            made(Ended, {"run": run, "status": status, "actor": actor, "at": self._clock.now(), **more})
        )

    def event(self, kind: str, *, actor: str, **more: object) -> int:
        """Record an event; see :class:`privacy.ledger.entries.Event`."""
        return self._append(made(Event, {"kind": kind, "actor": actor, "at": self._clock.now(), **more}))

    def entries(self, *, request: str | None = None, run: str | None = None, kind: str | None = None) -> list[Recorded]:
        """The entries in order, of a request, run or kind."""
        query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        for column, value in ((ledger.c.request, request), (ledger.c.run, run), (ledger.c.kind, kind)):
            if value is not None:
                query = query.where(column == value)
        with translated("ledger"), self._engine.connect() as connection:
            return [Recorded(r.seq, json.loads(r.entry), r.hash) for r in connection.execute(query)]

    def verify(self) -> Verification:
        """Recompute the chain over the stored text and hold it against the signed head."""
        problems: list[str] = []
        try:
            head = self._head.read()
        except Tampered as problem:
            head = None
            problems.append(problem.message)
        previous, count, anchored = START, 0, 0
        for seq, entry, stored in self._rows():
            count += 1
            if seq != count:
                problems.append(f"Entry {count} is missing: the next one there is {seq}.")
                break
            previous = link(previous, entry)
            if previous != stored:
                problems.append(f"Entry {seq} is not what was recorded.")
                break
            if head is not None and seq == head.seq:
                anchored = seq
                if previous != head.hash:
                    problems.append(f"Entry {seq} is not the one that the signed head names.")
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
        with translated("ledger"), self._engine.begin() as connection:
            writing = Writing(connection, self._clock)
            yield writing
        if writing.head is not None:
            self._head.advance(writing.head)

    def _append(self, entry: Begun | Ended | Event) -> int:
        with self.writing() as writing:
            return writing.append(entry)

    def _rows(self) -> Iterator[tuple[int, str, str]]:
        query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
        with translated("ledger"), self._engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(query)
            for part in result.partitions(10_000):
                yield from ((r[0], r[1], r[2]) for r in part)
