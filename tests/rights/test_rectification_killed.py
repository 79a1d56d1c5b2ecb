"""A correction that is killed anywhere is finished by the next try, and never told to be done before it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest_demo import made
from privacy.errors import PrivacyError
from privacy.ledger.book import Ledger
from privacy.orchestration import rectify_steps as steps
from privacy.orchestration.runs import Run
from privacy.rights import State
from privacy.sources.sql import SqlSource
from rights.rectify_kit import Shop, changed, number

__all__ = ["made"]
FIRST_STORE, SECOND_STORE, LAST = 7, 9, 12
"""The points right before the first store is changed, right before the second, and the last one of a run."""
RECORDED = (11, 12)
"""Those at which the register has it, and the ledger's end of the run is being written."""
TELLING = {(6, "run-2"), (8, "run-2"), (9, "run-1"), (12, "run-2")}


def die_at(point: int) -> None:
    """From now on this process is killed at the point-th change of a shop, or entry of the ledger, before or after it."""
    passed = [0]

    def deadly(call: Callable) -> Callable:
        def tried(*args: object, **more: object) -> object:
            found = None
            for before in (True, False):
                if not before:
                    found = call(*args, **more)
                    found = found if found is None or isinstance(found, int) else list(found)
                passed[0] += 1
                if passed[0] == point:
                    os.kill(os.getpid(), signal.SIGKILL)
            return found

        return tried

    SqlSource.apply = deadly(SqlSource.apply)
    Ledger.event = deadly(Ledger.event)
    Ledger.end = deadly(Ledger.end)


def whole(shop: Shop, asked: str, run: str) -> None:
    """Every step, as Airflow would call them; a step that fails ends the chain, and record comes all the same."""
    this, failed = Run(run, asked, "operator"), None
    try:
        steps.resolve(shop.house, this)
        steps.plan(shop.house, this, say=lambda _: None)
        steps.answered(shop.house, this, approved=True, by="chef")
        steps.rectify(shop.house, this)
        steps.verify(shop.house, this)
    except PrivacyError as problem:
        failed = problem.code
    steps.record(shop.house, this, failed, say=lambda _: None)
    steps.tell(shop.house, this)


def on_point(point: int, again: str) -> object:
    left = pytest.mark.check("others are killed at a telling point")
    return pytest.param(point, again, marks=() if (point, again) in TELLING else left)


@pytest.mark.parametrize(("point", "again"), [on_point(n, again) for n in range(1, 14) for again in ("run-1", "run-2")])
def test_killed_at_any_point_it_is_finished_by_the_next_try(made, tmp_path: Path, point: int, again: str) -> None:
    """Edge cases 13 and 36; the next try is the same run again, or a new one."""
    found = Shop.copied(made.folder, tmp_path)
    # A customer who is an employee too: two databases say the same telephone number.
    found.sql("UPDATE customers SET phone = '06-00001003' WHERE customer_id = 1020")
    asked = found.request(number(1020))
    found.wanted(asked, {"phone": "06-87654321"})
    before = found.cells()
    found.house.engine.dispose()
    found = Shop(found.folder)
    if (child := os.fork()) == 0:
        try:
            die_at(point)
            whole(found, asked, "run-1")
        finally:
            os._exit(7)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == (point <= LAST)
    half = changed(before, found.cells())
    assert len(half) == (0 if point <= FIRST_STORE else 1 if point <= SECOND_STORE else 2)
    state = found.house.register.get(asked).state
    assert state is (State.ANSWERED if point > LAST else State.ACTED if point in RECORDED else State.PROVEN)
    if state is not State.ANSWERED:
        try:
            whole(found, asked, again)
        except PrivacyError:
            # An answer stands there already, or it was done before: what is left is done by a new run.
            if found.house.register.get(asked).state is State.PROVEN:
                whole(found, asked, "run-3")
            else:
                steps.tell(found.house, Run("run-3", asked, "operator"))
    assert changed(before, found.cells()) == {
        ("shop", "customers", (1020,), "phone"): "06-87654321",
        ("recruiting", "employees", (1003,), "phone"): "06-87654321",
    }
    assert found.house.register.get(asked).state is State.ANSWERED
    assert found.house.verify().ok
    assert found.house.verify().problems == ()
