"""Whose is it: the rules of identity, over real SQLite and declared edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.datamap.kinds import fold, twin
from privacy.errors import AmbiguousIdentity, BadInput
from privacy.identity import Decision


def test_a_customer_is_found_by_their_address_whatever_its_case(club, of_kind):
    """Edge case 19: the case of an address never loses a match, in any script."""
    club.member(1, "Zoé.VAN.Dijk@Post.example")
    found = club.resolve(email="zoÉ.van.dijk@post.EXAMPLE ")
    assert of_kind(found, "club.member") == [(1, False)]


UNICODE, PUNYCODE = "anna@müller.example", "anna@xn--mller-kva.example"


@pytest.mark.parametrize("stored", [UNICODE, PUNYCODE])
@pytest.mark.parametrize("named", [UNICODE, "ANNA@XN--MLLER-KVA.example", "Anna@MU\u0308LLER.example"])
def test_an_international_domain_is_one_address_in_either_spelling(club, of_kind, stored, named):
    """Edge case 19: the shop writes down the one, mail headers have the other; neither is forgotten."""
    club.member(1, stored)
    found = club.resolve(email=named)
    assert of_kind(found, "club.member") == [(1, False)]
    assert {i.value for i in found.subject.identifiers if i.kind == "email"} == {UNICODE, PUNYCODE}
    assert {i.value for i in club.resolve(member=1).subject.identifiers if i.kind == "email"} == {UNICODE, PUNYCODE}


def test_two_who_share_an_address_in_two_spellings_stop_for_a_person_to_decide(club):
    """Edge case 22: what stands in the other spelling is nobody's alone either."""
    club.member(1, UNICODE)
    club.member(2, PUNYCODE)
    with pytest.raises(AmbiguousIdentity) as stop:
        club.resolve(member=1)
    question = stop.value.question
    assert {i.value for i in question.shared} == {UNICODE, PUNYCODE}
    shared = club.resolve(Decision(question.candidates[0].identifiers, "shared", question.shared), member=1)
    assert {i.contested for i in shared.subject.identifiers if i.kind == "email"} == {True}
    theirs = club.resolve(Decision(question.candidates[0].identifiers, "theirs", question.shared), member=1)
    assert {i.contested for i in theirs.subject.identifiers if i.kind == "email"} == {False}


@given(st.text(max_size=12), st.text(max_size=12))
def test_each_spelling_leads_to_the_other_and_back(local, domain):
    other = twin(folded := fold(f"{local}@{domain}"))
    if other is not None and (back := twin(other)) is not None:
        assert back == folded or twin(back) == other


def test_a_number_leads_to_old_and_new_addresses_each_for_its_time(club):
    club.member(1, "new@a.example", since="2024-05-01T00:00:00Z")
    club.moved(1, "old@a.example", "2020-01-01T00:00:00Z", "2024-05-01T00:00:00Z")
    found = {i.value: (i.valid_from, i.valid_to) for i in club.resolve(member=1).subject.identifiers}
    assert found["new@a.example"] == (None, None)
    assert found["old@a.example"][1] is not None


def test_an_address_given_to_a_new_person_belongs_to_each_for_their_own_time(club, of_kind):
    """Edge case 19: an address reused by a new person."""
    club.moved(1, "info@a.example", "2020-01-01T00:00:00Z", "2023-01-01T00:00:00Z")
    club.member(1, "one@a.example", since="2023-01-01T00:00:00Z")
    club.member(2, "info@a.example", since="2023-06-01T00:00:00Z")
    new = club.resolve(email="info@a.example")
    assert of_kind(new, "club.member") == [(2, False)]
    (address,) = [i for i in new.subject.identifiers if i.kind == "email"]
    assert address.valid_from is not None
    assert address.valid_from.year == 2023
    old = club.resolve(member=1)
    assert {i.value: i.valid_to and i.valid_to.year for i in old.subject.identifiers if i.kind == "email"} == {
        "info@a.example": 2023,
        "one@a.example": None,
    }


def test_merged_accounts_are_one_person_from_either_side(club, of_kind):
    club.member(1, "same@a.example", merged_into=2)
    club.member(2, "same@a.example")
    assert of_kind(club.resolve(email="same@a.example"), "club.member") == [(1, False), (2, False)]
    assert of_kind(club.resolve(member=1), "club.member") == of_kind(club.resolve(member=2), "club.member")


def test_an_address_that_two_people_share_stops_for_a_person_to_decide(club):
    """Edge case 19: a household mailbox."""
    club.member(1, "thuis@a.example")
    club.member(2, "Thuis@a.example")
    for named in ({"email": "thuis@a.example"}, {"member": 1}):
        with pytest.raises(AmbiguousIdentity) as stop:
            club.resolve(**named)
        assert "thuis" not in str(stop.value).lower() + repr(stop.value).lower()
        assert [[i.value for i in c.identifiers] for c in stop.value.question.candidates] == [[1], [2]]
        assert [i.value for i in stop.value.question.shared] == ["thuis@a.example"]


@pytest.mark.parametrize(("address", "contested"), [("shared", True), ("theirs", False)])
def test_the_decision_says_who_it_is_and_whether_the_address_is_theirs(club, of_kind, address, contested):
    club.member(1, "thuis@a.example")
    club.member(2, "thuis@a.example")
    with pytest.raises(AmbiguousIdentity) as stop:
        club.resolve(email="thuis@a.example")
    question = stop.value.question
    decision = Decision(question.candidates[1].identifiers, address, question.shared)
    found = club.resolve(decision, email="thuis@a.example")
    assert of_kind(found, "club.member") == [(2, False)]
    assert of_kind(found, "email") == [("thuis@a.example", contested)]


def test_a_request_that_names_two_people_stops(club):
    club.member(1, "one@a.example")
    club.member(2, "two@a.example")
    with pytest.raises(AmbiguousIdentity):
        club.resolve(member=1, email="two@a.example")


def test_a_plus_address_is_another_address(club, of_kind):
    club.member(1, "anna@a.example")
    found = club.resolve(email="anna+ring@a.example")
    assert of_kind(found, "club.member") == []
    assert of_kind(found, "email") == [("anna+ring@a.example", False)]


def test_a_guests_address_once_held_by_somebody_else_counts_from_then(club):
    club.member(1, "new@a.example")
    club.moved(1, "info@a.example", "2020-01-01T00:00:00Z", "2023-01-01T00:00:00Z")
    (guest,) = club.resolve(email="info@a.example").subject.identifiers
    assert guest.valid_from is not None
    assert guest.valid_from.year == 2023


def test_a_device_that_two_people_used_identifies_neither(club, of_kind):
    club.member(1, "one@a.example")
    club.member(2, "two@a.example")
    club.visit(1, "tablet", "192.0.2.1", "2026-01-01T10:00:00Z", "2026-01-01T10:10:00Z")
    club.visit(2, "tablet", "192.0.2.2", "2026-01-02T10:00:00Z", "2026-01-02T10:10:00Z")
    club.visit(1, "phone", "192.0.2.1", "2026-01-03T10:00:00Z", "2026-01-03T10:10:00Z")
    assert of_kind(club.resolve(member=1), "device_id") == [("phone", False), ("tablet", True)]


def test_a_visit_that_somebody_elses_overlaps_is_contested_and_the_next_is_not(club):
    club.member(1, "one@a.example")
    club.visit(1, "p1", "192.0.2.1", "2026-01-01T10:00:00Z", "2026-01-01T10:10:00Z")
    club.visit(None, "p9", "192.0.2.1", "2026-01-01T10:10:00Z", "2026-01-01T10:20:00Z")
    club.visit(1, "p1", "192.0.2.1", "2026-01-01T11:00:00Z", "2026-01-01T11:10:00Z")
    visits = [i for i in club.resolve(member=1).subject.identifiers if i.kind == "ip"]
    assert [(i.valid_from.hour, i.contested, i.agent) for i in visits] == [(10, True, "A/1"), (11, False, "A/1")]


def test_an_anonymous_visit_with_the_subjects_own_device_is_theirs(club):
    club.member(1, "one@a.example")
    club.visit(1, "p1", "192.0.2.1", "2026-01-01T10:00:00Z", "2026-01-01T10:10:00Z")
    club.visit(None, "p1", "192.0.2.7", "2026-02-01T10:00:00Z", "2026-02-01T10:10:00Z")
    visits = [i for i in club.resolve(member=1).subject.identifiers if i.kind == "ip"]
    assert [i.value for i in visits] == ["192.0.2.1", "192.0.2.7"]


def test_somebody_unknown_is_nobody_and_no_error(club, of_kind):
    club.member(1, "one@a.example")
    found = club.resolve(email="nobody@a.example")
    assert of_kind(found, "email") == [("nobody@a.example", False)]


def test_hostile_identifiers_are_text_and_select_nobody(club, of_kind):
    """Edge case 27."""
    club.member(1, "one@a.example")
    found = club.resolve(email="' OR 1=1; DROP TABLE members; --@a.example")
    assert of_kind(found, "club.member") == []
    assert club.db.execute("SELECT count(*) FROM members").fetchone() == (1,)


@pytest.mark.parametrize("named", [{}, {"member": "abc"}, {"email": "no address"}, {"ip": "x"}, {"shop.customer": 1}])
def test_what_cannot_be_an_identifier_is_refused_without_quoting_it(club, named):
    with pytest.raises(BadInput) as refusal:
        club.resolve(**named)
    assert not any(str(value) in str(refusal.value) for value in named.values())


def test_an_answer_about_one_shared_address_says_nothing_of_another_one(club):
    """Edge cases 19 and 22: the club's mailbox is shared with a third, whom nobody was asked about."""
    club.member(1, "home@x.example")
    club.member(2, "home@x.example")
    club.member(3, "club@x.example", since="2021-01-01T00:00:00Z")
    club.moved(1, "club@x.example", "2021-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    with pytest.raises(AmbiguousIdentity) as stop:
        club.resolve(email="home@x.example")
    question = stop.value.question
    assert [i.value for i in question.shared] == ["home@x.example"]
    found = club.resolve(
        Decision(question.candidates[0].identifiers, "theirs", question.shared), email="home@x.example"
    )
    contested = {i.value: i.contested for i in found.subject.identifiers if i.kind == "email"}
    assert contested == {"home@x.example": False, "club@x.example": True}
    assert found.notes["shared_addresses"] == 2


@pytest.mark.parametrize("written", ["2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1"])
def test_an_overlapping_visit_is_seen_however_the_shop_writes_the_address(club, written):
    """Edge case 22."""
    club.member(1, "a@x.example")
    club.member(2, "b@x.example")
    club.visit(1, "d1", written, "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z")
    club.visit(2, "d2", written, "2026-01-01T10:30:00Z", "2026-01-01T11:30:00Z")
    visits = [i for i in club.resolve(member=1).subject.identifiers if i.kind == "ip"]
    assert [(i.value, i.contested) for i in visits] == [("2001:db8::1", True)]


def test_a_named_address_is_a_guests_only_until_somebody_else_gets_it(club):
    """Edge case 19: what the next holder does under it is theirs."""
    club.member(1, "a@x.example", since="2026-12-01T00:00:00Z")
    (address,) = [i for i in club.resolve(email="a@x.example").subject.identifiers if i.kind == "email"]
    assert (address.valid_from, address.valid_to) == (None, datetime(2026, 12, 1, tzinfo=UTC))


def test_addresses_that_only_unicode_takes_for_one_are_two(club, of_kind):
    """Edge case 19: straße.example and strasse.example are two domains."""
    club.member(1, "info@straße.example")
    club.member(2, "INFO@STRASSE.example")
    assert of_kind(club.resolve(email="info@strasse.example"), "club.member") == [(2, False)]
    assert of_kind(club.resolve(email="INFO@STRAßE.example"), "club.member") == [(1, False)]


@pytest.mark.parametrize(("began", "contested"), [("10:05", True), ("10:30", True), ("10:31", False), ("09:59", True)])
def test_another_visit_whose_end_nobody_wrote_down_may_have_lasted_half_an_hour(club, began, contested):
    """Edge case 22."""
    club.member(1, "a@x.example")
    club.member(2, "b@x.example")
    club.visit(1, "d1", "192.0.2.1", f"2026-01-01T{began}:00Z", "2026-01-01T11:00:00Z")
    club.visit(2, "d2", "192.0.2.1", "2026-01-01T10:00:00Z", None)
    visits = [i for i in club.resolve(member=1).subject.identifiers if i.kind == "ip"]
    assert [i.contested for i in visits] == [contested]
    # For the visitor themselves it is the one moment that is known.
    (own,) = [i for i in club.resolve(member=2).subject.identifiers if i.kind == "ip"]
    assert own.valid_from == own.valid_to


@pytest.mark.parametrize(
    ("at", "whose"), [("11:59:59", 1), ("12:00:00", 2), ("12:10:00", 2), ("12:29:59", 2)], ids=lambda v: str(v)
)
def test_the_visit_around_a_guests_order_is_whose_the_address_was_when_they_ordered(club, at, whose):
    """Edge cases 19 and 22: the half hour before an order reaches back to when the address was another's."""
    club.member(1, "new@x.example", since="2026-05-01T12:00:00Z")
    club.moved(1, "pass@x.example", "2020-01-01T00:00:00Z", "2026-05-01T12:00:00Z")
    club.member(2, "pass@x.example", since="2026-05-01T12:00:00Z")
    club.order("pass@x.example", "203.0.113.77", f"2026-05-01T{at}Z")
    for member in (1, 2):
        visits = [i for i in club.resolve(member=member).subject.identifiers if i.kind == "ip"]
        assert [i.value for i in visits] == (["203.0.113.77"] if member == whose else [])


def test_a_visit_of_a_device_that_two_people_used_is_nobodys(club):
    """Edge case 22: nobody knows who held the tablet."""
    club.member(1, "a@x.example")
    club.member(2, "b@x.example")
    for member, day in ((1, 1), (2, 2)):
        club.visit(member, "tablet", f"192.0.2.{day}", f"2026-01-0{day}T10:00:00Z", f"2026-01-0{day}T11:00:00Z")
    club.visit(None, "tablet", "192.0.2.9", "2026-01-03T10:00:00Z", "2026-01-03T11:00:00Z")
    for member in (1, 2):
        visits = [i for i in club.resolve(member=member).subject.identifiers if i.kind == "ip"]
        assert [i.value for i in visits] == [f"192.0.2.{member}"]
