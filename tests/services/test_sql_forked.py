"""A pool that a process inherits: what a forked task sends must never go over its parent's connection."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import pytest
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine
from services.conftest import Server


def used(into: sa.Engine) -> int:
    """The server's number of the connection that the pool gives."""
    with into.connect() as connection:
        word = "CONNECTION_ID()" if into.dialect.name == "mysql" else "pg_backend_pid()"
        return int(connection.exec_driver_sql(f"SELECT {word}").scalar())  # type: ignore[arg-type]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_forked_process_says_nothing_over_its_parents_connection(server: Server, read_only: bool) -> None:
    """Not even whether it is still there: the parent would read the answer."""
    into = engine(Connection("shop", server.create("forked")), read_only=read_only)
    mine = used(into)
    raw = into.raw_connection()
    number = raw.driver_connection.fileno() if server.kind == "postgresql" else raw.driver_connection._sock.fileno()  # type: ignore[union-attr]
    raw.close()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # What it sends over the inherited connection comes out at the other end of this.
            inside, outside = socket.socketpair()
            outside.shutdown(socket.SHUT_WR)
            outside.setblocking(False)
            os.dup2(inside.fileno(), number)
            other = used(into)
            with suppress(BlockingIOError):
                code = 2 if outside.recv(100) else 1
            if code == 1:
                code = 0 if other != mine else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert used(into) == mine
    into.dispose()
