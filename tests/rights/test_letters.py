"""Letters to whoever made a request: what they say, to whom they go, and what stays of them."""

from __future__ import annotations

import html as markup
import re
import sqlite3
from datetime import timedelta

import pytest

from conftest_demo import HOME
from conftest_letters import ANNA, BERT, NOW, Books, html, plain
from privacy.datamap.models import Text
from privacy.errors import BadConfiguration, Refused
from privacy.identity import Candidate, Decision, Question
from privacy.letters import composed
from privacy.rights import Ground, Right
from privacy.rights.letter_kinds import NAMED, RIGHTS, SAMPLES, Kind
from privacy.sources.base import Identifier, Subject

HOSTILE = "{{ 7*7 }}<script>alert(1)</script>\r\nBcc: all@x.example\x1b[2J\u202e"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_letter_says_where_to_complain_and_whom_to_ask_as_text_and_as_html(books: Books, language):
    """COMPLAINT: each letter, in both languages and both forms."""
    number = books.asked(Right.PORTABILITY)
    authority = {"nl": "Autoriteit Persoonsgegevens", "en": "Dutch Data Protection Authority"}[language]
    for kind in Kind:
        found = books.house.letters.preview(number, kind, language=language)
        for said in (found.text, markup.unescape(re.sub(r"<[^>]+>", "", found.html))):
            for part in (number, authority, "https://ap.example", "De Baas", "Dorpsstraat 1", "baas@boek.example"):
                assert part in " ".join(said.split()), kind
        assert f'<html lang="{language}">' in found.html
        assert '<a href="https://ap.example">' in found.html
        assert "{{" not in found.text + found.html
        assert "None" not in found.text


def test_all_rights_have_a_name_and_all_kinds_a_sample():
    assert set(RIGHTS) == set(Right)
    assert set(SAMPLES) == set(Kind)
    assert all((HOME / f"templates/letters/{kind}.{lang}.j2").exists() for kind in Kind for lang in ("nl", "en"))


def test_a_person_s_values_are_text_in_a_letter_and_nothing_else(books: Books):
    """Edge case 27: a template, HTML, a header and a terminal's orders in what a letter is told."""
    number = books.asked()
    for kind in Kind:
        values = _hostile(dict(SAMPLES[kind]))
        assert isinstance(values, dict)
        found = books.house.letters.preview(number, kind, values or None, language="nl")
        for said in (found.subject, found.text, found.html):
            assert "49" not in said.replace(number, ""), kind
            assert not any(sign in said for sign in ("\x1b", "\u202e", "\r", "\nBcc"))
        assert "<script" not in found.html


def _hostile(value: object) -> object:
    if isinstance(value, str | Text):
        return HOSTILE
    if isinstance(value, dict):
        return {key: one if key == "passphrase_by" else _hostile(one) for key, one in value.items()}
    return tuple(_hostile(one) for one in value) if isinstance(value, tuple) else value


def test_a_hostile_value_is_there_to_be_read(books: Books):
    """Edge case 27: it is shown as it was written, on one line."""
    values = {"ground": HOSTILE, "on": NOW.date()}
    found = books.house.letters.preview(books.asked(), Kind.OBJECTION_REJECTED, values, language="nl")
    assert "{{ 7*7 }}<script>alert(1)</script> Bcc: all@x.example[2J" in found.text
    assert "{{ 7*7 }}&lt;script&gt;alert(1)&lt;/script&gt; Bcc" in found.html


def test_the_receipt_goes_to_whom_the_request_names_and_says_by_when_the_answer_comes(books: Books):
    """R-30D; edge case 5: from 31 January a month is 28 February. The address is not proven, so nothing else is said."""
    from datetime import UTC, datetime

    books.clock.set(datetime(2027, 1, 31, 12, tzinfo=UTC))
    number = books.asked(Right.ACCESS, "stranger@s.example")
    sent = books.house.letters.write(number, Kind.RECEIPT, author="desk")
    (letter,) = books.letters
    assert letter["To"] == "stranger@s.example"
    assert (letter.get_content_type(), letter["Message-ID"]) == (
        "multipart/alternative",
        f"<receipt-{number}@boek.example>",
    )
    for part in (number, "31-01-2027", "28-02-2027", "inzage in uw gegevens"):
        assert part in plain(letter)
        assert part in html(letter)
    assert (sent.stub.kind, sent.stub.channel, sent.stub.message) == ("receipt", "email", letter["Message-ID"])


def test_a_letter_goes_out_once_and_what_stays_of_it_is_a_stub(books: Books):
    number = books.asked()
    first = books.house.letters.write(number, Kind.RECEIPT)
    again = books.house.letters.write(number, Kind.RECEIPT)
    assert (first.stub, again.content) == (again.stub, None)
    assert len(books.letters) == 1
    assert books.house.register.open(number).letters == (first.stub,)
    (said,) = books.said(number, "letter.sent")
    assert (said["ground"], said["digest"], said["actor"]) == ("receipt", first.content.digest, "letters")
    assert ANNA not in str(said)
    # Neither address nor text can be read in the database.
    content = (books.state / "ledger.db").read_bytes()
    assert ANNA.encode() not in content
    assert b"Geachte" not in content
    assert books.house.verify().ok


def test_dying_after_the_letter_left_sends_the_same_message_and_records_it_once(books: Books, monkeypatch):
    """Edge case 13, for letters."""
    number = books.asked()
    with monkeypatch.context() as patched:
        patched.setattr(type(books.house.register), "wrote", _die)
        with pytest.raises(KeyboardInterrupt):
            books.house.letters.write(number, Kind.RECEIPT)
    (first,) = books.letters
    assert books.house.register.open(number).letters == ()
    books.house.letters.write(number, Kind.RECEIPT)
    (second,) = books.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert len(books.said(number, "letter.sent")) == 1


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_two_processes_that_send_the_same_letter_record_it_once(books: Books):
    """Edge case 13: two at once; both sent one message."""
    number = books.asked()
    stub = books.house.letters.write(number, Kind.RECEIPT).stub
    late = stub.model_copy(update={"at": NOW + timedelta(minutes=1)})
    assert books.opened().register.wrote(number, late, "another") == stub
    assert books.house.register.open(number).letters == (stub,)
    assert len(books.said(number, "letter.sent")) == 1


def test_a_yearly_reminder_goes_out_once_a_year(books: Books):
    number = books.asked(Right.RESTRICTION)
    for occasion in ("2027", "2027", "2028"):
        books.house.letters.write(number, Kind.RESTRICTION_REMINDER, {"since": NOW.date()}, occasion=occasion)
    assert len(books.letters) == 2
    assert len(books.house.register.open(number).letters) == 2


def test_what_says_more_than_that_there_is_a_request_goes_to_the_address_that_was_known(books: Books):
    """ID-KNOWN: a request that names a customer's number and its sender's own address."""
    number = books.asked(Right.RESTRICTION, "mallory@m.example", "1")
    told = sorted(set(Kind) - NAMED - {Kind.REFUSAL})
    for kind in told:
        books.house.letters.write(number, kind, SAMPLES[kind])
    assert [letter["To"] for letter in books.letters] == [ANNA] * len(told)
    assert all(plain(letter).startswith("Dear Sir or Madam") for letter in books.letters), "as her record says"


def test_an_address_that_is_known_to_be_changed_lately_gets_no_letter(books: Books):
    """Edge case 35: Carla's address changed six weeks ago; nobody has seen a document."""
    number = books.asked(Right.RESTRICTION, "carla@c.example")
    with pytest.raises(Refused, match=r"letters\.no_known_address") as refusal:
        books.house.letters.write(number, Kind.RESTRICTION, {"on": NOW.date()})
    assert "carla" not in str(refusal.value)
    assert books.letters == []
    printed = books.house.letters.write(number, Kind.RESTRICTION, {"on": NOW.date()}, by_post=True)
    assert (printed.stub.channel, printed.stub.message, number in printed.content.text) == ("post", "", True)
    assert books.letters == []


def test_once_a_document_was_seen_a_letter_goes_where_its_sender_wants(books: Books):
    number = books.asked(Right.RESTRICTION, "carla@c.example", deliver_to="elsewhere@e.example")
    books.prove(number)
    books.house.letters.write(number, Kind.RESTRICTION, {"on": NOW.date()})
    assert books.letters[0]["To"] == "elsewhere@e.example"


@pytest.mark.parametrize("to", ["mallory@m.example", BERT, f"{ANNA}\nBcc: x@x.example"])
def test_nobody_can_have_a_letter_sent_to_an_address_that_is_not_the_person_s(books: Books, to):
    """ID-KNOWN; edge case 22."""
    number = books.asked(Right.RESTRICTION)
    with pytest.raises(Refused, match=r"letters\.address_not_known"):
        books.house.letters.write(number, Kind.RESTRICTION, {"on": NOW.date()}, to=to)
    assert books.letters == []


def test_a_change_of_address_is_told_to_the_old_one(books: Books):
    """Edge case 35: the old address, which is not the person's any more, is told that it has changed, and no more."""
    number = books.asked(Right.RECTIFICATION, "3")
    books.house.letters.write(number, Kind.ADDRESS_CHANGED, {"on": NOW.date()}, to="carla.oud@c.example")
    (letter,) = books.letters
    assert letter["To"] == "carla.oud@c.example"
    assert "carla@c.example" not in plain(letter) + html(letter)
    with pytest.raises(Refused, match=r"letters\.address_not_known"):
        books.house.letters.write(number, Kind.RECTIFICATION, SAMPLES[Kind.RECTIFICATION], to="carla.oud@c.example")


def test_an_erasure_is_confirmed_to_the_address_that_it_erased(books: Books):
    """What was known before anything went is kept with the request, sealed."""
    number = books.asked(Right.ERASURE)
    assert books.house.letters.know(number).address == ANNA
    for table in ("readers", "old_emails", "loans"):
        books.execute(f"DELETE FROM {table}")
    books.house.letters.write(number, Kind.ERASURE, SAMPLES[Kind.ERASURE])
    (letter,) = books.letters
    assert letter["To"] == ANNA
    for part in ("Erased", "Customer record (1)", "Invoices (2): fiscal retention (art. 52 AWR). Until: 1 January 2034",
                 "Addresses (1): an order that is not delivered yet", "2 February 2027", "Voorbeeld Hosting B.V."):  # fmt: skip
        assert part in plain(letter)
    assert books.house.verify().ok


def test_a_letter_goes_to_whom_the_request_was_decided_to_be_and_not_to_whom_it_was_taken_for(books: Books):
    """Edge case 22: where Anna is written to was kept before somebody decided that the request is Bert's."""
    number = books.asked(Right.ERASURE, "1")
    anna, bert = ((Identifier("books.reader", no), Identifier("email", at)) for no, at in ((1, ANNA), (2, BERT)))
    register = books.house.register
    assert books.house.letters.know(number).address == ANNA
    register.begin(number, "r1")
    register.undecided(number, Question((Candidate(1, anna), Candidate(2, bert)), ()), run="r1")
    register.decide(number, Decision(bert), "desk")
    register.begin(number, "r2")
    register.resolved(number, Subject(1, bert), run="r2")
    books.house.letters.write(number, Kind.ERASURE, SAMPLES[Kind.ERASURE])
    assert [letter["To"] for letter in books.letters] == [BERT]


def test_whoever_changes_the_address_after_the_request_gets_no_letter(books: Books):
    """Edge case 35: what was known is kept; the shop's record is another by now."""
    number = books.asked(Right.ERASURE)
    books.house.letters.know(number)
    books.execute("UPDATE readers SET email = 'mallory@m.example', since = '2020-01-01T00:00:00Z' WHERE reader = 1")
    books.house.letters.write(number, Kind.ERASURE, SAMPLES[Kind.ERASURE])
    assert books.letters[0]["To"] == ANNA


def test_a_refusal_says_its_ground_and_for_want_of_proof_goes_to_whoever_asked(books: Books):
    """R-30D: a refusal with its ground is an answer."""
    number = books.asked(Right.ACCESS, "mallory@m.example", "1")
    books.house.register.refuse(number, Ground.IDENTITY, "desk", because="said to be Anna's neighbour")
    books.house.letters.write(number, Kind.REFUSAL)
    (letter,) = books.letters
    assert letter["To"] == "mallory@m.example"
    assert "artikel 12, tweede en zesde lid" in plain(letter)
    assert "Geachte" in plain(letter), "in the shop's language: even hers would say something of her"
    assert "neighbour" not in plain(letter), "what staff wrote down is not what the person is told"
    other = books.asked(Right.ACCESS, "mallory@m.example", "1")
    books.house.register.refuse(other, Ground.OTHERS, "desk")
    books.house.letters.write(other, Kind.REFUSAL)
    assert {one["To"] for one in books.letters} == {"mallory@m.example", ANNA}


def test_whoever_withdrew_their_request_is_not_told_that_it_cannot_be_granted(books: Books):
    number = books.asked(Right.ACCESS)
    books.prove(number)
    books.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    books.house.letters.write(number, Kind.REFUSAL)
    (letter,) = books.letters
    said = f"{letter['Subject']} {plain(letter)}"
    assert "withdrew" in said or "ingetrokken" in said
    assert not re.search("cannot grant|niet inwilligen", said)


@pytest.mark.parametrize(
    ("gone", "retained", "words"),
    [(1, 0, "zijn gewist"), (1, 1, "zijn gewist, behalve"), (0, 1, "bewaren uw gegevens nog"), (0, 0, "geen gegevens")],
)
def test_an_erasure_s_subject_says_that_data_are_erased_only_where_some_are(books: Books, gone, retained, words):
    values = SAMPLES[Kind.ERASURE] | {"waiting": []}
    values |= {name: [] for name, there in (("gone", gone), ("retained", retained)) if not there}
    subject = books.house.letters.preview(books.asked(Right.ERASURE), Kind.ERASURE, values, language="nl").subject
    assert words in subject
    assert ("gewist" in subject) is bool(gone)


def test_the_answer_to_a_portability_says_what_it_may_mean_and_that_nothing_is_erased(books: Books):
    """PORT-SERVICE."""
    for right, wanted in ((Right.PORTABILITY, True), (Right.ACCESS, False)):
        text = books.house.letters.preview(books.asked(right), Kind.ANSWER, language="nl").text
        said = " ".join(text.split())
        assert ("Naar alle waarschijnlijkheid kunnen wij onze dienst dan niet voortzetten" in said) is wanted
        assert ("Door dit verzoek wissen of blokkeren wij niets" in said) is wanted


def test_a_template_of_the_shop_that_leaves_out_the_complaint_sends_nothing(books: Books):
    """COMPLAINT: refused in code, whatever a template says."""
    (books.home / "templates/letters/receipt.nl.j2").write_text("Uw verzoek\n\nTot ziens.\n")
    number = books.asked()
    books.execute("UPDATE readers SET language = 'nl'")
    with pytest.raises(BadConfiguration, match=r"letters\.no_complaint"):
        books.house.letters.write(number, Kind.RECEIPT)
    assert books.letters == []


def test_the_html_is_the_text_block_by_block(books: Books):
    (books.home / "templates/letters/receipt.nl.j2").write_text(
        "A & B <b>{{ x }}\n\none\ntwo {{ x }}\n\n- first\n  goes on - with a dash\n- second\n\n---\n\nhttps://ok.example, https://no.example\n"
    )
    found = composed(books.home, "receipt", "nl", {"x": "<i>"}, links=["https://ok.example"])
    assert "<title>A &amp; B &lt;b&gt;&lt;i&gt;</title>" in found.html
    inner = found.html.split("</h1>")[1].split("</main>")[0].replace("\n", "")
    assert inner == (
        "<p>one two &lt;i&gt;</p><ul><li>first goes on - with a dash</li><li>second</li></ul><hr>"
        '<p><a href="https://ok.example">https://ok.example</a>, https://no.example</p>'
    )


def test_a_letter_that_is_recorded_and_a_row_that_was_put_back_are_noticed(books: Books):
    """Edge case 26: the stub is part of the row that the ledger vouches for."""
    number = books.asked()
    with sqlite3.connect(books.state / "ledger.db") as db:
        before = db.execute("SELECT revision, payload FROM request_register").fetchone()
    db.close()
    books.house.letters.write(number, Kind.RECEIPT)
    assert books.house.verify().ok
    with sqlite3.connect(books.state / "ledger.db") as db:
        db.execute("UPDATE request_register SET revision = ?, payload = ?", before)
    db.close()
    assert not books.house.verify().ok
