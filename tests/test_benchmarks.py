"""The page of benchmarks is what was measured, and what got slower is said."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def _harness():
    spec = importlib.util.spec_from_file_location("bench_harness", PROJECT / "tests/bench/harness.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


harness = _harness()
ROW = harness.Row("reading (two cores)", "10 days", "s", 1.0, 4.0, "zgrep: by hand", 0.25, "at most 0.3 times", True)


def test_the_page_has_every_row_that_was_measured_and_says_which_target_is_not_met():
    measured = json.loads((PROJECT / "docs/benchmarks.json").read_text())
    page = (PROJECT / "docs/benchmarks.md").read_text()
    assert page == harness.page(measured)
    assert page.count("**no**") == sum(not row["met"] for row in measured["rows"])


def test_a_row_that_got_slower_beside_its_peer_is_told_with_both_ratios():
    (line,) = harness.slower([ROW], [replace(ROW, ratio=0.5, name="reading (of which 0.2 s on disk)")])
    assert "0.25 times" in line
    assert "0.5 now" in line


def test_a_machine_twice_as_slow_changes_no_ratio_and_is_not_told():
    assert harness.slower([ROW], [replace(ROW, ours=2.0, peer=8.0)]) == []
    assert harness.slower([ROW], [replace(ROW, ratio=0.26)]) == []


def test_other_sizes_are_not_compared():
    assert harness.slower([ROW], [replace(ROW, ratio=9.0, size="20 days")]) == []


def test_what_is_not_measured_again_keeps_its_row_and_its_day():
    old = [replace(ROW, part="logs", on="2026-01-01"), replace(ROW, name="desk (today)", part="desk", on="2026-01-01")]
    now = [replace(ROW, name="desk (requests)", part="desk", on="2026-02-02")]
    found = harness.merged(old, now, ["desk", "logs"])
    assert [(row.name, row.on) for row in found] == [("desk (requests)", "2026-02-02"), (ROW.name, "2026-01-01")]
