"""What the desk asks of Airflow; :mod:`privacy.desk.airflow_side` answers in the API server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from privacy.desk.access import User

APPROVE, REJECT = "Approve", "Reject"
"""The options of a question, as Airflow's ``ApprovalOperator`` has them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A plan that waits for an operator's answer, as Airflow shows it under Required Actions; nothing personal.

    :param id: Airflow's, of the task that asks. :param dag, run, task: where it asks.
    :param about: the number of the request, or the name of the rule, that it is about.
    :param body: Markdown, of our own making. :param asked_at: aware, UTC. :param options: what can be answered.
    """

    id: str
    dag: str
    run: str
    task: str
    about: str
    subject: str
    body: str
    asked_at: datetime
    options: tuple[str, ...] = (APPROVE, REJECT)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run. :param label: of one of many: a dataset, a rule, a request; empty: there is one.

    :param state: Airflow's word; ``none``: it has not begun. :param started, ended: aware, UTC; None: not yet.
    """

    name: str
    label: str
    state: str
    started: datetime | None = None
    ended: datetime | None = None


def labels(tasks: Iterable[tuple[int, str | None]]) -> dict[int, str]:
    """What the tasks of each index are called: a rule, a request.

    Only a task that has run is labelled, and Airflow calls the others by their index: one that waits for an answer
    bears the label of those of its index that have run.

    :param tasks: of one run, each as its index and what Airflow calls it.
    """
    return {index: label for index, label in tasks if label not in (None, "", str(index)) and index >= 0}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. :param state: Airflow's word for the run. :param tasks: in the order in which they began."""

    dag: str
    run: str
    state: str
    tasks: tuple[Task, ...]

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self.state in ("queued", "running")


@dataclass(frozen=True, slots=True)
class NextRun:
    """When a DAG runs next by its schedule. :param at: aware, UTC; None: by no schedule.

    :param paused: it does not run until somebody unpauses it in Airflow.
    """

    at: datetime | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Underway:
    """A run of a purge that has not ended. :param run: Airflow's id. :param state: Airflow's word.

    :param by: who started it; empty: the schedule. :param since: aware, UTC; None: it waits for its turn.
    :param dry: it only looks. :param rules: those that it runs; empty: all of its purge.
    """

    run: str
    state: str
    by: str
    since: datetime | None
    dry: bool
    rules: tuple[str, ...]


class Airflow(Protocol):
    """Airflow's DAGs, runs and questions, as far as pages need them. Nothing personal goes in or comes out."""

    def start(self, dag: str, conf: dict[str, object], user: User) -> str:
        """Start a DAG, as that user.

        :param conf: its Params: numbers of requests, names of rules, dates.
        :returns: Airflow's id of the run.
        :raises Refused: ``airflow.no_dag``.
        """
        ...

    def progress(self, dag: str, run: str) -> Progress | None:
        """How far a run is; None: there is no such run."""
        ...

    def latest(self, dag: str, request: str) -> str | None:
        """Airflow's id of the last run of a DAG that was started for a request; None: none of its last 200 was."""
        ...

    def questions(self) -> tuple[Question, ...]:
        """The questions of this project's DAGs that wait for an answer, the oldest first; at most 200.

        Who may see which, is for whoever shows them to ask (:meth:`privacy.desk.access.Gate.may`).
        """
        ...

    def answer(self, question: Question, option: str, user: User) -> None:
        """Answer a question, as that user: the very row that Required Actions answers, by Airflow's own code.

        :param option: one of the question's.
        :raises Refused: ``airflow.answered``: somebody was faster; ``airflow.not_yours``: Airflow does not let them;
            ``airflow.no_question``: it does not wait any more.
        """
        ...

    def next_runs(self, dags: Collection[str]) -> dict[str, NextRun]:
        """When these DAGs run next by their schedules; one that Airflow does not know is left out."""
        ...

    def running(self, dag: str) -> tuple[Underway, ...]:
        """The runs of a purge that have not ended, the latest first; at most 20."""
        ...
