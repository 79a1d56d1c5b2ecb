"""The contract's standard suite over the demo shop's databases on MariaDB and on PostgreSQL.

``PRIVACY_SUITE=full`` tries all checks of all datasets, which takes long. Otherwise what reads is held against each
dataset that has a SELECT of its own for servers, and what changes or breaks copies against four of them: one that others
refer to, one in the middle, one whose columns are set, and one of the other database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from conftest_demo import HOME
from privacy.datamap.load import Ref, load
from privacy.testing import CHECKS, examples_of
from privacy.testing.suite import Check
from services.conftest import DATABASES, Shop
from services.sql_stores import OnServer

DATASETS = [ref for ref in load(HOME) if ref.system.source == "sql"]
FULL = os.environ.get("PRIVACY_SUITE") == "full"
CHANGED = {"shop.orders", "shop.invoices", "shop.engravings", "recruiting.applications"}
OF_SERVERS = CHANGED | {"recruiting.applicants"}


def cases() -> Iterator[object]:
    """What is tried of what."""
    for ref in DATASETS:
        for check in CHECKS:
            changes = check.__module__.rpartition(".")[2] in ("checks_apply", "checks_errors")
            if FULL or ref.full in (CHANGED if changes else OF_SERVERS):
                yield pytest.param(ref, check, id=f"{ref.full}-{check.__name__}")


@pytest.fixture(scope="module")
def stores(on_server: Shop) -> Iterator[OnServer]:
    """Read with the account that may only read; changed, on copies, with their owner's."""
    made = OnServer(on_server.server, {name: name for name in DATABASES})
    yield made
    made.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("ref", "check"), list(cases()))
def test_dataset(stores: OnServer, ref: Ref, check: Check) -> None:
    """Edge cases 12, 13, 14, 15, 34, and all that the suite names."""
    check(stores, ref, examples_of(stores.datamap, ref))


def test_the_suite_has_every_dataset_of_both_databases() -> None:
    """Edge case 28."""
    assert {ref.system.connection for ref in DATASETS} == set(DATABASES)
    assert len(DATASETS) > 20
    assert CHANGED < OF_SERVERS
    tried = {(p.values[0].full, p.values[1]) for p in cases()}  # type: ignore[attr-defined]
    assert {(full, check) for full in CHANGED for check in CHECKS} <= tried
