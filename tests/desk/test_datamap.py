"""The data map on the desk: the records of processing (art. 30 GDPR), and what the stores hold that nobody described."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from conftest_desk import NOW, Desk
from privacy.datamap.activities import activities
from privacy.desk.datamap import shown
from privacy.rights import evidence, evidence_last
from privacy.rights.evidence import Finding


def found(where: str, code: str = "datamap.unclaimed") -> Finding:
    return Finding(code, (), where, "No dataset describes this table.", "Describe it.")


def test_the_page_says_what_is_held_on_whom_why_and_how_long(desk: Desk) -> None:
    text = unescape(desk.as_("viewer").get("/datamap").text)
    for ref in desk.house.datamap:
        assert ref.dataset.title.en in text
        assert f"/datamap/datasets/{ref.full}" in text
    for processor in desk.house.policy.processors.values():
        assert processor.name in text
    for name, promise in desk.house.policy.promises.items():
        assert (promise.term is None) or name in text


def test_a_dataset_has_its_columns_with_category_and_provenance(desk: Desk) -> None:
    client, dataset = desk.as_("viewer"), desk.house.datamap["shop.orders"].dataset
    text = unescape(client.get("/datamap/datasets/shop.orders").text)
    for name, column in dataset.columns.items():
        assert name in text
        assert column.category in text
    assert client.get("/datamap/datasets/shop.nonsense").status_code == 404
    # Examples in the data map are made-up people; still they are not the page's business.
    assert "voorbeeld.example" not in text


def test_the_records_are_downloaded_as_the_command_writes_them_and_for_machines(desk: Desk) -> None:
    client, datamap = desk.as_("viewer"), desk.house.datamap
    text = client.get("/datamap/records.md")
    assert text.text == activities(datamap)
    assert text.headers["content-disposition"].startswith("attachment")
    said = json.loads(client.get("/datamap/records.json").text)
    assert [one["dataset"] for one in said["datasets"]] == [ref.full for ref in datamap]
    assert all(one["time_limit"] and one["purposes"] for one in said["datasets"])
    rows = list(csv.DictReader(io.StringIO(client.get("/datamap/records.csv").text)))
    assert len(rows) == sum(len(ref.dataset.columns) for ref in datamap)
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row.values())  # edge case 27


def test_what_nobody_described_stands_out_with_its_system_and_when_it_was_found(desk: Desk) -> None:
    client = desk.as_("viewer")
    assert "Nobody has looked yet" in client.get("/datamap").text
    kept = [found("shop: gift_lists <b>"), found("ledger: other"), found("a_rule", "evidence.stale")]
    evidence_last.keep(desk.house, kept, NOW - timedelta(hours=7))
    page = shown(desk.house)
    assert page.unclaimed == 2
    assert [one.where for system in page.systems for one in system.unclaimed] == ["shop: gift_lists <b>"]
    assert [one.where for one in page.others] == ["ledger: other"]
    text = client.get("/datamap").text
    assert "2 things in the stores do" in text
    assert "gift_lists &lt;b&gt;" in text
    evidence_last.keep(desk.house, [], NOW)
    assert "Everything that the stores hold is described" in client.get("/datamap").text
    for away in (timedelta(days=3), -timedelta(days=3)):
        evidence_last.keep(desk.house, [], NOW - away)
        assert "Nobody has looked lately" in client.get("/datamap").text


def test_a_store_that_could_not_be_asked_never_looks_complete(desk: Desk) -> None:
    """Edge case 28."""
    evidence_last.keep(desk.house, [found("recruiting", "database.unreachable")], NOW)
    text = desk.as_("viewer").get("/datamap").text
    assert "is not known: not all could be asked" in text
    assert "recruiting" in text
    assert "Everything that the stores hold" not in text


def test_each_verification_leaves_what_it_found_for_the_page(desk: Desk) -> None:
    assert evidence_last.last(desk.house) is None
    told = evidence.record(desk.house, actor="schedule")
    looked = evidence_last.last(desk.house)
    assert looked is not None
    assert (looked.at, [one.where for one in looked.found]) == (NOW, [one.where for one in told])
    assert (desk.house.settings.state / evidence_last.NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", '{"at": "never", "found": []}', '{"at": "2026-11-28", "found": [{"x": 1}]}', "[]"]
)
def test_a_file_that_was_broken_says_nothing(desk: Desk, text: str) -> None:
    (desk.house.settings.state / evidence_last.NAME).write_text(text)
    assert evidence_last.last(desk.house) is None


def test_a_folder_that_cannot_be_written_fails_no_verification(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / evidence_last.NAME.replace(".json", ".next")).mkdir()
    evidence_last.keep(desk.house, [found("shop: x")], NOW)
    assert evidence_last.last(desk.house) is None
