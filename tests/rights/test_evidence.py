"""What is missing in the evidence is told by name, with what to do and by when; and nothing else is."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_ledger import migrated
from conftest_purges import NOW, POLICY, Studio, days
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.ledger.copies import HeadCopies
from privacy.orchestration import purges
from privacy.rights import evidence
from privacy.rights.evidence import CHECKS, Finding, missing, record
from privacy.rights.house import House
from privacy.settings import Settings


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A studio of which every rule was done a moment ago."""
    studio = Studio(tmp_path_factory.mktemp("kept"))
    filled(studio)
    for rule in ("cases", "sales"):
        studio.purge(rule, approve=True)
    ran(studio, "lines", bound=days(364), promises=["LOG"], limit="P12M")
    return studio.folder


def filled(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(30))
    studio.case(2, "bram@post.example", days(2))
    studio.letter("a", "anna@post.example", "kantoor@atelier.example")
    studio.letter("b", "bram@post.example", "kantoor@atelier.example")
    studio.sale((1, 1, "2025-01-05", "domestic"), (2, 1, None, None))
    studio.log("access.log", days(1))


def ran(
    studio: Studio, rule: str, ended: dict[str, object] | None = None, name: str = "first", **begun: object
) -> None:
    """A run that was done, as the ledger has it."""
    run, ledger = studio.run(rule, name), studio.house.ledger
    begun = {"pipeline": run.purge, "code_version": "1", "policy_version": "3", "as_of": NOW, **begun}
    ledger.begin(run.id, rule=rule, actor="a", **begun)
    ledger.end(run.id, status="done", actor="a", **(ended or {}))


@pytest.fixture
def studio(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "studio")
    return Studio.at(tmp_path / "studio")


def later(studio: Studio, **more: float) -> datetime:
    studio.clock.set(NOW + timedelta(**more))
    return studio.clock.now()


def told(studio: Studio) -> dict[str, Finding]:
    found = missing(studio.house, studio.clock.now())
    assert all(f.advice and f.message for f in found)
    return {f"{f.code} {f.where}": f for f in found}


def with_copies(studio: Studio, folder: Path | None) -> None:
    settings = studio.house.settings.model_copy(update={"head_copies": folder})
    studio.house = House(settings, studio.house.connections, studio.clock)


def test_nothing_is_missing_where_every_rule_was_done(studio):
    assert told(studio) == {}
    later(studio, hours=25)
    assert told(studio) == {}


def test_a_rule_that_is_not_done_in_time_is_told_with_its_promise_and_when_that_breaks(studio):
    """Edge case 28: a run as young as its interval is a proof, an older one is none."""
    now = later(studio, hours=25, seconds=1)
    found = told(studio)
    assert sorted(found) == ["evidence.stale cases", "evidence.stale lines"], "sales run monthly"
    cases = found["evidence.stale cases"]
    assert cases.promises == ("CASE",)
    assert "as of 2026-11-20 12:00 UTC" in cases.message
    assert "purge_cases" in cases.advice
    # Records from 2026-11-08 on were left: 14 days later, at midnight in Amsterdam, the first is past its limit.
    assert cases.breaks == datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert cases.kept(now, "Europe/Amsterdam") == "Still kept until 2026-11-22 00:00 CET (10 hours from now)."
    assert cases.kept(now + timedelta(days=1), "Europe/Amsterdam").startswith("Broken since 2026-11-22 00:00 CET (14")


def test_a_run_that_failed_since_is_no_proof_and_is_named(studio):
    later(studio, hours=24)
    run = studio.run("cases", "second")
    purges.plan(studio.house, run)
    with pytest.raises(Exception, match=r"sql\.locked"):
        purges.record(studio.house, run, "sql.locked")
    later(studio, hours=26)
    assert "failed (sql.locked)" in told(studio)["evidence.stale cases"].message


def test_a_dry_run_proves_nothing(studio):
    later(studio, hours=26)
    purges.plan(studio.house, studio.run("cases", "look", dry=True))
    assert "evidence.stale cases" in told(studio)


def test_a_run_as_of_long_ago_proves_nothing_of_today(studio):
    later(studio, hours=26)
    studio.purge("cases", "old", as_of=NOW + timedelta(minutes=1))
    assert told(studio)["evidence.stale cases"].message.startswith("The last run of rule cases of purge_cases")
    studio.purge("cases", "new")
    assert "evidence.stale cases" not in told(studio)


def test_a_run_as_of_an_earlier_moment_takes_nothing_from_the_one_before_it(studio):
    later(studio, hours=1)
    studio.purge("cases", "old", as_of=NOW - timedelta(days=300))
    assert told(studio) == {}


def test_a_run_of_a_clock_that_stood_in_the_future_is_no_proof_once_it_is_right(studio):
    """Edge case 13: else every failing night until that day would be taken for proven."""
    later(studio, days=40)
    studio.purge("cases", "ahead", approve=True)
    later(studio, hours=26)
    assert "evidence.clock clock" in told(studio)
    record(studio.house, actor="desk")  # The ledger's last entry is of today again.
    assert "evidence.clock clock" not in told(studio)
    assert "as of 2026-11-20 12:00 UTC" in told(studio)["evidence.stale cases"].message


def test_a_rule_that_never_ran_counts_from_the_ledgers_first_entry(tmp_path):
    studio = Studio(tmp_path / "studio")
    filled(studio)
    assert told(studio) == {}, "nothing was recorded: it was founded just now"
    record(studio.house, actor="desk")
    later(studio, days=2)
    found = told(studio)
    assert sorted(found) == ["evidence.stale cases", "evidence.stale lines"]
    assert "has never been done; the ledger began on 2026-11-20 12:00 UTC" in found["evidence.stale cases"].message
    assert found["evidence.stale cases"].breaks is None


def test_a_run_that_was_green_and_left_what_was_due_is_told(studio):
    """Edge case 28: a step that did nothing does not look like one that did."""
    later(studio, hours=1)
    ran(studio, "lines", {"oldest_remaining": days(380)}, "nothing")
    assert told(studio)["evidence.left_over lines"].promises == ("LOG",)


@pytest.mark.parametrize("why", [{"held": 1}, {"failed": 1}])
def test_what_is_left_with_a_reason_is_no_finding(studio, why):
    later(studio, hours=1)
    ran(studio, "lines", {"oldest_remaining": days(380), **why}, "reason")
    assert told(studio) == {}


@pytest.mark.parametrize(("oldest", "codes"), [(days(364.2), []), (days(380), ["evidence.left_over lines"])])
def test_what_is_always_being_changed_is_told_once_it_is_past_its_limit(studio, oldest, codes):
    """Edge case 14: it may wait for the next run, not for ever: its promise is broken."""
    later(studio, hours=1)
    ran(studio, "lines", {"oldest_remaining": oldest, "retained": {"changed": 1}}, "reason")
    assert sorted(told(studio)) == codes


def test_a_run_that_died_is_told_after_a_day(studio):
    """Edge case 13: killed between the delete and the evidence."""
    later(studio, hours=1)
    run = studio.run("cases", "died")
    purges.plan(studio.house, run)
    later(studio, hours=24)
    assert told(studio) == {}
    later(studio, hours=25, seconds=1)
    found = told(studio)[f"evidence.unended {run.id}"]
    assert (found.promises, found.where) == (("CASE",), run.id)
    studio.purge("cases", "next")
    assert f"evidence.unended {run.id}" not in told(studio), "the next run has ended it"


def test_a_question_that_waits_is_told_and_so_is_one_that_nobody_answered(studio):
    for number in range(10, 150):
        studio.case(number, None, days(40), notes=0, papers=0)
    later(studio, hours=1)
    run = studio.run("cases", "asks")
    assert purges.plan(studio.house, run)["tripped"]
    later(studio, hours=1.5)
    assert told(studio) == {}
    later(studio, hours=2.5)
    found = told(studio)["evidence.asked cases"]
    assert found.promises == ("CASE",)
    assert found.breaks is not None
    assert "purge_cases" in found.advice
    with pytest.raises(Exception, match=r"purge\.unanswered"):
        purges.unanswered(studio.house, run)
    with pytest.raises(Exception, match=r"purge\.unanswered"):
        purges.record(studio.house, run, "purge.unanswered")
    assert sorted(told(studio)) == ["evidence.unanswered cases"], "though the last good run is young still"


def test_a_clock_that_was_set_back_is_told(studio):
    """Edge case 13: no proof is young by a clock that goes behind the ledger."""
    later(studio, hours=-1)
    assert sorted(told(studio)) == ["evidence.clock clock"]


def test_a_ledger_that_was_altered_proves_nothing_and_takes_nothing(studio):
    """Edge case 26."""
    with sqlite3.connect(studio.state / "ledger.db") as db:
        db.execute("DROP TRIGGER ledger_no_update")
        db.execute("UPDATE ledger SET entry = replace(entry, '\"deleted\":1', '\"deleted\":2') WHERE seq = 3")
    with sqlite3.connect(studio.state / "ledger.db") as db:
        db.execute("UPDATE ledger SET entry = replace(entry, 'CASE', 'EASE') WHERE seq = 1")
    (found,) = [f for f in record(studio.house, actor="a") if f.code == "ledger.altered"]
    assert set(found.promises) == {"CASE", "SALE", "LOG"}
    assert studio.house.ledger.entries(kind=evidence.MISSING) == []


def test_something_unclaimed_in_a_store_is_told_and_stops_nothing(studio):
    studio.sql("CREATE TABLE newcomers (id INTEGER PRIMARY KEY, name TEXT)")
    assert sorted(told(studio)) == ["datamap.unclaimed studio: newcomers"]


def test_a_store_that_cannot_be_asked_is_not_proven(studio):
    """Edge case 28."""
    studio.database.rename(studio.folder / "elsewhere")
    assert [f.code for f in missing(studio.house, NOW)] == ["database.missing"]


def test_a_term_that_no_rule_keeps_is_told(tmp_path):
    studio = Studio(tmp_path / "other", policy=POLICY[: POLICY.index("  purge_logs:")])
    found = told(studio)
    assert found["policy.unproven policy: LOG"].promises == ("LOG",)
    assert found["datamap.unpurged web: access"].promises == ("LOG",)


def test_others_add_checks_of_their_own(studio, monkeypatch):
    monkeypatch.setattr(evidence, "CHECKS", [*CHECKS, lambda _, now: [Finding("x.y", ("CASE",), "w", str(now), "a")]])
    assert told(studio)["x.y w"].message == str(NOW)


def test_a_verification_is_recorded_and_its_head_is_kept_elsewhere(studio, tmp_path):
    folder = tmp_path / "copies"
    with_copies(studio, folder)
    assert record(studio.house, actor="desk") == []
    (entry,) = studio.house.ledger.entries(kind=evidence.VERIFIED)
    assert (entry.entry["count"], entry.entry["last"]) == (0, entry.seq - 1)
    (copy,) = folder.iterdir()
    assert json.loads(copy.read_text())["hash"] == entry.entry["digest"]
    later(studio, hours=26)
    assert len(record(studio.house, actor="desk")) == 2
    (entry,) = studio.house.ledger.entries(kind=evidence.MISSING)
    assert entry.entry["count"] == 2
    assert entry.entry["promises"], "all of it is about promises, and the ledger says which"
    assert len(list(folder.iterdir())) == 2
    assert not studio.house.ledger.verify().problems


def test_a_history_that_was_written_anew_and_signed_with_the_stolen_key_is_told(studio, tmp_path):
    """Edge case 26: chain and head are whole; the copies are not of this history."""
    folder = tmp_path / "copies"
    with_copies(studio, folder)
    record(studio.house, actor="desk")
    key = MasterKey.load(studio.house.settings.master_key_file)
    (tmp_path / "forged").mkdir()
    forged = Ledger(migrated(tmp_path / "forged"), key, tmp_path / "forged" / "head.json", studio.clock)
    for number in range(30):
        forged.begin(f"r{number}", pipeline="p", actor="a", code_version="1", policy_version="1")
        forged.end(f"r{number}", status="done", actor="a")
    assert forged.verify().ok
    found = list(HeadCopies(folder, key.signer().public_key()).against(forged.archive, {}))
    assert [w.why for w in found] == [
        f"Entry {len(studio.house.ledger.entries()) - 1} was another one when it was signed for."
    ]
    shutil.copy(tmp_path / "forged" / "ledger.db", studio.state / "ledger.db")
    shutil.copy(tmp_path / "forged" / "head.json", studio.house.settings.head_file)
    with_copies(studio, folder)
    codes = [f.code for f in record(studio.house, actor="desk")]
    assert evidence.COPY in codes
    assert evidence.ALTERED not in codes
    assert len(list(folder.iterdir())) == 1, "the forger's head is no copy"


@pytest.mark.parametrize(
    ("what", "code"),
    [("remove", evidence.COPY), ("alter", evidence.COPY), ("rename", evidence.COPY), ("unset", "evidence.no_copies")],
)
def test_a_copy_that_is_changed_or_gone_is_told(studio, tmp_path, what, code):
    folder = tmp_path / "copies"
    with_copies(studio, folder)
    record(studio.house, actor="desk")
    (copy,) = folder.iterdir()
    if what == "remove":
        copy.unlink()
    if what == "alter":
        copy.write_text(copy.read_text().replace('"seq": ', '"seq": 1'))
    if what == "rename":
        copy.rename(folder / "head-000000000003-0123456789abcdef.json")
    if what == "unset":
        with_copies(studio, None)
    assert {f.code for f in missing(studio.house, NOW)} == {code}


def test_a_folder_of_copies_that_cannot_be_written_is_told_and_the_verification_recorded(studio, tmp_path):
    (tmp_path / "file").touch()
    with_copies(studio, tmp_path / "file")
    assert {f.code for f in record(studio.house, actor="desk")} == {"copies.denied"}
    (entry,) = studio.house.ledger.entries(kind=evidence.MISSING)
    assert "last" not in entry.entry
    assert "promises" not in entry.entry, "it may be about any"


def test_the_folder_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PRIVACY_HEAD_COPIES", str(tmp_path))
    assert Settings().head_copies == tmp_path


def test_records_whose_start_says_no_moment_are_red_for_they_would_be_kept_for_ever(studio: Studio) -> None:
    """Edge case 11: never kept for ever unseen. A column of another form than the data map says makes all of them so."""
    studio.sale((9, 1, "12 mei", "domestic"), (10, 1, "", "domestic"))
    later(studio, days=1)
    studio.purge("sales", "second", approve=True)
    finding = told(studio)["evidence.unreadable sales"]
    assert finding.promises == studio.house.policy.rule("sales")[1].promises
    assert finding.message.startswith("1 records")
    studio.sql("UPDATE sales SET sold_on = '2025-05-12' WHERE sale_no = 9")
    later(studio, days=2)
    studio.purge("sales", "third", approve=True)
    assert "evidence.unreadable sales" not in told(studio)
