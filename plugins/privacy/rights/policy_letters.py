"""Who was written to about a version of the policy: keyed digests, so that nobody gets the same letter twice."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.ledger.tables import policy_letters as table

if TYPE_CHECKING:
    from privacy.rights.house import House

FORGOTTEN = "policy.letters_forgotten"
"""Of the ledger: the digests of a version's letters went, ``count`` of them."""

_AT_ONCE = 500


class Written:
    """The letters about one version.

    A letter is claimed before it is sent, and marked afterwards. What was claimed and not marked was under way when a
    run died: into a folder it is put again under its own name; a mail server may have it, so it is not sent again.

    :param version: of the policy.
    """

    def __init__(self, house: House, version: str) -> None:
        self._house, self._version = house, version
        self._key = house.key.derive("policy-letters")

    def mark(self, address: str) -> str:
        """The keyed digest (hex) of an address, in its normal form, and the version."""
        return hmac.new(self._key, f"{self._version}\n{address}".encode("utf-8", "surrogatepass"), sha256).hexdigest()

    def there(self, marks: Iterable[str]) -> dict[str, bool]:
        """Those that are claimed, and whether it is known what became of them."""
        found: dict[str, bool] = {}
        left = iter(sorted(marks))
        with translated("letters"), reading(self._house.engine).connect() as connection:
            while some := list(islice(left, _AT_ONCE)):
                query = sa.select(table).where(table.c.mark.in_(some))
                found |= {r.mark: bool(r.sent_at or r.problem) for r in connection.execute(query)}
        return found

    def claim(self, mark: str) -> None:
        """A letter is about to be sent. Safe to repeat."""
        with translated("letters"), self._house.engine.begin() as connection:
            if connection.execute(sa.select(table.c.mark).where(table.c.mark == mark)).first() is None:
                values = {"mark": mark, "version": self._version, "begun_at": self._now()}
                connection.execute(sa.insert(table).values(**values))

    def sent(self, mark: str) -> None:
        """It was sent."""
        self._update(mark, sent_at=self._now())

    def refused(self, mark: str, code: str) -> None:
        """It cannot be sent: nobody tries again. :param code: why."""
        self._update(mark, problem=code)

    def unclaim(self, mark: str) -> None:
        """It was not sent, and the next try sends it: whoever was to take it has said so."""
        with translated("letters"), self._house.engine.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.mark == mark, table.c.sent_at.is_(None)))

    def counts(self) -> dict[str, int]:
        """How many were ``sent``, ``refused``, and are ``unclear``: under way when a run died."""
        problem, sent = table.c.problem.is_not(None), table.c.sent_at.is_not(None)
        query = (
            sa.select(sent, problem, sa.func.count()).where(table.c.version == self._version).group_by(sent, problem)
        )
        found = {"sent": 0, "refused": 0, "unclear": 0}
        with translated("letters"), reading(self._house.engine).connect() as connection:
            for was_sent, was_refused, count in connection.execute(query):
                found["sent" if was_sent else "refused" if was_refused else "unclear"] += int(count)
        return found

    def _update(self, mark: str, **values: str) -> None:
        with translated("letters"), self._house.engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.mark == mark).values(**values))

    def _now(self) -> str:
        return self._house.clock.now().isoformat(timespec="microseconds")


def written_to(house: House) -> dict[str, tuple[datetime, int]]:
    """By version when the last of its letters was begun, and how many there are."""
    query = sa.select(table.c.version, sa.func.max(table.c.begun_at), sa.func.count()).group_by(table.c.version)
    with translated("letters"), reading(house.engine).connect() as connection:
        return {version: (datetime.fromisoformat(last), int(n)) for version, last, n in connection.execute(query)}


def forget(house: House, version: str, *, actor: str) -> None:
    """Remove the digests of a version's letters, whose term is over. Safe to repeat."""
    with house.ledger.writing() as writing:
        gone = writing.connection.execute(sa.delete(table).where(table.c.version == version)).rowcount
        if gone:
            writing.event(FORGOTTEN, actor=actor, count=gone)
