"""``datapackage.json``: what a bundle holds, for machines. Frictionless Data Package 2 (https://datapackage.org).

Every file of the bundle but this one is a resource, with its bytes and sha256. Properties of our own begin with
``privacy:``. Two choices are made for the ``frictionless`` library (5.21), so that it validates every bundle with
nothing else installed: Parquet has its word ``type: file`` (it reads Parquet with fastparquet only), and JSON has no
``type: table`` (reading such a resource, it never counts the bytes, and then misses them). Both carry their schema.

==========================  ==========================================================================================
of the package              what it says
==========================  ==========================================================================================
``privacy:controller``      name, contact, authority
``privacy:policy``          version of the privacy statement, since when it is in force
``privacy:request``         number, right, when it arrived, as of when the data are
``privacy:datasets``        for every dataset that was read: records given, withheld, redacted (by column, with the
                            ground), unattributed (they may be somebody else's, so they are nobody's), unreadable
                            (in no known form)
``privacy:nothing_held``    the datasets that were read and hold nothing of this person
``privacy:omitted``         what could not be given, and why: dataset, partition, reason (a code)
``privacy:identity``        counts of what identity resolution passed over
==========================  ==========================================================================================

==========================  ==========================================================================================
of a resource               what it says
==========================  ==========================================================================================
``privacy:rows``            records, or lines of originals
``privacy:dataset``         ``system.dataset``; ``privacy:system`` the system's title
``privacy:categories``      data categories: fideslang's key, and the privacy statement's own words
``privacy:purposes``        purposes with their legal basis (art. 6(1) GDPR) and whether they are profiling
``privacy:processors``      who processes these data for the controller, by name, and on what ground outside the EEA
``privacy:provenance``      provided, observed, derived (WP 242)
``privacy:source``          where the data come from
``privacy:term``            the promise whose retention term holds, with its bounds (ISO 8601)
``privacy:access``          what of it was left out by column, with the ground
==========================  ==========================================================================================

Of a field: ``privacy:description`` (in both languages; ``description`` is the English one), ``privacy:category``,
``privacy:provenance``, ``privacy:type`` (the data map's exact type), ``privacy:zone``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Column, Nobody, Text
from privacy.datamap.policy import Policy
from privacy.sources.base import Identifier

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MANIFEST = "datapackage.json"

OTHERS = Text(
    nl="Gegevens van een ander (art. 15 lid 4 AVG)", en="Data of another person (art. 15(4) GDPR)"
)  # fmt: skip
"""Why a row's columns that are private to its other people are left out."""

_MEDIATYPES = {
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "log": "text/plain",
    "html": "text/html",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bundle says of the request.

    :param number: of the request; ``right``: ``access`` or ``portability``.
    :param received_at: when it arrived; ``as_of``: when its first run began; aware.
    :param name: how the person is called; ``named``: what the request named to find them by. Both personal.
    """

    number: str
    right: str
    received_at: datetime
    as_of: datetime
    name: str | None = field(default=None, repr=False)
    named: tuple[Identifier, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that could not be given, said in so many words.

    :param partition: empty: the whole dataset. :param reason: a code, e.g. ``weblogs.truncated``.
    """

    dataset: str
    partition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of the bundle.

    :param path: within the bundle. :param format: ``parquet``, ``json``, ``log``, ``html``.
    :param rows: records, or lines; None for a page.
    """

    path: str
    format: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(slots=True)
class Holding:
    """What was found in one dataset: the sum of its parts."""

    ref: Ref
    records: int = 0
    withheld: int = 0
    unattributed: int = 0
    unreadable: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(resource.bytes for resource in self.resources)

    @property
    def empty(self) -> bool:
        """Nothing of this person is in it."""
        return not (self.records or self.withheld or self.unattributed)


def describe(
    datamap: DataMap,
    facts: Facts,
    holdings: Sequence[Holding],
    pages: Iterable[Resource],
    omissions: Iterable[Omission] = (),
    notes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The content of ``datapackage.json``.

    :param pages: the reports. :param notes: counts of identity resolution.
    """
    policy = datamap.policy
    omitted = list(omissions)
    gone = {omission.dataset for omission in omitted}
    resources = [_resource(policy, holding, resource, n) for holding in holdings for n, resource in _numbered(holding)]
    return {
        "$schema": PROFILE,
        "name": facts.number.lower(),
        "title": f"{policy.controller}: {facts.number}",
        "description": "Everything held on one person. LEESMIJ.html (Dutch) and README.html (English) are for people. "
        "Properties that begin with privacy: say what a dataset is for, who processes it, and what was left out.",
        "version": policy.version,
        "created": _utc(facts.as_of),
        "resources": [*resources, *(_page(page) for page in pages)],
        "privacy:controller": policy.contact.model_dump(mode="json") | {"controller": policy.controller},
        "privacy:policy": {"version": policy.version, "in_force": policy.in_force.isoformat()},
        "privacy:request": {
            "number": facts.number,
            "right": facts.right,
            "received_at": _utc(facts.received_at),
            "as_of": _utc(facts.as_of),
        },
        "privacy:datasets": [_counts(policy, holding) for holding in holdings],
        "privacy:nothing_held": [h.ref.full for h in holdings if h.empty and h.ref.full not in gone],
        "privacy:omitted": [
            {"dataset": o.dataset, "partition": o.partition, "reason": o.reason} for o in omitted
        ],
        "privacy:identity": dict(sorted((notes or {}).items())),
    }  # fmt: skip


def categories(policy: Policy, ref: Ref) -> list[dict[str, str]]:
    """A dataset's data categories: fideslang's keys and the statement's words for them."""
    keys = sorted({column.category for column in ref.dataset.columns.values()})
    return [{"key": key, **_text(policy.category(key))} for key in keys]


def left_out(holding: Holding) -> list[dict[str, Any]]:
    """What was redacted of a dataset: column, how many values, ground."""
    columns = holding.ref.dataset.columns
    return [
        {"column": name, "values": count, "ground": _text(_ground(columns[name]))}
        for name, count in sorted(holding.redacted.items())
        if count
    ]


def _ground(column: Column) -> Text:
    return column.access.ground if column.access else OTHERS


def _counts(policy: Policy, holding: Holding) -> dict[str, Any]:
    access = holding.ref.dataset.access
    return {
        "dataset": holding.ref.full,
        "title": _text(holding.ref.dataset.title),
        "records": holding.records,
        "bytes": holding.bytes,
        "categories": categories(policy, holding.ref),
        "withheld": holding.withheld,
        **({"withheld_ground": _text(access.ground)} if access else {}),
        "redacted": left_out(holding),
        "unattributed": holding.unattributed,
        "unreadable": holding.unreadable,
    }


def _numbered(holding: Holding) -> Iterable[tuple[int, Resource]]:
    return enumerate(holding.resources, 1)


def _page(page: Resource) -> dict[str, Any]:
    return {"name": page.path.partition(".")[0].lower(), **_file(page)}


def _file(resource: Resource) -> dict[str, Any]:
    return {
        "path": resource.path,
        **({"type": "file"} if resource.format == "parquet" else {}),
        "format": resource.format,
        "mediatype": _MEDIATYPES[resource.format],
        **({} if resource.format == "parquet" else {"encoding": "utf-8"}),
        "bytes": resource.bytes,
        "hash": f"sha256:{resource.sha256}",
        **({} if resource.rows is None else {"privacy:rows": resource.rows}),
    }


def _resource(policy: Policy, holding: Holding, resource: Resource, n: int) -> dict[str, Any]:
    ref, dataset = holding.ref, holding.ref.dataset
    tabular = resource.format in ("json", "parquet")
    return {
        "name": f"{ref.full}.{resource.format}" if tabular else f"{ref.full}.original.{n}",
        "title": dataset.title.en,
        "description": dataset.description.en,
        **_file(resource),
        **({"schema": _schema(holding)} if tabular else {}),
        "privacy:dataset": ref.full,
        "privacy:system": _text(ref.system.title),
        "privacy:title": _text(dataset.title),
        "privacy:categories": categories(policy, ref),
        "privacy:purposes": [_purpose(policy, name) for name in dataset.purposes],
        "privacy:processors": [_processor(policy, name) for name in dataset.processors],
        "privacy:provenance": sorted({column.provenance.value for column in dataset.columns.values()}),
        "privacy:source": _text(dataset.source),
        "privacy:term": _term(policy, dataset.promise),
        "privacy:access": left_out(holding),
    }


def _schema(holding: Holding) -> dict[str, Any]:
    """Table Schema. An empty text is a value of its own: nothing stands for a missing one but ``null``."""
    dataset = holding.ref.dataset
    given = {name: column for name, column in dataset.columns.items() if not column.original}
    hidden = {name for name, count in holding.redacted.items() if count}
    fields = [_field(name, column) for name, column in given.items()]
    key = {} if hidden & set(dataset.key) or set(dataset.key) - set(given) else {"primaryKey": list(dataset.key)}
    return {"fields": fields, "missingValues": [], **key}


def _field(name: str, column: Column) -> dict[str, Any]:
    return {
        "name": name,
        "type": _table_type(column.arrow),
        **({"format": "binary"} if pa.types.is_binary(column.arrow) else {}),
        "description": column.description.en,
        "privacy:description": _text(column.description),
        "privacy:type": column.type,
        **({"privacy:zone": column.zone} if column.zone else {}),
        "privacy:category": column.category,
        "privacy:provenance": column.provenance.value,
    }


def _table_type(kind: Any) -> str:
    """Table Schema's word for an Arrow type, as :mod:`privacy.bundle.encode` writes its values."""
    for test, word in (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
        (pa.types.is_timestamp, "datetime"),
        (pa.types.is_date, "date"),
        (pa.types.is_list, "array"),
        (pa.types.is_struct, "object"),
    ):
        if test(kind):
            return word
    return "string"


def _purpose(policy: Policy, name: str) -> dict[str, Any]:
    purpose = policy.purposes[name]
    return {"name": name, **_text(purpose.title), "basis": purpose.basis, "profiling": purpose.profiling}


def _processor(policy: Policy, name: str) -> dict[str, Any]:
    processor = policy.processors[name]
    transfer = {"transfer": _text(processor.transfer)} if processor.transfer else {}
    return {
        "name": processor.name,
        "service": _text(processor.service),
        "country": processor.country,
        "agreement": processor.agreement.isoformat(),
        **transfer,
    }


def _term(policy: Policy, name: str) -> dict[str, Any]:
    promise = policy.promises[name]
    found: dict[str, Any] = {"promise": name, "title": _text(promise.title)}
    if promise.term is not None:
        term = promise.term
        bounds = {"keep_at_least": term.keep_at_least, "keep_at_most": term.keep_at_most}
        found |= {what: str(period) for what, period in bounds.items() if period}
        found["counts_from"] = term.counts_from
        if term.condition:
            found["condition"] = _text(term.condition)
    return found


def _text(text: Text | None) -> dict[str, str]:
    return {"nl": text.nl, "en": text.en} if text else {}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def names_people(ref: Ref) -> bool:
    """Whether a dataset can hold something of a person at all."""
    return not isinstance(ref.dataset.subject, Nobody)
