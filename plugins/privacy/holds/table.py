"""Placing, changing and ending holds; reading them back."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from filelock import FileLock, Timeout

from privacy.clock import Clock, SystemClock
from privacy.database import reading, translated
from privacy.datamap.models import did_you_mean
from privacy.errors import BadInput, Refused, RetryLater
from privacy.holds.models import Hold, HoldKind, What, checked, packed, unpacked
from privacy.holds.spare import Spare
from privacy.keys import MasterKey, seal, unseal
from privacy.ledger import Ledger, Writing
from privacy.ledger.tables import holds as table

PATIENCE = 600.0
"""Seconds for which placing a hold waits for the batches that are running."""

_LOCK = "hashtext('privacy.holds')"
_PRECEDENCE = list(HoldKind)

T = TypeVar("T")


class Holds:
    """The holds of this installation, and the gate that every batch passes.

    :param engine: of the ledger's database, migrated; the same that ``ledger`` has.
    :param datasets: the full names of all datasets, where they are known: a hold on a misspelt one is refused then.
    """

    def __init__(
        self,
        engine: sa.Engine,
        key: MasterKey,
        ledger: Ledger,
        clock: Clock | None = None,
        *,
        datasets: Collection[str] | None = None,
    ) -> None:
        self._engine = engine
        self._key = key.derive("holds")
        self._ledger = ledger
        self._clock = clock or SystemClock()
        self._datasets = datasets
        self._turnstile: str | None = None

    def place(
        self,
        kind: HoldKind,
        what: What,
        datasets: Sequence[str] | None = None,
        *,
        ground: str,
        author: str,
        request: str | None = None,
    ) -> str:
        """Hold records from now on: when this returns, no batch that ignores the hold runs or can start.

        :param what: whose records, or which (:class:`Keys`, :class:`Everything`).
        :param datasets: full names; None: all.
        :param ground: why; sealed with the rest, not in the ledger.
        :returns: the hold's id.
        :raises BadInput: it would hold nothing, or a dataset does not exist.
        :raises RetryLater: a batch kept the gate open for longer than :data:`PATIENCE`.
        """
        about = checked(what, datasets)
        if not ground.strip():
            raise BadInput("hold.ground", "A hold states its ground.", advice="Say why the records must stay.")
        for name in datasets or ():
            if self._datasets is not None and name not in self._datasets:
                raise BadInput(
                    "hold.dataset", f"There is no dataset {name!r}{did_you_mean(name, self._datasets)}.", where=name
                )
        number = uuid.uuid4().hex
        sealed = seal(self._key, packed(about, ground), about=number)
        listed = None if datasets is None else orjson.dumps(list(datasets)).decode()

        def work(writing: Writing) -> str:
            _told(writing, "hold.placed", number, kind, request, author, sealed=sealed, datasets=datasets)
            writing.connection.execute(
                sa.insert(table).values(
                    id=number,
                    kind=kind.value,
                    request=request,
                    datasets=listed,
                    author=author,
                    placed_at=self._now(),
                    sealed=sealed,
                )
            )
            return number

        return self._alone(work)

    def replace(
        self, what: What, *, id: str | None = None, request: str | None = None, author: str = "privacy"
    ) -> None:
        """Let a hold be about somebody else: a request's, once it is known whose it is. Waits as :meth:`place`.

        :raises BadInput: ``hold.unknown``, or it would hold nothing.
        :raises Refused: ``hold.released``.
        """

        def work(writing: Writing) -> None:
            rows = self._named(writing.connection, id, request, locked=True)
            active = [row for row in rows if row.released_at is None]
            if not active:
                raise Refused("hold.released", "The hold has been released.", where=id or request or "")
            for row in active:
                about = checked(what, None if row.datasets is None else orjson.loads(row.datasets))
                _, ground = unpacked(unseal(self._key, row.sealed, about=row.id))
                sealed = seal(self._key, packed(about, ground), about=row.id)
                _told(writing, "hold.replaced", row.id, row.kind, row.request, author, sealed=sealed)
                writing.connection.execute(sa.update(table).where(table.c.id == row.id).values(sealed=sealed))

        self._alone(work)

    def release(self, id: str | None = None, *, request: str | None = None, author: str) -> int:
        """End a hold, or all of a request, and forget whom it was about. Safe to repeat.

        :returns: how many holds ended now.
        :raises BadInput: ``hold.unknown``.
        """
        with self._ledger.writing() as writing:
            active = [r for r in self._named(writing.connection, id, request, locked=True) if r.released_at is None]
            for row in active:
                _told(writing, "hold.released", row.id, row.kind, row.request, author)
                writing.connection.execute(
                    sa.update(table).where(table.c.id == row.id).values(released_at=self._now(), sealed=None)
                )
        return len(active)

    def get(self, id: str) -> Hold:
        """A hold, in force or over. :raises BadInput: ``hold.unknown``."""
        with translated("holds"), reading(self._engine).connect() as connection:
            return self._opened(self._named(connection, id, None)[0])

    def active(self, dataset: str | None = None) -> tuple[Hold, ...]:
        """The holds in force, the first in precedence first, of a dataset (full name) or all.

        :raises Tampered: one does not open with this installation's key.
        """
        with translated("holds"), reading(self._engine).connect() as connection:
            return self._active(connection, dataset)

    @contextmanager
    def gate(self, *datasets: str, request: str | None = None) -> Iterator[Spare]:
        """Keep every change of the holds waiting while the ``with`` block runs one batch.

        Nothing may be written to the ledger's database inside: on SQLite the gate is its writer's lock.

        :param datasets: full names of those that the batch changes.
        :param request: the request that the batch is for: its own holds do not stand in its way.
        :returns: what the batch has to leave alone.
        :raises RetryLater: the database was locked by others all the time; nothing was begun.
        """
        self._pass_turnstile()
        with translated("holds"), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # A lock that the server ends with an idle transaction would let a hold in beside a running batch.
                connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})"))
            found = self._active(connection, None)
            yield Spare(
                datasets, tuple(h for h in found if request is None or h.request is None or h.request != request)
            )

    def _alone(self, work: Callable[[Writing], T]) -> T:
        """Do ``work`` in a transaction that no open gate overlaps."""
        until = time.monotonic() + PATIENCE
        with self._turned(until):
            while True:
                try:
                    with self._ledger.writing() as writing:
                        if writing.connection.dialect.name == "postgresql":
                            writing.connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                        return work(writing)
                except RetryLater as problem:
                    # SQLite gives up waiting sooner than a long batch takes.
                    if problem.code != "database.busy" or time.monotonic() > until:
                        raise

    @contextmanager
    def _turned(self, until: float) -> Iterator[None]:
        """Let no further batch in, so that one after the other cannot keep a hold waiting for ever.

        SQLite gives its lock to whoever asks at the right moment, not to who waits longest; PostgreSQL queues.
        """
        path = self._turnstile_path()
        if not path:
            yield
            return
        lock = FileLock(path, timeout=max(0.0, until - time.monotonic()), poll_interval=0.01)
        try:
            lock.acquire()
        except Timeout:
            raise _busy() from None
        try:
            yield
        finally:
            lock.release()

    def _pass_turnstile(self) -> None:
        if path := self._turnstile_path():
            try:
                with FileLock(path, timeout=PATIENCE, poll_interval=0.01):
                    return
            except Timeout:
                raise _busy() from None

    def _turnstile_path(self) -> str:
        if self._turnstile is None:
            if self._engine.dialect.name != "sqlite":
                self._turnstile = ""
            else:
                with translated("holds"), reading(self._engine).connect() as connection:
                    main = connection.exec_driver_sql("PRAGMA database_list").first()
                self._turnstile = f"{Path(main[2])}.placing" if main is not None and main[2] else ""
        return self._turnstile

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

    def _active(self, connection: sa.Connection, dataset: str | None) -> tuple[Hold, ...]:
        rows = connection.execute(sa.select(table).where(table.c.released_at.is_(None)))
        found = [self._opened(row) for row in rows]
        mine = (hold for hold in found if dataset is None or hold.covers(dataset))
        return tuple(sorted(mine, key=lambda h: (_PRECEDENCE.index(h.kind), h.placed_at, h.id)))

    def _opened(self, row: sa.Row[Any]) -> Hold:
        what, ground = (None, "") if row.sealed is None else unpacked(unseal(self._key, row.sealed, about=row.id))
        return Hold(
            row.id,
            HoldKind(row.kind),
            None if row.datasets is None else tuple(orjson.loads(row.datasets)),
            what,
            ground,
            row.author,
            datetime.fromisoformat(row.placed_at),
            None if row.released_at is None else datetime.fromisoformat(row.released_at),
            row.request,
        )

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds")


def _told(
    writing: Writing,
    event: str,
    id: str,
    kind: str,
    request: str | None,
    author: str,
    *,
    sealed: str | None = None,
    datasets: Sequence[str] | None = None,
) -> None:
    """The entry that proves it. The digest of the sealed text tells a row that was exchanged, and nobody's name."""
    digest = None if sealed is None else hashlib.sha256(sealed.encode()).hexdigest()
    named = None if datasets is None else list(datasets)
    writing.event(event, actor=author, hold=id, reason=str(kind), request=request, digest=digest, datasets=named)


def _busy() -> RetryLater:
    return RetryLater("holds.busy", "The gate stayed in use all the time.", where="holds", advice="Try again.")
