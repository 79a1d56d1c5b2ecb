"""One installation, put together from settings and connections."""

from __future__ import annotations

import pytest

from conftest_cli import Salon
from privacy.errors import BadConfiguration, Refused, Tampered, Unreadable
from privacy.sources.base import Identifier, Subject


@pytest.fixture
def salon(tmp_path, monkeypatch):
    made = Salon(tmp_path, monkeypatch)
    made.house().found()
    return made


@pytest.fixture
def number(salon):
    from privacy.rights import Right

    return salon.house().register.receive(Right.ACCESS, [Identifier("salon.guest", 1)], author="desk").number


def test_a_sealed_bundle_is_given_as_it_was_recorded_or_not_at_all(salon, number):
    house = salon.house()
    with pytest.raises(Refused, match="no sealed bundle"), house.sealed_bundle(number):
        pass
    salon.seal(number)
    with house.sealed_bundle(number) as sealed:
        assert sealed.read_bytes() == b"sealed " + number.encode()
    assert list(house.settings.staging.iterdir()) == []
    file = salon.state / "bundles" / f"{number}.zip.age"
    file.write_bytes(b"another")
    with pytest.raises(Tampered, match="not the file"), house.sealed_bundle(number):
        pass
    file.unlink()
    with pytest.raises(Unreadable), house.sealed_bundle(number):
        pass


def test_ledger_and_bundles_lie_where_their_connections_say(tmp_path, monkeypatch):
    salon = Salon(tmp_path, monkeypatch)
    monkeypatch.setenv("PRIVACY_CONNECTION_LEDGER", f"sqlite:///{tmp_path}/elsewhere/own.db")
    monkeypatch.setenv("PRIVACY_CONNECTION_BUNDLES", f"file://{tmp_path}/vault")
    salon.house().found()
    assert (tmp_path / "elsewhere/own.db").is_file()
    assert (tmp_path / "vault").is_dir()
    assert not (salon.state / "ledger.db").exists()


def test_before_an_installation_is_made_nothing_is_made_by_looking(tmp_path, monkeypatch):
    """Edge case 28: an empty register must not look like one without requests."""
    salon = Salon(tmp_path, monkeypatch)
    with pytest.raises(BadConfiguration):
        salon.house().register.list()
    assert not salon.state.exists()


def test_a_connection_that_is_wrong_is_not_replaced_by_a_default(tmp_path, monkeypatch):
    salon = Salon(tmp_path, monkeypatch)
    monkeypatch.setenv("PRIVACY_CONNECTION_LEDGER", "nonsense")
    with pytest.raises(BadConfiguration, match="no database URL"):
        salon.house().found()


def test_what_was_made_is_said_once(salon):
    assert salon.house().found() == []
    assert oct(salon.state.stat().st_mode & 0o777) == "0o700"


def test_an_open_request_holds_its_subjects_records_until_it_is_sealed(salon, number):
    """Edge case 29, with the installation's own holds."""
    house = salon.house()

    def held():
        return [(h.request, {i.value for s in h.what for i in s.identifiers}) for h in house.holds.active()]

    assert held() == [(number, {1})]
    house.register.begin(number, "r1")
    house.register.resolved(number, house.subject(number), run="r1")
    assert held() == [(number, {1, "anna@a.example"})]
    placed = [e.entry["kind"] for e in house.ledger.entries(request=number)]
    assert placed.count("hold.replaced") == 1
    salon.seal(number)
    assert held() == []


def test_a_subject_of_whom_nothing_is_theirs_alone_leaves_the_hold_as_it_was(salon, number):
    house = salon.house()
    contested = Identifier("device_id", "tablet", contested=True)
    house.register.begin(number, "r1")
    house.register.resolved(number, Subject(1, (contested,)), run="r1")
    assert [h.what[0].identifiers[0].value for h in house.holds.active()] == [1]
