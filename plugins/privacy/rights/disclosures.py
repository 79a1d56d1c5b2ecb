"""What was given to authorities or others, on what ground (promise DISCLOSE): recorded, sealed, told to the subject.

Everything that is personal, or that tells of a case, stands under the master key, bound to its row; the ledger knows
that it was recorded, with the datasets and a digest. An access report tells the subject of it, unless secrecy is
recorded.
A record is never changed: what was given was given.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from privacy.bundle.disclosed import Disclosed
from privacy.bundle.overview import categories as categories_of
from privacy.database import reading, translated
from privacy.datamap.load import DataMap
from privacy.datamap.models import Text, did_you_mean
from privacy.errors import BadInput, Tampered
from privacy.holds.models import identifier_of, written
from privacy.holds.wishes import same_person
from privacy.keys import MasterKey, seal, unseal
from privacy.ledger import entries_of
from privacy.ledger.tables import disclosures as table
from privacy.sources.base import Subject

if TYPE_CHECKING:
    from privacy.rights.house import House


PAGE = 50
"""Disclosures on one page."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What was given to whom.

    :param recorded_at, given_at: aware, UTC. :param author: who gave it.
    :param datasets: full names; ``categories``: fideslang keys, empty: all of those datasets.
    :param recipient: who got it; ``ground``: why it had to be given; ``case``: the recipient's number, or empty.
    :param about: each person; empty: nobody (footage of an empty shop).
    :param secret: the ground on which the subject is not told; empty: they are.
    """

    id: str
    recorded_at: datetime
    given_at: datetime
    author: str
    datasets: tuple[str, ...]
    categories: tuple[str, ...]
    recipient: str = field(repr=False)
    ground: str = field(repr=False)
    case: str = field(repr=False)
    about: tuple[Subject, ...] = field(repr=False)
    secret: str = field(repr=False)


class Disclosures:
    """The disclosures of an installation."""

    def __init__(self, house: House) -> None:
        self._house = house

    def add(
        self,
        *,
        datasets: Sequence[str],
        categories: Sequence[str] = (),
        recipient: str,
        ground: str,
        case: str = "",
        about: Sequence[Subject],
        author: str,
        given_at: datetime | None = None,
        secret: str = "",
    ) -> Disclosure:
        """Record one.

        :param about: empty: nobody. :param given_at: aware; now by default.
        :raises BadInput: ``disclosure.*``, with what is missing; no value is quoted.
        """
        now = self._house.clock.now()
        given_at = given_at or now
        if given_at > now:
            raise BadInput("disclosure.future", "A disclosure is recorded when it has been made, not before.")
        if not recipient.strip():
            raise BadInput("disclosure.recipient", "A disclosure says to whom.", advice="Name the recipient.")
        if not ground.strip():
            raise BadInput(
                "disclosure.ground", "A disclosure states its ground.",
                advice="Say which law, lawful request or right requires it (DISCLOSE).",
            )  # fmt: skip
        if not datasets:
            raise BadInput("disclosure.datasets", "A disclosure says what was given.", advice="Name the datasets.")
        for subject in about:
            if not any(not i.contested for i in subject.identifiers):
                raise BadInput("disclosure.about", "A person of the disclosure has no identifier of their own.")
        self._known(datasets, categories)
        made = Disclosure(
            uuid.uuid4().hex[:12], now, given_at, author,
            tuple(dict.fromkeys(datasets)), tuple(dict.fromkeys(categories)),
            recipient.strip(), ground.strip(), case.strip(), tuple(about), secret.strip(),
        )  # fmt: skip
        sealed = seal(_key(self._house.key), _packed(made), about=_bound(made.id, _text(now)))
        with self._house.ledger.writing() as writing:
            writing.event(
                "disclosure.recorded", actor=author, record=made.id, datasets=list(made.datasets),
                count=len(made.about), digest=_digest(sealed),
            )  # fmt: skip
            values = {"id": made.id, "recorded_at": _text(now), "sealed": sealed}
            writing.connection.execute(sa.insert(table).values(**values))
        return made

    def all(self) -> list[Disclosure]:
        """Every one, in the order of recording. :raises Tampered: ``disclosure.altered``."""
        key = _key(self._house.key)
        with translated("disclosures"), reading(self._house.engine).connect() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.recorded_at, table.c.id)).all()
        return [_opened(row, key) for row in rows]

    def page(self, after: str = "") -> tuple[list[Disclosure], str]:
        """A page of them, the latest first, and where the next one begins; empty: there is none.

        :raises BadInput: ``disclosure.page``. :raises Tampered: ``disclosure.altered``.
        """
        key = _key(self._house.key)
        with translated("disclosures"), reading(self._house.engine).connect() as connection:
            rows = connection.execute(page_query(after)).all()
        last = rows[PAGE - 1] if len(rows) > PAGE else None
        return [_opened(row, key) for row in rows[:PAGE]], "" if last is None else f"{last.recorded_at}|{last.id}"

    def told_to(self, subject: Subject, until: datetime) -> tuple[Disclosed, ...]:
        """What a subject's access report says: the disclosures about them that are not secret.

        :param until: what was recorded later is not in it: every run of a request says the same.
        """
        return tuple(
            self._told(one)
            for one in sorted(self.all(), key=lambda d: (d.given_at, d.id))
            if not one.secret
            and one.recorded_at <= until
            and any(same_person(self._house.datamap, subject, other) for other in one.about)
        )

    def _told(self, one: Disclosure) -> Disclosed:
        datamap = self._house.datamap
        refs = [ref for ref in datamap if ref.full in one.datasets]
        gone = [name for name in one.datasets if name not in {ref.full for ref in refs}]
        titles = [ref.dataset.title for ref in refs] + [Text(nl=name, en=name) for name in gone]
        return Disclosed(one.given_at, one.recipient, one.ground, one.case, tuple(titles), _words(datamap, one))

    def _known(self, datasets: Sequence[str], categories: Sequence[str]) -> None:
        datamap = self._house.datamap
        names = [ref.full for ref in datamap]
        for name in datasets:
            if name not in names:
                raise BadInput("disclosure.dataset", f"There is no such dataset{did_you_mean(name, names)}.")
        for key in categories:
            if datamap.policy.category(key) is None:
                hint = did_you_mean(key, datamap.policy.categories)
                raise BadInput("disclosure.category", f"The policy has no such category of data{hint}.")


def page_query(after: str = "") -> sa.Select[Any]:
    """The question of :meth:`Disclosures.page`. :raises BadInput: ``disclosure.page``."""
    query = sa.select(table).order_by(table.c.recorded_at.desc(), table.c.id.desc()).limit(PAGE + 1)
    if not after:
        return query
    at, _, id = after.partition("|")
    try:
        datetime.fromisoformat(at)
    except ValueError:
        raise BadInput("disclosure.page", "There is no such page.", advice="Begin with the first one.") from None
    return query.where(sa.tuple_(table.c.recorded_at, table.c.id) < (at, id))


def differences(connection: sa.Connection, key: MasterKey) -> Iterator[str]:
    """What the table says otherwise than the ledger, one sentence each; nobody is named."""
    said = {str(e.get("record")): e.get("digest") for e in entries_of(connection, "disclosure.")}
    own = _key(key)
    for row in connection.execute(sa.select(table).order_by(table.c.id)):
        digest = said.pop(row.id, None)
        if digest is None:
            yield f"Disclosure {row.id} stands in the table, and the ledger does not know it."
        elif digest != _digest(row.sealed):
            yield f"Disclosure {row.id} is not what was recorded."
        else:
            try:
                _opened(row, own)
            except Tampered:
                yield f"Disclosure {row.id} does not open."
    for id in said:
        yield f"Disclosure {id} was recorded, and does not stand in the table any more."


def _words(datamap: DataMap, one: Disclosure) -> tuple[Text, ...]:
    """The statement's words for the categories that were given."""
    if one.categories:
        found = [datamap.policy.category(key) or Text(nl=key, en=key) for key in one.categories]
    else:
        found = [text for ref in datamap if ref.full in one.datasets for text in categories_of(datamap, ref)]
    return tuple({text.nl: text for text in found}.values())


def _packed(one: Disclosure) -> bytes:
    said = {
        "given_at": _text(one.given_at),
        "author": one.author,
        "datasets": one.datasets,
        "categories": one.categories,
        "recipient": one.recipient,
        "ground": one.ground,
        "case": one.case,
        "about": [[written(i) for i in subject.identifiers] for subject in one.about],
        "secret": one.secret,
    }
    try:
        return orjson.dumps(said)
    except TypeError:  # half a character; its text may quote it
        raise BadInput("disclosure.content", "What was disclosed cannot be written down.") from None


def _opened(row: sa.Row[Any], key: bytes) -> Disclosure:
    try:
        said: dict[str, Any] = orjson.loads(unseal(key, row.sealed, about=_bound(row.id, row.recorded_at)))
    except Tampered:
        raise Tampered(
            "disclosure.altered",
            "A disclosure is not what was recorded, or was recorded with another key.",
            where=row.id,
            advice="Compare it with the ledger: privacy ledger verify.",
        ) from None
    about = tuple(Subject(no, tuple(map(identifier_of, found))) for no, found in enumerate(said["about"], start=1))
    return Disclosure(
        row.id, datetime.fromisoformat(row.recorded_at), datetime.fromisoformat(said["given_at"]), said["author"],
        tuple(said["datasets"]), tuple(said["categories"]), said["recipient"], said["ground"], said["case"], about,
        said["secret"],
    )  # fmt: skip


def _key(key: MasterKey) -> bytes:
    return key.derive("disclosures")


def _bound(id: str, recorded_at: str) -> str:
    return orjson.dumps([id, recorded_at]).decode()


def _digest(sealed: str) -> str:
    return hashlib.sha256(sealed.encode()).hexdigest()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
