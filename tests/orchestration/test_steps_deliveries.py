"""An export where processors deliver: what was decided when it began is what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest_deliveries import Served
from conftest_runs import CANARIES, NAME
from privacy.errors import GiveUp, Unreadable
from privacy.orchestration import ending, steps

FILES = {"betalingen.csv": b"bedrag\n12,50\n", f"{NAME}.pdf": b"%PDF-1.7"}


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


def test_what_has_not_come_is_left_out_with_the_reason_and_comes_with_the_next_export(served: Served) -> None:
    """Edge case 28: the person is told, in both languages; the export of the rest does not wait."""
    number = served.request()
    served.house.deliveries.ask(number, "pakketlijn", "desk")
    first = served.export(number)
    assert first["omitted"] == {
        "drops.betaalpoort": "processor.not_asked",
        "drops.pakketlijn": "processor.not_delivered",
    }
    assert "die wij er nog niet om hebben gevraagd" in first["pages"]["LEESMIJ.html"]
    assert "have received nothing yet" in first["pages"]["README.html"]
    served.deliver(number, FILES)
    served.put(number, "half.csv", processor="pakketlijn")
    (served.drops / "pakketlijn" / number / "DELIVERED").write_bytes(b"")
    run, units = served.begin(number, "run-2")
    second = served.finish(run, units)
    assert second["omitted"] == {"drops.pakketlijn": "processor.incomplete"}
    assert "is niet compleet" in second["pages"]["LEESMIJ.html"]
    with served.bundle(number) as bundle:
        rows = json.loads(bundle.read("data/drops/betaalpoort.json"))
    assert sorted(row["name"] for row in rows) == sorted(FILES)
    # Nothing that Airflow keeps names anybody, although the processor's file does.
    assert not [canary for canary in CANARIES if canary in json.dumps([first["said"], second["said"]])]
    assert ending.record(served.house, run, failed=None)["status"] == "done"
    (ended,) = served.house.ledger.entries(run=run.id, kind="run.ended")
    assert ended.entry["omitted"] == {"processor.incomplete": 1}
    assert "drops.pakketlijn" not in ended.entry["datasets"]


def test_what_comes_between_the_list_and_the_bundle_waits_for_the_next_export(served: Served) -> None:
    number = served.request()
    run, units = served.begin(number, "run-1")
    served.deliver(number, FILES)
    result = served.finish(run, units)
    assert result["omitted"]["drops.betaalpoort"] == "processor.not_asked"
    assert not [name for name in result["names"] if "betaalpoort" in name]
    # The step made again decides anew.
    later, units = served.begin(number, "run-2")
    assert "drops.betaalpoort" in [unit["dataset"] for unit in units]
    served.deliver(number, {}, "pakketlijn")
    assert len(steps.list_parts(served.house, later)) == len(units) + 1


@pytest.mark.parametrize("change", ["added", "list removed"])
def test_a_delivery_that_changes_while_it_is_read_is_not_given_half_old_half_new(served: Served, change: str) -> None:
    """Edge case 14."""
    number = served.request()
    listed = served.deliver(number, FILES)
    run, units = served.begin(number, "run-1")
    if change == "added":
        served.deliver(number, {"more.csv": b"1"})
    else:
        listed.unlink()
    with pytest.raises(GiveUp) as caught:
        served.finish(run, units)
    assert (caught.value.code, caught.value.where) == ("export.delivery_changed", "drops.betaalpoort")
    assert served.house.register.bundle(number) is None


def test_without_what_was_decided_nothing_is_written(served: Served) -> None:
    """Edge cases 28 and 36."""
    number = served.request()
    run, units = served.begin(number, "run-1")
    (served.state / "staging" / run.id / "deliveries.json").unlink()
    with pytest.raises(GiveUp) as caught:
        served.finish(run, units)
    assert caught.value.code == "export.incomplete"


def test_a_drop_folder_that_cannot_be_read_fails_the_export(served: Served) -> None:
    number = served.request()
    served.drops.rmdir()
    with pytest.raises(Unreadable) as caught:
        served.export(number)
    assert caught.value.code == "storage.missing"
