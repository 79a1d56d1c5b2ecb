"""A browser, and the house that the tests of bundles share."""

from conftest_browser import chromium, console, tab
from conftest_bundle import datamap, house, office, papers

__all__ = ["chromium", "console", "datamap", "house", "office", "papers", "tab"]
