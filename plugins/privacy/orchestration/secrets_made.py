"""The secrets of an installation of containers: drawn on its first start, and never again.

``python -m privacy.orchestration.secrets_made``; ``docker-compose.yaml`` runs it before anything else. Each part is a
folder of its own, so that a service sees its own secrets only (a volume each). All that is drawn stands in
``drawn/drawn.json``, which no service reads; every other file follows from it and is written where it is missing. A
file that is there is left as it is, whoever changed it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from privacy.errors import BadConfiguration, PrivacyError
from privacy.orchestration.certificate_made import certificate
from privacy.orchestration.environment import USERS

PARTS = ("drawn", "airflow", "users", "stores", "accounts", "postgres", "mariadb", "redis", "seaweedfs", "dovecot")
"""Folders of secrets: ``users`` are Airflow's, ``stores`` the shop's connections, ``accounts`` what makes them."""

BUCKET, ARCHIVE = "shop", "archive"
"""The bucket of the shop's files; the mail server's user whose mailbox is the archive."""

_FOLDERS = ("weblogs", "analytics", "helpdesk", "dossiers", "camera", "deliveries")
"""Connections whose files lie in the bucket, each below its name."""

_PASSWORDS = (
    "postgres", "postgres.airflow", "postgres.ledger", "postgres.recruiting", "postgres.privacy", "mariadb",
    "mariadb.shop", "mariadb.privacy", "redis", "s3.admin", "s3.privacy", "imap", "imap.salt", "jwt", "session",
    *(f"user.{name}" for name in USERS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the servers of an installation are, each as ``host:port``.

    :param read_at: where the services that read the part ``stores`` see it.
    :param region: where the object store is: one of AWS's names of regions (``storage_s3_regions.json``).
    :param owners: part -> the numeric user that its files are given to; none: whoever runs this.
    """

    postgres: str
    mariadb: str
    redis: str
    s3: str
    imap: str
    read_at: str
    region: str
    owners: Mapping[str, int] = field(default_factory=dict)


def make(to: Path, stack: Stack) -> list[str]:
    """Draw what was not drawn yet, and write what is missing.

    :param to: holds a folder for each of :data:`PARTS`; they must be there (mounted), or nothing would be kept.
    :returns: what was written, ``part/file`` each; empty: all was there.
    :raises BadConfiguration: ``secrets.part``: a folder is missing; ``secrets.lost``: what was drawn is gone, and with
        it whatever the servers know; ``secrets.unreadable``.
    """
    for part in PARTS:
        if not (to / part).is_dir():
            raise BadConfiguration(
                "secrets.part", "There is no folder for these secrets.", where=part, advice="Mount it."
            )
    file = to / "drawn" / "drawn.json"
    made: list[str] = []
    drawn = _drawn(file)
    if not drawn and (left := sorted(str(p.relative_to(to)) for p in to.glob("*/*") if p.suffix != ".part")):
        raise BadConfiguration(
            "secrets.lost", "What was drawn is gone, and the servers know no other passwords.", where=left[0],
            advice="Put the volume of drawn/ back from a backup; of a new installation remove all of them.",
        )  # fmt: skip
    draws = _draws(stack)
    if missing := [name for name in draws if name not in drawn]:
        drawn |= {name: draws[name]() for name in missing}
        _write(file, json.dumps(drawn, indent=1), stack.owners.get("drawn"), replace=True)
        made.append("drawn/drawn.json")
    for name, content in _files(drawn, stack):
        path = to / name
        if not path.exists():
            _write(path, content, stack.owners.get(path.parent.name))
            made.append(name)
    # A folder itself is closed too: as it was mounted, it is root's and open to all.
    for part in PARTS:
        _give(to / part, stack.owners.get(part), 0o700)
    return made


def _draws(stack: Stack) -> dict[str, Callable[[], str]]:
    tls = certificate(urlsplit(f"//{stack.imap}").hostname or stack.imap)
    return {
        **{name: lambda: secrets.token_urlsafe(32) for name in _PASSWORDS},
        "fernet": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        **{f"tls.{name}": partial(str, pem) for name, pem in tls.items()},
    }


def _drawn(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) and value for value in found.values()):
        raise BadConfiguration(
            "secrets.unreadable", "What was drawn cannot be read.", where="drawn/drawn.json",
            advice="Put it back from a backup; drawn anew, it would fit none of the servers.",
        )  # fmt: skip
    return found


def _files(drawn: Mapping[str, str], stack: Stack) -> Iterator[tuple[str, str]]:
    """Every file but what was drawn itself: ``part/file`` and its content."""
    metadata = f"postgresql+psycopg2://airflow:{drawn['postgres.airflow']}@{stack.postgres}/airflow"
    yield "airflow/database-url", metadata
    yield "airflow/result-url", f"db+{metadata}"
    yield "airflow/broker-url", f"redis://:{drawn['redis']}@{stack.redis}/0"
    yield "airflow/fernet-key", drawn["fernet"]
    yield "airflow/jwt-secret", drawn["jwt"]
    yield "airflow/api-secret-key", drawn["session"]
    yield "users/passwords.json", json.dumps({name: drawn[f"user.{name}"] for name in USERS})
    yield "stores/connections.json", json.dumps(_connections(drawn, stack), indent=1)
    yield "stores/ca.pem", drawn["tls.ca"]
    kept = {name: drawn[name] for name in _PASSWORDS if name.partition(".")[0] in ("postgres", "mariadb", "s3")}
    yield "accounts/passwords.json", json.dumps(kept, indent=1)
    yield "postgres/password", drawn["postgres"]
    yield "mariadb/password", drawn["mariadb"]
    yield "redis/redis.conf", f"requirepass {drawn['redis']}\n"
    yield "seaweedfs/s3.json", json.dumps({"identities": _identities(drawn)}, indent=1)
    salt = drawn["imap.salt"].encode()
    digest = hashlib.sha512(drawn["imap"].encode() + salt).digest()
    yield "dovecot/users", f"{ARCHIVE}:{{SSHA512}}{base64.b64encode(digest + salt).decode()}:::::\n"
    yield "dovecot/server.pem", drawn["tls.certificate"]
    yield "dovecot/server.key", drawn["tls.key"]


def _connections(drawn: Mapping[str, str], stack: Stack) -> dict[str, object]:
    """As Airflow's backend of local files reads them; see ``docs/configuration.md``."""
    bucket = {"endpoint_url": f"http://{stack.s3}", "region": stack.region}
    urls: dict[str, dict[str, str]] = {
        "shop": {"url": f"mysql://privacy:{drawn['mariadb.privacy']}@{stack.mariadb}/shop"},
        "recruiting": {"url": f"postgresql://privacy:{drawn['postgres.privacy']}@{stack.postgres}/recruiting"},
        "ledger": {"url": f"postgresql://ledger:{drawn['postgres.ledger']}@{stack.postgres}/privacy"},
        "mail": {"url": f"imaps://{ARCHIVE}:{drawn['imap']}@{stack.imap}/", "ca_file": f"{stack.read_at}/ca.pem"},
        **{name: {"url": f"s3://privacy:{drawn['s3.privacy']}@{BUCKET}/{name}", **bucket} for name in _FOLDERS},
    }
    return {f"privacy_{name}": {"conn_type": "privacy", "extra": extra} for name, extra in urls.items()}


def _identities(drawn: Mapping[str, str]) -> list[object]:
    def identity(name: str, *actions: str) -> object:
        return {
            "name": name, "actions": actions, "credentials": [{"accessKey": name, "secretKey": drawn[f"s3.{name}"]}],
        }  # fmt: skip

    return [
        identity("admin", "Admin", "Read", "List", "Tagging", "Write"),
        identity("privacy", *(f"{action}:{BUCKET}" for action in ("Read", "List", "Tagging", "Write"))),
    ]


def _write(path: Path, content: str, owner: int | None, *, replace: bool = False) -> None:
    """Whole or not at all, readable by its owner alone from the first byte on, and never over another's."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _give(part, owner, 0o600)
    if replace:
        part.rename(path)
    else:
        os.link(part, path)
        part.unlink()


def _give(path: Path, owner: int | None, mode: int) -> None:
    path.chmod(mode)
    if owner is not None and path.stat().st_uid != owner:
        os.chown(path, owner, owner)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make them, and give folders of data to the users who run the servers.

    :returns: the exit status: 0, or 1 after an error of ours (one line on stderr).
    """
    parser = argparse.ArgumentParser(prog="privacy.orchestration.secrets_made", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="holds a folder for each part: " + ", ".join(PARTS))
    for name in ("postgres", "mariadb", "redis", "s3", "imap"):
        parser.add_argument(f"--{name}", required=True, metavar="HOST:PORT")
    parser.add_argument("--read-at", required=True, help="where the part stores is seen by its readers")
    parser.add_argument("--region", required=True, help="of the object store, one of AWS's names")
    parser.add_argument("--owner", action="append", default=[], metavar="PART=UID", help="whom its files are given to")
    parser.add_argument(
        "--give", action="append", default=[], metavar="FOLDER=UID", help="a folder of data, and to whom"
    )
    given = parser.parse_args(arguments)
    try:
        owners = {part: int(uid) for part, _, uid in (one.partition("=") for one in given.owner)}
        folders = {Path(path): int(uid) for path, _, uid in (one.partition("=") for one in given.give)}
        stack = Stack(
            given.postgres, given.mariadb, given.redis, given.s3, given.imap, given.read_at, given.region, owners
        )
        made = make(given.to, stack)
        for path, uid in folders.items():
            _give(path, uid, 0o700)
    except PrivacyError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    except ValueError:
        parser.error("after = stands the number of a user")
    sys.stdout.write("\n".join(f"made {name}" for name in made) + "\n" if made else "everything was there\n")
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
