"""A run of ``export_subjects``: whose requests it serves, each as a run of its own, and how one of them ends early.

Each request is a *member*: a :class:`Run` with its own entries in the ledger and its own staging folder, to which the
steps of ``export_subject`` are done. What all of them share lies in a folder beside theirs: who they are, and what was
read for all at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from privacy import numbers
from privacy.errors import BadConfiguration, GiveUp, PrivacyError, Refused, RetryLater
from privacy.orchestration import ending
from privacy.orchestration.runs import Run, note, staging_of, there

if TYPE_CHECKING:
    from pathlib import Path

    from privacy.rights.house import House
    from privacy.sources.base import Of, Subject

PIPELINE = "export_subjects"
MOST = 10_000
"""So many requests at most in one run."""

MEMBERS = "members.json"
"""In the shared folder: the requests, in order, and the ids of their runs."""

CHUNK = 50
"""So many requests are resolved, or sealed, by one task."""

_BUSY = 10
"""After so many requests one after another for which a store was busy, the others are not tried."""


@dataclass(frozen=True, slots=True)
class Many:
    """One run of the DAG.

    :param id: a UUID, as a :class:`Run`'s. :param requests: numbers, as they were typed; none: all that wait.
    :param actor: who started it. :param named: from a request's number to the id of the run that it is a member as.
    :param last: the task is not tried again: what is only busy fails now, for the request whose store it is.
    """

    id: str
    requests: tuple[str, ...]
    actor: str
    named: Callable[[str], str] = field(repr=False)
    last: bool = False

    @property
    def run(self) -> Run:
        """What has the shared folder; it has no request, and no entry in the ledger."""
        return Run(self.id, "", self.actor, PIPELINE)


@dataclass(frozen=True, slots=True)
class Member:
    """One request of it. :param no: the number of its subject in what is read for all: 1, 2, ..."""

    no: int
    run: Run


def gathered(house: House, many: Many) -> list[Member]:
    """The members, decided once: what is asked for or, where nothing is, what waits for its bundle now.

    :raises Refused: ``export.too_many``; ``export.nobody``: nothing was asked for, and nothing waits.
    """
    folder = staging_of(house, many.run)
    if (folder / MEMBERS).is_file():
        return members_of(house, many)
    wanted = list(dict.fromkeys(_normal(number) for number in many.requests or _waiting(house)))
    if not wanted:
        raise Refused("export.nobody", "No request waits for its bundle.", where=many.id)
    if len(wanted) > MOST:
        raise Refused("export.too_many", f"At most {MOST} requests in one run.", where=many.id)
    # Made by the first step alone, as a member's own is; an attempt that died may have made it.
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(mode=0o700, exist_ok=True)
    whole = folder / f"{MEMBERS}.new"
    note(whole, [[number, many.named(number)] for number in wanted])
    whole.replace(folder / MEMBERS)
    return members_of(house, many)


def members_of(house: House, many: Many) -> list[Member]:
    """All members, those among them that have ended.

    :raises GiveUp: ``staging.gone``: the run was ended meanwhile.
    """
    try:
        listed = json.loads((there(house, many.run) / MEMBERS).read_bytes())
    except (OSError, ValueError):
        raise GiveUp(
            "staging.gone", "It is not known whose requests they are.", where=many.id, advice="Start a new run."
        ) from None
    return [Member(no, Run(id, number, many.actor, PIPELINE)) for no, (number, id) in enumerate(listed, 1)]


def going(house: House, many: Many) -> list[Member]:
    """The members that have not failed; their folders are noted as being in use."""
    left = [member for member in members_of(house, many) if staging_of(house, member.run).is_dir()]
    for member in left:
        with suppress(FileNotFoundError):
            os.utime(staging_of(house, member.run))
    return left


def ended(house: House, member: Member) -> bool:
    """Whether the ledger has its end: it failed, it is done, or a later run of the request took over."""
    return bool(house.ledger.entries(run=member.run.id, kind="run.ended"))


def each(house: House, many: Many, members: Sequence[Member], do: Callable[[Member], object]) -> list[Member]:
    """Do a step for each. One that cannot go on ends here, with its code, and stops no other.

    :returns: those that go on.
    :raises RetryLater: a store was busy for some; for the others it is done. The step has to be safe to repeat.
    :raises BadConfiguration: what no request can do anything about.
    """
    left: list[Member] = []
    busy: RetryLater | None = None
    row = 0
    for member in members:
        try:
            do(member)
        except BadConfiguration:
            raise
        except RetryLater as problem:
            row += 1
            if row >= _BUSY:
                raise
            if many.last:
                fail(house, member, problem.code)
            busy = problem
            continue
        except PrivacyError as problem:
            code = problem.code
        except Exception as problem:  # noqa: BLE001 - what is wrong with one request keeps no other
            code = f"unexpected.{type(problem).__name__}"
        else:
            row = 0
            left.append(member)
            continue
        row = 0
        fail(house, member, code)
    if busy is not None and not many.last:
        raise busy
    return left


def fail(house: House, member: Member, code: str) -> None:
    """End a member's run: in the ledger, and in staging."""
    ending.record(house, member.run, failed=code)
    ending.empty_staging(house, member.run)


def numbered(member: Member, subject: Subject) -> Subject:
    """Its subject, by the number that rows name it by."""
    from privacy.sources.base import Subject

    return Subject(member.no, subject.identifiers)


def picking(subjects: Sequence[Subject]) -> Of:
    """All of them at once."""
    from privacy.sources.base import Of

    return Of(tuple(subjects))


def shared(house: House, many: Many) -> Path:
    """The shared folder. :raises GiveUp: ``staging.gone``."""
    return there(house, many.run)


def _waiting(house: House) -> list[str]:
    """Requests of access and portability without a bundle that wait for nobody's answer, in order of arrival."""
    from privacy.rights.attempts import wanted

    return [r.number for r in house.register.list(broken=[]) if r.right.copies and wanted(r)]


def _normal(typed: str) -> str:
    """A number as the register has it; one that is none stays as it is, and fails as such."""
    try:
        return numbers.check(typed)
    except PrivacyError:
        return typed
