"""purge_bundles: staging, sealed plans, letters; and what processors delivered."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from conftest_own import NOW, SUBJECT, Office, ago
from conftest_runs import EMAIL, OTHER_EMAIL
from privacy.holds import Everything, HoldKind, Keys
from privacy.orchestration import own_steps
from privacy.sources.base import Identifier, Subject


def folder(path: Path, at: datetime) -> Path:
    path.mkdir(parents=True)
    (path / "part").write_bytes(b"12345")
    for one in (path / "part", path):
        os.utime(one, (at.timestamp(), at.timestamp()))
    return path


def begun(office: Office, run: str, at: datetime, *, ended: bool) -> None:
    office.at(at)
    office.house.ledger.begin(run, pipeline="p", rule="r", actor="t", code_version="1", policy_version="1")
    if ended:
        office.house.ledger.end(run, status="done", actor="t")
    office.at(NOW)


def test_staging_goes_a_day_after_the_last_writer_and_ends_a_lost_run(office: Office) -> None:
    begun(office, "lost", ago(3), ended=False)
    begun(office, "over", NOW, ended=True)
    begun(office, "busy", ago(3), ended=False)
    staging = office.state / "staging"
    for name, at in (("lost", ago(2)), ("over", NOW), ("busy", NOW - timedelta(hours=23))):
        folder(staging / name, at)
    said = office.purge("staging")
    assert office.staged == ["busy"]
    assert (said["deleted"], said["bytes"]) == (2, 10)
    assert office.house.ledger.entries(run="lost", kind="run.ended")[0].entry["reason"] == "run.lost"


def test_a_plan_goes_after_its_term_but_never_while_its_run_has_not_ended(office: Office) -> None:
    begun(office, "old", ago(100), ended=True)
    begun(office, "open", ago(400), ended=False)
    begun(office, "young", ago(10), ended=True)
    for name in ("old", "open", "young", "nobody"):
        folder(office.state / "plans" / name, ago(200))
    said = office.purge("plans")
    there = {p.name for p in (office.state / "plans").iterdir()}
    assert there == {"open", "young", "p-plans"}
    assert (said["status"], said["retained"]) == ("done", {"unended": 1})


def test_letters_go_after_their_term(office: Office) -> None:
    for name, days in (("a.eml", 100), ("b.eml", 3)):
        path = office.state / "outbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"Subject: x\n")
        os.utime(path, (ago(days).timestamp(),) * 2)
    assert office.purge("letters")["deleted"] == 1
    assert [p.name for p in (office.state / "outbox").iterdir()] == ["b.eml"]


def test_no_outbox_is_nothing_to_do(office: Office) -> None:
    assert office.purge("letters")["deleted"] == 0


def test_a_delivery_goes_whole_after_its_request_was_closed(office: Office) -> None:
    old, young, waits = office.released(ago(40)), office.refused(ago(3)), office.sealed(ago(300))
    office.at(NOW)
    for number in (old, young, waits):
        office.deliver(number, {"a.pdf": b"one", "b.pdf": b"two"})
    office.deliver(old, {}, "pakketlijn")
    said = office.purge("deliveries")
    assert left(office) == {young: 3, waits: 3}
    assert (said["status"], said["deleted"]) == ("done", 4)
    assert said["datasets"]["drops.betaalpoort"]["records"] == 3
    assert office.purge("deliveries", "again")["deleted"] == 0


@pytest.mark.parametrize("limited", [False, True], ids=["on everything of theirs", "on this dataset alone"])
def test_a_hold_on_the_person_keeps_what_was_delivered_and_who_they_are(office: Office, limited: bool) -> None:
    number = office.released(ago(365 * 6))
    office.deliver(number, {"a.pdf": b"one"})
    datasets = ["drops.betaalpoort"] if limited else None
    hold = office.house.holds.place(HoldKind.SUSPENSION, (Subject(1, (Identifier("email", EMAIL),)),), datasets,
        ground="dispute", author="t")  # fmt: skip
    office.purge("bundles")
    said = office.purge("deliveries")
    assert (said["status"], said["deleted"], said["held"], left(office)) == ("done", 0, 2, {number: 2})
    assert office.purge("requests")["held"] == 1
    office.house.holds.release(hold, author="t")
    assert office.purge("deliveries", "later")["deleted"] == 2
    assert office.purge("requests", "later")["deleted"] == 1


def test_a_hold_that_comes_after_the_plan_is_kept_too(office: Office) -> None:
    """Edge case 15."""
    number = office.released(ago(40))
    office.deliver(number, {"a.pdf": b"one"})
    run = office.run("deliveries")
    own_steps.plan(office.house, run)
    office.house.holds.place(HoldKind.SUSPENSION, SUBJECT_ONLY, ground="dispute", author="t")
    own_steps.purge(office.house, run)
    own_steps.record(office.house, run, None)
    assert (office.ended(run)["held"], left(office)) == (2, {number: 2})


def test_a_hold_that_comes_between_the_look_and_the_removal_is_kept_by_the_gate(office: Office) -> None:
    """Edge case 15: the last look is the gate's own."""
    number = office.released(ago(40))
    office.deliver(number, {"a.pdf": b"one"})
    keeper = own_steps.KEEPERS["deliveries"]
    (thing,) = keeper.things(office.house)
    office.house.holds.place(HoldKind.SUSPENSION, SUBJECT_ONLY, ground="dispute", author="t")
    keeper.remove(office.house, thing, actor="t")
    assert left(office) == {number: 2}


@pytest.mark.parametrize("what", [Everything(), "key"], ids=["the dataset", "the file"])
def test_a_hold_on_the_files_keeps_them(office: Office, what: object) -> None:
    number = office.released(ago(40))
    office.deliver(number, {"a.pdf": b"one"})
    about = Keys(((f"betaalpoort/{number}/a.pdf",),)) if what == "key" else what
    office.house.holds.place(HoldKind.SUSPENSION, about, ["drops.betaalpoort"], ground="dispute", author="t")
    said = office.purge("deliveries")
    assert (said["status"], said["held"], left(office)) == ("done", 2, {number: 2})


def test_another_persons_hold_keeps_nothing(office: Office) -> None:
    number = office.released(ago(40))
    office.deliver(number, {"a.pdf": b"one"})
    other = (Subject(1, (Identifier("email", OTHER_EMAIL),)),)
    office.house.holds.place(HoldKind.SUSPENSION, other, ground="dispute", author="t")
    assert office.purge("deliveries")["deleted"] == 2


def test_what_belongs_to_no_request_is_told_and_left(office: Office) -> None:
    office.put("jan.jansen", "a.pdf")
    os.utime(office.drops / "betaalpoort/jan.jansen/a.pdf", (ago(90).timestamp(),) * 2)
    said = office.purge("deliveries")
    assert (said["status"], said["deleted"], said["retained"]) == ("done", 0, {"not_ours": 1})


SUBJECT_ONLY = (Subject(1, SUBJECT.identifiers[:1]),)


def left(office: Office) -> dict[str, int]:
    """Number -> how many files lie there for it."""
    found: dict[str, int] = {}
    for path in office.drops.rglob("*"):
        if path.is_file():
            found[path.parent.name] = found.get(path.parent.name, 0) + 1
    return found
