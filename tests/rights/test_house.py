"""One installation, put together from settings and connections."""

from __future__ import annotations

import pytest

from conftest_cli import Salon
from privacy.errors import AmbiguousIdentity, BadConfiguration, Refused, Tampered, Unreadable
from privacy.holds import apply
from privacy.sources.base import Delete, Identifier, Of, Selection, Status, Step, Subject


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

    assert held() == [(number, {1, "anna@a.example"})]
    house.register.begin(number, "r1")
    house.register.resolved(number, house.subject(number), run="r1")
    assert held() == [(number, {1, "anna@a.example"})]
    placed = [e.entry["kind"] for e in house.ledger.entries(request=number)]
    assert placed.count("hold.placed") == 1
    salon.seal(number)
    assert held() == []
    assert house.verify().ok


def test_a_subject_of_whom_nothing_is_theirs_alone_leaves_the_hold_as_it_was(salon, number):
    house = salon.house()
    contested = Identifier("device_id", "tablet", contested=True)
    house.register.begin(number, "r1")
    before = house.holds.active()
    house.register.resolved(number, Subject(1, (contested,)), run="r1")
    assert house.holds.active() == before
    assert len(before) == 1


def guests(*numbers):
    return Selection("cuts", Of(tuple(Subject(n, (Identifier("salon.guest", n),)) for n in numbers)))


def purge(house, *numbers):
    """What a purge of these guests' cuts leaves alone."""
    source, selection = house.source("salon"), guests(*numbers)
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    outcomes = apply(source, [Step(selection, Delete(), items)], house.holds)
    return sorted(o.key[0] for o in outcomes if o.status is Status.HELD)


def test_no_purge_takes_a_row_by_number_of_one_who_asked_by_address(salon):
    """Edge case 29: from the moment of registration, before any export began."""
    from privacy.rights import Right

    house = salon.house()
    house.register.receive(Right.ACCESS, [Identifier("email", "anna@a.example")], author="desk")
    assert purge(house, 1, 2) == [10, 11]


def test_no_purge_takes_a_row_of_anybody_whom_a_request_may_be_about(salon):
    """Edge cases 19 and 29: two guests share the address, and a person has to decide."""
    from privacy.identity import Decision
    from privacy.rights import Right

    salon.execute("INSERT INTO cuts VALUES (20, 3, NULL, '2024-01-05T10:00:00Z', 'grey')")
    salon.execute("INSERT INTO cuts VALUES (21, 4, NULL, '2024-01-05T10:00:00Z', 'grey')")
    house = salon.house()
    register = house.register
    number = register.receive(Right.ACCESS, [Identifier("email", "house@h.example")], author="desk").number
    assert purge(house, 3, 4) == [20, 21]
    register.begin(number, "r1")
    with pytest.raises(AmbiguousIdentity) as asked:
        house.subject(number)
    register.undecided(number, asked.value.question, run="r1")
    assert purge(house, 3, 4) == [20, 21]
    chosen = next(c for c in asked.value.question.candidates if c.identifiers[0].value == 4)
    register.decide(number, Decision(chosen.identifiers), "desk")
    assert purge(house, 3, 4) == [21]


def test_a_request_is_registered_while_the_shop_s_database_is_gone(salon):
    from privacy.rights import Right

    (salon.folder / "salon.db").unlink()
    house = salon.house()
    house.register.receive(Right.ACCESS, [Identifier("salon.guest", 1)], author="desk")
    assert [h.what[0].identifiers[0].value for h in house.holds.active()] == [1]


def test_only_the_address_s_own_holder_is_told_by_the_shop_s_records(salon):
    """Edge case 35: that it is somebody's for long, says nothing of anybody else."""
    from privacy.rights.proof import addresses

    look_up = addresses(salon.house().datamap, salon.house().source)
    anna = Subject(1, (Identifier("salon.guest", 1),))
    assert look_up(anna, "bert@b.example") == []
    assert len(look_up(anna, "Anna@A.example")) == 1


def test_what_register_and_holds_say_otherwise_than_the_ledger_is_a_problem(salon, number):
    """Edge case 26."""
    house = salon.house()
    assert house.verify().ok
    with house.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM holds")
        connection.exec_driver_sql("DELETE FROM request_register")
    found = house.verify()
    assert not found.ok
    assert any(number in problem for problem in found.problems)
    assert any("Hold" in problem for problem in found.problems)


def test_a_new_key_is_not_made_beside_a_ledger_whose_key_is_missing(salon, number):
    key = salon.state / "keys/master.key"
    moved = key.rename(salon.state / "elsewhere")
    for remove in (None, salon.state / "ledger-head.json"):
        if remove is not None:
            remove.unlink()
        with pytest.raises(BadConfiguration, match=r"keys\.lost"):
            salon.house().found()
        assert not key.exists()
    moved.rename(key)
    assert salon.house().register.open(number).number == number
