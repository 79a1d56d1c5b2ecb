"""Deleting and setting on servers does what it does on SQLite, row for row."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from conftest_answers import house_of
from conftest_demo import HOME
from privacy.connections import Connection
from privacy.database import engine
from privacy.datamap.load import load
from privacy.errors import Refused, RetryLater
from privacy.sources.base import (
    Delete,
    Due,
    Every,
    Identifier,
    Keeping,
    Kept,
    Of,
    Redaction,
    Selection,
    Set,
    Status,
    Step,
    Subject,
)
from services.copying import copied
from services.sql_kit import cards

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORDERED = ("orders", "order_lines", "engravings", "payments", "returns", "disputes", "invoices")


@pytest.fixture(scope="module")
def template(server, made):
    """A shop on the server, to be copied for each test."""
    copied(made.folder / "shop.db", load(HOME).systems["shop"], server.create("unchanged"))
    return "unchanged"


@pytest.fixture
def both(server, made, template, tmp_path):
    """A house over SQLite and one over a server, each with a shop of its own that may be changed."""
    shutil.copytree(made.folder, tmp_path / "shop")
    (changed := tmp_path / "shop").chmod(0o700)
    url = server.create("changing", like=template)
    one = house_of(made, tmp_path / "a", {"shop": f"sqlite:///{changed}/shop.db"})
    return one.source("shop"), house_of(made, tmp_path / "b", {"shop": url}).source("shop")


def located(source, selection):
    return tuple(item for part in source.partitions(selection) for item in source.locate(selection, part))


def steps(source, picks, change):
    return [Step(Selection(name, pick), change, located(source, Selection(name, pick))) for name, pick in picks]


def kept(source):
    found = {}
    for name, dataset in source.system.datasets.items():
        selection = Selection(name, Every())
        rows = [r for p in source.partitions(selection) for b in source.read(selection, p) for r in b.to_pylist()]
        for row in rows:
            if isinstance(at := row.get("term_starts"), datetime):
                row["term_starts"] = at.replace(microsecond=0)
        found[name] = {tuple(row[k] for k in dataset.key): row for row in rows}
    return found


def same(both, picks, change, spare=()):
    one, other = both
    outcomes = []
    for source in both:
        found = list(source.apply(steps(source, picks, change), spare))
        outcomes.append([(o.key, o.status, o.reason) for o in found])
    assert outcomes[0] == outcomes[1]
    assert kept(one) == kept(other)
    return Counter(status for _, status, _ in outcomes[1])


def test_orders_that_are_due_go_with_all_that_hangs_on_them_and_nothing_else(both):
    """Edge cases 15 and 16: seven tables in one unit, children before what they refer to."""
    counts = same(both, [(name, Due(NOW - timedelta(days=2500))) for name in ORDERED], Delete())
    assert counts[Status.DONE] > 50


def test_a_row_that_another_refers_to_stays_and_so_does_what_hangs_on_it(both):
    counts = same(both, [("orders", Due(NOW - timedelta(days=2500)))], Delete())
    assert counts[Status.FAILED] > 0


def test_what_is_held_stays_with_what_it_hangs_on(both):
    """Edge cases 14 and 15."""
    anna = Subject(1, (Identifier("shop.customer_id", 1002),))
    picks = [(name, Due(NOW - timedelta(days=300))) for name in ORDERED]
    counts = same(both, picks, Delete(), [Of((anna,))])
    assert counts[Status.HELD] > 0
    assert counts[Status.DONE] > 0


def test_one_record_that_is_held_by_its_key_stays(both):
    one = both[0]
    picks = [(name, Due(NOW - timedelta(days=300))) for name in ORDERED]
    (first, *_) = located(one, Selection("invoices", picks[-1][1]))
    spare = Kept((), "invoices", keys=frozenset({tuple(map(str, first.key))}))
    counts = same(both, picks, Delete(), [spare])
    assert counts[Status.HELD] > 0


def test_columns_are_set_and_saying_it_again_changes_nothing(both):
    """Edge case 13: a second try after the first one's evidence was lost."""
    whose = Of((Subject(1, (Identifier("shop.customer_id", 1002),)),))
    change = Set({"text": None, "font": Redaction.NULL, "drawing": None})
    _, other = both
    again = steps(other, [("engravings", whose)], change)
    counts = same(both, [("engravings", whose)], change)
    assert counts[Status.DONE] > 0
    assert {o.status for o in other.apply(again, [])} == {Status.DONE}


def test_a_customer_is_deleted_by_key_and_a_unique_token_is_one_a_row(both):
    _, other = both
    whose = Of((Subject(1, (Identifier("shop.customer_id", 1002),)),))
    unit = steps(other, [("addresses", whose)], Set({"street": Redaction.UNIQUE}))
    assert {o.status for o in other.apply(unit, [])} == {Status.DONE}
    found = kept(other)["addresses"]
    tokens = [found[i.key]["street"] for i in unit[0].items]
    assert len(set(tokens)) == len(tokens) > 1


def test_a_row_that_has_changed_meanwhile_is_left_alone(both, server):
    """Edge case 12: the shop goes on while a plan waits."""
    _, other = both
    unit = steps(other, [("sessions", Every())], Delete())
    unit[0] = Step(Selection("sessions", Due(NOW - timedelta(days=200))), Delete(),
                   located(other, Selection("sessions", Due(NOW - timedelta(days=200)))))  # fmt: skip
    first = unit[0].items[0].key[0]
    with engine(Connection("shop", server.url("changing"))).begin() as connection:
        connection.exec_driver_sql(f"UPDATE sessions SET pages = 999 WHERE session_id = {first}")
    outcomes = {o.key[0]: o for o in other.apply(unit, [])}
    assert outcomes[first].status is Status.CHANGED
    assert sum(o.status is Status.DONE for o in outcomes.values()) == len(outcomes) - 1


def test_a_cascade_beyond_the_plan_is_refused_and_nothing_changes(both, server):
    """Edge case 16."""
    _, other = both
    with engine(Connection("shop", server.url("changing"))).begin() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE extra (id INTEGER PRIMARY KEY, "session_id" BIGINT, '
            "FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE)"
        )
        connection.exec_driver_sql("INSERT INTO extra SELECT session_id, session_id FROM sessions")
    before = kept(other)
    with pytest.raises(Refused, match=r"sql\.cascade"):
        list(other.apply(steps(other, [("sessions", Due(NOW - timedelta(days=200)))], Delete()), []))
    assert kept(other) == before


def test_a_batch_that_is_cut_off_changes_nothing_and_is_done_the_second_time(both, server):
    """Edge cases 12 and 13: the database restarts under an open transaction, in which the batch waits for a lock."""
    _, other = both
    pick = Due(NOW - timedelta(days=200))
    unit, before = steps(other, [("sessions", pick)], Delete()), kept(other)["sessions"]
    blocker = engine(Connection("shop", server.url("changing")))
    failed: list[BaseException] = []

    def apply():
        try:
            list(other.apply(unit, []))
        except RetryLater as problem:
            failed.append(problem)

    last = unit[0].items[-1].key[0]
    own = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}[server.kind]
    with blocker.connect() as connection:
        # It goes on to hold the lock: were it cut too, the batch might have it a moment before it is cut itself.
        spared = int(connection.exec_driver_sql(own).scalar())
        connection.exec_driver_sql(f"UPDATE sessions SET pages = pages WHERE session_id = {last}")
        thread = threading.Thread(target=apply)
        thread.start()
        time.sleep(1)
        assert thread.is_alive()
        server.cut("changing", but=spared)
        thread.join(30)
    assert [type(problem) for problem in failed] == [RetryLater]
    assert kept(other)["sessions"] == before
    assert {o.status for o in other.apply(unit, [])} == {Status.DONE}
    assert len(kept(other)["sessions"]) == len(before) - len(unit[0].items)


@pytest.mark.parametrize("kind", ["VARCHAR(40)", "DATE", "DECIMAL(12,2)"])
def test_keys_of_other_types_are_found_again(server, tmp_path, kind):
    url = server.create("cards")
    values = {
        "VARCHAR(40)": ["a", "B", "é"],
        "DATE": ["2026-01-01", "2026-01-02", "2024-02-29"],
        "DECIMAL(12,2)": ["1.10", "2", "3"],
    }[kind]
    type_ = {"VARCHAR(40)": "text", "DATE": "date", "DECIMAL(12,2)": "decimal(12,2)"}[kind]
    source = cards(tmp_path, url, {"code": kind, "email": "VARCHAR(60)"}, {"code": {"type": type_}, "email": {"type": "text", "identity": "email"}},
                   subject=["email"], rows=[(n, v, "a@a.example" if n else "b@a.example") for n, v in enumerate(values)], key=["code"])  # fmt: skip
    unit = steps(source, [("cards", Of((Subject(1, (Identifier("email", "A@a.example".lower()),)),)))], Delete())
    assert len(unit[0].items) == 2
    assert {o.status for o in source.apply(unit, [])} == {Status.DONE}
    with engine(Connection("shop", url)).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM cards").scalar() == 1


def test_what_is_set_reads_back_as_what_was_said(server, tmp_path):
    """Edge case 13, and rectification: each type in the form in which its column has it."""
    moment = "timestamptz" if server.kind == "postgresql" else "TIMESTAMP(6) NULL"
    local = "timestamp" if server.kind == "postgresql" else "DATETIME(6)"
    json = "jsonb" if server.kind == "postgresql" else "JSON"
    kinds = {"email": "VARCHAR(60)", "at": moment, "there": local, "day": "DATE", "yes": "BOOLEAN", "sum": "DECIMAL(12,2)",
             "list": json, "number": "BIGINT"}  # fmt: skip
    amsterdam = {"type": "datetime", "zone": "Europe/Amsterdam"}
    described = {"email": {"type": "text", "identity": "email"}, "at": amsterdam, "there": amsterdam, "day": {"type": "date"},
                 "yes": {"type": "boolean"}, "sum": {"type": "decimal(12,2)"}, "list": {"type": "list<text>"},
                 "number": {"type": "integer"}}  # fmt: skip
    source = cards(tmp_path, server.create("cards"), kinds, described, subject=["email"],
                   rows=[(1, "a@a.example", *[None] * 7), (2, "b@a.example", *[None] * 7)])  # fmt: skip
    said = {"at": datetime(2026, 7, 1, 10, 0, 0, 1, tzinfo=UTC), "there": datetime(2026, 7, 1, 10, tzinfo=UTC),
            "day": date(2024, 2, 29), "yes": True, "sum": Decimal("1.20"), "list": ["x", "é"], "number": 2**60}  # fmt: skip
    pick = Of((Subject(1, (Identifier("email", "a@a.example"),)),))
    unit = steps(source, [("cards", pick)], Set(said))
    assert [o.status for o in source.apply(unit, [])] == [Status.DONE]
    one, other = kept(source)["cards"].values()
    assert {name: one[name] for name in said} == said
    assert {other[name] for name in said} == {None}
    assert [o.status for o in source.apply(unit, [])] == [Status.DONE], "said again, it is as it should be"


def test_what_a_correction_replaces_is_kept_in_the_same_transaction_on_every_server(both):
    """Edge case 35: an address that is replaced keeps leading to the records of its time."""
    whom = (1001, 1002)
    at = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    keep = Keeping(
        "customer_emails", {"customer_id": "customer_id", "email": "email", "valid_from": "email_since"},
        {"valid_to": at}, "seq",
    )  # fmt: skip
    pick = Of(tuple(Subject(n, (Identifier("shop.customer_id", n),)) for n in whom))
    found = []
    for source in both:
        change = Set({"email": "Nieuw é@voorbeeld.example", "email_since": at}, keep)
        unit = steps(source, [("customers", pick)], change)
        assert {o.status for o in source.apply(unit, [])} == {Status.DONE}
        # A second try finds that it is done, and keeps nothing twice.
        assert {o.status for o in source.apply(unit, [])} == {Status.DONE}
        found.append(kept(source))
    one, other = found
    assert one == other
    for source in both:
        selection = Selection("customer_emails", pick)
        rows = [r for p in source.partitions(selection) for b in source.read(selection, p) for r in b.to_pylist()]
        last = {row["customer_id"]: row for row in sorted(rows, key=lambda row: row["seq"])}
        assert {n: (row["email"], row["valid_to"]) for n, row in last.items()} == {
            1001: ("anna@voorbeeld.example", at), 1002: ("bram@voorbeeld.example", at),
        }  # fmt: skip
        assert last[1001]["seq"] == 2
