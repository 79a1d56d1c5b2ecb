"""A company's files, put there by the tests: applicants' papers, camera pictures, what processors deliver."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from conftest_runs import column, dataset
from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Due, Identifier, Item, Of, Outcome, Selection, Step, Subject, Tally
from privacy.sources.files import FilesSource
from privacy.storage import Store

POLICY = """
controller: De Werkplaats
version: "1"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: AVG
contact: {name: k, address: [Kade 1], email: k@werk.example, authority: {nl: AP, en: AP}, authority_url: "https://ap.example"}
promises:
  KEEP: {title: {nl: k, en: k}, quote: q, kept_by: k, term: {condition: {nl: tot, en: until}}}
purposes: {transport: {title: {nl: v, en: t}, basis: contract}}
processors:
  betaalpoort: {name: Betaalpoort, service: {nl: b, en: p}, country: NL, agreement: 2024-01-01}
categories: {user: {nl: Gegevens, en: Data}, system: {nl: Techniek, en: System}}
"""
EVERY = {"file": column("text"), "bytes": column("integer"), "modified": column("datetime"),
    "media_type": column("text"), "sha256": column("text")}  # fmt: skip
NUMBERS = ("AVG-2026-0042-9", "AVG-2026-0043-7")


def held(prefix: str, names: str, columns: dict[str, Any], subject: Any, **more: Any) -> dict[str, Any]:
    more = {"starts": {"column": "modified"}, "time": "modified", "originals": "file"} | more
    return dataset(["file"], subject, {**EVERY, **columns}, prefix=prefix, names=names, **more)


def dossiers() -> dict[str, Any]:
    kinds = {name: {"title": {"nl": "n", "en": "n"}, "type": "integer"} for name in ("application_id", "customer_id")}
    kinds["person"] = {"title": {"nl": "n", "en": "n"}}
    application, customer = (column("integer", f"dossiers.{name}") for name in ("application_id", "customer_id"))
    return {
        "system": "dossiers", "title": {"nl": "d", "en": "d"}, "source": "files", "connection": "dossiers", "owner": "o",
        "identity": {"kinds": kinds},
        "datasets": {
            "applications": held("applications/", r"(?P<application_id>\d+)/(?P<name>[^/]+)",
                {"application_id": application, "name": column("text")}, ["application_id"],
                examples=[{"dossiers.application_id": 71001}, {"dossiers.application_id": 71002}]),
            "letters": held("letters/", r"(?P<customer_id>\d+)/(?P<day>\d{4}-\d\d-\d\d)-(?P<name>[^/]+)",
                {"customer_id": customer, "day": column("date", zone="Europe/Amsterdam"), "name": column("text")},
                ["customer_id"], starts={"column": "day"}, time="day",
                examples=[{"dossiers.customer_id": 5501001}, {"dossiers.customer_id": 5501002}]),
            "cards": held("cards/", r"(?P<email>[^/]+@[^/]+)/((?P<person>[^/.]+)\.)?card",
                {"email": column("text", "email"), "person": column("text", "dossiers.person")}, None,
                parties={"owner": {"subject": ["person", "email"]}, "host": {"subject": ["email"]}},
                examples=[{"email": "anna@werk.example"}, {"email": "bert@werk.example"}]),
        },
    }  # fmt: skip


def camera() -> dict[str, Any]:
    nobody = {"nobody": "pictures without names"}
    at = {"at": column("datetime"), "camera": column("text")}
    return {
        "system": "camera", "title": {"nl": "c", "en": "c"}, "source": "files", "connection": "camera", "owner": "o",
        "datasets": {
            "thumbnails": held("thumbnails/", r"(?P<camera>[a-z0-9-]+)/(?P<at>\d{8}T\d{6}Z)\.jpg", at, nobody,
                starts={"column": "at"}, time="at", examples=[]),
        },
    }  # fmt: skip


def deliveries() -> dict[str, Any]:
    columns = {"request": column("text", "request"), "name": column("text")}
    return {
        "system": "deliveries", "title": {"nl": "l", "en": "d"}, "source": "files", "connection": "deliveries",
        "owner": "o",
        "datasets": {
            "betaalpoort": held("betaalpoort/", r"(?P<request>AVG-\d{4}-\d{4}-\d)/(?P<name>.+)", columns, ["request"],
                delivery={"processor": "betaalpoort"}, examples=[{"request": number} for number in NUMBERS]),
        },
    }  # fmt: skip


SYSTEMS = {"dossiers": dossiers, "camera": camera, "deliveries": deliveries}


def home(folder: Path) -> Path:
    """The company's data map and policy."""
    texts = {f"datamap/{name}.yaml": yaml.safe_dump(made(), sort_keys=False) for name, made in SYSTEMS.items()}
    for name, text in {"policy/policy.yaml": POLICY, **texts}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def put(root: Path, key: str | bytes, content: bytes = b"x", at: datetime | None = None) -> Path:
    """A file, below the root, last changed then."""
    path = Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(key)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    stamp = (at or datetime(2026, 11, 2, 8, 15, tzinfo=UTC)).timestamp()
    os.utime(path, (stamp, stamp))
    return path


def deliver(root: Path, number: str, files: dict[str, bytes], prefix: str = "betaalpoort") -> Path:
    """A whole delivery. :returns: its DELIVERED."""
    for name, content in files.items():
        put(root, f"{prefix}/{number}/{name}", content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    return put(root, f"{prefix}/{number}/DELIVERED", "".join(lines).encode())


class Cabinet:
    """One system's files in a folder, and the source over them."""

    def __init__(self, root: Path, made: Any = dossiers, files: Store | None = None, **changes: Any) -> None:
        self.root, self._files = root, files
        root.mkdir(exist_ok=True)
        self.raw: dict[str, Any] = json.loads(json.dumps(made() | changes))  # a copy, for a test to change

    def put(self, key: str | bytes, content: bytes = b"x", at: datetime | None = None) -> Path:
        return put(self.root, key, content, at)

    def source(self, batch_rows: int = 10_000) -> FilesSource:
        connection = Connection("files", self.root.as_uri())
        return FilesSource(System.model_validate(self.raw), connection, batch_rows=batch_rows, files=self._files)

    def read(self, name: str, pick: Of | Due, tally: Tally | None = None, **more: Any) -> list[dict[str, Any]]:
        source, selection = self.source(), Selection(name, pick, **more)
        parts = source.partitions(selection)
        return [row for p in parts for batch in source.read(selection, p, tally) for row in batch.to_pylist()]

    def locate(self, name: str, pick: Of | Due) -> tuple[Item, ...]:
        source, selection = self.source(), Selection(name, pick)
        return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))

    def step(self, name: str, pick: Of | Due, change: Any) -> Step:
        return Step(Selection(name, pick), change, self.locate(name, pick))

    def apply(self, *unit: Step, spare: Sequence[Of] = ()) -> list[Outcome]:
        return list(self.source().apply(unit, spare))


def of(value: int | str, kind: str = "dossiers.application_id", no: int = 1, **more: Any) -> Of:
    return Of((Subject(no, (Identifier(kind, value, **more),)),))
