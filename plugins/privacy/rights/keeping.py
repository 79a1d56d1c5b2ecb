"""The hold of an open request: no purge takes what somebody just asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from privacy.sources.base import Subject

if TYPE_CHECKING:
    from privacy.holds import Hold, Holds


class RequestHolds(Protocol):
    """What the register asks of the holds: an open request keeps its subject's records from every purge."""

    def place_request(self, number: str, subject: Subject, *, author: str) -> None:
        """Hold the records of what a request names, or, once it is known, of its subject; replaces what was held."""
        ...

    def release_request(self, number: str, *, author: str) -> None:
        """End the request's hold; nothing where there is none."""
        ...


class Keeping:
    """:class:`RequestHolds` with the installation's holds; both steps are safe to repeat."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds

    def place_request(self, number: str, subject: Subject, *, author: str) -> None:
        """See :meth:`RequestHolds.place_request`."""
        from privacy.holds import HoldKind

        if all(identifier.contested for identifier in subject.identifiers):
            # Nothing is known to be theirs alone, so there is nothing to keep for them but what is held already.
            return
        there = self._held(number)
        if there is None:
            self._holds.place(HoldKind.REQUEST, subject, ground="open request", author=author, request=number)
        elif there.what != (Subject(1, subject.identifiers),):
            self._holds.replace(subject, request=number, author=author)

    def release_request(self, number: str, *, author: str) -> None:
        """See :meth:`RequestHolds.release_request`."""
        if self._held(number) is not None:
            self._holds.release(request=number, author=author)

    def _held(self, number: str) -> Hold | None:
        return next((hold for hold in self._holds.active() if hold.request == number), None)
