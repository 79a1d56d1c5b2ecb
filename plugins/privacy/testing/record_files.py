"""Files of records for the suite: what is in them, ways to break them, and their records version by version.

Read here with the plainest means there are, and none of the source's own code.
"""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from privacy.datamap.load import Ref
from privacy.datamap.models import Column, Provenance, Text
from privacy.testing.snapshots import Key

PLACE = ("file", "row")
"""The columns that the source makes: they tell every version of a record from any other."""

Content = tuple[str, tuple[Any, ...]]
"""What a file says beside its records, and these: the bytes of a line, or a record."""


def versions(ref: Ref) -> Ref:
    """The same dataset with every version of a record as one of its own, told apart by file and row.

    What changes, changes version by version. Any dataset whose items are not files of records is left as it is.
    """
    dataset = ref.dataset
    if ref.system.source != "records" or dataset.key == PLACE:
        return ref
    text = Text(nl="-", en="-")
    made = {
        name: Column(type=kind, description=text, category="system.operations", provenance=Provenance.OBSERVED)
        for name, kind in zip(PLACE, ("text", "integer"), strict=True)
    }
    records = None if dataset.records is None else dataset.records.model_copy(update={"latest": None})
    changed = dataset.model_copy(update={"columns": {**dataset.columns, **made}, "key": PLACE, "records": records})
    system = ref.system.model_copy(update={"datasets": {**ref.system.datasets, ref.name: changed}})
    return Ref(system, ref.name, changed)


@dataclass(frozen=True, eq=False)
class RecordSnapshot:
    """Files by key. See :class:`privacy.testing.snapshots.Snapshot`."""

    files: Mapping[str, Content]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordSnapshot) and self._plain() == other._plain()

    __hash__ = None  # type: ignore[assignment]

    def _plain(self) -> dict[str, tuple[str, list[str]]]:
        # In this form NaN equals NaN, and 1 is not 1.0.
        return {name: (rest, [repr(record) for record in records]) for name, (rest, records) in self.files.items()}

    def without(self, ref: Ref, keys: Collection[Key]) -> RecordSnapshot:
        """A file without a record is gone. A record's key is (file, row from 1)."""
        found: dict[str, Content] = {}
        for name, (rest, records) in self.files.items():
            left = tuple(record for row, record in enumerate(records, 1) if (name, str(row)) not in keys)
            if left or not records:
                found[name] = (rest, left)
        return RecordSnapshot(found)

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> RecordSnapshot:
        """The values of these columns left out, in records of these keys."""
        paths = [str(ref.dataset.columns[name].path or name).split(".") for name in columns]
        found: dict[str, Content] = {}
        for name, (rest, records) in self.files.items():
            mine = ((name, str(row)) in keys for row in range(1, len(records) + 1))
            left = (_less(r, paths) if changed else r for r, changed in zip(records, mine, strict=True))
            found[name] = (rest, tuple(left))
        return RecordSnapshot(found)

    def difference(self, other: RecordSnapshot) -> str:
        """In counts."""
        mine, theirs = self._plain(), other._plain()
        changed = sum(mine.get(name) != theirs.get(name) for name in {*mine, *theirs})
        records = [sum(len(records) for _, records in side.values()) for side in (mine, theirs)]
        return f"{changed} files differ; {records[0]} records expected, {records[1]} found"


def _less(record: Any, paths: list[list[str]]) -> Any:
    left = json.loads(record, parse_float=str) if isinstance(record, bytes) else deepcopy(record)
    for *above, last in paths:
        at = left
        for name in above:
            at = at.get(name) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at.pop(last, None)
    return left


def snapshot(ref: Ref, folder: Path) -> RecordSnapshot:
    """Everything that is in a store of records."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return RecordSnapshot({file.relative_to(folder).as_posix(): _content(ref, folder, file) for file in files})


def _content(ref: Ref, folder: Path, file: Path) -> Content:
    name = file.relative_to(folder).as_posix()
    if name.endswith(".parquet"):
        table = pq.read_table(file)
        return str(table.schema), tuple(table.to_pylist())
    content = gzip.decompress(file.read_bytes()) if name.endswith(".gz") else file.read_bytes()
    if name.removesuffix(".gz").endswith(".json"):
        owners = [d for d in ref.system.datasets.values() if d.prefix and name.startswith(d.prefix)]
        at = (owners[0].records.at if owners and owners[0].records else None) or ""
        document = {"": json.loads(content, parse_float=str)}
        *above, last = ["", *filter(None, at.split("."))]
        inside = document
        for member in above:
            inside = inside[member]
        records = tuple(inside[last])
        inside[last] = []
        return repr(document), records
    return "", tuple(line for line in content.split(b"\n") if line.strip())


def damages(folder: Path) -> list[str]:
    """The ways in which a store of records can be broken. See :class:`privacy.testing.stores.Scratch`."""
    return ["!truncated", "!garbage", "!other name", "values"] if any(folder.rglob("*")) else []


def damage(ref: Ref, folder: Path, how: str, canary: str) -> None:
    """Break the files of a dataset."""
    for file in [f for f in sorted(folder.rglob("*")) if f.is_file() and _below(ref, folder, f)]:
        if how == "!truncated":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        elif how == "!garbage":
            text = f'{{"{canary}": 1}} no record at all'.encode()
            file.write_bytes(gzip.compress(text) if file.name.endswith(".gz") else text)
        elif how == "!other name":
            (file.parent / f"{canary[:40]}.txt").write_text(canary)
        elif not file.name.endswith(".parquet"):
            _values(ref, folder, file, canary)


def _below(ref: Ref, folder: Path, file: Path) -> bool:
    return file.relative_to(folder).as_posix().startswith(str(ref.dataset.prefix))


def _values(ref: Ref, folder: Path, file: Path, canary: str) -> None:
    """Put a text where something else is expected, in every record."""
    _, records = _content(ref, folder, file)
    strict = [
        str(column.path or name).split(".")
        for name, column in ref.dataset.columns.items()
        if column.type != "text" and not column.identity and not set(column.path or "") & set("[]|{}")
    ]
    found = [json.loads(r) if isinstance(r, bytes) else r for r in records]
    for record in found:
        for *above, last in strict:
            at: Any = record
            for name in above:
                at = at.get(name) if isinstance(at, dict) else None
            if isinstance(at, dict) and last in at:
                at[last] = canary
    if file.name.removesuffix(".gz").endswith(".json"):
        document: Any = found
        for name in reversed([n for n in str((ref.dataset.records and ref.dataset.records.at) or "").split(".") if n]):
            document = {name: document}
        content = json.dumps(document).encode()
    else:
        content = b"".join(json.dumps(record).encode() + b"\n" for record in found)
    file.write_bytes(gzip.compress(content) if file.name.endswith(".gz") else content)
