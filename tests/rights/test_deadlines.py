"""When an answer is due, who is told, and the one extension (promise R-30D, art. 12(3) GDPR)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from conftest_cameras import Cameras, cameras
from conftest_demo import HOME
from privacy.errors import BadConfiguration, Refused, Tampered
from privacy.ledger import Ledger
from privacy.rights import Act, Evidence, EvidenceKind, Ground, Necessity, Right, State
from privacy.rights.deadlines import TOLD, Kind, Level, deadlines, level, watch
from privacy.rights.extending import extend
from privacy.sources.base import Identifier

__all__ = ["cameras"]

ARRIVED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DUE = date(2026, 12, 2)
"""30 days and one month after it."""

ANNA = Identifier("email", "anna@a.example")


def received(shop: Cameras, at: datetime = ARRIVED, *named: Identifier) -> str:
    if shop.clock.now() < at:
        shop.clock.set(at)
    return shop.house.register.receive(Right.ACCESS, named or (ANNA,), author="desk", received_at=at).number


def on(shop: Cameras, day: str, hour: int = 12) -> datetime:
    """Noon of a day in Amsterdam, or about."""
    shop.clock.set(datetime.fromisoformat(f"{day}T{hour:02}:00:00+01:00"))
    return shop.clock.now()


def told(shop: Cameras, number: str) -> list[str]:
    return [str(e.entry["reason"]) for e in shop.house.ledger.entries(request=number, kind=TOLD)]


@pytest.mark.parametrize(
    ("left", "near"),
    [(8, None), (7, Level.SOON), (3, Level.SOON), (2, Level.NEAR), (1, Level.NEAR), (0, Level.TODAY), (-1, Level.LATE)],
)
def test_it_is_told_7_and_2_days_before_on_the_day_and_after(left: int, near: Level | None) -> None:
    assert level(left) is near


def test_each_level_is_told_once_by_letter_and_in_the_ledger_and_a_request_in_time_never(cameras: Cameras) -> None:
    number, later = received(cameras), received(cameras, ARRIVED + timedelta(days=28))
    letters = []
    for day in (
        "2026-11-24",
        "2026-11-25",
        "2026-11-26",
        "2026-11-30",
        "2026-12-01",
        "2026-12-02",
        "2026-12-03",
        "2026-12-04",
    ):
        on(cameras, day)
        watch(cameras.house, actor="watch_deadlines")
        watch(cameras.house, actor="watch_deadlines")
        letters.append(len(cameras.letters))
    assert told(cameras, number) == [f"{word} {DUE}" for word in ("soon", "near", "today", "late")]
    assert told(cameras, later) == []
    assert letters == [0, 1, 1, 2, 2, 3, 4, 4]
    last = cameras.letters[-1]
    assert last["To"] == cameras.house.policy.contact.email
    assert f"Verzoek {number}: 1 dag te laat (uiterlijk 02-12-2026)" in last.get_content()
    assert "anna" not in last.as_string()
    assert cameras.house.verify().ok


@pytest.mark.parametrize(
    ("hour", "found"), [("2026-12-02T22:59:59+00:00", Level.TODAY), ("2026-12-02T23:00:00+00:00", Level.LATE)]
)
def test_the_day_ends_at_midnight_in_amsterdam_and_not_in_utc(cameras: Cameras, hour: str, found: Level) -> None:
    """Edge case 3."""
    received(cameras)
    assert deadlines(cameras.house, datetime.fromisoformat(hour))[0].level is found


def test_a_request_that_is_answered_or_refused_has_no_deadline(cameras: Cameras) -> None:
    number = received(cameras)
    cameras.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    assert watch(cameras.house, actor="a") == []
    assert [d.kind for d in deadlines(cameras.house, on(cameras, "2027-06-01")) if d.kind is not Kind.SETTING] == []


def test_who_was_refused_or_erased_in_part_and_told_nothing_still_waits_for_an_answer(cameras: Cameras) -> None:
    """R-30D: a refusal with its ground is an answer; one that stands in the register alone is none."""
    number = received(cameras)
    register = cameras.house.register
    register.refuse(number, Ground.EXCESSIVE, "desk")
    other = register.receive(Right.ERASURE, (ANNA,), author="desk", received_at=ARRIVED).number
    register.prove(other, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    act = Act(author="desk", at=cameras.clock.now(), counts={"deleted": 1, "waiting": 1})
    register.acted(other, act, partly=True)
    late = deadlines(cameras.house, on(cameras, "2026-12-03"))
    assert {(one.about, one.level, one.waits_for) for one in late} == {
        (each, Level.LATE, "tell the person") for each in (number, other)
    }
    cameras.house.letters.write(number, "refusal", author="desk", by_post=True)
    values = {"gone": (), "retained": (), "waiting": (), "by": None, "told": ()}
    cameras.house.letters.write(other, "erasure", values, author="desk", by_post=True)
    assert deadlines(cameras.house, cameras.clock.now()) == []


def test_the_most_urgent_comes_first(cameras: Cameras) -> None:
    soon, late, now = (
        received(cameras),
        received(cameras, ARRIVED - timedelta(days=9)),
        received(cameras, ARRIVED - timedelta(days=5)),
    )
    found = deadlines(cameras.house, on(cameras, "2026-11-27"))
    assert [(one.about, one.level) for one in found] == [(late, Level.LATE), (now, Level.TODAY), (soon, Level.SOON)]


def test_an_identity_check_does_not_pause_the_term(cameras: Cameras) -> None:
    number = received(cameras)
    cameras.house.register.begin(number, "r1")
    found = deadlines(cameras.house, on(cameras, "2026-12-03"))
    assert [(one.about, one.level, one.days) for one in found] == [(number, Level.LATE, -1)]


def test_an_extension_is_told_to_the_person_and_gives_two_months_more(cameras: Cameras) -> None:
    number = received(cameras)
    on(cameras, "2026-12-02", 23)
    found, notice = extend(cameras.house, number, Necessity.COMPLEX, "desk")
    assert (found.due, found.state, notice.sent) == (date(2027, 2, 2), State.RECEIVED, True)
    (letter,) = cameras.letters
    text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert letter["To"] == "anna@a.example"
    for part in (number, "02-12-2026", "02-02-2027", "complex", "Autoriteit Persoonsgegevens", "artikel 12, derde lid"):
        assert part in text.replace("\n", " ")
    assert deadlines(cameras.house, on(cameras, "2026-12-20")) == []
    assert [one.level for one in deadlines(cameras.house, on(cameras, "2027-01-27"))] == [Level.SOON]
    said = [dict(e.entry) for e in cameras.house.ledger.entries(request=number, kind="request.extended")]
    assert [(e["actor"], e["ground"]) for e in said] == [("desk", "complexity")]
    assert "anna" not in str(said)
    assert cameras.house.register.open(number).extension.to == "anna@a.example"  # type: ignore[union-attr]
    assert cameras.house.verify().ok


@pytest.mark.parametrize(
    ("arrived", "last"),
    [
        ("2026-12-31T12:00:00+01:00", date(2027, 3, 30)),  # due on 30 January; 30 days and not 31 before
        ("2027-01-31T12:00:00+01:00", date(2027, 4, 28)),  # due on 28 February
        ("2026-12-01T12:00:00+01:00", date(2027, 2, 28)),  # due on 31 December: February has no 31st
    ],
)
def test_two_months_end_on_the_same_day_or_the_months_last(cameras: Cameras, arrived: str, last: date) -> None:
    """Edge case 5."""
    number = received(cameras, datetime.fromisoformat(arrived))
    assert extend(cameras.house, number, Necessity.MANY, "desk")[0].due == last


def test_there_is_one_extension_and_it_is_told_within_the_first_term(cameras: Cameras) -> None:
    number, other = received(cameras), received(cameras)
    extend(cameras.house, number, Necessity.MANY, "desk")
    for _ in range(2):
        with pytest.raises(Refused, match=r"request\.extended"):
            extend(cameras.house, number, Necessity.MANY, "desk")
    on(cameras, "2026-12-03", 0)
    with pytest.raises(Refused, match=r"request\.term_over"):
        extend(cameras.house, other, Necessity.MANY, "desk")
    assert len(cameras.letters) == 1
    cameras.house.register.refuse(other, Ground.WITHDRAWN, "desk")
    with pytest.raises(Refused, match=r"request\.refused"):
        extend(cameras.house, other, Necessity.MANY, "desk")
    assert cameras.house.register.get(other).due == DUE


def test_without_an_address_nothing_is_recorded_until_somebody_posts_it(cameras: Cameras) -> None:
    number = received(cameras, ARRIVED, Identifier("shop.customer_id", 1001))
    with pytest.raises(Refused, match=r"request\.no_address"):
        extend(cameras.house, number, Necessity.MANY, "desk")
    assert cameras.house.register.get(number).due == DUE
    found, notice = extend(cameras.house, number, Necessity.MANY, "desk", by_post=True)
    assert (found.due, notice.sent, number in notice.text) == (date(2027, 2, 2), False, True)
    assert cameras.letters == []
    assert cameras.house.register.open(number).extension.to is None  # type: ignore[union-attr]


def test_a_notice_that_cannot_go_out_extends_nothing(cameras: Cameras) -> None:
    number = received(cameras)
    outbox = cameras.state / "outbox"
    outbox.write_text("no folder")
    with pytest.raises(Exception, match=r"storage\."):
        extend(cameras.house, number, Necessity.MANY, "desk")
    assert cameras.house.register.get(number).due == DUE
    outbox.unlink()
    assert extend(cameras.house, number, Necessity.MANY, "desk")[0].due == date(2027, 2, 2)


def test_dying_between_letter_and_record_tells_again_and_records_once(
    cameras: Cameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = received(cameras)
    with monkeypatch.context() as patched:
        patched.setattr(type(cameras.house.register), "extend", _die)
        with pytest.raises(KeyboardInterrupt):
            extend(cameras.house, number, Necessity.MANY, "desk")
    assert cameras.house.register.get(number).due == DUE
    extend(cameras.house, number, Necessity.MANY, "desk")
    assert len(cameras.letters) == 1  # the same letter, with the same id
    assert cameras.kinds("request.extended") == ["request.extended"]
    on(cameras, "2027-01-27")
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "event", _die)
        with pytest.raises(KeyboardInterrupt):
            watch(cameras.house, actor="a")
    assert told(cameras, number) == []
    watch(cameras.house, actor="a")
    assert told(cameras, number) == ["soon 2027-02-02"]


def test_a_letter_that_cannot_be_written_leaves_it_untold(cameras: Cameras, monkeypatch: pytest.MonkeyPatch) -> None:
    number = received(cameras)
    on(cameras, "2026-12-01")
    with monkeypatch.context() as patched:
        patched.setattr("privacy.rights.deadlines.TEMPLATE", "none")
        with pytest.raises(BadConfiguration, match=r"letters\.template"):
            watch(cameras.house, actor="a")
    assert told(cameras, number) == []
    watch(cameras.house, actor="a")
    assert told(cameras, number) == [f"near {DUE}"]


def test_a_row_that_cannot_be_read_is_red_and_hides_no_other(cameras: Cameras) -> None:
    broken, other = received(cameras), received(cameras)
    cameras.execute(f"UPDATE request_register SET refused_at = 'x' WHERE number = '{broken}'")
    on(cameras, "2026-12-01")
    with pytest.raises(Tampered):
        watch(cameras.house, actor="a")
    assert told(cameras, other) == [f"near {DUE}"]


def test_an_extension_that_is_set_by_hand_is_noticed(cameras: Cameras) -> None:
    number = received(cameras)
    cameras.execute(f"UPDATE request_register SET extended_at = received_at WHERE number = '{number}'")
    assert not cameras.house.verify().ok
    with pytest.raises(Tampered):
        cameras.house.register.open(number)


def test_a_processor_that_was_asked_and_is_silent_is_named(cameras: Cameras) -> None:
    number = received(cameras, cameras.clock.now())
    (cameras.folder.parent / "deliveries").mkdir()
    cameras.house = _with_deliveries(cameras)
    asked = {d.processor for d in cameras.house.deliveries.ask(number, None, "desk")}
    assert asked
    assert not [one for one in deadlines(cameras.house, on(cameras, "2026-12-03")) if one.kind is Kind.PROCESSOR]
    for day in ("2026-12-05", "2026-12-14"):
        silent = {one.waits_for for one in deadlines(cameras.house, on(cameras, day)) if one.kind is Kind.PROCESSOR}
        assert silent == asked, day


def test_a_purge_that_waits_for_an_answer_is_told_with_its_rule(cameras: Cameras) -> None:
    from privacy.plans import APPROVED, ASKED

    ledger = cameras.house.ledger
    ledger.event(ASKED, actor="purge_logfiles", run="r1", rule="log_lines")
    (one,) = deadlines(cameras.house, cameras.clock.now() + timedelta(days=3))
    assert (one.kind, one.about, one.days, one.when) == (Kind.APPROVAL, "log_lines", -3, "waits for 3 days")
    ledger.event(APPROVED, actor="desk", run="r1", rule="log_lines")
    assert deadlines(cameras.house, cameras.clock.now() + timedelta(days=3)) == []


def test_the_notices_are_there_in_both_languages(cameras: Cameras) -> None:
    from privacy.letters import written
    from privacy.rights.letter_kinds import RIGHTS

    number = received(cameras)
    on(cameras, "2026-12-03")
    values = {"deadlines": deadlines(cameras.house, cameras.clock.now()), "policy": cameras.house.policy}
    more: dict[str, Any] = {
        "number": number,
        "policy": cameras.house.policy,
        "received": ARRIVED.date(),
        "first": DUE,
        "last": DUE,
    }
    for language in ("nl", "en"):
        assert number in written(HOME, "deadlines", language, values)[1]
        for ground in Necessity:
            for right in Right:
                subject, text = written(
                    HOME, "extension", language, {**more, "ground": ground.value, "right_name": RIGHTS[right]}
                )
                assert number in subject
                assert "autoriteitpersoonsgegevens.nl" in text
                assert (RIGHTS[right].nl if language == "nl" else RIGHTS[right].en) in text


def test_the_dag_looks_every_day() -> None:
    text = (HOME.parent / "dags" / "watch_deadlines.py").read_text()
    (schedule,) = [line.split('"')[1] for line in text.splitlines() if "schedule=" in line]
    assert schedule.split()[2:] == ["*", "*", "*"]
    assert all(part.isdigit() for part in schedule.split()[:2])


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _with_deliveries(shop: Cameras) -> Any:
    from privacy.connections import EnvironmentConnections
    from privacy.rights.house import House
    from privacy.settings import Settings

    name = yaml.safe_load((HOME / "datamap" / "deliveries.yaml").read_text()).get("connection", "deliveries")
    urls = {f"PRIVACY_CONNECTION_{name.upper()}": (shop.folder.parent / "deliveries").as_uri()}
    return House(Settings(home=shop.home, state=shop.state), EnvironmentConnections(urls), shop.clock)
