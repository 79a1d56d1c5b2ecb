"""Which files a replay has looked through, so that a nightly one reads only what is new (edge case 10)."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import TYPE_CHECKING

from privacy.rights.markers import Markers

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.sources.base import Partition

FILE = "replayed.json"


class Walked:
    """What was looked through under the markers that there are now: a new marker makes all of it unknown again.

    It may be deleted at any time: then everything is looked through. Names of files stand in it as keyed digests.
    """

    def __init__(self, house: House) -> None:
        self._path = house.settings.state / "index" / FILE
        self._key = house.key.derive("replayed")
        made = sha256()
        for marker in Markers(house).all():
            made.update(f"{marker.mark} {marker.theirs}\n".encode())
        self._markers = made.hexdigest()
        self._before = self._read()
        self._now: set[str] = set()

    def knows(self, dataset: str, partition: Partition) -> bool:
        """Whether this very file was looked through."""
        digest = self._digest(dataset, partition)
        if digest in self._before:
            self._now.add(digest)
            return True
        return False

    def add(self, dataset: str, partition: Partition) -> None:
        """It was looked through now."""
        self._now.add(self._digest(dataset, partition))

    def save(self) -> None:
        """Remember it; what cannot be written is looked through again."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path.with_name(f".{FILE}")
            new.write_text(json.dumps({"markers": self._markers, "files": sorted(self._now)}))
            new.replace(self._path)
        except OSError:
            return

    def _digest(self, dataset: str, partition: Partition) -> str:
        said = json.dumps([dataset, partition.name, partition.bytes, partition.mark])
        return hmac.new(self._key, said.encode("utf-8", "surrogatepass"), sha256).hexdigest()[:32]

    def _read(self) -> frozenset[str]:
        try:
            said = json.loads(self._path.read_bytes())
            return frozenset(said["files"]) if said["markers"] == self._markers else frozenset()
        except (OSError, ValueError, KeyError, TypeError):
            return frozenset()
