"""The bundle: what a data subject gets. Parts while extracting, then one sealed file."""

from privacy.bundle.parts import Part, PartWriter

__all__ = ["Part", "PartWriter"]
