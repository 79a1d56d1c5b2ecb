"""Messages in the general mailbox that nobody has registered: a real Maildir, as the archive has it."""

from __future__ import annotations

import mailbox
import re
import time
from datetime import datetime, timedelta
from email.message import EmailMessage
from html import unescape
from pathlib import Path

import pytest

from conftest_desk import HERE, NOW, Desk, token_of
from privacy.connections import EnvironmentConnections
from privacy.desk.house import Houses
from privacy.desk.mailbox import Seen, look
from privacy.rights import Right
from privacy.rights.house import House
from privacy.rights.payload import Ground
from privacy.sources.base import Identifier

INFO, ANNA = "info@diamonto.example", "anna@a.example"


class Box:
    """The shop's Maildir, and an installation that knows it."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.maildir = mailbox.Maildir(folder / "mail")
        uri = {"PRIVACY_CONNECTION_MAIL": (folder / "mail").as_uri()}
        self.houses = Houses(desk.house.settings, EnvironmentConnections(uri), desk.clock)
        desk.app.state.house = self.houses

    @property
    def house(self) -> House:
        return self.houses()

    def got(
        self, sender: str, subject: str, text: str = "", *, to: str = INFO, at: datetime = NOW, **more: str
    ) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, subject
        for name, value in more.items():
            message[name.replace("_", "-")] = value
        message.set_content(text or "Dank.")
        made = mailbox.MaildirMessage(message)
        made.set_date(at.timestamp())
        self.maildir.add(made)

    def seen(self) -> list[tuple[str, Right]]:
        return [(one.address, one.right) for one in look(self.house).messages]


@pytest.fixture
def box(desk: Desk, tmp_path: Path) -> Box:
    return Box(desk, tmp_path)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("subject", "text", "right"),
    [
        ("Inzage", "", Right.ACCESS),
        ("Vraag", "Welke gegevens heeft u van mij? (AVG)", Right.ACCESS),
        ("Vraag", "Wilt u alles van mij verwijderen?", Right.ERASURE),
        ("GDPR", "Please erase everything.", Right.ERASURE),
        ("Nieuwsbrief", "Ik wil mij afmelden.", Right.MARKETING_STOP),
        ("Bezwaar", "Ik maak bezwaar.", Right.OBJECTION),
    ],
)
def test_a_message_that_asks_for_a_right_is_told_with_what_it_seems_to_ask_for(
    box: Box, subject: str, text: str, right: Right
) -> None:
    box.got(f"Anna <{ANNA}>", subject, text, at=NOW - HOUR)
    assert box.seen() == [(ANNA, right)]


def test_what_asks_for_nothing_or_came_from_staff_or_to_another_or_long_ago_is_not_told(box: Box) -> None:
    box.got(ANNA, "Mijn ring", "Wanneer is mijn ring klaar?", at=NOW - HOUR)
    box.got("sanne@diamonto.example", "Inzage", at=NOW - HOUR)
    box.got("tim@mail.diamonto.example", "Inzage", at=NOW - HOUR)
    box.got(ANNA, "Inzage", to="vacatures@diamonto.example", at=NOW - HOUR)
    box.got(ANNA, "Inzage", at=NOW - timedelta(days=31))
    assert box.seen() == []
    assert look(box.house).looked == 4


def test_a_message_is_registered_when_a_request_that_names_its_sender_was_not_closed_before_it_came(box: Box) -> None:
    box.got(ANNA, "Inzage", at=NOW - 5 * HOUR)
    bram = "bram@b.example"
    box.got(bram, "Inzage", at=NOW - 5 * HOUR)
    register = box.house.register
    register.receive(Right.ACCESS, [Identifier("email", ANNA.upper())], author="desk", received_at=NOW - 6 * HOUR)
    assert box.seen() == [(bram, Right.ACCESS)]
    # One that was closed before the message came is another one.
    old = register.receive(
        Right.ACCESS, [Identifier("email", bram)], author="desk", received_at=NOW - timedelta(days=9)
    )  # fmt: skip
    assert box.seen() == []  # it is open: the message may be about it
    register.refuse(old.number, Ground.WITHDRAWN, "desk")
    assert box.seen() == []  # it was open when the message came
    box.got(bram, "Toch inzage", at=NOW + HOUR)
    assert box.seen() == [(bram, Right.ACCESS)]


def test_an_answer_to_a_letter_of_ours_is_no_new_request(box: Box) -> None:
    number = box.house.register.receive(Right.ACCESS, [Identifier("email", "x@x.example")], author="desk").number
    box.got(ANNA, f"Re: uw verzoek om inzage {number}", at=NOW - HOUR)
    box.got(ANNA, f"Re: uw verzoek om inzage {number[:-1]}x", at=NOW - HOUR)
    assert box.seen() == [(ANNA, Right.ACCESS)]


def test_a_broken_message_hides_no_other(box: Box) -> None:
    """Edge cases of mail: no sender, bytes that are no text, two senders."""
    (Path(box.maildir._path) / "new" / f"{NOW.timestamp():.0f}.1.x").write_bytes(b"\xff\xfe\0inzage\r\nTo: nobody")
    box.got("", "Inzage", at=NOW - HOUR)
    box.got(ANNA, "Inzage", at=NOW - HOUR, Reply_To="<bram@b.example>")
    assert box.seen() == [("bram@b.example", Right.ACCESS)]


def part(desk: Desk, who: str) -> str:
    """The part of the page, once somebody has looked."""
    client = desk.as_(who)
    for _ in range(500):
        text = unescape(client.get("/today/mailbox").text)
        if "is being looked into" not in text:
            return text
        time.sleep(0.01)
    raise AssertionError


def test_an_operator_registers_from_a_message_and_a_viewer_sees_a_number_alone(desk: Desk, box: Box) -> None:
    box.got(ANNA, "Inzage <b>nu</b>", at=NOW - HOUR)
    text = part(desk, "operator")
    assert "<b>" not in text.replace("Inzage <b>nu</b>", "")
    assert 'action="/requests/new"' in text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', text))
    assert {k: fields[k] for k in ("right", "channel", "received", "kind1", "value1", "prefill")} == {
        "right": "access", "channel": "email", "received": "2026-11-28T09:30", "kind1": "email", "value1": ANNA,
        "prefill": "true",
    }  # fmt: skip
    client = desk.as_("operator")
    fields["token"] = token_of(client.get("/requests/new").text)
    opened = client.post("/requests/new", data=fields, headers={"Origin": HERE})
    assert opened.status_code == 200
    assert f'value="{ANNA}"' in opened.text
    assert 'value="2026-11-28T09:30"' in opened.text
    assert box.house.register.list() == ()  # the form opens, filled in; nothing is registered
    seen = part(desk, "viewer")
    assert "1 message to info@diamonto.example" in seen
    assert ANNA not in seen
    assert "Inzage" not in seen


def test_a_mailbox_that_cannot_be_read_is_told_and_never_looks_empty(desk: Desk) -> None:
    """Edge case 28."""
    text = part(desk, "viewer")
    assert "could not be looked into" in text
    assert "No message" not in text
    assert Seen(NOW).messages == ()
