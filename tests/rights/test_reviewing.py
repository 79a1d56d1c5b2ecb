"""What leaves something out is looked at by a person before it is released."""

from __future__ import annotations

import pytest

from conftest_letters import ANNA, BERT, Books
from conftest_rights import Office
from privacy.errors import Refused
from privacy.rights import Evidence, EvidenceKind, Right, State

PASSPORT = Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport")


def test_a_bundle_that_leaves_something_out_is_not_released_before_somebody_has_looked(books: Books):
    """Bert's record has a note of staff, which the copy redacts."""
    number = books.asked(Right.ACCESS, BERT)
    books.export(number)
    assert books.house.register.bundle(number).left_out["redacted"] >= 1
    books.prove(number)
    with pytest.raises(Refused, match=r"request\.not_reviewed") as refusal:
        books.house.register.release(number, "desk")
    assert "redacted" in str(refusal.value)
    assert books.house.register.get(number).state is State.PROVEN
    # The reviewer may look into it, which is recorded.
    assert books.house.register.identity(number, reviewer="desk").startswith("AGE-SECRET-KEY-")
    found = books.house.register.review(number, "reviewer")
    assert found.dates.reviewed_at is not None
    assert books.house.register.open(number).review.author == "reviewer"
    (said,) = books.said(number, "request.reviewed")
    assert (said["actor"], said["count"]) == ("reviewer", books.house.register.bundle(number).left_out["redacted"])
    books.house.register.release(number, "desk")
    assert books.house.verify().ok


def test_a_bundle_that_leaves_nothing_out_needs_no_review(books: Books):
    number = books.asked(Right.ACCESS, "carla@c.example")
    books.export(number)
    assert books.house.register.bundle(number).left_out is None
    books.prove(number)
    books.house.register.release(number, "desk")


@pytest.mark.parametrize("what", ["withheld", "redacted", "omitted"])
def test_withheld_redacted_and_omitted_each_ask_for_a_look(office: Office, what):
    number = _sealed(office, {what: 2, "nothing": 0})
    with pytest.raises(Refused, match=rf"2 {what}\)"):
        office.register.release(number, "desk")
    office.register.review(number, "desk")
    office.register.review(number, "somebody else")
    assert office.register.open(number).review.author == "desk"
    assert office.kinds(number).count("request.reviewed") == 1
    office.register.release(number, "desk")


def test_a_review_of_one_bundle_is_none_of_the_next(office: Office):
    """Edge case 29: between the look and the release another run seals another bundle."""
    number = _sealed(office, {"redacted": 1})
    office.register.review(number, "desk")
    office.register.begin(number, "r2")
    _seal(office, number, "r2", {"redacted": 5}, outer="p" * 64)
    assert office.register.get(number).dates.reviewed_at is None
    with pytest.raises(Refused, match=r"request\.not_reviewed"):
        office.register.release(number, "desk")
    office.register.review(number, "desk")
    office.register.release(number, "desk")


def test_sealing_the_same_bundle_again_keeps_its_review(office: Office):
    number = _sealed(office, {"redacted": 1})
    office.register.review(number, "desk")
    _seal(office, number, "r1", {"redacted": 1})
    assert office.register.get(number).dates.reviewed_at is not None


def test_a_review_that_is_set_by_hand_is_noticed(office: Office):
    """A date alone, set in the database, proves nothing."""
    from privacy.errors import Tampered

    number = _sealed(office, {"redacted": 1})
    office.execute(f"UPDATE request_register SET reviewed_at = sealed_at WHERE number = '{number}'")
    with pytest.raises(Tampered):
        office.register.release(number, "desk")


def test_what_is_not_sealed_or_asks_for_no_copy_is_not_reviewed(office: Office):
    number = office.receive()
    with pytest.raises(Refused, match=r"request\.not_sealed"):
        office.register.review(number, "desk")
    other = office.register.receive(Right.ERASURE, [_who()], author="desk").number
    with pytest.raises(Refused, match=r"request\.no_copy"):
        office.register.review(other, "desk")


def _who():
    from privacy.sources.base import Identifier

    return Identifier("email", ANNA)


def _sealed(office: Office, left_out: dict[str, int]) -> str:
    from conftest_rights import SUBJECT

    number = office.receive()
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")
    _seal(office, number, "r1", left_out)
    office.register.prove(number, PASSPORT, "desk")
    return number


def _seal(office: Office, number: str, run: str, left_out: dict[str, int], outer: str = "o" * 64) -> None:
    office.register.sealed(
        number, run=run, path=f"{number}.zip.age", inner_sha256="i" * 64, outer_sha256=outer, counts={"shop.orders": 3},
        left_out=left_out,
    )  # fmt: skip
