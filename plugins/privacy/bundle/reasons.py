"""Why something is not in a bundle: codes in words, for the manifest and for a person."""

from __future__ import annotations

from privacy.bundle.scope import DERIVED, GROUND
from privacy.datamap.models import Text

OTHERS = Text(
    nl="Gegevens van een ander (art. 15 lid 4 en 20 lid 4 AVG)", en="Data of another person (art. 15(4) and 20(4) GDPR)"
)  # fmt: skip
"""Why a row's columns that are private to its other people are left out."""

_WITHHELD = {
    "internal": Text(
        nl="Berichten van onze medewerkers onder elkaar waarin uw adres staat; iemand kijkt eerst of zij iets van "
        "anderen of vertrouwelijk beraad bevatten (art. 15 lid 4 en 20 lid 4 AVG)",
        en="Messages of our staff among themselves in which your address stands; a person looks first whether they "
        "hold anything of others, or confidential deliberation (art. 15(4) and 20(4) GDPR)",
    ),
    "mention": Text(
        nl="Berichten tussen anderen waarin uw adres alleen wordt genoemd; iemand kijkt eerst of zij zonder schade "
        "voor die anderen kunnen worden gegeven (art. 15 lid 4 en 20 lid 4 AVG)",
        en="Messages between others in which your address is only mentioned; a person looks first whether they can be "
        "given without harm to those others (art. 15(4) and 20(4) GDPR)",
    ),
    DERIVED: GROUND,
}
_UNKNOWN = Text(nl="Iemand kijkt er eerst naar", en="A person looks at them first")

_OMITTED = {
    "datamap.excused": Text(
        nl="dit deel is blijvend beschadigd of om een andere vastgelegde reden niet te lezen",
        en="this part is damaged for good, or not to be read for another recorded reason",
    ),
    "processor.not_asked": Text(
        nl="dit staat bij een verwerker, die wij er nog niet om hebben gevraagd",
        en="a processor holds this, and we have not asked them for it yet",
    ),
    "processor.not_delivered": Text(
        nl="wij hebben de verwerker erom gevraagd en nog niets gekregen",
        en="we have asked the processor for it and have received nothing yet",
    ),
    "processor.incomplete": Text(
        nl="wat de verwerker heeft geleverd is niet compleet; daarom geven wij er niets van",
        en="what the processor has delivered is not complete; so we give nothing of it",
    ),
    "mailbox": Text(nl="het e-mailarchief kon niet worden gelezen", en="the e-mail archive could not be read"),
    "sql": Text(nl="de database kon niet worden gelezen", en="the database could not be read"),
    "weblogs": Text(nl="een logbestand kon niet worden gelezen", en="a log file could not be read"),
}
_UNREAD = Text(nl="het kon niet worden gelezen", en="it could not be read")


def withheld(code: str) -> Text:
    """Why records are not given. :param code: as a source judges (``sources.base.WITHHELD``), or the scope's."""
    return _WITHHELD.get(code, _UNKNOWN)


def omitted(code: str) -> Text:
    """Why something could not be given. :param code: an error's, e.g. ``weblogs.truncated``."""
    return _OMITTED.get(code) or _OMITTED.get(code.partition(".")[0], _UNREAD)
