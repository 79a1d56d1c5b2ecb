"""What a log is known by between the list and the read, however it is called by then."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """What a partition's file is known by.

    :param digest: sha256 of its first ``head`` uncompressed bytes.
    :param upto: how many uncompressed bytes are read; None: all.
    """

    digest: str
    head: int
    upto: int | None

    def __str__(self) -> str:
        return json.dumps([self.digest, self.head, self.upto])

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """The mark that ``str`` wrote; None for none."""
        return cls(*json.loads(text)) if text else None
