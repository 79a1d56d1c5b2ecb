"""Reading on servers is what it is on SQLite: the same values of the same types, the same terms, in the same order."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from conftest_answers import house_of
from privacy.datamap.kinds import normal
from privacy.sources.base import Among, ByKey, Due, Every, Identifier, Of, Selection, Subject
from services.conftest import DATABASES

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def both(on_server, tmp_path_factory):
    """The house over SQLite, and the one over the server."""
    made, state = on_server.made, tmp_path_factory.mktemp("states")
    return house_of(made, state / "a"), house_of(made, state / "b", on_server.urls)


def datasets(house):
    return [ref for ref in house.datamap if ref.system.system in DATABASES]


def table(house, ref, pick):
    source, selection = house.source(ref.system.system), Selection(ref.name, pick)
    batches = [b for part in source.partitions(selection) for b in source.read(selection, part)]
    return pa.Table.from_batches(batches) if batches else None


def rows(found):
    """With what a term counts from by the second: SQLite's SQL cuts off the rest."""
    every = [] if found is None else found.to_pylist()
    for row in every:
        if isinstance(at := row.get("term_starts"), datetime):
            row["term_starts"] = at.replace(microsecond=0)
    return every


def everybody(made):
    kinds = {"shop.customer_id": "integer", "recruiting.applicant_id": "integer", "recruiting.application_id": "integer",
             "recruiting.employee_no": "integer"}  # fmt: skip
    return Of(
        tuple(
            Subject(
                no,
                tuple(
                    Identifier(kind, normal(kind, value, kinds.get(kind, "text")))
                    for named in entry["named"]
                    for kind, value in named.items()
                ),
            )
            for no, entry in enumerate(made.answers["subjects"])
        )
    )


def test_every_value_is_exactly_what_it_is_on_sqlite(both, made):
    """Decimals with their digits, instants, dates, bytes, numbers in JSON, and NULL apart from what is empty."""
    one, other = both
    seen = 0
    for ref in datasets(one):
        picks = [Every(NOW)] + ([everybody(made)] if ref.dataset.people else [])
        for pick in picks:
            wanted, found = table(one, ref, pick), table(other, ref, pick)
            assert rows(found) == rows(wanted), ref.full
            assert found is None or found.schema == wanted.schema
            seen += 0 if wanted is None else wanted.num_rows
    assert seen > 3_000


def test_the_same_is_due_and_surveys_count_the_same(both):
    """Edge cases 1-11: to the second, on both sides of it."""
    one, other = both
    for ref in datasets(one):
        befores = [NOW - timedelta(days=days) for days in (14, 400, 2000)]
        picks = [Due(before) for before in befores]
        if (starts := ref.dataset.starts) is not None and starts.kind:
            kinds = frozenset({"domestic"})
            picks += [Due(befores[1], Among(starts.kind, kinds, others=others)) for others in (False, True)]
        for pick in picks:
            assert rows(table(other, ref, pick)) == rows(table(one, ref, pick)), ref.full
        mine = other.source(ref.system.system).survey(ref.name, NOW, picks)
        theirs = one.source(ref.system.system).survey(ref.name, NOW, picks)
        assert mine.oldest is None or mine.oldest.replace(microsecond=0) == theirs.oldest.replace(microsecond=0)
        for name in ("records", "undated", "future", "picked"):
            assert getattr(mine, name) == getattr(theirs, name), (ref.full, name)


def test_records_are_found_by_their_key_again(both):
    one, other = both
    for ref in datasets(one):
        source, selection = other.source(ref.system.system), Selection(ref.name, Every(NOW))
        items = [i for part in source.partitions(selection) for i in source.locate(selection, part)]
        keys = frozenset(tuple(i.key) for i in items[::3])
        found = table(other, ref, ByKey(NOW, keys=keys))
        assert {tuple(r[k] for k in ref.dataset.key) for r in rows(found)} == keys, ref.full


def test_nothing_is_wrong_with_the_server_but_that_it_cannot_be_written_to(both, on_server):
    """A read-only account suffices for exports, and is told of."""
    _, other = both
    for system in DATABASES:
        found = list(other.source(system).check())
        assert {p.code for p in found} <= {"sql.read_only", "sql.alias"}, found
        assert "sql.read_only" in {p.code for p in found}
        assert not any(p.fatal for p in found)
    owner = {name: on_server.server.url(name) for name in DATABASES}
    writing = house_of(on_server.made, other.settings.state, owner)
    assert not [p for system in DATABASES for p in writing.source(system).check() if p.code == "sql.read_only"]


def test_every_table_and_column_of_the_server_is_claimed_as_on_sqlite(both):
    one, other = both
    for system in DATABASES:
        mine = {c.name: sorted(c.parts) for c in other.source(system).inventory()}
        theirs = {c.name: sorted(c.parts) for c in one.source(system).inventory() if not c.name.startswith("sqlite")}
        assert mine == theirs


def test_closing_early_gives_the_connection_back(both):
    _, other = both
    source, selection = other.source("shop"), Selection("sessions", Every(NOW))
    source._batch_rows = 5
    try:
        (part,) = source.partitions(selection)
        begun = time.perf_counter()
        for _ in range(30):
            reading = source.read(selection, part)
            next(reading)
            reading.close()
        assert time.perf_counter() - begun < 20
    finally:
        source._batch_rows = 10_000
    assert source.open_engine(read_only=True).pool.checkedout() == 0


def test_nobody_gets_nothing(both):
    _, other = both
    nobody = Of(
        (Subject(1, (Identifier("email", "niemand@niets.example"), Identifier("shop.customer_id", 99_999_999))),)
    )
    for ref in datasets(other):
        if ref.dataset.people:
            assert table(other, ref, nobody) is None
