"""The shop's database: rows, each with its owner told to the answer sheet as it is born."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path
from random import Random
from typing import Any

from demo import words
from demo.answers import Answers
from demo.moments import DAY, iso, iso_local, iso_micros
from demo.owners import NOBODY, Owner
from demo.people import Device, Person
from demo.visits import Order, Session

_HERE = Path(__file__).parent
PRODUCTS = 40
DISPUTED: dict[int, tuple[int, int | None]] = {
    1101: (2, 3), 1102: (20, 250), 1103: (20, None), 1104: (2, 3), 1121: (2, 3),
}  # fmt: skip
"""The cast's disputed orders: after how many days, and for how many; None: 1103, of 2019, still is. That about 1102, of
2019 as well, was settled in the next financial year."""
KEYS = {
    "customers": ["customer_id"], "customer_emails": ["customer_id", "seq"], "addresses": ["address_id"],
    "quotes": ["quote_id"], "orders": ["order_id"], "order_lines": ["order_id", "line_no"],
    "engravings": ["engraving_id"], "products": ["product_id"], "payments": ["payment_id"], "invoices": ["invoice_no"],
    "returns": ["return_id"], "disputes": ["dispute_id"], "reviews": ["review_id"], "newsletter_consents": ["consent_id"],
    "contest_entries": ["entry_id"], "surveys": ["survey_id"], "interest_profiles": ["profile_id"],
    "contact_messages": ["message_id"], "sessions": ["session_id"],
}  # fmt: skip
"""The tables, each a dataset, and their keys, which are their first columns."""


class Shop:
    """Writes rows in bulk.

    :param file: the database; one of an earlier run is replaced. :param now: nothing is from after it.
    """

    def __init__(self, file: Path, answers: Answers, now: int) -> None:
        file.unlink(missing_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF;")
        self._db.executescript((_HERE / "schema.sql").read_text(encoding="utf-8"))
        self._db.execute("BEGIN")
        self._answers, self._now = answers, now
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in KEYS}
        self.counts = dict.fromkeys(KEYS, 0)
        self._waiting = 0
        self._prices: list[int] = []
        self._products()

    def close(self) -> None:
        """Write what waits, make the indexes, finish the file."""
        self._flush()
        self._db.execute("COMMIT")
        self._db.executescript((_HERE / "indexes.sql").read_text(encoding="utf-8"))
        self._db.close()

    def add(self, table: str, owner: Owner, *row: Any) -> None:
        """One row, its key first."""
        self.counts[table] += 1
        if table != "products":
            self._answers.record(f"shop.{table}", list(row[: len(KEYS[table])]), owner)
        self._rows[table].append(row)
        self._waiting += 1
        if self._waiting >= 20_000:
            self._flush()

    def next(self, table: str) -> int:
        """The next number in a table."""
        return self.counts[table] + 1

    def _flush(self) -> None:
        for table, rows in self._rows.items():
            if rows:
                self._db.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
                rows.clear()
        self._waiting = 0

    def _products(self) -> None:
        rng = Random("products")
        for number in range(1, PRODUCTS + 1):
            metal, kind = words.METALS[number % 5], words.KINDS[number % 7]
            price = 9_500 + int(rng.random() * 600_000)
            self._prices.append(price)
            carats = f"0.{int(rng.random() * 1000):03}"
            name = f"{kind.capitalize()} {metal}"
            self.add(
                "products", NOBODY, number, f"DIA-{number:04}", name, metal, carats, _euro(price), int(number % 9 > 0)
            )

    def customer(self, person: Person, rng: Random) -> None:
        """An account with its addresses."""
        own = person.owner()
        present = person.emails[-1]
        signature = _png(rng) if rng.random() < 0.2 or person.number < 1003 else None
        self.add(
            "customers", own, person.number, person.gender, person.first, person.infix, person.last, present.address,
            iso(present.start), person.phone if rng.random() < 0.8 else None, person.birth, person.engaged, person.wed,
            "en" if rng.random() < 0.1 else "nl", 15 + int(rng.random() * 24) / 4 if rng.random() < 0.5 else None,
            int(rng.random() < 0.4), signature, person.merged_into, person.notes, iso(person.created),
        )  # fmt: skip
        for seq, held in enumerate(person.emails[:-1], start=1):
            row = (person.number, seq, held.address, iso(held.start), iso(held.end))
            self.add("customer_emails", own, *row)

    def address(self, person: Person, rng: Random, kind: str) -> None:
        """A delivery or invoice address."""
        street, number, code, town = place(rng)
        self.add(
            "addresses", person.owner(), self.next("addresses"), person.number, kind, street, number, code, town,
            "NL" if rng.random() < 0.9 else "BE", (iso(person.created) or "")[:10],
        )  # fmt: skip

    def quote(self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner) -> None:
        """A quote with its design."""
        stones = [f"{1 + int(rng.random() * 5)}x briljant" for _ in range(int(rng.random() * 3))]
        metal = words.METALS[int(rng.random() * 5)]
        design = {"metal": metal, "carats": f"{rng.random() * 2:.3f}", "stones": stones}
        wishes = None if rng.random() < 0.3 else f"Graag in {metal}, en 'niet te groot'"
        self.add(
            "quotes", owner, self.next("quotes"), number, email, iso(at), (iso(at + 30 * DAY) or "")[:10],
            _euro(10_000 + int(rng.random() * 900_000)), wishes, json.dumps(design) if rng.random() < 0.9 else None,
            ["open", "accepted", "lapsed"][int(rng.random() * 3)],
        )  # fmt: skip

    def review(self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner) -> None:
        """A review."""
        title, body = words.REVIEWS[int(rng.random() * len(words.REVIEWS))]
        product, rating = 1 + int(rng.random() * PRODUCTS), 1 + int(rng.random() * 5)
        row = (number, email, product, rating, title, body, int(rng.random() < 0.9), iso(at))
        self.add("reviews", owner, self.next("reviews"), *row)

    def newsletter(self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner) -> None:
        """A consent for the newsletter."""
        proof = {"form": "footer", "version": 1 + int(rng.random() * 4), "double_opt_in": rng.random() < 0.8}
        withdrawn = at + int(rng.random() * 20) * DAY if rng.random() < 0.2 else None
        wording = "Ja, ik wil graag de nieuwsbrief ontvangen."
        row = (number, email, iso(at), iso(withdrawn), wording, json.dumps(proof))
        self.add("newsletter_consents", owner, self.next("newsletter_consents"), *row)

    def contest(self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner) -> None:
        """A contest entry."""
        contest = words.CONTESTS[int(rng.random() * len(words.CONTESTS))]
        row = (number, email, contest, f"{rng.random() * 3:.2f} karaat", int(rng.random() < 0.02), iso(at))
        self.add("contest_entries", owner, self.next("contest_entries"), *row)

    def survey(self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner) -> None:
        """Answers to a survey."""
        answers = [
            {"question": q, "answer": words.ANSWERS[int(rng.random() * len(words.ANSWERS))]} for q in words.QUESTIONS
        ]
        row = (number, email, int(rng.random() * 11), rng.random(), json.dumps(answers, ensure_ascii=False), iso(at))
        self.add("surveys", owner, self.next("surveys"), *row)

    def message(
        self, rng: Random, number: int | None, email: str | None, at: int, owner: Owner, *,
        name: str | None = None, body: str | None = None,
    ) -> None:  # fmt: skip
        """A message through the contact form."""
        text = body if body is not None else words.MESSAGES[int(rng.random() * len(words.MESSAGES))]
        subject = "Vraag" if body is None else body.split("\r")[0][:60]
        answer = "Wij bellen u terug." if rng.random() < 0.5 else None
        row = (number, email, name, subject, text, answer, iso_local(at))
        self.add("contact_messages", owner, self.next("contact_messages"), *row)

    def profile(self, rng: Random, number: int | None, device: Device | None, at: int, owner: Owner) -> None:
        """An interest profile of a customer, or of a device on which nobody was signed in then."""
        topics = [topic for topic in words.TOPICS if rng.random() < 0.3]
        scores = [{"topic": topic, "score": f"{rng.random():.4f}"} for topic in topics]
        text = device.text if device else None
        row = (number, text, json.dumps(topics), json.dumps(scores), iso(at))
        self.add("interest_profiles", owner, self.next("interest_profiles"), *row)

    def session(self, session: Session, owner: Owner) -> None:
        """A visit."""
        pages = 1 + zlib.crc32(session.device.text.encode()) % 17
        end = None if session.end is None else session.end // 1000
        self.add(
            "sessions", owner, self.next("sessions"), session.number, session.device.text, session.ip, session.agent,
            pages, session.start // 1000, end,
        )  # fmt: skip

    def order(self, order: Order, number: int, rng: Random) -> None:
        """An order with all that belongs to it: those are the buyer's alone."""
        mine, fixed = order.owner, order.fixed
        lines = [(1 + int(rng.random() * PRODUCTS), 1 + (rng.random() < 0.1)) for _ in range(1 + int(rng.random() * 3))]
        total = sum(self._prices[product - 1] * count for product, count in lines)
        vat = total * 21 // 121
        street = ", ".join(place(rng)[:2]) + f"; {order.name}"
        gift = order.gift or (None, None, None)
        card = rng.choice(["Liefs!", "Voor jou ❤", 'Omdat "ja" ja is', None]) if order.gift else None
        self.add(
            "orders", mine | order.gift_owner, number, order.number, order.email, order.name,
            f"06-0000{number % 10_000:04}" if rng.random() < 0.5 else None, iso_micros(order.at),
            ["delivered", "delivered", "paid", "returned", "cancelled"][int(rng.random() * 5)],
            "web" if order.ip else "store", _euro(total), street, order.ip, order.agent, gift[0], gift[1], gift[2],
            ", ".join(place(rng)[:2]) if order.gift else None, card, _country(number, order),
        )  # fmt: skip
        for no, (product, count) in enumerate(lines, start=1):
            size = 15 + int(rng.random() * 24) / 4
            row = (product, count, _euro(self._prices[product - 1]), "21.00", size if rng.random() < 0.7 else None)
            self.add("order_lines", mine, number, no, *row)
            if rng.random() < 0.3 or (fixed and no == 1):
                text = words.ENGRAVINGS[int(rng.random() * len(words.ENGRAVINGS))]
                drawing = _svg(text) if rng.random() < 0.3 or fixed else None
                font = "Cursief" if rng.random() < 0.5 else "Blok"
                self.add("engravings", mine, self.next("engravings"), number, no, text, font, drawing)
        self._payment(order, number, total, rng)
        issued = (iso(order.at + DAY) or "")[:10]
        invoice = f"F{issued[:4]}-{number:06}"
        who = (order.name, street)
        self.add("invoices", mine, invoice, number, "invoice", issued, *who, _euro(total), _euro(vat))
        if rng.random() < 0.08 or fixed:
            back = rng.random() < 0.7 or bool(fixed)
            asked = order.at + 3 * DAY
            self.add(
                "returns", mine, self.next("returns"), number, iso(asked),
                words.REASONS[int(rng.random() * len(words.REASONS))], _euro(total) if back else None,
                (iso(asked + 2 * DAY) or "")[:10] if back else None,
            )  # fmt: skip
            if back and not fixed:
                credit = (iso(asked + 3 * DAY) or "")[:10]
                row = (number, "credit", credit, *who, _euro(-total), _euro(-vat))
                self.add("invoices", mine, f"C{credit[:4]}-{number:06}", *row)
        self._disputes(order, number)

    def _disputes(self, order: Order, number: int) -> None:
        """Some of the cast's; of the others one in thirty or so is disputed, and few of those still are."""
        rng = Random(f"dispute/{number}/{order.at}")
        if order.fixed:
            if number not in DISPUTED:
                return
            after, took = DISPUTED[number]
        elif rng.random() < 0.03:
            # A claim may drag on into another financial year.
            after, took = int(20 + rng.random() * 40), None if rng.random() < 0.1 else int(5 + rng.random() * 300)
        else:
            return
        opened = order.at + after * DAY
        closed = None if took is None else opened + took * DAY
        if opened >= self._now:
            return
        if closed is not None and closed >= self._now:
            closed = None
        kind = "complaint" if order.ip is None or rng.random() < 0.6 else "chargeback"
        outcome = None if closed is None else ["schikking", "afgewezen", "terugbetaald"][int(rng.random() * 3)]
        said = words.REASONS[int(rng.random() * len(words.REASONS))]
        row = (number, kind, iso(opened), iso(closed), said, outcome)
        self.add("disputes", order.owner, self.next("disputes"), *row)

    def _payment(self, order: Order, number: int, total: int, rng: Random) -> None:
        method = "cash" if order.ip is None else ["ideal", "card", "transfer"][int(rng.random() * 3)]
        metadata = {
            "issuer": ["TESTNL2A", "TESTBE1B"][int(rng.random() * 2)], "country": "NL",
            "risk_score": round(rng.random(), 6), "attempts": ["declined"] * int(rng.random() * 3) + ["paid"],
            "fee": {"amount": f"{rng.random():.3f}", "currency": "EUR"},
        }  # fmt: skip
        self.add(
            "payments", order.owner, f"tr_{number:08}", number, method, _euro(total),
            f"NL00TEST{number % 10**10:010}" if method == "ideal" else None, 2**60 + number,
            iso_micros(order.at + 61_234_567) if rng.random() < 0.95 else None,
            json.dumps(metadata) if method != "cash" else None,
        )  # fmt: skip


def _country(number: int, order: Order) -> str | None:
    """Where it was delivered: here, elsewhere in the EU, beyond it, or nobody wrote it down."""
    if order.ip is None:
        return None
    chance = Random(f"country/{number}/{order.at}").random()
    for share, country in ((0.72, "NL"), (0.8, "BE"), (0.86, "DE"), (0.89, "CH"), (0.91, "GB")):
        if chance < share:
            return country
    return None


def place(rng: Random) -> tuple[str, str, str, str]:
    """Street, house number, postal code (``0000`` is not in use), town."""
    street = words.STREETS[int(rng.random() * len(words.STREETS))]
    town = words.TOWNS[int(rng.random() * len(words.TOWNS))]
    return street, f"{1 + int(rng.random() * 200)}{['', ' a', '-2'][int(rng.random() * 3)]}", "0000 XX", town


def _euro(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def _png(rng: Random) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00" + rng.getrandbits(256).to_bytes(32, "big")


def _svg(text: str) -> bytes:
    return f"<svg xmlns='http://www.w3.org/2000/svg'><text>{text}</text></svg>".encode()
