"""Placing, changing and ending holds; reading them back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.database import reading, translated
from privacy.datamap.models import did_you_mean
from privacy.errors import BadInput, Refused, RetryLater
from privacy.holds.models import Hold, HoldKind, Keys, What, checked, checked_keys, still_there
from privacy.holds.replay import compared
from privacy.holds.rows import Row, hold_of, told
from privacy.holds.spare import Spare
from privacy.holds.turnstile import Turnstile
from privacy.holds.wishes import Wish, without
from privacy.keys import MasterKey
from privacy.ledger import Ledger, Writing
from privacy.ledger.tables import holds as table
from privacy.sources.base import Subject

PATIENCE = 600.0
"""Seconds for which placing and ending a hold wait for the batches that are running."""

_LOCK = "hashtext('privacy.holds')"
_PRECEDENCE = list(HoldKind)

T = TypeVar("T")


class Holds:
    """The holds of this installation, and the gate that every batch passes.

    :param engine: of the ledger's database, migrated; the same that ``ledger`` has.
    :param datasets: the full names of all datasets, where they are known: a hold on a misspelt one is refused then, and
        no batch runs beside a hold on one that is gone.
    :param keys: full name -> the types of its items' keys, where they are known.
    """

    def __init__(
        self,
        engine: sa.Engine,
        key: MasterKey,
        ledger: Ledger,
        clock: Clock | None = None,
        *,
        datasets: Collection[str] | None = None,
        keys: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._engine = engine
        self._master = key
        self._key = key.derive("holds")
        self._ledger = ledger
        self._clock = clock or SystemClock()
        self._datasets = datasets
        self._types = keys or {}
        self._turnstile = Turnstile(engine, PATIENCE)

    def place(
        self,
        kind: HoldKind,
        what: What,
        datasets: Sequence[str] | None = None,
        *,
        ground: str,
        author: str,
        request: str | None = None,
        tell: bool | None = None,
    ) -> str:
        """Hold records from now on: when this returns, no batch that ignores the hold runs or can start.

        :param what: whose records, or which (:class:`Keys`, :class:`Everything`).
        :param datasets: full names; None: all.
        :param ground: why; sealed with the rest, not in the ledger.
        :param tell: whether the subject may be told of it (False: it is secret); sealed too.
        :returns: the hold's id.
        :raises BadInput: it would hold nothing, or a dataset does not exist.
        :raises RetryLater: a batch kept the gate open for longer than :data:`PATIENCE`.
        """
        row = self._new(kind, what, datasets, ground, author, request, tell)
        self._alone(lambda writing: _placed(writing, row, author))
        return row.id

    def replace(
        self, what: What, *, id: str | None = None, request: str | None = None, author: str = "privacy"
    ) -> None:
        """Let a hold be about somebody else. Waits as :meth:`place`.

        :raises BadInput: ``hold.unknown``, or it would hold nothing.
        :raises Refused: ``hold.released``.
        """

        def work(writing: Writing) -> None:
            rows = self._named(writing.connection, id, request, locked=True)
            active = [row for row in rows if row.released_at is None]
            _not_of_a_right(active)
            if not active:
                raise Refused("hold.released", "The hold has been released.", where=id or request or "")
            for row in active:
                self._replaced(writing, Row.of(row), what, author)

        self._alone(work)

    def keep(
        self,
        request: str,
        subjects: Sequence[Subject],
        *,
        ground: str,
        author: str,
        wanted: Callable[[sa.Connection], bool],
        kind: HoldKind = HoldKind.REQUEST,
        datasets: Sequence[str] | None = None,
    ) -> None:
        """Let a request's own hold be about these people: placed where there is none, else changed. Waits as
        :meth:`place`, unless it is about them already.

        :param wanted: whether the request is still to be held, asked in the transaction that does it: a request that
            was closed in the same moment leaves no hold behind.
        :param kind: a restriction or an objection is the request's own too. :param datasets: full names; None: all.
        :raises BadInput, RetryLater: as :meth:`place`.
        """
        row = self._new(kind, subjects, datasets, ground, author, request)
        about = checked(subjects, datasets)
        with translated("holds"), reading(self._engine).connect() as connection:
            there = [Row.of(r).opened(self._key)[0] for r in self._own(connection, request, kind)]
        if there and all(what == about for what in there):
            return

        def work(writing: Writing) -> None:
            # The request's row before the hold's: whoever closes it takes the two in that order.
            if not wanted(writing.connection):
                return
            rows = self._own(writing.connection, request, kind, locked=True)
            for found in rows:
                self._replaced(writing, Row.of(found), subjects, author)
            if not rows:
                _placed(writing, row, author)

        self._alone(work)

    def kept(self, kind: HoldKind = HoldKind.REQUEST) -> frozenset[str]:
        """The numbers of the requests that have a hold of their own in force."""
        query = sa.select(table.c.request).where(table.c.released_at.is_(None), table.c.kind == kind.value)
        with translated("holds"), reading(self._engine).connect() as connection:
            return frozenset(found for found in connection.execute(query).scalars() if found)

    def end(self, writing: Writing, request: str, *, author: str, kind: HoldKind = HoldKind.REQUEST) -> int:
        """End a request's own hold in the transaction that closes it: both are done, or neither. Safe to repeat.

        :returns: how many holds ended now.
        """
        rows = self._own(writing.connection, request, kind, locked=True)
        return self._released(writing, rows, author)

    def release(
        self, id: str | None = None, *, request: str | None = None, author: str, why: str | None = None
    ) -> int:  # fmt: skip
        """End a hold, or all of a request, and forget whom it was about. Safe to repeat.

        :param why: a code for the ledger; None: nobody said.
        :returns: how many holds ended now.
        :raises BadInput: ``hold.unknown``.
        :raises Refused: ``hold.of_a_right``: a restriction or an objection ends with the request that it is for.
        :raises RetryLater: a batch kept the gate open for longer than :data:`PATIENCE`.
        """

        def work(writing: Writing) -> int:
            active = [r for r in self._named(writing.connection, id, request, locked=True) if r.released_at is None]
            _not_of_a_right(active)
            return self._released(writing, active, author, why)

        return self._patiently(work, time.monotonic() + PATIENCE)

    def get(self, id: str) -> Hold:
        """A hold, in force or over. :raises BadInput: ``hold.unknown``."""
        with translated("holds"), reading(self._engine).connect() as connection:
            return hold_of(self._named(connection, id, None)[0], self._key)

    def active(self, dataset: str | None = None, *, kind: HoldKind | None = None) -> tuple[Hold, ...]:
        """The holds in force, the first in precedence first, of a dataset (full name) or all.

        :param kind: these alone; the others are not even opened.

        :raises Tampered: one is not what was placed, or does not open with this installation's key.
        """
        with translated("holds"), reading(self._engine).connect() as connection:
            return self._active(connection, dataset, kind)

    @contextmanager
    def gate(self, *datasets: str, request: str | None = None, wish: Wish | None = None) -> Iterator[Spare]:
        """Keep every change of the holds waiting while the ``with`` block runs one batch.

        Nothing may be written to the ledger's database inside: on SQLite the gate is its writer's lock.

        :param datasets: full names of those that the batch changes.
        :param request: the request that the batch is for: the hold that keeps its records does not stand in its way;
            every other does, also one that was placed under its number.
        :param wish: who asks for the batch: see :func:`privacy.holds.wishes.without`.
        :returns: what the batch has to leave alone.
        :raises RetryLater: the database was locked by others all the time; nothing was begun.
        :raises AskPerson: ``hold.dataset_gone``: a hold is on a dataset that the data map does not have any more.
        """
        self._turnstile.passed()
        with translated("holds"), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # A lock that the server ends with an idle transaction would let a hold in beside a running batch.
                connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})"))
            found = self._active(connection, None)
            if self._datasets is not None:
                still_there(found, self._datasets)
            own = (HoldKind.REQUEST, request)
            left = (h for h in found if request is None or (h.kind, h.request) != own)
            yield Spare(datasets, tuple(left if wish is None else without(left, wish)))

    def compared(self) -> None:
        """Hold the table against the ledger, before anything is deleted. :raises Tampered: ``holds.altered``."""
        compared(self._engine, self._master)

    def event(self, kind: str, *, actor: str, **more: object) -> None:
        """Write an event of the ledger that every batch minds: when this returns, none that does not runs or can start.

        Waits as :meth:`place`. :raises BadInput: as :meth:`Ledger.event`. :raises RetryLater: as :meth:`place`.
        """
        self._alone(lambda writing: writing.event(kind, actor=actor, **more))

    def _new(
        self,
        kind: HoldKind,
        what: What,
        datasets: Sequence[str] | None,
        ground: str,
        author: str,
        request: str | None,
        tell: bool | None = None,
    ) -> Row:
        about = checked(what, datasets)
        if not ground.strip():
            raise BadInput("hold.ground", "A hold states its ground.", advice="Say why the records must stay.")
        for name in datasets or ():
            if self._datasets is not None and name not in self._datasets:
                raise BadInput(
                    "hold.dataset", f"There is no dataset {name!r}{did_you_mean(name, self._datasets)}.", where=name
                )
        if isinstance(about, Keys):
            for name in datasets or ():
                checked_keys(about, name, self._types.get(name))
        listed = None if datasets is None else orjson.dumps(list(datasets)).decode()
        row = Row(uuid.uuid4().hex, kind.value, request, listed, author, self._now())
        return row.about(self._key, about, ground, tell)

    def _replaced(self, writing: Writing, row: Row, what: What, author: str) -> None:
        about = checked(what, row.listed)
        _, ground, tell = row.opened(self._key)
        new = row.about(self._key, about, ground, tell)
        told(writing, "hold.replaced", new, author)
        writing.connection.execute(sa.update(table).where(table.c.id == row.id).values(sealed=new.sealed))

    def _released(
        self, writing: Writing, rows: Sequence[sa.Row[Any]], author: str, why: str | None = None
    ) -> int:  # fmt: skip
        for row in rows:
            told(writing, "hold.released", Row.of(row), author, sealed=False, ground=why)
            writing.connection.execute(
                sa.update(table).where(table.c.id == row.id).values(released_at=self._now(), sealed=None)
            )
        return len(rows)

    def _alone(self, work: Callable[[Writing], T]) -> T:
        """Do ``work`` in a transaction that no open gate overlaps."""
        until = time.monotonic() + PATIENCE

        def locked(writing: Writing) -> T:
            if writing.connection.dialect.name == "postgresql":
                writing.connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            return work(writing)

        with self._turnstile.stopped(until):
            return self._patiently(locked, until)

    def _patiently(self, work: Callable[[Writing], T], until: float) -> T:
        while True:
            try:
                with self._ledger.writing() as writing:
                    return work(writing)
            except RetryLater as problem:
                # SQLite gives up waiting sooner than a long batch takes.
                if problem.code != "database.busy" or time.monotonic() > until:
                    raise

    def _own(
        self, connection: sa.Connection, request: str, kind: HoldKind, *, locked: bool = False
    ) -> Sequence[sa.Row[Any]]:
        """A request's own hold in force: a suspension that was placed under its number is none."""
        query = sa.select(table).where(
            table.c.request == request, table.c.kind == kind.value, table.c.released_at.is_(None)
        )
        return connection.execute(query.with_for_update() if locked else query).all()

    def _named(
        self, connection: sa.Connection, id: str | None, request: str | None, *, locked: bool = False
    ) -> Sequence[sa.Row[Any]]:
        if (id is None) == (request is None):
            raise BadInput("hold.unknown", "Name a hold, or a request.")
        query = sa.select(table).where(table.c.id == id if request is None else table.c.request == request)
        rows = connection.execute(query.with_for_update() if locked else query).all()
        if not rows:
            raise BadInput("hold.unknown", "There is no such hold.", where=id or request or "")
        return rows

    def _active(self, connection: sa.Connection, dataset: str | None, kind: HoldKind | None = None) -> tuple[Hold, ...]:
        query = sa.select(table).where(table.c.released_at.is_(None))
        rows = connection.execute(query if kind is None else query.where(table.c.kind == kind.value))
        found = [hold_of(row, self._key) for row in rows]
        mine = (hold for hold in found if dataset is None or hold.covers(dataset))
        return tuple(sorted(mine, key=lambda h: (_PRECEDENCE.index(h.kind), h.placed_at, h.id)))

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds")


def _not_of_a_right(rows: Sequence[sa.Row[Any]]) -> None:
    """A person's restriction is lifted by that person, and by nobody else (promise R-RESTR)."""
    for row in rows:
        if row.request is not None and row.kind in (HoldKind.RESTRICTION.value, HoldKind.OBJECTION.value):
            raise Refused(
                "hold.of_a_right", "This hold belongs to somebody's request, and ends with it alone.",
                where=row.request,
                advice=f"Record the person's word: privacy request lift {row.request}; or decide the objection.",
            )  # fmt: skip


def _placed(writing: Writing, row: Row, author: str) -> None:
    told(writing, "hold.placed", row, author, datasets=row.listed)
    row.insert(writing.connection)
