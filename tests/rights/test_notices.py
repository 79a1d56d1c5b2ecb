"""Processors are told what was done, each by what it knows, and reminded until it confirms (art. 19 GDPR)."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from conftest_demo import HOME
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.errors import BadInput, Refused, Tampered
from privacy.rights import Right
from privacy.rights.deadlines import Kind, watch
from privacy.rights.house import House
from privacy.rights.notice_rows import Deed, Fact, State
from privacy.rights.notices import Notices, unconfirmed_settings
from privacy.settings import Settings
from privacy.sources.base import Identifier, Subject

NOW = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
EMAIL, NUMBER, DEVICE, IP = "anna.notice@post.example", 70_123_456, "did-notice-1", "203.0.113.9"
SUBJECT = Subject(1, (
    Identifier("email", EMAIL), Identifier("shop.customer_id", NUMBER), Identifier("device_id", DEVICE),
    Identifier("ip", IP, NOW, NOW), Identifier("email", "shared@post.example", contested=True),
))  # fmt: skip
DATASETS = ("shop.customers", "shop.interest_profiles", "shop.addresses")


class Office:
    """A house with the shop's own data map and templates, and no store: a notice reads none."""

    def __init__(self, folder: Path, home: Path = HOME) -> None:
        self.folder, self.home = folder, home
        self.at(NOW)
        self.house.found()
        self.number = self.house.register.receive(Right.ERASURE, [Identifier("email", EMAIL)], author="desk").number

    def at(self, now: datetime) -> None:
        self.house = House(Settings(home=self.home, state=self.folder), EnvironmentConnections({}), FixedClock(now))

    @property
    def notices(self) -> Notices:
        return Notices(self.house)

    def tell(self, deed: str = "erasure", datasets: tuple[str, ...] = DATASETS, **more):
        return self.notices.tell(self.number, deed, datasets, subject=SUBJECT, author="operator", **more)

    def letters(self) -> dict[str, list[str]]:
        """What lies in the outbox, by addressee: subject and text."""
        found: dict[str, list[str]] = {}
        for file in sorted((self.folder / "outbox").glob("*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=default)
            found.setdefault(str(message["To"]), []).append(f"{message['Subject']}\n{message.get_content()}")
        return found


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_each_processor_of_the_datasets_is_told_by_what_it_knows_of_the_person(office: Office) -> None:
    told = office.tell()
    assert {n.processor for n in told} == {"polderhosting", "adresschoon", "google", "datawijs", "pakketlijn"}
    assert all(n.state is State.TO_SEND for n in told)
    assert office.notices.send(actor="watch") == []
    letters = office.letters()
    google, parcels = letters["privacy-contact@google.example"], letters["privacy@pakketlijn.example"]
    assert DEVICE in google[0]
    assert str(NUMBER) in google[0]
    assert EMAIL not in google[0]
    assert DEVICE not in parcels[0]
    assert str(NUMBER) in parcels[0]
    assert "Uw adressen" in parcels[0]
    assert "erase data" in google[0]
    assert not any(IP in text or "shared@" in text for texts in letters.values() for text in texts)
    assert office.house.verify().ok


def test_an_address_that_is_somebody_elses_by_now_is_told_with_the_time_in_which_it_was_theirs(office: Office) -> None:
    """Edge case 19: a processor may not erase whoever has the address now."""
    until = datetime.fromisoformat("2024-03-11T23:30:00+00:00")
    subject = Subject(1, (Identifier("email", EMAIL, None, until), Identifier("email", "new@post.example", until)))
    office.notices.tell(office.number, "erasure", ["shop.newsletter_consents"], subject=subject, author="operator")
    office.notices.send(actor="watch")
    text = next(text for texts in office.letters().values() for text in texts)
    assert f"{EMAIL} (… – 2024-03-12)" in text  # noqa: RUF001
    assert "new@post.example (2024-03-12 – …)" in text  # noqa: RUF001
    assert "periode" in text or "period" in text


def test_telling_and_sending_twice_tells_nobody_twice(office: Office) -> None:
    first = office.tell()
    assert office.tell() == first
    office.notices.send(actor="watch")
    before = office.letters()
    office.notices.send(actor="watch")
    assert office.letters() == before
    assert all(n.state is State.SENT for n in office.notices.of(office.number))


def test_what_goes_later_is_told_later_and_nothing_twice(office: Office) -> None:
    """Edge case 30: an erasure that was partly done."""
    (first,) = office.tell(datasets=("shop.quotes",))
    office.notices.confirm(first.id, "desk")
    told = office.tell(datasets=("shop.quotes", "shop.customer_emails"))
    assert [n.processor for n in told] == ["polderhosting", "polderhosting"]
    (second,) = [n for n in told if n.id != first.id]
    assert office.notices.open(second.id).datasets == ("shop.customer_emails",)
    assert office.tell(datasets=("shop.quotes", "shop.customer_emails")) == told


def test_a_silent_processor_is_reminded_until_it_confirms_and_then_the_person_is_forgotten(office: Office) -> None:
    (notice,) = office.tell(datasets=("shop.quotes",))
    office.notices.send(actor="watch")
    assert office.notices.silent(NOW) == []
    for week in (1, 2):
        office.at(NOW + timedelta(days=7 * week, hours=1))
        assert [n.id for n in office.notices.silent(office.house.clock.now())] == [notice.id]
        office.notices.send(actor="watch")
        office.notices.send(actor="watch")
        texts = office.letters()["privacy@polderhosting.example"]
        assert len(texts) == 1 + week
    assert any("Herinnering" in text and "20-11-2026" in text for text in texts)
    assert EMAIL in str(office.notices.open(notice.id).identifiers)
    office.notices.confirm(notice.id, "desk")
    assert office.notices.confirm(notice.id, "desk").state is State.CONFIRMED
    with pytest.raises(Refused) as refused:
        office.notices.open(notice.id)
    assert refused.value.code == "notice.forgotten"
    office.at(NOW + timedelta(days=60))
    assert office.notices.silent(office.house.clock.now()) == []
    office.notices.send(actor="watch")
    assert len(office.letters()["privacy@polderhosting.example"]) == 3
    assert office.house.verify().ok


def test_a_processor_that_refuses_is_shown_until_it_confirms_after_all(office: Office) -> None:
    (notice,) = office.tell(datasets=("shop.quotes",))
    office.notices.send(actor="watch")
    office.notices.refuse(notice.id, "desk")
    assert [n.state for n in office.notices.silent(NOW)] == [State.REFUSED]
    office.at(NOW + timedelta(days=30))
    office.notices.send(actor="watch")
    assert len(office.letters()["privacy@polderhosting.example"]) == 1
    assert office.notices.confirm(notice.id, "desk").state is State.CONFIRMED
    with pytest.raises(Refused):
        office.notices.refuse(notice.id, "desk")


def test_a_correction_says_what_is_right_as_data(office: Office) -> None:
    """Edge case 27: what a person wrote is never part of the template or of a header."""
    facts = (
        Fact("Achternaam", "{{ 7*7 }}\r\nBcc: x@evil.example", "shop.customers"),
        Fact("Plaats", "Delft", "shop.quotes"),
    )
    office.tell("rectification", ("shop.customers",), facts=facts)
    office.notices.send(actor="watch")
    (text,) = office.letters()["privacy@adresschoon.example"]
    assert "{{ 7*7 }} Bcc: x@evil.example" in text
    assert "Delft" not in text
    assert "gegevens corrigeren" in text


@pytest.mark.parametrize("deed", list(Deed))
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_deed_has_its_words_in_both_languages(office: Office, deed: Deed, language: str) -> None:
    office.tell(deed.value, ("shop.interest_profiles",))
    office.notices.send(actor="watch")
    contact = {"nl": "privacy@datawijs.example", "en": "privacy-contact@google.example"}[language]
    assert len(office.letters()[contact]) == 1


def test_one_that_nobody_knows_an_address_of_keeps_no_other_and_is_shown(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(HOME, home, ignore=shutil.ignore_patterns("demo", "__pycache__"))
    file = home / "policy" / "processors.yaml"
    file.write_text(file.read_text().replace("    contact: privacy@adresschoon.example\n", ""))
    office = Office(tmp_path / "state", home)
    office.tell()
    assert [p.code for p in office.notices.send(actor="watch")] == ["letters.no_contact"]
    assert [n.processor for n in office.notices.silent(NOW)] == ["adresschoon"]
    assert len(office.letters()) == 4


def test_rows_name_nobody_and_one_that_was_altered_is_noticed(office: Office) -> None:
    (notice,) = office.tell(datasets=("shop.quotes",))
    with office.house.engine.connect() as connection:
        seen = str(connection.exec_driver_sql("SELECT * FROM processor_notices").all())
    assert not any(word in seen for word in (EMAIL, str(NUMBER)))
    for statement in (
        "UPDATE processor_notices SET sent_at = made_at",
        "UPDATE processor_notices SET sent_at = NULL, sealed = 'x'",
        "UPDATE processor_notices SET sealed = NULL",
        "DELETE FROM processor_notices",
    ):
        with office.house.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert any("Notice" in problem for problem in office.house.verify().problems)
    with pytest.raises(BadInput):
        office.notices.get(notice.id)


def test_a_notice_of_another_row_does_not_open(office: Office) -> None:
    one, two = office.tell(datasets=("shop.customers",))
    with office.house.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE processor_notices SET sealed = (SELECT sealed FROM processor_notices WHERE id = ?) WHERE id = ?",
            (one.id, two.id),
        )  # fmt: skip
    with pytest.raises(Tampered):
        office.notices.open(two.id)


def test_a_setting_that_nobody_has_looked_at_for_a_year_is_told_of(office: Office) -> None:
    """Promise GA-NOSHARE."""
    assert unconfirmed_settings(office.house, date(2027, 4, 7)) == {}
    assert unconfirmed_settings(office.house, date(2027, 4, 8)) == {"google": date(2026, 4, 7)}


def test_the_daily_look_sends_notices_and_tells_of_silent_processors_once_a_week(office: Office) -> None:
    (notice,) = office.tell(datasets=("shop.quotes",))
    own = office.house.policy.contact.email
    assert [one.kind for one in watch(office.house, actor="watch")] == []
    assert len(office.letters()["privacy@polderhosting.example"]) == 1
    office.at(NOW + timedelta(days=8))
    (silent,) = [one for one in watch(office.house, actor="watch") if one.kind is Kind.NOTICE]
    assert notice.id in silent.advice
    watch(office.house, actor="watch")
    assert len(office.letters()[own]) == 1
    assert "polderhosting" in office.letters()[own][0]
    office.notices.confirm(notice.id, "desk")
    office.at(NOW + timedelta(days=200))
    (setting,) = [one for one in watch(office.house, actor="watch") if one.kind is Kind.SETTING]
    assert setting.about == "google"
    assert "google" in office.letters()[own][-1]
