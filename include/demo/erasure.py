"""What an erasure leaves, by the generator's own knowledge: the answer sheet for ``erase_subject``.

Whose a record is says the sheet (``answers.json``); what refers to what, and which order is unfinished, say the finished
tables, read plainly. Which kinds of record go is written here a second time, in the generator's own words, and nothing
of the pipelines is used.

A subject's records

* go, from every system, unless one of the following holds;
* of a message or conversation that another person is in too, lose what is the subject's (:attr:`Left.shared`);
* stay untouched as long as an order of theirs is unfinished: the customer, their addresses, postal and of e-mail;
* stay by law: orders and all that belongs to them, letters, the administration's mail, personnel files;
* stay as numbers: customers to whom an order, or a customer that stays, refers.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from demo.terms import months_after

Key = tuple[Any, ...]

RETAINED = frozenset(
    (
        *(f"shop.{name}" for name in ("orders", "order_lines", "payments", "invoices", "returns", "disputes")),
        *("mail.administration", "dossiers.letters", "dossiers.personnel", "recruiting.employees"),
    )
)
EMPTIED: Mapping[str, Mapping[str, Any]] = {
    "shop.orders": dict.fromkeys(("ip", "user_agent", "phone", "gift_message")),
    "shop.engravings": dict.fromkeys(("text", "font", "drawing")),
}
"""What of records that stay is of no use to anybody any more: column -> what it is then."""

NUMBER = {
    **dict.fromkeys(
        ("gender", "infix", "phone", "birth_date", "engagement_date", "wedding_date", "ring_size", "signature")
    ),
    "merged_into": None, "staff_notes": None, "first_name": "", "last_name": "", "newsletter": 0, "email": ...,
}  # fmt: skip
"""A customer of whom the number alone stays; ``...`` is a token that says nothing."""

WAIT = frozenset(("shop.customers", "shop.customer_emails", "shop.addresses"))
"""What an unfinished order needs."""

WITH_OTHERS = frozenset(("mail.correspondence", "mail.applications", "helpdesk.conversations"))

MONTHS = {"delivery": 6, "return": 12, "payment": 12}
"""So long after the order somebody may still finish it; a dispute lasts until it is closed."""


@dataclass
class Left:
    """What an erasure does to each record of a subject: keys as the sheet has them.

    :param emptied: of records that stay: what they say then. :param waiting: why.
    """

    gone: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    shared: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    emptied: dict[tuple[str, Key], Mapping[str, Any]] = field(default_factory=dict)
    waiting: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    why: set[str] = field(default_factory=set)


class Sheet:
    """The answer sheet of a made shop.

    :param folder: with ``answers.json`` and the databases, as they were made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.answers: dict[str, Any] = json.loads((folder / "answers.json").read_text())
        self.today = date.fromisoformat(self.answers["today"])
        self.subjects: dict[str, dict[str, Any]] = {s["subject"]: s for s in self.answers["subjects"]}

    def records(self, subject: str, decision: str | None = None) -> dict[str, set[Key]]:
        """The subject's records, by dataset."""
        entry = self.subjects[subject]
        told = entry["decisions"][decision] if entry.get("ambiguous") else entry
        return {name: {_key(key) for key in keys} for name, keys in told["records"].items()}

    def withheld(self, subject: str, decision: str | None = None) -> dict[str, set[Key]]:
        """Messages that are no records of theirs and speak of them."""
        entry = self.subjects[subject]
        told = entry["decisions"][decision] if entry.get("ambiguous") else entry
        return {name: {_key(k) for keys in why.values() for k in keys} for name, why in told["withheld"].items()}

    def left(self, subject: str, decision: str | None = None) -> Left:
        """What an erasure of the subject does.

        :param decision: of one who shares an address: ``shared`` or ``theirs``.
        """
        found, mine = Left(), self.records(subject, decision)
        found.why = {why for order in mine.get("shop.orders", ()) if (why := self._unfinished(order[0]))}
        for name, keys in mine.items():
            if name in WAIT and found.why:
                found.waiting[name] |= keys
                continue
            for key in keys:
                if name in EMPTIED:
                    if name != "shop.orders" or self._bought(subject, mine, key[0]):
                        found.emptied[name, key] = EMPTIED[name]
                elif name in WITH_OTHERS and self._others(subject, name, key):
                    found.shared[name].add(key)
                elif name not in RETAINED:
                    found.gone[name].add(key)
        numbers = {number for (number,) in found.gone.get("shop.customers", ())}
        for number in self._referred(numbers):
            found.gone["shop.customers"].discard((number,))
            found.emptied["shop.customers", (number,)] = NUMBER
        return found

    def _bought(self, subject: str, mine: Mapping[str, set[Key]], order: int) -> bool:
        """Whether they are who placed an order of theirs; who gets it as a gift has nothing of the buyer's erased."""
        own = {str(value).lower() for one in self.subjects[subject]["named"] for value in one.values()}
        numbers = {number for (number,) in mine.get("shop.customers", ())}
        with closing(self._open()) as db:
            ((number, address),) = db.execute(
                "SELECT customer_id, email FROM orders WHERE order_id = ?", (order,)
            ).fetchall()
            # Addresses that they had once are not among what they may be named by.
            for table in ("customers", "customer_emails"):
                own |= {e.lower() for n, e in db.execute(f"SELECT customer_id, email FROM {table}") if n in numbers}
        return number in numbers if number is not None else str(address).lower() in own

    def _others(self, subject: str, name: str, key: Key) -> bool:
        """Whether another person is in it; who shares an address with the subject is no other where it names both."""
        group = {_key(c) for c in self.subjects[subject].get("candidates", ())}
        return any(
            other != subject and not (group and group == {_key(c) for c in self.subjects[other].get("candidates", ())})
            for other in self._owners[name, key]
        )

    @cached_property
    def _owners(self) -> dict[tuple[str, Key], set[str]]:
        found: dict[tuple[str, Key], set[str]] = defaultdict(set)
        for subject, entry in self.subjects.items():
            decisions: Iterable[str | None] = entry.get("decisions") or (None,)
            for decision in decisions:
                for name, keys in self.records(subject, decision).items():
                    if name in WITH_OTHERS:
                        for key in keys:
                            found[name, key].add(subject)
        return found

    def _referred(self, numbers: set[int]) -> set[int]:
        """Those of these customers to whom something refers that stays."""
        stay: set[int] = set()
        with closing(self._open()) as db:
            for column in ("customer_id", "recipient_customer_id"):
                stay |= {n for (n,) in db.execute(f"SELECT {column} FROM orders") if n in numbers}
            merged = dict(db.execute("SELECT customer_id, merged_into FROM customers WHERE merged_into IS NOT NULL"))
        while more := {merged[n] for n in stay if merged.get(n) in numbers - stay}:
            stay |= more
        return stay

    def _unfinished(self, order: int) -> str | None:
        with closing(self._open()) as db:

            def there(text: str) -> bool:
                return db.execute(f"SELECT 1 FROM {text}", (order,)).fetchone() is not None

            (status, channel, at), = db.execute(
                "SELECT status, channel, ordered_at FROM orders WHERE order_id = ?", (order,)
            ).fetchall()  # fmt: skip
            if there("disputes WHERE order_id = ? AND closed_at IS NULL"):
                return "dispute"
            unpaid = status != "cancelled" and there("payments WHERE order_id = ? AND paid_at IS NULL")
            open_ones = {
                "return": there("returns WHERE order_id = ? AND received_on IS NULL"),
                "delivery": status == "paid" and channel != "store",
                "payment": unpaid,
            }
        for why, is_open in open_ones.items():
            # Its day here: no order of the demo is of an hour at which the dates differ by a term.
            if is_open and str(months_after(date.fromisoformat(at[:10]), MONTHS[why])) > f"{self.today}T12":
                return why
        return None

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._folder}/shop.db?mode=ro", uri=True)


def _key(key: Iterable[Any]) -> Key:
    return tuple(key)
