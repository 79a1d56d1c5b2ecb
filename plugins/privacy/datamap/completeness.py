"""Completeness: what a store has, held against the data map. Nothing is held that nobody described or excused.

Every table, column and prefix is claimed by a dataset, or excused by name with a reason (``excused:`` of its system;
a column is excused as ``table.column``). The project's own tables are excused here, each with its reason. A finding
stops nothing: it is shown until somebody describes what was found, or excuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from privacy.datamap.models import Dataset, System

OWN: Mapping[str, str] = {
    "ledger": "Evidence without personal data; kept, and never altered.",
    "holds": "Whom a hold is about is sealed in its row.",
    "request_register": "What is personal is sealed under a key of each request's own, which closing it destroys.",
    "privacy_alembic_version": "Which migration was the last; no personal data.",
}
"""The tables of ledger, holds and register, and why no dataset describes them."""

_ALIAS = re.compile(r"(?:\w+\s*\.\s*)?[\"`]?(?P<own>\w+)[\"`]?\s+AS\s+[\"`]?(?P<name>\w+)[\"`]?", re.IGNORECASE)
_ASIDE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


class Held(Protocol):
    """Something that exists in a store (:class:`privacy.sources.base.Claim`)."""

    @property
    def name(self) -> str:
        """A table or a prefix."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Its columns, where it has any."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something without a word in the data map, or a word without a thing.

    :param system: whose store it is; ``ledger`` for the project's own.
    :param name: table, ``table.column`` or prefix; never content.
    :param advice: what to do about it.
    """

    system: str
    name: str
    message: str
    advice: str
    code: str = "datamap.unclaimed"
    fatal: bool = False

    @property
    def where(self) -> str:
        """Where it is, in one word."""
        return f"{self.system}: {self.name}"


def unclaimed(system: System, held: Iterable[Held], home: Path | None = None) -> list[Finding]:
    """What a system's store has and its data map does not, and excuses of what is not there.

    :param held: the source's ``inventory()``.
    :param home: ``PRIVACY_HOME``: a column that a SELECT gives another name (``birth AS birth_date``) is claimed too.
    """
    here, found = list(held), []
    excused = _Names(e.name for e in system.excused)
    claims = _claims(system, home)
    if not here:
        found.append(
            Finding(
                system.system,
                "(nothing)",
                "The store is empty, although datasets are described in it.",
                f"Correct the connection {system.connection!r}.",
                "datamap.empty_store",
            )
        )
    for thing in here:
        if excused.covers(thing.name):
            continue
        columns = claims.get(thing.name.casefold(), None if thing.parts else _prefixed(system, thing.name))
        if columns is None:
            found.append(_no_dataset(system, thing))
            continue
        for column in thing.parts:
            if column.casefold() not in columns and not excused.covers(f"{thing.name}.{column}"):
                found.append(
                    Finding(
                        system.system,
                        f"{thing.name}.{column}",
                        "No dataset has this column.",
                        f"Add it to the dataset and its SELECT, or excuse {thing.name}.{column} by name, "
                        f"with a reason, under `excused:` in {system.system}.yaml.",
                    )
                )
    return found + [_stale(system, name) for name in excused.unused(here)]


def unclaimed_own(held: Iterable[Held], claimed: Iterable[System] = ()) -> list[Finding]:
    """The same for the database of ledger, holds and register.

    :param claimed: systems of the data map whose datasets describe tables of it.
    """
    described = {name for system in claimed for name in _claims(system, None)}
    return [
        Finding(
            "ledger",
            thing.name,
            "No dataset describes this table of the project's own database.",
            "Move a shop's table to the shop's database; a new one of the project is excused in "
            "privacy.datamap.completeness.OWN, with a reason.",
        )
        for thing in held
        if thing.name not in OWN and thing.name.casefold() not in described
    ]


def _no_dataset(system: System, thing: Held) -> Finding:
    what, start = ("table", f"Describe it (privacy datamap new {system.system} {thing.name})")
    if not thing.parts:
        what, start = ("place", "Describe it as a dataset with that `prefix:`")
    return Finding(
        system.system,
        thing.name,
        f"No dataset describes this {what}.",
        f"{start}, or excuse it by name, with a reason, under `excused:` in {system.system}.yaml.",
    )


def _stale(system: System, name: str) -> Finding:
    return Finding(
        system.system,
        name,
        "What is excused is not there.",
        f"Correct its name under `excused:` in {system.system}.yaml, or remove it.",
        "datamap.excused_absent",
    )


class _Names:
    """Excused names; which of them excuse nothing."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.casefold().rstrip("/"): name for name in names}

    def covers(self, name: str) -> bool:
        """Whether it, or a folder above it, is excused."""
        return any(_under(name.casefold(), known) for known in self._names)

    def unused(self, here: list[Held]) -> Iterator[str]:
        """The names that excuse nothing that is there."""
        present = {thing.name.casefold() for thing in here}
        present |= {f"{thing.name}.{part}".casefold() for thing in here for part in thing.parts}
        for known, name in self._names.items():
            # A name below a claimed prefix (a file that is not read) is not in the inventory.
            if not any(_under(p, known) or _under(known, p) for p in present):
                yield name


def _under(name: str, prefix: str) -> bool:
    return name.rstrip("/") == prefix.rstrip("/") or name.startswith(prefix.rstrip("/") + "/")


def _claims(system: System, home: Path | None) -> dict[str, set[str]]:
    """Table (in lower case) -> its claimed columns, by all datasets of it."""
    found: dict[str, set[str]] = {}
    for name, dataset in system.datasets.items():
        if dataset.prefix is None:
            table = (dataset.table or name).casefold()
            found.setdefault(table, set()).update(_columns(system, name, dataset, home))
    return found


def _columns(system: System, name: str, dataset: Dataset, home: Path | None) -> Iterator[str]:
    yield from dataset.columns
    if home is None:
        return
    for file in (home / "sql" / system.system).glob(f"{name}*.sql"):
        if file.name.split(".")[0] != name:
            continue
        text = _ASIDE.sub(" ", file.read_text(encoding="utf-8-sig", errors="replace"))
        for alias in _ALIAS.finditer(text):
            if alias["name"] in dataset.columns:
                yield alias["own"].casefold()


def _prefixed(system: System, name: str) -> set[str] | None:
    """Whether a place lies under a dataset's prefix."""
    prefixes = [d.prefix for d in system.datasets.values() if d.prefix is not None]
    return set() if any(_under(name, prefix) for prefix in prefixes) else None
