"""Request numbers such as ``AVG-2026-0042-9``: short enough to say on the telephone, hard to get wrong.

The serial is drawn at random, so that a number tells nothing; the last digit is a Damm check digit over year and
serial: it finds every single wrong digit and every swap of two neighbours.
"""

from __future__ import annotations

import re

from stdnum import damm

from privacy.errors import BadInput

_FORM = re.compile(r"([A-Z]{2,5})-(\d{4})-(\d{4,})-(\d)")
PATTERN = r"^[A-Z]{2,5}-\d{4}-\d{4,}-\d$"
"""Every controller's request numbers; for forms that cannot know the policy's prefix."""


def number(prefix: str, year: int, serial: int) -> str:
    """The request number of a serial.

    :param prefix: the policy's, e.g. ``AVG``.
    :param serial: positive; written with at least four digits.
    """
    digits = f"{year:04d}{serial:04d}"
    return f"{prefix}-{year:04d}-{serial:04d}-{damm.calc_check_digit(digits)}"


def check(text: str, prefix: str | None = None) -> str:
    """A request number in its normal form: upper case, no blanks.

    :raises BadInput: ``request.number``, with what is wrong.
    """
    written = text.strip().upper()
    found = _FORM.fullmatch(written)
    if found is None or (prefix is not None and found[1] != prefix):
        example = number(prefix or "AVG", 2026, 42)
        raise BadInput("request.number", "That is no request number.", advice=f"It looks like {example}.")
    if not damm.is_valid(found[2] + found[3] + found[4]):
        raise BadInput(
            "request.number",
            "The check digit does not fit: a digit is wrong, or two are swapped.",
            advice="Look at the number again: privacy request list.",
        )
    return written
