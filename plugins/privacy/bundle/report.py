"""The bundle's report for a person: ``LEESMIJ.html`` and ``README.html``, readable without any other tool.

The templates are :mod:`privacy.bundle`'s own; a file of the same name in ``PRIVACY_HOME/templates`` replaces one
(``report.html.j2`` the page, ``words.<language>.j2`` its texts, ``style.css.j2`` and ``script.js.j2`` its looks and its
sorting and searching, ``shop.<language>.j2`` a paragraph of the shop's own).
Values of a person are data for the template, never part of it, and are always escaped (edge case 27). The page may run
its own script and nothing else: its policy names the script's and the style's digest.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import orjson
import pyarrow as pa

from privacy.bundle import overview, reasons
from privacy.bundle.cells import cell, visible
from privacy.bundle.expiry import expiry
from privacy.bundle.holdings import Facts, Holding, Omission, left_out, withheld
from privacy.bundle.scope import Scope
from privacy.datamap.load import DataMap
from privacy.datamap.models import Text
from privacy.errors import BadConfiguration

PAGES = {"LEESMIJ.html": "nl", "README.html": "en"}
ROWS = 100
"""Most records of a dataset that the page shows; the files have all."""

_TEMPLATES = Path(__file__).parent / "templates"
_PAGE, _STYLE, _SCRIPT = "report.html.j2", "style.css.j2", "script.js.j2"


@dataclass(frozen=True, slots=True)
class Shown:
    """A dataset on the page.

    :param paths: its files, but for whole originals. :param rows: its first records, as their JSON says.
    :param originals: how many whole originals there are; ``links``: their paths, by their record's key.
    """

    holding: Holding
    paths: list[str]
    rows: list[dict[str, Any]] = field(repr=False)
    originals: int = 0
    links: Mapping[bytes, str] = field(default_factory=dict, repr=False)


def key_of(row: Mapping[str, Any], key: Sequence[str]) -> bytes:
    """A record's key, to find its original by."""
    return orjson.dumps([row.get(name) for name in key])


def render(
    datamap: DataMap,
    facts: Facts,
    shown: Sequence[Shown],
    omissions: Sequence[Omission],
    notes: Mapping[str, int],
    language: str,
) -> bytes:
    """One page, in UTF-8.

    :param language: ``nl`` or ``en``.
    :raises BadConfiguration: ``bundle.template``: one of the shop's templates cannot be used.
    """
    zone = ZoneInfo(datamap.policy.zone)
    # Also those that are withheld: they are the person's, and are held by someone.
    there = [s for s in shown if s.holding.records or s.holding.withheld]
    held, everything = [s.holding for s in there], [s.holding for s in shown]
    content = {
        "language": language,
        "policy": datamap.policy,
        "facts": facts,
        "name": visible(facts.name or ""),
        "narrow": facts.scope is Scope.TRANSFER,
        "received_at": facts.received_at.astimezone(zone),
        "as_of": facts.as_of.astimezone(zone),
        "named": [(_kind(datamap, i.kind), visible(str(i.value))) for i in facts.named],
        "datasets": [_dataset(datamap, s, facts.scope) for s in there],
        "categories": overview.by_category(datamap, held, language),
        "processors": overview.processors(datamap, held),
        "profiling": overview.profiling(datamap, held),
        "disclosed": [
            (d.at.astimezone(zone), visible(d.recipient), visible(d.ground), visible(d.case), d)
            for d in facts.disclosed
        ],
        "supplements": [
            (s.at.astimezone(zone), [visible(key) for key in s.keys], visible(s.was or ""), visible(s.to or ""), s)
            for s in facts.supplements
        ],
        "told": [
            (t.at and t.at.astimezone(zone), t.confirmed_at and t.confirmed_at.astimezone(zone), t) for t in facts.told
        ],
        "stopped": [(_kind(datamap, s.kind), visible(s.value), s.since.astimezone(zone), s) for s in facts.stopped],
        "nobody": [h for h in everything if h.unattributed],
        "unreadable": [h for h in everything if h.unreadable],
        "nothing": overview.nothing(everything, omissions),
        "names_nobody": overview.names_nobody(datamap),
        "omissions": [(_title(datamap, o.dataset), o, reasons.omitted(o.reason)) for o in omissions],
        "notes": notes,
        "most_rows": ROWS,
    }
    with _translated():
        environment = _environment(datamap.home)
        for name in (_STYLE, _SCRIPT):
            text = environment.get_template(name).render()
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            word = name.partition(".")[0]
            content |= {word: text, f"{word}_hash": f"sha256-{digest}"}
        return environment.get_template(_PAGE).render(content).encode()


def prepare(home: Path) -> None:
    """Compile the templates now (a tenth of a second), for processes that are forked from this one.

    :param home: ``PRIVACY_HOME``. :raises BadConfiguration: ``bundle.template``.
    """
    environment = _environment(home)
    for name in environment.list_templates(extensions=["j2"]):
        with _translated():
            environment.get_template(name)


def _environment(home: Path) -> jinja2.Environment:
    own = home / "templates"
    names = tuple(sorted(path.name for path in own.glob("*.j2")))
    return _compiled(own if names else _TEMPLATES, names)


@lru_cache(maxsize=4)
def _compiled(own: Path, _names: tuple[str, ...]) -> jinja2.Environment:
    """Templates by file and time of change; a file that is added later makes a new set."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([own, _TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of templates as ours: theirs may quote a value."""
    try:
        yield
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        name = getattr(problem, "name", None) or _PAGE
        line = f" line {problem.lineno}" if isinstance(problem, jinja2.TemplateSyntaxError) else ""
        raise BadConfiguration(
            "bundle.template",
            f"The report's template cannot be used ({type(problem).__name__}).",
            where=f"{name}{line}",
            advice="Correct or remove the file in PRIVACY_HOME/templates.",
        ) from None


def _dataset(datamap: DataMap, shown: Shown, scope: Scope) -> dict[str, Any]:
    policy, ref = datamap.policy, shown.holding.ref
    dataset, zone = ref.dataset, ZoneInfo(policy.zone)
    columns = {name: column for name, column in dataset.columns.items() if not column.original}
    # A column in which nothing stands takes room in every row and says nothing: it is named once.
    filled = {n: c for n, c in columns.items() if any(row.get(n) is not None for row in shown.rows)}
    out = left_out(shown.holding, scope)
    gone = {left.column for left in out}
    rows = []
    for row in shown.rows:
        link = shown.links.get(key_of(row, dataset.key)) if shown.links else None
        rows.append([cell(row.get(n), c, zone, link if n == dataset.originals else None) for n, c in filled.items()])
    return {
        "id": ref.full,
        "system": ref.system.title,
        "dataset": dataset,
        "holding": shown.holding,
        "paths": [visible(path) for path in shown.paths],
        "originals": shown.originals,
        "categories": overview.categories(datamap, ref),
        "purposes": [policy.purposes[name] for name in dataset.purposes],
        "processors": [policy.processors[name] for name in dataset.processors],
        "provenance": sorted({column.provenance.value for column in dataset.columns.values()}),
        "promise": policy.promises[dataset.promise],
        # Of a dataset whose records are of several kinds: the longest, which is any other kind's, comes last.
        "terms": sorted(policy.terms_of(dataset).values(), key=lambda term: term is policy.term_of(dataset)),
        "follows": datamap[dataset.follows].dataset.title if dataset.follows else None,
        "expiry": expiry(policy, ref, shown.holding.starts),
        "withheld": withheld(shown.holding),
        "left_out": out,
        "columns": filled,
        "numbers": {name for at, name in enumerate(filled) if any(row[at].kind == "number" for row in rows)},
        "blank": [c for name, c in columns.items() if shown.rows and name not in {*filled, *gone}],
        "times": any(pa.types.is_timestamp(column.arrow) for column in filled.values()),
        "rows": rows,
    }


def _title(datamap: DataMap, full: str) -> Text:
    return datamap[full].dataset.title


def _kind(datamap: DataMap, name: str) -> Text:
    known = datamap.kind(name)
    return known.title if known else _KINDS.get(name, Text(nl=name, en=name))


_KINDS = {
    "email": Text(nl="e-mailadres", en="e-mail address"),
    "phone": Text(nl="telefoonnummer", en="phone number"),
    "device_id": Text(nl="apparaat-id", en="device id"),
    "ip": Text(nl="IP-adres", en="IP address"),
}
