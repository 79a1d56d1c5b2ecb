"""Start-up: each DAG file in a process of its own that has imported ``airflow.sdk``, and ``privacy --help``."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import Row, median, report

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__)
TIMES = 7


def parse(file: Path) -> None:
    """What the DAG processor does with a file."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise AssertionError(file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def starts() -> list[Row]:
    """The slowest DAG file beside importing Airflow's SDK itself; the command line's help beside an empty Python."""
    importing = median(HERE, "sdk")
    files = {file.stem: median(HERE, "parse", str(file)).seconds for file in sorted((PROJECT / "dags").glob("*.py"))}
    name = max(files, key=files.__getitem__)
    command = [str(Path(sys.executable).parent / "privacy"), "--help"]
    said, empty = _seconds(command), _seconds([sys.executable, "-c", ""])
    return [
        Row(f"the slowest DAG file parsed ({name})", f"{len(files)} files, a process each", "ms", round(files[name] * 1000),
            round(importing.seconds * 1000), "import airflow.sdk, which comes before", round(files[name] / importing.seconds, 3),
            "at most 50 ms", files[name] <= 0.05),
        Row("privacy --help", "a process", "ms", round(said * 1000), round(empty * 1000), "Python alone", round(said / empty, 2),
            "at most 300 ms", said <= 0.3),
    ]  # fmt: skip


def _seconds(command: list[str]) -> float:
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    if sys.argv[1] == "sdk":
        report(lambda: importlib.import_module("airflow.sdk"))
    else:
        sdk = importlib.import_module("airflow.sdk")
        # It is lazy: what a DAG file asks it for is part of it.
        for each in ("DAG", "dag", "task", "Param", "get_current_context"):
            getattr(sdk, each)
        report(lambda: parse(Path(sys.argv[2])))
