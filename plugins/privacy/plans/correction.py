"""What a correction is: what its subject wants to stand there, and the plan of what is changed for it.

All of it is personal, and stands sealed in the request's own content, nowhere else. Values are texts: a date and a
moment in ISO 8601, a decimal in full, bytes in base64, lists and records in JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from privacy.datamap.kinds import normal
from privacy.datamap.models import Column, Form
from privacy.errors import BadConfiguration, BadInput, Unreadable
from privacy.plans.keys import read, written
from privacy.sources.convert import to_arrow
from privacy.sources.instants import FACTOR, micros
from privacy.sources.sql_stored import stored

Moment = Annotated[AwareDatetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(), when_used="json")]
LONGEST = 20_000
"""Most characters of a value."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return []


class Wanted(_Part):
    """What one fact is to be.

    :param to: the value; None: nothing is to stand there.
    :param was: the value that is wrong; None: the one that stands there.
    :param row: ``system.dataset/key`` of the one record that it is about; None: all that say the wrong value.
    """

    fact: str
    to: str | None = Field(default=None, max_length=LONGEST)
    was: str | None = Field(default=None, max_length=LONGEST)
    row: str | None = Field(default=None, max_length=400)
    author: str
    at: Moment


class Cell(_Part):
    """A value that is changed. :param was, to: None: nothing stands there."""

    fact: str
    was: str | None = None
    to: str | None = None


class Change(_Part):
    """A record that is changed.

    :param dataset: full name. :param key: as :func:`privacy.plans.keys.written` has it.
    :param version: as it was located. :param cells: by column.
    :param moved: columns of which what is replaced is kept elsewhere, and since when the new value holds is noted.
    :param at: the moment of the correction.
    """

    dataset: str
    key: str
    version: str
    cells: dict[str, Cell]
    moved: tuple[str, ...] = ()
    at: Moment

    @property
    def record(self) -> tuple[object, ...]:
        """Its key."""
        return read([self.key.encode()])[0]


class Link(_Part):
    """A historic record that says the wrong value, which a supplementary statement is linked to."""

    dataset: str
    key: str
    facts: tuple[str, ...]

    @property
    def record(self) -> tuple[object, ...]:
        """Its key."""
        return read([self.key.encode()])[0]


class Plan(_Part):
    """What is changed, and what is not.

    :param old: of each wanted fact, in their order, the value that was wrong; None: nothing stood there.
    :param links: the historic records. :param differs: records by dataset that say neither the old nor the new value.
    :param others: how many records of somebody else say the new e-mail address already.
    """

    run: str
    as_of: Moment
    changes: tuple[Change, ...] = ()
    old: tuple[str | None, ...] = ()
    links: tuple[Link, ...] = ()
    differs: dict[str, int] = Field(default_factory=dict)
    others: int = 0

    @property
    def datasets(self) -> dict[str, int]:
        """How many records are changed, by dataset."""
        return _counted(change.dataset for change in self.changes)

    @property
    def historic(self) -> dict[str, int]:
        """How many historic records say the old value, by dataset."""
        return _counted(link.dataset for link in self.links)


class Correction(_Part):
    """Everything about what a request wants corrected.

    :param plan: the last that was made. :param begun: it was approved, and changes have begun.
    :param supplemented_at: since when the supplementary statement is linked to the plan's historic records.
    """

    wanted: tuple[Wanted, ...] = Field(min_length=1)
    plan: Plan | None = None
    begun: bool = False
    supplemented_at: Moment | None = None


def key_of(record: tuple[object, ...]) -> str:
    """A record's key as a plan names it. :raises Unreadable: ``plans.key``."""
    return written(record).decode()


def parsed(text: str | None, column: Column, fact: str) -> Any:
    """A text that somebody typed, as a value of the column's type.

    :param fact: for the error.
    :raises BadInput: ``rectify.value``: it is none; it is not quoted.
    """
    if text is None:
        return None
    try:
        value = to_arrow([_raw(text, column)], column, fact)[0].as_py()
        stored(value, column, fact)
    except (BadInput, BadConfiguration, Unreadable, ValueError, InvalidOperation, RecursionError, OverflowError):
        value = None
    if value is None:
        kind = "an e-mail address" if column.identity == "email" else f"a {column.type}"
        raise BadInput("rectify.value", f"That is not {kind}.", where=fact, advice=_HINTS.get(column.type, ""))
    return value


def told(value: object) -> str | None:
    """The other way round, exactly."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case bytes():
            return base64.b64encode(value).decode()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=told)
        case _:
            return repr(value)


def compared(value: object, column: Column) -> object:
    """A value as it is compared: an e-mail address, a phone number of any spelling is the same."""
    if column.identity is not None and isinstance(value, str | int):
        try:
            return normal(column.identity, value)
        except BadInput:
            return value
    return json.dumps(value, default=told) if isinstance(value, list | dict) else value


_HINTS = {
    "date": "Write it like 1990-02-28.", "datetime": "Write it like 2026-11-02T09:30:00+01:00.",
    "boolean": "Write true or false.", "binary": "Write it in base64.",
}  # fmt: skip


def _raw(text: str, column: Column) -> object:
    """As a store would write it, for :func:`to_arrow` to judge."""
    if "\0" in text:
        raise ValueError
    text.encode()  # half a character is none
    kind = column.arrow
    if pa.types.is_string(kind):
        return _text(text, column)
    if pa.types.is_timestamp(kind):
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(column.zone or "UTC"))
        return at.isoformat() if column.form not in FACTOR else _whole(at, column.form)
    if pa.types.is_date(kind):
        return date.fromisoformat(text).isoformat()
    if pa.types.is_boolean(kind):
        return {"true": 1, "false": 0}[text] if text in ("true", "false") else text
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_binary(kind):
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError from None
    if pa.types.is_nested(kind):
        return text if isinstance(orjson.loads(text), list | dict) else 0
    return text.strip()


def _text(text: str, column: Column) -> str:
    if column.identity != "email":
        return text
    text = unicodedata.normalize("NFC", text.strip())
    local, at, domain = text.rpartition("@")
    bad = any(unicodedata.category(c)[0] in "CZ" or c in "<>,;" for c in text)
    if not at or not local or "." not in domain.strip(".") or bad or len(text) > 254:
        raise ValueError
    return text


def _whole(at: datetime, form: Form) -> int:
    whole, rest = divmod(micros(at), FACTOR[form])
    if rest:
        raise ValueError
    return whole


def _counted(names: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
