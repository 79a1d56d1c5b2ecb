"""What a ledger entry may say: a strict model, so that nothing personal can slip in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import rfc8785
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from privacy.errors import BadInput

Code = Annotated[str, Field(max_length=200, pattern=r"^[^@\x00-\x1f\x7f]*$")]
"""Short, one line, no ``@``, no control characters: a code, a name of a dataset, a digest."""

Number = Annotated[int, Field(ge=0, lt=2**53)]
"""A count; canonical JSON has no larger ones."""


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_run(kind: str) -> str:
    if kind.startswith("run."):
        raise ValueError("a run begins and ends by entries of their own")
    return kind


Instant = Annotated[AwareDatetime, PlainSerializer(_written, return_type=str)]
"""Written in UTC, with all microseconds: as texts they sort by time."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Code
    at: Instant
    actor: Code
    """Who or what did it: a signed-in user of Airflow, a schedule, a user of the machine."""
    request: Annotated[str, Field(pattern=r"^[A-Z]{2,5}-\d{4}-\d{4,}-\d$")] | None = None
    run: Code | None = None
    reason: Code | None = None

    def canonical(self) -> bytes:
        """RFC 8785 JSON; members without a value are left out."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_none=True))


class Begun(_Entry):
    """A pipeline's run begins: written before the first record is read or changed."""

    kind: Literal["run.begun"] = "run.begun"
    run: Code
    pipeline: Code
    rule: Code | None = None
    code_version: Code
    policy_version: Code
    promises: tuple[Code, ...] | None = None
    """Of the statement: those that a run which is done proves."""
    limit: Code | None = None
    as_of: Instant | None = None
    bound: Instant | None = None
    plan_digest: Code | None = None
    candidates: Number | None = None


class Count(BaseModel):
    """Of one dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: Number
    bytes: Number


class Ended(_Entry):
    """A run has ended; only ``done`` is green."""

    kind: Literal["run.ended"] = "run.ended"
    run: Code
    status: Literal["done", "failed", "stopped"]
    datasets: dict[Code, Count] = Field(default_factory=dict)
    records: Number = 0
    bytes: Number = 0
    deleted: Number = 0
    retained: dict[Code, Number] = Field(default_factory=dict)
    held: Number = 0
    failed: Number = 0
    omitted: dict[Code, Number] = Field(default_factory=dict)
    unattributed: Number = 0
    oldest_remaining: Instant | None = None
    late: Number | None = None
    """Records that were past their limit when they were deleted (or found, and held)."""
    late_by: Code | None = None
    """How long the oldest of them was, as an ISO 8601 duration in real hours."""
    undated: Number | None = None
    """Records without a start that can be read, or that follow a record which is gone: no purge takes them."""
    unreadable: Number | None = None
    """Of the undated, those with something written as their start that says no moment; none: there are none."""
    future: Number | None = None
    """Records that say that they begin later than now."""
    foreseen: Number | None = None
    """How many records are to fall due by the rule's next run."""
    inner_sha256: Code | None = None
    outer_sha256: Code | None = None
    derived: bool | None = None
    """Said by a later run, from what it found: the run itself died before it could (edge case 13)."""


class Event(_Entry):
    """Anything else that must be provable: a request received, an identity proven, a hold placed."""

    kind: Annotated[str, Field(max_length=200, pattern=r"^[a-z][a-z0-9_.]*$"), AfterValidator(_no_run)]
    """Dotted, lower case; ``run.*`` are :class:`Begun` and :class:`Ended`."""
    right: Code | None = None
    rule: Code | None = None
    hold: Code | None = None
    record: Code | None = None
    """The row beside the ledger that it is about: an order, a disclosure."""
    ground: Code | None = None
    dataset: Code | None = None
    datasets: tuple[Code, ...] | None = None
    digest: Code | None = None
    count: Number | None = None
    bytes: Number | None = None
    """Of what was handed out."""
    revision: Number | None = None
    """Of the register's row, as the step left it: an older row that is put back is told by it."""
    received_at: Instant | None = None
    """When a request arrived, which its terms count from."""
    first: Number | None = None
    last: Number | None = None
    """Entries that this one is about."""


E = TypeVar("E", Begun, Ended, Event)


def made(model: type[E], values: dict[str, object]) -> E:
    """An entry.

    :raises BadInput: a field that an entry has not, or a text that could hold something personal.
    """
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        # The entry's own fields alone: a key within one, or a field that it has not, may be somebody's address.
        places = [e["loc"] for e in problem.errors()]
        known = {str(loc[0]) for loc in places if loc and loc[0] in model.model_fields}
        names = sorted(known) + ["a field that it has not"] * any(not loc or loc[0] not in known for loc in places)
        raise BadInput("ledger.entry", f"An entry cannot hold this: {', '.join(names)}.") from None
