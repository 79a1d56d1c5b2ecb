"""`privacy datamap`: what the data team sees of its own work."""

from __future__ import annotations

import json

import pytest

from privacy.cli import datamap as commands


@pytest.fixture
def number(salon):
    return salon.good("request", "new", "--id", "salon.guest=1")["number"]


def test_every_dataset_is_shown_with_what_finds_it_and_its_term(salon):
    shown = salon.run("datamap", "show").stdout
    assert "salon.cuts" in shown
    assert "email, salon.guest" in shown
    assert "until the end" in shown
    assert [d["dataset"] for d in salon.good("datamap", "show")] == ["salon.guests", "salon.cuts"]


def test_one_dataset_is_shown_with_its_columns(salon):
    shown = salon.run("datamap", "show", "salon.cuts").stdout
    assert "hair" in shown
    assert "user.unique_id" in shown
    assert salon.good("datamap", "show", "salon.cuts")["columns"][0]["column"] == "cut"
    assert "did you mean 'salon.cuts'" in salon.error("datamap", "show", "salon.cut")


def test_a_dataset_can_be_tried_for_a_request_without_airflow_and_shows_counts_alone(salon, number):
    found = salon.good("datamap", "try", "salon.cuts", "--request", number)
    assert found["records"] == 2
    assert found["filled"] == {"cut": 2, "guest": 2, "email": 0, "at": 2, "hair": 1}
    shown = salon.run("datamap", "try", "salon.cuts", "--request", number).stdout
    assert "salon.cuts: 2 records" in shown
    assert "red" not in shown
    # Nothing is kept: a data map that is still wrong must not settle whose the request is.
    assert salon.house().register.resolution(number) is None


def test_values_are_shown_when_asked_for_and_on_a_terminal_only(salon, number, monkeypatch):
    words = ("datamap", "try", "salon.cuts", "--request", number, "--show-values")
    assert "terminal only" in salon.error(*words)
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    assert "'hair': 'red'" in salon.run(*words).stdout
    assert "blue" not in salon.run(*words).stdout
    assert "[cli.values_as_json]" in salon.error(*words, "--json")


def test_a_closed_request_or_a_missing_column_is_a_clear_error(salon, number):
    salon.execute("ALTER TABLE cuts DROP COLUMN hair")
    line = salon.error("datamap", "try", "salon.cuts", "--request", number)
    assert "salon" in line
    assert "[request.unknown]" in salon.error("datamap", "try", "salon.cuts", "--request", "SAL-2020-0042-8")
    salon.good("request", "refuse", number, "--ground", "withdrawn")
    assert "[request.closed]" in salon.error("datamap", "try", "salon.cuts", "--request", number)


def test_a_sealed_identity_is_what_is_tried(salon, number):
    salon.seal(number)
    salon.execute("UPDATE guests SET email = 'new@n.example' WHERE guest = 1")
    assert salon.good("datamap", "try", "salon.cuts", "--request", number)["records"] == 2
    assert json.dumps(salon.good("request", "show", number)).count("salon.cuts") == 1


def test_a_complete_data_map_has_no_problems(salon):
    found = salon.run("datamap", "check")
    assert found.exit_code == 0, found.output
    assert "1 systems, 2 datasets, 0 problems" in found.stdout
    assert salon.good("datamap", "check")["problems"] == []


def test_a_table_that_nobody_described_and_one_that_was_renamed_are_found(salon):
    """Edge case 25."""
    salon.execute("ALTER TABLE cuts RENAME TO haircuts")
    found = salon.run("datamap", "check", "--json")
    assert found.exit_code == 1
    problems = json.loads(found.stdout)["problems"]
    assert any("haircuts" in p["where"] for p in problems)
    assert any("cuts" in p["where"] and p["fatal"] for p in problems)
    assert "error: [" in salon.run("datamap", "check").stdout


def test_a_system_that_cannot_be_reached_is_one_problem_among_others(salon):
    (salon.folder / "salon.db").unlink()
    found = salon.run("datamap", "check")
    assert found.exit_code == 1
    assert "[database.missing]" in found.stdout


def test_a_data_map_can_be_checked_where_there_is_no_installation(salon):
    import shutil

    shutil.rmtree(salon.state)
    assert salon.run("datamap", "check").exit_code == 0


def test_a_new_table_gets_a_draft_that_marks_what_a_person_fills_in(salon):
    salon.execute("CREATE TABLE wishes (id INTEGER PRIMARY KEY, guest INTEGER, wish TEXT)")
    drafted = salon.run("datamap", "new", "salon", "wishes").stdout
    assert "category: CATEGORY?" in drafted
    assert "identity: salon.guest" in drafted
    assert "FROM wishes" in drafted
    assert salon.good("datamap", "new", "salon", "wishes")["name"] == "wishes"
    assert "wishes" in salon.error("datamap", "new", "salon", "wihses")
    assert "did you mean 'salon'" in salon.error("datamap", "new", "saloon", "wishes")
