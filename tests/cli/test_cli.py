"""The `privacy` command as a whole."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest_cli import Salon

PRIVACY = str(Path(sys.executable).with_name("privacy"))
HEAVY = ("sqlalchemy", "pyarrow", "pandas", "pydantic", "cryptography", "airflow", "boto3")


def test_the_command_loads_nothing_heavy_before_it_is_needed():
    code = f"import sys; import privacy.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_installation_is_made_once_and_private(tmp_path, monkeypatch):
    salon = Salon(tmp_path, monkeypatch)
    assert "[keys.missing]" in salon.error("ledger", "verify") or "[database.missing]" in salon.error(
        "ledger", "verify"
    )
    made = salon.good("init")["made"]
    assert str(salon.state / "keys/master.key") in made
    key = (salon.state / "keys/master.key").read_bytes()
    assert salon.good("init")["made"] == []
    assert (salon.state / "keys/master.key").read_bytes() == key
    assert (salon.state / "keys/master.key").stat().st_mode & 0o777 == 0o600
    assert salon.state.stat().st_mode & 0o777 == 0o700
    assert "everything was there" in salon.run("init").stdout


def test_a_state_folder_that_cannot_be_made_is_a_clear_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    salon = Salon(tmp_path, monkeypatch)
    monkeypatch.setenv("PRIVACY_STATE", str(tmp_path / "file/state"))
    from privacy.settings import settings

    settings.cache_clear()
    assert "PRIVACY_STATE" in salon.error("init")


def test_a_data_map_with_a_typo_is_one_line_that_says_what_to_write(salon):
    """Edge case 25."""
    file = salon.home / "datamap/salon.yaml"
    file.write_text(file.read_text().replace("purposes: [hair]", "purposes: [hiar]", 1))

    line = salon.error("datamap", "show")
    assert "salon.yaml" in line
    assert "did you mean 'hair'" in line


def test_several_mistakes_are_a_line_each(salon):
    """Edge case 25."""
    file = salon.home / "datamap/salon.yaml"
    file.write_text(file.read_text().replace("purposes: [hair]", "purposes: [hiar]"))
    (salon.home / "sql/salon/cuts.sql").unlink()
    found = salon.run("datamap", "show")
    head, *mistakes = found.stderr.splitlines()
    assert found.exit_code == 1
    assert head == f"error: [datamap.invalid] 3 mistakes ({salon.home / 'datamap/salon.yaml'})"
    assert [line.split(": ")[0] for line in mistakes] == [
        "  datasets.guests.purposes",
        "  datasets.cuts.purposes",
        "  datasets.cuts",
    ]


def test_a_half_filled_data_map_stops_only_what_needs_one(salon):
    """Whoever answers requests does not wait for whoever describes a new table."""
    number = salon.good("request", "new", "--email", "anna@a.example")["number"]
    with (salon.home / "datamap/salon.yaml").open("a") as file:
        file.write("  wishes: {title: {nl: TITLE?, en: TITLE?}}\n")
    assert salon.good("request", "list")[0]["number"] == number
    shown = salon.good("request", "show", number)
    assert (shown["number"], shown["processors_unknown"]) == (number, "datamap.invalid")
    assert salon.good("ledger", "verify")["ok"] is True
    assert "request received" in salon.run("ledger", "show").stdout
    salon.good("request", "refuse", number, "--ground", "withdrawn")
    assert "[datamap.invalid]" in salon.run("request", "new", "--email", "bert@b.example").stderr
    assert salon.run("datamap", "try", "salon.cuts", "--request", number).exit_code == 1
    (salon.home / "policy/policy.yaml").write_text("controller: 1")
    assert "request refused" in salon.run("ledger", "show").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("request", "new", "wil@veer.example"), "belongs to no option (--right, --email,"),
        (("request", "new", "--emial=wil@veer.example"), "There is no such option; there are: --right, --email,"),
        (("request", "new", "--wil@veer.example"), "There is no such option"),
        (("request", "new", "--right", "wil@veer.example"), "it is none of: access, portability"),
        (("request", "decide", "SAL-2026-0042-5", "--person", "wil@veer.example"), "Invalid value for '--person'"),
        (("request", "wil@veer.example"), "There is no such command; there are:"),
        (("wil@veer.example",), "There is no such command; there are: bundle, datamap,"),
        (("--wil@veer.example", "request"), "There is no such option"),
        (("request", "new", "--email"), "Option '--email' requires an argument"),
        (("bundle", "open", "SAL-2026-0042-5"), "Missing option '--to'"),
    ],
)
def test_wrong_usage_says_what_there_is_and_repeats_nothing_that_was_typed(salon, words, said):
    """A person's address in the wrong place does not end in a log of the terminal (edge case 34)."""
    found = salon.run(*words)
    assert found.exit_code == 2
    assert "veer" not in found.output
    assert said in " ".join(found.output.replace("│", " ").split())


def test_a_mistake_of_the_program_shows_neither_traceback_nor_values(salon, monkeypatch):
    def broken(*_):
        raise KeyError("anna@a.example")

    monkeypatch.setattr("privacy.rights.table.RequestTable.all", broken)
    line = salon.error("request", "list")
    assert "KeyError" in line
    assert "anna" not in line


def test_wrong_usage_says_how_it_is_used(salon):
    found = salon.run("request", "prove", "SAL-2026-0042-5")
    assert found.exit_code == 2
    assert "--by" in found.stderr


def test_the_installed_command_runs_on_the_environments_connections(salon):
    environment = {**os.environ, **salon.environment}
    words = [PRIVACY, "request", "new", "--email", "-", "--json"]
    made = subprocess.run(words, input="anna@a.example\n", capture_output=True, text=True, env=environment, check=True)
    number = json.loads(made.stdout)["number"]
    found = subprocess.run([PRIVACY, "request", "show", number[:-1]], capture_output=True, text=True, env=environment)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: [request.number]")
    assert found.stderr.count("\n") == 1


def on_a_terminal(salon, *words: str, typed: str = "") -> str:
    """What a person at a real (pseudo) terminal sees."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, **salon.environment, "TERM": "dumb"}
    with subprocess.Popen([PRIVACY, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        while True:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the terminal closes when the command has ended
                break
    os.close(ours)
    assert process.returncode == 0, seen
    return seen.decode()


def test_a_person_at_a_terminal_is_asked_and_may_see_what_is_personal(salon):
    seen = on_a_terminal(salon, "request", "new", typed="anna@a.example\n")
    assert "E-mail address:" in seen
    number = salon.good("request", "list")[0]["number"]
    assert "email: anna@a.example" in on_a_terminal(salon, "request", "show", number, "--personal")


def test_an_altered_ledger_is_reported_with_status_1(salon):
    """Edge case 26."""
    salon.good("request", "new", "--email", "anna@a.example")
    assert salon.good("ledger", "verify")["ok"] is True
    (salon.state / "ledger-head.json").write_text(json.dumps({"seq": 99, "hash": "0" * 64, "signature": "00"}))
    found = salon.run("ledger", "verify")
    assert found.exit_code == 1
    assert "NOT OK" in found.stdout
    assert json.loads(salon.run("ledger", "verify", "--json").stdout)["ok"] is False


def test_entries_are_shown_of_a_request_or_a_run(salon):
    number = salon.good("request", "new", "--email", "anna@a.example")["number"]
    shown = salon.run("ledger", "show", "--request", number).stdout
    assert shown.splitlines()[0].split() == ["no", "when", "what", "by", "details"]
    assert "request received" in shown
    assert "{" not in shown
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d CES?T ", shown)
    assert salon.good("ledger", "show", "--request", number)[0]["kind"] == "request.received"
    salon.good("request", "refuse", number, "--ground", "withdrawn")
    assert "ground withdrawn" in salon.run("ledger", "show").stdout
    assert number in salon.run("ledger", "show").stdout
    assert re.search(r" \d\d:\d\d CES?T ", salon.run("request", "list").stdout)
    assert "no entries" in salon.run("ledger", "show", "--run", "none").stdout
    assert "anna" not in salon.run("ledger", "show").output


@pytest.mark.parametrize("user", ["anna@domain.example", "root"])
def test_the_ledger_names_who_typed_by_the_machine_s_word_and_not_by_the_environment_s(salon, monkeypatch, user):
    """Edge case 32: a name that anybody may set proves nothing."""
    monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_name=user))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "the.director")
    number = salon.good("request", "new", "--email", "anna@a.example")["number"]
    event = [e for e in salon.good("ledger", "show", "--request", number) if e["kind"] == "request.received"]
    assert event[0]["actor"] == user.replace("@", " at ")


def test_a_user_without_a_name_is_named_by_number(monkeypatch):
    from privacy.cli.common import actor

    def nameless(_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert actor() == f"uid {os.getuid()}"


def test_what_a_row_says_otherwise_than_the_ledger_is_reported_with_status_1(salon):
    """Edge case 26, for register and holds."""
    number = salon.good("request", "new", "--email", "anna@a.example")["number"]
    found = salon.good("ledger", "verify")
    assert (found["ok"], found["recovered"]) == (True, [])
    with salon.house().engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM request_register")
    result = salon.run("ledger", "verify")
    assert (result.exit_code, number in result.stdout) == (1, True)


def test_entries_that_were_signed_for_later_are_told(salon):
    """Edge cases 13 and 26."""
    head = salon.state / "ledger-head.json"
    salon.good("request", "new", "--email", "anna@a.example")
    old = head.read_bytes()
    salon.good("request", "new", "--email", "bert@b.example")
    head.write_bytes(old)
    salon.good("request", "new", "--email", "anna@a.example")
    (found,) = salon.good("ledger", "verify")["recovered"]
    assert f"entries {found['first']} to {found['last']}" in salon.run("ledger", "verify").stdout


def test_a_new_installation_is_not_made_beside_a_database_whose_key_is_missing(salon):
    (salon.state / "keys/master.key").unlink()
    assert "[keys.lost]" in salon.error("init")
    assert not (salon.state / "keys/master.key").exists()


def test_a_database_whose_driver_is_missing_is_a_clear_error(salon, monkeypatch):
    for url in ("mysql+nosuch://u:secret@127.0.0.1:1/x", "oracle+cx_oracle://u:secret@127.0.0.1:1/x"):
        monkeypatch.setenv("PRIVACY_CONNECTION_LEDGER", url)
        line = salon.error("request", "list")
        assert "[connections.driver]" in line
        assert "secret" not in line
