"""A new version of the policy: compared, shown, approved, and written about to those whose data it touches (NOTICE).

The letters can be killed anywhere and gone on with; nobody gets the same letter twice (:mod:`policy_letters`). When all
are written, the version is recorded as the one in force, which the next is compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, Refused
from privacy.letters import Content, Letter, Outbox, Post, composed, outbox
from privacy.plans.approval import Answers
from privacy.rights.policy_change import Change, changes, digest, touched
from privacy.rights.policy_letters import Written
from privacy.rights.policy_people import addresses, languages
from privacy.rights.policy_versions import Version, Versions, content, packed, same_version

if TYPE_CHECKING:
    from privacy.rights.house import House

ANSWERS = Answers("policy")
TEMPLATE = "policy_change"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The policy as it is now against the version in force.

    :param old: its name; None: none is recorded. :param digest: what an operator approves.
    """

    old: str | None
    new: str
    changes: list[Change]
    digest: str

    @property
    def datasets(self) -> tuple[str, ...]:
        """Those whose people are written to."""
        return touched(self.changes)


@dataclass
class Letters:
    """What became of the letters of a run.

    :param sent: by this run; :param before: by an earlier one. :param refused: that can never be sent.
    :param unclear: that were under way when a run died: a mail server may have them. A person decides about those.
    """

    sent: int = 0
    before: int = 0
    refused: int = 0
    unclear: int = 0

    def as_json(self) -> dict[str, int]:
        """For machines."""
        return {"sent": self.sent, "before": self.before, "refused": self.refused, "unclear": self.unclear}


def comparison(house: House) -> Comparison:
    """What the policy changes now.

    :raises Refused: ``policy.same_version``: it was changed, and is still called as before.
    :raises Tampered: ``policy.altered``.
    """
    last, now = Versions(house).last(), content(house.datamap)
    found = changes(last.content, now) if last is not None else []
    if last is not None and last.version == house.policy.version and packed(last.content) != packed(now):
        raise same_version(last.version)
    old = last.version if last is not None else None
    return Comparison(old, house.policy.version, found, digest(old, house.policy.version, found))


def first(house: House, actor: str) -> Version:
    """Record the first version: there is nothing to compare it with, and nobody to tell.

    :raises Refused: ``policy.not_first``: there is one; a new one is told to those whom it concerns.
    """
    last = Versions(house).last()
    if last is not None and last.version != house.policy.version:
        raise Refused(
            "policy.not_first", "There is a version in force; a new one is recorded when people were told of it.",
            where=last.version, advice="Start the DAG notify_policy_change.",
        )  # fmt: skip
    return Versions(house).record(actor)


def count(house: House, found: Comparison) -> int:
    """How many people would get a letter, counted one by one: no name is kept, a digest of each for the moment."""
    written, seen = Written(house, found.new), set[str]()
    for some in addresses(house, found.datasets):
        seen.update(written.mark(address) for address in some)
    return len(seen)


def missing(house: House, found: Comparison) -> int:
    """How many have not been written to: neither sent, nor refused for good. What a run is believed on."""
    written, left = Written(house, found.new), set[str]()
    for some in addresses(house, found.datasets):
        marks = {written.mark(address) for address in some}
        there = written.there(marks)
        left.update(mark for mark in marks if not there.get(mark))
    return len(left)


def write(
    house: House, run: str, found: Comparison, *, stop: Callable[[], bool] = lambda: False, pause: float = 0.0,
    resend: bool = False, sleep: Callable[[float], None] = time.sleep,
) -> Letters:  # fmt: skip
    """Write to everybody, from where an earlier run came to.

    :param resend: also what was under way to a mail server when a run died, which then may come twice.
    :param pause: seconds between two letters. :param stop: asked after each letter.
    :raises Refused: ``policy.not_approved``, ``policy.refused``; ``policy.stopped``. :raises Tampered:
        ``ledger.altered``. :raises RetryLater: the mail server, or a store, does not answer now.
    """
    ANSWERS.allowed(house.ledger, run, found.digest, found.new, four_eyes=house.settings.four_eyes)
    letter, place = _letter(house, found), _place(house)
    again = resend or isinstance(place, Outbox)
    if isinstance(place, Post):
        place.greet()  # Before anything is claimed: a server that is not there has taken nothing.
    written, made = Written(house, found.new), Letters()
    for some in addresses(house, found.datasets):
        by_mark = {written.mark(address): address for address in some}
        there = written.there(by_mark)
        made.before += sum(there.values())
        spoken = languages(house, some)
        for mark, address in sorted(by_mark.items()):
            if there.get(mark) or (mark in there and not again):
                continue
            written.claim(mark)
            _send(written, place, letter(mark, address, spoken.get(address)), mark, made)
            if stop():
                raise Refused(
                    "policy.stopped", "It was asked to stop; the rest is written to by the next run.", where=found.new
                )
            if pause:
                sleep(pause)
    made.unclear = written.counts()["unclear"]
    return made


def _send(written: Written, place: Outbox | Post, letter: Letter, mark: str, made: Letters) -> None:
    try:
        place.send(letter)
    except (BadInput, GiveUp) as problem:
        # An address that is none, or that the server will never take: nobody waits for it.
        written.refused(mark, problem.code)
        made.refused += 1
        return
    except BadConfiguration as problem:
        if problem.code != "letters.address":
            written.unclaim(mark)
            raise
        written.refused(mark, problem.code)
        made.refused += 1
        return
    except PrivacyError as problem:
        if problem.code == "letters.later" or isinstance(place, Outbox):
            written.unclaim(mark)  # It has said that it did not take it.
        raise
    written.sent(mark)
    made.sent += 1


def _place(house: House) -> Outbox | Post:
    return outbox(house.connections, house.settings.state, house.policy.contact)


def _letter(house: House, found: Comparison) -> Callable[[str, str, str | None], Letter]:
    """The one letter that all get, each in their language, or the policy's where nobody knows it, under an id of its
    own that says nothing of them.
    """
    policy, now = house.policy, house.clock.now()
    values = {
        "policy": policy, "version": found.new, "in_force": policy.in_force,
        "changes": [change.words for change in found.changes],
        "titles": [house.datamap[name].dataset.title for name in found.datasets],
    }  # fmt: skip

    @cache
    def said(language: str) -> Content:
        return composed(house.settings.home, TEMPLATE, language, values, links=(policy.contact.authority_url,))

    said(policy.language)  # One that cannot be written is noticed before anybody is written to.

    def letter(mark: str, to: str, language: str | None) -> Letter:
        own = said(language or policy.language)
        return Letter(f"policy-change-{mark[:32]}", to, own.subject, own.text, now, html=own.html)

    return letter
