"""The only Airflow plugin of this project: what must be there before the first task runs."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from privacy.orchestration import warm


class PrivacyPlugin(AirflowPlugin):
    """Loads the heavy libraries once, in the process that tasks are forked from."""

    name = "privacy"
    listeners = [warm]  # noqa: RUF012 - as Airflow has it
