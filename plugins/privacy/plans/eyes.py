"""Four eyes, where the installation asks for them: who registered or started something, or said what is to be changed
or whose it is, does not approve it too.

Held where an answer is written down, and again where it is read before anything is changed, so that the desk and
Airflow's Required Actions obey alike. Names are those of the ledger: users of Airflow, or of the machine for what was
done on the command line. Who has both is told apart from themselves only where both are called the same.
"""

from __future__ import annotations

from privacy.errors import Refused
from privacy.ledger import Ledger

_LONGEST = 100
"""Characters of a name that count: the desk writes no more of one."""


_SAID = ("request.received", "request.decided", "request.correction")
"""The ledger's words for what somebody said of a request that its plan follows from: that it is there, whose it is, and
what it should say. With a run that starts by itself, one person could do all of it, and approve it."""


def parties(ledger: Ledger, run: str, request: str | None) -> frozenset[str]:
    """Who started a run; who registered its request, decided whose it is, or wrote down what to correct: in lower
    case, as they are compared.
    """
    found = [str(e.entry["actor"]) for e in ledger.entries(run=run, kind="run.begun")]
    if request is not None:
        found += [str(e.entry["actor"]) for kind in _SAID for e in ledger.entries(request=request, kind=kind)]
    return frozenset(part for actor in found for part in _people(actor))


def is_party(by: str, there: frozenset[str]) -> bool:
    """Whether somebody is one of them."""
    return bool(_people(by) & there)


def check(ledger: Ledger, run: str, request: str | None, by: str, *, kind: str) -> None:
    """Whether somebody else than who registered and started it approves.

    :param by: who approves, as the ledger names them. :param kind: the beginning of the error's code.
    :raises Refused: ``<kind>.four_eyes``.
    """
    if is_party(by, parties(ledger, run, request)):
        raise Refused(
            f"{kind}.four_eyes", "Who registered, decided or started this may not approve it too; nothing was changed.",
            where=request or run, advice="Start it again, and let somebody else approve (PRIVACY_FOUR_EYES).",
        )  # fmt: skip


def _people(actor: str) -> frozenset[str]:
    # "Anna, by root": somebody acted for another, and both are named; so is whoever is called like that.
    return frozenset(_plain(part) for part in actor.split(", by "))


def _plain(name: str) -> str:
    # The desk writes no character of a name that is not seen; Airflow does.
    return "".join(c for c in name if c.isprintable()).strip()[:_LONGEST].casefold()
