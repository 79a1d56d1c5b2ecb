"""What a service of ``docker-compose.yaml`` sees at a path, a host or a port, and what stands for it on this machine."""

from __future__ import annotations

import grp
import os
import pwd
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from privacy.orchestration.embedded import free_port
from services.seaweed import of_python
from services.serving import program

PROJECT = Path(__file__).parents[2]


def _filled(node: Any) -> Any:
    """As compose itself reads it: ``${NAME:-default}``, where nobody has set NAME, is the default."""
    if isinstance(node, dict):
        return {key: _filled(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value) for value in node]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", node) if isinstance(node, str) else node


COMPOSE: dict[str, Any] = _filled(yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = "privacy-pipelines:local"

HOSTS = ("postgres", "mariadb", "redis", "seaweedfs", "dovecot", "api-server")
PORTS = (5432, 3306, 6379, 8333, 18333, 9333, 19333, 8180, 18180, 8888, 18888, 1993, 8080, 8974)
"""Every port that a command of the file names."""

MAIL_USER = "vmail"
"""The user of the mail server's image."""

EVERYTHING = "/made"
"""Below it are the volumes of all secrets, for the service that makes them."""


class Table:
    """What stands for what.

    :param folder: gets a folder for each volume (``v/<volume>``) and each tmpfs (``t/<service>-<n>``).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: free_port() for port in PORTS}
        root = os.getuid() == 0
        # PostgreSQL and MariaDB do not run as root, so that a tester who is root has nobody run the servers.
        self.user = pwd.getpwnam("nobody" if root else pwd.getpwuid(os.getuid()).pw_name)
        self.become = (
            [program("setpriv"), f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups"]
            if root
            else []
        )

    def paths(self, service: str) -> dict[str, Path]:
        """Path in the service -> path here, of all that it mounts; what others mount is nowhere."""
        found = dict.fromkeys(_targets(), self.folder / "none" / service) | {
            "/app": PROJECT,
            EVERYTHING: self.folder / "made",
        }
        if service == "secrets":
            # It writes down where others read.
            found["/stores"] = self.folder / "v" / "secrets-stores"
        for volume in SERVICES[service].get("volumes", []):
            source, target, *_ = volume.split(":")
            found[target] = self.folder / "v" / source
        for config in SERVICES[service].get("configs", []):
            found[config["target"]] = self.folder / "files" / config["source"]
        for number, mount in enumerate(SERVICES[service].get("tmpfs", [])):
            found[mount.partition(":")[0]] = self.folder / "t" / f"{service}-{number}"
        return found

    def put(self, service: str, text: str) -> str:
        """A text of the service as it must read here."""
        paths = self.paths(service)
        places = "|".join(re.escape(p) for p in sorted(paths, key=len, reverse=True))
        ports = "|".join(map(str, PORTS))
        pattern = re.compile(
            rf"(?P<host>\b(?:{'|'.join(HOSTS)}):(?=\d+\b))|(?P<all>\b0\.0\.0\.0\b)|(?P<uid>(?<==)(?:999|1000|10001)\b)"
            rf"|(?P<group>(?<=group = ){MAIL_USER}\b)|(?P<user>\b{MAIL_USER}\b)"
            rf"|(?P<path>(?<![\w./-])(?:{places})(?![\w.-]))|(?P<port>(?<![\w.=-])(?:{ports})\b|(?<==)(?:{ports})\b)"
        )

        def new(found: re.Match[str]) -> str:
            match found.lastgroup:
                case "host":
                    return "127.0.0.1:"
                case "all":
                    return "127.0.0.1"
                case "uid":
                    return str(os.getuid() if found[0] == "10001" else self.user.pw_uid)
                case "user":
                    return self.user.pw_name
                case "group":
                    return grp.getgrgid(self.user.pw_gid).gr_name
                case "path":
                    return str(paths[found[0]])
                case _:
                    return str(self.ports[int(found[0])])

        return pattern.sub(new, text)

    def command(self, service: str, words: Sequence[str]) -> list[str]:
        """A command line, its program where it is here, run by the user who runs it."""
        name, *rest = [self.put(service, word) for word in words]
        ours = SERVICES[service].get("image") == OURS
        path = of_python(name) if ours or name == "weed" else program(name)
        # The environment of Python may be where nobody else looks.
        return [*([] if ours or name == "weed" else self.become), path, *rest]

    def environment(self, service: str) -> dict[str, str]:
        """What the service's processes have in their environment, and nothing of ours but where programs are."""
        own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(self.folder / "home")}
        own |= {"LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1"}
        if (temporary := self.paths(service).get("/tmp")) is not None:  # noqa: S108 - the container's own
            # As in its container nobody else's files are there: a MariaDB that starts removes temporary tables of others.
            own["TMPDIR"] = str(temporary)
        named = SERVICES[service].get("environment", {})
        return own | {name: self.put(service, str(value)) for name, value in named.items()}


def _targets() -> set[str]:
    volumes = {v.split(":")[1] for s in SERVICES.values() for v in s.get("volumes", [])}
    return volumes | {config["target"] for s in SERVICES.values() for config in s.get("configs", [])}
