"""What each step of ``purge_bundles`` does, without Airflow; :mod:`privacy.orchestration.own_tasks` wraps them.

What a run deleted is what was planned and is not there any more, so a run that died anywhere can be told of. Every
function may be called again. What is returned holds counts, digests and names of rules only.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from privacy.errors import BadInput, PrivacyError, Refused, RetryLater, Tampered
from privacy.orchestration.own_folders import DRY_RUN, Letters, Plans, Staging
from privacy.orchestration.purges import PurgeRun
from privacy.orchestration.runs import code_version
from privacy.rights.own import Bounds, Keeper, Thing, due, own
from privacy.rights.own_deliveries import Deliveries
from privacy.rights.own_markers import Markers, PolicyLetters
from privacy.rights.own_store import MISSING, Bundles, Requests
from privacy.storage_errors import staging_full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from privacy.rights.house import House

PURGE = "purge_bundles"

KEEPERS: dict[str, Keeper] = {
    "staging": Staging(),
    "bundles": Bundles(),
    "deliveries": Deliveries(),
    "requests": Requests(),
    "letters": Letters(),
    "plans": Plans(),
    "markers": Markers(),
    "policy_letters": PolicyLetters(),
}
"""The rules by name: bundles and deliveries before the requests, which wait for them."""

_FILE = "own.json"


@dataclass
class Tally:
    """What came of a plan, by looking again.

    :param stayed: what of the plan is there still, by why; ``untold``: nobody said that it would.
    :param kept: everything else that is past its term and stays, by why.
    """

    records: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    stayed: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None
    foreseen: int = 0


def rules_of(house: House, wanted: list[str] | None = None) -> list[str]:
    """The rules, or those that are wanted.

    :raises BadConfiguration: ``policy.own``. :raises BadInput: ``purge.unknown``.
    """
    own(house)
    if unknown := sorted(set(wanted or []) - set(KEEPERS)):
        raise BadInput(
            "purge.unknown", f"The purge has no rule {', '.join(unknown)}.", where=PURGE,
            advice=f"There are: {', '.join(KEEPERS)}.",
        )  # fmt: skip
    return [name for name in KEEPERS if not wanted or name in wanted]


def plan(house: House, run: PurgeRun) -> dict[str, Any]:
    """Fix what goes, and record that the run begins; of a dry run, that somebody looked. Changes nothing else.

    :raises BadInput: ``purge.as_of``: in the future. :raises Refused: ``purge.other_digest``.
    """
    if begun := _begun(house, run):
        return _summary(run, _planned(house, run), str(begun["as_of"]))
    now = house.clock.now()
    as_of = run.as_of or now
    if as_of > now:
        raise BadInput("purge.as_of", "A purge cannot be as of the future.", where=run.rule, advice="Leave it out.")
    if not run.dry:
        close_lost(house, run)
    bounds = _bounds(house, run.rule, as_of)
    things = list(due(KEEPERS[run.rule].things(house), bounds))
    digest = _digest(run.rule, things)
    if run.expected and digest != run.expected:
        raise Refused(
            "purge.other_digest", "The plan is not the one that was expected; nothing was deleted.", where=run.rule,
            advice="Look at a new dry run.",
        )  # fmt: skip
    _save(house, run, things)
    going = [thing for thing in things if not thing.stays]
    count = sum(thing.records for thing in going)
    if run.dry:
        house.ledger.event(DRY_RUN, actor=run.actor, run=run.id, rule=run.rule, digest=digest, count=count)
        return _summary(run, things, as_of.isoformat())
    rule = getattr(own(house), run.rule)
    house.ledger.begin(
        run.id, pipeline=PURGE, rule=run.rule, actor=run.actor, code_version=code_version(),
        policy_version=house.policy.version, promises=rule.promises or None,
        limit=str(rule.term.keep_at_most or rule.term.keep_at_least), as_of=as_of, bound=bounds.of_all.before,
        plan_digest=digest, candidates=count,
    )  # fmt: skip
    return _summary(run, things, as_of.isoformat())


def purge(house: House, run: PurgeRun, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Remove what is planned, one by one, but for what is held, in use or not due any more by then.

    What cannot be removed does not keep the others: the first problem is raised at the end.

    :raises Refused: ``purge.ended``; ``purge.stopped``: it was asked to stop after one of them.
    """
    begun = _begun(house, run)
    if begun is None:
        raise Refused("purge.not_begun", "The run has no plan.", where=run.rule, advice="Start the purge again.")
    planned, keeper = _planned(house, run), KEEPERS[run.rule]
    bounds = _bounds(house, run.rule, datetime.fromisoformat(str(begun["as_of"])))
    there = {_key(thing): thing for thing in due(keeper.things(house), bounds)}
    problem: PrivacyError | None = None
    removed = 0
    for thing in planned:
        now = there.get(_key(thing))
        if thing.stays or now is None or now.stays:
            continue
        if house.ledger.entries(run=run.id, kind="run.ended"):
            raise Refused("purge.ended", "The run has ended; what is left waits for the next one.", where=run.rule)
        if stop():
            raise Refused("purge.stopped", "It was asked to stop; what is left waits for the next run.", where=run.rule)
        try:
            keeper.remove(house, now, actor=PURGE)
            removed += 1
        except PrivacyError as found:
            problem = problem or found
    if problem is not None:
        raise problem
    return {"rule": run.rule, "removed": removed}


def record(house: House, run: PurgeRun, failed: str | None) -> dict[str, Any]:
    """Say in the ledger how the run ended: done only if all that was planned is gone, or somebody says why it stays.

    :param failed: the code of the first step that failed; None: none did.
    :raises Refused: it is not done, whatever Airflow says (edge cases 28, 36).
    """
    if run.dry:
        if failed:
            raise Refused(failed, "The dry run failed.", where=run.rule)
        return {"status": "dry run", "reason": ""}
    if not (ended := house.ledger.entries(run=run.id, kind="run.ended")):
        if _begun(house, run) is None:
            _begin_without_plan(house, run)
            house.ledger.end(run.id, status="failed", actor=run.actor, reason=failed or "purge.not_begun")
        else:
            _end(house, run.id, run.rule, run.actor, failed)
        ended = house.ledger.entries(run=run.id, kind="run.ended")
    entry = ended[0].entry
    if entry["status"] != "done":
        raise Refused(str(entry.get("reason")), "The rule's run is not done.", where=run.rule)
    return {"status": "done", "reason": "", "records": entry["records"], "bytes": entry["bytes"]}


def close_lost(house: House, run: PurgeRun) -> list[str]:
    """End the rule's runs that began and did not end, with what of their plans is not there any more (edge case 13).

    :returns: the runs that were ended.
    """
    lost = [other for other in house.ledger.unended(run.rule) if other != run.id]
    for other in lost:
        _end(house, other, run.rule, run.actor, "run.lost", derived=True)
    return lost


def _end(house: House, run: str, rule: str, actor: str, failed: str | None, *, derived: bool | None = None) -> None:
    (begun,) = house.ledger.entries(run=run, kind="run.begun")
    bounds = _bounds(house, rule, datetime.fromisoformat(str(begun.entry["as_of"])))
    try:
        planned = _load(house, run, rule, str(begun.entry["plan_digest"]))
        tally = tally_of(planned, KEEPERS[rule].things(house), bounds)
    except RetryLater:
        raise
    except PrivacyError as problem:
        # What cannot be counted is not claimed.
        house.ledger.end(run, status="failed", actor=actor, reason=failed or problem.code, derived=derived)
        return
    reason = failed
    if reason is None and tally.kept[MISSING]:
        reason = MISSING
    if reason is None and tally.stayed["untold"]:
        reason = "purge.remaining"
    today = _bounds(house, rule, house.clock.now())
    late = [seconds for thing in planned if (seconds := today.late_by(thing)) > 0]
    retained = tally.stayed + tally.kept
    house.ledger.end(
        run, status="stopped" if reason == "purge.stopped" else "failed" if reason else "done", actor=actor,
        reason=reason,
        datasets={name: {"records": n, "bytes": tally.bytes[name]} for name, n in tally.records.items()},
        records=tally.records.total(), deleted=tally.records.total(), bytes=tally.bytes.total(),
        held=retained.pop("held", 0), failed=retained.pop("untold", 0), retained=dict(retained),
        oldest_remaining=tally.oldest, foreseen=tally.foreseen, late=len(late),
        late_by=to_jsonable_python(timedelta(seconds=max(late))) if late else None, derived=derived,
    )  # fmt: skip


def tally_of(planned: list[Thing], there: Iterable[Thing], bounds: Bounds) -> Tally:
    """What came of a plan: what is not there any more is what it deleted."""
    tally, left = Tally(), {_key(thing): thing for thing in there}
    starts = [thing.started for thing in left.values() if thing.started is not None]
    tally.oldest = min(starts, default=None)
    tally.foreseen = sum(thing.records for thing in left.values() if bounds.foreseen(thing))
    for thing in planned:
        now = left.pop(_key(thing), None)
        if not thing.stays:
            tally.records[thing.dataset] += max(0, thing.records - (now.records if now else 0))
            tally.bytes[thing.dataset] += max(0, thing.bytes - (now.bytes if now else 0))
        if now is not None:
            why = now.stays or ("changed" if not bounds.due(now) else "untold")
            tally.stayed[why] += max(1, now.records)
    tally.kept.update(thing.stays for thing in left.values() if thing.stays == MISSING)
    return tally


def _bounds(house: House, rule: str, as_of: datetime) -> Bounds:
    return Bounds(getattr(own(house), rule), as_of, house.policy.zone)


def _begun(house: House, run: PurgeRun) -> dict[str, object] | None:
    found = house.ledger.entries(run=run.id, kind="run.begun")
    return found[0].entry if found else None


def _begin_without_plan(house: House, run: PurgeRun) -> None:
    try:
        policy = house.policy.version
    except PrivacyError:
        policy = "unreadable"
    house.ledger.begin(
        run.id, pipeline=PURGE, rule=run.rule, actor=run.actor, code_version=code_version(), policy_version=policy
    )


def _summary(run: PurgeRun, things: list[Thing], as_of: str) -> dict[str, Any]:
    going = [thing for thing in things if not thing.stays]
    starts = [thing.started for thing in going if thing.started is not None]
    said = {
        "rule": run.rule, "digest": _digest(run.rule, things), "as_of": as_of, "things": len(going),
        "records": sum(thing.records for thing in going), "bytes": sum(thing.bytes for thing in going),
        "stays": dict(Counter(thing.stays for thing in things if thing.stays)),
        "oldest": min(starts).isoformat() if starts else None,
    }  # fmt: skip
    print(json.dumps(said, indent=2))  # noqa: T201 - the task's log is where an operator reads it
    return said


def _key(thing: Thing) -> tuple[str, str]:
    return thing.dataset, thing.name


def _digest(rule: str, things: list[Thing]) -> str:
    return sha256(json.dumps([rule, [thing.as_json() for thing in things]]).encode()).hexdigest()


def _save(house: House, run: PurgeRun, things: list[Thing]) -> None:
    folder = house.settings.plans / run.id
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = folder / f".{_FILE}"
        with new.open("w") as file:
            json.dump([thing.as_json() for thing in things], file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / _FILE)
    except OSError:
        raise staging_full("The plan cannot be written.", folder) from None


def _planned(house: House, run: PurgeRun) -> list[Thing]:
    begun = _begun(house, run) or {}
    return _load(house, run.id, run.rule, str(begun.get("plan_digest")))


def _load(house: House, run: str, rule: str, digest: str) -> list[Thing]:
    try:
        raw = json.loads((house.settings.plans / run / _FILE).read_bytes())
        things = [Thing.of_json(one) for one in raw]
    except (OSError, ValueError, TypeError, KeyError):
        things = None
    if things is None or _digest(rule, things) != digest:
        raise Tampered(
            "plans.altered", "The plan is not the one that the ledger has.", where=run, advice="Start the purge again."
        )
    return things
