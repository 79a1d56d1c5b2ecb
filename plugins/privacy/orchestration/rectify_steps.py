"""What each step of ``rectify_subject`` does, without Airflow; :mod:`privacy.orchestration.rectify_tasks` wraps them.

Every function may be called again after it died half way. What is returned is written into Airflow's database, so it
holds counts, digests and names of datasets and facts only: no old and no new value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from privacy.errors import PrivacyError, Refused, RetryLater
from privacy.orchestration.runs import Run, close_earlier, code_version, number_or_none
from privacy.plans.rectified import STARTED

if TYPE_CHECKING:
    from privacy.plans.correction import Plan
    from privacy.plans.rectified import Done
    from privacy.rights.house import House
    from privacy.sources.base import Subject

PIPELINE = "rectify_subject"
PROMISES = ("R-RECT",)


def resolve(house: House, run: Run) -> dict[str, int]:
    """Take the request over, and find out whose it is; every later run uses what was found.

    :returns: counts. :raises AmbiguousIdentity: a person has to decide.
    :raises Refused: ``rectify.nothing_wanted``, ``rectify.other_right``; it is closed.
    """
    from privacy.orchestration.steps import resolve_identity

    house.register.correction(run.number)
    house.register.begin(run.number, run.id, author=PIPELINE)
    found = resolve_identity(house, run)
    # Where the person is written to, the shop may no longer say when it is done.
    house.letters.know(run.number)
    return found


def plan(house: House, run: Run, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Fix which records are changed, and which historic ones are linked to, and record that the run begins.

    :param say: told the figures, for people: by default the task's log.
    :returns: records by dataset, and the plan's digest. :raises Refused: ``rectify.*``: see the plan.
    """
    from privacy.plans import rectifying
    from privacy.plans.rectified import ANSWERS

    register, means, number = house.register, house.means, run.number
    wanted = register.correction(number)
    if wanted.plan is None or wanted.plan.run != run.id:
        made = rectifying.make(means, run.id, subject_of(house, number), wanted)
        register.planned(number, made, run=run.id)
    # An earlier try of this step may have made it, and died before it asked.
    made, digest = register.plan_of(number, run.id)
    if not means.ledger.entries(run=run.id, kind="run.begun"):
        means.ledger.begin(
            run.id, pipeline=PIPELINE, actor=run.actor, request=number, code_version=code_version(),
            policy_version=house.policy.version, promises=PROMISES, as_of=made.as_of, plan_digest=digest,
            candidates=len(made.changes),
        )  # fmt: skip
        close_earlier(house, run)
    for line in _figures(house, made):
        say(line)
    say(f"old and new values: privacy request correction {number} --personal; digest {digest}")
    ANSWERS.ask(means.ledger, run.id, digest, actor=run.actor, request=number)
    return {"changes": made.datasets, "historic": made.historic, "differs": made.differs, "digest": digest}


def asks(house: House, run: Run) -> tuple[str, str]:
    """The question to an operator: its subject and body, without a value in it."""
    number = run.number
    made, digest = _plan(house, run)
    facts = sorted({wanted.fact for wanted in house.register.correction(number).wanted})
    lines = "\n".join(f"* {line}" for line in _figures(house, made))
    proven = house.register.get(number).dates.proven_at is not None
    missing = "" if proven else "**The identity is not proven yet: nothing is changed before it is.**\n\n"
    return f"{number}: may this be corrected?", (
        f"Rectification of request {number} (art. 16 GDPR): {', '.join(facts)}.\n\n{lines}\n\n{missing}"
        f"Look at the old and the new values first: `privacy request correction {number} --personal`. "
        f"Of what is changed nothing but the subject's own earlier addresses is kept.\n\nPlan `{digest[:12]}`."
    )


def answered(house: House, run: Run, *, approved: bool, by: str) -> None:
    """Write an operator's answer into the ledger. :raises Refused: ``rectify.ended``, ``rectify.answered``."""
    from privacy.plans.rectified import ANSWERS

    _, digest = _plan(house, run)
    four = house.settings.four_eyes
    ANSWERS.answer(house.ledger, run.id, digest, approved=approved, by=by, four_eyes=four, request=run.number)


def unanswered(house: House, run: Run) -> None:
    """Write down that nobody answered in time. :raises Refused: ``rectify.unanswered``."""
    from privacy.plans.rectified import ANSWERS

    house.ledger.event(ANSWERS.unanswered, actor=run.actor, run=run.id, request=run.number)
    raise Refused(ANSWERS.unanswered, "Nobody has answered in time; nothing was changed.", where=run.number)


def rectify(house: House, run: Run) -> dict[str, Any]:
    """Do the plan, if it may be done, and if the very plan was approved (edge case 32).

    :returns: what came of it.
    :raises Refused: ``request.not_proven``, ``rectify.not_approved``, ``rectify.refused``, ``rectify.other_plan``:
        nothing was changed. ``rectify.held``, ``rectify.changed``, ``rectify.failed``: something was left, the rest is
        done.
    """
    from privacy.plans import rectified

    number, means = run.number, house.means
    made, digest = _plan(house, run)
    subject = subject_of(house, number)
    rectified.ANSWERS.allowed(means.ledger, run.id, digest, number, four_eyes=means.four_eyes)
    means.holds.compared()
    _still(house, run)
    house.register.correcting(number, run=run.id)
    if not means.ledger.entries(run=run.id, kind=STARTED):
        means.ledger.event(STARTED, actor=run.actor, run=run.id, request=number, digest=digest)
    done = rectified.do(means, made, subject, number, still=lambda: _still(house, run))
    _raise_left(done, number)
    return {"records": done.counts, "gone": done.left.get("gone", 0)}


def verify(house: House, run: Run) -> dict[str, Any]:
    """Ask the stores again: every record of the plan reads as it is to be. :raises Refused: ``rectify.remaining``."""
    done = _looked(house, run, _plan(house, run)[0])
    return {"records": done.counts, "gone": done.left.get("gone", 0)}


def record(house: House, run: Run, failed: str | None, *, say: Callable[[str], None] = print) -> dict[str, str]:
    """Say in ledger and register how the run ended: done only on the evidence of the stores themselves.

    :param failed: the code of the first step that failed; None: none did.
    :raises Refused: it is not done, whatever Airflow says (edge cases 28, 36).
    """
    from privacy.plans.rectified import ANSWERS

    ledger, number = house.ledger, number_or_none(run)
    ended = ledger.entries(run=run.id, kind="run.ended")
    if not ended:
        reason, counts = failed, dict[str, int]()
        if ledger.entries(run=run.id, kind=ANSWERS.refused):
            reason = ANSWERS.refused  # Airflow's own way to fail a task that was rejected has no code.
        if not ledger.entries(run=run.id, kind="run.begun"):
            ledger.begin(
                run.id, pipeline=PIPELINE, actor=run.actor, request=number, code_version=code_version(),
                policy_version=_policy(house),
            )  # fmt: skip
            reason = reason or "rectify.no_plan"
        elif ledger.entries(run=run.id, kind=STARTED):
            counts, why = _evidence(house, run)
            reason = reason or why
        else:
            reason = reason or "rectify.not_begun"
        if reason is None:
            _close(house, run, counts)
        ledger.end(
            run.id, status="failed" if reason else "done", actor=run.actor, request=number, reason=reason or None,
            datasets={name: {"records": count, "bytes": 0} for name, count in counts.items()},
            records=sum(counts.values()),
        )  # fmt: skip
        ended = ledger.entries(run=run.id, kind="run.ended")
    entry = ended[0].entry
    say(f"{run.number}: {entry['status']}: {entry.get('records') or 0} records say what they are to say")
    if entry["status"] != "done":
        raise Refused(str(entry.get("reason") or entry["status"]), "The correction is not done.", where=run.number)
    return {"status": "done", "reason": ""}


def tell(house: House, run: Run, *, say: Callable[[str], None] = print) -> dict[str, bool]:
    """Tell the person, an e-mail address that was replaced, and the processors; the request is answered then.

    :returns: whether it is closed.
    """
    from privacy.rights.telling import tell as told

    for line in told(house, run.number, author=PIPELINE):
        say(line)
    return {"closed": house.register.get(run.number).dates.closed_at is not None}


def subject_of(house: House, number: str) -> Subject:
    """Whose the request is, as the register has it sealed. :raises Refused: ``request.not_resolved``."""
    found = house.register.resolution(number)
    if found is None:
        raise Refused("request.not_resolved", "It was never resolved whose it is.", where=number)
    return found


def _plan(house: House, run: Run) -> tuple[Plan, str]:
    """The run's plan, as register and ledger have it. :raises Refused: ``rectify.other_plan``."""
    made, digest = house.register.plan_of(run.number, run.id)
    begun = house.ledger.entries(run=run.id, kind="run.begun")
    if not begun or begun[0].entry.get("plan_digest") != digest:
        raise Refused(
            "rectify.other_plan", "The plan is not the one that the ledger has.", where=run.number,
            advice="Start it again: it makes a new plan.",
        )  # fmt: skip
    return made, digest


def _still(house: House, run: Run) -> None:
    """A run that was ended, by hand or by a later one, changes nothing any more (edge case 36); nor one whose request
    was withdrawn since.
    """
    if house.ledger.entries(run=run.id, kind="run.ended"):
        raise Refused("rectify.ended", "The run has ended; nothing is changed any more.", where=run.number)
    house.register.still_asked(run.number, run=run.id)


def _raise_left(done: Done, number: str) -> None:
    for why in ("held", "changed", "failed"):
        if count := done.left.get(why):
            raise Refused(
                f"rectify.{why}", f"{count} records were left ({why}); the others are corrected.", where=number,
                advice="Start it again when that is over: it goes on with what is left.",
            )  # fmt: skip


def _looked(house: House, run: Run, made: Plan) -> Done:
    from privacy.plans.rectified import look

    done = look(house.means, made, subject_of(house, run.number))
    if count := done.left.get("remaining"):
        raise Refused(
            "rectify.remaining", f"{count} records do not say what they are to say.", where=run.number,
            advice="Start it again: it goes on with what is left.",
        )  # fmt: skip
    return done


def _evidence(house: House, run: Run) -> tuple[dict[str, int], str | None]:
    """What the stores say, and why it does not suffice."""
    from privacy.plans.rectified import look

    try:
        made, _ = _plan(house, run)
        done = look(house.means, made, subject_of(house, run.number))
    except RetryLater:
        raise
    except PrivacyError as problem:
        return {}, problem.code
    if done.left.get("remaining"):
        return done.counts, "rectify.remaining"
    # What did nothing must not look like what succeeded (edge case 28).
    return done.counts, None if done.counts or made.links else "rectify.gone"


def _close(house: House, run: Run, counts: dict[str, int]) -> None:
    """The register first: a run is done when whoever asks of the request is told so."""
    from privacy.rights.payload import Act

    number, register = run.number, house.register
    made, digest = _plan(house, run)
    if register.get(number).dates.acted_at is None:
        linked = register.supplemented(number, run=run.id)
        total = {"corrected": sum(counts.values()), "gone": len(made.changes) - sum(counts.values()), "linked": linked}
        act = Act(
            author=run.actor, at=house.clock.now(), digest=digest, counts={n: c for n, c in total.items() if c},
        )  # fmt: skip
        register.acted(number, act, run=run.id)


def _policy(house: House) -> str:
    try:
        return house.policy.version
    except PrivacyError:
        return "unreadable"


def _figures(house: House, made: Plan) -> list[str]:
    """The plan in words, without a value."""
    titles = {ref.full: ref.dataset.title.en for ref in house.datamap}
    told = (
        (made.datasets, "changed"),
        (made.historic, "of the past, left as it is, with a statement linked"),
        (made.differs, "left, for it says something else than the wrong value"),
    )
    lines = [f"{name} ({titles[name]}): {count} {word}" for counts, word in told for name, count in counts.items()]
    if made.others:
        lines.append(f"CAREFUL: records of somebody else that say the new value already: {made.others}")
    return lines
