"""``privacy ledger``: evidence, export, receipt, key."""

from __future__ import annotations

import json

POLICY = """
purges:
  purge_cuts:
    title: {nl: k, en: c}
    rules: {cuts: {promise: CUT, datasets: [salon.cuts]}}
"""


def with_rule(salon):
    """Cuts go after a year."""
    policy, datamap = salon.home / "policy/policy.yaml", salon.home / "datamap/salon.yaml"
    term = "  CUT: {title: {nl: k, en: c}, quote: q, kept_by: k, term: {keep_at_most: P12M, every: P1D}}\npurposes:"
    policy.write_text(policy.read_text().replace("purposes:", term) + POLICY)
    head, cuts = datamap.read_text().split("\n  cuts:")
    cuts = cuts.replace("promise: KEEP", "promise: CUT").replace("time: at", "time: at\n    starts: {column: at}")
    datamap.write_text(f"{head}\n  cuts:{cuts}")


def ran(salon, run="r1", **more):
    ledger = salon.house().ledger
    ledger.begin(
        run, pipeline="purge_cuts", rule="cuts", actor="a", code_version="1", policy_version="1", promises=["CUT"],
        limit="<=P12M",
    )  # fmt: skip
    ledger.end(run, status="done", actor="a", deleted=2, datasets={"salon.cuts": {"records": 2, "bytes": 9}}, **more)


def test_evidence_is_silent_when_all_is_proven_and_else_names_the_promise(salon):
    assert salon.run("ledger", "evidence").stdout == "everything is proven\n"
    with_rule(salon)
    assert salon.good("ledger", "evidence") == {"ok": True, "findings": []}
    salon.execute("CREATE TABLE combs (id INTEGER PRIMARY KEY)")
    found = salon.run("ledger", "evidence")
    assert found.exit_code == 1
    assert "[datamap.unclaimed] (salon: combs)" in found.stdout
    assert "privacy datamap new salon combs" in found.stdout
    assert salon.house().ledger.entries(kind="evidence.missing") == [], "it only looked"
    found = salon.run("ledger", "evidence", "--record", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["findings"][0]["code"] == "datamap.unclaimed"
    assert len(salon.house().ledger.entries(kind="evidence.missing")) == 1


def test_a_period_is_exported(salon, tmp_path):
    with_rule(salon)
    ran(salon)
    found = salon.good("ledger", "export", "--from", "2020-01-01", "--out", str(tmp_path / "out"))
    assert len(found["written"]) == 7
    assert "salon.cuts" in (tmp_path / "out/deleted.csv").read_text()
    assert "[named.moment]" in salon.error("ledger", "export", "--from", "soon", "--out", str(tmp_path / "out"))


def test_a_receipt_names_the_key_that_it_is_checked_with(salon, tmp_path):
    with_rule(salon)
    ran(salon)
    found = salon.good("ledger", "receipt", "r1", "--out", str(tmp_path / "r.html"))
    key = salon.good("ledger", "key")
    assert found["key"] == key["fingerprint"]
    assert key["public_key"] in (tmp_path / "r.html").read_text()
    assert "[receipt.unknown]" in salon.error("ledger", "receipt", "r2", "--out", str(tmp_path / "x.html"))


def test_a_runs_promises_are_shown_as_words(salon):
    with_rule(salon)
    ran(salon, late=3)
    shown = salon.run("ledger", "show", "--run", "r1").stdout
    assert "promises CUT" in shown
    assert "3 late" in shown


def test_a_run_is_shown_whole_because_other_commands_want_it(salon):
    with_rule(salon)
    ran(salon, "0f0e0d0c-0b0a-4908-8706-050403020100")
    assert "run 0f0e0d0c-0b0a-4908-8706-050403020100" in salon.run("ledger", "show").stdout
