"""purge_bundles: sealed bundles and closed requests, in a real register, store and ledger."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from conftest_own import NOW, Office, ago
from conftest_runs import CANARIES
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused
from privacy.orchestration import own_steps
from privacy.rights.own_store import Bundles
from privacy.storage import Entry, FolderStore


def test_a_bundle_goes_thirty_days_after_its_release_and_an_open_one_never(office: Office) -> None:
    old, young, waits = office.released(ago(40)), office.released(ago(5)), office.sealed(ago(300))
    office.at(NOW)
    said = office.purge("bundles")
    assert office.bundled == {young, waits}
    assert (said["status"], said["deleted"], said["bytes"]) == ("done", 1, 6)
    assert said["oldest_remaining"].startswith("2026-11-15")
    assert said["late"] == 1, "ten days beyond its limit, and deleted all the same"
    assert office.house.register.bundle(old).purged_at == NOW
    assert office.house.register.bundle(young).purged_at is None
    with pytest.raises(Refused, match="purged"), office.house.sealed_bundle(old):
        pass
    assert office.house.verify().ok, office.house.verify().problems


@pytest.mark.parametrize(("days", "stays"), [(28.0, True), (29.0, False)])
def test_the_limit_is_never_passed_between_two_runs(office: Office, days: float, stays: bool) -> None:
    """Edge case 1: the next nightly run comes too late for what falls due before it."""
    number = office.released(ago(days))
    said = office.purge("bundles")
    assert (number in office.bundled) is stays
    assert said["late"] == 0


def test_a_refused_requests_bundle_counts_from_the_refusal(office: Office) -> None:
    from privacy.rights.payload import Ground

    number = office.sealed(ago(80))
    office.at(ago(5))
    office.house.register.refuse(number, Ground.UNFOUNDED, "desk")
    office.at(NOW)
    office.purge("bundles", "first")
    assert office.bundled == {number}
    office.at(NOW + timedelta(days=30))
    office.purge("bundles", "second")
    assert office.bundled == set()


def test_a_dry_run_changes_nothing_and_a_real_one_does_what_it_showed(office: Office) -> None:
    number = office.released(ago(40))
    dry = office.run("bundles", "dry", dry=True)
    shown = own_steps.plan(office.house, dry)
    assert own_steps.record(office.house, dry, None)["status"] == "dry run"
    assert (shown["records"], shown["bytes"], office.bundled) == (1, 6, {number})
    with pytest.raises(Refused, match="not the one"):
        own_steps.plan(office.house, office.run("bundles", "other", expected="0" * 64))
    office.purge("bundles", "real", expected=shown["digest"], as_of=NOW)
    assert office.bundled == set()


def test_no_purge_is_as_of_the_future(office: Office) -> None:
    office.released(ago(1))
    with pytest.raises(BadInput) as found:
        own_steps.plan(office.house, office.run("bundles", as_of=NOW + timedelta(days=60)))
    assert found.value.code == "purge.as_of"


def test_a_file_that_the_register_never_named_goes_a_day_later(office: Office) -> None:
    number = office.sealed(ago(3))
    office.file(f"{number}/dead-0123456789ab.zip.age", ago(2))
    young = office.file(f"{number}/busy-0123456789ab.zip.age", NOW - timedelta(hours=1))
    strange = office.file("somebody/else.age", ago(400))
    office.at(NOW)
    said = office.purge("bundles")
    assert sorted(p.name for p in (office.state / "bundles" / number).iterdir()) == sorted(
        [young.name, Path(office.house.register.bundle(number).path).name]
    )
    assert strange.exists()
    assert (said["deleted"], said["retained"]) == (1, {"not_ours": 1})


def test_an_open_requests_bundle_that_is_missing_makes_the_run_red(office: Office) -> None:
    number = office.sealed(ago(3))
    office.at(NOW)
    (office.state / "bundles" / office.house.register.bundle(number).path).unlink()
    with pytest.raises(Refused) as found:
        office.purge("bundles")
    assert found.value.code == "bundle.missing"
    assert office.house.register.bundle(number).purged_at is None


class Dying(FolderStore):
    """A store whose process is killed before, or after, the file is removed."""

    def __init__(self, root: Path, *, before: bool) -> None:
        super().__init__(root)
        self._before = before

    def delete(self, key: str, *, expected: Entry | None = None) -> None:
        if not self._before:
            super().delete(key, expected=expected)
        os._exit(9)


@pytest.mark.parametrize("before", [True, False], ids=["before the file goes", "after it is gone"])
def test_a_purge_that_is_killed_is_mended_by_the_next_run(office: Office, before: bool) -> None:
    """Edge case 13: between register and file; the ledger tells what the dead run did."""
    number = office.released(ago(40))
    run = office.run("bundles", "dead")
    own_steps.plan(office.house, run)
    child = os.fork()
    if child == 0:
        office.at(NOW)
        office.house.bundles = Dying(office.state / "bundles", before=before)
        own_steps.purge(office.house, run)
        os._exit(0)
    assert os.waitpid(child, 0)[1] >> 8 == 9
    office.at(NOW + timedelta(days=1))
    ref = office.house.register.bundle(number)
    assert ref.purged_at is not None, "no row names a file that may be gone without saying so"
    said = office.purge("bundles", "next")
    dead = office.ended(run)
    assert (dead["status"], dead["reason"], dead["derived"]) == ("failed", "run.lost", True)
    assert [dead["deleted"], said["deleted"]] == ([0, 1] if before else [1, 0])
    assert (said["status"], office.bundled) == ("done", set())
    assert office.house.verify().ok


def test_nothing_deleted_and_nothing_said_is_never_done(office: Office) -> None:
    """Edge cases 28 and 36: the task was marked as successful by hand."""
    office.released(ago(40))
    run = office.run("bundles")
    own_steps.plan(office.house, run)
    with pytest.raises(Refused) as found:
        own_steps.record(office.house, run, None)
    assert (found.value.code, office.ended(run)["status"]) == ("purge.remaining", "failed")
    with pytest.raises(Refused, match="ended"):
        own_steps.purge(office.house, run)
    assert office.bundled


def test_a_run_that_could_not_plan_stands_in_the_ledger_too(office: Office) -> None:
    run = office.run("bundles")
    with pytest.raises(Refused):
        own_steps.record(office.house, run, "storage.missing")
    assert office.ended(run)["reason"] == "storage.missing"


def test_a_store_that_is_not_mounted_fails_the_rule_and_says_nothing_is_gone(office: Office) -> None:
    number = office.released(ago(40))
    (office.state / "bundles").rename(office.state / "elsewhere")
    with pytest.raises(PrivacyError) as found:
        own_steps.plan(office.house, office.run("bundles"))
    assert found.value.code == "storage.missing"
    assert office.house.register.bundle(number).purged_at is None


def test_an_open_request_cannot_be_purged_by_any_road(office: Office) -> None:
    number = office.sealed(ago(300))
    ref = office.house.register.bundle(number)
    for step in (lambda: office.house.register.purged(number, ref.path), lambda: office.house.register.forget(number)):
        with pytest.raises(Refused):
            step()
    thing = next(iter(Bundles().things(office.house)))
    with pytest.raises(Refused):
        Bundles().remove(office.house, thing, actor="t")
    assert office.bundled == {number}


def test_a_closed_request_is_forgotten_after_its_term(office: Office) -> None:
    """Promise REG: number, right and dates stay; key and content are destroyed, and stand nowhere on disk."""
    number, young = office.released(ago(365 * 5 + 20)), office.refused(ago(365))
    with sqlite3.connect(office.state / "ledger.db") as db:
        key, payload = db.execute("SELECT key, payload FROM request_register WHERE number = ?", (number,)).fetchone()
    waits = office.purge("requests", "first")
    assert (waits["deleted"], waits["retained"]) == (0, {"bundle": 1}), "its bundle goes first"
    office.purge("bundles")
    said = office.purge("requests", "second")
    assert (said["status"], said["deleted"]) == ("done", 1)
    found = office.house.register.get(number)
    assert found.forgotten
    assert (found.dates.released_at, found.right.value) == (ago(365 * 5 + 20), "access")
    with pytest.raises(Refused) as problem:
        office.house.register.open(number)
    assert problem.value.code == "request.forgotten"
    assert not office.house.register.get(young).forgotten
    office.house.engine.dispose()
    for file in office.state.glob("ledger.db*"):
        content = file.read_bytes()
        assert key.encode() not in content, file.name
        assert payload[:200].encode() not in content, file.name
    assert office.house.verify().ok, office.house.verify().problems
    assert office.purge("requests", "third")["deleted"] == 0


def test_a_right_that_is_forgotten_at_closing_does_not_wait(office: Office) -> None:
    from privacy.rights import Right
    from privacy.rights.payload import Ground
    from privacy.sources.base import Identifier

    office.at(ago(1))
    register = office.house.register
    number = register.receive(Right.PORTABILITY, [Identifier("email", "x@y.example")], author="desk").number
    office.purge("requests", "open")
    assert not register.get(number).forgotten
    register.refuse(number, Ground.WITHDRAWN, "desk")
    office.at(NOW)
    office.purge("requests", "closed")
    assert office.house.register.get(number).forgotten


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE request_register SET key = NULL, payload = NULL WHERE number = ?", "lost its content"),
        ("UPDATE request_register SET released_at = received_at WHERE number = ?", ""),
    ],
)
def test_a_row_that_was_emptied_by_hand_is_told(office: Office, statement: str, says: str) -> None:
    """Edge case 26."""
    number = office.released(ago(10))
    with sqlite3.connect(office.state / "ledger.db") as db:
        db.execute(statement, (number,))
    (problem,) = office.house.verify().problems
    assert number in problem
    assert says in problem


def test_a_forgotten_row_that_was_altered_is_told(office: Office) -> None:
    """Edge case 26: no content vouches for its dates any more; the ledger does."""
    number = office.refused(ago(365 * 6))
    office.purge("requests")
    assert office.house.verify().ok
    with sqlite3.connect(office.state / "ledger.db") as db:
        db.execute(
            "UPDATE request_register SET refused_at = '2021-01-01T00:00:00.000000+00:00' WHERE number = ?", (number,)
        )
    (problem,) = office.house.verify().problems
    assert "something else" in problem


def test_terms_that_nobody_wrote_down_stop_the_purge(office: Office) -> None:
    """Edge case 25."""
    from conftest_runs import POLICY

    (office.home / "policy/policy.yaml").write_text(POLICY)
    office.at(NOW)
    with pytest.raises(BadConfiguration, match="own records"):
        own_steps.rules_of(office.house)


@pytest.mark.parametrize(
    "wrong", ["{term: {keep_at_most: P0D, every: P1D, %s}}", "{term: {keep_at_most: P30D, every: P1D}}"]
)
def test_a_term_of_nothing_or_of_nobody_does_not_load(office: Office, wrong: str) -> None:
    """Edge case 25."""
    from conftest_own import DECIDED

    path = office.home / "policy/policy.yaml"
    text = path.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  bundles:"))
    path.write_text(text.replace(line, "  bundles: " + wrong.replace("%s", DECIDED)))
    office.at(NOW)
    with pytest.raises(BadConfiguration, match=r"own\.bundles"):
        own_steps.rules_of(office.house)


def test_an_unknown_rule_is_no_success(office: Office) -> None:
    with pytest.raises(BadInput):
        own_steps.rules_of(office.house, ["bundels"])
    assert own_steps.rules_of(office.house, ["plans"]) == ["plans"]


def test_nothing_personal_is_in_plans_and_ledger(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    number = office.released(ago(40))
    office.deliver(number, {f"{CANARIES[0]}.pdf": b"x"})
    office.house.ledger.entries()
    for rule in own_steps.KEEPERS:
        office.purge(rule)
    written = capsys.readouterr().out + "".join(str(e.entry) for e in office.house.ledger.entries())
    written += "".join(p.read_text() for p in (office.state / "plans").rglob("*.json"))
    assert not [canary for canary in CANARIES if canary in written]


def test_the_command_line_shows_what_is_left_of_a_request(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from privacy.cli import app
    from privacy.settings import settings

    number, long_ago = office.released(ago(40)), office.refused(ago(365 * 6))
    office.purge("bundles")
    office.purge("requests")
    for name, value in office.variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    shown = [CliRunner().invoke(app, ["request", "show", n]) for n in (number, long_ago)]
    settings.cache_clear()
    assert [result.exit_code for result in shown] == [0, 0], [result.output for result in shown]
    assert "its term is over" in shown[0].output
    assert "forgotten" in shown[1].output
