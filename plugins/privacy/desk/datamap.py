"""The data map as the desk shows it: the records of processing activities (art. 30 GDPR), and what nobody described."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from privacy.datamap.activities import facts, titled_terms
from privacy.desk.promises import VERIFIED_WITHIN
from privacy.rights import evidence_last
from privacy.rights.evidence_last import Found
from privacy.rights.evidence_rules import AHEAD

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap, Ref
    from privacy.rights.house import House


_ASKED = ("datamap", "evidence", "camera", "ledger", "copies")
"""What a finding's code begins with when whatever it is about did answer; others are errors of a store."""


@dataclass(frozen=True, slots=True)
class Row:
    """A dataset on the page. :param facts: what the records say of it, by what that is."""

    full: str
    title: str
    description: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class System:
    """A system with its datasets. :param unclaimed: what its store has and nobody described, by the last look."""

    name: str
    title: str
    kind: str
    owner: str
    rows: tuple[Row, ...]
    unclaimed: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The page. :param looked: when the stores were looked at (aware); None: never, as far as is known here.

    :param others: what is not described, of no system of the data map. :param unasked: why a store could not be asked
        then: what it holds is not known. :param stale: that is too long ago to say anything of now.
    """

    systems: tuple[System, ...]
    looked: datetime | None
    others: tuple[Found, ...]
    unasked: tuple[Found, ...]
    stale: bool = False

    @property
    def unclaimed(self) -> int:
        """How many things nobody has described."""
        return len(self.others) + sum(len(one.unclaimed) for one in self.systems)


def shown(house: House) -> Shown:
    """Everything on one page. :raises BadConfiguration: the data map cannot be read."""
    datamap, looked = house.datamap, evidence_last.last(house)
    found = [one for one in looked.found if one.code.startswith("datamap.")] if looked is not None else []
    rows: dict[str, list[Row]] = {}
    for ref in datamap:
        rows.setdefault(ref.system.system, []).append(row(datamap, ref))
    systems = tuple(
        System(name, system.title.en, system.source, system.owner, tuple(rows.get(name, ())),
            tuple(one for one in found if _system(one) == name))
        for name, system in datamap.systems.items()
    )  # fmt: skip
    others = tuple(one for one in found if _system(one) not in datamap.systems)
    every = looked.found if looked is not None else ()
    unasked = tuple(one for one in every if one.code.partition(".")[0] not in _ASKED)
    if looked is None:
        return Shown(systems, None, others, unasked)
    stale = not -AHEAD <= house.clock.now() - looked.at <= VERIFIED_WITHIN
    return Shown(systems, looked.at, others, unasked, stale)


def row(datamap: DataMap, ref: Ref) -> Row:
    """A dataset, in words."""
    said = {name: text.replace("`", "") for name, text in facts(datamap, ref).items()}
    return Row(ref.full, ref.dataset.title.en, ref.dataset.description.en, said)


def processors(house: House) -> list[dict[str, str]]:
    """Who processes data for the controller, with agreement and transfer."""
    names: dict[str, list[str]] = {}
    for ref in house.datamap:
        delivery = ref.dataset.delivery
        for name in dict.fromkeys([*ref.dataset.processors, *([delivery.processor] if delivery else [])]):
            names.setdefault(name, []).append(ref.full)
    return [
        {"name": p.name, "service": p.service.en, "country": p.country, "agreement": p.agreement.isoformat(),
            "transfer": p.transfer.en if p.transfer else "none", "datasets": ", ".join(names.get(key, [])) or "none"}
        for key, p in house.policy.processors.items()
    ]  # fmt: skip


def terms(house: House) -> list[dict[str, str]]:
    """The promises with a term."""
    return [
        {"promise": name, "title": promise.title.en, "term": titled_terms([*promise.term.kinds.values(), promise.term])}
        for name, promise in house.policy.promises.items() if promise.term is not None
    ]  # fmt: skip


def records(house: House) -> list[dict[str, Any]]:
    """The records for machines: a dataset each, with its columns."""
    return [
        {
            "dataset": ref.full, "system": ref.system.title.en, "title": one.title, "description": one.description,
            **{name.lower().replace(" ", "_"): text for name, text in one.facts.items()},
            "columns": [
                {"name": name, "type": c.type, "description": c.description.en, "category": c.category,
                 "provenance": c.provenance.value, "identity": c.identity, "given": c.access is None}
                for name, c in ref.dataset.columns.items()
            ],
        }
        for ref in house.datamap for one in [row(house.datamap, ref)]
    ]  # fmt: skip


def as_json(house: House) -> str:
    """The records of processing as JSON."""
    policy = house.policy
    said = {"controller": policy.controller, "statement": policy.version, "in_force": policy.in_force.isoformat(),
        "datasets": records(house), "processors": processors(house), "terms": terms(house)}  # fmt: skip
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def as_csv(house: House) -> str:
    """The same as a table: a row for each column of each dataset. No text in it is taken for a formula."""
    import pandas as pd

    from privacy.rights.supervisor import harmless

    rows = [
        {**{name: value for name, value in one.items() if name != "columns"},
            **{f"column_{name}": value for name, value in column.items()}}
        for one in records(house) for column in one["columns"]
    ]  # fmt: skip
    return str(harmless(pd.DataFrame(rows, dtype=object)).to_csv(index=False, lineterminator="\r\n"))


def _system(found: Found) -> str:
    return found.where.partition(":")[0]
