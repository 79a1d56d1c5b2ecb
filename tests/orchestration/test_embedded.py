"""The embedded Airflow as a whole: it starts, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from conftest_airflow import PROJECT, with_template
from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, RetryLater
from privacy.orchestration import warm
from privacy.orchestration.api import AirflowApi, TaskEnd
from privacy.orchestration.demo import Demo, tree
from privacy.orchestration.embedded import COMPONENTS, EmbeddedAirflow, free_port
from privacy.orchestration.environment import Layout
from privacy.orchestration.progress import follow, line

LAUNCHER = """
import sys, time
from pathlib import Path
from privacy.orchestration.embedded import EmbeddedAirflow
from privacy.orchestration.environment import Layout
airflow = EmbeddedAirflow(Layout(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
airflow.group.__enter__()
print(airflow.group.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.airflow
@pytest.mark.check("test_watchdog shows it with other processes")
def test_a_real_airflow_is_gone_when_its_launcher_is_killed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "airflow", PROJECT, free_port())
    with_template(layout)
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(layout.folder), str(PROJECT), str(layout.port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    watchdog = psutil.Process(int(launcher.stdout.readline()))
    until = time.monotonic() + 90
    # The scheduler has made its 16 workers.
    while len(watchdog.children(recursive=True)) < len(COMPONENTS) + 16:
        assert time.monotonic() < until, watchdog.children(recursive=True)
        time.sleep(0.1)
    processes = [watchdog, *watchdog.children(recursive=True)]
    launcher.send_signal(signal.SIGKILL)
    launcher.wait(10)
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def test_an_airflow_whose_database_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "airflow" / "airflow.db").mkdir(parents=True)
    said: list[str] = []
    airflow = EmbeddedAirflow(Layout(tmp_path / "airflow", PROJECT, free_port()), say=said.append)
    with pytest.raises(GiveUp) as caught, airflow:
        pass
    assert caught.value.code == "airflow.migrate"
    assert said == ["preparing Airflow's database"]


def test_an_airflow_that_ended_by_itself_is_noticed(tmp_path: Path) -> None:
    airflow = EmbeddedAirflow(Layout(tmp_path / "airflow", PROJECT, free_port()))
    with pytest.raises(GiveUp) as caught:
        airflow.wait("export_subject", seconds=5)
    assert caught.value.code == "airflow.ended"


class Answers(BaseHTTPRequestHandler):
    """An Airflow that gives one answer to everything."""

    status, body = 200, b"{}"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        signing_in = self.path == "/auth/token"
        self.send_response(200 if signing_in else self.status)
        self.end_headers()
        self.wfile.write(b'{"access_token": "t"}' if signing_in else self.body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def answering() -> Iterator[tuple[type[Answers], AirflowApi]]:
    kind = type("Fresh", (Answers,), {})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield kind, AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "geheim")
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (422, b'{"detail": "does not match"}', BadInput, "does not match"),
        (404, b"<html>", BadInput, "404"),
        (500, b"Traceback", GiveUp, "500"),
    ],
)
def test_what_airflow_answers_becomes_an_error_of_ours(
    answering: tuple[type[Answers], AirflowApi], status: int, body: bytes, kind: type[PrivacyError], words: str
) -> None:
    answers, api = answering
    answers.status, answers.body = status, body
    with pytest.raises(kind, match=words):
        api.trigger("export_subject", request="x")
    assert api.healthy() is api.warm() is False
    assert "geheim" not in repr(api)


def test_an_airflow_that_is_not_there_may_be_there_later() -> None:
    api = AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "x")
    with pytest.raises(RetryLater):
        api.state("export_subject", "r")
    assert api.healthy() is api.warm() is False


def test_a_run_that_does_not_end_is_not_waited_for_for_ever(answering: tuple[type[Answers], AirflowApi]) -> None:
    answers, api = answering
    answers.body = json.dumps({"state": "running", "task_instances": []}).encode()
    with pytest.raises(GiveUp) as caught:
        list(follow(api, "d", "r", seconds=0, pause=0))
    assert caught.value.code == "airflow.too_slow"


def test_tasks_are_told_as_they_end_with_their_name_state_and_seconds(
    answering: tuple[type[Answers], AirflowApi],
) -> None:
    answers, api = answering
    start, end = "2026-11-02T10:00:00Z", "2026-11-02T10:00:01.5Z"
    tasks = [
        {"task_id": "extract", "map_index": 0, "rendered_map_index": "shop.orders", "state": "success",
            "start_date": start, "end_date": end},
        {"task_id": "extract", "map_index": 1, "rendered_map_index": None, "state": "running",
            "start_date": start, "end_date": None},
        {"task_id": "done", "map_index": -1, "rendered_map_index": None, "state": "upstream_failed",
            "start_date": None, "end_date": None},
    ]  # fmt: skip
    answers.body = json.dumps({"state": "failed", "task_instances": tasks}).encode()
    ended = list(follow(api, "d", "r", seconds=5, pause=0))
    assert ended == [TaskEnd("extract [shop.orders]", "success", 1.5), TaskEnd("done", "upstream_failed", None)]
    assert line(ended[0]).split() == ["success", "extract", "[shop.orders]", "1.5", "s"]
    assert line(ended[1]).split() == ["upstream_failed", "done"]


def demo(tmp_path: Path, port: int = 0) -> Demo:
    return Demo(tmp_path / "home", tmp_path / "demo", PROJECT, "127.0.0.1", port, 1, "small", lambda _: None)


def test_the_demo_removes_no_folder_that_it_has_not_made(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").touch()
    with pytest.raises(BadConfiguration) as caught:
        demo(tmp_path).run()
    assert caught.value.code == "demo.folder_in_use"
    assert (tmp_path / "demo" / "thesis.txt").exists()


def test_a_second_demo_in_the_same_folder_waits_for_nobody_and_breaks_nothing(tmp_path: Path) -> None:
    first, second = demo(tmp_path), demo(tmp_path, free_port())
    with first._alone():
        for start in (second.run, lambda: second.up(until=lambda _: True)):
            with pytest.raises(BadConfiguration) as caught:
                start()
            assert caught.value.code == "demo.running"
    assert not (tmp_path / "demo").exists()


def test_neither_demo_nor_up_puts_its_mark_on_a_folder_that_is_not_theirs(tmp_path: Path) -> None:
    """An installation's state folder, with its master key: the next demo would remove it whole."""
    (tmp_path / "demo" / "keys").mkdir(parents=True)
    (tmp_path / "demo" / "keys" / "master.key").write_text("key")
    with pytest.raises(BadConfiguration) as caught:
        demo(tmp_path, free_port()).up(until=lambda _: True)
    assert caught.value.code == "demo.folder_in_use"
    assert [p.name for p in (tmp_path / "demo").iterdir()] == ["keys"]


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadConfiguration) as caught:
            demo(tmp_path, taken.getsockname()[1]).up(until=lambda _: True)
    assert caught.value.code == "airflow.port_taken"
    assert not (tmp_path / "demo").exists()


def test_a_tree_shows_files_then_folders_with_sizes(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_text("abc")
    (tmp_path / "z.txt").write_text("x" * 1234)
    assert list(tree(tmp_path)) == ["z.txt  1,234", "b/", "  c.txt  3"]


def test_what_tasks_need_is_loaded_where_they_are_forked_from_also_by_a_worker_of_celery() -> None:
    code = (
        "import sys; from privacy.orchestration import warm\n"
        "class TaskRunnerMarker: pass\n"
        "warm.on_starting(component=TaskRunnerMarker()); assert 'pyarrow' not in sys.modules\n"
        "from privacy.orchestration import celery_worker\n"
        "assert set(warm.MODULES) <= set(sys.modules)\n"
    )
    environment = {**os.environ, "AIRFLOW_HOME": "/nonexistent"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    assert "privacy.orchestration.steps" in warm.MODULES
