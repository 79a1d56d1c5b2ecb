"""The bundle's report for a person: ``LEESMIJ.html`` and ``README.html``, readable without any other tool.

The templates are :mod:`privacy.bundle`'s own; a file of the same name in ``PRIVACY_HOME/templates`` replaces one
(``report.html.j2`` the page, ``words.<language>.j2`` its texts, ``shop.<language>.j2`` a paragraph of the shop's own).
Values of a person are data for the template, never part of it, and are always escaped (edge case 27).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import pyarrow as pa

from privacy.bundle.holdings import Facts, Holding, Omission, left_out, withheld
from privacy.bundle.scope import Scope
from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Column, Text
from privacy.datamap.policy import EEA, Processor, Purpose
from privacy.errors import BadConfiguration

PAGES = {"LEESMIJ.html": "nl", "README.html": "en"}
ROWS = 100
"""Most records of a dataset that the page shows; the files have all."""

_LONGEST = 500
"""Characters of one value that the page shows."""

_TEMPLATES = Path(__file__).parent / "templates"
_PAGE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Shown:
    """A dataset on the page. :param paths: its files. :param rows: its first records, as their JSON says."""

    holding: Holding
    paths: list[str]
    rows: list[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on the page.

    :param kind: ``none``, ``text``, ``number``, ``time``, ``yes``, ``no``, ``binary``, ``cut``.
    """

    text: str = field(repr=False)
    kind: str = "text"


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
    held = [s for s in shown if s.holding.records or s.holding.withheld]
    content = {
        "language": language,
        "policy": datamap.policy,
        "facts": facts,
        "received_at": facts.received_at.astimezone(zone),
        "as_of": facts.as_of.astimezone(zone),
        "named": [(_kind(datamap, i.kind), str(i.value)) for i in facts.named],
        "datasets": [_dataset(datamap, s, facts.scope) for s in held],
        "processors": _processors(datamap, held),
        "profiling": _profiling(datamap, held),
        "nobody": [s.holding for s in shown if s.holding.unattributed],
        "unreadable": [s.holding for s in shown if s.holding.unreadable],
        "nothing": _nothing(shown, omissions),
        "omissions": [(_title(datamap, o.dataset), o) for o in omissions],
        "notes": notes,
        "most_rows": ROWS,
    }
    with _translated():
        return _environment(datamap.home).get_template(_PAGE).render(content).encode()


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
    return _compiled(own, tuple(sorted(path.name for path in own.glob("*.j2"))))


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
    dataset = ref.dataset
    given = {name: column for name, column in dataset.columns.items() if not column.original}
    zone = ZoneInfo(policy.zone)
    return {
        "id": ref.full,
        "system": ref.system.title,
        "dataset": dataset,
        "holding": shown.holding,
        "paths": shown.paths,
        "categories": _categories(datamap, ref),
        "purposes": [policy.purposes[name] for name in dataset.purposes],
        "processors": [policy.processors[name] for name in dataset.processors],
        "provenance": sorted({column.provenance.value for column in dataset.columns.values()}),
        "promise": policy.promises[dataset.promise],
        "withheld": withheld(shown.holding),
        "left_out": left_out(shown.holding, scope),
        "columns": given,
        "times": any(pa.types.is_timestamp(column.arrow) for column in given.values()),
        "rows": [[_cell(row.get(name), column, zone) for name, column in given.items()] for row in shown.rows],
    }


def _categories(datamap: DataMap, ref: Ref) -> list[Text]:
    """The statement's words for what a dataset holds; the numbers that only tell its records apart say nothing."""
    columns = {n: c for n, c in ref.dataset.columns.items() if not _only_a_number(datamap, ref, n, c)}
    found = {datamap.policy.category(c.category) for c in (columns or ref.dataset.columns).values()}
    return sorted((text for text in found if text is not None), key=lambda text: text.nl)


def _only_a_number(datamap: DataMap, ref: Ref, name: str, column: Column) -> bool:
    """Whether a column is a record's own number, or a customer's: a key or an identifier, and no more than that."""
    kind = datamap.kind(column.identity) if column.identity else None
    number = column.category == "user.unique_id" or column.category.partition(".")[0] == "system"
    return number and (name in ref.dataset.key or (kind is not None and kind.person))


def _processors(datamap: DataMap, held: Sequence[Shown]) -> list[dict[str, Any]]:
    """Who holds records of this person, by name, with what, and whether outside the EEA."""
    policy = datamap.policy
    found: dict[str, list[Shown]] = {}
    for shown in held:
        for name in shown.holding.ref.dataset.processors:
            found.setdefault(name, []).append(shown)
    return [
        {
            "processor": policy.processors[name],
            "datasets": [s.holding.ref.dataset.title for s in those],
            "outside": _outside(policy.processors[name]),
        }
        for name, those in found.items()
    ]


def _outside(processor: Processor) -> bool:
    return processor.country not in EEA or processor.transfer is not None


def _profiling(datamap: DataMap, held: Sequence[Shown]) -> list[tuple[Text, list[Purpose]]]:
    found = []
    for shown in held:
        dataset = shown.holding.ref.dataset
        purposes = [datamap.policy.purposes[name] for name in dataset.purposes]
        if any(purpose.profiling for purpose in purposes):
            found.append((dataset.title, [purpose for purpose in purposes if purpose.profiling]))
    return found


def _nothing(shown: Sequence[Shown], omissions: Sequence[Omission]) -> list[Text]:
    omitted = {omission.dataset for omission in omissions}
    return [s.holding.ref.dataset.title for s in shown if s.holding.empty and s.holding.ref.full not in omitted]


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


def _cell(value: Any, column: Column, zone: ZoneInfo) -> Cell:
    if value is None:
        return Cell("", "none")
    if isinstance(value, bool):
        return Cell("", "yes" if value else "no")
    if pa.types.is_binary(column.arrow):
        return Cell(str(len(base64.b64decode(value))), "binary")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST:
        return Cell(text[:_LONGEST], "cut")
    if pa.types.is_timestamp(column.arrow):
        return Cell(_moment(text, zone), "time")
    if pa.types.is_date(column.arrow):
        return Cell(text, "time")
    numeric = (
        pa.types.is_integer(column.arrow) or pa.types.is_decimal(column.arrow) or pa.types.is_floating(column.arrow)
    )
    return Cell(text, "number" if numeric else "text")


def _moment(text: str, zone: ZoneInfo) -> str:
    """A datetime as people write it, in the shop's own zone, to the second where it has no more.

    Of the hour that comes twice in autumn the offset says which one it is.
    """
    try:
        at = datetime.fromisoformat(text)
        here = at if at.tzinfo is None else at.astimezone(zone)
    except (ValueError, OverflowError):
        return text
    twice = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
    return str(here) if twice else str(here.replace(tzinfo=None))
