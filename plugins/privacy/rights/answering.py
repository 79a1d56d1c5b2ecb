"""What the register records of an answer: who looked at it, which letters went out, and how a copy was delivered."""

from __future__ import annotations

from privacy.errors import Refused
from privacy.rights.payload import Closing, Delivery, Reach, Stub
from privacy.rights.postponing import Postponing
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Step
from privacy.rights.table import tell

LETTER = "letter.sent"
"""The ledger's word that a letter went out: ``ground`` is its kind, ``digest`` of its text. No address."""

DELIVERED = "request.delivered"
"""The ledger's word that a copy was delivered: ``reason`` says how, and how its passphrase travelled."""


class Answering(Postponing):
    """For the letters and deliveries themselves see :mod:`privacy.rights.letters`, :mod:`privacy.rights.delivering`."""

    def review(self, number: str, author: str) -> Request:
        """Record that somebody has looked at what a copy withholds, redacts or omits. Safe to repeat.

        :raises Refused: there is no sealed bundle yet, it asks for no copy, or is closed.
        """
        with self._table.changing(number, Step.REVIEW) as (draft, writing):
            if draft.payload.review is None:
                bundle = draft.payload.bundle
                assert bundle is not None  # noqa: S101 - `opened` holds dates to content
                draft.payload = draft.payload.but(review=Closing(author=author, at=self._clock.now()))
                count = sum((bundle.left_out or {}).values())
                tell(writing, draft, "request.reviewed", author, digest=bundle.outer_sha256, count=count)
        return self._table.request(draft)

    def reach(self, number: str, reach: Reach, author: str) -> Reach:
        """Keep where and in which language the person is written to; the first address that was known stays.

        :returns: what stands in the register.
        """
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            before = draft.payload.reach
            if before != reach and (before is None or before.address is None):
                draft.payload = draft.payload.but(reach=reach)
                tell(writing, draft, "request.reach", author)
            found = draft.payload.reach
            assert found is not None  # noqa: S101
        return found

    def wrote(self, number: str, stub: Stub, author: str) -> Stub:
        """Record that a letter went out; the same one again changes nothing.

        :returns: the stub that stands in the register.
        """
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            for before in draft.payload.letters:
                if before.id == stub.id:
                    return before
            draft.payload = draft.payload.but(letters=(*draft.payload.letters, stub))
            tell(writing, draft, LETTER, author, ground=stub.kind, digest=stub.digest)
        return stub

    def delivering(self, number: str, delivery: Delivery, author: str, *, again: bool = False) -> Delivery:
        """Keep the passphrase of a delivery that begins, until it is done: a second try has to use the same one.

        :param again: after one that is done, for a person who lost it.
        :returns: what is to be delivered: of a try that died, with its passphrase.
        :raises Refused: ``delivery.done``; the request is not released, or asks for no copy.
        """
        with self._table.changing(number, Step.DELIVER) as (draft, writing):
            before = draft.payload.delivery
            if before is not None and before.delivered_at is not None and not again:
                raise Refused(
                    "delivery.done", "The copy was delivered before.", where=draft.number,
                    advice="If it is lost, deliver it again, with another passphrase: --again.",
                )  # fmt: skip
            if before is None or before.delivered_at is not None:
                begun = delivery.model_copy(update={"no": before.no + 1 if before else 1})
            else:
                begun = before.model_copy(update={"how": delivery.how, "passphrase_by": delivery.passphrase_by})
            if begun != before:
                draft.payload = draft.payload.but(delivery=begun)
                tell(writing, draft, "request.delivering", author)
        return begun

    def prepared(self, number: str, delivery: Delivery, author: str) -> None:
        """Keep what the encrypted ZIP is, and where it waits, before anybody is told of it.

        :raises Refused: ``delivery.other``: another delivery of it has begun since.
        """
        with self._table.changing(number, Step.DELIVER) as (draft, writing):
            _same(draft, delivery)
            if draft.payload.delivery != delivery:
                draft.payload = draft.payload.but(delivery=delivery)
                tell(writing, draft, "request.delivering", author, digest=delivery.digest)

    def delivered(self, number: str, delivery: Delivery, author: str) -> Request:
        """Record that a copy was delivered, and forget its passphrase. Safe to repeat.

        :param delivery: with the digest of the encrypted ZIP. :raises Refused: ``delivery.other``.
        """
        with self._table.changing(number, Step.DELIVER) as (draft, writing):
            before = _same(draft, delivery)
            if before.delivered_at is None:
                done = delivery.model_copy(update={"passphrase": "", "delivered_at": self._clock.now()})
                draft.payload = draft.payload.but(delivery=done)
                how = f"{delivery.how}, passphrase by {delivery.passphrase_by}"
                tell(writing, draft, DELIVERED, author, reason=how, digest=delivery.digest)
        return self._table.request(draft)


def _same(draft: Draft, delivery: Delivery) -> Delivery:
    before = draft.payload.delivery
    if before is None or before.no != delivery.no:
        raise Refused("delivery.other", "Another delivery of it has begun since.", where=draft.number)
    return before
