"""Celery's settings for a shop with workers: ``AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS`` names :data:`SETTINGS`.

Airflow's own, and what a task needs is loaded once a worker: otherwise each task loads it, for seconds.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

SETTINGS: dict[str, Any] = {**DEFAULT_CELERY_CONFIG, "imports": ["privacy.orchestration.celery_worker"]}
