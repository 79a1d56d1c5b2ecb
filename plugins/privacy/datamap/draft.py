"""The draft of a new dataset: a YAML block and a SELECT, made from a table's columns.

Names are guesses, and what only a person knows stays open: ``CATEGORY?``, ``PROMISE?``, ``ZONE?`` ... Loading fails
until each is filled in, and says what belongs there (``privacy.datamap.load``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from privacy.errors import BadInput

if TYPE_CHECKING:
    import sqlalchemy as sa

SqlColumn = tuple[str, str, bool]
"""Name, SQL type, whether it can be NULL."""

_TYPES = (
    (r"tinyint\(1\)|bool", "boolean"),
    (r"interval|point", "TYPE?"),
    (r"int|serial", "integer"),
    (r"(?:numeric|decimal)\((\d+),(\d+)\)", r'"decimal(\1,\2)"'),
    (r"(?:numeric|decimal)\((\d+)\)", r'"decimal(\1,0)"'),
    (r"real|floa|doub", "number"),
    (r"timestamptz|timestampwithtimezone", "datetime UTC"),
    (r"datetime|timestamp", "datetime ZONE?"),
    (r"date", "date"),
    (r"char|text|clob|json|uuid|enum|inet", "text"),
    (r"blob|bytea|binary", "binary"),
)
_GUESSES = (
    # words of a column's name -> identity kind ("person": the system's own), category, provenance
    (r"e?mail(_?addres+)?$|^email", "email", "user.contact.email", "provided"),
    (r"phone|mobile|telefoon|mobiel|^tel$", None, "user.contact.phone_number", "provided"),
    (r"^(ip|ip_?addres+|ip_?adres|remote_addr)$|_ip$", "ip", "user.device.ip_address", "observed"),
    (r"device_?id|cookie_?id", "device_id", "user.device.device_id", "observed"),
    (r"user_?agent|browser", None, "user.device", "observed"),
    (
        r"^(customer|client|member|user|person|klant|lid|gebruiker|account)_?(id|no|nr|code|number|nummer)$",
        "person",
        "user.unique_id",
        "observed",
    ),
    (r"first_?name|voornaam|given_?name", None, "user.name.first", "provided"),
    (r"last_?name|achternaam|surname|family_?name|infix|tussenvoegsel", None, "user.name.last", "provided"),
    (r"^(full_?)?(name|naam)$", None, "user.name", "provided"),
    (r"street|straat", None, "user.contact.address.street", "provided"),
    (r"city|town|woonplaats|^plaats$", None, "user.contact.address.city", "provided"),
    (r"post_?(al_?)?code|^zip", None, "user.contact.address.postal_code", "provided"),
    (r"country|^land$", None, "user.contact.address.country", "provided"),
    (r"address|adres", None, "user.contact.address", "provided"),
    (r"birth|geboorte", None, "user.demographic.date_of_birth", "provided"),
    (r"gender|geslacht", None, "user.demographic.gender", "provided"),
)
_MOMENT = re.compile(r"(_at|_on|_date|_time|_since|datum|tijd)$|^(date|time|created|updated|at|since)")
_SUBJECTS = ("person", "email", "device_id")
"""In order of precedence; an IP address or a phone number alone says of no row whose it is."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset to be completed by a person.

    :param name: the dataset's name.
    :param yaml: its block, to be put under ``datasets:``.
    :param sql: its SELECT.
    :param message: where the two belong, and what to fill in.
    """

    name: str
    yaml: str
    sql: str
    message: str


def draft(
    system: str, table: str, columns: Sequence[SqlColumn], key: Sequence[str], kinds: Iterable[str] = ()
) -> Draft:
    """Draft a dataset.

    :param system: the system's name; the file to put it in is ``datamap/<system>.yaml``.
    :param columns: name, SQL type, whether it can be NULL, in the table's order.
    :param key: the columns of the primary key; empty where there is none.
    :param kinds: identity kinds that the data map has, such as ``shop.customer_id``: a column of that name is one.
    :raises BadInput: ``datamap.no_columns``: there is nothing to describe.
    """
    if not columns:
        raise BadInput("datamap.no_columns", "The table has no columns, or is not there.", where=f"{system}: {table}")
    own = {kind.rpartition(".")[2]: kind for kind in kinds if kind.startswith(f"{system}.")}
    name, lines, moments = _name(table), [], []
    subjects: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for sql_name, sql_type, _ in columns:
        column = names[sql_name] = _unique(_name(sql_name), names.values())
        kind, category, provenance = _guess(column, own, sql_name in key)
        written, zone = _type(sql_type)
        identity = f"{system}.{column}" if kind == "person" else kind
        if kind and (kind in _SUBJECTS or identity in own.values()):
            subjects.setdefault("person" if identity in own.values() else kind, []).append(column)
        moments += [column] * (written in ("date", "datetime"))
        also = f", zone: {zone}" if zone else ""
        also += f", identity: {identity}" if identity else ""
        hint = "  # a moment? {type: datetime, zone: ZONE?}" if written == "text" and _MOMENT.search(column) else ""
        lines.append(
            f"      {_word(column)}: {{type: {written}{also}, description: {{nl: DESCRIPTION?, en: DESCRIPTION?}}, "
            f"category: {category}, provenance: {provenance}}}{hint}"
        )
    subject = [column for kind in _SUBJECTS for column in subjects.get(kind, [])]
    keys = ", ".join(names[k] for k in key if k in names) or "KEY?"
    whose = f"[{', '.join(subject)}]" if subject else "[SUBJECT?]  # or {nobody: why}"
    block = [
        f"  {name}:",
        "    title: {nl: TITLE?, en: TITLE?}",
        "    description: {nl: DESCRIPTION?, en: DESCRIPTION?}",
        f"    table: {_word(table)}",
        f"    key: [{keys}]",
        f"    subject: {whose}",
        *(
            [f"    time: {moments[0]}  # a guess", f"    starts: {{column: {moments[0]}}}  # a guess"]
            if moments
            else []
        ),
        "    purposes: [PURPOSE?]",
        "    processors: []",
        "    source: {nl: SOURCE?, en: SOURCE?}",
        "    promise: PROMISE?",
        "    erasure: {do: ERASURE?}",
        "    owner: OWNER?",
        "    examples: [{KIND?: EXAMPLE?}, {KIND?: EXAMPLE?}]",
        "    columns:",
        *lines,
    ]
    message = (
        f"Put the block under `datasets:` in datamap/{system}.yaml and the SELECT in sql/{system}/{name}.sql. "
        "Every word with a question mark is for a person to fill in: until then, loading the data map fails and says "
        "what belongs there. Identities, keys and moments are guesses: check them."
    )
    return Draft(name, "\n".join(block) + "\n", _select(table, names), message)


def reflected(inspector: sa.Inspector, system: str, table: str, kinds: Iterable[str] = ()) -> Draft:
    """The draft of a table that the database has.

    :param inspector: of an open engine; errors of the driver are the caller's to translate.
    :raises BadInput: ``datamap.no_table``: there is none of that name.
    """
    from privacy.datamap.models import did_you_mean

    tables = inspector.get_table_names()
    if table not in tables:
        raise BadInput("datamap.no_table", f"There is no table {table!r}{did_you_mean(table, tables)}.", where=system)
    columns = [(c["name"], str(c["type"]), bool(c.get("nullable", True))) for c in inspector.get_columns(table)]
    return draft(system, table, columns, inspector.get_pk_constraint(table)["constrained_columns"], kinds)


def _name(text: str) -> str:
    found = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()).strip("_")
    return found if found[:1].isalpha() else f"c_{found}".rstrip("_")


def _word(text: str) -> str:
    """A word of YAML: quoted where it would be something else than a text."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in ("null", "true", "false")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _unique(name: str, taken: Iterable[str]) -> str:
    known, number = set(taken), 2
    while name in known:
        name, number = f"{name.rstrip('0123456789').rstrip('_')}_{number}", number + 1
    return name


def _type(sql_type: str) -> tuple[str, str | None]:
    """The notation of the data map, and the zone of a datetime."""
    text = re.sub(r"\s+", "", sql_type).lower()
    for pattern, written in _TYPES:
        if found := re.search(pattern, text):
            kind, _, zone = found.expand(written).partition(" ")
            return kind, zone or None
    return "TYPE?", None


def _guess(column: str, own: dict[str, str], in_key: bool) -> tuple[str | None, str, str]:
    if column in own:
        return "person", "user.unique_id", "observed"
    for pattern, kind, category, provenance in _GUESSES:
        if re.search(pattern, column):
            return kind, category, provenance
    return None, "system.operations" if in_key else "CATEGORY?", "observed" if in_key else "PROVENANCE?"


def _select(table: str, names: dict[str, str]) -> str:
    def quoted(name: str) -> str:
        return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'

    columns = [quoted(own) if own == name else f"{quoted(own)} AS {name}" for own, name in names.items()]
    return "SELECT " + ",\n       ".join(columns) + f"\nFROM {quoted(table)}\n"
