"""The bundle: what a data subject gets. Parts while extracting, then one sealed file."""

from privacy.bundle.check import check_bundle
from privacy.bundle.open import open_bundle
from privacy.bundle.package import Facts, Omission
from privacy.bundle.parts import Part, PartWriter
from privacy.bundle.write import BundleSummary, write_bundle

__all__ = [
    "BundleSummary",
    "Facts",
    "Omission",
    "Part",
    "PartWriter",
    "check_bundle",
    "open_bundle",
    "write_bundle",
]
