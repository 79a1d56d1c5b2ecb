"""What each step of ``clean_airflow`` does: Airflow's own records are personal data too, at the least its users'.

As in :mod:`privacy.orchestration.own_steps`, what was deleted is what was counted before and is not there any more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, Refused
from privacy.orchestration.purges import PurgeRun
from privacy.orchestration.runs import code_version
from privacy.rights.own import Bounds, own

if TYPE_CHECKING:
    from privacy.rights.house import House

RULE, PIPELINE, DATABASE = "airflow", "clean_airflow", "airflow"
"""The rule in the policy; the DAG; the connection of Airflow's own database, where its environment alone knows it."""

_FILE = "airflow.json"
_HIDDEN = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN", "_AIRFLOW_PROCESS_CONTEXT")
"""What Airflow sets in a task so that it cannot reach the database."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Which of Airflow's runs asks: a database that does not know it is not this Airflow's."""

    dag: str
    run: str


def plan(house: House, run: PurgeRun, asking: Asking) -> dict[str, Any]:
    """Count what is past its term, and record that the run begins; of a dry run, that somebody looked.

    :raises BadInput: ``purge.as_of``. :raises BadConfiguration: ``airflow.other_database``.
    """
    if begun := _begun(house, run.id):
        return _summary(_load(house, run.id, begun), str(begun["as_of"]))
    now = house.clock.now()
    as_of = run.as_of or now
    if as_of > now:
        raise BadInput("purge.as_of", "A purge cannot be as of the future.", where=RULE, advice="Leave it out.")
    if not run.dry:
        for other in house.ledger.unended(RULE):
            if other != run.id:
                _end(house, other, run.actor, asking, "run.lost", derived=True)
    rule = own(house).airflow
    bound = Bounds(rule, as_of, house.policy.zone).of_all.before
    found = asked(house, bound, asking, remove=False)
    digest = _digest(found)
    if run.expected and digest != run.expected:
        raise Refused("purge.other_digest", "There is more, or less, than was expected.", where=RULE)
    count = sum(found["tables"].values())
    if run.dry:
        house.ledger.event("purge.dry_run", actor=run.actor, run=run.id, rule=RULE, digest=digest, count=count)
        return _summary(found, as_of.isoformat())
    folder = house.settings.plans / run.id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / _FILE).write_text(json.dumps(found))
    house.ledger.begin(
        run.id, pipeline=PIPELINE, rule=RULE, actor=run.actor, code_version=code_version(),
        policy_version=house.policy.version, promises=rule.promises or None,
        limit=str(rule.term.keep_at_most or rule.term.keep_at_least), as_of=as_of, bound=bound, plan_digest=digest,
        candidates=count,
    )  # fmt: skip
    return _summary(found, as_of.isoformat())


def clean(house: House, run: PurgeRun, asking: Asking) -> dict[str, Any]:
    """Remove what is past its term. :raises GiveUp: ``airflow.failed``: a table could not be cleaned."""
    begun = _begun(house, run.id)
    if begun is None or house.ledger.entries(run=run.id, kind="run.ended"):
        raise Refused("purge.ended", "The run has not begun, or it has ended.", where=RULE)
    left = asked(house, datetime.fromisoformat(str(begun["bound"])), asking, remove=True)
    return {"left": sum(left["tables"].values())}


def record(house: House, run: PurgeRun, asking: Asking, failed: str | None) -> dict[str, Any]:
    """Say in the ledger how the run ended: done only if nothing of it is left.

    :raises Refused: it is not done.
    """
    if run.dry:
        if failed:
            raise Refused(failed, "The dry run failed.", where=RULE)
        return {"status": "dry run", "reason": ""}
    if not house.ledger.entries(run=run.id, kind="run.ended"):
        if _begun(house, run.id) is None:
            house.ledger.begin(
                run.id, pipeline=PIPELINE, rule=RULE, actor=run.actor, code_version=code_version(),
                policy_version=house.policy.version,
            )  # fmt: skip
            house.ledger.end(run.id, status="failed", actor=run.actor, reason=failed or "purge.not_begun")
        else:
            _end(house, run.id, run.actor, asking, failed)
    entry = house.ledger.entries(run=run.id, kind="run.ended")[0].entry
    if entry["status"] != "done":
        raise Refused(str(entry.get("reason")), "The run is not done.", where=RULE)
    return {"status": "done", "reason": "", "records": entry["records"], "bytes": entry["bytes"]}


def asked(house: House, before: datetime, asking: Asking, *, remove: bool) -> dict[str, Any]:
    """Ask :mod:`privacy.orchestration.own_airflow`, in a process of its own.

    :returns: ``tables``: how many rows (and files, ``logs``) are past the bound now; ``bytes`` of the files; ``oldest``
        run that is left; ``waiting``: DAGs with older runs that have not ended.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    try:
        environment[_HIDDEN[0]] = house.connections.get(DATABASE).url
    except BadConfiguration as problem:
        # Then airflow.cfg, a command or a secrets backend says where it is, or it is the default.
        if problem.code != "connections.missing":
            raise
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parents[2]), *filter(None, [environment.get("PYTHONPATH")])]
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        wanted = {"before": before.isoformat(), "remove": remove, "dag": asking.dag, "run": asking.run, "out": str(out)}
        # What it prints goes nowhere: a driver's error may quote a user's name.
        done = subprocess.run(
            [sys.executable, "-m", "privacy.orchestration.own_airflow"],
            input=json.dumps(wanted).encode(), env=environment, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode == 2:
            raise BadConfiguration(
                "airflow.other_database", "The run that asks does not stand in the database that was found.",
                where=RULE, advice="Add the connection `airflow` with the URL of Airflow's own database.",
            )  # fmt: skip
        if done.returncode or not out.exists():
            raise GiveUp("airflow.failed", "Airflow's records could not be cleaned, or not all.", where=RULE)
        found: dict[str, Any] = json.loads(out.read_bytes())
    return found


def _end(
    house: House, run: str, actor: str, asking: Asking, failed: str | None, *, derived: bool | None = None
) -> None:
    begun = _begun(house, run)
    try:
        planned = _load(house, run, begun or {})
        left = asked(house, datetime.fromisoformat(str((begun or {})["bound"])), asking, remove=False)
    except PrivacyError as problem:
        house.ledger.end(run, status="failed", actor=actor, reason=failed or problem.code, derived=derived)
        return
    deleted = {name: max(0, n - left["tables"].get(name, 0)) for name, n in planned["tables"].items()}
    size = max(0, planned["bytes"] - left["bytes"])
    remaining = sum(left["tables"].values())
    reason = failed or ("purge.remaining" if remaining else None)
    oldest = left["oldest"]
    house.ledger.end(
        run, status="failed" if reason else "done", actor=actor, reason=reason,
        datasets={f"airflow.{n}": {"records": c, "bytes": size if n == "logs" else 0} for n, c in deleted.items() if c},
        records=sum(deleted.values()), deleted=sum(deleted.values()), bytes=size, failed=remaining,
        retained={"waiting": left["waiting"]} if left["waiting"] else {},
        oldest_remaining=None if oldest is None else datetime.fromisoformat(oldest), derived=derived,
    )  # fmt: skip


def _begun(house: House, run: str) -> dict[str, object] | None:
    found = house.ledger.entries(run=run, kind="run.begun")
    return found[0].entry if found else None


def _load(house: House, run: str, begun: dict[str, object]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((house.settings.plans / run / _FILE).read_bytes())
    except (OSError, ValueError):
        found = {}
    if not found or _digest(found) != begun.get("plan_digest"):
        raise Refused("plans.altered", "The plan is not the one that the ledger has.", where=run)
    return found


def _digest(found: dict[str, Any]) -> str:
    return sha256(json.dumps([found["tables"], found["bytes"]], sort_keys=True).encode()).hexdigest()


def _summary(found: dict[str, Any], as_of: str) -> dict[str, Any]:
    said = {**found, "as_of": as_of, "digest": _digest(found)}
    print(json.dumps(said, indent=2))  # noqa: T201 - the task's log is where an operator reads it
    return said
