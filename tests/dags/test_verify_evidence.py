"""The daily look as a DAG: thin, later than the purges, red with the promises named, and its codes explained."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest_airflow import Live

ROOT = Path(__file__).parents[2]


def test_every_code_is_explained_to_the_operator() -> None:
    from privacy.orchestration.evidence_tasks import DOC

    source = "".join(
        (ROOT / "plugins/privacy" / name).read_text()
        for name in ("rights/evidence.py", "rights/evidence_rules.py", "datamap/promised.py", "ledger/copies.py")
    )
    codes = set(re.findall(r'"((?:evidence|ledger|copies|policy|datamap)\.[a-z_]+)"', source))
    red = {
        c
        for c in codes
        if c
        not in (
            "evidence.verified",
            "evidence.missing",
            "policy.category_unheld",
            "policy.subject_unknown",
            "policy.not_yet",
            "policy.setting_unconfirmed",
        )
    }
    assert len(red) > 10
    assert not [code for code in sorted(red) if f"`{code}`" not in DOC and f"`{code.partition('.')[0]}.*`" not in DOC]


def test_it_runs_after_the_nightly_purges_and_not_with_the_hourly_ones() -> None:
    schedules = {}
    for file in (ROOT / "dags").glob("*.py"):
        found = re.search(r'schedule="(\d+) (\S+) ', file.read_text())
        if found:
            schedules[file.stem] = (int(found[1]), found[2])
    minute, hour = schedules.pop("verify_evidence")
    for name, (at, when) in schedules.items():
        if when == "*":
            assert 20 <= (minute - at) % 60 <= 50, name
        else:
            assert int(hour) - int(when) >= 2, name


def test_the_file_holds_no_more_than_a_schedule() -> None:
    tree = ast.parse((ROOT / "dags/verify_evidence.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.If | ast.While)]


@pytest.mark.airflow
@pytest.mark.check("tests/rights shows the evidence")
def test_it_is_red_and_green_as_the_evidence_is(live: Live) -> None:
    """Edge case 28: what could not be looked at, or is not proven, is red."""
    ledger = live.ferry.house.ledger
    live.airflow.wait("verify_evidence", seconds=180)
    run = live.api.trigger("verify_evidence")
    state, _ = live.wait(run, dag="verify_evidence")
    events = [e.entry for e in ledger.entries() if str(e.entry["kind"]).startswith("evidence.")]
    assert events
    assert (state == "success") == (events[-1]["kind"] == "evidence.verified")
    place = live.ferry.logs
    place.rename(place.with_name("elsewhere"))
    try:
        run = live.api.trigger("verify_evidence")
        assert live.wait(run, dag="verify_evidence")[0] == "failed"
    finally:
        place.with_name("elsewhere").rename(place)
    said = b"".join(text for name, text in live.everything_written() if "verify_evidence" in name)
    assert b"evidence.missing" in said
    assert b"findings; promises without a proof" in said
