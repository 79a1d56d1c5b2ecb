"""The messages of one subject among 20,000: ``ours``, or Python's own ``mailbox`` and ``email`` as a user would write it."""

from __future__ import annotations

import base64
import mailbox
import quopri
import random
import sys
import tempfile
from email import message_from_binary_file, policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from pathlib import Path

import yaml
from harness import Row, measure, report

from privacy.connections import EnvironmentConnections
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Identifier, Of, Selection, Subject

MESSAGES = 20_000
WHO = "anna.de.vries@post.example"
SYSTEM = """
system: mail
title: {nl: s, en: s}
source: mailbox
connection: mail
owner: o
datasets:
  correspondence:
    title: {nl: t, en: t}
    description: {nl: d, en: d}
    mailbox: {folders: [INBOX], staff: [diamonto.example]}
    key: [folder, message]
    parties: {sender: {subject: [sender]}, to: {subject: [to]}, cc: {subject: [cc]}}
    time: received_at
    originals: message
    purposes: [p]
    source: {nl: s, en: s}
    promise: X
    erasure: {do: delete}
    owner: o
    examples: [{email: a@a.example}, {email: b@b.example}]
    columns:
      folder: {type: text}
      message: {type: text}
      received_at: {type: datetime, zone: UTC}
      sent_at: {type: datetime, zone: UTC}
      sender: {type: list<text>, identity: email}
      to: {type: list<text>, identity: email}
      cc: {type: list<text>, identity: email}
      subject_line: {type: text}
      text: {type: text}
      attachments: {type: "list<record<name: text, type: text, bytes: integer>>"}
      size: {type: integer}
"""
HEADERS = ("from", "sender", "reply-to", "to", "cc", "bcc", "return-path", "delivered-to")
WORDS = "ring steen goud zilver maat gravure levering bestelling offerte afspraak graveren café prijs € dank".split()


def make(folder: Path, messages: int) -> None:
    """Plain mail, HTML in quoted-printable, texts in base64, attachments; 1 in 100 to or from the subject, 1 in 200
    with the address in its text only, in any of the encodings."""
    chance = random.Random(7)  # noqa: S311 - reproducible
    for sub in ("cur", "new", "tmp"):
        (folder / sub).mkdir(parents=True)
    pdf = base64.encodebytes(chance.randbytes(40_000))
    for n in range(messages):
        other = f"klant{chance.randrange(9000)}@{chance.choice(['mail', 'post', 'web'])}.example"
        party, mention = n % 100 == 3, n % 200 == 7
        text = " ".join(chance.choices(WORDS, k=chance.randrange(60, 400))) + "\n"
        text += f"Gezien door {WHO}, groet\n" * mention
        head = (
            f"Return-Path: <{other}>\nDelivered-To: winkel@diamonto.example\n"
            f"Received: from mx{n % 9}.example by mx1.diamonto.example with ESMTPS id {n:x};\n\tFri, 1 May 2026 12:00:00 +0200\n"
            f"From: =?utf-8?q?Ren=C3=A9e_{n}?= <{WHO if party and n % 2 else other}>\n"
            f"To: Winkel <{WHO if party and not n % 2 else 'winkel@diamonto.example'}>\n"
            f"Subject: =?utf-8?q?Ring_{n}_=E2=82=AC?=\nDate: Fri, 1 May 2026 12:00:00 +0200\nMessage-ID: <{n}@x.example>\n"
            "MIME-Version: 1.0\n"
        )
        (folder / "cur" / f"{1_700_000_000 + n}.M{n}P1.mx1:2,S").write_bytes(head.encode() + _body(n, text, pdf))


def _body(n: int, text: str, pdf: bytes) -> bytes:
    raw = text.encode()
    plain = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
    if n % 10 < 3:
        return plain + b"8bit\n\n" + raw
    if n % 10 < 5:
        return plain + b"base64\n\n" + base64.encodebytes(raw)
    quoted = plain + b"quoted-printable\n\n" + quopri.encodestring(raw)
    page = f"<html><body style='color:#333'><p>{text}</p>&nbsp;&#8364;</body></html>".encode()
    html = (
        b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        + quopri.encodestring(page)
    )
    both = b'Content-Type: multipart/alternative; boundary="aa"\n\n--aa\n' + quoted + b"\n--aa\n" + html + b"\n--aa--\n"
    if n % 10 < 9:
        return both
    file = b"Content-Type: application/pdf; name=offerte.pdf\nContent-Transfer-Encoding: base64\n\n" + pdf
    return b'Content-Type: multipart/mixed; boundary="bb"\n\n--bb\n' + both + b"\n--bb\n" + file + b"\n--bb--\n"


def ours(folder: Path) -> int:
    """Through the source."""
    raw = yaml.safe_load(SYSTEM)
    for column in raw["datasets"]["correspondence"]["columns"].values():
        column |= {"description": "d", "category": "user.contact.email", "provenance": "provided"}
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_MAIL": folder.as_uri()})
    source = source_for(System.model_validate(raw), connections, home=folder)
    selection = Selection("correspondence", Of((Subject(1, (Identifier("email", WHO),)),)))
    return sum(b.num_rows for p in source.partitions(selection) for b in source.read(selection, p))


def with_email(folder: Path) -> int:
    """``mailbox.Maildir``, messages by ``policy.default``: addresses of the fields, else a search in the texts."""
    found = 0
    for message in mailbox.Maildir(folder, factory=lambda f: message_from_binary_file(f, policy=policy.default)):
        fields = [str(value) for name in HEADERS for value in message.get_all(name, [])]
        if any(address.lower() == WHO for _, address in getaddresses(fields)):
            found += 1
            continue
        found += any(WHO in p.get_content().lower() for p in message.walk() if p.get_content_maintype() == "text")
    return found


def heads_alone(folder: Path) -> int:
    """Python's quickest way to read the heads of messages, which finds nobody: how fast this machine is just now."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                BytesHeaderParser(policy=policy.compat32).parse(file)
    return MESSAGES // 100 + MESSAGES // 200


def search() -> list[Row]:
    """Seconds and memory, beside Python's own."""
    script = Path(__file__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "mail"
        make(folder, MESSAGES)
        one, other = measure(script, "ours", str(folder)), measure(script, "email", str(folder))
        heads = measure(script, "heads", str(folder))
    what, peer = "20,000 messages searched for one subject", "mailbox and email (policy default)"
    return [
        Row(f"{what}: time", "167 MB of mail", "s", round(one.seconds, 2), round(other.seconds, 2), peer,
            round(one.seconds / other.seconds, 2), "at most half", one.seconds <= other.seconds / 2),
        Row(f"{what}: time", "167 MB of mail", "s", round(one.seconds, 2), round(heads.seconds, 2),
            "reading the heads alone, BytesHeaderParser: 1.6 s on a quiet machine", round(one.seconds / heads.seconds, 2),
            "at most 3 s where that takes 1.6 s", one.seconds / heads.seconds <= 3 / 1.6),
        Row(f"{what}: peak memory", "167 MB of mail", "MiB", round(one.peak_mib), round(other.peak_mib), peer,
            round(one.peak_mib / other.peak_mib, 2), "at most 250 MB", one.peak_mib * 2**20 <= 250e6),
    ]  # fmt: skip


def counted(how: str, folder: Path) -> None:
    """Both must find the same messages."""
    found, wanted = (
        {"ours": ours, "email": with_email, "heads": heads_alone}[how](folder),
        MESSAGES // 100 + MESSAGES // 200,
    )
    if found != wanted:
        raise AssertionError(f"{found} messages instead of {wanted}")


if __name__ == "__main__":
    report(lambda: counted(sys.argv[1], Path(sys.argv[2])))
