"""The register's table: reading rows, drawing numbers, and changing a row together with the entry that proves it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy import numbers
from privacy.clock import Clock
from privacy.database import reading, translated
from privacy.datamap.policy import Policy
from privacy.errors import BadInput, RetryLater, Tampered
from privacy.keys import MasterKey
from privacy.ledger import Ledger, Writing
from privacy.ledger.tables import request_register as table
from privacy.rights import marks
from privacy.rights.rows import Draft, Request, dates_of, is_forgotten, opened, remains, values_of
from privacy.rights.states import Dates, Right, Step, after, answer_by
from privacy.sources.base import Identifier

FORGOTTEN = "request.forgotten"
"""The ledger's word that key and content of a request are destroyed; ``digest`` is of what its row goes on to say."""


class RequestTable:
    """Rows of the register; see :class:`privacy.rights.register.Register` for the parameters."""

    def __init__(self, engine: sa.Engine, key: MasterKey, ledger: Ledger, policy: Policy, clock: Clock) -> None:
        self._engine = engine
        self._key = key
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._marks = marks.Marks(key)

    @property
    def zone(self) -> str:
        """The policy's IANA zone, in which terms count local dates."""
        return self._policy.zone

    def draft(self, number: str) -> Draft:
        """A row, opened, as it is now.

        :raises BadInput: ``request.number``, ``request.unknown``.
        :raises Tampered: see :func:`privacy.rights.rows.opened`.
        """
        with translated("register"), self._engine.connect() as connection:
            row = connection.execute(self._select(number)).first()
        return opened(_there(row, number), self._key)

    def read(self, number: str) -> Draft:
        """As :meth:`draft`, also inside the gate of the holds: it waits for nobody who writes."""
        with translated("register"), reading(self._engine).connect() as connection:
            row = connection.execute(self._select(number)).first()
        return opened(_there(row, number), self._key)

    def get(self, number: str) -> Request:
        """A row, not opened. :raises BadInput: as :meth:`draft`."""
        with translated("register"), self._engine.connect() as connection:
            row = connection.execute(self._select(number)).first()
        return self._plain(_there(row, number))

    def all(self, broken: list[Tampered] | None = None) -> list[Request]:
        """All rows in the order of arrival.

        :param broken: gets the errors of rows that cannot be read; without it the first of them is raised.
        """
        with translated("register"), self._engine.connect() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.received_at, table.c.number)).all()
        found: list[Request] = []
        for row in rows:
            try:
                found.append(self._plain(row))
            except Tampered as problem:
                if broken is None:
                    raise
                broken.append(problem)
        return found

    def search(self, identifiers: Iterable[Identifier], most: int) -> list[Request]:
        """The requests that name one of these, or turned out to be theirs; the latest first."""
        with translated("register"), reading(self._engine).connect() as connection:
            numbers = list(connection.execute(self._marks.query(identifiers, most)).scalars())
            rows = connection.execute(sa.select(table).where(table.c.number.in_(numbers))).all()
        return sorted((self._plain(row) for row in rows), key=lambda found: numbers.index(found.number))

    def wanted(
        self, number: str, still: Callable[[Dates], bool] = lambda dates: dates.kept
    ) -> Callable[[sa.Connection], bool]:
        """Whether a request is still to be held, for the transaction that holds it: it cannot be closed meanwhile.

        :param still: asked of its dates.
        """
        query = self._select(number).with_for_update(read=True)

        def look(connection: sa.Connection) -> bool:
            row = connection.execute(query).first()
            return row is not None and still(dates_of(row))

        return look

    @contextmanager
    def locked(self, number: str) -> Iterator[tuple[Draft, Writing]]:
        """A row, opened, in a transaction in which nobody else can change it: for what stands in other tables."""
        with self._ledger.writing() as writing:
            row = writing.connection.execute(self._select(number).with_for_update()).first()
            yield opened(_there(row, number), self._key), writing

    def request(self, draft: Draft) -> Request:
        """A draft without its content."""
        deadline = answer_by(draft.dates, self._policy.zone)
        return Request(draft.number, draft.right, draft.dates, deadline, draft.run)

    def draw(self, received_at: datetime) -> str:
        """A number that is free, at random: it tells neither how many requests there are nor whose is whose.

        :param received_at: its local year is part of the number. Digits are added when half of them are used.
        """
        year = received_at.astimezone(ZoneInfo(self._policy.zone)).year
        start = f"{self._policy.prefix}-{year:04d}-"
        with translated("register"), self._engine.connect() as connection:
            found = connection.execute(sa.select(table.c.number).where(table.c.number.startswith(start))).scalars()
            used = {int(number.removeprefix(start).split("-")[0]) for number in found}
        low, high = 1, 10_000
        while sum(low <= serial < high for serial in used) * 2 >= high - low:
            low, high = high, high * 10
        while (serial := low + secrets.randbelow(high - low)) in used:
            continue
        return numbers.number(self._policy.prefix, year, serial)

    def insert(self, draft: Draft, author: str) -> None:
        """Add a row, and its entry in the ledger.

        :raises RetryLater: somebody was given the same number in the same moment.
        """
        number = draft.number
        with self._ledger.writing() as writing:
            # The entry first: it takes the ledger's lock, so that nobody else can take the number from here on.
            writing.event(
                "request.received",
                actor=author,
                request=number,
                right=draft.right.value,
                received_at=draft.dates.received_at,
                revision=draft.revision,
            )
            if writing.connection.execute(self._select(number)).first() is not None:
                raise _busy(number)
            key = self._key.wrap(draft.key, about=number)
            writing.connection.execute(sa.insert(table).values(**values_of(draft, draft.revision), key=key))
            self._marks.write(writing.connection, draft.payload)

    @contextmanager
    def changing(self, number: str, step: Step) -> Iterator[tuple[Draft, Writing]]:
        """One step of a request, in one transaction with its entries: all of it, or nothing.

        A step that changes nothing leaves the row alone, so that its revision is that of the last entry about it.

        :returns: the row with the dates as they are after the step, to be altered.
        :raises Refused: the step is not allowed.
        :raises RetryLater: somebody else changed the row in the same moment.
        """
        with self._ledger.writing() as writing:
            row = writing.connection.execute(self._select(number).with_for_update()).first()
            draft = opened(_there(row, number), self._key)
            before = (draft.dates, draft.run, draft.payload)
            draft.dates = after(draft.dates, step, self._clock.now(), draft.number)
            yield draft, writing
            if before == (draft.dates, draft.run, draft.payload):
                return
            revision = draft.revision + 1
            changed = writing.connection.execute(
                sa.update(table)
                .where(table.c.number == draft.number, table.c.revision == draft.revision)
                .values(**values_of(draft, revision))
            )
            if changed.rowcount != 1:
                raise _busy(draft.number)
            draft.revision = revision
            if before[2].subject != draft.payload.subject:
                self._marks.write(writing.connection, draft.payload)

    def forget(self, number: str, author: str) -> bool:
        """Destroy key and content of a closed request, and say so, in one transaction; safe to repeat.

        :returns: whether it was done now.
        :raises Refused: ``request.open``. :raises RetryLater: somebody else changed the row in the same moment.
        """
        with self._ledger.writing() as writing:
            connection = writing.connection
            row = _there(connection.execute(self._select(number).with_for_update()).first(), number)
            if is_forgotten(row):
                return False
            after(dates_of(row), Step.PURGE, self._clock.now(), row.number)
            if connection.dialect.name == "sqlite":
                # Else the old key stands in the file until its page is used again.
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            revision = row.revision + 1
            digest = remains(row, revision)
            writing.event(FORGOTTEN, actor=author, request=row.number, revision=revision, digest=digest)
            changed = connection.execute(
                sa.update(table)
                .where(table.c.number == row.number, table.c.revision == row.revision)
                .values(key=None, payload=None, revision=revision)
            )
            if changed.rowcount != 1:
                raise _busy(row.number)
            marks.forget(connection, row.number)
        return True

    def scrub(self) -> None:
        """Empty SQLite's write-ahead log, in which what was forgotten stands until then; a busy one waits for the next.

        PostgreSQL's dead rows go with its autovacuum, its log by its own rotation.
        """
        if self._engine.dialect.name == "sqlite":
            raw = self._engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def _select(self, number: str) -> sa.Select[Any]:
        return sa.select(table).where(table.c.number == numbers.check(number, self._policy.prefix))

    def _plain(self, row: sa.Row[Any]) -> Request:
        found, dates = row._mapping, dates_of(row)
        try:
            right, deadline = Right(found["right_"]), answer_by(dates, self._policy.zone)
        except (ValueError, OverflowError):
            raise Tampered(
                "request.altered",
                "A row of the register is not what was recorded.",
                where=found["number"],
                advice="Compare the register with the ledger: privacy ledger verify.",
            ) from None
        return Request(found["number"], right, dates, deadline, found["run"], is_forgotten(row))


def tell(writing: Writing, draft: Draft, kind: str, author: str, **more: object) -> None:
    """The entry that proves a step, with the revision that the row gets by it."""
    writing.event(kind, actor=author, request=draft.number, revision=draft.revision + 1, **more)


def _there(row: sa.Row[Any] | None, number: str) -> sa.Row[Any]:
    if row is None:
        raise BadInput(
            "request.unknown",
            "There is no such request.",
            where=numbers.check(number),
            advice="See which there are: privacy request list.",
        )
    return row


def _busy(number: str) -> RetryLater:
    return RetryLater("request.busy", "The request was changed in the same moment.", where=number, advice="Try again.")
