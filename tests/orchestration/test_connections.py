"""Airflow's connections, as the sources get them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privacy.errors import BadConfiguration
from privacy.orchestration.connections import AirflowConnections
from privacy.orchestration.environment import airflow_connections

pytestmark = [pytest.mark.airflow]


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("known", "url"),
    [
        ({"conn_type": "privacy", "extra": {"url": "sqlite:////data/shop.db"}}, "sqlite:////data/shop.db"),
        ("sqlite:////data/shop.db", "sqlite:////data/shop.db"),
        ({"conn_type": "sqlite", "host": "/data/shop.db"}, "sqlite:////data/shop.db"),
        ({"conn_type": "fs", "schema": "/data/logs"}, "file:///data/logs"),
        ({"conn_type": "fs", "extra": {"path": "/srv/logs"}}, "file:///srv/logs"),
        ("file://srv/data", "file:///srv/data"),
        (
            {"conn_type": "postgres", "host": "db.example", "port": 5432, "schema": "shop", "login": "reader",
                "password": "p@ss/word"},
            "postgresql://reader:p%40ss%2Fword@db.example:5432/shop",
        ),
        ({"conn_type": "mysql", "host": "db.example", "schema": "shop"}, "mysql://db.example/shop"),
    ],
)  # fmt: skip
def test_a_connection_becomes_the_url_that_was_meant(monkeypatch: pytest.MonkeyPatch, known: object, url: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PRIVACY_SHOP", known if isinstance(known, str) else json.dumps(known))
    assert AirflowConnections().get("shop").url == url


def test_further_options_are_kept_and_nothing_shows_in_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"url": "postgresql://reader:geheim@db.example/shop", "region": "eu-west-1"}
    monkeypatch.setenv("AIRFLOW_CONN_PRIVACY_SHOP", json.dumps({"conn_type": "privacy", "extra": extra}))
    found = AirflowConnections().get("shop")
    assert found.options == {"region": "eu-west-1"}
    assert "geheim" not in repr(found)


def test_a_missing_connection_says_which_one_to_add() -> None:
    with pytest.raises(BadConfiguration) as caught:
        AirflowConnections().get("nowhere")
    assert caught.value.code == "connections.missing"
    assert "privacy_nowhere" in caught.value.advice


def test_the_command_line_s_variables_become_airflow_s_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "sqlite:////data/winkel met spatie.db"
    for name, value in airflow_connections({"PRIVACY_CONNECTION_SHOP": url, "PRIVACY_HOME": "/x"}).items():
        monkeypatch.setenv(name, value)
    assert AirflowConnections().get("shop").url == url


@pytest.mark.parametrize(
    "known", [{"conn_type": "fs"}, {"conn_type": "fs", "extra": {"path": "/"}}, {"conn_type": "sqlite"}]
)
def test_a_connection_without_a_path_is_none_and_never_the_whole_disk(
    monkeypatch: pytest.MonkeyPatch, known: object
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PRIVACY_SHOP", json.dumps(known))
    with pytest.raises(BadConfiguration) as caught:
        AirflowConnections().get("shop")
    assert caught.value.code == "connections.missing"
