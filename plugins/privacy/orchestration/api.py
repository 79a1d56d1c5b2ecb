"""A small client of Airflow's REST API: for the demo, ``privacy request new --start`` and the tests."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from privacy.errors import BadInput, GiveUp, RetryLater

_AGAIN = 2
"""So often a call is tried again that Airflow answered with an error of its own."""

OVER = ("success", "failed")
"""The states in which a run has ended."""

TASK_OVER = ("success", "failed", "upstream_failed", "skipped", "removed")
"""The states in which a task has ended."""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How one task ended.

    :param name: its id, with the map index's name: ``extract [shop.orders]``.
    :param seconds: how long it ran; None when it never did.
    """

    name: str
    state: str
    seconds: float | None


@dataclass(slots=True)
class AirflowApi:
    """One Airflow, signed in as one user.

    :param url: e.g. ``http://127.0.0.1:8080``.
    """

    url: str
    user: str
    password: str = field(repr=False)
    timeout: float = 30.0
    _token: str = field(default="", repr=False)

    def healthy(self) -> bool:
        """Whether API, scheduler and DAG processor all report to be healthy."""
        try:
            found = self._send("GET", "/api/v2/monitor/health", signed=False)
        except (RetryLater, GiveUp):
            return False
        return all(
            found.get(part, {}).get("status") == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
        )

    def warm(self) -> bool:
        """Let the API server build the API that tasks speak to: it does so at the first request, for seconds."""
        try:
            self._send("GET", "/execution/health", signed=False)
        except (RetryLater, GiveUp):
            return False
        return True

    def has_dag(self, dag: str) -> bool:
        """Whether the DAG has been parsed."""
        try:
            self.call("GET", f"/dags/{quote(dag)}")
        except BadInput:
            return False
        return True

    def import_errors(self) -> list[str]:
        """Why DAG files do not parse: the last line of each error."""
        found = self.call("GET", "/importErrors")
        return [str(e["stack_trace"]).strip().splitlines()[-1] for e in found["import_errors"]]

    def trigger(self, dag: str, **conf: object) -> str:
        """Start a run.

        :param conf: its parameters.
        :returns: its run id.
        :raises BadInput: ``airflow.refused``: Airflow's own check of the parameters failed; nothing has run.
        """
        run = self.call("POST", f"/dags/{quote(dag)}/dagRuns", {"conf": conf, "logical_date": None})
        return str(run["dag_run_id"])

    def answer(self, dag: str, run: str, task: str, index: int, option: str) -> None:
        """Answer a task that awaits input. :raises BadInput: ``airflow.refused``: it does not, or was answered."""
        place = f"/dags/{quote(dag)}/dagRuns/{quote(run, safe='')}/taskInstances/{quote(task)}/{index}/hitlDetails"
        self.call("PATCH", place, {"chosen_options": [option], "params_input": {}})

    def state(self, dag: str, run: str) -> str:
        """The run's state: queued, running, success or failed."""
        return str(self.call("GET", f"/dags/{quote(dag)}/dagRuns/{quote(run, safe='')}")["state"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The run's task instances, as the API gives them."""
        found = self.call("GET", f"/dags/{quote(dag)}/dagRuns/{quote(run, safe='')}/taskInstances?limit=1000")
        tasks: list[dict[str, Any]] = found["task_instances"]
        return tasks

    def ended(self, dag: str, run: str, seen: set[tuple[str, int]]) -> Iterator[TaskEnd]:
        """The tasks that ended and are not in ``seen``, in the order in which they ended; they are added to it."""
        tasks = [t for t in self.tasks(dag, run) if t["state"] in TASK_OVER]
        # An expanded task leaves no instance of index -1 behind; one without an end never ran and comes last.
        for task in sorted(tasks, key=lambda t: (t["end_date"] or "9999", t["task_id"], t["map_index"])):
            key = (task["task_id"], task["map_index"])
            if key not in seen:
                seen.add(key)
                yield TaskEnd(_name(task), task["state"], _seconds(task))

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of ``/api/v2``; signs in first when needed.

        :raises BadInput: 4xx, with Airflow's own words. :raises RetryLater: no answer. :raises GiveUp: anything else.
        """
        if not self._token:
            answer = self._send("POST", "/auth/token", {"username": self.user, "password": self.password}, signed=False)
            self._token = answer["access_token"]
        for _ in range(_AGAIN):
            try:
                return self._send(method, f"/api/v2{path}", body)
            except GiveUp as problem:
                # On SQLite a write may meet another one; nothing was written then.
                if problem.code != "airflow.error":
                    raise
            time.sleep(0.5)
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: object = None, *, signed: bool = True) -> Any:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=self.timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if signed:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            raise RetryLater(
                "airflow.no_answer", "Airflow does not answer.", where=self.url, advice="Is it running? make up"
            ) from None
        finally:
            connection.close()
        if answer.status >= 500:
            raise GiveUp("airflow.error", f"Airflow answered {answer.status}.", where=self.url)
        if answer.status >= 400:
            raise BadInput("airflow.refused", f"Airflow answered {answer.status}: {_detail(text)}", where=self.url)
        return json.loads(text) if text else None


def _detail(text: bytes) -> str:
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
    return str(detail)[:300]


def _name(task: dict[str, Any]) -> str:
    name = task.get("rendered_map_index")
    if task["map_index"] < 0 and not name:
        return str(task["task_id"])
    return f"{task['task_id']} [{name or task['map_index']}]"


def _seconds(task: dict[str, Any]) -> float | None:
    if not task["start_date"] or not task["end_date"]:
        return None
    return (datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])).total_seconds()
