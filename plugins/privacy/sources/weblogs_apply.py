"""Removing and changing lines: a file is rewritten once for all steps; the old one stands until the new one is whole.

What is not touched stays byte for byte; a compressed file stays compressed; permissions, owner and time of change
are kept, so that no clock restarts (edge case 7). Lines of those who are to be spared stay.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import BinaryIO, cast

from isal import igzip

from privacy.errors import BadConfiguration, GiveUp, PrivacyError, Refused, RetryLater
from privacy.sources.base import Delete, Due, Item, Of, Outcome, Redaction, Set, Status, Step
from privacy.sources.weblogs_blocks import NEWLINE, Behind, Seen
from privacy.sources.weblogs_files import LogFiles
from privacy.sources.weblogs_lines import LineFormat, empty
from privacy.sources.weblogs_match import DueMatcher, Matcher, Span
from privacy.sources.weblogs_scan import matcher, settle
from privacy.sources.weblogs_times import micros
from privacy.storage import Entry


def version(entry: Entry) -> str:
    """A digest of what a file was when it was looked at: it differs when the file was changed or replaced."""
    text = f"{entry.identity} {entry.bytes} {micros(entry.modified)}"
    return sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class _Job:
    """One step's part in one file."""

    item: Item
    step: Step
    pick: Matcher | DueMatcher | None = None
    records: int = 0
    bytes: int = 0
    held: int = 0


class _Stop(Exception):
    """Nothing is to be written after all."""


@dataclass(slots=True)
class _Rewrite:
    """The streaming of one file."""

    form: LineFormat
    jobs: list[_Job]
    spares: list[Matcher]
    kept: int = 0

    def run(self, blocks: Iterator[bytearray], out: BinaryIO) -> None:
        """Copy the blocks to ``out`` without, or with changed, lines."""
        if len(self.jobs) == 1 and not self.spares and isinstance(self.jobs[0].step.change, Delete):
            pick = self.jobs[0].pick
            if isinstance(pick, DueMatcher):
                self._drop(self.jobs[0], pick, blocks, out)
                return
        for block in blocks:
            at = 0
            for start, end in self._spans(block):
                through = min(end + 1, len(block))
                line = bytes(block[start:end])
                new = self._line(line)
                if new is not line:
                    self._put(out, block[at:start])
                    if new is not None:
                        self._put(out, new + block[end:through])
                    at = through
            self._put(out, block[at:])

    def _drop(self, job: _Job, pick: DueMatcher, blocks: Iterator[bytearray], out: BinaryIO) -> None:
        """Copy what is not due; nothing else is to be done, and nobody is to be spared."""
        with Behind(out) as behind:
            for block in blocks:
                at, kept = 0, []
                for start, end, lines in pick.due(block):
                    kept.append(block[at:start])
                    job.records += lines
                    # A last line without a newline counts as long as one that has it.
                    job.bytes += end - start + (block[end - 1] != NEWLINE)
                    at = end
                kept.append(block[at:])
                self._put(behind, b"".join(kept))

    def _put(self, out: BinaryIO | Behind, data: bytes | bytearray) -> None:
        self.kept += len(data)
        out.write(data)

    def _spans(self, block: bytearray) -> list[Span]:
        """The lines that some step may be about."""
        found: dict[int, int] = {}
        for job in self.jobs:
            spans = job.pick.candidates(block) if job.pick is not None else []
            if spans is None:
                return _every(block)
            found.update(spans)
        return sorted(found.items())

    def _line(self, line: bytes) -> bytes | None:
        """The line itself, a changed one, or None: to be removed."""
        mine = [job for job in self.jobs if job.pick is not None and (p := job.pick.pick(line)) is not None and p.rows]
        if not mine:
            return line
        # Also a line that only may be theirs: of an unreadable time or form, or of a visit that is contested.
        if any(spare.pick(line) is not None for spare in self.spares):
            for job in mine:
                job.held += 1
            return line
        deletes = any(isinstance(job.step.change, Delete) for job in mine)
        if not deletes and self.form.match(line) is None:
            return line  # A line in no known form has no fields to set.
        values: dict[str, object] = {}
        for job in mine:
            job.records += 1
            job.bytes += len(line) + 1
            values |= job.step.change.columns if isinstance(job.step.change, Set) else {}
        return None if deletes else self._set(line, values)

    def _set(self, line: bytes, values: dict[str, object]) -> bytes:
        found = self.form.match(line)
        assert found is not None  # noqa: S101 - see _line
        parts, at = [], 0
        wanted: dict[str, bytes] = {}
        for start, end, name in sorted((*found.span(self.form.group[name]), name) for name in values):
            if start < 0:
                continue
            wanted[name] = self._value(name, values[name], found)
            parts += [line[at:start], wanted[name]]
            at = end
        new = b"".join((*parts, line[at:]))
        again = self.form.match(new)
        if again is None or b"\n" in new or any(again.group(name) != value for name, value in wanted.items()):
            raise Refused(
                "weblogs.cannot_set", "A line with that value would no longer be in the log's format.",
                where=self.form.full,
            )  # fmt: skip
        return new

    def _value(self, name: str, value: object, found: re.Match[bytes]) -> bytes:
        column = self.form.dataset.columns[name]
        if value is None or value is Redaction.NULL:
            return b"-"
        if value is Redaction.UNIQUE:
            # Integers far above any real number; 63 bits.
            return b"%d" % (2**62 + secrets.randbits(61)) if column.type == "integer" else secrets.token_hex(8).encode()
        if isinstance(value, datetime):
            raw = found.group(name)
            nginx = not empty(raw) and raw[2:3] == b"/"
            return (nginx_time(value) if nginx else value.isoformat()).encode()
        if isinstance(value, date):
            return value.isoformat().encode()
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def nginx_time(value: datetime) -> str:
    """``25/Nov/2025:10:00:00 +0100``, whatever the process's language is."""
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[value.month - 1]
    return value.strftime(f"%d/{month}/%Y:%H:%M:%S %z")


def apply(files: LogFiles, form: LineFormat, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
    """Do the steps of one dataset, file by file; all outcomes of a file follow each other.

    A file is all or nothing; a unit of several files is not. It is safe to repeat: what is done is ``gone`` then.
    ``held`` with the reason ``held:n``: n lines of those to be spared stayed, the others were removed or changed.

    :raises RetryLater: ``storage.full``; the file is as it was.
    :raises BadConfiguration: a column that no line has a field for is to be set.
    """
    for step in unit:
        for name in step.change.columns if isinstance(step.change, Set) else ():
            if name not in form.group:
                raise BadConfiguration(
                    "weblogs.cannot_set", f"Column {name!r} is no field of a line.", where=form.full,
                    advice="Set columns that the format has a group for.",
                )  # fmt: skip
    jobs: dict[str, list[_Job]] = defaultdict(list)
    for step in unit:
        for item in step.items:
            jobs[str(item.key[0])].append(_Job(item, step))
    if jobs:
        files.store.sweep(files.prefix)
    for key, here in jobs.items():
        yield from _file(files, form, key, here, spare)


def _file(
    files: LogFiles, form: LineFormat, key: str, jobs: list[_Job], spare: Sequence[Of]
) -> Iterator[Outcome]:  # fmt: skip
    try:
        if not files.claims(key):
            raise Refused("weblogs.not_a_log", "The object is none of the dataset's.", where=form.full)
        entry = files.store.stat(key)
        if entry.regular and files.active(entry, files.entries()) and not _silent(entry, jobs):
            yield from _all(jobs, Status.CHANGED, "active")
            return
        current = [job for job in jobs if job.item.version == version(entry)]
        for job in jobs:
            job.pick = matcher(files, form, job.step.selection, entry)
            _settle(files, entry, job.pick)
        spares = [Matcher(form, of) for of in spare]
        for held in spares:
            _settle(files, entry, held)
        for job in [job for job in jobs if job not in current]:
            left = _left(files, entry, job)
            yield Outcome(job.item.key, Status.CHANGED if left else Status.GONE, 0, 0, "version" if left else "")
        if current:
            _rewrite(files, form, entry, current, [held for held in spares if held.selects])
            for job in current:
                yield _outcome(job)
    except PrivacyError as problem:
        yield from _failed(jobs, problem)


def _failed(jobs: list[_Job], problem: PrivacyError) -> Iterator[Outcome]:
    """What a problem with one file means for its items; others go on."""
    if problem.code == "storage.missing":
        yield from _all(jobs, Status.GONE, "")
    elif problem.code == "storage.changed":
        yield from _all(jobs, Status.CHANGED, "version")
    elif problem.code == "storage.held":
        yield from _all(jobs, Status.HELD, problem.code)
    elif isinstance(problem, RetryLater):
        raise problem
    elif isinstance(problem, GiveUp | Refused):
        yield from _all(jobs, Status.FAILED, problem.code)
    else:
        raise problem


def _all(jobs: list[_Job], status: Status, reason: str) -> Iterator[Outcome]:
    for job in jobs:
        yield Outcome(job.item.key, status, 0, 0, reason)


def _silent(entry: Entry, jobs: list[_Job]) -> bool:
    """Whether a plain file was not written to since a bound that it is due by: nobody writes it any more."""
    picks = [job.step.selection.pick for job in jobs]
    return all(isinstance(pick, Due) and entry.modified < pick.before for pick in picks)


def _settle(files: LogFiles, entry: Entry, pick: Matcher | DueMatcher) -> None:
    if isinstance(pick, Matcher) and pick.windows:
        with files.open(entry, None) as log:
            settle(files, log, pick, Seen())


def _left(files: LogFiles, entry: Entry, job: _Job) -> bool:
    """Whether a file that was changed still holds selected lines."""
    probe = _Job(job.item, Step(job.step.selection, Delete(), ()), job.pick)
    rewrite = _Rewrite(files.form, [probe], [])
    with files.open(entry, None) as log:
        rewrite.run(log.blocks(), _Nowhere())  # type: ignore[arg-type]
    return probe.records > 0


class _Nowhere:
    """Takes what is written to it, and forgets it."""

    def write(self, data: bytes) -> int:
        return len(data)


def _rewrite(files: LogFiles, form: LineFormat, entry: Entry, jobs: list[_Job], spares: list[Matcher]) -> None:
    rewrite = _Rewrite(form, jobs, spares)
    try:
        with ExitStack() as stack:
            log = stack.enter_context(files.open(entry, None))
            out = stack.enter_context(files.store.write(entry.key, replacing=entry))
            if entry.key.endswith(".gz"):
                made = igzip.IGzipFile(  # type: ignore[no-untyped-call]
                    fileobj=out, mode="wb", compresslevel=2, mtime=int(entry.modified.timestamp()), filename=""
                )
                out = cast(BinaryIO, stack.enter_context(made))
            rewrite.run(log.blocks(), out)
            if not any(job.records for job in jobs) or not rewrite.kept:
                raise _Stop
    except _Stop:
        if not any(job.records for job in jobs):
            return
        files.store.delete(entry.key, expected=entry)
    files.forget(entry)


def _outcome(job: _Job) -> Outcome:
    if job.held:
        return Outcome(job.item.key, Status.HELD, job.records, job.bytes, f"held:{job.held}")
    return Outcome(job.item.key, Status.DONE if job.records else Status.GONE, job.records, job.bytes)


def _every(block: bytearray) -> list[Span]:
    found, at = [], 0
    while at < len(block):
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        found.append((at, end))
        at = end + 1
    return found
