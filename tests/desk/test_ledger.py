"""The ledger on the desk: found by filters and by an index, proven, and downloaded."""

from __future__ import annotations

import json
import re
import time
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient
from itsdangerous import URLSafeTimedSerializer

from conftest_desk import HERE, NOW, Desk, token_of
from privacy.desk import proving
from privacy.desk.entries import PAGE, Asked, asked, entries_query, one, runs_query
from privacy.desk.forms import COOKIE
from privacy.desk.jobs import Jobs
from privacy.errors import BadInput
from privacy.rights import Right
from privacy.sources.base import Identifier

ANNA = [Identifier("email", "anna@a.example")]


def run(desk: Desk, name: str, rule: str = "log_lines", status: str | None = "done", **more: object) -> None:
    ledger = desk.house.ledger
    ledger.begin(name, pipeline="purge_logfiles", actor="schedule", code_version="1", policy_version="1", rule=rule)
    if status:
        ledger.end(name, status=status, actor="schedule", **more)


def post(client: TestClient, path: str, page: str, **fields: str) -> int:
    token = token_of(client.get(page).text)
    return client.post(path, data={"token": token, **fields}, headers={"Origin": HERE}).status_code


def ended(desk: Desk, name: str) -> tuple[str, str]:
    """(how, what it said) once a job has ended."""
    for _ in range(500):
        job = Jobs(desk.house).last(name)
        if job is not None and not job.going:
            return job.state, " ".join(job.lines)
        time.sleep(0.01)
    raise AssertionError(name)


@pytest.mark.parametrize("after", [None, 40])
@pytest.mark.parametrize("kind", ["", "run.begun"])
@pytest.mark.parametrize("rule", ["", "log_lines"])
@pytest.mark.parametrize("narrow", [{}, {"request": "AVG-2026-0042-0"}, {"run": "a-run"}])
def test_no_filter_reads_the_whole_ledger_or_sorts_it(
    desk: Desk, narrow: dict[str, str], rule: str, kind: str, after: int | None
) -> None:
    plans = [entries_query(Asked(kind=kind, rule=rule, after=after, **narrow), 5, 80)]
    plans += [runs_query(Asked(rule=rule, status=s, after=after, **narrow), 5, 80) for s in ("", "done", "failed")]
    for asked_for in plans:
        sql = str(asked_for.compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
        with desk.house.engine.connect() as connection:
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        # What belongs to one request or run is a handful, and sorted.
        steps = [step for step in plan if not (narrow and "TEMP B-TREE" in step)]
        assert all("USING INDEX" in step and "SEARCH" in step for step in steps), (sql, plan)


def test_entries_and_runs_are_found_by_what_one_looks_for(desk: Desk) -> None:
    number = desk.house.register.receive(Right.ACCESS, ANNA, author="desk").number
    run(desk, "good", deleted=7)
    run(desk, "bad", "sessions", "failed", reason="database.busy")
    run(desk, "going", "sessions", None)
    client = desk.as_("viewer")
    runs = client.get("/ledger?show=runs").text
    assert all(f"/ledger/runs/{name}" in runs for name in ("good", "bad", "going"))
    assert "not yet" in runs
    failed = client.get("/ledger?show=runs&status=failed").text
    assert "/ledger/runs/bad" in failed
    assert "/ledger/runs/good" not in failed
    of_rule = client.get("/ledger?show=runs&rule=sessions&status=failed").text
    assert "/ledger/runs/bad" in of_rule
    assert "/ledger/runs/going" not in of_rule
    of_request = client.get(f"/ledger?about={number}").text
    assert "request received" in of_request
    assert "/ledger/runs/" not in of_request
    assert "database.busy" in client.get("/ledger?kind=run.ended").text
    assert "There is no such entry" in client.get("/ledger?kind=run.ended&since=2026-11-29").text
    assert "There is no such entry" in client.get("/ledger?until=2026-11-27").text
    assert client.get("/ledger?since=yesterday").status_code == 400
    assert client.get("/ledger?about=AVG-2026-1").status_code == 400
    assert client.get("/ledger?show=runs&status=nonsense").status_code == 400
    assert client.get("/ledger?after=-1").status_code == 400


def test_a_day_begins_at_local_midnight(desk: Desk) -> None:
    """The 29th of November begins in Amsterdam an hour before it does in UTC."""
    desk.clock.set(NOW.replace(hour=22, minute=59))
    desk.house.ledger.event("a.before", actor="desk")
    desk.clock.set(NOW.replace(hour=23, minute=0))
    desk.house.ledger.event("an.after", actor="desk")
    client = desk.as_("viewer")
    later = client.get("/ledger?since=2026-11-29").text
    assert "<td>an after</td>" in later
    assert "<td>a before</td>" not in later
    earlier = client.get("/ledger?until=2026-11-28").text
    assert "<td>a before</td>" in earlier
    assert "<td>an after</td>" not in earlier


def test_pages_of_the_ledger_lose_and_repeat_nothing(desk: Desk) -> None:
    for n in range(PAGE + 5):
        desk.house.ledger.event("a.thing", actor="desk", count=n)
    client, seen, path = desk.as_("viewer"), list[int](), "/ledger?kind=a.thing"
    while path:
        text = client.get(path).text
        seen += map(int, re.findall(r"/ledger/entries/(\d+)", text))
        more = re.search(r'href="(/ledger\?[^"]*after=\d+[^"]*)"', text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert seen == list(range(PAGE + 5, 0, -1))


def test_an_entry_shows_what_anybody_needs_to_compute_its_hash(desk: Desk) -> None:
    for n in range(3):
        desk.house.ledger.event("a.thing", actor="desk <b>", count=n)
    place = one(desk.house, 2)
    assert sha256(bytes.fromhex(place.previous) + place.entry.text.encode()).hexdigest() == place.entry.hash
    assert place.signed
    text = desk.as_("viewer").get("/ledger/entries/2").text
    assert place.previous in text
    assert place.entry.hash in text
    assert "&lt;b&gt;" in text
    with pytest.raises(BadInput, match=r"desk\.entry"):
        one(desk.house, 4)


@pytest.mark.parametrize(
    "change",
    ["UPDATE ledger SET entry = replace(entry, '\"count\":1', '\"count\":9')", "DELETE FROM ledger WHERE seq = 1"],
)
def test_an_entry_that_was_altered_is_not_shown_as_signed_for(desk: Desk, change: str) -> None:
    """Edge case 26."""
    for n in range(3):
        desk.house.ledger.event("a.thing", actor="desk", count=n)
    client = desk.as_("viewer")
    assert "It is not what was recorded" not in client.get("/ledger/entries/2").text
    with desk.house.engine.begin() as connection:
        for trigger in ("ledger_no_update", "ledger_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(change)
    text = client.get("/ledger/entries/2").text
    assert "It is not what was recorded" in text
    assert "yes: the signed head" not in text


def test_the_ledger_is_verified_from_the_desk_which_leaves_its_entry(desk: Desk) -> None:
    run(desk, "good")
    client = desk.as_("operator")
    assert post(client, "/ledger/verify", "/ledger") == 303
    state, said = ended(desk, proving.VERIFY)
    assert state == "done"
    assert "Nothing was altered" in said
    (entry,) = desk.house.ledger.entries(kind=proving.LOOKED)
    assert (entry.entry["actor"], entry.entry.get("last"), entry.entry.get("count")) == (
        "operator at shop.example",
        2,
        0,
    )
    assert "Nothing was altered" in client.get("/ledger/verify").text
    # Edge case 26: somebody writes into the table.
    with desk.house.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_update")
        connection.exec_driver_sql("UPDATE ledger SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 1")
    post(client, "/ledger/verify", "/ledger")
    for _ in range(500):
        if "not what was recorded" in (said := ended(desk, proving.VERIFY)[1]):
            break
        time.sleep(0.01)
    assert "Entry 1 is not what was recorded" in said
    assert "Run nothing that deletes" in said
    # What was found is no page's green: not the job's, not the day's, no promise's.
    assert ended(desk, proving.VERIFY)[0] == "wrong"
    assert 'class="alarm"><strong>It is not as it was written' in client.get("/ledger/verify").text
    assert "The last verification found 1 things missing or altered" in client.get("/today").text
    assert "1 things were missing" in client.get("/promises").text


def test_whoever_may_not_start_the_check_has_nothing_made(desk: Desk) -> None:
    run(desk, "good")
    client = desk.as_("viewer")
    text = client.get("/ledger").text + client.get("/ledger/runs/good").text
    assert "Verify now" not in text
    assert "<button>Make" not in text
    # A token of the viewer's own, as some other form of theirs would have it: the right is what is missing.
    token = URLSafeTimedSerializer("a secret of the tests", salt="privacy.desk.forms").dumps(
        [client.cookies[COOKIE], "viewer"]
    )
    for path in ("/ledger/verify", "/ledger/report", "/ledger/runs/good/receipt"):
        assert client.post(path, data={"token": token}, headers={"Origin": HERE}).status_code == 403
        assert "needs the right to start" in client.post(path, data={"token": token}, headers={"Origin": HERE}).text
    assert Jobs(desk.house).last(proving.VERIFY) is None


def test_a_run_has_its_figures_and_a_receipt_that_can_be_downloaded(desk: Desk) -> None:
    run(desk, "good", deleted=1234, records=1234, bytes=99, datasets={"shop.sessions": {"records": 1234, "bytes": 99}})
    client = desk.as_("operator")
    text = client.get("/ledger/runs/good").text
    assert "1,234" in text
    assert "shop.sessions" in text
    assert client.get("/ledger/runs/good/receipt.html").status_code == 303
    assert post(client, "/ledger/runs/good/receipt", "/ledger/runs/good") == 303
    assert ended(desk, proving.receipt_of("good"))[0] == "done"
    made = client.get("/ledger/runs/good/receipt.html")
    assert made.headers["content-disposition"].startswith("attachment")
    assert "good" in made.text
    assert client.get("/ledger/runs/none").status_code == 404


def test_entries_and_runs_are_downloaded_as_they_are_hashed(desk: Desk) -> None:
    run(desk, "good", deleted=5)
    run(desk, "bad", "=sessions", "failed")
    client = desk.as_("viewer")
    lines = client.get("/ledger/entries.jsonl").text.splitlines()
    previous = bytes(32)
    for line in lines:
        text = line.partition('"entry":')[2][:-1]
        previous = sha256(previous + text.encode()).digest()
        assert json.loads(line)["hash"] == previous.hex()
    assert len(lines) == 4
    assert client.get("/ledger/entries.jsonl?since=2026-11-29").text == ""
    table = client.get("/ledger/runs.csv").text.splitlines()
    assert table[0].startswith("rule,promises")
    assert len(table) == 3
    assert table[2].startswith("'=sessions")  # edge case 27: no spreadsheet computes anything of it


def test_the_report_for_a_supervisor_is_about_a_period(desk: Desk) -> None:
    run(desk, "good")
    client = desk.as_("operator")
    assert post(client, "/ledger/report", "/ledger") == 400
    assert post(client, "/ledger/report", "/ledger", since="2026-11-01", until="2026-11-28") == 303
    assert ended(desk, proving.REPORT)[0] == "done"
    made = client.get("/ledger/report.zip")
    assert made.content[:2] == b"PK"


def test_a_job_that_died_with_its_server_is_told_as_lost_and_can_be_asked_for_again(desk: Desk) -> None:
    jobs = Jobs(desk.house)
    thread = jobs.start("a-job", "desk", lambda: ("done.",))
    assert thread is not None
    thread.join()
    file = desk.house.settings.state / "desk" / "a-job.json"
    file.write_text(file.read_text().replace('"done"', '"going"'))
    lost = jobs.last("a-job")
    assert lost is not None
    assert lost.state == "lost"
    again = jobs.start("a-job", "desk", lambda: ("done.",))
    assert again is not None


def test_what_is_looked_for_is_checked(desk: Desk) -> None:
    assert asked(since="2026-11-28", kind=" a.thing ").kind == "a.thing"
    with pytest.raises(BadInput, match=r"desk\.filter"):
        asked(until="2026-13-01")
    assert desk.as_("viewer").get("/ledger?since=0001-01-01").status_code == 400
    assert desk.as_("viewer").get("/ledger?until=9999-12-31").status_code == 400
