"""Rectification (promise R-RECT): exactly what is wrong is changed, wherever it stands currently, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from conftest_demo import made
from privacy.errors import BadInput, Refused
from privacy.holds import HoldKind, Wish
from privacy.orchestration import rectify_steps as steps
from privacy.orchestration.runs import Run
from privacy.orchestration.starting import waiting
from privacy.plans import rectified
from privacy.rights import Evidence, EvidenceKind, Ground, Right, State
from privacy.rights.corrections import correct, shown
from privacy.rights.deadlines import deadlines
from privacy.rights.notices import Notices
from privacy.sources.base import Subject
from rights.rectify_kit import NOW, Shop, address, changed, number

__all__ = ["made"]


@pytest.fixture
def shop(made, tmp_path) -> Shop:
    return Shop.copied(made.folder, tmp_path)


def test_a_customers_new_address_stands_everywhere_it_is_current_and_nothing_else_is_another_byte(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "Anna.Nieuw@voorbeeld.example", "phone": "06-12345678"})
    before, files = shop.cells(), shop.files()
    shop.done(asked)
    seq = shop.sql("SELECT max(seq) FROM customer_emails WHERE customer_id = 1001")[0][0]
    since = shop.sql("SELECT valid_from FROM customer_emails WHERE customer_id = 1001 AND seq = ?", seq)[0][0]
    consents = shop.sql(
        "SELECT consent_id FROM newsletter_consents WHERE customer_id = 1001 AND withdrawn_at IS NULL"
        " AND email = 'Anna.Nieuw@voorbeeld.example'"
    )
    quotes = shop.sql("SELECT quote_id FROM quotes WHERE customer_id = 1001 AND status = 'open'")
    found = changed(before, shop.cells())
    kept = ("shop", "customer_emails", (1001, seq))
    assert found == {
        ("shop", "customers", (1001,), "email"): "Anna.Nieuw@voorbeeld.example",
        ("shop", "customers", (1001,), "email_since"): "2026-11-20T12:30:00+00:00",
        ("shop", "customers", (1001,), "phone"): "06-12345678",
        # The address of before keeps leading to the records of its time.
        (*kept, "customer_id"): 1001, (*kept, "seq"): seq, (*kept, "email"): "anna@voorbeeld.example",
        (*kept, "valid_from"): since, (*kept, "valid_to"): "2026-11-20T12:30:00+00:00",
        **{("shop", "newsletter_consents", key, "email"): "Anna.Nieuw@voorbeeld.example" for key in consents},
        **{("shop", "quotes", key, "email"): "Anna.Nieuw@voorbeeld.example" for key in quotes},
    }  # fmt: skip
    assert consents
    # One that bears no number is hers by the old address alone: it stays, or nobody would find it again.
    assert shop.sql(
        "SELECT count(*) FROM newsletter_consents WHERE customer_id IS NULL AND email LIKE 'anna@voorbeeld%'"
    )[0][0]
    assert shop.files() == files
    assert shop.house.register.get(asked).state is State.ANSWERED


def test_an_applicants_wrong_name_is_corrected_and_their_files_and_mail_are_as_they_were(shop):
    asked = shop.request(address("karel.kandidaat@post.example"))
    shop.wanted(asked, {"name.last_and_infix": "Kandidaat-de Wit", "birth_date": "1991-02-28"})
    before, files = shop.cells(), shop.files()
    shop.done(asked)
    assert changed(before, shop.cells()) == {
        ("recruiting", "applicants", (1001,), "last_name"): "Kandidaat-de Wit",
        # Nothing stood there: it is completed (art. 16 GDPR).
        ("recruiting", "applicants", (1001,), "birth_date"): "1991-02-28",
    }
    assert shop.files() == files


def test_a_guest_is_known_by_the_address_alone_so_it_stays_and_a_statement_is_linked(shop):
    asked = shop.request(address("pieter.gast@post.example"))
    shop.wanted(asked, {"email": "pieter.nieuw@post.example"}, was="pieter.gast@post.example")
    before, files = shop.cells(), shop.files()
    shop.done(asked)
    assert shop.cells() == before
    assert shop.files() == files
    linked = shop.house.register.correction(asked).plan.historic
    assert linked["shop.orders"] == 1
    assert linked["shop.invoices"] == 1
    assert linked["shop.newsletter_consents"] == 1
    (letter,) = (shop.folder / "state" / "outbox").rglob("rectification-*.eml")
    text = letter.read_text()
    assert "Uw facturen" in text
    assert "Dat hebben wij gedaan voor" not in text, "nothing was changed, and nothing is said to be"


def test_a_customer_who_is_an_employee_too_is_corrected_in_both_systems_where_the_same_value_stands(shop):
    shop.sql("UPDATE customers SET phone = '06-00001003' WHERE customer_id = 1020")
    asked = shop.request(number(1020))
    shop.wanted(asked, {"phone": "06-87654321"})
    before = shop.cells()
    shop.done(asked)
    assert changed(before, shop.cells()) == {
        ("shop", "customers", (1020,), "phone"): "06-87654321",
        ("recruiting", "employees", (1003,), "phone"): "06-87654321",
    }


def test_what_was_never_given_to_one_system_is_not_filled_in_there_because_another_has_it(shop):
    """The telephone number stands with the employee; the customer gave none to the shop."""
    asked = shop.request(number(1020))
    shop.wanted(asked, {"phone": "06-87654321"})
    before = shop.cells()
    shop.done(asked)
    assert changed(before, shop.cells()) == {("recruiting", "employees", (1003,), "phone"): "06-87654321"}


def test_where_different_values_stand_a_person_says_which_is_wrong(shop):
    asked = shop.request(number(1014))
    shop.wanted(asked, {"phone": "06-87654321"})
    with pytest.raises(Refused, match=r"rectify\.several_values"):
        shop.plan(asked)
    shop.wanted(asked, {"phone": "06-87654321"}, was="06-00001002")
    before = shop.cells()
    shop.done(asked, "run-2")
    assert changed(before, shop.cells()) == {("recruiting", "applicants", (1002,), "phone"): "06-87654321"}
    assert shop.house.register.correction(asked).plan.differs == {"shop.customers": 1}


def test_one_address_of_several_is_corrected_by_its_record(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"address.street": "Nieuwstraat", "address.house_number": None}, row="shop.addresses/2")
    before = shop.cells()
    shop.done(asked)
    assert changed(before, shop.cells()) == {
        ("shop", "addresses", (2,), "street"): "Nieuwstraat",
        ("shop", "addresses", (2,), "house_number"): None,
    }


def test_the_record_of_somebody_else_cannot_be_named(shop):
    """Edge case 22."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"address.street": "Nieuwstraat"}, row="shop.addresses/3")
    with pytest.raises(Refused, match=r"rectify\.row"):
        shop.plan(asked)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("birth_date", "29 februari"), ("birth_date", "2026-02-30"), ("ring_size", "groot"), ("email", "geen adres"),
        ("email", "a@b.example\r\nBcc: x@y.example"), ("email", "a@b.example, c@d.example"), ("phone", "06\x00"),
        ("name.first", "half \ud800"), ("name.first", "x" * 30_000),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_before_anything_is_written_down_and_not_quoted(shop, fact, value):
    asked = shop.request(number(1001))
    with pytest.raises(BadInput, match=r"rectify\.value") as caught:
        correct(shop.house, asked, fact, value, "desk")
    assert value not in str(caught.value)
    with pytest.raises(Refused, match=r"rectify\.nothing_wanted"):
        shop.house.register.correction(asked)


@pytest.mark.parametrize(
    "value", ["'; DROP TABLE customers; --", "{{ 7*7 }}", "=cmd|' /C calc'!A0", "<b>Ä</b>\r\n👑", "%s :v_0"]
)
def test_a_hostile_value_is_data(shop, value):
    """Edge case 27."""
    asked = shop.request(number(1011))
    shop.wanted(asked, {"name.first": value})
    before = shop.cells()
    shop.done(asked)
    assert changed(before, shop.cells()) == {("shop", "customers", (1011,), "first_name"): value}


def test_a_row_that_somebody_wrote_to_meanwhile_is_left_and_told_and_the_next_run_finishes(shop):
    """Edge case 14."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "anna.nieuw@voorbeeld.example"})
    this = shop.approved(asked)
    shop.sql("UPDATE customers SET ring_size = 18 WHERE customer_id = 1001")
    with pytest.raises(Refused, match=r"rectify\.changed"):
        steps.rectify(shop.house, this)
    assert shop.sql("SELECT email, ring_size FROM customers WHERE customer_id = 1001") == [
        ("anna@voorbeeld.example", 18)
    ]
    assert shop.sql("SELECT email FROM newsletter_consents WHERE consent_id = 16") == [
        ("anna.nieuw@voorbeeld.example",)
    ]
    with pytest.raises(Refused, match=r"rectify\.changed"):
        steps.record(shop.house, this, "rectify.changed", say=lambda _: None)
    assert shop.house.register.get(asked).state is State.PROVEN
    before = shop.cells()
    shop.done(asked, "run-2")
    assert {cell[1:] for cell in changed(before, shop.cells()) if cell[1] != "customer_emails"} == {
        ("customers", (1001,), "email"), ("customers", (1001,), "email_since"),
    }  # fmt: skip
    assert shop.house.register.get(asked).state is State.ANSWERED
    ended = [e.entry for e in shop.house.ledger.entries(kind="run.ended")]
    assert [e["status"] for e in ended] == ["failed", "done"]
    assert ended[-1]["datasets"] == {
        "shop.customers": {"records": 1, "bytes": 0}, "shop.newsletter_consents": {"records": 1, "bytes": 0},
    }  # fmt: skip


def test_nothing_is_changed_without_the_ledgers_word_for_this_very_plan(shop):
    """Edge case 32: a task that was marked as successful, an answer to another plan, a refusal, an answer twice."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-12345678"})
    this, before = shop.plan(asked), shop.cells()
    with pytest.raises(Refused, match=r"rectify\.not_approved"):
        steps.rectify(shop.house, this)
    shop.house.ledger.event(rectified.ANSWERS.approved, actor="x", run=this.id, digest="0" * 64, request=asked)
    with pytest.raises(Refused, match=r"rectify\.not_approved"):
        steps.rectify(shop.house, this)
    with pytest.raises(Refused, match=r"rectify\.answered"):
        steps.answered(shop.house, this, approved=True, by="chef")
    # Airflow says that all went well; the ledger says what it says.
    with pytest.raises(Refused, match=r"rectify\.not_begun"):
        steps.record(shop.house, this, None, say=lambda _: None)
    refused = shop.plan(asked, "run-2")
    steps.answered(shop.house, refused, approved=False, by="chef")
    with pytest.raises(Refused, match=r"rectify\.refused"):
        steps.rectify(shop.house, refused)
    assert shop.cells() == before


def test_an_approval_of_what_was_wanted_before_is_none_of_what_is_wanted_now(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-12345678"})
    this = shop.approved(asked)
    shop.wanted(asked, {"phone": "06-99999999"})
    before = shop.cells()
    with pytest.raises(Refused, match=r"rectify\.other_plan"):
        steps.rectify(shop.house, this)
    assert shop.cells() == before


def test_nothing_is_changed_before_the_identity_is_proven(shop):
    asked = shop.request(number(1001), proven=False)
    shop.wanted(asked, {"phone": "06-12345678"})
    this, before = shop.approved(asked), shop.cells()
    assert "not proven" in steps.asks(shop.house, this)[1]
    with pytest.raises(Refused, match=r"request\.not_proven"):
        steps.rectify(shop.house, this)
    assert shop.cells() == before


def test_their_own_restriction_does_not_stand_in_the_way_and_a_suspension_does(shop):
    me = Subject(1, (number(1001),))
    own = shop.house.holds.place(HoldKind.RESTRICTION, me, ground="asked", author="desk")
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-12345678"})
    suspension = shop.house.holds.place(HoldKind.SUSPENSION, me, ground="claim", author="desk")
    this, before = shop.approved(asked), shop.cells()
    with pytest.raises(Refused, match=r"rectify\.held"):
        steps.rectify(shop.house, this)
    assert shop.cells() == before
    shop.house.holds.release(suspension, author="desk")
    steps.rectify(shop.house, this)
    assert shop.sql("SELECT phone FROM customers WHERE customer_id = 1001") == [("06-12345678",)]
    assert [hold.id for hold in shop.house.holds.active()] == [own]


def test_the_restriction_of_somebody_else_who_may_be_meant_goes_on_to_hold(shop):
    both = (Subject(1, (number(1001),)), Subject(2, (number(1002),)))
    shop.house.holds.place(HoldKind.RESTRICTION, both, ground="asked", author="desk")
    for customer, status in ((1001, "corrected"), (1002, "corrected")):
        asked = shop.request(number(customer))
        shop.wanted(asked, {"phone": f"06-{customer}"})
        shop.done(asked, f"run-{customer}")
        assert shop.house.register.open(asked).act.counts[status] == 1
    third = shop.request(number(1009))
    shop.house.holds.place(HoldKind.RESTRICTION, Subject(1, (number(1009),)), ground="x", author="desk", request=None)
    shop.house.holds.place(
        HoldKind.REQUEST, Subject(1, (number(1009),)), ground="x", author="desk", request="AVG-2026-0042-9"
    )
    shop.wanted(third, {"phone": "06-1009"})
    this = shop.approved(third, "run-3")
    with pytest.raises(Refused, match=r"rectify\.held"):
        steps.rectify(shop.house, this)


def test_the_restriction_of_another_customer_who_has_the_address_now_goes_on_to_hold(shop):
    """Edge case 19: what both lists name is no proof that both are one, where each has a number of its own."""
    shared = address("anna@voorbeeld.example")
    anna, bram = (Subject(no, (number(customer), shared)) for no, customer in ((1, 1001), (2, 1002)))
    shop.house.holds.place(HoldKind.RESTRICTION, bram, ground="asked", author="desk")
    for whose, left in ((anna, True), (bram, False)):
        with shop.house.holds.gate("shop.customers", wish=Wish(whose, shop.house.datamap)) as spare:
            assert bool(spare.of("shop.customers")) is left


def test_whoever_changed_the_address_and_asks_for_access_next_gets_nothing_at_the_new_address(shop):
    """Edge case 35."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "dief@kwaad.example"})
    shop.done(asked)
    letters = [p.read_text() for p in sorted((shop.folder / "state" / "outbox").rglob("*.eml"))]
    old = [text for text in letters if "To: anna@voorbeeld.example" in text]
    assert len(old) == 2, "the old address is told of the change, and gets the confirmation"
    assert not any("To: dief@kwaad.example" in text for text in letters)
    next_one = shop.house.register.receive(Right.ACCESS, [address("dief@kwaad.example")], author="desk").number
    subject = shop.house.subject(next_one)
    register = shop.house.register
    register.begin(next_one, "run-9")
    register.resolved(next_one, subject, run="run-9")
    with pytest.raises(Refused, match=r"proof\.address_unknown"):
        register.prove(next_one, Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="dief@kwaad.example"), "desk")
    # And nothing of hers is lost: the old address leads to what lies under it.
    assert {i.value for i in subject.identifiers if i.kind == "email"} == {
        "anna.devries@oud.example", "anna@voorbeeld.example", "dief@kwaad.example",
    }  # fmt: skip


def test_whoever_processes_what_was_corrected_gets_the_right_data_and_the_person_is_told_who(shop):
    """Art. 19 GDPR, promise PROCESSORS."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-12345678"})
    this = shop.done(asked)
    notices = Notices(shop.house)
    made = notices.of(asked)
    assert {notice.processor for notice in made} == {"polderhosting", "adresschoon"}
    said = notices.open(made[0].id)
    assert [(fact.value, fact.dataset) for fact in said.facts] == [("06-12345678", "shop.customers")]
    (letter,) = (shop.folder / "state" / "outbox").rglob("rectification-*.eml")
    assert "Polderhosting" in letter.read_text()
    steps.tell(shop.house, this)
    assert notices.of(asked) == made, "nobody is told twice"


def test_an_address_that_is_somebody_elses_is_shown_to_whoever_approves(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "BRAM@voorbeeld.example"})
    this = shop.plan(asked)
    assert "CAREFUL: records of somebody else that say the new value already: 5" in steps.asks(shop.house, this)[1]


def test_an_address_in_another_spelling_is_no_other_address(shop):
    """Edge case 19: nothing is kept as a former address, and the time since when it is theirs goes on."""
    asked = shop.request(number(1012))
    shop.wanted(asked, {"email": "saskia.de.boer@post.example"})
    before = shop.cells()
    shop.done(asked)
    found = changed(before, shop.cells())
    assert found[("shop", "customers", (1012,), "email")] == "saskia.de.boer@post.example"
    assert not [cell for cell in found if cell[1] == "customer_emails" or cell[3] == "email_since"]


def test_a_correction_of_nothing_is_not_green(shop):
    """Edge case 28."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-00001001"})
    with pytest.raises(Refused, match=r"rectify\.nothing"):
        shop.plan(asked)


def test_a_plan_of_which_every_record_is_gone_is_not_green(shop):
    """Edge case 28."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"address.street": "Nieuwstraat"}, row="shop.addresses/2")
    this = shop.approved(asked)
    shop.sql("DELETE FROM addresses WHERE address_id = 2")
    assert steps.rectify(shop.house, this) == {"records": {}, "gone": 1}
    with pytest.raises(Refused, match=r"rectify\.gone"):
        steps.record(shop.house, this, None, say=lambda _: None)
    assert shop.house.register.get(asked).state is State.PROVEN


def test_an_approval_that_waits_is_among_the_deadlines_and_a_run_is_started_once_it_is_said_what_is_wrong(shop):
    asked = shop.request(number(1001))
    shop.clock.set(NOW + timedelta(hours=1))
    assert waiting(shop.house) == []
    shop.wanted(asked, {"phone": "06-12345678"})
    assert [(start.dag, start.number) for start in waiting(shop.house)] == [("rectify_subject", asked)]
    shop.plan(asked)
    found = [one for one in deadlines(shop.house, shop.clock.now()) if one.kind == "approval"]
    assert [(one.about, one.waits_for) for one in found] == [(asked, "an operator's answer")]


def test_no_value_stands_in_ledger_airflow_or_log_and_the_operator_sees_old_and_new(shop, capsys):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "anna.nieuw@voorbeeld.example", "phone": "06-12345678"})
    this = Run("run-1", asked, "operator")
    said = [steps.resolve(shop.house, this), steps.plan(shop.house, this), steps.asks(shop.house, this)]
    steps.answered(shop.house, this, approved=True, by="chef")
    said += [steps.rectify(shop.house, this), steps.verify(shop.house, this), steps.record(shop.house, this, None)]
    entries = [entry.entry for entry in shop.house.ledger.entries()]
    everything = json.dumps([said, entries], default=str) + capsys.readouterr().out
    for value in ("anna@voorbeeld", "anna.nieuw", "06-12345678", "06-00001001"):
        assert value not in everything
    assert {(s.fact, s.was, s.to) for s in shown(shop.house, asked)} == {
        ("email", "anna@voorbeeld.example", "anna.nieuw@voorbeeld.example"), ("phone", "06-00001001", "06-12345678"),
    }  # fmt: skip
    assert shop.house.verify().ok
    assert shop.house.verify().problems == ()


def test_what_was_begun_cannot_be_changed_any_more_and_other_rights_have_no_correction(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"phone": "06-12345678"})
    steps.rectify(shop.house, shop.approved(asked))
    with pytest.raises(Refused, match=r"rectify\.begun"):
        shop.wanted(asked, {"phone": "06-2"})
    other = shop.house.register.receive(Right.ERASURE, [number(1001)], author="desk").number
    with pytest.raises(Refused, match=r"rectify\.other_right"):
        shop.wanted(other, {"phone": "06-2"})
    with pytest.raises(BadInput, match=r"rectify\.fact"):
        shop.wanted(asked, {"telephone": "06-2"})


def test_a_correction_that_died_half_way_cannot_be_withdrawn_past_the_old_address(shop):
    """Edge cases 13 and 35: whoever changes the address would keep the letter to the old one from going out."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"email": "mallory@m.example"})
    run = shop.approved(asked)
    steps.rectify(shop.house, run)
    with pytest.raises(Refused, match=r"request\.begun"):
        shop.house.register.refuse(asked, Ground.WITHDRAWN, "desk")
    with pytest.raises(Refused):
        steps.record(shop.house, run, "task.verify.failed", say=lambda _: None)
    with pytest.raises(Refused, match=r"request\.begun"):
        shop.house.register.refuse(asked, Ground.WITHDRAWN, "desk")
    shop.done(asked, "run-2")
    assert shop.house.register.get(asked).state is State.ANSWERED


def test_a_correction_that_is_withdrawn_before_it_begins_changes_nothing(shop):
    asked = shop.request(number(1001))
    shop.wanted(asked, {"name.last": "Fries"})
    run, before = shop.approved(asked), shop.cells()
    shop.house.register.refuse(asked, Ground.WITHDRAWN, "desk")
    with pytest.raises(Refused, match=r"request\.refused"):
        steps.rectify(shop.house, run)
    assert shop.cells() == before
