"""The demo: a made-up shop, a real Airflow, one request, its bundle, and the first three purges of its policy.

What is special to the shop comes from its folder: ``<home>/demo --to DIR`` makes the data (``<connection>.db`` of a SQL
system, a folder ``<connection>/`` of any other), the data map names the systems, and the first example of its first
dataset is the subject.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from privacy.connections import BUNDLES, LEDGER, EnvironmentConnections
from privacy.errors import BadConfiguration, GiveUp
from privacy.orchestration.demo_purges import purge
from privacy.orchestration.embedded import EmbeddedAirflow, Group
from privacy.orchestration.environment import Layout
from privacy.orchestration.progress import follow, line

if TYPE_CHECKING:
    from privacy.rights.house import House

DAG = "export_subject"
_MARK = ".made-by-privacy-demo"
_RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo shop and its Airflow, below one folder.

    :param home: the shop's folder (``PRIVACY_HOME``).
    :param folder: where everything is written.
    :param project: the checkout, with ``dags/`` and ``plugins/``.
    :param say: told every line for people.
    """

    home: Path
    folder: Path
    project: Path
    host: str
    port: int
    seed: int
    size: str
    say: Callable[[str], None]

    def run(self) -> None:
        """Everything from an empty folder to a sealed bundle and three purges; the last line is ``bundle: <path>``.

        :raises PrivacyError: anything failed; nothing is left running.
        """
        started = time.monotonic()
        with self._alone():
            house, number = self._export()
            for text in self._report(house, number):
                self.say(text)
            self.say("to look at it all in a browser: make up, then Privacy in Airflow's navigation")
            self.say(f"done in {time.monotonic() - started:.0f} s, nothing is left running")
            self.say(f"bundle: {self._bundle(house, number)}")

    def _export(self) -> tuple[House, str]:
        self._fresh()
        with self._airflow() as airflow:
            house = self._ready(airflow)
            number = self._register(house)
            self.say(f"registered the access request {number}")
            api = airflow.api
            run = api.trigger(DAG, request=number)
            self.say(f"triggered {DAG} through Airflow's API: {run}")
            for task in follow(api, DAG, run, seconds=_RUN_SECONDS):
                self.say(line(task))
            state = api.state(DAG, run)
            if state == "success":
                purge(house, api, self.say)
        if state != "success":
            ended = [e.entry for e in house.ledger.entries(request=number, kind="run.ended")]
            code = str(ended[-1].get("reason", "unknown")) if ended else "unknown"
            raise GiveUp("demo.failed", f"The run failed: {code}.", where=str(self.folder / "airflow" / "logs"))
        return house, number

    def up(self, *, until: Callable[[float], bool]) -> None:
        """Airflow's pages, with the shop of an earlier start or a new one.

        :param until: waits for at most so many seconds; whether it is to end.
        :raises BadConfiguration: ``airflow.port_taken``. :raises GiveUp: ``airflow.ended``: by itself.
        """
        if _taken(self.port):
            raise BadConfiguration(
                "airflow.port_taken",
                f"Something else listens on port {self.port}.",
                advice="Stop it (is make up running already?), or take another one: make up PORT=8081.",
            )
        with self._alone(), self._airflow(schedules=True) as airflow:
            house = self._ready(airflow)
            open_ones = [r.number for r in house.register.list() if not r.dates.released_at and not r.dates.refused_at]
            number = open_ones[0] if open_ones else self._register(house)
            api = airflow.api
            environment = self._write_environment(
                PRIVACY_AIRFLOW_URL=api.url, PRIVACY_AIRFLOW_USER=api.user, PRIVACY_AIRFLOW_PASSWORD=api.password
            )
            self.say(f"Airflow:   {airflow.layout.url}   (users admin, operator and viewer)")
            self.say(f"passwords: {airflow.layout.passwords_file}")
            self.say(f"the desk:  {airflow.layout.url}/plugin/privacy")
            self.say(f"to try:    DAG {DAG}, Trigger, request number {number}")
            self.say(f"a shell:   source {shlex.quote(str(environment))}; privacy request list")
            self.say("Ctrl-C ends everything")
            while not until(1.0):
                if not airflow.group.alive:
                    where = str(airflow.layout.folder / "components")
                    raise GiveUp("airflow.ended", "Airflow ended by itself.", where=where)

    def variables(self) -> dict[str, str]:
        """The ``PRIVACY_*`` variables of the demo: for Airflow, and for ``privacy`` on the command line."""
        return {
            "PRIVACY_HOME": str(self.home),
            "PRIVACY_STATE": str(self.folder / "state"),
            # What is in a bundle of the demo is made up.
            "PRIVACY_BUNDLE_READERS": "role:admin, user:operator",
            # Where the house would look for them itself; named, so that no task has to ask Airflow's API in vain.
            _variable(LEDGER): f"sqlite:///{self.folder / 'state' / 'ledger.db'}",
            _variable(BUNDLES): (self.folder / "state" / "bundles").as_uri(),
            **{_variable(name): url for name, url in self._systems()},
        }

    def _systems(self) -> Iterator[tuple[str, str]]:
        from privacy.datamap.load import load

        for system in load(self.home).systems.values():
            data = self.folder / "shop" / system.connection
            yield system.connection, f"sqlite:///{data}.db" if system.source == "sql" else data.as_uri()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only one that works in the folder; the lock goes with this process, however it ends.

        :raises BadConfiguration: ``demo.running``.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(f"{self.folder.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise BadConfiguration(
                "demo.running",
                "Another one is at work in this folder.",
                where=str(self.folder),
                advice="Wait until it has ended, or end it with Ctrl-C.",
            ) from None
        except OSError:
            raise BadConfiguration(
                "demo.folder",
                "The folder cannot be written to.",
                where=str(self.folder),
                advice="Give another: --folder.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _fresh(self) -> None:
        """An empty folder: what an earlier demo left is removed, what somebody else put there is not."""
        self._check_folder()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _check_folder(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / _MARK).is_file():
            raise BadConfiguration(
                "demo.folder_in_use",
                "The folder holds something that no demo put there.",
                where=str(self.folder),
                advice="Give another one with --folder.",
            )

    def _airflow(self, *, schedules: bool = False) -> EmbeddedAirflow:
        self._check_folder()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / _MARK).touch()
        layout = Layout(
            self.folder / "airflow",
            self.project,
            self.port,
            host=self.host,
            privacy=self.variables(),
            schedules=schedules,
        )
        return EmbeddedAirflow(layout, say=self.say)

    def _ready(self, airflow: EmbeddedAirflow) -> House:
        """Seed and initialise while Airflow starts."""
        from privacy.rights.house import House
        from privacy.settings import settings

        connections = EnvironmentConnections(self.variables())
        house = House(settings(home=self.home, state=self.folder / "state"), connections)
        house.found()
        if not (self.folder / "shop" / "made").is_file():
            self.say(f"seeding the demo shop: seed {self.seed}, size {self.size}")
            seed = [sys.executable, str(self.home / "demo"), "--to", str(self.folder / "shop")]
            command = {"seed": [*seed, "--seed", str(self.seed), "--size", self.size]}
            with Group(command, logs=self.folder / "airflow" / "components", environment=dict(os.environ)) as group:
                if not group.ended_well(seconds=600):
                    raise GiveUp("demo.seed", "The demo shop was not made.", where=group.last_words())
            (self.folder / "shop" / "made").touch()
        airflow.wait(DAG)
        self.say("Airflow is ready")
        return house

    def _register(self, house: House) -> str:
        from privacy.datamap.kinds import normal
        from privacy.rights import Right
        from privacy.sources.base import Identifier

        example = next(example for ref in house.datamap for example in ref.dataset.examples)
        identifiers = []
        for kind, value in example.items():
            known = house.datamap.kind(kind)
            identifiers.append(Identifier(kind, normal(kind, value, known.type if known else "text")))
        return house.register.receive(Right.ACCESS, identifiers, author="demo", channel="demo").number

    def _bundle(self, house: House, number: str) -> Path:
        ref = house.register.bundle(number)
        if ref is None:
            raise GiveUp("demo.failed", "The register holds no bundle.", where=number)
        return house.settings.state / "bundles" / ref.path

    def _report(self, house: House, number: str) -> Iterator[str]:
        from privacy.bundle.open import open_bundle

        ended = house.ledger.entries(request=number, kind="run.ended")[-1]
        verified = house.verify()
        to = self.folder / "opened"
        open_bundle(self._bundle(house, number), house.register.identity(number, reviewer="demo"), to)
        yield "\nthe bundle, opened for a look (sizes in bytes; not kept, the commands below open it):"
        yield from (f"  {text}" for text in tree(to))
        shutil.rmtree(to)
        yield "\nrows and bytes by dataset:"
        datasets = ended.entry["datasets"]
        if not isinstance(datasets, dict):
            raise GiveUp("demo.failed", "The ledger's entry has no datasets.", where=number)
        for full, count in sorted(datasets.items()):
            yield f"  {full:<28} {count['records']:>8} rows {count['bytes']:>12,} bytes"
        omitted = ended.entry.get("omitted")
        if isinstance(omitted, dict) and omitted:
            yield "\nnot in it, as the bundle says (reason: how often):"
            yield from (f"  {reason}: {count}" for reason, count in sorted(omitted.items()))
        yield f"\nthe ledger's entry {ended.seq} ({'chain verified' if verified.ok else 'CHAIN BROKEN'}):"
        for key, value in ended.entry.items():
            if key != "datasets":
                yield f"  {key}: {value}"
        yield "\nto hand it over as the shop would, once the identity is proven:"
        yield f"  source {shlex.quote(str(self._write_environment()))}"
        yield f"  privacy request prove {number} --by document --seen 'passport, seen at the counter'"
        yield f"  privacy bundle open {number} --review --to opened"
        yield f"  privacy request review {number}"
        yield f"  privacy request release {number}"
        yield f"  privacy request deliver {number} --passphrase-by counter"
        yield ""

    def _write_environment(self, **more: str) -> Path:
        """A file for a shell, readable by its owner alone: where this shop is, and the ``privacy`` command."""
        path = self.folder / "env.sh"
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted({**self.variables(), **more}.items())]
        lines.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        return path


def tree(folder: Path, indent: str = "") -> Iterator[str]:
    """The files below a folder, one a line, indented, with their sizes in bytes."""
    for path in sorted(folder.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        if path.is_dir():
            yield f"{indent}{path.name}/"
            yield from tree(path, indent + "  ")
        else:
            yield f"{indent}{path.name}  {path.stat().st_size:,}"


def _variable(name: str) -> str:
    return "PRIVACY_CONNECTION_" + name.upper()


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
