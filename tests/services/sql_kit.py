"""One table on a server, in columns of any type, and the source of a dataset over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from privacy.connections import Connection
from privacy.database import engine
from privacy.datamap.models import System
from privacy.sources.base import Identifier, Of, Selection, Subject
from privacy.sources.sql import SqlSource

WORDS = {"nl": "w", "en": "w"}
PLAIN = {"description": "d", "category": "user.unique_id", "provenance": "provided"}


def cards(
    folder: Path, url: str, ddl: dict[str, str], described: dict[str, dict[str, Any]], *, subject: list[str],
    rows: list[tuple[Any, ...]] = (), **dataset: Any,
) -> SqlSource:  # fmt: skip
    """A table ``cards`` with an integer key ``card``.

    :param ddl: column -> its type in the database. :param described: column -> its words in the data map.
    :param rows: the key and these columns. :param dataset: further words of the dataset.
    """
    into = engine(Connection("shop", url))
    columns = ", ".join(f'"{name}" {kind}' for name, kind in ddl.items())
    with into.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE cards (card INTEGER PRIMARY KEY, {columns})")
    fill(url, rows)
    (folder / "sql/shop").mkdir(parents=True, exist_ok=True)
    quoted = ", ".join(f'"{name}"' for name in ("card", *ddl))
    (folder / "sql/shop/cards.sql").write_text(f"SELECT {quoted} FROM cards")
    words = {
        "title": WORDS, "description": WORDS, "table": "cards", "key": ["card"], "subject": subject, "purposes": ["p"],
        "source": WORDS, "promise": "KEEP", "erasure": {"do": "delete"}, "owner": "o",
        "examples": [{"email": "a@a.example"}, {"email": "b@a.example"}],
        "columns": {"card": {"type": "integer", **PLAIN}, **{n: PLAIN | d for n, d in described.items()}}, **dataset,
    }  # fmt: skip
    kinds = {"client": {"title": WORDS, "type": "integer", "person": True}, "code": {"title": WORDS, "type": "text"}}
    system = System.model_validate(
        {"system": "shop", "title": WORDS, "source": "sql", "connection": "shop", "owner": "o",
         "identity": {"kinds": kinds}, "datasets": {"cards": words}}
    )  # fmt: skip
    return SqlSource(system, Connection("shop", url), home=folder)


def fill(url: str, rows: list[tuple[Any, ...]]) -> None:
    """Add rows."""
    if rows:
        into = engine(Connection("shop", url))
        with into.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO cards VALUES ({', '.join(['%s'] * len(rows[0]))})", list(rows))


def found(source: SqlSource, *identifiers: Identifier) -> list[int]:
    """The keys of what is theirs, in the order in which it comes."""
    selection = Selection("cards", Of((Subject(1, identifiers),)))
    (part,) = source.partitions(selection)
    return [row["card"] for batch in source.read(selection, part) for row in batch.to_pylist()]
