"""The standard suite as one pytest test: every dataset of a data map, every check, nothing written for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.datamap.load import Ref, load
from privacy.sources.base import Subject
from privacy.testing import checks_apply as apply
from privacy.testing import checks_errors as errors
from privacy.testing import checks_originals as originals
from privacy.testing import checks_read as read
from privacy.testing import checks_shared as shared
from privacy.testing import checks_survey as survey
from privacy.testing.stores import Bench
from privacy.testing.whose import examples_of

if TYPE_CHECKING:
    import pytest

Check = Callable[[Bench, Ref, tuple[Subject, ...]], None]
"""A check: returns, or raises AssertionError with a sentence that says what to repair."""

CHECKS: tuple[Check, ...] = (
    read.every_example_has_records,
    read.every_batch_has_the_datasets_schema,
    read.batches_are_bounded_and_never_empty,
    read.without_identifiers_nothing_is_selected,
    read.only_their_own_records,
    read.all_of_their_records,
    read.the_order_is_stable,
    read.closing_early_frees_the_cursor,
    read.locate_agrees_with_read,
    read.what_is_due_ends_before_the_bound,
    read.a_record_is_found_by_its_key,
    survey.a_survey_counts_what_would_be_located,
    survey.records_of_each_kind_are_counted_and_located_apart,
    originals.originals_hold_no_blind_copies_of_others,
    errors.errors_name_nobody,
    apply.a_deletion_takes_its_items_and_nothing_else,
    apply.a_deletion_is_safe_to_repeat,
    apply.what_is_held_is_spared,
    apply.what_is_no_longer_what_was_planned_is_left_alone,
    apply.a_setting_changes_its_columns_and_nothing_else,
    shared.records_are_told_apart_by_who_else_is_in_them,
    shared.who_leaves_a_record_leaves_it_to_the_others,
)


def dataset_suite(home: Path, bench: str | Callable[[], Bench]) -> Callable[..., None]:
    """A parametrised test over (dataset, check), to be bound to a name that begins with ``test_``::

        from privacy.testing import Stores, dataset_suite

        test_dataset = dataset_suite(HOME, lambda: Stores(HOME, {"shop": "sqlite:////data/copy.db"}))

    :param home: the folder of data map and policy (``PRIVACY_HOME``).
    :param bench: the stores, or the name of a fixture that gives them. They are only read; changes are tried on
        scratch copies. Use a copy with made-up people: pytest shows values of rows when a check itself fails.
    :raises BadConfiguration: the data map is wrong, or there is none.
    """
    import pytest

    datamap = load(Path(home))
    cases = [pytest.param(ref, check, id=f"{ref.full}-{check.__name__}") for ref in datamap for check in CHECKS]

    @pytest.mark.parametrize(("ref", "check"), cases)
    def test_dataset(ref: Ref, check: Check, request: pytest.FixtureRequest) -> None:
        stores = request.getfixturevalue(bench) if isinstance(bench, str) else bench()
        check(stores, ref, examples_of(datamap, ref))

    return test_dataset
