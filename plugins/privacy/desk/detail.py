"""A request as its page shows it: what anybody may see of it, and what only whoever may act on it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from privacy.desk import typed
from privacy.errors import PrivacyError
from privacy.rights.corrections import Shown, shown
from privacy.rights.deeds import Deed, allowed, following, grounds, letters_by_hand
from privacy.rights.naming import not_stopped
from privacy.rights.notice_rows import Notice
from privacy.rights.notices import Notices
from privacy.rights.states import MOMENTS, Right

if TYPE_CHECKING:
    from privacy.rights.deliveries import Delivery
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request
    from privacy.sources.base import Identifier


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
        """Identifiers with what each is called."""
        return [(self.titles.get(i.kind, i.kind), str(i.value)) for i in identifiers]

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
    dates = [(name.removesuffix("_at"), at) for name in MOMENTS if (at := getattr(found.dates, name)) is not None]
    rectifying = found.right is Right.RECTIFICATION and payload is not None and payload.correction is not None
    return Detail(
        found, payload, broken, deeds, following(found, payload, deeds), tuple(sorted(dates, key=lambda one: one[1])),
        tuple(_entry(e.entry) for e in house.ledger.entries(request=found.number)),
        notes=tuple(_notes(house, found, payload)) if payload else (),
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
    return "" if "privacy " in problem.advice or "--" in problem.advice else problem.advice


def next_step(found: Request) -> str:
    """What has to be done now, in words, without the command for it."""
    return "none: forgotten" if found.forgotten else found.dates.next_step.partition(": privacy ")[0]


def _notes(house: House, found: Request, payload: Payload) -> list[str]:
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
    last = _last_run(house, found.number)
    if last:
        said.append(last)
    return said


def _last_run(house: House, number: str) -> str:
    """How the last run of a request ended, where it did not end well."""
    entries = [e.entry for e in house.ledger.entries(request=number)]
    ended = [e for e in entries if e["kind"] == "run.ended"]
    if not ended or ended[-1]["status"] == "done":
        return ""
    return f"The last run {ended[-1]['status']}: {ended[-1].get('reason') or 'see Airflow'}."


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
    careful = f" Careful: {plan.others} records of somebody else say the new value already." if plan.others else ""
    return Planned(
        f"{sum(plan.datasets.values())} records are changed.{careful}",
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
