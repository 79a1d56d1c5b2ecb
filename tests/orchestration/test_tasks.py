"""What leaves a task: codes, counts, digests."""

from __future__ import annotations

import traceback
from types import SimpleNamespace

import pytest

from privacy.errors import AmbiguousIdentity, GiveUp, PrivacyError, RetryLater, Unreadable
from privacy.orchestration import tasks

PERSONAL = "anna@a.example"


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the present task leaves in Airflow's database."""
    found: dict[str, object] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: found.update({key: value}))
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"ti": ti})
    return found


@pytest.mark.parametrize(
    ("problem", "kind", "code"),
    [
        (RetryLater("database.busy", f"busy with {PERSONAL}", where=PERSONAL), RetryLater, "database.busy"),
        (Unreadable("sql.type", "no", advice=PERSONAL), Unreadable, "sql.type"),
        (AmbiguousIdentity("identity.ambiguous", PERSONAL), AmbiguousIdentity, "identity.ambiguous"),
        (KeyError(PERSONAL), GiveUp, "unexpected.KeyError"),
        (OSError(28, PERSONAL), GiveUp, "unexpected.OSError"),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_an_exception_leaves_as_its_code_and_its_class(
    pushed: dict[str, object], problem: Exception, kind: type[PrivacyError], code: str
) -> None:
    """Edge case 34: also when what raised it quotes a person."""

    @tasks.coded
    def step() -> None:
        try:
            raise ValueError(PERSONAL)
        except ValueError:
            raise problem  # noqa: B904 - a careless step: the other error is its context

    with pytest.raises(kind) as caught:
        step()
    assert caught.value.code == code
    assert pushed == {tasks.REASON: code}
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert PERSONAL not in "".join(traceback.format_exception(caught.value))


def test_an_unexpected_error_names_the_place_in_our_code(pushed: dict[str, object]) -> None:
    from privacy import numbers

    step = tasks.coded(lambda: numbers.check(None))  # type: ignore[arg-type]
    with pytest.raises(GiveUp) as caught:
        step()
    assert caught.value.where.startswith("privacy.numbers:")
    assert pushed


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    from airflow.sdk.definitions.retry_policy import RetryAction

    policy = tasks.RETRIES["retry_policy"]
    for problem, action in (
        (RetryLater("a.b", "c"), RetryAction.RETRY),
        (GiveUp("a.b", "c"), RetryAction.FAIL),
        (AmbiguousIdentity("a.b", "c"), RetryAction.FAIL),
        (KeyError(), RetryAction.FAIL),
    ):
        assert policy.evaluate(problem, 1, 3).action is action


def test_a_run_that_is_cleared_is_another_run() -> None:
    """Its staging folder and its ledger entries are its own."""
    first, cleared = tasks.run_id("d", "manual__x"), tasks.run_id("d", "manual__x", 1)
    assert first == tasks.run_id("d", "manual__x")
    assert len({first, cleared, tasks.run_id("d", "manual__y"), tasks.run_id("e", "manual__x")}) == 4


def test_what_a_part_tells_is_one_xcom() -> None:
    """Airflow pushes a dict as one XCom a key unless it is told otherwise: a dozen calls for each of many parts."""
    assert tasks.extract.multiple_outputs is False
