"""The ``privacy`` command where connections stand in a file of Airflow's secrets backend, not in the environment.

``python -m privacy.orchestration.command_line --connections FILE -- doctor``; ``docker-compose.yaml`` has it as the
service ``privacy``. The file is what ``LocalFilesystemBackend`` reads, so the command line sees what the DAGs see.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from privacy.errors import BadConfiguration, PrivacyError
from privacy.orchestration.connections import PREFIX

_TAKE_EXTRAS = {"s3", "imap", "imaps", "smtp", "smtps"}
"""Schemes whose URL may have after its ``?`` what stands in the extra fields; databases know no such words."""


def variables(connections: Mapping[str, Any]) -> dict[str, str]:
    """``PRIVACY_CONNECTION_<NAME>`` for each ``privacy_<name>`` that has its URL as the extra field ``url``.

    :param connections: connection id -> as Airflow writes it.
    :raises BadConfiguration: ``connections.file``: one of ours has no such field.
    """
    found = {}
    for name, written in connections.items():
        if not name.startswith(PREFIX):
            continue
        extra = written.get("extra") if isinstance(written, dict) else None
        extra = dict(extra) if isinstance(extra, dict) else {}
        url = extra.pop("url", None)
        if not isinstance(url, str) or not url:
            raise BadConfiguration(
                "connections.file", "The connection has no URL as its extra field url.", where=name,
                advice="Write it as docs/configuration.md shows.",
            )  # fmt: skip
        if extra and urlsplit(url).scheme in _TAKE_EXTRAS:
            url += ("&" if "?" in url else "?") + "&".join(
                f"{key}={quote(str(v), safe='')}" for key, v in extra.items()
            )
        found["PRIVACY_CONNECTION_" + name.removeprefix(PREFIX).upper()] = url
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise BadConfiguration(
            "connections.file", "The file cannot be read, or is no JSON object.", where=str(path), advice="Mount it."
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of ``privacy`` in this process, so that no secret gets into another's environment.

    :returns: the exit status: 1 where a file cannot be used; otherwise the command itself ends the process.
    """
    parser = argparse.ArgumentParser(prog="privacy.orchestration.command_line", description=__doc__)
    parser.add_argument("--connections", type=Path, required=True, help="what LocalFilesystemBackend reads, as JSON")
    parser.add_argument("--users", type=Path, help="Airflow's users and passwords, for --start (PRIVACY_AIRFLOW_USER)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: as privacy takes it")
    given = parser.parse_args(arguments)
    try:
        # What the environment says is said for this one command.
        said = variables(_json(given.connections))
        if given.users is not None:
            password = _json(given.users).get(os.environ.get("PRIVACY_AIRFLOW_USER", ""))
            said |= {"PRIVACY_AIRFLOW_PASSWORD": password} if isinstance(password, str) else {}
    except PrivacyError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    os.environ.update({name: value for name, value in said.items() if name not in os.environ})

    from privacy.cli import app

    command = given.command
    app(args=command[1:] if command[:1] == ["--"] else command, prog_name="privacy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
