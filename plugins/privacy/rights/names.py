"""The datasets that there are, asked for when somebody asks: most of the register's steps need no data map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap


class KeyTypes(Mapping[str, list[str]]):
    """Full name of a dataset -> the types of its items' keys (see :func:`privacy.sources.item_key`).

    :param load: gives the data map; called at the first question, and may raise what loading one raises.
    """

    def __init__(self, load: Callable[[], DataMap]) -> None:
        self._load = load

    def __bool__(self) -> bool:
        """A data map has a dataset, so this is not nothing; to say so it need not be loaded."""
        return True

    def __getitem__(self, full: str) -> list[str]:
        return self._types[full]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    @cached_property
    def _types(self) -> dict[str, list[str]]:
        from privacy.sources import item_key

        return {ref.full: item_key(ref) for ref in self._load()}
