"""The site's statistics: the same visits as the logs, as Google Analytics exports them and as clicks.

An event without user and device id is judged as a log line is, by the visits around it and by the other events of the same
kind. Where the logs would say otherwise (they know of somebody whom these statistics did not see), the event is not written:
whether one system's records are evidence about another's is nothing that this shop has to decide.
"""

from __future__ import annotations

import gzip
import json
import os
from abc import ABC, abstractmethod
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
from demo.moments import SECOND, ZONE, Calendar, day_of, local
from demo.owners import Owner
from demo.terms import MONTHS_OF_LOGS, months_after
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

_KEYS = ("page_location", "ga_session_id", "engagement_time_msec", "ip_address", "user_agent", "scroll")
DEVICES = {
    system: {
        "category": "mobile" if system in ("iPhone", "Android") else "desktop", "operating_system": system,
        "language": "nl-nl",
    }
    for system in ("Windows", "iPhone", "Android", "Macintosh", "Linux", "(not set)")
}  # fmt: skip
WEB = {b: {"browser": b, "hostname": "www.diamonto.example"} for b in ("Firefox", "Chrome", "Safari", "(not set)")}
GEO = {"country": "Netherlands", "region": "Overijssel", "city": None}
DIRECT = {"name": "(direct)", "medium": "(none)", "source": "(direct)"}
ITEM = {"item_id": "DIA-0001", "item_name": "Trouwring geelgoud", "price": 950.0, "quantity": 1}
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


class _Kind(ABC):
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
            if self._answers.terms:
                self._answers.term(self.dataset, key, months_after(day_of(event.at), MONTHS_OF_LOGS))
        self.count += len(kept)
        file = self.to / name
        self._save(file, kept)
        ends = min(local(day + timedelta(days=1), "04:00"), self._calendar.now) // SECOND
        os.utime(file, (ends, ends))

    def _file_of(self, event: Line) -> int:
        return self._calendar.day(event.at)

    @abstractmethod
    def _moment(self, line: Line) -> int: ...

    @abstractmethod
    def _name(self, day: date) -> str: ...

    @abstractmethod
    def _save(self, file: Path, events: list[Line]) -> None: ...


class _Ga4(_Kind):
    """Google Analytics' daily export, from BigQuery to Parquet."""

    dataset = "analytics.ga4_events"

    def _moment(self, line: Line) -> int:
        return line.at + line.size * 7919 % SECOND

    def _name(self, day: date) -> str:
        return f"events_{day:%Y%m%d}.parquet"

    def _save(self, file: Path, events: list[Line]) -> None:
        """By column: row by row is five times slower."""
        told = [_told(event.agent) for event in events]
        bought = [event.request.startswith("POST") for event in events]
        constant = {"stream_id": "4200000001", "platform": "WEB"}
        columns: dict[str, Any] = {
            "event_date": [_day(event.at) for event in events], "event_timestamp": [event.at for event in events],
            "event_name": ["purchase" if b else "page_view" for b in bought], "event_params": _params(events),
            "event_value_in_usd": [1028.37 if b else None for b in bought],
            "user_id": [None if event.user is None else str(event.user) for event in events],
            "user_pseudo_id": [event.device for event in events],
            "user_first_touch_timestamp": [e.at - crc32(e.device.encode()) if e.device else None for e in events],
            "is_active_user": [event.size > 1000 for event in events],
            "device": [DEVICES[system] | {"web_info": WEB[browser]} for system, browser in told],
            "geo": [GEO] * len(events), "traffic_source": [DIRECT] * len(events),
            "items": [[ITEM] if b else [] for b in bought],
            **{name: [value] * len(events) for name, value in constant.items()},
        }  # fmt: skip
        arrays = [
            columns[field.name]
            if isinstance(columns[field.name], pa.Array)
            else pa.array(columns[field.name], field.type)
            for field in SCHEMA
        ]
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), file, compression="snappy")


def _params(events: list[Line]) -> pa.Array:
    """What an event is about: a list of keys, each with a value of one of four types."""
    offsets, keys, texts, numbers, reals = [0], [], [], [], []
    for event in events:
        page = event.request.split(" ")[1]
        keys += _KEYS
        texts += (f"https://www.diamonto.example{page}", None, None, event.ip, event.agent, None)
        numbers += (None, event.at // SECOND // 1800, event.size, None, None, None)
        reals += (None, None, None, None, None, event.size % 100 / 100)
        if event.referer != "-":
            keys.append("page_referrer")
            texts.append(event.referer)
            numbers.append(None)
            reals.append(None)
        offsets.append(len(keys))
    nothing = pa.nulls(len(keys), _REAL)
    value = pa.StructArray.from_arrays(
        [pa.array(texts, _TEXT), pa.array(numbers, _WHOLE), nothing, pa.array(reals, _REAL)], fields=list(_VALUE)
    )
    of = SCHEMA.field("event_params").type
    pairs = pa.StructArray.from_arrays([pa.array(keys, _TEXT), value], fields=list(of.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs, type=of)


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


def _day(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZONE).strftime("%Y%m%d")


@lru_cache(maxsize=64)
def _told(agent: str) -> tuple[str, str]:
    """Operating system and browser, out of what the browser says of itself."""
    system = next((s for s in DEVICES if s in agent), "(not set)")
    return system, next((b for b in WEB if b in agent), "(not set)")
