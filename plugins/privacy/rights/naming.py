"""What a request names, as somebody types it: identifiers in their normal form, visits, moments.

The command line and the desk read the same things the same way.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from privacy.datamap.kinds import normal
from privacy.datamap.models import GLOBAL_KINDS
from privacy.errors import BadInput
from privacy.rights.payload import Visit
from privacy.rights.states import LASTING
from privacy.sources.base import Identifier

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.rights.house import House
    from privacy.rights.rows import Request

NUMBERS = {
    "order": ("order_id", "order_no", "order"),
    "invoice": ("invoice_no", "invoice_id", "invoice"),
    "application": ("application_id", "application_no", "application"),
}
"""What is on letters and receipts, and what it is called in a data map: the first of these names that it has."""


def kinds(datamap: DataMap) -> tuple[str, ...]:
    """Every kind of identifier that a request may name."""
    return (*GLOBAL_KINDS, *(f"{s.system}.{kind}" for s in datamap.systems.values() for kind in s.identity.kinds))


def identifier(datamap: DataMap, kind: str, value: str) -> Identifier:
    """An identifier in its normal form.

    :raises BadInput: ``named.identifier``: there is no such kind; ``identity.*``: a value that cannot be one.
        What was typed is not repeated: it may be a person's, typed in the wrong place.
    """
    declared = datamap.kind(kind)
    if declared is None and kind not in GLOBAL_KINDS:
        raise BadInput(
            "named.identifier", "There is no such kind of identifier.", advice=f"Kinds: {', '.join(kinds(datamap))}."
        )
    return Identifier(kind, normal(kind, value, declared.type if declared else "text"))


def numbered(datamap: DataMap, what: str) -> str:
    """The kind of identifier of an ``order``, ``invoice`` or ``application``.

    :raises BadInput: ``named.identifier``: the data map has no such kind, or one in several systems.
    """
    for name in NUMBERS[what]:
        found = [f"{s.system}.{kind}" for s in datamap.systems.values() for kind in s.identity.kinds if kind == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(
                "named.identifier", f"Several systems have such numbers: {', '.join(found)}.",
                advice="Say of which: --id SYSTEM.KIND=VALUE.",
            )  # fmt: skip
    raise BadInput("named.identifier", f"The data map has no identity kind of an {what}'s number.")


def moment(text: str, zone: str) -> datetime:
    """A date or time as it is typed, ISO 8601; without an offset it is the zone's.

    :returns: in UTC; of an hour that the zone repeats the first. :raises BadInput: ``named.moment``.
    """
    return moments(text, zone)[0]


def moments(text: str, zone: str) -> tuple[datetime, datetime]:
    """As :func:`moment`, twice: of an hour that the zone repeats the first one and the second, of one that it skips by
    the offset before and by the one after.
    """
    try:
        at = datetime.fromisoformat(text.strip())
        # In UTC at once: near the ends of the calendar a moment of one zone is none of another's.
        both = [at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
        first, second = (one.astimezone(UTC) for one in both)
    except (ValueError, OverflowError):
        raise BadInput("named.moment", "That is no date or time.", advice="Write it like 2026-11-02T09:30.") from None
    return first, second


def visit(camera: str, at: str, zone: str) -> Visit:
    """When somebody was in front of a camera. :raises BadInput: ``named.visit``, ``named.moment``."""
    if not camera.strip():
        raise BadInput("named.visit", "A visit is in front of a camera.", advice="E.g. till, 2026-11-02T09:30.")
    return Visit.of(camera=camera.strip(), at=moment(at, zone))


def not_stopped(house: House, made: Request) -> bool:
    """Whether a new request that stops something has stopped nothing yet: several fit, or nobody is known by it."""
    return made.right in LASTING and not house.stops.active(number=made.number)
