"""The answer sheet: per subject and dataset the keys of the records that are theirs, told by the generator itself.

``answers.json``::

    {"seed": .., "size": .., "today": "YYYY-MM-DD",
     "datasets": {"shop.orders": ["order_id"], ..},          the key that a record is named by
     "requests": [{"request": "AVG-2026-1001-7", "subject": "1001",
                   "deliveries": {"betaalpoort": {"state": "complete", "records": [[file], ..]}, ..}}, ..],
     "subjects": [{"subject": "1001", "note": .., "named": [{"shop.customer_id": 1001}, {"email": ..}],
                   "records": {"shop.orders": [[1101], ..], "weblogs.access": [[file, line number], ..]},
                   "withheld": {"mail.correspondence": {"mention": [[folder, message], ..], "internal": [..]}},
                   "left_out": {"mail.correspondence": {"bcc": [[folder, message], ..]}},
                   "unattributed": {"weblogs.access": 3}, "unattributed_why": {"weblogs.access": {"contested_visit": 3}}},
                  {"subject": "1005", .., "ambiguous": true, "candidates": [[1005], [1006]],
                   "decisions": {"shared": {"records": .., "unattributed": ..}, "theirs": {..}}}, ..],
     "nobody": {"shop.sessions": [[17], ..], "weblogs.access": [..]},
     "terms": {"shop.sessions": [[17, "2026-11-03T23:00:00Z", "at_most"], ..],
               "shop.invoices": [["F2019-050001", "2026-12-31T23:00:00Z", "at_least"], ..],
               "recruiting.applications": [[1011, null, "at_most"], ..]}}

* A subject is a customer's number as text; ``guest:<address>`` for whoever is known by an address alone (also of whom there
  is nothing but e-mail); ``applicant:<number>``, ``employee:<number>``. A person with two roles is one subject, under the
  first of these that they have: customer, applicant, employee.
* ``named``: each of them alone leads to this subject. Where ``ambiguous``, each leads to a question; the answer sheet has
  the records under both decisions: ``shared`` (those with the subject's own number) and ``theirs`` (those known by the
  shared address alone as well).
* ``withheld``: e-mail in which their address stands without their being a party to it: between others (``mention``), among
  staff alone (``internal``). It is theirs, and a person looks at it first. ``records`` does not have it.
* ``left_out``: records of theirs in which that column names others, who are not shown to them.
* ``requests``: what processors delivered, by the number of the request, whosoever it is. ``complete``: all that is listed
  is there; ``incomplete``: not all is, or nothing says what should be: ``arrived`` then has what lies there.
* ``unattributed``: records that an identifier of theirs points at and that are nobody's: log lines and analytics events
  without user and device id, from an address during the subject's visit there, when that visit is contested
  (``contested_visit``) or with another browser (``other_agent``); lines and sessions of a device that others used too
  (``shared_device``); under the decision ``shared``, records known by the shared address alone (``shared_address``).
* ``nobody``: records of datasets with subjects that are nobody's under any decision; of large shops without the logs and
  events.
* ``terms``: for every record of every dataset with a term of time its key, when it falls due (UTC), and which bound that is:
  ``at_most``, gone by then; ``at_least``, not gone before and gone by the next run. ``null``: its term has not begun.
  Small shops alone have it (:mod:`demo.terms`).

Several log lines are one subject's for several reasons; each stands once. A line within two visits of the subject is
theirs as soon as one of the two is uncontested.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

import orjson

from demo.owners import Owner

BOTH, SHARED, THEIRS = "", "shared", "theirs"
LINES = frozenset(("weblogs.access", "analytics.ga4_events", "analytics.clicks"))
_WITHHELD, _LEFT_OUT = "withheld:", "left_out:"


class Answers:
    """Collects who owns what in a scratch database, so that memory stays flat; then writes the sheet.

    :param scratch: removed at the end.
    :param every_line: also which log lines and events are nobody's: too many in a large shop.
    :param terms: also when each record falls due.
    """

    def __init__(self, scratch: Path, *, every_line: bool = True, terms: bool = True) -> None:
        self._path, self._all, self.terms = scratch, every_line, terms
        scratch.unlink(missing_ok=True)
        self._db = sqlite3.connect(scratch, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE owned(subject TEXT, dataset TEXT, mode TEXT, why TEXT, key TEXT);"
            "CREATE TABLE due(dataset TEXT, text TEXT);"
            "CREATE TABLE subjects(subject TEXT PRIMARY KEY, about TEXT) WITHOUT ROWID;"
        )
        self._db.execute("BEGIN")
        self._rows: list[tuple[str, str, str, str, str]] = []
        self._due: list[tuple[str, str]] = []
        self.count = 0

    def subject(self, subject: str, **about: Any) -> None:
        """Announce a subject; a second time is no matter."""
        self._db.execute("INSERT OR IGNORE INTO subjects VALUES (?,?)", (subject, json.dumps(about)))

    def record(
        self,
        dataset: str,
        key: list[Any],
        owner: Owner,
        *,
        withheld: Mapping[str, Owner] | None = None,
        left_out: Mapping[str, Owner] | None = None,
    ) -> None:
        """A record was written, and this is whose it is.

        :param withheld: reason -> who is named in it without being a party to it.
        :param left_out: column -> whose copy of the record lacks others' values of it.
        """
        text = orjson.dumps(key).decode()
        self._owned(dataset, text, owner, "")
        told = {*owner.always, *owner.theirs}
        for reason, named in (withheld or {}).items():
            rest = Owner(tuple(s for s in named.always if s not in told))
            self._owned(dataset, text, rest, _WITHHELD + reason)
            told |= {*rest.always}
        if not told:
            self._nobodys(dataset, text)
        for column, those in (left_out or {}).items():
            for subject in those.always:
                self._add(subject, dataset, BOTH, _LEFT_OUT + column, text)
            for subject in those.theirs:
                self._add(subject, dataset, THEIRS, _LEFT_OUT + column, text)

    def _owned(self, dataset: str, text: str, owner: Owner, why: str) -> None:
        for subject in owner.always:
            self._add(subject, dataset, BOTH, why, text)
        for subject in owner.theirs:
            self._add(subject, dataset, THEIRS, why, text)
            self._add(subject, dataset, SHARED, "shared_address", text)
        for subject in owner.unsure:
            self._add(subject, dataset, BOTH, "shared_device", text)

    def line(
        self, dataset: str, key: list[Any], mine: Iterable[tuple[str, str]], not_mine: Iterable[tuple[str, str, str]]
    ) -> None:
        """A log line or event without user and device id.

        :param mine: (subject, decision) whose it is; ``not_mine``: (subject, decision, why not).
        """
        text = orjson.dumps(key).decode()
        anybody = False
        for subject, mode in mine:
            anybody = True
            self._add(subject, dataset, mode, "", text)
        if not anybody:
            self._nobodys(dataset, text)
        for subject, mode, why in not_mine:
            self._add(subject, dataset, mode, why, text)

    def term(self, dataset: str, key: list[Any], due: str | None, *, least: bool = False) -> None:
        """When a record falls due; None: its term has not begun.

        :param least: it is kept until then at least; else it is gone by then.
        """
        if self.terms:
            self._due.append((dataset, orjson.dumps([*key, due, "at_least" if least else "at_most"]).decode()))
            if len(self._due) >= 20_000:
                self._flush()

    def keys(self, dataset: str) -> list[list[Any]]:
        """The keys of a dataset's records, in the order in which they were told."""
        return [key for key, _ in self.owned(dataset)]

    def owned(self, dataset: str) -> list[tuple[list[Any], list[str]]]:
        """Those with the subjects whose they are."""
        self._flush()
        found: dict[str, list[str]] = {}
        for key, subject, why in self._db.execute(
            "SELECT key, subject, why FROM owned WHERE dataset=? ORDER BY rowid", (dataset,)
        ):
            whose = found.setdefault(key, [])
            if subject and not why:
                whose.append(subject)
        return [(orjson.loads(key), subjects) for key, subjects in found.items()]

    def _nobodys(self, dataset: str, text: str) -> None:
        if self._all or dataset not in LINES:
            self._add("", dataset, BOTH, "", text)

    def _add(self, *row: str) -> None:
        self._rows.append(row)  # type: ignore[arg-type]
        if len(self._rows) >= 20_000:
            self._flush()

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO owned VALUES (?,?,?,?,?)", self._rows)
        self._rows.clear()
        self._db.executemany("INSERT INTO due VALUES (?,?)", self._due)
        self._due.clear()

    def write(self, to: Path, head: dict[str, Any]) -> int:
        """Write the sheet, and remove the scratch database.

        :returns: how many subjects it has.
        """
        self._flush()
        self._db.execute("CREATE INDEX by_subject ON owned(subject, dataset)")
        subjects = 0
        with to.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(head, ensure_ascii=False)[:-1] + ',\n"subjects": [\n')
            about = self._db.execute("SELECT subject, about FROM subjects ORDER BY subject")
            owned = groupby(
                self._db.execute("SELECT * FROM owned WHERE subject<>'' ORDER BY subject, dataset, rowid"),
                key=lambda row: row[0],
            )
            have, rows = next(owned, (None, iter(())))
            for subject, text in about:
                entry = {"subject": subject, **orjson.loads(text)}
                mine: list[Any] = []
                if have == subject:
                    mine = list(rows)
                    have, rows = next(owned, (None, iter(())))
                if entry.get("ambiguous"):
                    entry["decisions"] = {mode: _answer(mine, mode) for mode in (SHARED, THEIRS)}
                else:
                    entry |= _answer(mine, BOTH)
                file.write((",\n" if subjects else "") + orjson.dumps(entry).decode())
                subjects += 1
            file.write('\n],\n"nobody": {')
            self._by_dataset(file, "SELECT dataset, key FROM owned WHERE subject='' ORDER BY dataset, rowid")
            if self.terms:
                file.write('},\n"terms": {')
                self._by_dataset(file, "SELECT dataset, text FROM due ORDER BY dataset, rowid")
            file.write("}}\n")
        if have is not None:
            raise AssertionError("somebody owns a record and is no subject")
        self._db.close()
        self._path.unlink()
        return subjects

    def _by_dataset(self, file: TextIO, select: str) -> None:
        rows: Iterator[Any] = self._db.execute(select)
        for n, (dataset, keys) in enumerate(groupby(rows, key=lambda row: row[0])):
            file.write((",\n" if n else "\n") + json.dumps(dataset) + ": [")
            for m, (_, key) in enumerate(keys):
                file.write(("," if m else "") + key)
            file.write("]")


def _answer(rows: list[Any], mode: str) -> dict[str, Any]:
    records: dict[str, list[Any]] = {}
    aside: dict[str, dict[str, dict[str, list[Any]]]] = {_WITHHELD: {}, _LEFT_OUT: {}}
    why: dict[str, dict[str, int]] = {}
    for _, dataset, its, reason, key in rows:
        if its not in (BOTH, mode):
            continue
        kind, colon, what = reason.partition(":")
        if colon:
            aside[kind + colon].setdefault(dataset, {}).setdefault(what, []).append(orjson.loads(key))
        elif reason:
            counts = why.setdefault(dataset, {})
            counts[reason] = counts.get(reason, 0) + 1
        else:
            records.setdefault(dataset, []).append(orjson.loads(key))
    return {
        "records": records,
        "withheld": aside[_WITHHELD],
        "left_out": aside[_LEFT_OUT],
        "unattributed": {dataset: sum(counts.values()) for dataset, counts in why.items()},
        "unattributed_why": why,
    }
