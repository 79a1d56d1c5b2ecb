"""Jobs of the ledger's pages: verify it, write the report for a supervisor, write a run's receipt."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from privacy.desk.jobs import Jobs, Wrong
from privacy.errors import PrivacyError
from privacy.rights.house import House

VERIFY, REPORT = "ledger-verify", "ledger-report"
DAG = "verify_evidence"
"""Whoever may start this may have the ledger verified, and have proofs made of it."""

LOOKED = "ledger.verified"
"""Of the ledger: somebody had it verified from the desk; ``count`` is how much was wrong, ``last`` the last entry that
was signed for."""


def receipt_of(run: str) -> str:
    """The name of the job that writes a run's receipt: its id may hold what no file may be called."""
    return f"receipt-{hashlib.sha256(run.encode()).hexdigest()[:32]}"


def verify(house: House, actor: str) -> None:
    """Have the ledger, register and holds verified, and say so in the ledger."""

    def work() -> tuple[str, ...]:
        found = house.verify()
        lines = [f"{found.entries:,} entries were computed anew, {found.anchored:,} of them signed for."]
        lines += [f"Signed for later than written, compare what ran: entries {a} to {b}." for a, b in found.recovered]
        lines += found.problems or ["Nothing was altered, removed, reordered or cut off."]
        try:
            house.ledger.event(LOOKED, actor=actor, count=len(found.problems), last=found.anchored)
        except PrivacyError as problem:
            lines.append(f"That it was verified could not be written down: {problem.message}")
        if not found.ok:
            lines.append("Run nothing that deletes. Compare with a backup and with the copies of the head.")
            raise Wrong(tuple(lines))
        return tuple(lines)

    Jobs(house).start(VERIFY, actor, work)


def report(house: House, actor: str, since: date, until: date) -> None:
    """Have what a supervisor is handed over a period written, as ``privacy ledger export`` does: a ZIP.

    :param since, until: local days, both in.
    """
    jobs, zone = Jobs(house), ZoneInfo(house.policy.zone)

    def at(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=zone)

    def work() -> tuple[str, ...]:
        from privacy.rights.supervisor import write

        with tempfile.TemporaryDirectory(prefix="report-", dir=jobs.file(REPORT).parent) as name:
            folder = Path(name) / "evidence"
            made = write(house, at(since), at(until + timedelta(days=1)), folder)
            packed = shutil.make_archive(str(Path(name) / "evidence"), "zip", folder)
            Path(packed).replace(jobs.file(REPORT))
        return (f"{len(made)} files about {since:%-d %B %Y} to {until:%-d %B %Y}, in one ZIP.",)

    jobs.start(REPORT, actor, work)


def receipt(house: House, actor: str, run: str) -> None:
    """Have the receipt of a run written: a page that proves what it did, and checks itself in any browser."""
    jobs, name = Jobs(house), receipt_of(run)

    def work() -> tuple[str, ...]:
        from privacy.rights.receipt import write

        new = jobs.file(name).with_suffix(".html")
        made = write(house, run, new)
        new.replace(jobs.file(name))
        return (f"A page with {made.entries} entries, of which {made.own} are the run's; key {made.fingerprint}.",)

    jobs.start(name, actor, work)
