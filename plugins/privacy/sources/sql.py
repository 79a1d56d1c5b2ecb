"""``sql``: a database. One SELECT a dataset, in a file; the framework adds whose, due when, by key."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import translated
from privacy.datamap.models import Dataset, System
from privacy.datamap.selects import file_of, text_of
from privacy.errors import BadConfiguration, BadInput
from privacy.sources.base import (
    Claim,
    Due,
    Item,
    Of,
    Outcome,
    Partition,
    Problem,
    Selection,
    Step,
    Subject,
    Survey,
    Tally,
    schema_of,
)  # fmt: skip
from privacy.sources.collecting import collecting_nothing
from privacy.sources.convert import to_arrow
from privacy.sources.sql_dialect import dialect_of
from privacy.sources.sql_items import Items
from privacy.sources.sql_kinds import Dialect
from privacy.sources.sql_read import Row, fetched, joined
from privacy.sources.sql_shared import filtered
from privacy.sources.sql_text import Own, Statement, Wrap, one_select


class SqlSource:
    """A database. Opens a connection a call, and closes it with it; holds no identifier.

    :param home: ``PRIVACY_HOME``; SELECTs stand in ``sql/<system>/<dataset>.sql``. Where that is not portable, what
        stands beside it comes first: ``<dataset>.<dialect>.sql``, or ``.servers.sql`` for PostgreSQL and MariaDB alike.
    """

    def __init__(self, system: System, connection: Connection, *, home: Path, batch_rows: int = 10_000) -> None:
        self.system = system
        self._connection = connection
        self._folder = home / "sql" / system.system
        self._batch_rows = batch_rows
        self._owns: dict[str, Own] = {}
        self._dialect: Dialect | None = None
        self._engines: dict[tuple[int, bool], sa.Engine] = {}

    def inventory(self) -> Iterator[Claim]:
        """Every table with its columns."""
        with translated(self.system.system), self.open_engine(read_only=True).connect() as connection:
            claims = [Claim(table, columns) for table, columns in self.dialect.tables(connection).items()]
        yield from sorted(claims, key=lambda claim: claim.name)

    def check(self) -> Iterator[Problem]:
        """See :func:`privacy.sources.sql_doctor.problems`."""
        from privacy.sources.sql_doctor import problems

        yield from problems(self)

    def partitions(self, selection: Selection) -> list[Partition]:
        """One, with the dataset's name: a table is read in one go. Its size is its own, or its share of the file's."""
        dataset = self.dataset(selection.dataset)
        url = sa.engine.make_url(self._connection.url)
        if url.get_backend_name() == "sqlite":
            file = Path(url.database or "")
            size = file.stat().st_size // len(self.system.datasets) if file.is_file() else 0
        elif dataset.table is None:
            size = 0
        else:
            with translated(self.where(selection.dataset)), self.open_engine(read_only=True).connect() as connection:
                size = self.dialect.table_bytes(connection, dataset.table)
        return [Partition(selection.dataset, size)]

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; in the order of subject and key, each record once a subject."""
        dataset, where = self.dataset(selection.dataset), self.where(selection.dataset)
        wrap, schema = self.wrap(selection.dataset), schema_of(dataset)
        if tally is not None:
            for no, records in self._unattributed(wrap, selection, dataset, where):
                tally.aside((no,), records)
        statement = wrap.select(selection)
        names = [None] if isinstance(selection.pick, Due) or selection.on else list(dataset.people)
        with closing(self._rows(statement, dataset, where)) as batches:
            while True:
                with collecting_nothing():
                    rows = next(batches, None)
                    if rows is None:
                        return
                    rows = filtered(rows, selection, dataset, where)
                    if not rows:
                        continue
                    *values, numbers, places = zip(*rows, strict=True)
                    arrays = [
                        to_arrow(column, dataset.columns[name], f"{where}.{name}")
                        for name, column in zip(dataset.columns, values, strict=True)
                    ]
                    told = {p: _parties(p, names) for p in set(places)}
                    arrays += [pa.array(numbers, pa.int32()), pa.array([told[p] for p in places], pa.string())]
                    batch = pa.record_batch(arrays, schema=schema)
                    del rows, values, numbers, places, arrays
                yield batch

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """A row has no original beside it."""
        raise BadInput("sources.no_original", "Rows have no original file.", where=self.where(dataset))

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """One item a row, whoever's it is, each once (for the first of its subjects)."""
        dataset, where = self.dataset(selection.dataset), self.where(selection.dataset)
        several = isinstance(selection.pick, Of) and len(selection.pick.subjects) > 1
        statement = self.wrap(selection.dataset).select(selection, each_once=several, versions=True)
        with closing(self._rows(statement, dataset, where)) as batches:
            items = Items(dataset, where, versions=self.dialect.server)
            for rows in batches:
                with collecting_nothing():
                    found = items.of(filtered(rows, selection, dataset, where))
                yield from found

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :func:`privacy.sources.sql_due.survey`: one statement."""
        from privacy.sources.sql_due import survey

        self.dataset(dataset)
        return survey(self, dataset, now, picks)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :meth:`Source.apply`: one transaction for the whole unit, done when this returns."""
        from privacy.sources.sql_apply import apply

        return iter(apply(self, unit, spare))

    def referenced(self, unit: Sequence[Step]) -> dict[str, set[tuple[object, ...]]]:
        """See :class:`privacy.sources.base.Referring`."""
        from privacy.sources.sql_apply import referenced

        return referenced(self, unit)

    # For the other modules of this source

    @property
    def dialect(self) -> Dialect:
        """What this kind of database writes differently."""
        if self._dialect is None:
            self._dialect = dialect_of(self._connection)
        return self._dialect

    def open_engine(self, *, read_only: bool) -> sa.Engine:
        """An engine, made once a process: the parts of a pool do not survive a fork.

        :raises BadConfiguration: ``database.missing``, whenever the file is.
        """
        known, url = (os.getpid(), read_only), sa.engine.make_url(self._connection.url)
        gone = url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file()
        if gone or known not in self._engines:
            self._engines[known] = self.dialect.open(self._connection, read_only=read_only)
        return self._engines[known]

    def where(self, name: str) -> str:
        """A dataset's full name, for errors."""
        return f"{self.system.system}.{name}"

    def dataset(self, name: str) -> Dataset:
        """A dataset of the system. :raises BadInput: ``sources.unknown_dataset``."""
        if name not in self.system.datasets:
            raise BadInput("sources.unknown_dataset", "There is no such dataset.", where=self.where(name))
        return self.system.datasets[name]

    def wrap(self, name: str) -> Wrap:
        """What makes the statements for a dataset; its own SELECT is checked against the database once.

        :raises BadConfiguration: no file, no single SELECT, or a column missing or beyond the dataset's.
        """
        if name not in self._owns:
            self._owns[name] = self._own(name)
        where = self.where(name)

        def ask(text: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
            with translated(where), self.open_engine(read_only=True).connect() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(text, parameters)]

        return Wrap(self._owns[name], self.dialect, ask)

    def _own(self, name: str) -> Own:
        dataset, where = self.dataset(name), self.where(name)
        dialects = (self.dialect.name, *(["servers"] * self.dialect.server))
        file = file_of(self._folder, name, dialects)
        text = one_select(text_of(file, dialects, where), where)
        with translated(where), self.open_engine(read_only=True).connect() as connection:
            typed = self.dialect.columns_of(connection, text)
        missing, beyond = [c for c in dataset.columns if c not in typed], [c for c in typed if c not in dataset.columns]
        if missing or beyond:
            said = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(beyond)} beyond"] * bool(beyond)
            raise BadConfiguration(
                "sql.columns",
                f"The SELECT {' and '.join(said)}.",
                where=where,
                advice=f"Make {file.name} and the dataset's columns agree.",
            )
        return Own(dataset, text, typed, where)

    def _rows(self, statement: Statement, dataset: Dataset, where: str) -> Generator[list[Row]]:
        with closing(fetched(self.open_engine(read_only=True), statement, self._batch_rows, dataset, where)) as batches:
            yield from joined(batches, statement, dataset, where)

    def _unattributed(
        self, wrap: Wrap, selection: Selection, dataset: Dataset, where: str
    ) -> Iterator[tuple[int, int]]:
        statement = wrap.unattributed(selection)
        if statement is not None:
            for rows in fetched(self.open_engine(read_only=True), statement, self._batch_rows, dataset, where):
                yield from ((int(no), int(records)) for no, records in rows)


def _parties(places: int | tuple[int, ...], names: Sequence[str | None]) -> str | None:
    if isinstance(places, int):
        return names[places]
    told = [name for place in places if (name := names[place]) is not None]
    return ",".join(told) if told else None
