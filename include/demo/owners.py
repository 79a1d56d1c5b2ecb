"""Whose a record is, as the generator knows it."""

from __future__ import annotations

from typing import NamedTuple


class Owner(NamedTuple):
    """The subjects of one record; a subject is a customer number as text, or ``guest:<address>``.

    :param always: theirs, whatever an operator decides about an address.
    :param theirs: known by an address that they share: theirs only under the decision ``theirs``.
    :param unsure: known by a device that several of them used: nobody's, and counted for each of them.
    """

    always: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

    def __or__(self, other: Owner) -> Owner:  # type: ignore[override]
        """The owners of a record with two people in it."""
        always = tuple(sorted({*self.always, *other.always}))
        theirs = tuple(sorted({*self.theirs, *other.theirs} - set(always)))
        return Owner(always, theirs, tuple(sorted({*self.unsure, *other.unsure} - {*always, *theirs})))

    def touches(self, other: Owner) -> bool:
        """Whether somebody stands in both."""
        return bool({*self.always, *self.theirs} & {*other.always, *other.theirs})


NOBODY = Owner()
