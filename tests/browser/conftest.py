"""A browser, and the house that the tests of bundles share."""

from conftest_browser import browser
from conftest_bundle import datamap, house, office, papers

__all__ = ["browser", "datamap", "house", "office", "papers"]
