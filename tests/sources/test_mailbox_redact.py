"""Messages with others in them: the subject goes out of them, and nothing else does."""

from __future__ import annotations

import base64
import os
import quopri
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import BadConfiguration, Refused
from privacy.sources.base import Delete, Due, Kept, Of, Outcome, Redaction, Selection, Set, Status, Step
from privacy.sources.mailbox_redact import NOTE, TOKEN
from sources.mailbox_kit import ANNA, BRAM, SHOP, Archive, dataset, mail, moment, of

U, N = Redaction.UNIQUE, Redaction.NULL
ALL = Set(dict.fromkeys(("sender", "reply_to", "to", "cc", "bcc", "envelope"), U)
    | dict.fromkeys(("sender_name", "subject_line", "text", "attachments"), N))  # fmt: skip
TOK = b"erased-000000000000@invalid"
ANY = re.compile(rb"erased-[0-9a-f]{12}")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


def located(archive: Archive, pick: Of, *, shared: bool | None) -> list[tuple[object, ...]]:
    source, selection = archive.source(), Selection("correspondence", pick, shared=shared)
    return [i.key for p in source.partitions(selection) for i in source.locate(selection, p)]


def step(archive: Archive, pick: Of, change: Any = ALL, *, shared: bool | None = True) -> Step:
    source, selection = archive.source(), Selection("correspondence", pick, shared=shared)
    return Step(selection, change, tuple(i for p in source.partitions(selection) for i in source.locate(selection, p)))


def taken_out(archive: Archive, content: bytes, pick: Of | None = None) -> bytes:
    """A message after its subject was taken out of it, with one and the same token; nobody finds them in it any more."""
    for file in archive.files():
        file.unlink()
    archive.put(content)
    pick = of(ANNA) if pick is None else pick
    (outcome,) = archive.apply([step(archive, pick)])
    assert outcome.status is Status.DONE, outcome
    assert archive.read(pick) == []
    (file,) = archive.files()
    return ANY.sub(TOK.partition(b"@")[0], file.read_bytes())


def statuses(outcomes: list[Outcome]) -> list[tuple[Status, str]]:
    return [(o.status, o.reason) for o in outcomes]


def test_shared_is_what_somebody_outside_is_a_party_of(archive: Archive):
    """Edge case 20, 22: a mention is neither; several of the subjects among themselves are not each other's others."""
    alone = archive.put(mail(to=ANNA))
    thread = archive.put(mail(to=f"{ANNA}, {BRAM}"))
    blind = archive.put(mail(to=ANNA, Bcc=BRAM))
    archive.put(mail(f"over {ANNA}", to=BRAM))
    archive.put(mail(f"over {ANNA}", to=SHOP))
    sub = archive.put(mail(to=ANNA, cc="Team <a@filiaal.diamonto.example>"))
    assert [k[1] for k in located(archive, of(ANNA), shared=False)] == [alone, sub]
    assert [k[1] for k in located(archive, of(ANNA), shared=True)] == [thread, blind]
    both = Of((*of(ANNA).subjects, *of(BRAM, no=2).subjects))
    assert thread in [k[1] for k in located(archive, both, shared=False)]
    assert located(archive, both, shared=True) == []
    # Who used the address as well may be another person: nothing is deleted for that.
    doubt = Of((*of(ANNA).subjects, *of(BRAM, no=2, contested=True).subjects))
    assert [k[1] for k in located(archive, doubt, shared=True)] == [thread, blind]
    late = of(ANNA, valid_from=moment("2026-06-01"))
    assert located(archive, late, shared=True) == located(archive, late, shared=False) == []


def test_an_address_and_the_name_beside_it_go_and_every_other_byte_stays(archive: Archive):
    head = (
        f"Return-Path: <{BRAM}>\r\nDelivered-To: {ANNA}\r\n"
        f"Received: from a.example (a.example [192.0.2.1])\r\n\tby mx1 with ESMTPS id x\r\n\tfor <{ANNA}>; Fri, 1 May 2026\r\n"
        "X-Odd:   two  blanks\t\r\nX-Folded: a\r\n  b\r\n"
    )
    content = mail(
        "Dag allemaal\r\n", head=head, sender=f"Bram B <{BRAM}>",
        to=f'"Vries, A. de" <{ANNA}>,\r\n =?utf-8?q?Ren=C3=A9?= <rene@c.example> (collega)', Cc=f"Team: x@y.example, {ANNA.upper()};",
        References="<1@x.example>",
    )  # fmt: skip
    new = taken_out(archive, content)
    wanted = content.replace(f'"Vries, A. de" <{ANNA}>'.encode(), b"<" + TOK + b">").replace(ANNA.upper().encode(), TOK)
    assert new == wanted.replace(ANNA.encode(), TOK)


def test_what_the_subject_wrote_becomes_a_note_with_its_subject_line_and_attachments(archive: Archive):
    both = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nGeheim\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>Geheim</b>\r\n"
        b"--b\r\nContent-Type: application/pdf; name=Geheim.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nR2VoZWlt\r\n--b--\r\n"
    )
    content = mail(both, sender=f"Anna A <{ANNA}>", to=f"{SHOP}, {BRAM}", Subject="Geheim", Thread_Topic="Geheim",
        Message_ID="<7@a.example>", MIME_Version="1.0", Content_Type='multipart/mixed; boundary="b"', X_Mailer="M",
        Content_Language="nl", Organization="Anna BV")  # fmt: skip
    new = taken_out(archive, content)
    assert b"Geheim" not in new
    assert b"R2Vo" not in new
    assert b"Anna" not in new
    message = message_from_bytes(new)
    assert message.get_payload().replace("\r\n", "\n") == NOTE
    assert message["To"] == f"{SHOP}, {BRAM}"
    assert message["Message-ID"] == "<7@a.example>"
    assert message["X-Mailer"] == "M"
    assert message["From"] == f"<{TOK.decode()}>"
    assert "verwijderd" in message["Subject"]
    (row,) = archive.read(BRAM)
    assert row["to"] == [SHOP, BRAM]
    assert row["attachments"] == []
    assert "removed" in row["text"]


def test_what_others_wrote_stays_but_for_the_quoted_address_and_name(archive: Archive):
    body = (
        f"Hoi Bram,\r\n\r\nOp 1 mei schreef Anna de  Vries <{ANNA}>:\r\n> jo{ANNA} en {ANNA}.org niet, {ANNA}, wel\r\n"
    )
    content = mail(body, sender=f"Bram <{BRAM}>", to=f"Anna de Vries <{ANNA}>", Subject="Re: van Anna de Vries")
    new = taken_out(archive, content)
    name = TOK.partition(b"@")[0]
    assert (
        b"schreef " + name + b" <" + TOK + b">:\r\n> joanna@a.example en anna@a.example.org niet, " + TOK + b", wel"
        in new
    )
    assert b"Subject: Re: van " + name in new
    household = mail("Anna de Vries belde", sender=f"Anna de Vries <{BRAM}>", to=f"Anna de Vries <{ANNA}>")
    assert b"Anna de Vries belde" in taken_out(archive, household)  # A name that is somebody else's too.


WAYS = {
    "base64": (b"base64", base64.encodebytes),
    "quoted": (b"quoted-printable", quopri.encodestring),
    "plain": (b"8bit", bytes),
}


@pytest.mark.parametrize(
    ("way", "charset"),
    [(w, c) for w in WAYS for c in ("utf-8", "utf-16", "iso-8859-1") if (w, c) != ("plain", "utf-16")],
)
def test_a_text_in_any_encoding_is_read_and_written_back(archive: Archive, way: str, charset: str):
    """Edge case 20."""
    name, coded = WAYS[way]
    text = f"Één café\nvan {ANNA} aan ons\nen {'x' * 90} verder\n"
    raw = (
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset="
        + charset.encode()
        + b"\nContent-Transfer-Encoding: "
        + name
    )
    content = raw + b"\n" + mail(b"", to=f"{ANNA}, {BRAM}", end="\n") + coded(text.encode(charset))
    taken_out(archive, content)
    (row,) = archive.read(BRAM)
    assert TOKEN.sub(TOK, row["text"].encode()).decode() == text.replace(ANNA, TOK.decode()).strip("\n")


SPELLINGS = [
    "<a href='mailto:anna%40a.example'>x</a>", "anna&#64;a&period;example", "an<wbr>na@a.<b>example</b>",
    "an\u200bna@a.example", "anna @ a . example", "ANNA@A.EXAMPLE", "&#97;nna@a.example", '"anna"@a.example',
    "=?utf-8?q?anna=40a=2Eexample?=", "anna=40a.example", "ann=\r\na@a.example", "mailto:anna@a.example?x",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_in_any_spelling_that_this_source_reads_goes(archive: Archive, spelling: str):
    """Edge case 20."""
    content = mail(f"Hier {spelling} en daar", head="Content-Type: text/html; charset=utf-8\r\n", to=f"{ANNA}, {BRAM}")
    assert (
        archive.judged(mail(f"Hier {spelling} en daar", head="Content-Type: text/html; charset=utf-8\r\n")) == "mention"
    )
    assert b"Hier " in (new := taken_out(archive, content))
    assert b" en daar" in new


ODD = {
    "encoded whole": "=?utf-8?q?Anna_=3Canna=40a.example=3E=2C_Bram_=3Cbram=40b.example=3E?=",
    "name with a comma": f"Vries, Anna <{ANNA}>, Bram <{BRAM}>",
    "comment": f"{ANNA} (Anna de Vries), {BRAM}",
    "group": f"Vrienden: {ANNA}, Bram <{BRAM}>;",
    "unclosed": f'"Anna <{ANNA}>, {BRAM}',
    "route": f"<@relay.example:{ANNA}>, {BRAM}",
    "blanks": f"anna @ a.example, {BRAM}",
    "idn": f"{ANNA}, {BRAM}, Anna <anna@m\u00fcller.example>",
    "twice": f"Anna <{ANNA}>; {BRAM}; Anna <{ANNA}>",
    "latin": f"Ren\u00e9e Anna <{ANNA}>, {BRAM}",
}


@pytest.mark.parametrize("way", ODD)
def test_lists_of_addresses_however_broken_lose_the_subject_alone(archive: Archive, way: str):
    """Edge case 20: 8-bit and broken headers."""
    value = ODD[way].encode("latin-1" if way == "latin" else "utf-8")
    pick = of(ANNA, "anna@m\u00fcller.example")
    new = taken_out(archive, b"To: " + value + b"\r\n" + mail(to=None), pick)
    assert TOK in new
    (row,) = archive.read(BRAM)
    assert BRAM in row["to"]
    assert b"Anna" not in new.partition(b"\r\nFrom")[0]
    assert b"Vries" not in new
    assert b"Ren" not in new


def nested(inner: bytes, coding: str = "7bit", kind: str = "message/rfc822") -> bytes:
    top = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n"
    raw = base64.encodebytes(inner) if coding == "base64" else inner
    body = f"--zz\r\nContent-Type: text/plain\r\n\r\nZie hieronder\r\n--zz\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n"
    return mail(body.encode() + raw + b"\r\n--zz--\r\n", head=top, sender=f"Bram <{BRAM}>", to=f"{SHOP}, {ANNA}")


@pytest.mark.parametrize("coding", ["7bit", "base64"])
def test_messages_within_messages_and_invitations_lose_the_subject_too(archive: Archive, coding: str):
    """Edge case 20."""
    deep = mail(f"Van mij, {ANNA}", sender=f"Anna de Vries <{ANNA}>", to="Carla <c@c.example>", Subject="Oud")
    new = taken_out(archive, nested(nested(deep), coding))
    text = base64.decodebytes(new.split(b"\r\n\r\n")[3].partition(b"\r\n--zz")[0]) if coding == "base64" else new
    assert b"Subject: Oud" in text
    assert b"Carla <c@c.example>" in text
    assert b"Zie hieronder" in new
    assert b"Anna" not in text
    assert ANNA.encode() not in text
    calendar = f"BEGIN:VCALENDAR\r\nATTENDEE;CN=Anna de Vries:mailto:{ANNA}\r\nATTENDEE:mailto:{BRAM}\r\nEND:VCALENDAR"
    new = taken_out(archive, nested(calendar.encode(), coding, "text/calendar"))
    text = base64.b64decode(new.split(b"\r\n\r\n")[3].partition(b"\r\n--zz")[0]) if coding == "base64" else new
    assert b"mailto:" + BRAM.encode() in text
    assert ANNA.encode() not in TOKEN.sub(TOK, text)


def test_what_no_source_opens_stays_as_it_is(archive: Archive):
    """Edge case 20: winmail.dat."""
    part = b"--w\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\n\x78\x9f\x3e\x22 \x00bytes\r\n--w--\r\n"
    head = "Content-Type: multipart/mixed; boundary=w\r\n"
    assert taken_out(archive, mail(part, head=head, to=f"{ANNA}, {BRAM}")).endswith(part)


def test_what_cannot_be_taken_out_fails_and_stays(archive: Archive):
    """A boundary that is the address: with another one the parts would be lost. And a text in a code of old."""
    boundary = f"--{ANNA}\r\n\r\nx\r\n--{ANNA}--\r\n"
    head = f'Content-Type: multipart/mixed; boundary="{ANNA}"\r\n'
    archive.put(mail(boundary, head=head, to=f"{ANNA}, {BRAM}"))
    coded = b"begin 644 a.txt\r\n#" + b"".join([b"86YN84!A+F5X86UP;&4*\r\n"]) + b"end\r\n"
    archive.put(mail(coded, head="Content-Transfer-Encoding: x-uuencode\r\n", to=f"Anna <{ANNA}>, {BRAM}"))
    before = {f: f.read_bytes() for f in archive.files()}
    outcomes = archive.apply([step(archive, of(ANNA))])
    assert outcomes[0].status is Status.FAILED
    assert outcomes[0].reason == "mailbox.not_redacted"
    assert archive.files()[0].read_bytes() == next(iter(before.values()))


def test_a_rewritten_message_keeps_its_name_flags_and_times_and_a_server_sees_a_new_file(archive: Archive):
    name = archive.put(
        mail(to=f"{ANNA}, {BRAM}"), name="1770000001.M1P7.mx1,S=120,W=121", flags=":2,FRS", at="2026-02-01T00:00:00"
    )
    archive.put(mail(to=BRAM))
    (file,) = [f for f in archive.files() if "1770000001" in f.name]
    file.chmod(0o640)
    before, others = file.stat(), {f: f.read_bytes() for f in archive.files() if f != file}
    (row,) = archive.read()
    the = step(archive, of(ANNA))
    assert statuses(archive.apply([the])) == [(Status.DONE, "")]
    (new,) = [f for f in archive.files() if "1770000001" in f.name]
    content = new.read_bytes()
    assert new.name == f"1770000001.M1P7.mx1,S={len(content)},W={len(content)}:2,FRS"
    assert name.startswith("1770000001.M1P7.mx1")
    assert (new.stat().st_mtime_ns, new.stat().st_mode) == (before.st_mtime_ns, before.st_mode)
    (again,) = archive.read(BRAM, name="correspondence")[:1]
    assert (again["message"], again["received_at"]) == (row["message"], row["received_at"])
    assert {f: f.read_bytes() for f in others} == others
    assert len(archive.files()) == 2
    # Edge case 13: done once more, nothing is done.
    assert statuses(archive.apply([the])) == [(Status.GONE, "")]
    assert new.read_bytes() == content


def test_changed_held_and_reviewed_are_heeded_as_for_a_deletion(archive: Archive):
    """Edge cases 14 and 15."""
    archive.put(mail(to=f"{ANNA}, {BRAM}"))
    archive.put(mail(f"over {ANNA}", to=BRAM))
    the = step(archive, of(ANNA), shared=None)
    before = [f.read_bytes() for f in archive.files()]
    held = (Status.HELD, "held")
    assert statuses(archive.apply([the], [of(BRAM)])) == [held, held]
    assert statuses(archive.apply([the], [Kept((), "correspondence", whole=True)])) == [held, held]
    stale = replace(the, items=tuple(i._replace(version="x") for i in the.items))
    assert statuses(archive.apply([stale])) == [(Status.CHANGED, "version")] * 2
    assert [f.read_bytes() for f in archive.files()] == before
    assert statuses(archive.apply([the])) == [(Status.DONE, ""), (Status.HELD, "review")]
    decided = replace(step(archive, of(ANNA), shared=None), reviewed=True)
    assert statuses(archive.apply([decided])) == [(Status.DONE, "")]
    assert archive.read() == []
    assert len(archive.read(BRAM)) == 2


def test_a_flag_set_in_that_very_moment_leaves_one_message(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    archive.put(mail(to=f"{ANNA}, {BRAM}"))
    the = step(archive, of(ANNA))
    real, done = os.rename, []

    def rename(old: str, new: str, **more: Any) -> None:
        if old.startswith("privacy-") and not done:
            done.append(1)
            (file,) = [f for f in archive.files() if f.parent.name == "cur"]
            real(file, file.with_name(file.name + "T"))
        real(old, new, **more)

    monkeypatch.setattr(os, "rename", rename)
    assert statuses(archive.apply([the])) == [(Status.DONE, "")]
    (file,) = archive.files()
    assert file.name.endswith(":2,ST")
    assert ANNA.encode() not in file.read_bytes()


def test_subjects_of_one_step_get_a_token_each_and_others_in_doubt_stay(archive: Archive):
    """Edge case 19: plus-addressing is another address until somebody says that it is theirs; a household's is nobody's."""
    archive.put(mail(to=f"{ANNA}, {BRAM}, anna+ring@a.example, c@c.example, huis@h.example"))
    both = Of((*of(ANNA).subjects, *of(BRAM, no=2).subjects, *of("huis@h.example", no=3, contested=True).subjects))
    assert statuses(archive.apply([step(archive, both)])) == [(Status.DONE, "")]
    (row,) = archive.read("c@c.example")
    first, second, *rest = row["to"]
    assert first != second
    assert rest == ["anna+ring@a.example", "c@c.example", "huis@h.example"]
    assert TOKEN.fullmatch(first.encode())
    assert TOKEN.fullmatch(second.encode())


def test_what_can_be_set_is_said_by_the_data_map_and_before_anything_is_done(archive: Archive):
    archive.put(mail(to=f"{ANNA}, {BRAM}"))
    the = step(archive, of(ANNA))
    for columns in ({"size": 1}, {"to": U}, dict(ALL.columns) | {"to": N}, dict(ALL.columns) | {"attachments": "x"}):
        with pytest.raises(Refused, match=r"mailbox\.cannot_set"):
            archive.apply([replace(the, change=Delete()), replace(the, change=Set(columns))])
        given = {n: {U: "unique", N: None}.get(v, v) for n, v in columns.items()}
        with pytest.raises(BadConfiguration, match=r"mailbox\.dataset"):
            archive.source(correspondence=dataset(["INBOX"], erasure={"do": "delete", "shared": given}))
    with pytest.raises(Refused, match=r"mailbox\.cannot_set"):
        archive.apply([Step(Selection("correspondence", Due(moment("2099-01-01"))), ALL, the.items)])
    assert ANNA.encode() in archive.files()[0].read_bytes()
    given = {n: {U: "unique", N: None}[v] for n, v in ALL.columns.items()}
    archive.source(correspondence=dataset(["INBOX"], erasure={"do": "delete", "shared": given}))


def test_injection_through_a_subjects_name_or_text_makes_no_field(archive: Archive):
    """Edge case 27."""
    content = mail("x", sender=f'"a\\"\r\n b: {{{{ 7*7 }}}}" <{ANNA}>', to=BRAM, Subject="=?utf-8?q?a=0D=0AX-New:_1?=")
    new = taken_out(archive, content)
    assert message_from_bytes(new).keys() == ["From", "To", "Subject", "Content-Type", "Content-Transfer-Encoding"]


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do some work in a process of its own that is killed at its n-th change on disk; whether it was."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    try:
        calls = 0
        for name in ("open", "write", "fsync", "rename", "utime", "unlink"):
            real = getattr(os, name)

            def call(*given: Any, real: Any = real, name: str = name, **more: Any) -> Any:
                nonlocal calls
                calls += name != "open" or bool(given[1] & os.O_CREAT)
                if calls == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*given, **more)

            setattr(os, name, call)
        work()
    finally:
        os._exit(0)


def test_killed_anywhere_the_message_is_the_old_or_the_new_one_and_the_next_try_ends_it(tmp_path: Path):
    """Edge case 13."""
    old = mail("Dag " * 500, to=f"Anna <{ANNA}>, {BRAM}")
    new = old.replace(f"Anna <{ANNA}>".encode(), b"<" + TOK + b">")
    for at in range(1, 30):
        archive = Archive(tmp_path / str(at))
        archive.put(old, name="1770000001.M1P7.mx1,S=9")
        the = step(archive, of(ANNA))
        if not killed_at(at, lambda archive=archive, the=the: archive.apply([the])):
            break
        (file,) = [f for f in archive.files() if f.parent.name == "cur"]
        assert TOKEN.sub(TOK, file.read_bytes()) in (old, new)
        assert {o.status for o in archive.apply([step(archive, of(ANNA))])} <= {Status.DONE}
        (file,) = [f for f in archive.files() if f.parent.name == "cur"]
        assert TOKEN.sub(TOK, file.read_bytes()) == new
    assert at > 6
    assert TOKEN.sub(TOK, archive.files()[0].read_bytes()) == new


words = st.sampled_from([ANNA, BRAM, SHOP, "Anna <anna@a.example>", "x", ",", ";", "\r\n ", "=?utf-8?q?=40?=", '"', "(", ")", "<", ">", ":", "\\", "é", "@"])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(to=st.lists(words, max_size=8), cc=st.lists(words, max_size=8), body=st.lists(words, max_size=12))
def test_whatever_a_message_is_the_subject_is_out_of_it_or_it_is_untouched(
    tmp_path_factory: Any, to: Any, cc: Any, body: Any
):
    """Nobody's message is half redacted, and nobody else is lost from one."""
    archive = Archive(tmp_path_factory.mktemp("mail"))
    content = (
        "From: "
        + BRAM
        + "\r\nTo: "
        + " ".join(to)
        + "\r\nCc: "
        + " ".join(cc)
        + "\r\nX-Same: é\r\n\r\n"
        + " ".join(body)
    ).encode()
    archive.put(content)
    the = step(archive, of(ANNA), shared=None)
    before = archive.read(BRAM)
    for outcome in archive.apply([the]):
        (file,) = archive.files()
        if outcome.status is Status.DONE:
            assert archive.read() == []
            assert b"\r\nX-Same: \xc3\xa9\r\n" in file.read_bytes()
            (row,) = archive.read(BRAM)
            names = ("_party", "sent_at")
            assert [row[n] for n in names] == [before[0][n] for n in names]
            for name in ("to", "cc"):
                left = [a for a in row[name] if not TOKEN.fullmatch(a.encode())]
                assert left == [a for a in before[0][name] if a.lower() != ANNA]
        else:
            assert file.read_bytes() == content
    assert len(archive.read(BRAM)) == len(before) == 1
