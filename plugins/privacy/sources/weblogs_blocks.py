"""Reading one log: decompressed, in blocks of whole lines, and only the lines that somebody wants to look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO, Protocol

import numpy as np

from privacy.errors import Unreadable
from privacy.sources.gz import Gz
from privacy.storage import Entry

BLOCK = 2**20
NEWLINE = 10
LONGEST = 64 * 2**20
"""A line longer than this is no line: the file is refused as unreadable rather than held in memory."""

LARGE = 2**20
"""Bytes as stored. A smaller file is read before a thread for it has begun."""

AHEAD = 2
"""So many pieces wait to be written at most."""

LOGS = Gz("weblogs", "log", "Restore it from a backup, or excuse it by name in the data map, with the reason.")


@dataclass(slots=True)
class Log:
    """An opened file.

    :param entry: as it was when it was opened.
    :param upto: how many uncompressed bytes are to be read; None: all.
    :param head: its first bytes, read already.
    """

    entry: Entry
    upto: int | None
    head: bytes
    _stream: BinaryIO
    _where: str

    def blocks(self) -> Iterator[bytearray]:
        """The content, cut at newlines into blocks of about 1 MiB; only the last may end without one.

        A block is the reader's own memory and used again for the one after the next: keep copies alone.
        Of a large file the next block is read and decompressed in a thread meanwhile: neither needs the interpreter.

        :raises Unreadable: ``weblogs.truncated``, ``weblogs.corrupt``, ``weblogs.line_too_long``.
        """
        return _ahead(self._blocks()) if self.entry.bytes >= LARGE else self._blocks()

    def _blocks(self) -> Iterator[bytearray]:
        rest = self.head if self.upto is None else self.head[: self.upto]
        left = None if self.upto is None else self.upto - len(rest)
        block, other = bytearray(), bytearray()
        # A small file needs no large block: to make one takes longer than to read it.
        step = BLOCK if self.entry.bytes * 16 > BLOCK else BLOCK // 16
        with LOGS.reading(self._where):
            while True:
                # As a rule the same size each time: a block that grows is moved.
                size = max(step, 2 * len(rest))
                size = size if left is None else min(size, len(rest) + left)
                if not block:
                    block = bytearray(size)
                elif len(block) < size:
                    block.extend(bytes(size - len(block)))
                block[: len(rest)] = rest
                with memoryview(block) as view, view[len(rest) : size] as free:
                    got = self._stream.readinto(free) if len(free) else 0  # type: ignore[attr-defined]
                if not got:
                    break
                left = None if left is None else left - got
                filled = len(rest) + got
                cut = block.rfind(b"\n", 0, filled) + 1
                rest = bytes(block[cut:filled])
                if len(rest) > LONGEST:
                    raise Unreadable("weblogs.line_too_long", "A line has more than 64 MiB.", where=self._where)
                if cut:
                    del block[cut:]
                    yield block
                    block, other = other, block
        if rest:
            yield bytearray(rest)


def _ahead(blocks: Iterator[bytearray]) -> Iterator[bytearray]:
    """The same, of which the next is made in a thread while one is looked at. Closing it waits for that one."""
    # Two queues: the futures of an executor would cost a twentieth of what reading does.
    wanted: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[bytearray | BaseException | None] = SimpleQueue()

    def read() -> None:
        while wanted.get():
            try:
                made.put(next(blocks, None))
            except BaseException as problem:  # noqa: BLE001 - it is raised where the blocks are looked at
                made.put(problem)

    reader = Thread(target=read, name="log-reader", daemon=True)
    reader.start()
    try:
        wanted.put(True)
        while (block := made.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            wanted.put(True)
            yield block
    finally:
        wanted.put(False)
        reader.join()


@dataclass(slots=True)
class Seen:
    """What a scan found out about its file by its end.

    :param entry: the file. ``lines``: how many it has. ``all``: the whole file was read, nothing was added meanwhile.
    """

    entry: Entry | None = None
    lines: int = 0
    all: bool = False


class Picker(Protocol):
    """What looks at lines: see :mod:`privacy.sources.weblogs_match`."""

    def candidates(self, block: bytearray) -> list[tuple[int, int]] | None:
        """The lines of a block to look at (from, to), in order; None: all."""
        ...


def lines(blocks: Iterator[bytearray], picker: Picker, seen: Seen | None = None) -> Iterator[tuple[int, bytes]]:
    """The lines to look at, with their numbers (from 1), without newlines.

    :param seen: is told how many lines there are.
    """
    before = 0
    for block in blocks:
        count = newlines(block)
        if seen is not None:
            seen.lines += count + (not block.endswith(b"\n"))
        spans = picker.candidates(block)
        if spans is None:
            whole = bytes(block).split(b"\n")
            if not whole[-1]:
                whole.pop()
            yield from enumerate(whole, start=before + 1)
            before += len(whole)
            continue
        at, number = 0, before
        for start, end in spans:
            number += block.count(b"\n", at, start)
            at = start
            yield number + 1, bytes(block[start:end])
        before += count


def newlines(block: bytearray, start: int = 0, end: int | None = None) -> int:
    """How many there are (faster than ``bytearray.count``)."""
    return int(np.count_nonzero(np.frombuffer(block, np.uint8, -1 if end is None else end - start, start) == NEWLINE))


class Behind:
    """Writes in a thread of its own, in order, while the next block is read: compressing needs no interpreter.

    Leaving it waits for all that was written, and raises what went wrong with it.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._worker = ThreadPoolExecutor(1, "log-writer")
        self._open: deque[Future[int]] = deque()

    def __enter__(self) -> Behind:
        return self

    def write(self, data: bytes | bytearray) -> None:
        """Write it soon. It must not be changed any more.

        :raises Exception: what went wrong with something that was written before.
        """
        if data:
            self._open.append(self._worker.submit(self._out.write, data))
            while len(self._open) > AHEAD:
                self._open.popleft().result()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._worker.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for each in self._open:
                each.result()
