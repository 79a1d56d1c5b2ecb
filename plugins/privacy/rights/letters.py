"""Letters to whoever made a request: written, sent, and what of them stays in the register.

A letter goes to an e-mail address that the shop knew well before the request (promise ID-KNOWN), never merely to what
the request names. What says nothing but that there is a request (:data:`NAMED`) goes to whoever sent it. Each letter
goes out once: it has an id of its own, which is its Message-ID too, and what has that id in the register is not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from privacy.datamap.kinds import fold
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused
from privacy.letters import Attachment, Content, Letter, composed, outbox
from privacy.rights.letter_kinds import NAMED, RIGHTS, SAMPLES, Kind
from privacy.rights.payload import Ground, Reach, Stub
from privacy.rights.proof import known_addresses, seen
from privacy.sources.base import Of, Selection

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.datamap.policy import Policy
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request
    from privacy.sources.base import Subject

LANGUAGE = "language"
"""The column of a person's own record that says in which language they are written to: ``nl`` or ``en``."""

ACTOR = "letters"
"""Who acts in the ledger when no person does."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that went out. :param content: what it says; None: it went out before, and nobody kept it."""

    stub: Stub
    content: Content | None = field(default=None, repr=False)


class Correspondence:
    """The letters of one installation."""

    def __init__(self, house: House) -> None:
        self._house = house

    def write(
        self,
        number: str,
        kind: Kind | str,
        values: Mapping[str, object] | None = None,
        *,
        author: str = ACTOR,
        to: str | None = None,
        by_post: bool = False,
        occasion: str = "",
        attachment: Attachment | None = None,
    ) -> Sent:
        """Send a letter, and record a stub of it, with the entry ``letter.sent``. Safe to repeat: it goes out once.

        A process that dies between the two sends the same letter again, with the same Message-ID, and records it once.

        :param values: what the kind's template needs beside number, right, policy and arrival (see :data:`SAMPLES`).
        :param to: an address of the person's own, if not the known one: it is refused where it may not be.
        :param by_post: nothing is sent: whoever calls this prints and posts what is returned.
        :param occasion: tells letters of one kind apart that a request may get several of, e.g. ``2027``.
        :raises Refused: ``letters.no_known_address``, ``letters.address_not_known``; ``request.forgotten``.
        :raises BadConfiguration: ``letters.*``. :raises RetryLater: it cannot be sent now. Nothing is recorded then.
        """
        kind, house = Kind(kind), self._house
        request, payload = house.register.get(number), house.register.open(number)
        id = self.id(request.number, kind, occasion)
        for stub in payload.letters:
            if stub.id == id:
                return Sent(stub)
        address = None if by_post else self._address(request, payload, kind, to, author)
        language = self._language(request, payload, address, author)
        content = self._composed(request, payload, kind, values or {}, language)
        now, message = house.clock.now(), ""
        if address is not None:
            letter = Letter(id, address, content.subject, content.text, now, content.html, attachment)
            contact = house.policy.contact
            outbox(house.connections, house.settings.state, contact).send(letter)
            message = letter.message_id(contact)
        channel: Literal["email", "post"] = "post" if address is None else "email"
        stub = Stub(id=id, kind=kind.value, at=now, digest=content.digest, channel=channel, message=message)
        return Sent(house.register.wrote(number, stub, author), content)

    def preview(
        self, number: str, kind: Kind | str, values: Mapping[str, object] | None = None, *, language: str | None = None
    ) -> Content:
        """What a letter would say. Nothing is sent or recorded.

        :param values: by default made-up ones (:data:`SAMPLES`).
        :param language: ``nl`` or ``en``; by default the person's.
        """
        kind = Kind(kind)
        request, payload = self._house.register.get(number), self._house.register.open(number)
        known = payload.reach.language if payload.reach else self._house.policy.language
        wanted = language or payload.language or known
        samples = SAMPLES[kind] if values is None else {}
        return self._composed(request, payload, kind, values or {}, wanted, samples)

    @staticmethod
    def id(number: str, kind: Kind, occasion: str = "") -> str:
        """The id of a letter: what its Message-ID begins with, and its stub is known by."""
        return "-".join([kind.value.replace("_", "-"), number, *([occasion] if occasion else [])])

    def address(self, number: str, kind: Kind | str = Kind.ANSWER) -> str:
        """Where a letter of this kind would go, by e-mail. :raises Refused: as :meth:`write`."""
        request, payload = self._house.register.get(number), self._house.register.open(number)
        return self._address(request, payload, Kind(kind), None, ACTOR)

    def know(self, number: str, *, author: str = ACTOR) -> Reach:
        """Find out where and in which language the person is written to, and keep that with the request.

        To be called before anything of theirs is changed or erased: afterwards the shop's records no longer say it.

        :raises AmbiguousIdentity: a person has to decide whose the request is.
        """
        register = self._house.register
        payload = register.open(number)
        if payload.reach is not None and payload.reach.address is not None:
            return payload.reach
        request, subject = register.get(number), self._house.subject(number)
        known = self._known(request, payload, subject)
        proven = [str(p.evidence.address) for p in payload.proofs if p.evidence.address]
        reach = Reach.of(address=next(iter((*proven, *known)), None), language=self._spoken(subject))
        return reach if reach == payload.reach else register.reach(number, reach, author)

    def _known(self, request: Request, payload: Payload, subject: Subject) -> tuple[str, ...]:
        return known_addresses(payload, subject, request.dates.received_at, self._house.addresses())

    def _address(self, request: Request, payload: Payload, kind: Kind, to: str | None, author: str) -> str:
        named = [str(i.value) for i in payload.identifiers if i.kind == "email"]
        if to is not None:
            self._may(request, payload, kind, to, author)
            return to
        if kind in NAMED or (kind is Kind.REFUSAL and _unproven(payload)):
            if not named:
                raise Refused(
                    "request.no_address",
                    "The request names no e-mail address to which the letter could go; nothing was recorded.",
                    where=request.number,
                    advice=f"Send it by post: privacy request {_command(request.number, kind)} --by-post prints it.",
                )
            return named[0]
        wanted = payload.deliver_to if payload.deliver_to and "@" in payload.deliver_to else None
        if wanted is not None and seen(payload):
            return wanted
        known = self.know(request.number, author=author).address
        if known is not None:
            return known
        if named and seen(payload):
            return named[0]
        raise Refused(
            "letters.no_known_address",
            "The shop's records show no address as this person's since well before the request; nothing was sent.",
            where=request.number,
            advice="Record that a document was seen (privacy request prove --by document), or print it: --by-post.",
        )

    def _may(self, request: Request, payload: Payload, kind: Kind, to: str, author: str) -> None:
        """Hold that an address that somebody names is the person's own.

        :raises Refused: ``letters.address_not_known``.
        """
        if "@" not in to:
            raise BadInput("letters.to", "That is no e-mail address.", where=request.number)
        if seen(payload) and payload.deliver_to is not None and fold(payload.deliver_to) == fold(to):
            return
        known = self.know(request.number, author=author).address
        if known is not None and fold(known) == fold(to):
            return
        subject = self._house.subject(request.number)
        own = [i for i in subject.identifiers if i.kind == "email" and i.value == fold(to) and not i.contested]
        if own and kind is Kind.ADDRESS_CHANGED:
            return  # The old address: it was theirs once, and is told of nothing but the change.
        if own and fold(to) in self._known(request, payload, subject):
            return
        raise Refused(
            "letters.address_not_known",
            "The shop did not know that address as this person's well before the request; nothing was sent.",
            where=request.number,
            advice="Leave it out: the letter goes to the address that is known.",
        )

    def _language(self, request: Request, payload: Payload, address: str | None, author: str) -> str:
        """The request's, else the person's own, as far as the letter goes to them: it would tell others of them."""
        if payload.language is not None:
            return payload.language
        try:
            known = self.know(request.number, author=author)
        except PrivacyError:
            # Whose it is, nobody knows yet, or the shop is out of reach: a letter in the shop's language beats none.
            return payload.reach.language if payload.reach else self._house.policy.language
        theirs = (
            address is None or seen(payload) or (known.address is not None and fold(known.address) == fold(address))
        )
        return known.language if theirs else self._house.policy.language

    def _spoken(self, subject: Subject) -> str:
        for ref in self._house.datamap:
            column = ref.dataset.columns.get(LANGUAGE)
            if column is None or column.type != "text" or not own_record(self._house, ref):
                continue
            for row in rows_of(self._house, ref, subject):
                if row[LANGUAGE] in ("nl", "en"):
                    return str(row[LANGUAGE])
        return self._house.policy.language

    def _composed(
        self, request: Request, payload: Payload, kind: Kind, values: Mapping[str, object], language: str,
        samples: Mapping[str, object] | None = None,
    ) -> Content:  # fmt: skip
        policy = self._house.policy
        base: dict[str, object] = {
            "number": request.number, "policy": policy, "right": request.right.value,
            "right_name": RIGHTS[request.right], "received": local_day(request.dates.received_at, policy),
            "due": request.due, "portability": request.right.value == "portability",
        }  # fmt: skip
        if kind is Kind.REFUSAL and payload.refusal is not None and payload.refusal.ground is not None:
            # In whose words it was refused is for the register; what the person is told beside the ground is said anew.
            base |= {"ground": payload.refusal.ground.value, "because": ""}
        link = str(values.get("link") or "")
        links = [str(policy.contact.authority_url), *([link] if link.startswith("https://") else [])]
        content = composed(
            self._house.settings.home, kind.value, language, {**(samples or {}), **base, **values}, links=links
        )
        if str(policy.contact.authority_url) not in content.text:
            raise BadConfiguration(
                "letters.no_complaint",
                "A letter to a person does not say where to complain.",
                where=f"templates/letters/{kind.value}.{language}.j2",
                advice='Begin it with {% extends "layout.' + language + '.j2" %}.',
            )
        return content


def local_day(at: datetime, policy: Policy) -> date:
    """The local date of a moment, as letters have it."""
    return at.astimezone(ZoneInfo(policy.zone)).date()


def rows_of(house: House, ref: Ref, subject: Subject) -> Iterator[dict[str, object]]:
    """A subject's rows of a dataset."""
    source, selection = house.source(ref.system.system), Selection(ref.name, Of((subject,)))
    if not ref.dataset.kinds & {i.kind for i in subject.identifiers}:
        return
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            yield from batch.to_pylist()


def own_record(house: House, ref: Ref) -> bool:
    """Whether a row of the dataset is the record of one person: its key is their number."""
    identity = ref.dataset.columns[ref.dataset.key[0]].identity if len(ref.dataset.key) == 1 else None
    declared = house.datamap.kind(identity) if identity else None
    return declared is not None and declared.person


def _command(number: str, kind: Kind) -> str:
    return f"extend {number} --ground ..." if kind is Kind.EXTENSION else f"letter {number} {kind.value}"


def _unproven(payload: Payload) -> bool:
    """Whether the refusal says nothing but that nobody knows who asks."""
    return payload.refusal is not None and payload.refusal.ground is Ground.IDENTITY
