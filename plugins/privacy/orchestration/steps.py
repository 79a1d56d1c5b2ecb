"""What each step of ``export_subject`` does, without Airflow; :mod:`privacy.orchestration.ending` has the last ones.

Every function may be called again after it died half way. What is returned is written into Airflow's database, so it
holds counts, digests, and names of datasets and log files only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from privacy.errors import AmbiguousIdentity, AskPerson, GiveUp, Refused
from privacy.orchestration.listing import decided_of, keep, left_out, listing
from privacy.orchestration.meanwhile import Moved, nothing_moved, omissions_of
from privacy.orchestration.runs import (
    SEEN,
    SUMMARY,
    UNITS,
    Run,
    begin,
    bundle_key,
    close_earlier,
    discard,
    make_staging,
    note,
    staging_of,
    sweep,
    there,
    tidy,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from privacy.bundle import Scope
    from privacy.bundle.disclosed import Disclosed
    from privacy.bundle.stopped import Stopped
    from privacy.bundle.write import BundleSummary
    from privacy.rights.house import House
    from privacy.rights.payload import Figures, Payload
    from privacy.sources.base import Subject


def open_request(house: House, run: Run, *, sweeping: bool = True) -> dict[str, Any]:
    """Record that the run begins, take the request over, make the run's staging folder.

    :param sweeping: remove what earlier runs, of whichever request, left behind.
    :returns: what the request asks for, and as of when: not personal.
    :raises BadInput, Refused: there is no such request, or it is closed.
    """
    begin(house, run)
    request = house.register.begin(run.number, run.id)
    close_earlier(house, run)
    if sweeping:
        sweep(house)
    make_staging(staging_of(house, run))
    return {"request": request.number, "right": request.right.value, "run": run.id}


def resolve_identity(house: House, run: Run) -> dict[str, int]:
    """Find out whose the request is, and keep it sealed in the register; every later run uses what is there.

    :returns: how many identifiers, how many of them contested, and the resolution's own counts.
    :raises AmbiguousIdentity: a person has to decide; the register holds the question.
    """
    from privacy.identity import resolve

    register = house.register
    known = register.resolution(run.number)
    notes: Mapping[str, int] = register.open(run.number).notes
    if known is None:
        payload = register.open(run.number)
        try:
            found = resolve(
                house.datamap,
                house.source,
                payload.identifiers,
                at=register.get(run.number).dates.received_at,
                decision=register.decision(run.number),
            )
        except AmbiguousIdentity as problem:
            from privacy.identity import Question

            if isinstance(problem.question, Question):
                register.undecided(run.number, problem.question, run=run.id)
            raise
        known, notes = found.subject, found.notes
    # Again when it is known already: the request's hold learns it too, should the step have died in between.
    register.resolved(run.number, known, notes, run=run.id)
    if not register.get(run.number).right.copies:
        # What is done next may take from the shop's records where the person is written to.
        house.letters.know(run.number)
    contested = sum(identifier.contested for identifier in known.identifiers)
    return {**notes, "identifiers": len(known.identifiers), "contested": contested}


def list_parts(house: House, run: Run) -> list[dict[str, Any]]:
    """What there is to read, cut into units of work of one dataset each.

    What a processor has not delivered whole by now has no unit: it is left out as a whole, and said to be.

    :returns: units: dataset, name (for people), number, partitions.
    :raises GiveUp: ``export.nothing_to_read``.
    """
    from privacy.sources.base import Of

    subject = _subject(house, run)
    there(house, run)
    decided = decided_of(house, run.number)
    found = listing(house, lambda ref: None if left_out(decided, ref) else Of((subject,)))
    keep(house, run, found.units, found, decided)
    return found.units


def extract(house: House, run: Run, unit: Mapping[str, Any], *, attempt: int = 1) -> dict[str, Any]:
    """Read one unit into a part of its own.

    :param attempt: a folder for each: an attempt that was given up may still write (edge case 36).
    :returns: the part's counts and digests, and its folder's name.
    """
    from privacy.bundle import PartWriter
    from privacy.sources.base import Of, Partition, Selection, Tally

    staging = there(house, run)
    ref = house.datamap[unit["dataset"]]
    source = house.source(ref.system.system)
    payload = house.register.open(run.number)
    subject = resolved(payload, run)
    selection = Selection(ref.name, Of((subject,)))
    name = f"{unit['no']:05d}-{attempt}"
    for earlier in staging.glob(f"{unit['no']:05d}-*"):
        shutil.rmtree(earlier, ignore_errors=True)
    tally = Tally()

    def original(key: tuple[object, ...]) -> BinaryIO:
        return source.open(ref.name, key, subject)

    with PartWriter(
        staging / name, ref, originals=original, scope=scope_of(payload), only=subject.no
    ) as writer:  # fmt: skip
        for partition in unit["partitions"]:
            for batch in source.read(selection, Partition(*partition), tally):
                writer.write(batch)
        writer.part.unattributed, writer.part.unreadable = tally.unattributed, tally.unreadable
        if tally.seen:
            note(staging / name / SEEN, tally.seen)
    return writer.part.as_json()


def write_bundle(
    house: House, run: Run, parts: Iterable[Mapping[str, Any]], moved: Moved = nothing_moved
) -> dict[str, Any]:  # fmt: skip
    """Write and seal the bundle, tell the register, and leave the summary for :func:`record`.

    One sealed file stays of a request: the one that the register names.

    :param moved: what finds out whether a record was moved while it was read.
    :returns: digests and, by dataset, records and bytes.
    :raises Refused: a later run has taken over, or an earlier bundle holds more.
    :raises GiveUp: ``export.*``: what was read is not all that there is, or of two states of it.
    """
    from privacy.bundle.holdings import Facts
    from privacy.bundle.write import write_bundle as write
    from privacy.rights.notices_told import told_of
    from privacy.rights.supplements import of_subject
    from privacy.sources.base import Of

    staging, register = there(house, run), house.register
    request, payload = register.get(run.number), register.open(run.number)
    if request.dates.begun_at is None or payload.subject is None:
        raise Refused("run.not_resolved", "It is not known yet whose the request is.", where=run.number)
    in_order = _all_of_them(staging, run, parts)
    omissions = omissions_of(house, run, staging)
    moved(house, run, Of((resolved(payload, run),)), in_order)
    found = write(
        staging,
        house.datamap,
        Facts(
            number=request.number,
            right=request.right.value,
            received_at=request.dates.received_at,
            as_of=request.dates.begun_at,
            name=payload.name,
            named=payload.identifiers,
            scope=scope_of(payload),
            disclosed=_disclosed(house, run, request.right.value, request.dates.begun_at),
            supplements=of_subject(house, payload.subject, request.dates.begun_at),
            stopped=_stopped(house, run, payload, request.dates.begun_at),
            told=() if payload.direct_transfer else told_of(house, payload.subject, request.dates.begun_at),
        ),
        in_order,
        recipient=register.recipient(run.number),
        store=house.bundles,
        key=bundle_key(run),
        omissions=omissions,
        notes=payload.notes,
    )
    try:
        register.sealed(
            run.number,
            run=run.id,
            path=found.path,
            inner_sha256=found.inner_sha256,
            outer_sha256=found.outer_sha256,
            manifest_sha256=found.manifest_sha256,
            counts={full: count["records"] for full, count in found.datasets.items()},
            left_out={
                "withheld": sum(found.withheld.values()),
                "redacted": sum(found.redacted.values()),
                "omitted": sum(found.omitted.values()),
            },
            figures=_figures(house, found),
            size=found.bytes,
            omitted=found.omitted,
        )
    except AskPerson:
        discard(house, run)
        raise
    tidy(house, run)
    summary = found.as_json()
    note(staging / SUMMARY, summary)
    return summary


def _figures(house: House, found: BundleSummary) -> list[Figures]:
    from privacy.rights.payload import Figures, LeftOut

    return [
        Figures(
            dataset=full, title=house.datamap[full].dataset.title.en, records=count["records"], bytes=count["bytes"],
            originals=found.originals.get(full, 0),
            left_out=tuple(LeftOut(what=what, count=n, why=why) for what, n, why in found.why.get(full, ())),
        )
        for full, count in found.datasets.items()
        if count["records"] or full in found.originals or full in found.why
    ]  # fmt: skip


def _disclosed(house: House, run: Run, right: str, as_of: datetime) -> tuple[Disclosed, ...]:
    """To whom data on this person went, for a report of access (DISCLOSE): the same in every run of the request."""
    from privacy.rights.disclosures import Disclosures

    return Disclosures(house).told_to(_subject(house, run), as_of) if right == "access" else ()


def _stopped(house: House, run: Run, payload: Payload, as_of: datetime) -> tuple[Stopped, ...]:
    """What the list that the shop's systems obey says of this person; not for another controller."""
    from privacy.bundle.stopped import Stopped
    from privacy.rights.stop_rows import ANY

    if payload.direct_transfer:
        return ()
    titles = {name: purpose.title for name, purpose in house.policy.purposes.items()}
    found = [stop for stop in house.stops.active(_subject(house, run)) if stop.since <= as_of]
    words = [() if ANY in stop.purposes else tuple(filter(None, map(titles.get, stop.purposes))) for stop in found]
    return tuple(
        Stopped(stop.kind, stop.value, purposes, stop.since, stop.ground.value)
        for stop, purposes in zip(found, words, strict=True)
    )


def _all_of_them(staging: Path, run: Run, parts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The parts in the order of their units, one for each.

    :raises GiveUp: ``export.incomplete``: a unit was not read. A task that somebody marked as successful has no part,
        and Airflow passes over it (edge cases 28, 36).
    """
    in_order = sorted(parts, key=_unit)
    try:
        wanted = json.loads((staging / UNITS).read_bytes())
    except (OSError, ValueError):
        wanted = None
    if [[_unit(part), part["dataset"]] for part in in_order] != wanted:
        raise GiveUp(
            "export.incomplete", "Not every part was read, or one that nobody asked for.", where=run.number,
            advice="Start the export again.",
        )  # fmt: skip
    return in_order


def _unit(part: Mapping[str, Any]) -> int:
    """The number of the unit that a part was read for, from its folder's name."""
    number = str(part["folder"]).partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _subject(house: House, run: Run) -> Subject:
    return resolved(house.register.open(run.number), run)


def resolved(payload: Payload, run: Run) -> Subject:
    """Whose the request is, also by its own number: what processors deliver is named by that."""
    from privacy.rights.deliveries import known_by

    if payload.subject is None:
        raise Refused("run.not_resolved", "It is not known yet whose the request is.", where=run.number)
    return known_by(payload.subject, run.number)


def scope_of(payload: Payload) -> Scope:
    """How much is given: what was registered, whichever run it is."""
    from privacy.bundle import Scope

    return Scope.TRANSFER if payload.direct_transfer else Scope.ALL
