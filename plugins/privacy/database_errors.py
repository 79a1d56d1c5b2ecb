"""What a driver's error means, by its number where it has one; its text may quote a person's key, and goes nowhere."""

from __future__ import annotations

import sqlite3
import sys

import sqlalchemy as sa

from privacy.errors import BadConfiguration, GiveUp, PrivacyError, RetryLater

_BUSY = (
    *("locked", "busy", "deadlock", "lost connection", "server closed", "could not connect", "gone away", "timeout"),
    *("connection is lost", "connection is closed", "connection refused", "connection failed", "starting up"),
    *("too many", "terminating connection"),
)
_ABSENT = ("no such table", "no such column", "does not exist", "doesn't exist", "unknown column", "unknown table")
_LOGIN = ("authentication failed", "access denied for user", "no pg_hba.conf entry")

_STATES = {
    "busy": ("08", "40", "53", "55P03", "57P", "57014", "58"),
    "absent": ("3D000", "3F000", "42P01", "42703"),
    "login": ("28",),
    "denied": ("42501",),
}
"""SQLSTATEs, or their classes: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_NUMBERS = {
    "busy": {
        *(1020, 1021, 1040, 1041, 1053, 1114, 1129, 1135, 1158, 1159, 1160, 1161),
        *(1203, 1205, 1213, 1226, 1317, 1412, 1927, 1969),
        *(2002, 2003, 2006, 2013, 2014, 2055, 3024),
    },
    "absent": {1049, 1051, 1054, 1146},
    "login": {1045, 1698, 1820, 1862, 4151},
    "denied": {1044, 1142, 1143, 1227, 1370},
}
"""MariaDB's, and from 2000 on the client's: https://mariadb.com/kb/en/mariadb-error-code-reference/"""


def driver_errors() -> tuple[type[Exception], ...]:
    """The errors of SQLAlchemy and of each driver that is loaded."""
    found: list[type[Exception]] = [sa.exc.SQLAlchemyError, sqlite3.Error]
    for name in ("psycopg", "pymysql"):
        if (module := sys.modules.get(name)) is not None:
            found.append(module.Error)
    return tuple(found)


def told(problem: Exception, where: str) -> PrivacyError:
    """Ours in its place.

    :param problem: one of :func:`driver_errors`, or SQLAlchemy's around it.
    """
    means = meaning(getattr(problem, "orig", None) or problem)
    if means == "busy":
        return RetryLater("database.busy", "The database is busy or out of reach.", where=where, advice="Try again.")
    if means == "absent":
        return BadConfiguration(
            "database.absent",
            "A table or column is not there.",
            where=where,
            advice="Compare the data map and its SQL file with the database: privacy datamap check --stores.",
        )
    if means == "login":
        return BadConfiguration(
            "database.login",
            "The database does not let the account in.",
            where=where,
            advice="Correct user and password of the connection; a password may have expired.",
        )
    if means == "denied":
        return BadConfiguration(
            "database.denied",
            "The account may not do this.",
            where=where,
            advice="Grant it SELECT on the tables for exports; UPDATE and DELETE as well for erasures and purges.",
        )
    number = _number(getattr(problem, "orig", None) or problem)
    return GiveUp(
        "database.failed",
        f"The database refused a statement{f': its error {number}' if number else ''}.",
        where=where,
        advice="See the database's own log.",
    )


def _number(problem: BaseException) -> str:
    """The driver's number or state of an error, which quotes nobody; empty where it has none."""
    first = problem.args[0] if problem.args else None
    if isinstance(first, int):
        return str(first)
    return str(getattr(problem, "sqlstate", None) or getattr(problem, "sqlite_errorname", None) or "")


def breaks_reference(problem: BaseException | None) -> bool:
    """Whether the database says that a foreign key would point at nothing."""
    if isinstance(problem, sqlite3.IntegrityError):
        return "FOREIGN KEY" in str(problem)
    number = problem.args[0] if problem is not None and problem.args else None
    return getattr(problem, "sqlstate", None) == "23503" or number in (1216, 1217, 1451, 1452)


def meaning(problem: BaseException) -> str:
    """``busy``, ``absent``, ``login``, ``denied`` or ``other``."""
    state, number = getattr(problem, "sqlstate", None), problem.args[0] if problem.args else None
    # MariaDB's drivers have both, and its states tell less than its numbers.
    if isinstance(number, int) and number:
        return next((means for means, numbers in _NUMBERS.items() if number in numbers), "other")
    if isinstance(state, str):
        return next((means for means, states in _STATES.items() if state.startswith(states)), "other")
    if type(problem).__module__.startswith("pymysql") and type(problem).__name__ == "InterfaceError":
        return "busy"  # (0, ''): the connection is gone
    text = str(problem).lower()
    for means, words in (("login", _LOGIN), ("absent", _ABSENT), ("busy", _BUSY)):
        if any(word in text for word in words):
            return means
    if type(problem).__module__.startswith("psycopg") and type(problem).__name__ == "OperationalError":
        return "busy"  # Without a SQLSTATE: the server did not answer, or not to the end.
    return "other"
