"""Making a plan: what of a rule's datasets is past its term by a given moment, down to the last item.

A plan changes nothing. Its items are streamed to disk in the sources' own order; memory is flat, whatever goes.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from privacy.datamap.load import Ref
from privacy.datamap.policy import Guard, Rule, Term
from privacy.errors import BadConfiguration, BadInput, Refused
from privacy.holds.models import plain
from privacy.plans.claims import elsewhere, twice
from privacy.plans.file import Digests, ItemsFile, Writer
from privacy.plans.followers import Leaders, leaders, located
from privacy.plans.guards import Judged, tripped
from privacy.plans.means import Means
from privacy.plans.plan import Held, Picked, Plan
from privacy.plans.standing import held_now
from privacy.retention.horizon import Horizon, horizon, limit
from privacy.retention.terms import before
from privacy.sources.base import Among, Due, Item, Selection, Surveying
from privacy.sources.collecting import collecting_seldom
from privacy.storage_errors import staging_full

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Way:
    """Records of one dataset that share a term.

    :param among: which kinds of them; None: all.
    """

    ref: Ref
    term: Term
    among: Among | None = None

    def due(self, before: datetime) -> Due:
        """Those of them that started before a bound."""
        return Due(before, self.among)


def ways(means: Means, rule: Rule, ref: Ref) -> list[Way]:
    """The terms of a dataset's records: one, or one for each kind of them.

    A dataset that follows another has that one's.
    """
    leading = ref if ref.dataset.follows is None else means.datamap[ref.dataset.follows]
    term = means.datamap.policy.promises[rule.promise].term
    assert term is not None  # noqa: S101 - the policy does not load otherwise
    term = term.of(leading.dataset.term_kind)
    starts = leading.dataset.starts
    if starts is None or starts.kind is None:
        return [Way(ref, term)]
    each = [Way(ref, own, Among(starts.kind, frozenset([name]))) for name, own in term.kinds.items()]
    return [*each, Way(ref, term, Among(starts.kind, frozenset(term.kinds), others=True))]


@collecting_seldom()
def make(means: Means, name: str, run: str, as_of: datetime, *, missed: int = 0, foreseen: int | None = None) -> Plan:
    """Plan a rule, into the run's own folder; made again from the beginning when it is there already.

    :param as_of: aware; not in the future. :param missed: how many of the rule's runs did not come about before it.
    :param foreseen: what the rule's last good run foresaw for this one; None: there was none.
    :returns: the plan, with the guards that it trips.
    :raises BadInput: ``purge.unknown``, ``purge.as_of``. :raises Refused: ``plans.not_due``: a source's mistake;
        ``plans.claimed_twice``: the data map's.
    :raises Unreadable, RetryLater: a source cannot be asked; there is no plan then.
    """
    purge, rule = rule_of(means, name)
    if as_of > means.clock.now():
        raise BadInput(
            "purge.as_of", "A plan is made as of now or earlier.", where=name, advice="Give no later moment."
        )
    folder = fresh(means.folder / run)
    file = ItemsFile.create(folder, run, means.key)
    plain = [way for full in rule.datasets for way in ways(means, rule, means.datamap[full])]
    steps: list[Picked] = []
    now = means.clock.now()
    with file.writing() as writer:
        for number, way in enumerate(plain):
            steps.append(_step(means, way, number, as_of, writer, now))
    holds = _held(means, plain, as_of, now)
    holds = replace(holds, undated=holds.undated + sum(step.nobodys for step in steps))
    zone = means.datamap.policy.zone
    limits = [at for way, step in zip(plain, steps, strict=True) if (at := _limit(way, step, zone)) is not None]
    breaks = min(limits, default=None)
    plan = Plan(
        run=run, purge=purge, rule=name, promises=rule.promises, limit=_words(plain), as_of=_text(as_of),
        steps=tuple(steps), holds=holds, breaks=None if breaks is None else _text(breaks),
        late_by=0.0 if breaks is None else max(0.0, (now - breaks).total_seconds()),
        batch_rows=means.batch_rows, wrapped=file.wrapped,
    )  # fmt: skip
    plan = replace(plan, tripped=tripped(rule.guard, judged(plan, rule.guard, zone), missed=missed, foreseen=foreseen))
    plan.save(folder, means.key)
    return plan


def rule_of(means: Means, name: str) -> tuple[str, Rule]:
    """A rule of the policy, and its purge. :raises BadInput: ``purge.unknown``."""
    try:
        return means.datamap.policy.rule(name)
    except KeyError:
        raise BadInput(
            "purge.unknown", "The policy has no rule of this name.", advice="See which there are: privacy purge list."
        ) from None


def judged(plan: Plan, guard: Guard, zone: str) -> Judged:
    """What the guards look at."""
    bounds = {step.before for step in plan.steps}
    earliest = min((datetime.fromisoformat(step.oldest) for step in plan.steps if step.oldest), default=None)
    floor = before(min(map(datetime.fromisoformat, bounds)), guard.oldest, zone, bound="keep_at_most")
    leading = [step for step in plan.steps if step.follows is None]
    return Judged(
        records=sum(s.records for s in leading), bytes=sum(s.bytes for s in leading),
        all_records=plan.holds.records, all_bytes=plan.holds.bytes,
        oldest=earliest, floor=floor,
    )  # fmt: skip


def fresh(folder: Path) -> Path:
    """An empty folder for a run's plan. :raises RetryLater: ``staging.full``."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
    except OSError:
        raise staging_full("The plan's folder cannot be made.", folder) from None
    return folder


def _step(means: Means, way: Way, number: int, as_of: datetime, writer: Writer, now: datetime) -> Picked:
    bounds = horizon(way.term, as_of, means.datamap.policy.zone)
    among, digests = way.among, Digests()
    records = items = size = left = 0
    held = held_now(means, way.ref)
    kept: Counter[str] = Counter()
    oldest, newest = _LAST, _FIRST
    others = elsewhere(means, way.ref)
    lead = _leaders(means, way, bounds)
    stay = set() if lead is None else _others(means, way.ref, lead)
    for item in _items(means, way, bounds, lead):
        if item.key in stay:
            left += 1
            continue
        if others and plain(item.key) in others:
            raise twice(way.ref, "another dataset of its table")
        if lead is None:
            begun = _due(item, bounds, way.ref)
            if begun < oldest:
                oldest = begun
            if begun > newest:
                newest = begun
        if held is not None and (kind := held(item.key)) is not None:
            kept[kind] += 1
        writer.add(number, item)
        digests.add(item)
        records, items, size = records + item.records, items + 1, size + item.bytes
    dated = lead is None and items > 0
    return Picked(
        dataset=way.ref.full, before=_text(bounds.before), column=among.column if among else None,
        kinds=tuple(sorted(among.kinds)) if among else (), others=bool(among and among.others),
        follows=way.ref.dataset.follows, records=records, items=items, bytes=size, held=dict(kept),
        oldest=_text(oldest) if dated else None, newest=_text(newest) if dated else None, left=left,
        nobodys=0 if lead is None else _nobodys(means, way.ref, records + len(stay), now), sha256=digests.hexdigest(),
    )  # fmt: skip


def _due(item: Item, bounds: Horizon, ref: Ref) -> datetime:
    """When it began. Whatever a source takes for due: nothing goes into a plan that began at or after its bound, or
    never.
    """
    begun = item.oldest
    if begun is None or begun >= bounds.before:
        raise Refused(
            "plans.not_due", "A record that is not past its term was given as one that is; nothing was planned.",
            where=ref.full, advice="This is a defect of the source, or of the dataset's `starts`.",
        )  # fmt: skip
    return begun


def _leaders(means: Means, way: Way, bounds: Horizon) -> Leaders | None:
    if way.ref.dataset.follows is None:
        return None
    leading = means.datamap[way.ref.dataset.follows]
    return leaders(means, leading, way.due(bounds.before), way.ref.dataset)


def _others(means: Means, ref: Ref, lead: Leaders) -> set[tuple[object, ...]]:
    return {item.key for item in located(means.source(ref.system.system), ref.name, lead.rest)}


def _nobodys(means: Means, ref: Ref, followed: int, now: datetime) -> int:
    """How many records of a follower follow nobody's: the row is gone, or there never was one (edge case 11).

    :param followed: how many follow somebody's, due or not.
    """
    source = means.source(ref.system.system)
    there = source.survey(ref.name, now).records if isinstance(source, Surveying) else None
    return 0 if there is None else max(0, there - followed)


def _items(means: Means, way: Way, bounds: Horizon, lead: Leaders | None) -> Iterator[Item]:
    source, name = means.source(way.ref.system.system), way.ref.name
    if lead is not None:
        yield from located(source, name, lead.of())
        return
    selection = Selection(name, way.due(bounds.before))
    for partition in source.partitions(selection):
        yield from source.locate(selection, partition)


def _held(means: Means, plain: list[Way], as_of: datetime, now: datetime) -> Held:
    """What there is besides, of the datasets with terms of their own. What is late, is so by now, not by ``as_of``."""
    records: int | None = 0
    size = undated = future = late = foreseen = unreadable = 0
    by_dataset: dict[str, list[Way]] = {}
    for way in plain:
        if way.ref.dataset.follows is None:
            by_dataset.setdefault(way.ref.full, []).append(way)
    for same in by_dataset.values():
        ref, zone = same[0].ref, means.datamap.policy.zone
        source = means.source(ref.system.system)
        if not isinstance(source, Surveying):
            raise BadConfiguration(
                "plans.no_survey", "This kind of source cannot say what there is.", where=ref.full,
                advice="Give it `survey` (privacy.sources.base.Surveying).",
            )  # fmt: skip
        bounds = [replace(horizon(w.term, as_of, zone), late=horizon(w.term, now, zone).late) for w in same]
        asked = [
            way.due(at)
            for way, b in zip(same, bounds, strict=True)
            for at in (b.before, b.next, *([b.late] if b.late is not None else ()))
        ]
        found = source.survey(ref.name, as_of, asked)
        picked = dict(zip(asked, found.picked, strict=True))
        records = None if records is None or found.records is None else records + found.records
        size, undated, future = size + found.bytes, undated + found.undated, future + found.future
        unreadable += found.unreadable
        for way, b in zip(same, bounds, strict=True):
            foreseen += picked[way.due(b.next)] - picked[way.due(b.before)]
            late += picked[way.due(b.late)] if b.late is not None else 0
    return Held(records, size, undated, future, late, foreseen, unreadable)


def _limit(way: Way, step: Picked, zone: str) -> datetime | None:
    return None if step.oldest is None else limit(datetime.fromisoformat(step.oldest), way.term, zone)


def _words(plain: list[Way]) -> str:
    """The terms of a rule, as ISO 8601 has them: ``P12M``; with a bound each where there are more."""
    found = dict.fromkeys(
        " ".join(filter(None, (_bound(">=", way.term.keep_at_least), _bound("<=", way.term.keep_at_most))))
        for way in plain
    )
    return ", ".join(found)


def _bound(sign: str, period: object) -> str:
    return f"{sign}{period}" if period else ""


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
