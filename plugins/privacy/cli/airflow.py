"""Starting what a request asks for in Airflow, at the address that the environment gives."""

from __future__ import annotations

from privacy.errors import BadConfiguration, GiveUp


def start(number: str, dag_id: str = "export_subject") -> str:
    """Start what a registered request asks for: its export by default.

    :returns: the run's id.
    :raises BadConfiguration: ``airflow.settings``, ``airflow.url``: where Airflow is, or who asks it, is not said.
    :raises GiveUp: ``airflow.answer``: what answers there is no Airflow.
    :raises PrivacyError: as :class:`privacy.orchestration.api.AirflowApi`.
    """
    import os

    from privacy.orchestration.api import AirflowApi

    url, user, password = (os.environ.get(f"PRIVACY_AIRFLOW_{name}", "") for name in ("URL", "USER", "PASSWORD"))
    if not (url and user and password):
        raise BadConfiguration(
            "airflow.settings",
            "Airflow cannot be asked: its address or user is not set. The request is registered.",
            where=number,
            advice="Set PRIVACY_AIRFLOW_URL, PRIVACY_AIRFLOW_USER and PRIVACY_AIRFLOW_PASSWORD; privacy request start.",
        )
    if not _is_address(url):
        raise BadConfiguration(
            "airflow.url",
            "Airflow's address is none. The request is registered.",
            where=number,
            advice="Write PRIVACY_AIRFLOW_URL like http://127.0.0.1:8080; privacy request start.",
        )
    try:
        return AirflowApi(url, user, password).trigger(dag_id, request=number)
    except (ValueError, KeyError, TypeError):
        # No JSON, or not what Airflow says: a proxy's page. It may quote what was asked, and is not repeated.
        raise GiveUp(
            "airflow.answer",
            "What answers at Airflow's address is not Airflow. The request is registered.",
            where=number,
            advice="Correct PRIVACY_AIRFLOW_URL; privacy request start.",
        ) from None


def _is_address(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
