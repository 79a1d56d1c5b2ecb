"""Work in a process of its own, which dies (SIGKILL) at a point of one's choice."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

CHANGES = ("os.remove", "os.rename")
OPENS = ("open", "os.truncate", "sqlite3.connect")

Told = Callable[[str], None]


def in_a_process(
    work: Callable[[], object],
    die_at: int,
    seen: Path,
    *,
    folder: Path | None = None,
    listening: Callable[[Told], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> int:
    """Do it, and die at the point of that number; how the process ended.

    :param die_at: 0: never. :param seen: gets the points of a process that lived, a line each.
    :param folder: what is opened below it counts too, beside every file that is removed or renamed.
    :param listening: whatever else tells of points, while it works.
    """
    child = os.fork()
    if child == 0:
        points: list[str] = []
        lock = threading.Lock()

        def told(what: str) -> None:
            with lock:  # Some work asks its servers in several threads.
                points.append(what)
                if len(points) == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            inside = folder is not None and event in OPENS and str(folder) in str(arguments)
            if inside or event in CHANGES:
                told(event)

        code = 1
        try:
            sys.addaudithook(hook)
            with listening(told):
                work()
                found = "\n".join(points)
            seen.write_text(found)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def chosen(points: list[str], changing: int, others: int) -> Iterator[int]:
    """Points at which to die: about so many of those that change a store, and of the others."""
    those = [n for n, what in enumerate(points, 1) if what in CHANGES]
    rest = [n for n, what in enumerate(points, 1) if what not in CHANGES]
    for numbers, most in ((those, changing), (rest, others)):
        step = max(1, len(numbers) // most)
        yield from numbers[::step][: most + 1]
