"""What is personal about a request: one document, sealed under the request's own key.

It knows its own number: the content of one row, moved to another, opens in neither (it is also sealed *about* that
number). Datetimes are written in UTC, ISO 8601.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from privacy.errors import BadInput, Tampered
from privacy.identity import Decision, Question
from privacy.plans.correction import Correction
from privacy.sources.base import Identifier, Subject


def in_utc(at: datetime | None) -> datetime | None:
    """The same instant in UTC.

    :raises ValueError: for a naive datetime, which is no instant.
    """
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError("a naive datetime is no instant")
    return at.astimezone(UTC)


def plain(identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """The identifiers with their windows in UTC."""
    return tuple(replace(i, valid_from=in_utc(i.valid_from), valid_to=in_utc(i.valid_to)) for i in identifiers)


def asked(question: Question) -> Question:
    """The question with its identifiers' windows in UTC."""
    people = tuple(replace(c, identifiers=plain(c.identifiers)) for c in question.candidates)
    return Question(people, plain(question.shared))


Moment = Annotated[AwareDatetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(), when_used="json")]


class EvidenceKind(StrEnum):
    """How an identity was proven (promise ID-KNOWN)."""

    KNOWN_ADDRESS = "known_address"
    """The request was confirmed from an e-mail address that the shop knew well before it."""
    DOCUMENT = "document"
    """An identity document was seen; no copy is kept."""
    KNOWLEDGE = "knowledge"
    """The person told what only they and the shop know."""


class Ground(StrEnum):
    """Why a request is not answered with the data."""

    IDENTITY = "identity_not_proven"
    """Art. 12(2) and 12(6) GDPR."""
    UNFOUNDED = "manifestly_unfounded"
    """Art. 12(5) GDPR."""
    EXCESSIVE = "excessive"
    """Art. 12(5) GDPR."""
    OTHERS = "rights_of_others"
    """Art. 15(4) GDPR."""
    WITHDRAWN = "withdrawn"
    COMPELLING = "compelling_grounds"
    """Of an objection: art. 21(1) GDPR: compelling legitimate grounds, or a legal claim."""


class Necessity(StrEnum):
    """Why an answer takes longer than the first term: art. 12(3) GDPR knows these two."""

    COMPLEX = "complexity"
    """The request is complex."""
    MANY = "number_of_requests"
    """There are many requests."""


M = TypeVar("M", bound="_Sealed")


class _Sealed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls: type[M], **values: object) -> M:
        """One, of what somebody typed.

        :raises BadInput: ``request.content``, with the fields that are too long or of another type; none is quoted.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as problem:
            names = sorted({str(e["loc"][0]) for e in problem.errors() if e["loc"] and e["loc"][0] in cls.model_fields})
        raise BadInput(
            "request.content",
            f"This cannot be recorded: {', '.join(names) or 'a field that is not known'}.",
            advice="A text has 2,000 characters at most.",
        )

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return []


class Evidence(_Sealed):
    """What somebody saw.

    :param seen: in words; sealed, as it may name the person.
    :param address: for :attr:`EvidenceKind.KNOWN_ADDRESS`: the address that it was confirmed from.
    """

    kind: EvidenceKind
    seen: str = Field(default="", max_length=2_000)
    address: str | None = None


class Proof(_Sealed):
    """A proof of identity, with who accepted it."""

    evidence: Evidence
    author: str
    at: Moment


class Decided(_Sealed):
    """An operator's answer to the question whose the request is."""

    decision: Decision
    author: str
    at: Moment


class Act(_Sealed):
    """What was done for a request that asks for no copy, all of it or so far.

    :param digest: of the plan that was done; empty: there was none. :param counts: records by what became of them.
    :param until: when the last of what waits is expected to be done; None: nothing waits, or nobody can tell.
    """

    author: str
    at: Moment
    digest: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    until: date | None = None


class Closing(_Sealed):
    """A release or a refusal.

    :param ground: of a refusal; ``because``: in words.
    """

    author: str
    at: Moment
    ground: Ground | None = None
    because: str = Field(default="", max_length=2_000)


class Lifting(_Sealed):
    """The person's own word that what they had stopped may go on.

    :param word: what they said. :param channel: how it came. :param evidence: that it was they who said it; None: the
        request's own proof. :param on: the local date from which it goes on; of a restriction they are told before.
    """

    author: str
    at: Moment
    word: str = Field(min_length=1, max_length=2_000)
    channel: str = Field(min_length=1, max_length=100)
    evidence: Evidence | None = None
    on: date


class Extension(_Sealed):
    """The notice that the answer takes longer.

    :param to: the address that it went to; None: by post, or by word, as somebody says who did it.
    """

    author: str
    at: Moment
    ground: Necessity
    to: str | None = None


class Reach(_Sealed):
    """Where and in which language a person is written to.

    :param address: that the shop knew before the request; None: there is none. Kept here since an erasure takes it from
        the shop's own records.
    """

    address: str | None = None
    language: Literal["nl", "en"] = "nl"


class Stub(_Sealed):
    """A letter that went out: what it was, not what it said.

    :param id: of the letter; ``message``: its Message-ID, empty of one by post.
    :param digest: sha256 of its subject and text. :param channel: ``email`` or ``post``.
    """

    id: str
    kind: str
    at: Moment
    digest: str
    channel: Literal["email", "post"]
    message: str = ""


class Delivery(_Sealed):
    """How a copy was handed over, or is about to be.

    :param no: the how many-eth. :param how: ``attachment``, ``link``, ``post``, ``counter``.
    :param passphrase: of the encrypted ZIP, until it is delivered; then empty: nobody needs it here any more.
    :param passphrase_by: by which other way it travelled.
    :param digest: sha256 of the encrypted ZIP. :param path: its key in the store of bundles, until ``until``.
    """

    no: int = 1
    how: Literal["attachment", "link", "post", "counter"]
    passphrase: str = ""
    passphrase_by: Literal["sms", "phone", "post", "counter"]
    digest: str = ""
    path: str | None = None
    until: Moment | None = None
    delivered_at: Moment | None = None


class Visit(_Sealed):
    """When somebody says that they were in front of a camera: footage names nobody until a request does."""

    camera: str = Field(min_length=1, max_length=200)
    at: Moment


class LeftOut(_Sealed):
    """Records that are withheld, or values that are redacted: how many, and why in English."""

    what: Literal["withheld", "redacted"]
    count: int
    why: str


class Figures(_Sealed):
    """What a bundle holds of one dataset: counts alone.

    :param title: in English. :param bytes: of its files. :param originals: files beside its tables.
    """

    dataset: str
    title: str
    records: int
    bytes: int
    originals: int = 0
    left_out: tuple[LeftOut, ...] = ()


class GlassGround(StrEnum):
    """For what somebody opens what is closed to everybody."""

    SUBJECT = "subject_asked"
    """The person wants it so: art. 18(2) GDPR, consent."""
    CLAIM = "legal_claim"
    """Art. 18(2) GDPR: to establish, exercise or defend a legal claim."""
    OTHERS = "rights_of_others"
    """Art. 18(2) GDPR: to protect the rights of another person."""
    INTEREST = "public_interest"
    """Art. 18(2) GDPR: for reasons of important public interest."""
    INCIDENT = "incident"
    """A breach of security has to be looked into (art. 33 GDPR)."""
    FAULT = "faulty_copy"
    """Something seems wrong with the copy."""

    @property
    def of_blocked(self) -> bool:
        """Whether it opens what is restricted: art. 18(2) GDPR knows four."""
        return self in (GlassGround.SUBJECT, GlassGround.CLAIM, GlassGround.OTHERS, GlassGround.INTEREST)


class Broken(_Sealed):
    """Somebody's reason to open what is closed, and for how long it does.

    :param user: Airflow's id of who gave it, or ``machine:`` and the machine's user; it opens nothing for others.
    :param because: in words.
    :param digest: of the sealed bundle that it is about.
    """

    user: str = Field(min_length=1, max_length=512)
    author: str
    at: Moment
    until: Moment
    ground: GlassGround
    because: str = Field(min_length=10, max_length=2_000)
    digest: str


class Copied(_Sealed):
    """An encrypted copy that waits to be downloaded; nobody keeps its passphrase.

    :param path: its key in the store of bundles, until ``until``. :param digest, bytes: of the file.
    :param bundle: digest of the sealed bundle that it is a copy of.
    """

    path: str
    digest: str
    bytes: int
    bundle: str
    author: str
    at: Moment
    until: Moment


class BundleRef(_Sealed):
    """A sealed bundle: where it lies, and what it must be.

    :param path: its key in the store of bundles.
    :param inner_sha256, outer_sha256: of the ZIP, and of the sealed file around it; ``manifest_sha256``: of its
        ``datapackage.json``, where it was recorded.
    :param counts: records by dataset.
    :param left_out: what it withholds, redacts or omits, and how often; where there is any, a person looks at it before
        it is released.
    :param purged_at: since when the file is gone, or about to be: its term is over.
    :param figures: of each dataset; ``size``: bytes of the sealed file; ``omitted``: reason -> how often. Empty of
        bundles that were sealed before these were recorded.
    """

    path: str
    run: str
    inner_sha256: str
    outer_sha256: str
    counts: dict[str, int]
    sealed_at: Moment
    manifest_sha256: str | None = None
    left_out: dict[str, int] | None = None
    purged_at: Moment | None = None
    figures: tuple[Figures, ...] = ()
    size: int | None = None
    omitted: dict[str, int] = Field(default_factory=dict)

    def fewer(self, before: BundleRef | None) -> list[str]:
        """The datasets of which an earlier bundle holds more records."""
        return sorted(d for d, n in before.counts.items() if self.counts.get(d, 0) < n) if before else []


class Payload(_Sealed):
    """Everything personal about one request.

    :param identifiers: what the request named.
    :param deliver_to: where its sender wants the answer; None: the address that the shop knows.
    :param direct_transfer: of a portability: the data go to another controller, so only what the person provided and
        what was observed of them is given (WP 242).
    :param language: that it is written in, as whoever registered it saw; None: as the shop's records say.
    :param secret: the age identity (secret key) that opens its bundle.
    :param review: who looked at what a copy withholds. :param partly, act: what was done, so far and in all.
    :param answer: who told the person so. :param linked: the number of the request that led to this one.
    :param correction: what is to be corrected, and the plan of it.
    :param purposes: of an objection or a withdrawal that is narrowed: for these alone, by the policy's names; empty:
        for any. :param lifting: the person's word that it may go on; ``lifted``: who let it go on.
    :param visits: that it names. :param reach: where the person is written to. :param letters: that went out.
    :param delivery: of the copy, the last. :param glass: who opened it while it was closed.
    :param copied: the encrypted copy that waits to be downloaded.
    :param subject: the resolved identity; every retry uses it. ``notes``: its counts for the manifest.
    """

    number: str
    identifiers: tuple[Identifier, ...] = Field(min_length=1)
    name: str | None = None
    channel: str
    author: str
    deliver_to: str | None = None
    direct_transfer: bool = False
    language: Literal["nl", "en"] | None = None
    secret: str
    question: Question | None = None
    decided: Decided | None = None
    subject: Subject | None = None
    notes: dict[str, int] = Field(default_factory=dict)
    proofs: tuple[Proof, ...] = ()
    bundle: BundleRef | None = None
    release: Closing | None = None
    refusal: Closing | None = None
    extension: Extension | None = None
    review: Closing | None = None
    partly: Act | None = None
    act: Act | None = None
    answer: Closing | None = None
    linked: str | None = None
    correction: Correction | None = None
    visits: tuple[Visit, ...] = ()
    purposes: tuple[str, ...] = ()
    lifting: Lifting | None = None
    lifted: Closing | None = None
    reach: Reach | None = None
    letters: tuple[Stub, ...] = ()
    delivery: Delivery | None = None
    glass: tuple[Broken, ...] = ()
    copied: Copied | None = None

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return [("number", self.number)]

    def but(self, **changes: object) -> Payload:
        """A copy with some members changed, checked again. :raises BadInput: ``request.content``."""
        return Payload.of(**{**dict(self), **changes})

    def as_bytes(self) -> bytes:
        """JSON, to be sealed.

        :raises BadInput: ``request.content``: half a character (a surrogate), which no text may hold.
        """
        try:
            return self.model_dump_json(exclude_none=True).encode()
        except ValueError:  # pydantic's and Python's own: both quote it
            pass
        raise BadInput("request.content", "A text has characters that cannot be written down.", where=self.number)

    @classmethod
    def from_bytes(cls, content: bytes, number: str) -> Payload:
        """Read what :meth:`as_bytes` wrote.

        :raises Tampered: ``request.payload``: it is no such document, or another request's.
        """
        try:
            found = cls.model_validate_json(content)
        except ValidationError:
            found = None  # Its text quotes what it could not read.
        if found is None or found.number != number:
            raise Tampered(
                "request.payload",
                "The sealed content of a request is not its own.",
                where=number,
                advice="Restore the register from a backup.",
            )
        subject = found.subject and replace(found.subject, identifiers=plain(found.subject.identifiers))
        return found.model_copy(update={"identifiers": plain(found.identifiers), "subject": subject})
