"""Nothing is held that nobody described or excused: tables, columns, prefixes, and the project's own tables."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
import sqlalchemy as sa

import conftest_bikes
from conftest_bikes import HOME
from privacy.connections import Connection, EnvironmentConnections
from privacy.database import engine
from privacy.datamap.completeness import OWN, unclaimed, unclaimed_own
from privacy.datamap.load import load
from privacy.datamap.models import System
from privacy.ledger.migrate import upgrade
from privacy.sources import source_for
from privacy.sources.base import Claim


@pytest.fixture
def velo(tmp_path):
    """The bikes' database: ``velo(sql)`` changes it, and gives what is found."""
    file = tmp_path / "velo.db"
    url = conftest_bikes.make(file)

    def found(sql: str = "", system: System | None = None):
        with sqlite3.connect(file) as db:
            db.executescript(sql)
        db.close()
        system = system or load(HOME).systems["velo"]
        source = source_for(system, EnvironmentConnections({"PRIVACY_CONNECTION_VELO": url}), home=HOME)
        return [(f.name, f.code) for f in unclaimed(system, source.inventory(), HOME)]

    return found


def test_what_is_described_or_excused_is_complete(velo):
    assert velo() == []


def test_a_new_column_and_a_new_table_are_found(velo):
    """Edge case 25: an unclaimed new column."""
    sql = "ALTER TABLE riders ADD COLUMN shoe_size INTEGER; CREATE TABLE newsletter (mail TEXT)"
    assert velo(sql) == [("newsletter", "datamap.unclaimed"), ("riders.shoe_size", "datamap.unclaimed")]


def test_a_renamed_table_is_found(velo):
    """Edge case 25."""
    assert ("hirings", "datamap.unclaimed") in velo("ALTER TABLE hires RENAME TO hirings")


def test_an_excuse_for_what_is_not_there_is_found(velo):
    assert velo("DROP TABLE app_settings") == [("app_settings", "datamap.excused_absent")]
    assert ("hires.lock_log", "datamap.excused_absent") in velo("ALTER TABLE hires DROP COLUMN lock_log")


def test_an_empty_store_is_found():
    system = load(HOME).systems["velo"]
    first, *_ = unclaimed(system, [])
    assert (first.code, first.system) == ("datamap.empty_store", "velo")
    assert "'velo'" in first.advice


def test_a_finding_says_what_to_do_and_stops_nothing():
    system = load(HOME).systems["velo"]
    found = {f.name: f for f in unclaimed(system, [Claim("visits", ("id",)), Claim("riders", ("pin",)), Claim("img/")])}
    assert "privacy datamap new velo visits" in found["visits"].advice
    assert "excuse riders.pin by name, with a reason, under `excused:` in velo.yaml" in found["riders.pin"].advice
    assert "`prefix:`" in found["img/"].advice
    assert found["visits"].where == "velo: visits"
    assert not any(f.fatal for f in found.values())


def test_names_are_compared_as_sql_does():
    system = load(HOME).systems["velo"]
    assert [f for f in unclaimed(system, [Claim("RIDERS", ("Code",))]) if f.code == "datamap.unclaimed"] == []


def test_a_column_under_another_name_is_claimed_by_its_select_not_by_a_comment(tmp_path):
    shutil.copytree(HOME, tmp_path / "home")
    file = tmp_path / "home/sql/velo/riders.sql"
    system, held = load(HOME).systems["velo"], [Claim("riders", ("name",))]

    def names():
        return [f.name for f in unclaimed(system, held, tmp_path / "home") if f.code == "datamap.unclaimed"]

    assert names() == []
    file.write_text('SELECT r."name" as full_name FROM riders r')
    assert names() == []
    file.write_text(
        "-- name AS full_name\nSELECT 'name AS full_name', /* name AS full_name */ 1 AS full_name FROM riders"
    )
    assert names() == ["riders.name"]
    file.write_text("SELECT name AS somebody FROM riders")
    assert names() == ["riders.name"]


@pytest.mark.parametrize(("select", "found"), [
    ("other.name AS full_name FROM riders JOIN other", ["riders.name"]), ('"other"."name" AS full_name FROM riders', ["riders.name"]),
    ("o.name AS full_name FROM riders r JOIN other AS o", ["riders.name"]), ("x.o . name AS full_name FROM riders", ["riders.name"]),
    ("r.name AS full_name FROM other o JOIN main.riders AS r", []), ("main.riders.name AS full_name FROM main.riders WHERE 1", []),
    ('"riders"."name" AS "full_name" FROM riders', []), ("Riders.name AS full_name FROM riders", []),
])  # fmt: skip
def test_another_tables_column_of_the_same_name_claims_nothing(tmp_path, select, found):
    shutil.copytree(HOME, tmp_path / "home")
    (tmp_path / "home/sql/velo/riders.sql").write_text(f"SELECT {select}")
    told = unclaimed(load(HOME).systems["velo"], [Claim("riders", ("name",))], tmp_path / "home")
    assert [f.name for f in told if f.code == "datamap.unclaimed"] == found


def logs(**changes: object) -> System:
    raw = load(HOME).systems["velo"].model_dump(exclude_none=True)
    dataset = raw["datasets"]["riders"] | {"prefix": "gate/access/", "table": None}
    return System.model_validate(raw | {"identity": {}, "excused": [], "datasets": {"access": dataset}} | changes)


def test_every_prefix_is_described_or_excused():
    held = [Claim("gate/access/"), Claim("gate/access2/x.log"), Claim("gate/error.log")]
    found = unclaimed(logs(), held)
    # A sibling that begins alike is another place (edge case 12).
    assert [f.name for f in found] == ["gate/access2/x.log", "gate/error.log"]
    excused = logs(excused=[{"name": "gate/access2/", "why": "w"}, {"name": "gate/error.log", "why": "w"}])
    assert unclaimed(excused, held) == []


def test_the_projects_own_tables_are_excused_each_with_a_reason(tmp_path):
    """A table that a migration adds and nobody thought about fails this test."""
    opened = engine(Connection("ledger", f"sqlite:///{tmp_path}/ledger.db"), create=True)
    upgrade(opened)
    tables = sa.inspect(opened).get_table_names()
    assert "ledger" in tables
    assert unclaimed_own(Claim(name) for name in tables) == []
    assert all(reason.endswith(".") for reason in OWN.values())


def test_a_shops_table_in_the_projects_database_is_found_unless_described():
    held = [Claim("ledger"), Claim("riders")]
    assert [f.name for f in unclaimed_own(held)] == ["riders"]
    assert unclaimed_own(held, [load(HOME).systems["velo"]]) == []


def mail(*folders: str, **changes: object) -> System:
    raw = load(HOME).systems["velo"].model_dump(exclude_none=True)
    layout = {"mailbox": {"folders": folders, "staff": ["velo.example"]}, "table": None}
    datasets = {"letters": raw["datasets"]["riders"] | layout}
    return System.model_validate(
        raw | {"source": "mailbox", "identity": {}, "excused": [], "datasets": datasets} | changes
    )


def test_every_mail_folder_is_described_or_excused():
    """Edge case 25: one that was renamed, one that is new."""
    held = [Claim(name) for name in ("INBOX", "Klanten", "Klanten.Offertes.Oud", "Klantenservice", "Prullenbak.Oud")]
    found = unclaimed(mail("inbox", "Klanten", "Klanten.*"), held)
    assert [f.name for f in found] == ["Klantenservice", "Prullenbak.Oud"]
    assert "Add it to the `folders:` of a dataset" in found[0].advice
    excuses = [{"name": "Prullenbak*", "why": "w"}, {"name": "Klantenservice", "why": "w"}]
    assert unclaimed(mail("INBOX", "Klanten*", excused=excuses), held) == []
    stale = unclaimed(mail("*", excused=[{"name": "Concepten", "why": "w"}]), held)
    assert [(f.name, f.code, f.red) for f in stale] == [("Concepten", "datamap.excused_absent", True)]


def test_a_folder_or_prefix_that_nothing_in_the_store_is_called_is_told_of_and_is_no_alarm():
    """What is empty today may be full tomorrow: a purge has been, a processor has not delivered."""
    found = unclaimed(mail("INBOX", "Klanten.*"), [Claim("INBOX")])
    assert [(f.name, f.code, f.red) for f in found] == [("letters: Klanten.*", "datamap.absent", False)]
    found = unclaimed(logs(), [Claim("gate/excused")])
    assert [(f.name, f.red) for f in found] == [("gate/excused", True), ("access: gate/access/", False)]
    raw = logs().model_dump(exclude_none=True)
    raw["datasets"]["access"]["delivery"] = {"processor": "p"}
    assert [f.name for f in unclaimed(System.model_validate(raw), [Claim("x")])] == ["x"]
    # A view is read, and rows are deleted from a table that is not there: `table:` is a word of the data map too.
    assert ("riders: riders", "datamap.absent") in [
        (f.name, f.code) for f in unclaimed(load(HOME).systems["velo"], [Claim("x", ("y",))])
    ]
