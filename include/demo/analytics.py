"""The site's statistics: the same visits as the logs, as Google Analytics exports them and as clicks.

An event without user and device id is judged as a log line is, by the visits around it and by the other events of the same
kind. Where the logs would say otherwise (they know of somebody whom these statistics did not see), the event is not written:
whether one system's records are evidence about another's is nothing that this shop has to decide.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from demo import words
from demo.answers import Answers
from demo.logs import Around, Visit, Who
from demo.moments import SECOND, ZONE, Calendar, local
from demo.owners import Owner
from demo.visits import Line

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_VALUE = pa.struct({"string_value": _TEXT, "int_value": _WHOLE, "float_value": _REAL, "double_value": _REAL})
SCHEMA = pa.schema({
    "event_date": _TEXT, "event_timestamp": _WHOLE, "event_name": _TEXT,
    "event_params": pa.list_(pa.struct({"key": _TEXT, "value": _VALUE})),
    "event_value_in_usd": _REAL, "user_id": _TEXT, "user_pseudo_id": _TEXT, "user_first_touch_timestamp": _WHOLE,
    "is_active_user": pa.bool_(),
    "device": pa.struct({
        "category": _TEXT, "operating_system": _TEXT, "language": _TEXT,
        "web_info": pa.struct({"browser": _TEXT, "hostname": _TEXT}),
    }),
    "geo": pa.struct({"country": _TEXT, "region": _TEXT, "city": _TEXT}),
    "traffic_source": pa.struct({"name": _TEXT, "medium": _TEXT, "source": _TEXT}),
    "items": pa.list_(pa.struct({"item_id": _TEXT, "item_name": _TEXT, "price": _REAL, "quantity": _WHOLE})),
    "stream_id": _TEXT, "platform": _TEXT,
})  # fmt: skip
"""The columns of the BigQuery export that this shop keeps, as the export has them."""

_ELEMENTS = ("knop-bestel", "menu", "filter-metaal", "foto-2", "maattabel", "favoriet ❤")
LATE = 1002
"""The customer whose telephone was off line: her clicks came in a day late."""


class Analytics:
    """Takes the days of the logs, and writes both kinds of statistics of them.

    :param to: the folder of all statistics.
    :param days: of how many days, the last ones, random visits are in it; the cast's are always.
    :param share: of those visits' lines, how many become events.
    :param whose: an owner under each decision (:meth:`demo.logs.Logs.whose`).
    """

    def __init__(
        self, to: Path, calendar: Calendar, answers: Answers, seed: int, days: int, share: float,
        whose: Callable[[Owner], frozenset[Who]],
    ) -> None:  # fmt: skip
        self._calendar, self._seed, self._share = calendar, seed, share
        self._from = len(calendar.days) - days
        self._kinds = (_Ga4(to / "ga4", calendar, answers, whose), _Clicks(to / "clicks", calendar, answers, whose))
        for kind in self._kinds:
            kind.to.mkdir(parents=True, exist_ok=True)

    @property
    def counts(self) -> dict[str, int]:
        """How many records of each dataset were written."""
        return {kind.dataset: kind.count for kind in self._kinds}

    def day(self, n: int, lines: list[Line], fixed: list[Line]) -> None:
        """See :class:`demo.logs.Events`."""
        ga4, clicks = self._kinds
        chosen: tuple[list[Line], list[Line]] = ([], [])
        if n >= self._from:
            rng = Random(f"{self._seed}/events/{n}")
            for line in lines:
                chance = rng.random()
                if chance < self._share and _is_page(line):
                    chosen[0].append(line)
                if chance > 1 - self._share * 0.6 and _is_page(line):
                    chosen[1].append(line)
        for of_kind in chosen:
            of_kind += [line for line in fixed if _is_page(line)]
        ga4.day(n, chosen[0])
        clicks.day(n, chosen[1])

    def write(self, n: int, day: date, near: list[dict[str, list[Visit]]], logged: Around) -> None:
        """See :class:`demo.logs.Events`."""
        for kind in self._kinds:
            kind.write(n, day, near, logged)


def _is_page(line: Line) -> bool:
    """Whether a browser that runs scripts asked for a page: robots leave nothing in statistics."""
    return line.raw is None and line.agent not in words.ROBOTS and line.status == 200


class _Kind:
    """One kind of statistics: a file a day with something in it."""

    dataset: str

    def __init__(
        self, to: Path, calendar: Calendar, answers: Answers, whose: Callable[[Owner], frozenset[Who]]
    ) -> None:
        self.to, self.count = to, 0
        self._calendar, self._answers, self._whose = calendar, answers, whose
        self._first = calendar.day(local(calendar.days[0]))
        self._pending: dict[int, list[Line]] = defaultdict(list)
        self._named: dict[int, dict[str, list[Line]]] = {}

    def day(self, n: int, lines: list[Line]) -> None:
        """Take what was chosen of a day."""
        named: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            event = line._replace(at=self._moment(line))
            if self._calendar.start <= event.at < self._calendar.now:
                self._pending[self._file_of(event)].append(event)
                if event.owner is not None:
                    named[event.ip].append(event)
        self._named[n] = named

    def write(self, n: int, day: date, near: list[dict[str, list[Visit]]], logged: Around) -> None:
        """Write a day's file, unless it would be empty."""
        events = sorted(self._pending.pop(self._first + n, []), key=lambda event: event.at)
        named = [self._named[m] for m in (n - 1, n, n + 1) if m in self._named]
        self._named.pop(n - 2, None)
        around = Around(near, named, self._whose)
        kept = [event for event in events if event.owner is not None or around.whose(event) == logged.whose(event)]
        if not kept:
            return
        name = self._name(day)
        for row, event in enumerate(kept, start=1):
            key = [f"{self.to.name}/{name}", row]
            if event.owner is not None:
                self._answers.record(self.dataset, key, event.owner)
            else:
                self._answers.line(self.dataset, key, *around.whose(event))
        self.count += len(kept)
        file = self.to / name
        self._save(file, kept)
        ends = min(local(day + timedelta(days=1), "04:00"), self._calendar.now) // SECOND
        os.utime(file, (ends, ends))

    def _file_of(self, event: Line) -> int:
        return self._calendar.day(event.at)

    def _moment(self, line: Line) -> int:
        raise NotImplementedError

    def _name(self, day: date) -> str:
        raise NotImplementedError

    def _save(self, file: Path, events: list[Line]) -> None:
        raise NotImplementedError


class _Ga4(_Kind):
    """Google Analytics' daily export, from BigQuery to Parquet."""

    dataset = "analytics.ga4_events"

    def _moment(self, line: Line) -> int:
        return line.at + line.size * 7919 % SECOND

    def _name(self, day: date) -> str:
        return f"events_{day:%Y%m%d}.parquet"

    def _save(self, file: Path, events: list[Line]) -> None:
        table = pa.Table.from_pylist([self._row(event) for event in events], schema=SCHEMA)
        pq.write_table(table, file, compression="snappy")

    def _row(self, event: Line) -> dict[str, Any]:
        bought = event.request.startswith("POST")
        page = event.request.split(" ")[1]
        params = [
            _param("page_location", string_value=f"https://www.diamonto.example{page}"),
            _param("ga_session_id", int_value=event.at // SECOND // 1800),
            _param("engagement_time_msec", int_value=event.size),
            _param("ip_address", string_value=event.ip),
            _param("user_agent", string_value=event.agent),
            _param("scroll", double_value=event.size % 100 / 100),
        ]
        if event.referer != "-":
            params.append(_param("page_referrer", string_value=event.referer))
        system, kind, browser = _told(event.agent)
        items = [{"item_id": "DIA-0001", "item_name": "Trouwring geelgoud", "price": 950.0, "quantity": 1}]
        return {
            "event_date": (datetime.fromtimestamp(event.at // SECOND, UTC).astimezone(ZONE)).strftime("%Y%m%d"),
            "event_timestamp": event.at, "event_name": "purchase" if bought else "page_view", "event_params": params,
            "event_value_in_usd": 1028.37 if bought else None,
            "user_id": None if event.user is None else str(event.user), "user_pseudo_id": event.device,
            "user_first_touch_timestamp": None if event.device is None else event.at - crc32(event.device.encode()),
            "is_active_user": event.size > 1000,
            "device": {"category": kind, "operating_system": system, "language": "nl-nl",
                       "web_info": {"browser": browser, "hostname": "www.diamonto.example"}},
            "geo": {"country": "Netherlands", "region": "Overijssel", "city": None},
            "traffic_source": {"name": "(direct)", "medium": "(none)", "source": "(direct)"},
            "items": items if bought else [], "stream_id": "4200000001", "platform": "WEB",
        }  # fmt: skip


class _Clicks(_Kind):
    """Clicks, as KlantKompas delivers them; whoever was off line delivers late."""

    dataset = "analytics.clicks"

    def _file_of(self, event: Line) -> int:
        late = event.user == LATE and event.at < self._calendar.now - 2 * 86_400 * SECOND
        return self._calendar.day(event.at) + late

    def _moment(self, line: Line) -> int:
        return line.at + line.size * 31 % 1000 * 1000

    def _name(self, day: date) -> str:
        return f"clicks-{day}.ndjson.gz"

    def _save(self, file: Path, events: list[Line]) -> None:
        lines = []
        for event in events:
            at = datetime.fromtimestamp(event.at // SECOND, UTC).astimezone(ZONE)
            at += timedelta(milliseconds=event.at % SECOND // 1000)
            visitor = {"customer": event.user, "device": event.device, "ip": event.ip, "agent": event.agent}
            click = {
                "at": at.isoformat(timespec="milliseconds"), "visitor": visitor, "page": event.request.split(" ")[1],
                "element": _ELEMENTS[event.size % len(_ELEMENTS)],
            }  # fmt: skip
            lines.append(json.dumps(click, ensure_ascii=False) + "\n")
        file.write_bytes(gzip.compress("".join(lines).encode(), 6, mtime=0))


def _param(key: str, **value: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("string_value", "int_value", "float_value", "double_value"))
    return {"key": key, "value": empty | value}


@lru_cache(maxsize=64)
def _told(agent: str) -> tuple[str, str, str]:
    """Operating system, kind of device and browser, out of what the browser says of itself."""
    system = next((s for s in ("Windows", "iPhone", "Android", "Macintosh", "Linux") if s in agent), "(not set)")
    browser = next((b for b in ("Firefox", "Chrome", "Safari") if b in agent), "(not set)")
    return system, "mobile" if system in ("iPhone", "Android") else "desktop", browser
