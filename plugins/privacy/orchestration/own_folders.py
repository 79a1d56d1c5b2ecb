"""What runs leave on this machine, each until its term is over: staging, sealed plans, the outbox of letters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privacy.errors import BadConfiguration, Unreadable
from privacy.orchestration.runs import remove, swept, touched
from privacy.rights.own import Thing
from privacy.storage import Store, store

if TYPE_CHECKING:
    from privacy.rights.house import House

LETTERS = "letters"
"""The connection of the outbox."""

DRY_RUN = "purge.dry_run"


class Staging:
    """:class:`privacy.rights.own.Keeper` of extracted parts: of runs that ended at once, of others when nobody has
    written for as long as the term says; those are lost, and end here."""

    name = "own.staging"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`."""
        for folder in _folders(house.settings.staging):
            ended = bool(house.ledger.entries(run=folder.name, kind="run.ended"))
            yield Thing(folder.name, self.name, touched(folder), *_size(folder), now=ended)

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:  # noqa: ARG002
        """See :meth:`privacy.rights.own.Keeper.remove`. :raises RetryLater: somebody writes into it."""
        folder = house.settings.staging / thing.name
        if folder.is_dir() and (thing.now or touched(folder) == thing.started):
            swept(house, folder)


class Plans:
    """:class:`privacy.rights.own.Keeper` of sealed plans, from the end of their run; one that has not ended is needed
    by the next run, which ends it with what its plan says."""

    name = "own.plans"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`."""
        for folder in _folders(house.settings.plans):
            entries = [e.entry for e in house.ledger.entries(run=folder.name)]
            at = {kind: _at(entries, kind) for kind in ("run.begun", "run.ended", DRY_RUN)}
            started = at["run.ended"] or at["run.begun"] or at[DRY_RUN] or touched(folder)
            thing = Thing(folder.name, self.name, started, *_size(folder))
            yield thing.but("unended") if at["run.begun"] and not at["run.ended"] else thing

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:  # noqa: ARG002
        """See :meth:`privacy.rights.own.Keeper.remove`."""
        kinds = [e.entry["kind"] for e in house.ledger.entries(run=thing.name)]
        if "run.begun" not in kinds or "run.ended" in kinds:
            remove(house.settings.plans / thing.name)


class Letters:
    """:class:`privacy.rights.own.Keeper` of letters that lie in an outbox folder, from when they were written."""

    name = "own.letters"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`. :raises Unreadable: the outbox cannot be listed."""
        outbox = _outbox(house)
        for entry in outbox.list() if outbox else ():
            thing = Thing(entry.key, self.name, entry.modified, 1, entry.bytes)
            yield thing if entry.regular else thing.but("not_ours")

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:  # noqa: ARG002
        """See :meth:`privacy.rights.own.Keeper.remove`."""
        outbox = _outbox(house)
        try:
            if outbox and (there := outbox.stat(thing.name)).modified == thing.started:
                outbox.delete(thing.name, expected=there)
        except Unreadable as problem:
            if problem.code != "storage.missing":
                raise


def _outbox(house: House) -> Store | None:
    """The folder of letters; None: there is none, they are sent at once."""
    try:
        connection = house.connections.get(LETTERS)
    except BadConfiguration as problem:
        if problem.code != "connections.missing":
            raise
        folder = house.settings.state / "outbox"
        return store(_file(folder)) if folder.is_dir() else None
    return store(connection) if connection.scheme == "file" else None


def _file(folder: Path) -> Any:
    from privacy.connections import Connection

    return Connection(LETTERS, folder.as_uri())


def _folders(place: Path) -> list[Path]:
    return sorted(p for p in place.iterdir() if p.is_dir() and not p.is_symlink()) if place.is_dir() else []


def _size(folder: Path) -> tuple[int, int]:
    """How many files, and bytes; those that go meanwhile count nothing."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            if not path.is_dir():
                sizes.append(path.lstat().st_size)
        except FileNotFoundError:
            continue
    return len(sizes), sum(sizes)


def _at(entries: list[dict[str, object]], kind: str) -> datetime | None:
    found = [datetime.fromisoformat(str(entry["at"])) for entry in entries if entry["kind"] == kind]
    return found[-1] if found else None
