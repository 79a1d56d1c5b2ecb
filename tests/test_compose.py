"""``docker-compose.yaml`` is a Compose file, and gives nothing away.

``compose-spec.json`` is the Compose Specification's own JSON schema (Apache-2.0), as PyPI's check-jsonschema 0.39.0
ships it, unchanged.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

HERE = Path(__file__).parent
COMPOSE = yaml.safe_load((HERE.parent / "docker-compose.yaml").read_text())
SCHEMA = json.loads((HERE / "compose-spec.json").read_text())


def problems(compose: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(compose)]


def test_it_is_a_compose_file() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert problems(COMPOSE) == []


@pytest.mark.parametrize("typo", ["prots", "healtcheck"])
def test_a_typo_in_it_would_be_found(typo: str) -> None:
    broken = copy.deepcopy(COMPOSE)
    broken["services"]["airflow"][typo] = []
    assert problems(broken)


def test_one_service_is_the_embedded_default() -> None:
    assert list(COMPOSE["services"]) == ["airflow"]


def test_every_port_is_bound_to_this_machine_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_it_holds_no_password_and_no_key() -> None:
    """Passwords are drawn on the first start (``privacy.orchestration.environment``)."""
    text = (HERE.parent / "docker-compose.yaml").read_text().lower()
    assert "environment" not in COMPOSE["services"]["airflow"]
    assert not [word for word in ("password:", "password=", "secret:", "fernet", "jwt") if word in text]


def test_what_is_personal_never_gets_into_the_image() -> None:
    ignored = (HERE.parent / ".dockerignore").read_text().split()
    assert {".git", ".venv", ".demo", ".state"} <= set(ignored)
