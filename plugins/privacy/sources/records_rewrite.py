"""Writing a file of records anew without, or with changed, rows, in the same form.

What is not touched stays: byte for byte in NDJSON and in JSON documents (of a changed record only the value's own bytes
are others), value for value in Parquet, whose schema, metadata, compression and row groups are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import BinaryIO, cast

from isal import igzip

from privacy.datamap.models import Column
from privacy.errors import Refused
from privacy.sources.records_files import File, Form, RecordFiles
from privacy.sources.records_given import decoding
from privacy.sources.records_json import Document, Found, chunks, content, exact, lines, quick
from privacy.sources.records_layout import Layout
from privacy.sources.records_own import Elements
from privacy.sources.records_rewrite_parquet import Changes, of_one, parquet_anew, plain

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")


def rewrite(files: RecordFiles, file: File, changes: Changes) -> None:
    """Put a changed file in the old one's place, whole or not at all.

    :raises RetryLater: ``storage.changed``: it is another by now. :raises Refused: ``records.cannot_set``.
    """
    with ExitStack() as stack:
        if file.form is Form.PARQUET:
            raw = stack.enter_context(files.opened(file))
            out = stack.enter_context(files.store.write(file.entry.key, replacing=file.entry))
            stack.enter_context(decoding(file.where))
            parquet_anew(files.layout, raw, out, changes)
            return
        stream = stack.enter_context(content(files, file))
        out = stack.enter_context(files.store.write(file.entry.key, replacing=file.entry))
        if file.entry.key.endswith(".gz"):
            made = igzip.IGzipFile(  # type: ignore[no-untyped-call]
                fileobj=out, mode="wb", compresslevel=2, mtime=int(file.entry.modified.timestamp()), filename=""
            )
            out = cast(BinaryIO, stack.enter_context(made))
        pieces = chunks(stream, file.where)
        anew = _lines if file.form is Form.LINES else _document
        for piece in anew(files.layout, file, pieces, changes):
            out.write(piece)


def _lines(layout: Layout, file: File, pieces: Iterator[bytes], changes: Changes) -> Iterator[bytes]:
    row = 0
    for line in lines(pieces, file.where):
        raw = line.strip(b" \t\r\n")
        row += bool(raw)
        if raw and row in changes.gone:
            continue
        if raw and row in changes.values:
            at = line.index(raw)
            yield line[:at] + _record(layout, raw, changes, (row, file)) + line[at + len(raw) :]
        else:
            yield line


def _document(layout: Layout, file: File, pieces: Iterator[bytes], changes: Changes) -> Iterator[bytes]:
    between: list[str] = []
    started, kept = False, 0
    for part in Document(pieces, layout.at, file.where).parts():
        if isinstance(part, str):
            between.append(part)
            if not started:
                yield "".join(between).encode()
                between.clear()
            continue
        started = True
        if part.row not in changes.gone:
            # Before the first that stays there is no comma.
            yield "".join(between).encode() if kept else b""
            yield _changed(layout, part, changes, file)
            kept += 1
        between.clear()
    yield "".join(between).encode()


def _changed(layout: Layout, found: Found, changes: Changes, file: File) -> bytes:
    return _record(layout, found.raw, changes, (found.row, file)) if changes.values.get(found.row) else found.raw


def _record(layout: Layout, raw: bytes, changes: Changes, at: tuple[int, File]) -> bytes:
    """A record with other values; its other bytes stay.

    :raises Refused: ``records.not_redacted``: a subject would still be a party of it.
    """
    row, file = at
    exact(raw, file.where)  # No member of it stands twice.
    text = raw.decode("utf-8")
    for name, value in changes.values[row].items():
        if isinstance(value, Elements):
            text = _elements(layout, text, name, value)
            continue
        span = _span(text, layout.paths[name].names or ())
        if span is not None:
            column = layout.dataset.columns[name]
            new = _json(column, value, quoted=text[span[0]] == '"', where=f"{layout.full}, column {name}")
            text = text[: span[0]] + new + text[span[1] :]
    made = text.encode("utf-8")
    if row in changes.still and changes.still[row]((quick(made, file.where), row, file)):
        raise not_redacted(file.where)
    return made


def not_redacted(where: str) -> Refused:
    """A subject would still be found."""
    return Refused(
        "records.not_redacted", "A subject would still be a party of a record; the file is as it was.", where=where,
        advice="Set every column that identifies a party (`erasure: shared`).",
    )  # fmt: skip


def _elements(layout: Layout, text: str, name: str, its: Elements) -> str:
    """A record's text with another value in some elements of a list."""
    span = _span(text, its.base)
    if span is None or text[span[0]] != "[":
        return text
    column = of_one(layout.dataset.columns[name])
    at, number, made, kept = _blanks(text, span[0] + 1), 0, list[str](), 0
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        inner = _span(text[at:end], its.leaf) if number in its.which else None
        if inner is not None:
            quoted = text[at + inner[0]] == '"'
            new = _json(column, its.value, quoted=quoted, where=f"{layout.full}, column {name}")
            made += [text[kept : at + inner[0]], new]
            kept = at + inner[1]
        at, number = _blanks(text, end), number + 1
        at = _blanks(text, at + 1) if text[at] == "," else at
    return "".join([*made, text[kept:]])


def _span(text: str, names: Sequence[str]) -> tuple[int, int] | None:
    """Where in a record's text the value of a plain path stands; None: it has none there."""
    at = _blanks(text, 0)
    for name in names:
        if text[at] != "{":
            return None
        at = _blanks(text, at + 1)
        while text[at] != "}":
            member, end = _DECODER.raw_decode(text, at)
            at = _blanks(text, _blanks(text, end) + 1)
            if member == name:
                break
            at = _blanks(text, _DECODER.raw_decode(text, at)[1])
            at = _blanks(text, at + 1) if text[at] == "," else at
        else:
            return None
    return at, _DECODER.raw_decode(text, at)[1]


def _blanks(text: str, at: int) -> int:
    return cast("re.Match[str]", _BLANKS.match(text, at)).end()


def _json(column: Column, value: object, *, quoted: bool, where: str) -> str:
    """A value as JSON writes it: as a text where a text stood."""
    value = plain(column, value, where)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, Decimal)) and not quoted:
        return str(value)
    text = str(value)
    return json.dumps(text, ensure_ascii=any("\ud800" <= char <= "\udfff" for char in text))
