"""The DAG files: tables of contents. Parsing it loads and touches nothing that it does not need."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DAGS = sorted((Path(__file__).parents[2] / "dags").glob("*.py"))

PARSE = """
import importlib.util, json, os, sys
import airflow.sdk, airflow.providers.standard.operators.empty, airflow.sdk.definitions.retry_policy
airflow.sdk.DAG("empty", schedule=None)
before, touched = set(sys.modules), []

def audit(event, arguments):
    if event in ("open", "sqlite3.connect", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.listdir"):
        path = str(arguments[0])
        if not path.endswith((".py", ".pyc")) and "site-packages" not in path and "importlib" not in path:
            touched.append(f"{event} {path}")

def parse(path):
    sys.addaudithook(audit)
    spec = importlib.util.spec_from_file_location("a_dag", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"modules": sorted(set(sys.modules) - before), "touched": [t for t in touched if not t.startswith("os.listdir")]}

for path in sys.argv[1:]:
    sys.stdout.flush()
    if os.fork() == 0:  # Each from the same start: nothing is loaded but Airflow itself.
        print(json.dumps({path: parse(path)}), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{path} cannot be parsed")
"""

HEAVY = {"pyarrow", "pandas", "numpy", "sqlalchemy", "alembic", "duckdb", "boto3", "yaml", "cryptography", "pyrage"}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What parsing each file loads and touches, in a process of its own that has loaded Airflow alone."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    environment.pop("PRIVACY_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *map(str, DAGS)], env=environment, capture_output=True, text=True, check=True
    )
    said: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            said |= json.loads(line)
    return said


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_parsing_loads_nothing_heavy_and_touches_no_file_no_network_no_database(
    file: Path, parsed: dict[str, Any]
) -> None:
    found = parsed[str(file)]
    assert any(name.startswith("privacy.orchestration.") for name in found["modules"])
    ours = {name for name in found["modules"] if name.startswith("privacy")}
    light = {
        "run_ids",
        "approving",
        "rectify_tasks",
        "purge_doc",
        "purge_tasks",
        "own_tasks",
        "own_doc",
        "evidence_tasks",
        "deadline_tasks",
        "erase_tasks",
        "stop_tasks",
        "start_tasks",
        "replay_tasks",
        "policy_tasks",
        "footage_tasks",
        "index_tasks",
        "many_tasks",
        "tasks",
        "pools",
    }
    assert ours <= {
        "privacy",
        "privacy.errors",
        "privacy.numbers",
        "privacy.orchestration",
        *(f"privacy.orchestration.{name}" for name in light),
    }
    assert not HEAVY & {name.partition(".")[0] for name in found["modules"]}
    assert found["touched"] == []


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_it_is_short_and_asks_nothing_at_parse_time(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 80
    tree = ast.parse(text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"Variable", "Connection", "environ", "getenv", "open", "read_text", "now", "today", "uuid4"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While | ast.With)]


def test_the_plugin_is_short_and_the_only_one() -> None:
    plugins = Path(__file__).parents[2] / "plugins"
    assert [p.name for p in plugins.glob("*.py")] == ["privacy_plugin.py"]
    assert len((plugins / "privacy_plugin.py").read_text().splitlines()) <= 40
    assert "privacy/" in (plugins / ".airflowignore").read_text().split()


def test_the_parameter_takes_exactly_the_form_of_a_request_number() -> None:
    from privacy.numbers import PATTERN, number

    assert re.fullmatch(PATTERN.strip("^$"), number("AVG", 2026, 42))
    assert not re.fullmatch(PATTERN.strip("^$"), "anna@a.example")


@pytest.mark.parametrize(
    ("dag", "modules"),
    [
        ("export_subject", ("steps", "listing", "meanwhile", "ending", "runs", "tasks", "connections")),
        ("export_subjects", ("many", "many_steps", "many_parts", "many_tasks")),
    ],
)
def test_the_operator_finds_every_code_of_the_steps_in_the_documentation(dag: str, modules: tuple[str, ...]) -> None:
    """A code that a step raises itself has its row in the DAG's documentation."""
    steps = Path(__file__).parents[2] / "plugins" / "privacy" / "orchestration"
    text = next(file for file in DAGS if file.stem == dag).read_text()
    rows = re.findall(r"`([a-z_]+\.(?:[a-z_]+|\*))`", text)
    source = "".join((steps / f"{name}.py").read_text() for name in modules)
    codes = set(re.findall(r'"((?:export|run|staging|bundle|connections)\.[a-z_]+)"', source))
    assert codes
    missing = [c for c in sorted(codes) if c not in rows and f"{c.partition('.')[0]}.*" not in rows]
    assert missing == []
