"""What takes longer than a page may: done in a thread, told of by files in the state folder, whoever is asked for it.

An API server may be several processes: each sees the same files. Who does a job holds its lock, so that one that died
with its server is not taken for one that goes on. Nothing personal is in these files.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from privacy.desk.advising import here
from privacy.errors import GiveUp, PrivacyError
from privacy.rights.house import House

_NAME = re.compile(r"[a-z0-9-]{1,120}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """How far a job is.

    :param state: ``going``, ``done``, ``failed``; ``wrong``: it was done, and found what should not be; ``lost``:
        whoever did it is gone.
    :param at: when it began (aware). :param by: who asked for it. :param lines: what came of it, a sentence each.
    """

    name: str
    state: Literal["going", "done", "wrong", "failed", "lost"]
    at: datetime
    by: str
    lines: tuple[str, ...] = ()

    @property
    def going(self) -> bool:
        """Whether there is more to come."""
        return self.state == "going"


class Wrong(Exception):
    """A job was done, and what it found is not as it should be. :param lines: what came of it, a sentence each."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__()
        self.lines = lines


class Jobs:
    """The jobs of an installation; of each name the last one is known."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._folder = house.settings.state / "desk"

    def file(self, name: str) -> Path:
        """Where a job puts the file that it makes."""
        return self._folder / f"{_checked(name)}.result"

    def last(self, name: str) -> Job | None:
        """The last one of a name; None: there was none."""
        said = self._said(name)
        if said is not None and said["state"] == "going":
            try:
                with self._lock(name).acquire(blocking=False):
                    # Whoever did it has let go: it has ended since the first look, or died.
                    said = self._said(name) or said
                    said = {**said, "state": "lost"} if said["state"] == "going" else said
            except Timeout:
                pass
        if said is None:
            return None
        return Job(name, said["state"], datetime.fromisoformat(said["at"]), said["by"], tuple(said["lines"]))

    def start(self, name: str, by: str, work: Callable[[], tuple[str, ...]]) -> threading.Thread | None:
        """Begin it, unless it goes on already.

        :param work: does it, and says what came of it, or raises :class:`Wrong`. An error of ours is told; of any
            other its class alone.
        :returns: the thread; None: it goes on already, wherever.
        :raises GiveUp: ``desk.state``: the state folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            raise GiveUp("desk.state", "The state folder cannot be written.", where=str(self._folder)) from None
        lock = self._lock(name)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        begun = self._house.clock.now()
        try:
            self._write(Job(name, "going", begun, by))
        except OSError:
            lock.release()
            raise GiveUp("desk.state", "The state folder cannot be written.", where=str(self._folder)) from None

        def run() -> None:
            try:
                try:
                    ended = Job(name, "done", begun, by, work())
                except Wrong as found:
                    ended = Job(name, "wrong", begun, by, found.lines)
                except PrivacyError as problem:
                    said = " ".join(part for part in (problem.message, here(problem.advice)) if part)
                    ended = Job(name, "failed", begun, by, (said,))
                except Exception as problem:  # noqa: BLE001 - whatever it is, its text may quote a person
                    _log.error("A job of the desk failed: %s", type(problem).__name__)
                    ended = Job(name, "failed", begun, by, (f"It failed: {type(problem).__name__}.",))
                self._write(ended)
            finally:
                lock.release()

        thread = threading.Thread(target=run, name=f"privacy-desk-{name}", daemon=True)
        thread.start()
        return thread

    def _said(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self._folder / f"{_checked(name)}.json").read_text())
        except (OSError, ValueError):
            return None
        return found

    def _lock(self, name: str) -> FileLock:
        # Not of the thread that asked: the one that works releases it.
        return FileLock(self._folder / f"{_checked(name)}.lock", thread_local=False)

    def _write(self, job: Job) -> None:
        path = self._folder / f"{job.name}.json"
        said = {"state": job.state, "at": job.at.isoformat(), "by": job.by, "lines": list(job.lines)}
        new = path.with_suffix(".next")
        new.write_text(json.dumps(said))
        new.replace(path)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("no name of a job")
    return name
