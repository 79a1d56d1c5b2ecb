"""The steps of an export, one after the other as Airflow would call them."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import sqlite3
from pathlib import Path, PurePosixPath

import pytest
import yaml

from conftest_runs import AGENT, CANARIES, DEVICE, EMAIL, IP, NUMBER, OTHER_NUMBER, SHARED, Ferry
from privacy import numbers
from privacy.bundle import open_bundle
from privacy.errors import AmbiguousIdentity, BadInput, GiveUp, PrivacyError, Refused, RetryLater, Tampered, Unreadable
from privacy.identity import Decision
from privacy.orchestration import ending, steps
from privacy.orchestration.runs import Run, bundle_key, code_version, tidy
from privacy.rights import Ground, Right, State
from privacy.sources.base import Identifier
from privacy.storage import TEMPORARY


@pytest.fixture
def ferry(tmp_path: Path) -> Ferry:
    return Ferry(tmp_path)


def run(ferry: Ferry, number: str, name: str = "run-1") -> tuple[Run, list[object]]:
    """All steps up to the bundle, and what they returned."""
    this, house = Run(name, number, "operator"), ferry.house
    said: list[object] = [steps.open_request(house, this), steps.resolve_identity(house, this)]
    units = steps.list_parts(house, this)
    parts = [steps.extract(house, this, unit) for unit in units]
    return this, [*said, units, parts, steps.write_bundle(house, this, parts)]


def test_a_run_ends_as_done_with_its_counts_in_the_ledger(ferry: Ferry) -> None:
    number = ferry.request()
    this, said = run(ferry, number)
    said += [ending.record(ferry.house, this, failed=None), ending.empty_staging(ferry.house, this)]
    assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", "done")]
    ended = ferry.house.ledger.entries(run=this.id, kind="run.ended")[0].entry
    counts = {full: count["records"] for full, count in ended["datasets"].items()}
    assert counts == {"ferry.travellers": 1, "ferry.trips": 3, "ferry.visits": 1, "ferry.tickets": 0,
        "ferry.boardings": 0, "quays.access": 4}  # fmt: skip
    assert ended["outer_sha256"] == ferry.house.register.bundle(number).outer_sha256
    assert ferry.house.register.get(number).state is State.SEALED
    assert ferry.staged == []
    # What tasks return is kept by Airflow: nothing in it names anybody.
    assert not [canary for canary in CANARIES if canary in json.dumps(said)]


def test_units_hold_partitions_up_to_a_size_and_are_named_for_people(ferry: Ferry) -> None:
    number = ferry.request()
    _, said = run(ferry, number)
    units = said[2]
    assert [unit["name"] for unit in units] == [
        "ferry.travellers",
        "ferry.trips",
        "ferry.visits",
        "ferry.tickets",
        "ferry.boardings",
        "quays.access 1/3",
        "quays.access 2/3",
        "quays.access 3/3",
    ]


def test_a_second_run_gives_the_same_inner_bundle(ferry: Ferry) -> None:
    number = ferry.request()
    first, second = run(ferry, number)[1][-1], run(ferry, number, "run-2")[1][-1]
    assert first["inner_sha256"] == second["inner_sha256"]


def test_a_direct_transfer_stays_one_in_every_run_of_the_request(ferry: Ferry) -> None:
    """Promise R-PORT: the choice is the registration's, and a retry makes no other."""
    named = (Identifier("email", EMAIL),)
    number = ferry.house.register.receive(Right.PORTABILITY, named, author="desk", direct_transfer=True).number
    for name in ("run-1", "run-2"):
        _, said = run(ferry, number, name)
        register, to = ferry.house.register, ferry.state / name
        with ferry.house.bundles.open(said[-1]["path"]) as sealed:
            open_bundle(sealed, register.open(number).secret, to)
        assert json.loads((to / "datapackage.json").read_text())["privacy:request"]["scope"] == "provided_and_observed"


def test_a_wrong_or_unknown_number_reads_nothing_and_leaves_entries(ferry: Ferry) -> None:
    wrong = Run("run-1", "VEER-2026-0001-0", "operator")
    unknown = Run("run-2", numbers.number("VEER", 2026, 4711), "operator")
    for this in (wrong, unknown):
        with pytest.raises(BadInput):
            steps.open_request(ferry.house, this)
        assert ending.record(ferry.house, this, failed="request.unknown")["status"] == "failed"
    assert ferry.staged == []
    entries = ferry.house.ledger.entries()
    assert [e.entry["kind"] for e in entries] == ["run.begun", "run.ended"] * 2
    assert entries[0].entry.get("request") is None  # a wrong number may be anything that was typed
    assert entries[2].entry["request"] == unknown.request


def test_a_refused_request_is_not_exported(ferry: Ferry) -> None:
    number = ferry.request()
    ferry.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    with pytest.raises(Refused):
        steps.open_request(ferry.house, Run("run-1", number, "operator"))
    assert ferry.staged == []


def test_a_shared_address_waits_for_a_decision_and_the_next_run_uses_it(ferry: Ferry) -> None:
    """Edge case 19: nothing is exported meanwhile."""
    number = ferry.request(Identifier("email", SHARED))
    with pytest.raises(AmbiguousIdentity):
        run(ferry, number)
    assert ferry.house.register.get(number).state is State.UNDECIDED
    question = ferry.house.register.question(number)
    ferry.house.register.decide(number, Decision(question.candidates[0].identifiers, "shared"), "desk")
    shutil.rmtree(ferry.state / "staging" / "run-1")
    this, _ = run(ferry, number, "run-2")
    assert ending.record(ferry.house, this, failed=None)["status"] == "done"


def test_asking_the_same_question_again_alarms_nobody(ferry: Ferry) -> None:
    """Edge case 13: a step that is tried again, and a second export while it waits, leave the evidence in order."""
    number = ferry.request(Identifier("email", SHARED))
    for name in ("run-1", "run-2"):
        this = Run(name, number, "operator")
        steps.open_request(ferry.house, this)
        for _ in range(2):
            with pytest.raises(AmbiguousIdentity):
                steps.resolve_identity(ferry.house, this)
            assert ferry.house.verify().problems == ()


def test_a_log_that_the_data_map_excuses_is_named_in_the_bundle_and_in_the_ledger(ferry: Ferry) -> None:
    """Edge case 28: damaged for good, it must not end every export, nor be missing from one in silence."""
    log = sorted(ferry.logs.iterdir())[1]
    log.write_bytes(gzip.compress(b"x" * 1000)[:-12])
    described = ferry.home / "datamap" / "quays.yaml"
    excuse = {"name": log.relative_to(ferry.logs.parent).as_posix(), "why": "The disk broke."}
    described.write_text(yaml.safe_dump(yaml.safe_load(described.read_text()) | {"excused": [excuse]}, sort_keys=False))
    number = ferry.request()
    this, said = run(ferry, number)
    assert ending.record(ferry.house, this, failed=None)["status"] == "done"
    (ended,) = ferry.house.ledger.entries(run=this.id, kind="run.ended")
    assert ended.entry["omitted"] == {"datamap.excused": 1}
    with ferry.house.bundles.open(said[-1]["path"]) as sealed:
        open_bundle(sealed, ferry.house.register.open(number).secret, ferry.state / "opened")
    (told,) = json.loads((ferry.state / "opened" / "datapackage.json").read_text())["privacy:omitted"]
    assert (told["dataset"], told["partition"], told["reason"]) == ("quays.access", excuse["name"], "datamap.excused")
    assert "is blijvend beschadigd" in (ferry.state / "opened" / "LEESMIJ.html").read_text()


def test_an_unreadable_log_fails_the_export_and_never_makes_it_smaller(ferry: Ferry) -> None:
    log = sorted(ferry.logs.iterdir())[1]
    log.write_bytes(gzip.compress(b"x" * 1000)[:-12])
    number = ferry.request()
    with pytest.raises(Unreadable):
        run(ferry, number)
    assert ferry.house.register.bundle(number) is None


def test_a_try_that_is_made_again_leaves_one_part(ferry: Ferry) -> None:
    number = ferry.request()
    this, said = run(ferry, number)
    unit, parts = said[2][0], said[3]
    again = steps.extract(ferry.house, this, unit, attempt=2)
    assert again | {"folder": ""} == parts[0] | {"folder": ""}
    assert len(list((ferry.state / "staging" / this.id).glob("00001-*"))) == 1


def test_a_run_that_was_ended_by_hand_is_not_brought_back_by_a_task_that_still_writes(ferry: Ferry) -> None:
    """Edge case 36: nobody makes the staging folder again; the run ends as failed."""
    number = ferry.request()
    this, said = run(ferry, number)
    ending.record(ferry.house, this, failed="task.extract.failed")
    ending.empty_staging(ferry.house, this)
    for late in (
        lambda: steps.list_parts(ferry.house, this),
        lambda: steps.extract(ferry.house, this, said[2][0]),
        lambda: steps.write_bundle(ferry.house, this, said[3]),
    ):
        with pytest.raises(GiveUp) as caught:
            late()
        assert caught.value.code == "staging.gone"
    assert ferry.staged == []


@pytest.mark.parametrize("damage", ["never sealed", "file altered", "file gone", "summary altered", "summary gone"])
def test_a_task_marked_successful_by_hand_is_not_believed(ferry: Ferry, damage: str) -> None:
    """Edge cases 28, 32 and 36: the ledger says done on the evidence alone."""
    number = ferry.request()
    if damage == "never sealed":
        this = Run("run-1", number, "operator")
        steps.open_request(ferry.house, this)
    else:
        this, _ = run(ferry, number)
    summary = ferry.state / "staging" / this.id / "summary.json"
    if damage.startswith("file"):
        file = ferry.state / "bundles" / ferry.house.register.bundle(number).path
        file.chmod(0o600)
        file.write_bytes(b"nothing") if damage.endswith("altered") else file.unlink()
    elif damage == "summary altered":
        summary.write_text(summary.read_text().replace('"records": 3', '"records": 4'))
    elif damage == "summary gone":
        summary.unlink()
    with pytest.raises((Refused, Tampered, Unreadable)) as caught:
        ending.record(ferry.house, this, failed=None)
    assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", caught.value.code)]


def test_an_earlier_run_may_not_seal_once_a_later_one_has_begun(ferry: Ferry) -> None:
    number = ferry.request()
    this, said = run(ferry, number)
    ferry.house.register.begin(number, "run-2")
    with pytest.raises(Refused) as caught:
        steps.write_bundle(ferry.house, this, said[3])
    assert caught.value.code == "request.superseded"
    steps.open_request(ferry.house, Run("run-2", number, "operator"))
    with pytest.raises(GiveUp) as gone:
        steps.write_bundle(ferry.house, this, said[3])
    assert gone.value.code == "staging.gone"
    assert ferry.kinds(number)[:3] == [("run.begun", ""), ("run.begun", ""), ("run.ended", "request.superseded")]
    # Its own last step says the same, once.
    assert ending.record(ferry.house, this, failed=None) == {"status": "failed", "reason": "request.superseded"}


def test_what_an_overtaken_run_tidies_leaves_what_a_later_one_is_about_to_name(ferry: Ferry) -> None:
    """Edge case 36: it stalled after sealing; the later run has written its file and not told the register yet."""
    number = ferry.request()
    first, _ = run(ferry, number)
    later = Run("run-2", number, "operator")
    steps.open_request(ferry.house, later)
    key = bundle_key(later)
    with ferry.house.bundles.write(key) as file:
        file.write(b"sealed")
    tidy(ferry.house, first)
    assert {entry.key for entry in ferry.house.bundles.list()} == {key, ferry.house.register.bundle(number).path}


def test_a_part_that_was_never_read_makes_no_bundle(ferry: Ferry) -> None:
    """Edge cases 28 and 36: a mapped task that somebody marked as successful has no part, and Airflow passes over it."""
    number = ferry.request()
    this = Run("run-1", number, "operator")
    steps.open_request(ferry.house, this)
    steps.resolve_identity(ferry.house, this)
    parts = [steps.extract(ferry.house, this, unit) for unit in steps.list_parts(ferry.house, this)]
    for wrong in (parts[:-1], [*parts[:-1], parts[-1] | {"folder": "x"}], []):
        with pytest.raises(GiveUp) as caught:
            steps.write_bundle(ferry.house, this, wrong)
        assert caught.value.code == "export.incomplete"
    assert ferry.house.register.bundle(number) is None
    # In whatever order Airflow hands them over.
    assert steps.write_bundle(ferry.house, this, parts[::-1])["datasets"]["quays.access"]["records"] == 4


def test_an_empty_log_folder_fails_the_export(ferry: Ferry) -> None:
    """Edge case 28: a mount that is away is no person without log lines."""
    for log in ferry.logs.iterdir():
        log.unlink()
    with pytest.raises(Unreadable) as caught:
        run(ferry, ferry.request())
    assert caught.value.code == "weblogs.no_files"


def test_lines_that_may_be_somebody_elses_are_counted_from_the_log_to_the_ledger(ferry: Ferry) -> None:
    """Edge case 22."""
    log = sorted(ferry.logs.iterdir())[0]
    text = gzip.decompress(log.read_bytes())
    stamp = log.stat().st_mtime
    other = f'{IP} - {OTHER_NUMBER} [01/May/2026:10:06:00 +0000] "GET /" 200 5 "-" "{AGENT}" "-"\n'
    log.write_bytes(gzip.compress(text + other.encode() + f"{DEVICE} no form\n".encode()))
    os.utime(log, (stamp, stamp))
    number = ferry.request()
    this, said = run(ferry, number)
    assert sum(part["unattributed"] for part in said[3]) == 1
    assert sum(part["unreadable"] for part in said[3]) == 1
    ending.record(ferry.house, this, failed=None)
    assert ferry.house.ledger.entries(run=this.id, kind="run.ended")[0].entry["unattributed"] == 1


def test_a_store_that_is_busy_at_the_end_is_asked_again_and_ends_nothing(ferry: Ferry) -> None:
    number = ferry.request()
    this, _ = run(ferry, number)
    bundles = ferry.house.bundles

    def busy(_: str) -> None:
        raise RetryLater("storage.busy", "busy")

    bundles.open = busy  # type: ignore[method-assign, assignment]
    with pytest.raises(RetryLater):
        ending.record(ferry.house, this, failed=None)
    del bundles.open
    assert ferry.kinds(number) == [("run.begun", "")]
    assert ending.record(ferry.house, this, failed=None)["status"] == "done"


def test_one_sealed_file_stays_of_a_request(ferry: Ferry) -> None:
    """What earlier runs sealed is personal data that nobody would ever purge."""
    number = ferry.request()
    bundles = ferry.state / "bundles"
    for name in ("run-1", "run-2"):
        run(ferry, number, name)
        kept = ferry.house.register.bundle(number).path
        assert PurePosixPath(kept).name.startswith(f"{name}-")
        assert [str(p.relative_to(bundles)) for p in bundles.rglob("*.age")] == [kept]


def test_a_try_that_is_made_again_never_writes_over_what_was_sealed(ferry: Ferry) -> None:
    """Edge case 13: killed between the file and the register, on the second try: the first file is still whole."""
    number = ferry.request()
    this, said = run(ferry, number)
    sealed = ferry.house.register.bundle(number)
    register, calls = ferry.house.register, []

    def dies(*_: object, **more: object) -> None:
        calls.append(more)
        raise RetryLater("database.busy", "killed here")

    register.sealed = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(RetryLater):
        steps.write_bundle(ferry.house, this, said[3])
    del register.sealed
    assert calls[0]["path"] != sealed.path
    with ferry.house.sealed_bundle(number) as whole:
        assert whole.stat().st_size > 0
    assert ending.record(ferry.house, this, failed=None)["status"] == "done"
    # What the second try left behind goes with the next one that seals.
    run(ferry, number, "run-2")
    assert len(list((ferry.state / "bundles").rglob("*.age"))) == 1


def test_a_bundle_that_nobody_was_told_of_is_removed_when_the_run_ends(ferry: Ferry) -> None:
    """Edge case 13: killed after the file was written and before the register knew."""
    number = ferry.request()
    this = Run("run-1", number, "operator")
    steps.open_request(ferry.house, this)
    with ferry.house.bundles.write(bundle_key(this)) as file:
        file.write(b"sealed")
    ending.record(ferry.house, this, failed="task.write_bundle.failed")
    assert list((ferry.state / "bundles").rglob("*.age")) == []


def test_a_smaller_bundle_does_not_replace_what_was_sealed(ferry: Ferry) -> None:
    """Edge case 29: a record that was purged between two runs."""
    number = ferry.request()
    first, _ = run(ferry, number)
    with sqlite3.connect(ferry.database) as db:
        db.execute("DELETE FROM trips WHERE trip = 1")
    with pytest.raises(Refused) as caught:
        run(ferry, number, "run-2")
    assert caught.value.code == "bundle.smaller"
    assert ferry.house.register.bundle(number).run == first.id
    assert len(list((ferry.state / "bundles").rglob("*.age"))) == 1


def test_a_full_disk_while_staging_is_tried_again_and_leaves_no_half_part(ferry: Ferry) -> None:
    with sqlite3.connect(ferry.database) as db:
        many = ((n, NUMBER, f"{n}.00", "2026-05-01T10:00:00Z") for n in range(100, 20_100))
        db.executemany("INSERT INTO trips (trip, traveller, fare, at) VALUES (?,?,?,?)", many)
    number = ferry.request()
    this, said = run(ferry, number)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # More than the ledger's database needs, less than the part.
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(RetryLater) as caught:
            steps.extract(ferry.house, this, said[2][1], attempt=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "staging.full"
    assert steps.extract(ferry.house, this, said[2][1], attempt=3)["records"] == 20_003


def test_a_store_that_cannot_be_written_seals_nothing(ferry: Ferry) -> None:
    shutil.rmtree(ferry.state / "bundles")
    (ferry.state / "bundles").touch()
    number = ferry.request()
    with pytest.raises(PrivacyError) as caught:
        run(ferry, number)
    assert caught.value.code.startswith("storage.")
    assert ferry.house.register.get(number).state is State.RECEIVED


def test_a_missing_column_fails_and_names_the_dataset(ferry: Ferry) -> None:
    """Edge case 25."""
    with sqlite3.connect(ferry.database) as db:
        db.execute("ALTER TABLE trips RENAME COLUMN fare TO price")
    with pytest.raises(GiveUp) as caught:
        run(ferry, ferry.request())
    assert "ferry.trips" in caught.value.where


def test_recording_twice_says_the_same_once(ferry: Ferry) -> None:
    """Edge case 13: killed after the entry and before Airflow knew."""
    number = ferry.request()
    this, _ = run(ferry, number)
    for _ in range(2):
        assert ending.record(ferry.house, this, failed=None)["status"] == "done"
    assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", "done")]


def test_what_runs_left_behind_is_swept_and_a_living_run_of_another_request_is_not(ferry: Ferry) -> None:
    number, other = ferry.request(), ferry.request(Identifier("ferry.traveller", OTHER_NUMBER))
    dead, _ = run(ferry, number)
    ending.record(ferry.house, dead, failed="task.extract.failed")
    # Deleted in Airflow's pages: nobody ever ends it. The next run of the request does.
    run(ferry, number, "deleted")
    steps.open_request(ferry.house, Run("alive", other, "operator"))
    steps.open_request(ferry.house, Run("next", number, "operator"))
    assert ferry.staged == ["alive", "next"]
    assert ("run.ended", "request.superseded") in ferry.kinds(number)
    # Airflow's own database was lost: after a day without a sign of life it ends here.
    for path in (ferry.state / "staging" / "alive").rglob("*"):
        os.utime(path, (0, 0))
    os.utime(ferry.state / "staging" / "alive", (0, 0))
    steps.open_request(ferry.house, Run("last", number, "operator"))
    assert ferry.staged == ["last"]
    assert ferry.kinds(other) == [("run.begun", ""), ("run.ended", "run.lost")]
    assert ferry.house.ledger.verify().ok


def test_a_half_written_file_of_a_killed_run_goes_with_the_next_one(ferry: Ferry) -> None:
    """Edge case 13: SIGKILL while sealing; its name is used by nobody again."""
    number = ferry.request()
    folder = ferry.state / "bundles" / number
    folder.mkdir()
    (folder / f".0123{TEMPORARY}").write_bytes(b"half")
    run(ferry, number)
    assert [p.name for p in folder.iterdir() if p.name.endswith(TEMPORARY)] == []


def test_opening_again_after_a_death_in_between_goes_on(ferry: Ferry) -> None:
    this = Run("run-1", ferry.request(), "operator")
    assert steps.open_request(ferry.house, this) == steps.open_request(ferry.house, this)
    (ferry.state / "staging" / "run-1" / "x").touch()
    with pytest.raises(Refused):
        steps.open_request(ferry.house, this)


def test_a_run_on_a_broken_data_map_has_its_entries_too(ferry: Ferry) -> None:
    """Edge case 25."""
    number = ferry.request()
    broken = Ferry.house.func(ferry)
    (ferry.home / "datamap" / "ferry.yaml").write_text("system: ferry\ntypo: 1\n")

    this = Run("run-1", number, "operator")
    steps.open_request(broken, this)
    with pytest.raises(PrivacyError, match=r"datamap\.invalid"):
        steps.resolve_identity(broken, this)
    ending.record(broken, this, failed="datamap.invalid")
    assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", "datamap.invalid")]


def test_the_code_version_changes_with_the_code() -> None:
    assert code_version().startswith("0.")
    assert len(code_version().split("+")[1]) == 12
