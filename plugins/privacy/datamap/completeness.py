"""Completeness: what a store has, held against the data map. Nothing is held that nobody described or excused.

Every table, column, prefix and mail folder is claimed by a dataset, or excused by name with a reason (``excused:`` of
its system; a column is excused as ``table.column``, folders by a pattern with ``*`` too). The other way round, a table,
prefix or folder that the data map speaks of and the store does not have is told of. The project's own tables are
excused here, each with its reason. A finding stops nothing: it is shown until somebody describes what was found, or
excuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from privacy.datamap.models import Dataset, System
from privacy.datamap.selects import text_of
from privacy.datamap.stores import fits

OWN: Mapping[str, str] = {
    "ledger": "Evidence without personal data; kept, and never altered.",
    "holds": "Whom a hold is about is sealed in its row.",
    "footage_orders": "Cameras and times that are to be kept; nobody's name.",
    "disclosures": "What was given, to whom and about whom is sealed in its row.",
    "do_not_process": "Whose data the shop's systems leave alone, in plain while that holds: see policy/own.yaml.",
    "erasure_markers": "Keyed digests of what identified those who were erased; they name nobody.",
    "processor_notices": "Whom a notice is about is sealed in its row until the processor confirms.",
    "policy_versions": "The policy as it was in force; no personal data.",
    "policy_letters": "Keyed digests of addresses that were written to; they name nobody.",
    "request_register": "What is personal is sealed under a key of each request's own, which closing it destroys.",
    "request_marks": "Keyed digests of what requests name; they name nobody, and go with the request's content.",
    "privacy_alembic_version": "Which migration was the last; no personal data.",
}
"""The tables of ledger, holds and register, and why no dataset describes them."""

_NAME = r"[\"`]?\w+[\"`]?"
_ALIAS = re.compile(
    rf"(?<![\w.\"`])(?:(?:{_NAME}\s*\.\s*)?[\"`]?(?P<of>\w+)[\"`]?\s*\.\s*)?"
    r"[\"`]?(?P<own>\w+)[\"`]?\s+AS\s+[\"`]?(?P<name>\w+)[\"`]?",
    re.IGNORECASE,
)
_TABLE = re.compile(
    rf"\b(?:FROM|JOIN)\s+(?:{_NAME}\s*\.\s*)?[\"`]?(?P<table>\w+)[\"`]?(?:\s+AS)?\s+[\"`]?(?P<alias>\w+)", re.IGNORECASE
)
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
    :param name: table, ``table.column``, prefix or folder; never content.
    :param advice: what to do about it.
    :param red: somebody has to act; else it is good to know (a word that has no thing now, and may have one tomorrow).
    """

    system: str
    name: str
    message: str
    advice: str
    code: str = "datamap.unclaimed"
    fatal: bool = False
    red: bool = True

    @property
    def where(self) -> str:
        """Where it is, in one word."""
        return f"{self.system}: {self.name}"


def unclaimed(system: System, held: Iterable[Held], home: Path | None = None) -> list[Finding]:
    """What a system's store has and its data map does not, and the other way round; excuses of what is not there.

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
        columns = claims.get(thing.name.casefold(), None if thing.parts else _placed(system, thing.name))
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
    found += [_stale(system, name) for name in excused.unused(here)]
    return found + [_absent(system, name, word) for name, word in _words(system, here)] if here else found


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
    what, start = "table", f"Describe it (privacy datamap new {system.system} {thing.name})"
    if system.source == "mailbox":
        what, start = "folder", "Add it to the `folders:` of a dataset"
    elif not thing.parts:
        what, start = "place", "Describe it as a dataset with that `prefix:`"
        if hidden := re.fullmatch(r"\(place (\w+)\)", thing.name):
            # A source of files or records says no name, which may be a person's.
            start = f"Which one it is: privacy datamap place {system.system} {hidden[1]}. {start}"
    return Finding(
        system.system,
        thing.name,
        f"No dataset describes this {what}.",
        f"{start}, or excuse it by name, with a reason, under `excused:` in {system.system}.yaml.",
    )


def _absent(system: System, dataset: str, word: str) -> Finding:
    return Finding(
        system.system,
        f"{dataset}: {word}",
        "Nothing in the store is called so.",
        f"Correct the dataset in {system.system}.yaml, should the store call it otherwise now; else it is empty.",
        "datamap.absent",
        red=False,
    )


def _words(system: System, here: list[Held]) -> Iterator[tuple[str, str]]:
    """(dataset, table, prefix or folder) that the data map speaks of and that nothing in the store is."""
    names = [thing.name.casefold() for thing in here]
    for name, dataset in system.datasets.items():
        if dataset.mailbox is not None:
            for pattern in dataset.mailbox.folders:
                if not any(fits(pattern, thing.name) for thing in here):
                    yield name, pattern
        elif dataset.prefix is not None:
            # What a processor delivers comes with a request, and goes with it.
            if dataset.delivery is None and not any(_under(n, dataset.prefix.casefold()) for n in names):
                yield name, dataset.prefix
        elif dataset.table is not None and dataset.table.casefold() not in names:
            yield name, dataset.table


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
        return any(_under(name.casefold(), known) or fits(known, name.casefold()) for known in self._names)

    def unused(self, here: list[Held]) -> Iterator[str]:
        """The names that excuse nothing that is there."""
        present = {thing.name.casefold() for thing in here}
        present |= {f"{thing.name}.{part}".casefold() for thing in here for part in thing.parts}
        for known, name in self._names.items():
            # A name below a claimed prefix (a file that is not read) is not in the inventory.
            if not any(_under(p, known) or _under(known, p) or fits(known, p) for p in present):
                yield name


def _under(name: str, prefix: str) -> bool:
    return name.rstrip("/") == prefix.rstrip("/") or name.startswith(prefix.rstrip("/") + "/")


def _claims(system: System, home: Path | None) -> dict[str, set[str]]:
    """Table (in lower case) -> its claimed columns, by all datasets of it."""
    found: dict[str, set[str]] = {}
    for name, dataset in system.datasets.items():
        if dataset.prefix is None and dataset.mailbox is None:
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
        text = _ASIDE.sub(" ", text_of(file, file.name.split(".")[1:-1], f"{system.system}.{name}"))
        table = (dataset.table or name).casefold()
        # A keyword after the table (WHERE, JOIN) is nobody's qualifier.
        known = {table, *(t["alias"].casefold() for t in _TABLE.finditer(text) if t["table"].casefold() == table)}
        for alias in _ALIAS.finditer(text):
            if alias["name"] in dataset.columns and (alias["of"] is None or alias["of"].casefold() in known):
                yield alias["own"].casefold()


def _placed(system: System, name: str) -> set[str] | None:
    """Whether a place lies under a dataset's prefix, or is a mail folder of one; no columns are asked of it."""
    datasets = system.datasets.values()
    folders = [pattern for d in datasets if d.mailbox is not None for pattern in d.mailbox.folders]
    prefixes = [d.prefix for d in datasets if d.prefix is not None]
    claimed = any(_under(name, prefix) for prefix in prefixes) or any(fits(pattern, name) for pattern in folders)
    return set() if claimed else None
