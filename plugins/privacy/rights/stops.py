"""What the shop's systems must obey: whose data are not to be processed, and for which purposes.

One row a request and identifier, in the ledger's database. It is plain on purpose: the shop's systems look somebody up
in it, through the view ``processing_stops``, which has one row a purpose (``*`` where it is any). So it is personal
data, and a stop that has ended names nobody any more. Each change stands in the ledger, with a digest that nobody can
guess a person from.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.database import reading, translated
from privacy.datamap.models import did_you_mean
from privacy.datamap.policy import Policy
from privacy.errors import BadInput
from privacy.keys import MasterKey
from privacy.ledger import Ledger, Writing
from privacy.ledger.tables import do_not_process as table
from privacy.rights.stop_rows import ANY, Row, Scope, StopGround, text_of
from privacy.sources.base import Subject

if TYPE_CHECKING:
    from privacy.sources.base import Identifier

_NEVER = ("ip", "request", "phone")
"""Kinds that nobody is looked up by: an address on the internet is anybody's, and a request's number is no person's."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop in force.

    :param kind, value: whom it is about; the value as text. :param purposes: for which; ``*`` among them: for any.
    :param since: aware, UTC. :param request: that it is for; None: an erasure that is closed, which nobody is tied to.
    """

    id: str
    kind: str
    value: str = field(repr=False)
    scope: Scope
    purposes: tuple[str, ...]
    ground: StopGround
    since: datetime
    request: str | None

    def stops(self, purpose: str) -> bool:
        """Whether data are not to be processed for this purpose."""
        return purpose in self.purposes or ANY in self.purposes


class Stops:
    """The stops of this installation.

    :param engine: of the ledger's database, migrated; the same that ``ledger`` has.
    :param policy: for its purposes, and which of them are marketing.
    """

    def __init__(
        self, engine: sa.Engine, key: MasterKey, ledger: Ledger, policy: Policy, clock: Clock | None = None
    ) -> None:
        self._engine = engine
        self._key = key.derive("stops")
        self._ledger = ledger
        self._policy = policy
        self._clock = clock or SystemClock()

    def place(
        self,
        writing: Writing,
        number: str,
        subject: Subject,
        scope: Scope,
        ground: StopGround,
        *,
        purposes: Sequence[str] = (),
        author: str,
    ) -> int:
        """Let a request's stop be about this person, in the transaction of the step that wants it. Safe to repeat.

        What the request had stopped otherwise, for somebody else or other purposes, ends.

        :param purposes: of :attr:`Scope.PURPOSES`, names of the policy.
        :returns: by how many identifiers the person is listed; 0: nothing is theirs alone, so nobody can be looked up.
        :raises BadInput: ``stop.purpose``: there is no such purpose, or none is named.
        """
        wanted = self._purposes(scope, purposes)
        new = {(i.kind, str(i.value)) for i in self._listed(subject, ground)}
        for row in self._active(writing.connection, number):
            whom = (row.kind or "", row.value or "")
            if whom in new and (row.scope, row.ground, row.listed) == (scope.value, ground.value, wanted):
                new.discard(whom)
            else:
                self._end(writing, row, author)
        for kind, value in sorted(new):
            self._insert(
                writing, number, kind, value, scope.value, wanted, ground.value, text_of(self._clock.now()), author
            )
        return len(self._active(writing.connection, number))

    def end(self, writing: Writing, number: str, *, author: str) -> int:
        """End a request's stops, in the transaction that decides so; whom they were about is forgotten. Safe to repeat.

        :returns: how many ended now.
        """
        rows = self._active(writing.connection, number)
        for row in rows:
            self._end(writing, row, author)
        return len(rows)

    def detach(self, writing: Writing, number: str, *, author: str) -> int:
        """Let the stops of a closed erasure go on without its number: nothing ties the request to anybody (REG).

        :returns: how many there are.
        """
        rows = self._active(writing.connection, number)
        for row in rows:
            self._end(writing, row, author)
        for row in rows:
            assert row.kind is not None and row.value is not None  # noqa: S101, PT018 - it is in force
            self._insert(writing, None, row.kind, row.value, row.scope, row.listed, row.ground, row.since, author)
        return len(rows)

    def end_loose(self, writing: Writing, ids: Sequence[str], *, author: str) -> int:
        """End stops of closed erasures, by their ids, which no request's number leads to. :returns: how many."""
        rows = [row for row in self._active(writing.connection, None) if row.request is None and row.id in ids]
        for row in rows:
            self._end(writing, row, author)
        return len(rows)

    def active(self, subject: Subject | None = None, *, number: str | None = None) -> list[Stop]:
        """The stops in force, in the order of their beginning.

        :param subject: that name this person. :param number: of this request.
        """
        query = sa.select(table).where(table.c.ended.is_(None)).order_by(table.c.since, table.c.kind, table.c.value)
        if number is not None:
            query = query.where(table.c.request == number)
        with translated("stops"), reading(self._engine).connect() as connection:
            found = [_stop(Row.of(row)) for row in connection.execute(query)]
        if subject is None:
            return found
        theirs = {(i.kind, str(i.value)) for i in subject.identifiers if not i.contested}
        return [stop for stop in found if (stop.kind, stop.value) in theirs]

    def blocks(self, subject: Subject) -> bool:
        """Whether this person's data are not to be processed at all: restricted, objected to, or erased."""
        wanted = {(i.kind, str(i.value)) for i in subject.identifiers if not i.contested and i.kind not in _NEVER}
        if not wanted:
            return False
        with translated("stops"), reading(self._engine).connect() as connection:
            return connection.execute(blocking(wanted)).first() is not None

    def excluded(self, purpose: str) -> frozenset[tuple[str, str]]:
        """Whom an export for this purpose leaves out: kind and value (as text) of each.

        :raises BadInput: ``stop.purpose``: the policy has no such purpose; an empty list would leave out nobody.
        """
        self._known([purpose])
        return frozenset((stop.kind, stop.value) for stop in self.active() if stop.stops(purpose))

    def requests(self) -> frozenset[str]:
        """The numbers of the requests that have a stop in force."""
        query = sa.select(table.c.request).where(table.c.ended.is_(None), table.c.request.is_not(None)).distinct()
        with translated("stops"), reading(self._engine).connect() as connection:
            return frozenset(connection.execute(query).scalars())

    def refresh(self, *, author: str) -> int:
        """Let stops for any purpose, and for marketing, be for the purposes that the policy has now. Safe to repeat.

        :returns: how many changed.
        """
        changed = 0
        with self._ledger.writing() as writing:
            for row in self._active(writing.connection, None):
                scope = Scope(row.scope)
                if scope is Scope.PURPOSES or row.listed == (wanted := self._purposes(scope, ())):
                    continue
                new = replace(row, purposes=orjson.dumps(wanted).decode())
                self._tell(writing, "stop.changed", new, author, digest=new.digest(self._key))
                where = table.c.id == row.id
                writing.connection.execute(sa.update(table).where(where).values(purposes=new.purposes))
                changed += 1
        return changed

    def _listed(self, subject: Subject, ground: StopGround) -> Iterable[Identifier]:
        """What somebody is looked up by: what is theirs alone, and is so now.

        The shop's own numbers, the address and the devices: a newsletter knows its readers by address alone. Of whom is
        erased the numbers have to do, where there are any: an address is not kept to remember who was to be forgotten.
        """
        now = self._clock.now()
        own = [
            i
            for i in subject.identifiers
            if i.kind not in _NEVER and not i.contested
            and (i.valid_from is None or i.valid_from <= now) and (i.valid_to is None or now < i.valid_to)
        ]  # fmt: skip
        numbers = [i for i in own if "." in i.kind]
        if ground is StopGround.ERASURE:
            return numbers or [i for i in own if i.kind == "email"]
        return own

    def _purposes(self, scope: Scope, named: Sequence[str]) -> list[str]:
        if scope is Scope.ALL:
            return [ANY, *sorted(self._policy.purposes)]
        if scope is Scope.MARKETING:
            return sorted(name for name, purpose in self._policy.purposes.items() if purpose.marketing)
        self._known(named)
        return sorted(set(named))

    def _known(self, purposes: Sequence[str]) -> None:
        if not purposes:
            raise BadInput("stop.purpose", "A stop that is narrowed names its purposes.", advice="Name some.")
        for name in purposes:
            if name not in self._policy.purposes:
                hint = did_you_mean(name, self._policy.purposes)
                raise BadInput("stop.purpose", f"The policy has no such purpose{hint}.")

    def _active(self, connection: sa.Connection, number: str | None) -> list[Row]:
        query = sa.select(table).where(table.c.ended.is_(None)).order_by(table.c.id).with_for_update()
        if number is not None:
            query = query.where(table.c.request == number)
        return [Row.of(row) for row in connection.execute(query)]

    def _insert(
        self,
        writing: Writing,
        number: str | None,
        kind: str,
        value: str,
        scope: str,
        purposes: list[str],
        ground: str,
        since: str,
        author: str,
    ) -> None:
        listed = orjson.dumps(purposes).decode()
        row = Row.new(uuid.uuid4().hex, number, kind, value, scope, listed, ground, since)
        self._tell(writing, "stop.placed", row, author, digest=row.digest(self._key))
        row.insert(writing.connection)

    def _end(self, writing: Writing, row: Row, author: str) -> None:
        self._tell(writing, "stop.ended", row, author)
        if writing.connection.dialect.name == "sqlite":
            # Else the number stands in the file until its page is used again.
            writing.connection.exec_driver_sql("PRAGMA secure_delete = ON")
        forgotten = {"kind": None, "value": None, "purposes": None, "salt": None}
        where = table.c.id == row.id
        ended = text_of(max(self._clock.now(), datetime.fromisoformat(row.since)))
        writing.connection.execute(sa.update(table).where(where).values(ended=ended, **forgotten))

    @staticmethod
    def _tell(writing: Writing, event: str, row: Row, author: str, *, digest: str | None = None) -> None:
        writing.event(
            event, actor=author, request=row.request, record=row.id, ground=row.ground, reason=row.scope, digest=digest
        )


def blocking(whom: Set[tuple[str, str]]) -> sa.Select[int]:
    """The question whether anything of this is stopped altogether; by the index ``do_not_process_whom``.

    :param whom: kinds and values.
    """
    # Of SQLite pairs in a list make a scan; a list a kind does not.
    kinds = {kind: sorted(value for k, value in whom if k == kind) for kind in sorted({kind for kind, _ in whom})}
    return (
        sa.select(sa.literal(1))
        .where(sa.or_(*(sa.and_(table.c.kind == kind, table.c.value.in_(values)) for kind, values in kinds.items())))
        .where(table.c.ended.is_(None), table.c.scope == Scope.ALL.value)
        .limit(1)
    )


def _stop(row: Row) -> Stop:
    return Stop(
        row.id, row.kind or "", row.value or "", Scope(row.scope), tuple(row.listed), StopGround(row.ground),
        datetime.fromisoformat(row.since), row.request,
    )  # fmt: skip
