"""What an operator reads in Airflow about the purges of the project's own records."""

from __future__ import annotations

import re

import pytest

from conftest_airflow import PROJECT


@pytest.mark.parametrize(
    ("dag", "modules"),
    [
        ("purge_bundles", ("orchestration/own_steps", "orchestration/own_tasks", "rights/own", "rights/own_deliveries", "rights/own_store", "rights/forgetting")),
        ("clean_airflow", ("orchestration/own_airflow_steps",)),
    ],
)  # fmt: skip
def test_every_code_of_the_steps_is_explained(dag: str, modules: tuple[str, ...]) -> None:
    text = (PROJECT / "dags" / f"{dag}.py").read_text()
    told = set(re.findall(r"`([a-z]+\.(?:[a-z_]+|\*))`", text))
    for module in modules:
        code = (PROJECT / "plugins/privacy" / f"{module}.py").read_text()
        raised = set(re.findall(r'\(\s*"([a-z]+\.[a-z_]+)",', code)) | set(re.findall(r'or "([a-z]+\.[a-z_]+)"', code))
        for found in raised - {"purge.dry_run"}:
            assert found in told or f"{found.partition('.')[0]}.*" in told, found
