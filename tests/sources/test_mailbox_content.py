"""What stands in a message: mentions in any encoding, the text and the attachments, originals less blind copies."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest

from privacy.errors import BadInput
from sources.mailbox_kit import ANNA, BRAM, SHOP, Archive, mail, moment, of

LATIN = "café"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


def b64(data: bytes) -> bytes:
    return base64.encodebytes(data)


def part(content: bytes, kind: str = "text/plain; charset=utf-8", coding: str = "8bit", more: str = "") -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n{more}\r\n".encode() + content


def multipart(*parts: bytes, kind: str = "mixed", boundary: str = "b1") -> bytes:
    pieces = b"".join(b"--" + boundary.encode() + b"\r\n" + p + b"\r\n" for p in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'
    return mail(b"preamble\r\n" + pieces + b"--" + boundary.encode() + b"--\r\nepilogue", head=head)


def simple(content: bytes, kind: str = "text/plain", coding: str = "8bit") -> bytes:
    return mail(content, head=f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n")


QP = b"Vraag het aan an=\r\nna@a.ex=\r\nample, of =41nna."
HTML = "<p>Mail <a href='mailto:anna%40a.example'>haar</a></p>"
NESTED = mail(f"Dag {ANNA}", sender="x@x.example")
ICS = f"BEGIN:VCALENDAR\r\nATTENDEE;CN=Anna:mailto:{ANNA}\r\nEND:VCALENDAR\r\n".encode()
MENTIONS = {
    "plain": mail(f"Zie {ANNA}."),
    "at the end of a sentence, in brackets": mail(f"(<{ANNA}>)."),
    "quoted printable with soft breaks": simple(QP, coding="quoted-printable"),
    "quoted printable in lower case": simple(b"an=6ea=40a.example", coding="Quoted-Printable"),
    "base64": simple(b64(f"Zie {ANNA}".encode()), coding="BASE64"),
    "base64 in one line": simple(base64.b64encode(f"Zie {ANNA}".encode()), coding="base64"),
    "base64 in two pieces": simple(base64.b64encode(b"Dag!!") + b"\n" + base64.b64encode(ANNA.encode()), coding="base64"),
    "utf-16 in base64": simple(b64(ANNA.encode("utf-16")), "text/plain; charset=utf-16", "base64"),
    "utf-16 as it is": simple(ANNA.encode("utf-16-le"), "text/plain; charset=UTF-16LE", "binary"),
    "utf-7": simple(b"+AGEAbgBuAGEAQABhAC4-example", "text/plain; charset=utf-7"),
    "ebcdic": simple(ANNA.encode("cp037"), "text/plain; charset=cp037"),
    "uuencoded": simple(b"begin 644 x\n1" + b"86YN84!A+F5X86UP;&4\n`\nend\n", coding="x-uuencode"),
    "an unknown charset": simple(ANNA.encode(), "text/plain; charset=x-klingon"),
    "html": simple(HTML.encode(), "text/html"),
    "html with references": simple(b"&#97;nna&#64;a&period;example", "text/html; charset=us-ascii"),
    "html with hexadecimal references": simple(b"&#x61;nna&commat;a.example", "text/html"),
    "html with tags around the at": simple(b"anna<span>@</span><b>a.example</b>", "text/html"),
    "html with breaks within": simple(b"an<wbr>na@a.ex<wbr/>ample", "text/html"),
    "html with tags within a word": simple(b"<b>an</b><i>na@a</i>.example", "text/html"),
    "html with tags within the domain": simple(b"anna@a.ex<span>ample</span>", "text/html"),
    "invisible characters within": simple("an\u00adna\u200b@a.example".encode()),
    "invisible references within": simple(b"an&shy;na@a.ex&#8203;ample", "text/html"),
    "marks of direction around": simple(f"zie \u202a{ANNA}\u202c".encode()),
    "marks of direction within": simple("an\u200ena@a.ex\u2069ample".encode()),
    "references to marks of direction": simple(b"an&lrm;na@a.ex&#x202C;ample&#8297;", "text/html"),
    "a control character before": simple(f"\x01{ANNA}".encode()),
    "a query": simple(b"https://x.example/?email=anna@a.example&x=1", "text/html"),
    "a multipart": multipart(part(b"dag"), part(f"en {ANNA}".encode())),
    "a calendar invitation": multipart(part(b"dag"), part(b64(ICS), "text/calendar; method=REQUEST", "base64")),
    "a text attachment": multipart(part(ANNA.encode(), more="Content-Disposition: attachment; filename=x.txt\r\n")),
    "an attachment's name": multipart(part(b"%PDF", "application/pdf", more=f'Content-ID: <1>\r\nContent-Disposition: attachment; filename="{ANNA}.pdf"\r\n'.replace(".pdf", " .pdf"))),
    "a message within": multipart(part(b"dag"), part(NESTED, "message/rfc822", "7bit")),
    "a message to her within": multipart(part(mail(to=ANNA), "message/rfc822", "7bit")),
    "a message within, encoded": multipart(part(b64(NESTED), "message/rfc822", "base64")),
    "a message within, whose text is encoded": multipart(
        part(simple(b64(ANNA.encode()), coding="base64"), "message/rfc822")
    ),
    "a message within a message": multipart(part(multipart(part(NESTED, "message/rfc822"), boundary="b2"), "message/rfc822")),
    "a digest": multipart(b"\r\n" + NESTED, kind="digest"),
    "before the parts": multipart(part(b"dag")).replace(b"preamble", ANNA.encode()),
    "after the parts": multipart(part(b"dag")).replace(b"epilogue", ANNA.encode()),
    "a multipart without an end": multipart(part(f"en {ANNA}".encode())).partition(b"--b1--")[0],
    "a multipart without its boundary": multipart(part(f"en {ANNA}".encode())).replace(b"--b1", b"--b7"),
    "a multipart that names none": multipart(part(f"en {ANNA}".encode())).replace(b'; boundary="b1"', b""),
    "a lie: no base64": simple(f"Zie {ANNA}!".encode(), coding="base64"),
    "a lie: quoted printable": simple(QP, coding="7bit").replace(b"8bit", b"quoted-printable"),
    "another field": mail(X_Bijzonder=f"voor {ANNA}"),
    "another field, folded": mail(Received="from x by y for <anna@\r\n\ta.example>; Mon"),
    "another field, encoded": mail(Subject="=?utf-8?q?anna=40a?=\r\n =?utf-8?b?LmV4YW1wbGU=?="),
    "a reference to a message": mail(References=f"<{ANNA}>"),
    "after a line that is no field": mail(sender=None, to=None, head=f"From: {BRAM}\r\ngeen veld\r\nTo: {ANNA}\r\n"),
    "before anything": f"{ANNA}\r\n".encode() + mail(),
    "without any field": ANNA.encode(),
    "without a body": f"Dag: {ANNA}".encode(),
}  # fmt: skip


@pytest.mark.parametrize("content", MENTIONS.values(), ids=MENTIONS.keys())
def test_a_mention_is_found_in_any_encoding_and_withheld(archive: Archive, content: bytes):
    """Edge cases 20 and 22: whatever hides it, and without a word of the message."""
    assert archive.judged(content) == "mention"
    (row,) = archive.read()
    assert {name for name, value in row.items() if value is not None} == {
        "folder", "message", "received_at", "_subject", "_withheld",
    }  # fmt: skip
    assert archive.judged(content, "ann@a.example") is None


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/ms-tnef"])
def test_attachments_that_are_no_text_are_not_opened(archive: Archive, kind: str):
    content = part(b64(ANNA.encode()), kind, "base64", "Content-Disposition: attachment; filename=winmail.dat\r\n")
    assert archive.judged(multipart(part(b"dag"), content)) is None
    archive.put(multipart(part(b"dag"), content).replace(b"bram@b.example", ANNA.encode()))
    assert archive.read()[0]["attachments"] == [{"name": "winmail.dat", "type": kind, "bytes": len(ANNA)}]


def test_mail_among_staff_is_internal(archive: Archive):
    staff = {"sender": "winkel@diamonto.example", "to": "J <jan@mail.Diamonto.example>"}
    assert archive.judged(mail(f"over {ANNA}", **staff)) == "internal"
    assert archive.judged(mail(f"over {ANNA}", **staff, Cc=BRAM)) == "mention"
    assert archive.judged(mail(f"over {ANNA}", **staff, head="Delivered-To: x@notdiamonto.example\r\n")) == "mention"
    assert archive.judged(mail(f"over {ANNA}", sender=None, to=None)) == "mention"
    assert archive.judged(mail(f"over {ANNA}", sender=ANNA, to="winkel@diamonto.example")) == "sender"


def test_a_mention_counts_while_the_address_was_the_subjects(archive: Archive):
    """Edge case 19."""
    archive.put(mail(f"over {ANNA}"))
    assert archive.read(of(ANNA, valid_to=moment("2026-05-01T10:00:00"))) == []
    assert len(archive.read(of(ANNA, valid_from=moment("2026-05-01T10:00:00")))) == 1


TEXTS = {
    "plain": (simple(b"Dag\r\nAnna\r\n"), "Dag\r\nAnna"),
    "html": (simple(b"<style>p{}</style><p>Dag &eacute;<br>Anna</p><!-- x --><script>1</script>", "text/html"), "Dag é\nAnna"),
    "of alternatives the plain one": (multipart(part(b"plat"), part(b"<b>html</b>", "text/html"), kind="alternative"), "plat"),
    "html where the plain one is empty": (multipart(part(b" "), part(b"<b>html</b>", "text/html"), kind="alternative"), " \n\nhtml"),
    "all texts": (multipart(part(b"een"), part(b"<i>twee</i>", "text/html"), part(b"drie")), "een\n\ntwee\n\ndrie"),
    "not the attached": (multipart(part(b"een"), part(b"twee", more="Content-Disposition: attachment\r\n")), "een"),
    "not that of a message within": (multipart(part(b"een"), part(mail("twee"), "message/rfc822")), "een"),
    "latin-1": (simple(LATIN.encode("latin-1"), "text/plain; charset=iso-8859-1"), LATIN),
    "a charset that lies": (simple(LATIN.encode("latin-1"), "text/plain; charset=us-ascii"), LATIN),
    "a charset that is none": (simple(LATIN.encode(), "text/plain; charset=unicode-escape"), LATIN),
    "NUL bytes": (simple(b"a\0b"), "a\0b"),
    "nothing": (mail(""), ""),
    "a multipart of pictures": (multipart(part(b"GIF", "image/gif")), None),
}  # fmt: skip


@pytest.mark.parametrize(("content", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_the_text_is_what_a_reader_sees(archive: Archive, content: bytes, text: str | None):
    archive.put(content)
    assert archive.read(BRAM)[0]["text"] == text


def test_attachments_are_told_by_name_type_and_size(archive: Archive):
    """Edge case 20."""
    archive.put(
        multipart(
            part(b"dag"),
            part(b64(b"x" * 1001), "application/pdf", "base64", "Content-Disposition: attachment;\r\n filename*0*=utf-8''caf%C3%A9;\r\n filename*1=.pdf\r\n"),
            part(b"=41=\r\nB", 'image/png; name="=?utf-8?q?ring=2Epng?="', "quoted-printable"),
            part(ICS, "text/calendar"),
            part(NESTED, "message/rfc822"),
            part(b"x", "tEXT", more='Content-Disposition: attachment; filename="a\\"b.txt"\r\n'),
        )
    )  # fmt: skip
    assert [(a["name"], a["type"], a["bytes"]) for a in archive.read(BRAM)[0]["attachments"]] == [
        ("café.pdf", "application/pdf", 1001), ("ring.png", "image/png", 2), (None, "text/calendar", len(ICS)),
        (None, "message/rfc822", len(NESTED)), ('a"b.txt', "text/plain", 1),
    ]  # fmt: skip


def test_what_pythons_own_library_writes_is_read_the_same(archive: Archive):
    made = EmailMessage()
    made["From"], made["To"] = "Zoë Vries <anna@a.example>", BRAM
    made["Subject"] = "Ringen — " + "heel lang " * 20
    made.set_content("Dag Zoë,\n\n" + "lange regel " * 30 + "\n", cte="quoted-printable")
    made.add_alternative("<p>Dag Zoë</p>", subtype="html", cte="base64")
    made.add_attachment(b"\0\1" * 5000, maintype="application", subtype="pdf", filename="offerte €.pdf")
    archive.put(made.as_bytes())
    (row,) = archive.read()
    assert (row["sender_name"], row["subject_line"]) == ("Zoë Vries", str(made["Subject"]).strip())
    plain = made.get_body(("plain",))
    assert plain is not None
    assert row["text"] == plain.get_content().rstrip("\n")
    assert row["attachments"] == [{"name": "offerte €.pdf", "type": "application/pdf", "bytes": 10_000}]
    assert quopri.encodestring(b"=") == b"=3D"


BLIND = {
    "one of two": (f"Bcc: {BRAM}, Anna <{ANNA}>\r\n", f"Bcc: {ANNA}\r\n"),
    "all others": (f"Bcc: {BRAM},\r\n\tx@x.example\r\n", ""),
    "only the reader": (f"Bcc:  Anna\r\n <{ANNA}> (zelf)\r\n", f"Bcc:  Anna\r\n <{ANNA}> (zelf)\r\n"),
    "resent": (f"Resent-Bcc: {BRAM}\r\nRESENT-BCC: {ANNA}\r\n", f"RESENT-BCC: {ANNA}\r\n"),
    "several": (f"bcc: {BRAM}\nBcC : {ANNA},{BRAM}\n", f"BcC : {ANNA}\n"),
    "a name alone": ("Bcc: Bram de Boer\r\n", ""),
    "empty": ("Bcc:\r\n", "Bcc:\r\n"),
    "with carriage returns": (f"X: 1\rBcc: {BRAM}\rY: 2\r\n", "X: 1\rY: 2\r\n"),
    "after a line that is no field": (f"geen veld\r\nBcc: {BRAM}\r\n", "geen veld\r\n"),
    "NUL in the name": (f"Bc\0c: {BRAM}\r\n", ""),
    "a byte order mark": (f"\ufeffBcc: {BRAM}\r\n", "\ufeff"),
    "of an mbox": (f"From x Mon Jan  1 2026\nBcc: {BRAM}\n", "From x Mon Jan  1 2026\n"),
    "none": (f"X-Blind: {BRAM}\r\n", f"X-Blind: {BRAM}\r\n"),
    "as programs keep it": (f"X-Bcc: {BRAM}\r\n", ""),
    "a name beside the reader": (f"Bcc: {ANNA}, Bram de Boer\r\n", f"Bcc: {ANNA}\r\n"),
    "in the reader's own comment": (f"Bcc: {ANNA} (en {BRAM})\r\n", f"Bcc: {ANNA}\r\n"),
    "as the reader's own name": (f'Bcc: "{BRAM}" <{ANNA}>\r\n', f"Bcc: {ANNA}\r\n"),
    "as a group": (f"Bcc: vrienden van Bram: {ANNA};\r\n", f"Bcc: {ANNA}\r\n"),
    "delivered to all": (f"Envelope-To: {ANNA}, {BRAM}\r\n", f"Envelope-To: {ANNA}\r\n"),
    "delivered to another": (f"Delivered-To: {BRAM}\r\nX-Envelope-To: {BRAM}\r\n", ""),
    "delivered to whom all see": (f"Cc: {BRAM}\r\nDelivered-To: {BRAM}\r\n", f"Cc: {BRAM}\r\nDelivered-To: {BRAM}\r\n"),
    "delivered to the shop": (f"Delivered-To: {SHOP}\r\n", f"Delivered-To: {SHOP}\r\n"),
    "received for another": (
        f"Received: from a by b with SMTP id 1\r\n\tfor <{BRAM}>; Fri, 1 May 2026 10:00:00 +0000\r\n",
        "Received: from a by b with SMTP id 1; Fri, 1 May 2026 10:00:00 +0000\r\n",
    ),
    "received for a quoted one": (
        'Received: from a by b for <"bram b"@b.example>; Fri\r\n',
        "Received: from a by b; Fri\r\n",
    ),
    "received for the reader": (
        f"Received: from a by b\r\n for <{ANNA}>; Fri, 1 May 2026 10:00:00 +0000\r\n",
        f"Received: from a by b\r\n for <{ANNA}>; Fri, 1 May 2026 10:00:00 +0000\r\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), BLIND.values(), ids=BLIND.keys())
@pytest.mark.parametrize("rest", [b"\r\n", b"\nBcc: bram@b.example\r\n"])
def test_others_blind_copies_are_left_out_of_the_original_and_nothing_else(
    archive: Archive, before: str, after: str, rest: bytes
):
    """Edge cases 20 and 22."""
    end = b"X-Raar: \xe9\xff \r\n\tgevouwen  \r\nFrom: Anna <anna@a.example>\r\n" + rest + b"Dag\0\r\rB\xe9\n"
    name = archive.put(before.encode() + end)
    assert archive.original(("INBOX", name)) == before.encode() + end
    assert archive.original(("INBOX", name), ANNA) == after.encode() + end


def test_the_list_of_blind_copies_has_the_subjects_own_and_counts_the_others(archive: Archive):
    archive.put(mail(to=None, sender=ANNA, Bcc=f"{BRAM}, x@x.example, Anna <ANNA@a.example>"))
    (mine,) = archive.read()
    assert (mine["bcc"], mine["_left_out"], mine["_party"]) == (["ANNA@a.example"], ["bcc", "bcc"], "sender,bcc")
    (his,) = archive.read(BRAM)
    assert (his["bcc"], his["_left_out"]) == ([BRAM], ["bcc", "bcc"])


def test_whom_the_envelope_names_unseen_is_left_out_of_its_column_and_counted(archive: Archive):
    """Edge case 22: mail servers write blind copies into the envelope's fields."""
    archive.put(mail(to="undisclosed-recipients:;", head=f"Envelope-To: {ANNA}, {BRAM}\r\nDelivered-To: {SHOP}\r\n"))
    (mine,), (his,) = archive.read(), archive.read(BRAM)
    assert (mine["envelope"], mine["_left_out"], mine["_party"]) == ([ANNA, SHOP], ["envelope"], "envelope")
    assert (his["envelope"], his["_left_out"]) == ([BRAM, SHOP], ["envelope"])


def test_a_text_that_begins_within_the_head_has_no_blind_copies_of_others_either(archive: Archive):
    """Edge cases 20 and 22: after a line that is no field, the text begins; the original left them out already."""
    head = f"geen veld\r\nBcc: {BRAM}\r\nX-Envelope-To: {BRAM}\r\nBcc: {ANNA}\r\n"
    archive.put(f"From: {SHOP}\r\nTo: {ANNA}\r\n{head}\r\nDag".encode())
    (row,) = archive.read()
    assert row["text"].replace("\r", "") == f"geen veld\nBcc: {ANNA}\n\nDag"


def test_a_head_that_is_cut_within_the_end_of_a_line_is_read_on(archive: Archive):
    """Edge case 20: CR CR LF, the first of which alone would be an empty line."""
    first = f"To: {ANNA}\r\r\nX: ".encode()
    for less in range(4):
        filler = first + b"x" * (64 * 1024 - len(first) - less)
        name = archive.put(filler + f"\r\r\nBcc: {BRAM}\r\r\n\r\r\nDag".encode())
        assert archive.original(("INBOX", name), ANNA) == filler + b"\r\r\n\r\r\nDag"


def test_a_head_of_any_length_is_looked_through(archive: Archive):
    filler = b"X-Lang: " + b"x" * 200_000 + b"\r\n"
    body = b"\r\n" + b"y" * 100_000
    name = archive.put(b"From: anna@a.example\r\n" + filler + b"Bcc: bram@b.example\r\n" + filler + body)
    kept = b"From: anna@a.example\r\n" + filler + filler + body
    assert archive.original(("INBOX", name), ANNA) == kept


def test_an_original_of_another_dataset_or_of_none_is_not_given(archive: Archive):
    name = archive.put(mail(to=ANNA), "Administratie")
    for key in (("Administratie", name), ("INBOX", name), ("../x", name), ("INBOX", "../cur/" + name), ("INBOX",)):
        with pytest.raises(BadInput, match=r"mailbox\.no_message"):
            archive.original(key)
