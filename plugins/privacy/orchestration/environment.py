"""The environment of the embedded Airflow: SQLite, LocalExecutor, SimpleAuthManager, all below one folder.

No password or key has a default: they are drawn on the first start and kept in files of mode 0600.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

USERS = {"admin": "admin", "operator": "user", "viewer": "viewer"}
"""Users of the embedded Airflow and their roles in its SimpleAuthManager."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an embedded Airflow keeps what it has, and what it runs.

    :param folder: of this Airflow alone (``AIRFLOW_HOME``): database, logs, secrets.
    :param project: the checkout with ``dags/`` and ``plugins/``.
    :param host: the address to listen on.
    :param port: the port to listen on.
    :param privacy: ``PRIVACY_*`` variables; ``PRIVACY_CONNECTION_<NAME>`` become Airflow's connections too.
    :param dags: another folder of DAGs (tests).
    :param schedules: whether DAGs run by their schedules; otherwise only those that somebody starts.
    """

    folder: Path
    project: Path
    port: int
    host: str = "127.0.0.1"
    privacy: Mapping[str, str] = field(default_factory=dict, repr=False)
    dags: Path | None = None
    schedules: bool = False

    @property
    def url(self) -> str:
        """Where the API answers, for a client on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords_file(self) -> Path:
        """JSON: user -> password."""
        return self.folder / "passwords.json"


def variables(layout: Layout) -> dict[str, str]:
    """Every variable that the components need, on top of a small part of this process's own.

    Makes the folder, the passwords and the secrets where there are none.
    """
    folder = layout.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    _kept(layout.passwords_file, lambda: {user: secrets.token_urlsafe(12) for user in USERS})
    drawn = _kept(
        folder / "secrets.json",
        lambda: {
            "jwt": secrets.token_urlsafe(48),
            "session": secrets.token_urlsafe(48),
            "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        },
    )
    own = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER") if name in os.environ
    }
    known = {name: value for name, value in os.environ.items() if name.startswith("PRIVACY_")} | dict(layout.privacy)
    # Airflow itself has no use for the password with which the command line asks it.
    given = {name: value for name, value in known.items() if not name.startswith("PRIVACY_AIRFLOW_")}
    return {
        **own,
        "PATH": f"{Path(sys.executable).parent}:{own.get('PATH', '/usr/bin:/bin')}",
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str((layout.dags or layout.project / "dags").absolute()),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str((layout.project / "plugins").absolute()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # 4 makes a run wait for a free worker although each of its tasks is short.
        "AIRFLOW__CORE__PARALLELISM": "16",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": drawn["fernet"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.passwords_file.absolute()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{layout.url}/execution/",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__API__HOST": layout.host,
        "AIRFLOW__API__PORT": str(layout.port),
        "AIRFLOW__API__BASE_URL": layout.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": drawn["session"],
        "AIRFLOW__API_AUTH__JWT_SECRET": drawn["jwt"],
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": str(layout.schedules),
        # 5 s are soon over where one small machine does everything.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "error",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **given,
        **airflow_connections(given),
    }


def airflow_connections(variables: Mapping[str, str]) -> dict[str, str]:
    """``AIRFLOW_CONN_PRIVACY_<NAME>`` for each ``PRIVACY_CONNECTION_<NAME>``, its URL whole in the extra field."""
    prefix = "PRIVACY_CONNECTION_"
    return {
        f"AIRFLOW_CONN_PRIVACY_{name.removeprefix(prefix)}": json.dumps({"conn_type": "privacy", "extra": {"url": url}})
        for name, url in variables.items()
        if name.startswith(prefix)
    }


def _kept(path: Path, draw: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The JSON of ``path``; what is missing of it is drawn and written (0600)."""
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    drawn = draw()
    if drawn.keys() <= found.keys():
        return found
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(drawn | found, file)
    # Whole or not at all: a start that was killed in between is followed by another one.
    part.rename(path)
    return drawn | found
