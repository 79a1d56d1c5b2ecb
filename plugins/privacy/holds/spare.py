"""What a batch has to leave alone."""

from __future__ import annotations

from privacy.holds.models import Everything, Hold, Keys, merged, plain
from privacy.sources.base import Kept, Of, Subject


class Spare:
    """The holds that one batch meets, as it needs them; valid inside :meth:`privacy.holds.Holds.gate` only.

    :param datasets: full names of those that the batch changes; of any other only :meth:`kept` is asked.
    """

    def __init__(self, datasets: tuple[str, ...], holds: tuple[Hold, ...]) -> None:
        self._holds = holds
        self._of: dict[str, dict[Subject, None]] = {name: {} for name in datasets}
        self._keys: dict[str, set[tuple[str, ...]]] = {name: set() for name in datasets}
        self._whole: set[str] = set()
        for hold in holds:
            for name in filter(hold.covers, datasets):
                if isinstance(hold.what, Everything):
                    self._whole.add(name)
                elif isinstance(hold.what, Keys):
                    self._keys[name] |= {plain(key) for key in hold.what.keys}
                else:
                    self._of[name] |= dict.fromkeys(hold.what or ())

    def of(self, dataset: str) -> tuple[Of, ...]:
        """Those whose records of this dataset are held."""
        return merged(self._of[dataset])

    def keeps(self, dataset: str, key: tuple[object, ...]) -> bool:
        """Whether this very record is held, or all of its dataset; whose it is, is not asked."""
        keys = self._keys[dataset]
        return dataset in self._whole or (bool(keys) and plain(key) in keys)

    def kept(self, dataset: str) -> Kept | None:
        """What is held in a dataset of which rows may go along with the batch's; None: nothing is."""
        one = Spare((dataset,), self._holds)
        subjects = tuple(subject for pick in one.of(dataset) for subject in pick.subjects)
        keys, whole = frozenset(one._keys[dataset]), dataset in one._whole
        return Kept(subjects, dataset.partition(".")[2], keys, whole) if subjects or keys or whole else None

    @property
    def common(self) -> tuple[Of, ...]:
        """Those whose records are held in all datasets of the batch: what :meth:`Source.apply` is given."""
        return merged(self._everywhere())

    def only(self, dataset: str) -> tuple[Of, ...]:
        """Those whose records are held in this dataset of the batch, and not in all others of it."""
        everywhere = self._everywhere()
        return merged(subject for subject in self._of[dataset] if subject not in everywhere)

    def _everywhere(self) -> dict[Subject, None]:
        first, *others = self._of.values() or [{}]
        return {subject: None for subject in first if all(subject in other for other in others)}
