"""When an e-mail address proves who somebody is (promise ID-KNOWN).

It must have been theirs, by the shop's own records, well before the request: whoever gets hold of an account changes
the address first and asks for the data next (edge case 35). And nobody else may have shared it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from privacy.datamap.kinds import fold
from privacy.datamap.load import DataMap, Ref
from privacy.errors import BadInput, Refused
from privacy.identity.graph import Graph
from privacy.rights.payload import Evidence, EvidenceKind, Payload
from privacy.sources.base import Identifier, Of, Selection, Source, Subject

KNOWN_FOR = timedelta(days=90)
"""How long before a request an address must have been the person's to prove anything, or to receive a copy."""

_NUMBER = re.compile(
    r"(?=[A-Za-z0-9.-]*\d[A-Za-z0-9.-]*\d[A-Za-z0-9.-]*\d[A-Za-z0-9.-]*\d)[A-Za-z0-9][A-Za-z0-9.-]{6,}[A-Za-z0-9]"
)
"""What may be a document's or a citizen's number: eight signs or more without a space, with four digits or more."""

Span = tuple[datetime, datetime | None]
"""From (inclusive) and to (exclusive), UTC; the second None: still."""

Rectified = tuple[Subject, datetime]
"""Whom a request to rectify was about, as it was resolved before anything was changed, and when that began."""

Addresses = Callable[[Subject, str], Sequence[Span]]
"""When the shop's records say that an e-mail address was a subject's."""


def addresses(datamap: DataMap, source_of: Callable[[str], Source]) -> Addresses:
    """A look-up in the shop's own records.

    A link without a date (its edge has no ``valid:``) says that the address is theirs, not since when: it is no span.
    Somebody known by the address alone, a guest, had it since the first record under it.
    """
    graph = Graph(datamap, source_of)

    def look_up(subject: Subject, address: str) -> Sequence[Span]:
        wanted = Identifier("email", fold(address))
        people = {(i.kind, i.value) for i in subject.identifiers if _is_person(datamap, i.kind)}
        if not people:
            return _records(datamap, source_of, wanted)
        spans: list[Span] = []
        for system, edge in graph.edges(visits=False):
            for column in (edge.source, edge.target):
                if graph.kind_of(system, edge, column) != "email":
                    continue
                for link in graph.links(system, edge, [wanted], by=column):
                    other = link.target if column == edge.source else link.source
                    if other in people and link.start is not None:
                        spans.append((link.start, link.end))
        return spans

    return look_up


def beside_requests(look_up: Addresses, datamap: DataMap, rectified: Callable[[], Iterable[Rectified]]) -> Addresses:
    """A look-up that takes an address which came by a request for no older than that request (edge case 35).

    The shop's own records may say otherwise: whoever changes an address need not change the date beside it.

    :param rectified: the requests to rectify, each with whom it was about before anything was changed, and when.
    """

    def looked_up(subject: Subject, address: str) -> Sequence[Span]:
        people = {(i.kind, i.value) for i in subject.identifiers if _is_person(datamap, i.kind)}
        spans = list(look_up(subject, address))
        if not spans or not people:
            return spans
        for before, at in rectified():
            had = {(i.kind, i.value) for i in before.identifiers}
            if people & had and ("email", fold(address)) not in had:
                spans = [(max(start, at), end) for start, end in spans if end is None or end > at]
        return spans

    return looked_up


def check_evidence(payload: Payload, evidence: Evidence) -> None:
    """Whether evidence of its kind is complete: an address, or what was seen.

    :raises BadInput: ``proof.address_missing``, ``proof.seen_missing``.
    """
    if evidence.kind is EvidenceKind.KNOWN_ADDRESS:
        if evidence.address is None:
            raise BadInput("proof.address_missing", "Say which address it was confirmed from.", where=payload.number)
    elif evidence.address is not None or not evidence.seen.strip():
        raise BadInput("proof.seen_missing", "Say in words what was seen.", advice="Use --seen.")
    elif _NUMBER.search(evidence.seen):
        raise BadInput(
            "proof.number",
            "A proof says which document was seen, not what its number is; nothing was recorded.",
            where=payload.number,
            advice="Write it like: a passport, and the person is the one in the picture.",
        )


def check_address(payload: Payload, address: str, received_at: datetime, spans: Sequence[Span]) -> None:
    """Whether control of an address proves that the request is the subject's.

    :param spans: when it was theirs, by the shop's records.
    :raises Refused: ``proof.unresolved``, ``proof.address_shared``, ``proof.address_unknown``.
    """
    if payload.subject is None:
        raise Refused(
            "proof.unresolved",
            "It is not known yet whose the request is, so no address can prove it.",
            where=payload.number,
            advice="Run the export first, or record another kind of proof.",
        )
    same = [i for i in payload.subject.identifiers if i.kind == "email" and i.value == fold(address)]
    asked = payload.question.shared if payload.question else ()
    if any(i.contested for i in same) or any(i.kind == "email" and i.value == fold(address) for i in asked):
        raise Refused(
            "proof.address_shared",
            "More than one person uses that address, so it does not tell them apart.",
            where=payload.number,
            advice="Record another kind of proof: --by document.",
        )
    if not same or known_since(received_at, spans) is None:
        raise Refused(
            "proof.address_unknown",
            f"The shop's records do not show that address as theirs since {KNOWN_FOR.days} days before the request.",
            where=payload.number,
            advice="Record another kind of proof: --by document.",
        )


def known_since(received_at: datetime, spans: Sequence[Span]) -> datetime | None:
    """Since when an address was the person's that was theirs well before the request, and was still when it arrived.

    :returns: None: it was not, or not long enough: whoever gets hold of an account changes the address first.
    """
    latest = received_at - KNOWN_FOR
    found = [start for start, end in spans if start <= latest and (end is None or end > received_at)]
    return max(found, default=None)


def known_addresses(payload: Payload, subject: Subject, received_at: datetime, look_up: Addresses) -> tuple[str, ...]:
    """The e-mail addresses that the shop knew well before the request as this person's, and nobody else's.

    :param subject: whose the request is. :param look_up: the shop's records.
    :returns: what the request names first, then the one that they have had for the shortest time: their present one.
    """
    named = {i.value for i in payload.identifiers if i.kind == "email"}
    asked = {i.value for i in payload.question.shared} if payload.question else set()
    contested = {i.value for i in subject.identifiers if i.contested} | asked
    found: list[tuple[bool, datetime, str]] = []
    for address in sorted(
        {str(i.value) for i in subject.identifiers if i.kind == "email"} - {str(c) for c in contested}
    ):
        since = known_since(received_at, look_up(subject, address))
        if since is not None:
            found.append((address in named, since, address))
    return tuple(address for _, _, address in sorted(found, reverse=True))


def seen(payload: Payload) -> bool:
    """Whether somebody saw an identity document: what another address, post or a transfer to others needs."""
    return any(p.evidence.kind is EvidenceKind.DOCUMENT for p in payload.proofs)


def check_delivery(payload: Payload) -> None:
    """Whether what was proven suffices for where the answer is to go (promise ID-KNOWN).

    :raises Refused: ``delivery.address``: a known address is proof for that address alone, and what only they know for
        the address that the shop knows; ``delivery.transfer``: others get the data on sight of a document only.
    """
    if seen(payload):
        return
    if payload.direct_transfer:
        raise Refused(
            "delivery.transfer",
            "The data are to go to another controller, and nobody has seen an identity document.",
            where=payload.number,
            advice="Record that first: privacy request prove --by document.",
        )
    if payload.deliver_to is None:
        return
    if fold(payload.deliver_to) not in {fold(p.evidence.address) for p in payload.proofs if p.evidence.address}:
        raise Refused(
            "delivery.address",
            "The answer is to go to another address than the one that proves the identity.",
            where=payload.number,
            advice="Record another kind of proof first: privacy request prove --by document.",
        )


def check_reviewed(payload: Payload) -> None:
    """Whether somebody has looked at what a copy leaves out, where it leaves anything out.

    :raises Refused: ``request.not_reviewed``.
    """
    if payload.bundle is not None and payload.bundle.left_out and payload.review is None:
        told = ", ".join(f"{n} {what}" for what, n in sorted(payload.bundle.left_out.items()))
        raise Refused(
            "request.not_reviewed",
            f"Something is left out of the copy ({told}), and nobody has looked at it.",
            where=payload.number,
            advice=f"Look: privacy bundle open {payload.number} --review --to DIR; then: "
            f"privacy request review {payload.number}",
        )


def _is_person(datamap: DataMap, kind: str) -> bool:
    declared = datamap.kind(kind)
    return declared is not None and declared.person


def _records(datamap: DataMap, source_of: Callable[[str], Source], address: Identifier) -> list[Span]:
    found: list[datetime] = []
    pick = Of((Subject(1, (address,)),))
    for ref in datamap:
        if ref.dataset.time is not None and "email" in ref.dataset.kinds:
            found += _times(source_of(ref.system.system), ref, pick)
    return [(min(found), None)] if found else []


def _times(source: Source, ref: Ref, pick: Of) -> list[datetime]:
    selection = Selection(ref.name, pick)
    return [
        value
        for partition in source.partitions(selection)
        for batch in source.read(selection, partition)
        for value in batch.column(batch.schema.names.index(str(ref.dataset.time))).to_pylist()
        if isinstance(value, datetime)
    ]
