"""The bike hire: made from its answer sheet, which a person wrote."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from privacy.datamap.models import Column

HOME = Path(__file__).parent / "shops" / "bikes"
ANSWERS: dict[str, Any] = yaml.safe_load((HOME / "answers.yaml").read_text(encoding="utf-8"))


def make(file: Path) -> str:
    """Fill a database with the sheet's ``store`` rows, backwards. :returns: its URL."""
    with sqlite3.connect(file) as db:
        db.executescript((HOME / "schema.sql").read_text())
        for table, records in ANSWERS["records"].items():
            for record in reversed(records):
                row = {name: _stored(value) for name, value in record["store"].items()}
                db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))  # fmt: skip
    db.close()
    return f"sqlite:///{file}"


def _stored(value: Any) -> Any:
    return bytes.fromhex(value[1:]) if isinstance(value, str) and _is_hex(value) else value


def _is_hex(value: str) -> bool:
    return value[:1] == "x" and all(c in "0123456789abcdef" for c in value[1:])


def expected(person: str, dataset: str, columns: dict[str, Column]) -> list[dict[str, Any]]:
    """What the sheet says that somebody gets of a dataset, with the parties that they are."""
    return [
        {name: _typed(record["given"][name], column) for name, column in columns.items()}
        | {"_party": record["whose"][person]}
        for record in ANSWERS["records"].get(dataset, [])
        if person in record.get("whose", {})
    ]


def _typed(value: Any, column: Column) -> Any:
    if value is None:
        return None
    if column.type.startswith("decimal"):
        return Decimal(value)
    if column.type == "binary":
        return bytes.fromhex(value[1:])
    if column.type == "datetime":
        assert isinstance(value, datetime)
    if column.type == "date":
        assert isinstance(value, date)
    return value
