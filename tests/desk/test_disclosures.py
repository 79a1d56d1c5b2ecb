"""Disclosures on the desk (promise DISCLOSE): recorded from a form, sealed, listed without what is sealed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from conftest_desk import token_of
from conftest_desk_purges import HERE, NOW, PurgeDesk
from privacy.errors import BadInput
from privacy.rights import disclosures
from privacy.rights.disclosures import Disclosures, page_query

SAID: dict[str, str | list[str]] = {
    "dataset": ["studio.cases"], "category": ["user"], "recipient": "Politie Zuid", "ground": "vordering 12",
    "case": "PL-9", "kind0": "studio.case_no", "value0": "7001", "told": "no", "secret": "het onderzoek loopt",
    "at": "2026-11-20T09:15",
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> PurgeDesk:
    made = PurgeDesk(tmp_path)
    made.studio.case(7001, "anna@a.example", None)
    return made


def test_what_was_given_is_recorded_and_the_page_names_neither_whom_nor_to_whom(desk: PurgeDesk) -> None:
    client = desk.as_("operator")
    token = token_of(client.get("/disclosures/new").text)
    answer = client.post("/disclosures/new", data={"token": token, **SAID}, headers={"Origin": HERE})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/disclosures?said=")
    (made,) = Disclosures(desk.house).all()
    assert (made.recipient, made.ground, made.case, made.secret) == (
        "Politie Zuid", "vordering 12", "PL-9", "het onderzoek loopt")  # fmt: skip
    assert made.given_at.isoformat() == "2026-11-20T08:15:00+00:00"
    assert (made.author, made.datasets, made.categories) == ("operator at shop.example", ("studio.cases",), ("user",))
    assert any((i.kind, i.value) == ("studio.case_no", 7001) for i in made.about[0].identifiers)
    for who in ("viewer", "operator"):
        shown = desk.as_(who).get("/disclosures").text
        assert "no: secret" in shown
        assert not any(word in shown for word in ("Politie", "vordering", "PL-9", "7001", "onderzoek"))
    assert desk.house.verify().ok


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> PurgeDesk:
    """One desk for all forms that change nothing."""
    return PurgeDesk(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dataset": []}, "dataset"),
        ({"dataset": ["studio.none"]}, "dataset"),
        ({"category": ["shoes"]}, "category"),
        ({"recipient": " "}, "recipient"),
        ({"ground": ""}, "ground"),
        ({"value0": ""}, "about"),
        ({"nobody": "yes"}, "about"),
        ({"value0": "seven"}, "about"),
        ({"kind0": ""}, "about"),
        ({"told": ""}, "told"),
        ({"secret": ""}, "secret"),
        ({"at": "2026-11-21T09:15"}, "at"),
        ({"at": "soon"}, "at"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field_and_nothing_is_recorded(
    untouched: PurgeDesk, change: dict[str, str | list[str]], field: str
) -> None:
    desk = untouched
    client = desk.as_("operator")
    token = token_of(client.get("/disclosures/new").text)
    answer = client.post("/disclosures/new", data={"token": token, **SAID, **change}, headers={"Origin": HERE})
    assert answer.status_code == 400
    assert f'id="wrong-{field}"' in answer.text
    assert 'value="PL-9"' in answer.text
    assert Disclosures(desk.house).all() == []


def test_a_viewer_records_nothing(desk: PurgeDesk) -> None:
    client = desk.as_("viewer")
    token = token_of(desk.as_("operator").get("/disclosures/new").text)
    assert "You may not record disclosures" in client.get("/disclosures/new").text
    assert client.post("/disclosures/new", data={"token": token, **SAID}, headers={"Origin": HERE}).status_code == 403
    assert Disclosures(desk.house).all() == []


def test_pages_of_disclosures_follow_each_other_and_are_found_by_an_index(
    desk: PurgeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disclosures, "PAGE", 8)
    house, made = desk.studio.house, []
    for n in range(13):
        desk.studio.clock.set(NOW + timedelta(seconds=n // 3))
        more = {"datasets": ["studio.cases"], "recipient": "r", "ground": "g", "about": (), "author": "a"}
        made.append(Disclosures(house).add(**more).id)  # type: ignore[arg-type]
    first, after = Disclosures(house).page()
    second, end = Disclosures(house).page(after)
    assert (len(first), len(second), end) == (8, 5, "")
    assert sorted(d.id for d in [*first, *second]) == sorted(made)
    assert "Earlier disclosures" in desk.as_("viewer").get("/disclosures").text
    with pytest.raises(BadInput, match=r"disclosure\.page"):
        Disclosures(house).page("x|y")
    for query in (page_query(), page_query(after)):
        sql = str(query.compile(house.engine, compile_kwargs={"literal_binds": True}))
        with house.engine.connect() as connection:
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert len(plan) == 1, plan
        assert "disclosures_page" in plan[0], plan
