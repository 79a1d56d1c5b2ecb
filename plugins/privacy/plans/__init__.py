"""Plans: what goes, fixed to the last item before anything does; guards, doing, and proof. Purge and erasure use it.

A plan is made (:func:`make`), may have to be approved (:func:`allowed`), is done (:func:`do`), looked at again
(:func:`verify`), and its run ended in the ledger (:func:`finish`). Each may be called again after it died half way.
"""

from privacy.plans.doing import APPROVED, ASKED, REFUSED, UNANSWERED, allowed, do, opened
from privacy.plans.ending import Verified, begin, close_lost, finish, verify
from privacy.plans.making import make, rule_of
from privacy.plans.means import Means
from privacy.plans.plan import Plan

__all__ = [
    "APPROVED",
    "ASKED",
    "REFUSED",
    "UNANSWERED",
    "Means",
    "Plan",
    "Verified",
    "allowed",
    "begin",
    "close_lost",
    "do",
    "finish",
    "make",
    "opened",
    "rule_of",
    "verify",
]
