"""privacy stop, and the commands that decide what was stopped, as somebody types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from conftest_stops import CANARIES, HOUSEHOLD, Shop, shop
from privacy.cli import app
from privacy.cli.deciding import ProofName, RejectionName
from privacy.rights import EvidenceKind, Ground, Right, State
from privacy.settings import settings

__all__ = ["shop"]


@pytest.fixture
def run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in shop.variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()

    def call(*words: str, status: int = 0, typed: str | None = None) -> str:
        done = CliRunner().invoke(app, words, input=typed)
        assert done.exit_code == status, done.output
        return done.output

    yield call
    settings.cache_clear()


def new(run: Any, right: str, *words: str) -> str:
    return str(
        json.loads(run("request", "new", "--right", right, "--email", "ada@lees.example", "--json", *words))["number"]
    )


def test_the_library_and_the_command_line_have_the_same_words() -> None:
    assert {e.value for e in ProofName} == {e.value for e in EvidenceKind}
    assert {e.value for e in RejectionName} <= {e.value for e in Ground}


def test_an_export_to_a_processor_gets_exactly_whom_it_leaves_out(run: Any) -> None:
    new(run, "marketing_stop")
    new(run, "restriction")
    lines = run("stop", "list", "--purpose", "newsletter", "--format", "csv").splitlines()
    assert lines == ["kind,value", "books.member,7310001", "device_id,dev-ada-77", "email,ada@lees.example"]
    assert run("stop", "list", "--purpose", "order", "--format", "csv").count("7310001") == 1
    found = json.loads(run("stop", "list", "--purpose", "order", "--format", "json"))
    assert {(one["scope"], one["ground"]) for one in found} == {("all", "restriction")}


def test_a_purpose_that_is_misspelt_is_no_empty_list(run: Any) -> None:
    """Edge case 25: an empty list would leave out nobody."""
    assert "stop.purpose" in run("stop", "list", "--purpose", "newsleter", "--format", "csv", status=1)


def test_a_table_of_people_is_shown_on_a_terminal_only(run: Any) -> None:
    assert run("stop", "list").strip() == "nobody is stopped"
    new(run, "restriction")
    said = run("stop", "list", status=1)
    assert "cli.not_a_terminal" in said
    assert not [canary for canary in CANARIES if canary in said]


def test_whoever_registers_one_that_fits_two_people_is_told_that_nobody_is_stopped_yet(run: Any, shop: Shop) -> None:
    """Edge case 19."""
    said = run("request", "new", "--right", "objection", "--email", str(HOUSEHOLD.value))
    assert "NOT STOPPED YET" in said
    assert "NOT STOPPED" not in run("request", "new", "--right", "objection", "--email", "ben@lees.example")
    assert "objection 7310003" in shop.held()


def test_an_objection_is_narrowed_upheld_and_rejected(run: Any, shop: Shop) -> None:
    first, second = new(run, "objection", "--purpose", "study"), new(run, "objection")
    said = json.loads(run("request", "uphold", first, "--json"))
    assert said["letter"]["kind"] == "objection_upheld"
    assert shop.get(said["copy"]).right is Right.ACCESS
    assert "is rejected" in run("request", "reject", second, "--because", "-", typed="Er loopt een rechtszaak.\n")
    assert shop.get(second).state is State.REFUSED
    assert (bool(shop.stopped("study")), shop.stopped("order")) == (True, set())
    assert "request.marketing" in run(
        "request", "new", "--right", "objection", "--purpose", "newsletter", "--email", "ben@lees.example", status=1
    )


def test_a_restriction_is_lifted_by_the_person_s_word_and_kept_when_they_change_their_mind(
    run: Any, shop: Shop
) -> None:
    number = new(run, "restriction")
    assert "request.not_proven" in run("request", "lift", number, "--word", "x", "--channel", "post", status=1)
    words = ("request", "lift", number, "--word", "-", "--channel", "counter", "--by", "document", "--seen", "passport")
    assert "request.nothing_to_lift" in run(*words, status=1, typed="Het mag weer\n")
    shop.run(number)
    assert "will be lifted on" in run(*words, typed="Het mag weer\n")
    assert "stays as it is" in run("request", "unlift", number)
    assert "7310001" in shop.stopped("order")
    assert "hold.of_a_right" in run("hold", "release", shop.house.holds.active()[0].id, status=1)
