"""What the names of a Maildir's files and folders say."""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from hashlib import sha256

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)
"""Since 1970 there are nine digits of seconds; nothing that says less is when a message arrived."""

_NUMBER = re.compile(r"(\d{9,10})\.")
_UTF7 = re.compile(r"&([A-Za-z0-9+,]*)-")
_SIZES = re.compile(r",[SW]=\d")
_ORDINARY = re.compile(r"\d{9,10}\.[A-Za-z0-9_-]*\d[A-Za-z0-9_-]*(?=[.,]|\Z)")


def base_name(file: str) -> str:
    """What stays of a file's name when its flags change, as a text that Arrow can hold."""
    text = file if file.isascii() else os.fsencode(file).decode("utf-8", "backslashreplace")
    base = text.partition(":")[0]
    sizes = _SIZES.search(base) if "," in base else None
    return (base[: sizes.start()] if sizes else base) or text


def number_of(name: str) -> datetime | None:
    """When a message arrived, by the seconds since 1970 that its name starts with; None: it does not say."""
    found = _NUMBER.match(name)
    return None if found is None else EPOCH + timedelta(seconds=int(found[1]))


def arrived(name: str, filed: datetime) -> datetime:
    """When a message arrived: by its name, or by the time of its file where that is earlier or the name does not say.

    A copy that lost its files' times has them at 1970 or so: that says nothing.
    """
    named = number_of(name)
    if named is None:
        return filed
    return min(named, filed) if filed >= FIRST else named


def spoken(name: str) -> str:
    """A message in an error: what a mail server made up of it, or else the first digits of its name's SHA-256."""
    found = _ORDINARY.match(name)
    return found[0] if found else "sha256:" + sha256(name.encode("utf-8", "replace")).hexdigest()[:12]


def folder_name(file: str) -> str:
    """A folder's name as people write it: IMAP's own form of UTF-7 is decoded where it is one."""
    text = os.fsencode(file).decode("utf-8", "backslashreplace")
    if "&" in text and text.isascii():
        try:
            decoded = _UTF7.sub(_utf7, text)
        except (UnicodeError, ValueError):
            return text
        if "&" not in _UTF7.sub("", text):
            text = decoded
    return unicodedata.normalize("NFC", text)


def _utf7(found: re.Match[str]) -> str:
    import base64

    coded = found[1]
    if not coded:
        return "&"
    raw = base64.b64decode(coded.replace(",", "/") + "=" * (-len(coded) % 4), validate=True)
    return raw.decode("utf-16-be")
