"""A run of ``export_subject``: who it is, its first entry in the ledger, its staging folder, its sealed file."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from privacy import numbers
from privacy.errors import BadConfiguration, GiveUp, PrivacyError, Refused, RetryLater
from privacy.storage_errors import staging_full

if TYPE_CHECKING:
    from privacy.rights.house import House

PIPELINE = "export_subject"

UNITS = "units.json"
"""In the staging folder: what :func:`privacy.orchestration.steps.list_parts` wants to be read."""

DELIVERIES = "deliveries.json"
"""In the staging folder: what it decided about what processors deliver, by dataset."""

LISTED = "listed.json"
"""In the staging folder: when it listed what there is, and the datasets whose records may be moved meanwhile."""

SEEN = "seen"
"""In the folder of a part of such a dataset: what the source looked at, as its ``Tally.seen`` has it."""

LOST = timedelta(hours=24)
"""A run whose folder nobody wrote to for so long has no task left; Airflow may have forgotten it."""

SUMMARY = "summary.json"
"""In the staging folder: what :func:`privacy.orchestration.steps.write_bundle` says of the bundle."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the DAG.

    :param id: a UUID that follows from the DAG, Airflow's run id and how often the run was cleared.
    :param request: the request's number, as it was typed.
    :param actor: who started it, as the ledger names them. :param pipeline: the DAG, likewise.
    """

    id: str
    request: str
    actor: str
    pipeline: str = PIPELINE

    @property
    def number(self) -> str:
        """The request's number in its normal form.

        :raises BadInput: ``request.number``: its check digit does not fit.
        """
        return numbers.check(self.request)


def number_or_none(run: Run) -> str | None:
    """The number, unless its check digit is wrong: then it is no request's, and may be anything."""
    try:
        return run.number
    except PrivacyError:
        return None


def begin(house: House, run: Run) -> None:
    """The ledger's first entry of the run; a data map that cannot be read does not keep a run out of the ledger."""
    try:
        policy = house.datamap.policy.version
    except BadConfiguration:
        policy = "unreadable"
    if house.ledger.entries(run=run.id, kind="run.begun"):
        return
    house.ledger.begin(
        run.id,
        pipeline=run.pipeline,
        actor=run.actor,
        request=number_or_none(run),
        code_version=code_version(),
        policy_version=policy,
    )


@cache
def code_version() -> str:
    """The package's version and a digest of its files, so that a changed checkout is another version."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(p for p in package.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(f"{file.relative_to(package)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return f"{version('privacy-pipelines')}+{digest.hexdigest()[:12]}"


def staging_of(house: House, run: Run) -> Path:
    """Where the run's parts lie, whether it is there or not."""
    return house.settings.staging / run.id


def make_staging(folder: Path) -> None:
    """The run's folder; only :func:`open_request` makes it, and nobody makes it again (edge case 36)."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # An attempt of this very step that died after it; anything in it would be another step's.
        if any(folder.iterdir()):
            raise Refused("staging.used", "The run's staging folder is in use.", where=folder.name) from None
    except OSError:
        raise _full(folder) from None


def there(house: House, run: Run) -> Path:
    """The run's staging folder.

    :raises GiveUp: ``staging.gone``: the run was ended meanwhile; nobody makes it again (edge case 36).
    """
    folder = staging_of(house, run)
    if not folder.is_dir():
        raise GiveUp(
            "staging.gone", "The run's staging folder is gone.", where=run.id, advice="Start the export again."
        )
    return folder


def note(path: Path, content: object) -> None:
    """Write JSON, or bytes as they are, into the run's folder.

    :raises RetryLater: ``staging.full``.
    """
    try:
        path.write_bytes(bytes(content) if isinstance(content, bytearray) else json.dumps(content).encode())
    except OSError:
        raise _full(path.parent) from None


def _full(folder: Path) -> RetryLater:
    return staging_full("Nothing can be written to staging.", folder)


def remove(folder: Path) -> None:
    """Remove a folder; somebody who still writes into it makes that fail, and then it is tried again."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError:
        raise RetryLater("staging.not_empty", "The staging folder cannot be removed yet.", where=folder.name) from None


def close_earlier(house: House, run: Run) -> int:
    """End the runs of the same request that began before and whose end the ledger does not have: they may not seal now.

    :returns: how many there were.
    """
    entries = house.ledger.entries(request=run.number)
    ended = {e.entry["run"] for e in entries if e.entry["kind"] == "run.ended"}
    begun = {str(e.entry["run"]): e.seq for e in entries if e.entry["kind"] == "run.begun"}
    left = [other for other, seq in begun.items() if other not in ended and seq < begun.get(run.id, 0)]
    for other in left:
        house.ledger.end(other, status="failed", actor=run.actor, request=run.number, reason="request.superseded")
    return len(left)


def sweep(house: House) -> int:
    """Remove what runs left behind: those whose end is in the ledger (tasks may go on writing after a run was ended by
    hand), and those that were lost with Airflow's own database, which end here.

    :returns: how many folders were removed.
    """
    if not house.settings.staging.is_dir():
        return 0
    now, removed = house.clock.now(), 0
    for folder in sorted(house.settings.staging.iterdir()):
        if not house.ledger.entries(run=folder.name, kind="run.ended") and now - touched(folder) < LOST:
            continue
        swept(house, folder)
        removed += 1
    return removed


def swept(house: House, folder: Path) -> None:
    """Remove one such folder; a run that it belongs to and that has not ended was lost, and ends here."""
    if not house.ledger.entries(run=folder.name, kind="run.ended"):
        for begun in house.ledger.entries(run=folder.name, kind="run.begun"):
            request = begun.entry.get("request")
            known = str(request) if request is not None else None
            house.ledger.end(folder.name, status="failed", actor=PIPELINE, request=known, reason="run.lost")
    remove(folder)


def touched(folder: Path) -> datetime:
    """When anything in a folder was changed last."""
    times = [folder.stat().st_mtime]
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            times.append(path.lstat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC)


def bundle_key(run: Run) -> str:
    """A key in the store of bundles for a file that the run seals; another one each time.

    A try that is made again must not write over the file that the register names by its digest.
    """
    return f"{run.number}/{run.id}-{uuid.uuid4().hex[:12]}.zip.age"


def tidy(house: House, run: Run) -> None:
    """Remove what runs of the request sealed that the register does not name: it would be kept for ever.

    Only this run's own, and those of runs that have ended: a later one may be about to name what it just wrote.
    """
    ref = house.register.bundle(run.number)
    for entry in list(house.bundles.list(f"{run.number}/")):
        owner = PurePosixPath(entry.key).name.rpartition("-")[0]
        mine = owner == run.id or house.ledger.entries(run=owner, kind="run.ended")
        if mine and (ref is None or entry.key != ref.path):
            house.bundles.delete(entry.key)
    house.bundles.sweep(f"{run.number}/")


def discard(house: House, run: Run) -> None:
    """Remove what this run sealed, unless the register names it."""
    with suppress(PrivacyError):
        ref = house.register.bundle(run.number)
        for entry in list(house.bundles.list(f"{run.number}/{run.id}-")):
            if ref is None or entry.key != ref.path:
                house.bundles.delete(entry.key)
        house.bundles.sweep(f"{run.number}/")
