"""Messages of applicants that lie where the purge of applications does not look (edge case 16).

A CV that was mailed to the general address lies in the inbox, under the term of other mail, which is far longer than
two weeks. No program can tell it from an order by the same person, so none deletes it by guess. But it is known who
applied, and when: messages of theirs from about that time are counted (:func:`mail_elsewhere`), and told to an operator
under the code :data:`CODE`. Moved into the folder of applications, a message is taken by the next purge.

It is looked for from the day of the decision, not only when the two weeks are over: the rows that say who applied go
then, and nobody could be told afterwards. What :attr:`Elsewhere.last` counts is told for the last time.

Somebody of whom no row exists cannot be found this way: a CV that nobody registered is other mail to every program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from privacy.datamap.load import Ref
from privacy.datamap.models import Dataset, Strays
from privacy.datamap.moves import column_of
from privacy.datamap.policy import Rule
from privacy.plans.means import Means
from privacy.plans.people import identifiers, rows_of
from privacy.sources.base import PARTY, SUBJECT, WITHHELD, Due, Every, Of, Selection, Subject

CODE = "applicant.mail_elsewhere"
AFTER = timedelta(days=1)
"""So long after the decision a message still belongs to it: the rejection itself, and the answer to it."""
WRITTEN = frozenset({"sender", "reply_to"})
"""The parties of a message who wrote it; all others got it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Messages in other folders that may belong to an application. Each is counted once, whoever else is on it.

    :param received: written by somebody who applied; :param sent: by the shop, or another, to them.
    :param last: of both, those of people whose rows fall due now: after this purge nothing finds them any more.
    :param datasets: of both, how many by the full name of the dataset whose term they are under.
    """

    received: int = 0
    sent: int = 0
    last: int = 0
    datasets: dict[str, int] = field(default_factory=dict)


def mail_elsewhere(means: Means, rule: Rule, pick: Due) -> Elsewhere:
    """Count them, before the purge of the rule. Nothing is changed.

    Mail that the shop has to keep (``erasure: {do: retain}``) was filed as such by a person and is not looked at; nor
    is a message that only mentions somebody. It reads all other messages once, and none while nobody has applied.

    :param pick: the bound of the rule's plan.
    :returns: counts; all zero where no dataset of the rule says ``strays``.
    :raises RetryLater, Unreadable: as :meth:`Source.read`: a count of some folders would pass for one of all.
    """
    received: set[tuple[object, ...]] = set()
    sent: set[tuple[object, ...]] = set()
    last: set[tuple[object, ...]] = set()
    datasets: dict[str, int] = {}
    for full in rule.datasets:
        ref = means.datamap[full]
        if ref.dataset.strays is None or ref.dataset.follows is None:
            continue
        people = list(_applied(means, ref, means.datamap[ref.dataset.follows], ref.dataset.strays, pick))
        whose = Of(tuple(subject for subject, _ in people))
        over = {subject.no for subject, due in people if due}
        for name, other in ref.system.datasets.items() if people else ():
            where = f"{ref.system.system}.{name}"
            if where in rule.datasets or not _other(other):
                continue
            theirs: set[tuple[object, ...]] = set()
            for row in rows_of(means.source(ref.system.system), Selection(name, whose)):
                if row.get(WITHHELD) is not None:
                    continue
                key = (where, *(row[column] for column in other.key))
                (received if WRITTEN & set(str(row[PARTY]).split(",")) else sent).add(key)
                theirs.add(key)
                if row[SUBJECT] in over:
                    last.add(key)
            if theirs:
                datasets[where] = len(theirs)
    return Elsewhere(len(received), len(sent - received), len(last), datasets)


def _other(dataset: Dataset) -> bool:
    return dataset.mailbox is not None and dataset.erasure.do != "retain"


def _applied(means: Means, ref: Ref, followed: Ref, strays: Strays, pick: Due) -> Iterator[tuple[Subject, bool]]:
    """Everybody with an application that is decided, by addresses that count for the time around each; whether due."""
    source, ahead = means.source(followed.system.system), timedelta(days=int(strays.ahead[1:-1]))
    of, times = means.datamap[strays.of], dict[object, list[tuple[datetime | None, datetime]]]()
    # Checked when the data map was loaded: each has exactly one.
    there, here = str(column_of(of.dataset, strays.by)), str(column_of(followed.dataset, strays.by))
    for row in rows_of(means.source(of.system.system), Selection(of.name, Every())):
        if ends := [row[name] for name in strays.until if row[name] is not None]:
            since = row[strays.since]
            times.setdefault(row[there], []).append((None if since is None else since - ahead, max(ends) + AFTER))
    if not times:
        return
    due = {_key(followed, row) for row in rows_of(source, Selection(followed.name, pick))}
    kinds, no = ref.dataset.kinds, 0
    columns = [name for name, column in followed.dataset.columns.items() if column.identity in kinds]
    for row in rows_of(source, Selection(followed.name, Every())):
        known = sorted(identifiers(means.datamap, followed, row, columns), key=lambda i: (i.kind, str(i.value)))
        found = tuple(
            replace(i, valid_from=low, valid_to=high) for i in known for low, high in times.get(row[here], ())
        )
        if found:
            no += 1
            yield Subject(no, found), _key(followed, row) in due


def _key(ref: Ref, row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(row[name] for name in ref.dataset.key)
