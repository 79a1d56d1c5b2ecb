"""The log index: what was learned of the times in a log, so that one that is closed is read once and not every night.

It is derived: it may be deleted at any time, and whatever is in doubt is read again. A log is known by its file, size
and time of change (as in an item's version), under the format by which it was read; not by its name, so that it may be
rotated on. There is nothing of a person in it: counts, the first and last instant, digests of a whole log and of its
beginning. What is said of files that are gone goes when files are listed, or the file is removed here (LOG-12M).
"""

from __future__ import annotations

import json
import secrets
import sys
import zoneinfo
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from importlib import resources
from pathlib import Path
from time import time

from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_times import micros
from privacy.storage import Entry

_FORM = 2
"""Another number makes all that was written before be read again."""

_YOUNG = 2_000_000
"""Microseconds. A file that was changed a moment ago may be changed once more within the same tick of its clock."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a log that is closed says of times; instants are microseconds since 1970 in UTC.

    :param lines: how many it has; ``bytes``: their size, each with a newline.
    :param undated: those in no known form, or without a time that can be read.
    :param first, last: the earliest and the latest time of the others; None: there are none.
    :param digest: sha256 (hex) over all lines, as an item's that matches whole.
    :param head, size: sha256 of its first ``size`` uncompressed bytes; ``begins``: the earliest time among those.
    """

    lines: int
    bytes: int
    undated: int
    first: int | None
    last: int | None
    digest: str
    head: str
    size: int
    begins: int | None

    def __post_init__(self) -> None:
        """:raises ValueError: it cannot be."""
        counts = (self.lines, self.bytes, self.undated, self.size)
        whole = all(type(n) is int and n >= 0 for n in counts)
        times = all(n is None or type(n) is int for n in (self.first, self.last, self.begins))
        texts = all(type(text) is str and len(text) == 64 for text in (self.digest, self.head))
        if not (whole and times and texts and self.undated <= self.lines):
            raise ValueError

    def span(self, modified: int) -> tuple[int, int] | None:
        """From when to when its lines are, where the undated are as old as the file; None: it has no line."""
        times = [time for time in (self.first, self.last) if time is not None]
        times += [modified] * (self.undated > 0)
        return (min(times), max(times)) if times else None


class LogIndex:
    """What is known of one dataset's logs. Two processes may use one folder: each file in it is written whole.

    :param folder: of all indexes; None: it is kept in memory, for this object alone.
    """

    def __init__(self, folder: Path | None, form: LineFormat) -> None:
        self._folder = None if folder is None else folder / form.full
        self._memory: dict[str, Known] = {}
        self._form = _fingerprint(form)

    def get(self, entry: Entry) -> Known | None:
        """What is known of a log; None: nothing, or nothing that is beyond doubt."""
        name = self._name(entry)
        if self._folder is None:
            return self._memory.get(name)
        try:
            found = json.loads((self._folder / name).read_bytes())
            known = Known(**found["known"])
            return known if found["sha256"] == _seal(name, known) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def put(self, entry: Entry, known: Known) -> None:
        """Remember it. That it cannot be written costs time alone, the next time."""
        if time() * 1_000_000 - micros(entry.modified) < _YOUNG:
            return
        name = self._name(entry)
        if self._folder is None:
            self._memory[name] = known
            return
        text = json.dumps({"known": asdict(known), "sha256": _seal(name, known)})
        half = self._folder / f".{name}.{secrets.token_hex(8)}"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                half.write_text(text)
                half.replace(self._folder / name)
            finally:
                half.unlink(missing_ok=True)

    def forget(self, entry: Entry) -> None:
        """The file is gone, or another now."""
        name = self._name(entry)
        self._memory.pop(name, None)
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def keep(self, entries: Iterable[Entry]) -> None:
        """Forget all but these: what is said of files that are gone, or were read by another format."""
        names = {self._name(entry) for entry in entries}
        self._memory = {name: known for name, known in self._memory.items() if name in names}
        if self._folder is not None:
            with suppress(OSError):
                for path in list(self._folder.iterdir()):
                    if path.name not in names:
                        path.unlink(missing_ok=True)

    def _name(self, entry: Entry) -> str:
        packed = entry.key.endswith(".gz")
        about = f"{self._form}\n{entry.identity}\n{entry.bytes}\n{micros(entry.modified)}\n{packed}"
        return sha256(about.encode()).hexdigest()


def _seal(name: str, known: Known) -> str:
    """What shows that a file was written whole, and for this log."""
    values = [getattr(known, field.name) for field in fields(known)]
    return sha256(json.dumps([name, values]).encode()).hexdigest()


def _fingerprint(form: LineFormat) -> str:
    """A digest of all by which a line's time is read: the format, the column, the rules of its zone."""
    starts, time_ = form.dataset.starts, form.dataset.time
    name = starts.column if starts else None
    told: list[object] = [_FORM, sys.version_info[:2], form.dataset.format, name]
    for each in (name, time_):
        column = None if each is None else form.dataset.columns[each]
        told += [] if column is None else [each, column.type, column.form, _rules(column.zone or "UTC")]
    return sha256(json.dumps(told).encode()).hexdigest()


def _rules(zone: str) -> list[str]:
    """A zone and a digest of its rules: governments change them, also for times that have been."""
    for folder in zoneinfo.TZPATH:
        with suppress(OSError):
            return [zone, sha256((Path(folder) / zone).read_bytes()).hexdigest()]
    with suppress(OSError, ModuleNotFoundError):
        return [zone, sha256(resources.files("tzdata.zoneinfo").joinpath(zone).read_bytes()).hexdigest()]
    return [zone, secrets.token_hex(16)]  # They cannot be told: then nothing is known from one start to the next.
