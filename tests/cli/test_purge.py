"""``privacy purge``: which rules there are, and what one would delete."""

from __future__ import annotations

import json

POLICY = """
purges:
  purge_cuts:
    title: {nl: k, en: c}
    rules: {cuts: {promise: CUT, datasets: [salon.cuts]}}
"""
TERM = """  CUT:
    title: {nl: k, en: c}
    quote: q
    kept_by: k
    term:
      keep_at_least: P7Y
      every: P1D
      title: {nl: a, en: a}
      kinds: {other: {title: {nl: o, en: o}, keep_at_most: P2M, every: P1D}}
purposes:"""


def with_rule(salon):
    """Cuts are of the kind that goes after two months; other records of the promise stay for seven years."""
    policy, datamap = salon.home / "policy/policy.yaml", salon.home / "datamap/salon.yaml"
    policy.write_text(policy.read_text().replace("purposes:", TERM) + POLICY)
    head, cuts = datamap.read_text().split("\n  cuts:")
    cuts = cuts.replace("promise: KEEP", "promise: CUT\n    term_kind: other")
    cuts = cuts.replace("time: at", "time: at\n    starts: {column: at}")
    datamap.write_text(f"{head}\n  cuts:{cuts}")


def test_the_term_of_a_rule_is_that_of_its_own_kind_of_records(salon):
    with_rule(salon)
    (found,) = salon.good("purge", "list")
    assert found["term"] == "<=P2M"
    assert found["promises"] == "CUT"


def test_a_plan_deletes_nothing_and_says_with_what_to_do_just_this(salon):
    with_rule(salon)
    found = salon.run("purge", "plan", "cuts")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == "rule cuts of purge_cuts: CUT (<=P2M)"
    wanted = json.loads(lines[-1][lines[-1].index("{") :])
    assert wanted["rules"] == ["cuts"]
    assert f"digest {wanted['expected_digest']}  as of {wanted['as_of']}" in lines
    assert salon.good("purge", "plan", "cuts", "--as-of", wanted["as_of"])["digest"] == wanted["expected_digest"]


def test_a_rule_that_there_is_not_is_an_error_that_says_where_rules_are_listed(salon):
    with_rule(salon)
    assert "privacy purge list" in salon.error("purge", "plan", "cutz")
