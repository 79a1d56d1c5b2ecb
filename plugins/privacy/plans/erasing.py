"""Making the plan of an erasure: what becomes of every record of its subjects (art. 17 GDPR, promise R-ERASE).

The data map says it dataset by dataset (``erasure:``). A plan changes nothing; its items are on disk, sealed.

Order: files, logs and messages before the databases whose rows name them; the systems whose records say who somebody
is come last. Within a database the foreign keys decide, in one transaction.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from privacy.datamap.load import Ref
from privacy.datamap.models import System, Unfinished, Values
from privacy.datamap.policy import Period
from privacy.errors import BadConfiguration, GiveUp
from privacy.holds.models import written
from privacy.plans.erasure import Erasure, Fate, Part
from privacy.plans.file import Digests, ItemsFile
from privacy.plans.making import Way, fresh, ways
from privacy.plans.means import Means
from privacy.plans.people import Key, rows_of
from privacy.plans.standing import held_now
from privacy.retention.terms import day_of, due
from privacy.sources.base import PARTY, SUBJECT, Delete, Item, Of, Referring, Selection, Step, Subject
from privacy.sources.collecting import collecting_seldom
from privacy.sources.sql_shared import owners


@dataclass
class _Draft:
    """A part while it is found out."""

    ref: Ref
    fate: Fate
    items: list[Item] = field(default_factory=list)
    columns: dict[str, object] | None = None
    shared: bool | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    until: Counter[str] = field(default_factory=Counter)


@collecting_seldom()
def make_erasure(means: Means, run: str, subjects: Sequence[Subject], *, request: str | None = None) -> Erasure:
    """Plan the erasure of some subjects, into the run's own folder; made again from the beginning when it is there.

    :param subjects: with all that identifies them; numbered apart. :param request: whose subject it is.
    :raises GiveUp: ``erasure.nobody``: nothing identifies anybody.
    :raises BadConfiguration: ``erasure.referenced``, ``erasure.unfinished``: the data map does not say what is to be
        done. :raises Refused: ``sql.cascade``. :raises Unreadable, RetryLater: a source cannot be asked; there is no
        plan then.
    """
    if not subjects or not all(any(not i.contested for i in s.identifiers) for s in subjects):
        raise GiveUp(
            "erasure.nobody", "Nothing identifies whom the erasure is about.", where=request or "",
            advice="Register the request with an identifier that the shop knows.",
        )  # fmt: skip
    folder = fresh(means.folder / run)
    file = ItemsFile.create(folder, run, means.key)
    of, drafts = Of(tuple(subjects)), list[_Draft]()
    for system in ordered(means):
        found = [draft for ref in _refs(means, system) for draft in _of_dataset(means, ref, of)]
        drafts += _referenced(means, system, of, found)
    parts: list[Part] = []
    with file.writing() as writer:
        for draft in drafts:
            part = _part(means, draft)
            if not part.records:
                continue
            digests = Digests()
            if part.change is not None:
                for item in draft.items:
                    writer.add(len(parts), item)
                    digests.add(item)
            parts.append(replace(part, sha256=digests.hexdigest()))
    made = Erasure(
        run=run, request=request, as_of=means.clock.now().astimezone(UTC).isoformat(timespec="microseconds"),
        parts=tuple(parts), subjects=whose(means, subjects), batch_rows=means.batch_rows, wrapped=file.wrapped,
    )  # fmt: skip
    made.save(folder, means.key)
    return Erasure.opened(folder, means.key)


def ordered(means: Means) -> list[System]:
    """The systems in the order in which they are erased: databases last, and of them those that say who is who."""
    systems = list(means.datamap.systems.values())
    return sorted(systems, key=lambda s: (s.source == "sql", bool(s.identity.edges), s.system))


def whose(means: Means, subjects: Sequence[Subject]) -> str:
    """A keyed digest of who is erased: the plan of one identity is not done to another."""
    said = sorted(orjson.dumps(sorted((written(i) for i in s.identifiers), key=str)) for s in subjects)
    return hmac.new(means.key.derive("plans"), b"\n".join(said), sha256).hexdigest()


def located(means: Means, ref: Ref, of: Of, *, shared: bool | None = None) -> Iterator[Item]:
    """The items of some subjects in a dataset; each once."""
    seen: set[Key] = set()
    source = means.source(ref.system.system)
    if not of.subjects:
        return
    selection = Selection(ref.name, of, shared=shared)
    for partition in source.partitions(selection):
        for item in source.locate(selection, partition):
            if item.key not in seen:
                seen.add(item.key)
                yield item


def _refs(means: Means, system: System) -> Iterator[Ref]:
    for ref in means.datamap:
        if ref.system.system == system.system and ref.dataset.people and ref.dataset.delivery is None:
            yield ref


def _of_dataset(means: Means, ref: Ref, of: Of) -> Iterator[_Draft]:
    erasure = ref.dataset.erasure
    if erasure.wait_for:
        why_not = unfinished(means, ref, of)
        waits = Of(tuple(s for s in of.subjects if s.no in why_not))
        of = Of(tuple(s for s in of.subjects if s.no not in why_not))
        if waits.subjects:
            draft = _Draft(ref, Fate.WAITING, list(located(means, ref, waits)))
            why = Counter(reason for reasons in why_not.values() for reason in reasons)
            draft.reasons.update(dict.fromkeys(why, sum(i.records for i in draft.items)))
            yield draft
    if erasure.do in ("retain", "set"):
        for draft in _staying(means, ref, of, Fate.RETAINED if erasure.do == "retain" else Fate.SET):
            if draft.fate is Fate.RETAINED and draft.items:
                draft.until.update(_until(means, ref, of, draft))
            yield draft
        return
    if not ref.dataset.may_be_shared:
        yield _Draft(ref, Fate.DELETED, list(located(means, ref, of)))
        return
    alone = list(located(means, ref, of, shared=False))
    shared = list(located(means, ref, of, shared=True))
    left = _left(located(means, ref, of), [*alone, *shared])
    yield _Draft(ref, Fate.DELETED, alone, shared=False)
    if erasure.shared is not None:
        yield _Draft(ref, Fate.SHARED, shared, columns=_values(erasure.shared), shared=True)
    yield _Draft(ref, Fate.REVIEW, left if erasure.shared is not None else [*shared, *left])


def _staying(means: Means, ref: Ref, of: Of, fate: Fate) -> Iterator[_Draft]:
    """Records that stay, by what is set in them. Of one that somebody else is in (a gift) only what is the subject's
    own: a column of a party that they are. What is no party's stays there.
    """
    wanted = _values(ref.dataset.erasure.set)
    if wanted is None or not ref.dataset.may_be_shared:
        yield _Draft(ref, fate, list(located(means, ref, of)), columns=wanted)
        return
    yield _Draft(ref, fate, list(located(means, ref, of, shared=False)), columns=wanted, shared=False)
    own: dict[tuple[object, ...], tuple[str, ...]] = {}
    for row in rows_of(means.source(ref.system.system), Selection(ref.name, of, shared=True)):
        mine = set(str(row[PARTY]).split(","))
        names = tuple(name for name in wanted if (its := owners(ref.dataset, name)) and mine.issuperset(its))
        own[tuple(row[name] for name in ref.dataset.key)] = names
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in located(means, ref, of, shared=True):
        groups.setdefault(own.get(item.key, ()), []).append(item)
    for names, items in groups.items():
        yield _Draft(ref, fate, items, columns={name: wanted[name] for name in names} or None, shared=True)


def _values(given: Values | None) -> dict[str, object] | None:
    return None if given is None else dict(given)


def _left(every: Iterator[Item], told: Sequence[Item]) -> list[Item]:
    """What nobody decides but a person: of a file, the records that are neither of the two."""
    counted: Counter[Key] = Counter()
    for item in told:
        counted[item.key] += item.records
    rest = (item._replace(records=item.records - counted[item.key]) for item in every)
    return [item for item in rest if item.records > 0]


def unfinished(means: Means, ref: Ref, of: Of) -> dict[int, set[str]]:
    """Of whom something is unfinished, and what (edge case 30)."""
    found: dict[int, set[str]] = {}
    source = means.source(ref.system.system)
    for name in ref.dataset.erasure.wait_for:
        dataset = ref.system.datasets[name]
        assert dataset.unfinished is not None  # noqa: S101 - the data map does not load otherwise
        for row in rows_of(source, Selection(name, of)):
            reason = row[dataset.unfinished.column]
            if reason is None:
                continue
            if reason not in dataset.unfinished.grounds:
                raise BadConfiguration(
                    "erasure.unfinished", "A record is unfinished for a reason without a ground; nothing was planned.",
                    where=f"{ref.system.system}.{name}",
                    advice="Name it under `unfinished: {grounds: ...}`, with the ground on which it is kept.",
                )  # fmt: skip
            if not _lapsed(means, dataset.unfinished, str(reason), row):
                found.setdefault(row[SUBJECT], set()).add(str(reason))
    return found


def _lapsed(means: Means, unfinished: Unfinished, reason: str, row: dict[str, Any]) -> bool:
    """Whether nobody will finish it any more. What began nobody knows when, has not lapsed."""
    after, since = unfinished.lapses.get(reason), row.get(str(unfinished.since))
    if after is None or since is None:
        return False
    period = Period.model_validate(after)
    return due(since, period, means.datamap.policy.zone, bound="keep_at_most") <= means.clock.now()


def _until(means: Means, ref: Ref, of: Of, draft: _Draft) -> dict[str, int]:
    """On which local dates purges end what is retained: how many records by date; of ``""`` it is not known yet."""
    found: Counter[str] = Counter()
    leading = ref if ref.dataset.follows is None else means.datamap[ref.dataset.follows]
    starts, zone = ref.dataset.starts, means.datamap.policy.zone
    rules = (rule for purge in means.datamap.policy.purges.values() for rule in purge.rules.values())
    rule = next((one for one in rules if ref.full in one.datasets), None)
    if starts is None or rule is None or leading is not ref:
        return {"": sum(item.records for item in draft.items)}
    terms = {name: way.term for way in ways(means, rule, ref) for name in _kinds(way)}
    seen, keys = set[Key](), {item.key for item in draft.items}
    for row in rows_of(means.source(ref.system.system), Selection(ref.name, of, shared=draft.shared)):
        key = tuple(row[name] for name in ref.dataset.key)
        if draft.shared and key not in keys:
            continue
        if key in seen:
            continue
        seen.add(key)
        kind, begun = row[starts.kind] if starts.kind else None, row[starts.column]
        term = terms.get(kind, terms[None])
        least, most = term.keep_at_least, term.keep_at_most
        if begun is None or not (least or most):
            found[""] += 1
        elif least is not None:
            at = due(begun, least, zone, bound="keep_at_least", counts_from=term.counts_from)
            found[day_of(at, zone).isoformat()] += 1
        elif most is not None:
            at = due(begun, most, zone, bound="keep_at_most", counts_from=term.counts_from)
            found[day_of(at, zone).isoformat()] += 1
    return dict(found)


def _kinds(way: Way) -> tuple[str | None, ...]:
    """The kinds of record whose term it is; None: any other."""
    return (None,) if way.among is None or way.among.others else tuple(way.among.kinds)


def _referenced(means: Means, system: System, of: Of, drafts: list[_Draft]) -> list[_Draft]:
    """Let rows stay, as numbers alone, that rows refer to which stay (edge case 17)."""
    source = means.source(system.system)
    if not isinstance(source, Referring):
        return drafts
    emptied: dict[str, _Draft] = {}
    while True:
        going = [draft for draft in drafts if draft.fate is Fate.DELETED and draft.items]
        unit = [Step(Selection(d.ref.name, of, shared=d.shared), Delete(), tuple(d.items)) for d in going]
        stay = source.referenced(unit) if unit else {}
        if not any(stay.values()):
            return drafts + list(emptied.values())
        for draft in going:
            keys = stay.get(draft.ref.name, set())
            if not keys:
                continue
            wanted = draft.ref.dataset.erasure.referenced
            if wanted is None:
                raise BadConfiguration(
                    "erasure.referenced", f"{len(keys)} rows cannot go: rows that are retained refer to them.",
                    where=draft.ref.full,
                    advice="Say what is set in them instead: `erasure: {do: delete, referenced: {...}}`.",
                )  # fmt: skip
            own = emptied.setdefault(
                draft.ref.full, _Draft(draft.ref, Fate.REFERENCED, columns=_values(wanted), shared=draft.shared)
            )
            own.items += [item for item in draft.items if item.key in keys]
            draft.items = [item for item in draft.items if item.key not in keys]


def _part(means: Means, draft: _Draft) -> Part:
    held: Counter[str] = Counter()
    if draft.items and not draft.fate.stays and (kept := held_now(means, draft.ref)) is not None:
        held.update(kind for item in draft.items if (kind := kept(item.key)) is not None)
    return Part(
        dataset=draft.ref.full, fate=draft.fate, columns=draft.columns, records=sum(i.records for i in draft.items),
        items=len(draft.items), bytes=sum(i.bytes for i in draft.items), held=dict(held), reasons=dict(draft.reasons),
        until=dict(draft.until), shared=draft.shared,
    )  # fmt: skip


def moment(plan: Erasure) -> datetime:
    """When a plan was made; aware, UTC."""
    return datetime.fromisoformat(plan.as_of)
