"""A request may name what stands on a letter of the shop: the number of an order, an invoice or an application, a phone."""

from __future__ import annotations

import sqlite3

import pytest
import yaml

from conftest_letters import ANNA, BERT, GIFT, NOW, Books
from privacy.errors import AmbiguousIdentity, Refused
from privacy.rights import Right
from privacy.sources.base import Identifier


@pytest.fixture
def library(tmp_path):
    """The bookshop, whose loans and phone numbers lead to people."""
    books = Books(tmp_path)
    file = books.home / "datamap/books.yaml"
    system = yaml.safe_load(file.read_text())
    system["identity"]["kinds"]["loan"] = {"title": {"nl": "lening", "en": "loan"}, "type": "integer"}
    system["identity"]["edges"] += [
        {"dataset": "loans", "source": "loan", "target": "reader"},
        {"dataset": "loans", "source": "loan", "target": "email"},
        {"dataset": "readers", "source": "phone", "target": "reader"},
    ]
    system["datasets"]["loans"]["columns"]["loan"]["identity"] = "books.loan"
    system["datasets"]["readers"]["columns"]["phone"]["identity"] = "phone"
    file.write_text(yaml.safe_dump(system, sort_keys=False))
    books.house = books.opened()
    return books


def people(books: Books, *named: tuple[str, str | int]) -> dict[str, set[str | int]]:
    """Kind -> values of whom a request leads to."""
    who = [Identifier(kind, value) for kind, value in named]
    number = books.house.register.receive(Right.ACCESS, who, author="desk").number
    found: dict[str, set[str | int]] = {}
    for i in books.house.subject(number).identifiers:
        if not i.contested:
            found.setdefault(i.kind, set()).add(i.value)
    return found


def test_a_record_s_number_leads_to_whose_it_is_with_all_that_they_are_known_by(library):
    found = people(library, ("books.loan", 11))
    assert (found["books.reader"], found["email"]) == ({1}, {ANNA})


def test_of_a_record_with_two_people_its_number_is_of_the_one_who_made_it(library):
    """Edge case 22: whoever got the book does not learn of who lent it, nor the other way round."""
    assert people(library, ("books.loan", 10))["books.reader"] == {1}
    assert people(library, ("books.loan", 12))["books.reader"] == {2}


def test_a_guest_s_record_leads_to_the_guest_s_address(library):
    found = people(library, ("books.loan", 13))
    assert found["email"] == {GIFT}
    assert "books.reader" not in found


def test_nothing_leads_to_a_number_so_it_says_nothing_of_others(library):
    assert "books.loan" not in people(library, ("email", ANNA))
    assert "phone" not in people(library, ("email", ANNA))


def test_a_number_that_no_record_has_leads_to_nobody(library):
    """Edge case 28."""
    assert set(people(library, ("books.loan", 999))) == {"books.loan", "request"}


def test_records_of_two_people_stop_for_a_person_to_decide(library):
    """Edge case 19."""
    with pytest.raises(AmbiguousIdentity):
        people(library, ("books.loan", 11), ("books.loan", 12))
    with pytest.raises(AmbiguousIdentity):
        people(library, ("books.loan", 11), ("email", BERT))


def test_the_address_on_a_customer_s_record_counts_for_nothing_beside_their_number(library):
    library.execute("UPDATE loans SET email = ? WHERE loan = 11", BERT)
    found = people(library, ("books.loan", 11))
    assert (found["books.reader"], found["email"]) == ({1}, {ANNA})


def test_a_phone_number_leads_to_who_has_it_however_it_is_written(library):
    for written in ("+31612345678", "0031 6 1234-5678"):
        assert people(library, ("phone", written))["books.reader"] == {1}


def test_a_phone_number_that_two_share_stops_for_a_person_to_decide(library):
    """Edge case 19: a household's telephone."""
    library.execute("UPDATE readers SET phone = '+31 6 1234 5678' WHERE reader = 2")
    with pytest.raises(AmbiguousIdentity):
        people(library, ("phone", "+31612345678"))
    assert people(library, ("email", BERT))["books.reader"] == {2}, "by an address nobody has to decide"


@pytest.mark.parametrize(
    "named", [("books.loan", 11), ("phone", "+31612345678"), ("device_id", "d-1"), ("ip", "192.0.2.7")]
)
def test_what_stands_on_an_envelope_proves_nothing(library, named):
    """ID-KNOWN: an order's number, a phone number, a device or an address on the internet."""
    number = library.house.register.receive(Right.ACCESS, [Identifier(*named)], author="desk").number
    library.export(number)
    with pytest.raises(Refused, match=r"request\.not_proven"):
        library.house.register.release(number, "desk")


def test_a_number_in_a_hostile_form_is_text(library):
    """Edge case 27."""
    for value in ("'; DROP TABLE loans; --", "{{ 7*7 }}"):
        assert "books.reader" not in people(library, ("phone", f"+31 6 {value} 99"))
    with sqlite3.connect(library.folder / "books.db") as db:
        assert db.execute("SELECT count(*) FROM loans").fetchone() == (4,)
    db.close()
    assert NOW
