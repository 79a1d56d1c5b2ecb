"""Engines of the servers: sessions in UTC, transactions that only read, errors that quote nothing."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine, translated
from privacy.errors import BadConfiguration, GiveUp, PrivacyError, RetryLater
from services.conftest import Server


@pytest.fixture
def url(server: Server) -> str:
    found = server.create("engines")
    with engine(Connection("shop", found)).begin() as opened:
        opened.exec_driver_sql("CREATE TABLE clients (email VARCHAR(100) PRIMARY KEY, at TIMESTAMP NULL)")
        opened.exec_driver_sql("INSERT INTO clients VALUES ('anna@a.example', NULL)")
    return found


def failing(url: str, statement: str, *, read_only: bool = False) -> PrivacyError:
    with (
        pytest.raises(PrivacyError) as failure,
        translated("shop.clients"),
        engine(Connection("shop", url), read_only=read_only).begin() as opened,
    ):
        opened.exec_driver_sql(statement)
    text = "".join(traceback.format_exception(failure.value))
    assert "anna" not in text
    assert "owner:" not in text
    assert failure.value.__suppress_context__
    return failure.value


def test_a_key_that_the_server_quotes_is_not_quoted_by_us(url):
    """Edge case 34: `DETAIL: Key (email)=(...)`, `Duplicate entry '...'`."""
    found = failing(url, "INSERT INTO clients VALUES ('anna@a.example', NULL)")
    assert (type(found), found.code) == (GiveUp, "database.failed")
    assert any(number in found.message for number in ("1062", "23505")), found.message


@pytest.mark.parametrize("statement", ["SELECT anna FROM clients", "SELECT 1 FROM anna"])
def test_what_is_not_there_is_told_as_that(url, statement):
    assert failing(url, statement).code == "database.absent"


def test_an_engine_for_reading_cannot_write(url):
    assert isinstance(failing(url, "DELETE FROM clients", read_only=True), GiveUp)
    with engine(Connection("shop", url)).connect() as opened:
        assert opened.exec_driver_sql("SELECT count(*) FROM clients").scalar() == 1


def test_an_account_that_may_only_read_says_so(server, url):
    assert url
    found = failing(server.reader("engines"), "DELETE FROM clients")
    assert (type(found), found.code) == (BadConfiguration, "database.denied")


def test_a_wrong_or_expired_password_is_told_without_it(server, url):
    assert url
    found = failing(server.url("engines", password="anna"), "SELECT 1")
    assert (type(found), found.code) == (BadConfiguration, "database.login")


def test_a_server_that_is_not_there_is_asked_again_later(url):
    there = sa.make_url(url)
    gone = there.set(port=1).render_as_string(hide_password=False)
    assert isinstance(failing(gone, "SELECT 1"), RetryLater)


def test_a_database_that_is_not_there_is_no_empty_shop(server):
    """Edge case 28."""
    assert isinstance(failing(server.url("nowhere"), "SELECT 1"), GiveUp)


def test_sessions_are_in_utc_and_a_reader_sees_one_state(url):
    with engine(Connection("shop", url)).begin() as writer:
        writer.exec_driver_sql("UPDATE clients SET at = '2026-07-01 12:00:00'")
    with engine(Connection("shop", url), read_only=True).connect() as reader:
        before = reader.exec_driver_sql("SELECT at FROM clients").scalar()
        assert before.replace(tzinfo=UTC) == datetime(2026, 7, 1, 12, tzinfo=UTC)
        with engine(Connection("shop", url)).begin() as writer:
            writer.exec_driver_sql("DELETE FROM clients")
        assert reader.exec_driver_sql("SELECT count(*) FROM clients").scalar() == 1


def test_a_connection_that_was_cut_is_replaced_and_in_the_middle_it_is_retried(server, url):
    one = engine(Connection("shop", url))
    with one.connect() as opened:
        opened.exec_driver_sql("SELECT 1")
    server.cut("engines")
    with one.connect() as opened:
        assert opened.exec_driver_sql("SELECT count(*) FROM clients").scalar() == 1
        server.cut("engines")
        with pytest.raises(RetryLater), translated("shop"):
            opened.exec_driver_sql("SELECT 1")


def test_a_fork_has_connections_of_its_own(url):
    """LocalExecutor forks: two processes on one connection would read each other's answers."""
    one = engine(Connection("shop", url))
    number = "SELECT connection_id()" if url.startswith("mysql") else "SELECT pg_backend_pid()"
    with one.connect() as opened:
        mine = opened.exec_driver_sql(number).scalar()
    out, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            with one.connect() as opened:
                os.write(told, str(opened.exec_driver_sql(number).scalar()).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(out, 100)
    assert theirs
    assert int(theirs) != mine
    with one.connect() as opened:
        assert opened.exec_driver_sql(number).scalar() == mine
