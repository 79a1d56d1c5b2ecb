"""Engines, and drivers' errors turned into ours."""

from __future__ import annotations

import sqlite3
import threading
import traceback

import pytest
import sqlalchemy as sa

from privacy import database
from privacy.connections import Connection
from privacy.database import engine, reading, translated
from privacy.errors import BadConfiguration, BadInput, GiveUp, RetryLater


def connection(path, name="shop"):
    return Connection(name, f"sqlite:///{path}")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE clients (email TEXT UNIQUE, parent TEXT REFERENCES clients (email))")
        raw.execute("INSERT INTO clients VALUES ('anna@a.example', NULL)")
    raw.close()
    return path


def test_a_database_that_is_missing_is_an_error_and_not_a_new_empty_shop(tmp_path):
    """Edge case 28."""
    for read_only in (True, False):
        with pytest.raises(BadConfiguration, match=r"database\.missing"):
            engine(connection(tmp_path / "no.db"), read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_to_be_made_is_made_with_its_folder(tmp_path):
    made = engine(connection(tmp_path / "state" / "ledger.db"), create=True)
    with made.begin() as opened:
        opened.exec_driver_sql("CREATE TABLE t (a)")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("url", ["", "no url", "nothing-known:x"])
def test_what_is_no_url_is_told_without_quoting_it(url):
    with pytest.raises(BadConfiguration) as refusal:
        engine(Connection("shop", url))
    assert refusal.value.where == "shop"
    assert url not in str(refusal.value) or not url


def test_a_path_with_signs_of_a_url_in_it_is_that_path(tmp_path):
    path = tmp_path / "a%20b #1?.db"
    sqlite3.connect(path).close()
    with engine(connection(str(path).replace("?", "%3F").replace("#", "%23").replace("%20", "%2520"))).connect():
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["a%20b #1?.db"]


def test_a_read_only_engine_cannot_write(file):
    with pytest.raises(GiveUp), translated("shop"), engine(connection(file), read_only=True).begin() as opened:
        opened.exec_driver_sql("DELETE FROM clients")


def test_no_parameter_stands_in_an_error_or_its_traceback(file):
    """Edge case 34: the driver's own text quotes nothing here, and SQLAlchemy's would quote the parameters."""
    with pytest.raises(GiveUp) as failure, translated("shop.clients"), engine(connection(file)).begin() as opened:
        opened.execute(sa.text("INSERT INTO clients (email) VALUES (:e)"), {"e": "anna@a.example"})
    assert failure.value.code == "database.failed"
    assert "anna" not in "".join(traceback.format_exception(failure.value))
    assert (failure.value.__cause__, failure.value.__suppress_context__) == (None, True)


class Quoting(sqlite3.OperationalError):
    """As PostgreSQL says it: DETAIL: Key (email)=(...)."""


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("database is locked", RetryLater, "database.busy"),
        ("deadlock detected DETAIL: Key (email)=(anna@a.example)", RetryLater, "database.busy"),
        ("server closed the connection unexpectedly", RetryLater, "database.busy"),
        ("no such table: anna", BadConfiguration, "database.absent"),
        ('column "anna" does not exist', BadConfiguration, "database.absent"),
        ("duplicate key DETAIL: Key (email)=(anna@a.example)", GiveUp, "database.failed"),
    ],
)
def test_a_driver_s_error_says_what_to_do_and_nothing_of_its_own(text, kind, code):
    """Edge case 34."""
    for problem in (Quoting(text), sa.exc.OperationalError("SELECT", {}, Quoting(text))):
        with pytest.raises(kind) as failure, translated("shop.clients"):
            raise problem
        assert (failure.value.code, failure.value.where) == (code, "shop.clients")
        assert "anna" not in "".join(traceback.format_exception(failure.value))


def test_an_error_of_ours_passes_as_it_is():
    with pytest.raises(BadInput, match="mine"), translated("x"):
        raise BadInput("mine", "m")


def test_foreign_keys_hold(file):
    with pytest.raises(sa.exc.IntegrityError), engine(connection(file)).begin() as opened:
        opened.exec_driver_sql("INSERT INTO clients VALUES ('b', 'nobody')")


def test_two_transactions_that_may_write_come_one_after_the_other(file, monkeypatch):
    monkeypatch.setattr(database, "_WAIT", 0.1)
    with engine(connection(file)).begin(), pytest.raises(RetryLater), translated("shop"):
        engine(connection(file)).connect().exec_driver_sql("SELECT 1")


def test_reading_waits_for_no_writer(file, monkeypatch):
    monkeypatch.setattr(database, "_WAIT", 0.1)
    one = engine(connection(file))
    with one.begin() as writer:
        writer.exec_driver_sql("UPDATE clients SET parent = email")
        with reading(one).connect() as reader:
            assert reader.exec_driver_sql("SELECT count(parent) FROM clients").scalar() == 0
    with reading(one).connect(), one.begin():
        pass


def test_an_engine_serves_many_threads(file):
    one, seen = reading(engine(connection(file))), []

    def count():
        with one.connect() as opened:
            seen.append(opened.exec_driver_sql("SELECT count(*) FROM clients").scalar())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1, 1, 1, 1]
