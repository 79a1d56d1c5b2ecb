"""The contract of a source: the whole of what a new kind of store has to do.

A :class:`Source` serves one *system* of the data map (the shop's database, the web server's logs). Every pipeline asks
the same of it: a **selection** (records *of subjects*, or records *due*) and an **action** (read, delete, set).

Rules that hold for every source, and that ``privacy.testing`` checks on every dataset without a line written for it:

* a selection without identifiers selects nothing; another subject's record is never selected;
* ``read`` gives batches of at most ``batch_rows`` rows, with exactly ``schema_of(dataset)``, in a stable order;
* closing a ``read`` early frees its cursor or file;
* no identifier of a person in any error; drivers' errors become ours, ``from None``;
* ``apply`` is all or nothing for one unit where the store can be, is safe to repeat, and spares what is held.

Times are aware datetimes in UTC, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa

from privacy.datamap.models import Dataset, System

SUBJECT = "_subject"
"""The column (int32) that ``read`` adds: the number of the subject whose record this is; NULL for a due selection."""

PARTY = "_party"
"""The column (string) that ``read`` adds: the parties of the row that the subject is, comma separated, in order."""


WITHHELD = "_withheld"
"""The column (string) that ``read`` adds to a dataset that is ``judged``: why this record is not given without a
person's look (a code: ``internal``, ``mention``); NULL: it is given. Such a record is still the subject's."""

LEFT_OUT = "_left_out"
"""The column (list of strings) that ``read`` adds to a dataset that is ``judged``: a column's name for each value of it
that is another person's and that the source has left out already."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """One thing that identifies a person.

    :param kind: ``email``, ``phone``, ``device_id``, ``ip`` (global), or a system's own such as ``shop.customer_id``.
    :param value: in its kind's normal form (see :func:`privacy.datamap.kinds.normal`); an int for integer kinds.
    :param valid_from: from when it is this person's (inclusive, UTC); None: since ever.
    :param valid_to: until when (exclusive, except that an ``ip`` window includes its end); None: still.
    :param origin: how it was learned: ``request`` or the edge's name, e.g. ``shop.customers:customer_id->email``.
    :param agent: for ``ip``: the user agent that a record must have too.
    :param contested: somebody else used it too: it selects nothing; a source only counts what it would have selected.
    """

    kind: str
    value: str | int = field(repr=False)
    valid_from: datetime | None = field(default=None, repr=False)
    valid_to: datetime | None = field(default=None, repr=False)
    origin: str = "request"
    agent: str | None = field(default=None, repr=False)
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A data subject, as numbers and identifiers.

    :param no: the number under which the selection's rows name this subject (1, 2, ...).
    :param identifiers: everything known to identify them; hidden from ``repr``.
    """

    no: int
    identifiers: tuple[Identifier, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Of:
    """Pick the records of these subjects: one or 10,000, in one pass."""

    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Kept(Of):
    """What is held in one dataset alone, for a source where the rows of one go along with those of another.

    That is where two datasets share a table, or a declared cascade reaches from one into the other.

    :param subjects: whose records of it are held.
    :param dataset: its name within the system.
    :param keys: single records that are held whoever they are about: keys in the dataset's order, as texts.
    :param whole: all its records are held.
    """

    dataset: str
    keys: frozenset[tuple[str, ...]] = field(default=frozenset(), repr=False)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Among:
    """Records of some kinds, as a column says: those have a term of their own.

    :param column: of the dataset; text.
    :param kinds: its values.
    :param others: those that have none of them, NULL among them, instead.
    """

    column: str
    kinds: frozenset[str]
    others: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Pick the records whose term began before a bound.

    :param before: aware, UTC, exclusive.
    :param among: of these kinds alone; None: of any.
    """

    before: datetime
    among: Among | None = None

    def __post_init__(self) -> None:
        if self.before.tzinfo is None:
            raise ValueError("a bound is an aware datetime")


@dataclass(frozen=True, slots=True)
class Every(Due):
    """Pick all records, whether their term has begun or not: to know of everybody whom others' records may be about.

    For reading alone; a dataset that others follow lies in a database, so only the SQL source serves it.
    """

    before: datetime = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ByKey(Due):
    """Pick single records by their keys, whoever they are about and whether their term has begun: for an operator who
    asks about a record that they have the key of (:func:`privacy.sources.keyed.by_key`). For reading alone.

    It is a kind of :class:`Due`, so a source without an index serves it in two lines: where it would ask if a record is
    due, it asks if its key is among these. Rows bear no subject and no party.

    :param keys: in the dataset's order of key columns, values as a batch has them.
    """

    before: datetime = datetime(9999, 12, 31, tzinfo=UTC)
    keys: frozenset[tuple[object, ...]] = field(default=frozenset(), repr=False, kw_only=True)

    def may(self, name: str, dataset: Dataset, column: str = "file") -> bool:
        """Whether a piece of this name can have one of them, where the name of its file is part of a key."""
        at = dataset.key.index(column) if column in dataset.key else None
        return at is None or any(key[at] == name for key in self.keys if len(key) > at)


@dataclass(frozen=True, slots=True)
class Selection:
    """Records of one dataset.

    :param dataset: its name within the system, e.g. ``orders``.
    :param pick: whose, or due before when.
    :param on: match these columns instead of the dataset's own parties; used only to look identities up.
    :param shared: of subjects: False: only records that nobody else is a party of, but staff; True: only those that
        somebody else is; neither has what is withheld. None: all.
    """

    dataset: str
    pick: Of | Due
    on: tuple[str, ...] | None = None
    shared: bool | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of a dataset that can be read by itself: a table, a folder, an object.

    :param name: stable, not personal: the table's or the object's name.
    :param bytes: about how much there is to read.
    :param mark: what the source needs to know this very piece again (a log that is rotated meanwhile); opaque.
    """

    name: str
    bytes: int
    mark: str = ""


class Change(StrEnum):
    """What a step does to its items."""

    DELETE = "delete"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the items."""


class Redaction(StrEnum):
    """Values that :class:`Set` can give without being told one."""

    NULL = "null"
    UNIQUE = "unique"
    """A random token of its own in every row, for columns that must stay unique."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """A row that is added in which what stood in an item is kept, for a source of databases.

    :param dataset: of the same system, whose table gets the row.
    :param copy: column of that table -> column of the item, as it is stored.
    :param put: column of that table -> a value of its type.
    :param number: integer column of its key that gets one more than the highest with the same rest of the key.
    """

    dataset: str
    copy: Mapping[str, str]
    put: Mapping[str, object]
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """Give columns a value: redact, rectify, block.

    :param columns: column of the dataset -> a :class:`Redaction`, or a constant of the column's type.
    :param keep: what stands there now is kept in a row of another table, all or nothing with the change.
    """

    columns: Mapping[str, object] = field(repr=False)
    keep: Keeping | None = None


class Item(NamedTuple):
    """What changes as a whole: a row, a message, or a file with matching records in it.

    :param key: the row's key values in the dataset's order, or the object's key.
    :param version: a digest that differs when the content does; ``apply`` leaves an item alone that has another now.
    :param records: how many matching records it holds (1 for a row).
    :param bytes: their size.
    :param oldest: the earliest start among them; None when it cannot be told.
    :param whole: everything in it matches: a file is removed rather than rewritten.
    :param digest: sha256 (hex) over key, version and what matches; what a plan's digest is made of.
    """

    key: tuple[object, ...]
    version: str
    records: int
    bytes: int
    oldest: datetime | None
    whole: bool
    digest: str

    def __repr__(self) -> str:
        # A key may be somebody's name or number; a purge makes millions of these, so they are plain tuples.
        return f"Item(version={self.version!r}, records={self.records})"


@dataclass(frozen=True, slots=True)
class Step:
    """One change to items of one selection.

    :param reviewed: it is decided about records too that are withheld from a copy until a person has looked (messages
        that only mention a subject); otherwise those are ``held`` with the reason ``review``.
    """

    selection: Selection
    change: Delete | Set
    items: tuple[Item, ...] = field(repr=False)
    reviewed: bool = False


class Status(StrEnum):
    """What became of an item."""

    DONE = "done"
    GONE = "gone"
    """It is no longer there, or no longer selected."""
    CHANGED = "changed"
    """It has another content than when it was located: left alone."""
    HELD = "held"
    FAILED = "failed"


class Outcome(NamedTuple):
    """What became of one item.

    :param records, bytes: how much of it was deleted or set; of a file some of it may be, and the rest held.
    :param reason: a code, never an identifier; empty when done.
    """

    key: tuple[object, ...]
    status: Status
    records: int
    bytes: int
    reason: str = ""

    def __repr__(self) -> str:
        return f"Outcome(status={self.status.value!r}, records={self.records}, reason={self.reason!r})"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that exists in the store, for the completeness check.

    :param name: a table, a prefix, a folder.
    :param parts: its columns, where it has any.
    """

    name: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a doctor found.

    :param code: as in :class:`privacy.errors.PrivacyError`.
    :param fatal: the dataset cannot be served as long as this holds.
    """

    code: str
    message: str
    where: str
    advice: str
    fatal: bool = True


class Told(NamedTuple):
    """What a read passed over of one subject; see :class:`Tally`."""

    unattributed: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Tally:
    """What a read passed over, counted.

    :param unattributed: records with an address the subject used then, that may be somebody else's: nobody's.
    :param unreadable: records in no known form, which therefore name nobody.
    :param seen: of a :class:`Moving` source what it looked at, whoever's it is, in a form of its own; no name.
    :param whose: of which subjects that was said, by their numbers: of each what a selection of them alone would count.
        A source that counts without saying so serves an export of one subject, not one of many.
    """

    unattributed: int = 0
    unreadable: int = 0
    seen: bytearray = field(default_factory=bytearray, repr=False)
    whose: dict[int, Told] = field(default_factory=dict, repr=False, compare=False)

    def aside(self, subjects: Collection[int], records: int = 1) -> None:
        """Records that may be somebody else's. :param subjects: whose they may be; none: nothing is counted."""
        self.unattributed += records if subjects else 0
        for no in subjects:
            known = self.of(no)
            self.whose[no] = known._replace(unattributed=known.unattributed + records)

    def unread(self, subjects: Collection[int], records: int = 1) -> None:
        """Records in no known form. :param subjects: who is told of them."""
        self.unreadable += records
        for no in subjects:
            known = self.of(no)
            self.whose[no] = known._replace(unreadable=known.unreadable + records)

    def of(self, no: int) -> Told:
        """What is told of one subject."""
        return self.whose.get(no, Told())

    @property
    def attributed(self) -> bool:
        """Whether of all that was counted it was said whom it concerns."""
        told = self.whose.values()
        return self.unattributed <= sum(t.unattributed for t in told) and self.unreadable <= sum(
            t.unreadable for t in told
        )

    def add(self, other: Tally) -> None:
        """Sum up."""
        self.unattributed += other.unattributed
        self.unreadable += other.unreadable
        self.seen += other.seen
        for no, told in other.whose.items():
            known = self.of(no)
            self.whose[no] = Told(known.unattributed + told.unattributed, known.unreadable + told.unreadable)


@runtime_checkable
class Source(Protocol):
    """What a kind of store has to do. Made with (system, connection, batch_rows); holds no identifier of a person."""

    system: System

    def inventory(self) -> Iterator[Claim]:
        """Everything that exists in the store: tables with columns, prefixes, folders."""
        ...

    def check(self) -> Iterator[Problem]:
        """What would keep a dataset from being served: access, missing columns, foreign keys that cascade, region."""
        ...

    def partitions(self, selection: Selection) -> list[Partition]:
        """The pieces to read, in the order of reading.

        :raises RetryLater, Unreadable: when the store cannot be asked.
        """
        ...

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """The selected records, typed, in a stable order, at most ``batch_rows`` a batch, never an empty batch.

        :raises Unreadable: naming dataset and place; what was yielded before must then not be used.
        """
        ...

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """The original behind a record: the message, the pdf.

        :param reader: less what this subject may not see of it (others' blind copies); None: as it is stored.
        :raises BadInput: for a dataset that has none. :raises Unreadable: it cannot be read whole.
        """
        ...

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """The items that hold selected records, in ``read``'s order, without content."""
        ...

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """Do the steps, all or nothing where the store can; one outcome an item; safe to repeat.

        :param spare: what is held now, from :func:`privacy.holds.gate`; such items are left alone (``held``).
            A :class:`Kept` among it counts for its own dataset only.
        :raises Refused: when a cascade would reach beyond the dataset and is not declared.
        """
        ...


@runtime_checkable
class Excusing(Protocol):
    """What a :class:`Source` does besides, where the data map may excuse a piece of a dataset itself.

    A log that is damaged for good would otherwise end every export for ever. An export names what it leaves out so.
    """

    def passed_over(self, dataset: str) -> list[str]:
        """The excuses of the data map, by name, that cover pieces which could hold records of the dataset."""
        ...


@runtime_checkable
class Moving(Protocol):
    """What a :class:`Source` does besides, where people move records from one partition into another at any time.

    A record that goes from a partition still to be read into one that was read already, or into one that is new, is in
    neither reading. So each ``read`` adds to ``Tally.seen`` what it looked at, and when an export has read all
    partitions it asks once more. A source whose records stay where they are does not have this method.
    """

    def missed(self, selection: Selection, seen: bytes, since: datetime) -> int:
        """How many selected records are in the store now that no reading has looked at, though they are older.

        :param selection: of subjects. :param seen: the ``Tally.seen`` of all readings of it, one after the other.
        :param since: when the partitions were listed; a record that came later is not missed.
        :raises RetryLater, Unreadable: as :meth:`Source.read`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """What a dataset holds, as far as terms are concerned: counts and times, nobody's.

    :param records: all there are, dated or not; None: the source does not know without reading everything.
    :param bytes: as stored.
    :param oldest: the earliest start; None: no record has one.
    :param undated: records without a start, or with one that cannot be read: no purge ever takes them (edge case 11).
    :param future: records that begin later than now.
    :param picked: of each pick that was asked about, how many records it has.
    :param unreadable: how many of the undated have something written as their start that says no moment.
    """

    records: int | None
    bytes: int
    oldest: datetime | None
    undated: int
    future: int
    picked: tuple[int, ...] = ()
    unreadable: int = 0


@runtime_checkable
class Surveying(Protocol):
    """What a :class:`Source` does besides whose datasets have terms of their own: be asked what there is."""

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :class:`Survey`; of a dataset without ``starts`` all records are undated.

        :param now: aware. :raises RetryLater, Unreadable: as :meth:`Source.partitions`.
        """
        ...


@runtime_checkable
class Referring(Protocol):
    """What a :class:`Source` does besides whose records refer to each other: say which could not go."""

    def referenced(self, unit: Sequence[Step]) -> dict[str, set[tuple[object, ...]]]:
        """Of steps that delete: the keys, by dataset, of records that would have to stay as things are now.

        Records refer to them that nobody plans to delete. Nothing is changed, and holds are not looked at.

        :raises Refused: ``sql.cascade``, as :meth:`Source.apply`.
        """
        ...


@runtime_checkable
class Placing(Protocol):
    """What a :class:`Source` does besides whose files or folders may be named after people, which no error tells."""

    def keys(self, word: str) -> list[str]:
        """What a place in an error, a finding or a key means: for an operator's terminal, not for any log."""
        ...


def schema_of(dataset: Dataset) -> pa.Schema:
    """The Arrow schema of a dataset's batches: its columns, then :data:`SUBJECT` and :data:`PARTY`.

    Of a dataset that is ``judged`` also :data:`WITHHELD` and :data:`LEFT_OUT`.
    """
    columns = [pa.field(name, column.arrow) for name, column in dataset.columns.items()]
    columns += [pa.field(SUBJECT, pa.int32()), pa.field(PARTY, pa.string())]
    if dataset.judged:
        columns += [pa.field(WITHHELD, pa.string()), pa.field(LEFT_OUT, pa.list_(pa.string()))]
    return pa.schema(columns)


def identifiers_of(subjects: Iterable[Subject], kinds: Iterable[str]) -> list[tuple[int, Identifier]]:
    """The usable identifiers of these kinds, with their subject's number, in order."""
    wanted = set(kinds)
    return [(s.no, i) for s in subjects for i in s.identifiers if i.kind in wanted and not i.contested]
