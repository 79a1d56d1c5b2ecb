"""A shop's analytics and helpdesk in files, written by the tests record by record, and the sources over them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from privacy.clock import Clock
from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Due, Identifier, Item, Of, Outcome, Selection, Step, Subject, Tally
from privacy.sources.records import RecordSource
from privacy.storage import Store

OLD = datetime(2026, 11, 1, tzinfo=UTC)
UA = "Mozilla/5.0 (X11; Linux x86_64)"

VALUE = "record<string_value: text, int_value: integer, float_value: number, double_value: number>"
EVENTS: dict[str, dict[str, Any]] = {
    "file": {"type": "text"},
    "row": {"type": "integer"},
    "event_date": {"type": "text"},
    "occurred_at": {"type": "datetime", "zone": "UTC", "form": "epoch_us", "path": "event_timestamp"},
    "event_name": {"type": "text"},
    "event_params": {"type": f"list<record<key: text, value: {VALUE}>>"},
    "user_id": {"type": "text", "identity": "shop.customer_id"},
    "user_pseudo_id": {"type": "text", "identity": "device_id"},
    "ip_address": {
        "type": "text",
        "identity": "ip",
        "path": "event_params[?key=='ip_address'].value.string_value | [0]",
    },
    "user_agent": {"type": "text", "path": "event_params[?key=='user_agent'].value.string_value | [0]"},
    "country": {"type": "text", "path": "geo.country"},
}
CLICKS: dict[str, dict[str, Any]] = {
    "file": {"type": "text"},
    "row": {"type": "integer"},
    "at": {"type": "datetime", "zone": "UTC"},
    "customer": {"type": "integer", "identity": "shop.customer_id", "path": "visitor.customer"},
    "device": {"type": "text", "identity": "device_id", "path": "visitor.device"},
    "ip": {"type": "text", "identity": "ip", "path": "visitor.ip"},
    "user_agent": {"type": "text", "path": "visitor.agent"},
    "page": {"type": "text"},
}
MESSAGE = "record<author: text, at: text, body: text>"
CONVERSATIONS: dict[str, dict[str, Any]] = {
    "conversation_id": {"type": "integer", "path": "id"},
    "subject_line": {"type": "text", "path": "subject"},
    "rating": {"type": "decimal(4,2)"},
    "tags": {"type": "list<text>"},
    "customer_id": {"type": "integer", "identity": "shop.customer_id", "path": "requester.customer"},
    "email": {"type": "text", "identity": "email", "path": "requester.email"},
    "participant_emails": {"type": "list<text>", "identity": "email", "path": "participants[].email"},
    "messages": {"type": f"list<{MESSAGE}>", "path": "messages[?!internal].{author: author, at: at, body: body}"},
    "created_at": {"type": "datetime", "zone": "UTC"},
    "updated_at": {"type": "datetime", "zone": "UTC"},
}
PARAM = pa.struct([("key", pa.string()), ("value", pa.struct([
    ("string_value", pa.string()), ("int_value", pa.int64()), ("float_value", pa.float64()), ("double_value", pa.float64()),
]))])  # fmt: skip
GA4 = pa.schema([
    ("event_date", pa.string()), ("event_timestamp", pa.int64()), ("event_name", pa.string()),
    ("event_params", pa.list_(PARAM)), ("user_id", pa.string()), ("user_pseudo_id", pa.string()),
    ("geo", pa.struct([("country", pa.string()), ("city", pa.string())])),
])  # fmt: skip


def dataset(kind: str, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "title": {"nl": "t", "en": "t"}, "description": {"nl": "d", "en": "d"}, "purposes": ["site"],
        "source": {"nl": "s", "en": "s"}, "promise": "LOG-12M", "erasure": {"do": "delete"}, "owner": "o",
        "examples": [{"shop.customer_id": 1001}, {"shop.customer_id": 1002}],
    }  # fmt: skip
    made |= {
        "events": {
            "prefix": "ga4/", "names": r"events_(?P<day>\d{8})\.parquet", "records": {"day": "day"}, "key": ["file", "row"],
            "subject": ["user_id", "user_pseudo_id", "ip_address"], "time": "occurred_at",
            "starts": {"column": "occurred_at"}, "columns": EVENTS,
        },
        "clicks": {
            "prefix": "clicks/", "names": r"clicks-(?P<day>\d{4}-\d\d-\d\d)\.ndjson(\.gz)?", "records": {"day": "day"},
            "key": ["file", "row"], "subject": ["customer", "device", "ip"], "time": "at", "starts": {"column": "at"},
            "columns": CLICKS,
        },
        "conversations": {
            "prefix": "dumps/", "names": r"conversations-(?P<day>\d{4}-\d\d-\d\d)\.json(\.gz)?",
            "records": {"at": "conversations", "latest": "updated_at"}, "key": ["conversation_id"], "time": "created_at",
            "parties": {"requester": {"subject": ["customer_id", "email"], "private": ["rating"]},
                "participant": {"subject": ["participant_emails"]}},
            "starts": {"column": "updated_at"}, "columns": CONVERSATIONS,
        },
    }[kind]  # fmt: skip
    made |= changes
    columns = {name: dict(spec) for name, spec in made["columns"].items()}
    for column in columns.values():
        column |= {"description": "d", "category": "user.device", "provenance": "observed"}
    return made | {"columns": columns}


def system(kind: str, **changes: Any) -> System:
    excused = changes.pop("excused", [])
    raw = {"system": "desk", "title": {"nl": "s", "en": "s"}, "source": "records", "connection": "desk", "owner": "o",
        "excused": excused, "datasets": {kind: dataset(kind, **changes)}}  # fmt: skip
    return System.model_validate(raw)


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def event(at: str, *, user: str | None = None, device: str | None = None, ip: str | None = None,
    agent: str | None = UA, name: str = "page_view") -> dict[str, Any]:  # fmt: skip
    def param(key: str, **value: Any) -> dict[str, Any]:
        return {
            "key": key,
            "value": {f: value.get(f) for f in ("string_value", "int_value", "float_value", "double_value")},
        }

    params = [
        param("ga_session_id", int_value=2**62 + 1),
        param("ip_address", string_value=ip),
        param("user_agent", string_value=agent),
    ]
    return {"event_date": at[:10].replace("-", ""), "event_timestamp": micros(at), "event_name": name, "event_params": params,
        "user_id": user, "user_pseudo_id": device, "geo": {"country": "NL", "city": "Delft"}}  # fmt: skip


def click(
    at: str,
    *,
    customer: object = None,
    device: str | None = None,
    ip: str | None = None,
    agent: str | None = UA,
    page: str = "/",
) -> dict[str, Any]:
    return {"at": at, "visitor": {"customer": customer, "device": device, "ip": ip, "agent": agent}, "page": page}


def talk(number: int, updated: str, *, customer: int | None = None, email: str | None = None,
    others: Sequence[str] = (), subject: str = "Ring", rating: object = None) -> dict[str, Any]:  # fmt: skip
    return {"id": number, "subject": subject, "rating": rating, "tags": ["ring"], "requester": {"customer": customer, "email": email},
        "participants": [{"email": one, "name": "N"} for one in others],
        "messages": [{"author": "shop", "at": updated, "body": "Hallo", "internal": False}, {"author": "shop", "at": updated, "body": "geheim", "internal": True}],
        "created_at": "2026-11-01T10:00:00Z", "updated_at": updated}  # fmt: skip


class Kit:
    """A folder of one dataset's files and its source."""

    def __init__(self, root: Path, kind: str, **changes: Any) -> None:
        self.root, self.kind, self.changes = root, kind, changes

    def put(self, name: str, content: bytes, *, at: datetime = OLD) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") and content[:2] != b"\x1f\x8b" else content)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def parquet(self, name: str, rows: Iterable[dict[str, Any]], schema: pa.Schema = GA4, **options: Any) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema), path, **options)
        os.utime(path, (OLD.timestamp(), OLD.timestamp()))
        return path

    def lines(self, name: str, records: Iterable[Any], **more: Any) -> Path:
        return self.put(name, b"".join(json.dumps(record).encode() + b"\n" for record in records), **more)

    def dump(self, name: str, conversations: Sequence[Any]) -> Path:
        document = {"exported_at": "2026-11-20T00:00:00Z", "conversations": conversations, "count": len(conversations)}
        return self.put(name, json.dumps(document, indent=1).encode())

    def source(
        self, *, batch_rows: int = 10_000, store: Store | None = None, clock: Clock | None = None
    ) -> RecordSource:
        made = system(self.kind, **self.changes)
        return RecordSource(
            made, Connection("desk", self.root.as_uri()), batch_rows=batch_rows, files=store, clock=clock
        )

    def read(self, pick: Of | Due, tally: Tally | None = None, *, batch_rows: int = 10_000) -> list[dict[str, Any]]:
        source, selection = self.source(batch_rows=batch_rows), Selection(self.kind, pick)
        rows: list[dict[str, Any]] = []
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition, tally):
                assert 0 < batch.num_rows <= batch_rows
                batch.validate(full=True)
                rows += batch.to_pylist()
        return rows

    def numbers(self, pick: Of | Due, tally: Tally | None = None) -> list[tuple[str, int]]:
        return [(row["file"].rpartition("/")[2], row["row"]) for row in self.read(pick, tally)]

    def locate(self, pick: Of | Due) -> tuple[Item, ...]:
        source, selection = self.source(), Selection(self.kind, pick)
        return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))

    def step(self, pick: Of | Due, change: Any) -> Step:
        return Step(Selection(self.kind, pick), change, self.locate(pick))

    def apply(self, unit: Sequence[Step], spare: Sequence[Of] = (), **more: Any) -> list[Outcome]:
        return list(self.source(**more).apply(unit, spare))


def of(*identifiers: Identifier, no: int = 1) -> Of:
    return Of((Subject(no, identifiers),))


def customer(value: int, **more: Any) -> Identifier:
    return Identifier("shop.customer_id", value, **more)


def device(value: str, **more: Any) -> Identifier:
    return Identifier("device_id", value, **more)


def email(value: str, **more: Any) -> Identifier:
    return Identifier("email", value, **more)


def visit(
    start: str, end: str, *, ip: str = "192.0.2.7", agent: str | None = UA, contested: bool = False
) -> Identifier:
    """A window of an address, on 20 November 2026 unless a date is given; UTC."""
    low, high = (datetime.fromisoformat(t if "T" in t else f"2026-11-20T{t}").replace(tzinfo=UTC) for t in (start, end))
    return Identifier("ip", ip, low, high, agent=agent, contested=contested)
