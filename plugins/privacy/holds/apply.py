"""The one way to change records: through the gate."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from privacy.holds.spare import Spare
from privacy.holds.table import Holds
from privacy.holds.wishes import Wish
from privacy.sources.base import Delete, Item, Of, Outcome, Selection, Source, Status, Step


def apply(
    source: Source,
    unit: Sequence[Step],
    holds: Holds,
    *,
    request: str | None = None,
    wish: Wish | None = None,
    beside: Sequence[Of] = (),
    first: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Do one batch, except for what is held while it runs: nothing else may call :meth:`Source.apply`.

    :param unit: steps of one system; all or nothing where the store can.
    :param request: the request that this is done for, whose own holds do not stand in its way.
    :param wish: who asks for it: a restriction or an objection of their own does not stand in its way.
    :param beside: whose records are left alone besides, as if they were held: others whom the same records are about.
    :param first: called inside the gate, before anything is changed: whether the batch may still be done. It raises
        what it likes, and writes nothing.
    :returns: one outcome an item, of several steps in their order; ``held`` with the reason ``hold`` for what stays.
    :raises RetryLater: the gate could not be opened; nothing was changed.
    """
    if not unit:
        return []
    system = source.system.system
    names = tuple(dict.fromkeys(f"{system}.{step.selection.dataset}" for step in unit))
    with holds.gate(*names, request=request, wish=wish) as spare:
        first()
        along = [kept for name in _beside(source, unit) if (kept := spare.kept(f"{system}.{name}"))]
        located = {name: _located(source, name.removeprefix(f"{system}."), name, spare) for name in names}
        held: list[list[Outcome]] = []
        left: list[Step] = []
        for step in unit:
            name = f"{system}.{step.selection.dataset}"
            free: list[Item] = []
            stays: list[Outcome] = []
            for item in step.items:
                if spare.keeps(name, item.key) or item.key in located[name]:
                    stays.append(Outcome(item.key, Status.HELD, 0, 0, "hold"))
                else:
                    free.append(item)
            held.append(stays)
            left.append(replace(step, items=tuple(free)))
        # To the end, inside the gate: what is not asked for any more is not done.
        todo = [step for step in left if step.items]
        done: dict[tuple[object, ...], deque[Outcome]] = defaultdict(deque)
        for outcome in source.apply(todo, (*spare.common, *along, *beside)) if todo else ():
            done[outcome.key].append(outcome)
        # Sources of files tell file by file; of one key the steps' outcomes come in the steps' order.
        return [
            outcome
            for stays, step in zip(held, left, strict=True)
            for outcome in (*stays, *(done[item.key].popleft() for item in step.items))
        ]


def _beside(source: Source, unit: Sequence[Step]) -> list[str]:
    """The datasets whose rows the unit may reach: kept in a table of its own, or below one by a declared cascade.

    Its own are among them: what one step has to leave, another step of the unit must not take along.
    """
    datasets = source.system.datasets
    tables: set[str | None] = set()
    for step in unit:
        dataset = datasets.get(step.selection.dataset)
        if dataset is not None and dataset.table is not None:
            tables |= {dataset.table.lower(), *(t.lower() for t in dataset.cascades if isinstance(step.change, Delete))}
    return [name for name, dataset in datasets.items() if dataset.table and dataset.table.lower() in tables]


def _located(source: Source, dataset: str, name: str, spare: Spare) -> set[tuple[object, ...]]:
    """The items that are held in this dataset alone: a hold on somebody's invoices does not freeze their profile.

    A source is given one list of whom to spare for the whole unit, so these are looked up before. An item that comes to
    be theirs between this and the change has another version than was planned, and is left alone as changed.
    """
    found: set[tuple[object, ...]] = set()
    for pick in spare.only(name):
        selection = Selection(dataset, pick)
        for partition in source.partitions(selection):
            found |= {item.key for item in source.locate(selection, partition)}
    return found
