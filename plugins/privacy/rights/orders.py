"""Orders to keep footage (promise CAM-SHARE): a hold on recordings that a processor holds reaches them by letter.

A hold here keeps what the shop itself has. The recordings are with the security company, which erases them after 48
hours (CAM-48H), hold or no hold. So such a hold also sends an order: a letter without anybody's name, with the hours
that are left. It counts as kept when the company's confirmation is recorded; until then :func:`unconfirmed` tells of
it. A hold without an order is told of as well: a letter that could not be sent leaves no silence.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused, RetryLater
from privacy.holds import Everything, Hold, Keys, Span
from privacy.ledger.tables import footage_orders as table
from privacy.ledger.tables import holds
from privacy.letters import Letter, outbox, written
from privacy.retention.horizon import limit
from privacy.rights.order_rows import Line, Order
from privacy.rights.recordings import Recording, footage, held_by, recordings

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.datamap.policy import Processor
    from privacy.rights.house import House


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Footage on hold of which nobody has confirmed that it is kept.

    :param order: empty: none was sent. :param processor: who has the footage, as the policy calls them.
    :param hours_left: until the first wipe that is still ahead; None: none is.
    :param wiped: how many of its ``lines`` are past the wipe by now.
    """

    order: str
    hold: str
    processor: str
    hours_left: float | None
    wiped: int
    lines: int

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        left = None if self.hours_left is None else round(self.hours_left, 1)
        return {"order": self.order or None, "hold": self.hold, "processor": self.processor, "hours_left": left,
            "wiped": self.wiped, "lines": self.lines}  # fmt: skip


def unconfirmed(house: House, now: datetime) -> list[Unconfirmed]:
    """The orders that were not confirmed, and the holds on footage without an order, the most urgent first.

    :param now: aware.
    """
    return Orders(house).unconfirmed(now)


class Orders:
    """The orders of an installation."""

    def __init__(self, house: House) -> None:
        self._house = house

    def all(self, hold: str | None = None) -> list[Order]:
        """Every order that was ever sent, in that order, or those of a hold."""
        query = sa.select(table).order_by(table.c.sent_at, table.c.id)
        if hold is not None:
            query = query.where(table.c.hold == hold)
        with translated("orders"), reading(self._house.engine).connect() as connection:
            return [Order.of(row) for row in connection.execute(query)]

    def get(self, id: str) -> Order:
        """One. :raises BadInput: ``order.unknown``."""
        for order in self.all():
            if order.id == id:
                return order
        raise BadInput("order.unknown", "There is no such order.", advice="See which there are: privacy hold list.")

    def send(self, hold_id: str, author: str) -> list[Order]:
        """Order those who have the footage of a hold to keep it; one that was sent before is sent again.

        :returns: the orders, one a processor; none for a hold that is not on footage.
        :raises Refused: ``hold.released``; ``order.nothing``: it is on footage, and picks no recording.
        :raises BadConfiguration: ``letters.*``: no address, no template; the hold stands.
        """
        hold = self._house.holds.get(hold_id)
        if hold.released_at is not None:
            raise Refused("hold.released", "The hold has been released.", where=hold_id)
        sent = {order.processor: order for order in self.all(hold_id)}
        found = []
        for processor, refs in self.holders(hold).items():
            if processor in sent:
                found.append(self._again(sent[processor], author))
                continue
            lines = self._lines(hold, refs)
            if not lines:
                raise Refused(
                    "order.nothing",
                    "The hold is on footage, and none of its keys is a recording that is known: nothing was ordered.",
                    where=hold_id,
                    advice="Place one by camera and span (--camera, --from, --to), and release this one.",
                )
            order = Order(uuid.uuid4().hex[:12], hold_id, processor, tuple(lines), self._house.clock.now())
            # The letter before the row: a crash in between leaves a hold without an order, which is told and repeated.
            self._write(order, "footage_order")
            self._insert(order, author)
            found.append(order)
        return found

    def confirm(self, id: str, author: str) -> Order:
        """Record that the processor has confirmed. Safe to repeat.

        :raises BadInput: ``order.unknown``. :raises Refused: ``order.withdrawn``.
        """
        order = self.get(id)
        if order.withdrawn_at is not None:
            raise Refused("order.withdrawn", "The order was withdrawn with its hold.", where=id)
        return order if order.confirmed_at else self._change(order, "confirmed", author)

    def withdraw(self, hold_id: str, author: str) -> list[Order]:
        """Tell those who keep footage for a hold that it is over, so that they erase it (CAM-48H). Safe to repeat.

        :raises Refused: ``hold.in_force``.
        """
        if self._house.holds.get(hold_id).released_at is None:
            raise Refused("hold.in_force", "The hold is in force.", where=hold_id, advice="Release it first.")
        found = []
        for order in self.all(hold_id):
            if order.withdrawn_at is None:
                self._write(order, "footage_release")
                found.append(self._change(order, "withdrawn", author))
        return found

    def unconfirmed(self, now: datetime) -> list[Unconfirmed]:
        """See :func:`unconfirmed`."""
        return _urgent([*self.unanswered(now), *self.unsent(now)])

    def unanswered(self, now: datetime) -> list[Unconfirmed]:
        """Those that were sent and not confirmed; the data map is not needed for it."""
        active = {hold.id for hold in self._house.holds.active()}
        return _urgent(
            _open(order.id, order.hold, order.processor, order.lines, now)
            for order in self.all()
            if order.state == "sent" and order.hold in active
        )

    def unsent(self, now: datetime) -> list[Unconfirmed]:
        """The holds on footage for which none was sent."""
        there, found = {(order.hold, order.processor) for order in self.all()}, []
        for hold in self._house.holds.active():
            for processor, refs in self.holders(hold).items():
                if (hold.id, processor) not in there:
                    try:
                        lines: Sequence[Line] = self._lines(hold, refs)
                    except PrivacyError:
                        lines = ()  # What cannot be read now is no reason not to tell of the hold.
                    found.append(_open("", hold.id, processor, lines, now))
        return _urgent(found)

    def lingering(self) -> list[Order]:
        """The orders whose hold is over, and that were not withdrawn: their holder keeps footage for nothing."""
        in_force = sa.exists().where(holds.c.id == table.c.hold, holds.c.released_at.is_(None))
        query = sa.select(table).where(table.c.withdrawn_at.is_(None), ~in_force).order_by(table.c.sent_at, table.c.id)
        with translated("orders"), reading(self._house.engine).connect() as connection:
            return [Order.of(row) for row in connection.execute(query)]

    def holders(self, hold: Hold) -> dict[str, list[Ref]]:
        """Who has footage that a hold is on, with the datasets. A hold on people is on none: it names no recording."""
        found: dict[str, list[Ref]] = {}
        if isinstance(hold.what, Keys | Everything):
            for ref in footage(self._house.datamap, hold.datasets):
                assert ref.dataset.footage is not None  # noqa: S101 - see footage()
                found.setdefault(ref.dataset.footage.holder, []).append(ref)
        return found

    def _lines(self, hold: Hold, refs: Sequence[Ref]) -> list[Line]:
        """The footage that a hold is on."""
        holder = refs[0].dataset.footage
        assert holder is not None  # noqa: S101 - see footage()
        theirs = held_by(self._house.datamap, holder.holder)
        every = [recording for ref in theirs for recording in recordings(self._house, ref)]
        whole = [recording for recording in every if not recording.moment]
        if isinstance(hold.what, Keys) and hold.what.span is not None:
            span = hold.what.span
            met = [r.begins for r in whole if span.meets(r.camera, r.begins, r.ends)]
            return [self._line(refs[0], span.camera, span.begins, span.ends, min([*met, span.begins]))]
        if isinstance(hold.what, Keys):
            keys, names = {tuple(map(str, key)) for key in hold.what.keys}, {ref.full for ref in refs}
            mine = [r for r in every if r.dataset in names and tuple(map(str, r.key)) in keys]
            return [self._line(refs[0], r.camera, r.begins, r.ends, r.begins) for r in _merged(mine, whole)]
        now = self._house.clock.now()
        ahead = [r.begins for r in every if self._wiped_at(refs[0], r.begins) > now]
        first = min([*ahead, now])
        return [self._line(refs[0], None, first, None, first)]

    def _line(self, ref: Ref, camera: str | None, begins: datetime, ends: datetime | None, first: datetime) -> Line:
        return Line(camera, begins, ends, self._wiped_at(ref, first))

    def _wiped_at(self, ref: Ref, begins: datetime) -> datetime:
        policy = self._house.policy
        found = limit(begins, policy.term_of(ref.dataset), policy.zone)
        assert found is not None  # noqa: S101 - loading the data map refuses footage without it
        return found

    def _write(self, order: Order, template: str) -> None:
        policy, now = self._house.policy, self._house.clock.now()
        processor: Processor | None = policy.processors.get(order.processor)
        if processor is None or processor.contact is None:
            raise BadConfiguration(
                "letters.no_contact",
                "Nobody knows where to send this order: the hold stands, and the processor was not told.",
                where=order.processor,
                advice=f"Give the processor a `contact:` in the policy, then: privacy hold order {order.hold}",
            )
        zone = ZoneInfo(policy.zone)

        def local(at: datetime | None) -> str | None:
            return None if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")

        lines = [
            {"camera": x.camera, "begins": local(x.begins), "ends": local(x.ends), "wiped_at": local(x.wiped_at),
                "hours_left": None if (left := x.hours_left(now)) is None else int(left)}
            for x in order.lines
        ]  # fmt: skip
        values = {"order": order.id, "hold": order.hold, "processor": processor, "policy": policy, "lines": lines,
            "hours": self._hours(order)}  # fmt: skip
        subject, text = written(self._house.settings.home, template, policy.language, values)
        letter = Letter(
            f"{template.replace('_', '-')}-{order.id}-{now:%Y%m%dT%H%M%SZ}", processor.contact, subject, text, now
        )
        outbox(self._house.connections, self._house.settings.state, policy.contact).send(letter)

    def _hours(self, order: Order) -> int:
        """The term in hours after which the processor erases: the longest of what it has for the controller."""
        terms = [
            self._house.policy.term_of(ref.dataset).keep_at_most
            for ref in held_by(self._house.datamap, order.processor)
        ]
        return max((round(term.longest / timedelta(hours=1)) for term in terms if term), default=0)

    def _insert(self, order: Order, author: str) -> None:
        with self._house.ledger.writing() as writing:
            # The entry first: it takes the ledger's lock, so that nobody else sends the same from here on.
            writing.event("order.sent", actor=author, hold=order.hold, record=order.id, digest=order.digest)
            there = sa.select(table.c.id).where(table.c.hold == order.hold, table.c.processor == order.processor)
            if writing.connection.execute(there).first() is not None:
                raise RetryLater(
                    "order.busy", "The order was sent in the same moment by somebody else.", where=order.hold
                )
            order.insert(writing.connection)

    def _again(self, order: Order, author: str) -> Order:
        self._write(order, "footage_order")
        self._house.ledger.event("order.repeated", actor=author, hold=order.hold, record=order.id)
        return order

    def _change(self, order: Order, state: str, author: str) -> Order:
        now = self._house.clock.now()
        column = table.c[f"{state}_at"]
        with self._house.ledger.writing() as writing:
            writing.event(f"order.{state}", actor=author, hold=order.hold, record=order.id)
            changed = writing.connection.execute(
                sa.update(table)
                .where(table.c.id == order.id, column.is_(None), table.c.withdrawn_at.is_(None))
                .values({column: now.isoformat(timespec="microseconds")})
            )
            if changed.rowcount != 1:
                raise RetryLater("order.busy", "The order was changed in the same moment.", where=order.id)
        return replace(order, confirmed_at=now) if state == "confirmed" else replace(order, withdrawn_at=now)


def _urgent(found: Iterable[Unconfirmed]) -> list[Unconfirmed]:
    return sorted(found, key=lambda one: (one.hours_left is None, one.hours_left or 0.0))


def _open(order: str, hold: str, processor: str, lines: Sequence[Line], now: datetime) -> Unconfirmed:
    left = [line.hours_left(now) for line in lines]
    ahead = [hours for hours in left if hours is not None]
    return Unconfirmed(order, hold, processor, min(ahead, default=None), len(left) - len(ahead), len(left))


def _merged(mine: Sequence[Recording], whole: Sequence[Recording]) -> list[Recording]:
    """Recordings in order, those that touch as one; a moment stands for the recordings that it is in."""
    found: list[Recording] = []
    for one in mine:
        around = Span(one.camera, one.begins, one.ends)
        met = [r for r in whole if around.meets(r.camera, r.begins, r.ends)] if one.moment else []
        found += met or [one]
    merged: list[Recording] = []
    for one in sorted(found, key=lambda r: (r.camera, r.begins, r.ends)):
        if merged and merged[-1].camera == one.camera and one.begins <= merged[-1].ends:
            merged[-1] = replace(merged[-1], ends=max(merged[-1].ends, one.ends))
        else:
            merged.append(one)
    return merged
