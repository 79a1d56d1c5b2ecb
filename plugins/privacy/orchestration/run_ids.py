"""What the ledger calls a run that Airflow calls otherwise: it follows from Airflow's own words, so a task tried again
has the same, and the desk knows it of a run that it has just started.
"""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("5d0d3c52-7d4b-5f0e-9b39-0a8d6a0c5f11")


def run_id(dag_id: str, airflow_run: str, cleared: int = 0) -> str:
    """The UUID of a run; a run that was cleared is another one, whose staging and ledger entries are its own."""
    return str(uuid.uuid5(NAMESPACE, f"{dag_id}\n{airflow_run}\n{cleared}"))


def member_run_id(dag_id: str, airflow_run: str, request: str, cleared: int = 0) -> str:
    """The UUID of one request's part of an export of many. :param request: its number."""
    return run_id(dag_id, f"{airflow_run}\n{request}", cleared)


def rule_run_id(dag_id: str, airflow_run: str, rule: str, cleared: int = 0) -> str:
    """The UUID of one rule's part of a purge's run."""
    return run_id(dag_id, f"{airflow_run}\n{rule}", cleared)
