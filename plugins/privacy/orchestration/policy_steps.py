"""What each step of ``notify_policy_change`` does, without Airflow; ``policy_tasks`` wraps them.

Every function may be called again after it died half way. What is returned holds counts, digests and names only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from privacy.errors import PrivacyError, Refused, RetryLater
from privacy.orchestration.runs import code_version
from privacy.rights.policy_letters import Written
from privacy.rights.policy_versions import Versions
from privacy.rights.policy_writing import ANSWERS, comparison, count, missing
from privacy.rights.policy_writing import write as write_letters

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.policy_writing import Comparison

PIPELINE = RULE = "notify_policy_change"
PROMISES = ("NOTICE",)

LOOKED = "policy.looked"
"""Of the ledger: a dry run; ``count`` people would be written to, ``digest`` of the changes."""


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """One run of the DAG. :param actor: who started it. :param dry: only look."""

    id: str
    actor: str
    dry: bool = True


def plan(house: House, run: PolicyRun, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Compare, count who would be written to, and record that the run begins. Changes nothing.

    :param say: told the changes in words, and the figures.
    :raises Refused: ``policy.same_version``. :raises Tampered: ``policy.altered``.
    """
    found = comparison(house)
    begun = house.ledger.entries(run=run.id, kind="run.begun")
    people = int(str(begun[0].entry.get("candidates") or 0)) if begun else count(house, found) if found.changes else 0
    say(body(found, people))
    said = {"from": found.old, "to": found.new, "changes": len(found.changes), "people": people, "digest": found.digest}
    if run.dry:
        house.ledger.event(LOOKED, actor=run.actor, run=run.id, count=people, digest=found.digest)
        return said
    if not begun:
        close_lost(house, run)
        house.ledger.begin(
            run.id, pipeline=PIPELINE, rule=RULE, actor=run.actor, code_version=code_version(),
            policy_version=found.new, promises=PROMISES, plan_digest=found.digest, candidates=people,
        )  # fmt: skip
    if found.changes:
        ANSWERS.ask(house.ledger, run.id, found.digest, actor=run.actor)
    return said


def asks(house: House, run: PolicyRun) -> tuple[str, str] | None:
    """The question to an operator: its subject and body; None: there is nothing to ask."""
    if not house.ledger.entries(run=run.id, kind=ANSWERS.asked):
        return None
    begun = house.ledger.entries(run=run.id, kind="run.begun")[0].entry
    people = int(str(begun.get("candidates") or 0))
    return f"May {people} people be told of this change?", body(_same(house, run), people)


def body(found: Comparison, people: int) -> str:
    """The changes in words, in both languages, and how many are written to."""
    if found.old is None:
        return f"{found.new} is the first version that is recorded; nobody is written to."
    if not found.changes:
        return f"{found.old} -> {found.new}: nothing that concerns anybody's data has changed."
    lines = [f"Version {found.old} -> {found.new}; {people} people are written to.", ""]
    for change in found.changes:
        lines += [f"- {change.words.nl}", f"  {change.words.en}"]
    return "\n".join([*lines, "", f"Datasets: {', '.join(found.datasets)}", f"Digest: {found.digest}"])


def answered(house: House, run: PolicyRun, *, approved: bool, by: str) -> None:
    """Write an operator's answer into the ledger. :raises Refused: ``policy.ended``, ``policy.answered``."""
    digest, four = _same(house, run).digest, house.settings.four_eyes
    ANSWERS.answer(house.ledger, run.id, digest, approved=approved, by=by, four_eyes=four)


def unanswered(house: House, run: PolicyRun) -> None:
    """Write down that nobody answered in time. :raises Refused: ``policy.unanswered``."""
    house.ledger.event(ANSWERS.unanswered, actor=run.actor, run=run.id)
    raise Refused(ANSWERS.unanswered, "Nobody has answered in time; nobody was written to.", where=RULE)


def write(
    house: House, run: PolicyRun, *, stop: Callable[[], bool] = lambda: False, resend: bool = False
) -> dict[str, int]:
    """Write to everybody, if an operator has approved these very changes. :returns: what became of the letters.

    :raises Refused: ``policy.not_approved``, ``policy.refused``, ``policy.stopped``, ``policy.ended``.
    """
    if house.ledger.entries(run=run.id, kind="run.ended"):
        raise Refused("policy.ended", "The run has ended; what is left waits for the next one.", where=RULE)
    found = _same(house, run)
    if not found.changes:
        return {}
    return write_letters(house, run.id, found, stop=stop, pause=house.settings.letters_pause, resend=resend).as_json()


def record(house: House, run: PolicyRun, failed: str | None) -> dict[str, Any]:
    """Say in the ledger how the run ended, and that the version is in force: only when everybody was written to.

    :param failed: the code of the first step that failed; None: none did.
    :raises Refused: it is not done, whatever Airflow says (edge cases 32, 36).
    """
    if run.dry:
        if failed:
            raise Refused(failed, "The dry run failed.", where=RULE)
        return {"status": "dry run"}
    if not (ended := house.ledger.entries(run=run.id, kind="run.ended")):
        if not house.ledger.entries(run=run.id, kind="run.begun"):
            house.ledger.begin(
                run.id, pipeline=PIPELINE, rule=RULE, actor=run.actor, code_version=code_version(),
                policy_version=_policy(house),
            )  # fmt: skip
            failed = failed or "policy.not_begun"
        _end(house, run, failed)
        ended = house.ledger.entries(run=run.id, kind="run.ended")
    entry = ended[0].entry
    if entry["status"] != "done":
        raise Refused(str(entry.get("reason")), "Not everybody was told of the change.", where=RULE)
    return {"status": "done", "records": entry["records"]}


def close_lost(house: House, run: PolicyRun) -> None:
    """End the runs that have begun and did not end: what they sent is known letter by letter (edge case 13)."""
    for other in house.ledger.unended(RULE):
        if other != run.id:
            house.ledger.end(other, status="failed", actor=run.actor, reason="run.lost", derived=True)


def _end(house: House, run: PolicyRun, failed: str | None) -> None:
    reason, left, counts = failed, 0, {"sent": 0, "refused": 0, "unclear": 0}
    if any(e.entry["kind"] == ANSWERS.refused for e in house.ledger.entries(run=run.id)):
        reason = ANSWERS.refused
    try:
        found = _same(house, run)
        counts = Written(house, found.new).counts()
        if reason is None and found.changes:
            left = missing(house, found)
            reason = "policy.unclear" if left and left <= counts["unclear"] else "policy.missing" if left else None
        if reason is None:
            Versions(house).record(run.actor)
    except RetryLater:
        raise
    except PrivacyError as problem:
        reason = reason or problem.code
    house.ledger.end(
        run.id, status="stopped" if reason == "policy.stopped" else "failed" if reason else "done", actor=run.actor,
        reason=reason, records=counts["sent"], failed=left,
        retained={why: n for why, n in counts.items() if n and why != "sent"},
    )  # fmt: skip


def _same(house: House, run: PolicyRun) -> Comparison:
    """What is compared now, if it is what the run began with.

    :raises Refused: ``policy.other_changes``: policy, data map or the version in force were changed meanwhile.
    """
    found = comparison(house)
    begun = house.ledger.entries(run=run.id, kind="run.begun")
    if not begun or begun[0].entry.get("plan_digest") != found.digest:
        raise Refused(
            "policy.other_changes", "The changes are not those that the run began with.", where=RULE,
            advice="Start it again: it compares anew, and asks again.",
        )  # fmt: skip
    return found


def _policy(house: House) -> str:
    try:
        return house.policy.version
    except PrivacyError:
        return "unreadable"
