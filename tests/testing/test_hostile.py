"""The suite passes a source that keeps the contract, and catches each way of breaking it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.sources.base import Identifier, Source, Subject
from privacy.testing import CHECKS, MemoryBench, MemorySource, MemoryStore, hostile
from privacy.testing.checks_shared import who_leaves_a_record_leaves_it_to_the_others

T = {"nl": "t", "en": "t"}
COLUMNS = {
    "year": {"type": "integer"},
    "slip": {"type": "text"},
    "card": {"type": "text", "identity": "library.card"},
    "email": {"type": "text", "identity": "email"},
    "friend": {"type": "text", "identity": "email"},
    "at": {"type": "datetime", "zone": "UTC"},
    "fine": {"type": "decimal(8,2)"},
    "title": {"type": "text"},
    "note": {"type": "text"},
}
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = Subject(1, (Identifier("library.card", "A1"), Identifier("email", "anna@leest.example")))
BRAM = Subject(2, (Identifier("library.card", "B2"),))
GUEST = Subject(3, (Identifier("email", "gast@leest.example"),))


def library(**changes: object) -> Ref:
    dataset = {"title": T, "description": T, "key": ["year", "slip"], "purposes": ["p"], "source": T, "promise": "X",
        "parties": {"reader": {"subject": ["card", "email"]}, "friend": {"subject": ["friend"]}}, "time": "at",
        "starts": {"column": "at", "kind": "title"}, "erasure": {"do": "set", "set": {"note": None}}, "owner": "o",
        "examples": [{"library.card": "A1"}, {"library.card": "B2"}],
        "columns": {n: {**c, "description": "d", "category": "user.unique_id", "provenance": "provided"}
            for n, c in COLUMNS.items()}} | changes  # fmt: skip
    system = System.model_validate({"system": "library", "title": T, "source": "memory", "connection": "library",
        "owner": "o", "identity": {"kinds": {"card": {"title": T}}}, "datasets": {"loans": dataset}})  # fmt: skip
    return Ref(system, "loans", system.datasets["loans"])


def store() -> MemoryStore:
    def loan(slip: str, at: datetime | None = AT, **values: object) -> dict[str, object]:
        return dict.fromkeys(COLUMNS) | {"year": 2026, "slip": slip, "at": at, "fine": Decimal("1.10"), "title": "T",
            "note": f"note {slip}"} | values  # fmt: skip

    return MemoryStore(
        {
            "loans": [
                loan("c", card="A1", email="anna@leest.example"),
                loan("a", card="A1", at=AT + timedelta(days=1)),
                loan("b", email="ANNA@leest.example", at=AT + timedelta(days=2)),
                # A household: it is Bram's, although the address is Anna's too.
                loan("d", card="B2", email="anna@leest.example", friend="gast@leest.example"),
                loan("e", card="B2", at=AT + timedelta(days=3)),
                loan("f", card="B2", at=None),
                loan("g", email="gast@leest.example", at=AT + timedelta(days=4)),
                loan("h", card="C3", title="t"),
                loan("i", card="C3", at=AT + timedelta(days=5), title=None),
            ]
        }
    )


def caught(made_by: type[MemorySource]) -> dict[str, str]:
    """The checks that fail, and what they say."""
    plain, found = library(), {}
    shared = library(erasure={"do": "delete", "shared": {"card": None, "email": None, "friend": None}})
    for check in CHECKS:
        ref = shared if check is who_leaves_a_record_leaves_it_to_the_others else plain
        try:
            check(MemoryBench(ref.system, store(), made_by), ref, (ANNA, BRAM, GUEST))
        except AssertionError as problem:
            found[check.__name__] = str(problem)
    return found


def test_a_source_that_keeps_the_contract_passes_every_check():
    assert isinstance(MemorySource(library().system, store()), Source)
    assert caught(MemorySource) == {}


HOSTILE = [
    (hostile.LeaksANeighbour, "only_their_own_records", "another subject's"),
    (hostile.JoinsByAddressThoughANumberIsThere, "only_their_own_records", "another subject's"),
    (hostile.LosesAnAddressInAnotherCase, "all_of_their_records", "1 records are a subject's by the data map"),
    (
        hostile.GivesEverythingWithoutIdentity,
        "without_identifiers_nothing_is_selected",
        "no subject selected 18 records",
    ),
    (hostile.UsesContestedIdentifiers, "without_identifiers_nothing_is_selected", "contested identifiers"),
    (hostile.ComesInAnyOrder, "the_order_is_stable", "another order"),
    (hostile.OrdersByBatch, "the_order_is_stable", "another order"),
    (hostile.GivesOneHugeBatch, "batches_are_bounded_and_never_empty", "at most batch_rows"),
    (hostile.GivesAnEmptyBatch, "batches_are_bounded_and_never_empty", "a batch is empty"),
    (hostile.LosesAType, "every_batch_has_the_datasets_schema", "column fine came as double"),
    (hostile.LeavesAColumnOut, "every_batch_has_the_datasets_schema", "a batch has columns slip"),
    (hostile.QuotesTheDriver, "errors_name_nobody", "a DriverError of the driver escapes"),
    (hostile.ChainsTheDriver, "errors_name_nobody", "an error repeats an identifier"),
    (hostile.SwallowsTheError, "errors_name_nobody", "it got smaller"),
    (hostile.LeavesItsCursorOpen, "closing_early_frees_the_cursor", "1 cursors or files stay open"),
    (hostile.LocatesTooLittle, "locate_agrees_with_read", "select different records"),
    (hostile.LocatesInAnotherOrder, "locate_agrees_with_read", "another order than read"),
    (hostile.IncludesTheBound, "what_is_due_ends_before_the_bound", "not exclusive"),
    (hostile.TakesAKeyForABound, "a_record_is_found_by_its_key", "ask if the key is among"),
    (hostile.CountsTheBound, "a_survey_counts_what_would_be_located", "records where"),
    (hostile.LosesWhatHasNoKind, "records_of_each_kind_are_counted_and_located_apart", "of each kind"),
    (hostile.IgnoresHolds, "what_is_held_is_spared", "heed `spare`"),
    (hostile.FailsWhenRepeated, "a_deletion_is_safe_to_repeat", "fails with a KeyError"),
    (hostile.DoesItAgain, "a_deletion_is_safe_to_repeat", "again changed something"),
    (hostile.DeletesMore, "a_deletion_takes_its_items_and_nothing_else", "took more, or less"),
    (hostile.OverwritesChanges, "what_is_no_longer_what_was_planned_is_left_alone", "another version"),
    (hostile.TellsNobodyApart, "records_are_told_apart_by_who_else_is_in_them", "both the subject's alone and shared"),
    (hostile.TakesOthersAlong, "who_leaves_a_record_leaves_it_to_the_others", "took others, or whole records"),
    (hostile.SetsEveryColumn, "a_setting_changes_its_columns_and_nothing_else", "more than these columns"),
]


@pytest.mark.parametrize(("made_by", "check", "said"), HOSTILE, ids=[case[0].__name__ for case in HOSTILE])
def test_a_source_that_breaks_one_rule_is_caught_by_its_check(made_by, check, said):
    found = caught(made_by)
    assert check in found
    assert found[check].startswith("library.loans: ")
    assert said in found[check]


def test_every_check_catches_some_hostile_source():
    proven = {check for _, check, _ in HOSTILE}
    # A mailbox's own check catches its own, in tests/sources/test_mailbox_suite.py.
    elsewhere = {"every_example_has_records", "originals_hold_no_blind_copies_of_others"}
    assert {check.__name__ for check in CHECKS} - proven == elsewhere


def test_every_hostile_source_is_tried():
    made = {c for c in vars(hostile).values() if isinstance(c, type) and issubclass(c, MemorySource)}
    assert made - {MemorySource} == {case[0] for case in HOSTILE}


def test_an_example_without_records_is_an_error_rather_than_a_suite_that_tries_nothing():
    """Edge case 28."""
    ref = library()
    stranger = Subject(1, (Identifier("library.card", "Z9"),))
    with pytest.raises(AssertionError, match="example 1 has no records"):
        CHECKS[0](MemoryBench(ref.system, store()), ref, (stranger,))


def test_a_dataset_that_names_nobody_is_checked_for_what_falls_due():
    ref = library(parties={}, subject={"nobody": "opening hours"}, examples=[], erasure={"do": "delete"})
    for check in CHECKS:
        check(MemoryBench(ref.system, store()), ref, ())
    deletion = next(c for c in CHECKS if c.__name__ == "a_deletion_takes_its_items_and_nothing_else")
    with pytest.raises(AssertionError, match="took more"):
        deletion(MemoryBench(ref.system, store(), hostile.DeletesMore), ref, ())


def test_no_check_repeats_an_identifier_in_what_it_says():
    for made_by, *_ in HOSTILE:
        for said in caught(made_by).values():
            assert "leest.example" not in said
