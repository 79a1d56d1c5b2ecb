"""Versions of the policy as they came into force: what a new one is compared with (promise NOTICE).

A version is kept in the ledger's database, which every worker sees and every backup has: the statement's own parts as
data, and for each dataset on people what it is held for, under which promise, and with whom. Nothing personal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import Refused, RetryLater, Tampered
from privacy.ledger import entries_of
from privacy.ledger.tables import policy_versions as table

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.rights.house import House

RECORDED = "policy.recorded"
"""Of the ledger: a version is in force; ``record`` is its name, ``digest`` of its content."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the policy.

    :param number: 1, 2, ...: the order in which they came into force. :param content: see :func:`content`.
    """

    number: int
    version: str
    recorded_at: datetime
    content: dict[str, Any] = field(repr=False)


class Versions:
    """The versions of an installation."""

    def __init__(self, house: House) -> None:
        self._house = house

    def last(self) -> Version | None:
        """The version in force, as it was recorded; None: none was yet.

        :raises Tampered: ``policy.altered``: it is not what was recorded.
        """
        with translated("policy"), reading(self._house.engine).connect() as connection:
            row = connection.execute(sa.select(table).order_by(table.c.number.desc()).limit(1)).first()
            if row is None:
                return None
            said = {str(e.get("record")): e.get("digest") for e in entries_of(connection, RECORDED)}
        if said.get(row.version) != _digest(row.number, row.version, row.content):
            raise Tampered(
                "policy.altered", "The recorded version of the policy is not what was recorded.", where=row.version,
                advice="Compare it with the ledger: privacy ledger verify.",
            )  # fmt: skip
        return Version(row.number, row.version, datetime.fromisoformat(row.recorded_at), orjson.loads(row.content))

    def record(self, actor: str) -> Version:
        """Record that the policy as it is now is in force. Safe to repeat.

        :raises Refused: ``policy.same_version``: it says something else than when it was recorded under this name.
        """
        house, text = self._house, packed(content(self._house.datamap))
        last = self.last()
        if last is not None and last.version == house.policy.version:
            if packed(last.content) != text:
                raise same_version(last.version)
            return last
        number, now = (last.number if last else 0) + 1, house.clock.now()
        with house.ledger.writing() as writing:
            writing.event(
                RECORDED, actor=actor, record=house.policy.version, digest=_digest(number, house.policy.version, text)
            )  # fmt: skip
            there = sa.select(table.c.number).where(
                sa.or_(table.c.number == number, table.c.version == house.policy.version)
            )
            if writing.connection.execute(there).first() is not None:
                raise RetryLater(
                    "policy.busy", "A version was recorded in the same moment.", where=house.policy.version
                )
            values = {"number": number, "version": house.policy.version, "content": text}
            writing.connection.execute(
                sa.insert(table).values(**values, recorded_at=now.isoformat(timespec="microseconds"))
            )
        return Version(number, house.policy.version, now, orjson.loads(text))


def content(datamap: DataMap) -> dict[str, Any]:
    """What a version says, as data that is compared: the statement's parts, and what each dataset is held for."""
    policy = datamap.policy
    return {
        "version": policy.version, "in_force": policy.in_force.isoformat(), "controller": policy.controller,
        "contact": policy.contact.model_dump(mode="json"),
        "promises": {
            id: {"title": _text(p.title), "quote": p.quote, "term": _term(p.term)} for id, p in policy.promises.items()
        },
        "purposes": {
            name: {"title": _text(p.title), "basis": p.basis, "marketing": p.marketing, "profiling": p.profiling}
            for name, p in policy.purposes.items()
        },
        "processors": {
            name: {"title": p.name, "service": _text(p.service), "country": p.country,
                "transfer": None if p.transfer is None else _text(p.transfer)}
            for name, p in policy.processors.items()
        },
        "datasets": {
            ref.full: {"title": _text(ref.dataset.title), "promise": ref.dataset.promise,
                "purposes": sorted(ref.dataset.purposes), "processors": sorted(ref.dataset.processors)}
            for ref in datamap if ref.dataset.people and ref.dataset.delivery is None
        },
    }  # fmt: skip


def packed(said: dict[str, Any]) -> str:
    """Content as the table has it: the same content is the same text."""
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()


def same_version(version: str) -> Refused:
    """The error of a statement that was changed under its old name."""
    return Refused(
        "policy.same_version", "The policy says something else than when this version was recorded.", where=version,
        advice="Give the new statement a version and a date of its own (policy/controller.yaml).",
    )  # fmt: skip


def differences(connection: sa.Connection) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each."""
    said = {str(e.get("record")): e.get("digest") for e in entries_of(connection, RECORDED)}
    for row in connection.execute(sa.select(table).order_by(table.c.number)):
        digest = said.pop(row.version, None)
        if digest is None:
            yield f"Version {row.version} of the policy stands in the table, and the ledger does not know it."
        elif digest != _digest(row.number, row.version, row.content):
            yield f"Version {row.version} of the policy is not what was recorded."
    for version in said:
        yield f"Version {version} of the policy was recorded, and does not stand in the table any more."


def _digest(number: int, version: str, text: str) -> str:
    return hashlib.sha256(orjson.dumps([number, version, text])).hexdigest()


def _text(text: Any) -> dict[str, str]:
    return {"nl": text.nl, "en": text.en}


def _term(term: Any) -> dict[str, Any] | None:
    if term is None:
        return None
    return {
        "at_least": str(term.keep_at_least) if term.keep_at_least else None,
        "at_most": str(term.keep_at_most) if term.keep_at_most else None,
        "condition": _text(term.condition) if term.condition else None, "counts_from": term.counts_from,
        "kinds": {name: {"title": _text(kind.title) if kind.title else None, "term": _term(kind)}
            for name, kind in sorted(term.kinds.items())},
    }  # fmt: skip
