"""`privacy doctor` on PostgreSQL: an account that is not let in, one without rights, one that may only read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest_cli import Salon
from privacy.settings import settings
from services.postgres import Postgres

TABLES = """
CREATE TABLE guests (guest INTEGER PRIMARY KEY, email TEXT, since TIMESTAMPTZ);
CREATE TABLE cuts (cut INTEGER PRIMARY KEY, guest INTEGER, email TEXT, at TIMESTAMPTZ, hair TEXT);
INSERT INTO guests VALUES (1, 'anna@a.example', '2020-01-01'), (2, 'bert@b.example', '2020-01-01');
INSERT INTO cuts VALUES (10, 1, NULL, '2026-01-05T10:00:00Z', 'red');
"""
TERM = "  SOON: {title: {nl: s, en: s}, quote: q, kept_by: k, term: {keep_at_most: P24M, every: P1D}}\n"
PURGES = """
purges:
  purge_cuts:
    title: {nl: k, en: c}
    rules: {old_cuts: {promise: SOON, datasets: [salon.cuts]}}
"""


@pytest.fixture
def salon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Salon:
    made = Salon(tmp_path, monkeypatch)
    monkeypatch.delenv("PRIVACY_CONNECTION_LETTERS", raising=False)
    made.good("init")
    return made


def fatal(salon: Any, url: str) -> list[tuple[str, str]]:
    salon.monkeypatch.setenv("PRIVACY_CONNECTION_SALON", url)
    settings.cache_clear()
    found = salon.run("doctor", "--json")
    for word in ("wrong-password", "anna@a.example", "127.0.0.1"):
        assert word not in found.output
    return [(s["topic"], s["code"]) for s in json.loads(found.stdout)["said"] if s["level"] == "fatal"]


def test_what_an_account_lacks_on_postgresql_is_told(salon: Salon, postgresql: Postgres) -> None:
    owner = postgresql.create("salon_doctor")
    with psycopg.connect(owner.replace("postgresql+psycopg", "postgresql")) as raw:
        raw.execute(TABLES)
    reader = postgresql.reader("salon_doctor")
    assert fatal(salon, owner) == []
    assert fatal(salon, reader) == []
    wrong = postgresql.url("salon_doctor", user="reader", password="wrong-password")
    assert fatal(salon, wrong) == [("connection", "database.login")]

    policy, described = salon.home / "policy" / "policy.yaml", salon.home / "datamap" / "salon.yaml"
    policy.write_text(policy.read_text().replace("purposes:", TERM + "purposes:", 1) + PURGES)
    head, cuts = described.read_text().split("  cuts:", 1)
    described.write_text(head + "  cuts:" + cuts.replace("promise: KEEP", "promise: SOON\n    starts: {column: at}"))
    dags = salon.folder / "dags"
    dags.mkdir()
    (dags / "purge_cuts.py").write_text("@dag(schedule='15 1 * * *')\ndef purge_cuts():\n    pass\n")
    salon.monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(dags))
    assert fatal(salon, owner) == []
    assert fatal(salon, reader) == [("permission", "permission.purge")]

    with psycopg.connect(owner.replace("postgresql+psycopg", "postgresql")) as raw:
        raw.execute("REVOKE SELECT ON cuts FROM reader")
    assert any(code in ("database.denied", "sql.no_table") for _, code in fatal(salon, reader))
