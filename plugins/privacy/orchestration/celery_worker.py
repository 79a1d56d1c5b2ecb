"""Loaded by a Celery worker before it makes the processes that tasks are forked from; see ``celery_settings``."""

from __future__ import annotations

from privacy.orchestration.warm import preload

preload()
