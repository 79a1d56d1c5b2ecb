"""What goes, what stays, and that it is all or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from conftest_sources import moment, of
from privacy.errors import BadConfiguration, PrivacyError, Refused, RetryLater
from privacy.sources.base import (
    ByKey,
    Delete,
    Due,
    Every,
    Identifier,
    Of,
    Redaction,
    Selection,
    Set,
    Status,
    Step,
    Subject,
)

FOREVER = Due(moment("2099-01-01"))


def statuses(outcomes):
    return [o.status for o in outcomes]


def do(shop, *steps, spare=(), system=None):
    source = shop.source()
    if system is not None:
        source.system = system
    return list(source.apply(list(steps), list(spare)))


def refused(shop, code, *steps, **more):
    before = shop.dump()
    with pytest.raises(PrivacyError, match=code.replace(".", r"\.")) as error:
        do(shop, *steps, **more)
    assert shop.dump() == before
    return error.value


def declaring(shop, dataset, **update):
    system = shop.source().system
    changed = system.datasets[dataset].model_copy(update=update)
    return system.model_copy(update={"datasets": {**system.datasets, dataset: changed}})


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET DEFAULT"])
@pytest.mark.parametrize("beside", [True, False])
def test_rows_beyond_the_plan_that_would_go_along_are_refused_however_it_is_declared(shop, action, beside):
    """A foreign key written beside its column counts as one written below."""
    column = "c INTEGER" + f" REFERENCES clients ON DELETE {action}" * beside
    below = f", FOREIGN KEY (c) REFERENCES Clients(client) ON DELETE {action}" * (not beside)
    shop.db.execute(f"CREATE TABLE kids (id INTEGER PRIMARY KEY, {column}{below})")
    shop.db.execute("INSERT INTO kids VALUES (1, 1)")
    error = refused(shop, "sql.cascade", shop.step("clients", of(1), Delete()))
    assert isinstance(error, Refused)
    assert "kids" in error.message
    assert statuses(do(shop, shop.step("clients", of(2), Delete()))) == [Status.DONE]


def test_a_declared_cascade_goes_along_and_what_it_drags_along_undeclared_is_refused(shop):
    shop.db.executescript(
        "CREATE TABLE kids (id INTEGER PRIMARY KEY, c INTEGER REFERENCES clients ON DELETE CASCADE);"
        "CREATE TABLE toys (id INTEGER PRIMARY KEY, k INTEGER REFERENCES kids ON DELETE CASCADE);"
        "INSERT INTO kids VALUES (1, 1); INSERT INTO toys VALUES (1, 1);"
    )
    step = shop.step("clients", of(1), Delete())
    refused(shop, "sql.cascade", step, system=declaring(shop, "clients", cascades=("kids",)))
    both = declaring(shop, "clients", cascades=("kids", "toys"))
    assert statuses(do(shop, step, system=both)) == [Status.DONE]
    assert shop.db.execute("SELECT count(*) FROM toys").fetchone() == (0,)


def test_a_held_row_is_not_taken_along_by_a_declared_cascade(shop):
    """Edge case 15: what is held stays, and what it hangs on with it."""
    shop.order("a", client=1)
    shop.order("b", client=1)
    shop.db.executemany("INSERT INTO lines VALUES (?, 2026, ?)", [(1, "a"), (2, "b")])
    shop.select("lines", "SELECT line, CASE line WHEN 1 THEN 77 END AS client FROM lines")
    outcomes = do(
        shop,
        shop.step("orders", of(1), Delete()),
        spare=[of(77)],
        system=declaring(shop, "orders", cascades=("lines",)),
    )
    assert [(o.status, o.reason) for o in outcomes] == [(Status.HELD, "hold_below"), (Status.DONE, "")]
    assert shop.db.execute("SELECT line FROM lines").fetchall() == [(1,)]


def test_what_a_held_row_of_the_unit_refers_to_stays_and_the_rest_goes(shop):
    """Edge cases 15 and 17."""
    shop.order("a", client=1, receiver_email="oma@a.example")
    shop.order("b", client=2)
    unit = [shop.step("clients", of(1, 2), Delete()), shop.step("orders", of(1, 2), Delete())]
    outcomes = do(shop, *unit, spare=[of("oma@a.example")])
    assert [o.reason for o in outcomes] == ["hold_below", "", "hold", ""]
    assert shop.db.execute("SELECT client FROM clients").fetchall() == [(1,), (3,)]
    assert shop.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_an_invoice_that_must_stay_keeps_what_it_refers_to_and_the_rest_goes(shop):
    """Edge cases 17 and 18: the record of a statutory term is not planned, so its customer cannot go; another can."""
    shop.order("invoice", client=1)
    outcomes = do(shop, shop.step("clients", of(1, 2), Delete()))
    assert [(o.status, o.reason, o.records) for o in outcomes] == [
        (Status.FAILED, "sql.referenced", 0), (Status.DONE, "", 1),
    ]  # fmt: skip
    assert shop.db.execute("SELECT client FROM clients").fetchall() == [(1,), (3,)]
    assert shop.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_a_row_that_is_still_referred_to_refers_to_stays_too(shop):
    """A chain of clients, 1 <- 2 <- 3, with an order of 3 that nobody planned: none of the three can go."""
    shop.db.executescript(
        "UPDATE clients SET parent = 1 WHERE client = 2; UPDATE clients SET parent = 2 WHERE client = 3"
    )
    shop.db.execute("INSERT INTO clients VALUES (4, 'c4@a.example', NULL, '2024-01-01T00:00:00Z')")
    shop.order("invoice", client=3)
    outcomes = do(shop, shop.step("clients", of(1, 2, 3, 4), Delete()))
    assert [o.reason for o in outcomes] == ["sql.referenced"] * 3 + [""]
    assert shop.db.execute("SELECT client FROM clients").fetchall() == [(1,), (2,), (3,)]


def test_what_a_held_row_refers_to_through_another_is_held_and_not_failed(shop):
    """Edge case 15: the reason is the hold, however long the chain."""
    shop.db.executescript(
        "UPDATE clients SET parent = 1 WHERE client = 2; UPDATE clients SET parent = 2 WHERE client = 3"
    )
    outcomes = do(shop, shop.step("clients", of(1, 2, 3), Delete()), spare=[of(3)])
    assert [(o.status, o.reason) for o in outcomes] == [
        (Status.HELD, "hold_below"), (Status.HELD, "hold_below"), (Status.HELD, "hold"),
    ]  # fmt: skip


def test_a_planned_row_that_changed_is_not_taken_along_by_a_cascade_in_between(shop):
    """Edge case 14: it is not in the way's first table but below one whose rows go along by themselves."""
    shop.db.executescript(
        "CREATE TABLE kids (id INTEGER PRIMARY KEY, c INTEGER REFERENCES clients ON DELETE CASCADE);"
        "CREATE TABLE toys (line INTEGER PRIMARY KEY, client INTEGER, k INTEGER REFERENCES kids ON DELETE CASCADE);"
        "INSERT INTO kids VALUES (1, 1), (2, 2); INSERT INTO toys VALUES (1, 1, 1), (2, 2, 2);"
    )
    shop.select("lines", "SELECT line, client FROM toys")
    unit = [shop.step("clients", of(1, 2), Delete()), shop.step("lines", of(1, 2), Delete())]
    shop.db.execute("UPDATE toys SET client = 3 WHERE line = 1")
    system = declaring(shop, "clients", cascades=("kids", "toys"))
    datasets = {**system.datasets, "lines": system.datasets["lines"].model_copy(update={"table": "toys"})}
    outcomes = do(shop, *unit, system=system.model_copy(update={"datasets": datasets}))
    assert [o.reason for o in outcomes] == ["changed_below", "", "not_selected", ""]
    assert shop.db.execute("SELECT line FROM toys").fetchall() == [(1,)]


def test_of_a_row_that_refers_twice_both_references_count(shop):
    """One would be emptied by the database, as declared; the other still holds."""
    shop.db.executescript(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, a INTEGER REFERENCES clients, "
        "b INTEGER REFERENCES clients ON DELETE SET NULL); INSERT INTO notes VALUES (1, 1, 1), (2, NULL, 2);"
    )
    outcomes = do(
        shop, shop.step("clients", of(1, 2), Delete()), system=declaring(shop, "clients", cascades=("notes",))
    )
    assert [o.reason for o in outcomes] == ["sql.referenced", ""]
    assert shop.db.execute("SELECT a, b FROM notes").fetchall() == [(1, 1), (None, None)]


def test_a_row_that_stays_anyway_asks_for_no_declared_cascade(shop):
    """Nothing is refused for what would have gone along with a row that stays for another reason."""
    shop.db.execute("CREATE TABLE kids (id INTEGER PRIMARY KEY, c INTEGER REFERENCES clients ON DELETE CASCADE)")
    shop.db.execute("INSERT INTO kids VALUES (1, 1)")
    shop.order("invoice", client=1)
    outcomes = do(shop, shop.step("clients", of(1, 2), Delete()))
    assert [o.reason for o in outcomes] == ["sql.referenced", ""]


@pytest.mark.parametrize("pick", [Every(), ByKey(keys=frozenset([(1,)]))])
def test_what_is_picked_for_reading_alone_is_never_changed(shop, pick):
    refused(shop, "sources.for_reading", shop.step("clients", pick, Delete()))


def test_a_reference_that_was_broken_before_stops_nothing(shop):
    shop.db.execute("PRAGMA foreign_keys = OFF")
    shop.order("old", client=99)
    shop.order("a", client=1)
    assert statuses(do(shop, shop.step("orders", of(1), Delete()))) == [Status.DONE]


def test_what_may_be_held_stays_where_the_record_does_not_say_when_it_was(shop):
    shop.order("a", email="x@a.example", at=None)
    step = shop.step("orders", of("x@a.example"), Delete())
    held = Of((Subject(1, (Identifier("email", "x@a.example", moment("2026-01-01"), None),)),))
    assert statuses(do(shop, step, spare=[held])) == [Status.HELD]


@pytest.mark.parametrize("null", ["", " NOT NULL"])
def test_tables_that_refer_to_each_other_and_to_themselves_go_together(shop, null):
    shop.db.executescript(
        f"""CREATE TABLE ring (line INTEGER PRIMARY KEY, client INTEGER,
          next INTEGER{null} REFERENCES ring ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
        BEGIN; INSERT INTO ring VALUES (1, 1, 2), (2, 1, 3), (3, 1, 1); COMMIT;"""
    )
    shop.select("lines", "SELECT line, client FROM ring")
    system = declaring(shop, "lines", table="ring")
    outcomes = do(shop, shop.step("lines", of(1), Delete()), system=system)
    assert statuses(outcomes) == [Status.DONE] * 3
    assert shop.db.execute("SELECT count(*) FROM ring").fetchone() == (0,)


def test_a_select_that_looks_at_the_children_finds_them_when_it_is_asked(shop):
    """Children go first; the parent is judged by what was there before."""
    shop.order("a", client=1)
    shop.select(
        "clients",
        "SELECT client, (SELECT max(number) FROM orders o WHERE o.client = c.client) AS email, parent, since FROM clients c",
    )
    unit = [shop.step("clients", of(1), Delete()), shop.step("orders", of(1), Delete())]
    assert statuses(do(shop, *unit)) == [Status.DONE, Status.DONE]


def test_more_rows_than_one_statement_takes_go_in_one_unit(shop):
    for n in range(2500):
        shop.order(f"{n:05}", client=1 + n % 2)
    outcomes = do(shop, shop.step("orders", of(1), Delete()))
    assert statuses(outcomes) == [Status.DONE] * 1250
    assert shop.db.execute("SELECT DISTINCT client FROM orders").fetchall() == [(2,)]


def test_a_unit_that_breaks_at_its_last_row_leaves_every_table_as_it_was(shop):
    """Edge case 34, and all or nothing over tables and batches: the database's own exception, from a trigger."""
    for n in range(1500):
        shop.order(f"{n:05}", client=1)
    shop.db.execute(
        "CREATE TRIGGER t BEFORE DELETE ON clients BEGIN SELECT RAISE(ABORT, 'Key (email)=(c1@a.example) exists'); END"
    )
    redact = Step(Selection("orders", of(1)), Set({"note": "x"}), shop.locate("orders", of(1))[:5])
    unit = [redact, shop.step("orders", of(1), Delete()), shop.step("clients", of(1), Delete())]
    error = refused(shop, "database.failed", *unit)
    assert "c1@" not in f"{error!r} {error}"
    assert error.__suppress_context__


def test_a_trigger_that_quietly_keeps_a_row_is_no_success(shop):
    """Edge case 28."""
    shop.order("a", client=1)
    shop.db.execute("CREATE TRIGGER t BEFORE DELETE ON orders BEGIN SELECT RAISE(IGNORE); END")
    refused(shop, "sql.kept", shop.step("orders", of(1), Delete()))


def test_a_database_that_is_in_use_is_tried_again_later(shop, monkeypatch):
    shop.order("a", client=1)
    step, source = shop.step("orders", of(1), Delete()), shop.source()
    shop.db.execute("BEGIN IMMEDIATE")
    opened = source.open_engine

    def impatient(*, read_only):
        from sqlalchemy import event

        engine = opened(read_only=read_only)
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 1"))
        return engine

    monkeypatch.setattr(source, "open_engine", impatient)
    with pytest.raises(RetryLater, match=r"database\.busy"):
        source.apply([step], [])
    shop.db.rollback()


def test_setting_twice_is_done_twice_and_changes_once(shop):
    """Edge case 13: the second try after the evidence of the first was lost."""
    shop.order("a", client=1, email="x@a.example", note="private", price="1.0000")
    step = shop.step("orders", of(1), Set({"note": Redaction.NULL, "email": Redaction.UNIQUE, "price": Decimal("2.5")}))
    assert statuses(do(shop, step)) == [Status.DONE]
    after = shop.dump()
    assert statuses(do(shop, step)) == [Status.DONE]
    assert shop.dump() == after
    shop.db.execute("UPDATE orders SET note = 'new'")
    assert statuses(do(shop, step)) == [Status.CHANGED]


def test_constants_are_written_in_the_stores_own_form_and_read_back_alike(shop):
    """Edge case 21, the other way round."""
    shop.order("a", client=1)
    at = datetime(2026, 7, 1, 8, 0, 0, 5000, tzinfo=UTC)
    values = {"at": at, "paid_ms": at, "price": Decimal("1.2300"), "gift": True, "due": date(2026, 2, 1),
        "tags": ["é"], "meta": {"fee": Decimal("1.20"), "tries": 1}, "drawing": b"\x00", "big": 2**62, "note": "'; --"}  # fmt: skip
    assert statuses(do(shop, shop.step("orders", of(1), Set(values)))) == [Status.DONE]
    (row,) = shop.read("orders", of(1))
    assert {name: row[name] for name in values} == values


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"big": "veel"}, "sql.constant"),
        ({"big": Redaction.UNIQUE}, "sql.constant"),
        ({"paid_ms": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)}, "sql.constant"),
        ({"nowhere": 1}, "sql.no_column"),
    ],
)
def test_what_a_column_cannot_hold_is_never_set(shop, values, code):
    shop.order("a", client=1)
    assert isinstance(refused(shop, code, shop.step("orders", of(1), Set(values))), BadConfiguration)


def test_a_key_that_the_table_does_not_have_by_that_name_changes_nothing(shop):
    shop.order("a", client=1)
    shop.db.execute("INSERT INTO lines VALUES (7, 2026, 'a')")
    shop.db.execute("ALTER TABLE lines RENAME COLUMN line TO id")
    shop.select("lines", "SELECT id AS line, 1 AS client FROM lines")
    error = refused(shop, "sql.alias", shop.step("lines", of(1), Delete()))
    assert "line" in error.message


def test_a_key_that_names_other_rows_of_the_table_changes_nothing(shop):
    shop.db.execute("INSERT INTO orders (year, number, client) VALUES (2026, 'a', 1)")
    shop.select("lines", "SELECT 12345 AS line, 1 AS client FROM orders")
    refused(shop, "sql.count", shop.step("lines", of(1), Delete()))


@pytest.mark.parametrize("key", ["plain", "a\0b", "é'\"", "2026"])
def test_any_text_can_be_a_key(shop, key):
    shop.order(key, client=1)
    shop.order("a", client=1)
    (item,) = (i for i in shop.locate("orders", of(1)) if i.key[1] == key)
    assert statuses(do(shop, Step(Selection("orders", of(1)), Delete(), (item,)))) == [Status.DONE]
    assert shop.db.execute("SELECT number FROM orders").fetchall() == [("a",)]


def test_one_record_more_or_less_than_planned_touches_no_other(shop):
    """Edge case 14: gone, no longer theirs, changed, and untouched, in one unit."""
    for number in "abcd":
        shop.order(number, client=1)
    step = shop.step("orders", of(1), Delete())
    shop.db.execute("DELETE FROM orders WHERE number = 'a'")
    shop.db.execute("UPDATE orders SET client = 2 WHERE number = 'b'")
    shop.db.execute("UPDATE orders SET price = '1.0' WHERE number = 'c'")
    assert statuses(do(shop, step)) == [Status.GONE, Status.GONE, Status.CHANGED, Status.DONE]
    assert shop.db.execute("SELECT number FROM orders").fetchall() == [("b",), ("c",)]


def test_a_due_row_whose_start_moved_on_stays(shop):
    """Edge cases 14 and 18: a dispute that keeps a record longer is in its start column."""
    shop.order("a", client=1)
    step = shop.step("orders", Due(moment("2026-06-01")), Delete())
    shop.db.execute("UPDATE orders SET at = NULL")
    assert statuses(do(shop, step)) == [Status.GONE]
    assert shop.db.execute("SELECT count(*) FROM orders").fetchone() == (1,)


@pytest.mark.parametrize(
    ("break_it", "code", "fatal"),
    [
        (lambda s: s.db.execute("ALTER TABLE lines RENAME TO regels"), "database.absent", True),
        (lambda s: (s.folder / "sql/shop/lines.sql").unlink(), "sql.no_file", True),
        (lambda s: s.db.execute("CREATE TABLE k (c REFERENCES clients ON DELETE SET NULL)"), "sql.cascade", False),
        (lambda s: (s.folder / "shop.db").unlink(), "database.missing", True),
        (lambda s: s.db.execute("ALTER TABLE orders RENAME COLUMN note TO notes"), "database.absent", True),
    ],
)
def test_the_doctor_names_what_is_wrong(shop, break_it, code, fatal):
    """Edge case 25: a renamed table."""
    assert list(shop.source().check()) == []
    break_it(shop)
    found = {p.code: p for p in shop.source().check()}
    assert code in found
    assert found[code].fatal is fatal
    assert found[code].where.startswith("shop")
