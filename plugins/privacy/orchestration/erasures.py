"""What each step of ``erase_subject`` does, without Airflow; :mod:`privacy.orchestration.erase_tasks` wraps them.

Every function may be called again after it died half way. What is returned is written into Airflow's database, so it
holds counts, digests and names of datasets only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from privacy.errors import BadInput, PrivacyError, Refused, RetryLater, Tampered
from privacy.orchestration.purges import stopping
from privacy.orchestration.runs import Run, code_version, number_or_none

if TYPE_CHECKING:
    from privacy.plans.erasure import Erasure
    from privacy.plans.progress import Tally
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request
    from privacy.sources.base import Subject

PIPELINE = "erase_subject"
PROMISES = ("R-ERASE", "STAFF-BLOCK")

COVERED = "erasure.covered"
"""Event of the ledger: by an approved plan these datasets go; what of them goes later, nobody is asked about again."""


LONGEST = timedelta(days=8)
"""Longer than an answer is awaited (``erase_tasks.PATIENCE``): a question that is older was lost with its run."""


def requests(house: House, wanted: str | None = None) -> list[str]:
    """The erasures to go on with: the one that was asked for, or all that are partly done and wait for no answer.

    A row of the register that cannot be read keeps nobody else's waiting; :func:`unreadable` tells of it.

    :raises BadInput: ``erasure.other_right``: that request asks for something else.
    """
    from privacy.rights.states import Right, State

    if wanted is None:
        rows = house.register.list(State.PARTLY_DONE, broken=[])
        partly = [r.number for r in rows if r.right is Right.ERASURE and _open(house, r.number) is not None]
        return [number for number in partly if not _asked(house, number)]
    return [_erasure(house, wanted).number]


def unreadable(house: House) -> list[Tampered]:
    """The rows of the register that no erasure can go on past, for they cannot be read: someone may wait in them."""
    from privacy.rights.states import Right

    broken: list[Tampered] = []
    for request in house.register.list(broken=broken):
        if request.right is Right.ERASURE and not request.forgotten:
            _open(house, request.number, broken)
    return broken


def _open(house: House, number: str, broken: list[Tampered] | None = None) -> Payload | None:
    """What a request says; None: it cannot be read, which goes to ``broken``."""
    try:
        return house.register.open(number)
    except Tampered as problem:
        if broken is not None:
            broken.append(problem)
        return None


def _asked(house: House, number: str) -> bool:
    """Whether an operator is asked about a plan of it now: another plan would take the question back."""
    from privacy.plans.erased import ANSWERS

    over = {"run.ended", ANSWERS.approved, ANSWERS.refused, ANSWERS.unanswered}
    for asked in house.ledger.entries(request=number, kind=ANSWERS.asked):
        waited = house.clock.now() - datetime.fromisoformat(str(asked.entry["at"]))
        kinds = {e.entry["kind"] for e in house.ledger.entries(run=str(asked.entry["run"]))}
        if waited < LONGEST and not kinds & over:
            return True
    return False


def resolve(house: House, run: Run) -> dict[str, int]:
    """Take the request over, and find out whose it is; every later run uses what was found.

    :returns: counts. :raises AmbiguousIdentity: a person has to decide. :raises Refused: it is closed.
    """
    from privacy.orchestration.steps import resolve_identity

    request = _erasure(house, run.number)
    house.register.begin(request.number, run.id, author=PIPELINE)
    found = resolve_identity(house, run)
    # Where the person is written to, the shop no longer says when it is done.
    house.letters.know(request.number)
    return found


def plan(house: House, run: Run, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Fix what becomes of every record of the subject, and record that the run begins. Changes nothing.

    :param say: told the figures, for people: by default the task's log.
    :returns: records by what becomes of them, and whether an operator is asked.
    :raises Refused: ``request.not_proven``: whoever asks has not proven to be the subject.
    """
    from privacy.plans import erasing
    from privacy.plans.erased import ANSWERS, opened

    request = _erasure(house, run.number)
    if request.dates.proven_at is None:
        raise Refused(
            "request.not_proven", "The identity is not proven; nothing is erased before.", where=request.number,
            advice="Record what was seen first: privacy request prove.",
        )  # fmt: skip
    means, subjects = house.means, subjects_of(house, run.number)
    if means.ledger.entries(run=run.id, kind="run.begun"):
        # An earlier try of this step has made it, and may have died before it asked.
        made = opened(means, run.id, subjects)[0]
    else:
        close_lost(house, run)
        made = erasing.make_erasure(means, run.id, subjects, request=request.number)
        means.ledger.begin(
            run.id, pipeline=PIPELINE, actor=run.actor, request=request.number, code_version=code_version(),
            policy_version=means.datamap.policy.version,
            promises=tuple(p for p in PROMISES if p in means.datamap.policy.promises), as_of=erasing.moment(made),
            plan_digest=made.digest, candidates=sum(made.counts.values()),
        )  # fmt: skip
    _overview(house, made, say)
    asked = not covered(house, made)
    if asked:
        ANSWERS.ask(means.ledger, run.id, made.digest, actor=run.actor, request=request.number)
    return {**made.counts, "asked": asked}


def covered(house: House, made: Erasure) -> bool:
    """Whether an operator has approved an earlier plan of the request of which all that this one changes went, or was
    to go later.

    An entry that was not signed for when it was written covers nothing: somebody may have chained it on.
    """
    ledger, proof = house.ledger, house.ledger.verify()
    signed = [
        e.entry for e in ledger.entries(request=made.request, kind=COVERED)
        if proof.ok and e.seq <= proof.anchored
        and not any(first <= e.seq <= last for first, last in proof.recovered)
    ]  # fmt: skip
    known = {name for entry in signed for name in _names(entry.get("datasets"))}
    return bool(signed) and set(_going(made)) <= known


def _going(made: Erasure) -> tuple[str, ...]:
    """The datasets of which a plan changes something, or lets it go later; not those that only stay."""
    from privacy.plans.erasure import Fate

    names = (part.dataset for part in made.parts if part.change is not None or part.fate is Fate.WAITING)
    return tuple(dict.fromkeys(names))


def _names(said: object) -> list[str]:
    return [str(name) for name in said] if isinstance(said, list) else []


def asks(house: House, run: Run) -> tuple[str, str] | None:
    """The question to an operator: its subject and body; None: nobody has to be asked."""
    from privacy.orchestration.erasure_overview import body
    from privacy.plans.erased import ANSWERS, opened

    made, _ = opened(house.means, run.id, subjects_of(house, run.number))
    if not house.ledger.entries(run=run.id, kind=ANSWERS.asked):
        return None
    return f"{made.request}: may this be erased?", body(house.datamap, made)


def answered(house: House, run: Run, *, approved: bool, by: str) -> None:
    """Write an operator's answer into the ledger. :raises Refused: ``erasure.ended``, ``erasure.answered``."""
    from privacy.plans.erased import ANSWERS, opened

    made, _ = opened(house.means, run.id, subjects_of(house, run.number))
    four = house.settings.four_eyes
    ANSWERS.answer(
        house.ledger, run.id, made.digest, approved=approved, by=by, four_eyes=four, request=made.request
    )  # fmt: skip


def unanswered(house: House, run: Run) -> None:
    """Write down that nobody answered in time. :raises Refused: ``erasure.unanswered``."""
    from privacy.plans.erased import ANSWERS

    house.ledger.event(ANSWERS.unanswered, actor=run.actor, run=run.id, request=run.number)
    raise Refused(ANSWERS.unanswered, "Nobody has answered in time; nothing was erased.", where=run.number)


def erase(house: House, run: Run) -> dict[str, Any]:
    """Do the plan, if it may be done. SIGTERM ends it after the batch in hand.

    :returns: what came of it.
    :raises Refused: ``erasure.not_approved``, ``erasure.refused``; ``request.*``: it was withdrawn, refused, decided
        anew or taken over by a later run since the plan was made. Nothing is changed then, or nothing more.
    """
    from privacy.plans import erased

    means, subjects = house.means, subjects_of(house, run.number)
    made, _ = erased.opened(means, run.id, subjects)
    if means.ledger.entries(run=run.id, kind=erased.ANSWERS.asked) or not covered(house, made):
        erased.ANSWERS.allowed(means.ledger, run.id, made.digest, run.number, four_eyes=means.four_eyes)
    with stopping() as stop:
        done = erased.erase(
            means, run.id, subjects, actor=run.actor, stop=stop,
            still=lambda: house.register.still_asked(run.number, run=run.id),
        )  # fmt: skip
    if done.stopped:
        raise Refused(
            "erasure.stopped", "The erasure was asked to stop; it is not done.", where=run.number,
            advice="Start it again: it goes on where it was.",
        )  # fmt: skip
    return {"done": sum(done.tally.deleted.values()), "gone": done.tally.gone, "kept": done.tally.kept}


def verify(house: House, run: Run) -> dict[str, Any]:
    """Ask the stores again: nothing may be left but what was told to stay."""
    from privacy.plans.erased import look

    seen = look(house.means, run.id, subjects_of(house, run.number))
    return {"remaining": seen.remaining, "new": sum(seen.new.values())}


def record(house: House, run: Run, failed: str | None, *, say: Callable[[str], None] = print) -> dict[str, str]:
    """Say in ledger and register how the run ended: done only on the evidence of the stores themselves.

    :param failed: the code of the first step that failed; None: none did.
    :raises Refused: it is not done, whatever Airflow says (edge cases 28, 36).
    """
    from privacy.plans.erased import ANSWERS, opened
    from privacy.rights.erasing import close, deleted, kept

    ledger, number = house.ledger, number_or_none(run)
    ended = ledger.entries(run=run.id, kind="run.ended")
    if not ended:
        reason, tally, made = failed, None, None
        if any(e.entry["kind"] == ANSWERS.refused for e in ledger.entries(run=run.id)):
            reason = ANSWERS.refused  # Airflow's own way to fail a task that was rejected has no code.
        if ledger.entries(run=run.id, kind="run.begun"):
            try:
                subjects = subjects_of(house, run.number)
                made, _ = opened(house.means, run.id, subjects)
                tally = _tally(house, run, subjects, dead=reason is not None)
            except RetryLater:
                raise
            except PrivacyError as problem:
                reason = reason or problem.code
        else:
            ledger.begin(
                run.id, pipeline=PIPELINE, actor=run.actor, request=number, code_version=code_version(),
                policy_version=_policy(house),
            )  # fmt: skip
            reason = reason or "erasure.no_plan"
        new: dict[str, int] = {}
        if reason is None and made is not None:
            reason, new = _seen(house, run, subjects)
        if reason is None and tally is not None and tally.kept.get("failed"):
            reason = next(iter(tally.reasons), "failed")
        if reason is None and made is not None and tally is not None:
            # The register first: a run is done when whoever asks of the request is told so.
            ledger.event(COVERED, actor=run.actor, run=run.id, request=number, datasets=_going(made))
            close(house, made, tally, run=run.id, actor=run.actor, new=new)
        counts = deleted(made, tally) if made is not None and tally is not None else {}
        ledger.end(
            run.id, status="stopped" if reason == "erasure.stopped" else "failed" if reason else "done",
            actor=run.actor, request=number, reason=reason or None,
            **_counted(counts),
            retained=kept(made, tally) if made is not None and tally is not None else {},
            derived=True if tally is not None and tally.derived else None,
        )  # fmt: skip
        ended = ledger.entries(run=run.id, kind="run.ended")
    entry = ended[0].entry
    say(f"{run.number}: {entry['status']}: {entry.get('deleted') or 0} records; retained {entry.get('retained') or {}}")
    if entry["status"] != "done":
        raise Refused(str(entry.get("reason") or entry["status"]), "The erasure is not done.", where=run.number)
    return {"status": "done", "reason": ""}


def tell(house: House, run: Run) -> dict[str, bool]:
    """Write to the person; when all is done, close the request and forget whom it was about. Safe to repeat.

    :returns: whether the request is closed.
    """
    from privacy.plans.erased import found, opened
    from privacy.rights.erasing import tell as told

    if house.register.get(run.number).forgotten:
        return {"closed": True}
    subjects = subjects_of(house, run.number)
    made, _ = opened(house.means, run.id, subjects)
    return {"closed": told(house, run.number, made, found(house.means, run.id, subjects), author=PIPELINE)}


def told_later(house: House, number: str, *, author: str, by_post: bool) -> tuple[bool, str]:
    """Tell what the last run did that the register knows of, where that run could not: nobody knew an address.

    :param by_post: whoever calls this prints the text, and posts it.
    :returns: whether the request is closed, and the letter's text.
    :raises Refused: ``erasure.nothing_to_tell``: nothing was done yet, or all was told.
    """
    from privacy.plans.erased import found, opened
    from privacy.rights.erasing import letter
    from privacy.rights.erasing import tell as told
    from privacy.rights.states import State

    request = _erasure(house, number)
    done = house.ledger.entries(request=request.number, kind=COVERED)
    if request.state not in (State.PARTLY_DONE, State.ACTED) or not done:
        raise Refused("erasure.nothing_to_tell", "There is nothing to tell of this erasure now.", where=request.number)
    run, subjects = str(done[-1].entry["run"]), subjects_of(house, request.number)
    made, _ = opened(house.means, run, subjects)
    tally = found(house.means, run, subjects)
    text = letter(house, request.number, made, tally)
    return told(house, request.number, made, tally, author=author, by_post=by_post), text


def tell_left(house: House, *, say: Callable[[str], None] = print) -> None:
    """Send the letters of erasures that were done and could not be told then, before anything more is done for them.

    A row of the register that cannot be read keeps nobody's letter: :func:`unreadable` tells of it.

    :param say: told which could not be sent now either, by number and code.
    """
    from privacy.rights.letter_kinds import Kind
    from privacy.rights.states import Right, State

    for request in house.register.list(broken=[]):
        if request.right is not Right.ERASURE or request.state not in (State.PARTLY_DONE, State.ACTED):
            continue
        payload = _open(house, request.number)
        if payload is None:
            continue
        told = {stub.kind for stub in payload.letters}
        if request.state is State.PARTLY_DONE and Kind.ERASURE.value in told:
            continue
        try:
            told_later(house, request.number, author=PIPELINE, by_post=False)
        except PrivacyError as problem:
            say(f"{request.number}: the person is not told yet [{problem.code}]")


def _seen(house: House, run: Run, subjects: Sequence[Subject]) -> tuple[str | None, dict[str, int]]:
    """Why what was done does not stand: the stores are asked again, whatever a task was marked as (edge case 32).

    :returns: None: it stands; and how many records came after the plan, by dataset.
    """
    from privacy.plans.erased import STARTED, look

    if not house.ledger.entries(run=run.id, kind=STARTED):
        return "erasure.not_begun", {}
    try:
        return None, look(house.means, run.id, subjects).new
    except RetryLater:
        raise
    except PrivacyError as problem:
        return problem.code, {}


def _tally(house: House, run: Run, subjects: Sequence[Subject], *, dead: bool) -> Tally:
    from privacy.plans.doing import CLOSING
    from privacy.plans.erased import STARTED, found

    kinds = {e.entry["kind"] for e in house.ledger.entries(run=run.id)}
    if dead and STARTED in kinds and CLOSING not in kinds:
        # No batch of it begins any more, and none is under way: what it has done can be counted (edge case 36).
        house.holds.event(CLOSING, actor=run.actor, run=run.id, request=run.number)
    return found(house.means, run.id, subjects)


def close_lost(house: House, run: Run) -> None:
    """End the runs of the request that have begun and did not end: they died before they could say what they did."""
    from privacy.plans.erased import opened
    from privacy.rights.erasing import deleted

    ledger = house.ledger
    entries = ledger.entries(request=run.number)
    ended = {e.entry["run"] for e in entries if e.entry["kind"] == "run.ended"}
    begun = [str(e.entry["run"]) for e in entries if e.entry["kind"] == "run.begun"]
    for other in (one for one in begun if one not in ended and one != run.id):
        dead, counts = Run(other, run.request, run.actor), dict[str, tuple[int, int]]()
        with suppress(Refused, Tampered):
            subjects = subjects_of(house, run.number)
            tally = _tally(house, dead, subjects, dead=True)
            counts = deleted(opened(house.means, other, subjects)[0], tally)
        ledger.end(
            other, status="failed", actor=run.actor, request=run.number, reason="run.lost", derived=True,
            **_counted(counts),
        )  # fmt: skip


def _counted(counts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """What went, as the ledger takes it."""
    records, size = sum(c for c, _ in counts.values()), sum(b for _, b in counts.values())
    datasets = {name: {"records": count, "bytes": size} for name, (count, size) in counts.items()}
    return {"datasets": datasets, "records": records, "deleted": records, "bytes": size}


def subjects_of(house: House, number: str) -> tuple[Subject, ...]:
    """Whose erasure it is: as the register has it sealed since it was resolved.

    :raises Refused: ``request.not_resolved``.
    """
    found = house.register.resolution(number)
    if found is None:
        raise Refused("request.not_resolved", "It was never resolved whose it is.", where=number)
    return (found,)


def _erasure(house: House, number: str) -> Request:
    from privacy.rights.states import Right

    found = house.register.get(number)
    if found.right is not Right.ERASURE:
        raise BadInput(
            "erasure.other_right", f"The request asks for {found.right.value}, not for erasure.", where=found.number,
            advice="Register the wish to be erased: privacy request new --right erasure.",
        )  # fmt: skip
    return found


def _policy(house: House) -> str:
    try:
        return house.policy.version
    except PrivacyError:
        return "unreadable"


def _overview(house: House, made: Erasure, say: Callable[[str], None]) -> None:
    from privacy.orchestration.erasure_overview import figures, words

    say(f"erasure of {made.request} as of {datetime.fromisoformat(made.as_of):%Y-%m-%d %H:%M} UTC")
    say(figures(house.datamap, made).to_string(index=False))
    say(words(house.datamap, made))
    say(f"digest {made.digest}")
