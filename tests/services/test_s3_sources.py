"""Logs, files, exports and bundles in an object store: the same sources, chosen by a connection alone."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest_answers import everything, house_of, identifier
from conftest_demo import Made
from privacy.bundle.check import check_bundle
from privacy.bundle.open import open_bundle
from privacy.orchestration import ending, steps
from privacy.orchestration.runs import Run
from privacy.rights import Right
from privacy.sources.base import Delete, Due, Status
from privacy.sources.files import FilesSource
from privacy.sources.records import RecordSource
from privacy.sources.weblogs import WeblogSource
from privacy.storage import store
from services.conftest import SEED
from services.seaweed import REGION, Seaweed
from sources import files_kit, records_kit, weblogs_kit
from sources.weblogs_kit import line

OLD, NEW = "25/Nov/2024:10:00:00 +0100", "25/Nov/2025:10:00:00 +0100"
BOUND = Due(datetime(2025, 1, 1, tzinfo=UTC))
FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))
FOLDERS = ("weblogs", "analytics", "helpdesk", "dossiers", "camera", "deliveries")
"""The demo shop's systems whose data are files."""


class Bucket:
    """A bucket that is filled from a folder, and read back."""

    def __init__(self, s3: Seaweed, *, versions: bool = False) -> None:
        self.s3, self.name = s3, s3.bucket(versions=versions)
        self.connection = s3.connection(self.name, "data")
        self.store = store(self.connection)

    def fill(self, folder: Path) -> None:
        self.s3.upload(folder, self.name, "data/")

    def content(self) -> dict[str, bytes]:
        found = {}
        for entry in self.store.list():
            with self.store.open(entry.key) as file:
                raw = file.read()
            found[entry.key] = gzip.decompress(raw) if entry.key.endswith(".gz") else raw
        return found

    def versions(self) -> list[str]:
        page = self.s3.client.list_object_versions(Bucket=self.name)
        return sorted(one["Key"] for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, []))


@pytest.fixture(params=[False, True], ids=["plain", "versions"])
def bucket(request: pytest.FixtureRequest, s3: Seaweed) -> Bucket:
    return Bucket(s3, versions=request.param)


def on_s3(kit: Any, kind: Any, bucket: Bucket, made: Callable[..., Any]) -> Any:
    """A kit whose source is over the bucket."""
    kit.source = lambda batch_rows=10_000, **_: kind(made(), bucket.connection, batch_rows=batch_rows)
    bucket.fill(kit.root)
    return kit


def test_a_log_that_straddles_the_bound_is_rewritten_and_nothing_of_it_is_left_in_the_bucket(
    bucket: Bucket, tmp_path: Path
) -> None:
    """Edge cases 7 and 12: still compressed, its time kept; no older version holds the lines that went."""
    logs = weblogs_kit.Logs(tmp_path)
    lines = [line(OLD, request="a"), line(NEW, request="b"), b"no form", line(OLD, request="c"), line(NEW) + b"\r"]
    logs.put("nginx/access.log.1.gz", lines)
    logs.put("nginx/access.log.2.gz", [line(NEW)])
    logs.put("nginx/access.log.3.gz", [line(OLD)] * 3)
    logs.put("nginx-2/access.log.1.gz", [line(OLD)])
    on_s3(logs, WeblogSource, bucket, weblogs_kit.system)
    before = {entry.key: entry for entry in bucket.store.list()}
    read = [(row["file"], row["line_number"]) for row in logs.read(BOUND)]
    assert read == [
        ("nginx/access.log.1.gz", 1),
        ("nginx/access.log.1.gz", 4),
        *[("nginx/access.log.3.gz", n) for n in (1, 2, 3)],
    ]
    first, second = logs.locate(BOUND)
    assert (first.records, first.whole, second.records, second.whole) == (2, False, 3, True)
    step = logs.step(BOUND, Delete())
    assert [(o.status, o.records) for o in logs.apply([step])] == [(Status.DONE, 2), (Status.DONE, 3)]
    assert bucket.content() == {
        "nginx-2/access.log.1.gz": line(OLD) + b"\n",
        "nginx/access.log.1.gz": b"".join(lines[n] + b"\n" for n in (1, 2, 4)),
        "nginx/access.log.2.gz": line(NEW) + b"\n",
    }
    after = {entry.key: entry for entry in bucket.store.list()}
    assert after["nginx/access.log.2.gz"] == before["nginx/access.log.2.gz"]
    assert after["nginx/access.log.1.gz"].modified == before["nginx/access.log.1.gz"].modified
    assert len(bucket.versions()) == 3
    assert [o.status for o in logs.apply([step])] == [Status.GONE, Status.GONE]
    assert logs.locate(BOUND) == ()


def test_a_log_that_was_replaced_since_it_was_planned_is_left_alone(bucket: Bucket, tmp_path: Path) -> None:
    """Edge case 14."""
    logs = weblogs_kit.Logs(tmp_path)
    logs.put("nginx/access.log.1.gz", [line(OLD), line(NEW)])
    on_s3(logs, WeblogSource, bucket, weblogs_kit.system)
    step = logs.step(BOUND, Delete())
    logs.put("nginx/access.log.1.gz", [line(OLD), line(NEW), line(NEW)])
    bucket.fill(tmp_path)
    assert [(o.status, o.reason) for o in logs.apply([step])] == [(Status.CHANGED, "version")]
    assert bucket.content()["nginx/access.log.1.gz"].count(b"\n") == 3


@pytest.fixture
def dossiers(tmp_path: Path, bucket: Bucket) -> files_kit.Cabinet:
    made = files_kit.Cabinet(tmp_path / "dossiers")
    for number in (71001, 71002):
        for at in range(12):
            made.put(f"applications/{number}/CV-{at:02}.pdf", b"%PDF-1.7 " + str(at).encode())
    made.put("applications/71001/motivatie ë+%.txt", b"Beste,")
    return on_s3(made, FilesSource, bucket, lambda: files_kit.System.model_validate(made.raw))


def test_an_applicants_files_are_read_found_and_removed_and_no_others(
    dossiers: files_kit.Cabinet, bucket: Bucket
) -> None:
    """Edge case 22."""
    rows = dossiers.read("applications", files_kit.of(71001))
    assert len(rows) == 13
    source = dossiers.source()
    with source.open("applications", ("applications/71001/CV-03.pdf",)) as file:
        assert file.read() == b"%PDF-1.7 3"
    step = dossiers.step("applications", files_kit.of(71001), Delete())
    assert [o.status for o in dossiers.apply(step)] == [Status.DONE] * 13
    assert sorted(bucket.content()) == [f"applications/71002/CV-{at:02}.pdf" for at in range(12)]
    assert len(bucket.versions()) == 12
    assert [o.status for o in dossiers.apply(step)] == [Status.GONE] * 13


def test_files_that_changed_or_went_since_they_were_planned_say_so(dossiers: files_kit.Cabinet, bucket: Bucket) -> None:
    """Edge case 14."""
    step = dossiers.step("applications", FOREVER, Delete())
    with bucket.store.write("applications/71001/CV-00.pdf") as file:
        file.write(b"%PDF-1.7 0")
    bucket.store.delete("applications/71001/CV-01.pdf")
    outcomes = {str(o.key[0]): (o.status, o.reason) for o in dossiers.apply(step)}
    assert outcomes.pop("applications/71001/CV-00.pdf") == (Status.CHANGED, "version")
    assert outcomes.pop("applications/71001/CV-01.pdf") == (Status.GONE, "")
    assert set(outcomes.values()) == {(Status.DONE, "")}
    assert list(bucket.content()) == ["applications/71001/CV-00.pdf"]


def test_a_file_that_is_locked_stays_and_is_told(s3: Seaweed, tmp_path: Path) -> None:
    """Edge case 12: object lock is honoured, and the others go."""
    bucket = Bucket(s3)
    bucket.name = s3.bucket(locked=True)
    bucket.connection = s3.connection(bucket.name, "data")
    bucket.store = store(bucket.connection)
    made = files_kit.Cabinet(tmp_path / "dossiers")
    for name in ("a.pdf", "b.pdf"):
        made.put(f"applications/71001/{name}")
    on_s3(made, FilesSource, bucket, lambda: files_kit.System.model_validate(made.raw))
    held = {"Bucket": bucket.name, "Key": "data/applications/71001/a.pdf"}
    s3.client.put_object_legal_hold(**held, LegalHold={"Status": "ON"})
    step = made.step("applications", files_kit.of(71001), Delete())
    assert [(o.status, o.reason) for o in made.apply(step)] == [(Status.HELD, "storage.held"), (Status.DONE, "")]
    assert list(bucket.content()) == ["applications/71001/a.pdf"]


def test_a_file_that_somebody_deleted_by_hand_is_told_of_and_purged_by_nobody_unseen(
    s3: Seaweed, tmp_path: Path
) -> None:
    """Edge case 12: below its delete marker it is stored for ever."""
    bucket = Bucket(s3, versions=True)
    made = files_kit.Cabinet(tmp_path / "dossiers")
    for name in ("a.pdf", "b.pdf"):
        made.put(f"applications/71001/{name}")
    on_s3(made, FilesSource, bucket, lambda: files_kit.System.model_validate(made.raw))
    s3.client.delete_object(Bucket=bucket.name, Key="data/applications/71001/a.pdf")
    assert "storage.hidden" in [problem.code for problem in made.source().check()]


def test_an_export_in_parquet_is_rewritten_without_the_subjects_rows(bucket: Bucket, tmp_path: Path) -> None:
    """Its end is read first, then here and there."""
    kit = records_kit.Kit(tmp_path, "events")
    rows = [records_kit.event(f"2025-11-20T10:{at:02}:00", user=f"{1001 + at % 2}") for at in range(40)]
    kit.parquet("ga4/events_20251120.parquet", rows, row_group_size=7)
    mine, other = (records_kit.of(records_kit.customer(value)) for value in (1001, 1002))
    plain = kit.read(mine)
    on_s3(kit, RecordSource, bucket, lambda: records_kit.system("events"))
    assert kit.read(mine) == plain
    assert len(plain) == 20
    (outcome,) = kit.apply([kit.step(mine, Delete())])
    assert (outcome.status, outcome.records) == (Status.DONE, 20)
    assert kit.read(mine) == []
    assert len(kit.read(other)) == 20
    assert len(bucket.versions()) == 1


def url(s3: Seaweed, bucket: str, prefix: str) -> str:
    """The connection as an operator writes it in the environment."""
    login = f"{quote(s3.key, safe='')}:{quote(s3.secret, safe='')}"
    return f"s3://{login}@{bucket}/{prefix}?endpoint_url={quote(s3.endpoint, safe='')}&region={REGION}"


@pytest.fixture(scope="module")
def elsewhere(s3: Seaweed, made: Made) -> dict[str, str]:
    """The demo shop's files in a bucket: connection name -> URL."""
    bucket = s3.bucket()
    for name in FOLDERS:
        s3.upload(made.folder / name, bucket, f"{name}/")
    return {name: url(s3, bucket, name) for name in (*FOLDERS, "bundles")}


@pytest.mark.timeout(300)
def test_everybody_gets_exactly_the_records_of_the_answer_sheet(
    made: Made, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    """Edge cases 12, 19, 20, 27."""
    house = house_of(made, tmp_path / "state", elsewhere)
    everything(house, made, SEED, *FOLDERS)
    plain = house_of(made, tmp_path / "plain")
    for name in FOLDERS:
        there, here = house.source(name), plain.source(name)
        assert list(there.check()) == list(here.check()), name
        assert sorted(c.name for c in there.inventory()) == sorted(c.name for c in here.inventory()), name


@pytest.mark.timeout(300)
def test_a_bundle_made_of_and_kept_in_an_object_store_opens(
    made: Made, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    house = house_of(made, tmp_path / "state", elsewhere)
    house.found()
    entry = made.subjects["1001"]
    named = (identifier(house.datamap, entry["named"][-1]),)
    number = house.register.receive(Right.ACCESS, named, author="desk").number
    run = Run("run-1", number, "operator")
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
    steps.write_bundle(house, run, parts)
    assert ending.record(house, run, failed=None)["status"] == "done"
    assert not (tmp_path / "state" / "bundles").exists()
    to = tmp_path / "opened"
    with house.sealed_bundle(number) as sealed:
        open_bundle(sealed, house.register.identity(number, reviewer="desk"), to)
    assert check_bundle(to) == []
    package = json.loads((to / "datapackage.json").read_text())
    (logs,) = [one for one in package["resources"] if one.get("format") == "log"][:1]
    assert hashlib.sha256((to / logs["path"]).read_bytes()).hexdigest() == logs["hash"].removeprefix("sha256:")
