"""Mailboxes for the suite: what is in one, ways to break it, and what a row of a judged dataset may say.

Read here with Python's own ``email`` and none of the source's code, but for what names a folder and a message.
"""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

import email
import email.policy
import html
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.sources.base import LEFT_OUT, PARTY, SUBJECT, WITHHELD, Source, Subject
from privacy.sources.mailbox_names import base_name, folder_name
from privacy.testing.reading import must
from privacy.testing.snapshots import Key

Row = dict[str, Any]


@dataclass(frozen=True)
class Messages:
    """Messages by folder and name, and other files by their path."""

    messages: Mapping[Key, bytes]

    def without(self, ref: Ref, keys: Collection[Key]) -> Messages:
        """See :class:`privacy.testing.snapshots.Snapshot`."""
        return Messages({key: content for key, content in self.messages.items() if key not in keys})

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> Messages:
        """See :class:`privacy.testing.snapshots.Snapshot`; no column of a message can be set."""
        return self

    def difference(self, other: Messages) -> str:
        """See :class:`privacy.testing.snapshots.Snapshot`."""
        gone, new = self.messages.keys() - other.messages.keys(), other.messages.keys() - self.messages.keys()
        changed = sum(other.messages[k] != self.messages[k] for k in self.messages.keys() & other.messages.keys())
        return f"{len(gone)} messages missing, {len(new)} new, {changed} changed"


def snapshot(root: Path, system: System) -> Messages:
    """Everything below a Maildir, folders as they are called outside of it."""
    boxes = [dataset.mailbox for dataset in system.datasets.values() if dataset.mailbox is not None]
    found: dict[Key, bytes] = {}
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        *above, sub, name = ("", *path.relative_to(root).parts)
        if sub in ("cur", "new") and len(above) < 3:
            folder = folder_name(above[-1][1:]) if above[-1] else "INBOX"
            label = next((label for box in boxes if (label := box.label_of(folder)) is not None), folder)
            found[label, base_name(name)] = path.read_bytes()
        else:
            found[(path.relative_to(root).as_posix(),)] = path.read_bytes()
    return Messages(found)


def damages() -> list[str]:
    """The ways in which a mailbox can be broken. See :class:`privacy.testing.stores.Scratch`."""
    return ["!links", "!gone", "!same name", "contents", "fields", "charsets"]


def damage(root: Path, how: str, canary: str) -> None:
    """Break it, leaving the canary behind."""
    if how == "!gone":
        shutil.rmtree(root)
        return
    name = canary.replace("/", "_").replace(":", "_").replace("\0", "_")[:120]
    for path in [p for p in root.rglob("*") if p.is_file() and p.parent.name in ("cur", "new")]:
        text = canary.encode("utf-8", "replace")
        if how == "!links":
            path.unlink()
            path.symlink_to(name)
        elif how == "!same name":
            for flags in (":2,", ":2,S"):
                path.with_name(name + flags).write_bytes(text + b"\n\n")
        elif how == "contents":
            path.write_bytes(b"\0\xff" + text + b"\r\r\n")
        elif how == "fields":
            path.write_bytes(text + b": " + text + b"\n" + path.read_bytes())
        else:
            lie = b"Content-Type: multipart/mixed; charset=" + text + b"; boundary=" + text
            path.write_bytes(lie + b"\nContent-Transfer-Encoding: " + text + b"\n" + path.read_bytes())


def judged(source: Source, ref: Ref, row: Row, subject: Subject) -> bool:
    """Whether a row is withheld; held against the message itself, and to what a withheld row may say.

    A row that is given holds no blind copy of anybody else.
    """
    key = tuple(row[name] for name in ref.dataset.key)
    addresses = {str(i.value).casefold() for i in subject.identifiers if i.kind == "email" and not i.contested}
    if row[WITHHELD] is None:
        others = [a for a in row.get("bcc") or () if str(a).casefold() not in addresses]
        must(not others, ref, "a row holds blind copies of others; leave them out, and name the column in _left_out")
        must(row[LEFT_OUT] is not None, ref, "a row that is given says NULL in _left_out; an empty list is nothing")
        return False
    said = {name for name, value in row.items() if value is not None}
    allowed = {*ref.dataset.key, *([ref.dataset.time] if ref.dataset.time else []), SUBJECT, WITHHELD}
    must(said <= allowed, ref, f"a withheld row says {', '.join(sorted(said - allowed))}; leave all but its key NULL")
    must(row[PARTY] is None, ref, "a withheld row names a party; who is one is given the record")
    with source.open(ref.name, key) as file:
        content = everything(file.read())
    must(any(a in content for a in addresses), ref, "a withheld record has nothing of the subject in it")
    return True


def everything(data: bytes) -> str:
    """A message's texts, decoded and as they are, in lower case."""
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    found = [data, *(p for part in message.walk() if isinstance(p := part.get_payload(decode=True), bytes))]
    text = "\n".join(piece.decode("utf-8", "replace") for piece in found)
    return (text + html.unescape(text)).casefold()


def blind_copies(data: bytes) -> set[str]:
    """The addresses in the Bcc fields of a message, in lower case."""
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    values = [str(v) for name in ("Bcc", "Resent-Bcc") for v in message.get_all(name, [])]
    return {address.casefold() for _, address in getaddresses(values) if "@" in address}


def same(one: Row, other: Row) -> bool:
    """Whether two rows are one record, where neither leaves out what the other has."""
    if WITHHELD not in one:
        return repr(one) == repr(other)
    if one[WITHHELD] is not None or other[WITHHELD] is not None:
        return True
    aside = {SUBJECT, PARTY, WITHHELD, LEFT_OUT, *(one[LEFT_OUT] or ()), *(other[LEFT_OUT] or ())}
    return all(repr(value) == repr(other[name]) for name, value in one.items() if name not in aside)
