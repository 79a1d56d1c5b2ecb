"""The ferry company with requests that are open and closed, and terms for what was kept for them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from conftest_deliveries import PROCESSORS, Served
from conftest_runs import EMAIL, NUMBER, POLICY
from privacy.clock import FixedClock
from privacy.orchestration import own_steps
from privacy.orchestration.purges import PurgeRun
from privacy.rights.payload import Evidence, EvidenceKind, Ground
from privacy.sources.base import Identifier, Subject

NOW = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
DECIDED = "decided: {by: b, on: 2026-01-01, why: w}"
OWN = f"""
own:
  bundles: {{term: {{keep_at_most: P30D, every: P1D, {DECIDED}}}}}
  staging: {{term: {{keep_at_least: PT24H, keep_at_most: P3D, every: P1D, {DECIDED}}}}}
  plans: {{term: {{keep_at_most: P90D, every: P1D, {DECIDED}}}}}
  deliveries: {{term: {{keep_at_most: P30D, every: P1D, {DECIDED}}}}}
  requests: {{promises: [KEEP], at_closing: [portability], term: {{keep_at_most: P5Y, every: P1D, {DECIDED}}}}}
  letters: {{term: {{keep_at_most: P90D, every: P1D, {DECIDED}}}}}
  markers: {{term: {{keep_at_least: P180D, every: P1D, {DECIDED}}}}}
  policy_letters: {{term: {{keep_at_most: P1Y, every: P1D, {DECIDED}}}}}
  airflow: {{term: {{keep_at_most: P90D, every: P7D, {DECIDED}}}}}
"""
SUBJECT = Subject(1, (Identifier("email", EMAIL), Identifier("ferry.traveller", NUMBER)))
WEEK = timedelta(days=7)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


class Office(Served):
    """The company, at a moment that a test sets."""

    def __init__(self, folder: Path, now: datetime = NOW) -> None:
        super().__init__(folder)
        (self.home / "policy/policy.yaml").write_text(POLICY + PROCESSORS + OWN)
        self.at(now)
        self.runs = 0

    def at(self, now: datetime) -> None:
        """Another process, at another time."""
        self.clock = FixedClock(now)
        self.__dict__.pop("house", None)

    def sealed(self, at: datetime, run: str = "") -> str:
        """A request that arrived then, with its sealed bundle."""
        self.at(at)
        self.runs += 1
        run, number = run or f"run-{self.runs}", self.request()
        register = self.house.register
        register.begin(number, run)
        self.house.ledger.begin(run, pipeline="export_subject", actor="t", request=number, code_version="1",
            policy_version="1")  # fmt: skip
        register.resolved(number, SUBJECT, run=run)
        key = f"{number}/{run}-0123456789ab.zip.age"
        self.file(key, at)
        register.sealed(number, run=run, path=key, inner_sha256="i" * 64, outer_sha256="o" * 64, counts={"a.b": 1})
        self.house.ledger.end(run, status="done", actor="t", request=number)
        return number

    def released(self, at: datetime) -> str:
        """A request whose bundle was released then, an hour after its arrival."""
        number = self.sealed(at - timedelta(hours=1))
        self.at(at)
        self.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="card"), "desk")
        self.house.register.release(number, "desk")
        self.at(NOW)
        return number

    def refused(self, at: datetime) -> str:
        """A request that was refused then."""
        self.at(at)
        number = self.request()
        self.house.register.refuse(number, Ground.UNFOUNDED, "desk")
        self.at(NOW)
        return number

    def file(self, key: str, at: datetime) -> Path:
        """A file in the store of bundles."""
        with self.house.bundles.write(key) as file:
            file.write(b"sealed")
        path = self.state / "bundles" / key
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    @property
    def bundled(self) -> set[str]:
        """The numbers of those that a bundle lies there of."""
        return {p.parent.name for p in (self.state / "bundles").rglob("*.age")}

    def run(self, rule: str, name: str = "p", **more: Any) -> PurgeRun:
        return PurgeRun(f"{name}-{rule}", own_steps.PURGE, rule, "schedule", **more)

    def purge(self, rule: str, name: str = "p", **more: Any) -> dict[str, Any]:
        """All steps of a rule; how the run ended, as the ledger has it."""
        run = self.run(rule, name, **more)
        own_steps.plan(self.house, run)
        own_steps.purge(self.house, run)
        own_steps.record(self.house, run, None)
        return self.ended(run)

    def ended(self, run: PurgeRun) -> dict[str, Any]:
        (entry,) = self.house.ledger.entries(run=run.id, kind="run.ended")
        return dict(entry.entry)
