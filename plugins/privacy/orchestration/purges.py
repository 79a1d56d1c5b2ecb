"""What each step of a purge does, without Airflow; :mod:`privacy.orchestration.purge_tasks` wraps them.

Every function may be called again after it died half way. What is returned is written into Airflow's database, so it
holds counts, digests, bounds and names of rules only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from privacy.errors import BadInput, PrivacyError, Refused
from privacy.orchestration.runs import code_version
from privacy.storage_errors import staging_full

if TYPE_CHECKING:
    from privacy.datamap.policy import Rule
    from privacy.plans import Plan
    from privacy.rights.house import House

DRY_RUN = "purge.dry_run"
"""The ledger's event of a plan that was only looked at."""


@dataclass(frozen=True, slots=True)
class PurgeRun:
    """One rule in one run of a purge.

    :param id: a UUID that follows from the DAG, Airflow's run id, how often it was cleared, and the rule.
    :param actor: who started it, as the ledger names them.
    :param dry: only look. :param as_of: as of when; None: now. :param expected: the digest that the plan must have.
    """

    id: str
    purge: str
    rule: str
    actor: str
    dry: bool = False
    as_of: datetime | None = None
    expected: str | None = None


def rules_of(house: House, purge: str, wanted: list[str] | None = None) -> list[str]:
    """The rules of a purge, or those that are wanted.

    :raises BadInput: ``purge.unknown``, ``purge.no_rules``: none would run, which must not look like success.
    """
    made = house.policy.purges.get(purge)
    if made is None:
        raise BadInput("purge.unknown", "The policy has no such purge.", where=purge, advice="See policy/purges.yaml.")
    if unknown := sorted(set(wanted or []) - set(made.rules)):
        raise BadInput(
            "purge.unknown", f"The purge has no rule {', '.join(unknown)}.", where=purge,
            advice=f"There are: {', '.join(made.rules)}.",
        )  # fmt: skip
    return [name for name in made.rules if not wanted or name in wanted]


def plan(house: House, run: PurgeRun, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Make the plan, and record that the run begins; of a dry run, that somebody looked.

    :param say: told the figures, for people: by default the task's log.
    :returns: what it would do, and the guards that it trips.
    :raises Refused: ``purge.other_digest``: it is not the plan that was expected.
    """
    from privacy import plans

    means = house.means
    if not run.dry and means.ledger.entries(run=run.id, kind="run.begun"):
        # An earlier try of this step has made it, and may have died before it asked.
        return _summary(_asked(house, run, plans.opened(means, run.id)[0]))
    if not run.dry:
        plans.close_lost(means, run.rule, actor=run.actor, but=run.id)
    as_of = run.as_of or means.clock.now()
    made = plans.make(means, run.rule, run.id, as_of, **_before(house, run.rule, as_of))
    _overview(house, made, say)
    _applicants(house, run, made, say)
    if run.expected and made.digest != run.expected:
        raise Refused(
            "purge.other_digest", "The plan is not the one that was expected; nothing was deleted.", where=run.rule,
            advice="Look at a new dry run: records have come, gone or changed since.",
        )  # fmt: skip
    if run.dry:
        from privacy.orchestration.overview import just_this

        say(f"a dry run: nothing was deleted; {just_this(made)}")
        means.ledger.event(DRY_RUN, actor=run.actor, run=run.id, rule=run.rule, digest=made.digest, count=made.records)
        return _summary(made)
    plans.begin(means, made, actor=run.actor, code_version=code_version())
    return _summary(_asked(house, run, made))


def _asked(house: House, run: PurgeRun, made: Plan) -> Plan:
    """Write down that an operator is asked, if a guard trips; once."""
    from privacy import plans

    ledger = house.means.ledger
    if made.tripped and not any(e.entry["kind"] == plans.ASKED for e in ledger.entries(run=run.id)):
        ledger.event(plans.ASKED, actor=run.actor, run=run.id, rule=run.rule, digest=made.digest)
    return made


def purge(house: House, run: PurgeRun) -> dict[str, Any]:
    """Do the plan, if it may be done. SIGTERM ends it after the batch in hand.

    :returns: what came of it.
    """
    from privacy import plans

    with stopping() as stop:
        done = plans.do(house.means, run.id, actor=run.actor, stop=stop)
    if done.stopped:
        # What is left waits for the next run; this one must not look as if it had done all.
        raise Refused(
            "purge.stopped", "The purge was asked to stop; what is left waits for the next run.", where=run.rule
        )
    tally = done.tally
    deleted, size = sum(tally.deleted.values()), sum(tally.bytes.values())
    return {"deleted": deleted, "bytes": size, "gone": tally.gone, "kept": tally.kept}


def verify(house: House, run: PurgeRun) -> dict[str, Any]:
    """Look again: nothing of the plan may be left but what was told to stay."""
    from privacy import plans

    found = plans.verify(house.means, run.id)
    return {"remaining": found.remaining, "new": found.new, "oldest_remaining": found.oldest}


def record(
    house: House, run: PurgeRun, failed: str | None, *, say: Callable[[str], None] = print
) -> dict[str, str]:  # fmt: skip
    """Say in the ledger how the run ended.

    :param failed: the code of the first step that failed; None: none did.
    :param say: told it too, for people: by default the task's log.
    :raises Refused: it is not done, whatever Airflow says (edge cases 28, 36).
    """
    from privacy import plans

    means = house.means
    if run.dry:
        if failed:
            raise Refused(failed, "The dry run failed.", where=run.rule)
        return {"status": "dry run", "reason": ""}
    if not means.ledger.entries(run=run.id, kind="run.begun"):
        _begin_without_plan(house, run)
    if any(e.entry["kind"] == plans.REFUSED for e in means.ledger.entries(run=run.id)):
        failed = "purge.refused"  # Airflow's own way to fail a task that was rejected has no code.
    reason = plans.finish(means, run.id, actor=run.actor, failed=failed, stopped=failed == "purge.stopped")
    for entry in means.ledger.entries(run=run.id, kind="run.ended"):
        say(_told(run, entry.seq, entry.entry))
    if reason:
        raise Refused(reason, "The rule's run is not done.", where=run.rule)
    return {"status": "done", "reason": ""}


def _told(run: PurgeRun, seq: int, ended: Mapping[str, Any]) -> str:
    """How a run ended, in the ledger's figures, and what shows and proves it."""
    counted = ", ".join(f"{ended.get(name) or 0} {name}" for name in ("deleted", "held", "failed"))
    why = f" ({ended['reason']})" if ended.get("reason") else ""
    return (
        f"rule {run.rule}: {ended['status']}{why}: {counted}; the ledger's entry {seq}: "
        f"privacy ledger show --run {run.id}, privacy ledger receipt {run.id} --out receipt.html"
    )


def body(plan: Plan, now: datetime, zone: str, patience: timedelta | None = None) -> str:
    """What an operator reads before they answer: the figures, why they are asked, and by when the promise breaks.

    :param patience: how long their answer is awaited.
    """
    from privacy.orchestration.overview import figures, waits_until

    why = "\n".join(f"* {guard}" for guard in plan.tripped)
    table = figures(plan).to_markdown(index=False)
    until = ""
    if patience is not None:
        at = (now + patience).astimezone(ZoneInfo(zone))
        until = f"Without an answer by {at:%Y-%m-%d %H:%M} nothing is deleted, and the rule's run is red.\n\n"
    return (
        f"Rule `{plan.rule}` of {plan.purge} keeps {', '.join(plan.promises)} ({plan.limit}).\n\n"
        f"It would delete **{plan.records} records** and asks because\n\n{why}\n\n{table}\n\n"
        f"{waits_until(plan, now, zone)}\n\n{until}Plan `{plan.digest[:12]}` as of {plan.as_of}."
    )


def answered(house: House, run: PurgeRun, *, approved: bool, by: str) -> None:
    """Write an operator's answer into the ledger: the only place where the purge looks for it (edge case 32).

    :raises Refused: ``purge.ended``, ``purge.answered``: it was answered before, or comes too late;
        ``purge.four_eyes``: who started the purge may not approve it too.
    """
    from privacy import plans
    from privacy.plans import eyes

    means = house.means
    made, _ = plans.opened(means, run.id)
    if means.ledger.entries(run=run.id, kind="run.ended"):
        raise Refused("purge.ended", "The run has ended; the answer comes too late.", where=run.rule)
    said = [e.entry["kind"] for e in means.ledger.entries(run=run.id)]
    if plans.APPROVED in said or plans.REFUSED in said:
        raise Refused("purge.answered", "The plan was answered before.", where=run.rule)
    if means.four_eyes and approved:
        eyes.check(means.ledger, run.id, None, by, kind="purge")
    kind = plans.APPROVED if approved else plans.REFUSED
    means.ledger.event(kind, actor=by, run=run.id, rule=run.rule, digest=made.digest)


def unanswered(house: House, run: PurgeRun) -> None:
    """Write down that nobody answered in time. :raises Refused: ``purge.unanswered``, as the run's reason."""
    from privacy import plans

    made, _ = plans.opened(house.means, run.id)
    house.means.ledger.event(plans.UNANSWERED, actor=run.actor, run=run.id, rule=run.rule, digest=made.digest)
    raise Refused("purge.unanswered", "Nobody has answered in time; nothing was deleted.", where=run.rule)


def patience(house: House, rule: str, asked: datetime, now: datetime) -> timedelta:
    """How long an answer is awaited: until shortly before the rule's next run is due."""
    _, found = plans_rule(house, rule)
    term = house.policy.promises[found.promise].term
    assert term is not None  # noqa: S101 - the policy does not load otherwise
    assert term.every is not None  # noqa: S101
    return max(timedelta(minutes=1), asked + term.every.shortest - timedelta(minutes=5) - now)


def _summary(made: Plan) -> dict[str, Any]:
    return {
        "rule": made.rule, "digest": made.digest, "as_of": made.as_of, "records": made.records, "items": made.items,
        "late": made.holds.late, "undated": made.holds.undated, "tripped": list(made.tripped),
    }  # fmt: skip


def _before(house: House, rule: str, as_of: datetime) -> dict[str, Any]:
    """What the rule's last good run foresaw, and how many runs were missed since."""
    from privacy import plans

    means = house.means
    last = means.ledger.last_done(rule, as_of)
    if last is None:
        return {}
    _, found = plans.rule_of(means, rule)
    term = means.datamap.policy.promises[found.promise].term
    assert term is not None  # noqa: S101 - the policy does not load otherwise
    assert term.every is not None  # noqa: S101
    passed = (as_of - last.as_of) / term.every.longest
    return {"foreseen": last.foreseen, "missed": max(0, round(passed) - 1)}


def _begin_without_plan(house: House, run: PurgeRun) -> None:
    """A run that could not even plan stands in the ledger too."""
    try:
        policy = house.policy.version
    except PrivacyError:
        policy = "unreadable"
    house.ledger.begin(
        run.id, pipeline=run.purge, rule=run.rule, actor=run.actor, code_version=code_version(), policy_version=policy
    )


def _overview(house: House, made: Plan, say: Callable[[str], None]) -> None:
    from privacy.orchestration.overview import figures, heading, waits_until

    table = figures(made)
    folder = house.means.folder / made.run
    try:
        table.to_csv(folder / "overview.csv", index=False)
    except OSError:
        raise staging_full("The plan's overview cannot be written.", folder) from None
    say(heading(made))
    say(table.to_string(index=False))
    say(waits_until(made, house.clock.now(), house.policy.zone))
    say(f"digest {made.digest}  as of {made.as_of}")


def _applicants(house: House, run: PurgeRun, made: Plan, say: Callable[[str], None]) -> None:
    """What a person has to see to before applications go: personnel records that lack something, mail elsewhere."""
    from privacy.plans.applicants import CODE, mail_elsewhere
    from privacy.plans.doing import moved

    means = house.means
    found = moved(means, made, write=False)
    for code, count in found.missing.items():
        say(f"{count} people were hired, and their applications stay: {code}")
    _, rule = plans_rule(house, made.rule)
    for step in made.steps:
        if means.datamap[step.dataset].dataset.strays is not None:
            mail = mail_elsewhere(means, rule, step.due)
            if mail.datasets:
                say(
                    f"{sum(mail.datasets.values())} messages of applicants lie in other folders, {mail.last} for the "
                    "last time: move what belongs to an application into its folder"
                )
                means.ledger.event(CODE, actor=run.actor, run=run.id, rule=run.rule, count=sum(mail.datasets.values()))


def plans_rule(house: House, rule: str) -> tuple[str, Rule]:
    """A rule of the policy, and its purge."""
    from privacy import plans

    return plans.rule_of(house.means, rule)


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM came; until it has, nothing is interrupted."""
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)
