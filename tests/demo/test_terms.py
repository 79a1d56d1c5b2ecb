"""When records fall due: the answer sheet's own arithmetic against what the data map, the SELECTs and the policy say.

Two readings that share nothing: the generator tells from what it made, the pipelines read start, kind and term.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest_demo import HOME, Made, urls_of
from demo import SIZES, make
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import Ref, load
from privacy.datamap.policy import Term
from privacy.datamap.selects import text_of
from privacy.retention import due
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import ByKey, Due, Every, Selection

MAP = load(HOME)
END = datetime(9999, 12, 31, tzinfo=UTC)
Sheet = dict[tuple[Any, ...], tuple[str | None, str]]


def bounded(ref: Ref) -> bool:
    term = MAP.policy.term_of(ref.dataset)
    return bool(term.keep_at_least or term.keep_at_most) and bool(ref.dataset.starts or ref.dataset.follows)


DATASETS = [ref for ref in MAP if bounded(ref)]


def house_of(made: Made, state: Path) -> House:
    variables = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(made.folder).items()}
    return House(Settings(home=HOME, state=state), EnvironmentConnections(variables), FixedClock(END))


def sheet(made: Made, full: str) -> Sheet:
    rows = made.answers["terms"][full]
    found = {tuple(key): (at, bound) for *key, at, bound in rows}
    assert len(found) == len(rows)
    return found


def rows_of(house: House, ref: Ref, keys: frozenset[tuple[Any, ...]] | None = None) -> Iterator[dict[str, Any]]:
    """All records; what follows another dataset is due by itself never, so it is asked for by its keys."""
    source, pick = house.source(ref.system.system), Due(END)
    if ref.system.source == "sql":
        pick = Every()
    elif keys is not None:
        pick = ByKey(keys=keys)
    selection = Selection(ref.name, pick)
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            yield from batch.to_pylist()


def over(term: Term, start: Any) -> tuple[str | None, str]:
    """When a term of a record that started then is over, and which of its bounds that is."""
    bound = "keep_at_most" if term.keep_at_most else "keep_at_least"
    name = bound.removeprefix("keep_")
    if start is None:
        return None, name
    at = due(start, getattr(term, bound), MAP.policy.zone, bound=bound, counts_from=term.counts_from)
    return at.isoformat().replace("+00:00", "Z"), name


def told(house: House, ref: Ref) -> Sheet:
    """What data map, SELECT and policy say of every record of a dataset that has `starts`."""
    dataset, terms = ref.dataset, MAP.policy.terms_of(ref.dataset)
    assert dataset.starts is not None
    found = {}
    for row in rows_of(house, ref):
        kind = row[dataset.starts.kind] if dataset.starts.kind else None
        term = terms.get(kind, terms[None])
        found[tuple(row[name] for name in dataset.key)] = over(term, row[dataset.starts.column])
    return found


def test_every_dataset_with_a_term_of_time_and_every_record_of_it_is_told(made):
    """Also those that no pipeline can see yet: nothing is for ever unseen (edge case 11)."""
    assert sorted(made.answers["terms"]) == sorted(ref.full for ref in DATASETS)
    for ref in DATASETS:
        assert {tuple(key) for key in sheet(made, ref.full)} == made.keys(ref.full), ref.full


@pytest.mark.parametrize("ref", [r for r in DATASETS if r.dataset.starts], ids=lambda ref: ref.full)
def test_every_record_falls_due_when_the_sheet_says(made, tmp_path, ref):
    """Edge cases 16 and 18 among them: applications in every state, orders with credit notes, disputes and returns."""
    wanted, found = sheet(made, ref.full), told(house_of(made, tmp_path), ref)
    if ref.full == "weblogs.access":
        # A line in no known form tells no time; it goes when its file does (edge case 8).
        term = MAP.policy.term_of(ref.dataset)
        unknown = [key for key, (at, _) in found.items() if at is None]
        assert unknown
        assert not [key for key in unknown if re.match(rb"\S+ - \S+ \[[^\]]+\] ", made.lines[key])]
        for key in unknown:
            written = (made.folder / "weblogs" / key[0]).stat().st_mtime
            found[key] = over(term, datetime.fromtimestamp(written, UTC))
    assert found == wanted


@pytest.mark.parametrize(
    ("full", "column"), [("dossiers.applications", "application_id"), ("dossiers.personnel", "employee_no")]
)
def test_a_file_falls_due_with_the_record_that_it_follows(made, tmp_path, full, column):
    house, ref = house_of(made, tmp_path), MAP[full]
    leader = told(house, MAP[str(ref.dataset.follows)])
    wanted = {(row["file"],): leader[row[column],] for row in rows_of(house, ref, frozenset(sheet(made, full)))}
    assert sheet(made, full) == wanted


def test_a_message_falls_due_with_the_last_applicant_on_it(made, tmp_path):
    house, ref = house_of(made, tmp_path), MAP["mail.applications"]
    leader = MAP[str(ref.dataset.follows)]
    dues, by_address = told(house, leader), {}
    for row in rows_of(house, leader):
        by_address.setdefault(row["email"].casefold(), []).append(dues[row["applicant_id"],][0])
    found = {}
    for row in rows_of(house, ref, frozenset(sheet(made, ref.full))):
        on_it = {a.casefold() for party in ref.dataset.people.values() for c in party.subject for a in row[c] or ()}
        theirs = [at for address in on_it for at in by_address.get(address, [])]
        last = max(theirs) if theirs and None not in theirs else None
        found[row["folder"], row["message"]] = (last, "at_most")
    assert found == sheet(made, ref.full)
    assert len({at for at, _ in found.values()}) > 5


def test_a_large_shops_sheet_leaves_the_terms_out(tmp_path):
    made = make(tmp_path, seed=1, size=SIZES["tiny"].__class__(20, 5, 10, 0.05, 0.1, 0.1, terms=False))
    assert made.subjects
    assert '"terms"' not in (tmp_path / "answers.json").read_text()
    assert [name for name, size in SIZES.items() if size.terms] == ["tiny", "small"]


# Edge case 18, order by order.

FAMILY = [ref for ref in MAP if ref.dataset.promise == "INV-STAT"]


@pytest.fixture
def order():
    """An order of 30 December 2019 with a line, an engraving, a payment, an invoice, a return and a settled dispute."""
    db = sqlite3.connect(":memory:")
    db.executescript((HOME / "demo/schema.sql").read_text())
    db.executescript(
        """
        INSERT INTO products VALUES (1, 'a', 'a', NULL, NULL, NULL, 1);
        INSERT INTO orders (order_id, email, ordered_at, status, channel, total, delivery_country)
          VALUES (7, 'gast@post.example', '2019-12-30T10:00:00.000000+00:00', 'paid', 'web', '1.00', 'NL');
        INSERT INTO order_lines VALUES (7, 1, 1, 1, '1.00', '21.00', NULL);
        INSERT INTO engravings VALUES (1, 7, 1, 'x', NULL, NULL);
        INSERT INTO payments VALUES ('tr_1', 7, 'ideal', '1.00', NULL, 1, '2019-12-30T10:01:00.000000+00:00', NULL);
        INSERT INTO invoices VALUES ('F1', 7, 'invoice', '2019-12-30', NULL, NULL, '1.00', '0.17');
        INSERT INTO returns VALUES (1, 7, '2019-12-30T11:00:00Z', NULL, NULL, NULL);
        INSERT INTO disputes VALUES (1, 7, 'complaint', '2019-12-30T11:00:00Z', '2019-12-30T12:00:00Z', NULL, NULL);
        """
    )
    yield db
    db.close()


def ends(db: sqlite3.Connection) -> str | None:
    """The day until which the order is kept: all that belongs to it says the same."""
    found = set()
    for ref in FAMILY:
        db.row_factory = sqlite3.Row
        (row,) = db.execute(
            f"SELECT DISTINCT term_starts, term_kind FROM ({text_of(MAP.sql(ref), (), ref.full)})"
        ).fetchall()
        start = None if row["term_starts"] is None else datetime.fromisoformat(row["term_starts"])
        terms = MAP.policy.terms_of(ref.dataset)
        found.add(over(terms.get(row["term_kind"], terms[None]), start)[0])
    (only,) = found
    return only


def test_seven_tables_are_one_family():
    assert {ref.name for ref in FAMILY} == {
        "orders", "order_lines", "engravings", "payments", "invoices", "returns", "disputes",
    }  # fmt: skip
    _, rule = MAP.policy.rule("invoices")
    assert sorted(rule.datasets) == sorted(ref.full for ref in FAMILY)


def test_whatever_refers_to_another_of_the_family_goes_before_it(made):
    """Children before parents, and nothing outside of the family keeps an order for ever."""
    _, rule = MAP.policy.rule("invoices")
    places = {full.partition(".")[2]: n for n, full in enumerate(rule.datasets)}
    tables = [row[0] for row in made.db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    refers = [(t, fk["table"]) for t in tables for fk in made.db.execute(f"PRAGMA foreign_key_list({t})")]
    into = [(child, parent) for child, parent in refers if parent in places]
    assert len(into) >= 6
    assert [(child, parent) for child, parent in into if places.get(child, 99) >= places[parent]] == []


def test_the_fiscal_term_counts_from_the_end_of_the_financial_year(order):
    """Edge case 18: not from the invoice's date."""
    assert ends(order) == "2026-12-31T23:00:00Z"


@pytest.mark.parametrize(
    "event",
    [
        "INSERT INTO invoices VALUES ('C1', 7, 'credit', '2020-01-02', NULL, NULL, '-1.00', '-0.17')",
        "UPDATE payments SET paid_at = '2020-01-02T10:00:00.000000+00:00'",
        "UPDATE returns SET requested_at = '2020-01-02T10:00:00Z'",
        "UPDATE returns SET received_on = '2020-01-02'",
        "UPDATE disputes SET closed_at = '2020-01-02T10:00:00Z'",
        # New Year's Day here, while it is still the old year in UTC.
        "UPDATE orders SET ordered_at = '2019-12-31T23:30:00.000001+00:00'",
    ],
    ids=["credit note", "late payment", "return", "return that arrives", "settled dispute", "new year's night"],
)
def test_what_happens_in_the_next_year_keeps_the_whole_order_a_year_longer(order, event):
    """Edge case 18: a credit note or dispute keeps it longer; all of its family alike."""
    order.execute(event)
    assert ends(order) == "2027-12-31T23:00:00Z"


def test_an_open_dispute_keeps_an_order_until_it_is_settled(order):
    """Edge case 18: while it is open the term has not begun; another one that was settled changes nothing."""
    order.execute("INSERT INTO disputes VALUES (2, 7, 'chargeback', '2020-01-02T10:00:00Z', NULL, NULL, NULL)")
    assert ends(order) is None
    order.execute("UPDATE disputes SET closed_at = '2021-06-01T10:00:00Z' WHERE dispute_id = 2")
    assert ends(order) == "2028-12-31T23:00:00Z"


def test_a_payment_or_return_that_never_came_does_not_keep_an_order_for_ever(order):
    """Edge cases 11 and 18: such a claim lapses within the term."""
    order.execute("UPDATE payments SET paid_at = NULL")
    order.execute("UPDATE returns SET received_on = NULL")
    assert ends(order) == "2026-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("country", "channel", "years"),
    [
        ("NL", "web", 7), ("NL", "store", 7), (None, "store", 7), ("BE", "web", 10), ("BE", "store", 10),
        ("CH", "web", 10), (None, "web", 10), ("nl", "web", 10), ("", "web", 10), ("", "store", 10),
    ],
)  # fmt: skip
def test_a_domestic_sale_is_kept_seven_years_and_any_other_ten(order, country, channel, years):
    """INV-STAT: what cannot be told apart takes the longest."""
    order.execute("UPDATE orders SET delivery_country = ?, channel = ?", (country, channel))
    assert ends(order) == f"{2019 + years}-12-31T23:00:00Z"
