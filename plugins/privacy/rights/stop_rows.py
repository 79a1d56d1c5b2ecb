"""Rows of the table of stops, and what the ledger says of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa

from privacy.keys import MasterKey
from privacy.ledger import entries_of
from privacy.ledger.tables import do_not_process as table

ANY = "*"
"""Among the purposes of a stop: whatever the purpose."""


class Scope(StrEnum):
    """For what data are not to be processed."""

    ALL = "all"
    """For nothing: a restriction, an erasure whose staff are blocked, an objection that is not narrowed."""
    PURPOSES = "purposes"
    """For the purposes that were named."""
    MARKETING = "marketing"
    """For whatever the policy calls marketing."""


class StopGround(StrEnum):
    """Why."""

    RESTRICTION = "restriction"
    OBJECTION = "objection"
    ERASURE = "erasure"
    """Staff do not reach whom an erasure is for (promise STAFF-BLOCK)."""
    MARKETING_STOP = "marketing_stop"
    CONSENT_WITHDRAWAL = "consent_withdrawal"


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the table has it. :param purposes: JSON list. :param salt: so that its digest gives nobody away.

    ``kind``, ``value``, ``purposes`` and ``salt`` are None once it has ended.
    """

    id: str
    request: str | None
    kind: str | None
    value: str | None = field(repr=False)
    scope: str
    purposes: str | None
    ground: str
    since: str
    ended: str | None
    salt: str | None = field(repr=False)

    @classmethod
    def new(
        cls, id: str, request: str | None, kind: str, value: str, scope: str, purposes: str, ground: str, since: str
    ) -> Row:
        """One in force."""
        return cls(id, request, kind, value, scope, purposes, ground, since, None, secrets.token_hex(16))

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Row:
        """As the table has it."""
        return cls(**row._mapping)

    @property
    def listed(self) -> list[str]:
        """The purposes."""
        return list(orjson.loads(self.purposes or "[]"))

    def digest(self, key: bytes) -> str:
        """Of all that it says, for the ledger. Nobody can try who fits without key and salt, which its end takes."""
        said = {name: value for name, value in asdict(self).items() if name != "ended"}
        return hmac.new(key, orjson.dumps(said, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()

    def insert(self, connection: sa.Connection) -> None:
        """Add it to the table."""
        connection.execute(sa.insert(table).values(**asdict(self)))


def differences(connection: sa.Connection, key: MasterKey) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each; nobody is named."""
    own = key.derive("stops")
    said: dict[str, tuple[object, object] | None] = {}
    requests: dict[str, object] = {}
    for entry in entries_of(connection, "stop."):
        id = str(entry.get("record"))
        requests.setdefault(id, entry.get("request"))
        said[id] = None if entry["kind"] == "stop.ended" else (entry.get("request"), entry.get("digest"))
    for found in connection.execute(sa.select(table).order_by(table.c.id)):
        row = Row.of(found)
        if row.id not in said:
            yield f"Stop {row.id} stands in the table, and the ledger does not know it."
            continue
        placed = said.pop(row.id)
        if (placed is None) != (row.ended is not None):
            yield f"Stop {row.id} is " + (
                "in force, and was ended." if placed is None else "over, and was never ended."
            )
        elif placed is None:
            if any(x is not None for x in (row.kind, row.value, row.purposes, row.salt)):
                yield f"Stop {row.id} has ended, and still names somebody."
            elif row.request != requests[row.id]:
                yield f"Stop {row.id} is not of the request that it was placed for."
        elif placed != (row.request, row.digest(own)):
            yield f"Stop {row.id} is not what was placed."
    for id, placed in said.items():
        if placed is not None:
            yield f"Stop {id} was placed, and does not stand in the table any more."
        else:
            yield f"Stop {id} has ended, and its row is gone."


def text_of(at: datetime) -> str:
    """A moment as the table has it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
