"""What a form carries, for routes that are not asynchronous."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from privacy.errors import BadInput

LONGEST = 2000
"""Characters of one field."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form, in order; nothing in them is shown in an error."""

    given: tuple[tuple[str, str], ...] = ()

    def one(self, name: str) -> str:
        """A field's value, without blanks around it; empty: it is not there."""
        return next((value.strip() for key, value in self.given if key == name), "")

    def many(self, name: str) -> list[str]:
        """All values of a field that may be chosen more than once, without empty ones."""
        return [value.strip() for key, value in self.given if key == name and value.strip()]


async def fields(request: Request) -> Fields:
    """The form of this request. :raises BadInput: ``desk.too_long``."""
    form = await request.form()
    given = tuple((key, value) for key, value in form.multi_items() if isinstance(value, str))
    if any(len(value) > LONGEST for _, value in given):
        raise BadInput("desk.too_long", "A field of the form is too long.", advice=f"At most {LONGEST} characters.")
    return Fields(given)
