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
    found = salon.run("datamap", "check", "--stores")
    assert found.exit_code == 0, found.output
    assert found.stdout == "1 systems, 2 datasets, 0 problems, 0 warnings\n"
    assert salon.good("datamap", "check", "--stores")["problems"] == []


def test_a_table_that_nobody_described_and_one_that_was_renamed_are_found(salon):
    """Edge case 25."""
    salon.execute("ALTER TABLE cuts RENAME TO haircuts")
    salon.execute("ALTER TABLE guests ADD COLUMN shoe_size INTEGER")
    found = salon.run("datamap", "check", "--stores", "--json")
    assert found.exit_code == 1
    problems = {p["where"]: p for p in json.loads(found.stdout)["problems"]}
    assert {problems[w]["code"] for w in ("salon: haircuts", "salon: guests.shoe_size")} == {"datamap.unclaimed"}
    # The table is missed by the doctor, and not once more as a word that nothing has.
    assert [p["code"] for w, p in problems.items() if w.startswith("salon.cuts")] == ["sql.no_table"]
    shown = salon.run("datamap", "check", "--stores").stdout
    assert "error: [sql.no_table]" in shown
    assert "problem: [datamap.unclaimed]" in shown


def test_without_stores_none_is_opened_and_the_answer_says_so(salon):
    """Edge case 28: a check that did not look must not look like one that found nothing."""
    (salon.folder / "salon.db").unlink()
    salon.monkeypatch.delenv("PRIVACY_CONNECTION_SALON")
    found = salon.run("datamap", "check")
    assert found.exit_code == 0, found.output
    assert "no store was opened (--stores)" in found.stdout
    assert salon.good("datamap", "check")["stores"] is False


def test_without_stores_selects_and_layouts_are_checked(salon):
    """Edge case 25."""
    sql = salon.home / "sql/salon"
    (sql / "cuts.sql").write_text("SELECT cut, guest, email, at, hair FROM cuts WHERE guest = :guest")
    (sql / "guests.postgresql.sql").write_text("SELECT 1; SELECT 2")
    (sql / "wishes.sql").write_text("SELECT 1")
    found = salon.run("datamap", "check")
    assert found.exit_code == 1
    for words in ("error: [sql.parameters]", "error: [sql.statements]", "problem: [sql.no_dataset]", "wishes.sql"):
        assert words in found.stdout
    file = salon.home / "datamap/salon.yaml"
    file.write_text(file.read_text().replace("source: sql", "source: records"))
    assert "says where it lies: `prefix:`, `names:`, `records:`" in salon.run("datamap", "check").stdout
    file.write_text(file.read_text().replace("source: records", "source: sqll"))
    assert "did you mean 'sql'" in salon.run("datamap", "check").stdout


def test_a_purpose_that_no_dataset_names_is_a_warning_and_no_problem(salon):
    file = salon.home / "policy/policy.yaml"
    file.write_text(
        file.read_text().replace(
            "purposes: {hair:", "purposes: {nails: {title: {nl: n, en: n}, basis: contract}, hair:"
        )
    )
    found = salon.run("datamap", "check")
    assert found.exit_code == 0
    assert "warning: [policy.purpose_unnamed] No dataset names this purpose. (policy: nails)" in found.stdout
    assert salon.good("datamap", "check")["warnings"][0]["where"] == "policy: nails"


def test_a_system_that_cannot_be_reached_is_one_problem_among_others(salon):
    (salon.folder / "salon.db").unlink()
    found = salon.run("datamap", "check", "--stores")
    assert found.exit_code == 1
    assert "[database.missing]" in found.stdout


def test_a_data_map_can_be_checked_where_there_is_no_installation(salon):
    import shutil

    shutil.rmtree(salon.state)
    assert salon.run("datamap", "check", "--stores").exit_code == 0


def test_a_new_table_gets_a_draft_that_marks_what_a_person_fills_in(salon):
    salon.execute("CREATE TABLE wishes (id INTEGER PRIMARY KEY, guest INTEGER, wish TEXT)")
    drafted = salon.run("datamap", "new", "salon", "wishes").stdout
    assert "category: CATEGORY?" in drafted
    assert "identity: salon.guest" in drafted
    assert "FROM wishes" in drafted
    assert salon.good("datamap", "new", "salon", "wishes")["name"] == "wishes"
    assert "wishes" in salon.error("datamap", "new", "salon", "wihses")
    assert "did you mean 'salon'" in salon.error("datamap", "new", "saloon", "wishes")


def test_the_records_of_processing_are_shown_written_and_held_against_a_file(salon):
    shown = salon.run("datamap", "records").stdout
    assert shown.startswith("# Records of processing activities\n")
    assert "De Salon" in shown
    file = salon.folder / "docs/datamap.md"
    words = ("datamap", "records", "--to", str(file))
    assert "[datamap.records_stale]" in salon.error(*words, "--check")
    assert salon.run(*words).exit_code == 0
    assert file.read_text() == shown
    assert salon.run(*words, "--check").exit_code == 0
    (salon.home / "datamap/salon.yaml").write_text(
        (salon.home / "datamap/salon.yaml").read_text().replace("owner: o", "owner: Ada")
    )
    assert "privacy datamap records --to" in salon.error(*words, "--check")
    assert file.read_text() == shown


def test_the_page_of_promises_is_written_and_held_against_what_is_there(salon):
    dags, tests, file = salon.folder / "dags", salon.folder / "tests", salon.folder / "docs/promises.md"
    words = ("datamap", "promises", "--dags", str(dags), "--tests", str(tests))
    assert "[datamap.no_folder]" in salon.error(*words)
    dags.mkdir(), tests.mkdir()
    found = salon.run(*words, "--to", str(file))
    assert (found.exit_code, "error: [policy.no_test] KEEP" in found.stderr) == (1, True)
    (tests / "test_it.py").write_text("KEEP it")
    # It is the only promise, so a file that names it names most of them.
    assert salon.run(*words, "--to", str(file)).exit_code == 1
    policy = salon.home / "policy/policy.yaml"
    policy.write_text(policy.read_text().replace("kept_by: k,", "kept_by: k, not_yet: a DAG,", 1))
    assert "[datamap.promises_stale]" in salon.error(*words, "--check", "--to", str(file))
    assert salon.run(*words, "--to", str(file)).exit_code == 0
    assert salon.run(*words, "--check", "--to", str(file)).exit_code == 0
    assert "last proof" in salon.run(*words, "--proofs").stdout
    assert "not_yet] Not kept whole yet: a DAG. (policy: KEEP)" in salon.run("datamap", "check").output
