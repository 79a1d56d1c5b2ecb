"""What the embedded Airflow is given: nothing by default that a stranger could know, nothing that leaves the machine."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from privacy.orchestration.environment import Layout, variables


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "airflow", tmp_path, 8080, privacy={"PRIVACY_CONNECTION_SHOP": "sqlite:////x.db"})


def test_passwords_and_keys_are_drawn_once_and_only_this_user_reads_them(layout: Layout, tmp_path: Path) -> None:
    first, again = variables(layout), variables(layout)
    other = variables(Layout(tmp_path / "another", tmp_path, 8080))
    secrets = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
    assert [first[s] for s in secrets] == [again[s] for s in secrets]
    assert not {first[s] for s in secrets} & {other[s] for s in secrets}
    assert set(json.loads(layout.passwords_file.read_text())) == {"admin", "operator", "viewer"}
    for path in layout.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.folder.stat().st_mode) == 0o700


def test_it_listens_on_this_machine_alone_tells_nobody_and_shows_no_examples(layout: Layout) -> None:
    found = variables(layout)
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def test_nothing_of_the_callers_environment_gets_in_but_what_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An AIRFLOW__ variable of somebody's other Airflow would decide where this one writes."""
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere.example/airflow")
    monkeypatch.setenv("CLOUD_SECRET", "x")
    monkeypatch.setenv("PRIVACY_AIRFLOW_PASSWORD", "x")
    monkeypatch.setenv("PRIVACY_BATCH_ROWS", "500")
    found = variables(layout)
    assert "elsewhere.example" not in found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert not {"CLOUD_SECRET", "PRIVACY_AIRFLOW_PASSWORD"} & set(found)
    assert found["PRIVACY_BATCH_ROWS"] == "500"
    assert json.loads(found["AIRFLOW_CONN_PRIVACY_SHOP"])["extra"] == {"url": "sqlite:////x.db"}


def test_a_user_who_came_later_gets_a_password_and_the_others_keep_theirs(layout: Layout) -> None:
    variables(layout)
    known = {"admin": "kept", "somebody": "else"}
    layout.passwords_file.write_text(json.dumps(known))
    variables(layout)
    found = json.loads(layout.passwords_file.read_text())
    assert found | known == found
    assert set(found) == {"admin", "operator", "viewer", "somebody"}
    assert len(found["viewer"]) >= 16
    assert layout.passwords_file.stat().st_mode & 0o777 == 0o600


def test_a_start_that_was_killed_while_drawing_is_followed_by_one_that_draws(layout: Layout) -> None:
    layout.folder.mkdir()
    layout.passwords_file.with_suffix(".part").write_text('{"adm')
    assert len(variables(layout)["AIRFLOW__API__SECRET_KEY"]) > 40
    assert set(json.loads(layout.passwords_file.read_text())) == {"admin", "operator", "viewer"}
