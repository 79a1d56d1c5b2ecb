"""What Airflow mounts costs a task nothing: the desk is loaded when a page is first opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_plugin_loads_nothing_of_the_desk_before_a_page_is_opened() -> None:
    told = (
        "import sys, privacy.desk.mounted as m; m.Mounted(); "
        "print(sorted({'fastapi', 'starlette', 'jinja2', 'sqlalchemy', 'airflow', 'privacy.desk.app'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "plugins")}
    found = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_plugin_stays_thin() -> None:
    assert len((PROJECT / "plugins" / "privacy_plugin.py").read_text().splitlines()) <= 40
