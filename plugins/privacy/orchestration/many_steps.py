"""What each step of ``export_subjects`` does, without Airflow: the steps of ``export_subject`` for many requests, and
one reading for all of them (:mod:`privacy.orchestration.many_parts`).

Every function may be called again after it died half way. What is returned is written into Airflow's database, so it
holds counts, digests, request numbers, and names of datasets and log files only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from privacy.errors import GiveUp, PrivacyError, RetryLater
from privacy.orchestration import ending, steps
from privacy.orchestration.listing import decided_of, keep, left_out, listing
from privacy.orchestration.many import (
    CHUNK,
    Many,
    Member,
    each,
    ended,
    gathered,
    going,
    members_of,
    numbered,
    picking,
    shared,
)
from privacy.orchestration.many_parts import EXCEPT, Parts
from privacy.orchestration.meanwhile import Moved, nothing_moved
from privacy.orchestration.runs import note, remove, staging_of, sweep

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.sources.base import Of, Subject


def open_requests(house: House, many: Many) -> list[list[int]]:
    """Take all requests over: see :func:`privacy.orchestration.steps.open_request`.

    :returns: the members in chunks, by their numbers in this run, also those that have failed by now.
    :raises Refused: ``export.nobody``, ``export.too_many``.
    """
    sweep(house)
    members = gathered(house, many)
    # One that has ended is not taken over again: a later run of the request may have it. The folder comes last.
    waiting = [m for m in members if not staging_of(house, m.run).is_dir() and not ended(house, m)]
    each(house, many, waiting, lambda member: steps.open_request(house, member.run, sweeping=False))
    numbers = [member.no for member in members]
    return [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]


def resolve_identities(house: House, many: Many, chunk: Sequence[int]) -> dict[str, int]:
    """Find out whose the requests of a chunk are.

    :returns: how many of them go on.
    """
    members = _chunk(going(house, many), chunk)
    left = each(house, many, members, lambda member: steps.resolve_identity(house, member.run))
    return {"going": len(left)}


def list_parts(house: House, many: Many) -> list[dict[str, Any]]:
    """What there is to read, once for all: see :func:`privacy.orchestration.steps.list_parts`.

    What a processor has not delivered of one request, is left out of that one alone.

    :raises GiveUp: ``export.none_left``: every request has failed by now.
    """
    subjects: dict[int, Subject] = {}
    decided: dict[int, dict[str, dict[str, str]]] = {}

    def look(member: Member) -> None:
        subjects[member.no] = _subject(house, member)
        decided[member.no] = decided_of(house, member.run.number)

    members = each(house, many, going(house, many), look)
    if not members:
        raise GiveUp("export.none_left", "No request is left to be exported.", where=many.id)

    def without(ref: Ref) -> list[int]:
        return [m.no for m in members if left_out(decided[m.no], ref)]

    def whose(ref: Ref) -> Of | None:
        some = set(without(ref))
        mine = [subjects[m.no] for m in members if m.no not in some]
        return picking(mine) if mine else None

    found = listing(house, whose)
    full = {unit["dataset"] for unit in found.units}
    absent = {ref.full: frozenset(without(ref)) for ref in house.datamap if ref.full in full}

    def tell(member: Member) -> None:
        mine = [unit for unit in found.units if member.no not in absent[unit["dataset"]]]
        keep(house, member.run, mine, found, decided[member.no])

    each(house, many, members, tell)
    note(shared(house, many) / EXCEPT, {name: sorted(some) for name, some in absent.items() if some})
    return found.units


def write_bundles(
    house: House, many: Many, read: Iterable[Mapping[str, Any]], chunk: Sequence[int]
) -> dict[str, int]:  # fmt: skip
    """Put the bundles of a chunk together, seal them, and end each run on the evidence of its sealed file.

    :param read: what :func:`privacy.orchestration.many_parts.extract` returned of each unit.
    :returns: how many were sealed.
    """
    members = [m for m in _chunk(going(house, many), chunk) if not ended(house, m)]
    parts = Parts(shared(house, many), read, members)
    moved = _moved(house, members, parts)

    def write(member: Member) -> None:
        steps.write_bundle(house, member.run, parts.of(member), moved)
        ending.record(house, member.run, failed=None)
        ending.empty_staging(house, member.run)

    return {"sealed": len(each(house, many, members, write))}


def record(house: House, many: Many, *, failed: str | None) -> dict[str, Any]:
    """End whatever has not ended, and say how each request fared.

    :param failed: the code of the first task that failed; None when Airflow says that all went well.
    :returns: how many are ``done``; by code, the numbers of those that ``failed``, and how many of them have a number
        that is none, which may be anything that was typed.
    """
    done, codes = 0, dict[str, list[str]]()
    odd = 0
    for member in members_of(house, many):
        if not ended(house, member):
            _end(house, member, failed)
        last = house.ledger.entries(run=member.run.id, kind="run.ended")[-1].entry
        if last["status"] == "done":
            done += 1
            continue
        numbers = codes.setdefault(str(last.get("reason") or ""), [])
        number = last.get("request")
        if number is None:
            odd += 1
        else:
            numbers.append(str(number))
    return {"done": done, "failed": codes, "no_number": odd}


def empty_staging(house: House, many: Many) -> dict[str, int]:
    """Remove everything that was read, for whomever."""
    folder = staging_of(house, many.run)
    members = members_of(house, many) if folder.is_dir() else []
    for member in members:
        ending.empty_staging(house, member.run)
    # Last: as long as it is there, it is known whose folders there are.
    remove(folder)
    return {"requests": len(members)}


def _end(house: House, member: Member, failed: str | None) -> None:
    """On the evidence, as a single run ends: a chunk's task may have died before, or been marked by hand."""
    try:
        ending.record(house, member.run, failed=failed)
    except RetryLater:
        raise
    except PrivacyError:
        return  # It has said so in the ledger.


def _moved(house: House, members: Sequence[Member], parts: Parts) -> Moved:
    """Whether a record was moved, asked once for all; only if one was, of each."""
    one = partial(nothing_moved, seen_in=parts.folder)
    if not members:
        return one
    everybody: list[Subject] = []
    for member in members:
        try:
            everybody.append(_subject(house, member))
        except PrivacyError:
            return one  # Its own step says what is wrong with it.
    try:
        one(house, members[0].run, picking(everybody), parts.read)
    except RetryLater:
        raise
    except PrivacyError:
        return one
    return lambda *_: None


def _subject(house: House, member: Member) -> Subject:
    return numbered(member, steps.resolved(house.register.open(member.run.number), member.run))


def _chunk(members: Sequence[Member], chunk: Sequence[int]) -> list[Member]:
    wanted = frozenset(chunk)
    return [member for member in members if member.no in wanted]
