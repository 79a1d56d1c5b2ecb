"""Memory, where very many rows are made that refer to nothing that refers to them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Without Python's search for cycles: rows make none, and it looks through every tuple of them again and again.

    It took a third of the time of reading a table, and more in a process that has much in memory.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """The search for cycles a hundred times less often: for long work that makes rows all the time, and cycles too."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] * 100, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
