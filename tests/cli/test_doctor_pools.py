"""`privacy doctor` and Airflow's pools: seen through its API where that is configured, and only there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from privacy.datamap.pools import SEVERAL, SLOTS_OF_SEVERAL

ALL = {"default_pool": 128, SEVERAL: SLOTS_OF_SEVERAL, "privacy_salon": 4}
PASSWORD = "the-password-of-airflow"


class Api:
    """As much of Airflow's API as is asked; :mod:`tests.services` has the real one."""

    def __init__(self) -> None:
        self.pools: dict[str, int] = dict(ALL)
        self.status, self.body = 200, None
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                listed = {"pools": [{"name": name, "slots": n} for name, n in api.pools.items()], "total_entries": 3}
                said: Any = {"access_token": "t"} if self.path == "/auth/token" else listed
                body = json.dumps(said).encode() if api.body is None else api.body
                self.send_response(api.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def api(salon: Any) -> Iterator[Api]:
    made = Api()
    for name, value in (
        ("URL", f"http://127.0.0.1:{made.server.server_address[1]}"), ("USER", "desk"), ("PASSWORD", PASSWORD),
    ):  # fmt: skip
        salon.monkeypatch.setenv(f"PRIVACY_AIRFLOW_{name}", value)
    yield made
    made.server.shutdown()
    made.server.server_close()


def told(salon: Any) -> list[tuple[str, str, str]]:
    found = salon.run("doctor", "--json").stdout
    assert PASSWORD not in found
    assert "127.0.0.1" not in found
    return [(s["level"], s["where"], s["code"]) for s in json.loads(found)["said"] if s["topic"] == "pool"]


@pytest.mark.usefixtures("api")
def test_pools_that_are_all_there_are_right(salon: Any) -> None:
    assert told(salon) == [("right", "Airflow", "")]


def test_the_pool_that_every_task_begins_in_is_fatal_where_it_lacks_and_one_store_s_is_not(
    salon: Any, api: Api
) -> None:
    """Its making failed into a log of the scheduler: tasks would wait for ever."""
    del api.pools[SEVERAL], api.pools["privacy_salon"]
    assert told(salon) == [("fatal", SEVERAL, "airflow.pool"), ("warning", "privacy_salon", "airflow.pool")]
    assert f"airflow pools set {SEVERAL} {SLOTS_OF_SEVERAL}" in salon.run("doctor").stdout


def test_a_pool_without_slots_is_fatal_and_one_without_a_bound_is_none_of_ours(salon: Any, api: Api) -> None:
    api.pools |= {"privacy_salon": 0, SEVERAL: -1}
    assert told(salon) == [("fatal", "privacy_salon", "airflow.pool")]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b"<html>", "airflow.answer"), (401, b"{}", "airflow.refused"), (503, b"", "airflow.error")],
)
def test_what_does_not_answer_as_airflow_is_not_taken_for_pools_that_are_there(
    salon: Any, api: Api, status: int, body: bytes, code: str
) -> None:
    """Edge case 28."""
    api.status, api.body = status, body
    assert [(level, code) for level, _, code in told(salon)] == [("fatal", code)]


@pytest.mark.usefixtures("api")
def test_without_a_user_it_is_said_what_to_set_and_without_an_address_nothing_is_said(salon: Any) -> None:
    salon.monkeypatch.delenv("PRIVACY_AIRFLOW_USER")
    assert [code for _, _, code in told(salon)] == ["airflow.settings"]
    salon.monkeypatch.delenv("PRIVACY_AIRFLOW_URL")
    assert told(salon) == []
