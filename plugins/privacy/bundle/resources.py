"""A bundle's files as ``datapackage.json`` describes them; see :mod:`privacy.bundle.package`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from privacy.bundle.holdings import Holding, Resource, left_out
from privacy.bundle.originals import UNKNOWN
from privacy.bundle.scope import Scope
from privacy.datamap.load import Ref
from privacy.datamap.models import Column, Dataset, Text
from privacy.datamap.policy import Policy, Term

_MEDIATYPES = {
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "log": "text/plain",
    "html": "text/html",
}


def categories(policy: Policy, ref: Ref) -> list[dict[str, str]]:
    """A dataset's data categories: fideslang's keys and the statement's words for them."""
    keys = sorted({column.category for column in ref.dataset.columns.values()})
    return [{"key": key, **text(policy.category(key))} for key in keys]


def page(page: Resource) -> dict[str, Any]:
    """A report."""
    return {"name": page.path.partition(".")[0].lower(), **_file(page)}


def _file(resource: Resource) -> dict[str, Any]:
    told: dict[str, Any] = {"path": resource.path}
    if resource.original is not None:
        # `type: file`: a PDF or a spreadsheet that somebody sent is a file, whatever it has inside.
        told |= {"type": "file", "mediatype": resource.original.media_type or UNKNOWN}
    else:
        form = str(resource.format)
        told |= {"type": "file"} if form == "parquet" else {}
        told |= {"format": form, "mediatype": _MEDIATYPES[form]}
        told |= {} if form == "parquet" else {"encoding": "utf-8"}
    told |= {"bytes": resource.bytes, "hash": f"sha256:{resource.sha256}"}
    return told | ({} if resource.rows is None else {"privacy:rows": resource.rows})


def describe(policy: Policy, scope: Scope, holding: Holding, resource: Resource, n: int) -> dict[str, Any]:
    """One file of a dataset. :param n: its number among them."""
    ref, dataset = holding.ref, holding.ref.dataset
    if resource.original is not None:
        # There may be many thousands of messages: what holds for all of them, their tables say.
        key = {} if resource.original.key is None else {"privacy:key": resource.original.key}
        return {"name": f"{ref.full}.original.{n}", **_file(resource), "privacy:dataset": ref.full, **key}
    tabular = resource.tabular
    return {
        "name": f"{ref.full}.{resource.format}" if tabular else f"{ref.full}.original.{n}",
        "title": dataset.title.en,
        "description": dataset.description.en,
        **_file(resource),
        **({"schema": _schema(holding)} if tabular else {}),
        "privacy:dataset": ref.full,
        "privacy:system": text(ref.system.title),
        "privacy:title": text(dataset.title),
        "privacy:categories": categories(policy, ref),
        "privacy:purposes": [_purpose(policy, name) for name in dataset.purposes],
        "privacy:processors": [_processor(policy, name) for name in dataset.processors],
        "privacy:provenance": sorted({column.provenance.value for column in dataset.columns.values()}),
        "privacy:source": text(dataset.source),
        "privacy:term": _term(policy, dataset),
        "privacy:access": redacted(holding, scope),
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
        "privacy:description": text(column.description),
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
    return {"name": name, **text(purpose.title), "basis": purpose.basis, "profiling": purpose.profiling}


def _processor(policy: Policy, name: str) -> dict[str, Any]:
    processor = policy.processors[name]
    transfer = {"transfer": text(processor.transfer)} if processor.transfer else {}
    return {
        "name": processor.name,
        "service": text(processor.service),
        "country": processor.country,
        "agreement": processor.agreement.isoformat(),
        **transfer,
    }


def _term(policy: Policy, dataset: Dataset) -> dict[str, Any]:
    """A dataset's term. ``kinds``: those of the records in whose column ``kind_in`` that word stands."""
    terms = policy.terms_of(dataset)
    found: dict[str, Any] = {"promise": dataset.promise, "title": text(policy.promises[dataset.promise].title)}
    found |= _bounds(terms.pop(None))
    if dataset.term_kind is not None:
        found["kind"] = dataset.term_kind
    if dataset.starts is not None and dataset.starts.kind is not None:
        found["kind_in"] = dataset.starts.kind
        found["kinds"] = {str(kind): _bounds(term) for kind, term in terms.items()}
    if dataset.follows is not None:
        found["follows"] = dataset.follows
    return found


def _bounds(term: Term) -> dict[str, Any]:
    bounds = {"keep_at_least": term.keep_at_least, "keep_at_most": term.keep_at_most}
    found: dict[str, Any] = {what: str(period) for what, period in bounds.items() if period}
    found["counts_from"] = term.counts_from
    if term.condition:
        found["condition"] = text(term.condition)
    if term.title:
        found["of"] = text(term.title)
    return found


def redacted(holding: Holding, scope: Scope) -> list[dict[str, Any]]:
    """What was left out of a dataset: column, how many values, ground."""
    found = left_out(holding, scope)
    return [{"column": left.column, "values": left.values, "ground": text(left.ground)} for left in found]


def text(words: Text | None) -> dict[str, str]:
    """A text in both languages."""
    return {"nl": words.nl, "en": words.en} if words else {}


def utc(at: datetime) -> str:
    """A moment, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
