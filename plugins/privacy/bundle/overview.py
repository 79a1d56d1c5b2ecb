"""What the report says before the data themselves: categories, processors, profiling, what names nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from privacy.bundle.holdings import Holding, Omission
from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Column, Nobody, Text
from privacy.datamap.policy import EEA, Processor, Purpose


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the statement: in which data it stands, and who holds those."""

    title: Text
    holdings: list[Holding] = field(default_factory=list)
    processors: list[Processor] = field(default_factory=list)


def by_category(datamap: DataMap, held: Sequence[Holding], language: str) -> list[Category]:
    """The categories of what is held of this person, with the named processors that hold it."""
    found: dict[str, Category] = {}
    for holding in held:
        for title in categories(datamap, holding.ref):
            category = found.setdefault(title.nl, Category(title))
            category.holdings.append(holding)
            for name in holding.ref.dataset.processors:
                processor = datamap.policy.processors[name]
                if processor not in category.processors:
                    category.processors.append(processor)
    return sorted(found.values(), key=lambda category: str(getattr(category.title, language)).casefold())


def categories(datamap: DataMap, ref: Ref) -> list[Text]:
    """The statement's words for what a dataset holds; the numbers that only tell its records apart say nothing."""
    columns = {n: c for n, c in ref.dataset.columns.items() if not _only_a_number(datamap, ref, n, c)}
    found = {datamap.policy.category(c.category) for c in (columns or ref.dataset.columns).values()}
    return sorted((text for text in found if text is not None), key=lambda text: text.nl)


def _only_a_number(datamap: DataMap, ref: Ref, name: str, column: Column) -> bool:
    """Whether a column is a record's own number, or a customer's: a key or an identifier, and no more than that."""
    kind = datamap.kind(column.identity) if column.identity else None
    number = column.category == "user.unique_id" or column.category.partition(".")[0] == "system"
    return number and (name in ref.dataset.key or (kind is not None and kind.person))


def processors(datamap: DataMap, held: Sequence[Holding]) -> list[dict[str, Any]]:
    """Who holds records of this person, by name, with what, under which category, and whether outside the EEA."""
    policy = datamap.policy
    found: dict[str, list[Holding]] = {}
    for holding in held:
        for name in holding.ref.dataset.processors:
            found.setdefault(name, []).append(holding)
    return [
        {
            "processor": policy.processors[name],
            "holdings": those,
            "datasets": [holding.ref.dataset.title for holding in those],
            "categories": _once(text for holding in those for text in categories(datamap, holding.ref)),
            "outside": outside(policy.processors[name]),
        }
        for name, those in found.items()
    ]


def _once(texts: Iterable[Text]) -> list[Text]:
    return list({text.nl: text for text in texts}.values())


def outside(processor: Processor) -> bool:
    """Whether data go beyond the EEA: by its country, or by what is declared."""
    return processor.country not in EEA or processor.transfer is not None


def profiling(datamap: DataMap, held: Sequence[Holding]) -> list[tuple[Text, list[Purpose]]]:
    """The data that a profile is made of, by the data map's own purposes (promise R-AUTO)."""
    found = []
    for holding in held:
        dataset = holding.ref.dataset
        purposes = [datamap.policy.purposes[name] for name in dataset.purposes]
        if any(purpose.profiling for purpose in purposes):
            found.append((dataset.title, [purpose for purpose in purposes if purpose.profiling]))
    return found


def nothing(holdings: Sequence[Holding], omissions: Sequence[Omission]) -> list[Text]:
    """What was searched and holds nothing of this person."""
    omitted = {omission.dataset for omission in omissions}
    return [h.ref.dataset.title for h in holdings if h.empty and h.ref.full not in omitted]


def names_nobody(datamap: DataMap) -> list[dict[str, Any]]:
    """What is held and cannot be tied to anybody: why, by whom, how long."""
    policy = datamap.policy
    return [
        {
            "title": ref.dataset.title,
            "why": ref.dataset.subject.nobody,
            "processors": [policy.processors[name] for name in ref.dataset.processors],
            "term": policy.term_of(ref.dataset),
        }
        for ref in datamap
        if isinstance(ref.dataset.subject, Nobody)
    ]
