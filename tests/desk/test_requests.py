"""The list of requests: its filters, its pages, and that each is found by an index."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
import sqlalchemy as sa

from conftest_desk import NOW, Desk
from privacy.desk.finding import PAGE, find, in_state, query
from privacy.errors import BadInput
from privacy.ledger.tables import DATES, request_register
from privacy.rights import Right
from privacy.rights.rows import written
from privacy.rights.states import Dates, State, answer_by
from privacy.sources.base import Identifier

ZONE = "Europe/Amsterdam"


def add(desk: Desk, rows: list[dict[str, object]]) -> None:
    empty = dict.fromkeys(DATES)
    with desk.house.engine.begin() as connection:
        connection.execute(sa.insert(request_register), [{**empty, "run": None, "revision": 1, **row} for row in rows])


def number(serial: int) -> str:
    from privacy import numbers

    return numbers.number("AVG", 2026, serial)


def test_the_database_tells_states_as_the_register_does(desk: Desk) -> None:
    """All combinations of dates, also those that cannot come about."""
    names = [name for name in DATES if name not in ("received_at", "begun_at", "extended_at", "reviewed_at")]
    rows, expected = [], {}
    for serial, given in enumerate(product([False, True], repeat=len(names)), 1):
        for right in (Right.ACCESS, Right.ERASURE):
            key = f"{right.value}-{serial}"
            chosen = {name: NOW for name, there in zip(names, given, strict=True) if there}
            expected[key] = Dates(received_at=NOW, right=right, **chosen).state  # type: ignore[arg-type]
            row = {n: written(at) for n, at in chosen.items()}
            rows.append({"number": key, "right_": right.value, "received_at": written(NOW), **row})
    # Without the register's own checks, which most of these combinations break.
    with desk.house.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        empty = dict.fromkeys(DATES)
        connection.execute(sa.insert(request_register), [{**empty, "run": None, "revision": 1, **r} for r in rows])
        for state in State:
            found = connection.execute(sa.select(request_register.c.number).where(*in_state(state))).scalars()
            assert set(found) == {key for key, one in expected.items() if one is state}, state


def test_overdue_is_what_the_last_day_for_an_answer_says(desk: Desk) -> None:
    """Edge case 5: each day of arrival for four months back, extended or not, at both ends of the local day."""
    rows, expected, serial = [], set(), 0
    today = date(2026, 11, 28)
    for days in range(125):
        for hour, minute, longer in product((22, 23), (30,), (False, True)):
            serial += 1
            at = datetime(2026, 11, 28, hour, minute, tzinfo=UTC) - timedelta(days=days + 1)
            dates = Dates(received_at=at, extended_at=at if longer else None)
            if answer_by(dates, ZONE) < today:
                expected.add(number(serial))
            row = {"number": number(serial), "right_": "access", "received_at": written(at)}
            rows.append(row | ({"extended_at": written(at)} if longer else {}))
    add(desk, rows)
    found, after = set(), ""
    while True:
        page = find(desk.house, overdue=True, after=after)
        found |= {one.number for one in page.requests}
        after = page.after
        if not after:
            break
    assert found == expected
    assert 0 < len(expected) < serial


def test_pages_follow_each_other_without_losing_or_repeating_a_request(desk: Desk) -> None:
    """Many arrive in the same moment, too."""
    add(
        desk,
        [
            {"number": number(n), "right_": "access", "received_at": written(NOW - timedelta(hours=n // 7))}
            for n in range(1, 2 * PAGE + 13)
        ],
    )
    seen, after, pages = [], "", 0
    while pages == 0 or after:
        page = find(desk.house, after=after)
        seen += [one.number for one in page.requests]
        after, pages = page.after, pages + 1
    assert pages == 3
    assert sorted(seen) == sorted(number(n) for n in range(1, 2 * PAGE + 13))
    client = desk.as_("viewer")
    first = client.get("/requests").text
    assert "Earlier requests" in first
    assert client.get("/requests", params={"after": page.requests[0].dates.received_at.isoformat()}).status_code == 400


@pytest.mark.parametrize("after", ["", f"{written(NOW)}|AVG-2026-0042-9"])
@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("right", [None, Right.ERASURE])
@pytest.mark.parametrize("overdue", [False, True])
def test_no_filter_reads_the_whole_register_or_sorts_it(
    desk: Desk, state: State | None, right: Right | None, overdue: bool, after: str
) -> None:
    from privacy import numbers

    after = after.replace("AVG-2026-0042-9", numbers.number("AVG", 2026, 42))
    asked = query(state, right, NOW if overdue else None, ZONE, after)
    sql = str(asked.compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
    with desk.house.engine.connect() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert all("USING INDEX" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
    if state in (State.RECEIVED, State.UNDECIDED, State.SEALED, State.REFUSED, State.ANSWERED) and right is None:
        assert "request_register_" in plan[0]
        assert "request_register_page" not in plan[0], plan


def test_a_row_that_was_altered_is_named_and_hides_no_other(desk: Desk) -> None:
    good = desk.house.register.receive(Right.ACCESS, [Identifier("email", "anna@a.example")], author="desk").number
    add(desk, [{"number": number(1), "right_": "access", "received_at": "not a date"}])
    text = desk.as_("viewer").get("/requests").text
    assert f"The row of {number(1)} is not what was recorded" in text
    assert good in text


def test_the_list_tells_days_left_and_filters_by_state_and_right(desk: Desk) -> None:
    register, anna = desk.house.register, [Identifier("email", "anna@a.example")]
    late = register.receive(Right.ACCESS, anna, author="desk", received_at=NOW - timedelta(days=40)).number
    new = register.receive(Right.ERASURE, anna, author="desk").number
    client = desk.as_("viewer")
    everything = client.get("/requests").text
    assert "10 days late" in everything
    assert "30 days left" in everything
    assert late in client.get("/requests?overdue=true").text
    assert new not in client.get("/requests?overdue=true").text
    assert late not in client.get("/requests?right=erasure").text
    assert new in client.get("/requests?state=received&right=erasure").text
    assert client.get("/requests?state=nonsense").status_code == 400


def test_a_request_tells_its_dates_and_what_the_ledger_has_of_it(desk: Desk) -> None:
    number = desk.house.register.receive(Right.ACCESS, [Identifier("email", "anna@a.example")], author="desk").number
    text = desk.as_("viewer").get(f"/requests/{number}").text
    assert "request received" in text
    assert "start the export" in text
    assert "anna" not in text
    assert desk.as_("viewer").get("/requests/AVG-2026-1").status_code == 400


def test_a_cursor_that_nobody_gave_is_an_error(desk: Desk) -> None:
    with pytest.raises(BadInput, match=r"desk\.cursor"):
        find(desk.house, after="nonsense|AVG-2026-0042-9")
