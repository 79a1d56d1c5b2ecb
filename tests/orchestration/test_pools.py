"""Pools: at most so many tasks at once that touch a store, whichever store a mapped task turns out to touch."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from privacy.datamap.load import load
from privacy.orchestration import pools

PROJECT = Path(__file__).parents[2]
SHOP = load(PROJECT / "include")

NO_STORE = {"done", "approve", "rule.approve", "request.approve"}
"""The end of an export, and the question to an operator, which may wait for hours."""


def test_each_connection_of_the_shop_has_a_pool_and_so_has_what_asks_several() -> None:
    sizes = pools.sizes(SHOP)
    assert set(sizes) == {f"privacy_{s.connection}" for s in SHOP.systems.values()} | {pools.SEVERAL}
    assert min(sizes.values()) >= 1


def test_a_connection_that_serves_two_systems_has_the_smaller_size() -> None:
    many = [SimpleNamespace(connection="shop", tasks_at_once=n) for n in (5, 2, 7)]
    found: Any = SimpleNamespace(systems=dict(enumerate(many)))
    assert pools.sizes(found) == {pools.SEVERAL: pools.SLOTS_OF_SEVERAL, "privacy_shop": 2}


def test_a_rule_of_one_store_runs_in_its_pool_and_one_of_several_in_theirs() -> None:
    places = pools.places(SHOP)
    assert places["purge_logfiles", "log_lines"] == "privacy_weblogs"
    assert places["purge_logfiles", "sessions"] == "privacy_shop"
    assert places["purge_applicant_files", "applications"] == pools.SEVERAL
    for purge, made in SHOP.policy.purges.items():
        for name, rule in made.rules.items():
            stores = {SHOP[full].system.connection for full in rule.datasets}
            assert places[purge, name] == (f"privacy_{stores.pop()}" if len(stores) == 1 else pools.SEVERAL)
    assert {places["export_subject", ref.full] for ref in SHOP} == set(pools.sizes(SHOP)) - {pools.SEVERAL}
    assert all(places["export_subjects", ref.full] == places["export_subject", ref.full] for ref in SHOP)


@pytest.mark.parametrize("file", sorted((PROJECT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_no_task_of_any_dag_is_without_a_bound(file: Path) -> None:
    """Before it is known what a mapped task touches, and where that cannot be told, it counts among `several`."""
    spec = importlib.util.spec_from_file_location(f"dag_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dag = getattr(module, file.stem)()
    assert {task.task_id: task.pool for task in dag.tasks if task.task_id not in NO_STORE} == {
        task.task_id: pools.SEVERAL for task in dag.tasks if task.task_id not in NO_STORE
    }


def test_pools_are_made_once_and_a_size_that_an_operator_chose_stays() -> None:
    from airflow.models.pool import Pool

    engine = sa.create_engine("sqlite://")
    Pool.__table__.create(engine)
    with Session(engine) as session:
        assert pools.ensure({"privacy_a": 3}, session) == ["privacy_a"]
        session.commit()
        session.execute(sa.update(Pool).values(slots=1))
        assert pools.ensure({"privacy_a": 3, "privacy_b": 4}, session) == ["privacy_b"]
        session.commit()
        assert dict(session.execute(sa.select(Pool.pool, Pool.slots)).all()) == {"privacy_a": 1, "privacy_b": 4}
