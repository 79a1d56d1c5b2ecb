"""A hold as a person asks for one, on the command line or on the desk: what it is on, how much that is, its end.

:class:`privacy.holds.Holds` keeps the records; here is what stands around it: whom a name means, which recordings a
camera and some hours are, how many records would be held, and the order to whoever holds the footage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from privacy.errors import BadInput, PrivacyError, Refused
from privacy.holds import Everything, Hold, HoldKind, Keys, Span
from privacy.plans.followers import located, numbered
from privacy.rights import recordings
from privacy.rights.naming import moments
from privacy.rights.orders import Orders
from privacy.rights.selecting import all_it_may_be, anything_of
from privacy.sources import item_key
from privacy.sources.base import Identifier, Subject, Surveying
from privacy.sources.keyed import by_key, typed_key

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.datamap.policy import Policy
    from privacy.rights.house import House
    from privacy.rights.order_rows import Order

GROUNDS = {
    "authority": "An authority (police, prosecutor, court, supervisor) asked for it",
    "claim": "A legal claim: to establish, exercise or defend it (art. 17(3)(e) GDPR)",
    "incident": "An incident is being looked into: theft, an accident, a data breach",
    "audit": "An audit by the tax authority or an accountant",
    "other": "Another ground, in words",
}
"""Why records must stay, by code: none of them names anybody."""

ENDS = {
    "over": "The ground is over",
    "given": "What was asked for was given to who asked",
    "mistaken": "It was placed by mistake",
    "replaced": "Another hold has taken its place",
}
"""Why a hold ends, by code, as the ledger has it."""

ERASES = "erase_subject"
"""The pipeline that deletes what no purge does."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of a dataset a hold would keep now. :param dataset: its full name.

    :param records: None: the store could not be asked, and ``problem`` is the error's code.
    """

    dataset: str
    records: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What whoever placed a hold has to know of it.

    :param anything: whether any record is held; None: some store could not be asked, or it is not on people.
    :param absent: how many of its keys are no record now; None: it is not on keys, or could not be asked.
    """

    anything: bool | None
    absent: int | None


def people(house: House, named: Iterable[Identifier]) -> tuple[list[Subject], bool]:
    """Everybody whom these names may mean: a hold may keep too much, and never too little.

    :returns: them, and whether the shop could be asked; where it could not, what was named is all there is.
    """
    found, whole = list[Subject](), True
    for identifier in named:
        some, complete = all_it_may_be(house, identifier)
        found += some
        whole = whole and complete
    return found, whole


def span(camera: str, begins: str, ends: str, zone: str) -> Span:
    """What a camera saw from one moment to another, as somebody typed them (ISO 8601, in the zone without an offset).

    Of an hour that the clocks skip or repeat all is meant: a hold keeps too much rather than too little (edge case 3).

    :raises BadInput: ``named.moment``.
    """
    return Span(camera.strip(), min(moments(begins, zone)), max(moments(ends, zone)))


def footage(house: House, span: Span, names: Sequence[str] | None = None) -> tuple[Keys, list[str]]:
    """What a camera recorded in some hours, and the datasets that it is in.

    :param names: full names; None: all datasets with ``footage:``. :raises BadInput: as :func:`recordings.met`.
    """
    of = list(names) if names else [ref.full for ref in recordings.footage(house.datamap)]
    return recordings.chosen(house, span, of), of


def keys(house: House, dataset: str, typed: Iterable[str]) -> Keys:
    """Single records of a dataset, by their keys; of several parts: a JSON list.

    :raises BadInput: ``hold.key``; no key is quoted.
    """
    parts = len(item_key(house.datamap[dataset]))
    found: list[tuple[object, ...]] = []
    for text in typed:
        try:
            key = json.loads(text) if parts > 1 else [text]
        except ValueError:
            key = None
        if not isinstance(key, list):
            raise BadInput("hold.key", f"A key of this dataset has {parts} parts.", advice='Write it like ["a", 1].')
        found.append(tuple(key))
    return Keys(tuple(found))


def count(
    house: House, what: Sequence[Subject] | Keys | Everything, datasets: Sequence[str] | None
) -> list[Counted]:  # fmt: skip
    """How many records a hold would keep now, by dataset; those with none are left out. Changes nothing.

    :param datasets: full names; None: all. A store that cannot be asked is told of, and hides no other.
    """
    if isinstance(what, Keys) and what.span is not None:
        met = [one.dataset for one in recordings.met(house, what.span, datasets or ())]
        return [Counted(name, met.count(name)) for name in dict.fromkeys(met)]
    wanted = [ref for ref in house.datamap if datasets is None or ref.full in datasets]
    if not isinstance(what, Keys | Everything):
        wanted = [ref for ref in wanted if ref.dataset.people]
    found = [_counted(house, ref, what) for ref in wanted]
    return [one for one in found if one.records != 0]


def noticed(house: House, hold: Hold) -> Noticed:
    """Whether a hold that was placed keeps anything: a number that was mistyped keeps nothing, unseen."""
    anything = anything_of(house, hold.what, hold.datasets) if isinstance(hold.what, tuple) else None
    return Noticed(anything, absent(house, hold))


def absent(house: House, hold: Hold) -> int | None:
    """How many of the keys of a hold are no record at present: a key that was mistyped keeps nothing.

    :returns: None: it is not on keys of records, or the store could not be asked; the hold stands all the same.
    """
    if not isinstance(hold.what, Keys) or hold.what.span is not None or hold.datasets is None:
        return None
    (ref,) = (house.datamap[name] for name in hold.datasets)
    try:
        there = _there(house, ref, hold.what)
    except PrivacyError:
        return None
    return None if there is None else len(hold.what.keys) - there


def release(house: House, id: str, author: str, why: str | None = None) -> tuple[bool, list[Order]]:
    """End a hold, forget whom it was about, and withdraw its orders. Safe to repeat.

    :param why: of :data:`ENDS`, for the ledger; None: nobody said.
    :returns: whether it ended now, and the orders that were withdrawn.
    :raises BadInput: ``hold.unknown``, ``hold.why``. :raises Refused: ``hold.of_a_request``, ``hold.of_a_right``.
    """
    if why is not None and why not in ENDS:
        raise BadInput("hold.why", "There is no such reason.", advice=f"One of: {', '.join(ENDS)}.")
    found = house.holds.get(checked(id))
    if found.kind is HoldKind.REQUEST:
        raise Refused(
            "hold.of_a_request", "The hold belongs to a request, and ends with it.", where=found.request or "",
            advice="Answer or refuse the request: privacy request show.",
        )  # fmt: skip
    ended = house.holds.release(found.id, author=author, why=why)
    return bool(ended), Orders(house).withdraw(found.id, author)


def checked(text: str) -> str:
    """A hold's id. :raises BadInput: ``hold.unknown``; what was typed is not repeated."""
    if not re.fullmatch(r"[0-9a-f]{32}", text.strip()):
        raise BadInput("hold.unknown", "There is no such hold.", advice="See which there are: privacy hold list.")
    return text.strip()


def pipelines(policy: Policy, datasets: Iterable[str] | None) -> frozenset[str]:
    """The pipelines that a hold stands in the way of: the purges of its datasets, and erasures of what has none.

    :param datasets: full names; None: all, so all of them.
    """
    of = {full: name for name, made in policy.purges.items() for rule in made.rules.values() for full in rule.datasets}
    return frozenset([ERASES, *policy.purges] if datasets is None else [of.get(full, ERASES) for full in datasets])


def _counted(house: House, ref: Ref, what: Sequence[Subject] | Keys | Everything) -> Counted:
    try:
        return Counted(ref.full, _records(house, ref, what))
    except PrivacyError as problem:
        return Counted(ref.full, None, problem.code)


def _records(house: House, ref: Ref, what: Sequence[Subject] | Keys | Everything) -> int | None:
    source = house.source(ref.system.system)
    if isinstance(what, Keys):
        return _there(house, ref, what)
    if not isinstance(what, Everything):
        return sum(item.records for item in located(source, ref.name, numbered(what)))
    return source.survey(ref.name, house.clock.now()).records if isinstance(source, Surveying) else None


def _there(house: House, ref: Ref, what: Keys) -> int | None:
    """How many of these keys are records; None: a key is that of a file with records in it, and of none of them."""
    if item_key(ref) != [ref.dataset.columns[name].type for name in ref.dataset.key]:
        return None
    source = house.source(ref.system.system)
    typed = [typed_key(ref, [str(part) for part in key]) for key in what.keys]
    return sum(by_key(source, ref, key) is not None for key in typed)
