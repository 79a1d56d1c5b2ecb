"""What must hold for any bytes that stand in a mailbox; with Hypothesis in the tests, by hand for as long as you like::

PYTHONPATH=plugins:tests python tests/sources/mailbox_fuzz.py 300
"""

from __future__ import annotations

import base64
import io
import random
import sys
import time
from typing import Any

from privacy.datamap.models import System
from privacy.sources.base import Of, schema_of
from privacy.sources.mailbox_addresses import addresses
from privacy.sources.mailbox_columns import Given
from privacy.sources.mailbox_headers import head
from privacy.sources.mailbox_original import BLIND, ENVELOPE, without_blind_copies
from privacy.sources.mailbox_store import Stored
from privacy.sources.mailbox_whose import Message, Whose
from sources.mailbox_kit import ANNA, BRAM, moment, of, raw_system

RECEIVED = moment("2026-05-01T10:00:00")
DATASET = System.model_validate(raw_system()).datasets["correspondence"]
BOTH = Of((*of(ANNA, no=1).subjects, *of(BRAM, no=2).subjects))
SIEVED, WHOLE = Whose(DATASET, BOTH), Whose(DATASET, BOTH)
WHOLE._sieve = None

_A = ANNA.encode()
PIECES = (
    b"From: ", b"To: ", b"Cc:", b"Bcc: ", b"Resent-Bcc:", b"Bcc : ", b"Envelope-To: ", b"=?utf-8?q?an?=na@a.example", "an\u200fna@a.example".encode(), b"Received: x for ", b"Reply-To: ", b"Subject: ", b"Date: ", b"X: ",
    b"From x Mon Jan  1 10:00:00 2026", b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\n\t", b"\r\n\r\n", b"\n\n", b"\0",
    _A, b"Anna <" + _A + b">", b"anna", b"@", b"a.example", b"ANNA@A.EXAMPLE", b"<", b">", b",", b";", b":", b'"', b"(", b")",
    b"\\", b" ", b"bram@b.example", b"x@x.example", b"=?utf-8?q?anna=40a.example?=", b"=?utf-16?b?AGEAbgBuAGE=?=", b"=?", b"?=",
    b"=?x?q?anna?= =?x?b?QGEuZXhhbXBsZQ==?=", b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=utf-8",
    b"Content-Type: text/html; charset=", b"utf-16", b"utf-7", b"cp037", b"unicode_escape", b"idna", b"us-ascii", b"hex", b"\xff\xfe",
    b'Content-Type: multipart/mixed; boundary="b"', b"Content-Type: multipart/alternative; boundary=b", b"--b", b"--b--", b"--",
    b"Content-Type: message/rfc822", b"Content-Type: multipart/digest; boundary=c", b"--c", b"Content-Type: text/calendar",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"Content-Transfer-Encoding: x-uuencode",
    base64.b64encode(b"dag " + _A), base64.b64encode(ANNA.encode("utf-16")), b"an=\r\nna@a.exam=\nple", b"anna=40a.example", b"=", b"=4",
    b"&#97;nna&#64;a.example", b"an&shy;na@a.example", b"&", b"#64;", b"an<wbr>na@a.example", b"anna%40a.example", b"%", b"%61nna",
    ANNA.encode("utf-16-le"), "an\u00adna@a.example".encode(), "\u212a\u017f".encode(), b"\xe9", b"\xef\xbb\xbf", b"\x80\x81",
    b"Content-Disposition: attachment; filename*0*=utf-8''an%6Ea; filename*1=\"x\"", b"begin 644 x\nM", b"\xed\xa0\x80", b"xn--a-", b"x" * 300,
    b"Mon, 99 Foo 99999 10:00:00 +9999", b"Fri, 31 Dec 9999 23:59:59 -2359", b"undisclosed-recipients:;", b"'anna@a.example'",
)  # fmt: skip


def hold(data: bytes) -> None:
    """Raise AssertionError, or whatever escapes, where these bytes break a rule."""
    found = WHOLE.judge(data, RECEIVED)
    sieved = SIEVED.judge(data, RECEIVED)
    said, same = (None if f is None else f[1] for f in (found, sieved))
    assert said == same, "the sieve loses a message, or gives another verdict"
    sieve = SIEVED._sieve
    assert found is None or (sieve is not None and sieve._large(data)), "the sieve loses a large message"
    message = found[0] if found else Message(data, RECEIVED)
    stored = Stored("INBOX", "1770000000.x", ("cur", "x"), RECEIVED)
    given = Given(DATASET)
    rows: list[dict[str, Any]] = [given.row(stored, len(data), message, None, ())]
    for row in said.rows if said else ():
        rows.append(given.row(stored, len(data), message, row, WHOLE.own(row.subject, RECEIVED)))
        assert row.party is None or BRAM not in (rows[-1]["bcc"] or ()) or row.subject == 2
    batch = given.batch(rows)
    batch.validate(full=True)
    assert batch.schema == schema_of(DATASET)
    _original(data)


def _original(data: bytes) -> None:
    with without_blind_copies(io.BytesIO(data), {ANNA}) as file:
        given = file.read()
    for field in head(given).fields:
        if field.name in BLIND:
            assert all(a.canonical == ANNA for a in addresses(field.value)), "a blind copy of somebody else is left"
    if not any(field.name in (*BLIND, *ENVELOPE, "received") for field in head(data).fields):
        assert given == data, "an original without blind copies was changed"
    body = head(data).end
    assert given.endswith(data[body:]), "what follows the head was changed"


def made(chance: random.Random) -> bytes:
    """Bytes that look like a message, more or less."""
    pieces = [chance.choice(PIECES) for _ in range(chance.randrange(1, 60))]
    ends = chance.choice([(b"",), (b"\r\n",), (b"\n", b""), (b"", b"\r\n", b" ")])
    data = bytearray(b"".join(p + chance.choice(ends) for p in pieces))
    for _ in range(chance.choice((0, 0, 1, 5))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def main(seconds: float, seed: int) -> None:
    """Try for so long; print and keep what breaks a rule."""
    chance, start, tried, slowest = random.Random(seed), time.monotonic(), 0, 0.0  # noqa: S311
    while time.monotonic() - start < seconds:
        data, began = made(chance), time.process_time()
        try:
            hold(data)
        except BaseException:
            sys.stdout.write(f"{data!r}\n")
            raise
        tried, slowest = tried + 1, max(slowest, time.process_time() - began)
    sys.stdout.write(f"{tried} messages, slowest {slowest:.3f} s\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns())
