"""Who may see what: every route asks, through whatever manages the users of Airflow.

Both dependencies stand on the whole application (:func:`privacy.desk.app.make`), so that a route that somebody adds
cannot be open, and a form that somebody adds cannot be forged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from fastapi import HTTPException, Request
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstanceState, Session
from starlette.concurrency import run_in_threadpool

from privacy.rights.states import PIPELINES, Right

READ_DAG = "export_subject"
"""Whoever may read this DAG may see the pages on which nothing personal stands."""

Deed = Literal["read", "start", "answer"]


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in to Airflow. :param id: theirs. :param name: as others call them. :param known: Airflow's own.

    :param names: by which a setting may mean them: ``user:NAME``, ``role:NAME``, ``group:NAME``.
    """

    id: str
    name: str
    known: object = None
    names: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """As the ledger names them: it takes no @, no control characters, and no long texts."""
        return "".join(c for c in self.name.replace("@", " at ") if c.isprintable())[:100] or "a user of Airflow"


class Gate(Protocol):
    """Airflow's auth manager, as far as the desk asks it."""

    async def user(self, request: Request) -> User | None:
        """Whose session a request carries; None: nobody's that is valid."""
        ...

    def may(self, user: User, deed: Deed, dag: str) -> bool:
        """Whether they may read a DAG, start it, or answer what it asks."""
        ...


async def signed_in(request: Request) -> User:
    """Who asks, when they are signed in and may see the desk.

    :raises HTTPException: 401: nobody is signed in; 403: they may not.
    """
    gate: Gate = request.app.state.gate
    user = await gate.user(request)
    if user is None:
        raise HTTPException(401, "Sign in to Airflow first, then open this page again.")
    if not await run_in_threadpool(gate.may, user, "read", READ_DAG):
        raise HTTPException(403, "You may not see the privacy desk: ask for the right to read its DAGs.")
    request.state.user = user
    return user


def who(request: Request) -> User:
    """Who asks, as :func:`signed_in` found before any route ran."""
    user: User = request.state.user
    return user


def may_start(request: Request, dag: str | None) -> bool:
    """Whether who asks may start a DAG; None: there is none, so nobody may."""
    gate: Gate = request.app.state.gate
    return dag is not None and gate.may(who(request), "start", dag)


def may_answer(request: Request, dag: str) -> bool:
    """Whether who asks may answer what a DAG asks, as Airflow has it."""
    gate: Gate = request.app.state.gate
    return gate.may(who(request), "answer", dag)


def may_read(request: Request, dag: str) -> bool:
    """Whether who asks may see a DAG."""
    gate: Gate = request.app.state.gate
    return gate.may(who(request), "read", dag)


def dag_of(right: Right) -> str:
    """The DAG whose right counts for a request: its own; of what a person does, the one of most requests."""
    return right.pipeline or READ_DAG


def operator(request: Request, right: Right | None = None) -> User:
    """Who asks, when they may start the DAG of a right; None: of any.

    :raises HTTPException: 403: they may not: nothing personal is theirs to see, and no request theirs to change.
    """
    dags = set(PIPELINES.values()) if right is None else {dag_of(right)}
    if not any(may_start(request, dag) for dag in sorted(dags)):
        raise HTTPException(403, "You may not do this: it takes the right to start the DAG of such requests.")
    return who(request)


def names_of(known: Any, sessions: Callable[[], AbstractContextManager[Session]] | None = None) -> frozenset[str]:
    """By what a setting may mean a user of Airflow: ``user:``, ``role:`` and ``group:``, as its auth manager has them.

    The simple auth manager's users have a role, and teams, which count as groups; FAB's have roles and groups, and the
    roles of these. Where users have no login name, the id is what nobody can choose: ``user:ID``.

    :param known: the auth manager's own user.
    :param sessions: of the database of users, for one who comes out of a session: FAB's, whose groups can be read in
        one alone. Without it such a user has none.
    """
    row = inspect(known, raiseerr=False)
    if sessions is not None and isinstance(row, InstanceState) and row.detached and row.identity is not None:
        with sessions() as session:
            whole = session.get(type(known), row.identity)
            return frozenset() if whole is None else names_of(whole)
    user = getattr(known, "username", None) or known.get_id()
    roles = [getattr(known, "role", None), *(getattr(known, "roles", None) or ())]
    try:
        groups = [*(getattr(known, "groups", None) or ()), *(getattr(known, "teams", None) or ())]
        roles += [role for group in groups for role in (getattr(group, "roles", None) or ())]
    except SQLAlchemyError:
        groups = []  # What is not known opens nothing.
    called = [("user", user), *(("role", role) for role in roles), *(("group", group) for group in groups)]
    return frozenset(f"{kind}:{getattr(one, 'name', one)}" for kind, one in called if one)


def reads_bundles(user: User, readers: frozenset[str]) -> bool:
    """Whether somebody may see and download bundles.

    :param readers: whom ``PRIVACY_BUNDLE_READERS`` names; empty: nobody may, on the desk.
    """
    return bool(user.names & readers)


def asked_here(request: Request) -> None:
    """For what leaves an entry though it changes nothing else: another site cannot let a user seem to have looked.

    :raises HTTPException: 403.
    """
    if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
        raise HTTPException(403, "This was asked for by a page from elsewhere; nothing was given.")
