"""What the last whole look at ledger and stores has found: the ledger says how much, this file says what.

For pages, which cannot ask all stores at once. It proves nothing, is made anew each day, and holds what the command
shows: names of rules, tables and folders, nothing personal.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.rights.evidence import Finding
    from privacy.rights.house import House

NAME = "evidence.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as it was told. :param code: e.g. ``datamap.unclaimed``. :param where: rule, table, folder."""

    code: str
    where: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Looked:
    """:param at: when (aware). :param found: what was missing then."""

    at: datetime
    found: tuple[Found, ...]


def keep(house: House, findings: Iterable[Finding], at: datetime) -> None:
    """Write down what was found; a folder that cannot be written is no reason to fail: the ledger has its entry."""
    path = house.settings.state / NAME
    said = [{"code": f.code, "where": f.where, "message": f.message, "advice": f.advice} for f in findings]
    try:
        new = path.with_suffix(".next")
        new.write_text(json.dumps({"at": at.isoformat(), "found": said}))
        new.chmod(0o600)
        new.replace(path)
    except OSError as problem:
        _log.warning("what the verification found could not be kept for the desk (errno %s)", problem.errno)


def last(house: House) -> Looked | None:
    """What was found last; None: nobody has looked yet, or not on this machine."""
    try:
        said = json.loads((house.settings.state / NAME).read_text())
        return Looked(datetime.fromisoformat(said["at"]), tuple(Found(**one) for one in said["found"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
