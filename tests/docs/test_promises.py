"""docs/promises.md: each promise, what keeps it, the tests that show it; nothing that is missing is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_demo import HOME
from conftest_purges import Studio, days
from privacy.datamap.load import load_policy
from privacy.datamap.policy import Policy
from privacy.datamap.promises_page import kept, page, problems
from privacy.rights.proofs import last_proofs

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(HOME)


def test_the_page_is_up_to_date_and_every_promise_has_pipeline_and_test_or_says_what_is_missing(policy: Policy) -> None:
    found = kept(policy, PROJECT / "dags", PROJECT / "tests")
    assert [f"{one.code} {one.name}" for one in problems(found)] == []
    text = (PROJECT / "docs/promises.md").read_text(encoding="utf-8")
    assert text == page(policy, found), "write it anew: privacy datamap promises --to docs/promises.md"
    assert text.count("| **") == 33
    for one in found:
        assert (one.promise.not_yet is not None) == (f"**{one.id}** " in text and "**Not yet:**" in _row(text, one.id))


def test_what_is_missing_is_missing_indeed(policy: Policy) -> None:
    """A promise whose pipelines were built does not go on to say that they are missing."""
    for one in kept(policy, PROJECT / "dags", PROJECT / "tests"):
        for name in one.pipelines:
            assert name not in (one.promise.not_yet or ""), one.id


def test_a_pipeline_that_does_not_exist_and_a_promise_without_a_test_are_errors(tmp_path: Path) -> None:
    raw = load_policy(HOME).model_dump(mode="json", exclude_none=True)
    promises = {
        "A": {"title": {"nl": "a", "en": "a"}, "quote": "a", "kept_by": "purge_a and a | bar"},
        "B": {"title": {"nl": "b", "en": "b"}, "quote": "b", "kept_by": "watch_b"},
        "C-1": {"title": {"nl": "c", "en": "c"}, "quote": "c", "kept_by": "erase_c", "not_yet": "erase_c"},
    }
    policy = Policy.model_validate({**raw, "promises": promises, "purges": {}, "own": None})
    dags, tests = tmp_path / "dags", tmp_path / "tests"
    dags.mkdir(), tests.mkdir()
    (dags / "watch_b.py").touch()
    (tests / "test_list.py").write_text("A B C-1")
    (tests / "test_a.py").write_text('"""A: see AB."""')
    found = kept(policy, dags, tests)
    assert [(f.code, f.name, f.red) for f in problems(found)] == [
        ("policy.no_pipeline", "A", True), ("policy.no_test", "B", True),
    ]  # fmt: skip
    assert found[0].tests == ("tests/test_a.py",)
    text = page(policy, found, {"B": "yesterday"})
    assert "| **A** a | purge_a and a / bar | `tests/test_a.py` | none |" in text
    assert "| **B** b | watch_b |  | yesterday |" in text
    assert "3 promises, of which 1 are not kept whole yet." in text


def test_the_last_proof_is_that_of_the_rule_whose_proof_is_the_oldest(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "studio")
    promise = studio.house.policy.rule("sales")[1].promises[0]
    assert last_proofs(studio.house)[promise].startswith("none of rule")
    studio.sale((1, 1, "2010-01-05", "domestic"))
    studio.case(1, "anna@post.example", days(30))
    studio.log("access.log", days(1))
    studio.letter("a", "anna@post.example", "kantoor@atelier.example")
    for rule in [name for purge in studio.house.policy.purges.values() for name in purge.rules]:
        studio.purge(rule, approve=True)
    said = last_proofs(studio.house)
    assert "rule sales: 1 deleted, 0 held" in said[promise]
    assert "none" not in " ".join(said.values())


def _row(text: str, id: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| **{id}** "))
