"""What the doctor tries of the installation itself: folders, master key, ledger, bundles, letters, clock."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.connections import BUNDLES, LEDGER, Connection
from privacy.errors import BadConfiguration, PrivacyError
from privacy.letters import LETTERS, Post, outbox
from privacy.rights.doctor import Level, Said, right, wrong
from privacy.rights.doctor_stores import region

if TYPE_CHECKING:
    from privacy.rights.evidence import Finding
    from privacy.rights.house import House

_WRITE = os.W_OK | os.X_OK


def state(house: House) -> Iterator[Said]:
    """The state folder is there, writable, and this user's alone."""
    folder = house.settings.state
    if not folder.is_dir():
        yield Said(
            "settings", "PRIVACY_STATE", Level.FATAL, f"There is no state folder {folder}.", "settings.state",
            "Mount it, or run `privacy init` for a new installation.",
        )  # fmt: skip
        return
    if not os.access(folder, _WRITE, effective_ids=True):
        yield Said(
            "settings", "PRIVACY_STATE", Level.FATAL, f"The state folder {folder} cannot be written to.",
            "settings.state", "Give this user the right, or set PRIVACY_STATE to another folder.",
        )  # fmt: skip
    elif stat.S_IMODE(folder.stat().st_mode) & 0o007:
        yield Said(
            "settings", "PRIVACY_STATE", Level.WARNING, f"Everybody on this machine may look into {folder}.",
            "settings.state_open", f"chmod o-rwx {folder}",
        )  # fmt: skip
    else:
        yield right("settings", "PRIVACY_STATE", f"{folder}, writable, and closed to others.")


def key(house: House) -> Iterator[Said]:
    """The master key is there, is one, and nobody else may read it."""
    file = house.settings.master_key_file
    _ = house.key
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o027:
        yield Said(
            "key", "PRIVACY_KEY_FILE", Level.FATAL, f"Others than its owner may read or change {file} ({mode:04o}).",
            "keys.open", f"chmod 600 {file}; who could read it could open every sealed request and bundle.",
        )  # fmt: skip
    elif mode & 0o050:
        yield Said(
            "key", "PRIVACY_KEY_FILE", Level.WARNING, f"The group of {file} may read it ({mode:04o}).", "keys.group",
            f"chmod 600 {file}, unless the group is this service's own (a mounted secret).",
        )  # fmt: skip
    else:
        yield right("key", "PRIVACY_KEY_FILE", f"{file} holds a key, mode {mode:04o}.")


def database(house: House) -> Iterator[Said]:
    """The ledger's database: opened, and entries can be written (nothing is)."""
    import sqlalchemy as sa

    from privacy.database import reading, translated

    connection = _known(house, LEDGER)
    if connection is not None:
        yield from region(connection)
    engine = house.engine
    with translated(LEDGER), reading(engine).connect() as opened:
        tables = set(sa.inspect(opened).get_table_names())
        may = "ledger" in tables and (
            engine.dialect.name != "postgresql"
            or bool(opened.execute(sa.text("SELECT has_table_privilege('ledger', 'INSERT')")).scalar())
        )
    if "ledger" not in tables:
        yield Said(
            "connection", LEDGER, Level.FATAL, "There is no ledger in the database.", "ledger.missing",
            "Correct the connection ledger, or run `privacy init`.",
        )  # fmt: skip
        return
    yield from _own_tables(house, tables)
    if engine.dialect.name == "sqlite":
        # Takes the writer's lock, and lets it go.
        with translated(LEDGER), engine.connect() as opened:
            found = opened.exec_driver_sql("PRAGMA database_list").all()
            file = Path(str(found[0][2]))
            may = all(os.access(path, os.W_OK, effective_ids=True) for path in (file, file.parent))
            opened.rollback()
    if may:
        yield right("connection", LEDGER, f"opened ({engine.dialect.name}), and entries can be written.")
    else:
        yield Said(
            "permission", LEDGER, Level.FATAL, "The account may not write entries: no run can begin.",
            "permission.ledger", "Give it INSERT on ledger (SQLite: the file and its folder).",
        )  # fmt: skip


def _own_tables(house: House, tables: set[str]) -> Iterator[Said]:
    """Beside ledger, holds and register stands nothing that nobody has described."""
    from privacy.datamap.completeness import unclaimed_own
    from privacy.sources.base import Claim

    try:
        described = [s for s in house.datamap.systems.values() if s.connection == LEDGER]
    except PrivacyError:
        return  # Told where the data map is looked at.
    found = list(unclaimed_own([Claim(name) for name in sorted(tables)], described))
    yield from (wrong("claim", f, LEDGER, fatal=f.red) for f in found)


def bundles(house: House) -> Iterator[Said]:
    """Where sealed bundles lie can be listed and written to."""
    connection = _known(house, BUNDLES)
    if connection is not None:
        yield from region(connection)
    next(iter(house.bundles.list()), None)
    folder = connection.folder if connection and connection.scheme == "file" else None
    folder = house.settings.state / "bundles" if connection is None else folder
    if folder is not None and not os.access(folder, _WRITE, effective_ids=True):
        yield Said(
            "permission", BUNDLES, Level.FATAL, "The folder of sealed bundles cannot be written to.",
            "permission.bundles", "Give this user the right, or correct the connection bundles.",
        )  # fmt: skip
        return
    yield right("connection", BUNDLES, "opened." if connection else "opened, in the state folder.")


def letters(house: House) -> Iterator[Said]:
    """The mail server lets us in, over TLS; or the outbox is a folder. Nothing is sent."""
    connection = _known(house, LETTERS)
    post = outbox(house.connections, house.settings.state, house.policy.contact)
    if isinstance(post, Post):
        post.greet()
        yield right("connection", LETTERS, "the mail server is reached over TLS and lets us in.")
        return
    folder = house.settings.state / "outbox" if connection is None else connection.folder
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent  # The folder is made with the first letter.
    if not os.access(there, _WRITE, effective_ids=True):
        yield Said(
            "permission", LETTERS, Level.FATAL, "The folder of letters cannot be written to.", "permission.letters",
            "Give this user the right, or correct the connection letters.",
        )  # fmt: skip
        return
    yield Said(
        "connection", LETTERS, Level.WARNING, "Letters are put into a folder; nobody sends them.", "letters.folder",
        "Set the connection letters to smtps://user:password@host:465/, or send what lies there.",
    ) if house.policy.processors else right("connection", LETTERS, "a folder; no processor is written to.")  # fmt: skip


def ledger(house: House) -> Iterator[Said]:
    """The chain, its signed head, register and holds beside it."""
    found = house.verify()
    for problem in found.problems:
        yield Said(
            "ledger", "chain", Level.FATAL, problem, "ledger.altered",
            "Run nothing that deletes; compare with a backup and the copies of the head.",
        )  # fmt: skip
    for first, last in found.recovered:
        yield Said(
            "ledger", f"entries {first} to {last}", Level.WARNING, "Signed for later than they were written.",
            "ledger.signed_late", "Compare them with what ran then: privacy ledger show.",
        )  # fmt: skip
    if found.unanchored:
        yield Said(
            "ledger", "head", Level.WARNING, f"{found.unanchored} entries are not signed for yet.",
            "ledger.unanchored", "The next entry signs for them; if they grow, correct the head file's folder.",
        )  # fmt: skip
    if found.ok:
        yield right("ledger", "chain", f"{found.entries} entries, {found.anchored} under the signed head, unaltered.")


def copies(house: House) -> Iterator[Said]:
    """The copies of the signed head are part of the ledger of today."""
    from privacy.rights.evidence import copies as found_copies

    if _no_ledger(house):
        return
    found = list(found_copies(house, house.clock.now()))
    yield from (_told("ledger", f) for f in found)
    folder = house.settings.head_copies
    if folder is None and not found:
        yield Said(
            "ledger", "PRIVACY_HEAD_COPIES", Level.WARNING, "No copy of the ledger's head is kept elsewhere.",
            "ledger.no_copies", "Set it to a folder, best on another machine.",
        )  # fmt: skip
    elif folder is not None and not folder.is_dir():
        yield Said(
            "ledger", "PRIVACY_HEAD_COPIES", Level.FATAL, "The folder for copies of the head is not there.",
            "copies.missing", "Mount it, or make it if it is new.",
        )  # fmt: skip
    elif folder is not None and not os.access(folder, _WRITE, effective_ids=True):
        yield Said(
            "ledger", "PRIVACY_HEAD_COPIES", Level.FATAL, "The folder for copies of the head cannot be added to.",
            "copies.denied", "Give this user the right to add files.",
        )  # fmt: skip
    elif not found:
        count = sum(1 for _ in folder.glob("head-*.json")) if folder else 0
        yield right("ledger", "PRIVACY_HEAD_COPIES", f"{count} copies of the head, each part of the ledger.")


def clock(house: House) -> Iterator[Said]:
    """The machine's clock is not behind what the ledger has seen (edge case 13)."""
    from privacy.rights.evidence_rules import clock as behind

    if _no_ledger(house):
        return
    now = house.clock.now()
    found = list(behind(house, now))
    yield from (_told("clock", f) for f in found)
    if not found:
        yield right("clock", "UTC", f"{now:%Y-%m-%d %H:%M:%S}, not behind the ledger's newest entry.")


def _told(topic: str, found: Finding) -> Said:
    return Said(topic, found.where, Level.FATAL, found.message, found.code, found.advice)


def _no_ledger(house: House) -> bool:
    """Whether there is no ledger to be asked, which is told where it is opened."""
    try:
        house.ledger.archive.ends()
    except PrivacyError:
        return True
    return False


def _known(house: House, name: str) -> Connection | None:
    """A connection that need not be set."""
    try:
        return house.connections.get(name)
    except BadConfiguration as problem:
        if problem.code != "connections.missing":
            raise
        return None
