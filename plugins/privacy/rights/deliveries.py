"""What processors hold for the controller: who was asked, and what has come.

Asking is a person's deed and is recorded in the ledger (``processor.asked``: request and dataset); nothing else says
that it was done. What has come is what lies whole in the drop folder (:mod:`privacy.sources.files_delivered`). A
delivery that is not whole gives nothing: the export says so in an explicit omission, and is run again later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import REQUEST, did_you_mean
from privacy.errors import BadConfiguration, BadInput, PrivacyError
from privacy.ledger import Ledger
from privacy.rights.arrivals import ASKED
from privacy.sources.base import Identifier, Source, Subject
from privacy.sources.files import FilesSource

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.register import Register


class State(StrEnum):
    """How far a processor's answer is."""

    NOT_ASKED = "not_asked"
    AWAITED = "awaited"
    """Asked, and not delivered yet."""
    INCOMPLETE = "incomplete"
    """Delivered, and something is missing, altered, or not in the list."""
    DELIVERED = "delivered"
    UNKNOWN = "unknown"
    """The drop folder cannot be read."""


_REASONS = {
    State.NOT_ASKED: "processor.not_asked",
    State.AWAITED: "processor.not_delivered",
    State.INCOMPLETE: "processor.incomplete",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A processor's answer to one request, of one dataset.

    :param dataset: ``system.dataset``. :param processor: its name in the policy.
    :param fault: what is not whole about it, or why it cannot be read: a code.
    :param stamp: tells whether anything of it changed since.
    """

    dataset: str
    processor: str
    state: State
    asked_at: datetime | None = None
    fault: str = ""
    stamp: str = ""

    @property
    def omitted(self) -> str:
        """The reason for which an export leaves the dataset out; empty: it gives it."""
        return _REASONS.get(self.state, "")

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        asked = None if self.asked_at is None else self.asked_at.isoformat()
        return {"processor": self.processor, "dataset": self.dataset, "state": self.state.value,
            "asked_at": asked, "fault": self.fault}  # fmt: skip


class Deliveries:
    """The deliveries of processors.

    :param source_of: gives the source of a system by its name.
    """

    def __init__(
        self, datamap: DataMap, source_of: Callable[[str], Source], ledger: Ledger, register: Register
    ) -> None:
        self._map, self._source_of, self._ledger, self._register = datamap, source_of, ledger, register

    def refs(self, processor: str | None = None) -> list[Ref]:
        """The datasets that processors deliver, or that one of them does.

        :raises BadInput: ``processor.unknown``: that one delivers none.
        """
        every = [ref for ref in self._map if ref.dataset.delivery is not None]
        found = [ref for ref in every if processor in (None, processor_of(ref))]
        if processor is not None and not found:
            hint = did_you_mean(processor, sorted({processor_of(ref) for ref in every}))
            raise BadInput("processor.unknown", f"No processor {processor!r} delivers anything{hint}.")
        return found

    def of(self, number: str) -> Iterator[Delivery]:
        """The state of every processor's answer; a drop folder that cannot be read is told as such."""
        for ref in self.refs():
            try:
                yield self.look(ref, number)
            except PrivacyError as problem:
                asked = self._asked(number).get(ref.full)
                yield Delivery(ref.full, processor_of(ref), State.UNKNOWN, asked, problem.code)

    def look(self, ref: Ref, number: str) -> Delivery:
        """One dataset's state; the files of a delivery are read for it.

        :raises RetryLater: it is being changed. :raises Unreadable: the drop folder cannot be read.
        """
        asked = self._asked(number).get(ref.full)
        found = self._files(ref).delivered(ref.name, number)
        if found.listed:
            state = State.DELIVERED if found.whole else State.INCOMPLETE
        else:
            state = State.NOT_ASKED if asked is None else State.AWAITED
        return Delivery(ref.full, processor_of(ref), state, asked, found.fault, found.stamp)

    def unchanged(self, ref: Ref, number: str, stamp: str) -> bool:
        """Whether a delivery is still what :meth:`look` found."""
        return self._files(ref).delivery_stamp(ref.name, number) == stamp

    def ask(self, number: str, processor: str | None, author: str) -> list[Delivery]:
        """Record that somebody asked the processors, or one of them; safe to repeat.

        :raises BadInput: no such request, or no such processor; ``processor.none``: nobody delivers anything.
        :raises Refused: the request is closed.
        """
        refs = self.refs(processor)
        if not refs:
            raise BadInput(
                "processor.none", "No processor delivers anything here.",
                advice="A dataset with `delivery:` says which one does.",
            )  # fmt: skip
        request = self._register.asked(number, [ref.full for ref in refs], author)
        asked = self._asked(request.number)
        return [Delivery(ref.full, processor_of(ref), State.AWAITED, asked[ref.full]) for ref in refs]

    def _asked(self, number: str) -> dict[str, datetime]:
        """When each dataset was asked for, the first time."""
        found: dict[str, datetime] = {}
        for entry in self._ledger.entries(request=number, kind=ASKED):
            found.setdefault(str(entry.entry["dataset"]), datetime.fromisoformat(str(entry.entry["at"])))
        return found

    def _files(self, ref: Ref) -> FilesSource:
        source = self._source_of(ref.system.system)
        if not isinstance(source, FilesSource):
            raise BadConfiguration(
                "processor.no_files", "A processor delivers files.", where=ref.full,
                advice="Describe its drop folder in a system with `source: files`.",
            )  # fmt: skip
        return source


def processor_of(ref: Ref) -> str:
    """Who delivers a dataset; empty: nobody."""
    return "" if ref.dataset.delivery is None else ref.dataset.delivery.processor


def place(house: House, delivery: Delivery, number: str) -> str:
    """The folder of a delivery; of another store than a folder the connection's name: its URL may hold a password."""
    ref = house.datamap[delivery.dataset]
    connection, below = house.connections.get(ref.system.connection), f"{ref.dataset.prefix}{number}/"
    return str(connection.folder / below) + "/" if connection.scheme == "file" else f"{connection.name}: {below}"


def known_by(subject: Subject, number: str) -> Subject:
    """The subject of a request with its number, and with no other one's: processors deliver by it alone."""
    others = (identifier for identifier in subject.identifiers if identifier.kind != REQUEST)
    return replace(subject, identifiers=(*others, Identifier(REQUEST, number)))
