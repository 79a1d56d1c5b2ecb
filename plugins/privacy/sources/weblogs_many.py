"""Which lines of a block hold one of thousands of texts, without a look at each line.

A text is known by its last bytes, eight at the most. Where the byte that it ends with stands in the block, the bytes
before that are taken as one number, for all such places at once, and looked up in a table of those of the texts. What
is left are a few places; there the whole text is compared.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

_KEY = 8
_BITS = 18
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
NEWLINE = 10


class Many:
    """Texts to look for; none is empty, or has a newline in it.

    :param texts: at least one.
    """

    def __init__(self, texts: Collection[bytes]) -> None:
        groups: dict[int, dict[int, set[bytes]]] = {}
        for text in texts:
            groups.setdefault(text[-1], {}).setdefault(min(len(text), _KEY), set()).add(text)
        self._groups = {
            last: [_Group(size, its) for size, its in sorted(sizes.items())] for last, sizes in sorted(groups.items())
        }

    def lines(self, block: bytearray) -> list[tuple[int, int]]:
        """The lines (from, to, without newline) in which one of them stands, in order."""
        # The first bytes of a block have fewer than eight before them.
        padded = bytes(_KEY) + block
        data = np.frombuffer(padded, np.uint8)
        view: Any = np.ndarray((len(padded) - _KEY + 1,), np.dtype("<u8"), buffer=padded, strides=(1,))
        found = [np.array([], np.int64)]
        for last, groups in self._groups.items():
            ends = np.flatnonzero(data[_KEY:] == last) + _KEY
            keys = view[ends - (_KEY - 1)]
            found += [ends[group.there(keys, ends, padded)] for group in groups]
        hits = np.sort(np.concatenate(found))
        if not len(hits):
            return []
        newlines = np.flatnonzero(data == NEWLINE)
        numbers = np.unique(np.searchsorted(newlines, hits))
        starts = np.concatenate(([_KEY], newlines + 1))[numbers] - _KEY
        ends = np.append(newlines, len(padded))[numbers] - _KEY
        return list(zip(starts.tolist(), ends.tolist(), strict=True))


class _Group:
    """Texts with the same last byte, known by as many bytes."""

    def __init__(self, size: int, texts: set[bytes]) -> None:
        self._texts = frozenset(texts)
        self._sizes = sorted({len(text) for text in texts})
        self._shift = np.uint64(8 * (_KEY - size))
        self._known = np.array([int.from_bytes(text[-size:], "little") for text in sorted(texts)], np.uint64)
        self._table = np.zeros(1 << _BITS, bool)
        self._table[self._places(self._known)] = True

    def there(self, keys: Any, ends: Any, data: bytes) -> Any:
        """The places in ``ends`` at which one of them ends.

        :param keys: the eight bytes up to each place, as a number.
        """
        shifted = keys >> self._shift
        some = np.flatnonzero(self._table[self._places(shifted)])
        some = some[np.isin(shifted[some], self._known) & (ends[some] >= _KEY + self._sizes[0] - 1)]
        if self._sizes[-1] <= _KEY:
            return some
        return np.array(
            [n for n, end in zip(some.tolist(), ends[some].tolist(), strict=True) if self._at(data, end)], int
        )

    def _at(self, data: bytes, end: int) -> bool:
        return any(data[end + 1 - size : end + 1] in self._texts for size in self._sizes if size <= end + 1 - _KEY)

    @staticmethod
    def _places(keys: Any) -> Any:
        return (keys * _SPREAD) >> np.uint64(64 - _BITS)
