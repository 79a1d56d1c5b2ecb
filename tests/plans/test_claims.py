"""Two datasets, and with them two rules, that claim the same records under different terms: nothing goes too early."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest_purges import POLICY, SELECTS, Studio, days
from privacy.errors import Refused
from privacy.orchestration import purges


def claimed(folder: Path, system: str, name: str, change: Callable[[dict[str, Any]], object]) -> Studio:
    """A studio in which another dataset, under the fiscal term, claims what one of a short term has."""
    rule = f"datasets: [studio.sales]}}\n      more: {{promise: SALE, datasets: [{system}.more]}}"
    studio = Studio(folder)
    (studio.home / "policy/policy.yaml").write_text(POLICY.replace("datasets: [studio.sales]}", rule))
    file = studio.home / "datamap" / f"{system}.yaml"
    said = yaml.safe_load(file.read_text())
    made = copy.deepcopy(said["datasets"][name]) | {"promise": "SALE"}
    change(made)
    file.write_text(yaml.safe_dump(said | {"datasets": said["datasets"] | {"more": made}}, sort_keys=False))
    studio.__dict__.pop("house")
    studio.case(1, "anna@post.example", days(20), papers=0)
    studio.letter("a", "anna@post.example", "info@atelier.example")
    studio.log("access-1.log", days(400))
    return studio


def own_term(made: dict[str, Any]) -> None:
    del made["follows"]
    made["starts"] = {"column": "received_at"}


@pytest.mark.parametrize(
    ("rule", "system", "name", "change"),
    [
        ("cases", "post", "letters", own_term),
        ("lines", "web", "access", lambda made: made.update(prefix="access/old/")),
        ("cases", "studio", "cases", lambda _: None),
    ],
)
def test_what_another_dataset_keeps_longer_is_not_deleted_under_the_shorter_term(
    tmp_path: Path, rule: str, system: str, name: str, change: Callable[[dict[str, Any]], object]
) -> None:
    studio = claimed(tmp_path, system, name, change)
    (studio.home / "sql/studio/more.sql").write_text(SELECTS["cases"])
    before = studio.everything()
    with pytest.raises(Refused, match=r"plans\.claimed_twice"):
        purges.plan(studio.house, studio.run(rule))
    assert studio.everything() == before


def test_a_key_that_the_other_select_gives_in_another_type_is_the_same_record(tmp_path: Path) -> None:
    studio = claimed(tmp_path, "studio", "cases", lambda _: None)
    text = SELECTS["cases"].replace("case_no", "CAST(case_no AS TEXT) AS case_no", 1)
    assert text != SELECTS["cases"]
    (studio.home / "sql/studio/more.sql").write_text(text)
    with pytest.raises(Refused, match=r"plans\.claimed_twice"):
        purges.plan(studio.house, studio.run("cases"))


def test_a_table_may_be_shared_by_selects_that_have_no_record_in_common(tmp_path: Path) -> None:
    studio = claimed(tmp_path, "studio", "cases", lambda _: None)
    for name, more in (("cases", " WHERE note NOT LIKE 'keep%'"), ("more", " WHERE note LIKE 'keep%'")):
        (studio.home / f"sql/studio/{name}.sql").write_text(SELECTS["cases"] + more)
    studio.case(2, None, days(20), notes=0, papers=0)
    studio.sql("UPDATE cases SET note = 'keep' WHERE case_no = 2")
    assert studio.purge("cases")["status"] == "done"
    assert studio.sql("SELECT case_no FROM cases") == [(2,)]
