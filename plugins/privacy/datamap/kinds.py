"""The normal form of identifiers, in one place: what a request says and what a record says meet in it."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from privacy.errors import BadInput

_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
"""Python would read 1_001 too, and digits of other scripts: nobody writes these in a database."""


def fold(text: str) -> str:
    """An e-mail address without case: stripped, NFC, case-folded, NFC again.

    Addresses of any script; the local part too, although the standard lets it be case sensitive: no shop's is.
    Character by character: to Unicode ``ß`` and ``ss`` differ in case only, and straße.example is another's domain.
    """
    composed = unicodedata.normalize("NFC", text).strip()
    if not composed.isascii():
        composed = "".join(f if len(f := c.casefold()) == 1 else c.lower() for c in composed)
    return unicodedata.normalize("NFC", composed.casefold() if composed.isascii() else composed)


def twin(address: str) -> str | None:
    """The other spelling of an address with an international domain: ``xn--...`` of its own script, or that of the
    first. Shops write down the one, mail headers have the other.

    :param address: as :func:`fold` gives it. :returns: folded too; None: it has none.
    """
    local, at, domain = address.rpartition("@")
    try:
        if domain.isascii():
            said = ".".join(
                label[4:].encode().decode("punycode") if label.startswith("xn--") else label
                for label in domain.split(".")
            )
        else:
            said = ".".join(
                label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in domain.split(".")
            )
    except UnicodeError:
        return None
    other = fold(f"{local}{at}{said}")
    return None if not at or other == address else other


def normal(kind: str, value: object, type: str = "text") -> str | int:
    """The normal form of an identifier of this kind.

    :param kind: ``email``, ``phone``, ``device_id``, ``ip`` or a system's own.
    :param type: of a system's own kind: ``integer`` or ``text``.
    :raises BadInput: it cannot be one; the message does not quote it.
    """
    if type == "integer":
        number = str(value).strip()
        if not _WHOLE.fullmatch(number):
            raise BadInput("identity.not_a_number", f"An identifier of kind {kind} is a whole number.")
        return int(number)
    text = str(value).strip()
    if not text:
        raise BadInput("identity.empty", f"An identifier of kind {kind} is empty.")
    if kind == "email":
        if "@" not in text:
            raise BadInput("identity.not_an_address", "An e-mail address has an @ in it.")
        return fold(text)
    if kind == "phone":
        digits = "".join(c for c in text if c.isdigit())
        if not digits:
            raise BadInput("identity.not_a_phone_number", "A phone number has digits.")
        return "+" + digits.removeprefix("00") if text.startswith(("+", "00")) else digits
    if kind == "ip":
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise BadInput("identity.not_an_ip_address", "An IP address is needed.") from None
    return text
