"""Messages that nobody should have sent: read, or an error of ours; never skipped, never anything else (edge case 20).

The kinds are those of CPython's own tests of ``email`` (msg_01 to msg_47) and of what mail servers have seen.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privacy.errors import Unreadable
from privacy.sources import mailbox_content
from privacy.sources.base import Due
from sources.mailbox_fuzz import PIECES, hold
from sources.mailbox_kit import ANNA, Archive, mail, moment

A = ANNA.encode()
HOSTILE = {
    "empty": (b"", None),
    "one byte": (b"\r", None),
    "only an empty line": (b"\r\n\r\n", None),
    "only NUL bytes": (b"\0" * 1000, None),
    "no separator": (b"To: " + A + b"\r\nDag Anna", "to"),
    "an empty line first": (b"\r\nTo: " + A + b"\r\n\r\n", "mention"),
    "of an mbox": (b"From x Mon Jan  1 10:00:00 2026\nTo: " + A + b"\n\nx", "to"),
    "of an mbox, quoted": (b">From x Mon Jan  1 10:00:00 2026\nTo: " + A + b"\n\nx", "to"),
    "a byte order mark": (b"\xef\xbb\xbfTo: " + A + b"\n\nx", "to"),
    "CR alone": (b"From: x@x.example\rTo: " + A + b"\r\rx", "to"),
    "CR CR LF": (b"From: x@x.example\r\r\nTo: " + A + b"\r\r\n\r\r\nx", "to"),
    "line ends mixed": (b"From: x@x.example\nX: 1\r\nTo: x,\r " + A + b"\n\r\nx", "to"),
    "a continuation first": (b" gevouwen\nTo: " + A + b"\n\nx", "to"),
    "a field without a name": (b": x\nTo: " + A + b"\n\nx", "mention"),
    "a line that is no field": (b"X: 1\ngeen veld\nTo: " + A + b"\n\nx", "mention"),
    "blanks before the colon": (b"To  \t: " + A + b"\n\nx", "to"),
    "blanks alone in a fold": (b"To: x@x.example,\n \n\t" + A + b"\n\nx", "to"),
    "a field of 100 kB": (b"To: " + b"x@x.example, " * 8_000 + A + b"\n\nx", "to"),
    "10,000 fields": (b"X: 1\n" * 10_000 + b"To: " + A + b"\n\nx", "to"),
    "10,000 brackets": (b"To: " + b"(" * 10_000 + A + b"\n\nx", "to"),
    "10,000 quotes": (b"To: " + b'"' * 10_001 + A + b"\n\nx", "mention"),
    "10,000 angles": (b"To: " + b"<" * 10_000 + A + b"\n\nx", "to"),
    "100,000 signs": (b"To: x@x.example\n\n" + b"@" * 100_000 + A, "mention"),
    "1 MB without a blank": (b"To: x@x.example\n\n" + b"x" * 1_000_000 + b" " + A, "mention"),
    "messages within messages": (b"Content-Type: message/rfc822\n\n" * 300 + b"To: " + A + b"\n\n", "mention"),
    "multiparts within multiparts": (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(300)) + b"\n" + A,
        "mention",
    ),
    "3,000 parts": (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 3_000 + b"--b\n\n" + A, "mention"),
    "a boundary of blanks": (b'Content-Type: multipart/mixed; boundary="  "\n\n--  \n\n' + A, "mention"),
    "one boundary begins another": (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\n" + A + b"\n--bb--\n--b--",
        "mention",
    ),
    "two types": (b"Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + A, "mention"),
    "no type that is one": (b"Content-Type: ;;;=\nContent-Transfer-Encoding: raar\n\n" + A, "mention"),
    "a charset with NUL": (b'Content-Type: text/plain; charset="utf\0-8"\n\n' + A, "mention"),
    "a charset that is a coding": (b"Content-Type: text/plain; charset=hex\n\n" + A, "mention"),
    "broken base64": (b"Content-Transfer-Encoding: base64\n\nYW5u*!YUBhLm\nV4YW1wbGU", "mention"),
    "broken quoted printable": (b"Content-Transfer-Encoding: quoted-printable\n\n=zz anna=40a.example =", "mention"),
    "broken words": (b"Subject: =?utf-8?b?QQ?= =?x?q?=zz_?= =?utf-8?b?YW5uYUBhLmV4YW1wbGU=?=\n\nx", "mention"),
    "a name with a line end": (b"From: =?utf-8?q?a=0D=0ABcc:_x=40x.example?= <" + A + b">\n\nx", "sender"),
    "SQL, templates, formulas": (b"From: =cmd|' /C calc'!A0 <" + A + b">\nSubject: {{ 7*7 }} '; DROP TABLE\n\nx", "sender"),
    "lone surrogates": (b"Content-Type: text/plain; charset=utf-7\nTo: " + A + b"\n\n+2AA-\xed\xa0\x80", "to"),
    "right to left, emoji": ("Subject: \u202eabc 💍\nTo: ".encode() + A + b"\n\nx", "to"),
}  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


@pytest.mark.parametrize(("content", "whose"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_is_read(archive: Archive, content: bytes, whose: str | None):
    """Edge cases 20 and 27; in a few seconds at most, whatever it is."""
    start = time.process_time()
    assert archive.judged(content) == whose
    (row,) = archive.read(Due(moment("2099-01-01")))
    assert row["size"] == len(content)
    assert archive.original((row["folder"], row["message"])) == content
    assert time.process_time() - start < 4


LONG = (b". ", b"\\a", b" ", b"=?a?q?b?= ", b"<!--", b"<a>b", b"\r\n ", b'"', b"\r")


@pytest.mark.parametrize("unit", LONG, ids=repr)
def test_the_time_grows_with_the_size_and_no_faster(unit: bytes):
    """Edge case 20: nobody stops an export with a message."""
    long = unit * (60_000 // len(unit))
    head = b"X: 1\nSubject: " + long + b"\nTo: " + long + b"\nContent-Type: text/html; x=" + long + b"; boundary=b\n\n"
    start = time.process_time()
    hold(head + long + A)
    assert time.process_time() - start < 3


def test_25_megabytes_of_attachment_are_read_in_little_memory(archive: Archive):
    """Edge case 20."""
    line = base64.encodebytes(b"\0\1\2" * 19)
    head = b'To: bram@b.example\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nvraag ' + A + b"\n--b\n"
    content = (
        head + b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + line * 325_000 + b"--b--\n"
    )
    assert len(content) > 25_000_000
    archive.put(content)
    tracemalloc.start()
    assert archive.read()[0]["_withheld"] == "mention"
    (row,) = archive.read("bram@b.example")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row["attachments"][0]["bytes"] == 57 * 325_000
    assert peak < 2.2 * len(content)


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress, b"CRYPTED\x03\x07\x02".__add__])
def test_what_the_mail_server_packed_is_an_error_and_not_nobodys(archive: Archive, packed: Callable[[bytes], bytes]):
    """Edge cases 20 and 28: read as it lies there, an archive of such messages holds nothing of anybody."""
    archive.put(packed(mail(to=ANNA)))
    with pytest.raises(Unreadable, match=r"mailbox\.packed"):
        archive.read()


def test_a_file_that_no_server_took_in_is_an_error(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mailbox_content, "MOST_BYTES", 100)
    archive.put(mail("x" * 200, to=ANNA))
    with pytest.raises(Unreadable, match=r"mailbox\.too_large"):
        archive.read()


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30).map(
        b"".join
    )
)
@example(b"Bcc: x@x.example\rTo: anna@a.example")
def test_any_bytes_are_rows_and_an_original(data: bytes):
    """Edge cases 20, 22 and 27: the search in raw bytes loses nothing; no blind copy of others is left."""
    hold(data)
