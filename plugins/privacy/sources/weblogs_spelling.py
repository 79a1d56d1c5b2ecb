"""How logs write identifiers, and the one form in which they are compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from privacy.datamap.kinds import fold, normal
from privacy.errors import BadInput
from privacy.sources.weblogs_lines import whole

_SHORT = 6
_ESCAPED = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def blank(value: str | int) -> bool:
    """Whether a log would write it as nothing: it identifies nobody."""
    return str(value).strip() in ("", "-")


def spellings(value: str | int) -> set[bytes]:
    """How a log may write a text: as it is, or with nginx's ``\\xHH`` for quotes, backslashes and all but ASCII."""
    raw = str(value).encode("utf-8", "surrogatepass")
    return {raw, b"".join(b"\\x%02X" % c if c < 32 or c > 126 or c in b'"\\' else bytes((c,)) for c in raw)}


def needles(kind: str, numeric: bool, value: str | int, after: bytes = b"") -> tuple[set[bytes], bool]:
    """Texts of which one stands in every line that holds the identifier, and whether that is so.

    It is not for e-mail addresses (any case) and phone numbers (any punctuation).

    :param after: what always follows the field; makes a short number rarer (every Firefox says ``Gecko/20100101``).
    """
    if numeric and (number := whole(str(value).encode("utf-8", "surrogatepass"))) is not None:
        text = b"%d" % abs(number)
        return {text if len(text) > _SHORT else text + after}, True
    if kind == "ip" and ":" in str(value):
        # Zeros may be left out in more than one way; a whole group of four digits is always there.
        groups = [g for g in str(value).lower().split(":") if len(g) == 4 and not g.startswith("0")]
        return {f(max(groups)).encode() for f in (str.lower, str.upper)} if groups else set(), bool(groups)
    return spellings(value), kind not in ("email", "phone")


def canonicaliser(kind: str, numeric: bool) -> Callable[[bytes], bytes]:
    """How a field of this kind is brought into the one form in which it is compared."""
    if numeric:
        return _canonical_number
    return _CANONICAL.get(kind, bytes)


def _canonical_number(raw: bytes) -> bytes:
    number = whole(raw)
    return raw if number is None else b"%d" % number


@lru_cache(maxsize=4096)
def _canonical_ip(raw: bytes) -> bytes:
    return raw if b":" not in raw else _normal("ip", raw)


def _canonical_email(raw: bytes) -> bytes:
    text = _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), raw)
    return fold(text.decode("utf-8", "backslashreplace")).encode("utf-8", "surrogatepass")


def _canonical_phone(raw: bytes) -> bytes:
    return _normal("phone", raw)


def _normal(kind: str, raw: bytes) -> bytes:
    try:
        return str(normal(kind, raw.decode("utf-8", "backslashreplace"))).encode()
    except BadInput:
        return raw


_CANONICAL: dict[str, Callable[[bytes], bytes]] = {
    "ip": _canonical_ip,
    "email": _canonical_email,
    "phone": _canonical_phone,
}
