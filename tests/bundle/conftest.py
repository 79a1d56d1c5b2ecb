"""The house that the tests of bundles share."""

from conftest_bundle import datamap, frictionless, house, office, papers

__all__ = ["datamap", "frictionless", "house", "office", "papers"]
