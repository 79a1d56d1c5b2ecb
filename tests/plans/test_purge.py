"""A purge of a rule, from the plan to the ledger: what goes, what stays, and that nothing else has changed by a byte."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_purges import NOW, Studio, days
from privacy.errors import BadInput, Refused, Tampered
from privacy.holds import Everything, HoldKind, Keys
from privacy.orchestration import purges
from privacy.plans.progress import digest
from privacy.sources.base import Identifier, Subject


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def gone(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """What is not there any more; everything else must be the same."""
    assert {name: content for name, content in before.items() if name in after} == after
    return before.keys() - after.keys()


def test_a_closed_case_goes_with_its_papers_letters_and_notes_and_nothing_else_changes(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(20), notes=2, papers=2)
    studio.case(2, "bram@post.example", days(3))
    studio.case(3, "cor@post.example", None)
    studio.letter("a", "Anna <Anna@Post.example>", "info@atelier.example")
    studio.letter("b", "bram@post.example", "info@atelier.example")
    before = studio.everything()
    ended = studio.purge("cases")
    assert gone(before, studio.everything()) == {
        "cases 1", "notes 1", "notes 2", "scans/cases/1/paper-0.pdf", "scans/cases/1/paper-1.pdf",
        "post/.Zaken/cur/1793613600.a.host:2,S",
    }  # fmt: skip
    assert ended["status"] == "done"
    assert ended["deleted"] == 6
    assert {name: count["records"] for name, count in ended["datasets"].items()} == {
        "scans.papers": 2, "post.letters": 1, "studio.notes": 2, "studio.cases": 1,
    }  # fmt: skip
    assert ended["oldest_remaining"] == "2026-11-17T12:00:00.000000Z"
    assert (ended["late"], ended["late_by"]) == (3, "P6DT13H")
    assert ended["undated"] == 2


def test_what_is_not_due_by_the_next_run_stays_to_the_last_microsecond(studio: Studio) -> None:
    """Edge case 1: the limit is the local midnight 14 days on; the next run is a day (25 hours at most) away."""
    horizon = datetime(
        2026, 11, 7, 23, tzinfo=UTC
    )  # 8 November in Amsterdam: gone by the 22nd, the next run is on the 21st
    studio.case(1, None, horizon - timedelta(microseconds=1))
    studio.case(2, None, horizon)
    studio.purge("cases")
    assert studio.sql("SELECT case_no FROM cases") == [(2,)]


def test_a_message_to_somebody_whose_case_is_open_stays_for_them(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(20))
    studio.case(2, "bram@post.example", None)
    shared = studio.letter("s", "anna@post.example", "bram@post.example")
    own = studio.letter("o", "anna@post.example", "info@atelier.example")
    ended = studio.purge("cases")
    assert shared.exists()
    assert not own.exists()
    assert studio.plan(studio.run("cases")).steps[1].left == 1
    assert ended["status"] == "done"


def test_one_who_has_two_cases_keeps_their_letters_until_both_are_over(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(20))
    studio.case(2, "ANNA@post.example", days(2))
    letter = studio.letter("a", "anna@post.example", "info@atelier.example")
    studio.purge("cases")
    assert letter.exists()
    assert not (studio.papers / "1" / "paper-0.pdf").exists()
    assert (studio.papers / "2" / "paper-0.pdf").exists()
    assert studio.sql("SELECT case_no FROM cases") == [(2,)]


def test_a_paper_that_is_held_keeps_the_rows_that_name_it(studio: Studio) -> None:
    """Files go before the rows that name them: a file whose row is gone would never be found again."""
    studio.case(1, None, days(20))
    studio.case(2, None, days(20))
    key = ("cases/1/paper-0.pdf",)
    studio.house.holds.place(HoldKind.SUSPENSION, Keys((key,)), ["scans.papers"], ground="claim", author="desk")
    ended = studio.purge("cases")
    assert (studio.papers / "1" / "paper-0.pdf").exists()
    assert studio.sql("SELECT case_no FROM cases") == [(1,)]
    assert studio.sql("SELECT case_no FROM notes") == [(1,)]
    assert (ended["status"], ended["held"], ended["retained"]) == ("done", 1, {"waits": 2})
    assert studio.plan(studio.run("cases")).steps[0].held == {"suspension": 1}
    studio.house.holds.release(studio.house.holds.active()[0].id, author="desk")
    studio.purge("cases", "next")
    assert studio.everything() == {}


def test_a_hold_on_a_person_keeps_all_of_theirs_and_nobody_elses(studio: Studio) -> None:
    """Edge case 15."""
    studio.case(1, "anna@post.example", days(20))
    studio.case(2, "bram@post.example", days(20))
    letter = studio.letter("a", "anna@post.example", "info@atelier.example")
    who = Subject(1, (Identifier("studio.case_no", 1), Identifier("email", "anna@post.example")))
    studio.house.holds.place(HoldKind.RESTRICTION, who, ground="art. 18", author="desk")
    studio.purge("cases")
    assert letter.exists()
    assert studio.sql("SELECT case_no FROM cases") == [(1,)]
    assert [p.name for p in studio.papers.rglob("*.pdf")] == ["paper-0.pdf"]


def test_a_hold_that_is_placed_while_a_purge_runs_keeps_what_is_not_gone_yet(tmp_path: Path) -> None:
    """Edge case 15: between two batches."""
    studio = Studio(tmp_path, rows=2)
    for number in range(1, 7):
        studio.case(number, None, days(20), notes=0, papers=0)
    run, asked = studio.run("cases"), []
    purges.plan(studio.house, run)

    def stop() -> bool:
        if len(asked) == 1:
            studio.house.holds.place(HoldKind.SUSPENSION, Everything(), ["studio.cases"], ground="claim", author="desk")
        asked.append(1)
        return False

    from privacy import plans

    plans.do(studio.house.means, run.id, actor="desk", stop=stop)
    assert studio.sql("SELECT case_no FROM cases") == [(3,), (4,), (5,), (6,)]


def test_a_row_that_was_changed_since_the_plan_is_left_and_told(studio: Studio) -> None:
    """Edge case 14."""
    studio.case(1, None, days(20), notes=0, papers=0)
    studio.case(2, None, days(20), notes=0, papers=0)
    studio.case(3, None, days(20), notes=0, papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    studio.sql("UPDATE cases SET note = 'reopened?' WHERE case_no = 1")
    studio.sql("UPDATE cases SET closed_at = NULL WHERE case_no = 2")
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    purges.record(studio.house, run, None)
    assert studio.sql("SELECT case_no FROM cases") == [(1,), (2,)]
    assert studio.ended(run)["retained"] == {"changed": 1, "not_due": 1}


def test_each_kind_of_sale_has_its_own_term_and_an_unknown_one_the_longest(studio: Studio) -> None:
    """Edge case 18: the fiscal term starts at the end of the financial year."""
    studio.sale((1, 1, "2018-12-31", "domestic"), (2, 1, "2019-01-01", "domestic"), (3, 1, "2018-12-31", "oss"),
        (4, 1, "2018-12-31", None), (5, 1, "2015-06-01", "oss"), (6, 1, "2016-01-01", None), (7, 1, None, "domestic"))  # fmt: skip
    ended = studio.purge("sales")
    assert studio.sql("SELECT sale_no FROM sales") == [(2,), (3,), (4,), (6,), (7,)]
    assert (ended["deleted"], ended["undated"], ended.get("late")) == (2, 1, 0)


def test_a_log_that_straddles_the_bound_is_rewritten_and_older_ones_go(studio: Studio) -> None:
    """Edge case 7: it stays compressed, and its time of change stays."""
    old = studio.log("access-1.gz", days(400), days(399))
    straddling = studio.log("access-2.gz", days(370), days(10))
    recent = studio.log("access-3.gz", days(5))
    content, changed = recent.read_bytes(), straddling.stat().st_mtime_ns
    ended = studio.purge("lines")
    assert not old.exists()
    assert (ended["deleted"], ended["bytes"] > 0) == (3, True)
    assert straddling.stat().st_mtime_ns == changed
    assert straddling.read_bytes()[:2] == b"\x1f\x8b"
    assert recent.read_bytes() == content


def test_a_dry_run_changes_nothing_and_the_real_run_with_its_digest_does_just_that(studio: Studio) -> None:
    studio.case(1, None, days(20))
    before = studio.everything()
    look = studio.run("cases", "look", dry=True)
    said = purges.plan(studio.house, look)
    assert purges.record(studio.house, look, None) == {"status": "dry run", "reason": ""}
    assert studio.everything() == before
    assert not studio.house.ledger.entries(run=look.id, kind="run.begun")
    at = datetime.fromisoformat(said["as_of"])
    studio.purge("cases", "real", as_of=at, expected=said["digest"])
    assert studio.everything() == {}


def test_a_dry_run_says_with_which_parameters_just_that_is_done(studio: Studio) -> None:
    studio.case(1, None, days(20))
    said: list[str] = []
    purges.plan(studio.house, studio.run("cases", "look", dry=True), say=said.append)
    assert said[0].startswith("rule cases of ")
    wanted = json.loads(said[-1][said[-1].index("{") :])
    assert (wanted["dry_run"], wanted["rules"]) == (False, ["cases"])
    studio.purge("cases", "real", as_of=datetime.fromisoformat(wanted["as_of"]), expected=wanted["expected_digest"])
    assert studio.everything() == {}


def test_the_record_of_a_run_says_how_it_ended_and_with_which_commands_that_is_proven(studio: Studio) -> None:
    studio.case(1, None, days(20), notes=0, papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    said: list[str] = []
    purges.record(studio.house, run, None, say=said.append)
    deleted = studio.ended(run)["deleted"]
    assert deleted
    (line,) = said
    assert line.startswith(f"rule cases: done: {deleted} deleted, 0 held, 0 failed")
    assert f"privacy ledger receipt {run.id} " in line


def test_a_plan_that_differs_from_the_dry_run_is_refused_and_stands_in_the_ledger(studio: Studio) -> None:
    studio.case(1, None, days(20))
    said = purges.plan(studio.house, studio.run("cases", "look", dry=True))
    studio.case(2, None, days(20))
    before, run = studio.everything(), studio.run("cases", expected=said["digest"])
    with pytest.raises(Refused, match=r"purge\.other_digest"):
        purges.plan(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.other_digest"):
        purges.record(studio.house, run, "purge.other_digest")
    assert (studio.ended(run)["status"], studio.ended(run)["reason"]) == ("failed", "purge.other_digest")
    assert studio.everything() == before


def test_nothing_is_planned_as_of_a_later_moment(studio: Studio) -> None:
    with pytest.raises(BadInput, match=r"purge\.as_of"):
        purges.plan(studio.house, studio.run("cases", as_of=NOW + timedelta(seconds=1)))


def test_a_plan_that_was_tampered_with_is_not_done(studio: Studio) -> None:
    studio.case(1, None, days(20))
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    folder = studio.house.means.folder / run.id
    other = studio.run("cases", "other", dry=True)
    studio.case(2, None, days(20))
    purges.plan(studio.house, other)
    for name in ("items.parquet", "plan.json"):
        mine = (folder / name).read_bytes()
        (folder / name).write_bytes((folder.parent / other.id / name).read_bytes())
        with pytest.raises((Tampered, Refused), match=r"plans\.altered|purge\.other_plan|keys"):
            purges.purge(studio.house, run)
        (folder / name).write_bytes(mine)
    assert before.items() <= studio.everything().items()


def test_a_plan_says_nothing_of_anybody_in_the_clear(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(20))
    studio.letter("canary7", "anna@post.example", "info@atelier.example")
    run = studio.run("cases")
    purges.plan(studio.house, run)
    for path in (studio.house.means.folder / run.id).iterdir():
        content = path.read_bytes()
        assert b"anna" not in content
        assert b"canary7" not in content
        assert b"paper-0" not in content


def test_a_store_that_keeps_what_it_was_told_to_delete_is_found_out(studio: Studio) -> None:
    """Edge case 28: a step that did nothing must never look like one that succeeded."""
    studio.case(1, None, days(20), papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    row = studio.sql("SELECT * FROM cases")[0]
    purges.purge(studio.house, run)
    studio.sql("INSERT INTO cases VALUES (?, ?, ?, ?)", row)
    with pytest.raises(Tampered, match=r"purge\.remaining"):
        purges.verify(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.remaining"):
        purges.record(studio.house, run, None)
    assert studio.ended(run)["status"] == "failed"


def test_a_run_without_anything_due_is_done_and_proves_what_is_left(studio: Studio) -> None:
    studio.case(1, None, days(1))
    ended = studio.purge("cases")
    assert (ended["status"], ended["deleted"], ended["oldest_remaining"]) == ("done", 0, "2026-11-19T12:00:00.000000Z")


def test_what_comes_meanwhile_waits_for_the_next_plan(studio: Studio) -> None:
    """Edge case 10: a file that arrives late with old records."""
    studio.case(1, None, days(20), papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    studio.case(2, None, days(30), papers=0)
    purges.purge(studio.house, run)
    assert purges.verify(studio.house, run)["new"] == 2
    purges.record(studio.house, run, None)
    assert studio.sql("SELECT case_no FROM cases") == [(2,)]
    studio.purge("cases", "next")
    assert studio.sql("SELECT case_no FROM cases") == []


@pytest.mark.parametrize("papers", [0, 1])
def test_rows_wait_for_a_paper_or_a_letter_that_came_after_the_plan(studio: Studio, papers: int) -> None:
    """Edge case 10: without the row nothing would ever find it. Also where the plan had nothing of that store."""
    studio.case(1, "anna@post.example", days(20), papers=papers)
    studio.case(2, "bram@post.example", days(20), papers=papers)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    (studio.papers / "1").mkdir(exist_ok=True)
    (studio.papers / "1" / "late.pdf").write_bytes(b"%PDF")
    studio.letter("late", "bram@post.example", "info@atelier.example")
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    purges.record(studio.house, run, None)
    assert studio.sql("SELECT case_no FROM cases") == [(1,), (2,)]
    assert studio.ended(run)["retained"] == {"waits": 4}
    studio.purge("cases", "next")
    assert studio.everything() == {}


def test_a_letter_that_came_after_the_plan_and_is_another_s_too_keeps_no_row(studio: Studio) -> None:
    studio.case(1, "anna@post.example", days(20))
    studio.case(2, "bram@post.example", None, notes=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    shared = studio.letter("late", "anna@post.example", "bram@post.example")
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    purges.record(studio.house, run, None)
    assert studio.sql("SELECT case_no FROM cases") == [(2,)]
    assert shared.exists()


def test_a_run_as_of_an_earlier_moment_is_as_late_as_it_is(studio: Studio) -> None:
    """Edge case 6: what a run deletes today was late until today, though its plan is as of the day of the limit."""
    studio.case(1, None, days(20), notes=0, papers=0)
    studio.case(2, None, days(16), notes=0, papers=0)
    ended = studio.purge("cases", as_of=NOW - timedelta(days=7))
    assert (ended["deleted"], ended["late"], ended["late_by"]) == (1, 2, "P6DT13H")
    ended = studio.purge("cases", "now")
    assert (ended["deleted"], ended["late"], ended["late_by"]) == (1, 1, "P2DT13H")


@pytest.mark.parametrize("forged", ["DELETE FROM holds", "UPDATE holds SET released_at = placed_at, sealed = NULL"])
def test_what_is_held_stays_also_where_the_hold_was_taken_out_of_the_table(studio: Studio, forged: str) -> None:
    """Edge case 26: the ledger says that it was placed, and not that it was released; nothing is deleted until then."""
    studio.case(1, None, days(20))
    before = studio.everything()
    studio.house.holds.place(HoldKind.SUSPENSION, Everything(), ["studio.cases"], ground="claim", author="desk")
    with sqlite3.connect(studio.state / "ledger.db") as db:
        db.execute(forged)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    with pytest.raises(Tampered, match=r"holds\.altered"):
        purges.purge(studio.house, run)
    assert studio.everything() == before


def test_papers_and_letters_that_follow_nobody_s_case_are_told_each_time(studio: Studio) -> None:
    """Edge case 11: the row is gone, or there never was one; no purge takes them, so they must not be kept unseen."""
    studio.case(1, "anna@post.example", days(20), papers=2)
    studio.case(2, "bram@post.example", None, notes=0, papers=3)
    studio.letter("a", "anna@post.example", "bram@post.example")
    studio.letter("b", "anna@post.example", "info@atelier.example")
    stranger = studio.letter("c", "stranger@post.example", "info@atelier.example")
    (studio.papers / "9").mkdir()
    (studio.papers / "9" / "left.pdf").write_bytes(b"%PDF")
    said: list[str] = []
    purges.plan(studio.house, studio.run("cases", "look", dry=True), say=said.append)
    assert [step.nobodys for step in studio.plan(studio.run("cases", "look")).steps] == [1, 1, 0, 0]
    assert "2 records of scans.papers, post.letters follow nobody's record: no purge takes them" in " ".join(said)
    assert studio.purge("cases")["undated"] == 3
    assert studio.purge("cases", "next")["undated"] == 3
    assert stranger.exists()


@pytest.mark.parametrize("address", ["info@atelier.example", "Balie@Winkel.Atelier.example"])
def test_an_address_of_the_shop_s_own_on_a_case_takes_nobody_else_s_letters_along(studio: Studio, address: str) -> None:
    """Edge case 22: typed at the desk for want of another, it is on everybody's mail; no guard looks at what follows."""
    studio.case(1, address, days(20))
    studio.case(2, "anna@post.example", days(20))
    theirs = studio.letter("s", "stranger@post.example", address)
    own = studio.letter("a", "anna@post.example", address)
    ended = studio.purge("cases")
    assert theirs.exists()
    assert not own.exists()
    assert (ended["status"], ended["undated"]) == ("done", 1)
    assert studio.sql("SELECT case_no FROM cases") == []


def test_a_plan_of_a_clock_that_was_ahead_is_not_done_once_it_is_set_back(studio: Studio) -> None:
    """Edge case 13: what it takes is not due yet."""
    studio.clock.set(NOW + timedelta(days=30))
    studio.case(1, None, days(1))
    run = studio.run("cases")
    assert purges.plan(studio.house, run)["records"] == 3
    before = studio.everything()
    studio.clock.set(NOW)
    with pytest.raises(Refused, match=r"purge\.clock"):
        purges.purge(studio.house, run)
    assert studio.everything() == before
    assert studio.purge("cases", "right")["deleted"] == 0


def test_who_guesses_a_name_does_not_find_it_in_how_far_a_plan_has_come(studio: Studio) -> None:
    """What stayed is noted by a keyed digest: names of files and addresses are few enough to be tried."""
    studio.case(1, None, days(20))
    key = ("cases/1/paper-0.pdf",)
    studio.house.holds.place(HoldKind.SUSPENSION, Keys((key,)), ["scans.papers"], ground="claim", author="desk")
    assert studio.purge("cases")["held"] == 1
    text = (studio.house.means.folder / studio.run("cases").id / "progress.jsonl").read_text()
    assert '"held"' in text
    assert digest(key) not in text
