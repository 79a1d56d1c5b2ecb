"""What the desk asks of Airflow; :mod:`privacy.desk.airflow_side` answers in the API server."""

from __future__ import annotations

from typing import Protocol

from privacy.desk.access import User


class Airflow(Protocol):
    """Airflow's DAGs, runs and questions, as far as pages need them. Nothing personal goes in or comes out."""

    def start(self, dag: str, conf: dict[str, object], user: User) -> str:
        """Start a DAG, as that user.

        :param conf: its Params: numbers of requests, names of rules, dates.
        :returns: Airflow's id of the run.
        :raises Refused: ``airflow.no_dag``.
        """
        ...
