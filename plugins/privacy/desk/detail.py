"""A request as its page shows it: what anybody may see of it, and what only whoever may act on it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from privacy.desk import typed
from privacy.desk.advising import here
from privacy.errors import PrivacyError
from privacy.rights.corrections import Shown, shown
from privacy.rights.deeds import Deed, allowed, following, grounds, letters_by_hand
from privacy.rights.deliveries import State as Asking
from privacy.rights.naming import not_stopped
from privacy.rights.notice_rows import Notice
from privacy.rights.notices import Notices
from privacy.rights.states import MOMENTS, Right, State

if TYPE_CHECKING:
    from privacy.rights.deliveries import Delivery
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request
    from privacy.sources.base import Identifier


_STEPS = {
    Deed.CORRECT: "write down what is wrong", Deed.PROVE: "prove the identity",
    Deed.REVIEW: "look at what the copy leaves out", Deed.RELEASE: "release the copy",
    Deed.UPHOLD: "uphold the objection, or reject it", Deed.REJECT: "tell the person why it was rejected",
    Deed.LETTER: "send the letter", Deed.CONFIRM: "tell the person", Deed.SETTLE: "answer the complaint",
}  # fmt: skip
_SO_FAR = {
    "deleted": "are gone", "set": "were emptied of what is theirs", "shared": "lost what is theirs; others are in them",
    "referenced": "were emptied; retained records refer to them", "retained": "are retained by law",
    "waiting": "wait for their condition", "review": "stay: they only speak of them, or are among staff",
    "held": "are held by another request or a hold, and go when that ends",
    "changed": "have changed meanwhile, and go in the next round", "failed": "have failed, and are tried again",
    "new": "came meanwhile, and go in the next round",
}  # fmt: skip


_ADVICE = {"request.no_address": "Tick that it goes by post: the letter is shown here, to print."}
"""What to do on this page, where the library's advice is for the command line or none."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan in plain words. :param words: one sentence. :param head, rows: its figures. :param digest: which plan."""

    words: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page shows of a request.

    :param payload: everything personal; None: it was forgotten, or cannot be opened (``broken`` is the code then).
    :param deeds: what can be done now; ``following``: which of it comes next.
    :param notices: who was told to do the same (art. 19).
    :param values: of a rectification: old and new values. :param facts: what can be corrected.
    """

    found: Request
    payload: Payload | None = field(repr=False)
    broken: str
    deeds: tuple[Deed, ...]
    following: Deed | None
    dates: tuple[tuple[str, datetime], ...]
    entries: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    planned: Planned | None = None
    values: tuple[Shown, ...] = field(default=(), repr=False)
    facts: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    notices: tuple[Notice, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)

    def named(self, identifiers: Iterable[Identifier]) -> list[tuple[str, str]]:
        """Identifiers with what each is called, each once: an address in how many periods."""
        found = Counter((self.titles.get(i.kind, i.kind), str(i.value)) for i in identifiers)
        return [(title, f"{value} (in {n} periods)" if n > 1 else value) for (title, value), n in found.items()]

    @property
    def delivered(self) -> bool:
        """Whether a copy was handed over: to do it again is possible, and not the next step."""
        found = self.payload.delivery if self.payload else None
        return found is not None and found.delivered_at is not None

    @property
    def unasked(self) -> int:
        """How many processors were not asked what they hold: what they have is not in the copy."""
        return sum(one.state is Asking.NOT_ASKED for one in self.deliveries)

    @property
    def so_far(self) -> tuple[str, ...]:
        """What an erasure that is partly done has done so far, and what of it waits; in words."""
        act = self.payload.partly if self.payload and self.found.state is State.PARTLY_DONE else None
        if act is None:
            return ()
        said = [f"{n:,} {_SO_FAR.get(why, why.replace('_', ' '))}" for why, n in act.counts.items()]
        return (*said, f"the last of it is expected by {act.until:%-d %B %Y}") if act.until else tuple(said)

    @property
    def step(self) -> str:
        """What comes next, in words: the very thing that the page's main button does."""
        if self.found.state is State.RELEASED and self.delivered:
            return "none: it was handed over"
        said = next_step(self.found)
        if self.following is Deed.START and said.startswith("await"):
            return "start the export again"
        return (_STEPS.get(self.following) if self.following else None) or said

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that a person may send now."""
        return tuple(k.value for k in letters_by_hand(self.found, self.payload)) if self.payload else ()

    @property
    def grounds(self) -> tuple[str, ...]:
        """On which grounds it may be refused."""
        return tuple(ground.value for ground in grounds(self.found))


def detail(house: House, number: str) -> Detail:
    """A request, now.

    :raises BadInput: ``request.number``, ``request.unknown``.
    """
    found, payload, broken = house.register.get(number), None, ""
    if not found.forgotten:
        try:
            payload = house.register.open(found.number)
        except PrivacyError as problem:
            broken = problem.code
    deeds = allowed(house, found, payload)
    entries = [e.entry for e in house.ledger.entries(request=found.number)]
    dates = [(name.removesuffix("_at"), at) for name in MOMENTS if (at := getattr(found.dates, name)) is not None]
    rectifying = found.right is Right.RECTIFICATION and payload is not None and payload.correction is not None
    return Detail(
        found, payload, broken, deeds, _following(found, payload, deeds, entries),
        tuple(sorted(dates, key=lambda one: one[1])), tuple(_entry(one) for one in entries),
        notes=tuple(_notes(house, found, payload, entries)) if payload else (),
        planned=_planned(house, found, payload) if payload else None,
        values=tuple(shown(house, found.number)) if rectifying else (),
        facts=_facts(house) if Deed.CORRECT in deeds else (),
        deliveries=_deliveries(house, found) if payload and found.right.copies else (),
        notices=tuple(Notices(house).of(found.number)),
        titles=typed.titles(house.datamap),
    )  # fmt: skip


def days_left(found: Request, today: date) -> tuple[str, str]:
    """(how urgent, the deadline as days left): ``late``, ``near``, ``fine`` or ``closed``."""
    if not found.dates.awaited:
        return "closed", ""
    days = (found.due - today).days
    words = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    if days < 0:
        return "late", f"{words} late"
    return ("near" if days <= 7 else "fine"), ("today" if days == 0 else f"{words} left")


def advice(problem: PrivacyError) -> str:
    """What can be done about an error, here: what says which command to type is for a shell, and no help on a page."""
    return _ADVICE.get(problem.code) or here(problem.advice)


def next_step(found: Request, *, delivered: bool = False) -> str:
    """What has to be done now, in words, without the command for it. :param delivered: its copy was handed over."""
    if delivered and found.state is State.RELEASED:
        return "none: it was handed over"
    if found.right is Right.OBJECTION and found.dates.begun_at and found.state in (State.RECEIVED, State.PROVEN):
        return "uphold it, or reject it"
    return "none: forgotten" if found.forgotten else found.dates.next_step.partition(": privacy ")[0]


def _notes(house: House, found: Request, payload: Payload, entries: Sequence[Mapping[str, object]]) -> list[str]:
    """What somebody has to know now, a sentence each; nothing personal."""
    said = []
    if house.register.not_held([found]):
        said.append("NOT HELD: a purge may take its records. Start it: that holds them.")
    undone = found.dates.closed_at is None and not (found.dates.acted_at or found.dates.partly_at)
    if undone and not_stopped(house, found):
        said.append("NOT STOPPED YET: more than one person fits, or nobody is known by it; its run finds out.")
    if payload.bundle is not None and not any(payload.bundle.counts.values()):
        said.append("NOTHING FOUND under what the request names: is it written as the shop writes it?")
    if payload.direct_transfer:
        said.append("The data go to another controller: only what the person provided, and what was observed of them.")
    if payload.linked:
        said.append(f"It follows from {payload.linked}.")
    if payload.lifting is not None and found.dates.lifted_at is None:
        said.append(f"It will be lifted on {payload.lifting.on:%-d %B %Y}; until then they may change their mind.")
    if last := _last_run(found, entries):
        said.append(last)
    return said


def _last_run(found: Request, entries: Sequence[Mapping[str, object]]) -> str:
    """How the last run of a request ended, where it did not end well and nothing was done about it since."""
    ended = _ended_badly(entries)
    if ended is None or not found.dates.awaited:
        return ""
    if ended.get("reason") == "identity.ambiguous":
        waits = found.state is State.UNDECIDED
        return "The run stopped before it read anything: more than one person fits. Choose who it is." if waits else ""
    return f"The last run {ended['status']} ({ended.get('reason') or 'see Airflow'}). See below at which step."


def _ended_badly(entries: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """The end of the last run, where it was no good one; None: it was, or none has ended."""
    last = next((e for e in reversed(entries) if e["kind"] == "run.ended"), None)
    return None if last is None or last["status"] == "done" else last


def _following(
    found: Request, payload: Payload | None, deeds: tuple[Deed, ...], entries: Sequence[Mapping[str, object]]
) -> Deed | None:
    """What comes next: a copy that was handed over is not handed over again, and a run that failed is started first."""
    wanted = following(found, payload, deeds)
    if wanted is Deed.DELIVER and payload and payload.delivery and payload.delivery.delivered_at:
        return None
    again = found.state is State.RECEIVED and found.right.copies and _ended_badly(entries) is not None
    return Deed.START if wanted is Deed.PROVE and again and Deed.START in deeds else wanted


def _planned(house: House, found: Request, payload: Payload) -> Planned | None:
    try:
        if found.right is Right.ERASURE:
            return _erasure(house, found.number)
        if found.right is Right.RECTIFICATION and payload.correction and payload.correction.plan:
            return _rectification(house, found.number)
    except PrivacyError:
        # Its plan was swept, or is another run's by now: there is none to show.
        return None
    return None


def _erasure(house: House, number: str) -> Planned | None:
    from privacy.orchestration.erasure_overview import figures, words
    from privacy.orchestration.erasures import subjects_of
    from privacy.plans.erased import opened

    begun = house.ledger.entries(request=number, kind="run.begun")
    if not begun:
        return None
    made, _ = opened(house.means, str(begun[-1].entry["run"]), subjects_of(house, number))
    table = figures(house.datamap, made)
    rows = tuple(tuple(str(cell) for cell in row) for row in table.itertuples(index=False))
    return Planned(words(house.datamap, made), tuple(str(name) for name in table.columns), rows, made.digest[:12])


def _rectification(house: House, number: str) -> Planned | None:
    plan = house.register.correction(number).plan
    if plan is None:
        return None
    digest = house.register.plan_of(number, plan.run)[1]
    rows = (
        *((full, str(n), "changed") for full, n in plan.datasets.items()),
        *((full, str(n), "of the past: a statement is linked") for full, n in plan.historic.items()),
        *((full, str(n), "left: says something else") for full, n in plan.differs.items()),
    )
    count = sum(plan.datasets.values())
    careful = f" Careful: {plan.others} records of somebody else say the new value already." if plan.others else ""
    return Planned(
        f"{count:,} {'record is' if count == 1 else 'records are'} changed.{careful}",
        ("dataset", "records", "what"),
        rows,
        digest[:12],
    )


def _facts(house: House) -> tuple[str, ...]:
    from privacy.datamap.facts import facts_of

    return tuple(facts_of(house.datamap))


def _deliveries(house: House, found: Request) -> tuple[Delivery, ...]:
    try:
        return tuple(house.deliveries.of(found.number))
    except PrivacyError:
        # A data map that is half filled in hides nothing else of a request.
        return ()


def _entry(entry: Mapping[str, object]) -> Mapping[str, Any]:
    more = [
        f"{name.replace('_', ' ')} {entry[name]}" for name in ("status", "reason", "ground", "count", "run")
        if entry.get(name) not in (None, "", 0)
    ]  # fmt: skip
    return {
        "at": datetime.fromisoformat(str(entry["at"])), "kind": entry["kind"], "actor": entry["actor"],
        "more": ", ".join(more),
    }  # fmt: skip
