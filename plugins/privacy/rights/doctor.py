"""The doctor: tries all that an installation needs, and says of each in one line what is right, or what to do.

Nothing is changed by looking, and no line has a secret, a URL or a person's identifier: names of connections, systems,
datasets, rules and files of ours only.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.errors import PrivacyError

if TYPE_CHECKING:
    from privacy.datamap.completeness import Finding
    from privacy.rights.house import House
    from privacy.sources.base import Problem


class Level(Enum):
    """How it stands."""

    RIGHT = "right"
    WARNING = "warning"
    """Good to know, or to be done one day: exports and purges run."""
    FATAL = "fatal"
    """An export, a purge or a proof fails, or is less than it says, as long as this holds."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line.

    :param topic: ``settings``, ``key``, ``data map``, ``term``, ``connection``, ``permission``, ``region``, ``claim``,
        ``ledger``, ``clock`` or ``pool``.
    :param where: the connection, system, dataset, rule or file. :param message: one sentence.
    :param code: of what is not right, stable, dotted. :param advice: what to do about it.
    """

    topic: str
    where: str
    level: Level
    message: str
    code: str = ""
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """For machines."""
        return {
            "topic": self.topic, "where": self.where, "level": self.level.value, "code": self.code,
            "message": self.message, "advice": self.advice,
        }  # fmt: skip

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        said = " ".join(f"{self.topic} {self.where}: {self.message} {self.advice}".split())
        return f"{self.level.value}: {said}{code}"


_ADVICE = {
    "storage.missing": "Mount the folder, or correct the connection.",
    "storage.denied": "Give this user the right to read it.",
    "keys.unreadable": "Put the key back from a backup, or set PRIVACY_KEY_FILE to it.",
    "keys.length": "Put the key back from a backup, or set PRIVACY_KEY_FILE to it.",
    "connections.url": "Write the URL as docs/configuration.md shows.",
}
"""What to do about errors that do not say it themselves."""

Look = Callable[["House"], Iterator[Said]]
"""The installation in, lines out."""


def right(topic: str, where: str, message: str) -> Said:
    """What is as it should be."""
    return Said(topic, where, Level.RIGHT, message)


def wrong(topic: str, problem: PrivacyError | Problem | Finding, where: str, *, fatal: bool = True) -> Said:
    """What an error, a source or the data map's check tells."""
    level = Level.FATAL if fatal else Level.WARNING
    place = problem.where if problem.where.startswith(where) else f"{where} ({problem.where})"
    advice = problem.advice or _ADVICE.get(problem.code, "Correct it in the connection, the setting or the data map.")
    return Said(topic, place if problem.where else where, level, problem.message, problem.code, advice)


def guarded(topic: str, where: str, look: Callable[[], Iterator[Said]]) -> Iterator[Said]:
    """One look; that it fails is a line of its own, and never the end of the others."""
    try:
        yield from look()
    except PrivacyError as problem:
        yield wrong(topic, problem, where)
    except Exception as problem:  # noqa: BLE001 - the looks that follow are to be had all the same
        # Its text may quote a person's data.
        last = traceback.extract_tb(problem.__traceback__)[-1]
        yield Said(
            topic, where, Level.FATAL, f"{type(problem).__name__} ({Path(last.filename).name}:{last.lineno}).",
            "doctor.unexpected", "This is a mistake in the program: report it.",
        )  # fmt: skip


def examine(house: House) -> Iterator[Said]:
    """Everything, one line after the other; changes nothing.

    Connections are tried as the command line has them; in Airflow the same names are Airflow's own.
    """
    from privacy.rights import doctor_house, doctor_stores, doctor_terms

    looks: list[tuple[str, str, Look]] = [
        ("settings", "state", doctor_house.state),
        ("key", "master key", doctor_house.key),
        ("data map", "include", doctor_terms.datamap),
        ("term", "policy", doctor_terms.terms),
        ("connection", "systems", doctor_stores.systems),
        ("connection", "bundles", doctor_house.bundles),
        ("connection", "letters", doctor_house.letters),
        ("connection", "ledger", doctor_house.database),
        ("ledger", "chain", doctor_house.ledger),
        ("ledger", "copies", doctor_house.copies),
        ("clock", "ledger", doctor_house.clock),
    ]
    for topic, where, look in looks:
        yield from guarded(topic, where, partial(look, house))
