"""A purge of rows on MariaDB and on PostgreSQL that dies anywhere, or whose database does; the ledger is on PostgreSQL.

Nothing is lost that should stay, nothing is left that should go, every deletion is counted once, and the chain verifies
(edge cases 7, 12 and 13).
"""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial

import pytest

from conftest_killed import in_a_process
from privacy.errors import BadConfiguration, PrivacyError, Refused, RetryLater
from privacy.orchestration import purges
from services.conftest import Server
from services.postgres import Postgres
from services.sql_studio import ServerStudio, Template, listening, restart, steps

RULE = "cases"
OTHERS = 6
"""So many points are tried on each server that are none of the shop's own: the ledger's, files'."""


@pytest.fixture(scope="module")
def template(server: Server, postgresql: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("studio"), server, postgresql, rows=3)


@pytest.fixture(scope="module")
def whole(template: Template) -> tuple[dict[str, bytes], int, list[str]]:
    """What a run that nothing disturbs leaves, how much it says that it deleted, and the points that it passes."""
    studio, seen = template.fresh(), template.folder / "seen"
    before = studio.everything()
    assert in_a_process(lambda: steps(studio, RULE), 0, seen, listening=listening) == 0
    after, expected = studio.everything(), studio.ended(studio.run(RULE))["deleted"]
    assert len(before) - len(after) == expected > 12
    studio.close()
    return after, expected, seen.read_text().splitlines()


def right(studio: ServerStudio, whole: tuple[dict[str, bytes], int, list[str]], when: str) -> None:
    """The stores, the counts and the chain are as they should be."""
    after, expected, _ = whole
    assert studio.everything() == after, when
    ended = [dict(e.entry) for e in studio.house.ledger.entries(kind="run.ended")]
    begun = [e.entry["run"] for e in studio.house.ledger.entries(kind="run.begun")]
    assert sum(entry["deleted"] for entry in ended) == expected, when
    assert sorted(entry["run"] for entry in ended) == sorted(begun), when
    assert studio.house.verify().ok, when


def points(told: list[str]) -> list[int]:
    """Of every kind of point around the shop's deletions and commits the first and the last; some of the others."""
    kinds = {what for what in told if what.endswith(" studio")}
    places = {kind: [n for n, what in enumerate(told, 1) if what == kind] for kind in kinds}
    found = {n for those in places.values() for n in (those[0], those[-1])}
    others = [n for n, what in enumerate(told, 1) if what not in kinds]
    return sorted({*found, *others[:: max(1, -(-len(others) // OTHERS))]})


def finish(studio: ServerStudio, *, again: bool) -> None:
    """Airflow tries the steps again, or does not and the next run comes."""
    if again:
        with suppress(PrivacyError):
            steps(studio, RULE)
    if not again or not studio.house.ledger.entries(run=studio.run(RULE).id, kind="run.ended"):
        studio.purge(RULE, "next")


@pytest.mark.timeout(240)
def test_whenever_it_dies_the_next_run_ends_as_if_it_had_not(template, whole) -> None:
    tried = points(whole[2])
    assert len(tried) > 8
    for number, die_at in enumerate(tried):
        studio, when = template.fresh(), f"dies at {die_at}: {whole[2][die_at - 1]}"
        assert (
            in_a_process(partial(steps, studio, RULE), die_at, template.folder / "seen", listening=listening)
            == -signal.SIGKILL
        ), when
        finish(studio, again=number % 2 == 0)
        right(studio, whole, when)
        studio.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("at", "nth"), [("before DELETE studio", 1), ("after DELETE studio", 2), ("before COMMIT studio", 2)]
)
def test_a_database_that_restarts_in_the_middle_is_tried_again_and_nothing_is_half_done(
    template, whole, at: str, nth: int
) -> None:
    """Edge case 12: the batch in hand is undone; the task fails with a code that is tried again."""
    studio, left = template.fresh(), [nth]

    def told(what: str) -> None:
        if what == at:
            left[0] -= 1
            if left[0] == 0:
                restart(template.server)

    with listening(told), pytest.raises(RetryLater) as raised:
        steps(studio, RULE)
    assert left[0] <= 0
    # Where the ledger is on the same server, its own transaction around the batch may be the first to notice.
    assert raised.value.code == "database.busy"
    assert raised.value.where in ("studio", *["holds"] * (template.server is template.books))
    assert not studio.house.ledger.entries(run=studio.run(RULE).id, kind="run.ended"), "it is not green"
    finish(studio, again=nth == 1)
    right(studio, whole, at)
    studio.close()


@pytest.mark.timeout(120)
def test_a_ledger_that_restarts_between_two_batches_leaves_nothing_uncounted(template, whole) -> None:
    """Edge cases 12 and 13."""
    studio, done = template.fresh(), []

    def told(what: str) -> None:
        if what == "after COMMIT studio":
            done.append(what)
            if len(done) == 2:
                restart(template.books)

    with listening(told):
        finish(studio, again=True)
    assert len(done) >= 2
    right(studio, whole, "the ledger restarts")
    studio.close()


def test_an_expired_password_is_said_to_be_one_and_the_run_is_red(template, server: Server) -> None:
    """The account's password expires between two runs: nothing is deleted, nothing is green."""
    with server.admin() as raw, raw.cursor() as cursor:
        if server.kind == "postgresql":
            cursor.execute("DROP ROLE IF EXISTS leaver")
            cursor.execute("CREATE ROLE leaver LOGIN PASSWORD 'leaver' VALID UNTIL '2020-01-01'")
        else:
            cursor.execute("CREATE OR REPLACE USER leaver@'127.0.0.1' IDENTIFIED BY 'leaver' PASSWORD EXPIRE")
            cursor.execute("GRANT ALL ON studio.* TO leaver@'127.0.0.1'")
    studio = template.fresh(user="leaver")
    before, run = studio.everything(), studio.run(RULE)
    with pytest.raises(BadConfiguration) as raised:
        purges.plan(studio.house, run)
    assert raised.value.code == "database.login"
    assert "may have expired" in raised.value.advice
    assert "leaver" not in str(raised.value)
    with pytest.raises(Refused, match=r"database\.login"):
        purges.record(studio.house, run, raised.value.code)
    ended = studio.ended(run)
    assert (ended["status"], ended["reason"], ended["deleted"]) == ("failed", "database.login", 0)
    assert studio.everything() == before
    studio.close()


def test_every_point_that_was_meant_is_among_those_that_are_tried(whole) -> None:
    """Edge case 28: a test that kills nowhere must not look like one that passed."""
    tried = {whole[2][n - 1] for n in points(whole[2])}
    assert {f"{when} {what} studio" for when in ("before", "after") for what in ("DELETE", "COMMIT")} <= tried
    assert any(what.endswith("studio_ledger") for what in tried)
    assert any(what.startswith("os.") for what in tried)
