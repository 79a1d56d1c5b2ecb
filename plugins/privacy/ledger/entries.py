"""What a ledger entry may say: a strict model, so that nothing personal can slip in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privacy.errors import BadInput

Code = Annotated[str, Field(max_length=200, pattern=r"^[^@\n\r]*$")]
"""Short, one line, no ``@``: a code, a name of a dataset, a digest."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Code
    at: datetime
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
    limit: Code | None = None
    bound: datetime | None = None
    plan_digest: Code | None = None
    candidates: int | None = None


class Count(BaseModel):
    """Of one dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: int
    bytes: int


class Ended(_Entry):
    """A run has ended; only ``done`` is green."""

    kind: Literal["run.ended"] = "run.ended"
    run: Code
    status: Literal["done", "failed", "stopped"]
    datasets: dict[Code, Count] = Field(default_factory=dict)
    records: int = 0
    bytes: int = 0
    deleted: int = 0
    retained: dict[Code, int] = Field(default_factory=dict)
    held: int = 0
    failed: int = 0
    omitted: dict[Code, int] = Field(default_factory=dict)
    unattributed: int = 0
    oldest_remaining: datetime | None = None
    inner_sha256: Code | None = None
    outer_sha256: Code | None = None


class Event(_Entry):
    """Anything else that must be provable: a request received, an identity proven, a hold placed."""

    right: Code | None = None
    hold: Code | None = None
    ground: Code | None = None
    dataset: Code | None = None
    digest: Code | None = None
    count: int | None = None


E = TypeVar("E", Begun, Ended, Event)


def made(model: type[E], values: dict[str, object]) -> E:
    """An entry.

    :raises BadInput: a field that an entry has not, or a text that could hold something personal.
    """
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        names = ", ".join(".".join(str(p) for p in e["loc"]) for e in problem.errors())
        raise BadInput("ledger.entry", f"An entry cannot hold this: {names}.") from None
