"""The columns that this source makes, by name, and what a message has in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pyarrow as pa

from privacy.datamap.models import Dataset, did_you_mean
from privacy.errors import BadConfiguration
from privacy.sources.base import LEFT_OUT, PARTY, SUBJECT, WITHHELD, Redaction, schema_of
from privacy.sources.mailbox_addresses import Address
from privacy.sources.mailbox_original import Seen, redacted
from privacy.sources.mailbox_parts import Part
from privacy.sources.mailbox_store import Stored
from privacy.sources.mailbox_text import shown
from privacy.sources.mailbox_whose import FIELDS, Message, Row, staff_of
from privacy.sources.mailbox_words import clean, decoded

TYPES: dict[str, str] = {
    "folder": "text",
    "message": "text",
    "message_id": "text",
    "sent_at": "datetime",
    "received_at": "datetime",
    **dict.fromkeys(FIELDS, "list<text>"),
    "sender_name": "text",
    "subject_line": "text",
    "text": "text",
    "attachments": "list<record<name: text, type: text, bytes: integer>>",
    "size": "integer",
}
"""The columns that a dataset may declare, and the type of each."""

KEY = ("folder", "message")
RECEIVED = "received_at"


def checked(dataset: Dataset, full: str) -> None:
    """Hold a dataset of the data map against what this source has.

    :raises BadConfiguration: with what to write instead.
    """

    def wrong(what: str, advice: str) -> BadConfiguration:
        return BadConfiguration("mailbox.dataset", what, where=full, advice=advice)

    if dataset.mailbox is None:
        raise wrong("The dataset does not say which folders it is.", "Write `mailbox: {folders: [...], staff: [...]}`.")
    for name, column in dataset.columns.items():
        if name not in TYPES:
            raise wrong(f"A message has no column {name!r}{did_you_mean(name, TYPES)}.", "Correct or remove it.")
        wanted = pa.field(name, column.arrow).type
        is_time = TYPES[name] == "datetime"
        if (is_time and not pa.types.is_timestamp(wanted)) or (not is_time and wanted != _arrow(name)):
            raise wrong(f"Column {name!r} has another type.", f"Write `type: {TYPES[name]}`.")
        if is_time and column.zone != "UTC":
            raise wrong(f"Column {name!r} has another zone.", "Write `zone: UTC`.")
        if name in FIELDS and column.identity not in (None, "email"):
            raise wrong(f"Column {name!r} holds e-mail addresses.", "Write `identity: email`.")
        if name not in FIELDS and column.identity is not None:
            raise wrong(f"Column {name!r} identifies nobody.", "Remove its `identity:`.")
        if column.original:
            raise wrong(f"Column {name!r} is no original.", "Write `originals: message` for the dataset instead.")
    if dataset.key != KEY:
        raise wrong("A message is named by its folder and its name.", "Write `key: [folder, message]`.")
    for what, named in (("time", dataset.time), ("starts", dataset.starts.column if dataset.starts else None)):
        if named not in (None, RECEIVED):
            raise wrong(f"{what}: a message's own dates are the sender's word.", f"Write {what}: {RECEIVED}.")
    if dataset.people and dataset.time is None:
        raise wrong("An address may have been somebody's for a while.", f"Write `time: {RECEIVED}`.")
    if dataset.originals not in (None, "message"):
        raise wrong("The originals are the messages.", "Write `originals: message`.")
    for given in (dataset.erasure.set, dataset.erasure.shared):
        if given is not None and (found := unsettable(dataset, given)) is not None:
            raise wrong(*found)
    if dataset.erasure.referenced is not None:
        raise wrong("Nothing refers to a message.", "Remove `erasure: {referenced: ...}`.")


SETTABLE = (*FIELDS, "sender_name", "subject_line", "text", "attachments")
"""The columns that can be set; see :mod:`privacy.sources.mailbox_redact`."""


def unsettable(dataset: Dataset, columns: Mapping[str, object]) -> tuple[str, str] | None:
    """What keeps a message's columns from being set so, and what to write instead; None: nothing.

    :param columns: as in a data map, or as in :class:`privacy.sources.base.Set`.
    """
    parties = list(dict.fromkeys(name for party in dataset.people.values() for name in party.subject))
    listed = f"{', '.join(SETTABLE)} can be set"
    for name, value in columns.items():
        if name not in SETTABLE:
            return f"Column {name!r} of a message cannot be set.", f"Remove it: {listed}."
        if name in FIELDS and value not in (Redaction.UNIQUE, "unique"):
            return f"Column {name!r} holds addresses.", f"Write `{name}: unique`."
        kept = name in FIELDS or value in (None, Redaction.NULL)
        if not kept and (name not in ("subject_line", "text") or not isinstance(value, str) or value == "unique"):
            return f"Column {name!r} cannot be given that.", f"Write `{name}: null`."
    missing = [name for name in parties if name not in columns]
    if missing:
        # With one of them left out the subject would still be found: no message is half redacted.
        return f"Nothing is said of {', '.join(missing)}.", f"Set all columns of parties: `{missing[0]}: unique`."
    return None


def _arrow(name: str) -> pa.DataType:
    from privacy.datamap.types import arrow_type

    return arrow_type(TYPES[name])


class Given:
    """What a row has of a message."""

    def __init__(self, dataset: Dataset) -> None:
        self._columns, self._schema = tuple(dataset.columns), schema_of(dataset)
        self._staff = staff_of(dataset)

    def row(self, stored: Stored, size: int, message: Message, row: Row | None, own: Iterable[str]) -> dict[str, Any]:
        """A row.

        :param row: whose it is; None: it is due.
        :param own: the subject's own addresses, in the form to compare.
        """
        made: dict[str, Any] = dict.fromkeys(self._schema.names)
        made |= {n: v for n, v in self._of_key(stored).items() if n in made}
        if row is not None:
            made[SUBJECT], made[PARTY], made[WITHHELD] = row
            if row.withheld is not None:
                return made
            made[LEFT_OUT] = []
        mine = frozenset(own)
        given = message if row is None else self._given(message, mine)
        for name in self._columns:
            if name in made and made[name] is None:
                made[name] = self._value(name, size, given if name == "text" else message)
        if row is not None:
            seen = Seen(message.head, mine, self._staff)
            self._less(made, "bcc", message, lambda address: address.canonical in mine)
            self._less(made, "envelope", message, seen)
        return made

    def _given(self, message: Message, mine: frozenset[str]) -> Message:
        """The message to read the text of: after a line that is no field the text begins, other fields and all."""
        if all(field.sure for field in message.head.fields):
            return message
        data = redacted(message.data, message.head, mine, self._staff)
        return message if data is message.data else Message(data, message.received)

    @staticmethod
    def _less(made: dict[str, Any], name: str, message: Message, seen: Callable[[Address], bool]) -> None:
        """Leave the addresses of a column out that the subject may not see, and count them."""
        if made.get(name) is not None:
            found = message.addresses(name) or []
            made[name] = [clean(address.shown) for address in found if seen(address)]
            made[LEFT_OUT] += [name] * (len(found) - len(made[name]))

    @staticmethod
    def _of_key(stored: Stored) -> dict[str, object]:
        return {"folder": stored.folder, "message": stored.name, RECEIVED: stored.received}

    @staticmethod
    def _value(name: str, size: int, message: Message) -> object:
        head = message.head
        if name in FIELDS:
            found = message.addresses(name)
            return None if found is None else [clean(a.shown) for a in found]
        if name == "size":
            return size
        if name == "sent_at":
            return sent(head.first("date"))
        if name == "message_id":
            return head.first("message-id")
        if name == "subject_line":
            line = head.first("subject")
            return None if line is None else decoded(line)
        if name == "sender_name":
            return next((a.name for a in message.addresses("sender") or () if a.name), None)
        if name == "text":
            return shown(message.parts())
        return [_attachment(part) for part in message.parts() if attachment(part)]

    def batch(self, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Rows as a batch."""
        return pa.RecordBatch.from_pylist(list(rows), schema=self._schema)


def attachment(part: Part) -> bool:
    """Whether a part is one of the message's own attachments."""
    return part.nested == 0 and not part.aside and part.attached


def _attachment(part: Part) -> dict[str, object]:
    name = part.name
    return {"name": None if name is None else clean(name), "type": part.kind, "bytes": part.size()}


def sent(value: str | None) -> datetime | None:
    """When a message says that it was sent; None: it does not, or nobody can read it."""
    if not value:
        return None
    try:
        found = parsedate_to_datetime(value)
        if found.tzinfo is None:  # "-0000": the time is UTC, and nothing is said of the zone.
            found = found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
