"""Holding register and holds against the ledger: each change of theirs was written together with its entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import PrivacyError
from privacy.holds.replay import differences as of_holds
from privacy.keys import MasterKey
from privacy.ledger import entries_of
from privacy.ledger.tables import request_register as table
from privacy.rights.answering import LETTER
from privacy.rights.disclosures import differences as of_disclosures
from privacy.rights.markers import differences as of_markers
from privacy.rights.notice_rows import differences as of_notices
from privacy.rights.order_rows import differences as of_orders
from privacy.rights.policy_versions import differences as of_versions
from privacy.rights.rows import is_forgotten, opened, remains, written
from privacy.rights.stop_rows import differences as of_stops
from privacy.rights.table import FORGOTTEN


def differences(engine: sa.Engine, key: MasterKey) -> list[str]:
    """What the tables beside the ledger say otherwise than it, one sentence each; nobody is named.

    A row that was removed, altered, added or put back as it was before is found, as long as the ledger itself stands.

    :param engine: of the ledger's database.
    """
    with translated("ledger"), reading(engine).connect() as connection:
        if connection.dialect.name == "postgresql":
            # One state of all tables; SQLite shows one by itself.
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        return [
            *_of_register(connection, key),
            *of_holds(connection, key),
            *of_orders(connection),
            *of_disclosures(connection, key),
            *of_stops(connection, key),
            *of_markers(connection),
            *of_notices(connection),
            *of_versions(connection),
        ]


def _of_register(connection: sa.Connection, key: MasterKey) -> Iterator[str]:
    received: dict[str, dict[str, Any]] = {}
    revisions: dict[str, int] = {}
    forgotten: dict[str, str] = {}
    for entry in (*entries_of(connection, "request."), *entries_of(connection, LETTER)):
        number = str(entry.get("request"))
        if entry["kind"] == "request.received":
            received[number] = entry
        if entry["kind"] == FORGOTTEN:
            forgotten[number] = str(entry.get("digest"))
        if entry.get("revision") is not None:
            # They only rise; letters have entries of their own kind.
            revisions[number] = max(entry["revision"], revisions.get(number, 0))
    for row in connection.execute(sa.select(table).order_by(table.c.number)):
        first = received.pop(row.number, None)
        if first is None:
            yield f"Request {row.number} stands in the register, and the ledger does not know it."
            continue
        at = written(datetime.fromisoformat(first["received_at"])) if first.get("received_at") else None
        if (row.right_, row.received_at) != (first.get("right"), at):
            yield f"Request {row.number} has another right or arrival than was recorded."
        elif row.revision != (last := revisions.get(row.number)):
            yield f"Request {row.number} is at revision {row.revision}; the ledger's last is {last}."
        elif is_forgotten(row) != (row.number in forgotten):
            yield f"Request {row.number} " + ("has lost its content." if is_forgotten(row) else "was forgotten once.")
        elif is_forgotten(row):
            if remains(row, row.revision) != forgotten[row.number]:
                yield f"Request {row.number} says something else than when it was forgotten."
        else:
            yield from _unopened(row, key)
    for number in received:
        yield f"Request {number} was received, and does not stand in the register any more."


def _unopened(row: sa.Row[Any], key: MasterKey) -> Iterator[str]:
    try:
        opened(row, key)
    except PrivacyError as problem:
        yield f"Request {row.number}: {problem.message}"
