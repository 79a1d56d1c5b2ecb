"""Who may look into a sealed bundle, and when: every look leaves its entry, in the transaction that allows it.

A copy is closed to everybody while nobody has proven to be its subject, after a refusal, and while the subject's data
are not to be processed (a restriction, an erasure, promise STAFF-BLOCK); before its release it is looked at here, for
the review, and goes nowhere. (That it is sent to the person needs no such look, and is closed by nothing but that it is
not released.) Whoever breaks the glass gives a ground and a reason, which opens it for them alone, for a
quarter of an hour. The ground stands in the ledger; the reason may name the person, so it is sealed with the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from privacy.errors import BadInput, Refused
from privacy.rights.forgetting import Forgetting
from privacy.rights.payload import Broken, BundleRef, Copied, GlassGround
from privacy.rights.rows import Draft
from privacy.rights.states import Dates, Step
from privacy.rights.table import tell

GLASS_FOR = timedelta(minutes=15)
"""So long a reason opens what is closed."""

GLASS, OPENED, COPIED, DOWNLOADED = "request.glass_broken", "bundle.opened", "request.copied", "bundle.downloaded"
"""The ledger's words; the first and the third change the register's row."""


class Closed(StrEnum):
    """Why a bundle does not open."""

    UNPROVEN = "unproven"
    REFUSED = "refused"
    UNRELEASED = "unreleased"
    """It may be looked at for its review, but not leave the house."""
    BLOCKED = "blocked"
    """Its subject's data are not to be processed."""


WORDS = {
    Closed.UNPROVEN: "nobody has proven to be the person",
    Closed.REFUSED: "the request was refused",
    Closed.UNRELEASED: "it is not released",
    Closed.BLOCKED: "the person's data are restricted or blocked",
}


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What opens a bundle. :param secret: the age identity. :param ground: of who broke the glass for it."""

    ref: BundleRef
    secret: str = field(repr=False)
    ground: GlassGround | None = None


def closed(dates: Dates, *, blocked: bool, leaves: bool) -> tuple[Closed, ...]:
    """Why a bundle is closed now; empty: it is not.

    :param blocked: its subject's data are not to be processed. :param leaves: a copy is to be made of it.
    """
    found = []
    if dates.refused_at:
        found.append(Closed.REFUSED)
    elif not dates.proven_at:
        found.append(Closed.UNPROVEN)
    elif leaves and not dates.released_at:
        found.append(Closed.UNRELEASED)
    return (*found, Closed.BLOCKED) if blocked else tuple(found)


def broken(
    glass: tuple[Broken, ...], why: tuple[Closed, ...], *, user: str, digest: str, now: datetime
) -> Broken | None:
    """The reason by which this user may open it all the same; None: there is none, or none that suffices."""
    for one in reversed(glass):
        if one.user == user and one.digest == digest and one.at <= now < one.until and _suffices(one.ground, why):
            return one
    return None


class Opening(Forgetting):
    """See :class:`privacy.rights.arrivals.Arrivals` for the parameters."""

    def break_glass(
        self, number: str, ground: GlassGround, because: str, *, author: str, user: str, blocked: bool
    ) -> Broken:
        """Record why somebody opens a bundle that is closed. It opens for this user alone, until ``until``.

        :param because: in words, 10 characters at least; sealed. :param user: Airflow's id. :param blocked: the
            subject's data are not to be processed.
        :raises BadInput: ``glass.because``, ``glass.ground``. :raises Refused: ``request.not_sealed``,
            ``bundle.purged``; ``glass.not_needed``: it is not closed.
        """
        words = because.strip()
        if not 10 <= len(words) <= 2_000:
            raise BadInput(
                "glass.because", "A reason has 10 to 2,000 characters.", where=number,
                advice="Say for what you need it, so that others can judge it later.",
            )  # fmt: skip
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            ref, now = _there(draft), self._clock.now()
            why = closed(draft.dates, blocked=blocked, leaves=True)
            if not why:
                raise Refused("glass.not_needed", "The bundle is not closed.", where=draft.number, advice="Open it.")
            if not _suffices(ground, why):
                raise BadInput(
                    "glass.ground", "That is no ground on which restricted data may be opened.", where=draft.number,
                    advice="The law knows four (art. 18(2) GDPR): consent, a legal claim, another person's rights, an "
                    "important public interest.",
                )  # fmt: skip
            made = Broken.of(
                user=user, author=author, at=now, until=now + GLASS_FOR, ground=ground, because=words,
                digest=ref.outer_sha256,
            )  # fmt: skip
            draft.payload = draft.payload.but(glass=(*draft.payload.glass, made))
            reason = ", ".join(why)
            tell(writing, draft, GLASS, author, ground=ground.value, reason=reason, digest=ref.outer_sha256)
        return made

    def openable(self, number: str, *, user: str, blocked: bool, leaves: bool = False) -> Unlocked:
        """Whether a user may open a bundle now; nothing is recorded yet: see :meth:`unlock`.

        :param leaves: a copy is to be made of it, or downloaded.
        :raises Refused: ``request.not_sealed``, ``bundle.purged``, ``glass.needed``, with why it is closed.
        """
        return self._unlocked(self._table.draft(number), user=user, blocked=blocked, leaves=leaves)

    def unlock(
        self, number: str, kind: str, *, author: str, user: str, blocked: bool, leaves: bool = False, **said: object
    ) -> Unlocked:
        """What opens a bundle, for who may, with the entry that says so.

        :param kind: of the entry; ``said``: what else stands in it.
        :raises Refused: as :meth:`openable`.
        """
        with self._table.locked(number) as (draft, writing):
            found = self._unlocked(draft, user=user, blocked=blocked, leaves=leaves)
            about = {"digest": found.ref.outer_sha256, "ground": found.ground and found.ground.value, **said}
            writing.event(kind, actor=author, request=draft.number, **about)
        return found

    def copied(self, number: str, copied: Copied) -> Copied | None:
        """Keep where an encrypted copy waits.

        :returns: the one that it takes the place of.
        :raises Refused: ``bundle.other``: another bundle was sealed meanwhile.
        """
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            if _there(draft).outer_sha256 != copied.bundle:
                raise Refused("bundle.other", "Another bundle was sealed meanwhile.", where=draft.number, advice="Look "
                              "at that one first.")  # fmt: skip
            before = draft.payload.copied
            draft.payload = draft.payload.but(copied=copied)
            tell(writing, draft, COPIED, copied.author, digest=copied.digest, bytes=copied.bytes)
        return before

    def _unlocked(self, draft: Draft, *, user: str, blocked: bool, leaves: bool) -> Unlocked:
        ref = _there(draft)
        why = closed(draft.dates, blocked=blocked, leaves=leaves)
        if not why:
            return Unlocked(ref, draft.payload.secret)
        glass = broken(draft.payload.glass, why, user=user, digest=ref.outer_sha256, now=self._clock.now())
        if glass is None:
            raise Refused(
                "glass.needed", f"The bundle is closed: {' and '.join(WORDS[one] for one in why)}.", where=draft.number,
                advice="Whoever has to open it all the same says on which ground and why, on the request's page.",
            )  # fmt: skip
        return Unlocked(ref, draft.payload.secret, glass.ground)


def _suffices(ground: GlassGround, why: tuple[Closed, ...]) -> bool:
    return ground.of_blocked or Closed.BLOCKED not in why


def _there(draft: Draft) -> BundleRef:
    ref = draft.payload.bundle
    if ref is None:
        raise Refused("request.not_sealed", "There is no sealed bundle yet.", where=draft.number)
    if ref.purged_at is not None:
        raise Refused("bundle.purged", "The bundle's term is over; it was removed.", where=draft.number)
    return ref
