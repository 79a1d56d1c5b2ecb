"""Erasing again who was erased before and came back with a restored backup, a late log or a new dump (R-ERASE).

The erasure was approved when it was asked for; nobody is asked again, unless it would change more of what there is than
a purge may. Then an operator looks at a dry run, and starts it with the digest of that plan.

Nobody's identifiers are kept: they are found in the stores, used, and forgotten when the run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from privacy.datamap.models import GLOBAL_KINDS
from privacy.datamap.policy import Guard
from privacy.errors import PrivacyError, Refused, RetryLater
from privacy.identity import Decision, resolve
from privacy.rights.returned import Returned, Seen, returned
from privacy.rights.walked import Walked
from privacy.sources.base import Identifier, Subject

if TYPE_CHECKING:
    from privacy.plans.erasure import Erasure
    from privacy.plans.progress import Tally
    from privacy.rights.house import House
    from privacy.rights.markers import Known

PIPELINE = RULE = "replay_erasures"
PROMISES = ("R-ERASE",)

LOOKED = "replay.looked"
"""Of the ledger: a dry run; ``count`` records would be erased again, ``digest`` of the plan."""

GUARD = Guard()
"""Over what share of all records somebody is asked: as of a purge that says nothing else."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found and did; counts and digests only.

    :param people: how many were back; ``records``: how many of theirs were, or would be, changed.
    :param kept: records of theirs that stay, by why. :param reborn: marked numbers that are somebody else's now.
    :param looked: records that were looked at; ``skipped``: files that were looked at before.
    :param digest: of the plan; empty: there was nothing to do.
    """

    people: int = 0
    records: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    reborn: int = 0
    looked: int = 0
    skipped: int = 0
    digest: str = ""
    done: bool = False

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"people": self.people, "records": self.records, "kept": self.kept, "reborn": self.reborn,
            "looked": self.looked, "skipped": self.skipped, "digest": self.digest, "done": self.done}  # fmt: skip


def replay(
    house: House, run: str, *, actor: str, code_version: str, dry: bool = False, expected: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Replay:  # fmt: skip
    """Look who came back, and erase them again; what is newer than their erasure stays.

    :param run: its own id; one that ended before is not done again. :param dry: only look.
    :param expected: the digest of a plan that an operator has seen: a plan over the guard needs it, and any other plan
        is refused. :param stop: asked after each batch.
    :raises Refused: ``replay.too_many``, ``replay.other_digest``: nothing was changed; ``replay.stopped``.
    :raises Tampered: ``markers.altered``, ``erasure.remaining``. :raises RetryLater, Unreadable: a store cannot be
        read; what was done stands in the ledger.
    """
    from privacy.plans.erased import erase, look
    from privacy.rights.erasing import counts

    _unaltered(house)
    if not dry:
        close_lost(house, run, actor=actor)
    walked = Walked(house) if expected is None else None
    seen = returned(house, walked)
    subjects = people(house, seen)
    made = _planned(house, run, subjects)
    said = Replay(
        people=len(subjects) if made else 0, records=_going(made), reborn=seen.reborn, looked=seen.records,
        skipped=seen.skipped, digest=made.digest if made else "",
    )  # fmt: skip
    if dry:
        house.ledger.event(LOOKED, actor=actor, run=run, count=said.records, digest=said.digest or None)
        return said
    _begin(house, run, actor, code_version, made)
    reason = ""
    try:
        _allowed(said, expected)
        if made is not None and said.records:
            done = erase(house.means, run, subjects, actor=actor, stop=stop)
            reason = "replay.stopped" if done.stopped else ""
            if not reason:
                look(house.means, run, subjects)
                failed = done.tally.kept.get("failed")
                reason = next(iter(done.tally.reasons), "failed") if failed else ""
    except RetryLater:
        raise  # The next try ends this one by what it has recorded.
    except PrivacyError as problem:
        _end(house, run, actor, made, problem.code)
        raise
    _end(house, run, actor, made, reason)
    if reason:
        raise Refused(reason, "Who came back is not erased again, or not all of it.", where=RULE)
    if walked is not None and not said.records:
        # What was just rewritten is looked at once more by the next run, which then finds nothing.
        walked.save()
    if made is None:
        return replace(said, done=True)
    tally = _so_far(house, run, made)
    changed = sum(tally.deleted.values())
    kept = {why: count for why, count in counts(made, tally).items() if why != "deleted"}
    return replace(said, records=changed, kept=kept, done=True)


def people(house: House, found: Returned) -> tuple[Subject, ...]:
    """Those who came back, each with everything that led to them when they were erased, and for that time alone.

    A number, an address or a device with a marker is theirs; what the stores tie to such a number besides (a visit's IP
    address) is too. Nobody without a marker is ever among them. Whose erasure is still under way is left to it.
    """
    back = dict(found.back)
    for known in _under_way(house):
        back.pop(known, None)
    made: list[Subject] = []
    told: set[Known] = set()
    order = sorted(back, key=lambda known: (not _person(house, known[0]), known[0], str(known[1])))
    for known in order:
        if known in told:
            continue
        subject = _resolved(house, known, back, len(made) + 1)
        told.update((i.kind, i.value) for i in subject.identifiers)
        told.add(known)
        made.append(subject)
    return tuple(made)


def close_lost(house: House, run: str, *, actor: str) -> list[str]:
    """End the replays that have begun and did not end, by the batches that they recorded (edge case 13)."""
    from privacy.plans.erasure import Erasure

    lost = [other for other in house.ledger.unended(RULE) if other != run]
    for other in lost:
        made = None
        with suppress(PrivacyError):  # What cannot be counted is not claimed.
            made = Erasure.opened(house.means.folder / other, house.key)
        _end(house, other, actor, made, "run.lost", derived=True)
    return lost


def _resolved(house: House, known: Known, back: dict[Known, Seen], no: int) -> Subject:
    kind, value = known
    until = max(theirs.until for theirs in back[known].theirs)
    named = Identifier(kind, value, origin="marker")
    # Whose the addresses are was decided then: those with a marker are theirs, any other that is shared is not.
    marked = tuple(Identifier(*other, origin="marker") for other in back if other[0] in GLOBAL_KINDS)
    person = (named,) if _person(house, kind) else ()
    found = resolve(
        house.datamap, house.source, [named], at=until - _TICK, decision=Decision(person, "theirs", marked), no=no
    ).subject
    others = {(i.kind, i.value) for i in found.identifiers if _person(house, i.kind)}
    strangers = {one for one in others if one not in back}
    learned = [] if strangers else [i for i in found.identifiers if (i.kind, i.value) not in back]
    theirs = [known] + [one for one in sorted(back, key=str) if one != known and _among(one, found) and not strangers]
    identifiers = [i for one in theirs for i in _spans(one, back[one])]
    identifiers += [cut for i in learned if (cut := _until(i, until)) is not None]
    return Subject(no, tuple(dict.fromkeys(identifiers)))


def _among(known: Known, subject: Subject) -> bool:
    return any((i.kind, i.value) == known for i in subject.identifiers)


def _spans(known: Known, seen: Seen) -> list[Identifier]:
    """An identifier for the times in which it was theirs.

    A number of a system's own with nothing newer under it leads to records without a date too.
    """
    if known[0] not in GLOBAL_KINDS and seen.newer == 0:
        return [Identifier(*known, origin="marker")]
    return [Identifier(*known, theirs.since, theirs.until, "marker") for theirs in seen.theirs]


def _until(found: Identifier, until: datetime) -> Identifier | None:
    """What was learned besides, for the time before the erasure; None: it is of a later time altogether."""
    if found.contested or (found.valid_from is not None and found.valid_from >= until):
        return None
    valid_to = until if found.valid_to is None else min(found.valid_to, until)
    return replace(found, valid_to=valid_to)


def _person(house: House, kind: str) -> bool:
    declared = house.datamap.kind(kind)
    return declared is not None and declared.person


def _under_way(house: House) -> set[Known]:
    """Whom erasures that are partly done are about: ``finish_erasures`` goes on with those."""
    from privacy.rights.states import Right, State

    found: set[Known] = set()
    for request in house.register.list(State.PARTLY_DONE):
        if request.right is Right.ERASURE and (subject := house.register.resolution(request.number)) is not None:
            found.update((i.kind, i.value) for i in subject.identifiers)
    return found


def _planned(house: House, run: str, subjects: Sequence[Subject]) -> Erasure | None:
    from privacy.plans.erasing import make_erasure

    return make_erasure(house.means, run, subjects) if subjects else None


def _going(made: Erasure | None) -> int:
    return sum(p.records for p in made.parts if p.change is not None) if made else 0


def _so_far(house: House, run: str, made: Erasure) -> Tally:
    """What came of it, by the batches that are recorded."""
    from privacy.plans.erased import tally_of
    from privacy.plans.progress import Progress

    return tally_of(made, Progress(house.means.folder / run, house.key).batches())


def _allowed(said: Replay, expected: str | None) -> None:
    if expected is not None and said.digest != expected:
        raise Refused(
            "replay.other_digest", "The plan is not the one that was expected; nothing was changed.", where=RULE,
            advice="Look at a new dry run: privacy erasures replay --dry-run.",
        )  # fmt: skip
    if expected is None and said.records > GUARD.at_least and said.records > GUARD.share * max(said.looked, 1):
        raise Refused(
            "replay.too_many", f"{said.records} of {said.looked} records would be erased again; nothing was changed.",
            where=RULE, advice="Look at it: privacy erasures replay --dry-run; then start it with --expected-digest.",
        )  # fmt: skip


def _unaltered(house: House) -> None:
    """Markers that somebody wrote by hand would erase whoever they liked."""
    from privacy.errors import Tampered

    proof = house.verify()
    if not proof.ok:
        raise Tampered(
            "markers.altered", "Ledger, register or markers are not what was recorded; nobody was erased.", where=RULE,
            advice="See: privacy ledger verify.",
        )  # fmt: skip


def _begin(house: House, run: str, actor: str, code_version: str, made: Erasure | None) -> None:
    house.ledger.begin(
        run, pipeline=PIPELINE, rule=RULE, actor=actor, code_version=code_version,
        policy_version=house.policy.version, promises=PROMISES, as_of=house.clock.now(),
        plan_digest=made.digest if made else None, candidates=_going(made),
    )  # fmt: skip


def _end(
    house: House, run: str, actor: str, made: Erasure | None, reason: str, *, derived: bool | None = None
) -> None:  # fmt: skip
    from privacy.rights.erasing import deleted, kept

    counts: dict[str, tuple[int, int]] = {}
    held: dict[str, int] = {}
    if made is not None:
        tally = _so_far(house, run, made)
        counts, held = deleted(made, tally), kept(made, tally)
    records, size = sum(c for c, _ in counts.values()), sum(b for _, b in counts.values())
    house.ledger.end(
        run, status="stopped" if reason == "replay.stopped" else "failed" if reason else "done", actor=actor,
        reason=reason or None, datasets={name: {"records": c, "bytes": b} for name, (c, b) in counts.items()},
        records=records, deleted=records, bytes=size, retained=held, derived=derived,
    )  # fmt: skip
