"""``sql``: a database. One SELECT a dataset, in a file; the framework adds whose, due when, by key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine, instant, translated
from privacy.datamap.models import Dataset, System
from privacy.errors import BadConfiguration, BadInput, PrivacyError
from privacy.sources.base import (
    Claim,
    Item,
    Of,
    Outcome,
    Partition,
    Problem,
    Selection,
    Step,
    Tally,
    schema_of,
)  # fmt: skip
from privacy.sources.convert import to_arrow
from privacy.sources.sql_text import Statement, contested, select


class SqlSource:
    """A database that SQLAlchemy reaches.

    :param home: ``PRIVACY_HOME``; SELECTs stand in ``sql/<system>/<dataset>.sql``.
    """

    def __init__(self, system: System, connection: Connection, *, home: Path, batch_rows: int = 10_000) -> None:
        self.system = system
        self._connection = connection
        self._folder = home / "sql" / system.system
        self._batch_rows = batch_rows
        self._checked: dict[str, str] = {}

    def inventory(self) -> Iterator[Claim]:
        """Every table with its columns."""
        with translated(self.system.system):
            inspector = sa.inspect(engine(self._connection, read_only=True))
            tables = sorted(inspector.get_table_names())
            for table in tables:
                yield Claim(table, tuple(column["name"] for column in inspector.get_columns(table)))

    def check(self) -> Iterator[Problem]:
        """Every dataset whose SELECT cannot be run, or whose table is not there."""
        tables = {claim.name: claim.parts for claim in self.inventory()}
        for name, dataset in self.system.datasets.items():
            where = f"{self.system.system}.{name}"
            try:
                self.own_select(name)
            except PrivacyError as problem:
                yield Problem(problem.code, problem.message, where, problem.advice)
            if dataset.table is not None and dataset.table not in tables:
                yield Problem("sql.no_table", f"There is no table {dataset.table!r}.", where, "Correct `table:`.")

    def partitions(self, selection: Selection) -> list[Partition]:
        """One: a table is read in one go."""
        self._dataset(selection.dataset)
        return [Partition(selection.dataset, self._size())]

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; rows in the order of subject and key, each once a subject."""
        dataset = self._dataset(selection.dataset)
        where = f"{self.system.system}.{selection.dataset}"
        schema = schema_of(dataset)
        if tally is not None and isinstance(selection.pick, Of) and selection.on is None:
            tally.unattributed += self._count_contested(selection)
        for rows in self._rows(self._statement(selection)):
            columns = list(zip(*rows, strict=True))
            arrays = [
                to_arrow(values, column, f"{where}.{name}")
                for (name, column), values in zip(dataset.columns.items(), columns, strict=False)
            ]
            arrays += [pa.array(columns[-2], pa.int32()), pa.array(columns[-1], pa.string())]
            yield pa.record_batch(arrays, schema=schema)

    def open(self, dataset: str, key: tuple[object, ...]) -> BinaryIO:
        """A row has no original beside it."""
        raise BadInput("sources.no_original", "Rows have no original file.", where=f"{self.system.system}.{dataset}")

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """One item a row, whoever's it is, each once."""
        dataset = self._dataset(selection.dataset)
        seen: set[tuple[object, ...]] = set()
        several = isinstance(selection.pick, Of) and len(selection.pick.subjects) > 1
        for rows in self._rows(self._statement(selection)):
            for row in rows:
                item = self.item(dataset, row[:-2])
                if not several or item.key not in seen:
                    seen.add(item.key) if several else None
                    yield item

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :meth:`Source.apply`: one transaction for the whole unit."""
        from privacy.sources.sql_apply import Work

        with translated(self.system.system):
            opened = engine(self._connection)
            with opened.begin() as transaction:
                outcomes = Work(self, transaction, spare).run(unit)
        yield from outcomes

    # For sql_apply

    def statement(self, selection: Selection, keys: Sequence[tuple[object, ...]] | None = None) -> Statement:
        """The statement for a selection, for these keys only."""
        return self._statement(selection, keys)

    @staticmethod
    def item(dataset: Dataset, row: Sequence[Any]) -> Item:
        """The item of a row as the store gives it."""
        names = list(dataset.columns)
        key = tuple(row[names.index(name)] for name in dataset.key)
        text = repr(tuple(row)).encode("utf-8", "surrogatepass")
        version = hashlib.sha256(text).hexdigest()
        oldest = None
        if dataset.starts is not None:
            oldest = _moment(row[names.index(dataset.starts.column)], dataset, dataset.starts.column)
        digest = hashlib.sha256(repr(key).encode() + version.encode()).hexdigest()
        return Item(key, version, 1, len(text), oldest, True, digest)

    def own_select(self, name: str) -> str:
        """The dataset's own SELECT, checked once against the database: exactly the declared columns.

        :raises BadConfiguration: no file, or a column missing or beyond.
        """
        if name in self._checked:
            return self._checked[name]
        dataset = self._dataset(name)
        where = f"{self.system.system}.{name}"
        opened = engine(self._connection, read_only=True)
        file = self._folder / f"{name}.{opened.dialect.name}.sql"
        file = file if file.is_file() else self._folder / f"{name}.sql"
        try:
            text = file.read_text(encoding="utf-8").strip().rstrip(";")
        except FileNotFoundError:
            raise BadConfiguration("sql.no_file", "The SELECT is missing.", where=str(file)) from None
        with translated(where), opened.connect() as connection:
            found = list(connection.exec_driver_sql(f"SELECT * FROM (\n{text}\n) AS d LIMIT 0").keys())
        missing, beyond = sorted(set(dataset.columns) - set(found)), sorted(set(found) - set(dataset.columns))
        if missing or beyond:
            said = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(beyond)} beyond"] * bool(beyond)
            raise BadConfiguration(
                "sql.columns",
                f"The SELECT {' and '.join(said)}.",
                where=where,
                advice=f"Make {file.name} and the dataset's columns agree.",
            )
        self._checked[name] = f"\n{text}\n"
        return self._checked[name]

    def _statement(self, selection: Selection, keys: Sequence[tuple[object, ...]] | None = None) -> Statement:
        return select(self.own_select(selection.dataset), self._dataset(selection.dataset), selection, keys)

    def _dataset(self, name: str) -> Dataset:
        if name not in self.system.datasets:
            raise BadInput("sources.unknown_dataset", "There is no such dataset.", where=f"{self.system.system}.{name}")
        return self.system.datasets[name]

    def _size(self) -> int:
        path = Path(sa.engine.make_url(self._connection.url).database or "")
        return path.stat().st_size // max(1, len(self.system.datasets)) if path.is_file() else 0

    def _count_contested(self, selection: Selection) -> int:
        assert isinstance(selection.pick, Of)  # noqa: S101 - narrows the type
        pick = contested(selection.pick)
        if not any(subject.identifiers for subject in pick.subjects):
            return 0
        return sum(len(rows) for rows in self._rows(self._statement(Selection(selection.dataset, pick))))

    def _rows(self, statement: Statement) -> Iterator[list[tuple[Any, ...]]]:
        """Rows by the batch, each once a subject."""
        with translated(self.system.system), engine(self._connection, read_only=True).connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None  # noqa: S101 - narrows the type
            with closing(raw.cursor()) as cursor:
                cursor.execute(statement.text, statement.parameters)
                batches = _fetched(cursor, self._batch_rows)
                yield from merged(batches, self._batch_rows) if statement.arms > 1 else batches


def _fetched(cursor: Any, size: int) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(size):
        yield rows


def merged(batches: Iterator[list[tuple[Any, ...]]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Rows that several parties matched, which stand one after the other, as one row; their parties joined."""
    last: tuple[Any, ...] | None = None
    batch: list[tuple[Any, ...]] = []
    for fetched in batches:
        for row in fetched:
            if last is not None and row[-2] == last[-2] and row[:-2] == last[:-2]:
                if row[-1] not in last[-1].split(","):
                    last = (*last[:-1], f"{last[-1]},{row[-1]}")
                continue
            if last is not None:
                batch.append(last)
                if len(batch) >= size:
                    yield batch
                    batch = []
            last = row
    if last is not None:
        batch.append(last)
    if batch:
        yield batch


def _moment(value: object, dataset: Dataset, name: str) -> Any:
    from datetime import UTC, datetime, timedelta

    column = dataset.columns[name]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        factor = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}.get(column.form, 1)
        found: int | None = int(value) * factor
    else:
        found = instant(value, column.zone or "UTC")
    return None if found is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)
