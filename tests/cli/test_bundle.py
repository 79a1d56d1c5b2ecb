"""`privacy bundle`: what an operator does with a sealed bundle."""

from __future__ import annotations

import pytest

from privacy.orchestration import steps


@pytest.fixture
def number(salon):
    """A request whose export has run, by the very steps of its DAG."""
    number = salon.good("request", "new", "--id", "salon.guest=1", "--deliver-to", "anna@a.example")["number"]
    house, run = salon.house(), steps.Run("run-1", number, "operator")
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
    steps.write_bundle(house, run, parts)
    return number


def proven(salon, number):
    salon.good("request", "prove", number, "--by", "document", "--seen", "passport")


def released(salon, number):
    proven(salon, number)
    return salon.good("request", "release", number)


def test_a_bundle_opens_once_it_is_released_and_its_digests_are_checked(salon, number):
    to = salon.folder / "opened"
    assert "[glass.needed]" in salon.error("bundle", "open", number, "--to", str(to))
    assert not to.exists()
    proven(salon, number)
    assert "not released" in salon.error("bundle", "open", number, "--to", str(to)), "before that for its review alone"
    path = salon.good("request", "release", number)["path"]
    assert "opened" in salon.run("bundle", "open", number, "--to", str(to)).stdout
    assert salon.run("bundle", "check", str(to)).stdout.endswith("ok\n")
    assert salon.good("bundle", "open", path, "--to", str(salon.folder / "again"))["number"] == number


def test_a_file_that_was_changed_after_it_was_opened_is_found(salon, number):
    to = salon.folder / "opened"
    proven(salon, number)
    salon.good("bundle", "open", number, "--to", str(to), "--review")
    assert salon.good("bundle", "check", str(to), "--request", number) == {"ok": True, "problems": []}
    largest = max((p for p in to.rglob("*.json*") if p.name != "datapackage.json"), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes().replace(b"red", b"rod"))
    found = salon.run("bundle", "check", str(to))
    assert found.exit_code == 1
    assert "NOT OK" in found.stdout


def test_a_look_before_the_release_is_the_controllers_and_is_recorded(salon, number):
    proven(salon, number)
    salon.good("bundle", "open", number, "--to", str(salon.folder / "opened"), "--review")
    entries = salon.good("ledger", "show", "--request", number)
    assert (entries[-1]["kind"], entries[-1]["reason"]) == ("bundle.opened", "review")
    assert "ground" not in entries[-1]


def test_while_nobody_has_proven_to_be_the_person_it_opens_on_a_ground_alone_and_the_ledger_says_so(salon, number):
    """As on the desk: the ground stands in the ledger, the reason is sealed with the request."""
    to, why = salon.folder / "opened", "Anna telephoned: the police asked for it"
    said = salon.error("bundle", "open", number, "--review", "--to", str(to))
    assert "[glass.needed]" in said
    assert "--ground" in said
    for half in (("--ground", "incident"), ("--because", why)):
        assert "[cli.ground]" in salon.error("bundle", "open", number, "--review", "--to", str(to), *half)
    short = ("--ground", "incident", "--because", "curious")
    assert "[glass.because]" in salon.error("bundle", "open", number, "--review", "--to", str(to), *short)
    assert not to.exists()
    assert not salon.house().ledger.entries(request=number, kind="bundle.opened")
    salon.good(
        "bundle", "open", number, "--review", "--to", str(to), "--ground", "incident", "--because", "-", read=why
    )
    entries = {e["kind"]: e for e in salon.good("ledger", "show", "--request", number)}
    glass, opened = entries["request.glass_broken"], entries["bundle.opened"]
    assert (glass["ground"], glass["reason"]) == ("incident", "unproven")
    assert (opened["ground"], opened["reason"]) == ("incident", "review")
    assert glass["digest"] == opened["digest"] == salon.house().register.bundle(number).outer_sha256
    assert why not in str(entries)
    assert salon.house().register.open(number).glass[0].because == why


def test_what_is_restricted_opens_on_a_ground_of_the_law_alone_also_after_its_release(salon, number):
    """Art. 18(2) GDPR knows four."""
    released(salon, number)
    salon.good("request", "new", "--right", "restriction", "--id", "salon.guest=1")
    to = str(salon.folder / "opened")
    assert "restricted" in salon.error("bundle", "open", number, "--to", to)
    why = ("--because", "the copy seems to lack a month")
    assert "[glass.ground]" in salon.error("bundle", "open", number, "--to", to, "--ground", "faulty_copy", *why)
    salon.good("bundle", "open", number, "--to", to, "--ground", "legal_claim", *why)


def test_each_opening_of_a_released_bundle_stands_in_the_ledger(salon, number):
    released(salon, number)
    salon.good("bundle", "open", number, "--to", str(salon.folder / "opened"))
    (said,) = salon.house().ledger.entries(request=number, kind="bundle.opened")
    assert said.entry["reason"] == "folder"
    assert "[glass.not_needed]" in salon.error(
        "bundle",
        "open",
        number,
        "--to",
        str(salon.folder / "again"),
        "--ground",
        "incident",
        "--because",
        "no reason at all",
    )


def test_a_sealed_file_that_was_altered_is_not_opened(salon, number):
    path = released(salon, number)["path"]
    file = salon.state / "bundles" / path
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    to = salon.folder / "opened"
    assert "[bundle.altered]" in salon.error("bundle", "open", number, "--to", str(to))
    assert not to.exists()


def test_what_is_no_bundle_is_a_clear_error(salon):
    assert "[cli.bundle]" in salon.error("bundle", "open", "holiday.zip", "--to", "x")
    assert "[request.unknown]" in salon.error("bundle", "open", "SAL-2020-0042-8", "--to", "x")
    assert "[bundle.missing]" in salon.error("bundle", "check", str(salon.folder / "nothing"))
    number = salon.good("request", "new", "--id", "salon.guest=1")["number"]
    assert "[request.not_sealed]" in salon.error("bundle", "check", str(salon.home), "--request", number)
