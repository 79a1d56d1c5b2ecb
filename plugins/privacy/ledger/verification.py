"""Proving that nothing in the ledger was altered, removed, reordered or cut off (edge case 26)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import GiveUp, Tampered
from privacy.ledger.chain import START, HeadFile
from privacy.ledger.tables import beside, ledger
from privacy.ledger.writing import RECOVERED


@dataclass(frozen=True, slots=True)
class Verification:
    """What :meth:`Ledger.verify` found.

    :param entries: how many entries there are; ``anchored``: how many the signed head covers.
    :param problems: what is wrong, one sentence each; empty means that nothing was altered.
    :param recovered: entries (first, last) that were signed for later than they were written, by the entry that says
        so: a crash in between, or somebody who wrote into the table meanwhile. A person compares them with what ran.
    """

    entries: int
    anchored: int
    problems: tuple[str, ...]
    recovered: tuple[tuple[int, int], ...] = ()

    @property
    def unanchored(self) -> int:
        """Entries beyond the signed head: written, not yet signed for (a crash in between)."""
        return max(0, self.entries - self.anchored)

    @property
    def ok(self) -> bool:
        """Nothing was altered, removed, reordered or cut off."""
        return not self.problems


def verified(engine: sa.Engine, file: HeadFile) -> Verification:
    """See :meth:`privacy.ledger.Ledger.verify`."""
    problems: list[str] = []
    recovered: list[tuple[int, int]] = []
    try:
        head = file.read()
    except Tampered as problem:
        head = None
        problems.append(problem.message)
    # As bytes, and not by `link`: a million entries are to take seconds.
    previous, count, anchored = bytes.fromhex(START), 0, 0
    try:
        for seq, entry, stored in _rows(engine):
            count += 1
            if seq != count:
                problems.append(f"Entry {count} is missing: the next one there is {seq}.")
                break
            # SQLite keeps bytes in a column of text, where somebody puts them.
            if isinstance(entry, str):
                previous = sha256(previous + entry.encode()).digest()
            # The digest is taken once: OpenSSL copies its state for each.
            if previous.hex() != stored or not isinstance(entry, str):
                problems.append(f"Entry {seq} is not what was recorded.")
                break
            if head is not None and seq == head.seq:
                anchored = seq
                if stored != head.hash:
                    problems.append(f"Entry {seq} is not the one that the signed head names.")
    except GiveUp as problem:
        if problem.code != "database.failed":
            raise
        problems.append(f"Entry {count + 1}, or one after it, cannot be read.")
    if not problems:
        recovered = _recovered(engine)
    if head is None and count and not problems:
        problems.append("There is no signed head, although there are entries.")
    if head is not None and not problems and anchored != head.seq:
        problems.append(f"The signed head names entry {head.seq}; the table ends at {count}: the end was cut off.")
    if not count and not problems:
        with translated("ledger"), reading(engine).connect() as connection:
            if table := beside(connection):
                problems.append(f"The ledger is empty, although the table {table} has rows.")
    return Verification(count, anchored, tuple(problems), tuple(recovered))


def entries_of(connection: sa.Connection, prefix: str) -> Iterator[dict[str, Any]]:
    """The entries whose kind begins so, in order, for what stands beside the ledger in the same database."""
    query = sa.select(ledger.c.entry).where(ledger.c.kind.startswith(prefix, autoescape=True)).order_by(ledger.c.seq)
    for entry in connection.execute(query).scalars():
        yield json.loads(entry)


def _recovered(engine: sa.Engine) -> list[tuple[int, int]]:
    """By the index of kinds: to look into each entry for it takes as long as a tenth of all the rest."""
    # Not in order of their numbers: SQLite would rather walk through all entries than sort a few.
    query = sa.select(ledger.c.entry).where(ledger.c.kind == RECOVERED)
    with translated("ledger"), reading(engine).connect() as connection:
        found = [json.loads(entry) for entry in connection.execute(query).scalars()]
    return sorted((int(entry["first"]), int(entry["last"])) for entry in found)


def _rows(engine: sa.Engine) -> Iterator[tuple[int, str, str]]:
    query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
    with translated("ledger"), reading(engine).connect() as connection:
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.execute(str(query.compile(engine)))
            while found := cursor.fetchmany(1_000):
                yield from found
            return
        result = connection.execution_options(stream_results=True).execute(query)
        for part in result.partitions(10_000):
            yield from ((r[0], r[1], r[2]) for r in part)
