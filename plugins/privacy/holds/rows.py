"""Rows of the table of holds: whom a hold is about is sealed, bound to everything else that the row says."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from privacy.errors import Tampered
from privacy.holds.models import Everything, Hold, HoldKind, Keys, packed, unpacked
from privacy.keys import seal, unseal
from privacy.ledger import Writing
from privacy.ledger.tables import holds as table
from privacy.sources.base import Subject

Checked = tuple[Subject, ...] | Keys | Everything
"""What :func:`privacy.holds.models.checked` has passed."""


@dataclass(frozen=True, slots=True)
class Row:
    """A hold's row in force, as it is written.

    :param datasets: JSON list of full names; None: all.
    :param placed_at: ISO 8601 in UTC.
    """

    id: str
    kind: str
    request: str | None
    datasets: str | None
    author: str
    placed_at: str
    sealed: str = ""

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Row:
        """As the table has it."""
        return cls(row.id, row.kind, row.request, row.datasets, row.author, row.placed_at, row.sealed or "")

    @property
    def listed(self) -> list[str] | None:
        """The datasets' full names; None: all."""
        return None if self.datasets is None else list(orjson.loads(self.datasets))

    @property
    def digest(self) -> str:
        """Of the sealed text, for the ledger: it tells a row that was exchanged, and nobody's name."""
        return hashlib.sha256(self.sealed.encode()).hexdigest()

    def about(self, key: bytes, what: Checked, ground: str, tell: bool | None = None) -> Row:
        """The same hold, about somebody."""
        return replace(self, sealed=seal(key, packed(what, ground, tell), about=self._bound()))

    def opened(self, key: bytes) -> tuple[Checked, str, bool | None]:
        """Whom it is about, the ground, and whether the subject may be told.

        :raises Tampered: ``hold.altered``: any of the row's columns is not what it was when it was placed, or the key.
        """
        try:
            return unpacked(unseal(key, self.sealed, about=self._bound()))
        except Tampered:
            raise Tampered(
                "hold.altered",
                "A hold is not what was placed, or was placed with another key.",
                where=self.id,
                advice="Compare it with the ledger: privacy ledger verify. Nothing is deleted meanwhile.",
            ) from None

    def _bound(self) -> str:
        said = [self.id, self.kind, self.request, self.datasets, self.author, self.placed_at]
        return orjson.dumps(said).decode()

    def insert(self, connection: sa.Connection) -> None:
        """Add it to the table."""
        connection.execute(
            sa.insert(table).values(
                id=self.id,
                kind=self.kind,
                request=self.request,
                datasets=self.datasets,
                author=self.author,
                placed_at=self.placed_at,
                sealed=self.sealed,
            )
        )


def hold_of(row: sa.Row[Any], key: bytes) -> Hold:
    """A row as a hold; one that is over names nobody. :raises Tampered: see :meth:`Row.opened`."""
    what, ground, tell = (None, "", None) if row.sealed is None else Row.of(row).opened(key)
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
        tell,
    )


def told(
    writing: Writing,
    event: str,
    row: Row,
    author: str,
    *,
    sealed: bool = True,
    datasets: Sequence[str] | None = None,
    ground: str | None = None,
) -> None:
    """The entry that proves it.

    :param sealed: with the digest of the sealed text, for what is in force from now on.
    :param ground: a code, of why it ends.
    """
    writing.event(
        event,
        actor=author,
        hold=row.id,
        reason=row.kind,
        request=row.request,
        digest=row.digest if sealed else None,
        datasets=None if datasets is None else list(datasets),
        ground=ground,
    )
