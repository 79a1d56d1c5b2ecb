"""The list that the shop's systems obey: who is on it, what they see of it, and that nobody changes it unnoticed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest_stops import ADA, ADA_CLUB, ADA_MAIL, BEN, CANARIES, GUEST, NOW, POLICY, Shop, shop
from privacy.errors import BadInput
from privacy.ledger import Writing
from privacy.rights.stop_rows import Scope, StopGround
from privacy.sources.base import Identifier, Subject

__all__ = ["shop"]

NUMBER, OTHER = "BOEK-2026-0042-5", "BOEK-2026-0043-3"


def place(
    shop: Shop, subject: Subject, scope: Scope = Scope.ALL, ground: StopGround = StopGround.RESTRICTION, *,
    number: str = NUMBER, purposes: tuple[str, ...] = (),
) -> int:  # fmt: skip
    with shop.house.ledger.writing() as writing:
        return shop.house.stops.place(writing, number, subject, scope, ground, purposes=purposes, author="desk")


def end(shop: Shop, number: str = NUMBER) -> int:
    with shop.house.ledger.writing() as writing:
        return shop.house.stops.end(writing, number, author="desk")


def test_a_system_that_asks_for_its_own_purpose_misses_nobody_who_may_not_be_processed_at_all(shop: Shop) -> None:
    place(shop, Subject(1, (ADA,)))
    place(shop, Subject(1, (BEN,)), Scope.MARKETING, StopGround.MARKETING_STOP, number=OTHER)
    place(
        shop, Subject(1, (GUEST,)), Scope.PURPOSES, StopGround.OBJECTION, number="BOEK-2026-0044-1", purposes=("study",)
    )
    assert shop.stopped("newsletter") == {"7310001", "7310002"}
    assert shop.stopped("order") == {"7310001"}
    assert shop.stopped("study") == {"7310001", "gast@lees.example"}
    assert shop.stopped("*") == {"7310001"}
    rows = shop.ledger("SELECT kind, scope, purpose, since, ground FROM processing_stops WHERE value = '7310002'")
    assert sorted(rows) == [
        ("books.member", "marketing", purpose, NOW.isoformat(timespec="microseconds"), "marketing_stop")
        for purpose in ("campaigns", "newsletter")
    ]


def test_the_view_says_neither_which_request_nor_what_has_ended(shop: Shop) -> None:
    place(shop, Subject(1, (ADA,)))
    names = [name for _, name, *_ in shop.ledger("PRAGMA table_info(processing_stops)")]
    assert names == ["kind", "value", "scope", "purpose", "since", "ground"]
    assert end(shop) == 1
    assert shop.ledger("SELECT * FROM processing_stops") == []


def test_exports_leave_out_whom_the_view_names(shop: Shop) -> None:
    place(shop, Subject(1, (ADA, ADA_MAIL)), Scope.MARKETING, StopGround.MARKETING_STOP)
    assert shop.house.stops.excluded("newsletter") == {("books.member", "7310001"), ("email", "ada@lees.example")}
    assert shop.house.stops.excluded("order") == frozenset()
    with pytest.raises(BadInput, match="newsletter"):
        shop.house.stops.excluded("newsleter")


def test_what_has_ended_names_nobody_any_more(shop: Shop) -> None:
    place(shop, Subject(1, (ADA, ADA_MAIL)))
    end(shop)
    for row in shop.ledger("SELECT * FROM do_not_process"):
        assert not [canary for canary in CANARIES if canary in str(row)]
    assert end(shop) == 0
    assert shop.house.stops.active() == []


def test_the_ledger_proves_each_change_and_names_nobody(shop: Shop) -> None:
    place(shop, Subject(1, (ADA, ADA_MAIL)))
    place(shop, Subject(1, (ADA, ADA_MAIL)))
    end(shop)
    entries = shop.ledger("SELECT entry FROM ledger WHERE kind LIKE 'stop.%'")
    assert [e.entry["kind"] for e in shop.house.ledger.entries(request=NUMBER)] == ["stop.placed"] * 2 + [
        "stop.ended"
    ] * 2
    assert not [canary for canary in CANARIES if canary in str(entries)]
    assert shop.house.verify().problems == ()


def test_a_stop_and_its_entry_are_there_together_or_not_at_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("privacy.rights.stop_rows.Row.insert", die)
        with pytest.raises(Killed):
            place(shop, Subject(1, (ADA,)))
    assert shop.kinds(NUMBER) == []
    place(shop, Subject(1, (ADA,)))
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "event", die)
        with pytest.raises(Killed):
            end(shop)
    assert shop.stopped("order") == {"7310001"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE do_not_process SET value = '7310002' WHERE ended IS NULL",
        "UPDATE do_not_process SET purposes = '[\"order\"]' WHERE ended IS NULL",
        "UPDATE do_not_process SET scope = 'marketing' WHERE ended IS NULL",
        "UPDATE do_not_process SET ground = 'erasure' WHERE ended IS NULL",
        "UPDATE do_not_process SET request = 'BOEK-2026-0043-3' WHERE ended IS NULL",
        "UPDATE do_not_process SET since = '2020-01-01T00:00:00.000000+00:00' WHERE ended IS NULL",
        "UPDATE do_not_process SET salt = 'x' WHERE ended IS NULL",
        "UPDATE do_not_process SET ended = since WHERE ended IS NULL",
        "UPDATE do_not_process SET ended = NULL WHERE ended IS NOT NULL",
        "UPDATE do_not_process SET value = '7310002' WHERE ended IS NOT NULL",
        "DELETE FROM do_not_process WHERE ended IS NULL",
        "DELETE FROM do_not_process WHERE ended IS NOT NULL",
        "INSERT INTO do_not_process SELECT 'x', request, kind, '1', scope, purposes, ground, since, ended, salt"
        " FROM do_not_process WHERE ended IS NULL",
    ],
)
def test_a_row_that_is_altered_by_hand_is_noticed(shop: Shop, change: str) -> None:
    """Edge case 26."""
    place(shop, Subject(1, (BEN,)), number=OTHER)
    end(shop, OTHER)
    place(shop, Subject(1, (ADA,)))
    assert shop.house.verify().problems == ()
    shop.ledger(change)
    (problem,) = shop.house.verify().problems
    assert problem.startswith("Stop ")
    assert not [canary for canary in (*CANARIES, "7310002") if canary in problem]


def test_nobody_else_is_stopped_by_an_address_that_is_shared_or_was_theirs_once(shop: Shop) -> None:
    """Edge case 19."""
    shared = Identifier("email", "thuis@lees.example", contested=True)
    past = Identifier("email", "oud@lees.example", valid_to=NOW)
    still = Identifier("email", "nieuw@lees.example", valid_from=NOW)
    visit = Identifier("ip", "203.0.113.9", valid_from=NOW, valid_to=None)
    assert place(shop, Subject(1, (ADA, shared, past, still, visit))) == 2
    assert shop.stopped("newsletter") == {"7310001", "nieuw@lees.example"}
    assert place(shop, Subject(1, (shared, past, visit)), number=OTHER) == 0


def test_the_same_number_in_another_system_is_another_person(shop: Shop) -> None:
    """Edge case 31."""
    place(shop, Subject(1, (ADA,)))
    assert shop.house.stops.excluded("order") == {("books.member", "7310001")}
    assert shop.house.stops.active(Subject(1, (ADA_CLUB,))) == []
    assert len(shop.house.stops.active(Subject(1, (ADA,)))) == 1


def test_of_whom_is_erased_the_number_stays_on_the_list_and_not_the_address(shop: Shop) -> None:
    place(shop, Subject(1, (ADA, ADA_MAIL)), ground=StopGround.ERASURE)
    place(shop, Subject(1, (GUEST,)), ground=StopGround.ERASURE, number=OTHER)
    assert shop.stopped("order") == {"7310001", "gast@lees.example"}


def test_a_purpose_that_the_policy_gets_later_is_stopped_too(shop: Shop) -> None:
    place(shop, Subject(1, (ADA,)))
    place(shop, Subject(1, (BEN,)), Scope.MARKETING, StopGround.MARKETING_STOP, number=OTHER)
    place(
        shop, Subject(1, (GUEST,)), Scope.PURPOSES, StopGround.OBJECTION, number="BOEK-2026-0044-1", purposes=("study",)
    )
    policy: dict[str, Any] = copy.deepcopy(POLICY)
    policy["purposes"]["texting"] = {"title": {"nl": "sms", "en": "text"}, "basis": "consent", "marketing": True}
    shop.policy(policy)
    assert shop.house.stops.refresh(author="start_requests") == 2
    assert shop.house.stops.refresh(author="start_requests") == 0
    assert shop.stopped("texting") == {"7310001", "7310002"}
    assert shop.house.verify().problems == ()


def test_a_request_that_is_about_somebody_else_now_stops_them_alone(shop: Shop) -> None:
    place(shop, Subject(1, (ADA,)))
    place(shop, Subject(1, (BEN,)))
    assert shop.stopped("order") == {"7310002"}
    assert shop.house.verify().problems == ()


def test_an_erasure_that_is_closed_goes_on_blocking_without_its_number(shop: Shop) -> None:
    place(shop, Subject(1, (ADA,)), ground=StopGround.ERASURE)
    since = shop.house.stops.active()[0].since
    shop.later(days=3)
    with shop.house.ledger.writing() as writing:
        assert shop.house.stops.detach(writing, NUMBER, author="desk") == 1
    (stop,) = shop.house.stops.active()
    assert (stop.request, stop.value, stop.since) == (None, "7310001", since)
    live = shop.ledger("SELECT * FROM do_not_process WHERE ended IS NULL")
    assert NUMBER not in str(live)
    assert shop.house.verify().problems == ()


PEOPLE = st.sampled_from([(ADA,), (BEN,), (ADA, ADA_MAIL), (GUEST,)])
STEPS = st.lists(
    st.tuples(
        st.sampled_from([NUMBER, OTHER]),
        st.one_of(
            st.none(),
            st.tuples(
                PEOPLE, st.sampled_from(Scope), st.lists(st.sampled_from(sorted(POLICY["purposes"])), min_size=1)
            ),
        ),
    ),
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_whatever_was_placed_and_ended_view_exports_and_ledger_say_the_same(shop: Shop, steps: list[Any]) -> None:
    wanted: dict[str, tuple[set[str], set[str]]] = {}
    for number in (NUMBER, OTHER):
        end(shop, number)
    every = set(POLICY["purposes"])
    for number, said in steps:
        if said is None:
            end(shop, number)
            wanted.pop(number, None)
            continue
        people, scope, named = said
        place(shop, Subject(1, people), scope, StopGround.OBJECTION, number=number, purposes=tuple(named))
        of = {Scope.ALL: every, Scope.MARKETING: {"newsletter", "campaigns"}, Scope.PURPOSES: set(named)}[scope]
        wanted[number] = {str(i.value) for i in people}, of
    for purpose in every:
        expected = {v for values, purposes in wanted.values() if purpose in purposes for v in values}
        assert shop.stopped(purpose) == expected
        assert {value for _, value in shop.house.stops.excluded(purpose)} == expected
    assert shop.house.verify().problems == ()
