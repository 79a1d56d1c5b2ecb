"""What ``docker-compose.yaml`` starts, as plain processes: its own commands, environments and health checks.

There is no container: what a service sees at a path, a host or a port is put where it is on this machine instead, by
:class:`services.compose_table.Table` and nothing else. Two entry points of others' images cannot be run here, those of PostgreSQL and MariaDB,
which make an empty database: :func:`_postgres` and :func:`_mariadb` do what they do with the variables that they read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from services.compose_table import COMPOSE, EVERYTHING, OURS, SERVICES, Table
from services.serving import Process, program

_ALONE = {"embedded", "privacy"}
"""Services of another profile."""


class Stack:
    """The services of the file as processes; made in the order of its ``depends_on``, ended in the other.

    :param folder: short, and to be looked into by everybody: sockets and other users' data are in it.
    """

    def __init__(self, folder: Path) -> None:
        self.table = Table(folder)
        self.folder = folder
        self.running: dict[str, Process] = {}
        self.said: dict[str, str] = {}
        """What each service that ends has said."""
        self.found_healthy: set[str] = set()
        (folder / "home").mkdir()

    def up(self) -> None:
        """Everything of no profile, until all of it is healthy."""
        names = [name for name in SERVICES if name not in _ALONE]
        for name in names:
            self.ensure(name)
        # Airflow's own checks take seconds of a processor each: asked last, they are asked once.
        checked = [name for name in names if "healthcheck" in SERVICES[name] and name not in self.found_healthy]
        for name in sorted(checked, key=lambda name: SERVICES[name]["healthcheck"]["test"][1] != "python"):
            self.healthy(name)

    def ensure(self, name: str) -> None:
        """Have a service begun, after what it depends on."""
        if name in self.running or name in self.said:
            return
        for other, how in SERVICES[name].get("depends_on", {}).items():
            self.ensure(other)
            if how["condition"] != "service_healthy":
                assert other in self.said, other
            elif other not in self.found_healthy:
                self.healthy(other)
        self._folders(name)
        if SERVICES[name].get("restart") == "no":
            self.said[name] = self.once(name)
            return
        made = {"postgres": _postgres, "mariadb": _mariadb}.get(name)
        if made is not None:
            made(self.table)
        folder = self.folder / "logs" / name
        folder.mkdir(parents=True)
        self.running[name] = Process(self._words(name), folder, self.table.environment(name))

    def once(self, name: str, *arguments: str, text: str | None = None) -> str:
        """Run a service that ends: what it says. :param arguments: instead of its command."""
        done = self.ended(name, *arguments, text=text)
        assert done.returncode == 0, (name, done.stdout[-2000:], done.stderr[-3000:])
        return done.stdout

    def ended(self, name: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """The same, however it ends."""
        self._folders(name)
        return subprocess.run(
            self._words(name, *arguments), env=self.table.environment(name), cwd=self.folder / "home", text=True,
            input=text or "", capture_output=True, check=False, timeout=180,
        )  # fmt: skip

    def healthy(self, name: str) -> None:
        """Wait until its health check succeeds, as long as compose would. :raises AssertionError: it does not."""
        check = SERVICES[name]["healthcheck"]
        seconds = _seconds(check["start_period"]) + _seconds(check["interval"]) * int(check["retries"])
        until = time.monotonic() + seconds
        while (problem := self.check(name)) is not None:
            process = self.running[name]
            assert process.child.poll() is None and time.monotonic() < until, (  # noqa: PT018
                name, problem, process.log.read_text(errors="replace")[-3000:],
            )  # fmt: skip
            time.sleep(0.3)
        self.found_healthy.add(name)

    def check(self, name: str) -> str | None:
        """Run its health check once: None, or why it fails."""
        check = SERVICES[name]["healthcheck"]
        kind, *words = check["test"]
        command = ["sh", "-c", words[0].replace("$$", "$")] if kind == "CMD-SHELL" else words
        environment = self.table.environment(name)
        try:
            done = subprocess.run(
                self.table.command(name, command), env=environment, cwd=self.folder / "home", capture_output=True,
                text=True, check=False, timeout=3 * _seconds(check["timeout"]),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "timeout"
        return None if done.returncode == 0 else f"{done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}"

    def do(self, name: str, *words: str) -> str:
        """Run a command in a service that runs, as ``docker compose exec`` would: what it says."""
        done = subprocess.run(
            self.table.command(name, words), env=self.table.environment(name), cwd=self.folder / "home", text=True,
            capture_output=True, check=False, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, (name, words, done.stdout[-1000:], done.stderr[-2000:])
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """All that runs."""
        found = []
        for process in self.running.values():
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.child.pid)
                found += [top, *top.children(recursive=True)]
        return found

    def down(self) -> None:
        """End everything at once: asked, each would wait for others, and nobody wants its data any more."""
        there = self.processes()
        for process in self.running.values():
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                process.kill()
        for child in there:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        _, alive = psutil.wait_procs(there, timeout=15)
        assert alive == []

    def volume(self, name: str) -> Path:
        """Where a volume is."""
        assert name in COMPOSE["volumes"]
        return self.folder / "v" / name

    def port(self, number: int) -> int:
        """Which port stands for one of the file's."""
        return self.table.ports[number]

    def _words(self, name: str, *arguments: str) -> list[str]:
        service = SERVICES[name]
        return self.table.command(name, [*service.get("entrypoint", []), *(arguments or service["command"])])

    def _folders(self, name: str) -> None:
        """Make what the service mounts, where it is not there yet."""
        service, paths = SERVICES[name], self.table.paths(name)
        for config in service.get("configs", []):
            path = paths[config["target"]]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.table.put(name, COMPOSE["configs"][config["source"]]["content"]))
        volumes = [volume.split(":")[1] for volume in service.get("volumes", [])]
        for target in [*volumes, *(mount.partition(":")[0] for mount in service.get("tmpfs", []))]:
            path = paths[target]
            if path.exists():
                continue
            path.mkdir(parents=True)
            if target.startswith(f"{EVERYTHING}/"):
                (self.folder / "made").mkdir(exist_ok=True)
                (self.folder / "made" / Path(target).name).symlink_to(path)
            elif service.get("image") != OURS:
                # As the image has it; where that is not known, the secrets' service gives it away itself.
                self.give(path)
            elif target in ("/state", "/logs", "/airflow"):
                path.chmod(0o700)

    def give(self, path: Path) -> None:
        """Make it the servers' user's."""
        if os.getuid() == 0:
            for one in (path, *path.rglob("*")):
                os.chown(one, self.table.user.pw_uid, self.table.user.pw_gid, follow_symlinks=False)


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _postgres(table: Table) -> None:
    """What the image's entry point does: an empty database, the superuser's password from the file."""
    told = table.environment("postgres")
    command = [program("initdb"), "--username=postgres", f"--pwfile={told['POSTGRES_PASSWORD_FILE']}", "--auth-local=trust",
               "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--pgdata={told['PGDATA']}",
               *told["POSTGRES_INITDB_ARGS"].split()]  # fmt: skip
    _run([*table.become, *command], told, table.folder)


def _mariadb(table: Table) -> None:
    """What the image's entry point does: an empty database, the superuser's password from the file."""
    told, data = table.environment("mariadb"), table.paths("mariadb")["/var/lib/mysql"]
    command = ["--no-defaults", f"--datadir={data}", "--skip-test-db", "--auth-root-authentication-method=normal"]
    _run([*table.become, program("mariadb-install-db"), *command], told, table.folder)
    password = Path(told["MARIADB_ROOT_PASSWORD_FILE"]).read_text()
    first = [f"ALTER USER root@localhost IDENTIFIED BY '{password}';", f"CREATE USER root@'%' IDENTIFIED BY '{password}';",
             "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;", "DROP USER IF EXISTS root@'127.0.0.1', root@'::1';"]  # fmt: skip
    text = "\n".join(["FLUSH PRIVILEGES;", *first, ""])
    _run(
        [*table.become, program("mariadbd"), "--no-defaults", f"--datadir={data}", "--bootstrap"],
        told,
        table.folder,
        text,
    )


def _run(command: Sequence[str], env: Mapping[str, str], cwd: Path, text: str = "") -> None:
    done = subprocess.run(command, env=dict(env), cwd=cwd, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command[-3:], done.stdout[-1500:], done.stderr[-1500:])


def removed(folder: Path) -> None:
    """Remove a stack's folder."""
    shutil.rmtree(folder, ignore_errors=True)
