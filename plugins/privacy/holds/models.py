"""What a hold says, and how that is written under its seal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from privacy.errors import AskPerson, BadInput
from privacy.sources.base import Identifier, Of, Subject

_NUMBER = re.compile(r"0|-?[1-9][0-9]*")


class HoldKind(StrEnum):
    """Why records must stay, in order of precedence; every one of them goes before an erasure and a purge.

    Statutory retention, which comes second in the whole order, is a matter of plans: it is no hold.
    """

    SUSPENSION = "suspension"
    """A deletion suspension (legal hold): an authority, a claim (art. 17(3)(e) GDPR)."""
    RESTRICTION = "restriction"
    """The subject asked that nothing be done with the data (art. 18 GDPR; promise R-RESTR)."""
    OBJECTION = "objection"
    """An objection that is not decided yet (art. 21 GDPR; promise R-OBJ)."""
    REQUEST = "request"
    """Somebody has just asked for these records."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one camera saw for a while, as a police request names it.

    :param begins, ends: aware, UTC; both included.
    """

    camera: str
    begins: datetime
    ends: datetime

    def meets(self, camera: str, begins: datetime, ends: datetime) -> bool:
        """Whether a recording has anything of it."""
        return camera == self.camera and begins <= self.ends and self.begins <= ends


@dataclass(frozen=True, slots=True)
class Keys:
    """Single records of one dataset, by key: one invoice, and not the profile that goes with it (edge case 15).

    :param keys: each in the dataset's order of key columns; a file is its object's key.
    :param span: what the keys were looked up for: recordings that become known later belong to the hold too (see
        ``privacy.rights.footage.follow``). With it there may be no key yet, and several datasets: files of one store.
    """

    keys: tuple[tuple[object, ...], ...] = field(repr=False)
    span: Span | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """All records of the datasets that the hold names, whoever they are about."""


What = Subject | Sequence[Subject] | Keys | Everything


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands.

    :param datasets: full names (``shop.orders``); None: all.
    :param what: whose records, or which; None once it is released: a hold that is over names nobody.
    :param ground: why, in words; may be personal, hence sealed too; empty once it is released.
    :param author: who placed it; no address.
    :param placed_at, released_at: UTC; ``released_at`` is None as long as it holds.
    :param request: the number of the request that it belongs to.
    :param tell: whether the subject may be told of it; None: nobody said, or it is over.
    """

    id: str
    kind: HoldKind
    datasets: tuple[str, ...] | None
    what: tuple[Subject, ...] | Keys | Everything | None = field(repr=False)
    ground: str = field(repr=False)
    author: str
    placed_at: datetime
    released_at: datetime | None
    request: str | None
    tell: bool | None = None

    def covers(self, dataset: str) -> bool:
        """Whether it holds records of this dataset (full name)."""
        return self.datasets is None or dataset in self.datasets


def checked(what: What, datasets: Sequence[str] | None) -> tuple[Subject, ...] | Keys | Everything:
    """What a hold may be about, which has to pick something: a hold of nothing looks like one and protects nobody.

    :raises BadInput: ``hold.empty``, ``hold.datasets``.
    """
    if isinstance(what, Subject):
        what = (what,)
    if datasets is not None and not datasets:
        raise BadInput("hold.datasets", "The hold names no dataset.", advice="Name some, or leave them out for all.")
    if isinstance(what, Keys) and (datasets is None or (len(datasets) != 1 and what.span is None)):
        raise BadInput("hold.datasets", "A hold on keys is on one dataset.", advice="Name the dataset.")
    if isinstance(what, Everything):
        if datasets is None:
            raise BadInput("hold.datasets", "A hold on everything names its datasets.", advice="Name them.")
        return what
    if isinstance(what, Keys):
        if (not what.keys and what.span is None) or not all(what.keys):
            raise BadInput("hold.empty", "The hold names no key.")
        if what.span is not None and what.span.ends < what.span.begins:
            raise BadInput("hold.span", "The span of a hold ends before it begins.", advice="Exchange the two.")
        return what
    # Every subject has to have something to be found by, or their records would go while the hold stands there.
    if not what or not all(any(not i.contested for i in subject.identifiers) for subject in what):
        raise BadInput(
            "hold.empty", "The hold has a subject without an identifier of their own.", advice="Name one for each."
        )
    return tuple(what)


def checked_keys(what: Keys, dataset: str, types: Sequence[str] | None) -> None:
    """Whether keys can be those of a dataset's records: one that no record can have holds nothing.

    :param types: of the dataset's key, part by part; None: not known, and the keys are held against each other alone.
    :raises BadInput: ``hold.key``; no key is quoted.
    """
    if not what.keys:
        return
    parts = len(types if types is not None else what.keys[0])
    for key in what.keys:
        if len(key) != parts:
            raise BadInput("hold.key", f"A key of this dataset has {parts} parts.", where=dataset)
        for part, type_ in zip(key, types or [""] * parts, strict=True):
            whole = isinstance(part, int) and not isinstance(part, bool)
            if type_ == "integer" and not whole and not (isinstance(part, str) and _NUMBER.fullmatch(part)):
                raise BadInput(
                    "hold.key", "A part of the key is a whole number.", where=dataset, advice="Write it like 11."
                )
            if not whole and not (isinstance(part, str) and part):
                raise BadInput("hold.key", "A part of a key is a text or a whole number.", where=dataset)


def still_there(holds: Iterable[Hold], datasets: Collection[str]) -> None:
    """Whether all that is held is in the data map: a hold on a dataset that was renamed would hold nothing, unseen.

    :raises AskPerson: ``hold.dataset_gone``.
    """
    for hold in holds:
        if gone := [name for name in hold.datasets or () if name not in datasets]:
            raise AskPerson(
                "hold.dataset_gone",
                f"A hold is on {', '.join(gone)}, which the data map does not have; nothing was changed.",
                where=hold.id,
                advice="Place it again on what the dataset is called now, then release this one.",
            )


def packed(what: tuple[Subject, ...] | Keys | Everything, ground: str, tell: bool | None = None) -> bytes:
    """The content of a hold's seal.

    :raises BadInput: ``hold.content``: an identifier or key that cannot be written.
    """
    if isinstance(what, Everything):
        said: dict[str, object] = {"everything": True}
    elif isinstance(what, Keys):
        said = {"keys": [plain(key) for key in what.keys]}
        if what.span is not None:
            said["span"] = [what.span.camera, what.span.begins, what.span.ends]
    else:
        said = {"subjects": [[written(i) for i in subject.identifiers] for subject in what]}
    try:
        return orjson.dumps({"ground": ground, **said} | ({} if tell is None else {"tell": tell}))
    except TypeError:  # half a character, a number beyond 64 bits; its text may quote it
        raise BadInput("hold.content", "What the hold is about cannot be written down.") from None


def unpacked(content: bytes) -> tuple[tuple[Subject, ...] | Keys | Everything, str, bool | None]:
    """The other way round: what, the ground, whether the subject may be told."""
    said: dict[str, Any] = orjson.loads(content)
    return _what(said), said["ground"], said.get("tell")


def _what(said: dict[str, Any]) -> tuple[Subject, ...] | Keys | Everything:
    if "everything" in said:
        return Everything()
    if "keys" in said:
        span = None
        if "span" in said:
            camera, begins, ends = said["span"]
            span = Span(camera, datetime.fromisoformat(begins), datetime.fromisoformat(ends))
        return Keys(tuple(tuple(key) for key in said["keys"]), span)
    subjects = (
        Subject(no, tuple(identifier_of(i) for i in identifiers))
        for no, identifiers in enumerate(said["subjects"], start=1)
    )
    return tuple(subjects)


def plain(key: Iterable[object]) -> tuple[str, ...]:
    """A key as texts, so that ``5`` typed by a person and 5 read from a table are the same record."""
    return tuple(str(part) for part in key)


def merged(subjects: Iterable[Subject]) -> tuple[Of, ...]:
    """One pick of all of them, numbered anew: the source passes over its records once; none of none."""
    apart = list(dict.fromkeys(subject.identifiers for subject in subjects))
    return (Of(tuple(Subject(no, found) for no, found in enumerate(apart, start=1))),) if apart else ()


def written(identifier: Identifier) -> dict[str, object]:
    """An identifier as JSON can have it, for what is sealed."""
    whole = {
        "kind": identifier.kind,
        "value": identifier.value,
        "valid_from": identifier.valid_from,
        "valid_to": identifier.valid_to,
        "origin": identifier.origin,
        "agent": identifier.agent,
        "contested": identifier.contested,
    }
    return {name: value for name, value in whole.items() if value is not None}


def identifier_of(said: dict[str, Any]) -> Identifier:
    """The other way round."""
    for name in ("valid_from", "valid_to"):
        if name in said:
            said[name] = datetime.fromisoformat(said[name])
    return Identifier(**said)
