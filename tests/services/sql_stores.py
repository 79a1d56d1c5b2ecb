"""The demo shop's databases on a server, as the contract's standard suite works with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from conftest_demo import HOME
from privacy.connections import Connection, EnvironmentConnections
from privacy.database import engine
from privacy.datamap.load import Ref, load
from privacy.sources import source_for
from privacy.sources.sql import SqlSource
from privacy.testing.snapshots import Table, Tables
from services.mariadb import MariaDB
from services.postgres import Postgres


class OnServer:
    """Databases of one server. See :class:`privacy.testing.stores.Scratch`.

    :param databases: connection name -> database. :param changing: their owner works with them, not who may only read.
    """

    def __init__(self, server: Postgres | MariaDB, databases: Mapping[str, str], *, changing: bool = False) -> None:
        self.datamap, self.server, self.databases, self.changing = load(HOME), server, dict(databases), changing
        self.sources: list[SqlSource] = []
        self.password: str | None = None
        self.broken = ""
        self._copies: dict[str, Tables] = {}
        self._known: dict[tuple[str, int, bool], SqlSource] = {}

    def url(self, name: str, password: str | None = None) -> str:
        user = "owner" if self.changing else "reader"
        return self.server.url(self.databases[name], user=user, password=password)

    def source(self, ref: Ref, batch_rows: int = 10_000) -> SqlSource:
        """One a process, as pipelines have it, for a connection takes a while; a new one where something is broken."""
        known = (ref.system.system, batch_rows, self.changing)
        if known in self._known and not self.broken and self.password is None:
            return self._known[known]
        urls = {f"PRIVACY_CONNECTION_{n.upper()}": self.url(n, self.password) for n in self.databases}
        made = source_for(ref.system, EnvironmentConnections(urls), home=HOME, batch_rows=batch_rows)
        assert isinstance(made, SqlSource)
        self.sources.append(made)
        if not self.broken and self.password is None:
            self._known[known] = made
        return made

    def handles(self) -> int:
        """Connections that are in use; those that wait in a pool have neither cursor nor lock."""
        pools = [e.pool for source in self.sources for e in source._engines.values()]
        return sum(pool.checkedout() for pool in pools if isinstance(pool, sa.QueuePool))

    @contextmanager
    def scratch(self, ref: Ref) -> Iterator[OnServer]:
        """One copy of a database serves them all: what a check changed in it is made as it was."""
        name = ref.system.connection
        if name not in self._copies:
            self.server.cut(self.databases[name])  # PostgreSQL copies only what nobody uses.
            self.server.create(f"like_{name}", like=self.databases[name])
            self.server.create(f"copy_{name}", like=f"like_{name}")
            self._copies[name] = self.snapshot(ref)
        copy = OnServer(self.server, {**self.databases, name: f"copy_{name}"}, changing=True)
        copy._known = self._known
        try:
            yield copy
        finally:
            found, whole = {} if copy.broken else copy.snapshot(ref).tables, self._copies[name].tables
            if copy.broken or copy.password:
                copy.close()
            if changed := [table for table in whole if found.get(table) != whole[table]]:
                self._again(name, changed, copy.broken)

    def _again(self, name: str, changed: list[str], broken: str) -> None:
        if self.server.kind == "mysql":
            self.server.refill(f"copy_{name}", f"like_{name}", [broken] if broken else changed)
        else:
            self.server.create(f"copy_{name}", like=f"like_{name}")

    def close(self) -> None:
        for source in [*self.sources, *self._known.values()]:
            for opened in source._engines.values():
                opened.dispose()

    def snapshot(self, ref: Ref) -> Tables:
        into = self._engine(ref)
        found = {}
        with into.connect() as connection:
            for name in sa.inspect(connection).get_table_names():
                rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"')
                names = tuple(rows.keys())
                found[name] = Table(names, Counter(map(tuple, rows)))
        into.dispose()
        return Tables(found)

    def damages(self, ref: Ref) -> list[str]:
        """A column of another type than the data map says: one is tried."""
        columns = ref.dataset.columns.items()
        strict = [n for n, c in columns if c.type not in ("text", "binary") and c.identity is None]
        strict = [n for n in strict if n not in ref.dataset.key]
        return ["!password", "!table", *(f"column {name}" for name in strict[:1])]

    def damage(self, ref: Ref, how: str, canary: str) -> None:
        what, _, column = how.partition(" ")
        if what == "!password":
            self.password = "wrong"
            return
        self.broken = table = str(ref.dataset.table)
        words = canary.replace("'", "")
        if what == "!table":
            texts = [f'ALTER TABLE "{table}" RENAME TO privacy_elsewhere']
        elif self.server.kind == "postgresql":
            texts = [f"""ALTER TABLE "{table}" ALTER "{column}" TYPE text USING '{words}'"""]
        else:
            texts = [
                f'ALTER TABLE "{table}" MODIFY "{column}" TEXT',
                f"""UPDATE "{table}" SET "{column}" = '{words}'""",
            ]
        into = self._engine(ref)
        # Where the database itself does not allow it (a reference), nothing is broken.
        with suppress(sa.exc.DBAPIError), into.begin() as connection:
            for text in texts:
                connection.exec_driver_sql(text)
        into.dispose()

    def _engine(self, ref: Ref) -> sa.Engine:
        return engine(Connection("shop", self.server.url(self.databases[ref.system.connection])))
