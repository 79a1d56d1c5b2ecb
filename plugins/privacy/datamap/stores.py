"""What a dataset says of the kind of store that it lies in; which of these it needs, its system's ``source`` decides.

==========  ==================================================================================================
source      needs
==========  ==================================================================================================
sql         ``table``, and a SELECT beside it (``sql/<system>/<dataset>.sql``)
weblogs     ``prefix``, ``format``
records     ``prefix``, ``names``, ``records``; columns may say ``path``
files       ``prefix``, ``names``; ``delivery`` for what a processor delivers
mailbox     ``mailbox``
==========  ==================================================================================================
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Strict(BaseModel):
    """A frozen model that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def fits(pattern: str, name: str) -> bool:
    """Whether a name is meant by one of the data map, in which ``*`` stands for anything; composed (NFC) or not.

    Only the mail folder INBOX may be written in any case (RFC 3501).
    """
    pattern, name = (unicodedata.normalize("NFC", text) for text in (pattern, name))
    if pattern.upper() == "INBOX":
        return name.upper() == "INBOX"
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


class Records(Strict):
    """How records lie in files: Parquet rows, lines of NDJSON, or a list in a JSON document (plain or gz).

    :param at: where in a JSON document the list of records is (JMESPath), e.g. ``export.tickets``; left out: the
        document itself is the list.
    :param latest: for dumps that overlap: of the records with one key, the one with the latest value of this column
        holds (of equal ones, that of the last file by name); left out: every record is one.
    :param day: the group of ``names`` that says which day a file is of (``20261120`` or ``2026-11-20``), in the zone of
        the dataset's ``time`` column: a file has the records of that day, and at most those of the hour around it.
    """

    at: str | None = None
    latest: Word | None = None
    day: Word | None = None


class Mailbox(Strict):
    """Which folders of the e-mail archive a dataset is.

    :param folders: names, with ``.`` between levels; ``*`` stands for anything: ``INBOX``, ``Klanten``, ``Klanten.*``.
    :param staff: the shop's own domains: a message among them alone is internal.
    """

    folders: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    staff: tuple[Annotated[str, Field(pattern=r"^[^@\s]+$")], ...] = Field(min_length=1)

    def pattern_of(self, folder: str) -> str | None:
        """The name or pattern by which a folder is one of these; None: it is none."""
        fitting = [unicodedata.normalize("NFC", name) for name in self.folders if fits(name, folder)]
        # One that is named stands before any pattern.
        return min(fitting, key=lambda name: "*" in name, default=None)

    def label_of(self, folder: str) -> str | None:
        """What such a folder is called outside of the archive; None: it is none.

        By its name where it stands here. What only a pattern matches, staff have named, often after a person whose
        mail is in it along with others': that is called by the pattern and the first twelve hex digits of the SHA-256
        of its name in UTF-8 (composed, NFC): ``Klanten.* #0123456789ab``.
        """
        pattern = self.pattern_of(folder)
        if pattern is None or "*" not in pattern:
            return None if pattern is None else folder
        return f"{pattern} #{sha256(folder.encode('utf-8', 'replace')).hexdigest()[:12]}"


class Delivery(Strict):
    """A processor's drop folder: what a processor holds for the controller, delivered by request number.

    :param processor: who delivers. What was asked of them and has not come is an explicit omission of an export.
    """

    processor: Word


class Layout(Strict):
    """The part of a dataset that is about its store.

    :param table: the table that a SQL dataset's rows are deleted from or set in.
    :param cascades: tables whose rows may go with a row of this one by the database's own cascade.
    :param format: for logs: the regular expression of a line, with a named group a column.
    :param prefix: for files, records and logs: where they lie within the connection.
    :param names: for files and records: the regular expression that the rest of a file's name matches whole; its named
        groups are columns. A file of another name is reported, never passed over.
    :param originals: the column after which the originals behind the records are named (a message, a PDF); they are
        delivered beside the tables.
    """

    table: str | None = None
    cascades: tuple[str, ...] = ()
    format: str | None = None
    prefix: str | None = None
    names: str | None = None
    records: Records | None = None
    mailbox: Mailbox | None = None
    delivery: Delivery | None = None
    originals: Word | None = None

    @field_validator("names")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as problem:
                raise ValueError(f"it is no regular expression: {problem}") from None
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.names is not None and self.prefix is None:
            raise ValueError("`names` is about the files below a `prefix`: write that too")
        if self.records is not None and self.names is None:
            raise ValueError("`records` lie in files: say how those are named (`names`)")
        if self.records is not None and self.records.day is not None:
            groups = re.compile(self.names or "").groupindex
            if self.records.day not in groups:
                raise ValueError(f"records.day: `names` has no group (?P<{self.records.day}>...)")
        return self

    @property
    def judged(self) -> bool:
        """Whether its source says of each record if it is given, and what of it is not (see ``sources.base``)."""
        return self.mailbox is not None
