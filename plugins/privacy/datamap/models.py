"""The data map: what is held, on whom, why, by whom, until when. One YAML file a system, one block a dataset.

Frozen, strict models: a key that is not known, a name that does not exist, a type that cannot be, is an error that
says what to write instead (``privacy.datamap.load`` adds file, dataset and key). Terms are not here: a dataset names
the promise whose term holds; the policy (``privacy.datamap.policy``) has the term.
"""

from __future__ import annotations

import builtins
import re
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
import pyarrow as pa
from fideslang.default_taxonomy import DEFAULT_TAXONOMY
from pydantic import Field, field_validator, model_validator

from privacy.datamap.facts import Rectification
from privacy.datamap.footage import Footage
from privacy.datamap.stores import Layout, Strict
from privacy.datamap.types import arrow_type

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
FullName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
"""``system.dataset``."""
Sentence = Annotated[str, Field(min_length=1)]

CATEGORIES = frozenset(c.fides_key for c in DEFAULT_TAXONOMY.data_category)
"""The data categories that may be named: those of fideslang's taxonomy, and own ones below its leaves."""

GLOBAL_KINDS = ("email", "phone", "device_id", "ip")
"""Identity kinds that mean the same in every system; all others carry their system: ``shop.customer_id``."""

REQUEST = "request"
"""The kind of a request's own number: what a processor delivers for a request is named by it, and by nothing else."""


def is_category(key: str) -> bool:
    """Whether a data category may be named: one of the taxonomy, or one of the shop's own right below a leaf of it.

    A statement may be finer than the taxonomy ("wedding date", "engagement date"). Below a category that has parts an
    unknown one is a typing mistake, so that is refused.
    """
    parent, _, _ = key.rpartition(".")
    return key in CATEGORIES or (parent in CATEGORIES and not any(c.startswith(parent + ".") for c in CATEGORIES))


def known_zone(value: str) -> str:
    """The name of a time zone. :raises ValueError: it is none."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write UTC or a name like Europe/Amsterdam") from None
    return value


class Text(Strict):
    """A text in the languages of the statement and of the operators."""

    nl: Sentence
    en: Sentence


class Provenance(StrEnum):
    """Where a value came from; portability in the narrow sense gives provided and observed (WP 242)."""

    PROVIDED = "provided"
    OBSERVED = "observed"
    DERIVED = "derived"


class Form(StrEnum):
    """How a store writes a datetime."""

    ISO = "iso"
    EPOCH = "epoch"
    EPOCH_MS = "epoch_ms"
    EPOCH_US = "epoch_us"
    NATIVE = "native"


class Access(Strict):
    """What a copy for the subject does with a dataset or column. ``give`` is written by leaving this out.

    :param do: ``redact`` (a column) or ``withhold`` (a dataset).
    :param ground: the legal ground, told to the subject.
    """

    do: Literal["redact", "withhold"]
    ground: Text


class Said(Strict):
    """Of a column that holds what several people said, how it is told who said what.

    :param by: the member of each of its elements that names who said it; :param text: the one that has what was said.
    :param names: the columns that have the parties' names, spelled as in ``by``: of each party its own.
    """

    by: str
    text: str
    names: tuple[Name, ...] = Field(min_length=1)


class Column(Strict):
    """One column of a dataset.

    :param description: what it is, for the person; one plain text stands for both languages.
    :param identity: the identity kind that stands in it, e.g. ``shop.customer_id`` or ``email``.
    :param zone: IANA zone of a datetime; ``form``: how the store writes it.
    :param original: this column is the record as the store has it (a raw log line): delivered beside the tables.
    :param path: for ``records``: where in a record its value stands, in JMESPath; left out: under its own name.
    :param said: for ``records``: it holds what several people said; of whom which, members of its elements tell.
    :param optional: for ``records``: a whole file of JSON may be without this subject column, as on a day on which
        nobody signed in. Otherwise that is an error where a later column would decide: it may have been renamed.
    """

    type: str
    description: Text
    category: str
    provenance: Provenance
    identity: str | None = None
    zone: str | None = None
    form: Form = Form.ISO
    access: Access | None = None
    original: bool = False
    path: str | None = None
    optional: bool = False
    said: Said | None = None

    @field_validator("description", mode="before")
    @classmethod
    def _both_languages(cls, value: object) -> object:
        return {"nl": value, "en": value} if isinstance(value, str) else value

    @field_validator("category")
    @classmethod
    def _known_category(cls, value: str) -> str:
        if not is_category(value):
            raise ValueError(f"{value!r} is no data category of fideslang's taxonomy{did_you_mean(value, CATEGORIES)}")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return None if value is None else known_zone(value)

    @field_validator("path")
    @classmethod
    def _jmespath(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                jmespath.compile(value)
            except jmespath.exceptions.JMESPathError:
                raise ValueError(f"{value!r} is no JMESPath; write one like visitor.customer (jmespath.org)") from None
        return value

    @model_validator(mode="after")
    def _type(self) -> Self:
        arrow_type(self.type, self.zone)
        if self.original and self.type != "binary":
            raise ValueError("an original column has type binary: the record's own bytes")
        return self

    @property
    def arrow(self) -> pa.DataType:
        """Its exact Arrow type."""
        return arrow_type(self.type, self.zone)


class Party(Strict):
    """One of the people a row can be about.

    :param subject: identity columns in order of precedence: the first that is filled in says whose the row is.
    :param private: columns that another party of the row does not get to see.
    :param wrote: columns that others get to see, and that are theirs all the same: what they wrote themselves. An
        erasure takes them along where it sets a party's own values (``erasure: {shared: ...}``).
    """

    subject: tuple[Name, ...] = Field(min_length=1)
    private: tuple[Name, ...] = ()
    wrote: tuple[Name, ...] = ()


class Nobody(Strict):
    """A dataset that names nobody, and why; the report tells it. One plain text stands for both languages."""

    nobody: Text

    @field_validator("nobody", mode="before")
    @classmethod
    def _both_languages(cls, value: object) -> object:
        return {"nl": value, "en": value} if isinstance(value, str) else value


class Starts(Strict):
    """Where a record's term counts from; NULL in it means: not started.

    :param column: a date or datetime column.
    :param kind: the text column that says of which kind a record is, where its term's kinds have terms of their own.
    :param decided_within: its term begins with a decision of staff (a rejection), which comes so long after the
        dataset's ``time`` at the most (``P8W``): one that waits longer is told of, as nothing else ends it.
    """

    column: Name
    kind: Name | None = None
    decided_within: Annotated[str, Field(pattern=r"^P[1-9]\d{0,3}[MWD]$")] | None = None


class Decided(Strict):
    """A choice that the statement does not give: who made it, when, and why. Shown amber until the statement does."""

    by: Sentence
    on: date
    why: Sentence


class Unfinished(Strict):
    """Which of a dataset's records are not finished yet: an open order, a return under way, a dispute (edge case 30).

    :param column: a text column that says why a record is unfinished; NULL: it is finished.
    :param grounds: its values, and for each the legal ground on which what is needed for it is kept meanwhile.
    :param since: a date or datetime column; :param lapses: of some of the reasons, so long after it (``P6M``) nobody
        will finish such a thing any more, and it keeps nothing.
    """

    column: Name
    grounds: dict[Name, Text] = Field(min_length=1)
    since: Name | None = None
    lapses: dict[Name, Annotated[str, Field(pattern=r"^P[1-9]\d{0,3}[YMD]$")]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _lapsing(self) -> Self:
        if bool(self.lapses) != (self.since is not None):
            raise ValueError("`lapses` says after how long, `since` from which column; both, or neither")
        if unknown := sorted(self.lapses.keys() - self.grounds.keys()):
            raise ValueError(f"lapses: {', '.join(unknown)} has no ground{did_you_mean(unknown[0], self.grounds)}")
        return self


Values = dict[Name, str | int | bool | None]
"""Column -> what an erasure puts there: a constant, ``null``, or ``unique`` (a token of its own in every record)."""


class Erasure(Strict):
    """What an erasure does with a subject's records (art. 17 GDPR).

    :param do: ``delete``; ``set`` (columns to ``null``, ``unique`` or a constant); ``retain`` until a condition.
    :param set: the columns; of a dataset that is retained: those that are needed for nothing.
    :param until, ground: of what is retained: until when, and on what legal ground.
    :param shared: instead of deleting, what is set in a record that another person, no member of staff, is in too: the
        subject's values of these columns go, the other's stay.
    :param referenced: instead of deleting, what is set in a row that a record which is retained refers to.
    :param wait_for: datasets of the same system: as long as the subject has an unfinished record in one of them, theirs
        here are retained on its ground (``unfinished``), and go when the last of those is finished.
    """

    do: Literal["delete", "set", "retain"]
    set: Values | None = None
    until: Text | None = None
    ground: Text | None = None
    shared: Values | None = None
    referenced: Values | None = None
    wait_for: tuple[Name, ...] = ()

    @field_validator("until", mode="before")
    @classmethod
    def _both_languages(cls, value: object) -> object:
        return {"nl": value, "en": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.do == "set" and self.set is None:
            raise ValueError("`set` lists columns when `do: set`")
        if self.do == "delete" and self.set is not None:
            raise ValueError("`set` lists columns when `do: set`, or those that a `do: retain` needs for nothing")
        if self.do == "retain" and (self.until is None or self.ground is None):
            raise ValueError("`do: retain` says until when (`until`) and on what legal ground (`ground`)")
        if self.do != "delete" and (self.shared is not None or self.referenced is not None):
            raise ValueError("`shared` and `referenced` say what is done where `do: delete` cannot be")
        if self.do == "retain" and self.wait_for:
            raise ValueError("what is retained waits for nothing (`wait_for`)")
        return self

    @property
    def why(self) -> str:
        """Until when and on what ground it is retained, in English; empty: it is not."""
        return f"{self.until.en}; ground: {self.ground.en}" if self.until and self.ground else ""

    @property
    def columns(self) -> builtins.set[str]:
        """Every column that it may set."""
        return {name for values in (self.set, self.shared, self.referenced) for name in values or ()}


class Transfer(Strict):
    """What moves into another dataset's record of the same person before a record goes (promise APP-HIRED).

    :param when: the date or datetime column that the record's term counts from where this is so (``hired_at``); a term
        that counts from another moment moves nothing.
    :param of: the dataset that has the fields; left out: the record's own.
    :param to: the dataset that they move to; a record of it has to be there.
    :param by: the identity kind by which the records of the three are one person's.
    :param fields: column of ``of`` -> column of ``to``, which gets the value where it has none.
    :param agree: those of ``fields`` that never differ for one person (a date of birth): where they do, a number was
        mistyped, and nothing moves.
    """

    when: Name
    of: FullName | None = None
    to: FullName
    by: str
    fields: dict[Name, Name] = Field(min_length=1)
    agree: tuple[Name, ...] = ()


class Strays(Strict):
    """Messages of the people whose records a dataset follows that lie in other folders of the same mailbox.

    Nothing deletes them for it: they are counted, and told to a person who files them.

    :param of: the dataset whose records say when somebody wrote: their applications.
    :param by: the identity kind by which those records are one person's with the followed dataset's.
    :param since, until: datetime columns of ``of`` between which a message may belong here; of several in ``until``
        the last that is filled in, and a record with none of them is passed over.
    :param ahead: how long before ``since`` already, in days.
    """

    of: FullName
    by: str
    since: Name
    until: tuple[Name, ...] = Field(min_length=1)
    ahead: Annotated[str, Field(pattern=r"^P\d{1,4}D$")] = "P0D"


class Dataset(Layout):
    """One kind of record in one system. Where its store has it: see :class:`privacy.datamap.stores.Layout`.

    :param key: the columns that tell records apart.
    :param subject: identity columns of the one party a row is about; or ``parties`` where there are more; or
        ``subject: {nobody: why}``.
    :param time: the column that says when the record came to be, for identifiers that were a person's for a while.
    :param starts: what its term counts from.
    :param follows: instead of ``starts``: the full name of the dataset whose records these belong to, by an identity
        kind that both have (the files of an application): they go when those are past their term, right before them.
    :param transfer: what moves to another dataset before a record goes; :param strays: where else its messages may lie.
    :param promise: the promise in the policy whose term holds.
    :param term_kind: of which of the term's ``kinds`` all its records are.
    :param rectification: which facts its columns say, now or once, and what a correction does (promise R-RECT).
    :param unfinished: which of its records keep others from being erased for now (``erasure: {wait_for: ...}``).
    :param withdrawn: its records are consents: the datetime column that says when one was withdrawn.
    :param footage: its records are of recordings of cameras, which a processor holds.
    :param examples: two subjects that have records here, for the standard suite: values by identity kind.
    """

    title: Text
    description: Text
    columns: dict[Name, Column] = Field(min_length=1)
    key: tuple[Name, ...] = Field(min_length=1)
    subject: tuple[Name, ...] | Nobody | None = None
    parties: dict[Name, Party] = Field(default_factory=dict)
    time: Name | None = None
    starts: Starts | None = None
    follows: FullName | None = None
    transfer: Transfer | None = None
    strays: Strays | None = None
    term_kind: Name | None = None
    purposes: tuple[Name, ...] = Field(min_length=1)
    processors: tuple[Name, ...] = ()
    source: Text
    promise: str
    erasure: Erasure
    rectification: Rectification | None = None
    unfinished: Unfinished | None = None
    access: Access | None = None
    owner: Sentence
    consent: Name | None = None
    withdrawn: Name | None = None
    footage: Footage | None = None
    examples: tuple[dict[str, str | int], ...] = ()

    @model_validator(mode="after")
    def _names(self) -> Self:
        people = list(self.parties.values())
        if (self.subject is None) == (not people):
            raise ValueError(
                "say whose its records are: `subject: [column, ...]`, or `parties:`, or `subject: {nobody: why}`"
            )
        for party in self.people.values():
            for name in party.subject:
                self._must_have(name, "subject")
                if self.columns[name].identity is None:
                    raise ValueError(f"column {name!r} identifies a subject: give it `identity:` (its identity kind)")
            for name in (*party.private, *party.wrote):
                self._must_have(name, "private" if name in party.private else "wrote")
        for name in self.key:
            self._must_have(name, "key")
        for what, moment in (("starts", self.starts.column if self.starts else None), ("time", self.time)):
            if moment is not None:
                self._must_have(moment, what)
                if self.columns[moment].type not in ("date", "datetime"):
                    raise ValueError(f"{what}: column {moment!r} is no date or datetime")
        if self.starts is not None and self.starts.kind is not None:
            self._must_have(self.starts.kind, "starts.kind")
            if self.columns[self.starts.kind].type != "text":
                raise ValueError(f"starts.kind: column {self.starts.kind!r} is no text")
            if self.term_kind is not None:
                raise ValueError("its records are of one kind (`term_kind`), or a column says which; not both")
        if self.starts is not None and self.starts.decided_within is not None and self.time is None:
            raise ValueError("starts.decided_within counts from the dataset's `time`: say which column that is")
        if self.follows is not None and self.starts is not None:
            raise ValueError("its term counts from a column (`starts`), or it follows another dataset; not both")
        for name in sorted(self.erasure.columns):
            self._must_have(name, "erasure.set")
        for name, word in self.rectification.columns.items() if self.rectification else ():
            self._must_have(name, f"rectification.{word}")
        for column in self.columns.values():
            for name in column.said.names if column.said else ():
                self._must_have(name, "said.names")
        if self.unfinished is not None:
            self._must_have(self.unfinished.column, "unfinished")
            if self.columns[self.unfinished.column].type != "text":
                raise ValueError(f"unfinished: column {self.unfinished.column!r} is no text")
            if (since := self.unfinished.since) is not None:
                self._must_have(since, "unfinished.since")
                if self.columns[since].type not in ("date", "datetime"):
                    raise ValueError(f"unfinished.since: column {since!r} is no date or datetime")
        if self.withdrawn is not None:
            self._must_have(self.withdrawn, "withdrawn")
            if self.columns[self.withdrawn].type != "datetime":
                raise ValueError(f"withdrawn: column {self.withdrawn!r} is no datetime")
        for word, name in self.footage.columns() if self.footage else ():
            self._must_have(name, f"footage.{word}")
            if self.columns[name].type != ("text" if word == "camera" else "datetime"):
                raise ValueError(f"footage.{word}: column {name!r} has another type")
        for what, named in (("originals", self.originals), ("latest", self.records.latest if self.records else None)):
            if named is not None:
                self._must_have(named, what)
        if self.access is not None and self.access.do != "withhold":
            raise ValueError("access of a whole dataset is `do: withhold`; redact single columns")
        for name, column in self.columns.items():
            if column.access is not None and column.access.do != "redact":
                raise ValueError(f"access of column {name!r} is `do: redact`")
        if not isinstance(self.subject, Nobody) and len(self.examples) < 2:
            raise ValueError("name two subjects that have records here (`examples:`), for the standard suite")
        return self

    def _must_have(self, name: str, what: str) -> None:
        if name not in self.columns:
            raise ValueError(f"{what}: there is no column {name!r}{did_you_mean(name, self.columns)}")

    @cached_property
    def people(self) -> dict[str, Party]:
        """The parties by name; a plain ``subject:`` is one party called ``subject``; empty: names nobody."""
        if isinstance(self.subject, tuple):
            return {"subject": Party(subject=self.subject)}
        return dict(self.parties)

    @property
    def may_be_shared(self) -> bool:
        """Whether somebody else may be in one of its records: it has several parties, or is judged."""
        return len(self.people) > 1 or self.judged

    @property
    def kinds(self) -> set[str]:
        """The identity kinds that can select its records."""
        return {str(self.columns[name].identity) for party in self.people.values() for name in party.subject}


class Kind(Strict):
    """An identity kind of a system.

    :param type: how its values are written: ``integer`` or ``text``.
    :param person: one value is one person (a customer number); two of them that no merge joins are two people.
    """

    title: Text
    type: Literal["integer", "text"] = "text"
    person: bool = False


class Edge(Strict):
    """A declared link: a row in which ``source`` stands is the word that ``target`` is the same person's.

    :param dataset: whose rows say so.
    :param source, target: columns with an ``identity``; learned from left to right, and back where ``both``.
    :param valid: columns (from, to) between which the link held; NULL is open.
    :param window: ``[from, to]`` columns of a visit, for a target of kind ``ip``; ``agent``: its user agent's column.
    :param before, after: how far beyond its columns a window reaches (ISO 8601), e.g. around the moment of an order.
    """

    dataset: Name
    source: Name
    target: Name
    both: bool = False
    valid: tuple[Name | None, Name | None] | None = None
    window: tuple[Name, Name] | None = None
    agent: Name | None = None
    before: str = "PT0S"
    after: str = "PT0S"

    @field_validator("before", "after")
    @classmethod
    def _real_time(cls, value: str) -> str:
        form = re.fullmatch(r"P\d+D|PT(?=.)(\d+H)?(\d+M)?(\d+S)?", value)
        if value != "PT0S" and not (form and re.search(r"[1-9]", value)):
            raise ValueError(f"{value!r} is no period; write one like PT30M, P1D or PT0S")
        return value


class Identity(Strict):
    """Kinds and edges that a system adds."""

    kinds: dict[Name, Kind] = Field(default_factory=dict)
    edges: tuple[Edge, ...] = ()


class Excused(Strict):
    """Something in the store that no dataset claims, and why."""

    name: Sentence
    why: Sentence


class System(Strict):
    """One store that the shop has: a database, a bucket, a mailbox.

    :param source: the kind of source that serves it (``sql``, ``weblogs``, ``records``, ``files``, ``mailbox``).
    :param connection: the name under which its connection is looked up.
    :param tasks_at_once: how many tasks may touch it at the same time (Airflow's pool ``privacy_<connection>``).
    """

    system: Name
    title: Text
    source: Name
    connection: Name
    owner: Sentence
    tasks_at_once: int = Field(default=8, ge=1, le=1000)
    identity: Identity = Identity()
    excused: tuple[Excused, ...] = ()
    datasets: dict[Name, Dataset] = Field(min_length=1)

    @model_validator(mode="after")
    def _waits(self) -> Self:
        for name, dataset in self.datasets.items():
            for other in dataset.erasure.wait_for:
                here = f"{name}: erasure.wait_for"
                if other not in self.datasets:
                    raise ValueError(f"{here}: there is no dataset {other!r}{did_you_mean(other, self.datasets)}")
                if self.datasets[other].unfinished is None:
                    raise ValueError(f"{here}: dataset {other!r} does not say which records are `unfinished`")
        return self

    @model_validator(mode="after")
    def _edges(self) -> Self:
        for edge in self.identity.edges:
            here = f"identity edge {edge.dataset}:{edge.source}->{edge.target}"
            if edge.dataset not in self.datasets:
                raise ValueError(
                    f"{here}: there is no dataset {edge.dataset!r}{did_you_mean(edge.dataset, self.datasets)}"
                )
            columns = self.datasets[edge.dataset].columns
            used = [edge.source, edge.target, edge.agent, *(edge.valid or ()), *(edge.window or ())]
            for name in used:
                if name is not None and name not in columns:
                    raise ValueError(f"{here}: there is no column {name!r}{did_you_mean(name, columns)}")
            for name in (edge.source, edge.target):
                if columns[name].identity is None:
                    raise ValueError(f"{here}: column {name!r} has no `identity:`")
            for name in (*(edge.valid or ()), *(edge.window or ())):
                if name is not None and columns[name].type not in ("date", "datetime"):
                    raise ValueError(f"{here}: column {name!r} says when, so its type is date or datetime")
            if (columns[edge.target].identity == "ip") != (edge.window is not None):
                raise ValueError(f"{here}: a link to an IP address, and only such a link, has a `window: [from, to]`")
        return self


def did_you_mean(word: str, known: object) -> str:
    """``; did you mean ...?`` for a near miss among ``known``, else a list of what there is (at most 12)."""
    import difflib

    names = [str(k) for k in known]  # type: ignore[attr-defined]
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(sorted(names)[:12])}" if names else ""
