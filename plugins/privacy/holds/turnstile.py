"""Who waits for a batch gets in before the batches that come later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from privacy.database import reading, translated
from privacy.errors import RetryLater


class Turnstile:
    """Beside a SQLite database: it gives its lock to whoever asks at the right moment, not to who waits longest.

    PostgreSQL queues by itself.

    :param patience: seconds for which a batch waits for those that have stopped the turnstile.
    """

    def __init__(self, engine: sa.Engine, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._path: str | None = None

    @contextmanager
    def stopped(self, until: float) -> Iterator[None]:
        """Let no further batch in, so that one after the other cannot keep a hold waiting for ever.

        :param until: of the monotonic clock.
        :raises RetryLater: ``holds.busy``.
        """
        path = self._lock_file()
        if not path:
            yield
            return
        lock = FileLock(path, timeout=max(0.0, until - time.monotonic()), poll_interval=0.01)
        try:
            lock.acquire()
        except Timeout:
            raise _busy() from None
        try:
            yield
        finally:
            lock.release()

    def passed(self) -> None:
        """Wait for those who have stopped it. :raises RetryLater: ``holds.busy``."""
        if path := self._lock_file():
            try:
                with FileLock(path, timeout=self._patience, poll_interval=0.01):
                    return
            except Timeout:
                raise _busy() from None

    def _lock_file(self) -> str:
        if self._path is None:
            if self._engine.dialect.name != "sqlite":
                self._path = ""
            else:
                with translated("holds"), reading(self._engine).connect() as connection:
                    main = connection.exec_driver_sql("PRAGMA database_list").first()
                self._path = f"{Path(main[2])}.placing" if main is not None and main[2] else ""
        return self._path


def _busy() -> RetryLater:
    return RetryLater("holds.busy", "The gate stayed in use all the time.", where="holds", advice="Try again.")
