"""``privacy request confirm``, ``uphold``, ``reject``, ``lift``, ``unlift``, ``remind``: what was stopped, its end."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli.common import Json, Number, actor, given, tell, workbench

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.letters import Sent
    from privacy.rights.rows import Request

RejectionName = enum.StrEnum("RejectionName", ["compelling_grounds", "manifestly_unfounded", "excessive"])
ProofName = enum.StrEnum("ProofName", ["known_address", "document", "knowledge"])
"""The library's own, written again so that --help need not import the library; a test compares them."""

ByPost = Annotated[bool, typer.Option("--by-post", help="No address is known: print the letter, and post it.")]


def confirm(number: Number, by_post: ByPost = False, as_json: Json = False) -> None:
    """Tell the person what was stopped, where the run of the request could not: it answers the request."""
    from privacy.rights.confirming import confirm

    house = workbench()
    sent = confirm(house, number, actor(), by_post=by_post)
    _told(house.register.get(number), "is confirmed.", sent, by_post=by_post, as_json=as_json)


def uphold(number: Number, by_post: ByPost = False, as_json: Json = False) -> None:
    """Uphold an objection: a copy is opened for the person first, the stop lasts, they are told."""
    from privacy.rights.objecting import uphold

    found, copy, sent = uphold(workbench(), number, actor(), by_post=by_post)
    text = f"is upheld. The copy goes under {copy.number}."
    _told(found, text, sent, by_post=by_post, as_json=as_json, copy=copy.number)


def reject(
    number: Number,
    because: Annotated[str, typer.Option(help="The reason, as the person is told it; sealed; - asks for it.")],
    ground: Annotated[RejectionName, typer.Option(help="On what ground.")] = RejectionName.compelling_grounds,
    by_post: ByPost = False,
    as_json: Json = False,
) -> None:
    """Reject an objection: hold and stop end, and the person is told why and where to complain."""
    from privacy.rights.objecting import reject
    from privacy.rights.payload import Ground

    why = given(because, "Because")
    found, sent = reject(workbench(), number, Ground(ground.value), actor(), because=why, by_post=by_post)
    _told(found, "is rejected.", sent, by_post=by_post, as_json=as_json)


def lift(
    number: Number,
    word: Annotated[str, typer.Option(help="What the person said, sealed; - asks for it.")],
    channel: Annotated[str, typer.Option(help="How they said it.")],
    by: Annotated[ProofName | None, typer.Option(help="What proves that it was they, if not proven yet.")] = None,
    address: Annotated[str | None, typer.Option(help="The address that it came from; - asks for it.")] = None,
    seen: Annotated[str, typer.Option(help="What was seen, in words; - asks for it.")] = "",
    by_post: ByPost = False,
    as_json: Json = False,
) -> None:
    """Record the person's own word that what they had stopped may go on; nobody else can lift it.

    A restriction is lifted a week later: the person is told the day by letter, and may still change their mind.
    """
    from privacy.rights.payload import Evidence, EvidenceKind
    from privacy.rights.restricting import announce

    evidence = None
    if by is not None:
        evidence = Evidence.of(
            kind=EvidenceKind(by.value),
            seen=given(seen, "What was seen") if seen else "",
            address=None if address is None else given(address, "Address"),
        )
    house = workbench()
    found, sent = announce(
        house, number, given(word, "What the person said"), actor(), channel=given(channel, "Channel"),
        evidence=evidence, by_post=by_post,
    )  # fmt: skip
    lifting = house.register.open(found.number).lifting
    day = lifting.on.isoformat() if lifting else None
    text = "is lifted." if found.dates.lifted_at else f"will be lifted on {day}."
    _told(found, text, sent, by_post=by_post, as_json=as_json, lifted_on=day)


def unlift(number: Number, as_json: Json = False) -> None:
    """The person has changed their mind before the day on which it was to be lifted: it stays."""
    found = workbench().register.keep_stop(number, actor())
    tell(found.as_json(), f"{found.number} is not lifted; it stays as it is.", as_json=as_json)


def remind(number: Number, by_post: ByPost = False, as_json: Json = False) -> None:
    """Tell whoever has a restriction that it is still there, where the yearly letter could not be sent."""
    from privacy.rights.restricting import remind

    house = workbench()
    found = house.register.get(number)
    sent = [letter for _, letter in remind(house, author=actor(), number=found.number, by_post=by_post)]
    text = "is reminded." if sent else "is not due, or was told this year."
    _told(found, text, sent[0] if sent else None, by_post=by_post, as_json=as_json)


def stopped(house: House, made: Request) -> str:
    """What somebody has to know who has just registered a request that stops something; empty: nothing."""
    from privacy.rights.naming import not_stopped

    if not not_stopped(house, made):
        return ""
    return (
        "NOT STOPPED YET: more than one person fits, or nobody is known by it. All of them are held where the right "
        f"does; its run finds out, or asks: privacy request decide {made.number}"
    )


def _told(found: Request, text: str, sent: Sent | None, *, by_post: bool, as_json: bool, **more: str | None) -> None:
    data: dict[str, Any] = {**found.as_json(), **more}
    said = f"{found.number} {text}"
    if sent is not None:
        data["letter"] = {"kind": sent.stub.kind, "channel": sent.stub.channel}
        if by_post and sent.content is not None:
            data["letter"] |= {"subject": sent.content.subject, "text": sent.content.text}
            said += f" Post this today:\n\n{sent.content.subject}\n\n{sent.content.text}"
    tell(data, said, as_json=as_json)
