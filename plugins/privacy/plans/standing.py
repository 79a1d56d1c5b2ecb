"""What is held in a dataset as it stands, for a plan to tell; what is held when it is done, the gate says."""

from __future__ import annotations

from collections.abc import Callable

from privacy.datamap.load import Ref
from privacy.holds import Everything, Keys
from privacy.plans.followers import located
from privacy.plans.means import Means
from privacy.sources.base import Of, Subject

Key = tuple[object, ...]


def held_now(means: Means, ref: Ref) -> Callable[[Key], str | None] | None:
    """What tells of an item of a dataset by which kind of hold it is held, the first in precedence; None: by none.

    :returns: None: nothing of the dataset is held.
    """
    source = means.source(ref.system.system)
    whole: str | None = None
    single: dict[tuple[str, ...], str] = {}
    theirs: dict[Key, str] = {}
    for hold in means.holds.active(ref.full):
        kind = hold.kind.value
        if isinstance(hold.what, Everything):
            whole = whole or kind
        elif isinstance(hold.what, Keys):
            for key in hold.what.keys:
                single.setdefault(tuple(str(part) for part in key), kind)
        elif ref.dataset.people:
            numbered = tuple(Subject(no, s.identifiers) for no, s in enumerate(hold.what or (), 1))
            for item in located(source, ref.name, Of(numbered)):
                theirs.setdefault(item.key, kind)

    if not (whole or single or theirs):
        return None

    def held(key: Key) -> str | None:
        return whole or single.get(tuple(str(part) for part in key)) or theirs.get(key)

    return held
