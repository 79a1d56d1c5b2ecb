"""Guards ask an operator over a plan that is larger or older than it should be; only their own word lets it be done."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest_purges import NOW, POLICY, Studio, days
from privacy import plans
from privacy.datamap.policy import Guard
from privacy.errors import Refused, Tampered
from privacy.ledger.chain import link
from privacy.orchestration import purges
from privacy.plans.guards import Judged, tripped
from privacy.rights.house import House

ASKING = POLICY.replace(
    "datasets: [scans.papers, post.letters, studio.notes, studio.cases]}",
    "datasets: [scans.papers, post.letters, studio.notes, studio.cases], guard: {at_least: 2, share: 0.3, times: 2}}",
)
FLOOR = datetime(2016, 1, 1, tzinfo=UTC)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path, policy=ASKING)
    for number in range(1, 6):
        made.case(number, None, days(20), notes=0, papers=0)
    for number in range(6, 11):
        made.case(number, None, days(1), notes=0, papers=0)
    return made


def judged(records: int, *, all_records: int = 10_000, oldest: datetime | None = NOW) -> Judged:
    return Judged(records, 0, all_records, 0, oldest, FLOOR)


def test_a_plan_of_much_of_what_there_is_asks_and_tells_how_much(studio: Studio) -> None:
    run = studio.run("cases")
    said = purges.plan(studio.house, run)
    assert said["tripped"] == ["share: 50% of all there is, more than 30%"]
    body = purges.body(studio.plan(run), NOW, "Europe/Amsterdam")
    assert "5 records" in body
    assert "Broken since 2026-11-14 00:00: 5 records, late by 157 hours." in body
    assert said["digest"][:12] in body
    assert "Without an answer" not in body
    asked = purges.body(
        studio.plan(run), datetime(2026, 11, 20, 12, tzinfo=UTC), "Europe/Amsterdam", timedelta(hours=2)
    )
    assert "Without an answer by 2026-11-20 15:00 nothing is deleted" in asked
    assert "| studio.cases" in body


def test_without_an_answer_nothing_is_deleted_and_the_run_is_red(studio: Studio) -> None:
    """Edge case 32: the approval task was marked as successful; nobody has answered."""
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.not_approved"):
        purges.purge(studio.house, run)
    assert studio.everything() == before
    with pytest.raises(Refused, match=r"purge\.not_approved"):
        purges.record(studio.house, run, "purge.not_approved")
    assert studio.ended(run)["status"] == "failed"


@pytest.mark.parametrize("other", [{"tripped": []}, {"late_by": 0.0}, {"batch_rows": 10**6}])
def test_who_alters_the_plan_s_file_gains_nothing(studio: Studio, other: dict[str, object]) -> None:
    """Edge case 32: the guards that it trips, or the figures that the ledger is told of; approved or not."""
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    purges.answered(studio.house, run, approved=True, by="chief")
    file = studio.house.means.folder / run.id / "plan.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | other))
    with pytest.raises(Tampered, match=r"plans\.altered"):
        purges.purge(studio.house, run)
    assert studio.everything() == before


def test_an_answer_that_was_written_into_the_table_is_none(studio: Studio) -> None:
    """Edge case 32: chained on as it should be, but not signed for; and after the next entry has signed for all."""
    run, before = studio.run("cases"), studio.everything()
    digest = purges.plan(studio.house, run)["digest"]
    (asked,) = studio.house.ledger.entries(run=run.id, kind=plans.ASKED)
    text = json.dumps({**asked.entry, "kind": plans.APPROVED, "digest": digest}, sort_keys=True, separators=(",", ":"))
    with sqlite3.connect(studio.state / "ledger.db") as db:
        row = (asked.seq + 1, text, link(asked.hash, text))
        db.execute("INSERT INTO ledger (seq, entry, hash) VALUES (?, ?, ?)", row)
    assert studio.house.ledger.entries(run=run.id, kind=plans.APPROVED)
    with pytest.raises(Refused, match=r"purge\.not_approved"):
        purges.purge(studio.house, run)
    studio.house.ledger.event("evidence.verified", actor="desk")
    with pytest.raises(Refused, match=r"purge\.not_approved"):
        purges.purge(studio.house, run)
    assert studio.everything() == before


def test_in_a_ledger_that_was_altered_no_answer_counts(studio: Studio) -> None:
    """Edge cases 26 and 32: the refusal was made an approval."""
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    purges.answered(studio.house, run, approved=False, by="chief")
    with sqlite3.connect(studio.state / "ledger.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE ledger SET entry = replace(entry, 'purge.refused', 'purge.approved')")
    with pytest.raises(Tampered, match=r"ledger\.altered"):
        purges.purge(studio.house, run)
    assert studio.everything() == before


def test_the_plan_of_a_dry_run_in_the_place_of_one_that_waits_for_an_answer_is_not_done(studio: Studio) -> None:
    """Edge case 32: it has the same digest, and nobody was asked about it."""
    look, run, before = studio.run("cases", "look", dry=True), studio.run("cases"), studio.everything()
    assert purges.plan(studio.house, look)["digest"] == purges.plan(studio.house, run)["digest"]
    theirs, ours = (studio.house.means.folder / one.id for one in (look, run))
    for name in ("plan.json", "items.parquet"):
        (ours / name).write_bytes((theirs / name).read_bytes())
    with pytest.raises(Tampered, match=r"plans\.altered"):
        purges.purge(studio.house, run)
    assert studio.everything() == before


def test_a_plan_whose_first_try_died_before_it_asked_asks(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    run = studio.run("cases")
    with monkeypatch.context() as patch:
        patch.setattr(purges, "_asked", lambda *words: words[-1])
        purges.plan(studio.house, run)
    purges.plan(studio.house, run)
    assert len(studio.house.ledger.entries(kind=plans.ASKED)) == 1


def test_what_an_operator_approves_is_deleted_and_their_name_stands_in_the_ledger(studio: Studio) -> None:
    ended = studio.purge("cases", approve=True)
    assert (ended["status"], ended["deleted"]) == ("done", 5)
    (entry,) = studio.house.ledger.entries(kind=plans.APPROVED)
    assert entry.entry["actor"] == "chief"
    assert entry.entry["digest"] == studio.plan(studio.run("cases")).digest


def test_what_an_operator_refuses_stays(studio: Studio) -> None:
    """Edge case 32."""
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    purges.answered(studio.house, run, approved=False, by="chief")
    with pytest.raises(Refused, match=r"purge\.refused"):
        purges.purge(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.refused"):
        purges.record(studio.house, run, "purge.refused")
    assert studio.everything() == before
    assert studio.ended(run)["reason"] == "purge.refused"


def test_the_first_answer_holds(studio: Studio) -> None:
    """Edge case 32: answered twice."""
    run = studio.run("cases")
    purges.plan(studio.house, run)
    purges.answered(studio.house, run, approved=False, by="chief")
    with pytest.raises(Refused, match=r"purge\.answered"):
        purges.answered(studio.house, run, approved=True, by="other")


def test_an_answer_that_comes_too_late_is_none(studio: Studio) -> None:
    """Edge case 32: nobody answered until the next run was due; then somebody does."""
    run = studio.run("cases")
    purges.plan(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.unanswered"):
        purges.unanswered(studio.house, run)
    with pytest.raises(Refused, match=r"purge\.unanswered"):
        purges.record(studio.house, run, "purge.unanswered")
    with pytest.raises(Refused, match=r"purge\.ended"):
        purges.answered(studio.house, run, approved=True, by="chief")
    assert [e.entry["kind"] for e in studio.house.ledger.entries(run=run.id)][1:3] == [plans.ASKED, plans.UNANSWERED]


def test_an_approval_of_another_plan_is_none(studio: Studio) -> None:
    """Edge case 32: a forged entry, or one of a run before."""
    first, second = studio.run("cases", "a"), studio.run("cases", "b")
    purges.plan(studio.house, first)
    purges.answered(studio.house, first, approved=True, by="chief")
    purges.plan(studio.house, second)
    with pytest.raises(Refused, match=r"purge\.not_approved"):
        purges.purge(studio.house, second)


def test_an_approved_plan_is_done_as_it_was_though_it_has_shrunk_since(studio: Studio) -> None:
    """Edge case 32: gone is done; new items wait for the next plan."""
    run = studio.run("cases")
    purges.plan(studio.house, run)
    purges.answered(studio.house, run, approved=True, by="chief")
    studio.sql("DELETE FROM cases WHERE case_no IN (1, 2)")
    studio.case(11, None, days(30), notes=0, papers=0)
    assert purges.purge(studio.house, run)["deleted"] == 3
    assert purges.verify(studio.house, run)["new"] == 1
    purges.record(studio.house, run, None)
    assert (11,) in studio.sql("SELECT case_no FROM cases")


def test_a_run_that_was_ended_by_a_later_one_deletes_nothing_more(studio: Studio) -> None:
    """Edge case 36: marked as failed by hand, while its tasks still write."""
    first, second = studio.run("cases", "a"), studio.run("cases", "b")
    purges.plan(studio.house, first)
    purges.answered(studio.house, first, approved=True, by="chief")
    purges.plan(studio.house, second)
    before = studio.everything()
    with pytest.raises(Refused, match=r"purge\.ended"):
        purges.purge(studio.house, first)
    assert studio.everything() == before
    assert studio.ended(first)["reason"] == "run.lost"


def test_after_an_outage_more_is_due_and_the_missed_runs_are_counted_in(studio: Studio) -> None:
    """Edge cases 6 and 33: what was foreseen is scaled by the runs that did not come about; the lateness is recorded."""
    studio.purge("cases", "first", approve=True)
    for number in range(20, 26):
        studio.case(number, None, NOW - timedelta(days=12) + timedelta(minutes=number), notes=0, papers=0)
    for number in range(30, 60):
        studio.case(number, None, NOW, notes=0, papers=0)
    studio.purge("cases", "second")
    assert studio.house.ledger.last_done("cases").foreseen == 6  # type: ignore[union-attr]
    # The next day six were foreseen and six are due: nobody is asked.
    studio.clock.set(NOW + timedelta(days=1))
    assert purges.plan(studio.house, studio.run("cases", "look", dry=True))["tripped"] == []
    # Two weeks of outage later all of them are: a guard asks, and the limit still holds.
    studio.clock.set(NOW + timedelta(days=14, hours=13))
    said = purges.plan(studio.house, studio.run("cases", "late", dry=True))
    assert [guard.partition(":")[0] for guard in said["tripped"]] == ["share"]
    assert said["late"] == 41
    ended = studio.purge("cases", "third", approve=True)
    assert (ended["status"], ended["deleted"], ended["late"]) == ("done", 41, 41)


def test_a_run_as_of_long_ago_does_not_blind_the_guards_of_the_next(studio: Studio) -> None:
    """A year of missed runs would have let 365 times as much go unasked."""
    studio.purge("cases", "first", approve=True)
    studio.purge("cases", "old", as_of=NOW - timedelta(days=365))
    found = purges._before(studio.house, "cases", NOW + timedelta(days=1))
    assert found == {"foreseen": 0, "missed": 0}


def test_more_than_was_foreseen_asks() -> None:
    guard = Guard(at_least=10, times=3)
    assert tripped(guard, judged(60), missed=0, foreseen=20) == ()
    assert tripped(guard, judged(61), missed=0, foreseen=20) == ("foreseen: 61 records, 20 were foreseen for 1 runs",)
    assert tripped(guard, judged(61), missed=1, foreseen=20) == ()
    assert tripped(guard, judged(61), missed=0, foreseen=None) == ()


def test_a_record_of_1970_asks_however_few_they_are() -> None:
    (said,) = tripped(Guard(), judged(1, oldest=datetime(1970, 1, 1, tzinfo=UTC)), missed=0, foreseen=1)
    assert said == "age: a record began 1970-01-01, before 2016-01-01"


def test_the_share_is_of_bytes_too_where_records_are_not_known() -> None:
    found = Judged(1000, 90, None, 100, NOW, FLOOR)
    assert tripped(Guard(), found, missed=0, foreseen=None) == ("share: 90% of all there is, more than 20%",)


@given(records=st.integers(0, 10**6), foreseen=st.integers(0, 10**6) | st.none(), missed=st.integers(0, 400))
def test_a_guard_never_asks_less_of_more(records: int, foreseen: int | None, missed: int) -> None:
    guard = Guard(at_least=50, share=0.5, times=2)

    def asks(n: int) -> set[str]:
        found = tripped(guard, judged(n, all_records=10**6), missed=missed, foreseen=foreseen)
        return {said.partition(":")[0] for said in found}

    assert asks(records) <= asks(records + 1)


def test_the_answer_is_awaited_until_shortly_before_the_next_run(studio: Studio) -> None:
    asked = NOW
    assert purges.patience(studio.house, "cases", asked, NOW) == timedelta(hours=22, minutes=55)
    assert purges.patience(studio.house, "cases", asked, NOW + timedelta(days=3)) == timedelta(minutes=1)


def test_with_four_eyes_who_started_a_purge_may_not_approve_it_and_somebody_else_may(studio: Studio) -> None:
    """Held where the answer is written and again where the purge reads it, so that the desk and Airflow obey alike."""
    run = studio.run("cases")
    purges.plan(studio.house, run)
    loose, house = studio.house, studio.house
    settings = house.settings.model_copy(update={"four_eyes": True})
    strict = House(settings, house.connections, house.clock)
    with pytest.raises(Refused, match=r"purge\.four_eyes"):
        purges.answered(strict, run, approved=True, by=run.actor.upper())
    assert not house.ledger.entries(run=run.id, kind=plans.APPROVED)
    # By a process without the setting, or by hand: what deletes asks again.
    purges.answered(loose, run, approved=True, by=run.actor)
    with pytest.raises(Refused, match=r"purge\.four_eyes"):
        purges.purge(strict, run)
    assert len(studio.sql("SELECT * FROM cases")) == 10
    second = studio.run("cases", "second")
    purges.plan(strict, second)
    purges.answered(strict, second, approved=True, by="chief")
    purges.purge(strict, second)
    assert len(studio.sql("SELECT * FROM cases")) == 5
