"""Records in JSON: lines of NDJSON, or a list in a document, as a stream in flat memory.

Every record is parsed twice at most: quickly, to see whose it is, and exactly, once it is given. Exact is: decimals
keep their digits, whole numbers their 64 bits and more, a member that stands twice in an object is an error.
A document is read piece by piece with the standard library's own decoder: it tells where a value ends, so that all that
is not touched can be written back byte for byte. What is not in the list may have 64 MiB a value, and so may a record.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, NoReturn, cast

import orjson

from privacy.errors import Unreadable
from privacy.sources.gz import Gz
from privacy.sources.records_files import File, Form, RecordFiles
from privacy.sources.records_path import Path, Record

CHUNK = 2**18
LONGEST = 64 * 2**20
"""A record longer than this is none: the file is refused rather than held in memory."""

_BLANKS = re.compile(r"[ \t\r\n]*")
_GOES_ON = ("", ".", "e", "E")
_ESCAPED = re.compile(rb"\\(?:u00[0-7]|/)")
_ANY_ESCAPE = re.compile(rb"\\[u/]")
_REPAIR = "Restore it from a backup or ask for it again; if it is lost for good, move it away from the prefix."
DUMPS = Gz("records", "file", _REPAIR)


@dataclass(slots=True)
class Found:
    """A record in a stream.

    :param raw: its own bytes. ``quick``: its members, numbers with a point as floats: for looking alone.
    """

    row: int
    raw: bytes = field(repr=False)
    quick: Record = field(repr=False)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError


_EXACT = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_members)
_QUICK = json.JSONDecoder(parse_constant=_refuse)


def exact(raw: bytes, where: str) -> Record:
    """A record's members, with every digit. :raises Unreadable: ``records.no_json``, ``records.no_record``."""
    try:
        value = _EXACT.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError, ArithmeticError):
        raise no_json(where) from None
    if type(value) is not dict:
        raise no_record(where)
    return cast(Record, value)


def quick(raw: bytes, where: str) -> Record:
    """A record's members, for looking alone. :raises Unreadable: as :func:`exact`."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        return exact(raw, where)  # A surrogate by itself, or it is none.
    if type(value) is not dict:
        raise no_record(where)
    return cast(Record, value)


class Twice:
    """Records in which a member may stand twice that tells whose they are: a quick look would see the last alone.

    :param paths: where in a record these members stand.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._any = any(path.members is None for path in paths)
        names = sorted({name for path in paths for name in path.members or ()})
        self._quoted = [json.dumps(name, ensure_ascii=False).encode("utf-8", "surrogatepass") for name in names]
        # A name may be written in escapes; those of other scripts stand in names of other scripts alone.
        self._escapes = _ESCAPED if all(name.isascii() for name in names) else _ANY_ESCAPE

    def look(self, found: Found, where: str) -> None:
        """See to it that none does. :raises Unreadable: ``records.no_json``."""
        raw = found.raw
        for quoted in self._quoted:
            if raw.count(quoted) > 1:
                break
        else:
            if not self._any and not (b"\\" in raw and self._escapes.search(raw)):
                return
        exact(raw, f"{where}, row {found.row}")


def no_json(where: str) -> Unreadable:
    """What should be a record is no JSON, or cannot be told from one that was cut off."""
    return Unreadable("records.no_json", "There is something that is no JSON.", where=where, advice=_REPAIR)


def no_record(where: str) -> Unreadable:
    """A value is no object."""
    return Unreadable("records.no_record", "A record is no JSON object.", where=where, advice=_REPAIR)


def _too_long(where: str) -> Unreadable:
    return Unreadable("records.too_long", "A record, or a value beside them, has more than 64 MiB.", where=where)


@contextmanager
def content(files: RecordFiles, file: File) -> Iterator[BinaryIO]:
    """A file's content, decompressed. Read it inside ``DUMPS.reading``."""
    with files.opened(file) as raw, DUMPS.content(raw, file.entry, file.where) as stream:
        yield stream


def chunks(stream: BinaryIO, where: str, upto: int | None = None) -> Iterator[bytes]:
    """The content in pieces. :raises Unreadable: see :meth:`Gz.reading`."""
    left = upto
    while left is None or left > 0:
        with DUMPS.reading(where):
            piece = stream.read(CHUNK if left is None else min(CHUNK, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def lines(pieces: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Lines with what ends them; only the last may be without."""
    rest: list[bytes] = []
    size = 0
    for piece in pieces:
        first, newline, more = piece.partition(b"\n")
        rest.append(first + newline)
        size += len(first)
        if size > LONGEST:
            raise _too_long(where)
        if not newline:
            continue
        yield b"".join(rest)
        found = more.splitlines(keepends=True) if b"\r" not in more else _split(more)
        last = found.pop() if found and not found[-1].endswith(b"\n") else b""
        yield from found
        rest, size = [last], len(last)
    if any(rest):
        yield b"".join(rest)


def _split(block: bytes) -> list[bytes]:
    whole = [line + b"\n" for line in block.split(b"\n")]
    whole[-1] = whole[-1][:-1]
    return [line for line in whole if line]


def _line_records(files: RecordFiles, file: File) -> Iterator[Found]:
    """The records of NDJSON. Lines of blanks alone are none."""
    row = 0
    with content(files, file) as stream:
        for line in lines(chunks(stream, file.where, file.upto), file.where):
            raw = line.strip(b" \t\r\n")
            if not raw and len(line) < LONGEST:
                continue
            row += 1
            yield Found(row, raw, quick(raw, f"{file.where}, row {row}"))


class Document:
    """A JSON document, read piece by piece: the list of records in it, and all around them.

    :param at: the members that lead to the list.
    """

    def __init__(self, pieces: Iterator[bytes], at: tuple[str, ...], where: str) -> None:
        self._pieces, self._at, self._where = pieces, at, where
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._pos, self._ended = "", 0, False
        self._found = False
        self._row = 0

    def parts(self) -> Iterator[str | Found]:
        """All of it in order: records, and the text between, before and after them.

        :raises Unreadable: it is no JSON, is cut off, or has no list there.
        """
        self._more()
        if self._text.startswith("\ufeff"):
            yield self._take(1)
        yield from self._value(self._at)
        yield self._blanks()
        if self._peek():
            raise no_json(self._place())
        if not self._found:
            raise Unreadable(
                "records.no_list", "The document has no list of records there.", where=self._where,
                advice="Correct `records.at` in the data map, or the file.",
            )  # fmt: skip

    def _place(self) -> str:
        return f"{self._where}, after row {self._row}" if self._found else self._where

    def _value(self, at: tuple[str, ...]) -> Iterator[str | Found]:
        """A value on the way to the list, or the list itself."""
        yield self._blanks()
        if not at and self._peek() == "[":
            if self._found:
                raise Unreadable(
                    "records.two_lists", "The list of records stands in the document twice.", where=self._where
                )
            self._found = True
            yield self._take(1)
            yield from self._list()
        elif at and self._peek() == "{":
            yield self._take(1)
            yield from self._object(at)
        else:
            yield self._scan()[0]

    def _object(self, at: tuple[str, ...]) -> Iterator[str | Found]:
        yield self._blanks()
        while self._peek() != "}":
            if self._peek() != '"':
                raise no_json(self._place())
            text, name = self._scan()
            yield text
            yield self._blanks() + self._expect(":")
            if name == at[0]:
                yield from self._value(at[1:])
            else:
                yield self._blanks() + self._scan()[0]
            yield self._blanks()
            if self._peek() == ",":
                yield self._take(1) + self._blanks()
                if self._peek() == "}":
                    raise no_json(self._place())
            elif self._peek() != "}":
                raise no_json(self._place())
        yield self._take(1)

    def _list(self) -> Iterator[str | Found]:
        yield self._blanks()
        while self._peek() != "]":
            text, value = self._scan()
            self._row += 1
            if type(value) is not dict:
                raise no_record(f"{self._where}, row {self._row}")
            yield Found(self._row, _encoded(text), value)
            yield self._blanks()
            if self._peek() == ",":
                yield self._take(1) + self._blanks()
                if self._peek() == "]":
                    raise no_json(self._place())
            elif self._peek() != "]":
                raise no_json(self._place())
        yield self._take(1)

    def _more(self) -> bool:
        """Read on; False at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            self._ended = True
        try:
            new = self._decode(piece or b"", self._ended)
        except UnicodeDecodeError:
            raise no_json(self._place()) from None
        self._text = self._text[self._pos :] + new
        self._pos = 0
        return not self._ended

    def _peek(self) -> str:
        while self._pos >= len(self._text):
            if self._ended or not self._more():
                return self._text[self._pos : self._pos + 1]
        return self._text[self._pos]

    def _take(self, count: int) -> str:
        self._pos += count
        return self._text[self._pos - count : self._pos]

    def _expect(self, char: str) -> str:
        if self._peek() != char:
            raise no_json(self._place())
        return self._take(1)

    def _blanks(self) -> str:
        found: list[str] = []
        while (char := self._peek()) and char in " \t\r\n":
            end = cast("re.Match[str]", _BLANKS.match(self._text, self._pos)).end()
            found.append(self._take(end - self._pos))
        return "".join(found)

    def _scan(self) -> tuple[str, Any]:
        """One value: its text, and what it is."""
        while True:
            try:
                value, end = _QUICK.raw_decode(self._text, self._pos)
            except (ValueError, RecursionError, StopIteration):
                end = -1
            # A number at the end of what was read may go on; so may one of which only the point or the e was read.
            if end >= 0 and (self._ended or self._text[end : end + 1] not in _GOES_ON):
                return self._take(end - self._pos), value
            if self._ended:
                raise no_json(self._place())
            if len(self._text) - self._pos > LONGEST:
                raise _too_long(self._place())
            want = 2 * (len(self._text) - self._pos)
            while len(self._text) - self._pos < want and self._more():
                pass


def _encoded(text: str) -> bytes:
    return text.encode("utf-8")


def _document_records(files: RecordFiles, file: File) -> Iterator[Found]:
    with content(files, file) as stream:
        for part in Document(chunks(stream, file.where), files.layout.at, file.where).parts():
            if isinstance(part, Found):
                yield part


def records_of(files: RecordFiles, file: File) -> Generator[Found]:
    """The records of a JSON file, be they lines or the list of a document. Closing it closes the file.

    :raises Unreadable: ``records.no_json`` and the like, naming the row.
    """
    yield from _line_records(files, file) if file.form is Form.LINES else _document_records(files, file)
