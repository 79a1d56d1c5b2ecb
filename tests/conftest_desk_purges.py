"""The desk over an installation that purges: the studio, its stores and its ledger; only Airflow is stood in for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from conftest_desk import HERE, PROJECT, Desk, People, Scheduled
from conftest_purges import NOW, Studio, days
from privacy.connections import EnvironmentConnections
from privacy.desk.airflow import NextRun
from privacy.desk.app import make
from privacy.desk.house import Houses
from privacy.orchestration import purges
from privacy.orchestration.run_ids import rule_run_id
from privacy.settings import Settings

TOMORROW = NOW.replace(hour=1) + timedelta(days=1)


class PurgeDesk(Desk):
    """The application over a studio, and an Airflow that remembers what it was asked to start."""

    def __init__(self, folder: Path) -> None:
        self.studio = Studio(folder)
        settings = Settings(home=self.studio.home, state=self.studio.state)
        self.houses = Houses(settings, EnvironmentConnections(self.studio.variables), self.studio.clock)
        self.airflow = Scheduled()
        self.airflow.next = {dag: NextRun(TOMORROW, dag == "purge_sales") for dag in self.house.policy.purges}
        self.app = make(self.houses, People(), self.airflow, "a secret of the tests", PROJECT)

    def cases(self, *ages: float) -> None:
        """Cases that were closed so many days ago."""
        for number, age in enumerate(ages, 1):
            self.studio.case(number, f"case{number}@a.example", days(age))

    def ran(self, number: int) -> str:
        """Do what Airflow was asked to start, by the very steps of the DAG; the ledger's id of it."""
        dag, conf, who = self.airflow.started[number - 1]
        (rule,) = conf["rules"]  # type: ignore[misc]
        from datetime import datetime

        as_of, expected = conf.get("as_of"), conf.get("expected_digest")
        run = purges.PurgeRun(
            rule_run_id(dag, f"manual__{number}", str(rule)), dag, str(rule), who, dry=bool(conf["dry_run"]),
            as_of=None if as_of is None else datetime.fromisoformat(str(as_of)),
            expected=None if expected is None else str(expected),
        )  # fmt: skip
        purges.plan(self.studio.house, run)
        if not run.dry:
            purges.purge(self.studio.house, run)
            purges.verify(self.studio.house, run)
        purges.record(self.studio.house, run, None)
        return run.id


__all__ = ["HERE", "NOW", "PurgeDesk", "days"]
