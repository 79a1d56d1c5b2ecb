"""Runs of rules as the ledger has them: how each began and how it ended, in one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import sqlalchemy as sa

from privacy.ledger.tables import ledger

RECENT = 100
"""So many runs back the latest by its moment is looked for."""


@dataclass(frozen=True, slots=True)
class RuleRun:
    """A run of a rule. All moments are aware; counts are of records unless they say otherwise.

    :param first, last: the numbers of its first and last entry of these two; the same while it has not ended.
    :param status: ``begun`` while its end is not recorded; else ``done``, ``failed``, ``stopped``.
    :param as_of: what its plan was fixed at; of a run that could not plan: when it began.
    :param bound: records that started before it were to go.
    :param datasets: what was deleted of each: (records, bytes).
    :param retained: by reason. :param late_by: an ISO 8601 duration.
    """

    run: str
    rule: str
    pipeline: str
    actor: str
    code_version: str
    policy_version: str
    first: int
    last: int
    begun_at: datetime
    as_of: datetime
    ended_at: datetime | None = None
    status: str = "begun"
    reason: str = ""
    promises: tuple[str, ...] = ()
    limit: str = ""
    bound: datetime | None = None
    plan_digest: str = ""
    candidates: int | None = None
    datasets: dict[str, tuple[int, int]] = field(default_factory=dict)
    deleted: int = 0
    bytes: int = 0
    retained: dict[str, int] = field(default_factory=dict)
    held: int = 0
    failed: int = 0
    oldest_remaining: datetime | None = None
    late: int | None = None
    late_by: str = ""
    undated: int | None = None
    unreadable: int | None = None
    future: int | None = None
    foreseen: int | None = None
    derived: bool = False

    @property
    def done(self) -> bool:
        """Only this is green."""
        return self.status == "done"

    @classmethod
    def of(cls, first: int, begun: str, last: int | None, ended: str | None) -> Self:
        """From the two entries' texts; the second None while the run has not ended."""
        b: dict[str, Any] = json.loads(begun)
        e: dict[str, Any] = json.loads(ended) if ended is not None else {}
        at = datetime.fromisoformat(b["at"])
        return cls(
            run=b["run"], rule=b.get("rule", ""), pipeline=b["pipeline"], actor=b["actor"],
            code_version=b["code_version"], policy_version=b["policy_version"],
            first=first, last=first if last is None else last, begun_at=at, as_of=_moment(b.get("as_of")) or at,
            ended_at=_moment(e.get("at")), status=e.get("status", "begun"), reason=e.get("reason", ""),
            promises=tuple(b.get("promises", ())), limit=b.get("limit", ""), bound=_moment(b.get("bound")),
            plan_digest=b.get("plan_digest", ""), candidates=b.get("candidates"),
            datasets={name: (n["records"], n["bytes"]) for name, n in e.get("datasets", {}).items()},
            deleted=e.get("deleted", 0), bytes=e.get("bytes", 0), retained=e.get("retained", {}),
            held=e.get("held", 0), failed=e.get("failed", 0), oldest_remaining=_moment(e.get("oldest_remaining")),
            late=e.get("late"), late_by=e.get("late_by", ""), undated=e.get("undated"),
            unreadable=e.get("unreadable"), future=e.get("future"),
            foreseen=e.get("foreseen"), derived=bool(e.get("derived")),
        )  # fmt: skip


def last(connection: sa.Connection, rule: str, status: str | None) -> RuleRun | None:
    """See :meth:`privacy.ledger.Ledger.last`."""
    query = _LAST if status is None else _LAST.where(_ENDED.c.status == status)
    row = connection.execute(query, {"rule": rule}).first()
    return None if row is None else RuleRun.of(*row)


def last_done(connection: sa.Connection, rule: str, by: datetime | None) -> RuleRun | None:
    """See :meth:`privacy.ledger.Ledger.last_done`."""
    found = [(_as_of(str(row[1])), row) for row in connection.execute(_DONE, {"rule": rule})]
    # Only the one that is wanted is read whole: a hundred of them take longer than to find them.
    best = max((one for one in found if by is None or one[0] <= by), key=lambda one: one[0], default=None)
    return None if best is None else RuleRun.of(*best[1])


def between(
    connection: sa.Connection, rule: str | None, since: datetime | None, until: datetime | None
) -> list[RuleRun]:
    """See :meth:`privacy.ledger.Ledger.runs`."""
    query = _JOINED.where(ledger.c.rule.is_not(None) if rule is None else ledger.c.rule == rule)
    if since is not None:
        query = query.where(ledger.c.at >= written(since))
    if until is not None:
        query = query.where(ledger.c.at < written(until))
    return [RuleRun.of(*row) for row in connection.execute(query.order_by(ledger.c.seq))]


def written(at: datetime) -> str:
    """A moment as entries have it: they sort by time as texts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _as_of(begun: str) -> datetime:
    said = json.loads(begun)
    return datetime.fromisoformat(said.get("as_of") or said["at"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


# Made once: to make them again for each rule of a page takes as long as to ask them.
_ENDED = ledger.alias("ended")
_JOINED = (
    sa.select(ledger.c.seq, ledger.c.entry, _ENDED.c.seq, _ENDED.c.entry)
    .select_from(ledger.outerjoin(_ENDED, sa.and_(_ENDED.c.run == ledger.c.run, _ENDED.c.kind == "run.ended")))
    .where(ledger.c.kind == "run.begun")
)
_OF_RULE = _JOINED.where(ledger.c.rule == sa.bindparam("rule")).order_by(ledger.c.seq.desc())
_LAST = _OF_RULE.where(_ENDED.c.seq.is_not(None)).limit(1)
_DONE = _OF_RULE.where(_ENDED.c.status == "done").limit(RECENT)
