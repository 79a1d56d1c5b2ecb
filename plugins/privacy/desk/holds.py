"""Holds for pages: what is held now, how long footage has until its wipe, and a hold as a form asks for one.

No identifier is shown: how many, and since when; cameras and hours name nobody. A ground is shown where it is one of
the list (:data:`privacy.rights.holding.GROUNDS`); what somebody wrote besides may be personal, and stays sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from privacy.desk.fields import Fields
from privacy.desk.typed import titles
from privacy.errors import BadInput, PrivacyError
from privacy.holds import Everything, Hold, HoldKind, Keys
from privacy.holds.listing import listed
from privacy.rights import holding, recordings
from privacy.rights.house import House
from privacy.rights.naming import identifier
from privacy.rights.order_rows import Line, Order
from privacy.rights.orders import Orders
from privacy.sources.base import Subject

WAYS = {
    "camera": "What a camera recorded",
    "person": "A person's records",
    "record": "Single records",
    "dataset": "All records of a dataset",
}
"""What a hold can be on, by the name in a page's address."""

KINDS = (HoldKind.SUSPENSION, HoldKind.RESTRICTION, HoldKind.OBJECTION)
"""Those that a person places."""

TWICE = timedelta(minutes=1)
"""Within this the very same hold, of the same person, is one form that was sent twice."""

_PLACING = threading.Lock()

GONE_SOON = timedelta(hours=12)
"""Footage that nobody has confirmed is red from so long before its wipe."""


@dataclass(frozen=True, slots=True)
class Footage:
    """An order to keep footage. :param line: what of it. :param left: until the wipe; None: that is over.

    :param late: it was confirmed after the wipe, or not at all by then.
    """

    order: Order
    line: Line
    left: timedelta | None
    late: bool

    @classmethod
    def at(cls, order: Order, line: Line, now: datetime) -> Self:
        """As it stands at a moment (aware)."""
        left = line.wiped_at - now
        late = (order.confirmed_at or now) >= line.wiped_at
        return cls(order, line, left if left > timedelta(0) else None, late)

    @property
    def words(self) -> str:
        """The countdown in words, to the minute."""
        if self.left is None:
            return "past the wipe"
        minutes = int(self.left.total_seconds() // 60)
        return f"{minutes // 60} h {minutes % 60:02d} min until the wipe"

    @property
    def urgent(self) -> str:
        """How urgent, as tags are called."""
        if self.order.confirmed_at is not None:
            return "amber" if self.late else "green"
        return "red" if self.left is None or self.left < GONE_SOON else "amber"


@dataclass(frozen=True, slots=True)
class Shown:
    """A hold on a page. :param what: in words, no identifier. :param ground: empty: it is not of the list.

    :param unsent: processors who have the footage and were not told to keep it.
    :param unknown: who has it could not be looked up: the code of why.
    """

    hold: Hold
    what: str
    ground: str
    footage: tuple[Footage, ...]
    unsent: tuple[str, ...]
    unknown: str = ""

    @property
    def waits(self) -> bool:
        """Whether anybody still has to confirm that footage is kept."""
        return bool(self.unsent) or any(one.order.state == "sent" for one in self.footage)


def shown(house: House, hold: Hold, now: datetime) -> Shown:
    """A hold for a page. :param now: aware."""
    orders, unsent, unknown = Orders(house), list[str](), ""
    sent = orders.all(hold.id) if isinstance(hold.what, Keys | Everything) or hold.released_at else []
    if hold.released_at is None:
        try:
            unsent = [name for name in orders.holders(hold) if name not in {order.processor for order in sent}]
        except PrivacyError as problem:
            # Only the data map knows what is footage; one that is half filled in hides no hold.
            unknown = problem.code
    lines = tuple(Footage.at(order, line, now) for order in sent for line in order.lines)
    return Shown(hold, what(hold), ground(hold), lines, tuple(unsent), unknown)


def what(hold: Hold) -> str:
    """What a hold is on, in words that name nobody."""
    if hold.what is None:
        return "forgotten"
    if isinstance(hold.what, Everything):
        return "all records"
    if isinstance(hold.what, Keys):
        count = len(hold.what.keys)
        return f"{_counted(count, 'recording')}, as known now" if hold.what.span else _counted(count, "record")
    return f"people, by {_counted(len(hold.what), 'set')} of identifiers"


def ground(hold: Hold) -> str:
    """The ground, where it is one of the list; empty: somebody wrote it in words."""
    listed = (words for code, words in holding.GROUNDS.items() if code != "other")
    return next((words for words in listed if hold.ground.partition(": ")[0] == words.partition(": ")[0]), "")


@dataclass(frozen=True, slots=True)
class Wish:
    """A hold that somebody asks for. :param names: of its datasets; None: all. :param whole: the shop was asked."""

    kind: HoldKind
    what: list[Subject] | Keys | Everything
    names: list[str] | None
    ground: str
    tell: bool
    whole: bool


def scope(house: House, way: str, form: Fields) -> list[str] | None:
    """The datasets that a form is about, before anything is looked up: full names; None: all.

    :raises BadInput: ``hold.dataset``.
    """
    if way == "camera":
        return [ref.full for ref in recordings.footage(house.datamap)]
    names, known = form.many("dataset"), [ref.full for ref in house.datamap]
    if unknown := [name for name in names if name not in known]:
        raise BadInput("hold.dataset", f"There are {len(unknown)} datasets that the data map does not have.")
    return names or None


def wish(house: House, way: str, form: Fields) -> Wish:
    """What a form asks for.

    :raises BadInput: with what is missing or wrong; nothing that was typed is repeated (see :func:`field_of`).
    """
    names, whole = scope(house, way, form), True
    about: list[Subject] | Keys | Everything
    if way == "camera":
        span = holding.span(form.one("camera"), form.one("begins"), form.one("ends"), house.policy.zone)
        if span.ends < span.begins:
            raise BadInput("hold.span", "The hours end before they begin.", advice="Exchange the two.")
        about, names = holding.footage(house, span)
    elif way == "person":
        if not form.one("value"):
            raise BadInput("hold.empty", "Nothing says whose records.", advice="Give a number or an address.")
        about, whole = holding.people(house, [identifier(house.datamap, form.one("kind"), form.one("value"))])
    elif way == "record":
        typed = [line.strip() for line in form.one("key").splitlines() if line.strip()]
        if names is None or len(names) != 1:
            raise BadInput("hold.datasets", "A hold on records is on one dataset.", advice="Choose it.")
        if not typed:
            raise BadInput("hold.key", "Nothing says which records.", advice="Give the number of each.")
        about = holding.keys(house, names[0], typed)
    else:
        if not names:
            raise BadInput("hold.datasets", "A hold on all records names its datasets.", advice="Choose them.")
        about = Everything()
    return Wish(_kind(form), about, names, _ground(form), _tell(form), whole)


def field_of(problem: BadInput) -> str:
    """The field of the form that an error is about; empty: of none."""
    fields = {
        "hold.camera": "camera", "hold.span": "ends", "named.moment": "begins", "named.identifier": "kind",
        "hold.key": "key", "hold.dataset": "dataset", "hold.datasets": "dataset", "hold.ground": "ground",
        "hold.tell": "tell", "hold.kind": "hold_kind", "hold.empty": "value",
    }  # fmt: skip
    return fields.get(problem.code, "value" if problem.code.startswith("identity.") else "")


def counted(secret: str, user: str, form: Fields) -> str:
    """What proves that somebody has seen the count of this very hold: it is placed as it was counted, or not."""
    said = [[name, value] for name, value in form.given if name not in ("token", "counted", "deed")]
    return hmac.new(secret.encode(), json.dumps(["hold", user, said]).encode(), hashlib.sha256).hexdigest()


def placed(house: House, wanted: Wish, author: str) -> tuple[str, str]:
    """Place a hold, and order its footage to be kept. Waits for the batches that are running.

    A form that is sent twice places one: of two that look the same somebody releases one, and believes it is over.

    :returns: its id, and the code of what went wrong with the orders; the hold stands all the same.
    :raises BadInput, RetryLater: it was not placed.
    """
    with _PLACING:
        if there := _same(house, wanted, author):
            return there, ""
        id = house.holds.place(
            wanted.kind, wanted.what, wanted.names, ground=wanted.ground, author=author, tell=wanted.tell
        )
    try:
        Orders(house).send(id, author)
    except PrivacyError as problem:
        return id, problem.code
    return id, ""


def _same(house: House, wanted: Wish, author: str) -> str:
    """The id of the very hold, placed by the same person a moment ago; empty: there is none."""
    names = None if wanted.names is None else tuple(wanted.names)
    said = (wanted.kind, _about(wanted.what), names, wanted.ground, wanted.tell, author)
    since = house.clock.now() - TWICE
    for one in listed(house.engine, house.key).holds:
        if one.placed_at >= since and said == (
            one.kind, _about(one.what), one.datasets, one.ground, one.tell, one.author,
        ):  # fmt: skip
            return one.id
    return ""


def _about(what: Sequence[Subject] | Keys | Everything | None) -> object:
    """Whom or what, to be compared: a hold that was placed says no more of an identifier than what it is."""
    if what is None or isinstance(what, Keys | Everything):
        return what
    return {frozenset((i.kind, i.value) for i in subject.identifiers) for subject in what}


def datasets(house: House, way: str) -> list[tuple[str, str]]:
    """The datasets that a form offers: (full name, title); of single records those first whose key has a name."""
    refs = [ref for ref in house.datamap if way != "person" or ref.dataset.people]
    if way == "record":
        refs = sorted(refs, key=lambda ref: not any(ref.dataset.columns[key].identity for key in ref.dataset.key))
    return [(ref.full, ref.dataset.title.en) for ref in refs]


def kinds(house: House) -> list[tuple[str, str]]:
    """What a person may be named by: (kind, in words)."""
    return list(titles(house.datamap).items())


def _kind(form: Fields) -> HoldKind:
    if form.one("hold_kind") not in [kind.value for kind in KINDS]:
        raise BadInput("hold.kind", "Nothing says what kind of hold it is.", advice="Choose one.")
    return HoldKind(form.one("hold_kind"))


def _ground(form: Fields) -> str:
    code, note = form.one("ground"), form.one("note")
    if code not in holding.GROUNDS:
        raise BadInput("hold.ground", "Nothing says why the records must stay.", advice="Choose a ground.")
    if code == "other":
        if not note:
            raise BadInput("hold.ground", "Another ground is said in words.", advice="Write it below.")
        return note
    return holding.GROUNDS[code] + (f": {note}" if note else "")


def _tell(form: Fields) -> bool:
    if form.one("tell") not in ("yes", "no"):
        raise BadInput("hold.tell", "Nothing says whether the person may be told.", advice="Choose yes or no.")
    return form.one("tell") == "yes"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
