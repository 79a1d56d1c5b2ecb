"""Retention on the desk: rules, runs, plans, over real stores that are really purged."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from conftest_desk import token_of
from conftest_desk_purges import HERE, NOW, PurgeDesk, days
from privacy.datamap.policy import Term
from privacy.desk import retention, rule_runs
from privacy.desk.airflow import Progress, Task, Underway
from privacy.desk.retention import bar_of
from privacy.errors import BadInput, Refused


@pytest.fixture
def desk(tmp_path: Path) -> PurgeDesk:
    return PurgeDesk(tmp_path)


def send(desk: PurgeDesk, page: str, action: str, who: str = "operator", **fields: str):  # type: ignore[no-untyped-def]
    client = desk.as_(who)
    token = token_of(client.get(page).text)
    return client.post(action, data={"token": token, **fields}, headers={"Origin": HERE})


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_an_operator_looks_at_a_plan_and_does_that_very_plan(desk: PurgeDesk) -> None:
    desk.cases(30, 40, 2)
    page = "/retention/rules/cases"
    looked = send(desk, page, f"{page}/start", deed="look")
    assert (looked.status_code, looked.headers["location"]) == (303, f"{page}?watch=manual__1")
    conf = {"dry_run": True, "as_of": NOW.isoformat(), "rules": ["cases"]}
    assert desk.airflow.started == [("purge_cases", conf, "operator")]
    run = desk.ran(1)
    assert len(desk.studio.sql("SELECT * FROM cases")) == 3

    desk.airflow.runs["purge_cases", "manual__1"] = Progress("purge_cases", "manual__1", "success", ())
    assert f"/retention/runs/{run}" in desk.as_("operator").get(looked.headers["location"]).text
    shown = desk.as_("operator").get(f"/retention/runs/{run}").text
    assert "Dry run of cases" in shown
    assert "It deletes these 6 records for good, or nothing" in plain(shown)
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    assert digest is not None
    done = send(desk, f"/retention/runs/{run}", f"/retention/runs/{run}/do", digest=digest[1])
    assert done.status_code == 303
    _, conf, _ = desk.airflow.started[1]
    assert conf == {"dry_run": False, "as_of": NOW.isoformat(timespec="microseconds"), "expected_digest": digest[1],
        "rules": ["cases"]}  # fmt: skip
    again = desk.ran(2)
    assert desk.studio.sql("SELECT case_no FROM cases") == [(3,)]
    shown = plain(desk.as_("viewer").get(f"/retention/runs/{again}").text)
    assert "Ended as done" in shown
    assert "Deleted 6 records" in shown
    assert "Run exactly this plan" not in shown
    assert "case1@a.example" not in shown


def test_another_plan_than_the_one_that_was_looked_at_is_refused(desk: PurgeDesk) -> None:
    """Edge case 14: a record came between the dry run and its doing; and a digest that stood on no page."""
    desk.cases(30)
    page = "/retention/rules/cases"
    send(desk, page, f"{page}/start", deed="look")
    run = desk.ran(1)
    shown = desk.as_("operator").get(f"/retention/runs/{run}").text
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    assert digest is not None
    wrong = send(desk, f"/retention/runs/{run}", f"/retention/runs/{run}/do", digest="0" * 64)
    assert (wrong.status_code, "purge.other_digest" in wrong.text) == (409, True)
    desk.studio.case(9, "late@a.example", days(50))
    assert send(desk, f"/retention/runs/{run}", f"/retention/runs/{run}/do", digest=digest[1]).status_code == 303
    with pytest.raises(Refused, match=r"purge\.other_digest"):
        desk.ran(2)
    assert len(desk.studio.sql("SELECT * FROM cases")) == 2


def test_a_plan_that_was_altered_is_neither_shown_nor_done(desk: PurgeDesk) -> None:
    desk.cases(30)
    page = "/retention/rules/cases"
    send(desk, page, f"{page}/start", deed="look")
    run = desk.ran(1)
    file = desk.studio.state / "plans" / run / "plan.json"
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', desk.as_("operator").get(f"/retention/runs/{run}").text)
    assert digest is not None
    file.write_text(file.read_text().replace('"records": 1', '"records": 0'))
    shown = desk.as_("operator").get(f"/retention/runs/{run}").text
    assert "not those that were written" in plain(shown)
    assert "Run exactly this plan" not in shown
    assert send(desk, page, f"/retention/runs/{run}/do", digest=digest[1]).status_code == 409
    file.unlink()
    gone = send(desk, page, f"/retention/runs/{run}/do", digest=digest[1])
    assert (gone.status_code, "purge.no_plan" in gone.text) == (409, True)
    assert len(desk.airflow.started) == 1


def test_every_rule_has_a_row_with_its_term_its_runs_and_its_oldest_record(desk: PurgeDesk) -> None:
    desk.cases(30, 40, 2)
    desk.studio.purge("cases")
    shown = plain(desk.as_("viewer").get("/retention").text)
    assert "at most 14 days" in shown
    assert "at least 7 years from the end of the financial year" in shown
    assert "11 days left" in shown
    assert "6 records deleted in 30 days" in desk.as_("viewer").get("/retention").text
    assert "paused" in shown
    assert shown.count("never") == 2
    assert "4 records were past their limit at its last run, the oldest by 27 days" in shown


def test_a_run_tells_what_was_held_and_who_approved(desk: PurgeDesk) -> None:
    from privacy.holds import HoldKind, Keys

    desk.cases(30, 40)
    desk.studio.sale(*[(n, n, "2010-05-05", "domestic") for n in range(200)])
    desk.studio.house.holds.place(HoldKind.SUSPENSION, Keys(((1,),)), ["studio.cases"], ground="g", author="chief")
    desk.studio.purge("cases")
    desk.studio.purge("sales", approve=True)
    client = desk.as_("viewer")
    shown = plain(client.get("/retention/runs/run-cases").text)
    assert re.search(r"Held [1-9]", shown)
    assert "suspension" in shown
    shown = plain(client.get("/retention/runs/run-sales").text)
    assert "share: 100% of all there is, more than 20%" in shown
    assert "purge approved chief" in shown
    assert "Entries" in shown


def test_a_run_that_has_ended_leads_to_its_receipt(desk: PurgeDesk) -> None:
    desk.cases(30)
    desk.studio.purge("cases")
    assert 'href="/ledger/runs/run-cases"' in desk.as_("viewer").get("/retention/runs/run-cases").text
    assert desk.as_("viewer").get("/ledger/runs/run-cases").status_code == 200


def test_pages_of_runs_follow_each_other_without_losing_one(desk: PurgeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_runs, "PAGE", 5)
    ledger = desk.house.ledger
    for n in range(2 * rule_runs.PAGE + 3):
        ledger.begin(f"r{n}", pipeline="purge_logs", rule="lines", actor="a", code_version="1", policy_version="1")
        if n % 3:
            ledger.end(f"r{n}", status="done", actor="a", deleted=n)
    seen, after = list[str](), ""
    while True:
        found = rule_runs.page(desk.house.engine, "lines", after)
        seen += [run.run for run in found.runs]
        after = found.after
        if not after:
            break
    assert seen == [f"r{n}" for n in range(2 * rule_runs.PAGE + 2, -1, -1)]
    first = desk.as_("viewer").get("/retention/rules/lines").text
    assert "Earlier runs" in first
    assert desk.as_("viewer").get("/retention/rules/lines?after=x").status_code == 400
    with pytest.raises(BadInput, match=r"desk\.cursor"):
        rule_runs.page(desk.house.engine, "lines", "²")


def test_what_was_deleted_is_counted_in_the_days_of_the_shop(desk: PurgeDesk) -> None:
    """23:30 UTC is the next day in Amsterdam; a run that began a day before counts on the day on which it ended."""
    ledger, clock = desk.studio.house.ledger, desk.studio.clock
    for name, begins, ends, count in (
        ("a", "2026-11-10T22:30", "2026-11-10T22:50", 5),
        ("b", "2026-11-10T22:59", "2026-11-10T23:30", 7),
        ("old", "2026-10-01T00:00", "2026-10-01T00:01", 1000),
    ):
        clock.set(datetime.fromisoformat(begins).replace(tzinfo=UTC))
        ledger.begin(name, pipeline="purge_logs", rule="lines", actor="a", code_version="1", policy_version="1")
        clock.set(datetime.fromisoformat(ends).replace(tzinfo=UTC))
        ledger.end(name, status="done", actor="a", deleted=count)
    found = rule_runs.deleted(desk.house.engine, NOW, "Europe/Amsterdam", ["lines", "cases"])
    assert {day.isoformat(): n for day, n in found["lines"].days if n} == {"2026-11-10": 5, "2026-11-11": 7}
    assert (found["lines"].total, len(found["lines"].days), found["cases"].total) == (12, 30, 0)
    assert found["lines"].days[-1][0].isoformat() == "2026-11-20"


def test_a_day_that_is_over_is_counted_once_and_today_each_time(desk: PurgeDesk) -> None:
    ledger, clock, engine = desk.studio.house.ledger, desk.studio.clock, desk.house.engine

    def ran(name: str, at: datetime, count: int) -> None:
        clock.set(at)
        ledger.begin(name, pipeline="purge_logs", rule="lines", actor="a", code_version="1", policy_version="1")
        ledger.end(name, status="done", actor="a", deleted=count)

    def days_of(now: datetime) -> dict[str, int]:
        found = rule_runs.deleted(engine, now, "Europe/Amsterdam", ["lines"])["lines"]
        return {day.isoformat(): n for day, n in found.days if n}

    ran("a", NOW - timedelta(days=3), 1)
    assert days_of(NOW) == {"2026-11-17": 1}
    # Of yesterday too: a run that ended before midnight may be written after it.
    ran("b", NOW - timedelta(days=1), 2)
    ran("c", NOW, 4)
    assert days_of(NOW) == {"2026-11-17": 1, "2026-11-19": 2, "2026-11-20": 4}
    with engine.connect() as connection:
        asked = list[str]()
        sa.event.listen(connection.engine, "before_cursor_execute", lambda *said: asked.append(str(said[3])))
        assert days_of(NOW)["2026-11-17"] == 1
    assert not any("2026-10-2" in parameters for parameters in asked)
    assert days_of(NOW + timedelta(days=27)) == {"2026-11-19": 2, "2026-11-20": 4}


@pytest.mark.parametrize("after", ["", "50"])
def test_no_question_to_the_ledger_reads_all_of_it(desk: PurgeDesk, after: str) -> None:
    asked = {
        "page": rule_runs.page_query("cases", after),
        "deleted": rule_runs.deleted_query(NOW - timedelta(days=30), NOW),
        "today": rule_runs.deleted_query(NOW - timedelta(days=1)),
        "looks": rule_runs.looks_query().where(rule_runs.ledger.c.rule == "cases").order_by(rule_runs.ledger.c.seq),
        "look": rule_runs.looks_query().where(rule_runs.ledger.c.run == "r"),
    }
    for name, query in asked.items():
        sql = str(query.compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
        with desk.house.engine.connect() as connection:
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert all(" USING " in step and "INDEX" in step and step.startswith("SEARCH") for step in plan), (name, plan)
        assert not any("TEMP B-TREE" in step for step in plan), (name, plan)


def test_what_runs_now_is_told_step_by_step_until_it_has_ended(desk: PurgeDesk) -> None:
    client, page = desk.as_("viewer"), "/retention/rules/cases"
    idle = client.get(page).text
    assert "htmx.js" not in idle
    steps = (Task("list_rules", "", "success"), Task("verify", "cases", "none"), Task("plan", "cases", "success"),
        Task("approve", "cases", "awaiting_input"), Task("plan", "other", "failed"))  # fmt: skip
    run = Underway("manual__7", "running", "anna", NOW, True, ("cases",))
    desk.airflow.underway["purge_cases"] = (run, Underway("m2", "running", "", NOW, False, ("other",)))
    desk.airflow.runs["purge_cases", "manual__7"] = Progress("purge_cases", "manual__7", "running", steps)
    shown = client.get(page).text
    assert "htmx.js" in shown
    assert 'hx-trigger="every 2s"' in shown
    said = plain(client.get(f"{page}/now").text)
    assert said.startswith("A dry run is running")
    assert "list rules: success plan: success approve: waits for an answer verify: not begun" in said
    assert "failed" not in said
    assert "HX-Refresh" not in client.get(f"{page}/now").headers
    desk.airflow.underway.clear()
    ended = Progress("purge_cases", "manual__7", "failed", (Task("plan", "cases", "failed"),))
    desk.airflow.runs["purge_cases", "manual__7"] = ended
    assert client.get(f"{page}/now?watch=manual__7").headers["HX-Refresh"] == "true"
    assert "has ended: failed, in the step plan" in plain(client.get(f"{page}?watch=manual__7").text)


def test_run_now_is_real_and_a_step_that_is_none_starts_nothing(desk: PurgeDesk) -> None:
    page = "/retention/rules/cases"
    assert send(desk, page, f"{page}/start", deed="purge").status_code == 303
    assert send(desk, page, f"{page}/start", deed="wipe").status_code == 400
    assert send(desk, page, f"{page}/start").status_code == 400
    assert desk.airflow.started == [("purge_cases", {"dry_run": False, "rules": ["cases"]}, "operator")]
    assert desk.as_("operator").get("/retention/rules/none").status_code == 404
    assert desk.as_("operator").get("/retention/runs/none").status_code == 404


def term(**more: str) -> Term:
    return Term.model_validate({"every": "P1D", **more})


@pytest.mark.parametrize(
    ("age", "terms", "percent", "over"),
    [
        (timedelta(hours=24), (term(keep_at_most="PT48H", every="PT1H"),), 50, False),
        (timedelta(hours=48), (term(keep_at_most="PT48H", every="PT1H"),), 100, True),
        (timedelta(hours=47, minutes=59), (term(keep_at_most="PT48H", every="PT1H"),), 100, False),
        (timedelta(hours=24), (term(keep_at_most="PT48H", every="PT1H"), term(keep_at_most="PT96H")), 25, False),
        (-timedelta(hours=1), (term(keep_at_most="PT48H", every="PT1H"),), 0, False),
    ],
)
def test_a_bar_is_full_exactly_when_the_longest_of_the_terms_is_over(
    age: timedelta, terms: tuple[Term, ...], percent: int, over: bool
) -> None:
    """Edge case 1: at the term, and to either side of it."""
    bar = bar_of(NOW - age, terms, NOW, "Europe/Amsterdam")
    assert bar is not None
    assert (bar.percent, bar.over) == (percent, over)
    assert bar_of(None, terms, NOW, "Europe/Amsterdam") is None


@pytest.mark.parametrize(
    ("span", "words"),
    [(timedelta(hours=1), "1 hour"), (timedelta(hours=71), "71 hours"), (timedelta(days=3), "3 days"),
     (timedelta(days=100), "3 months"), (timedelta(days=3652), "10.0 years")],
)  # fmt: skip
def test_spans_are_told_in_what_a_person_can_grasp(span: timedelta, words: str) -> None:
    assert retention.long(span) == words
