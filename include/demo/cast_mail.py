"""The cast's e-mail: one message for each thing that makes e-mail hard (edge case 20), the same for every seed.

What stands in a comment is why a message is whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from demo import words
from demo.cast import ANNA, HOUSEHOLD, LOTTES_OLD, PEOPLE, PETRA, PIETER, RUUDS_OLD
from demo.files import docx, pdf
from demo.hiring import applicants, employees
from demo.mail import INFO, STAFF, Message, attached, coded, in_base64, lines, parts, plain, union, word
from demo.moments import DAY, HOUR, MINUTE, SECOND, Calendar, mail_date, utc
from demo.owners import NOBODY, Owner
from demo.people import Guest

SANNE, TIM = STAFF
SMITH = Guest("meester@atelier.example", "Meester Goudsmid", "", "")
JOHANNA = Guest("johanna@voorbeeld.example", "Johanna", "", "")
LONGER = Guest("anna@voorbeeld.example.example", "Anna elders", "", "")
SPOOF = Guest("iemand@kwaad.example", "", "", "")
TALENT = Guest("onbekend.talent@post.example", "Onbekend Talent", "", "")
LIST = Guest("lijst@berichten.example", "Een lijst", "", "")
LONELY = (SMITH, JOHANNA, LONGER, SPOOF, TALENT, LIST)
"""People of whom the shop has nothing but e-mail."""

BRAM = "bram@voorbeeld.example"
FILM = b"diamanten zijn voor altijd; " * 57
"""A whole number of lines of base64."""
DROP = "Groet, en tot ziens."


def _own(number: int) -> Owner:
    return PEOPLE[number].owner()


def messages(calendar: Calendar, big: int) -> Iterator[Message]:
    """All of them.

    :param big: bytes of the big attachment; 0: there is none.
    """
    yield from _ordinary(calendar)
    yield from _spoken_of(calendar)
    yield from _passed_on(calendar)
    yield from _envelopes(calendar)
    yield from _broken(calendar)
    yield from _strange(calendar, big)
    yield from _applicants(calendar)


def _mail(
    folder: str, at: int, sender: str, to: str, subject: str, text: str, owner: Owner, how: int = 0, **more: object
) -> Message:
    head = lines(f"From: {sender}", f"To: {to}", f"Subject: {word(subject)}", f"Date: {mail_date(at)}")
    kind, body = coded(text, how)
    return Message(folder, at, head + kind, body, owner, **more)  # type: ignore[arg-type]


def _ordinary(calendar: Calendar) -> Iterator[Message]:
    at = calendar.ago(60, "10:00")
    anna, bram, pieter = _own(1001), _own(1002), PIETER.owner()
    yield _mail("INBOX", at, f"Anna de Vries <{ANNA}>", INFO, "Past de ring?", "De ring is te groot.", anna)
    # Blind copies go to others: what she has lacks them. The second one is to somebody with a right to it herself.
    head = lines(
        f"From: {SANNE}",
        f"To: {ANNA}",
        "Bcc: archief@diamonto.example",
        "Subject: Re: Past de ring?",
        f"Date: {mail_date(at + HOUR)}",
    )
    yield Message("Verzonden", at + HOUR, head, b"Kom gerust langs.\n", anna, blind=(NOBODY,))
    head = lines(
        f"From: {SANNE}",
        f"To: {PIETER.address}",
        "Bcc: Carla.Mulder@POST.example,\n verborgen@diamonto.example",
        "Subject: Actie",
    )
    yield Message(
        "Verzonden", at + 2 * HOUR, head, b"Alleen voor u.\n", union(pieter, _own(1003)), blind=(_own(1003), NOBODY)
    )
    # Her own blind copy alone: nothing is left out of hers.
    head = lines(f"From: {SANNE}", "To: klanten@diamonto.example", "Bcc: <Blij@post.example>", "Subject: Uitnodiging")
    yield Message("Verzonden", at + 3 * HOUR, head, b"U bent welkom.\n", _own(1021), blind=(_own(1021),))
    for n, (folder, sender, to, how) in enumerate((
        ("Klanten.2026", ANNA.upper(), INFO, 1), ("Klanten", SANNE, f'"Vries, Anna de" <{ANNA.title()}>', 2),
        ("Klanten", f"B. van den Berg <{BRAM}>", INFO, 2), ("Verzonden", TIM, f"Bram <{BRAM.upper()}>", 1),
        ("Administratie", "facturen@diamonto.example", ANNA, 0), ("Administratie.Facturen", "facturen@diamonto.example", BRAM, 0),
        ("Klanten.België", SANNE, BRAM, 0),
    )):  # fmt: skip
        owner = anna if "anna" in (sender + to).lower() else bram
        yield _mail(folder, at + n * DAY, sender, to, f"Bericht {n} é", "Met één ✓ en een regel.\n" * 9, owner, how)
    # Two customers and a guest in one thread; the partner in copy; the same message filed twice.
    text, both = "Wij kiezen samen.", union(_own(1017), _own(1018), PETRA.owner())
    for folder in ("INBOX", "Klanten.2026"):
        head = lines(
            "From: iris@post.example",
            f"To: {INFO}",
            f"Cc: Ruben <ruben@post.example>, {PETRA.address}",
            "Message-ID: <samen@post.example>",
            "Subject: Samen",
        )
        base = f"{at // SECOND}.M7P7.tweemaal"
        yield Message(folder, at, head, text.encode(), both, base=base)
    # Names of files: sizes in it, still new, and one without a time of its own (then the file's time is all there is).
    yield _mail("INBOX", at + 5 * HOUR, "daan@post.example", INFO, "Vraag", DROP, _own(1016), sizes=True, flags="FRS")
    yield _mail("INBOX", at + 6 * HOUR, "daan@post.example", INFO, "Nog een vraag", DROP, _own(1016), fresh=True)
    yield _mail(
        "INBOX", utc("2022-06-01T10:00"), "gul@post.example", INFO, "Oud", DROP, _own(1020), base="uit-een-reservekopie"
    )
    # A wide circle of people who are nobody to the shop, and nobody at all.
    yield _mail("INBOX", at, SANNE, TIM, "Rooster", "Wie werkt zaterdag?", NOBODY)


def _spoken_of(calendar: Calendar) -> Iterator[Message]:
    """Between staff, and between staff and others: they are named in it, and are no party to it."""
    at = calendar.ago(50, "11:00")
    anna, bram, smith = _own(1001), _own(1002), SMITH.owner()
    yield _mail("INBOX", at, SANNE, TIM, "Klacht", f"Bel {ANNA} terug; zij is boos.", NOBODY, internal=anna)
    yield _mail(
        "INBOX",
        at + MINUTE,
        SANNE,
        f"{TIM}, inkoop@diamonto.example",
        "Korting",
        f"Voor {BRAM.upper()}: 10 %.",
        NOBODY,
        2,
        internal=bram,
    )
    yield _mail("Klanten", at + 2 * MINUTE, TIM, SANNE, f"Over <{ANNA}>", "Zie onderwerp.", NOBODY, internal=anna)
    yield _mail(
        "INBOX",
        at + HOUR,
        f"Goudsmid <{SMITH.address}>",
        INFO,
        "Reparatie",
        f"De ring van klant {ANNA} is klaar.",
        smith,
        mentioned=anna,
    )
    # A soft line break in the middle of the address.
    head = lines(
        f"From: {SMITH.address}",
        f"To: {INFO}",
        "Subject: Zetting",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    yield Message(
        "INBOX", at + 2 * HOUR, head, b"Gezet voor bram@voor=\nbeeld.example, gereed.\n", smith, mentioned=bram
    )
    head = lines(f"From: {SMITH.address}", f"To: {INFO}", "Subject: Prijs", "Content-Type: text/html; charset=utf-8")
    yield Message(
        "INBOX",
        at + 3 * HOUR,
        head,
        b"<p>Rekening aan <b>bram@voorbeeld.example</b>: <script>alert(1)</script></p>",
        smith,
        mentioned=bram,
    )
    # Another's address that ends or begins with hers names her not.
    yield _mail(
        "INBOX", at + 4 * HOUR, JOHANNA.address, INFO, "Groet", f"Schrijf mij op {JOHANNA.address}", JOHANNA.owner()
    )
    yield _mail("INBOX", at + 5 * HOUR, LONGER.address, INFO, "Groet", DROP, LONGER.owner())
    # Who she says she is, in the name beside another's address.
    yield _mail(
        "INBOX",
        at + 6 * HOUR,
        f'"{ANNA}" <{SPOOF.address}>',
        INFO,
        "Dringend",
        "Maak geld over.",
        SPOOF.owner(),
        mentioned=anna,
    )
    # A message within a message: forwarded to the goldsmith, and among staff.
    inner = b"From: Iris ten Brink <iris@post.example>\nTo: info@diamonto.example\nSubject: Maat\n\nMaat 17.\n"
    for n, (sender, to, owner, named) in enumerate((
        (SANNE, SMITH.address, smith, {"mentioned": _own(1017)}), (SANNE, TIM, NOBODY, {"internal": _own(1017)}),
    )):  # fmt: skip
        kind, body = parts(
            plain("Zie hieronder."), ("Content-Type: message/rfc822\nContent-Disposition: inline", inner)
        )
        head = lines(f"From: {sender}", f"To: {to}", "Subject: Fwd: Maat")
        yield Message("Verzonden", at + n * DAY, head + kind, body, owner, **named)
    # An invitation: Bram is invited by mail, Anna stands in the calendar only.
    calendar_text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:afspraak-1@diamonto.example\r\n"
        f"DTSTART:20260901T100000Z\r\nSUMMARY:Passen\r\nORGANIZER:mailto:{SANNE}\r\nATTENDEE;CN=Bram:mailto:{BRAM}\r\n"
        f"ATTENDEE;CN=Anna:mailto:{ANNA}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    kind, body = parts(
        plain("Uitnodiging"),
        (
            "Content-Type: text/calendar; method=REQUEST; charset=utf-8\nContent-Transfer-Encoding: base64",
            in_base64(calendar_text.encode()),
        ),
        kind="alternative",
    )
    yield Message(
        "Verzonden",
        at + 2 * DAY,
        lines(f"From: {SANNE}", f"To: {BRAM}", "Subject: Passen") + kind,
        body,
        bram,
        mentioned=anna,
    )
    # An employee's own address, among staff.
    yield _mail(
        "INBOX",
        at + 3 * DAY,
        TIM,
        SANNE,
        "Loonstrook",
        "Stuur die van maart aan gul@post.example.",
        NOBODY,
        internal=_own(1020),
    )


def _passed_on(calendar: Calendar) -> Iterator[Message]:
    """An address with a former owner, to the second; a mailbox of two; an address that a guest uses now."""
    lotte, lars = PEOPLE[1007], PEOPLE[1008]
    moved, given = lotte.emails[0].end or 0, lars.created
    for at, owner in (
        (moved - SECOND, lotte.owner()),
        (moved, NOBODY),
        (given - SECOND, NOBODY),
        (given, lars.owner()),
    ):
        yield _mail("INBOX", at, LOTTES_OLD.upper(), INFO, "Van wie?", DROP, owner)
        yield _mail(
            "INBOX", at, SMITH.address, INFO, "Over wie?", f"Klant: {LOTTES_OLD}", SMITH.owner(), mentioned=owner
        )
    yield _mail("Klanten", utc("2021-07-02T10:00"), RUUDS_OLD.address, INFO, "Van Ruud", DROP, _own(1025))
    yield _mail("Klanten", utc("2025-07-02T10:00"), RUUDS_OLD.address, INFO, "Van Rita", DROP, RUUDS_OLD.owner())
    yield _mail(
        "INBOX", utc("2021-05-05T10:00"), "Anna.deVries@oud.example", INFO, "Nog met mijn oude adres", DROP, _own(1001)
    )
    household = PEOPLE[1005].owner_by_address()
    yield _mail("INBOX", calendar.ago(40, "12:00"), HOUSEHOLD, INFO, "Van ons beiden", DROP, household)
    head = lines(f"From: {SANNE}", f"To: {HOUSEHOLD.lower()}", f"Bcc: {PIETER.address}", "Subject: Re: Van ons beiden")
    yield Message(
        "Verzonden", calendar.ago(40, "13:00"), head, DROP.encode(), household | PIETER.owner(), blind=(PIETER.owner(),)
    )


def _envelopes(calendar: Calendar) -> Iterator[Message]:
    """Everywhere that an address may stand besides From and To."""
    at = calendar.ago(30, "09:00")
    for n, (head, owner) in enumerate((
        (("Return-Path: <SASKIA.de.Boer@post.example>", "Subject: Geen afzender, geen datum"), _own(1012)),
        (("From: lijst@berichten.example", "To: undisclosed-recipients:;", "X-Original-To: noor@post.example", f"Delivered-To: {INFO}"), _own(1015)),
        ((f"From: {SANNE}", f"To: {TIM}", "Resent-From: sanne@diamonto.example", "Resent-To: Daan <daan@post.example>"), _own(1016)),
        (("From: Formulier <formulier@diamonto.example>", f"To: {INFO}", "Reply-To: Nacht van der Uil <uil@post.example>"), _own(1023)),
        (("From: namens@diamonto.example", "Sender: zes@post.example", f"To: {INFO}"), _own(1024)),
        ((f"From: {SANNE}", "Envelope-To: nummer@post.example", f"To: {INFO}"), _own(1022)),
        (("From: kantoor@diamonto.example", "Cc: =?utf-8?q?Kees_=F0=9F=91=91?= <kees@post.example>", f"To: {INFO}"), _own(1010)),
        (("From: kantoor@diamonto.example", "X-Envelope-To: ruud.smit@post.example", f"To: {INFO}"), _own(1025)),
    )):  # fmt: skip
        # Whom the list wrote to unseen is the envelope's word, and not for the list's own copy.
        unseen = (owner,) if n == 1 else ()
        whose = owner | (LIST.owner() if n == 1 else NOBODY)
        yield Message("INBOX", at + n * HOUR, lines(*head), b"Tekst.\n", whose, unseen=unseen)


def _broken(calendar: Calendar) -> Iterator[Message]:
    """Headers that are not as they should be; a mail program still shows whom they are from."""
    at = calendar.ago(28, "09:00")
    joost, emilie = _own(1014), _own(1013)
    for n, (head, owner) in enumerate((
        # Letters of Windows in a header; UTF-8 in the address itself, composed and not; in another case.
        ((b"From: Jo\xf6st Visser <joost@post.example>", b"Subject: \xe9\xe9n ring"), joost),
        (("From: Émilie Noël <Émilie.Noël@café.example>".encode(), b"Subject: Bonjour"), emilie),
        (("From: <e\u0301milie.noe\u0308l@cafe\u0301.example>".encode(), b"Subject: Bonjour"), emilie),
        # A quote that is never closed; commas in a name; comments; a route; a group; folded in the middle.
        ((b'From: "Joost Visser <joost@post.example>', b"Subject: quote"), joost),
        ((b'From: "Visser, J. <baas>" <joost@post.example>', b"Subject: comma"), joost),
        ((b"From: joost@post.example (Joost (thuis))", b"Subject: comment"), joost),
        ((b"From: <@relais.example:joost@post.example>", b"Subject: route"), joost),
        ((b"To: Klanten: Joost <joost@post.example>, sanne@diamonto.example;", b"Subject: groep"), joost),
        ((b"From: Joost\n\t<joost@post.example>", b"Subject: gevouwen\n regel"), joost),
        # No date, one that is none, one far ahead; two senders, of which one is ours.
        ((b"From: joost@post.example", b"Date: gisteren om een uur of drie"), joost),
        ((b"From: joost@post.example", b"Date: Sat, 01 Jan 2099 00:00:00 +9900"), joost),
        ((b"From: sanne@diamonto.example", b"From: joost@post.example", b"Subject: twee"), joost),
        # A header that would like to be two, once it is decoded.
        ((b"From: joost@post.example", b"Subject: =?utf-8?b?aG9pDQpCY2M6IGllbWFuZEBkaWFtb250by5leGFtcGxl?="), joost),
    )):  # fmt: skip
        yield Message("INBOX", at + n * HOUR, head, b"Tekst.\n", owner)
    # Nothing at all; a text without any header.
    yield Message("INBOX", at + 20 * HOUR, (), b"", NOBODY)
    yield Message("INBOX", at + 21 * HOUR, (), b"zomaar wat tekst, zonder kop\n", NOBODY)


def _strange(calendar: Calendar, big: int) -> Iterator[Message]:
    """Bodies that are not what they say."""
    at = calendar.ago(26, "09:00")
    sjoerd, head = _own(1009), lines("From: sjoerd.d'hondt@post.example", f"To: {INFO}")
    for n, (kind, body) in enumerate((
        (lines("Content-Type: text/plain; charset=us-ascii"), "één ring, écht".encode()),
        (lines("Content-Type: text/plain; charset=x-onbekend"), b"\xff\xfe\x00 wat is dit"),
        (lines("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"), b"RGl0IGlzIGFmZ2VrYXB0!!!\nZ"),
        (lines('Content-Type: multipart/mixed; boundary="grens"'), b"--grens\nContent-Type: text/plain\n\nnooit gesloten\n"),
        (lines("Content-Type: multipart/mixed"), b"welke grens?\n"),
        (lines("Content-Type: text/html; charset=utf-8"), f"<h1>{words.HOSTILE[3]}</h1>".encode()),
        parts(plain("Zie bijlage"), attached("winmail.dat", "application/ms-tnef", b"\x78\x9f\x3e\x22\x01\x00\x06\x90\x08\x00")),
        parts(plain(words.HOSTILE[2]), attached("=?utf-8?q?rekening_=E2=82=AC.pdf?=", "application/pdf", pdf("Rekening"))),
        parts(plain("twee"), attached("../../etc/naam.txt", "text/plain", b"niet daarheen\n")),
    )):  # fmt: skip
        yield Message("INBOX", at + n * HOUR, (*head, b"Subject: %d" % n, *kind), body, sjoerd)
    if big:
        kind, body = parts(plain("Het filmpje"), attached("filmpje.mp4", "video/mp4", FILM, big // len(FILM)))
        yield Message("INBOX", at + 20 * HOUR, head + kind, body, sjoerd)


def _applicants(calendar: Calendar) -> Iterator[Message]:
    """Applications by e-mail, with their answers; a CV that went to the general address."""
    desk = "sollicitatie@diamonto.example"
    for applicant in applicants(calendar):
        if not applicant.writes:
            continue
        first = applicant.applications[0]
        kind, body = parts(
            plain("In de bijlage mijn cv."),
            attached(
                "cv.docx",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                docx(applicant.name),
            ),
        )
        general = first.channel == "general"
        head = lines(
            f"From: {word(applicant.name)} <{applicant.email}>",
            f"To: {INFO if general else desk}",
            "Subject: Sollicitatie",
            f"Date: {mail_date(first.applied)}",
        )
        yield Message("INBOX" if general else "Sollicitaties", first.applied, head + kind, body, applicant.owner)
        if first.rejected is not None:
            yield _mail(
                "Sollicitaties",
                first.rejected,
                desk,
                applicant.email.upper(),
                "Uw sollicitatie",
                "Helaas kiezen wij een ander.",
                applicant.owner,
            )
    # Nobody wrote this one down: the shop has the message and nothing else.
    kind, body = parts(plain("Ik zoek werk."), attached("cv.pdf", "application/pdf", pdf("Onbekend Talent")))
    yield Message(
        "INBOX",
        calendar.ago(12, "10:00"),
        lines(f"From: {TALENT.address}", f"To: {INFO}", "Subject: Werk?") + kind,
        body,
        TALENT.owner(),
    )
    third = employees(calendar)[2]
    yield _mail("Klanten", calendar.ago(11, "10:00"), third.email, INFO, "Als klant", "Ik ben ook klant.", third.owner)
