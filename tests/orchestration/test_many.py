"""An export of many requests in one pass: each gets what a run of its own would give, and nobody else's."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from conftest_deliveries import Served
from conftest_many import alone, asked, at_once, begun, digest, opened, read
from conftest_runs import AGENT, CANARIES, DEVICE, EMAIL, IP, NUMBER, OTHER_EMAIL, OTHER_NUMBER, SHARED, Ferry
from privacy import numbers
from privacy.bundle import spool
from privacy.errors import BadConfiguration, GiveUp, Refused, RetryLater
from privacy.orchestration import many_parts, many_steps, steps
from privacy.orchestration.many import MEMBERS, Member, each, gathered
from privacy.orchestration.runs import Run
from privacy.rights import Ground, Right, State
from privacy.sources.base import Identifier
from privacy.sources.weblogs import WeblogSource
from sources.mailbox_kit import Archive, dataset, mail, raw_system

FINE = {"failed": {}, "no_number": 0}


class Crowd(Ferry):
    """The company, its mail, and three who have a lot in common: an address, a visit's time, messages."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        its = dataset(["INBOX", "Klanten", "Klanten.*", "Verzonden"])
        its |= {"purposes": ["transport"], "promise": "KEEP", "examples": [{"email": EMAIL}, {"email": OTHER_EMAIL}]}
        (self.home / "datamap/mail.yaml").write_text(yaml.safe_dump(raw_system(letters=its), sort_keys=False))
        archive = Archive(folder / "mail")
        archive.put(mail(sender=EMAIL, to=f"kantoor@winkel.example, {OTHER_EMAIL}", body="x" * 200))
        archive.put(mail(to=OTHER_EMAIL, body=f"zie {EMAIL}"))
        archive.put(mail(to=EMAIL, body="alleen voor haar"), "Verzonden", name="1770000000.M1P1.mx1")
        with sqlite3.connect(self.database) as db:
            db.execute("INSERT INTO travellers VALUES (9, 'derde@veer.example', 'D')")
            times = ("2026-05-01T10:00:00Z", "2026-05-01T10:30:00Z"), ("2026-05-02T10:00:00Z", "2026-05-02T10:30:00Z")
            visits = [(2, OTHER_NUMBER, DEVICE, IP, AGENT, *times[0]), (3, 9, "dev-9", IP, AGENT, *times[1])]
            db.executemany("INSERT INTO visits VALUES (?,?,?,?,?,?,?)", visits)
            trips = [(n, (NUMBER, OTHER_NUMBER, 9)[n % 3], None, "1.00", "2026-05-01T10:00:00Z") for n in range(10, 90)]
            db.executemany("INSERT INTO trips VALUES (?,?,?,?,?)", trips)
        log = sorted(self.logs.iterdir())[0]
        text, stamp = gzip.decompress(log.read_bytes()), log.stat().st_mtime
        more = [
            f'{IP} - {OTHER_NUMBER} [01/May/2026:10:06:00 +0000] "GET /" 200 5 "-" "{AGENT}" "-"',
            f"{DEVICE} no form",
        ]
        log.write_bytes(gzip.compress(text + "".join(line + "\n" for line in more).encode()))
        os.utime(log, (stamp, stamp))
        self.numbers = [self.request(Identifier("email", e)) for e in (EMAIL, OTHER_EMAIL, "derde@veer.example")]

    @property
    def variables(self) -> dict[str, str]:
        return {**super().variables, "PRIVACY_CONNECTION_MAIL": (self.folder / "mail").as_uri()}

    def reason(self, number: str) -> str:
        """How the last run of a request ended."""
        return self.kinds(number)[-1][1]


@pytest.fixture
def crowd(tmp_path: Path) -> Crowd:
    return Crowd(tmp_path)


@pytest.mark.parametrize("kept", [1, 2**26], ids=["all is spilled", "all fits into memory"])
def test_each_bundle_is_that_of_a_single_export_to_the_byte(
    crowd: Crowd, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge cases 19, 20, 22: what is shared, or in doubt, is told of each as if they were alone."""
    monkeypatch.setattr(spool.Spool.__init__, "__defaults__", (kept,))
    house = crowd.house
    assert at_once(house, crowd.numbers) == {"done": 3, **FINE}
    many = {n: (digest(house, n), opened(house, n, crowd.folder / f"m{n}")) for n in crowd.numbers}
    assert crowd.staged == []
    for place, number in enumerate(crowd.numbers):
        assert crowd.kinds(number) == [("run.begun", ""), ("run.ended", "done")]
        alone(house, number, f"alone-{place}")
        single = opened(house, number, crowd.folder / f"s{number}")
        assert {name for name in single if single[name] != many[number][1].get(name)} == set()
        assert (digest(house, number), single.keys()) == (many[number][0], many[number][1].keys())
    told = [json.loads(files["datapackage.json"]) for _, files in many.values()]
    assert [len([r for r in one["resources"] if "trips" in r["path"]]) for one in told] == [2, 2, 2]
    assert "alleen voor haar" not in "".join(map(repr, many[crowd.numbers[1]][1].values()))


def test_what_the_steps_return_names_nobody(crowd: Crowd) -> None:
    many = asked(crowd.numbers)
    chunks, units = begun(crowd.house, many)
    parts = read(crowd.house, many, units)
    said = [chunks, units, parts, [many_steps.write_bundles(crowd.house, many, parts, chunk) for chunk in chunks]]
    said.append(many_steps.record(crowd.house, many, failed=None))
    assert not [canary for canary in CANARIES if canary in json.dumps(said)]
    assert crowd.house.ledger.entries(kind="run.begun")[0].entry["pipeline"] == "export_subjects"


def test_one_that_cannot_go_on_ends_with_its_code_and_stops_no_other(crowd: Crowd) -> None:
    """Edge case 19; also a request that stands twice in the list: it is exported once."""
    refused, shared = crowd.request(), crowd.request(Identifier("email", SHARED))
    crowd.house.register.refuse(refused, Ground.WITHDRAWN, "desk")
    unknown, wrong = numbers.number("VEER", 2026, 4711), "VEER-2026-0001-0"
    first, second, _ = crowd.numbers
    said = at_once(crowd.house, [first, unknown, refused, wrong, shared, second, first.lower()])
    assert said == {
        "done": 2, "no_number": 1,
        "failed": {"request.unknown": [unknown], "request.refused": [refused], "request.number": [],
                   "identity.ambiguous": [shared]},
    }  # fmt: skip
    assert crowd.house.register.get(shared).state is State.UNDECIDED
    assert crowd.reason(first) == crowd.reason(second) == "done"
    assert crowd.staged == []


def test_without_numbers_all_that_wait_are_exported_and_then_nobody_waits(crowd: Crowd) -> None:
    """Edge case 28: a run that found nothing to do is red."""
    alone(crowd.house, crowd.numbers[0], "earlier")
    crowd.house.register.receive(Right.ERASURE, (Identifier("email", OTHER_EMAIL),), author="desk")
    assert at_once(crowd.house, []) == {"done": 2, **FINE}
    with pytest.raises(Refused, match=r"export\.nobody"):
        many_steps.open_requests(crowd.house, asked([], "all-2"))
    assert crowd.staged == []


def test_steps_that_are_made_again_after_a_death_give_the_same(crowd: Crowd) -> None:
    """Edge case 13: every step dies once after all that it does, and a unit in the middle."""
    house, many = crowd.house, asked(crowd.numbers)
    many_steps.open_requests(house, many)
    many_steps.resolve_identities(house, many, [1, 2, 3])
    many_steps.list_parts(house, many)
    chunks, units = begun(house, many)
    read(house, many, units)
    parts = [many_parts.extract(house, many, unit, attempt=2) for unit in units]
    many_steps.write_bundles(house, many, parts, [1, 2])
    assert [many_steps.write_bundles(house, many, parts, chunk) for chunk in chunks] == [{"sealed": 1}]
    for _ in range(2):
        assert many_steps.record(house, many, failed=None) == {"done": 3, **FINE}
    for _ in range(2):
        many_steps.empty_staging(house, many)
    assert crowd.staged == []
    many = {n: digest(house, n) for n in crowd.numbers}  # type: ignore[assignment]
    for number in crowd.numbers:
        assert crowd.kinds(number) == [("run.begun", ""), ("run.ended", "done")]
        alone(house, number, f"alone-{number}")
    assert {n: digest(house, n) for n in crowd.numbers} == many


def test_a_later_single_run_takes_its_request_over_and_no_other(crowd: Crowd) -> None:
    """Edge case 36; and a try of the first step that is made again does not take it back."""
    house, many = crowd.house, asked(crowd.numbers)
    chunks, units = begun(house, many)
    parts = read(house, many, units)
    mine = crowd.numbers[1]
    alone(house, mine, "later")
    later = house.register.bundle(mine)
    many_steps.open_requests(house, many)
    assert many_steps.write_bundles(house, many, parts, chunks[0]) == {"sealed": 2}
    assert many_steps.record(house, many, failed=None)["failed"] == {"request.superseded": [mine]}
    assert house.register.bundle(mine) == later
    assert [e.key for e in house.bundles.list(f"{mine}/")] == [later.path if later else ""]
    many_steps.empty_staging(house, many)
    assert crowd.staged == []


def test_a_request_that_is_closed_meanwhile_is_not_sealed(crowd: Crowd) -> None:
    house, many = crowd.house, asked(crowd.numbers)
    chunks, units = begun(house, many)
    house.register.refuse(crowd.numbers[0], Ground.WITHDRAWN, "desk")
    parts = read(house, many, units)
    assert many_steps.write_bundles(house, many, parts, chunks[0]) == {"sealed": 2}
    assert many_steps.record(house, many, failed=None)["failed"] == {"request.refused": [crowd.numbers[0]]}
    assert house.register.bundle(crowd.numbers[0]) is None


def test_a_smaller_bundle_stays_behind_the_earlier_one(crowd: Crowd) -> None:
    """Edge case 29."""
    house = crowd.house
    assert at_once(house, crowd.numbers)["done"] == 3
    before = house.register.bundle(crowd.numbers[2])
    with sqlite3.connect(crowd.database) as db:
        db.execute("DELETE FROM trips WHERE traveller = 9 AND trip = 11")
    said = at_once(house, crowd.numbers, "all-2")
    assert said == {"done": 2, "failed": {"bundle.smaller": [crowd.numbers[2]]}, "no_number": 0}
    assert house.register.bundle(crowd.numbers[2]) == before


@pytest.mark.parametrize("damage", ["unit", "found", "part", "chunk", "shared folder"])
def test_a_task_marked_by_hand_or_a_part_that_is_gone_seals_nothing(crowd: Crowd, damage: str) -> None:
    """Edge cases 28, 36."""
    house, many = crowd.house, asked(crowd.numbers)
    chunks, units = begun(house, many)
    parts = read(house, many, units[:-1] if damage == "unit" else units)
    trips = next(part for part in parts if part["dataset"] == "ferry.trips")
    shared = house.settings.staging / many.id
    if damage == "found":
        (shared / trips["folder"] / many_parts.FOUND).write_bytes(b'{"parts": {}, "nothing": [1, 2, 3]}')
        with pytest.raises(GiveUp, match=r"export\.incomplete"):
            many_steps.write_bundles(house, many, parts, chunks[0])
    elif damage == "part":
        for file in house.settings.staging.glob(f"*/{trips['folder']}/data.jsonl"):
            file.unlink()
    elif damage == "shared folder":
        (shared / MEMBERS).unlink()
        with pytest.raises(GiveUp, match=r"staging\.gone"):
            many_steps.write_bundles(house, many, parts, chunks[0])
        return
    if damage not in ("chunk", "found"):
        assert many_steps.write_bundles(house, many, parts, chunks[0]) == {"sealed": 0}
    code = {"part": "staging.gone", "unit": "export.incomplete"}.get(damage, "run.not_sealed")
    assert many_steps.record(house, many, failed=None) == {
        "done": 0, "failed": {code: crowd.numbers}, "no_number": 0,
    }  # fmt: skip
    assert [house.register.bundle(number) for number in crowd.numbers] == [None] * 3
    assert not list(house.bundles.list())


def test_a_run_that_failed_ends_every_request_with_the_code_of_its_task(crowd: Crowd) -> None:
    house, many = crowd.house, asked(crowd.numbers)
    begun(house, many)
    said = many_steps.record(house, many, failed="weblogs.truncated")
    assert said == {"done": 0, "failed": {"weblogs.truncated": crowd.numbers}, "no_number": 0}
    assert many_steps.empty_staging(house, many) == {"requests": 3}
    assert crowd.staged == []


def test_what_a_processor_delivered_is_that_requests_alone(tmp_path: Path) -> None:
    """Edge case 22: a delivery is named by the request's number; of one that has not come, only that one lacks it."""
    served = Served(tmp_path)
    house, mine, other = served.house, served.request(), served.request(Identifier("email", OTHER_EMAIL))
    served.deliver(mine, {"betalingen.csv": b"bedrag\n12,50\n"})
    assert at_once(house, [mine, other]) == {"done": 2, **FINE}
    many = {number: digest(house, number) for number in (mine, other)}
    assert any(b"12,50" in content for content in opened(house, mine, tmp_path / "mine").values())
    assert not any(b"12,50" in content for content in opened(house, other, tmp_path / "other").values())
    for number in (mine, other):
        alone(house, number, f"alone-{number}")
    assert {number: digest(house, number) for number in (mine, other)} == many


def test_a_source_that_does_not_say_whom_it_passed_over_serves_no_export_of_many(crowd: Crowd) -> None:
    house, many = crowd.house, asked(crowd.numbers)
    _, units = begun(house, many)
    source = house.source("quays")
    assert isinstance(source, WeblogSource)
    kept = source.read

    def silent(selection: Any, partition: Any, tally: Any = None) -> Any:
        yield from kept(selection, partition, tally)
        tally.unattributed += 9

    source.read = silent  # type: ignore[method-assign]
    with pytest.raises(GiveUp, match=r"export\.uncounted"):
        many_parts.extract(house, many, next(unit for unit in units if unit["dataset"] == "quays.access"))


def test_a_row_that_bears_another_persons_number_is_written_for_nobody(crowd: Crowd) -> None:
    """Edge case 22: by whatever mistake a source gives it."""
    house, run = crowd.house, Run("run-1", crowd.numbers[0], "operator")
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    unit = next(u for u in steps.list_parts(house, run) if u["dataset"] == "ferry.trips")
    source = house.source("ferry")
    kept = source.read

    def crossed(selection: Any, partition: Any, tally: Any = None) -> Any:
        for batch in kept(selection, partition, tally):
            at = batch.schema.names.index("_subject")
            yield batch.set_column(at, batch.schema.field(at), pa.array([2] * batch.num_rows, pa.int32()))

    source.read = crossed  # type: ignore[method-assign]
    with pytest.raises(GiveUp, match=r"export\.anothers"):
        steps.extract(house, run, unit)
    many = asked(crowd.numbers[:1])
    _, units = begun(house, many)
    with pytest.raises(GiveUp, match=r"export\.anothers"):
        many_parts.extract(house, many, next(u for u in units if u["dataset"] == "ferry.trips"))


@pytest.mark.parametrize("last", [False, True])
def test_one_whose_store_is_busy_keeps_the_others_only_until_the_last_try(crowd: Crowd, *, last: bool) -> None:
    house = crowd.house
    many = asked(crowd.numbers, last=last)
    members = gathered(house, many)
    each(house, many, members, lambda member: steps.open_request(house, member.run, sweeping=False))
    done: list[int] = []

    def busy(member: Member) -> None:
        if member.no == 2:
            raise RetryLater("storage.busy", "busy")
        done.append(member.no)

    if last:
        assert [member.no for member in each(house, many, members, busy)] == [1, 3]
        assert crowd.reason(crowd.numbers[1]) == "storage.busy"
    else:
        with pytest.raises(RetryLater):
            each(house, many, members, busy)
        assert crowd.reason(crowd.numbers[1]) == ""
    assert done == [1, 3]


def test_a_defect_in_one_request_is_a_code_and_a_wrong_setting_ends_all(crowd: Crowd) -> None:
    house, many = crowd.house, asked(crowd.numbers)
    members = gathered(house, many)
    each(house, many, members, lambda member: steps.open_request(house, member.run, sweeping=False))

    def broken(member: Member) -> None:
        if member.no == 1:
            raise KeyError(EMAIL)

    assert [member.no for member in each(house, many, members, broken)] == [2, 3]
    assert crowd.reason(crowd.numbers[0]) == "unexpected.KeyError"

    def wrong(_: Member) -> None:
        raise BadConfiguration("settings.x", "wrong")

    with pytest.raises(BadConfiguration):
        each(house, many, members[1:], wrong)
    assert crowd.reason(crowd.numbers[1]) == ""


def test_more_requests_than_a_run_serves_are_refused_before_any_begins(crowd: Crowd) -> None:
    many = asked([numbers.number("VEER", 2026, serial) for serial in range(1, 10_002)])
    with pytest.raises(Refused, match=r"export\.too_many"):
        many_steps.open_requests(crowd.house, many)
    assert crowd.house.ledger.entries(kind="run.begun") == []


def test_a_message_that_was_moved_while_all_were_read_fails_the_export_of_its_people_alone(crowd: Crowd) -> None:
    house, many = crowd.house, asked(crowd.numbers)
    chunks, units = begun(house, many)
    sent = [unit for unit in units if unit["partitions"] and unit["partitions"][0][0] == "Verzonden"]
    parts = read(house, many, [unit for unit in units if unit not in sent])
    (file,) = (crowd.folder / "mail/.Verzonden/cur").iterdir()
    file.rename(crowd.folder / "mail/cur" / f"{int(time.time()) + 9}.M1P2.mx1:2,S")
    parts += read(house, many, sent)
    assert many_steps.write_bundles(house, many, parts, chunks[0]) == {"sealed": 2}
    assert many_steps.record(house, many, failed=None)["failed"] == {"export.moved": [crowd.numbers[0]]}
