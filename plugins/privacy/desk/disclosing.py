"""Disclosures for pages: a page of them without what is sealed, and one as a form has it."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.desk.fields import Fields
from privacy.errors import BadInput
from privacy.rights.disclosures import Disclosure, Disclosures
from privacy.rights.house import House
from privacy.rights.naming import identifier, moment
from privacy.rights.selecting import just_one

PEOPLE = 3
"""So many people can be named in one form."""


@dataclass(frozen=True, slots=True)
class Given:
    """A page of disclosures, the latest first. :param after: where the next page begins; empty: there is none."""

    rows: tuple[Disclosure, ...]
    after: str


def listed(house: House, after: str = "") -> Given:
    """A page. :raises BadInput: ``disclosure.page``. :raises Tampered: ``disclosure.altered``."""
    rows, more = Disclosures(house).page(after)
    return Given(tuple(rows), more)


def add(house: House, form: Fields, author: str) -> Disclosure:
    """Record what a form says.

    :raises BadInput: with what is missing or wrong; nothing that was typed is repeated (see :func:`field_of`).
    :raises AmbiguousIdentity: a name may be somebody else's: what is told about one would be told to the other.
    """
    named = [
        identifier(house.datamap, form.one(f"kind{n}"), form.one(f"value{n}"))
        for n in range(PEOPLE) if form.one(f"value{n}")
    ]  # fmt: skip
    if bool(named) == bool(form.one("nobody")):
        raise BadInput(
            "disclosure.about", "A disclosure says whom it is about.", advice="Name them, or say that it is nobody."
        )
    if form.one("told") not in ("yes", "no"):
        raise BadInput("disclosure.told", "Nothing says whether the person is told.", advice="Choose yes or no.")
    secret = form.one("secret") if form.one("told") == "no" else ""
    if form.one("told") == "no" and not secret:
        raise BadInput("disclosure.secret", "Nothing says why the person is not told.", advice="State the ground.")
    return Disclosures(house).add(
        datasets=form.many("dataset"), categories=form.many("category"), recipient=form.one("recipient"),
        ground=form.one("ground"), case=form.one("case"), about=[just_one(house, one) for one in named], author=author,
        given_at=moment(form.one("at"), house.policy.zone) if form.one("at") else None, secret=secret,
    )  # fmt: skip


def field_of(problem: BadInput) -> str:
    """The field of the form that an error is about; empty: of none."""
    fields = {
        "named.moment": "at", "named.identifier": "about", "disclosure.future": "at",
        "disclosure.recipient": "recipient",
        "disclosure.ground": "ground", "disclosure.datasets": "dataset", "disclosure.dataset": "dataset",
        "disclosure.category": "category", "disclosure.about": "about", "disclosure.told": "told",
        "disclosure.secret": "secret",
    }  # fmt: skip
    return fields.get(problem.code, "about" if problem.code.startswith("identity.") else "")
