"""Holding the table of holds against the entries that placed, changed and ended them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import Tampered
from privacy.holds.rows import Row
from privacy.keys import MasterKey
from privacy.ledger import entries_of
from privacy.ledger.tables import holds as table


@dataclass(slots=True)
class _Said:
    """What the ledger says of one hold."""

    kind: object
    request: object
    datasets: object
    author: object
    digest: object
    active: bool = True


def compared(engine: sa.Engine, key: MasterKey) -> None:
    """Hold the table against the ledger: a hold whose row was removed or altered would keep nothing.

    :param engine: of the ledger's database. :raises Tampered: ``holds.altered``.
    """
    with translated("holds"), reading(engine).connect() as connection:
        if connection.dialect.name == "postgresql":
            # One state of both tables; SQLite shows one by itself.
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        wrong = len(list(differences(connection, key)))
    if wrong:
        raise Tampered(
            "holds.altered", f"{wrong} holds are not what the ledger says of them; nothing may be deleted now.",
            where="holds", advice="See: privacy ledger verify. Compare with a backup.",
        )  # fmt: skip


def differences(connection: sa.Connection, key: MasterKey) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each; nobody is named."""
    said = _said(connection)
    own = key.derive("holds")
    for found in connection.execute(sa.select(table).order_by(table.c.id)):
        hold = said.pop(found.id, None)
        if hold is None:
            yield f"Hold {found.id} stands in the table, and the ledger does not know it."
        else:
            yield from _compared(found, hold, own)
    for id in said:
        yield f"Hold {id} was placed, and does not stand in the table any more."


def _said(connection: sa.Connection) -> dict[str, _Said]:
    said: dict[str, _Said] = {}
    for entry in entries_of(connection, "hold."):
        id = str(entry.get("hold"))
        if entry["kind"] == "hold.placed":
            datasets, digest = entry.get("datasets"), entry.get("digest")
            said[id] = _Said(entry.get("reason"), entry.get("request"), datasets, entry["actor"], digest)
        elif id in said and entry["kind"] == "hold.replaced":
            said[id].digest = entry.get("digest")
        elif id in said and entry["kind"] == "hold.released":
            said[id].active = False
    return said


def _compared(found: sa.Row[Any], hold: _Said, key: bytes) -> Iterator[str]:
    row = Row.of(found)
    try:
        listed: object = row.listed
    except ValueError:
        listed = "no list"
    if (row.kind, row.request, listed, row.author) != (hold.kind, hold.request, hold.datasets, hold.author):
        yield f"Hold {row.id} is not what was placed: its kind, request, datasets or author differ."
    elif (found.released_at is None) != hold.active:
        now = "in force, and was released" if found.released_at is None else "over, and was never released"
        yield f"Hold {row.id} is {now}."
    elif found.released_at is None and row.digest != hold.digest:
        yield f"Hold {row.id} is about somebody else than the ledger's last entry on it."
    elif found.released_at is None:
        try:
            row.opened(key)
        except Tampered:
            yield f"Hold {row.id} does not open."
