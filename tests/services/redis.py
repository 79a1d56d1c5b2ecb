"""A private Redis with a password, in memory alone: the broker between Airflow's scheduler and its workers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from privacy.orchestration.embedded import free_port
from services.serving import program, running


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A server on a free port until the block ends; its URL.

    :param folder: for its settings and its output.
    """
    port, password = free_port(), secrets.token_urlsafe(16)
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "redis.conf"
    # In a file: a command line is shown to everybody on the machine.
    settings.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\ndaemonize no\n'
    )
    settings.chmod(0o600)
    url = f"redis://:{password}@127.0.0.1:{port}/0"

    def answers() -> bool:
        with Redis.from_url(url) as client:
            return bool(client.ping())

    with running([program("redis-server"), str(settings)], folder, answers):
        yield url
