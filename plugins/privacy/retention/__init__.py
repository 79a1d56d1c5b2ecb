"""Terms: when a record falls due, and the bound before which all records have."""

from privacy.retention.terms import before, day_of, due, opens

__all__ = ["before", "day_of", "due", "opens"]
