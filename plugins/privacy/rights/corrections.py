"""What somebody wants corrected: checked against the data map, then written down; and shown before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from privacy.datamap.facts import facts_of, spoken
from privacy.datamap.models import did_you_mean
from privacy.errors import BadInput
from privacy.plans.correction import LONGEST, Wanted, parsed

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request


def correct(
    house: House, number: str, fact: str, to: str | None, author: str, *, was: str | None = None, row: str | None = None
) -> Request:
    """Write down what a fact of the request's subject is to be. Nothing is changed yet.

    :param to: the value; None: nothing is to stand there. :param was: the wrong one, where several stand there.
    :param row: ``system.dataset/key`` of the one record that it is about.
    :raises BadInput: ``rectify.fact``, ``rectify.value``, ``rectify.row``; no value is quoted.
    :raises Refused: see :meth:`privacy.rights.rectifying.Correcting.correct`.
    """
    known = facts_of(house.datamap)
    if fact not in known:
        raise BadInput("rectify.fact", f"There is no such fact{did_you_mean(fact, known)}.")
    column = spoken(known[fact])
    for value in (to, was):
        parsed(value, column, fact)
    if row is not None:
        full, slash, key = row.partition("/")
        names = [standing.ref.full for standing in known[fact]]
        if not slash or not key or full not in names:
            raise BadInput(
                "rectify.row", "That is no record which says this fact currently.",
                advice=f"Write SYSTEM.DATASET/KEY, of {', '.join(dict.fromkeys(names))}.",
            )  # fmt: skip
    try:
        said = Wanted(fact=fact, to=to, was=was, row=row, author=author, at=house.clock.now())
    except ValidationError:  # its text quotes what it could not take
        said = None
    if said is None:
        raise BadInput("rectify.value", f"A value has {LONGEST} characters at most.", where=fact)
    return house.register.correct(number, said)


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of a plan: a value of a record, before and after. For an operator's eyes alone."""

    dataset: str
    record: str
    fact: str
    was: str | None
    to: str | None


def shown(house: House, number: str) -> list[Shown]:
    """What the request's plan changes, value by value. :raises Refused: ``rectify.nothing_wanted``."""
    plan = house.register.correction(number).plan
    return [
        Shown(change.dataset, "/".join(map(str, change.record)), cell.fact, cell.was, cell.to)
        for change in (plan.changes if plan else ())
        for cell in change.cells.values()
    ]
