"""Rows of the table of notices to processors, and what the ledger says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa

from privacy.errors import Refused, Tampered
from privacy.keys import seal, unseal
from privacy.ledger import entries_of
from privacy.ledger.tables import processor_notices as table

Known = tuple[str, tuple[str, ...]]
"""An identity kind, and the person's values of it."""


class Deed(StrEnum):
    """What was done here, and has to be done by the processor."""

    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    LIFTING = "lifting"
    """The restriction is over."""


class State(StrEnum):
    """How far a notice is."""

    TO_SEND = "to_send"
    SENT = "sent"
    REFUSED = "refused"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is corrected. :param what: in words; :param value: the right one. :param dataset: where; empty: anywhere."""

    what: str
    value: str = field(repr=False)
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a notice says of whom."""

    datasets: tuple[str, ...]
    identifiers: tuple[Known, ...] = field(repr=False)
    facts: tuple[Fact, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, without whom it is about; dates aware, UTC.

    :param request: its number. :param processor: as the policy calls it.
    """

    id: str
    request: str
    processor: str
    deed: Deed
    made_at: datetime
    sent_at: datetime | None = None
    reminded_at: datetime | None = None
    refused_at: datetime | None = None
    confirmed_at: datetime | None = None

    @property
    def state(self) -> State:
        """How far it is."""
        if self.confirmed_at is not None:
            return State.CONFIRMED
        if self.refused_at is not None:
            return State.REFUSED
        return State.SENT if self.sent_at is not None else State.TO_SEND

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Notice:
        """As the table has it."""
        dates = (row.sent_at, row.reminded_at, row.refused_at, row.confirmed_at)
        return cls(
            row.id,
            row.request,
            row.processor,
            Deed(row.deed),
            datetime.fromisoformat(row.made_at),
            *map(_moment, dates),
        )

    def insert(self, connection: sa.Connection, text: str) -> None:
        """Add it to the table. :param text: whom it is about, sealed."""
        values = {"id": self.id, "request": self.request, "processor": self.processor, "deed": self.deed.value}
        connection.execute(sa.insert(table).values(**values, made_at=_text(self.made_at), sealed=text))

    def digest(self, text: str) -> str:
        """Of what was made, for the ledger."""
        return _digest(self.id, self.request, self.processor, self.deed.value, _text(self.made_at), text)

    def as_json(self) -> dict[str, Any]:
        """For machines; datetimes in UTC."""
        return {
            "notice": self.id, "request": self.request, "processor": self.processor, "deed": self.deed.value,
            "state": self.state.value, "made_at": _text(self.made_at), "sent_at": _text(self.sent_at),
            "reminded_at": _text(self.reminded_at), "refused_at": _text(self.refused_at),
            "confirmed_at": _text(self.confirmed_at),
        }  # fmt: skip


def sealed(key: bytes, notice: Notice, content: Content) -> str:
    """What a notice says, sealed and bound to its row."""
    said = {
        "datasets": content.datasets, "identifiers": content.identifiers,
        "facts": [[fact.what, fact.value, fact.dataset] for fact in content.facts],
    }  # fmt: skip
    return seal(key, orjson.dumps(said), about=_bound(notice.id, notice.request, notice.processor, notice.deed.value))


def opened(key: bytes, row: sa.Row[Any]) -> Content:
    """What :func:`sealed` made.

    :raises Refused: ``notice.forgotten``. :raises Tampered: ``notice.altered``.
    """
    if row.sealed is None:
        raise Refused("notice.forgotten", "The processor has confirmed; whom it was about is forgotten.", where=row.id)
    try:
        said = orjson.loads(unseal(key, row.sealed, about=_bound(row.id, row.request, row.processor, row.deed)))
    except Tampered:
        raise Tampered(
            "notice.altered", "A notice is not what was made, or was made with another key.", where=row.id,
            advice="Compare it with the ledger: privacy ledger verify.",
        ) from None  # fmt: skip
    identifiers = tuple((kind, tuple(values)) for kind, values in said["identifiers"])
    return Content(tuple(said["datasets"]), identifiers, tuple(Fact(*fact) for fact in said["facts"]))


def differences(connection: sa.Connection) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each; nobody is named."""
    said: dict[str, dict[str, Any]] = {}
    for entry in entries_of(connection, "notice."):
        id, step = str(entry.get("record")), str(entry["kind"]).removeprefix("notice.")
        if step == "made":
            said[id] = {"digest": entry.get("digest")}
        elif id in said:
            said[id][step] = True
    for row in connection.execute(sa.select(table).order_by(table.c.id)):
        notice = said.pop(row.id, None)
        if notice is None:
            yield f"Notice {row.id} stands in the table, and the ledger does not know it."
            continue
        steps = {
            name for name in ("sent", "reminded", "refused", "confirmed") if getattr(row, f"{name}_at") is not None
        }
        if steps != notice.keys() - {"digest"} or (row.sealed is None) != ("confirmed" in steps):
            yield f"Notice {row.id} is in another state than the ledger says."
        elif row.sealed is not None and Notice.of(row).digest(row.sealed) != notice["digest"]:
            yield f"Notice {row.id} is not what was made."
    for id in said:
        yield f"Notice {id} was made, and does not stand in the table any more."


def _bound(*said: str) -> str:
    return orjson.dumps(said).decode()


def _digest(*said: str | None) -> str:
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
