"""The register of requests."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from conftest_rights import ANNA, ANNA_NUMBER, LONG_AGO, NOW, SUBJECT, Office
from privacy.errors import AskPerson, BadInput, PrivacyError, Refused, RetryLater, Tampered
from privacy.identity import Candidate, Decision, Question
from privacy.rights import Evidence, EvidenceKind, Ground, Register, Right, State
from privacy.rights.replay import differences
from privacy.rights.states import Step
from privacy.sources.base import Identifier, Subject

BERT = Identifier("shop.customer_id", 1002)
QUESTION = Question((Candidate(1, (ANNA_NUMBER,)), Candidate(2, (BERT,))), (ANNA,))
PASSPORT = Evidence(kind=EvidenceKind.DOCUMENT, seen="passport at the counter")
BY_ADDRESS = Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="Anna@A.example ")


def test_a_request_goes_from_arrival_to_release_and_the_ledger_tells_each_step(office):
    number = office.receive(name="Anna", deliver_to="anna@a.example")
    assert office.register.get(number).state is State.RECEIVED
    assert office.register.begin(number, "r1").dates.begun_at == NOW
    office.register.resolved(number, SUBJECT, run="r1", notes={"contested_visits": 2})
    assert office.seal(number).state is State.SEALED
    assert office.register.prove(number, PASSPORT, "desk").state is State.PROVEN
    assert office.register.release(number, "desk").counts == {"shop.orders": 3}
    assert office.register.get(number).state is State.RELEASED
    assert office.kinds(number) == [
        f"request.{k}" for k in ("received", "begun", "resolved", "sealed", "proven", "released")
    ]
    assert office.ledger.verify().ok


def test_nothing_personal_stands_in_the_database_or_the_ledger(office):
    number = office.receive(ANNA, ANNA_NUMBER, name="Anna de Vries", deliver_to="elsewhere@b.example")
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    office.register.decide(number, Decision((ANNA_NUMBER,), "theirs"), "desk")
    office.register.begin(number, "r2")
    office.register.resolved(number, SUBJECT, run="r2")
    office.seal(number, "r2")
    office.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="passport of Anna"), "desk")
    office.register.refuse(number, Ground.WITHDRAWN, "desk", because="Anna changed her mind")
    content = b"".join(p.read_bytes() for p in office.folder.iterdir() if p.is_file())
    for word in (b"anna@", b"Anna de", b"100200300400", b"b.example", b"AGE-SECRET", b"passport of", b"her mind"):
        assert word not in content
    assert "anna" not in repr(office.register.open(number)).lower()
    assert office.register.open(number).name == "Anna de Vries"


def test_what_was_sealed_comes_back_exactly(office):
    number = office.receive(ANNA, Identifier("club.member", "1001"))
    subject = Subject(1, (Identifier("ip", "192.0.2.7", LONG_AGO, NOW, "shop.sessions:a->ip", "Firefox/1", True),))
    office.register.begin(number, "r1")
    office.register.resolved(number, subject, run="r1", notes={"contested_visits": 1})
    assert office.register.resolution(number) == subject
    assert office.register.open(number).notes == {"contested_visits": 1}
    assert office.register.open(number).identifiers[1].value == "1001"


def test_a_number_is_refused_for_its_check_digit_and_for_being_unknown(office):
    number = office.receive()
    last = str((int(number[-1]) + 1) % 10)
    with pytest.raises(BadInput, match="check digit"):
        office.register.get(number[:-1] + last)
    with pytest.raises(BadInput, match="no such request"):
        office.register.get("AVG-2020-0042-8" if number != "AVG-2020-0042-8" else "AVG-2020-0043-1")


def test_numbers_are_drawn_among_the_free_ones_and_grow_before_they_run_out(office, monkeypatch):
    from privacy import numbers

    monkeypatch.setattr("secrets.randbelow", lambda n: n - 1)
    assert office.receive() == numbers.number("AVG", 2026, 9_999)
    with office.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO request_register (number, right_, received_at, revision) SELECT printf('AVG-2026-%04d-0', value),"
            " 'access', '2026-01-01T00:00:00.000000+00:00', 1 FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT"
            " value + 1 FROM n WHERE value < 5000) SELECT value FROM n)"
        )
    assert office.receive() == numbers.number("AVG", 2026, 99_999)


def test_a_request_that_names_nobody_or_arrives_in_the_future_is_refused(office):
    with pytest.raises(BadInput, match="at least one identifier"):
        office.register.receive(Right.ACCESS, (), author="desk")
    with pytest.raises(BadInput, match="future"):
        office.receive(received_at=NOW + timedelta(seconds=1))
    with pytest.raises(BadInput, match="before 1970"):
        office.receive(received_at=datetime.min.replace(tzinfo=UTC))
    assert office.register.list() == ()
    assert office.holds.by_request == {}


def test_from_arrival_to_the_seal_no_purge_may_take_what_was_asked_for(office):
    """Edge case 29: a record that falls due between arrival and identity check."""
    number = office.receive()
    assert office.holds.by_request[number] == (Subject(1, (ANNA,)),)
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")
    assert office.holds.by_request[number] == (SUBJECT,)
    office.seal(number)
    assert number not in office.holds.by_request


def test_a_hold_that_a_crash_lost_is_placed_again_by_the_run(office):
    """Edge case 13."""
    number = office.receive()
    office.holds.by_request.clear()
    office.register.begin(number, "r1")
    assert number in office.holds.by_request


def test_a_request_that_cannot_be_registered_leaves_no_hold(office, monkeypatch):
    monkeypatch.setattr("privacy.rights.table.values_of", lambda *_: {"number": "x", "right_": None})
    with pytest.raises(PrivacyError):
        office.receive()
    assert office.holds.by_request == {}
    assert office.register.list() == ()
    assert office.ledger.entries() == []


def test_a_request_whose_records_cannot_be_held_yet_is_registered_once_and_says_its_number(office, monkeypatch):
    """Edge case 28: who only tried again would register it twice."""

    def busy(*_, **__):
        raise RetryLater("database.busy", "The database is busy.")

    with monkeypatch.context() as patch:
        patch.setattr(office.holds, "place_request", busy)
        with pytest.raises(AskPerson, match="registered") as problem:
            office.receive()
    (found,) = office.register.list()
    assert not isinstance(problem.value, RetryLater)
    assert problem.value.where == found.number
    assert found.number in problem.value.message
    assert office.register.not_held([found]) == {found.number}
    office.register.hold(found.number, author="desk")
    assert office.register.not_held([found]) == frozenset()
    assert office.holds.by_request == {found.number: (Subject(1, (ANNA,)),)}


def test_a_number_that_somebody_else_was_given_in_the_same_moment_is_not_given_twice(office, monkeypatch):
    """Edge case 13: two at once."""
    number = office.receive()
    held = office.holds.by_request[number]
    monkeypatch.setattr("privacy.rights.table.RequestTable.draw", lambda *_: number)
    with pytest.raises(RetryLater, match="same moment"):
        office.receive(BERT)
    assert office.holds.by_request == {number: held}
    assert office.kinds(number) == ["request.received"]


def test_a_row_that_changed_under_a_step_leaves_the_step_undone(office):
    """Edge case 13: two at once, on a database without one writer's lock."""
    number = office.receive()
    with (
        pytest.raises(RetryLater, match="same moment"),
        office.register._table.changing(number, Step.REFUSE) as (_, writing),
    ):
        writing.connection.exec_driver_sql("UPDATE request_register SET revision = revision + 1")
    assert office.register.get(number).state is State.RECEIVED


def test_a_refused_request_holds_nothing_and_takes_no_further_step(office):
    number = office.sealed()
    office.register.refuse(number, Ground.UNFOUNDED, "desk")
    assert office.holds.by_request == {}
    for step in (
        lambda: office.register.begin(number, "r2"),
        lambda: office.seal(number),
        lambda: office.register.prove(number, PASSPORT, "desk"),
        lambda: office.register.prove(number, BY_ADDRESS, "desk"),
        lambda: office.register.release(number, "desk"),
        lambda: office.register.refuse(number, Ground.WITHDRAWN, "desk"),
        lambda: office.register.decide(number, Decision((BERT,)), "desk"),
    ):
        with pytest.raises(Refused, match="was refused"):
            step()
    assert office.kinds(number)[-1] == "request.refused"


def test_nothing_is_released_without_proof_or_without_a_bundle(office):
    sealed, proven = office.sealed(), office.receive()
    office.register.prove(proven, PASSPORT, "desk")
    with pytest.raises(Refused, match="not proven"):
        office.register.release(sealed, "desk")
    with pytest.raises(Refused, match="no sealed bundle"):
        office.register.release(proven, "desk")


def test_the_key_of_a_bundle_is_given_after_release_or_for_a_review_that_the_ledger_tells(office):
    number = office.sealed()
    with pytest.raises(Refused, match="not released"):
        office.register.identity(number)
    secret = office.register.identity(number, reviewer="officer")
    assert office.kinds(number)[-1] == "bundle.reviewed"
    recipient = pyrage.x25519.Recipient.from_str(office.register.recipient(number))
    sealed = pyrage.encrypt(b"content", [recipient])
    assert pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(secret)]) == b"content"
    office.register.prove(number, PASSPORT, "desk")
    office.register.release(number, "desk")
    assert office.register.identity(number) == secret


def test_without_a_bundle_and_after_a_refusal_there_is_no_key(office):
    number = office.receive()
    with pytest.raises(Refused, match="no sealed bundle"):
        office.register.identity(number, reviewer="officer")
    number = office.sealed()
    office.register.refuse(number, Ground.IDENTITY, "desk")
    with pytest.raises(Refused, match="not released"):
        office.register.identity(number, reviewer="officer")


def test_a_second_bundle_with_fewer_records_never_replaces_the_first(office):
    """Edge case 29: a record that falls due between two tries of its export."""
    number = office.sealed(shop_orders=3, weblogs_access=10)
    office.register.begin(number, "r2")
    for fewer in ({"shop_orders": 4, "weblogs_access": 9}, {"shop_orders": 4}):
        with pytest.raises(Refused) as refusal:
            office.seal(number, "r2", **fewer)
        assert refusal.value.code == "bundle.smaller"
        assert "weblogs.access" in refusal.value.message
    assert office.register.bundle(number).run == "r1"
    office.seal(number, "r2", shop_orders=3, weblogs_access=11)
    assert office.register.bundle(number).run == "r2"


def test_a_second_run_keeps_the_moment_that_the_bundle_is_as_of(office):
    number = office.sealed()
    office.clock.set(NOW + timedelta(days=2))
    assert office.register.begin(number, "r2").dates.begun_at == NOW
    assert office.register.begin(number, "r2").dates.begun_at == NOW
    assert office.kinds(number).count("request.begun") == 2


def test_a_run_that_a_later_one_has_overtaken_seals_nothing(office):
    """Edge case 36: a run marked failed by hand while its tasks still write."""
    number = office.receive()
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")
    office.register.begin(number, "r2")
    with pytest.raises(Refused, match="overtaken"):
        office.seal(number, "r1")
    office.seal(number, "r2")


def test_a_step_repeated_by_a_retry_is_recorded_once(office):
    """Edge case 28: what did nothing leaves no entry that looks like success."""
    number = office.receive()
    for _ in range(2):
        office.register.begin(number, "r1")
    for _ in range(2):
        office.register.resolved(number, SUBJECT, run="r1")
    for _ in range(2):
        office.seal(number)
    assert office.kinds(number) == [f"request.{k}" for k in ("received", "begun", "resolved", "sealed")]


def test_nothing_is_sealed_before_it_is_known_whose_it_is(office):
    """Edge case 28."""
    number = office.receive()
    office.register.begin(number, "r1")
    with pytest.raises(Refused, match="never resolved"):
        office.seal(number)
    office.register.undecided(number, QUESTION, run="r1")
    with pytest.raises(Refused, match="knows whose it is"):
        office.seal(number)


def test_every_retry_uses_the_identity_that_was_resolved(office):
    number = office.sealed()
    other = office.receive()
    office.register.begin(other, "r1")
    office.register.resolved(other, SUBJECT, run="r1")
    with pytest.raises(Refused, match="somebody else"):
        office.register.resolved(other, Subject(1, (BERT,)), run="r1")
    with pytest.raises(Refused, match="resolved before"):
        office.register.undecided(other, QUESTION, run="r1")
    with pytest.raises(Refused, match="somebody else"):
        office.register.resolved(number, Subject(1, (BERT,)), run="r1")
    assert office.register.resolved(number, SUBJECT, run="r1").state is State.SEALED
    office.register.begin(number, "r2")
    assert number not in office.holds.by_request, "what is sealed is not held again by another run"


def test_a_decision_answers_the_question_and_may_be_corrected_until_the_seal(office):
    """Edge case 19: an address that two customers share."""
    number = office.receive()
    office.register.begin(number, "r1")
    with pytest.raises(Refused, match="Nothing waits"):
        office.register.decide(number, Decision((BERT,)), "desk")
    assert office.register.undecided(number, QUESTION, run="r1").state is State.UNDECIDED
    assert office.register.question(number) == QUESTION
    with pytest.raises(BadInput, match="candidates 1 to 2"):
        office.register.decide(number, Decision((ANNA,)), "desk")
    assert office.register.decide(number, Decision((BERT,)), "desk").state is State.RECEIVED
    office.register.begin(number, "r2")
    office.register.resolved(number, Subject(1, (BERT,)), run="r2")
    office.register.decide(number, Decision((ANNA_NUMBER,), "theirs"), "desk")
    assert office.register.decision(number) == Decision((ANNA_NUMBER,), "theirs", about=(ANNA,))
    assert office.register.resolution(number) is None
    for late in (
        lambda: office.register.resolved(number, Subject(1, (BERT,)), run="r2"),
        lambda: office.seal(number, "r2"),
    ):
        with pytest.raises(Refused, match="overtaken"):
            late()
    office.register.begin(number, "r3")
    office.register.resolved(number, SUBJECT, run="r3")
    office.seal(number, "r3")
    with pytest.raises(Refused, match="decided and exported"):
        office.register.decide(number, Decision((BERT,)), "desk")


def test_the_same_number_in_two_systems_is_two_identifiers(office):
    """Edge case 31."""
    number = office.receive(ANNA_NUMBER, Identifier("club.member", 1001))
    kinds = {i.kind for i in office.register.open(number).identifiers}
    assert kinds == {"shop.customer_id", "club.member"}


def test_the_content_of_one_row_does_not_open_in_another(office):
    one, two = office.receive(), office.receive()
    office.execute(
        "UPDATE request_register SET payload = (SELECT payload FROM request_register WHERE number = ?) WHERE number = ?",
        one,
        two,
    )
    with pytest.raises(Tampered):
        office.register.open(two)
    office.execute(
        "UPDATE request_register SET key = (SELECT key FROM request_register WHERE number = ?) WHERE number = ?",
        one,
        two,
    )
    with pytest.raises(Tampered):
        office.register.open(two)
    assert office.register.open(one).number == one


def test_an_earlier_content_put_back_does_not_open(office):
    number = office.receive()
    with office.engine.connect() as connection:
        old = connection.exec_driver_sql("SELECT payload FROM request_register").scalar()
    office.register.refuse(number, Ground.WITHDRAWN, "desk")
    office.execute("UPDATE request_register SET payload = ?, refused_at = NULL", old)
    with pytest.raises(Tampered):
        office.register.open(number)


@pytest.mark.parametrize("column", ["proven_at", "refused_at"])
def test_a_date_set_by_hand_proves_nothing(office, column):
    """Edge case 32: what acts looks at what was recorded, not at a mark."""
    number = office.sealed()
    office.execute(f"UPDATE request_register SET {column} = sealed_at")
    with pytest.raises(Tampered, match="sealed content"):
        office.register.release(number, "desk")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("received_at", "2026-10-01T09:30:00.000000+00:00"),
        ("begun_at", "2026-11-01T09:30:00.000000+00:00"),
        ("right_", "portability"),
        ("run", "r9"),
    ],
)
def test_what_was_fixed_when_a_request_arrived_cannot_be_set_by_hand(office, column, value):
    """Edge case 26, for the register: the last day for an answer is counted from its arrival."""
    number = office.receive(received_at=NOW - timedelta(days=3))
    office.register.begin(number, "r1")
    assert differences(office.engine, office.key) == []
    office.execute(f"UPDATE request_register SET {column} = ?", value)
    with pytest.raises(Tampered, match="sealed content"):
        office.register.open(number)
    (told,) = differences(office.engine, office.key)
    assert number in told


def test_the_arrival_of_a_request_stands_in_the_ledger(office):
    arrived = NOW - timedelta(days=2)
    number = office.receive(received_at=arrived)
    (entry,) = (e.entry for e in office.ledger.entries(request=number))
    assert (entry["received_at"], entry["revision"]) == ("2026-10-31T09:30:00.000000Z", 1)


def test_a_row_that_was_removed_added_or_put_back_as_it_was_is_found(office):
    """Edge case 26, for the register."""
    gone, back, kept = office.receive(), office.receive(), office.sealed()
    office.register.begin(kept, "r1")
    with office.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT * FROM request_register WHERE number = ?", (back,)).mappings().one()
    office.register.refuse(back, Ground.WITHDRAWN, "desk")
    office.register.prove(kept, PASSPORT, "desk")
    assert differences(office.engine, office.key) == []
    office.execute("DELETE FROM request_register WHERE number = ?", gone)
    office.execute(
        f"UPDATE request_register SET {', '.join(f'{c} = ?' for c in row)} WHERE number = ?", *row.values(), back
    )
    assert office.register.open(back).refusal is None, "it opens, as it did then"
    office.execute(
        "INSERT INTO request_register (number, right_, received_at, revision) VALUES ('AVG-2020-0042-8', 'access', ?, 1)",
        row["received_at"],
    )
    told = sorted(differences(office.engine, office.key), key=lambda t: (back in t, gone in t))
    assert [n in t for n, t in zip(("AVG-2020-0042-8", gone, back), told, strict=True)] == [True] * 3
    assert "does not know" in told[0]
    assert "any more" in told[1]
    assert "revision 1" in told[2]


def test_one_broken_row_is_told_and_keeps_no_other_from_being_listed(office):
    """Edge case 26: the others have a last day too."""
    broken, good, odd = office.receive(), office.receive(), office.receive()
    office.execute("UPDATE request_register SET begun_at = 'x' WHERE number = ?", broken)
    office.execute("UPDATE request_register SET right_ = 'x' WHERE number = ?", odd)
    problems: list[Tampered] = []
    assert [r.number for r in office.register.list(broken=problems)] == [good]
    assert {p.where for p in problems} == {broken, odd}
    with pytest.raises(Tampered):
        office.register.list()


def test_dates_that_are_none_or_impossible_are_reported_and_not_used(office):
    office.receive()
    office.execute("UPDATE request_register SET undecided_at = 'yesterday'")
    with pytest.raises(Tampered, match="date"):
        office.register.list()
    office.execute("UPDATE request_register SET undecided_at = '2001-01-01T00:00:00+00:00'")
    with pytest.raises(Tampered, match="before the request arrived"):
        office.register.list()


def test_a_clock_set_back_contradicts_no_date(office):
    """Edge case 13."""
    number = office.sealed()
    office.clock.set(NOW - timedelta(days=3))
    office.register.prove(number, PASSPORT, "desk")
    office.register.release(number, "desk")
    assert office.register.get(number).dates.released_at == NOW


def test_an_address_known_long_before_the_request_proves_the_identity(office):
    number = office.sealed()
    assert office.register.prove(number, BY_ADDRESS, "desk").state is State.PROVEN
    office.register.release(number, "desk")


def test_an_address_that_was_theirs_for_exactly_ninety_days_proves_the_identity(office):
    """Edge case 1: the bound is inclusive."""
    office.spans = [(NOW - timedelta(days=90), NOW + timedelta(microseconds=1))]
    assert office.register.prove(office.sealed(), BY_ADDRESS, "desk").state is State.PROVEN


def test_an_address_that_somebody_else_was_found_to_use_tells_nobody_apart(office):
    """Edge case 19, where nobody was asked about it."""
    number = office.receive()
    office.register.begin(number, "r1")
    shared = Identifier("email", "anna@a.example", contested=True)
    office.register.resolved(number, Subject(1, (ANNA, shared, ANNA_NUMBER)), run="r1")
    with pytest.raises(Refused, match="More than one person"):
        office.register.prove(number, BY_ADDRESS, "desk")


def test_a_number_of_another_controller_is_no_number_of_this_register(office):
    from privacy import numbers

    with pytest.raises(BadInput, match="no request number"):
        office.register.get(numbers.number("XYZ", 2026, 42))


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [(NOW - timedelta(days=1), None)],
        [(NOW - timedelta(days=29), None)],
        [(LONG_AGO, NOW - timedelta(days=1))],
        [(NOW + timedelta(days=1), None)],
        [(NOW - timedelta(days=90) + timedelta(microseconds=1), None)],
        [(LONG_AGO, NOW)],
    ],
)
def test_an_address_that_is_new_or_no_longer_theirs_proves_nothing(office, spans):
    """Edge case 35: the address is changed by a rectification, and access is asked for next."""
    number = office.sealed()
    office.spans = spans
    with pytest.raises(Refused) as refusal:
        office.register.prove(number, BY_ADDRESS, "desk")
    assert refusal.value.code == "proof.address_unknown"
    assert "anna" not in str(refusal.value).lower()
    with pytest.raises(Refused, match="not proven"):
        office.register.release(number, "desk")


def test_another_address_than_the_subject_has_proves_nothing(office):
    number = office.sealed()
    with pytest.raises(Refused, match="do not show"):
        office.register.prove(number, Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="x@b.example"), "desk")
    with pytest.raises(BadInput, match="which address"):
        office.register.prove(number, Evidence(kind=EvidenceKind.KNOWN_ADDRESS), "desk")
    with pytest.raises(BadInput, match="what was seen"):
        office.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen=" "), "desk")


def test_no_address_proves_a_request_that_is_not_resolved_or_where_no_record_can_be_asked(office):
    number = office.receive()
    with pytest.raises(Refused, match="not known yet"):
        office.register.prove(number, BY_ADDRESS, "desk")
    blind = Register(
        office.engine, office.key, office.ledger, office.holds, office.register._table._policy, office.clock
    )
    with pytest.raises(Refused, match="do not show"):
        blind.prove(office.sealed(), BY_ADDRESS, "desk")


def test_an_address_that_two_people_share_tells_nobody_apart(office):
    """Edge case 19: a household's mailbox."""
    number = office.receive()
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    office.register.decide(number, Decision((ANNA_NUMBER,), "theirs"), "desk")
    office.register.begin(number, "r2")
    office.register.resolved(number, SUBJECT, run="r2")
    office.seal(number, "r2")
    with pytest.raises(Refused, match="More than one person"):
        office.register.prove(number, BY_ADDRESS, "desk")


def test_copies_go_elsewhere_only_on_another_proof_than_an_address(office):
    """Promise ID-KNOWN."""
    number = office.receive(deliver_to="Dorpsstraat 1, Zwolle")
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")
    office.seal(number)
    office.register.prove(number, BY_ADDRESS, "desk")
    with pytest.raises(Refused, match="another address"):
        office.register.release(number, "desk")
    assert office.register.get(number).state is State.PROVEN
    office.register.prove(number, PASSPORT, "desk")
    office.register.release(number, "desk")


def test_the_list_is_in_order_of_arrival_and_by_state(office):
    second = office.receive(received_at=NOW - timedelta(days=1))
    first = office.receive(received_at=NOW - timedelta(days=2))
    office.register.refuse(second, Ground.EXCESSIVE, "desk")
    assert [r.number for r in office.register.list()] == [first, second]
    assert [r.number for r in office.register.list(State.REFUSED)] == [second]
    shown = office.register.get(first).as_json()
    assert (shown["state"], shown["due"], shown["next_step"]) == ("received", "2026-11-30", "start the export")


ANOTHER = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from conftest_rights import Office
from privacy.errors import PrivacyError
office = Office(Path({folder!r}))
print("ready", flush=True)
sys.stdin.readline()
try:
    office.register.{step}
    print("done")
except PrivacyError as problem:
    print(problem.code)
"""


def together(office: Office, step: str, count: int = 3) -> list[str]:
    code = ANOTHER.format(tests=str(Path(__file__).parents[1]), folder=str(office.folder), step=step)
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    return sorted(process.communicate(timeout=60)[0].strip() for process in running)


def test_two_processes_that_prove_and_refuse_at_once_lose_nothing(office):
    """Edge case 13: two at once."""
    number = office.sealed()
    step = f"prove({number!r}, __import__('privacy.rights').rights.Evidence(kind='document', seen='passport'), 'desk')"
    assert together(office, step, 2) == ["done", "done"]
    assert len(office.register.open(number).proofs) == 2
    assert office.kinds(number).count("request.proven") == 2


def test_two_processes_that_release_at_once_release_once(office):
    """Edge case 13: two at once."""
    number = office.sealed()
    office.register.prove(number, PASSPORT, "desk")
    assert together(office, f"release({number!r}, 'desk')") == ["done", "request.released", "request.released"]
    assert office.kinds(number).count("request.released") == 1
    assert office.ledger.verify().ok


def test_a_direct_transfer_is_for_portability_alone_and_is_sealed_with_the_request(office):
    with pytest.raises(BadInput, match=r"request\.direct_transfer"):
        office.receive(direct_transfer=True)
    assert office.register.list() == ()
    made = office.register.receive(Right.PORTABILITY, (ANNA,), author="desk", direct_transfer=True)
    assert office.register.open(made.number).direct_transfer
    office.register.begin(made.number, "r1")
    office.register.begin(made.number, "r2")
    assert office.register.open(made.number).direct_transfer
    assert not office.register.open(office.receive()).direct_transfer


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "a@b.example\x00", "a\n@b.example"])
def test_an_address_of_two_lines_is_not_registered(office, address):
    """Edge case 27: it would begin another header, and as an identifier it finds nobody."""
    with pytest.raises(BadInput) as refused:
        office.receive(Identifier("email", address))
    assert "b.example" not in str(refused.value)
