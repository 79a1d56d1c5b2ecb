"""A shop's logs, written by the tests line by line, and the source over them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Due, Identifier, Item, Of, Outcome, Selection, Step, Subject, Tally
from privacy.sources.weblogs import WeblogSource
from privacy.storage import Store

FORMAT = (
    r"(?P<ip>\S+) - (?P<user_id>\S+) \[(?P<time>[^\]]+)\] \"(?P<request>[^\"]*)\" (?P<status>\d+) (?P<size>\S+) "
    r"\"(?P<referer>[^\"]*)\" \"(?P<user_agent>[^\"]*)\" \"(?P<device_id>[^\"]*)\""
)
COLUMNS = {
    "file": {"type": "text"},
    "line_number": {"type": "integer"},
    "ip": {"type": "text", "identity": "ip"},
    "user_id": {"type": "integer", "identity": "shop.customer_id"},
    "time": {"type": "datetime", "zone": "Europe/Amsterdam"},
    "request": {"type": "text"},
    "status": {"type": "integer"},
    "size": {"type": "integer"},
    "referer": {"type": "text"},
    "user_agent": {"type": "text"},
    "device_id": {"type": "text", "identity": "device_id"},
    "line": {"type": "binary", "original": True},
}
UA = "Mozilla/5.0 (X11; Linux x86_64)"
DAY = datetime(2025, 11, 25, tzinfo=UTC)


def line(time: str = "25/Nov/2025:10:00:00 +0100", *, ip: str = "198.51.100.9", user: object = "-",
    device: str = "-", agent: str = UA, request: str = "GET /ringen HTTP/2.0", size: str = "512") -> bytes:  # fmt: skip
    return f'{ip} - {user} [{time}] "{request}" 200 {size} "-" "{agent}" "{device}"'.encode()


def system(**changes: Any) -> System:
    excused = changes.pop("excused", [])
    dataset: dict[str, Any] = {
        "title": {"nl": "Toegang", "en": "Access"}, "description": {"nl": "d", "en": "d"}, "prefix": "nginx/access",
        "format": FORMAT, "key": ["file", "line_number"], "subject": ["user_id", "device_id", "ip"], "time": "time",
        "starts": {"column": "time"}, "purposes": ["site"], "source": {"nl": "s", "en": "s"}, "promise": "LOG-12M",
        "erasure": {"do": "delete"}, "owner": "o", "columns": {name: dict(spec) for name, spec in COLUMNS.items()},
        "examples": [{"shop.customer_id": 1001}, {"shop.customer_id": 1002}],
    } | changes  # fmt: skip
    for column in dataset["columns"].values():
        column.update(description="d", category="user.device", provenance="observed")
    raw = {"system": "weblogs", "title": {"nl": "Logs", "en": "Logs"}, "source": "weblogs", "connection": "logs",
        "owner": "o", "excused": excused, "datasets": {"access": dataset}}  # fmt: skip
    return System.model_validate(raw)


class Logs:
    """A folder of logs and its source."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(
        self, name: str, lines: Iterable[bytes] | bytes, *, at: datetime = DAY, compress: bool | None = None
    ) -> Path:
        content = lines if isinstance(lines, bytes) else b"".join(line + b"\n" for line in lines)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            gzip.compress(content) if (name.endswith(".gz") if compress is None else compress) else content
        )
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def source(self, *, batch_rows: int = 10_000, store: Store | None = None, **changes: Any) -> WeblogSource:
        connection = Connection("logs", self.root.as_uri())
        return WeblogSource(system(**changes), connection, batch_rows=batch_rows, files=store)

    def read(
        self, pick: Of | Due, tally: Tally | None = None, *, batch_rows: int = 10_000, **changes: Any
    ) -> list[dict[str, Any]]:
        source, selection = self.source(batch_rows=batch_rows, **changes), Selection("access", pick)
        rows: list[dict[str, Any]] = []
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition, tally):
                assert 0 < batch.num_rows <= batch_rows
                rows += batch.to_pylist()
        return rows

    def numbers(self, pick: Of | Due, tally: Tally | None = None, **changes: Any) -> list[tuple[str, int]]:
        return [(row["file"].rpartition("/")[2], row["line_number"]) for row in self.read(pick, tally, **changes)]

    def locate(self, pick: Of | Due, **more: Any) -> tuple[Item, ...]:
        source, selection = self.source(**more), Selection("access", pick)
        return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))

    def step(self, pick: Of | Due, change: Any, **more: Any) -> Step:
        return Step(Selection("access", pick), change, self.locate(pick, **more))

    def apply(self, unit: Sequence[Step], spare: Sequence[Of] = (), **more: Any) -> list[Outcome]:
        return list(self.source(**more).apply(unit, spare))


def of(*identifiers: Identifier, no: int = 1) -> Of:
    return Of((Subject(no, identifiers),))


def customer(value: int, **more: Any) -> Identifier:
    return Identifier("shop.customer_id", value, **more)


def device(value: str, **more: Any) -> Identifier:
    return Identifier("device_id", value, **more)


def visit(
    start: str, end: str, *, ip: str = "192.0.2.7", agent: str | None = UA, contested: bool = False
) -> Identifier:
    """A window of an address, on 25 November 2025 unless a date is given; UTC."""
    low, high = (datetime.fromisoformat(t if "T" in t else f"2025-11-25T{t}").replace(tzinfo=UTC) for t in (start, end))
    return Identifier("ip", ip, low, high, agent=agent, contested=contested)
