"""When a stored value is: a server's SQL and our own reading agree to the microsecond, in every zone (edge cases 1-11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from privacy.connections import Connection
from privacy.database import engine
from privacy.datamap.models import Column
from privacy.sources.instants import EPOCH, instant
from privacy.sources.sql_dialect import dialect_of
from privacy.sources.zones import offsets

ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Europe/Dublin", "Asia/Kolkata", "Australia/Lord_Howe")
TYPES = {
    "postgresql": {"at": "timestamptz", "local": "timestamp", "day": "date", "iso": "text", "number": "bigint",
                   "exact": "numeric(20,6)"},
    "mysql": {"at": "TIMESTAMP(6) NULL", "local": "DATETIME(6)", "day": "DATE", "iso": "VARCHAR(60)",
              "number": "BIGINT", "exact": "DECIMAL(20,6)"},
}  # fmt: skip


def turns():
    """Local times around changes of the clock in the zones above: those that occur twice, and those that never do."""
    for zone in ZONES:
        for since, _ in offsets(zone)[:60]:
            at = datetime.fromisoformat(since)
            if 1901 < at.year < 2037:
                yield from (at + timedelta(minutes=m, microseconds=1) for m in (-90, -60, -45, -30, -1, 0, 30, 60, 90))


def moments():
    chance = Random(7)  # noqa: S311 - reproducible
    yield from turns()
    for _ in range(300):
        yield datetime(1970, 1, 2) + timedelta(microseconds=chance.randrange(2**51))
    yield from (
        datetime(1, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59, 999_999),
        datetime(2024, 2, 29),
        datetime(1999, 12, 31, 23, 59, 59),
    )


ODD = ("", "x", "0000-00-00", "2026-02-30", "2025-02-29", "2024-02-29", "2100-02-29", "2026-13-01", "2026-01-01T24:00:00",
       "2026-01-01T10:60:00", " 2026-01-01 ", "2026-01-01T10:00", "2026-01-01T10:00:00,5", "2026-01-01 10:00:00.1234567",
       "2026-01-01T10:00:00Z", "2026-01-01T10:00:00+01:00", "2026-01-01T10:00:00-0530", "2026-01-01T10:00:00+02",
       "2026-01-01T10:00:00.5-05:30", "20260101", "2026-W01-1", "unknown", "2026-01-01T", "12", "0001-01-01", "9999-12-31",
       "2026-10-25T02:30:00", "2026-03-29T02:30:00", "1000000000", "1.5", "-3", "99999999999999999999", "2026-1-1")  # fmt: skip


@pytest.fixture(scope="module")
def filled(server):
    url = server.create("moments")
    kinds = TYPES[server.kind]
    rows = []
    for at in dict.fromkeys(moments()):
        stamp = at if server.kind == "postgresql" or datetime(1970, 1, 2) < at < datetime(2038, 1, 1) else None
        micros = (at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
        rows.append((stamp, at, at.date(), at.isoformat(), micros, micros / 1_000_000 if abs(micros) < 2**52 else None))
    rows += [(None, None, None, text, None, None) for text in ODD] + [(None,) * 6]
    with engine(Connection("shop", url)).begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE m (id INTEGER, {', '.join(f'{n} {k}' for n, k in kinds.items())})")
        marks = ", ".join(["%s"] * 7)
        connection.exec_driver_sql(f"INSERT INTO m VALUES ({marks})", [(n, *row) for n, row in enumerate(rows)])
    return url


def both(url, name, column):
    """Of each row: the value as the driver gives it, what the server says, what we say."""
    connection = Connection("shop", url)
    dialect = dialect_of(connection)
    with dialect.open(connection, read_only=True).connect() as opened:
        dialect = dialect.of(dialect.columns_of(opened, "SELECT * FROM m"))
        text = dialect.micros(f'd."{name}"', column)
        rows = opened.exec_driver_sql(f'SELECT d."{name}", {text} FROM (SELECT * FROM m) AS d ORDER BY d."id"').all()
    return [(row[0], row[1], instant(row[0], column.form, column.zone or "UTC")) for row in rows]


def described(**words):
    return Column.model_validate({"description": "d", "category": "user.unique_id", "provenance": "provided"} | words)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", ["at", "local", "day"])
def test_a_typed_moment_is_read_as_we_read_it(filled, name, zone):
    """Edge cases 3, 5: twice an hour, never an hour, half hours, the years 1 and 9999."""
    column = described(type="date" if name == "day" else "datetime", zone=zone)
    found = both(filled, name, column)
    wrong = [row for row in found if row[1] != row[2] and not (row[0] is not None and row[0].year in (1, 9999))]
    assert wrong == []
    assert sum(row[1] is not None for row in found) > 200


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam"])
def test_a_text_is_read_as_we_read_it_or_says_nothing(filled, zone):
    """Edge case 11: what is no date is never due, and never an error that stops the others."""
    found = both(filled, "iso", described(type="datetime", zone=zone))
    wrong = [row for row in found if row[1] is not None and row[1] != row[2]]
    assert wrong == []
    unread = {row[0].strip() for row in found if row[1] is None and row[2] is not None}
    assert {text for text in unread if text[:4] not in ("0001", "9999")} <= {"20260101", "2026-W01-1"}


@pytest.mark.parametrize("form", ["epoch", "epoch_ms", "epoch_us"])
@pytest.mark.parametrize("name", ["number", "exact", "iso"])
def test_a_number_is_read_as_we_read_it(filled, name, form):
    """Edge case 11: 'unknown' is no second of 1970."""
    found = both(filled, name, described(type="datetime", zone="UTC", form=form))
    assert [row for row in found if row[1] != row[2]] == []


@pytest.mark.parametrize("zone", ZONES)
def test_the_offsets_of_a_zone_are_those_of_our_reading(zone):
    """For a database whose own zones are not asked."""
    known = offsets(zone)
    for at in turns():
        offset = next(shift for since, shift in known if at.isoformat(" ") >= since)
        said = instant(at, described(type="datetime", zone=zone).form, zone)
        assert (at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) - offset == said


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Australia/Lord_Howe"])
@pytest.mark.parametrize("name", ["at", "local", "day"])
def test_what_is_due_is_what_lies_before_the_bound_to_the_microsecond(filled, name, zone):
    """Edge case 11: far from the bound a moment is compared as it stands, near it exactly; what says none is never due."""
    column = described(type="date" if name == "day" else "datetime", zone=zone)
    dialect = dialect_of(connection := Connection("shop", filled))
    bounds = [datetime(1, 1, 2, tzinfo=UTC), datetime(3, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    with dialect.open(connection, read_only=True).connect() as opened:
        dialect = dialect.of(dialect.columns_of(opened, "SELECT * FROM m"))
        here, own = f'd."{name}"', "(SELECT * FROM m) AS d"
        exact = [
            row[0] for row in opened.exec_driver_sql(f"SELECT {dialect.micros(here, column)} FROM {own} ORDER BY id")
        ]
        known = sorted({at for at in exact if at is not None})
        for at in known[:: len(known) // 12]:
            bounds += [EPOCH + timedelta(microseconds=at + more) for more in (0, 1) if 0 < at < 4_000_000_000_000_000]
        for bound in bounds:
            text, parameters = dialect.due(here, column, bound)
            told = [bool(row[0]) for row in opened.exec_driver_sql(f"SELECT {text} FROM {own} ORDER BY id", parameters)]
            until = (bound - EPOCH) // timedelta(microseconds=1)
            assert told == [at is not None and at < until for at in exact], bound
    assert len(bounds) > 10
