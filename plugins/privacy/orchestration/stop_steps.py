"""What each step of ``restrict_subject`` and ``object_subject`` does, without Airflow.

What a right stops is stopped when its request is registered; these steps place what could not be placed then, hold that
it is in force, and tell the person. Every function may be called again after it died half way. What is returned is
written into Airflow's database, so it holds counts only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.errors import AskPerson, BadConfiguration, PrivacyError, Refused, RetryLater
from privacy.orchestration.runs import Run, close_earlier, code_version, number_or_none

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request

RESTRICT, OBJECT = "restrict_subject", "object_subject"

PROMISES = {
    "restriction": ("R-RESTR",),
    "objection": ("R-OBJ",),
    "marketing_stop": ("R-OBJ", "CONTACT-CONSENT"),
    "consent_withdrawal": ("CONTACT-CONSENT",),
}
"""What a run that is done proves, by right; those that the policy has."""


def open_request(house: House, run: Run, pipeline: str) -> dict[str, str]:
    """Record that the run begins, and take the request over.

    :raises Refused: ``stops.other_right``; the request is closed.
    """
    request = None if number_or_none(run) is None else house.register.get(run.number)
    _begin(house, run, pipeline, request)
    request = _ours(house, run, pipeline)
    house.register.begin(run.number, run.id, author=pipeline)
    close_earlier(house, run)
    return {"request": request.number, "right": request.right.value, "run": run.id}


def act(house: House, run: Run, pipeline: str) -> dict[str, int]:
    """Hold that what is to be stopped is, and do what else the request asks for.

    :returns: counts. :raises AskPerson: ``stops.nobody``: nothing is the person's alone, so no system can leave them
        out; ``withdrawal.nothing``: there is no consent to withdraw.
    """
    from privacy.rights.notices import Notices, holding
    from privacy.rights.payload import Act
    from privacy.rights.states import Right
    from privacy.rights.stopping import HOLDS
    from privacy.rights.withdrawing import withdraw

    register, request = house.register, _ours(house, run, pipeline)
    if request.dates.acted_at and request.run != run.id:
        raise Refused("request.superseded", "Another run has done it.", where=request.number)
    if request.dates.refused_at:
        raise Refused("request.refused", "The request was refused since the run began.", where=request.number)
    # Where the shop was out of reach at registration; again is nothing new.
    register.hold(request.number, author=pipeline)
    counts = {"stops": len(house.stops.active(number=request.number))}
    payload = register.open(request.number)
    if request.right is Right.CONSENT_WITHDRAWAL:
        if payload.subject is None:
            raise Refused("run.not_resolved", "It is not known yet whose the request is.", where=run.number)
        counts |= withdraw(house, run.number, payload.subject, request.dates.received_at, payload.purposes)
        if not any(counts.values()):
            raise AskPerson(
                "withdrawal.nothing", "The person has no consent that could be withdrawn.", where=request.number,
                advice="Look at what they mean, and answer them.",
            )  # fmt: skip
    elif not counts["stops"]:
        raise AskPerson(
            "stops.nobody", "Nothing is this person's alone, so no system can leave them out.", where=request.number,
            advice="Ask the person for their customer number, or decide: privacy request decide.",
        )  # fmt: skip
    kind = HOLDS.get(request.right)
    if kind is not None and request.number not in house.holds.kept(kind):
        raise Refused("stops.not_held", "The hold of the request is not there.", where=request.number)
    if request.right is Right.RESTRICTION:
        # Whoever processes these data for the shop is to leave them alone too (art. 19 GDPR).
        subject = house.subject(request.number)
        Notices(house).tell(request.number, "restriction", holding(house, subject), subject=subject, author=pipeline)
    if request.right is not Right.OBJECTION:
        waits = any(counts.get(word) for word in ("held", "changed", "failed"))
        done = Act(author=pipeline, at=house.clock.now(), counts=counts)
        register.acted(request.number, done, partly=waits, run=run.id, author=pipeline)
    return counts


def tell(house: House, run: Run, pipeline: str) -> dict[str, int]:
    """Tell the person what was done; with that the request is answered, unless it waits for a decision or for a hold.

    :raises Refused: ``letters.no_known_address``: print the letter and post it. :raises RetryLater: it cannot be sent.
    """
    from privacy.rights.confirming import confirm

    sent = confirm(house, _ours(house, run, pipeline).number, pipeline)
    return {"letters": 1 if sent.content is not None else 0}


def record(house: House, run: Run, pipeline: str, *, failed: str | None) -> dict[str, str]:
    """Say in the ledger how the run ended: done only on the evidence, whatever a task was marked as.

    :param failed: the code of the first task that failed; None when Airflow says that all went well.
    :raises Refused: Airflow says so, and hold, stop or letter are not there (edge cases 28, 36).
    """
    number = number_or_none(run)
    _begin(house, run, pipeline, None if number is None else house.register.get(number))
    for there in house.ledger.entries(run=run.id, kind="run.ended"):
        return {"status": str(there.entry["status"]), "reason": str(there.entry.get("reason") or "")}
    problem: PrivacyError | None = None
    if failed is None:
        try:
            _evidence(house, run, pipeline)
        except RetryLater:
            raise
        except PrivacyError as found:
            problem, failed = found, found.code
    status = "failed" if failed else "done"
    house.ledger.end(run.id, status=status, actor=run.actor, request=number, reason=failed)
    if problem is not None:
        raise problem from None
    return {"status": status, "reason": failed or ""}


def _evidence(house: House, run: Run, pipeline: str) -> None:
    """What proves that the run did it: what is in force now, and the letter."""
    from privacy.rights.states import Right
    from privacy.rights.stopping import HOLDS, may_hold

    request, payload = _ours(house, run, pipeline), house.register.open(run.number)
    kind = HOLDS.get(request.right)
    held = kind is None or not may_hold(request.dates) or request.number in house.holds.kept(kind)
    stopped = request.right is Right.CONSENT_WITHDRAWAL or bool(house.stops.active(number=request.number))
    acted = request.right is Right.OBJECTION or request.dates.acted_at or request.dates.partly_at
    told = any(stub.kind == request.right.value for stub in payload.letters)
    over = request.dates.refused_at or request.dates.lifted_at
    if not (over or (held and stopped and acted and told)):
        raise Refused("run.not_done", "It is not in force, or the person was not told.", where=run.number)


def _ours(house: House, run: Run, pipeline: str) -> Request:
    request = house.register.get(run.number)
    if request.right.pipeline != pipeline:
        raise Refused(
            "stops.other_right", "The request asks for something else.", where=request.number,
            advice=f"Start {request.right.pipeline}." if request.right.pipeline else "A person answers it.",
        )  # fmt: skip
    return request


def _begin(house: House, run: Run, pipeline: str, request: Request | None) -> None:
    """The ledger's first entry of the run; a data map that cannot be read does not keep a run out of the ledger."""
    if house.ledger.entries(run=run.id, kind="run.begun"):
        return
    try:
        policy = house.policy.version
        wanted = PROMISES.get(request.right.value, ()) if request else ()
        promises = tuple(p for p in wanted if p in house.policy.promises) or None
    except BadConfiguration:
        policy, promises = "unreadable", None
    house.ledger.begin(
        run.id, pipeline=pipeline, actor=run.actor, request=number_or_none(run), code_version=code_version(),
        policy_version=policy, promises=promises,
    )  # fmt: skip
