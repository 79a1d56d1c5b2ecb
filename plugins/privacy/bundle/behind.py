"""Work that runs one step behind: while one batch is written, the next one is read on the other core."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class OneBehind:
    """Does what it is given in a thread of its own, in order; never more than one thing waits, so memory stays flat.

    What goes wrong there is raised by the next call here. Nothing is shared but what the work itself holds.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Begin it when what came before is done. :raises Exception: what came before failed; this is not begun."""
        self.wait()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="part")
        self._last = self._thread.submit(work)

    def wait(self) -> None:
        """Until all is done. :raises Exception: as it failed, once."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def end(self) -> None:
        """Until all is done, however it went, and the thread with it. Safe to repeat."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None
