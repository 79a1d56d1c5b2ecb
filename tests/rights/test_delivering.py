"""A released copy is handed over as an encrypted ZIP, to the address that was known, its passphrase by another way."""

from __future__ import annotations

import io
import math
import re
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import pyzipper

from conftest_letters import ANNA, BERT, GIFT, NOW, Books, plain
from privacy.bundle.check import check_bundle
from privacy.errors import BadInput, PrivacyError, Refused
from privacy.orchestration import steps
from privacy.orchestration.runs import Run
from privacy.plans.correction import Cell, Change, Plan, Wanted, key_of
from privacy.rights import Evidence, EvidenceKind, Right, State, delivering
from privacy.rights.contacts import contacts
from privacy.rights.delivering import deliver
from privacy.rights.letter_kinds import SAMPLES, Kind
from privacy.rights.passphrases import BITS, SIGNS, passphrase


def attached(letter) -> bytes:
    (part,) = letter.iter_attachments()
    assert part.get_content_type() == "application/zip"
    return bytes(part.get_content())


def opened(content: bytes, secret: str, to: Path) -> Path:
    """The one file that is in an encrypted ZIP."""
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        (info,) = archive.infolist()
        assert (info.wz_aes_strength, info.flag_bits & 1) == (3, 1), "AES-256"
        target = to / info.filename
        target.write_bytes(archive.read(info, pwd=secret.encode()))
    return target


def test_the_person_gets_a_zip_that_any_archiver_opens_and_that_verifies(books: Books, tmp_path):
    """R-ACCESS, ID-KNOWN."""
    number = books.released()
    done = deliver(books.house, number, "phone", "desk")
    (letter,) = books.letters
    assert letter["To"] == ANNA
    content = attached(letter)
    inner = opened(content, done.passphrase, tmp_path)
    assert check_bundle(inner, inner_sha256=books.house.register.bundle(number).inner_sha256) == []
    assert {"README.html", "LEESMIJ.html", "datapackage.json"} <= set(zipfile.ZipFile(inner).namelist())
    # Not even names of files are to be read without it.
    assert [name for name in (b"README", b"LEESMIJ", b"parquet") if name in content] == []
    with pytest.raises(RuntimeError), pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.read(archive.namelist()[0], pwd=b"another")
    program = shutil.which("7z") or shutil.which("7zz")
    if program is not None:
        (tmp_path / "x.zip").write_bytes(content)
        words = [program, "x", f"-p{done.passphrase}", f"-o{tmp_path / 'out'}", str(tmp_path / "x.zip")]
        subprocess.run(words, check=True, capture_output=True)
        assert (tmp_path / "out" / inner.name).read_bytes() == inner.read_bytes()


def test_the_passphrase_is_in_no_letter_and_kept_nowhere_once_it_is_delivered(books: Books):
    number = books.released()
    done = deliver(books.house, number, "phone", "desk")
    assert done.contacts == ("+31 6 1234 5678", "06 555 0110"), "hers alone, from her records"
    assert done.passphrase not in plain(books.letters[0])
    assert "per telefoon" in plain(books.letters[0]) or "by telephone" in plain(books.letters[0])
    kept = books.house.register.open(number).delivery
    assert (kept.passphrase, kept.how, kept.passphrase_by, kept.digest) == ("", "attachment", "phone", done.digest)
    (said,) = books.said(number, "request.delivered")
    assert (said["reason"], said["digest"]) == ("attachment, passphrase by phone", done.digest)
    assert not re.search("anna|1234 5678|" + done.passphrase, str([e.entry for e in books.house.ledger.entries()]))
    assert done.passphrase not in repr(done)
    assert books.house.verify().ok


def test_a_passphrase_never_travels_by_e_mail(books: Books):
    number = books.released()
    for way in ("email", "e-mail", "", "letter"):
        with pytest.raises(BadInput, match=r"delivery\.channel"):
            deliver(books.house, number, way, "desk")
    assert books.letters == []


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ("phone", "delivery.no_contact"),
        ("sms", "delivery.no_contact"),
        ("post", "delivery.no_contact"),
        ("counter", ""),
    ],
)
def test_a_way_by_which_the_shop_does_not_know_the_person_is_refused(books: Books, way, code):
    """ID-KNOWN: Bert left neither number nor address; the number on the loan that Anna passed on to him is hers."""
    number = books.released(BERT, address=BERT)
    if code:
        with pytest.raises(Refused, match=re.escape(code)):
            deliver(books.house, number, way, "desk")
        assert books.house.register.open(number).delivery is None
        assert books.letters == []
    else:
        assert deliver(books.house, number, way, "desk").contacts == ()


def test_contacts_are_the_person_s_own_also_of_a_guest(books: Books):
    """Edge case 22: of a record with two people, each is reached by their own."""
    assert contacts(books.house, books.asked(Right.ACCESS, ANNA), "post") == ("Kade 7",)
    assert contacts(books.house, books.asked(Right.ACCESS, GIFT), "phone") == ("06 555 0113",)
    assert contacts(books.house, books.asked(Right.ACCESS, BERT), "phone") == ()


def test_a_number_that_came_with_a_late_order_is_no_way_to_reach_the_person(books: Books):
    """Edge case 35: whoever has taken over an account orders something with their own number, and asks next."""
    for at, phone in (("2026-08-05T10:00:00Z", "06 555 0199"), ("2026-08-04T09:30:00Z", "06 555 0120")):
        books.execute("INSERT INTO loans (reader, phone, at) VALUES (1, ?, ?)", phone, at)
    assert contacts(books.house, books.asked(Right.ACCESS, ANNA), "phone") == (
        "+31 6 1234 5678",
        "06 555 0110",
        "06 555 0120",
    )


def test_a_number_that_came_by_a_request_is_no_way_to_reach_the_person(books: Books):
    """Edge case 35: somebody has the phone number corrected, and asks for a copy next."""
    number = books.asked(Right.RECTIFICATION, "1")
    register = books.house.register
    register.correct(number, Wanted(fact="phone", to="06 555 0666", author="desk", at=NOW))
    register.begin(number, "r1")
    steps.resolve_identity(books.house, Run("r1", number, "operator"))
    cells = {"phone": Cell(fact="phone", was="+31 6 1234 5678", to="06 555 0666")}
    change = Change(dataset="books.readers", key=key_of((1,)), version="v", cells=cells, at=NOW)
    register.planned(number, Plan(run="r1", as_of=NOW, changes=(change,), old=("+31 6 1234 5678",)), run="r1")
    register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    register.correcting(number, run="r1")
    books.execute("UPDATE readers SET phone = '06 555 0666' WHERE reader = 1")
    assert contacts(books.house, books.asked(Right.ACCESS, ANNA), "phone") == ("06 555 0110",)
    books.clock.set(NOW + timedelta(days=91))
    assert contacts(books.house, books.asked(Right.ACCESS, ANNA), "phone") == ("06 555 0110", "06 555 0666")


@pytest.mark.parametrize("right", [r for r in Right if not r.copies])
def test_what_asks_for_no_copy_is_never_delivered(books: Books, right):
    """Nobody who objects, or has data erased, is sent them."""
    number = books.asked(right)
    with pytest.raises(Refused, match=r"request\.no_copy"):
        deliver(books.house, number, "counter", "desk")


def test_nothing_is_delivered_before_it_is_released(books: Books):
    number = books.asked()
    for step in (lambda: books.export(number), lambda: books.prove(number, ANNA), lambda: None):
        with pytest.raises(Refused, match=r"request\.not_released"):
            deliver(books.house, number, "counter", "desk")
        step()
    assert books.letters == []


def test_a_portability_that_is_delivered_erases_blocks_and_starts_nothing(books: Books):
    """PORT-SERVICE: ending the service is another decision, which the letter says."""
    before = (books.folder / "books.db").read_bytes()
    number = books.released(right=Right.PORTABILITY)
    deliver(books.house, number, "phone", "desk")
    assert "This request erases and blocks nothing" in plain(books.letters[0])
    assert (books.folder / "books.db").read_bytes() == before
    assert [r.number for r in books.house.register.list()] == [number]
    assert list(books.house.holds.active()) == []


def test_a_released_copy_that_nobody_hands_over_is_told_of_until_it_is_delivered(books: Books):
    """R-30D; edge case 28: a release is no answer yet."""
    from privacy.rights.deadlines import Level, deadlines

    number = books.released()
    for days, wanted in ((1, []), (24, [Level.SOON]), (31, [Level.LATE])):
        books.clock.set(NOW + timedelta(days=days))
        found = deadlines(books.house, books.clock.now())
        assert [one.level for one in found] == wanted
    assert "deliver" in found[0].waits_for
    deliver(books.house, number, "counter", "desk")
    assert deadlines(books.house, books.clock.now()) == []


def test_it_is_delivered_once_and_again_only_on_purpose_with_another_passphrase(books: Books, tmp_path):
    number = books.released()
    first = deliver(books.house, number, "counter", "desk")
    with pytest.raises(Refused, match=r"delivery\.done"):
        deliver(books.house, number, "counter", "desk")
    second = deliver(books.house, number, "phone", "desk", again=True)
    assert first.passphrase != second.passphrase
    assert [letter["Message-ID"] for letter in books.letters] == [
        f"<answer-{number}@boek.example>",
        f"<answer-{number}-2@boek.example>",
    ]
    opened(attached(books.letters[1]), second.passphrase, tmp_path)
    assert len(books.said(number, "request.delivered")) == 2
    assert books.house.verify().ok


@pytest.mark.parametrize("dies", ["prepared", "wrote", "delivered"])
def test_dying_anywhere_and_trying_again_leaves_one_passphrase_that_opens_what_came(
    books: Books, tmp_path, monkeypatch, dies
):
    """Edge case 13: a mail that went out before its record; the second has the same Message-ID and the same passphrase."""
    number = books.released()
    with monkeypatch.context() as patched:
        patched.setattr(type(books.house.register), dies, _die)
        with pytest.raises(KeyboardInterrupt):
            deliver(books.house, number, "counter", "desk")
    before = [attached(letter) for letter in books.letters]
    assert len(before) == (0 if dies == "prepared" else 1)
    done = deliver(books.house, number, "counter", "desk")
    (letter,) = books.letters
    for content in (*before, attached(letter)):
        opened(content, done.passphrase, tmp_path)
    assert len(books.said(number, "letter.sent")) == len(books.said(number, "request.delivered")) == 1
    assert books.house.register.open(number).delivery.passphrase == ""
    assert books.house.verify().ok


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_too_large_for_a_letter_is_handed_over_where_the_bundles_lie_in_a_folder(books: Books, tmp_path, monkeypatch):
    number = books.released()
    monkeypatch.setattr(delivering, "LARGEST", 100)
    with pytest.raises(Refused, match=r"delivery\.too_large"):
        deliver(books.house, number, "counter", "desk")
    assert books.letters == []
    assert books.said(number, "request.delivered") == []
    with pytest.raises(Refused, match=r"delivery\.address"):
        deliver(books.house, number, "phone", "desk", out=tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


class Linking:
    """A folder whose objects have links, as an object store's have: what S3 answers, tests/services tries."""

    def __init__(self, store) -> None:
        self._store = store
        self.links: list[tuple[str, int]] = []

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    def link(self, key: str, seconds: int) -> str:
        assert self._store.stat(key).bytes > 0
        self.links.append((key, seconds))
        return f"https://bucket.example/{key}?signature=1"


def test_what_is_too_large_for_a_letter_waits_behind_a_link_that_ends(books: Books, tmp_path, monkeypatch):
    number = books.released()
    monkeypatch.setattr(delivering, "LARGEST", 100)
    linking = books.house.bundles = Linking(books.house.bundles)
    with monkeypatch.context() as patched:
        patched.setattr(type(books.house.register), "wrote", _die)
        with pytest.raises(KeyboardInterrupt):
            deliver(books.house, number, "phone", "desk")
    books.clock.set(NOW + timedelta(hours=1))
    done = deliver(books.house, number, "phone", "desk")
    (first, week), (key, left) = linking.links
    assert (first, week, left) == (key, 7 * 86_400, 7 * 86_400 - 3_600), "the file of the first letter stays the one"
    (letter,) = books.letters
    assert list(letter.iter_attachments()) == []
    assert f"https://bucket.example/{key}?signature=1" in plain(letter)
    assert f'<a href="https://bucket.example/{key}?signature=1">' in letter.get_body(("html",)).get_content()
    assert "8 November 2026" in plain(letter)
    with books.house.bundles.open(key) as file:
        opened(file.read(), done.passphrase, tmp_path)
    assert (done.how, done.until) == ("link", NOW + timedelta(days=7))


def test_the_file_behind_a_link_goes_when_the_link_has_ended(books: Books, monkeypatch):
    """Bundles and what is made of them are personal data: they have a term."""
    from privacy.rights.own_store import Bundles

    number = books.released()
    monkeypatch.setattr(delivering, "LARGEST", 100)
    books.house.bundles = Linking(books.house.bundles)
    deliver(books.house, number, "phone", "desk")
    key = books.house.register.open(number).delivery.path

    def due() -> list[str]:
        return [thing.name for thing in Bundles().things(books.house) if thing.now and not thing.stays]

    _aged(books, key)
    for moment, wanted in ((6, []), (8, [key])):
        books.clock.set(NOW + timedelta(days=moment))
        assert due() == wanted


def _aged(books: Books, key: str) -> None:
    import os

    at = (NOW + timedelta(minutes=1)).timestamp()
    os.utime(books.state / "bundles" / key, (at, at))


def test_a_copy_for_the_post_needs_a_document_and_its_passphrase_another_way(books: Books, tmp_path):
    """ID-KNOWN: another address, or post, needs proof of identity."""
    number = books.asked(Right.ACCESS, ANNA, deliver_to="Kade 7, 1234 AB Dorp")
    books.export(number)
    books.prove(number, ANNA)
    with pytest.raises(Refused, match=r"request\.not_reviewed|delivery\.address"):
        books.house.register.release(number, "desk")
    books.prove(number)
    books.house.register.release(number, "desk")
    out = tmp_path / "copy.zip"
    with pytest.raises(Refused, match=r"delivery\.by_hand"):
        deliver(books.house, number, "phone", "desk")
    with pytest.raises(Refused, match=r"delivery\.same_way"):
        deliver(books.house, number, "post", "desk", out=out)
    done = deliver(books.house, number, "phone", "desk", out=out)
    assert (done.how, done.out, out.stat().st_mode & 0o777) == ("post", out, 0o600)
    opened(out.read_bytes(), done.passphrase, tmp_path)
    assert books.letters == []
    assert "You get the file" in done.letter
    assert "by telephone" in done.letter
    assert [stub.channel for stub in books.house.register.open(number).letters] == ["post"]
    with pytest.raises(Refused, match=r"delivery\.exists"):
        deliver(books.house, number, "phone", "desk", out=out, again=True)


@pytest.mark.parametrize(
    ("evidence", "more", "code"),
    [
        (
            Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=ANNA),
            {"deliver_to": "other@o.example"},
            "delivery.address",
        ),
        (Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=ANNA), {"deliver_to": "Kade 7, Dorp"}, "delivery.address"),
        (
            Evidence(kind=EvidenceKind.KNOWLEDGE, seen="her first order"),
            {"deliver_to": "other@o.example"},
            "delivery.address",
        ),
        (Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=ANNA), {"direct_transfer": True}, "delivery.transfer"),
        (Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=ANNA), {"deliver_to": ANNA.upper()}, ""),
        (Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=ANNA), {}, ""),
        (Evidence(kind=EvidenceKind.KNOWLEDGE, seen="her first order"), {}, ""),
        (Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), {"deliver_to": "other@o.example"}, ""),
        (Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), {"direct_transfer": True}, ""),
    ],
)
def test_where_an_answer_may_go_depends_on_what_was_seen(books: Books, evidence, more, code):
    """ID-KNOWN, refused in code."""
    number = books.asked(Right.PORTABILITY, ANNA, **more)
    books.export(number)
    books.house.register.prove(number, evidence, "desk")
    if code:
        with pytest.raises(Refused, match=re.escape(code)):
            books.house.register.release(number, "desk")
    else:
        books.house.register.release(number, "desk")
        assert books.house.register.get(number).state is State.RELEASED


def test_an_address_that_was_changed_before_the_request_neither_proves_nor_receives(books: Books):
    """Edge case 35: whoever took over an account changes its address first, and asks for the data next."""
    number = books.asked(Right.ACCESS, "3")
    books.export(number)
    with pytest.raises(Refused, match=r"proof\.address_unknown"):
        books.prove(number, "carla@c.example")
    books.house.register.prove(number, Evidence(kind=EvidenceKind.KNOWLEDGE, seen="her first loan"), "desk")
    books.house.register.release(number, "desk")
    with pytest.raises(Refused, match=r"letters\.no_known_address"):
        deliver(books.house, number, "counter", "desk")
    assert books.letters == []
    books.clock.set(NOW + timedelta(days=60))
    later = books.asked(Right.ACCESS, "3")
    books.export(later, "r2")
    books.prove(later, "carla@c.example")
    books.house.register.release(later, "desk")
    deliver(books.house, later, "counter", "desk")
    assert books.letters[0]["To"] == "carla@c.example", "ninety days after the change it is hers"


def test_an_address_that_came_by_a_request_is_new_whatever_date_the_shop_wrote_beside_it(books: Books):
    """Edge case 35: somebody changes the address through a rectification, and asks for access next."""
    number = books.asked(Right.RECTIFICATION, "1")
    run = Run("r1", number, "operator")
    books.house.register.begin(number, run.id)
    steps.resolve_identity(books.house, run)
    # The shop's staff changed the address and not since when it is hers.
    books.execute("UPDATE readers SET email = 'mallory@m.example' WHERE reader = 1")
    books.clock.set(NOW + timedelta(days=80))
    access = books.asked(Right.ACCESS, "mallory@m.example")
    books.export(access)
    with pytest.raises(Refused, match=r"proof\.address_unknown"):
        books.prove(access, "mallory@m.example")
    with pytest.raises(Refused, match=r"letters\.no_known_address"):
        books.house.letters.write(access, "answer", SAMPLES[Kind.ANSWER])
    books.clock.set(NOW + timedelta(days=91))
    later = books.asked(Right.ACCESS, "mallory@m.example")
    books.export(later, "r2")
    books.prove(later, "mallory@m.example")


def test_an_address_that_two_people_share_receives_nothing(books: Books):
    """Edge case 19: a household's mailbox."""
    books.execute("UPDATE readers SET email = ? WHERE reader = 2", ANNA)
    number = books.asked(Right.RESTRICTION, "1")
    with pytest.raises(PrivacyError) as refusal:
        books.house.letters.write(number, "restriction", {"on": NOW.date()})
    assert refusal.value.code in ("identity.ambiguous", "letters.no_known_address")
    assert books.letters == []


@pytest.mark.parametrize("seen", ["passport NX3456789", "BSN 123456782", "rijbewijs 5123.456.789", "id IA12B3456"])
def test_the_number_of_a_document_is_not_recorded(books: Books, seen):
    """ID-KNOWN: what was seen, never a copy."""
    number = books.asked()
    with pytest.raises(BadInput, match=r"proof\.number") as refusal:
        books.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen=seen), "desk")
    assert seen not in str(refusal.value)
    assert books.house.register.open(number).proofs == ()


def test_passphrases_are_told_apart_by_ear_and_hard_to_guess():
    made = {passphrase() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(rf"([{SIGNS}]{{4}}-){{3}}[{SIGNS}]{{4}}", one) for one in made)
    assert BITS >= 77
    assert math.isclose(BITS, 16 * math.log2(len(set(SIGNS))))
    assert not set("01oliuv") & set(SIGNS)
