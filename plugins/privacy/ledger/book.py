"""Writing, reading and proving the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.database import reading, translated
from privacy.keys import MasterKey
from privacy.ledger import runs
from privacy.ledger.archive import Archive
from privacy.ledger.chain import HeadFile
from privacy.ledger.entries import Begun, Ended, Event, made
from privacy.ledger.runs import RuleRun
from privacy.ledger.tables import ledger
from privacy.ledger.verification import Verification, verified
from privacy.ledger.writing import Writing


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the table."""

    seq: int
    entry: dict[str, object]
    hash: str


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

    def last(self, rule: str, status: str | None = None) -> RuleRun | None:
        """The rule's latest run that has ended, by when it began; None: there was none.

        :param status: of those that ended so (``done``, ``failed``, ``stopped``).
        """
        with translated("ledger"), reading(self._engine).connect() as connection:
            return runs.last(connection, rule, status)

    def runs(
        self, rule: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[RuleRun]:
        """Runs of a rule (None: of every rule) that began in a period, the earliest first, also those without an end.

        :param since: from then on. :param until: before then. Aware.
        """
        with translated("ledger"), reading(self._engine).connect() as connection:
            return runs.between(connection, rule, since, until)

    def last_done(self, rule: str, by: datetime | None = None) -> RuleRun | None:
        """Of the rule's latest runs that were done, the one as of the latest moment; None: there was none.

        By hand a run may be as of an earlier moment than the one before it, and takes nothing from that.

        :param by: without those as of a later moment than this (aware): the clock stood wrong when they ran.
        """
        with translated("ledger"), reading(self._engine).connect() as connection:
            return runs.last_done(connection, rule, by)

    def latest(
        self, rules: Iterable[str], by: datetime | None = None
    ) -> dict[str, tuple[RuleRun | None, RuleRun | None]]:
        """Of each rule what :meth:`last_done` and :meth:`last` say, as one state of the ledger."""
        with translated("ledger"), reading(self._engine).connect() as connection:
            return {r: (runs.last_done(connection, r, by), runs.last(connection, r, None)) for r in rules}

    def unended(self, rule: str) -> list[str]:
        """The runs of a rule that have begun, and whose end is not recorded, the earliest first."""
        ended = ledger.alias("ended")
        over = sa.exists().where(ended.c.run == ledger.c.run, ended.c.kind == "run.ended")
        query = sa.select(ledger.c.run).where(ledger.c.kind == "run.begun", ledger.c.rule == rule, ~over)
        with translated("ledger"), reading(self._engine).connect() as connection:
            return [str(run) for run in connection.execute(query.order_by(ledger.c.seq)).scalars()]

    def verify(self) -> Verification:
        """Recompute the chain over the stored text and hold it against the signed head.

        What holds and register say beside it is compared by :meth:`privacy.rights.house.House.verify`.
        """
        return verified(self._engine, self._head)

    @property
    def archive(self) -> Archive:
        """Its entries as they are hashed, heads that were signed, and what evidence asks of them."""
        return Archive(self._engine, self._head)

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
