"""The bundle: what a data subject gets. Parts while extracting, then one sealed file."""

from privacy.bundle.check import check_bundle
from privacy.bundle.holdings import Facts, Omission
from privacy.bundle.open import open_bundle
from privacy.bundle.parts import Part, PartWriter
from privacy.bundle.scope import Scope
from privacy.bundle.write import BundleSummary, write_bundle

__all__ = [
    "BundleSummary",
    "Facts",
    "Omission",
    "Part",
    "PartWriter",
    "Scope",
    "check_bundle",
    "open_bundle",
    "write_bundle",
]
