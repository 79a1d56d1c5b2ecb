"""What is said of an erasure that was done, all of it or so far: in the register, and to the person (R-ERASE)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from privacy.datamap.models import Text
from privacy.rights.letter_kinds import Kind
from privacy.rights.notices import names_told
from privacy.rights.payload import Act
from privacy.rights.states import State

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.plans.erasure import Erasure, Part
    from privacy.plans.progress import Tally
    from privacy.rights.house import House
    from privacy.rights.payload import Payload

LATER = ("held", "changed", "failed")
"""Why something stays that goes later, as soon as it can."""


def close(
    house: House, made: Erasure, tally: Tally, *, run: str, actor: str, new: Mapping[str, int] | None = None
) -> bool:
    """Record in the register what was done. Safe to repeat.

    :param new: records by dataset that came after the plan and are to go too.
    :returns: whether all of it is: nothing waits any more, nothing was held, changed or came meanwhile.
    """
    from privacy.plans.erasure import Fate

    number = str(made.request)
    waits = any(part.fate is Fate.WAITING for part in made.parts) or any(tally.kept.get(why) for why in LATER)
    waits = waits or bool(new)
    remember(house, number)
    tell_processors(house, made, tally, actor=actor)
    said = counts(made, tally) | ({"new": sum(new.values())} if new else {})
    act = Act(author=actor, at=house.clock.now(), digest=made.digest, counts=said)
    house.register.acted(number, act, partly=waits, run=run)
    return not waits


def remember(house: House, number: str) -> None:
    """Mark who was erased, before the register forgets them: a restored backup brings nobody back. Safe to repeat."""
    from privacy.rights.markers import Markers

    subject = house.register.resolution(number)
    if subject is not None:
        with house.ledger.writing() as writing:
            Markers(house).note(writing, subject, house.clock.now())


def tell_processors(house: House, made: Erasure, tally: Tally, *, actor: str) -> None:
    """Make the notices to those who process what went (art. 19 GDPR); ``watch_deadlines`` sends them."""
    from privacy.rights.notices import Notices, changed

    if made.request is not None and (datasets := changed(made, tally)):
        Notices(house).tell(made.request, "erasure", datasets, author=actor)


def counts(made: Erasure, tally: Tally) -> dict[str, int]:
    """Records by what became of them: ``deleted``, and what stays (:func:`kept`)."""
    said = {"deleted": sum(count for count, _ in deleted(made, tally).values()), **kept(made, tally)}
    return {name: count for name, count in said.items() if count}


def deleted(made: Erasure, tally: Tally) -> dict[str, tuple[int, int]]:
    """Records and bytes that went, by dataset."""
    from privacy.plans.erasure import Fate

    found: dict[str, tuple[int, int]] = {}
    for number, part in enumerate(made.parts):
        if part.fate is Fate.DELETED:
            count, size = found.get(part.dataset, (0, 0))
            found[part.dataset] = count + tally.deleted[str(number)], size + tally.bytes[str(number)]
    return found


def kept(made: Erasure, tally: Tally) -> dict[str, int]:
    """Records that stay, by why: emptied (``set``, ``shared``, ``referenced``), retained, waiting, held, ..."""
    from privacy.plans.erasure import Fate

    found: Counter[str] = Counter(tally.records)
    for number, part in enumerate(made.parts):
        if part.fate.stays:
            found[part.fate.value] += part.records
        elif part.fate is not Fate.DELETED:
            found[part.fate.value] += tally.deleted[str(number)]
    return {why: count for why, count in found.items() if count}


UNKNOWN = Text(nl="een dag die nog niet bekend is", en="a day that is not known yet")
HELD = Text(nl="een verplichting om te bewaren, of een ander verzoek", en="a duty to keep it, or another request")
REVIEW = Text(
    nl="correspondentie van anderen, waarin u alleen wordt genoemd (art. 17 lid 3 AVG)",
    en="correspondence of others, in which you are only mentioned (art. 17(3) GDPR)",
)
CAME = Text(nl="Gegevens die erbij kwamen terwijl wij bezig waren", en="Data that came in while we were at it")
DAILY = Text(nl="gaat mee met de volgende dagelijkse ronde", en="goes with the next daily round")


def tell(house: House, number: str, made: Erasure, tally: Tally, *, author: str, by_post: bool = False) -> bool:
    """Write to the person what was done; when all is, close the request and forget whom it was about (promise REG).

    Safe to repeat: each letter goes out once.

    :param by_post: nothing is sent: whoever calls this prints the letter (:func:`letter`) and posts it.
    :returns: whether the request is closed now.
    :raises Refused: ``letters.no_known_address``: nobody knows an address; it goes by post, by hand.
    :raises RetryLater: it cannot be sent now.
    """
    request, said = house.register.get(number), _said(house, number, made, tally)
    if request.state is State.PARTLY_DONE:
        house.letters.write(number, Kind.ERASURE, said, author=author, by_post=by_post)
        return False
    if request.state is not State.ACTED:
        return request.state is State.ANSWERED
    house.letters.write(number, _kind(house, number), said, author=author, by_post=by_post)
    house.register.answered(number, author)
    house.register.forget(number, author=author)
    return True


def letter(house: House, number: str, made: Erasure, tally: Tally) -> str:
    """What the person is to be told, as a letter to print. Nothing is sent or recorded."""
    content = house.letters.preview(number, _kind(house, number), _said(house, number, made, tally))
    return f"{content.subject}\n\n{content.text}"


def _kind(house: House, number: str) -> Kind:
    """Which letter is to go out: the second one only to whoever got the first."""
    before = {stub.kind for stub in house.register.open(number).letters}
    rest = house.register.get(number).state is State.ACTED and Kind.ERASURE.value in before
    return Kind.ERASURE_REST if rest else Kind.ERASURE


def _said(house: House, number: str, made: Erasure, tally: Tally) -> dict[str, object]:
    payload = house.register.open(number)
    act = payload.act or payload.partly
    new = act.counts.get("new", 0) if act is not None and act.digest == made.digest else 0
    before = _before(house, number, made.run, payload)
    return values(house.datamap, made, tally, new=new, before=before) | {"told": names_told(house, number)}


def _before(house: House, number: str, run: str, payload: Payload) -> dict[str, int]:
    """What went in other runs of the request, one that died too, since the last letter: the person is told of all."""
    told = max((stub.at for stub in payload.letters if stub.kind in (Kind.ERASURE, Kind.ERASURE_REST)), default=None)
    found: Counter[str] = Counter()
    for ended in house.ledger.entries(request=number, kind="run.ended"):
        at = datetime.fromisoformat(str(ended.entry["at"]))
        if ended.entry["run"] != run and (told is None or at > told):
            counted: dict[str, dict[str, int]] = ended.entry.get("datasets") or {}  # type: ignore[assignment]
            found.update({name: one["records"] for name, one in counted.items()})
    return {name: count for name, count in found.items() if count}


def values(
    datamap: DataMap, made: Erasure, tally: Tally, *, new: int = 0, before: Mapping[str, int] | None = None
) -> dict[str, object]:
    """What the letters of an erasure tell: what went, what is retained until when and why, what waits for what.

    :param new: how many records came after the plan.
    :param before: records by dataset that went in earlier runs, of which they were not told yet.
    """
    from privacy.plans.erasure import Fate

    known = {ref.full: ref.dataset.title for ref in datamap}
    gone: dict[str, dict[str, Any]] = {
        name: {"what": known[name], "count": count} for name, count in (before or {}).items() if name in known
    }
    retained: list[dict[str, object]] = []
    waiting: list[dict[str, object]] = []
    for number, part in enumerate(made.parts):
        dataset = datamap[part.dataset].dataset
        done = tally.deleted[str(number)]
        if part.fate is Fate.RETAINED and dataset.erasure.ground is not None:
            retained += [
                {"what": dataset.title, "count": count, "why": dataset.erasure.ground, "until": _until(day)}
                for day, count in sorted(part.until.items())
            ]
        elif part.fate is Fate.REVIEW:
            retained.append({"what": dataset.title, "count": part.records, "why": REVIEW, "until": UNKNOWN})
        elif part.fate is Fate.WAITING:
            waiting += [{"what": dataset.title, "count": part.records, "why": why} for why in grounds(datamap, part)]
        elif done:
            gone.setdefault(part.dataset, {"what": dataset.title, "count": 0})["count"] += done
        stayed = tally.stayed.get(str(number), {})
        if part.change is not None and not part.fate.stays:
            held, missed = stayed.get(LATER[0], 0), sum(stayed.get(why, 0) for why in LATER[1:])
            waiting += [
                {"what": dataset.title, "count": n, "why": why} for n, why in ((held, HELD), (missed, DAILY)) if n
            ]
        if left := stayed.get(Fate.REVIEW.value):
            retained.append({"what": dataset.title, "count": left, "why": REVIEW, "until": UNKNOWN})
    if new:
        waiting.append({"what": CAME, "count": new, "why": DAILY})
    return {"gone": list(gone.values()), "retained": retained, "waiting": waiting, "by": None, "told": ()}


def grounds(datamap: DataMap, part: Part) -> list[Text]:
    """On which grounds what waits is kept meanwhile."""
    ref = datamap[part.dataset]
    found: dict[str, Text] = {}
    for name in ref.dataset.erasure.wait_for:
        unfinished = ref.system.datasets[name].unfinished
        found |= unfinished.grounds if unfinished else {}
    return [found[reason] for reason in part.reasons]


def _until(day: str) -> date | Text:
    return date.fromisoformat(day) if day else UNKNOWN
