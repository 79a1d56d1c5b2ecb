"""Lines about everything but requests: purges and their evidence, processors, the security company, holds, letters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.desk.advising import here
from privacy.desk.promises import Checked
from privacy.desk.today_requests import Line, Urgency, line_of
from privacy.desk.waiting import Waiting
from privacy.errors import Tampered
from privacy.holds import HoldKind
from privacy.holds.listing import listed
from privacy.ledger.tables import holds as holds_table
from privacy.ledger.tables import policy_letters
from privacy.plans import APPROVED, ASKED, REFUSED, UNANSWERED
from privacy.plans.approval import Answers
from privacy.rights import evidence_last
from privacy.rights.deadlines import PROCESSORS_ANSWER
from privacy.rights.notices import Notices, unconfirmed_settings
from privacy.rights.orders import Orders

if TYPE_CHECKING:
    from privacy.desk.airflow import NextRun
    from privacy.rights.evidence_rules import Latest
    from privacy.rights.house import House
    from privacy.rights.notice_rows import Notice

YEAR = timedelta(days=365)
DAILY = timedelta(hours=26)
"""Within that the daily run has sent what was to be sent."""

REMINDED_WITHIN = timedelta(days=3)
"""The daily run has sent a yearly reminder by then."""


def questions(house: House, now: datetime, pages: frozenset[str]) -> Iterator[Line]:
    """Questions to operators that wait, by the ledger, which every question and answer stands in."""
    kinds = [("purge", ASKED, (APPROVED, REFUSED, UNANSWERED))]
    kinds += [
        (k, a.asked, (a.approved, a.refused, a.unanswered)) for k in ("erasure", "rectify", "policy")
        for a in [Answers(k)]
    ]  # fmt: skip
    where = ("approvals", "Answer it") if "approvals" in pages else ("airflow:required_actions", "Answer it in Airflow")
    for kind, asked, answers in kinds:
        for one in house.ledger.archive.open_questions(asked, answers):
            at = datetime.fromisoformat(one["at"])
            about = {"purge": f"May rule {one.get('rule')} delete what it has planned?",
                "erasure": f"May the erasure of {one.get('request')} be done as planned?",
                "rectify": f"May the rectification of {one.get('request')} be done as planned?",
                "policy": "May people be told that the statement has changed?"}[kind]  # fmt: skip
            yield Line("red" if now - at > timedelta(days=1) else "amber", f"{about} Nothing is changed before.", at,
                None, *where)  # fmt: skip


def purges(
    house: House, latest: Latest, now: datetime, pages: frozenset[str], upcoming: Mapping[str, NextRun]
) -> Iterator[Line]:
    """What is not proven, in the words of the evidence; and what failed, is tried again, and breaks nothing yet.

    :param upcoming: when each purge runs next, as far as Airflow knows it.
    """
    from privacy.rights import evidence_rules
    from privacy.rights.evidence import Finding

    zone, told = house.policy.zone, set[str]()
    ours = () if house.policy.own is None else tuple(type(house.policy.own).model_fields)
    for f in [*evidence_rules.proofs(house, now, latest), *evidence_rules.own(house, now, latest)]:
        told.add(f.where)
        said = " ".join(part for part in (_of(f.promises), f.message, f.kept(now, zone), here(f.advice)) if part)
        good = latest.done(f.where)
        late = f.breaks is None or f.breaks <= now
        yield Line("red" if late else "amber", said, None if good is None else good.as_of, None,
            *_rule(f.where, pages, ours))  # fmt: skip
    for purge, made in house.policy.purges.items():
        for name, rule in made.rules.items():
            last, good = latest.ended(name), latest.done(name)
            if name in told or last is None or last.done or (good is not None and good.first > last.first):
                continue
            breaks = None if good is None else evidence_rules.broken(house, rule, good)
            kept = Finding("", rule.promises, name, "", "", breaks).kept(now, zone)
            why = f" ({last.reason})" if last.reason else ""
            said = f"{_of(rule.promises)} The last run of rule {name} of {purge} has {_ended(last.status)}{why}. {kept}"
            urgency: Urgency = "amber"
            again, local = upcoming.get(purge), ZoneInfo(house.policy.zone)
            if again is not None and again.paused:
                said += f" {purge} is paused in Airflow: nobody tries again until it is unpaused."
            elif breaks is None or breaks <= now or (again is not None and (again.at is None or again.at >= breaks)):
                said += f" Start {purge}."
            else:
                urgency = "plain"
                at = (
                    "by itself"
                    if again is None or again.at is None
                    else f"{again.at.astimezone(local):%Y-%m-%d %H:%M %Z}"
                )
                said += f" Next try: {at}; nothing to do yet."
            yield Line(urgency, said, last.ended_at, None, *_rule(name, pages, ours))


def asleep(expected: Collection[str], upcoming: Mapping[str, NextRun]) -> Iterator[Line]:
    """Pipelines that do nothing, whatever waits for them: a proof that is young says nothing of the next one.

    :param expected: the DAGs that this installation has. :param upcoming: those that Airflow knows.
    """
    for dag in sorted(expected):
        there = upcoming.get(dag)
        if there is None:
            yield Line("red", f"Airflow does not know {dag}: nothing of it runs. Does it parse, and does Airflow's DAG "
                "processor run?")  # fmt: skip
        elif there.paused:
            yield Line("amber", f"{dag} is paused in Airflow: nothing of it runs until it is unpaused.")


def clock(house: House, now: datetime) -> Iterator[Line]:
    """The ledger knows a moment that is yet to come: no proof counts, and nothing is late, by such a clock."""
    from privacy.rights import evidence_rules

    for one in evidence_rules.clock(house, now):
        yield Line("red", f"{one.message} {one.advice}", None, None, "ledger", "Look at the ledger")


def _of(promises: tuple[str, ...]) -> str:
    return f"{', '.join(promises)}:" if promises else ""


def _ended(status: str) -> str:
    return {"failed": "failed", "stopped": "been stopped"}.get(status, status)


def _rule(name: str, pages: frozenset[str], own: Collection[str]) -> tuple[str, str]:
    if "retention" in pages and name not in own:
        return f"retention/rules/{name}", "Look at the rule"
    return f"ledger?show=runs&rule={name}", "Look at its runs"


def evidence(house: House, found: Waiting, whole: Checked) -> Iterator[Line]:
    """The daily verification, where it is missing or has found something; rows that are not what was recorded.

    What it found of rules stands with the purges, as of now; what it found in the stores is told as it was then.
    """
    for number in found.broken:
        yield Line("red", f"The row of {number} is not what was recorded: its deadline is not known.", None, None,
            "ledger", "Verify the ledger")  # fmt: skip
    for id in listed(house.engine, house.key).broken:
        yield Line("red", f"Hold {id} is not what was placed: nothing is deleted meanwhile.", None, None, "holds",
            "Look at the holds")  # fmt: skip
    if whole.at is None:
        yield Line("amber", "Ledger and stores were never verified.", None, None, "promises",
            "Verify them there")  # fmt: skip
    elif whole.stale or whole.count:
        said = f"The last verification found {whole.count} things missing or altered." if whole.count else ""
        said += " Nobody has verified ledger and stores lately." if whole.stale else ""
        yield Line("red" if whole.count else "amber", said.strip(), whole.at, None, "promises", "Look at the promises")
    if found.cut:
        yield Line("amber", f"More than {len(found.requests):,} requests are open; the newest are not looked at here.")
    if (looked := evidence_last.last(house)) is None:
        return
    for one in looked.found:
        if one.code.partition(".")[0] not in ("evidence", "camera", "ledger"):
            what = f"{one.where}: {one.message} {here(one.advice)}".strip()
            yield Line("amber", what, looked.at, None, "datamap", "Look at the data map")


def others(house: House, now: datetime, today: date, found: Waiting) -> Iterator[Line]:
    """Processors who were told or asked and are silent, and settings of theirs that want a look (GA-NOSHARE)."""
    yield from _told(house, now)
    for name, since in unconfirmed_settings(house, today).items():
        yield Line("amber", f"Look that {name} still may not use the data for itself, and write the day into "
            "policy/processors.yaml (confirmed).", datetime(since.year, since.month, since.day, tzinfo=UTC), None,
            "datamap", "Look at the processors")  # fmt: skip
    known = {one.number: one for one in found.requests if one.right.copies and one.dates.sealed_at is None}
    for entry in house.ledger.archive.events("processor.asked", since=now - timedelta(days=90),
                                             until=now - PROCESSORS_ANSWER):  # fmt: skip
        if (one := known.pop(str(entry.get("request")), None)) is not None:
            yield line_of(one, "amber", "processors were asked more than 14 days ago, and it is not sealed: has "
                "everything come?", datetime.fromisoformat(entry["at"]))  # fmt: skip


def _told(house: House, now: datetime) -> Iterator[Line]:
    """A line for a request's processors of whom the same is to be said: one who asks makes no ten lines."""
    groups: dict[tuple[str, str, str], list[Notice]] = {}
    for notice in Notices(house).silent(now):
        state = notice.state.value
        if state == "to_send" and now - notice.made_at < DAILY:
            state = "new"
        groups.setdefault((notice.request, notice.deed.value, state), []).append(notice)
    for (number, deed, state), found in groups.items():
        names = ", ".join(sorted({_called(house, one.processor) for one in found}))
        said = {
            "new": f"{number} (its {deed}): {names} will be told by the next daily watch_deadlines. Nothing to do.",
            "to_send": f"{number} (its {deed}): {names} could not be told yet: is watch_deadlines running, and is "
            "there an address of theirs? It is tried again each day. If they know it already, say so there.",
            "sent": f"{number} (its {deed}): not confirmed by {names}. When they confirm, say so there.",
            "refused": f"{number} (its {deed}): refused by {names}. Take it up with them.",
        }[state]
        yield Line("plain" if state == "new" else "amber", said, min(one.sent_at or one.made_at for one in found),
            None, f"requests/{number}#told", "Open the request")  # fmt: skip


def _called(house: House, processor: str) -> str:
    known = house.policy.processors.get(processor)
    return processor if known is None else known.name


_DIFFERS = {
    "kept_too_long": "its holder still has recordings after their term that no hold is on; ask them to wipe these",
    "erased_late": "its holder erased recordings after their term; ask them why",
    "erased_on_hold": "its holder ERASED recordings that are on hold; call them",
    "erased_before_order": "its holder erased recordings on hold before it was ordered to keep them; they are gone",
    "held_unlisted": "recordings on hold are not in its holder's list; call them",
    "unlisted": "recordings within their term are not in its holder's list; ask them for a right one",
    "unknown": "its holder has recordings of which the shop knows nothing; ask them what these are",
    "differs": "its holder names other times of recordings than the shop does; ask them for a right list",
    "list_missing": "its holder has sent no list of what it has; ask them for one",
    "list_late": "its holder's newest list is too old, so what it has now is not known; ask them for a new one",
    "list_unreadable": "its holder's newest lists cannot be read; ask them for one that can",
    "list_future": "its holder's lists say that they were made later than now; ask them for a right one",
}
"""What :mod:`privacy.rights.footage` finds, and what to do about it."""


def camera(house: House, now: datetime) -> Iterator[Line]:
    """Footage on hold of which nobody has confirmed that it is kept (CAM-SHARE), and lists that contradict ours."""
    orders = Orders(house)
    waiting = list(orders.unanswered(now))
    try:
        waiting += orders.unsent(now, HoldKind.SUSPENSION)
    except Tampered:
        # One row that was altered hides nothing else of the day.
        yield Line("red", "Whether all footage on hold was ordered to be kept is not known: a hold is not what was "
            "placed.", None, None, "holds", "Look at the holds")  # fmt: skip
    for one in waiting:
        left = (
            f"{one.hours_left:.0f} hours are left until the wipe" if one.hours_left is not None else "no hour is left"
        )
        done = (
            "has not confirmed that it keeps footage on hold" if one.order else "was not told to keep footage on hold"
        )
        how = "Call them, then say there what they said." if one.order else "Order it there, and call them."
        said = f"{_called(house, one.processor)} {done}: {left}. {how}"
        yield Line("red", said, None, None, f"holds/{one.hold}", "Open the hold")
    for order in orders.lingering():
        said = f"{_called(house, order.processor)} was not told that a hold is over, and keeps footage for nothing."
        yield Line("amber", said, None, None, f"holds/{order.hold}", "Open the hold")
    told: dict[str, datetime] = {}
    for entry in house.ledger.archive.events("camera.contradiction", since=now - timedelta(days=2)):
        told[str(entry.get("reason"))] = datetime.fromisoformat(entry["at"])
    for reason, at in told.items():
        yield Line("amber", f"Footage: {_DIFFERS.get(reason, reason)}.", at, None, "holds", "Look at the holds")


def yearly(house: House, found: Waiting, now: datetime) -> Iterator[Line]:
    """Holds that have been in force for years, and restrictions whose yearly letter is missing (R-RESTR)."""
    query = sa.select(holds_table.c.id, holds_table.c.placed_at).where(
        holds_table.c.released_at.is_(None), holds_table.c.kind == HoldKind.SUSPENSION.value,
        holds_table.c.placed_at < (now - YEAR).astimezone(UTC).isoformat(timespec="microseconds"),
    ).order_by(holds_table.c.placed_at)  # fmt: skip
    with translated("holds"), reading(house.engine).connect() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        at = datetime.fromisoformat(row.placed_at)
        years = (now - at) // YEAR
        long = f"{years} year{'' if years == 1 else 's'}"
        yield Line("amber", f"A hold has been in force for {long} ({row.id}): release it when it is not needed.", at)
    for one in found.standing:
        granted = one.dates.acted_at
        if granted is None or now - granted < YEAR:
            continue
        due = granted + YEAR * ((now - granted) // YEAR)
        if now - due < REMINDED_WITHIN:
            continue
        letters = [e.entry for e in house.ledger.entries(request=one.number, kind="letter.sent")]
        sent = [str(e["at"]) for e in letters if e.get("ground") == "restriction_reminder"]
        if not any(datetime.fromisoformat(at) >= due - REMINDED_WITHIN for at in sent):
            yield line_of(one, "amber", "the yearly letter that the restriction is still there was not sent.", due)


def letters(house: House) -> Iterator[Line]:
    """Letters about a changed statement that could not be sent (NOTICE)."""
    query = sa.select(policy_letters.c.version, sa.func.count()).where(
        policy_letters.c.sent_at.is_(None), policy_letters.c.problem.is_not(None)
    ).group_by(policy_letters.c.version)  # fmt: skip
    with translated("ledger"), reading(house.engine).connect() as connection:
        rows = connection.execute(query).all()
    for version, count in rows:
        yield Line("amber", f"{count} letters about version {version} of the statement could not be sent: start "
            "notify_policy_change again.")  # fmt: skip
