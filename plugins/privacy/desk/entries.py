"""The ledger as the desk shows it: entries and runs by filters, pages by keyset, each by an index (migration 0012).

Days are those of the policy's zone. Entries stand in the order in which they were written, and their moments follow
that but for the minutes that clocks differ: where a day begins is found by halving, not by reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy import numbers
from privacy.database import reading, translated
from privacy.errors import BadInput
from privacy.ledger.chain import START, link
from privacy.ledger.runs import RuleRun, written
from privacy.ledger.tables import ledger

if TYPE_CHECKING:
    from privacy.rights.house import House

PAGE = 50
STATUSES = ("done", "failed", "stopped")
_BLOCK = 5_000
"""Entries that are read at once for an export."""

_HASH = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"[0-9a-f]{40,}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z")

ended = ledger.alias("ended")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for; empty: everything.

    :param request: a request's number, with its check digit. :param since, until: local days, both in.
    :param after: the number of the last entry of the page before.
    """

    kind: str = ""
    rule: str = ""
    request: str = ""
    run: str = ""
    status: str = ""
    since: date | None = None
    until: date | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry on a page. :param text: the canonical JSON, as it is hashed. :param said: the same, read."""

    seq: int
    text: str
    hash: str
    said: dict[str, Any]

    @property
    def at(self) -> datetime:
        """When, aware."""
        return datetime.fromisoformat(str(self.said["at"]))

    @property
    def more(self) -> str:
        """What it says beside when, what and by whom, in a line."""
        return ", ".join(
            f"{name.replace('_', ' ')} {_told(value)}" for name, value in self.said.items()
            if name not in ("at", "kind", "actor", "request", "run") and value not in (None, "", 0, {}, [])
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """An entry with its place in the chain. :param previous: the hash that it is chained to.

    :param signed: whether the signed head covers it. :param last: the number of the last entry there.
    :param fits: its hash is that of its text and of the hash that it is chained to.
    """

    entry: Entry
    previous: str
    signed: bool
    last: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the latest first. :param after: for the next page; None: there is none."""

    entries: tuple[Entry, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs, the latest first, also those of requests, which have no rule. :param after: as of :class:`Page`."""

    runs: tuple[RuleRun, ...]
    requests: tuple[str, ...]
    after: int | None


def asked(**given: str) -> Asked:
    """Filters as somebody typed them.

    :raises BadInput: ``desk.filter``, ``desk.cursor``, ``request.number``.
    """
    days = {name: _day(given.pop(name, "")) for name in ("since", "until")}
    after = given.pop("after", "")
    if after and not (after.isdecimal() and len(after) < 16):
        raise BadInput("desk.cursor", "There is no such page.", advice="Begin with the first one.")
    texts = {name: value.strip() for name, value in given.items()}
    if texts.get("request"):
        texts["request"] = numbers.check(texts["request"])
    if texts.get("status", "") not in ("", *STATUSES):
        raise BadInput("desk.filter", "There is no such filter.", advice="Choose one from the list.")
    return Asked(
        texts.get("kind", ""), texts.get("rule", ""), texts.get("request", ""), texts.get("run", ""),
        texts.get("status", ""), days["since"], days["until"], int(after) if after else None,
    )  # fmt: skip


def entries(house: House, wanted: Asked) -> Page:
    """A page of entries."""
    with translated("ledger"), reading(house.engine).connect() as connection:
        rows = connection.execute(entries_query(wanted, *_bounds(connection, house, wanted))).all()
    found = [_entry(row) for row in rows]
    return Page(tuple(found[:PAGE]), found[PAGE - 1].seq if len(found) > PAGE else None)


def runs(house: House, wanted: Asked) -> Runs:
    """A page of runs, of rules and of requests."""
    with translated("ledger"), reading(house.engine).connect() as connection:
        rows = connection.execute(runs_query(wanted, *_bounds(connection, house, wanted))).all()
    found = [RuleRun.of(row.seq, row.entry, row.last, row.end) for row in rows]
    by_end = wanted.status in ("failed", "stopped")
    last = None if len(found) <= PAGE else found[PAGE - 1].last if by_end else found[PAGE - 1].first
    requests = tuple(str(json.loads(row.entry).get("request", "")) for row in rows[:PAGE])
    return Runs(tuple(found[:PAGE]), requests, last)


def entries_query(wanted: Asked, first: int = 1, last: int | None = None) -> sa.Select[Any]:
    """The question for entries. :param first, last: numbers that they lie between, both in."""
    query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash)
    narrow = bool(wanted.request or wanted.run)
    for name in ("kind", "rule", "request", "run", "status"):
        if value := getattr(wanted, name):
            # One index is enough: where a request or a run is given, it has a handful of entries.
            column: sa.ColumnElement[Any] = ledger.c[name]
            query = query.where((column + "" if narrow and name not in ("request", "run") else column) == value)
    if wanted.rule:
        query = query.where(ledger.c.rule.is_not(None))
    return _paged(query, ledger.c.seq, wanted, first, last)


def runs_query(wanted: Asked, first: int = 1, last: int | None = None) -> sa.Select[Any]:
    """The question for runs. Those that failed are few and found by how they ended; others by how they began."""
    by_end = wanted.status in ("failed", "stopped")
    both = sa.and_(ended.c.run == ledger.c.run, ended.c.kind == "run.ended")
    columns = (ledger.c.seq, ledger.c.entry, ended.c.seq.label("last"), ended.c.entry.label("end"))
    if by_end:
        begun = sa.and_(ledger.c.run == ended.c.run, ledger.c.kind == "run.begun")
        query = sa.select(*columns).select_from(ended.join(ledger, begun)).where(ended.c.status == wanted.status)
    else:
        query = sa.select(*columns).select_from(ledger.outerjoin(ended, both)).where(ledger.c.kind == "run.begun")
        if wanted.status:
            query = query.where(ended.c.status == wanted.status)
    if wanted.rule:
        query = query.where(ledger.c.rule == wanted.rule)
    if wanted.request:
        query = query.where(ledger.c.request == wanted.request)
    if wanted.run:
        query = query.where(ledger.c.run == wanted.run)
    return _paged(query, ended.c.seq if by_end else ledger.c.seq, wanted, first, last)


def one(house: House, seq: int) -> Place:
    """An entry with its place. :raises BadInput: ``desk.entry``. :raises Tampered: ``ledger.head``."""
    with translated("ledger"), reading(house.engine).connect() as connection:
        row = connection.execute(
            sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).where(ledger.c.seq == seq)
        ).first()
        before = connection.execute(sa.select(ledger.c.hash).where(ledger.c.seq == seq - 1)).scalar()
        last = connection.execute(sa.select(sa.func.max(ledger.c.seq))).scalar() or 0
    if row is None:
        raise BadInput("desk.entry", "The ledger has no such entry.", advice="See the ledger's list.")
    head = house.ledger.archive.head()
    previous = START if seq == 1 else str(before or "")
    fits = bool(_HASH.fullmatch(previous)) and link(previous, str(row.entry)) == row.hash
    return Place(_entry(row), previous, head is not None and head.head.seq >= seq, int(last), fits)


def exported(house: House, wanted: Asked) -> Iterator[str]:
    """Entries of a period as JSON lines, the earliest first: number, hash, and the entry's very text.

    Read in blocks, each a transaction of its own: nobody waits for whoever downloads slowly.
    """
    query = sa.select(ledger.c.seq, ledger.c.entry, ledger.c.hash).order_by(ledger.c.seq)
    for first, last in _blocks(house, wanted):
        with translated("ledger"), reading(house.engine).connect() as connection:
            rows = connection.execute(query.where(ledger.c.seq.between(first, last))).all()
        yield "".join(f'{{"seq":{row.seq},"hash":"{row.hash}","entry":{row.entry}}}\n' for row in rows)


def exported_runs(house: House, wanted: Asked) -> Iterator[str]:
    """Runs of rules that began in a period as CSV, as ``privacy ledger export`` has them, the earliest first."""
    from privacy.rights.supervisor import harmless, runs_table

    yield harmless(runs_table([])).to_csv(index=False, lineterminator="\r\n")
    query = runs_query(Asked()).where(ledger.c.rule.is_not(None)).order_by(None).limit(None).order_by(ledger.c.seq)
    for first, last in _blocks(house, wanted):
        with translated("ledger"), reading(house.engine).connect() as connection:
            rows = connection.execute(query.where(ledger.c.seq.between(first, last))).all()
        if rows:
            found = runs_table(RuleRun.of(row.seq, row.entry, row.last, row.end) for row in rows)
            yield harmless(found).to_csv(index=False, header=False, lineterminator="\r\n")


def kinds(house: House) -> list[str]:
    """The kinds of entries that there are, by skipping from one to the next in their index."""
    found: list[str] = []
    with translated("ledger"), reading(house.engine).connect() as connection:
        kind = connection.execute(sa.select(sa.func.min(ledger.c.kind))).scalar()
        while kind is not None:
            found.append(str(kind))
            kind = connection.execute(sa.select(sa.func.min(ledger.c.kind)).where(ledger.c.kind > kind)).scalar()
    return found


def _paged(
    query: sa.Select[Any], seq: sa.ColumnElement[int], wanted: Asked, first: int, last: int | None
) -> sa.Select[Any]:
    if first > 1:
        query = query.where(seq >= first)
    below = min([n for n in (wanted.after, None if last is None else last + 1) if n is not None], default=None)
    if below is not None:
        query = query.where(seq < below)
    # A request or a run has a handful of entries: asked for their order, a database would rather walk through all.
    order = seq + 0 if wanted.request or wanted.run else seq
    return query.order_by(order.desc()).limit(PAGE + 1)


def _blocks(house: House, wanted: Asked) -> Iterator[tuple[int, int]]:
    """Stretches of numbers of a period's entries, each (first, last), both in."""
    with translated("ledger"), reading(house.engine).connect() as connection:
        first, last = _bounds(connection, house, wanted)
        last = last or int(connection.execute(sa.select(sa.func.max(ledger.c.seq))).scalar() or 0)
    yield from ((at, min(at + _BLOCK - 1, last)) for at in range(first, last + 1, _BLOCK))


def _bounds(connection: sa.Connection, house: House, wanted: Asked) -> tuple[int, int | None]:
    """The numbers between which the days' entries lie."""
    zone = ZoneInfo(house.policy.zone)
    first = 1 if wanted.since is None else _reached(connection, _midnight(wanted.since, zone))
    if wanted.until is None:
        return first, None
    return first, _reached(connection, _midnight(wanted.until + timedelta(days=1), zone)) - 1


def _reached(connection: sa.Connection, at: datetime) -> int:
    """The number of the first entry that is not of before a moment; one more than the last: there is none."""
    low, high = 1, int(connection.execute(sa.select(sa.func.max(ledger.c.seq))).scalar() or 0) + 1
    text = written(at)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(sa.select(ledger.c.at).where(ledger.c.seq == middle)).scalar()
        # A row that is missing is told of by a verification; here it only must not stop the search.
        if found is None or str(found) < text:
            low = middle + 1
        else:
            high = middle
    return low


def _entry(row: Any) -> Entry:
    return Entry(int(row.seq), str(row.entry), str(row.hash), json.loads(row.entry))


def _told(value: object) -> str:
    if isinstance(value, dict):
        parts = ((k, v.get("records") if isinstance(v, dict) else v) for k, v in value.items())
        return " ".join(f"{name}: {count}" for name, count in parts)
    if isinstance(value, list):
        return " ".join(map(str, value))
    text = str(value)
    if _DIGEST.fullmatch(text):
        return f"{text[:12]}\u2026"  # The entry's own page has it whole.
    return f"{text[:10]} {text[11:16]} UTC" if _MOMENT.fullmatch(text) else text


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = date.min
    if not 1900 < day.year < 9000:
        raise BadInput("desk.filter", "That is no day.", advice="Write it as 2026-11-28.")
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
