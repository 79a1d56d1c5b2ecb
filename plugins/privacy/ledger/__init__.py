"""The compliance records: append-only, hash-chained, its head signed outside the database. No personal data."""

from privacy.ledger.book import Ledger, Recorded, Verification, Writing
from privacy.ledger.migrate import upgrade

__all__ = ["Ledger", "Recorded", "Verification", "Writing", "upgrade"]
