"""Processors are told of an erasure, rectification or restriction (art. 19 GDPR, promise PROCESSORS).

Each processor of a dataset that held the person's records gets a notice of its own, by letter to its contact: what it
must do, with which data, and the identifiers by which it knows them. It is reminded until it confirms. Whom a notice is
about is sealed in its row, and forgotten once the processor has confirmed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.datamap.models import GLOBAL_KINDS, REQUEST
from privacy.datamap.promised import YEAR
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused, RetryLater
from privacy.ledger.tables import processor_notices as table
from privacy.letters import Letter, outbox, written
from privacy.rights.notice_rows import Content, Deed, Fact, Known, Notice, State, opened, sealed
from privacy.sources.base import Of, Selection

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.ledger import Writing
    from privacy.rights.house import House
    from privacy.sources.base import Identifier, Subject

TEMPLATE = "processor_notice"

MADE, SENT, REMINDED = "notice.made", "notice.sent", "notice.reminded"
CONFIRMED, REFUSED = "notice.confirmed", "notice.refused"
"""Of the ledger, with the request's number and the notice (``record``); ``notice.made`` with a digest of its row."""


class Notices:
    """The notices of an installation."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._key = house.key.derive("notices")

    def tell(
        self, number: str, deed: str | Deed, datasets: Iterable[str], *, subject: Subject | None = None,
        facts: Sequence[Fact] = (), author: str,
    ) -> list[Notice]:  # fmt: skip
        """Make a notice for each processor of these datasets, to be sent by :meth:`send`. Safe to repeat.

        :param number: of the request. :param deed: what was done, and has to be done there.
        :param datasets: full names of those that held records of the subject, and of which something was changed;
            what stays here by law is no processor's to erase.
        :param subject: whose; by default as the register has resolved the request.
        :param facts: of a rectification what is corrected, with the new value.
        :returns: those of the request and the deed; processors who know the person by nothing get none.
        :raises Refused: ``request.not_resolved``: nobody knows whom it is about.
        """
        deed = Deed(deed)
        found = subject or self._house.register.resolution(number)
        if found is None:
            raise Refused("request.not_resolved", "It was never resolved whose it is.", where=number)
        refs = [self._house.datamap[name] for name in dict.fromkeys(datasets)]
        there = [notice for notice in self.of(number) if notice.deed is deed]
        said = self.said(number)
        for processor, every in _by_processor(refs).items():
            before = {notice.id for notice in there if notice.processor == processor}
            # An erasure that finishes later tells of what went later.
            held = [ref for ref in every if not any(ref.full in said.get(id, ()) for id in before)]
            if not held or not (known := _known(held, found, self._house.policy.zone)):
                continue
            names = tuple(ref.full for ref in held)
            content = Content(names, tuple(known), tuple(f for f in facts if not f.dataset or f.dataset in names))
            self._make(number, processor, deed, content, author, before)
        return [notice for notice in self.of(number) if notice.deed is deed]

    def of(self, number: str) -> list[Notice]:
        """The notices of a request: who was told what, for the person's own letter and report too."""
        return self.all(request=number)

    def about(self, number: str, deed: Deed) -> tuple[str, ...]:
        """The datasets that a request's notices of one deed were about, as the ledger has them."""
        said = self.said(number)
        every = (name for notice in self.of(number) if notice.deed is deed for name in said.get(notice.id, ()))
        return tuple(dict.fromkeys(every))

    def all(self, *, request: str | None = None) -> list[Notice]:
        """Every notice in the order in which they were made, or those of a request."""
        query = sa.select(table).order_by(table.c.made_at, table.c.id)
        if request is not None:
            query = query.where(table.c.request == request)
        with translated("notices"), reading(self._house.engine).connect() as connection:
            return [Notice.of(row) for row in connection.execute(query)]

    def get(self, id: str) -> Notice:
        """One. :raises BadInput: ``notice.unknown``."""
        for notice in self.all():
            if notice.id == id:
                return notice
        raise BadInput(
            "notice.unknown", "There is no such notice.", advice="See which there are: privacy notices list."
        )

    def open(self, id: str) -> Content:
        """Whom a notice is about, and what it says.

        :raises Refused: ``notice.forgotten``: the processor has confirmed. :raises Tampered: ``notice.altered``.
        """
        return opened(self._key, self._row(id))

    def send(self, *, actor: str) -> list[PrivacyError]:
        """Send what was not sent, and remind those that are silent for too long. Safe to repeat.

        One that cannot be sent keeps no other one: it stays to be sent, and its problem is returned.
        A letter whose sending died in the middle goes again under the same message id.
        """
        problems: list[PrivacyError] = []
        now, every = self._house.clock.now(), self._house.policy.remind_processors.shortest
        for notice in self.all():
            if notice.state not in (State.TO_SEND, State.SENT):
                continue
            last = notice.reminded_at or notice.sent_at
            if last is not None and now - last < every:
                continue
            try:
                self._write(notice, now)
                self._stamp(notice, "reminded_at" if notice.sent_at else "sent_at", actor, now)
            except PrivacyError as problem:
                problems.append(problem)
        return problems

    def confirm(self, id: str, author: str) -> Notice:
        """Record that the processor has done it; whom it was about is forgotten. Safe to repeat."""
        notice = self.get(id)
        return notice if notice.confirmed_at else self._stamp(notice, "confirmed_at", author, self._house.clock.now())

    def refuse(self, id: str, author: str) -> Notice:
        """Record that the processor will not, or cannot: a person takes it up with them. It can still confirm.

        :raises Refused: ``notice.confirmed``.
        """
        notice = self.get(id)
        if notice.confirmed_at is not None:
            raise Refused("notice.confirmed", "The processor has confirmed it.", where=id)
        return notice if notice.refused_at else self._stamp(notice, "refused_at", author, self._house.clock.now())

    def silent(self, now: datetime) -> list[Notice]:
        """Those that need somebody: not sent, refused, or sent for longer than a reminder takes and not confirmed."""
        every = self._house.policy.remind_processors.shortest
        return [
            notice for notice in self.all()
            if notice.state in (State.TO_SEND, State.REFUSED)
            or (notice.state is State.SENT and notice.sent_at is not None and now - notice.sent_at >= every)
        ]  # fmt: skip

    def said(self, number: str) -> dict[str, list[str]]:
        """The datasets that each notice of a request was about."""
        found: dict[str, list[str]] = {}
        for e in self._house.ledger.entries(request=number, kind=MADE):
            names = e.entry.get("datasets")
            found[str(e.entry.get("record"))] = [str(name) for name in names] if isinstance(names, list) else []
        return found

    def _make(
        self, number: str, processor: str, deed: Deed, content: Content, author: str, before: set[str]
    ) -> None:  # fmt: skip
        made = Notice(uuid.uuid4().hex[:12], number, processor, deed, self._house.clock.now())
        text = sealed(self._key, made, content)
        with self._house.ledger.writing() as writing:
            writing.event(
                MADE, actor=author, request=number, record=made.id, ground=deed.value, datasets=content.datasets,
                digest=made.digest(text),
            )  # fmt: skip
            there = (table.c.request == number, table.c.processor == processor, table.c.deed == deed.value)
            if set(writing.connection.execute(sa.select(table.c.id).where(*there)).scalars()) != before:
                raise RetryLater(
                    "notice.busy", "The notice was made in the same moment by somebody else.", where=number
                )
            made.insert(writing.connection, text)

    def _stamp(self, notice: Notice, column: str, actor: str, now: datetime) -> Notice:
        kinds = {"sent_at": SENT, "reminded_at": REMINDED, "confirmed_at": CONFIRMED, "refused_at": REFUSED}
        values: dict[str, Any] = {column: now.isoformat(timespec="microseconds")}
        if column == "confirmed_at":
            values["sealed"] = None
        with self._house.ledger.writing() as writing:
            writing.event(kinds[column], actor=actor, request=notice.request, record=notice.id)
            self._changed(writing, notice, column, values)
        return self.get(notice.id)

    def _changed(self, writing: Writing, notice: Notice, column: str, values: dict[str, Any]) -> None:
        before = getattr(notice, column)
        was = (
            table.c[column].is_(None)
            if before is None
            else table.c[column] == before.isoformat(timespec="microseconds")
        )
        here = (table.c.id == notice.id, was, table.c.confirmed_at.is_(None))
        if writing.connection.execute(sa.update(table).where(*here).values(**values)).rowcount != 1:
            raise RetryLater("notice.busy", "The notice was changed in the same moment.", where=notice.id)

    def _row(self, id: str) -> sa.Row[Any]:
        with translated("notices"), reading(self._house.engine).connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == id)).first()
        if row is None:
            raise BadInput("notice.unknown", "There is no such notice.", where=id)
        return row

    def _write(self, notice: Notice, now: datetime) -> None:
        policy = self._house.policy
        processor = policy.processors.get(notice.processor)
        if processor is None or processor.contact is None:
            raise BadConfiguration(
                "letters.no_contact", "Nobody knows where to send this notice; the processor was not told.",
                where=notice.processor, advice="Give the processor a `contact:` in the policy.",
            )  # fmt: skip
        content, datamap = self.open(notice.id), self._house.datamap
        language = policy.language if processor.country in ("NL", "BE") else "en"
        values = {
            "notice": notice.id, "deed": notice.deed.value, "processor": processor, "policy": policy,
            "reminder": notice.sent_at is not None, "first": (notice.sent_at or now).date(),
            "datasets": [datamap[name].dataset.title for name in content.datasets if name in _names(self._house)],
            "identifiers": [(_kind(self._house, kind), values) for kind, values in content.identifiers],
            "facts": content.facts,
            "periods": any(" – " in value for _, values in content.identifiers for value in values),  # noqa: RUF001
        }  # fmt: skip
        subject, text = written(self._house.settings.home, TEMPLATE, language, values)
        # One id for each time that it is due: a letter whose sending was not recorded is the same one again.
        count = f"-{notice.reminded_at or notice.sent_at:%Y%m%d}" if notice.sent_at else ""
        letter = Letter(f"processor-notice-{notice.id}{count}", processor.contact, subject, text, now)
        outbox(self._house.connections, self._house.settings.state, policy.contact).send(letter)


def changed(made: Any, tally: Any) -> tuple[str, ...]:
    """The datasets of an erasure of which something went or was emptied: what processors have to follow.

    :param made: :class:`privacy.plans.erasure.Erasure`; ``tally``: what came of it.
    """
    from privacy.plans.erasure import Fate

    done = (
        part.dataset for number, part in enumerate(made.parts)
        if part.fate is not Fate.RETAINED and not part.fate.stays and tally.deleted.get(str(number))
    )  # fmt: skip
    return tuple(dict.fromkeys(done))


def names_told(house: House, number: str) -> list[str]:
    """The processors that are told of a request, by name: for the person's own letter (art. 19 GDPR)."""
    found = dict.fromkeys(notice.processor for notice in Notices(house).of(number))
    return [house.policy.processors[name].name for name in found if name in house.policy.processors]


def holding(house: House, subject: Subject) -> list[str]:
    """The datasets that hold records of a person, by full name.

    :raises RetryLater, Unreadable: a source cannot be asked.
    """
    found = []
    for ref in house.datamap:
        if not ref.dataset.people or ref.dataset.delivery is not None:
            continue
        source, selection = house.source(ref.system.system), Selection(ref.name, Of((subject,)))
        items = (item for part in source.partitions(selection) for item in source.locate(selection, part))
        if next(items, None) is not None:
            found.append(ref.full)
    return found


def unconfirmed_settings(house: House, today: date) -> dict[str, date]:
    """Processors whose setting against further use (GA-NOSHARE) nobody has looked at for a year, and since when."""
    return {
        name: use.confirmed for name, processor in house.policy.processors.items()
        if (use := processor.no_further_use) is not None and today - use.confirmed > YEAR
    }  # fmt: skip


def _by_processor(refs: Sequence[Ref]) -> dict[str, list[Ref]]:
    found: dict[str, list[Ref]] = {}
    for ref in refs:
        delivers = (ref.dataset.delivery.processor,) if ref.dataset.delivery is not None else ()
        for processor in dict.fromkeys((*ref.dataset.processors, *delivers)):
            found.setdefault(processor, []).append(ref)
    return dict(sorted(found.items()))


def _known(refs: Sequence[Ref], subject: Subject, zone: str) -> list[Known]:
    """By what a processor knows the person: what stands in the identity columns of the datasets that it has.

    An IP address is somebody else's tomorrow; what is contested was never theirs alone. What was theirs for a while is
    told with that while: a processor may not take along whoever has the address, or the number, now (edge case 19).
    """
    kinds = {c.identity for ref in refs for c in ref.dataset.columns.values() if c.identity} - {"ip"}
    kinds |= {REQUEST} if any(ref.dataset.delivery is not None for ref in refs) else set()
    found: dict[str, list[str]] = {}
    for i in subject.identifiers:
        value = f"{i.value}{_while(i, zone)}"
        if i.kind in kinds and not i.contested and value not in found.setdefault(i.kind, []):
            found[i.kind].append(value)
    return [(kind, tuple(values)) for kind, values in sorted(found.items())]


def _while(known: Identifier, zone: str) -> str:
    """The local dates between which something was theirs; empty: nobody else's before or after, as far as is known."""
    if known.kind not in GLOBAL_KINDS or (known.valid_from is None and known.valid_to is None):
        return ""
    since, until = (
        "…" if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}" for at in (known.valid_from, known.valid_to)
    )
    return f" ({since} – {until})"  # noqa: RUF001 - from, until


def _kind(house: House, kind: str) -> Any:
    from privacy.datamap.models import Text

    words = {
        "email": Text(nl="E-mailadres", en="E-mail address"), "phone": Text(nl="Telefoonnummer", en="Phone number"),
        "device_id": Text(nl="Apparaat-id", en="Device id"), REQUEST: Text(nl="Verzoek", en="Request"),
    }  # fmt: skip
    declared = house.datamap.kind(kind)
    return words.get(kind) or (declared.title if declared else kind)


def _names(house: House) -> set[str]:
    return {ref.full for ref in house.datamap}
