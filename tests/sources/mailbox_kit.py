"""An e-mail archive, filled by the tests message by message, and the source over it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Due, Identifier, Item, Of, Outcome, Selection, Step, Subject, Tally
from privacy.sources.mailbox import MailboxSource

ANNA, BRAM, SHOP = "anna@a.example", "bram@b.example", "winkel@diamonto.example"

COLUMNS = """
folder: {type: text}
message: {type: text}
message_id: {type: text}
sent_at: {type: datetime, zone: UTC}
received_at: {type: datetime, zone: UTC}
sender: {type: list<text>, identity: email}
reply_to: {type: list<text>, identity: email}
to: {type: list<text>, identity: email}
cc: {type: list<text>, identity: email}
bcc: {type: list<text>, identity: email}
envelope: {type: list<text>, identity: email}
sender_name: {type: text}
subject_line: {type: text}
text: {type: text}
attachments: {type: "list<record<name: text, type: text, bytes: integer>>"}
size: {type: integer}
"""
DATASETS = {
    "correspondence": ["INBOX", "Klanten", "Klanten.*", "Verzonden"],
    "administration": ["Administratie", "Administratie.*"],
}


def columns(*names: str) -> dict[str, Any]:
    raw = yaml.safe_load(COLUMNS)
    for column in raw.values():
        column.update(description="d", category="user.contact.email", provenance="observed")
    return {name: raw[name] for name in names or raw}


def dataset(folders: Sequence[str], **changes: Any) -> dict[str, Any]:
    its = columns()
    return {
        "title": {"nl": "t", "en": "t"}, "description": {"nl": "d", "en": "d"},
        "mailbox": {"folders": list(folders), "staff": ["diamonto.example"]},
        "key": ["folder", "message"], "time": "received_at", "starts": {"column": "received_at"},
        "parties": {name: {"subject": [name]} for name in ("sender", "reply_to", "to", "cc", "bcc", "envelope")},
        "purposes": ["contact"], "source": {"nl": "s", "en": "s"}, "promise": "MAIL-STAT", "originals": "message",
        "erasure": {"do": "delete"}, "owner": "o", "examples": [{"email": ANNA}, {"email": BRAM}], "columns": its,
    } | changes  # fmt: skip


def raw_system(**datasets: dict[str, Any]) -> dict[str, Any]:
    return {"system": "mail", "title": {"nl": "m", "en": "m"}, "source": "mailbox", "connection": "mail", "owner": "o",
        "datasets": datasets or {name: dataset(folders) for name, folders in DATASETS.items()}}  # fmt: skip


@cache
def usual() -> System:
    return System.model_validate(raw_system())


def mail(
    body: str | bytes = "Dag", *, head: str | bytes = "", sender: str | None = "Winkel <winkel@diamonto.example>",
    to: str | None = "Bram <bram@b.example>", end: str = "\r\n", **fields: str,
) -> bytes:  # fmt: skip
    """A message; ``head`` is put first, as it is."""
    lines = [f"From: {sender}"] * (sender is not None) + [f"To: {to}"] * (to is not None)
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    first = head.encode() if isinstance(head, str) else head
    content = body.encode() if isinstance(body, str) else body
    return first + "".join(line + end for line in lines).encode() + end.encode() + content


class Archive:
    """A Maildir and its source."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        for folder in ("INBOX", "Klanten", "Verzonden", "Administratie"):
            self.folder(folder)

    def folder(self, name: str) -> Path:
        path = self.root if name == "INBOX" else self.root / f".{name}"
        for sub in ("cur", "new", "tmp"):
            (path / sub).mkdir(parents=True, exist_ok=True)
        return path

    def put(
        self, content: bytes, folder: str = "INBOX", *, at: str = "2026-05-01T10:00:00", sub: str = "cur",
        name: str | None = None, flags: str = ":2,S",
    ) -> str:  # fmt: skip
        """Deliver a message; its name."""
        self.count += 1
        seconds = int(moment(at).timestamp())
        name = f"{seconds}.M{self.count:06d}P7.mx1" if name is None else name
        path = self.folder(folder) / sub / (name + (flags if sub == "cur" else ""))
        path.write_bytes(content)
        os.utime(path, (seconds, seconds))
        return name

    def files(self) -> list[Path]:
        return sorted(p for p in self.root.rglob("*") if p.is_file())

    def source(self, *, batch_rows: int = 10_000, **datasets: dict[str, Any]) -> MailboxSource:
        system = System.model_validate(raw_system(**datasets)) if datasets else usual()
        return MailboxSource(system, Connection("mail", self.root.as_uri()), batch_rows=batch_rows)

    def read(
        self, pick: Of | Due | str = ANNA, tally: Tally | None = None, *, name: str = "correspondence",
        on: tuple[str, ...] | None = None, **more: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        source, selection = self.source(**more), Selection(name, of(pick) if isinstance(pick, str) else pick, on)
        rows: list[dict[str, Any]] = []
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition, tally):
                rows += batch.to_pylist()
        return rows

    def judged(self, content: bytes, pick: Of | str = ANNA, tally: Tally | None = None) -> str | None:
        """What becomes of one message: its parties, why it is withheld, or None."""
        for file in self.files():
            file.unlink()
        self.put(content)
        rows = self.read(pick, tally)
        assert len(rows) <= 1
        return (rows[0]["_party"] or rows[0]["_withheld"]) if rows else None

    def locate(self, pick: Of | Due, name: str = "correspondence") -> tuple[Item, ...]:
        source, selection = self.source(), Selection(name, pick)
        return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))

    def step(self, pick: Of | Due, change: Any, name: str = "correspondence") -> Step:
        return Step(Selection(name, pick), change, self.locate(pick, name))

    def apply(self, unit: Sequence[Step], spare: Sequence[Of] = ()) -> list[Outcome]:
        return list(self.source().apply(unit, spare))

    def original(self, key: Sequence[str], reader: str | None = None) -> bytes:
        who = None if reader is None else of(reader).subjects[0]
        with self.source().open("correspondence", tuple(key), who) as file:
            return file.read()


def of(*addresses: str, no: int = 1, **more: Any) -> Of:
    return Of((Subject(no, tuple(Identifier("email", address, **more) for address in addresses)),))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
