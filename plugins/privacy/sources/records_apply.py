"""Removing and changing records: a file is rewritten once for all steps; the old one stands until the new one is whole.

First it is found out which rows go, change or are to be spared; then the file is written anew by row number, in its own
form (:mod:`privacy.sources.records_rewrite`), with its permissions, owner and time of change (edge case 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from privacy.errors import BadConfiguration, GiveUp, PrivacyError, Refused, RetryLater
from privacy.sources.base import Delete, Item, Kept, Of, Outcome, Set, Status, Step
from privacy.sources.records_files import File, RecordFiles, form_of
from privacy.sources.records_match import Matcher, Pick, Seen, place
from privacy.sources.records_own import Own
from privacy.sources.records_rewrite import not_redacted, rewrite
from privacy.sources.records_rewrite_parquet import Changes
from privacy.sources.records_scan import Scanner, Told, locating
from privacy.sources.weblogs_apply import version


@dataclass(slots=True)
class _Job:
    """One step's part in one file.

    :param own: what tells which values are the subjects', where others are in its records too.
    :param rows: those it is about, with their sizes. :param given: of those with others in them, what each is given.
    """

    item: Item
    step: Step
    pick: Pick
    own: Own | None = None
    rows: dict[int, int] = field(default_factory=dict, repr=False)
    given: dict[int, dict[str, object]] = field(default_factory=dict, repr=False)
    records: int = 0
    bytes: int = 0
    held: int = 0


def apply(files: RecordFiles, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
    """Do the steps of one dataset, file by file; all outcomes of a file follow each other.

    A file is all or nothing; a unit of several files is not. It is safe to repeat: what is done is ``gone`` then.
    ``held`` with the reason ``held:n``: n records of those to be spared stayed, the others were removed or changed.

    :raises RetryLater: ``storage.full``; the file is as it was.
    :raises BadConfiguration: a column is to be set that is no plain path.
    """
    layout = files.layout
    for step in unit:
        for name in step.change.columns if isinstance(step.change, Set) else ():
            if not step.selection.shared and not layout.settable(name):
                raise BadConfiguration(
                    "records.cannot_set", f"Column {name!r} is no plain path, so nothing can be written there.",
                    where=layout.full, advice="Set columns whose path is plain, like visitor.email.",
                )  # fmt: skip
    jobs: dict[str, list[_Job]] = defaultdict(list)
    for step in unit:
        # Before anything is changed: which versions go with a record that is due, all dumps together tell.
        if step.items:
            pick = locating(files, step.selection)
            own = None
            if step.selection.shared and isinstance(step.change, Set) and isinstance(pick, Matcher):
                own = Own(layout, pick, step.change)
            for item in step.items:
                jobs[str(item.key[0])].append(_Job(item, step, pick, own))
    if jobs:
        files.store.sweep(files.prefix)
    mine = [of for of in spare if not isinstance(of, Kept) or of.dataset == layout.full.partition(".")[2]]
    for key, here in jobs.items():
        yield from _file(files, key, here, mine)


def _file(files: RecordFiles, key: str, jobs: list[_Job], spare: Sequence[Of]) -> Iterator[Outcome]:
    try:
        form = form_of(key)
        if form is None or not files.claims(key) or not files.named(key):
            raise Refused("records.not_ours", "The object is none of the dataset's.", where=files.layout.full)
        entry = files.store.stat(key)
        file = File(entry, form, None, files.layout.full)
        current = [job for job in jobs if job.item.version == version(entry)]
        if current and files.active(file):
            yield from _all(jobs, Status.CHANGED, "active")
            return
        told = Told()
        for job in jobs:
            _find(files, file, job, told)
        for job in [job for job in jobs if job not in current]:
            left = bool(job.rows)
            yield Outcome(job.item.key, Status.CHANGED if left else Status.GONE, 0, 0, "version" if left else "")
        if current:
            _change(files, file, current, _held(files, file, spare), told.records)
            for job in current:
                yield _outcome(job)
    except PrivacyError as problem:
        yield from _failed(jobs, problem)


def _find(files: RecordFiles, file: File, job: _Job, told: Told) -> None:
    for group, found in Scanner(files, job.pick).judged(file, told):
        for index, judged in found:
            if judged.rows:
                seen = group.seen[index]
                job.rows[seen[1]] = group.size(index)
                if job.own is not None:
                    job.given[seen[1]] = job.own.of(seen)


def _held(files: RecordFiles, file: File, spare: Sequence[Of]) -> set[int] | None:
    """The rows that are to be spared, also those that only may be theirs; None: all."""
    rows: set[int] = set()
    for of in spare:
        if isinstance(of, Kept) and of.whole:
            return None
        pick = Matcher(files.layout, of)
        if pick.selects:
            for group, found in Scanner(files, pick).judged(file, Told()):
                rows.update(group.seen[index][1] for index, _ in found)
        if isinstance(of, Kept) and of.keys:
            for group in Scanner(files, pick).groups(file, Told(), output=True, every=True):
                rows.update(seen[1] for seen in group.seen if _key(files, seen) in of.keys)
    return rows


def _key(files: RecordFiles, seen: Seen) -> tuple[str, ...]:
    layout = files.layout
    return tuple(str(layout.value(name, seen[0], place(seen))) for name in layout.dataset.key)


def _change(files: RecordFiles, file: File, jobs: list[_Job], held: set[int] | None, total: int) -> None:
    changes = Changes()
    for job in jobs:
        for row, size in job.rows.items():
            if held is None or row in held:
                job.held += 1
                continue
            job.records += 1
            job.bytes += size
            if isinstance(job.step.change, Delete):
                changes.gone.add(row)
            else:
                given = job.given.get(row, job.step.change.columns)
                if not given:
                    raise not_redacted(file.where)
                changes.values.setdefault(row, {}).update(given)
                if job.own is not None:
                    changes.still[row] = job.own.still
    if len(changes.gone) == total and total:
        files.store.delete(file.entry.key, expected=file.entry)
    elif changes:
        rewrite(files, file, changes)


def _outcome(job: _Job) -> Outcome:
    if job.held:
        return Outcome(job.item.key, Status.HELD, job.records, job.bytes, f"held:{job.held}")
    return Outcome(job.item.key, Status.DONE if job.records else Status.GONE, job.records, job.bytes)


def _failed(jobs: list[_Job], problem: PrivacyError) -> Iterator[Outcome]:
    """What a problem with one file means for its items; others go on."""
    if problem.code == "storage.missing":
        yield from _all(jobs, Status.GONE, "")
    elif problem.code in ("storage.changed", "records.changed"):
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
