"""What a change must do, tried on a scratch copy: its items and nothing else, again without harm, never what is held.

A source may refuse (a reference, a cascade; a dataset that names no table); then nothing may have changed at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privacy.datamap.load import Ref
from privacy.errors import BadConfiguration, PrivacyError, Refused
from privacy.sources.base import Delete, Due, Item, Of, Outcome, Redaction, Selection, Set, Status, Step
from privacy.testing.checks_read import FOREVER, Examples
from privacy.testing.reading import item_key, items_of, key_of, keys_of, must, one, rows_of
from privacy.testing.record_files import versions
from privacy.testing.snapshots import Key, Snapshot, plain
from privacy.testing.stores import Bench, Scratch


def a_deletion_takes_its_items_and_nothing_else(bench: Bench, ref: Ref, examples: Examples) -> None:
    """All else stays, byte for byte; also where only the first item is in the unit.

    Where rows that stay refer to these, they stay, or the source refuses; then all datasets of its system go in one
    unit.
    """
    everywhere = [Ref(ref.system, name, d) for name, d in ref.system.datasets.items() if d.table or d.prefix]
    for number, pick in enumerate(_picks(examples)):
        done = _delete(bench, [ref], pick, None)
        if number == 0:
            _delete(bench, [ref], pick, 1)
            if not done:
                _delete(bench, [ref, *(r for r in everywhere if r.name != ref.name)], pick, None)


def _delete(bench: Bench, refs: Sequence[Ref], pick: Of | Due, most: int | None) -> bool:
    """Whether it was done: neither refused nor, of some of it, failed."""
    ref = refs[0]
    with bench.scratch(ref) as copy:
        expected = copy.snapshot(ref)
        rows = {r.name: rows_of(copy.source(versions(r)), versions(r), pick) for r in refs}
        items = {r.name: items_of(copy.source(r), r, pick)[:most] for r in refs}
        unit = [Step(Selection(r.name, pick), Delete(), tuple(items[r.name])) for r in refs]
        outcomes = _apply(copy, ref, expected, unit)
        if outcomes is None:
            return False
        wanted = [item_key(item) for r in refs for item in items[r.name]]
        said = "a unit's outcomes are not one an item, in the items' order"
        must(wanted == _keys(outcomes), ref, said)
        at = 0
        for r in refs:
            mine = outcomes[at : at + len(items[r.name])]
            at += len(mine)
            expected = expected.without(r, keys_of(versions(r), _done(items[r.name], mine), rows[r.name]))
        _unchanged(ref, expected, copy.snapshot(ref), "a deletion took more, or less, than what it reports as done")
        if most is None and all(o.status is Status.DONE for o in outcomes):
            left = sum(len(rows_of(copy.source(r), r, pick)) for r in refs)
            must(left == 0, ref, f"{left} records are still read after all were deleted and reported as done")
        return not any(o.status is Status.FAILED for o in outcomes)


def a_deletion_is_safe_to_repeat(bench: Bench, ref: Ref, examples: Examples) -> None:
    """The same unit once more (edge case 13): no error, no further change, nothing done twice."""
    for pick in _picks(examples):
        with bench.scratch(ref) as copy:
            unit = [Step(Selection(ref.name, pick), Delete(), tuple(items_of(copy.source(ref), ref, pick)))]
            first = _apply(copy, ref, copy.snapshot(ref), unit)
            if first is None:
                continue
            between = copy.snapshot(ref)
            second = _apply(copy, ref, between, unit)
            _unchanged(ref, between, copy.snapshot(ref), "applying a unit again changed something")
            must(second is not None, ref, "a unit that was done is refused when it is applied again")
            for was, now in zip(first, second or (), strict=True):
                again = was.status is Status.DONE and now.status is not Status.GONE
                must(not again, ref, f"what was deleted is {now.status.value!r} when it is applied again, not 'gone'")


def what_is_held_is_spared(bench: Bench, ref: Ref, examples: Examples) -> None:
    """A hold on a subject stops each of their records, and nobody else's (edge case 15)."""
    for subject, other in zip(examples, (*examples[1:], *examples[:1]), strict=True):
        with bench.scratch(ref) as copy:
            before, pick = copy.snapshot(ref), one(subject)
            items = items_of(copy.source(ref), ref, pick)
            unit = [Step(Selection(ref.name, pick), Delete(), tuple(items))]
            outcomes = _apply(copy, ref, before, unit, [pick])
            _unchanged(ref, before, copy.snapshot(ref), "records of a subject under a hold were changed; heed `spare`")
            done = [o for o in outcomes or () if o.status is Status.DONE]
            must(not done, ref, "a held item is reported as done; its status is 'held'")
            others = {item_key(item) for item in items_of(copy.source(ref), ref, one(other))}
            outcomes = _apply(copy, ref, before, unit, [one(other)]) or []
            # What waits for a person's look is held whoever is spared.
            held = [o for o in outcomes if o.status is Status.HELD and not o.reason.endswith(("below", "review"))]
            must(not set(_keys(held)) - others, ref, "a hold on somebody else holds a subject's records")


def what_is_no_longer_what_was_planned_is_left_alone(bench: Bench, ref: Ref, examples: Examples) -> None:
    """An item with another version, or one that the selection does not hold, stays and is reported (edge case 14)."""
    for subject, other in zip(examples, (*examples[1:], *examples[:1]), strict=True):
        pick = one(subject)
        with bench.scratch(ref) as copy:
            before = copy.snapshot(ref)
            stale = [item._replace(version="0" * 64) for item in items_of(copy.source(ref), ref, pick)]
            outcomes = _apply(copy, ref, before, [Step(Selection(ref.name, pick), Delete(), tuple(stale))])
            _unchanged(ref, before, copy.snapshot(ref), "an item that has another version by now was changed")
            done = [o for o in outcomes or () if o.status is Status.DONE]
            must(not done, ref, "an item that has another version by now is 'done'; it is 'changed'")
        with bench.scratch(ref) as copy:
            held = versions(ref)
            mine = [key_of(held, row) for row in rows_of(copy.source(held), held, pick)]
            theirs = items_of(copy.source(ref), ref, one(other))
            outcomes = _apply(copy, ref, before, [Step(Selection(ref.name, pick), Delete(), tuple(theirs))])
            # What is of both, or in a file of both, may go: as far as it is the subject's own.
            done_keys = [item_key(item) for item in _done(theirs, outcomes or ())]
            gone = {key for key in mine if any(key[: len(start)] == start for start in done_keys)}
            _unchanged(ref, before.without(ref, gone), copy.snapshot(ref), "an item beyond the selection was changed")


def a_setting_changes_its_columns_and_nothing_else(bench: Bench, ref: Ref, examples: Examples) -> None:
    """What an erasure sets is set, in these records and columns alone, and again without harm."""
    given = ref.dataset.erasure.set
    if not given:
        return
    values = {"null": Redaction.NULL, "unique": Redaction.UNIQUE}
    change = Set({n: Redaction.NULL if v is None else values.get(str(v), v) for n, v in given.items()})
    for pick in map(one, examples):
        with bench.scratch(ref) as copy:
            before = copy.snapshot(ref)
            held = versions(ref)
            rows, items = rows_of(copy.source(held), held, pick), items_of(copy.source(ref), ref, pick)
            unit = [Step(Selection(ref.name, pick), change, tuple(items))]
            outcomes = _apply(copy, ref, before, unit)
            must(outcomes is not None, ref, "what an erasure sets is refused; correct `erasure: set`")
            keys, after = keys_of(held, _done(items, outcomes or ()), rows), copy.snapshot(ref)
            said = "setting columns changed more than these columns of its items"
            _unchanged(ref, before.disregarding(ref, keys, given), after.disregarding(ref, keys, given), said)
            must(not keys or before != after, ref, "a setting is reported as done, and nothing was set")
            _apply(copy, ref, after, unit)
            _unchanged(ref, after, copy.snapshot(ref), "applying a setting again changed something")


def _picks(examples: Examples) -> list[Of | Due]:
    """Each example by itself; what is due, where the dataset names nobody."""
    return [one(subject) for subject in examples] or [FOREVER]


def _apply(
    copy: Scratch, ref: Ref, before: Snapshot, unit: Sequence[Step], spare: Sequence[Of] = ()
) -> list[Outcome] | None:
    """The outcomes; None where the source refuses, after which all must be as before."""
    try:
        return list(copy.source(ref).apply(unit, spare))
    except Refused:
        problem: Exception | None = None
    except BadConfiguration as found:
        problem = found if ref.dataset.table or ref.dataset.prefix else None
    except PrivacyError as found:
        problem = found
    except Exception as found:  # noqa: BLE001 - whatever a source raises is told
        raise AssertionError(f"{ref.full}: applying a change fails with a {type(found).__name__}.") from None
    _unchanged(ref, before, copy.snapshot(ref), "a change was refused half way; it is all or nothing")
    must(problem is None, ref, f"applying a change fails: {problem}")
    return None


def _done(items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[Item]:
    done = {tuple(map(str, o.key)) for o in outcomes if o.status is Status.DONE}
    return [item for item in items if tuple(map(str, item.key)) in done]


def _keys(outcomes: Iterable[Outcome]) -> list[Key]:
    return [tuple(map(plain, o.key)) for o in outcomes]


def _unchanged(ref: Ref, expected: Snapshot, found: Snapshot, what: str) -> None:
    if expected != found:
        raise AssertionError(f"{ref.full}: {what} ({expected.difference(found)}).")
