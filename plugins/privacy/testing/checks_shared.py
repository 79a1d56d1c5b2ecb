"""Records that somebody else is in too: told apart by reading and locating, and left to the others."""

from __future__ import annotations

from privacy.datamap.load import Ref
from privacy.sources.base import LEFT_OUT, WITHHELD, Due, Of, Redaction, Selection, Set, Status, Step
from privacy.testing.checks_read import FOREVER, Examples
from privacy.testing.reading import items_of, key_of, must, naming, one, rows_of
from privacy.testing.record_files import versions
from privacy.testing.stores import Bench
from privacy.testing.whose import somebody_else


def records_are_told_apart_by_who_else_is_in_them(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Alone or with others: each record that is not withheld is one of both (edge case 22)."""
    if not ref.dataset.may_be_shared:
        return  # Nobody asks a source to tell apart what cannot differ.
    held = versions(ref)
    for subject in examples:
        with naming(ref, "reading records by who else is in them"):
            every, alone, others = (
                rows_of(bench.source(held), held, one(subject), shared=s) for s in (None, False, True)
            )
            counted = [sum(i.records for i in items_of(bench.source(ref), ref, one(subject), s)) for s in (False, True)]
        given = {key_of(held, row) for row in every if row.get(WITHHELD) is None}
        mine, theirs = ({key_of(held, row) for row in rows} for rows in (alone, others))
        must(not mine & theirs, ref, "a record is both the subject's alone and shared with others")
        must(mine | theirs == given, ref, "a record is neither the subject's alone nor shared with others")
        must(counted == [len(mine), len(theirs)], ref, "locate tells records with others apart otherwise than read")
        foreign = [row for row in alone if somebody_else(ref.dataset, row, subject)]
        must(not foreign, ref, "a record with somebody else in it is the subject's alone; it would be deleted")
        # Of what a row leaves out it cannot be seen who that is.
        plain = [row for row in others if not row.get(LEFT_OUT)]
        lone = [row for row in plain if not somebody_else(ref.dataset, row, subject)]
        must(not lone, ref, "a record that nobody else is in is shared with others; it would never be deleted")


def who_leaves_a_record_leaves_it_to_the_others(bench: Bench, ref: Ref, examples: Examples) -> None:
    """What an erasure sets in shared records takes the subject out of them, and nobody else, and no record goes."""
    given = ref.dataset.erasure.shared
    if not given:
        return
    values = {"null": Redaction.NULL, "unique": Redaction.UNIQUE}
    change = Set({n: Redaction.NULL if v is None else values.get(str(v), v) for n, v in given.items()})
    held = versions(ref)
    for subject in examples:
        with bench.scratch(ref) as copy:
            items = tuple(items_of(copy.source(ref), ref, one(subject), True))
            if not items:
                continue
            others = [other for other in examples if other is not subject]
            picks: list[Of | Due] = [FOREVER, *map(one, others)]
            before = [len(rows_of(copy.source(held), held, pick)) for pick in picks]
            unit = [Step(Selection(ref.name, one(subject), shared=True), change, items)]
            outcomes = list(copy.source(ref).apply(unit, ()))
            wrong = [o.status.value for o in outcomes if o.status is not Status.DONE]
            must(not wrong, ref, f"taking a subject out of a shared record is {', '.join(sorted(set(wrong)))}")
            left = rows_of(copy.source(ref), ref, one(subject), shared=True)
            must(not left, ref, f"{len(left)} shared records still have the subject in them after that")
            after = [len(rows_of(copy.source(held), held, pick)) for pick in picks]
            must(after == before, ref, "taking a subject out of shared records took others, or whole records, along")
            again = [o for o in copy.source(ref).apply(unit, ()) if o.status is Status.DONE]
            must(not again, ref, "a subject is taken out of the same records twice")
