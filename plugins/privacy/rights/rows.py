"""Rows of the register's table, and requests made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from privacy.errors import Refused, Tampered
from privacy.keys import MasterKey, seal, unseal
from privacy.ledger.tables import DATES
from privacy.rights.payload import Payload
from privacy.rights.states import MOMENTS, Dates, Right, State, check


@dataclass(frozen=True, slots=True)
class Request:
    """A request as anybody who works with the register may see it: nothing personal.

    :param due: the last local date on which an answer is in time (promise R-30D).
    :param run: the run of the export that may seal it now; an earlier one may not any more.
    :param forgotten: its key and content were destroyed: nobody can tell any more whom it was about.
    """

    number: str
    right: Right
    dates: Dates
    due: date
    run: str | None = None
    forgotten: bool = False

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.dates.state

    def as_json(self) -> dict[str, Any]:
        """For machines; datetimes in UTC."""
        moments = {name: getattr(self.dates, name) for name in MOMENTS}
        return {
            "number": self.number,
            "right": self.right.value,
            "state": self.state.value,
            **{name: written(at) for name, at in moments.items()},
            "due": self.due.isoformat(),
            "next_step": "none" if self.forgotten else self.dates.next_step,
            **({"forgotten": True} if self.forgotten else {}),
        }


@dataclass(slots=True)
class Draft:
    """A row while it changes; ``payload`` is opened."""

    number: str
    right: Right
    dates: Dates
    run: str | None
    revision: int
    key: bytes = field(repr=False)
    payload: Payload


def written(at: datetime | None) -> str | None:
    """A moment as the table has it: 32 characters, so that text sorts as time does."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def dates_of(row: sa.Row[Any]) -> Dates:
    """The row's dates.

    :raises Tampered: ``request.dates``.
    """
    found = row._mapping
    try:
        moments = {name: datetime.fromisoformat(found[name]) if found[name] else None for name in DATES}
        dates = Dates(right=Right(found["right_"]), **moments)  # type: ignore[arg-type]  # received_at is NOT NULL
    except (TypeError, ValueError):
        raise Tampered("request.dates", "A date of the register is none.", where=found["number"]) from None
    return check(dates, found["number"])


def opened(row: sa.Row[Any], key: MasterKey) -> Draft:
    """The row with its content opened, which must fit the dates: a date alone, set by hand, proves nothing.

    :raises Refused: ``request.forgotten``: its content was destroyed when its term was over.
    :raises Tampered: a column that was altered, content of another row or of an earlier time, a wrong key, or dates
        that the content does not bear out.
    """
    found = row._mapping
    number, dates = found["number"], dates_of(row)
    if is_forgotten(row):
        raise Refused("request.forgotten", "Whom the request was about was forgotten: its term is over.", where=number)
    own = key.unwrap(found["key"] or "", about=number)
    try:
        content = unseal(own, found["payload"] or "", about=_about(dict(found)))
    except Tampered:
        raise Tampered(
            "request.altered",
            "A row of the register is not what its sealed content was written with.",
            where=number,
            advice="Compare the register with the ledger: privacy ledger verify.",
        ) from None
    payload = Payload.from_bytes(content, number)
    claims = (
        dates.proven_at, dates.sealed_at, dates.released_at, dates.refused_at, dates.extended_at, dates.reviewed_at,
        dates.partly_at, dates.acted_at, dates.answered_at, dates.lifted_at,
    )  # fmt: skip
    facts = (
        payload.proofs, payload.bundle, payload.release, payload.refusal, payload.extension, payload.review,
        payload.partly, payload.act, payload.answer, payload.lifted,
    )  # fmt: skip
    if any(bool(claim) != bool(fact) for claim, fact in zip(claims, facts, strict=True)):
        raise Tampered(
            "request.dates",
            "The register's dates say something else than its sealed content.",
            where=number,
            advice="Compare the register with the ledger: privacy ledger show --request.",
        )
    return Draft(number, Right(found["right_"]), dates, found["run"], found["revision"], own, payload)


def is_forgotten(row: sa.Row[Any]) -> bool:
    """Whether neither key nor content is left; that it was meant to be so, the ledger says."""
    return row._mapping["key"] is None and row._mapping["payload"] is None


def remains(row: sa.Row[Any], revision: int) -> str:
    """A digest of what a forgotten row goes on to say, which its content no longer vouches for.

    :param revision: that the row gets by it, or has.
    """
    return sha256(_about({**row._mapping, "revision": revision}).encode()).hexdigest()


def values_of(draft: Draft, revision: int) -> dict[str, object]:
    """What the table gets to hold; the content is sealed anew, bound to everything else that the row says."""
    values: dict[str, object] = {
        "number": draft.number,
        "right_": draft.right.value,
        **{name: written(getattr(draft.dates, name)) for name in DATES},
        "run": draft.run,
        "revision": revision,
    }
    return {**values, "payload": seal(draft.key, draft.payload.as_bytes(), about=_about(values))}


_LATER = ("extended_at", "reviewed_at", "partly_at", "acted_at", "answered_at", "lifted_at")
"""Dates that the table got later: where one is empty, a row says what it said without it, so that older ones open."""


def _about(values: Mapping[str, object]) -> str:
    """What the content is sealed about: a column that is set by hand, or a row of an earlier time, does not open."""
    first = [name for name in DATES if name not in _LATER]
    told = [values[name] for name in ("number", "right_", *first, "run", "revision")]
    return json.dumps([*told, *([name, values[name]] for name in _LATER if values[name] is not None)])
