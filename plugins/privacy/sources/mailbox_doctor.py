"""What keeps a mailbox from being served as the data map says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from privacy.clock import SystemClock
from privacy.errors import PrivacyError
from privacy.sources.base import Problem

if TYPE_CHECKING:
    from privacy.sources.mailbox import MailboxSource

LEFT_OVER = timedelta(hours=36)
"""After so long nobody delivers a file in ``tmp`` any more: the Maildir format's own rule."""


def check(source: MailboxSource) -> Iterator[Problem]:
    """See :meth:`privacy.sources.base.Source.check`."""
    try:
        source.mail.folders()
        yield from source.mail.problems()
    except PrivacyError as problem:
        yield _told(problem)
        return
    yield from _names(source)
    yield from _messages(source)
    left = source.mail.leftovers(SystemClock().now() - LEFT_OVER)
    if left:
        yield Problem(
            "mailbox.left_over", f"{left} files lie in `tmp` folders since more than 36 hours: broken deliveries.",
            source.system.system, "They are read and purged by nobody: remove them.", fatal=False,
        )  # fmt: skip


def _names(source: MailboxSource) -> Iterator[Problem]:
    """Names and patterns without a folder, and folders that two datasets would give twice."""
    claimed: dict[str, str] = {}
    for name, dataset in source.system.datasets.items():
        there = source.folders(name)
        for missing in source.missing(dataset, there):
            yield Problem(
                "mailbox.no_folder", "There is no such folder.", f"{source.where(name)}: {missing}",
                "Correct the folder's name in the data map, or the connection.",
            )  # fmt: skip
        assert dataset.mailbox is not None  # noqa: S101 - the source was made
        for pattern in dataset.mailbox.folders:
            only = dataset.mailbox.model_copy(update={"folders": (pattern,)})
            if "*" in pattern and not any(only.pattern_of(folder) for folder in source.mail.folders()):
                yield Problem(
                    "mailbox.no_match", "The pattern matches no folder.", f"{source.where(name)}: {pattern}",
                    "Correct or remove it.", fatal=False,
                )  # fmt: skip
        for label, folder in there.items():
            if folder in claimed:
                yield Problem(
                    "mailbox.overlap", f"The folder is of dataset {claimed[folder]!r} too: its messages come twice.",
                    f"{source.where(name)}: {label}", "Make the datasets' `mailbox: folders` exclude each other.",
                )  # fmt: skip
            claimed.setdefault(folder, name)


def _messages(source: MailboxSource) -> Iterator[Problem]:
    for name in source.system.datasets:
        for label in source.folders(name):
            try:
                with source.opened(name, label) as opened:
                    irregular = [stored for stored in opened.messages() if opened.status(stored) is None]
                    yield from (
                        Problem(
                            "mailbox.irregular", "A link, a folder or a special file stands among the messages.",
                            opened.place(stored.name), "Put the message itself there, or remove it.",
                        )
                        for stored in irregular
                    )  # fmt: skip
            except PrivacyError as problem:
                yield _told(problem)


def _told(problem: PrivacyError) -> Problem:
    return Problem(problem.code, problem.message, problem.where, problem.advice)
