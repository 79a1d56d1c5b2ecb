"""Values as the report shows them: readable, and harmless whatever a person's data hold (edge case 27)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from privacy.datamap.models import Column

_LONGEST = 500
"""Characters of one value that the page shows."""

# What has no shape, or turns the text around it, is shown by a sign or by its number: a reader must see what is there.
_SHOWN = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
# Those are the controls, and what Unicode lets a program leave out (Default_Ignorable_Code_Point), but for _SHAPING.
_UNSEEN = (
    range(0x80, 0xA0), (0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E), (0x200B, 0x200E, 0x200F),
    range(0x2028, 0x202F), range(0x2060, 0x2070), (0x3164, 0xFEFF, 0xFFA0), range(0xFFF0, 0xFFFC),
    range(0x1BCA0, 0x1BCA4), range(0x1D173, 0x1D17B), range(0xE0000, 0xE0100), range(0xE01F0, 0xE1000),
)  # fmt: skip
_SHOWN |= {code: f"[U+{code:04X}]" for code in chain.from_iterable(_UNSEEN)}

# Joiners and variants shape emoji, and letters of some scripts, where one stands by itself next to such a character (a
# variant also after the digit of a keycap); anywhere else nobody would see them.
_SHAPING = r"\u180B-\u180D\u180F\u200C\u200D\uFE00-\uFE0F\U000E0100-\U000E01EF"
_JOINER, _VARIANT = r"\u200C\u200D", _SHAPING.replace(r"\u200C\u200D", "")
_LETTER = rf"[^\x00-\xFF{_SHAPING}]"
_STRAY = re.compile(
    rf"(?<!{_LETTER})(?<!\uFE0F)[{_JOINER}]|[{_JOINER}](?!{_LETTER})|(?<!{_LETTER})(?<![0-9#*\xA9\xAE])[{_VARIANT}]"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on the page.

    :param kind: ``none``, ``text``, ``number``, ``time``, ``yes``, ``no``, ``binary``, ``cut``.
    :param link: the original that it names, within the bundle.
    """

    text: str = field(repr=False)
    kind: str = "text"
    link: str | None = field(default=None, repr=False)


def visible(text: str) -> str:
    """A text in which nothing is hidden: no control character, nothing without a shape, nothing that turns writing."""
    if not text.isascii():
        text = _STRAY.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return text.replace("\r\n", "\n").translate(_SHOWN)


def cell(value: Any, column: Column, zone: ZoneInfo, link: str | None = None) -> Cell:
    """A value of a record, as its JSON says."""
    kind = column.arrow
    if value is None:
        return Cell("", "none")
    if isinstance(value, bool):
        return Cell("", "yes" if value else "no")
    if pa.types.is_binary(kind):
        return Cell(str(len(base64.b64decode(value))), "binary")
    text = visible(readable(value, kind, zone))
    if len(text) > _LONGEST:
        return Cell(text[:_LONGEST], "cut")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Cell(text, "time")
    numeric = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    return Cell(text, "number" if numeric else "text", link)


def readable(value: Any, kind: Any, zone: ZoneInfo) -> str:
    """A value in words: lists and records without the brackets of a program, one record a line."""
    if value is None:
        return "\u2013"
    if pa.types.is_list(kind):
        inside = [readable(v, kind.value_type, zone) for v in value]
        return ("\n" if pa.types.is_struct(kind.value_type) else ", ").join(inside)
    if pa.types.is_struct(kind):
        return _record(value, kind, zone)
    if pa.types.is_timestamp(kind):
        return moment(str(value), zone)
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return str(value)


def _record(value: Any, kind: Any, zone: ZoneInfo) -> str:
    """``name: value; name: value``; a pair of ``key`` and ``value`` is a name with its value."""
    filled = [f for f in kind if value.get(f.name) is not None]
    if {f.name for f in filled} == {"key", "value"}:
        return f"{value['key']}: {_inner(value['value'], kind.field('value').type, zone)}"
    return "; ".join(f"{f.name}: {_inner(value[f.name], f.type, zone)}" for f in filled)


def _inner(value: Any, kind: Any, zone: ZoneInfo) -> str:
    """A value within a record; of a record with one value in it, as unions are stored, that value alone."""
    if pa.types.is_struct(kind):
        filled = [f for f in kind if value.get(f.name) is not None]
        if len(filled) == 1:
            return _inner(value[filled[0].name], filled[0].type, zone)
        return f"({readable(value, kind, zone)})"
    return f"({readable(value, kind, zone)})" if pa.types.is_list(kind) else readable(value, kind, zone)


def moment(text: str, zone: ZoneInfo) -> str:
    """A datetime as people write it, in the shop's own zone, to the second where it has no more.

    Of the hour that comes twice in autumn the offset says which one it is.
    """
    try:
        at = datetime.fromisoformat(text)
        here = at if at.tzinfo is None else at.astimezone(zone)
    except (ValueError, OverflowError):
        return text
    twice = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
    return str(here) if twice else str(here.replace(tzinfo=None))
