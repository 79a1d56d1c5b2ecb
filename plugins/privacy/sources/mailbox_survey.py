"""What an archive holds, as far as terms are concerned: by the lists of its folders; no message is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from privacy.sources.base import Due, Survey
from privacy.sources.due import Count, countable
from privacy.sources.instants import micros

if TYPE_CHECKING:
    from privacy.sources.mailbox import MailboxSource


def survey(source: MailboxSource, name: str, now: datetime, picks: Sequence[Due]) -> Survey:
    """See :meth:`privacy.sources.base.Surveying.survey`; of what is no message at all the doctor tells.

    :raises RetryLater, Unreadable: a folder cannot be listed whole, or a message was moved meanwhile.
    """
    countable(picks, source.where(name))
    timed, count = source.dataset(name).starts is not None, Count(now, picks)
    for label in source.folders(name):
        with source.opened(name, label) as folder:
            for stored in folder.messages():
                if (status := folder.status(stored)) is not None:
                    count.add(micros(stored.received) if timed else None)
                    count.bytes += status[0]
    return count.survey()
