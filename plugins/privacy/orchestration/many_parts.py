"""One reading of a unit for all members of ``export_subjects``, and from it a part of each of them.

A member of whom nothing was found has no folder for it: that it was looked for stands in the shared folder, so that a
part that is missing is not taken for one that is empty.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from privacy.errors import GiveUp
from privacy.orchestration import steps
from privacy.orchestration.many import Many, Member, each, going, numbered, picking, shared
from privacy.orchestration.runs import SEEN, note, staging_of

if TYPE_CHECKING:
    from privacy.bundle import Part, Scope
    from privacy.bundle.spool import Spool
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.sources.base import Source, Subject, Tally

EXCEPT = "except.json"
"""In the shared folder: by dataset, the members that it is not read for: what was not delivered is left out."""

FOUND = "found.json"
"""In a unit's folder below it: for whom it was read, what was found of them, and what was passed over."""


def extract(house: House, many: Many, unit: Mapping[str, Any], *, attempt: int = 1) -> dict[str, Any]:
    """Read one unit once, into a part of each member.

    :returns: dataset, the unit's folder, the digest of what it says, and counts of all together.
    :raises GiveUp: ``export.anothers``: a row bears nobody's number; ``export.uncounted``: the source does not say of
        whom it has passed something over.
    """
    from privacy.bundle.spool import Spool
    from privacy.sources.base import Partition, Selection, Tally

    ref = house.datamap[unit["dataset"]]
    source, name = house.source(ref.system.system), f"{unit['no']:05d}-{attempt}"
    folder = _made(shared(house, many), unit["no"], name)
    members = _those(house, many, ref)
    subjects: dict[int, Subject] = {}
    scopes: dict[int, Scope] = {}

    def know(member: Member) -> None:
        for earlier in range(1, attempt):
            shutil.rmtree(staging_of(house, member.run) / f"{unit['no']:05d}-{earlier}", ignore_errors=True)
        payload = house.register.open(member.run.number)
        scopes[member.no] = steps.scope_of(payload)
        subjects[member.no] = numbered(member, steps.resolved(payload, member.run))

    members = each(house, many, members, know)
    tally, parts = Tally(), dict[int, dict[str, Any]]()
    with Spool(folder, [member.no for member in members], ref.full) as spool:
        selection = Selection(ref.name, picking([subjects[member.no] for member in members]))
        for partition in unit["partitions"] if members else ():
            for batch in source.read(selection, Partition(*partition), tally):
                spool.add(batch)
        if not tally.attributed:
            raise GiveUp(
                "export.uncounted", "The source does not say of whom it has passed records over.", where=ref.full,
                advice="Let it count by Tally.aside and Tally.unread, or export these requests one at a time.",
            )  # fmt: skip
        some = frozenset(spool.subjects())
        rows = house.settings.batch_rows

        def write(member: Member) -> None:
            own = _written(staging_of(house, member.run) / name, ref, source, subjects[member.no], spool, rows,
                           scopes[member.no])  # fmt: skip
            own.unattributed, own.unreadable = tally.of(member.no)
            parts[member.no] = own.as_json()

        for member in [m for m in members if m.no not in some]:
            parts[member.no] = _nothing(ref, name, tally, member.no)
        each(house, many, [member for member in members if member.no in some], write)
    return {"dataset": ref.full, "folder": name, **_told(folder, parts, some, tally)}


class Parts:
    """The parts of some members, of every unit that was read.

    :param folder: the shared one. :param read: what :func:`extract` returned of each. :param members: whose.
    :raises GiveUp: ``export.incomplete``: what a unit's task has written is not there, or not what it wrote.
    """

    def __init__(self, folder: Path, read: Iterable[Mapping[str, Any]], members: Sequence[Member]) -> None:
        wanted = {member.no for member in members}
        self.folder, self.read = folder, [dict(unit) for unit in read]
        self._found: list[tuple[Mapping[str, Any], dict[int, Any], frozenset[int]]] = []
        for unit in self.read:
            try:
                written = (folder / unit["folder"] / FOUND).read_bytes()
            except OSError:
                written = b""
            if hashlib.sha256(written).hexdigest() != unit["sha256"]:
                raise GiveUp(
                    "export.incomplete", "What was read of a unit is gone.", where=unit["dataset"],
                    advice="Start a new run.",
                )  # fmt: skip
            said = json.loads(written)
            parts = {int(no): part for no, part in said["parts"].items() if int(no) in wanted}
            self._found.append((unit, parts, frozenset(wanted.intersection(said["nothing"]))))

    def of(self, member: Member) -> list[dict[str, Any]]:
        """A member's parts, also the empty ones. Of a unit that was not read for them there is none."""
        from privacy.bundle import Part

        own: list[dict[str, Any]] = []
        for unit, parts, nothing in self._found:
            if member.no in parts:
                own.append(parts[member.no])
            elif member.no in nothing:
                own.append(Part(unit["dataset"], folder=unit["folder"]).as_json())
        return own


def _made(shared: Path, no: int, name: str) -> Path:
    """A unit's folder, for one attempt: one that was given up may still write into its own (edge case 36)."""
    for earlier in shared.glob(f"{no:05d}-*"):
        shutil.rmtree(earlier, ignore_errors=True)
    folder = shared / name
    folder.mkdir(mode=0o700)
    return folder


def _those(house: House, many: Many, ref: Ref) -> list[Member]:
    """The members that a dataset is read for."""
    try:
        without = json.loads((shared(house, many) / EXCEPT).read_bytes())
    except (OSError, ValueError):
        raise GiveUp(
            "export.incomplete", "It is not known for whom a unit is read.", where=ref.full, advice="Start a new run."
        ) from None
    some = frozenset(without.get(ref.full, ()))
    return [member for member in going(house, many) if member.no not in some]


def _written(
    folder: Path, ref: Ref, source: Source, subject: Subject, spool: Spool, rows: int, scope: Scope
) -> Part:  # fmt: skip
    from privacy.bundle import PartWriter

    opened = partial(_original, source, ref.name, subject)
    with PartWriter(folder, ref, originals=opened, scope=scope, only=subject.no) as writer:
        for batch in spool.of(subject.no, rows):
            writer.write(batch)
    return writer.part


def _original(source: Source, dataset: str, reader: Subject, key: tuple[object, ...]) -> BinaryIO:
    return source.open(dataset, key, reader)


def _nothing(ref: Ref, name: str, tally: Tally, no: int) -> dict[str, Any]:
    from privacy.bundle import Part

    own = Part(ref.full, folder=name)
    own.unattributed, own.unreadable = tally.of(no)
    return own.as_json()


def _told(
    folder: Path, parts: Mapping[int, dict[str, Any]], found: Collection[int], tally: Tally
) -> dict[str, Any]:  # fmt: skip
    """Write down what was found. Who failed meanwhile has neither a part nor the word that there is nothing."""
    some = {no: part for no, part in parts.items() if no in found or any(tally.of(no))}
    empty = [no for no in parts if no not in some]
    said = json.dumps({"parts": some, "nothing": empty}).encode()
    note(folder / FOUND, bytearray(said))
    if tally.seen:
        note(folder / SEEN, tally.seen)
    return {
        "sha256": hashlib.sha256(said).hexdigest(),
        "requests": len(parts),
        "records": sum(part["records"] for part in some.values()),
    }
