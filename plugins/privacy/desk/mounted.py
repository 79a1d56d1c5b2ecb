"""What Airflow mounts: loads the desk when a page is first asked for, and nothing before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/privacy"
"""Where Airflow's API server mounts the desk."""

Message = MutableMapping[str, Any]


class Mounted:
    """An ASGI application that is the desk of this installation."""

    def __init__(self) -> None:
        self._desk: FastAPI | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        if self._desk is None:
            # In a thread: it takes a moment, and Airflow's other pages go on meanwhile.
            made = await asyncio.to_thread(_made)
            self._desk = self._desk or made
        await self._desk(scope, receive, send)

    def __repr__(self) -> str:
        return "Mounted()"


def _made() -> FastAPI:
    from privacy.desk.airflow_side import AirflowGate, LiveAirflow, project, secret
    from privacy.desk.app import make
    from privacy.desk.house import Houses
    from privacy.orchestration.connections import AirflowConnections
    from privacy.settings import settings

    return make(Houses(settings(), AirflowConnections()), AirflowGate(), LiveAirflow(), secret(), project())
