"""IP addresses: theirs inside their visit, with their user agent, and only where nothing else says whose it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conftest_sources import moment
from privacy.datamap.models import Column
from privacy.sources.base import Identifier, Of, Selection, Subject, Tally

IP, FROM, TO = "192.0.2.7", moment("2026-05-01T10:00:00"), moment("2026-05-01T11:00:00")


def read(shop, visit, *, agent_column=True):
    system = shop.source().system
    plain = {"description": "d", "category": "user.unique_id", "provenance": "observed"}
    columns = {
        "line": Column(type="integer", **plain),
        "client": Column(type="integer", identity="shop.client", **plain),
        "ip": Column(type="text", identity="ip", **plain),
        "at": Column(type="datetime", zone="UTC", **plain),
        **({"user_agent": Column(type="text", **plain)} if agent_column else {}),
    }
    update = {"columns": columns, "subject": ("client", "ip"), "time": "at"}
    fields = (
        system.datasets["lines"].model_dump() | update | {"columns": {k: c.model_dump() for k, c in columns.items()}}
    )
    lines = type(system.datasets["lines"]).model_validate(fields)
    source = shop.source()
    source.system = system.model_copy(update={"datasets": {**system.datasets, "lines": lines}})
    shop.select("lines", f"SELECT line, client, ip, at{', user_agent' * agent_column} FROM hits")
    selection, tally = Selection("lines", Of((Subject(1, (visit,)),))), Tally()
    rows = [r for b in source.read(selection, source.partitions(selection)[0], tally) for r in b.to_pylist()]
    return [r["line"] for r in rows], tally.unattributed


def hit(shop, line, at, *, client=None, ip=IP, agent="Firefox"):
    shop.db.execute(
        "CREATE TABLE IF NOT EXISTS hits (line INTEGER PRIMARY KEY, client, ip TEXT, at TEXT, user_agent TEXT)"
    )
    shop.db.execute("INSERT INTO hits VALUES (?,?,?,?,?)", (line, client, ip, at and at.isoformat(), agent))


VISIT = Identifier("ip", IP, FROM, TO, agent="Firefox")


@pytest.mark.parametrize(
    ("at", "theirs"),
    [
        (FROM - timedelta.resolution, False),
        (FROM, True),
        (TO, True),
        (TO + timedelta.resolution, False),
    ],
)
def test_a_visits_window_includes_both_of_its_ends_and_not_a_microsecond_more(shop, at, theirs):
    """Edge case 1."""
    hit(shop, 1, at)
    assert read(shop, VISIT) == ([1] * theirs, 0)


def test_another_agent_an_unknown_time_and_a_contested_visit_are_nobodys_and_counted(shop):
    hit(shop, 1, FROM)
    hit(shop, 2, FROM, agent="Chrome")
    hit(shop, 3, FROM, agent=None)
    hit(shop, 4, None)
    hit(shop, 5, FROM, ip="192.0.2.8")
    assert read(shop, VISIT) == ([1], 3)
    contested = Identifier("ip", IP, FROM, TO, agent="Firefox", contested=True)
    assert read(shop, contested) == ([], 4)


def test_a_hit_with_a_client_is_that_clients_and_neither_given_nor_counted(shop):
    """Edge case 22."""
    hit(shop, 1, FROM, client=2)
    assert read(shop, VISIT) == ([], 0)


def test_a_dataset_without_user_agents_cannot_agree_with_one(shop):
    hit(shop, 1, FROM)
    assert read(shop, VISIT, agent_column=False) == ([], 1)
    assert read(shop, Identifier("ip", IP, FROM, TO), agent_column=False) == ([1], 0)


def test_an_address_without_a_window_selects_nothing(shop):
    hit(shop, 1, FROM)
    assert read(shop, Identifier("ip", IP, agent="Firefox"))[0] == []
