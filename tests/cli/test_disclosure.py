"""`privacy disclosure` (promise DISCLOSE): recorded, sealed, shown to whoever may see it."""

from __future__ import annotations

import json

import pytest

from privacy.cli import disclosure as commands

ADD = ("disclosure", "add", "--dataset", "salon.cuts", "--to", "Politie Twente", "--ground", "art. 126nd Sv")


def test_a_disclosure_is_recorded_sealed_and_shown_on_a_terminal_alone(salon, monkeypatch):
    words = ("--case", "PL-77", "--subject", "email=anna@a.example", "--at", "2026-01-05T10:00", "--category", "user")
    made = salon.good(*ADD, *words)
    assert (made["people"], made["secret"], made["datasets"]) == (1, False, ["salon.cuts"])
    seen = salon.run("disclosure", "list").output + json.dumps(salon.good("disclosure", "list"))
    seen += json.dumps(salon.good("ledger", "show"))
    with salon.house().engine.connect() as connection:
        seen += str([tuple(row) for row in connection.exec_driver_sql("SELECT * FROM disclosures")])
    assert made["disclosure"] in seen
    assert not [word for word in ("anna", "Politie", "PL-77", "126nd") if word in seen]
    assert "[cli.not_a_terminal]" in salon.error("disclosure", "list", "--reveal")
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    revealed = salon.run("disclosure", "list", "--reveal").stdout
    assert all(
        part in revealed for part in ("Politie Twente", "126nd", "case PL-77", "email anna@a.example", "salon.guest 1")
    )
    assert salon.good("ledger", "verify")["ok"] is True


def test_a_secret_one_says_its_ground_and_one_about_nobody_says_so(salon):
    assert salon.good(*ADD, "--nobody", "--secret", "art. 41 UAVG")["secret"] is True
    assert "it is about nobody" in salon.run(*ADD, "--nobody").stdout
    assert "the person is not told" in salon.run(*ADD, "--subject", "salon.guest=1", "--secret", "-", read="x\n").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "disclosure.about"),
        (("--nobody", "--subject", "salon.guest=1"), "disclosure.about"),
        (("--subject", "anna@a.example"), "named.identifier"),
        (("--nobody", "--dataset", "salon.anna"), "disclosure.dataset"),
        (("--nobody", "--category", "anna"), "disclosure.category"),
        (("--nobody", "--at", "2999-01-01"), "disclosure.future"),
        (("--nobody", "--ground", " "), "cli.empty"),
        (("--nobody", "--to", ""), "cli.empty"),
    ],
)
def test_a_disclosure_that_lacks_something_is_refused_and_nothing_is_repeated(salon, words, code):
    line = salon.error(*ADD, *words)
    assert f"[{code}]" in line
    assert "anna" not in line.replace("salon.anna", "")
    assert salon.good("disclosure", "list") == []


def test_an_address_that_two_people_share_names_neither_of_them(salon):
    """What is told about one would be told to the other."""
    found = salon.run(*ADD, "--subject", "email=house@h.example")
    assert found.exit_code == 1
    assert "house" not in found.stderr
    assert salon.good("disclosure", "list") == []
