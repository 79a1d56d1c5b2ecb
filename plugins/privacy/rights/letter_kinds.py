"""The kinds of letters to subjects, what each needs to be told, and what rights are called in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from privacy.datamap.models import Text
from privacy.rights.states import Right


class Kind(StrEnum):
    """A letter to a subject; its template is ``templates/letters/<kind>.<language>.j2``."""

    RECEIPT = "receipt"
    IDENTITY_NEEDED = "identity_needed"
    EXTENSION = "extension"
    ANSWER = "answer"
    RESTRICTION = "restriction"
    RESTRICTION_REMINDER = "restriction_reminder"
    RESTRICTION_LIFTED = "restriction_lifted"
    """Told before it is lifted (art. 18(3) GDPR)."""
    OBJECTION = "objection"
    OBJECTION_UPHELD = "objection_upheld"
    OBJECTION_REJECTED = "objection_rejected"
    RECTIFICATION = "rectification"
    ADDRESS_CHANGED = "address_changed"
    """To the old address (edge case 35)."""
    ERASURE = "erasure"
    ERASURE_REST = "erasure_rest"
    """The second one, when what waited is erased too."""
    MARKETING_STOP = "marketing_stop"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    CLIENT_END = "client_end"
    COMPLAINT = "complaint"
    REFUSAL = "refusal"


NAMED = frozenset({Kind.RECEIPT, Kind.IDENTITY_NEEDED, Kind.EXTENSION, Kind.COMPLAINT})
"""They say nothing but that there is a request, so they go to the address that it names, proven or not."""

BY_HAND = frozenset({Kind.RECEIPT, Kind.IDENTITY_NEEDED, Kind.COMPLAINT, Kind.REFUSAL})
"""They need to be told nothing that the register does not know: a person may send them."""

RIGHTS: Mapping[Right, Text] = {
    Right.ACCESS: Text(nl="inzage in uw gegevens", en="access to your data"),
    Right.PORTABILITY: Text(nl="de overdraagbaarheid van uw gegevens", en="the portability of your data"),
    Right.ERASURE: Text(nl="het wissen van uw gegevens", en="the erasure of your data"),
    Right.RECTIFICATION: Text(nl="het aanpassen van uw gegevens", en="the rectification of your data"),
    Right.RESTRICTION: Text(nl="het beperken van het gebruik van uw gegevens", en="restricting the use of your data"),
    Right.OBJECTION: Text(nl="uw bezwaar", en="your objection"),
    Right.MARKETING_STOP: Text(nl="het stoppen met reclame", en="stopping advertising"),
    Right.CONSENT_WITHDRAWAL: Text(nl="het intrekken van uw toestemming", en="withdrawing your consent"),
    Right.CLIENT_END: Text(nl="het einde van uw klantrelatie", en="the end of your client relation"),
    Right.COMPLAINT: Text(nl="uw klacht", en="your complaint"),
}

_DAY, _LATER = date(2026, 12, 2), date(2027, 2, 2)
_PURPOSES = (Text(nl="Nieuwsbrief", en="Newsletter"),)
_WENT = ({"what": Text(nl="Klantgegevens", en="Customer record"), "count": 1},)
_STAYS = (
    {
        "what": Text(nl="Facturen", en="Invoices"), "count": 2, "until": date(2034, 1, 1),
        "why": Text(nl="fiscale bewaarplicht (art. 52 AWR)", en="fiscal retention (art. 52 AWR)"),
    },
)  # fmt: skip
_WAITS = (
    {
        "what": Text(nl="Adressen", en="Addresses"), "count": 1,
        "why": Text(nl="een bestelling die nog niet is geleverd", en="an order that is not delivered yet"),
    },
)  # fmt: skip
_TOLD = ("Voorbeeld Hosting B.V.",)

SAMPLES: Mapping[Kind, Mapping[str, object]] = {
    Kind.RECEIPT: {},
    Kind.IDENTITY_NEEDED: {},
    Kind.EXTENSION: {"ground": "complexity", "first": _DAY, "last": _LATER},
    Kind.ANSWER: {
        "how": "attachment", "file": "AVG-2026-0042-9.zip", "link": "", "until": None, "passphrase_by": "phone",
        "left_out": True,
    },
    Kind.RESTRICTION: {"on": _DAY},
    Kind.RESTRICTION_REMINDER: {"since": _DAY},
    Kind.RESTRICTION_LIFTED: {"on": _LATER},
    Kind.OBJECTION: {"purposes": _PURPOSES},
    Kind.OBJECTION_UPHELD: {"purposes": _PURPOSES, "copy_number": "AVG-2026-0042-9"},
    Kind.OBJECTION_REJECTED: {"ground": Text(nl="een reden", en="a reason"), "on": _LATER},
    Kind.RECTIFICATION: {
        "changed": (Text(nl="Telefoonnummer", en="Phone number"),), "historic": (Text(nl="Facturen", en="Invoices"),),
        "told": _TOLD,
    },
    Kind.ADDRESS_CHANGED: {"on": _DAY},
    Kind.ERASURE: {"gone": _WENT, "retained": _STAYS, "waiting": _WAITS, "by": _LATER, "told": _TOLD},
    Kind.ERASURE_REST: {"gone": _WENT, "retained": _STAYS, "told": _TOLD},
    Kind.MARKETING_STOP: {"on": _DAY},
    Kind.CONSENT_WITHDRAWAL: {"on": _DAY, "purposes": _PURPOSES},
    Kind.CLIENT_END: {"erasure_number": "AVG-2026-0042-9"},
    Kind.COMPLAINT: {},
    Kind.REFUSAL: {"ground": "identity_not_proven", "because": ""},
}  # fmt: skip
"""Made-up values of each kind: what its template is told beside number, right, policy, arrival and deadline. Texts are
:class:`Text` or ``str``, days are dates; ``gone``, ``retained`` and ``waiting`` are lists of ``what``, ``count``,
``why`` and ``until``."""
