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


def released(salon, number):
    salon.good("request", "prove", number, "--by", "document", "--seen", "passport")
    return salon.good("request", "release", number)


def test_a_bundle_opens_once_it_is_released_and_its_digests_are_checked(salon, number):
    to = salon.folder / "opened"
    assert "[request.not_released]" in salon.error("bundle", "open", number, "--to", str(to))
    assert not to.exists()
    path = released(salon, number)["path"]
    assert "opened" in salon.run("bundle", "open", number, "--to", str(to)).stdout
    assert salon.run("bundle", "check", str(to)).stdout.endswith("ok\n")
    assert salon.good("bundle", "open", path, "--to", str(salon.folder / "again"))["number"] == number


def test_a_file_that_was_changed_after_it_was_opened_is_found(salon, number):
    to = salon.folder / "opened"
    salon.good("bundle", "open", number, "--to", str(to), "--review")
    assert salon.good("bundle", "check", str(to), "--request", number) == {"ok": True, "problems": []}
    largest = max((p for p in to.rglob("*.json*") if p.name != "datapackage.json"), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes().replace(b"red", b"rod"))
    found = salon.run("bundle", "check", str(to))
    assert found.exit_code == 1
    assert "NOT OK" in found.stdout


def test_a_look_before_the_release_is_the_controllers_and_is_recorded(salon, number):
    salon.good("bundle", "open", number, "--to", str(salon.folder / "opened"), "--review")
    entries = salon.good("ledger", "show", "--request", number)
    assert [e["kind"] for e in entries][-1] == "bundle.reviewed"


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
