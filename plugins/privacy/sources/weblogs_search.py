"""Which lines of a block hold one of some texts: all of them are looked for at once, at the speed of the memory.

Hyperscan (literals only, no expression of anybody's) compiles them into one machine. It needs no interpreter meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import hyperscan

MOST = 20_000
"""So many texts at most in one machine: to make it takes longer, the more there are."""


class Search:
    """Texts to look for; none is empty, or has a newline in it. For one thread at a time.

    :param texts: at least one.
    """

    def __init__(self, texts: Collection[bytes]) -> None:
        # Byte by byte in hexadecimal, so that nothing in a person's identifier means anything to it.
        patterns = [b"".join(b"\\x%02x" % byte for byte in text) for text in sorted(texts)]
        self._machines = [_machine(patterns[at : at + MOST]) for at in range(0, len(patterns), MOST)]

    def lines(self, block: bytearray) -> list[tuple[int, int]]:
        """The lines (from, to, without newline) in which one of them stands, in order."""
        ends: list[int] = []

        def met(_number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.append(end)

        for machine in self._machines:
            machine.scan(block, match_event_handler=met)
        found: list[tuple[int, int]] = []
        through = 0
        for end in sorted(ends):
            if end > through:
                start = block.rfind(b"\n", 0, end) + 1
                through = block.find(b"\n", end)
                through = len(block) if through < 0 else through
                found.append((start, through))
        return found


def _machine(patterns: list[bytes]) -> Any:
    machine = hyperscan.Database()
    machine.compile(expressions=patterns, ids=list(range(len(patterns))), flags=[0] * len(patterns))
    return machine
