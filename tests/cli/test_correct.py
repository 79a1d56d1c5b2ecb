"""`privacy request correct`, `correction`, `supplement list` (promise R-RECT): sealed, and shown on a terminal alone."""

from __future__ import annotations

import pytest

from conftest_cli import Salon
from privacy.cli import correct as commands
from privacy.orchestration import rectify_steps as steps
from privacy.orchestration.runs import Run


@pytest.fixture
def request_number(salon: Salon) -> str:
    file = salon.home / "datamap/salon.yaml"
    head, _, rest = file.read_text().partition("    owner: o\n    examples: [{salon.guest: 1}")
    cuts = "    rectification: {current: {hair: hair}}\n"
    assert rest.count("    owner: o\n") == 1
    rest = rest.replace("    owner: o\n", f"    owner: o\n{cuts}")
    file.write_text(f"{head}    owner: o\n    examples: [{{salon.guest: 1}}{rest}")
    return str(salon.good("request", "new", "--right", "rectification", "--id", "salon.guest=1")["number"])


def test_what_is_wanted_is_sealed_and_shown_on_a_terminal_alone(salon, request_number, monkeypatch):
    made = salon.good("request", "correct", request_number, "--fact", "hair", "--to", "-", read="purple-rain\n")
    assert made["to_correct"] == 1
    seen = (
        str(salon.good("request", "correction", request_number))
        + salon.run("request", "correction", request_number).output
    )
    seen += str(salon.good("ledger", "show"))
    assert "purple-rain" not in seen
    assert "no plan yet: start rectify_subject" in seen
    assert "[cli.not_a_terminal]" in salon.error("request", "correction", request_number, "--personal")
    house = salon.house()
    this = Run("run-1", request_number, "operator")
    steps.resolve(house, this)
    steps.plan(house, this, say=lambda _: None)
    found = salon.good("request", "correction", request_number)
    assert (found["changed"], found["historic"]) == ({"salon.cuts": 1}, {})
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    told = salon.run("request", "correction", request_number, "--personal").stdout
    assert "salon.cuts  10      hair  red  purple-rain" in told
    assert found["digest"][:12] in told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--fact", "hair"), "rectify.to"),
        (("--fact", "hair", "--to", "x", "--nothing"), "rectify.to"),
        (("--fact", "hare", "--to", "x"), "rectify.fact"),
        (("--fact", "hair", "--to", "x", "--row", "salon.guests/1"), "rectify.row"),
    ],
)
def test_what_cannot_be_meant_is_refused(salon, request_number, words, code):
    assert f"[{code}]" in salon.error("request", "correct", request_number, *words)


def test_a_record_without_a_statement_says_so(salon, request_number):
    assert salon.good("request", "supplement", "list", "--dataset", "salon.cuts", "--key", "10") == []
    assert (
        "no supplementary statement"
        in salon.run("request", "supplement", "list", "--dataset", "salon.cuts", "--key", "10").stdout
    )
    assert "[keyed.type]" in salon.error("request", "supplement", "list", "--dataset", "salon.cuts", "--key", "x")
    assert salon.good("request", "show", request_number)["right"] == "rectification"
