"""A look into a Parquet column's dictionary page, to know that nobody who is looked for can be in the column.

Most files of a year have nothing of one subject. Arrow has no way to read the dictionary alone: it decodes every value,
which takes twenty times as long as this. Whatever is not exactly as expected is left to Arrow; so is a file in which
something is found. Page headers are Thrift's compact protocol.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa

LARGEST = 64 * 2**20

_CODECS: dict[str, Any] = {"SNAPPY": "snappy", "ZSTD": "zstd", "GZIP": "gzip", "BROTLI": "brotli", "LZ4_RAW": "lz4_raw"}
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY = 0, 2, 8


def dictionary(file: BinaryIO, chunk: Any) -> bytes | None:
    """All values of a text column in a row group, each once, after its length in 4 bytes; None: that cannot be told.

    :param chunk: its metadata.
    """
    try:
        return _dictionary(file, chunk)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, pa.ArrowException, RecursionError, MemoryError):
        return None  # Arrow says what is wrong with it.


def sound(file: BinaryIO, levels: list[tuple[int, int]]) -> bool:
    """Whether a file's footer is one that Arrow can be asked about: of some others asking ends the whole process.

    (Its metadata of a column throws where the column's size statistics do not fit the schema, and nothing catches it.)

    :param levels: of each column the greatest repetition and definition level.
    """
    file.seek(-8, 2)
    size = int.from_bytes(file.read(4), "little")
    file.seek(-8 - size, 2)
    groups = _struct(file.read(size), 0)[0].get(4, [])
    for group in groups:
        if len(group[1]) != len(levels):
            return False
        for column, wanted in zip(group[1], levels, strict=True):
            counted = column[3].get(16, {})
            if any(
                counted.get(field) and len(counted[field]) != most + 1
                for field, most in zip((2, 3), wanted, strict=True)
            ):
                return False
    return True


def _dictionary(file: BinaryIO, chunk: Any) -> bytes | None:
    start, size = chunk.dictionary_page_offset, chunk.total_compressed_size
    ready = chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and start and size <= LARGEST
    if not ready or not 0 < start < chunk.data_page_offset:
        return None
    file.seek(start)
    content = file.read(size)
    found: bytes | None = None
    at = values = 0
    while at < len(content):
        header, at = _struct(content, at)
        kind, body = header[1], content[at : at + header[3]]
        at += header[3]
        if len(body) != header[3] or header[3] < 0:
            return None
        if kind == _DICTIONARY and found is None and header[7][2] in (_PLAIN, _PLAIN_DICTIONARY):
            found = _decompressed(body, header[2], chunk.compression)
        elif kind in (_DATA, _DATA_V2):
            data = header[5] if kind == _DATA else header[8]
            if data[2 if kind == _DATA else 4] not in (_PLAIN_DICTIONARY, _RLE_DICTIONARY):
                return None  # Its values stand in the page itself.
            values += data[1]
        else:
            return None
    return found if values == chunk.num_values else None


def _decompressed(body: bytes, size: int, compression: str) -> bytes | None:
    if compression == "UNCOMPRESSED":
        return body
    if compression not in _CODECS or not 0 <= size <= LARGEST:
        return None
    found = pa.Codec(_CODECS[compression]).decompress(body, size).to_pybytes() if size else b""
    return found if len(found) == size else None


def _struct(data: bytes, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """A struct's fields by number, and where it ends. :raises ValueError, LookupError: it is none."""
    if depth > 12:
        raise ValueError
    found: dict[int, Any] = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        if head >> 4:
            number += head >> 4
        else:
            number, at = _signed(data, at)
        found[number], at = _value(data, at, head & 15, depth)


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return data[at], at + 1
    if kind in (4, 5, 6):
        return _signed(data, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = _unsigned(data, at)
        return None, at + size
    if kind in (9, 10):
        return _list(data, at, depth)
    if kind == 12:
        return _struct(data, at, depth + 1)
    raise ValueError


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _unsigned(data, at)
    found: list[Any] = []
    for _ in range(size):
        value, at = (None, at + 1) if kind in (1, 2) else _value(data, at, kind, depth)
        found.append(value)
        if at > len(data):
            raise LookupError
    return found, at


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError


def _signed(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), at + 1
    value, at = _unsigned(data, at)
    return (value >> 1) ^ -(value & 1), at
