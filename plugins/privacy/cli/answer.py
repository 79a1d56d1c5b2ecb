"""``privacy request``: review, deliver, letter: what an answer still needs before and after its release."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, Number, actor, local, on_a_terminal, shown, tell, workbench
from privacy.errors import Refused

if TYPE_CHECKING:
    from privacy.rights.payload import Payload

# The library's own, written again so that --help need not import the library; a test compares them.
WayName = enum.StrEnum("WayName", ["sms", "phone", "post", "counter"])
LetterName = enum.StrEnum(
    "LetterName",
    [
        "receipt", "identity_needed", "extension", "answer", "restriction", "restriction_reminder",
        "restriction_lifted", "objection", "objection_upheld", "objection_rejected", "rectification",
        "address_changed", "erasure", "erasure_rest", "marketing_stop", "consent_withdrawal", "client_end",
        "complaint", "refusal",
    ],
)  # fmt: skip
LanguageName = enum.StrEnum("LanguageName", ["nl", "en"])


def review(number: Number, as_json: Json = False) -> None:
    """Record that you have looked at what the copy withholds, redacts or omits; its release waits for that."""
    house = workbench()
    found = house.register.review(number, actor())
    tell(found.as_json(), f"{found.number} is reviewed. Next: {found.dates.next_step}.", as_json=as_json)


def deliver(
    number: Number,
    passphrase_by: Annotated[
        WayName, typer.Option(help="By which other way the passphrase travels; the shop has to know the person by it.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the encrypted ZIP there, to hand it over; no e-mail.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="It was delivered before, and is lost.")] = False,
    as_json: Json = False,
) -> None:
    """Deliver a released copy as an encrypted ZIP; its passphrase is shown once, on a terminal only."""
    from privacy.rights.delivering import deliver as hand_over

    _only_on_a_terminal("The passphrase is shown on a terminal only; nothing was delivered.")
    house = workbench()
    done = hand_over(house, number, passphrase_by.value, actor(), out=out, again=again)
    found = house.register.get(number)
    until = local(done.until, house.policy.zone)
    data = {
        **found.as_json(), "how": done.how, "sha256": done.digest, "passphrase": done.passphrase,
        "until": None if done.until is None else done.until.isoformat(), "letter": done.letter,
    }  # fmt: skip
    lines = [f"{found.number} is delivered by {done.how}." + (f" The link is good until {until}." if until else "")]
    lines += [f"file to hand over: {done.out}", "letter to go with it:", "", done.letter] if done.out else []
    lines += [f"passphrase, shown this once, by {passphrase_by.value} only: {done.passphrase}"]
    lines += [f"the shop knows the person by: {shown(contact)}" for contact in done.contacts]
    tell(data, "\n".join(lines), as_json=as_json)


def letter(
    number: Number,
    kind: Annotated[LetterName, typer.Argument(metavar="KIND", help="Such as receipt, identity_needed, refusal.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show it, with made-up values; send nothing.")] = False,
    by_post: Annotated[bool, typer.Option("--by-post", help="Print it, for you to post, and record that.")] = False,
    language: Annotated[LanguageName | None, typer.Option(help="Of the preview; the person's by default.")] = None,
    as_json: Json = False,
) -> None:
    """Send a letter that a person decides on (receipt, identity_needed, complaint, refusal), or look at any."""
    from privacy.rights.by_hand import send
    from privacy.rights.letter_kinds import Kind

    house, chosen = workbench(), Kind(kind.value)
    if preview:
        content = house.letters.preview(number, chosen, language=language.value if language else None)
        data = {"subject": content.subject, "text": content.text, "html": content.html}
        tell(data, f"{content.subject}\n\n{content.text}", as_json=as_json)
        return
    sent = send(house, number, chosen, actor(), by_post=by_post)
    stub = sent.stub
    data = {"kind": stub.kind, "channel": stub.channel, "at": stub.at.isoformat(), "sha256": stub.digest}
    text = f"{stub.kind} went out by {stub.channel}, {local(stub.at, house.policy.zone)}."
    if by_post and sent.content is not None:
        data["text"] = sent.content.text
        text = f"{sent.content.subject}\n\n{sent.content.text}\n{text}"
    tell(data, text, as_json=as_json)


def answer(number: Number, as_json: Json = False) -> None:
    """Record that a complaint was looked into and answered, by a person; it is closed by that."""
    from privacy.rights.by_hand import settle

    found = settle(workbench(), number, actor())
    tell(found.as_json(), f"{found.number} is answered.", as_json=as_json)


def inform(
    number: Number,
    by_post: Annotated[
        bool, typer.Option("--by-post", help="Print the letter, for you to post, and record that.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell the person what an erasure did, where the letter could not go out by itself; all done, it is closed then."""
    from privacy.orchestration.erasures import told_later

    house = workbench()
    if by_post:
        _only_on_a_terminal("A letter to a person is printed on a terminal only; nothing was recorded.")
    closed, text = told_later(house, number, author=actor(), by_post=by_post)
    lines = [text] if by_post else []
    lines.append(f"{house.register.get(number).number}: the person is told" + (", and forgotten." if closed else "."))
    tell({"number": house.register.get(number).number, "closed": closed}, "\n".join(lines), as_json=as_json)


def told(payload: Payload, zone: str) -> tuple[dict[str, object], list[str]]:
    """What went out for a request, for `show`: kinds and moments, nothing personal."""
    letters = [{"kind": one.kind, "at": one.at.isoformat(), "channel": one.channel} for one in payload.letters]
    lines = [f"letter: {one.kind}, {local(one.at, zone)}, by {one.channel}" for one in payload.letters]
    data: dict[str, object] = {"letters": letters} if letters else {}
    delivery, bundle = payload.delivery, payload.bundle
    if delivery is not None and delivery.delivered_at is not None:
        data["delivered_at"], data["how"] = delivery.delivered_at.isoformat(), delivery.how
        way = f"by {delivery.how}, its passphrase by {delivery.passphrase_by}"
        lines.append(f"delivered: {local(delivery.delivered_at, zone)}, {way}")
    if bundle is not None and bundle.left_out:
        data["left_out"] = bundle.left_out
        looked = "" if payload.review else f"; look, then: privacy request review {payload.number}"
        said = ", ".join(f"{n} {what}" for what, n in bundle.left_out.items())
        lines.append(f"left out of the copy: {said}{looked}")
    return data, lines


def _only_on_a_terminal(message: str) -> None:
    if not on_a_terminal():
        raise Refused("cli.not_a_terminal", message, advice="Run the command without redirecting its output.")
