"""Where the filters of logs (``weblogs_ids``) are kept, when one is believed, and how they are made (ADR 23).

A filter speaks of one version of a log: file, size, time of change, and the checksum and length of its content, which
stand at the end of a compressed file and are read each time. (What an object store says is the version of an object
changes with its content; there nothing else is read.) A log that cannot be bound so has no filter, and is always read:
plain ones in a folder, those of several compressed members, those that somebody still writes.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import time

from privacy.errors import PrivacyError
from privacy.sources.weblogs_ids import FORM, Ids, Words
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_times import micros
from privacy.storage import Entry, Store

_TAIL = 8
"""A compressed file ends with the CRC-32 of its content and its length, four bytes each."""

_YOUNG = 2_000_000
"""Microseconds. A file that was changed a moment ago may be changed once more within the same tick of its clock."""

_HALF = 3600
"""Seconds. Nobody writes at one filter for so long."""


class IdIndex:
    """The filters of one dataset's logs. Several processes may use one folder: each file in it is written whole.

    :param folder: of the log index. :param secret: 32 bytes, which only this installation has.
    """

    def __init__(self, folder: Path, form: LineFormat, secret: bytes) -> None:
        self.folder = folder / "ids" / form.full
        self.words = Words(form, secret)
        self._secret, self._form = secret, _fingerprint(form)

    def get(self, store: Store, entry: Entry) -> Ids | None:
        """The filter of a log; None: there is none that is beyond doubt."""
        name = self._name(entry)
        try:
            ids = Ids.parsed(self._secret, name, (self.folder / name).read_bytes())
            return ids if ids.tail == tail(store, entry) else None
        except (OSError, ValueError, PrivacyError):
            return None

    def put(self, entry: Entry, ids: Ids) -> bool:
        """Keep it; whether it was. That it cannot be written costs time alone."""
        if time() * 1_000_000 - micros(entry.modified) < _YOUNG:
            return False
        name = self._name(entry)
        half = self.folder / f".{name}.{secrets.token_hex(8)}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                half.write_bytes(ids.written(self._secret, name))
                half.replace(self.folder / name)
            finally:
                half.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def forget(self, entry: Entry) -> None:
        """The log is gone, or another now."""
        with suppress(OSError):
            (self.folder / self._name(entry)).unlink(missing_ok=True)

    def keep(self, entries: Iterable[Entry]) -> None:
        """Forget all but these: what is said of logs that are gone, or were read by another format, and what writers
        that were killed left half written.
        """
        names = {self._name(entry) for entry in entries}
        with suppress(OSError):
            for path in list(self.folder.iterdir()):
                half = path.name.startswith(".")
                if path.name not in names and (not half or time() - path.stat().st_mtime > _HALF):
                    path.unlink(missing_ok=True)

    def _name(self, entry: Entry) -> str:
        about = f"{self._form}\n{entry.identity}\n{entry.bytes}\n{micros(entry.modified)}\n{entry.key.endswith('.gz')}"
        return sha256(about.encode()).hexdigest()


def tail(store: Store, entry: Entry) -> bytes:
    """The end of a compressed file; empty where the version itself says the content.

    :raises PrivacyError: it cannot be read.
    """
    if not in_folder(entry):
        return b""
    with store.open(entry.key) as file:
        file.seek(max(0, entry.bytes - _TAIL))
        return file.read(_TAIL + 1)


def in_folder(entry: Entry) -> bool:
    """Whether its version says only when and how large it was, and not what is in it."""
    return not entry.identity.startswith(("etag:", "version:"))


def bound(entry: Entry, end: bytes, content: int) -> bool:
    """Whether a log's version and end say all that is in it.

    :param end: see :func:`tail`. :param content: how many bytes it has uncompressed: more than its end says, where it
        has several compressed members, and the end speaks of the last.
    """
    if not in_folder(entry):
        return True
    return entry.key.endswith(".gz") and len(end) == _TAIL and int.from_bytes(end[4:], "little") == content % 2**32


def _fingerprint(form: LineFormat) -> str:
    """A digest of all by which identifiers are found in a log."""
    columns = form.dataset.columns
    told = [[name, columns[name].identity, columns[name].type] for name in form.group if columns[name].identity]
    starts, moment = form.dataset.starts, form.dataset.time
    times = [[name, columns[name].type, columns[name].form, columns[name].zone]
             for name in (starts and starts.column, moment) if name]  # fmt: skip
    text = json.dumps([FORM, sys.version_info[:2], form.dataset.format, told, times])
    return sha256(text.encode()).hexdigest()
