"""The only Airflow plugin of this project: what must be there before the first task runs, and the page "Privacy"."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from privacy.desk.mounted import PREFIX, Mounted
from privacy.orchestration import warm


class PrivacyPlugin(AirflowPlugin):
    """Loads the heavy libraries once, in the process that tasks are forked from; the desk, when it is first opened."""

    name = "privacy"
    listeners = [warm]  # noqa: RUF012 - as Airflow has it
    fastapi_apps = [{"app": Mounted(), "url_prefix": PREFIX, "name": "Privacy"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {"name": "Privacy", "href": f"{PREFIX}/", "destination": "nav", "url_route": "privacy", "nav_top_level": True}
    ]
