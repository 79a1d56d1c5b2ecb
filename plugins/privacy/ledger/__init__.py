"""The compliance records: append-only, hash-chained, its head signed outside the database. No personal data."""

from privacy.ledger.book import Ledger, Recorded
from privacy.ledger.chain import Head, SignedHead
from privacy.ledger.migrate import upgrade
from privacy.ledger.runs import RuleRun
from privacy.ledger.verification import Verification, entries_of
from privacy.ledger.writing import Writing

__all__ = [
    "Head",
    "Ledger",
    "Recorded",
    "RuleRun",
    "SignedHead",
    "Verification",
    "Writing",
    "entries_of",
    "upgrade",
]
