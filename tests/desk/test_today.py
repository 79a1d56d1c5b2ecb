"""The first page: what needs a person now, each with since when, by when and where; and nothing else."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from conftest_desk import NOW, Desk
from privacy.desk.airflow import NextRun
from privacy.desk.today import Today, today
from privacy.desk.today_others import purges
from privacy.desk.waiting import open_query, standing_query
from privacy.holds import Everything, HoldKind
from privacy.ledger.entries import Begun, Ended, made
from privacy.ledger.tables import DATES, footage_orders, policy_letters, request_register
from privacy.ledger.tables import holds as holds_table
from privacy.rights import Right, evidence_last
from privacy.rights.evidence import MISSING, VERIFIED, Finding
from privacy.rights.evidence_rules import Latest
from privacy.rights.rows import written
from privacy.sources.base import Identifier

ANNA = [Identifier("email", "anna@a.example")]
DAY = timedelta(days=1)


def of(desk: Desk, *pages: str) -> Today:
    return today(desk.house, desk.clock.now(), frozenset(pages), desk.airflow.next)


def lines(desk: Desk, title: str) -> list[str]:
    return [line.what for group in of(desk).groups if group.title == title for line in group.lines]


def proven(desk: Desk, *besides: str) -> None:
    """Every rule has a young proof, and everything was verified."""
    house, policy = desk.house, desk.house.policy
    rules = {name: rule.promises for purge in policy.purges.values() for name, rule in purge.rules.items()}
    assert policy.own is not None
    rules |= {name: getattr(policy.own, name).promises for name in type(policy.own).model_fields}
    now = desk.clock.now()
    with house.ledger.writing() as writing:
        for name in rules.keys() - set(besides):
            both = {"run": f"run-{name}-{now:%d%H%M}", "actor": "schedule", "at": now}
            begun = {"pipeline": "purge", "code_version": "1", "policy_version": "1", "rule": name, "as_of": now,
                "bound": now - timedelta(days=300), "promises": rules[name]}  # fmt: skip
            writing.append(made(Begun, both | begun))
            writing.append(made(Ended, both | {"status": "done"}))
    house.ledger.event(VERIFIED, actor="schedule", count=0)


def run(desk: Desk, rule: str, name: str, status: str = "done", reason: str = "") -> None:
    ledger, now = desk.house.ledger, desk.clock.now()
    ledger.begin(name, pipeline="purge", actor="schedule", code_version="1", policy_version="1", rule=rule, as_of=now,
        bound=now - timedelta(days=300))  # fmt: skip
    ledger.end(name, status=status, actor="schedule", **({"reason": reason} if reason else {}))


def added(desk: Desk, number: str, right: Right, **dates: timedelta) -> None:
    """A row as the register has it, its content left out: it is not opened for this page."""
    row = {name: written(NOW - ago) for name, ago in dates.items()}
    with desk.house.engine.begin() as connection:
        values = {
            **dict.fromkeys(DATES),
            "number": number,
            "right_": right.value,
            "revision": 1,
            "key": "x",
            "payload": "x",
        }
        connection.execute(sa.insert(request_register).values({**values, **row}))


def number(serial: int) -> str:
    from privacy import numbers

    return numbers.number("AVG", 2026, serial)


def test_when_nothing_is_to_be_done_the_page_says_that_all_is_well_and_since_when(desk: Desk) -> None:
    assert "All is well" not in desk.as_("viewer").get("/today").text  # nobody has proven anything yet
    proven(desk)
    assert of(desk).groups == ()
    text = unescape(desk.as_("viewer").get("/today").text)
    assert "All is well" in text
    assert "were verified on" in text
    assert desk.as_("viewer").get("/").headers["location"] == "/today"


def test_answers_that_are_late_or_near_come_first_the_latest_on_top(desk: Desk) -> None:
    """R-30D."""
    register = desk.house.register
    late = register.receive(Right.ACCESS, ANNA, author="desk", received_at=NOW - 40 * DAY).number
    near = register.receive(Right.ERASURE, ANNA, author="desk", received_at=NOW - 26 * DAY).number
    later = register.receive(Right.ERASURE, ANNA, author="desk", received_at=NOW - 31 * DAY).number
    register.receive(Right.ACCESS, ANNA, author="desk")
    group = of(desk).groups[0]
    assert [(line.what.split()[0], line.urgency) for line in group.lines] == [
        (late, "red"), (later, "red"), (near, "amber"),
    ]  # fmt: skip
    assert "10 days late. Next: start the export" in group.lines[0].what
    assert group.lines[0].by is not None
    text = desk.as_("viewer").get("/today").text
    assert f'href="/requests/{late}"' in text
    assert "anna" not in text


def test_what_waits_for_a_person_is_told_by_what_it_waits_for(desk: Desk) -> None:
    sealed = {"received_at": 9 * DAY, "begun_at": 8 * DAY, "sealed_at": 8 * DAY}
    added(desk, number(1), Right.ACCESS, received_at=9 * DAY, begun_at=8 * DAY, undecided_at=8 * DAY)
    added(desk, number(2), Right.ACCESS, **sealed)
    added(desk, number(3), Right.PORTABILITY, **sealed, proven_at=7 * DAY)
    added(desk, number(4), Right.RESTRICTION, received_at=9 * DAY, acted_at=2 * DAY)
    added(desk, number(5), Right.RECTIFICATION, received_at=2 * DAY)
    added(desk, number(6), Right.ERASURE, received_at=90 * DAY, proven_at=89 * DAY, partly_at=80 * DAY)
    assert lines(desk, "Whose is it?")[0].startswith(number(1))
    assert [line.split()[0] for line in lines(desk, "Identity to be proven")] == [number(2), number(5)]
    assert [line.split()[0] for line in lines(desk, "Copies to review and release")] == [number(3)]
    assert [line.split()[0] for line in lines(desk, "To be told or handed over")] == [number(4)]
    (goes_on,) = lines(desk, "Erasures that go on by themselves")
    assert goes_on.startswith(number(6))
    assert "Nothing to do" in goes_on


def test_what_is_only_to_be_known_needs_nobody(desk: Desk) -> None:
    proven(desk)
    for serial in range(1, 15):
        added(desk, number(serial), Right.ERASURE, received_at=90 * DAY, proven_at=89 * DAY, partly_at=80 * DAY)
    found = of(desk)
    assert (found.to_do, found.groups[0].more) == (0, 4)
    assert "All is well" in desk.as_("viewer").get("/today").text


def test_a_released_copy_that_nobody_has_handed_over_is_told(desk: Desk) -> None:
    ledger = desk.house.ledger
    for n, kinds in ((1, ["request.released"]), (2, ["request.released", "request.delivered"])):
        for kind in kinds:
            ledger.event(kind, actor="desk", request=number(n))
    assert [line.split(":")[0] for line in lines(desk, "To be told or handed over")] == [number(1)]


def test_a_purge_that_failed_says_until_when_the_promise_is_kept_and_that_it_is_tried_again(desk: Desk) -> None:
    """LOG-12M; edge case 13."""
    proven(desk)
    desk.clock.set(NOW + timedelta(hours=2))
    run(desk, "log_lines", "later", "failed", reason="storage.full")
    desk.airflow.next.clear()
    said = lines(desk, "Purges")[-1]
    assert said.startswith("LOG-12M: The last run of rule log_lines of purge_logfiles has failed (storage.full).")
    assert "Still kept until" in said
    assert "Next try: by itself; nothing to do yet" in said
    desk.airflow.next["purge_logfiles"] = NextRun(NOW + timedelta(hours=13), paused=False)
    assert "Next try: 2026-11-28 23:30 CET; nothing to do yet" in lines(desk, "Purges")[-1]
    desk.airflow.next["purge_logfiles"] = NextRun(NOW + timedelta(hours=13), paused=True)
    assert any("is paused in Airflow" in line for line in lines(desk, "Purges"))
    desk.airflow.next["purge_logfiles"] = NextRun(NOW + 400 * DAY, paused=False)  # after the promise is broken
    assert any("Start purge_logfiles." in line for line in lines(desk, "Purges"))
    desk.airflow.next.clear()
    assert [line.urgency for line in of(desk).groups[0].lines] == ["red", "plain"]  # footage goes each hour
    desk.clock.set(NOW + 400 * DAY)
    house, now = desk.house, desk.clock.now()
    (late,) = (line for line in purges(house, Latest(house, now), now, frozenset(), {}) if "log_lines" in line.what)
    assert late.urgency == "red"
    assert "Broken since" in late.what
    assert late.href == "ledger?show=runs&rule=log_lines"
    assert any(
        line.href == "retention/rules/log_lines" for group in of(desk, "retention").groups for line in group.lines
    )


def test_a_rule_that_has_never_run_is_told(desk: Desk) -> None:
    proven(desk, "footage")
    desk.clock.set(NOW + 3 * DAY)
    proven(desk, "footage")
    (said,) = lines(desk, "Purges")
    assert said.startswith("CAM-48H: Rule footage of purge_camera_footage has never been done")


def test_questions_that_wait_are_told_until_somebody_answers(desk: Desk) -> None:
    proven(desk)
    ledger = desk.house.ledger
    ledger.event("purge.asked", actor="schedule", run="a", rule="invoices", digest="0")
    ledger.event("erasure.asked", actor="schedule", run="b", request=number(7), digest="0")
    ledger.event("policy.asked", actor="schedule", run="c", digest="0")
    said = lines(desk, "Questions that wait for an answer")
    assert "May rule invoices delete what it has planned?" in said[0]
    assert number(7) in said[1]
    assert said[2].startswith("May people be told that the statement has changed?")
    text = desk.as_("viewer").get("/today").text
    assert 'href="/approvals"' in text
    assert of(desk).groups[0].lines[0].href == "airflow:required_actions"
    ledger.event("purge.approved", actor="operator", run="a", rule="invoices", digest="0")
    ledger.event("erasure.refused", actor="operator", run="b", request=number(7), digest="0")
    ledger.event("policy.unanswered", actor="operator", run="c")
    assert of(desk).groups == ()


def test_a_missing_or_bad_verification_is_told(desk: Desk) -> None:
    assert "never verified" in lines(desk, "Evidence")[0]
    proven(desk)
    desk.clock.set(NOW + timedelta(minutes=1))
    desk.house.ledger.event(MISSING, actor="schedule", count=2)
    assert lines(desk, "Evidence") == ["The last verification found 2 things missing or altered."]


def test_what_the_last_verification_found_in_the_stores_is_told_and_leads_to_the_data_map(desk: Desk) -> None:
    proven(desk)
    found = Finding("datamap.unclaimed", (), "shop: gift_lists", "No dataset describes this table.", "Describe it.")
    evidence_last.keep(desk.house, [found, Finding("evidence.stale", (), "a_rule", "m", "a")], NOW)
    (line,) = of(desk).groups[0].lines
    assert (line.what, line.href) == ("shop: gift_lists: No dataset describes this table. Describe it.", "datamap")


def test_a_row_that_was_altered_is_told_for_its_deadline_is_not_known(desk: Desk) -> None:
    added(desk, number(1), Right.ACCESS, received_at=DAY)
    with desk.house.engine.begin() as connection:
        connection.execute(sa.update(request_register).values(received_at="not a date"))
    assert number(1) in lines(desk, "Evidence")[0]


def test_a_request_whose_pipeline_failed_is_told_until_it_is_done(desk: Desk) -> None:
    asked, ledger = desk.house.register.receive(Right.ACCESS, ANNA, author="desk").number, desk.house.ledger
    both = {"pipeline": "export_subject", "actor": "desk", "code_version": "1", "policy_version": "1", "request": asked}
    ledger.begin("first", **both)
    ledger.end("first", status="failed", actor="desk", request=asked, reason="database.busy")
    (said,) = lines(desk, "Pipelines that fail")
    assert said.startswith(f"{asked} (access): export_subject has failed (database.busy)")
    ledger.begin("second", **both)
    ledger.end("second", status="done", actor="desk", request=asked)
    assert lines(desk, "Pipelines that fail") == []


def test_a_hold_of_years_is_told_and_a_younger_one_is_not(desk: Desk) -> None:
    place = desk.house.holds.place
    place(HoldKind.SUSPENSION, Everything(), ["shop.orders"], ground="a claim", author="desk")
    assert lines(desk, "Holds to look at again") == []
    desk.clock.set(NOW + 800 * DAY)
    (said,) = lines(desk, "Holds to look at again")
    assert "for 2 years" in said
    assert "claim" not in said


def test_footage_on_hold_without_an_order_and_letters_that_failed_are_told(desk: Desk) -> None:
    """CAM-SHARE, NOTICE."""
    desk.house.holds.place(HoldKind.SUSPENSION, Everything(), ["camera.clips"], ground="police", author="desk")
    (said,) = lines(desk, "Others who have not confirmed")
    assert "was not told to keep footage on hold" in said
    with desk.house.engine.begin() as connection:
        row = {"mark": "m", "version": "2", "begun_at": written(NOW), "problem": "letters.refused"}
        connection.execute(sa.insert(policy_letters).values(**row))
    assert lines(desk, "Letters that could not be sent")[0].startswith("1 letters about version 2")


def test_a_pipeline_that_is_paused_or_that_airflow_does_not_know_is_no_day_on_which_all_is_well(desk: Desk) -> None:
    """What is proven today says nothing of tomorrow: after `make up` every DAG is paused."""
    proven(desk)
    client = desk.as_("viewer")
    assert "All is well" in client.get("/today").text
    desk.airflow.next["start_requests"] = NextRun(NOW, paused=True)
    del desk.airflow.next["purge_logfiles"]
    text = client.get("/today").text
    assert "All is well" not in text
    assert "2 things need somebody" in text
    assert "start_requests is paused in Airflow" in text
    assert "Airflow does not know purge_logfiles" in text


def test_a_clock_that_is_behind_is_told_and_proofs_of_a_moment_to_come_count_for_nothing(desk: Desk) -> None:
    """Edge case 13: by a clock that was set back nothing is late, and everything seems to be well."""
    desk.clock.set(NOW + 40 * DAY)
    proven(desk)
    desk.clock.set(NOW)
    said = lines(desk, "Evidence")
    assert "which is yet to come" in said[0]
    assert "never verified" in said[1]
    assert "All is well" not in desk.as_("viewer").get("/today").text
    assert "all was proven" not in desk.as_("viewer").get("/promises").text


@pytest.mark.parametrize(("right", "ago"), [(Right.ACCESS, timedelta(days=26)), (Right.ERASURE, timedelta(days=1))])
def test_what_a_group_does_not_show_is_all_on_the_page_that_it_leads_to(
    desk: Desk, right: Right, ago: timedelta
) -> None:
    proven(desk)
    for serial in range(1, 14):
        added(desk, number(serial), right, received_at=ago)
    (group,) = (g for g in of(desk).groups if g.title.startswith(("Answers", "Identity")))
    assert (len(group.lines), group.more) == (10, 3)
    text = desk.as_("viewer").get(f"/{group.href}").text
    assert all(number(serial) in text for serial in range(1, 14))


def test_what_is_due_soon_is_on_its_list_by_the_local_calendar_and_what_is_not_is_not(desk: Desk) -> None:
    added(desk, number(1), Right.ACCESS, received_at=timedelta(days=23))  # arrived on 5 November: due in 7 days
    added(desk, number(2), Right.ACCESS, received_at=timedelta(days=22))
    added(desk, number(3), Right.ACCESS, received_at=timedelta(days=60))
    text = desk.as_("viewer").get("/requests?soon=true").text
    assert [number(n) in text for n in (1, 2, 3)] == [True, False, True]


def test_an_objection_that_waits_for_its_decision_and_a_complaint_are_told(desk: Desk) -> None:
    added(desk, number(1), Right.OBJECTION, received_at=DAY, begun_at=DAY)
    added(desk, number(2), Right.COMPLAINT, received_at=DAY)
    added(desk, number(3), Right.OBJECTION, received_at=DAY)  # its run starts by itself
    said = lines(desk, "Objections and complaints to decide")
    assert [line.split(" ")[0] for line in said] == [number(1), number(2)]


def test_a_request_that_nothing_starts_is_told_after_two_hours(desk: Desk) -> None:
    """R-30D: else it is silent until seven days before its answer is due."""
    long_ago = NOW - 20 * DAY
    asked = desk.house.register.receive(Right.ACCESS, ANNA, author="desk", received_at=long_ago).number
    desk.house.register.receive(Right.ERASURE, ANNA, author="desk")  # waits for its proof, which is told elsewhere
    desk.house.register.receive(Right.COMPLAINT, ANNA, author="desk")  # a person answers it
    assert lines(desk, "Pipelines that do not run") == []
    desk.clock.set(NOW + timedelta(hours=3))
    (said,) = lines(desk, "Pipelines that do not run")
    assert said.startswith(f"{asked} (access): export_subject has not begun.")
    desk.house.register.begin(asked, "r1")
    assert lines(desk, "Pipelines that do not run") == []


def test_a_refusal_is_told_until_its_letter_is_gone_but_not_one_that_was_withdrawn(desk: Desk) -> None:
    ledger = desk.house.ledger
    ledger.event("request.refused", actor="desk", request=number(1), ground="unproven")
    ledger.event("request.refused", actor="desk", request=number(2), ground="withdrawn")
    ledger.event("request.refused", actor="desk", request=number(3), ground="unproven")
    ledger.event("letter.sent", actor="desk", request=number(1), ground="receipt")
    ledger.event("letter.sent", actor="desk", request=number(3), ground="refusal")
    assert [line.split(":")[0] for line in lines(desk, "To be told or handed over")] == [number(1)]


def test_footage_that_is_kept_for_nothing_and_a_hold_that_was_altered_are_told(desk: Desk) -> None:
    """CAM-48H; edge case 26."""
    proven(desk)
    house = desk.house
    id = house.holds.place(HoldKind.SUSPENSION, Everything(), ["camera.clips"], ground="police", author="desk")
    with house.engine.begin() as connection:
        row = {"id": "0" * 32, "hold": id, "processor": "Veilig", "lines": "[]", "sent_at": written(NOW)}
        connection.execute(sa.insert(footage_orders).values(**row))
    house.holds.release(id, author="desk")  # and nobody told the company: its letter could not go
    assert any("keeps footage for nothing" in line for line in lines(desk, "Others who have not confirmed"))
    second = house.holds.place(HoldKind.SUSPENSION, Everything(), ["shop.orders"], ground="a claim", author="desk")
    assert lines(desk, "Evidence") == []
    with house.engine.begin() as connection:
        connection.execute(sa.update(holds_table).where(holds_table.c.id == second).values(datasets='["shop.carts"]'))
    assert lines(desk, "Evidence") == [f"Hold {second} is not what was placed: nothing is deleted meanwhile."]
    assert "All is well" not in desk.as_("viewer").get("/today").text


@pytest.mark.parametrize("query", [open_query(), standing_query()])
def test_the_register_is_asked_by_an_index(desk: Desk, query: sa.Select[tuple[object]]) -> None:
    sql = str(query.compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
    with desk.house.engine.connect() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert all("USING INDEX" in step for step in plan), plan
    assert not re.search("_page|_received", plan[0]), plan


PARTIAL = ("request_register_open", "processor_notices_waiting", "policy_letters_unsent", "holds_in_force")
"""Indexes of what waits alone: to walk one of them reads nothing else."""

SMALL = ("footage_orders",)


@pytest.mark.parametrize("page", ["/today", "/promises", "/ledger", "/ledger?show=runs", "/datamap"])
def test_no_question_of_a_page_reads_a_whole_table(desk: Desk, page: str) -> None:
    """With 100,000 requests and a million entries such a page would take seconds."""
    proven(desk)
    asked: list[tuple[str, object]] = []
    engine = desk.houses().engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:  # noqa: ARG001
        asked.append((statement, parameters))

    assert desk.as_("operator").get(page).status_code == 200
    sa.event.remove(engine, "before_cursor_execute", _)
    assert asked or page == "/datamap"
    with engine.connect() as connection:
        for statement, parameters in asked:
            if not statement.startswith("SELECT"):
                continue
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for step in plan:
                limited = "LIMIT" in statement and "USING" in step
                partial = any(name in step for name in (*PARTIAL, *SMALL))
                assert not step.startswith("SCAN") or limited or partial or "CONSTANT" in step, (statement, plan)
