"""Objection, marketing stop, withdrawn consent, the client's notice (R-OBJ, CONTACT-CONSENT, CLIENT-LIFE, STAFF-BLOCK)."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from conftest_stops import ADA, ADA_MAIL, BEN, DOCUMENT, HOUSEHOLD, NOW, POLICY, Shop, shop
from privacy.errors import AskPerson, BadInput, PrivacyError, Refused
from privacy.holds import HoldKind
from privacy.identity import Decision
from privacy.orchestration import stop_steps
from privacy.orchestration.runs import Run
from privacy.orchestration.steps import resolve_identity
from privacy.rights import Act, Ground, Right, State
from privacy.rights.clients import follow_up
from privacy.rights.objecting import reject, uphold
from privacy.rights.restricting import announce
from privacy.rights.unblocking import unblock
from privacy.sources.base import Identifier, Subject

__all__ = ["shop"]


def objected(shop: Shop, *identifiers: object, purposes: tuple[str, ...] = ()) -> str:
    number = shop.request(Right.OBJECTION, *(identifiers or (ADA,)), purposes=purposes)
    assert shop.run(number)["status"] == "done"
    return number


def withdrawn(shop: Shop) -> dict[int, str | None]:
    return dict(shop.sql("SELECT consent_no, withdrawn_at FROM consents ORDER BY 1"))


def test_processing_stops_when_the_registration_of_an_objection_returns(shop: Shop) -> None:
    number = shop.request(Right.OBJECTION, ADA_MAIL)
    assert shop.stopped("order") == {"7310001", "ada@lees.example", "dev-ada-77"}
    assert "objection 7310001" in shop.held()
    assert shop.run(number)["status"] == "done"
    assert shop.letters(number) == ["objection"]
    assert shop.get(number).state is State.RECEIVED, "it waits for its decision"


def test_an_objection_that_is_narrowed_stops_and_holds_what_is_used_for_that_alone(shop: Shop) -> None:
    """Edge case 15: one on a profile must not freeze the orders."""
    objected(shop, purposes=("study",))
    assert "7310001" in shop.stopped("study")
    assert shop.stopped("order") == shop.stopped("*") == set()
    (hold,) = shop.house.holds.active()
    assert hold.datasets == ("books.profiles",)
    shop.purge("orders")
    assert shop.sql("SELECT count(*) FROM orders WHERE order_no = 1") == [(0,)]


def test_one_that_is_upheld_hands_over_copies_first_and_stops_for_good(shop: Shop) -> None:
    number = objected(shop)
    found, copy, sent = uphold(shop.house, number, "officer")
    assert found.state is State.ANSWERED
    assert (copy.right, copy.state) == (Right.ACCESS, State.RECEIVED)
    assert shop.house.register.open(copy.number).linked == number
    assert copy.number in sent.content.text
    # The copy's own hold keeps the records now; the objection's is over.
    assert "request 7310001" in shop.held()
    assert not [held for held in shop.held() if held.startswith("objection")]
    shop.later(days=400)
    assert "7310001" in shop.stopped("order")
    assert shop.house.verify().problems == ()
    assert number not in str(shop.house.ledger.entries(request=copy.number)), "the two are tied in sealed content alone"


def test_upholding_that_died_half_way_opens_one_copy_and_sends_one_letter(shop: Shop) -> None:
    """Edge case 13."""
    number = objected(shop)
    outbox = shop.folder / "state" / "outbox"
    moved = outbox.rename(shop.folder / "away")
    outbox.touch()
    with pytest.raises(PrivacyError):
        uphold(shop.house, number, "officer")
    outbox.unlink()
    moved.rename(outbox)
    assert shop.get(number).state is State.ACTED
    uphold(shop.house, number, "officer")
    assert len([r for r in shop.house.register.list() if r.right is Right.ACCESS]) == 1
    assert shop.letters(number) == ["objection", "objection_upheld"]
    with pytest.raises(Refused, match="decided"):
        uphold(shop.house, number, "officer")


def test_one_that_is_rejected_ends_hold_and_stop_and_tells_the_reason(shop: Shop) -> None:
    number = objected(shop)
    found, sent = reject(shop.house, number, Ground.COMPELLING, "officer", because="Er loopt een rechtszaak.")
    assert found.state is State.REFUSED
    assert "Er loopt een rechtszaak." in sent.content.text
    assert "https://ap.example" in sent.content.text
    assert shop.held() == set()
    assert shop.stopped("order") == set()
    shop.purge("orders")
    assert shop.sql("SELECT count(*) FROM orders WHERE order_no = 1") == [(0,)]
    assert shop.house.verify().problems == ()
    with pytest.raises(Refused):
        uphold(shop.house, number, "officer")


def test_a_rejection_says_why_in_words(shop: Shop) -> None:
    number = objected(shop)
    with pytest.raises(Refused, match="told why"):
        reject(shop.house, number, Ground.COMPELLING, "officer", because=" ")
    assert "7310001" in shop.stopped("order")


def test_nobody_is_stopped_by_an_objection_that_fits_two_people_before_it_is_decided(shop: Shop) -> None:
    """Edge case 19."""
    number = shop.request(Right.OBJECTION, HOUSEHOLD)
    assert {"objection 7310003", "objection 7310004"} <= shop.held()
    with pytest.raises(Refused, match="Nobody is stopped"):
        uphold(shop.house, number, "officer")
    with pytest.raises(AskPerson):
        shop.run(number)
    with pytest.raises(Refused, match="not decided yet"):
        uphold(shop.house, number, "officer")
    assert shop.stopped("order") == set()


@pytest.mark.parametrize("right", [Right.OBJECTION, Right.MARKETING_STOP, Right.RESTRICTION])
def test_whose_own_number_is_named_is_stopped_at_once_though_another_has_their_address(
    shop: Shop, right: Right
) -> None:
    """Edge case 19; R-OBJ: in doubt is only what is known by the address, not who asks."""
    one, two = (Identifier("books.member", no) for no in (7_310_003, 7_310_004))
    number = shop.request(right, one)
    assert shop.stopped("newsletter") == {"7310003"}
    both = shop.request(right, one, two)
    assert not shop.house.stops.active(number=both), "which of two it is, is for somebody to decide"
    erased = shop.request(Right.ERASURE, two)
    shop.house.register.prove(erased, DOCUMENT, "desk")
    assert not shop.house.stops.active(number=erased)
    with pytest.raises(AskPerson):
        shop.run(number)
    assert shop.stopped("newsletter") == {"7310003"}, "and it goes on while the question waits"


def test_an_objection_to_marketing_is_upheld_at_once_and_by_nobody(shop: Shop) -> None:
    number = shop.request(Right.MARKETING_STOP, ADA_MAIL)
    assert shop.stopped("newsletter") == shop.stopped("campaigns") == {"7310001", "ada@lees.example", "dev-ada-77"}
    assert shop.stopped("order") == set()
    assert shop.held() == set()
    assert shop.run(number)["status"] == "done"
    assert shop.get(number).state is State.ANSWERED
    assert shop.letters(number) == ["marketing_stop"]
    with pytest.raises(Refused, match="no objection that could be weighed"):
        reject(shop.house, number, Ground.COMPELLING, "officer", because="x")


def test_an_objection_to_marketing_alone_is_registered_as_what_nobody_weighs(shop: Shop) -> None:
    with pytest.raises(BadInput, match="upheld at once"):
        shop.request(Right.OBJECTION, ADA, purposes=("newsletter",))
    with pytest.raises(BadInput, match="marketing"):
        shop.request(Right.MARKETING_STOP, ADA, purposes=("order",))
    with pytest.raises(BadInput, match="no such purpose"):
        shop.request(Right.OBJECTION, ADA, purposes=("studdy",))
    with pytest.raises(BadInput, match="narrowed to no purpose"):
        shop.request(Right.RESTRICTION, ADA, purposes=("study",))
    shop.request(Right.MARKETING_STOP, ADA, purposes=("newsletter",))
    assert "7310001" in shop.stopped("newsletter")
    assert shop.stopped("campaigns") == set()
    assert len(shop.house.register.list()) == 1


def test_a_withdrawn_consent_says_so_from_its_arrival_and_what_rested_on_it_stops(shop: Shop) -> None:
    before = withdrawn(shop)
    number = shop.request(Right.CONSENT_WITHDRAWAL, ADA_MAIL, received_at=datetime(2026, 11, 18, 9, tzinfo=UTC))
    # Campaigns rest on the consent; a study has another basis.
    assert "7310001" in shop.stopped("newsletter") & shop.stopped("campaigns")
    assert shop.stopped("study") == set()
    assert shop.run(number)["status"] == "done"
    after = withdrawn(shop)
    assert after[1] == before[1], "one that was withdrawn before keeps its date"
    assert {datetime.fromisoformat(str(after[n])) for n in (2, 3)} == {datetime(2026, 11, 18, 9, tzinfo=UTC)}
    assert after[4] is None, "another's"
    assert shop.get(number).state is State.ANSWERED
    act = shop.house.register.open(number).act
    assert act is not None
    assert (act.counts["withdrawn"], act.counts["stops"]) == (2, 3)
    assert shop.letters(number) == ["consent_withdrawal"]


def test_what_counts_from_the_withdrawal_is_gone_after_the_next_nightly_run(shop: Shop) -> None:
    shop.run(shop.request(Right.CONSENT_WITHDRAWAL))
    shop.later(days=2)
    shop.purge("consents")
    assert withdrawn(shop) == {4: None}


def test_whoever_is_restricted_may_withdraw_a_consent_all_the_same(shop: Shop) -> None:
    shop.run(shop.request(Right.RESTRICTION))
    number = shop.request(Right.CONSENT_WITHDRAWAL)
    assert shop.run(number)["status"] == "done"
    assert shop.get(number).state is State.ANSWERED
    assert withdrawn(shop)[2] is not None


def test_a_consent_that_is_suspended_is_withdrawn_when_that_ends(shop: Shop) -> None:
    """Edge case 15: evidence in a claim is not written to; processing stops all the same."""
    claim = shop.house.holds.place(
        HoldKind.SUSPENSION, Subject(1, (ADA,)), ["books.consents"], ground="claim", author="lawyer"
    )
    number = shop.request(Right.CONSENT_WITHDRAWAL)
    assert shop.run(number)["status"] == "done"
    assert (shop.get(number).state, withdrawn(shop)[2]) == (State.PARTLY_DONE, None)
    assert "7310001" in shop.stopped("newsletter")
    shop.house.holds.release(claim, author="lawyer")
    assert shop.run(number)["status"] == "done"
    assert shop.get(number).state is State.ANSWERED
    assert withdrawn(shop)[2] is not None
    assert shop.letters(number) == ["consent_withdrawal"]


def test_a_consent_that_is_given_again_after_the_withdrawal_stands(shop: Shop) -> None:
    """Edge case 16: what was held is withdrawn when that ends; what they said yes to meanwhile is another consent."""
    claim = shop.house.holds.place(
        HoldKind.SUSPENSION, Subject(1, (ADA,)), ["books.consents"], ground="claim", author="lawyer"
    )
    number = shop.request(Right.CONSENT_WITHDRAWAL)
    shop.run(number)
    shop.later(days=1)
    given = shop.house.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    with closing(sqlite3.connect(shop.database)) as db, db:
        db.execute("INSERT INTO consents VALUES (99, 7310001, NULL, ?, NULL)", (given,))
    shop.house.holds.release(claim, author="lawyer")
    assert shop.run(number)["status"] == "done"
    assert (withdrawn(shop)[2] is not None, withdrawn(shop)[99]) == (True, None)


def test_whoever_withdraws_a_consent_that_they_never_gave_is_left_alone_all_the_same(shop: Shop) -> None:
    shop.sql("DELETE FROM consents")
    number = shop.request(Right.CONSENT_WITHDRAWAL, BEN)
    run = Run("r", number, "t")
    stop_steps.open_request(shop.house, run, "object_subject")
    resolve_identity(shop.house, run)
    assert stop_steps.act(shop.house, run, "object_subject") == {"stops": 2}


def test_a_withdrawal_that_finds_nothing_to_withdraw_and_nobody_to_stop_is_not_green(shop: Shop) -> None:
    """Edge case 28: no consent of theirs, and nothing that is theirs alone."""
    shop.sql("DELETE FROM consents")
    number = shop.request(Right.CONSENT_WITHDRAWAL, HOUSEHOLD)
    with pytest.raises(AskPerson):
        shop.run(number)
    question = shop.house.register.question(number)
    assert question is not None
    shop.house.register.decide(number, Decision(question.candidates[0].identifiers), "desk")
    run = Run("r", number, "t")
    stop_steps.open_request(shop.house, run, "object_subject")
    resolve_identity(shop.house, run)
    policy = copy.deepcopy(POLICY)
    for purpose in ("newsletter", "campaigns"):
        policy["purposes"][purpose]["basis"] = "contract"
    shop.policy(policy)
    with pytest.raises(AskPerson, match="no consent"):
        stop_steps.act(shop.house, run, "object_subject")


@pytest.mark.parametrize("right", [Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL])
def test_whoever_wants_the_newsletter_again_says_so(shop: Shop, right: Right) -> None:
    number = shop.request(right)
    shop.run(number)
    found, sent = announce(shop.house, number, "Toch wel", "desk", channel="email", evidence=DOCUMENT)
    assert (found.dates.lifted_at, sent) == (NOW, None)
    assert shop.stopped("newsletter") == set()
    with pytest.raises(Refused, match="lifted before"):
        announce(shop.house, number, "Toch wel", "desk", channel="email", evidence=DOCUMENT)


def test_the_notice_that_a_client_stops_opens_their_erasure(shop: Shop) -> None:
    number = shop.request(Right.CLIENT_END, received_at=datetime(2026, 11, 18, 9, tzinfo=UTC))
    (erasure,) = [r for r in shop.house.register.list() if r.right is Right.ERASURE]
    assert erasure.dates.received_at == datetime(2026, 11, 18, 9, tzinfo=UTC)
    assert shop.house.register.open(erasure.number).linked == number
    for _ in range(2):
        follow_up(shop.house, author="start_requests")
    assert shop.get(number).state is State.ANSWERED
    assert shop.letters(number) == ["client_end"]
    assert len(shop.house.register.list()) == 2


def test_a_notice_whose_erasure_could_not_be_opened_opens_it_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case 13: killed between the two."""

    class Killed(BaseException):
        """The process ends here."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("privacy.rights.arrivals.Arrivals.follow", die)
        with pytest.raises(Killed):
            shop.request(Right.CLIENT_END)
    assert [r.right for r in shop.house.register.list()] == [Right.CLIENT_END]
    assert follow_up(shop.house, author="start_requests") == 1
    assert sorted(r.right for r in shop.house.register.list()) == [Right.CLIENT_END, Right.ERASURE]


def test_staff_are_blocked_in_the_moment_in_which_an_erasure_is_proven(shop: Shop) -> None:
    number = shop.request(Right.ERASURE, ADA_MAIL)
    assert shop.stopped("order") == set()
    shop.house.register.prove(number, DOCUMENT, "desk")
    # By number: the address of whoever is forgotten is not kept to remember them.
    assert shop.stopped("order") == {"7310001"}
    proven, placed = (
        [e.seq for e in shop.house.ledger.entries(request=number, kind=kind)]
        for kind in ("request.proven", "stop.placed")
    )
    assert placed == [proven[0] + 1]
    assert shop.held() == set()


def test_an_erasure_that_is_not_proven_after_all_blocks_nobody(shop: Shop) -> None:
    number = shop.request(Right.ERASURE, HOUSEHOLD)
    shop.house.register.prove(number, DOCUMENT, "desk")
    assert shop.stopped("order") == set(), "two people fit"
    house, run = shop.house, Run("r", number, "t")
    house.register.begin(number, run.id)
    with pytest.raises(AskPerson):
        resolve_identity(house, run)
    question = house.register.question(number)
    assert question is not None
    house.register.decide(number, Decision(question.candidates[0].identifiers), "desk")
    assert shop.stopped("order") == set(), "its proof does not count for whoever was chosen"
    house.register.prove(number, DOCUMENT, "desk")
    assert len(shop.stopped("order")) == 1
    house.register.decide(number, Decision(question.candidates[1].identifiers), "desk")
    assert shop.stopped("order") == set()
    assert house.verify().problems == ()


@pytest.mark.parametrize(("counts", "blocked"), [({"deleted": 3}, set()), ({"deleted": 3, "retained": 1}, {"7310001"})])
def test_what_has_to_stay_after_an_erasure_stays_blocked(shop: Shop, counts: dict[str, int], blocked: set[str]) -> None:
    number = shop.request(Right.ERASURE)
    shop.house.register.prove(number, DOCUMENT, "desk")
    shop.house.register.acted(number, Act(author="e", at=NOW, counts=counts))
    assert shop.stopped("order") == {"7310001"}
    shop.house.register.answered(number, "e")
    assert shop.stopped("order") == blocked
    assert number not in str(shop.ledger("SELECT * FROM do_not_process WHERE ended IS NULL"))
    assert shop.house.verify().problems == ()


def test_a_number_goes_from_the_list_when_the_last_that_had_to_stay_is_gone(shop: Shop) -> None:
    for person in (ADA, BEN):
        number = shop.request(Right.ERASURE, person)
        shop.house.register.prove(number, DOCUMENT, "desk")
        shop.house.register.acted(number, Act(author="e", at=NOW, counts={"retained": 1}))
        shop.house.register.answered(number, "e")
    for table in ("members", "consents", "profiles"):
        shop.sql(f"DELETE FROM {table}")
    shop.sql("DELETE FROM orders WHERE order_no <> 3")
    # Ada's order 3 has to stay; nothing of Ben's does. The club's reader of her number is somebody else.
    assert unblock(shop.house, author="watch_deadlines") == 1
    assert shop.stopped("order") == {"7310001"}
    shop.sql("DELETE FROM orders")
    assert unblock(shop.house, author="watch_deadlines") == 1
    assert unblock(shop.house, author="watch_deadlines") == 0
    assert shop.stopped("order") == set()
    assert "731000" not in str(shop.ledger("SELECT * FROM do_not_process"))
    assert shop.house.verify().problems == ()


def test_a_complaint_stops_nothing_and_waits_for_a_person(shop: Shop) -> None:
    number = shop.request(Right.COMPLAINT)
    assert (shop.stopped("order"), shop.held()) == (set(), set())
    assert shop.get(number).right.pipeline is None
    with pytest.raises(Refused):
        stop_steps.open_request(shop.house, Run("r", number, "t"), "object_subject")
