"""What reading and locating must do, for any dataset. Each check says in its error what to repair."""

# ruff: noqa: ARG001 - the contract's parameters, whether needed here or not
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import chain

from privacy.datamap.load import Ref
from privacy.datamap.models import GLOBAL_KINDS
from privacy.sources.base import PARTY, SUBJECT, ByKey, Due, Identifier, Of, Selection, Subject, schema_of
from privacy.testing.mail import judged
from privacy.testing.reading import (
    SIZES,
    alike,
    item_key,
    items_of,
    key_of,
    must,
    naming,
    one,
    record,
    rows_of,
)  # fmt: skip
from privacy.testing.record_files import versions
from privacy.testing.stores import Bench
from privacy.testing.whose import moment, parties

FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))
Examples = tuple[Subject, ...]


def every_example_has_records(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Otherwise the other checks would pass on nothing (edge case 28)."""
    with naming(ref, "reading an example's records"):
        for subject in examples:
            found = rows_of(bench.source(ref), ref, one(subject))
            must(bool(found), ref, f"example {subject.no} has no records; name a subject that has some in `examples:`")


def every_batch_has_the_datasets_schema(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Columns, order and exact types are the data map's, in every batch (edge case 21)."""
    wanted = schema_of(ref.dataset)
    for pick in (Of(examples), FOREVER):
        source, selection = bench.source(ref), Selection(ref.name, pick)
        with naming(ref, "reading"):
            for batch in chain.from_iterable(source.read(selection, p) for p in source.partitions(selection)):
                names = f"columns {', '.join(batch.schema.names)} where the data map has {', '.join(wanted.names)}"
                must(batch.schema.names == wanted.names, ref, f"a batch has {names}")
                for field, is_ in zip(wanted, batch.schema, strict=True):
                    said = f"column {field.name} came as {is_.type}, not as {field.type}: convert it exactly"
                    must(field.type == is_.type, ref, said)
                batch.validate(full=True)
                break


def batches_are_bounded_and_never_empty(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Memory stays flat, whatever a dataset holds."""
    with naming(ref, "reading in small batches"):
        for size in (1, 2):
            for pick in (Of(examples), FOREVER):
                rows_of(bench.source(ref, size), ref, pick, size)


def without_identifiers_nothing_is_selected(bench: Bench, ref: Ref, examples: Examples) -> None:
    """No subject, a subject without identifiers, contested ones, ones of other kinds, values that nobody has."""
    source = bench.source(ref)
    strangers = {
        "no subject": Of(()),
        "a subject without identifiers": one(Subject(1, ())),
        "identifiers of a kind that the dataset does not have": one(Subject(1, (Identifier("no_such.kind", 1),))),
        "contested identifiers": Of(tuple(Subject(s.no, tuple(map(_contested, s.identifiers))) for s in examples)),
        "values that nobody has": one(Subject(1, tuple(_of_nobody(ref)))),
    }
    for what, pick in strangers.items():
        with naming(ref, f"reading for {what}"):
            found = len(rows_of(source, ref, pick)) + len(items_of(source, ref, pick))
            must(found == 0, ref, f"{what} selected {found} records; without a match nothing is anybody's")


def only_their_own_records(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Another subject's record, ever (edge case 22): each row is held against the data map's own rule."""
    with naming(ref, "reading for all examples at once"):
        found = rows_of(bench.source(ref), ref, Of(examples))
    by_number = {subject.no: subject for subject in examples}
    for row in found:
        subject = by_number.get(row[SUBJECT])
        must(subject is not None, ref, "a row bears the number of no subject of the selection in _subject")
        if ref.dataset.judged and subject and judged(bench.source(ref), ref, row, subject):
            continue
        names = parties(ref.dataset, row, subject) if subject else []
        must(bool(names), ref, "a row is another subject's: none of its identity columns says that it is theirs")
        must(row[PARTY] == ",".join(names), ref, "a row names other parties in _party than its identity columns say")
    keys = [(row[SUBJECT], key_of(ref, row)) for row in found]
    must(len(keys) == len(set(keys)), ref, "a record comes twice for a subject; give each once, its parties joined")


def all_of_their_records(bench: Bench, ref: Ref, examples: Examples) -> None:
    """None is missing: not when others are asked for along with them, and none of those that fall due some day."""
    with naming(ref, "reading for one subject, and for all"):
        together = rows_of(bench.source(ref), ref, Of(examples))
        known = rows_of(bench.source(ref), ref, FOREVER)
        for subject in examples:
            alone = rows_of(bench.source(ref), ref, one(subject))
            theirs = [row for row in together if row[SUBJECT] == subject.no]
            must(alike(alone) == alike(theirs), ref, "for one subject alone other rows come than for all at once")
            have = {key_of(ref, row) for row in alone}
            missing = [r for r in known if parties(ref.dataset, r, subject) and key_of(ref, r) not in have]
            said = f"{len(missing)} records are a subject's by the data map, and are not read for them"
            must(not missing, ref, said)


def the_order_is_stable(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Two reads, and reads in batches of another size, give the same rows in the same order."""
    for pick in (Of(examples), FOREVER):
        with naming(ref, "reading in batches of another size"):
            reads = [alike(rows_of(bench.source(ref, size), ref, pick)) for size in (*SIZES, SIZES[-1])]
        same = all(sorted(read) == sorted(reads[0]) for read in reads)
        must(same, ref, "two reads give different rows; what is read may not depend on the batch size or on chance")
        must(
            all(r == reads[0] for r in reads), ref, "two reads give another order; sort by the subject and a whole key"
        )


def closing_early_frees_the_cursor(bench: Bench, ref: Ref, examples: Examples) -> None:
    """A reader that stops half way leaves no cursor, file or lock open."""
    for pick in (Of(examples), FOREVER):
        source, selection = bench.source(ref, 1), Selection(ref.name, pick)
        before = bench.handles()
        with naming(ref, "reading and closing early"):
            for partition in source.partitions(selection):
                for asked in (source.read(selection, partition), source.locate(selection, partition)):
                    found = next(asked, None)
                    close = getattr(asked, "close", None)
                    if close is not None:
                        close()
                    left = bench.handles() - before
                    said = f"{left} cursors or files stay open after an early close; free them in `finally`"
                    must(left <= 0, ref, said)
                if found is not None:
                    break


def locate_agrees_with_read(bench: Bench, ref: Ref, examples: Examples) -> None:
    """The items hold exactly the records that are read, in the same order, each once, and the same ones next time."""
    picks: list[Of | Due] = [FOREVER, Of(examples), *map(one, examples)]
    held = versions(ref)
    for pick in picks:
        with naming(ref, "locating"):
            rows, items = rows_of(bench.source(held), held, pick), items_of(bench.source(ref), ref, pick)
            again = items_of(bench.source(ref), ref, pick)
        must(items == again, ref, "locating twice gives other items; key, version and digest follow from content alone")
        keys = list(dict.fromkeys(key_of(held, row) for row in rows))
        width = len(items[0].key) if items else 0
        starts = list(dict.fromkeys(key[:width] for key in keys)) if width else []
        named = list(map(item_key, items))
        must(len(named) == len(set(named)), ref, "an item is located twice in one selection")
        if _comparable(held):
            must(sorted(named) == sorted(starts), ref, "locate and read select different records")
            must(named == starts, ref, "locate gives another order than read")
        records = sum(item.records for item in items)
        must(records == len(keys), ref, f"locate counts {records} records where read gives {len(keys)}")
        must(all(i.records > 0 and i.bytes >= 0 for i in items), ref, "an item holds no record, or less than no bytes")
        oldest = [i.oldest for i in items]
        must(all(o is None or o.tzinfo is not None for o in oldest), ref, "an item's oldest is no aware datetime")
        start = ref.dataset.starts.column if ref.dataset.starts else None
        # Of several versions of a record the one that holds says when it is due from.
        said = rows if held is ref or isinstance(pick, Of) else rows_of(bench.source(ref), ref, pick)
        begun = [at for row in said if (at := moment(ref.dataset, start, row)) is not None]
        told = [o for o in oldest if o is not None]
        if len(begun) == len(said) or ref.dataset.format is None:
            right = min(begun, default=None) == min(told, default=None)
        else:  # A line that says no time is as old as its file, which no row tells.
            right = bool(told) and (not begun or min(told) <= min(begun))
        must(right, ref, "the items' oldest start is not the records'")


def what_is_due_ends_before_the_bound(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Exactly at the bound is not due, a microsecond before it is (edge case 1); NULL is never due (edge case 11)."""
    with naming(ref, "reading what is due"):
        known = rows_of(bench.source(ref), ref, FOREVER)
        start = ref.dataset.starts.column if ref.dataset.starts else None
        if start is None:
            must(not known, ref, "records fall due although no column starts their term; select none")
            return
        times = sorted(at for row in known if (at := moment(ref.dataset, start, row)) is not None)
        # A line in no known form says no time: it goes by the age of its file (edge case 8), and is not compared.
        said = "a record without a start is due; NULL means that its term has not begun"
        must(len(times) == len(known) or ref.dataset.format is not None, ref, said)
        must(
            all(r[SUBJECT] is None and r[PARTY] is None for r in known), ref, "a due record bears a subject; leave NULL"
        )
        for at in {times[0], times[len(times) // 2], times[-1]} if times else ():
            for bound in (at, at + timedelta(microseconds=1)):
                due = rows_of(bench.source(ref), ref, Due(bound.astimezone(UTC)))
                wanted = [record(r) for r in known if (t := moment(ref.dataset, start, r)) is not None and t < bound]
                told = [record(r) for r in due if moment(ref.dataset, start, r) is not None]
                said = "the bound is not exclusive and exact to the microsecond"
                must(alike(told) == alike(wanted), ref, said)


def a_record_is_found_by_its_key(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Whoever it is about, whether its term has begun or not: one record, as it comes otherwise; else none."""
    with naming(ref, "reading by key"):
        rows = [*rows_of(bench.source(ref), ref, Of(examples))[:3], *rows_of(bench.source(ref), ref, FOREVER)[:2]]
        # A log's line in no known form has no fields; that it is found by its number is enough.
        for row in rows:
            key = tuple(row[name] for name in ref.dataset.key)
            found = rows_of(bench.source(ref), ref, ByKey(keys=frozenset([key])))
            must(len(found) == 1, ref, f"by its key {len(found)} records come for one; ask if the key is among `keys`")
            # What a judged row says depends on whom it is given to.
            names = ref.dataset.key if ref.dataset.judged else ref.dataset.columns
            matching = alike([{n: found[0][n] for n in names}]) == alike([{n: row[n] for n in names}])
            must(matching, ref, "by its key another record comes, or it differs")
            unnamed = found[0][SUBJECT] is None and found[0][PARTY] is None
            must(unnamed, ref, "a record by its key bears a subject; leave NULL")
            other = tuple(_of_no_record(part) for part in key)
            none = rows_of(bench.source(ref), ref, ByKey(keys=frozenset([other])))
            must(not none, ref, f"{len(none)} records come for a key that no record has")


def _of_no_record(part: object) -> object:
    """A part of a key of the same type that no record has."""
    if isinstance(part, str):
        return "privacy-suite-no-record"
    if isinstance(part, (date, datetime)):
        return part.replace(year=1871)
    return -part - 1_234_567 if isinstance(part, int) and not isinstance(part, bool) else None


def _comparable(ref: Ref) -> bool:
    """Whether a key's values look the same in the store and in a batch: a datetime's form is the store's own."""
    return all(ref.dataset.columns[name].type in ("text", "integer", "date", "boolean") for name in ref.dataset.key)


def _contested(known: Identifier) -> Identifier:
    return Identifier(known.kind, known.value, known.valid_from, known.valid_to, known.origin, known.agent, True)


def _of_nobody(ref: Ref) -> list[Identifier]:
    """For each kind of the dataset a value that no record has, and values that careless SQL takes for all."""
    texts = ("privacy-suite-nobody@nobody.invalid", "", "%", "' OR '1'='1", "NULL")
    found = []
    for kind in sorted(ref.dataset.kinds):
        columns = [c for c in ref.dataset.columns.values() if c.identity == kind]
        whole = kind not in GLOBAL_KINDS and any(c.type == "integer" for c in columns)
        found += [Identifier(kind, value) for value in ((-(2**62), -1) if whole else texts)]
    return found
