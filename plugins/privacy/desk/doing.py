"""The deeds of an operator on a request, each by the library's own function: what the command line calls too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from privacy.errors import BadInput
from privacy.rights.deeds import Deed
from privacy.rights.payload import Evidence, EvidenceKind, Ground, Necessity

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.letters import Sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deed came to. :param said: a sentence. :param post: a letter to print and post today, if there is any.

    :param lines: what else has to be known or done.
    """

    said: str
    post: str = field(default="", repr=False)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A deed that somebody wants done. :param form: what they typed, by field. :param author: who they are."""

    house: House = field(repr=False)
    number: str
    form: Mapping[str, str] = field(repr=False)
    author: str

    def get(self, name: str) -> str:
        """A field; empty: nothing was typed."""
        return self.form.get(name, "").strip()

    @property
    def by_post(self) -> bool:
        """Whether the letter is printed and posted, not mailed."""
        return bool(self.get("by_post"))


def do(asked: Asked, deed: Deed) -> Outcome:
    """Do it.

    :raises Refused: the state does not allow it (any more), or a rule does not. :raises BadInput: what was typed.
    """
    return _DEEDS[deed](asked)


def _prove(asked: Asked) -> Outcome:
    evidence = _evidence(asked)
    if evidence is None:
        raise BadInput("proof.kind", "Say what proves the identity.")
    asked.house.register.prove(asked.number, evidence, asked.author)
    return Outcome("The proof is recorded.")


def _evidence(asked: Asked) -> Evidence | None:
    kind = next((one for one in EvidenceKind if one.value == asked.get("kind")), None)
    if kind is None:
        return None
    return Evidence.of(kind=kind, seen=asked.get("seen"), address=asked.get("address") or None)


def _decide(asked: Asked) -> Outcome:
    from privacy.rights.by_hand import choose

    person = asked.get("person")
    if not person.isascii() or not person.isdigit() or len(person) > 6:
        raise BadInput("request.no_candidate", "Choose whose the request is.")
    choose(
        asked.house, asked.number, int(person), "theirs" if asked.get("whose") == "theirs" else "shared", asked.author
    )
    return Outcome("It is decided whose the request is. Start it again: it goes on with that.")


def _correct(asked: Asked) -> Outcome:
    from privacy.rights.corrections import correct

    nothing, to = bool(asked.get("nothing")), asked.get("to")
    if nothing == bool(to):
        raise BadInput("rectify.to", "Say what it should say, or that nothing should stand there.")
    correct(
        asked.house, asked.number, asked.get("fact"), to or None, asked.author, was=asked.get("was") or None,
        row=asked.get("row") or None,
    )  # fmt: skip
    count = len(asked.house.register.correction(asked.number).wanted)
    return Outcome(f"Written down: {count} to correct. Nothing is changed before the plan is approved.")


def _review(asked: Asked) -> Outcome:
    asked.house.register.review(asked.number, asked.author)
    return Outcome("Recorded: you have looked at what the copy leaves out.")


def _release(asked: Asked) -> Outcome:
    asked.house.register.release(asked.number, asked.author)
    return Outcome("The bundle is released. Deliver it now.")


def _uphold(asked: Asked) -> Outcome:
    from privacy.rights.objecting import uphold

    _, copy, sent = uphold(asked.house, asked.number, asked.author, by_post=asked.by_post)
    return _with(sent, asked, f"The objection is upheld. The copy goes under {copy.number}.")


def _reject(asked: Asked) -> Outcome:
    from privacy.rights.objecting import reject

    ground = _ground(asked)
    _, sent = reject(
        asked.house, asked.number, ground, asked.author, because=asked.get("because"), by_post=asked.by_post
    )
    return _with(sent, asked, "The objection is rejected.")


def _ground(asked: Asked) -> Ground:
    found = next((one for one in Ground if one.value == asked.get("ground")), None)
    if found is None:
        raise BadInput("request.ground", "Choose the ground.")
    return found


def _confirm(asked: Asked) -> Outcome:
    from privacy.rights.confirming import confirm

    return _with(confirm(asked.house, asked.number, asked.author, by_post=asked.by_post), asked, "Confirmed.")


def _tell(asked: Asked) -> Outcome:
    from privacy.orchestration.erasures import told_later

    closed, text = told_later(asked.house, asked.number, author=asked.author, by_post=asked.by_post)
    said = "The person is told" + (", and forgotten." if closed else ".")
    return Outcome(said, text if asked.by_post else "")


def _settle(asked: Asked) -> Outcome:
    from privacy.rights.by_hand import settle

    settle(asked.house, asked.number, asked.author)
    return Outcome("The complaint is answered, and closed.")


def _lift(asked: Asked) -> Outcome:
    from privacy.rights.restricting import announce

    register = asked.house.register
    found, sent = announce(
        asked.house, asked.number, asked.get("word"), asked.author, channel=asked.get("channel"),
        evidence=_evidence(asked), by_post=asked.by_post,
    )  # fmt: skip
    if found.dates.lifted_at:
        return Outcome("It is lifted.")
    lifting = register.open(asked.number).lifting
    day = lifting.on.isoformat() if lifting else ""
    return _with(sent, asked, f"It will be lifted on {day}; the person is told.")


def _unlift(asked: Asked) -> Outcome:
    asked.house.register.keep_stop(asked.number, asked.author)
    return Outcome("It is not lifted; it stays as it is.")


def _remind(asked: Asked) -> Outcome:
    from privacy.rights.restricting import remind

    sent = [one for _, one in remind(asked.house, author=asked.author, number=asked.number, by_post=asked.by_post)]
    return _with(sent[0], asked, "The person is reminded.") if sent else Outcome("They were told this year already.")


def _letter(asked: Asked) -> Outcome:
    from privacy.rights.by_hand import send
    from privacy.rights.letter_kinds import Kind

    kind = next((one for one in Kind if one.value == asked.get("letter")), None)
    if kind is None:
        raise BadInput("letters.kind", "Choose a letter.")
    return _with(
        send(asked.house, asked.number, kind, asked.author, by_post=asked.by_post), asked, "The letter went out."
    )


def _ask(asked: Asked) -> Outcome:
    from privacy.rights.deliveries import place

    house = asked.house
    found = house.deliveries.ask(asked.number, None, asked.author)
    lines = [
        f"{house.policy.processors[one.processor].name} ({one.dataset}): {place(house, one, asked.number)}"
        for one in found
    ]
    return Outcome(
        "Recorded as asked. Send each of them this request's number, and where they deliver; last of all the file "
        "DELIVERED, with what sha256sum says of each file, a line a file.",
        lines=tuple(lines),
    )


def _extend(asked: Asked) -> Outcome:
    from privacy.rights.extending import extend

    ground = next((one for one in Necessity if one.value == asked.get("ground")), None)
    if ground is None:
        raise BadInput("request.ground", "Choose why it takes longer; the law knows these two.")
    found, notice = extend(asked.house, asked.number, ground, asked.author, by_post=asked.by_post)
    post = "" if notice.sent else f"{notice.subject}\n\n{notice.text}"
    return Outcome(f"The answer is due on {found.due:%-d %B %Y}; the person is told.", post)


def _refuse(asked: Asked) -> Outcome:
    asked.house.register.refuse(asked.number, _ground(asked), asked.author, because=asked.get("because"))
    return Outcome("The request is refused. Tell the person: send the letter.")


def _with(sent: Sent | None, asked: Asked, said: str) -> Outcome:
    if sent is None or not asked.by_post or sent.content is None:
        return Outcome(said)
    return Outcome(said, f"{sent.content.subject}\n\n{sent.content.text}")


_DEEDS: Mapping[Deed, Callable[[Asked], Outcome]] = {
    Deed.DECIDE: _decide, Deed.CORRECT: _correct, Deed.PROVE: _prove, Deed.REVIEW: _review, Deed.RELEASE: _release,
    Deed.UPHOLD: _uphold, Deed.REJECT: _reject, Deed.CONFIRM: _confirm, Deed.TELL: _tell, Deed.SETTLE: _settle,
    Deed.LIFT: _lift, Deed.UNLIFT: _unlift, Deed.REMIND: _remind, Deed.LETTER: _letter, Deed.ASK: _ask,
    Deed.EXTEND: _extend, Deed.REFUSE: _refuse,
}  # fmt: skip

HERE = frozenset(_DEEDS)
"""The deeds that are done by a form of the request's page; the DAG is started, and a bundle delivered, elsewhere."""
