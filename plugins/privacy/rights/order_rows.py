"""Rows of the table of orders to keep footage, and what the ledger says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from privacy.ledger import entries_of
from privacy.ledger.tables import footage_orders as table


@dataclass(frozen=True, slots=True)
class Line:
    """Footage of one order.

    :param camera: None: all cameras. :param begins: aware, UTC; ``ends``: likewise, None: until it is withdrawn.
    :param wiped_at: when the term of its first recording is over: by then its holder erases it.
    """

    camera: str | None
    begins: datetime
    ends: datetime | None
    wiped_at: datetime

    def hours_left(self, now: datetime) -> float | None:
        """Until the wipe; None: that is over."""
        left = (self.wiped_at - now).total_seconds() / 3600
        return left if left > 0 else None


@dataclass(frozen=True, slots=True)
class Order:
    """An order to keep footage, as it stands; dates aware, UTC.

    :param hold: the hold that it is for. :param processor: who holds the footage, as the policy calls them.
    """

    id: str
    hold: str
    processor: str
    lines: tuple[Line, ...]
    sent_at: datetime
    confirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def state(self) -> str:
        """``sent``, ``confirmed`` or ``withdrawn``."""
        return "withdrawn" if self.withdrawn_at else "confirmed" if self.confirmed_at else "sent"

    @property
    def packed(self) -> str:
        """Its lines, as the table has them."""
        lines = [[x.camera, _text(x.begins), _text(x.ends), _text(x.wiped_at)] for x in self.lines]
        return orjson.dumps(lines).decode()

    @property
    def digest(self) -> str:
        """Of what was ordered, for the ledger."""
        return _digest(self.id, self.hold, self.processor, self.packed, _text(self.sent_at))

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Order:
        """As the table has it."""
        lines = (
            Line(camera, datetime.fromisoformat(begins), _moment(ends), datetime.fromisoformat(wiped_at))
            for camera, begins, ends, wiped_at in orjson.loads(row.lines)
        )
        sent_at = datetime.fromisoformat(row.sent_at)
        dates = (_moment(row.confirmed_at), _moment(row.withdrawn_at))
        return cls(row.id, row.hold, row.processor, tuple(lines), sent_at, *dates)

    def as_json(self) -> dict[str, Any]:
        """For machines; datetimes in UTC."""
        return {
            "order": self.id,
            "hold": self.hold,
            "processor": self.processor,
            "state": self.state,
            "sent_at": _text(self.sent_at),
            "confirmed_at": _text(self.confirmed_at),
            "withdrawn_at": _text(self.withdrawn_at),
            "footage": [
                {"camera": x.camera, "from": _text(x.begins), "to": _text(x.ends), "wiped_at": _text(x.wiped_at)}
                for x in self.lines
            ],
        }

    def insert(self, connection: sa.Connection) -> None:
        """Add it to the table."""
        values = {"id": self.id, "hold": self.hold, "processor": self.processor, "lines": self.packed}
        connection.execute(sa.insert(table).values(**values, sent_at=_text(self.sent_at)))


def differences(connection: sa.Connection) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each."""
    said: dict[str, dict[str, object]] = {}
    for entry in entries_of(connection, "order."):
        id, kind = str(entry.get("record")), str(entry["kind"])
        if kind == "order.sent":
            said[id] = {"digest": entry.get("digest"), "confirmed": False, "withdrawn": False}
        elif id in said:
            said[id][kind.removeprefix("order.")] = True
    for row in connection.execute(sa.select(table).order_by(table.c.id)):
        order = said.pop(row.id, None)
        if order is None:
            yield f"Order {row.id} stands in the table, and the ledger does not know it."
        elif _digest(row.id, row.hold, row.processor, row.lines, row.sent_at) != order["digest"]:
            yield f"Order {row.id} is not what was sent."
        elif (row.confirmed_at is not None, row.withdrawn_at is not None) != (order["confirmed"], order["withdrawn"]):
            yield f"Order {row.id} is in another state than the ledger says."
    for id in said:
        yield f"Order {id} was sent, and does not stand in the table any more."


def _digest(*said: str | None) -> str:
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
