"""The policy's `every` is how often the DAGs really run: else a limit would be passed between two runs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from conftest_airflow import PROJECT
from privacy.datamap.load import load_policy
from privacy.datamap.policy import Own
from privacy.orchestration.own_steps import KEEPERS

NIGHTLY, WEEKLY = re.compile(r"\d+ \d+ \* \* \*"), re.compile(r"\d+ \d+ \* \* \d")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("dag", "form", "rules", "gap"),
    [
        ("purge_bundles", NIGHTLY, tuple(KEEPERS), timedelta(days=1) + HOUR),
        ("clean_airflow", WEEKLY, ("airflow",), timedelta(days=7) + HOUR),
    ],
)
def test_no_run_is_further_from_the_next_than_the_terms_say(
    dag: str, form: re.Pattern[str], rules: tuple[str, ...], gap: timedelta
) -> None:
    """Edge case 2: a night with a change of the clock is 25 hours long."""
    text = (PROJECT / "dags" / f"{dag}.py").read_text()
    schedule = re.search(r'schedule="([^"]+)"', text)
    assert schedule is not None
    assert form.fullmatch(schedule[1])
    own = load_policy(PROJECT / "include").own
    assert own is not None
    assert all(getattr(own, rule).term.every.longest >= gap for rule in rules)


def test_every_term_of_our_own_records_is_held_by_a_rule() -> None:
    assert set(Own.model_fields) == {*KEEPERS, "airflow"}
