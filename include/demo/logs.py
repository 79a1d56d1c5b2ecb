"""The web server's logs: one gz a day, and whose its lines are.

A line without user and device id is a subject's when it falls within one of their visits from its address, with the same
browser, and that visit is not contested: no visit of anybody else from that address overlaps it, and no line from it with a
user or device id of anybody else falls within it. To know that of a day, the days beside it are needed.
"""

from __future__ import annotations

import gzip
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from demo import words
from demo.answers import BOTH, SHARED, THEIRS, Answers
from demo.moments import MINUTE, SECOND, Calendar, day_of, local
from demo.owners import NOBODY, Owner
from demo.terms import MONTHS_OF_LOGS, months_after
from demo.visits import Line

FOLDER = "nginx/access"
DATASET = "weblogs.access"
_CRAWLERS = [b"203.0.113.%d - - [@" % (200 + n) for n in range(32)]
"""Addresses that no visitor has (see :func:`demo.people.home`, :func:`demo.visits.mobile`)."""
_CRAWLED = [
    f'] "GET {page}?blad={n} HTTP/1.1" 200 {5_000 + n} "-" "{words.ROBOTS[0]}" "-"\n'.encode()
    for n in range(50)
    for page in ("/ringen", "/collier", "/oorbellen")
]
Who = tuple[str, str]
"""A subject under a decision (``shared``, ``theirs``; empty where there is nothing to decide)."""


class Visit(NamedTuple):
    """An address in use, from and to (both inclusive).

    :param mine: whose visit it is.
    :param until: how long they may have been there, where nobody wrote down the end.
    """

    start: int
    end: int
    ip: str
    agent: str
    mine: frozenset[Who]
    until: int


class Logs:
    """Takes days in order, and writes each as soon as the day after it is known.

    :param to: the folder of all logs.
    :param crawl: lines a day of search engines.
    ``events`` is told the same days, for the statistics that are made of the same visits.

    """

    def __init__(self, to: Path, calendar: Calendar, answers: Answers, crawl: int = 0) -> None:
        self._crawl = crawl
        self.events: Events | None = None
        self._to = to / FOLDER
        self._to.mkdir(parents=True, exist_ok=True)
        self._calendar, self._answers = calendar, answers
        self._visits: dict[int, dict[str, list[Visit]]] = {}
        self._named: dict[int, dict[str, list[Line]]] = {}
        self._pending: dict[int, list[Line]] = defaultdict(list)
        self._households: set[str] = set()
        self.lines = 0

    def household(self, subjects: Iterable[str]) -> None:
        """Their address is shared, so that a decision changes what is theirs."""
        self._households.update(subjects)

    def whose(self, owner: Owner) -> frozenset[Who]:
        """An owner, under each decision."""
        found = {(s, mode) for s in owner.always for mode in self._modes(s)}
        return frozenset(found | {(s, THEIRS) for s in owner.theirs})

    def _modes(self, subject: str) -> tuple[str, ...]:
        return (SHARED, THEIRS) if subject in self._households else (BOTH,)

    def day(self, n: int, visits: Iterable[Visit], lines: Iterable[Line], fixed: Iterable[Line] = ()) -> None:
        """What happened on the calendar's day ``n``; the day before is written.

        :param fixed: the cast's lines.
        """
        lines, fixed = list(lines), list(fixed)
        if self.events is not None:
            self.events.day(n, lines, fixed)
        first = self._calendar.day(local(self._calendar.days[0]))
        by_ip: dict[str, list[Visit]] = defaultdict(list)
        for visit in visits:
            by_ip[visit.ip].append(visit)
        named: dict[str, list[Line]] = defaultdict(list)
        for line in (*lines, *fixed):
            if not self._calendar.start <= line.at < self._calendar.now:
                continue
            self._pending[self._calendar.day(line.at)].append(line)
            if line.owner is not None:
                named[line.ip].append(line)
        self._visits[n], self._named[n] = by_ip, named
        if n:
            self._write(n - 1, first + n - 1)
        if n == len(self._calendar.days) - 1:
            self._write(n, first + n)
        self._visits.pop(n - 2, None)
        self._named.pop(n - 2, None)

    def _write(self, n: int, number: int) -> None:
        lines = sorted(self._pending.pop(number, []), key=lambda line: line.at)
        day, last = self._calendar.days[n], n == len(self._calendar.days) - 1
        name = "access.log" if last else f"access-{day}.gz"
        near = [self._visits[m] for m in (n - 1, n, n + 1) if m in self._visits]
        named = [self._named[m] for m in (n - 1, n, n + 1) if m in self._named]
        around = Around(near, named, self.whose)
        ends = self._calendar.now // SECOND if last else local(self._calendar.days[n + 1]) // SECOND
        # What is in no known form says no time: it is as old as its file.
        of_file = months_after(day_of(ends * SECOND), MONTHS_OF_LOGS)
        text: list[bytes] = []
        crawled = self._crawled(day, last)
        each, count = self._crawl // (24 * 60), 0
        for line in lines:
            while crawled and crawled[-1][0] <= line.at:
                text.append(crawled.pop()[1])
                count += each
            text.append(self._text(line))
            count += 1
            key = [f"{FOLDER}/{name}", count]
            if line.raw is not None or line.owner is not None:
                self._answers.record(DATASET, key, line.owner or NOBODY)
            else:
                self._answers.line(DATASET, key, *around.whose(line))
            if self._answers.terms:
                due = of_file if line.raw is not None else months_after(day_of(line.at), MONTHS_OF_LOGS)
                self._answers.term(DATASET, key, due)
        text += [pages for _, pages in reversed(crawled)]
        count += each * len(crawled)
        if self.events is not None:
            self.events.write(n, day, near, around)
        content = b"".join(text)
        self.lines += count
        file = self._to / name
        file.write_bytes(content if last else gzip.compress(content, 1 if self._crawl else 6, mtime=0))
        os.utime(file, (ends, ends))

    def _crawled(self, day: date, last: bool) -> list[tuple[int, bytes]]:
        """What search engines ask for, the latest first: a handful of pages each minute, all day long; nobody's."""
        start = local(day)
        end = self._calendar.now if last else local(day + timedelta(days=1))
        each = self._crawl // (24 * 60)
        pages = b"".join(_CRAWLERS[n % len(_CRAWLERS)] + _CRAWLED[n % len(_CRAWLED)] for n in range(each))
        minutes = range(start, end, MINUTE) if each else range(0)
        return [(at, pages.replace(b"@", self._calendar.stamp(at).encode())) for at in reversed(minutes)]

    def _text(self, line: Line) -> bytes:
        if line.raw is not None:
            return line.raw + b"\n"
        user = "-" if line.user is None else line.user
        return (
            f'{line.ip} - {user} [{self._calendar.stamp(line.at)}] "{line.request}" {line.status} {line.size} '
            f'"{line.referer}" "{_escaped(line.agent)}" "{line.device or "-"}"\n'
        ).encode()


@lru_cache(maxsize=256)
def _escaped(text: str) -> str:
    """As nginx writes a text: quotes, backslashes and all but ASCII as ``\\xHH``."""
    plain = (32 <= byte < 127 and byte not in b'"\\' for byte in text.encode())
    return "".join(chr(b) if ok else f"\\x{b:02X}" for b, ok in zip(text.encode(), plain, strict=True))


class Events(Protocol):
    """Statistics that are made of the same visits as the logs."""

    def day(self, n: int, lines: list[Line], fixed: list[Line]) -> None:
        """What happened on a day."""
        ...

    def write(self, n: int, day: date, near: list[dict[str, list[Visit]]], logged: Around) -> None:
        """Write a day: the visits of the days around it, and what the logs say of them."""
        ...


class Around:
    """What is known of all IP addresses around a day.

    :param near: visits by address, of three days; ``named``: records with a user or device id, likewise.
    """

    def __init__(
        self,
        near: list[dict[str, list[Visit]]],
        named: list[dict[str, list[Line]]],
        whose: Callable[[Owner], frozenset[Who]],
    ) -> None:
        self._near, self._named, self._whose = near, named, whose
        self._known: dict[str, _Address] = {}

    def whose(self, line: Line) -> tuple[list[Who], list[tuple[str, str, str]]]:
        """Whose a line without id is, and of whom it is not although they were there, with why."""
        if line.ip not in self._known:
            self._known[line.ip] = _Address(
                [visit for known in self._near for visit in known.get(line.ip, ())],
                [(n.at, self._whose(n.owner or NOBODY)) for known in self._named for n in known.get(line.ip, ())],
            )
        return self._known[line.ip].whose(line)


class _Address:
    """What is known of one IP address around a day.

    :param visits: from it; ``named``: when a line from it had a user or device id, and whose.
    """

    def __init__(self, visits: list[Visit], named: list[tuple[int, frozenset[Who]]]) -> None:
        self._visits, self._named = visits, named
        self._contested: dict[tuple[int, Who], bool] = {}

    def whose(self, line: Line) -> tuple[list[Who], list[tuple[str, str, str]]]:
        """Whose a line without id is, and of whom it is not although they were there, with why."""
        here = [n for n, visit in enumerate(self._visits) if visit.start <= line.at <= visit.end]
        mine: list[Who] = []
        not_mine = []
        for who in sorted({who for n in here for who in self._visits[n].mine}):
            same = [n for n in here if who in self._visits[n].mine and self._visits[n].agent == line.agent]
            if any(not self._is_contested(n, who) for n in same):
                mine.append(who)
            else:
                not_mine.append((*who, "contested_visit" if same else "other_agent"))
        return mine, not_mine

    def _is_contested(self, n: int, who: Who) -> bool:
        if (n, who) not in self._contested:
            visit = self._visits[n]
            self._contested[n, who] = any(
                other.start <= visit.end and visit.start <= other.until and who not in other.mine
                for other in self._visits
            ) or any(visit.start <= at <= visit.end and who not in whose for at, whose in self._named)
        return self._contested[n, who]
