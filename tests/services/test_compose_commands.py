"""``docker-compose.yaml`` runs: its very commands, environments and health checks, as plain processes, with a demo shop."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from conftest_demo import HOME, Made
from privacy.clock import SystemClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import load
from privacy.errors import RetryLater
from privacy.orchestration.api import OVER, AirflowApi
from privacy.orchestration.command_line import variables
from privacy.orchestration.secrets_made import ARCHIVE, BUCKET
from privacy.orchestration.stores_made import on_mariadb, on_postgres, on_s3
from privacy.rights.house import House
from privacy.settings import Settings
from services.compose_kit import Stack, removed
from services.compose_table import COMPOSE, SERVICES
from services.copying import copied
from services.seaweed import Seaweed

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

WHO = "2004"
EXPORT, CLEAN = "export_subject", "clean_airflow"


class Shop:
    """The running stack, filled with the demo shop by those who own its stores."""

    def __init__(self, stack: Stack, made: Made) -> None:
        self.stack, self.made = stack, made
        accounts = json.loads((stack.volume("secrets-accounts") / "passwords.json").read_text())
        urls = {
            "shop": f"mysql://shop:{accounts['mariadb.shop']}@127.0.0.1:{stack.port(3306)}/shop",
            "recruiting": f"postgresql://recruiting:{accounts['postgres.recruiting']}@127.0.0.1:{stack.port(5432)}/recruiting",
        }
        for name, url in urls.items():
            copied(made.folder / f"{name}.db", load(HOME).systems[name], url)
        store = Seaweed(stack.port(8333), "admin", accounts["s3.admin"], ("", ""))
        for name in ("weblogs", "analytics", "helpdesk", "dossiers", "camera", "deliveries"):
            store.upload(made.folder / name, BUCKET, f"{name}/")
        mailbox = stack.volume("mail") / ARCHIVE
        shutil.copytree(made.folder / "mail", mailbox, dirs_exist_ok=True, copy_function=shutil.copy2)
        stack.give(mailbox)

    @property
    def house(self) -> House:
        """As the command line sees it."""
        written = json.loads((self.stack.volume("secrets-stores") / "connections.json").read_text())
        settings = Settings(home=HOME, state=self.stack.volume("state"))
        return House(settings, EnvironmentConnections(variables(written)), SystemClock())

    @property
    def api(self) -> AirflowApi:
        users = json.loads((self.stack.volume("secrets-users") / "passwords.json").read_text())
        return AirflowApi(f"http://127.0.0.1:{self.stack.port(8080)}", "operator", users["operator"])

    def over(self, dag: str, seconds: float = 480) -> list[dict[str, Any]]:
        """The tasks of the only run of a DAG that was asked for, once it has ended well."""
        until, api, state = time.monotonic() + seconds, self.api, ""
        while state not in OVER:
            assert time.monotonic() < until, state
            time.sleep(0.5)
            # On a busy machine an answer may take its time.
            with suppress(RetryLater):
                runs = api.call("GET", f"/dags/{dag}/dagRuns")["dag_runs"]
                (run,) = [one for one in runs if one["run_type"] == "manual"]
                state = str(run["state"])
        tasks: list[dict[str, Any]] = api.tasks(dag, str(run["dag_run_id"]))
        assert state == "success", [(t["task_id"], t["state"]) for t in tasks]
        return tasks


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Not in pytest's own folders: those are closed to other users, and a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pc"))
    folder.chmod(0o755)
    made = Stack(folder)
    try:
        made.up()
        yield made
    finally:
        made.down()
        removed(folder)


@pytest.fixture(scope="module")
def shop(stack: Stack, made: Made) -> Shop:
    return Shop(stack, made)


def digests(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Of every secret: its digest, mode and when it was written."""
    files = [path for path in folder.glob("secrets-*/*") if path.is_file()]
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode & 0o777, path.stat().st_mtime_ns,
        )
        for path in files
    }  # fmt: skip


def test_every_service_is_healthy_by_its_own_check(stack: Stack) -> None:
    assert {name for name in SERVICES if "healthcheck" in SERVICES[name]} - {"embedded"} == set(stack.running)
    assert stack.found_healthy == set(stack.running)


def test_a_health_check_fails_where_the_service_is_gone(stack: Stack) -> None:
    stack.running["dovecot"].kill()
    try:
        assert stack.check("dovecot")
    finally:
        stack.running["dovecot"].start()
        stack.healthy("dovecot")


def test_a_second_start_draws_nothing_makes_nothing_and_keeps_what_an_operator_wrote(stack: Stack) -> None:
    before = digests(stack.folder / "v")
    assert {mode for _, mode, _ in before.values()} == {0o600}
    assert {Path(name).parent.name for name in before} == {v for v in COMPOSE["volumes"] if v.startswith("secrets-")}
    for name in ("secrets", "stores", "init"):
        assert stack.once(name).splitlines()[-1] == "everything was there"
    assert digests(stack.folder / "v") == before


@pytest.mark.parametrize("server", ["postgres", "mariadb", "seaweedfs"])
def test_a_server_that_knows_another_password_is_told_of_without_it(stack: Stack, server: str) -> None:
    """As data of an earlier installation do."""
    make, port = {"postgres": (on_postgres, 5432), "mariadb": (on_mariadb, 3306), "seaweedfs": (on_s3, 8333)}[server]
    passwords = json.loads((stack.volume("secrets-accounts") / "passwords.json").read_text())
    with pytest.raises(RetryLater) as told:
        list(make(f"127.0.0.1:{stack.port(port)}", dict.fromkeys(passwords, "geheim-van-vroeger")))
    assert told.value.code == "stores.unreachable"
    assert "geheim" not in str(told.value)


def test_nothing_but_the_ports_of_the_file_is_listened_on(stack: Stack) -> None:
    """Of a container, whatever listens is reached by every other one."""
    found = set()
    for process in stack.processes():
        with suppress(psutil.NoSuchProcess):
            listens = [c for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
            found |= {(one.laddr.ip, one.laddr.port) for one in listens}
    assert {ip for ip, _ in found} == {"127.0.0.1"}
    assert {port for _, port in found} == set(stack.table.ports.values())


def test_no_secret_is_seen_in_a_list_of_processes_or_in_an_environment(stack: Stack) -> None:
    drawn = json.loads((stack.volume("secrets-drawn") / "drawn.json").read_text())
    assert len(drawn) >= 18
    for process in stack.processes():
        with suppress(psutil.NoSuchProcess):
            seen = "\n".join([*process.cmdline(), *process.environ().values()])
            assert [name for name, value in drawn.items() if value in seen] == [], process.name()


def test_nothing_is_mounted_where_it_is_not_needed(stack: Stack) -> None:
    """A service that wrote to a path of another one's volume would have made it here."""
    assert not (stack.folder / "none").exists()
    readers = {n for n, s in SERVICES.items() if any("secrets-stores" in v for v in s.get("volumes", []))}
    assert readers == {"secrets", "init", "privacy", "worker-1", "worker-2"}


@pytest.mark.usefixtures("shop")
def test_the_doctor_finds_nothing_wrong(stack: Stack) -> None:
    found = json.loads(stack.ended("privacy", "doctor", "--json").stdout)
    assert [s for s in found["said"] if s["level"] == "fatal"] == []
    assert {s["where"] for s in found["said"] if s["topic"] == "connection"} >= set(load(HOME).systems)


@pytest.fixture(scope="module")
def number(stack: Stack, shop: Shop) -> str:
    """A request whose export the command line has started; Airflow's own database is cleaned meanwhile, or looked at."""
    api = shop.api
    assert api.import_errors() == []
    assert {dag["is_paused"] for dag in api.call("GET", "/dags")["dags"]} == {True}
    for dag in (EXPORT, CLEAN):
        stack.do("scheduler", "airflow", "dags", "unpause", dag)
    api.trigger(CLEAN)
    (customer,) = shop.made.subjects[WHO]["named"][0].values()
    said = stack.once("privacy", "request", "new", "--id", "shop.customer_id=-", "--start", text=f"{customer}\n")
    assert "export_subject started" in said
    return said.split()[0]


def test_a_request_that_the_command_line_starts_goes_through_both_workers_to_its_bundle(
    stack: Stack, shop: Shop, number: str
) -> None:
    shop.over(EXPORT)
    counts = {full: n for full, n in shop.house.register.bundle(number).counts.items() if n}  # type: ignore[union-attr]
    assert counts == {full: len(keys) for full, keys in shop.made.subjects[WHO]["records"].items() if keys}
    assert shop.house.ledger.verify().ok
    for worker in ("worker-1", "worker-2"):
        assert "received" in stack.running[worker].log.read_text(), worker


@pytest.mark.usefixtures("number")
def test_airflow_s_own_database_is_found_by_a_task_that_cleans_it(shop: Shop) -> None:
    """Its URL stands in a file that a command reads; Airflow hides it from tasks."""
    shop.over(CLEAN)
