"""The daily look for what is not proven, as an Airflow task: red, with the promises named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import get_current_context, task

from privacy.errors import Refused
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import REASON, RETRIES, actor_of, coded, house

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.rights.evidence import Finding

ARGUMENTS = RETRIES
"""For ``default_args``."""

CODE = "evidence.missing"

DOC = """
### What it does

Verifies the evidence that the promises are kept: the ledger's chain, its signed head and the copies of it; register
and holds against it; a good run of every rule, no older than its interval; a rule for every term; nothing in the
stores that nobody has described; no run without an end, no question without an answer. It writes `evidence.verified` or
`evidence.missing` into the ledger, and keeps a copy of the signed head in `PRIVACY_HEAD_COPIES`.

### When it fails

The red task's error names the promises that stand without a proof; its log has a line for each finding, and until when
the promise is still kept. `privacy ledger evidence` says the same in full, with what to do.

| code | what to do |
|---|---|
| `ledger.altered` | Run nothing that deletes. `privacy ledger verify`; compare with a backup. |
| `evidence.copy` | The ledger is not the one that was signed for then, or a copy is gone: as above. |
| `evidence.no_copies`, `copies.denied` | Set `PRIVACY_HEAD_COPIES` (again), or correct that folder's permissions. |
| `evidence.stale` | A purge has not been done in time: repair what its red task says, and start it. |
| `evidence.footage_unconfirmed`, `camera.*` | Call the security company; `privacy hold list`, `privacy hold confirm`. |
| `evidence.unanswered`, `evidence.asked` | Answer the question among Airflow's required actions. |
| `evidence.unreadable` | Records whose start says no moment are kept for ever: correct them, or the column's `form`. |
| `evidence.left_over` | A run was done, and left what was due: look at the store and the dataset's SELECT. |
| `evidence.unended` | A run died. Start its DAG again: it ends that run with what the stores say. |
| `evidence.signed_late` | Entries were signed for later than written: compare them with what ran. |
| `evidence.clock`, `evidence.clocks` | Set the clocks of all machines (NTP); look at what ran meanwhile. |
| `policy.unproven`, `datamap.unpurged` | A term that no rule keeps: add a rule to the policy. |
| `datamap.*` | Something is held that nobody has described: `privacy datamap check --stores`. |
| others | What could not be looked at is not proven: `privacy ledger evidence` says why. |
"""


@task(pool=SEVERAL, do_xcom_push=False)
def verify() -> None:
    """Look for what is missing, and write down what was found. Red when anything is."""
    found = coded(_look)()
    if not found:
        return
    promises = ", ".join(dict.fromkeys(p for f in found for p in f.promises)) or "none by name"
    get_current_context()["ti"].xcom_push(key=REASON, value=CODE)
    # Names of promises alone, so this may be said in full.
    raise Refused(
        CODE, f"{len(found)} findings; promises without a proof: {promises}.", advice="See: privacy ledger evidence."
    )


def _look() -> list[Finding]:
    from privacy.rights.evidence import record

    here = house()
    found = record(here, actor=_actor())
    now = here.clock.now()
    for finding in found:
        print(line(finding, now, _zone()))  # noqa: T201 - the task's log is where an operator reads it
    return found


def line(finding: Finding, now: datetime, zone: str) -> str:
    """A finding for a task's log: what a store holds is not named there, it may be called by a person's name."""
    ours = finding.code.startswith(("evidence.", "ledger.", "policy."))
    parts = [finding.code, ", ".join(finding.promises), finding.message if ours else "", finding.kept(now, zone)]
    return "  ".join(part for part in parts if part)


def _zone() -> str:
    from privacy.errors import PrivacyError

    try:
        return house().policy.zone
    except PrivacyError:
        return "UTC"


def _actor() -> str:
    return actor_of(get_current_context()["dag_run"])
