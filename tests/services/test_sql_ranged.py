"""What is due goes by a range of its key where the server finds there exactly what was planned, and else by key."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.connections import Connection
from privacy.database import engine
from privacy.sources.base import Delete, Due, Identifier, Kept, Of, Selection, Status, Step, Subject
from services.sql_kit import cards

BOUND = datetime(2020, 1, 1, tzinfo=UTC)
OLD, NEW = "2015-06-01", "2024-06-01"
TEXT = {"type": "text"}
DUE = Selection("cards", Due(BOUND))


def shop(server, folder, rows, *, ddl=(), described=(), **dataset):
    kinds = {"sold": "DATE", "email": "VARCHAR(60)", "note": "VARCHAR(60)", **dict(ddl)}
    words = {"sold": {"type": "date"}, "email": {**TEXT, "identity": "email"}, "note": TEXT, **dict(described)}
    return cards(folder, server.create("cards"), kinds, words, subject=["email"], rows=rows,
                 starts={"column": "sold"}, **dataset)  # fmt: skip


def row(card, sold=OLD, email="b@a.example", note="n"):
    return (card, sold, email, note)


def planned(source):
    return Step(DUE, Delete(), tuple(i for p in source.partitions(DUE) for i in source.locate(DUE, p)))


def run(server, text, *rows):
    into = engine(Connection("shop", server.url("cards")))
    with into.begin() as connection:
        found = connection.exec_driver_sql(text, list(rows) or None)
        told = [tuple(each) for each in found] if found.returns_rows else []
    into.dispose()
    return told


def there(server, column="card"):
    return [value for (value,) in run(server, f"SELECT {column} FROM cards ORDER BY card")]


@contextmanager
def deletes():
    """The statements that delete, as they are sent."""
    found = []

    def before(_c, _k, statement, *_):
        if statement.startswith("DELETE"):
            found.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", before)


def applied(source, step, spare=()):
    """What becomes of each key, and whether it went by a range."""
    with deletes() as sent:
        outcomes = {o.key: (o.status, o.reason) for o in source.apply([step], spare)}
    assert set(outcomes) == {item.key for item in step.items}
    return outcomes, any("BETWEEN" in text for text in sent)


DONE = (Status.DONE, "")


def test_a_whole_batch_goes_by_one_range_and_what_is_not_due_between_stays(server, tmp_path):
    source = shop(server, tmp_path, [row(n, OLD if n % 3 else NEW) for n in range(-5, 60)])
    outcomes, ranged = applied(source, planned(source))
    assert ranged
    assert set(outcomes.values()) == {DONE}
    assert there(server) == [n for n in range(-5, 60) if n % 3 == 0]


def test_a_due_row_that_came_into_the_range_after_the_plan_stays_and_the_others_go(server, tmp_path):
    source = shop(server, tmp_path, [row(1), row(3), row(5)])
    step = planned(source)
    run(server, "INSERT INTO cards VALUES (%s, %s, %s, %s)", row(2), row(9))
    outcomes, ranged = applied(source, step)
    assert not ranged
    assert set(outcomes.values()) == {DONE}
    assert there(server) == [2, 9]


def test_rows_that_came_into_the_range_and_are_not_due_stay(server, tmp_path):
    source = shop(server, tmp_path, [row(1), row(3), row(5)])
    step = planned(source)
    run(server, "INSERT INTO cards VALUES (%s, %s, %s, %s)", row(2, NEW), row(4, None))
    outcomes, ranged = applied(source, step)
    assert ranged
    assert set(outcomes.values()) == {DONE}
    assert there(server) == [2, 4]


@pytest.mark.parametrize(
    ("change", "became"),
    [
        (f"UPDATE cards SET sold = '{NEW}' WHERE card = 3", (Status.GONE, "not_selected")),
        ("UPDATE cards SET sold = NULL WHERE card = 3", (Status.GONE, "not_selected")),
        ("UPDATE cards SET note = 'N' WHERE card = 3", (Status.CHANGED, "changed")),
        ("UPDATE cards SET note = NULL WHERE card = 3", (Status.CHANGED, "changed")),
        ("UPDATE cards SET note = 'n ' WHERE card = 3", (Status.CHANGED, "changed")),
        ("DELETE FROM cards WHERE card = 3", (Status.GONE, "")),
        ("UPDATE cards SET card = 4 WHERE card = 3", (Status.GONE, "")),
    ],
)
def test_a_row_that_is_another_than_was_planned_stays_and_the_others_go(server, tmp_path, change, became):
    """Edge case 12; among them what a collation takes for the same: case, and blanks at the end."""
    source = shop(server, tmp_path, [row(1), row(3), row(5)])
    step = planned(source)
    run(server, change)
    expected = [n for n in there(server) if n in (3, 4)]
    outcomes, ranged = applied(source, step)
    assert not ranged
    assert outcomes == {(1,): DONE, (3,): became, (5,): DONE}
    assert there(server) == expected


@pytest.mark.parametrize(
    "spare",
    [
        Of((Subject(1, (Identifier("email", "a@a.example"),)),)),
        Kept((), "cards", keys=frozenset({("3",)})),
        Kept((Subject(1, (Identifier("email", "a@a.example"),)),), "cards"),
    ],
)
def test_what_is_held_stays_and_the_others_go(server, tmp_path, spare):
    """Edge case 14."""
    source = shop(server, tmp_path, [row(1), row(3, email="A@a.example"), row(5)])
    outcomes, ranged = applied(source, planned(source), [spare])
    assert not ranged
    assert outcomes == {(1,): DONE, (3,): (Status.HELD, "hold"), (5,): DONE}
    assert there(server) == [3]


def test_whoever_is_held_and_has_nothing_in_the_batch_stops_no_range(server, tmp_path):
    source = shop(server, tmp_path, [row(1), row(3), row(5, NEW, email="a@a.example")])
    spare = Of((Subject(1, (Identifier("email", "a@a.example"),)),))
    outcomes, ranged = applied(source, planned(source), [spare])
    assert ranged
    assert outcomes == {(1,): DONE, (3,): DONE}


def test_a_row_that_is_written_while_a_batch_is_deleted_stays(server, tmp_path):
    """Edge case 12: the shop has a row of the range open, and commits it when the batch waits for it."""
    source = shop(server, tmp_path, [row(1), row(3), row(5)])
    step, found = planned(source), []
    blocker = engine(Connection("shop", server.url("cards")))
    with blocker.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cards VALUES (%s, %s, %s, %s)", row(2))
        thread = threading.Thread(target=lambda: found.append(applied(source, step)[0]))
        thread.start()
        time.sleep(0.3)
    thread.join(30)
    blocker.dispose()
    assert found == [{(1,): DONE, (3,): DONE, (5,): DONE}]
    assert there(server) == [2]


def test_keys_of_two_parts_are_one_range(server, tmp_path):
    source = shop(server, tmp_path, [(n, OLD, "b@a.example", "n", 0) for n in range(6)], ddl={"line": "INTEGER NOT NULL"},
                  described={"line": {"type": "integer"}}, key=["card", "line"])  # fmt: skip
    drop = "DROP PRIMARY KEY" if server.kind == "mysql" else "DROP CONSTRAINT cards_pkey"
    run(server, f"ALTER TABLE cards {drop}, ADD PRIMARY KEY (card, line)")
    run(server, "DELETE FROM cards")
    every = [(a, b) for a in (1, 2, 3) for b in (1, 5, 9)]
    run(server, "INSERT INTO cards VALUES (%s, %s, %s, %s, %s)", *((a, OLD, "b@a.example", "n", b) for a, b in every))
    step = planned(source)
    # The first and the last of them are another batch's: beside this one's ends, under the same first part.
    step = Step(step.selection, step.change, step.items[1:-1])
    outcomes, ranged = applied(source, step)
    assert ranged
    assert set(outcomes) == set(every[1:-1])
    assert set(outcomes.values()) == {DONE}
    assert run(server, "SELECT card, line FROM cards ORDER BY card, line") == [(1, 1), (3, 9)]


def test_a_key_that_a_collation_takes_for_another_deletes_no_other_row(server, tmp_path):
    """Texts go by key: their order is a collation's, and so is what counts as the same."""
    source = shop(server, tmp_path, [(n, OLD, "b@a.example", "n", code) for n, code in enumerate(["A1", "B2", "c3"])],
                  ddl={"code": "VARCHAR(20)"}, described={"code": TEXT}, key=["code"])  # fmt: skip
    step = planned(source)
    run(server, "UPDATE cards SET code = 'b2' WHERE code = 'B2'")
    outcomes, ranged = applied(source, step)
    assert not ranged
    assert outcomes == {("A1",): DONE, ("B2",): (Status.GONE, ""), ("c3",): DONE}
    assert there(server, "code") == ["b2"]


def test_a_column_that_is_another_in_the_table_than_in_the_select_deletes_no_other_row(server, tmp_path):
    """As many rows of the table are due by its own column as are planned, and they are others."""
    source = shop(server, tmp_path, [(n, OLD if n < 3 else NEW, "b@a.example", "n", NEW if n < 3 else OLD) for n in range(6)],
                  ddl={"closed": "DATE"}, described={"closed": {"type": "date"}})  # fmt: skip
    text = tmp_path / "sql/shop/cards.sql"
    text.write_text("SELECT card, closed AS sold, email, note, sold AS closed FROM cards")
    step = planned(source)
    assert [item.key for item in step.items] == [(3,), (4,), (5,)]
    # A row within the range that is due by the table's own column alone.
    run(server, f"UPDATE cards SET card = -card, sold = '{OLD}' WHERE card = 4")
    run(server, f"INSERT INTO cards VALUES (4, '{NEW}', 'b@a.example', 'n', '{OLD}')")
    outcomes, ranged = applied(source, step)
    assert not ranged
    assert set(outcomes.values()) == {DONE}
    assert there(server) == [-4, 0, 1, 2]


def test_a_row_that_another_refers_to_stays(server, tmp_path):
    """Edge case 15."""
    source = shop(server, tmp_path, [row(1), row(3), row(5)])
    run(
        server,
        "CREATE TABLE stamps (stamp INTEGER PRIMARY KEY, card INTEGER, FOREIGN KEY (card) REFERENCES cards (card))",
    )
    run(server, "INSERT INTO stamps VALUES (1, 3)")
    outcomes, ranged = applied(source, planned(source))
    assert not ranged
    assert outcomes == {(1,): DONE, (3,): (Status.FAILED, "sql.referenced"), (5,): DONE}
    assert there(server) == [3]


def test_what_stands_in_one_column_is_no_part_of_another(server, tmp_path):
    """Texts that would read the same side by side are other contents."""
    texts = [
        ("a", 'b","c'),
        ('a","b', "c"),
        ("", None),
        (None, ""),
        ("a,b", "c"),
        ("a", "b,c"),
        ("NULL", None),
        ("é", "e"),
    ]
    source = shop(server, tmp_path, [(1, OLD, email, note) for email, note in texts[:1]])
    versions = []
    for email, note in texts:
        run(server, "UPDATE cards SET email = %s, note = %s", (email, note))
        versions.append(planned(source).items[0].version)
    assert len(set(versions)) == len(texts)
    assert all(len(version) == 64 for version in versions)


CHANGES = ["later", "text", "gone", "come", "come_new", "held"]


@pytest.fixture(scope="module")
def one(server, tmp_path_factory):
    return shop(server, tmp_path_factory.mktemp("cards"), [])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.dictionaries(st.integers(-20, 20), st.booleans(), min_size=1, max_size=12),
    changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(-20, 20)), max_size=3),
)
def test_whatever_happens_after_the_plan_only_planned_rows_go_that_are_as_they_were(server, one, known, changes):
    run(server, "DELETE FROM cards")
    run(server, "INSERT INTO cards VALUES (%s, %s, %s, %s)", *(row(n, OLD if due else NEW) for n, due in known.items()))
    step = planned(one)
    going = {item.key[0] for item in step.items}
    assert going == {n for n, due in known.items() if due}
    rows, held = set(known), set()
    for what, n in changes:
        if what in ("come", "come_new") and n not in rows:
            run(
                server, "INSERT INTO cards VALUES (%s, %s, %s, %s)", row(n, OLD if what == "come" else NEW, note="came")
            )
            rows.add(n)
        elif what == "held":
            held.add(n)
            going.discard(n)
        elif n in rows and what in ("later", "text", "gone"):
            text = {"later": f"UPDATE cards SET sold = '{NEW}'", "text": "UPDATE cards SET note = 'x'",
                    "gone": "DELETE FROM cards"}[what]  # fmt: skip
            run(server, f"{text} WHERE card = {n}")
            rows -= {n} if what == "gone" else set()
            going.discard(n)
    going &= rows
    spare = [Kept((), "cards", keys=frozenset((str(n),) for n in held))] if held else []
    outcomes, _ = applied(one, step, spare) if step.items else ({}, False)
    assert {key[0] for key, became in outcomes.items() if became == DONE} == going
    assert set(there(server)) == rows - going
