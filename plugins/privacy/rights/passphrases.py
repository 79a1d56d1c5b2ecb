"""Passphrases of what is delivered: easy to read out by telephone, hard to guess."""

from __future__ import annotations

import math
import secrets

SIGNS = "23456789abcdefghjkmnpqrstwxyz"
"""Lower case letters and digits that nobody takes for one another: no 0 or o, no 1, i or l, no u or v."""

GROUPS, LENGTH = 4, 4

BITS = GROUPS * LENGTH * math.log2(len(SIGNS))
"""How many bits a passphrase has: 77, as six words of a Diceware list."""


def passphrase() -> str:
    """A new one, such as ``k7mq-2wrd-xh9p-t4gc``, from the machine's source of secrets."""
    return "-".join("".join(secrets.choice(SIGNS) for _ in range(LENGTH)) for _ in range(GROUPS))
