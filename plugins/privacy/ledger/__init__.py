"""The compliance records: append-only, hash-chained, its head signed outside the database. No personal data."""

from privacy.ledger.book import Ledger, Recorded
from privacy.ledger.migrate import upgrade
from privacy.ledger.verification import Verification, entries_of
from privacy.ledger.writing import Writing

__all__ = ["Ledger", "Recorded", "Verification", "Writing", "entries_of", "upgrade"]
