"""What the content of a file says: its sha256, and what kind of file its first bytes say that it is.

``filetype`` knows pictures, documents, archives, programs and the like by their first bytes, and tells an Office
document from a plain ZIP, which ``puremagic`` does not; libmagic (``python-magic``) would be a library of the operating
system's. Texts have no first bytes of their own, so the few that matter are told here. Nothing is opened or decoded
further than that: it may be anything that an applicant sends.
"""

from __future__ import annotations

import codecs
import re
from hashlib import sha256
from typing import BinaryIO

import filetype

HEAD = 8192
"""How many first bytes are looked at."""

_BLOCK = 2**20
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TEXTS = (
    (re.compile(r"\s*<!doctype html|\s*<html[\s>]", re.IGNORECASE), "text/html"),
    (re.compile(r"\s*<\?xml\s"), "application/xml"),
    (re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])"), "application/json"),
)
_ONLY_BINARY = ("image/", "audio/", "video/", "font/")


def content_of(file: BinaryIO, *, whole: bool) -> tuple[str, str, int]:
    """The media type, the sha256 (hex), and how many bytes were read.

    :param whole: read it to its end; otherwise the sha256 is of what was read.
    """
    digest, size, head = sha256(), 0, b""
    while block := file.read(_BLOCK if whole else HEAD - len(head)):
        head = head or block[:HEAD]
        digest.update(block)
        size += len(block)
        if not whole:
            break
    return media_type(head), digest.hexdigest(), size


def media_type(head: bytes) -> str:
    """What a file is, by its first bytes, whatever its name says; ``application/octet-stream``: nobody knows."""
    text = _text(head)
    found = filetype.guess_mime(head) if head else None
    # Two letters make a bitmap: a letter that begins with "BMW" is none.
    if found and not (text is not None and found.startswith(_ONLY_BINARY)):
        return str(found)
    if text is None:
        return "application/octet-stream"
    return next((name for pattern, name in _TEXTS if pattern.match(text)), "text/plain") if head else "inode/x-empty"


def _text(head: bytes) -> str | None:
    """The bytes as UTF-8 text, if they are; the last character may be cut off."""
    if _CONTROL.search(head):
        return None
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
