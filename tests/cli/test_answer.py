"""`privacy request` review, deliver and letter: what an operator types, and what they are told."""

from __future__ import annotations

import email
import json
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from conftest_letters import ANNA, BERT, Books
from privacy.clock import SystemClock
from privacy.rights import Ground, Right
from privacy.rights.delivering import WAYS
from privacy.rights.letter_kinds import Kind


class Desk(Books):
    """The bookshop, with the command run on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from privacy.settings import settings

        super().__init__(folder)
        # The command reads the machine's clock: what was asked for before is a moment ago.
        self.clock.set(SystemClock().now())
        for name in (
            "PRIVACY_KEY_FILE",
            "PRIVACY_CONNECTION_LEDGER",
            "PRIVACY_CONNECTION_BUNDLES",
            "PRIVACY_CONNECTION_LETTERS",
        ):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"PRIVACY_HOME": self.home, "PRIVACY_STATE": self.state, **self.urls}.items():
            monkeypatch.setenv(name, str(value))
        settings.cache_clear()

    def run(self, *words: str) -> Any:
        from privacy.cli import app

        return CliRunner().invoke(app, ["request", *words])

    def good(self, *words: str) -> Any:
        found = self.run(*words, "--json")
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def error(self, *words: str) -> str:
        found = self.run(*words)
        assert found.exit_code == 1, found.output
        return str(found.stderr)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    return Desk(tmp_path, monkeypatch)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("privacy.cli.answer.on_a_terminal", lambda: True)


def test_what_the_command_offers_is_what_the_library_knows():
    from privacy.cli.answer import LetterName, WayName

    assert [name.value for name in WayName] == list(WAYS)
    assert {name.value for name in LetterName} == {kind.value for kind in Kind}


@pytest.mark.usefixtures("terminal")
def test_an_answer_is_reviewed_released_and_delivered_with_a_passphrase_that_is_shown_once(desk: Desk):
    number = desk.asked(Right.ACCESS, BERT)
    desk.export(number)
    desk.prove(number, BERT)
    assert "[request.not_reviewed]" in desk.error("release", number)
    assert "Next: release" in desk.run("review", number).stdout
    assert "privacy request deliver" in desk.run("release", number).stdout
    assert "[delivery.no_contact]" in desk.error("deliver", number, "--passphrase-by", "phone")
    shown = desk.run("deliver", number, "--passphrase-by", "counter").stdout
    assert "delivered by attachment" in shown
    secret = shown.split("by counter only: ")[1].split()[0]
    assert len(secret) == 19
    assert BERT not in shown
    assert "[delivery.done]" in desk.error("deliver", number, "--passphrase-by", "counter")
    seen = desk.run("show", number).output
    assert secret not in seen
    for part in (
        "letter: answer",
        "delivered: ",
        "by attachment, its passphrase by counter",
        "left out of the copy: 2 redacted\n",
    ):
        assert part in seen
    found = desk.good("show", number)
    assert ([one["kind"] for one in found["letters"]], found["how"]) == (["answer"], "attachment")


@pytest.mark.usefixtures("terminal")
def test_who_delivers_sees_where_the_passphrase_goes(desk: Desk):
    number = desk.released()
    shown = desk.run("deliver", number, "--passphrase-by", "phone").stdout
    assert "+31 6 1234 5678" in shown
    assert ANNA not in shown


def test_nothing_is_delivered_where_nobody_would_see_the_passphrase(desk: Desk):
    number = desk.released()
    assert "[cli.not_a_terminal]" in desk.error("deliver", number, "--passphrase-by", "counter")
    assert desk.letters == []
    assert desk.house.register.open(number).delivery is None


@pytest.mark.usefixtures("terminal")
def test_a_passphrase_cannot_be_asked_for_by_e_mail(desk: Desk):
    assert desk.run("deliver", desk.released(), "--passphrase-by", "email").exit_code == 2
    assert desk.letters == []


def test_a_letter_can_be_looked_at_in_both_languages_without_being_sent(desk: Desk):
    number = desk.asked()
    for language, word in (("nl", "Gewist"), ("en", "Erased")):
        found = desk.good("letter", number, "erasure", "--preview", "--language", language)
        assert word in found["text"]
        assert word in found["html"]
    assert number in desk.run("letter", number, "receipt", "--preview").stdout
    assert desk.letters == []
    assert desk.house.register.open(number).letters == ()


def test_a_receipt_is_sent_and_by_post_it_is_printed(desk: Desk):
    number = desk.asked(Right.ACCESS, BERT)
    assert desk.good("letter", number, "receipt")["channel"] == "email"
    (letter,) = desk.letters
    assert letter["To"] == BERT
    other = desk.asked(Right.ACCESS, "1")
    assert "[request.no_address]" in desk.error("letter", other, "receipt")
    printed = desk.run("letter", other, "receipt", "--by-post").stdout
    assert "Dear Sir or Madam" in printed
    assert "went out by post" in printed
    assert len(desk.letters) == 1


def test_a_receipt_goes_out_when_a_request_is_registered(desk: Desk):
    number = desk.good("new", "--email", BERT, "--receipt")["number"]
    (letter,) = desk.letters
    assert (letter["To"], number in letter["Subject"]) == (BERT, True)
    assert "letter: receipt" in desk.run("show", number).stdout


def test_a_letter_that_tells_what_was_done_is_not_sent_by_hand(desk: Desk):
    """Edge case 28: nobody is told of an erasure that did not take place, or of a refusal that nobody recorded."""
    number = desk.asked(Right.ERASURE)
    for kind in ("erasure", "answer", "refusal", "restriction"):
        assert "[letters.not_by_hand]" in desk.error("letter", number, kind)
    assert desk.letters == []
    desk.house.register.refuse(number, Ground.EXCESSIVE, "desk")
    assert desk.good("letter", number, "refusal")["kind"] == "refusal"
    assert "excessive" in str(email.message_from_bytes(desk.letters[0].as_bytes(), policy=default).get_body(("plain",)))


def test_a_request_is_registered_by_what_stands_on_a_letter_of_the_shop(desk: Desk):
    """An order, an invoice, an application, a phone, a device; the shop's own names of these decide."""
    import yaml

    file = desk.home / "datamap/books.yaml"
    system = yaml.safe_load(file.read_text())
    system["identity"]["kinds"]["order_id"] = {"title": {"nl": "l", "en": "l"}, "type": "integer"}
    system["identity"]["edges"].append({"dataset": "loans", "source": "loan", "target": "reader"})
    system["datasets"]["loans"]["columns"]["loan"]["identity"] = "books.order_id"
    file.write_text(yaml.safe_dump(system, sort_keys=False))
    number = desk.good("new", "--order", "11", "--phone", "06 555 0110", "--device", "d-1")["number"]
    named = [(i.kind, i.value) for i in desk.house.register.open(number).identifiers]
    assert named == [("phone", "065550110"), ("device_id", "d-1"), ("books.order_id", 11)]
    for words in (("--invoice", "F2025-1"), ("--application", "1011")):
        line = desk.error("new", *words)
        assert "[named.identifier]" in line
        assert words[1] not in line


def test_a_visit_is_kept_sealed_and_its_footage_is_not_forgotten(desk: Desk, monkeypatch):
    """CAM-48H: footage goes within two days unless the security company is told to keep it."""
    said = desk.run("new", "--email", ANNA, "--visit", "till/2026-11-01T10:30").stdout
    number = said.split()[0]
    (visit,) = desk.house.register.open(number).visits
    assert (visit.camera, visit.at.isoformat()) == ("till", "2026-11-01T09:30:00+00:00")
    assert "NOT HELD [hold.footage], MAY BE GONE ALREADY" in said, "the bookshop's data map knows of no camera"
    assert f'privacy hold place --camera ... --from ... --to ... --ground "{number}"' in said
    assert b"till" not in (desk.state / "ledger.db").read_bytes()
    monkeypatch.setattr("privacy.cli.request.on_a_terminal", lambda: True)
    assert "visit: till, 2026-11-01 10:30 CET" in desk.run("show", number, "--personal").stdout
    assert "[named.visit]" in desk.error("new", "--email", ANNA, "--visit", "yesterday")
