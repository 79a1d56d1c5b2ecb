"""The standard suite: what every source must do, for every dataset, with nothing written for it.

Public to the data team. Three lines make a test of every dataset of a data map (:func:`dataset_suite`); a new kind of
source is tried over :class:`Stores`, or over a :class:`Bench` of its own.
"""

from privacy.testing.memory import MemoryBench, MemorySource, MemoryStore
from privacy.testing.stores import Bench, Scratch, Stores
from privacy.testing.suite import CHECKS, Check, dataset_suite
from privacy.testing.whose import examples_of, parties

__all__ = [
    "CHECKS",
    "Bench",
    "Check",
    "MemoryBench",
    "MemorySource",
    "MemoryStore",
    "Scratch",
    "Stores",
    "dataset_suite",
    "examples_of",
    "parties",
]
