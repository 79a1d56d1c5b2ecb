"""What evidence asks of the ledger: entries as they are hashed, signed heads, what has no end or no answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy.database import reading, translated
from privacy.ledger.chain import START, Head, HeadFile, SignedHead
from privacy.ledger.runs import written
from privacy.ledger.tables import ledger


class Archive:
    """Made by :attr:`privacy.ledger.Ledger.archive`."""

    def __init__(self, engine: sa.Engine, file: HeadFile) -> None:
        self._engine = engine
        self._file = file

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What every head of this installation is checked with."""
        return self._file.public_key

    def head(self) -> SignedHead | None:
        """The head that stands; None: nothing was recorded yet. :raises Tampered: ``ledger.head``."""
        return self._file.signed()

    def sign(self, seq: int, at: datetime) -> SignedHead:
        """Sign now for an entry that was verified. :param at: aware. :raises KeyError: there is no such entry."""
        stored = self.hashes([seq]).get(seq)
        if stored is None:
            raise KeyError(seq)
        return self._file.sign(Head(seq, stored), at)

    def hashes(self, seqs: list[int]) -> dict[int, str]:
        """The stored hashes of these entries; those that are not there are left out."""
        found: dict[int, str] = {0: START} if 0 in seqs else {}
        with translated("ledger"), reading(self._engine).connect() as connection:
            for at in range(0, len(seqs), 500):
                query = sa.select(ledger.c.seq, ledger.c.hash).where(ledger.c.seq.in_(seqs[at : at + 500]))
                found |= {row.seq: row.hash for row in connection.execute(query)}
        return found

    def texts(self, first: int, last: int) -> list[str]:
        """The entries from one number to another (both in), as they are hashed."""
        query = sa.select(ledger.c.entry).where(ledger.c.seq.between(first, last)).order_by(ledger.c.seq)
        with translated("ledger"), reading(self._engine).connect() as connection:
            return [str(entry) for entry in connection.execute(query).scalars()]

    def ends(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The first and the last entry; None: there is none."""
        with translated("ledger"), reading(self._engine).connect() as connection:
            query = sa.select(ledger.c.entry).limit(1)
            first = connection.execute(query.order_by(ledger.c.seq)).scalar()
            last = connection.execute(query.order_by(ledger.c.seq.desc())).scalar()
        return None if first is None or last is None else (json.loads(first), json.loads(last))

    def steps_back(self, first: int) -> list[tuple[int, timedelta]]:
        """The entries from that number on that say an earlier moment than one before them, and by how much."""
        query = sa.select(ledger.c.seq, ledger.c.at).where(ledger.c.seq >= first).order_by(ledger.c.seq)
        found, latest = list[tuple[int, timedelta]](), None
        with translated("ledger"), reading(self._engine).connect() as connection:
            for seq, text in connection.execute(query):
                at = datetime.fromisoformat(text)
                if latest is not None and at < latest:
                    found.append((seq, latest - at))
                latest = at if latest is None else max(latest, at)
        return found

    def unended(self, before: datetime) -> list[dict[str, Any]]:
        """The beginnings of runs of any pipeline that began before then, and whose end is not recorded; in order."""
        ended = ledger.alias("ended")
        over = sa.exists().where(ended.c.run == ledger.c.run, ended.c.kind == "run.ended")
        return self._entries(ledger.c.kind == "run.begun", ledger.c.at < written(before), ~over)

    def open_questions(self, asked: str, answers: tuple[str, ...]) -> list[dict[str, Any]]:
        """Questions of a kind of event to which no event of these kinds, and no end of the run, is the answer."""
        answer = ledger.alias("answer")
        said = sa.exists().where(answer.c.run == ledger.c.run, answer.c.kind.in_((*answers, "run.ended")))
        return self._entries(ledger.c.kind == asked, ~said)

    def events(self, *kinds: str, since: datetime | None = None, until: datetime | None = None) -> list[dict[str, Any]]:
        """The events of some kinds in a period, in order."""
        where: list[sa.ColumnElement[bool]] = [ledger.c.kind.in_(kinds)]
        where += [] if since is None else [ledger.c.at >= written(since)]
        where += [] if until is None else [ledger.c.at < written(until)]
        return self._entries(*where)

    def _entries(self, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        """Entries, each with its number as ``seq``, in order."""
        # Sorted here: asked for an order, SQLite would rather walk through all entries than sort a few.
        query = sa.select(ledger.c.seq, ledger.c.entry).where(*where)
        with translated("ledger"), reading(self._engine).connect() as connection:
            found = sorted((row.seq, row.entry) for row in connection.execute(query))
        return [{"seq": seq, **json.loads(entry)} for seq, entry in found]
