"""What a person has to decide when an identifier leads to more than one person, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from privacy.sources.base import Identifier


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the people that a request may be about.

    :param no: 1, 2, ...: how the operator names them in the answer.
    :param identifiers: that person's own numbers, merged accounts included.
    """

    no: int
    identifiers: tuple[Identifier, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """Who is it? Personal: kept sealed in the register.

    :param shared: the identifiers that more than one of them uses.
    """

    candidates: tuple[Candidate, ...]
    shared: tuple[Identifier, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """The operator's answer.

    :param person: the chosen candidate's identifiers.
    :param address: ``shared``: records known by the shared identifier alone are nobody's; ``theirs``: they are this
        person's.
    :param about: the shared identifiers that were asked about: the answer is about these, and about no other one that
        the chosen person shares with somebody else.
    """

    person: tuple[Identifier, ...] = field(repr=False)
    address: Literal["shared", "theirs"] = "shared"
    about: tuple[Identifier, ...] = field(default=(), repr=False)
