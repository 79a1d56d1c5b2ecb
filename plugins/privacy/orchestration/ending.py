"""How a run ends: what the ledger says of it, on what evidence, and that nothing is left."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from privacy.errors import PrivacyError, Refused, RetryLater, Tampered
from privacy.orchestration.runs import SUMMARY, Run, begin, discard, number_or_none, remove, staging_of

if TYPE_CHECKING:
    from privacy.rights.house import House

_BLOCK = 2**20


def record(house: House, run: Run, *, failed: str | None) -> dict[str, Any]:
    """Say in the ledger how the run ended: done only on the evidence, whatever a task was marked as.

    :param failed: the code of the first task that failed; None when Airflow says that all went well.
    :returns: the status and its reason.
    :raises Refused, Tampered: Airflow says that all went well, and the evidence says otherwise (edge cases 28, 36).
    """
    begin(house, run)
    for there in house.ledger.entries(run=run.id, kind="run.ended"):
        if there.entry["status"] == "failed":
            # A later run of the request has ended this one, or an earlier try of this step has.
            discard(house, run)
            return {"status": "failed", "reason": str(there.entry.get("reason") or "")}
    problem: PrivacyError | None = None
    summary: dict[str, Any] = {}
    if failed is None:
        try:
            summary = evidence(house, run)
        except RetryLater:
            raise
        except PrivacyError as found:
            problem = found
    reason = problem.code if problem else failed
    if reason is None:
        counts = summary["datasets"]
        house.ledger.end(
            run.id,
            status="done",
            actor=run.actor,
            request=run.number,
            datasets=counts,
            records=sum(c["records"] for c in counts.values()),
            bytes=sum(c["bytes"] for c in counts.values()),
            inner_sha256=summary["inner_sha256"],
            outer_sha256=summary["outer_sha256"],
            omitted=summary["omitted"],
            unattributed=sum(summary["unattributed"].values()),
        )
        return {"status": "done", "reason": ""}
    discard(house, run)
    house.ledger.end(run.id, status="failed", actor=run.actor, request=number_or_none(run), reason=reason)
    if problem is not None:
        raise problem from None
    return {"status": "failed", "reason": reason}


def evidence(house: House, run: Run) -> dict[str, Any]:
    """What proves that this run sealed a bundle: the register, the summary in staging, and the file itself.

    :raises Refused: ``run.not_sealed``: this run never sealed one. :raises Tampered: ``bundle.altered``.
    :raises Unreadable: the file is missing.
    """
    ref = house.register.bundle(run.number)
    if ref is None or ref.run != run.id:
        raise Refused("run.not_sealed", "This run has sealed no bundle.", where=run.number)
    try:
        summary: dict[str, Any] = json.loads((staging_of(house, run) / SUMMARY).read_bytes())
    except (OSError, ValueError):
        raise Refused("run.no_summary", "This run has left no summary of its bundle.", where=run.number) from None
    counts = {full: count["records"] for full, count in summary["datasets"].items()}
    told = (summary["path"], summary["inner_sha256"], summary["outer_sha256"], counts)
    if told != (ref.path, ref.inner_sha256, ref.outer_sha256, ref.counts):
        raise Tampered("bundle.altered", "The bundle's summary is not what the register holds.", where=run.number)
    digest = hashlib.sha256()
    with house.bundles.open(ref.path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != ref.outer_sha256:
        raise Tampered("bundle.altered", "The sealed bundle is not the file that was sealed.", where=run.number)
    return summary


def empty_staging(house: House, run: Run) -> dict[str, int]:
    """Remove everything that the run extracted, whether it ended well or not.

    :returns: how many parts there were.
    """
    staging = staging_of(house, run)
    parts = len([p for p in staging.glob("*-*") if p.is_dir()]) if staging.is_dir() else 0
    remove(staging)
    return {"parts": parts}
