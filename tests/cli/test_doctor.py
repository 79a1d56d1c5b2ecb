"""`privacy doctor`: a healthy shop is all right, and each fault has its line, with what to do about it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.orchestration.embedded import free_port
from privacy.rights.doctor import Level, Said, examine
from privacy.rights.doctor_stores import region
from privacy.rights.doctor_terms import longest_gap, schedules
from privacy.settings import settings
from services.dovecot import Authority

TERM = """
  SOON: {title: {nl: s, en: s}, quote: q, kept_by: k, term: {keep_at_most: P24M, every: P1D, margin: P1D}}
"""
PURGES = """
purges:
  purge_cuts:
    title: {nl: k, en: c}
    rules: {old_cuts: {promise: SOON, datasets: [salon.cuts]}}
"""
DAG = "@dag(schedule={!r}, catchup=False)\ndef purge_cuts():\n    pass\n"
NOBODY = 65534


@pytest.fixture
def dags(salon: Any) -> Path:
    folder: Path = salon.folder / "dags"
    folder.mkdir()
    salon.monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))
    salon.monkeypatch.delenv("PRIVACY_CONNECTION_LETTERS", raising=False)
    salon.monkeypatch.delenv("PRIVACY_HEAD_COPIES", raising=False)
    return folder


@pytest.fixture
def purged(salon: Any, dags: Path) -> Any:
    """The salon, with a term on its haircuts, and a purge that keeps it."""
    policy, described = salon.home / "policy" / "policy.yaml", salon.home / "datamap" / "salon.yaml"
    policy.write_text(policy.read_text().replace("purposes:", TERM.strip("\n") + "\npurposes:", 1) + PURGES)
    head, cuts = described.read_text().split("  cuts:", 1)
    cuts = cuts.replace("promise: KEEP", "promise: SOON\n    starts: {column: at}")
    described.write_text(f"{head}  cuts:{cuts}")
    (dags / "purge_cuts.py").write_text(DAG.format("15 1 * * *"))
    return salon


def told(salon: Any) -> list[dict[str, str]]:
    """What it says; its status is 1 where a line is fatal, and 0 otherwise."""
    found = salon.run("doctor", "--json")
    said = json.loads(found.stdout)
    assert found.exit_code == (1 if any(s["level"] == "fatal" for s in said["said"]) else 0)
    assert said["ok"] == (found.exit_code == 0)
    lines: list[dict[str, str]] = said["said"]
    for one in lines:
        assert one["level"] == "right" or (one["code"] and one["advice"]), one
    return lines


def fatal(salon: Any) -> list[tuple[str, str]]:
    return [(s["topic"], s["code"]) for s in told(salon) if s["level"] == "fatal"]


def test_a_healthy_shop_is_all_right_and_says_so_of_everything_in_a_line_each(purged):
    found = purged.run("doctor")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert re.fullmatch(r"\d+ right, \d+ warnings, 0 fatal", lines[-1])
    for begin in (
        "right: settings PRIVACY_STATE:", "right: key PRIVACY_KEY_FILE:", "right: data map PRIVACY_HOME:",
        "right: term rule old_cuts (SOON): kept at most P24M; purge_cuts runs (15 1 * * *) within every P1D, margin P1D",
        "right: connection salon: opened (sqlite), 2 tables", "right: permission salon: may be read, and written to by",
        "right: claim salon:", "right: connection bundles:", "right: connection ledger: opened (sqlite), and entries",
        "right: ledger chain:", "right: clock UTC:",
    ):  # fmt: skip
        assert sum(line.startswith(begin) for line in lines) == 1, begin
    assert all(re.match(r"(right|warning): ", line) for line in lines[:-1])


def test_what_is_right_can_be_left_out(purged):
    assert "right: " not in purged.run("doctor", "--bad").stdout


def test_looking_changes_nothing(purged):
    def stand() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(purged.folder.rglob("*")) if p.is_file()}

    before = stand()
    told(purged)
    assert stand() == before


def test_a_missing_file_or_connection_is_told_and_the_rest_looked_at_all_the_same(purged):
    (purged.folder / "salon.db").rename(purged.folder / "elsewhere.db")
    found = told(purged)
    assert [(s["topic"], s["code"]) for s in found if s["level"] == "fatal"] == [("connection", "database.missing")]
    assert any(s["topic"] == "clock" and s["level"] == "right" for s in found)
    purged.monkeypatch.delenv("PRIVACY_CONNECTION_SALON")
    assert fatal(purged) == [("connection", "connections.missing")]


def test_a_table_that_nobody_described_is_told(purged):
    """Edge case 25."""
    purged.execute("CREATE TABLE loyalty (card INTEGER, email TEXT)")
    assert fatal(purged) == [("claim", "datamap.unclaimed")]
    assert "loyalty" in purged.run("doctor", "--bad").stdout


def test_a_table_that_is_gone_is_told_once(purged):
    purged.execute("ALTER TABLE cuts RENAME TO haircuts")
    assert ("connection", "sql.no_table") in fatal(purged)
    assert ("claim", "datamap.unclaimed") in fatal(purged)
    assert "datamap.absent" not in purged.run("doctor").stdout


def test_a_term_whose_dag_is_missing_unscheduled_or_too_seldom_is_told(purged, dags):
    """Edge case 1."""
    file = dags / "purge_cuts.py"
    for schedule, code in (("15 1 * * 0", "term.too_seldom"), (None, "term.no_schedule"), ("nie", "term.no_schedule")):
        file.write_text(DAG.format(schedule))
        assert fatal(purged) == [("term", code)], schedule
    file.unlink()
    assert fatal(purged) == [("term", "term.no_schedule")]
    file.write_text(DAG.format("@daily"))
    assert fatal(purged) == []


def test_a_term_that_no_rule_keeps_and_one_without_room_for_its_margin_are_told(purged):
    file = purged.home / "policy" / "policy.yaml"
    whole = file.read_text()
    file.write_text(whole.replace(PURGES, ""))
    assert ("term", "policy.unproven") in fatal(purged)
    file.write_text(whole.replace("keep_at_most: P24M", "keep_at_most: P1D"))
    found = purged.run("doctor")
    assert found.exit_code == 1
    assert "no run can keep that" in found.stdout
    # Several mistakes, too, are one line.
    assert all(re.match(r"(right|warning|fatal|\d+ right)", line) for line in found.stdout.splitlines())


@pytest.mark.parametrize(("mode", "level"), [(0o644, "fatal"), (0o622, "fatal"), (0o640, "warning"), (0o400, "right")])
def test_a_key_that_others_may_read_is_told(purged, mode, level):
    (purged.state / "keys" / "master.key").chmod(mode)
    (said,) = [s for s in told(purged) if s["topic"] == "key"]
    assert said["level"] == level
    assert level == "right" or "chmod 600" in said["advice"]


def test_a_missing_key_a_key_of_another_and_a_missing_installation_are_told(purged):
    file = purged.state / "keys" / "master.key"
    purged.good("request", "new", "--id", "salon.guest=1")
    file.rename(file.with_suffix(".old"))
    assert ("key", "keys.missing") in fatal(purged)
    file.write_bytes(b"a" * 43 + b"=\n")
    file.chmod(0o600)
    assert ("ledger", "ledger.altered") in fatal(purged)
    purged.monkeypatch.setenv("PRIVACY_STATE", str(purged.folder / "nowhere"))
    settings.cache_clear()
    assert {("settings", "settings.state"), ("connection", "database.missing")} <= set(fatal(purged))
    assert not (purged.folder / "nowhere").exists()


def test_an_altered_ledger_is_told(purged):
    """Edge case 26."""
    purged.good("request", "new", "--id", "salon.guest=1")
    with sqlite3.connect(purged.state / "ledger.db") as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("DELETE FROM ledger WHERE seq = (SELECT MAX(seq) FROM ledger)")
    db.close()
    assert ("ledger", "ledger.altered") in fatal(purged)


def test_head_copies_that_are_not_mounted_are_told_and_those_that_fit_are_counted(purged):
    folder = purged.folder / "copies"
    purged.monkeypatch.setenv("PRIVACY_HEAD_COPIES", str(folder))
    settings.cache_clear()
    assert fatal(purged) == [("ledger", "copies.missing")]
    purged.good("request", "new", "--id", "salon.guest=1")
    purged.run("ledger", "evidence", "--record")
    (said,) = [s for s in told(purged) if s["where"] == "PRIVACY_HEAD_COPIES"]
    assert (said["level"], said["message"][:10]) == ("right", "1 copies o")


def test_a_clock_that_is_behind_the_ledger_is_told(purged):
    """Edge case 13."""
    purged.good("request", "new", "--id", "salon.guest=1")
    house = purged.house()
    house.clock = FixedClock(datetime.now(UTC) - timedelta(days=2))
    assert [s.code for s in examine(house) if s.level is Level.FATAL] == ["evidence.clock"]


def test_a_folder_that_is_not_mounted_or_is_empty_is_told(purged):
    described = (purged.home / "datamap" / "salon.yaml").read_text().split("datasets:")[0]
    dataset = """datasets:
  lines:
    title: {nl: l, en: l}
    description: {nl: d, en: d}
    prefix: ''
    format: '(?P<at>\\S+) (?P<email>\\S+)'
    key: [at]
    subject: [email]
    time: at
    purposes: [hair]
    source: {nl: s, en: s}
    promise: KEEP
    erasure: {do: delete}
    owner: o
    examples: [{email: anna@a.example}, {email: bert@b.example}]
    columns:
      at: {type: datetime, zone: UTC, description: d, category: user.behavior.browsing_history, provenance: observed}
      email: {type: text, description: d, category: user.contact.email, provenance: provided, identity: email}
"""
    text = described.replace("system: salon", "system: logs").replace("source: sql", "source: weblogs")
    text = text.replace("connection: salon", "connection: logs").partition("identity:")[0] + dataset
    (purged.home / "datamap" / "logs.yaml").write_text(text)
    folder = purged.folder / "logs"
    purged.monkeypatch.setenv("PRIVACY_CONNECTION_LOGS", folder.as_uri())
    assert fatal(purged) == [("connection", "storage.missing")]
    folder.mkdir()
    assert fatal(purged) == [("connection", "datamap.empty_store")]


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that may be read, and not written to."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "inside").mkdir()
        folder.chmod(0o555)
        (folder / "inside").chmod(0o555)
        yield folder
        folder.chmod(0o755)
        (folder / "inside").chmod(0o755)


def test_a_folder_without_the_right_to_delete_is_fatal_where_a_rule_purges_and_enough_for_exports(purged, closed):
    from privacy.rights import doctor_stores

    house = purged.house()
    _ = house.policy
    system = house.datamap.systems["salon"].model_copy(update={"source": "files"})
    connection = Connection("salon", closed.as_uri())
    with nobody():
        (said,) = doctor_stores.permission(house, system, connection, {})
    assert (said.level, said.code) == (Level.FATAL, "permission.purge")
    assert "2 of its folders" in said.message
    assert "old_cuts" in said.message
    spared = system.model_copy(update={"datasets": {"guests": system.datasets["guests"]}})
    with nobody():
        (said,) = doctor_stores.permission(house, spared, connection, {})
    assert said.level is Level.RIGHT
    assert "read only" in said.message


def test_a_database_that_may_only_be_read_is_fatal_where_a_rule_purges(purged, closed):
    """The source says that it is read only; whether that matters, the policy's rules say."""
    from privacy.rights import doctor_stores

    assert fatal(purged) == []  # And all that is imported is, while root may read where it lies.
    closed.chmod(0o755)
    (closed / "inside").chmod(0o755)
    shutil.copytree(purged.home, closed / "home")
    file = closed / "inside" / "salon.db"
    shutil.copyfile(purged.folder / "salon.db", file)
    file.chmod(0o444)
    (closed / "inside").chmod(0o555)
    purged.monkeypatch.setenv("PRIVACY_CONNECTION_SALON", f"sqlite:///{file}")
    purged.monkeypatch.setenv("PRIVACY_HOME", str(closed / "home"))
    settings.cache_clear()
    house = purged.house()
    with nobody():
        found = list(doctor_stores.systems(house))
    assert [(s.topic, s.code) for s in found if s.level is Level.FATAL] == [("permission", "permission.purge")]
    assert "rule old_cuts cannot delete" in str(found)


@pytest.mark.parametrize(("declared", "level"), [("eu-central-1", Level.RIGHT), ("us-east-1", Level.FATAL),
    ("eu-west-2", Level.FATAL), ("eu-central-2", Level.FATAL), ("", None)])  # fmt: skip
def test_a_declared_region_is_within_the_eu_or_told(declared, level):
    """London and Zürich are called after the EU, and are not in it."""
    found = list(region(Connection("shop", "postgresql://db.example/shop", {"region": declared})))
    assert [s.level for s in found] == ([level] if level else [])
    if declared:
        assert [s.level for s in region(Connection("b", f"s3://bucket/?region={declared}"))] == [level]


class _Mail:
    def __init__(self, authority: Authority) -> None:
        self.taken = 0
        self.controller = Controller(
            self, hostname="127.0.0.1", port=free_port(), authenticator=self._login, auth_require_tls=False,
            ssl_context=authority.serving(),
        )  # fmt: skip

    @staticmethod
    def _login(_s: object, _x: object, _e: object, _how: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (b"avg", b"geheim!"), handled=False)

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802
        self.taken += 1
        return "250 OK"


def test_a_wrong_password_and_an_unreachable_server_are_told_without_either(purged, tmp_path):
    authority = Authority(tmp_path)
    mail = _Mail(authority)

    def letters(password: str, port: int) -> list[str]:
        url = f"smtps://avg:{quote(password)}@127.0.0.1:{port}/?ca_file={quote(str(authority.ca))}"
        purged.monkeypatch.setenv("PRIVACY_CONNECTION_LETTERS", url)
        found = purged.run("doctor")
        assert password not in found.output
        assert "127.0.0.1" not in found.output
        return [line for line in found.stdout.splitlines() if "letters:" in line]

    mail.controller.start()
    try:
        (line,) = letters("verkeerd!", mail.controller.port)
        assert line.startswith("fatal: connection letters:")
        assert line.endswith("[letters.login]")
        (line,) = letters("geheim!", mail.controller.port)
        assert line.startswith("right: connection letters:")
        assert mail.taken == 0
    finally:
        mail.controller.stop()
    (line,) = letters("geheim!", free_port())
    assert line.endswith("[letters.unreachable]")


def test_no_line_has_a_secret_or_a_person(purged):
    """Edge case 34."""
    secret = "x7-very-secret"
    purged.good("request", "new", "--email", "anna@a.example", "--name", "Anna Jansen")
    for name in ("SALON", "BUNDLES", "LETTERS", "LEDGER"):
        with purged.monkeypatch.context() as patch:
            patch.setenv(f"PRIVACY_CONNECTION_{name}", f"odd://user:{secret}@host.example/place")
            found = purged.run("doctor")
            assert found.exit_code == 1, name
            for word in (secret, "host.example", "anna", "jansen"):
                assert word not in found.output.lower(), (name, word)
    purged.execute("UPDATE cuts SET at = 'anna jansen, no time'")
    assert "jansen" not in purged.run("doctor").output


def test_a_mistake_in_the_program_is_a_line_and_not_the_end(purged):
    house = purged.house()
    house.clock = None
    found = list(examine(house))
    (said,) = [s for s in found if s.code == "doctor.unexpected" and s.topic == "clock"]
    assert isinstance(said, Said)
    assert any(s.topic == "claim" for s in found)


def test_the_longest_gap_is_found_over_months_and_leap_years():
    assert longest_gap("15 1 * * *") == timedelta(days=1)
    assert longest_gap("45 2 1 * *") == timedelta(days=31)
    assert longest_gap("5 * * * *") == timedelta(hours=1)
    assert longest_gap("0 0 1 1 *") == timedelta(days=366)


def test_every_schedule_of_this_projects_dags_is_read_from_their_files():
    folder = Path(__file__).parents[2] / "dags"
    found = schedules(folder)
    written = {p.stem for p in folder.glob("*.py") if 'schedule="' in p.read_text()}
    assert found.keys() == written
    assert found["purge_logfiles"] == "15 1 * * *"
