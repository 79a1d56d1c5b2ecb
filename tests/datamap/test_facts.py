"""What may be corrected, in the data map: types agree, and no correction loses what an identity edge leads over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest_demo import HOME
from conftest_runs import Ferry, column, dataset, ferry
from privacy.datamap.facts import facts_of
from privacy.datamap.load import load
from privacy.errors import BadConfiguration

TRAVELLERS = {"current": {"name": "name", "phone": "phone"}, "historic": {"title": "name"}}


def said(datamap: dict[str, Any], tmp_path: Path) -> str:
    """What loading says; empty: nothing is wrong."""
    made = Ferry(tmp_path)
    (made.home / "datamap" / "ferry.yaml").write_text(yaml.safe_dump(datamap, sort_keys=False))
    for name in ("former", "notes"):
        (made.home / "sql/ferry" / f"{name}.sql").write_text("SELECT traveller FROM travellers")
    try:
        load(made.home)
    except BadConfiguration as problem:
        return problem.message
    return ""


@pytest.fixture
def datamap() -> dict[str, Any]:
    made = ferry()
    travellers = made["datasets"]["travellers"]
    travellers["columns"] |= {
        "phone": column("text"), "born": column("date"), "since": column("datetime"), "title": column("text"),
    }  # fmt: skip
    travellers["rectification"] = {key: dict(value) for key, value in TRAVELLERS.items()}
    made["datasets"]["former"] = dataset(
        ["traveller", "no"], ["traveller"],
        {"traveller": column("integer", "ferry.traveller"), "no": column("integer"), "email": column("text", "email"),
            "until": column("datetime")},
        table="former",
    )  # fmt: skip
    return made


def travellers(datamap: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = datamap["datasets"]["travellers"]["rectification"]
    return found


def test_what_is_right_loads_and_names_every_fact(datamap, tmp_path):
    assert said(datamap, tmp_path) == ""


def test_the_shops_own_data_map_says_each_fact_of_the_statement_once():
    known = facts_of(load(HOME))
    assert {s.ref.full for s in known["email"]} == {"shop.customers", "shop.quotes", "shop.newsletter_consents"}
    assert {s.ref.full for s in known["phone"]} == {"shop.customers", "recruiting.applicants", "recruiting.employees"}
    assert not [fact for fact, standing in known.items() if "shop.invoices" in {s.ref.full for s in standing}]


def test_an_address_that_leads_to_records_is_replaced_only_where_the_earlier_one_is_kept(datamap, tmp_path):
    travellers(datamap)["current"]["email"] = "email"
    assert "an identity edge leads over 'email'" in said(datamap, tmp_path / "1")
    travellers(datamap)["former"] = {
        "email": {"to": "former", "copy": {"traveller": "traveller", "email": "email"}, "until": "until", "number": "no"}
    }  # fmt: skip
    assert said(datamap, tmp_path / "2") == ""


FORMER = {"to": "former", "copy": {"traveller": "traveller", "email": "email"}, "until": "until", "number": "no"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"current": {"name": "name", "born": "name"}}, "'name' is of type date here, and of type text in"),
        ({"current": {"nam": "name"}}, "there is no column 'nam'; did you mean 'name'?"),
        ({"current": {"traveller": "number"}}, "column 'traveller' is of the key"),
        ({"current": {"name": "Name"}}, "rectification.current.name"),
        ({"current": {"name": "name"}, "historic": {"name": "name"}}, "either current or historic"),
        ({"current": {"name": "name"}, "historic": {"phone": "nam"}}, "no column says 'nam' currently; did you mean 'name'?"),
        ({"current": {"name": "name"}, "historic": {"born": "name"}}, "column 'born' is of another type than 'name'"),
        ({}, "say which columns are `current`, or `historic`"),
        ({"historic": {"name": "name"}}, "no column says 'name' currently"),
        ({"current": {"name": "name"}, "since": {"name": "born"}}, "since: column 'born' is no datetime"),
        ({"current": {"name": "name"}, "since": {"phone": "since"}}, "since: column 'phone' is not `current`"),
        ({"historic": {"name": "name"}, "only": {"phone": ["x"]}}, "`only` says which records are `current`"),
        ({"current": {"name": "name"}, "only": {"nope": ["x"]}}, "rectification.only: there is no column 'nope'"),
        ({"current": {"email": "email"}, "former": {"email": {**FORMER, "to": "formr"}}}, "did you mean 'former'?"),
        ({"current": {"email": "email"}, "former": {"email": {**FORMER, "until": "no"}}}, "column 'no' is no datetime"),
        ({"current": {"email": "email"}, "former": {"email": {**FORMER, "number": "until"}}}, "no integer of the key"),
        ({"current": {"email": "email"}, "former": {"email": {**FORMER, "number": None}}}, "what stands in 'no'"),
        ({"current": {"email": "email"}, "former": {"email": {**FORMER, "copy": {"traveller": "email"}}}}, "'email' of type text"),
    ],
)  # fmt: skip
def test_every_mistake_says_what_to_write(datamap, tmp_path, more, message):
    datamap["datasets"]["travellers"]["rectification"] = more
    assert message in said(datamap, tmp_path)


def test_only_rows_of_a_database_about_one_person_are_corrected_in_place(datamap, tmp_path):
    del datamap["datasets"]["travellers"]["table"]
    assert "only rows of a database" in said(datamap, tmp_path / "1")
    datamap["datasets"]["travellers"]["table"] = "travellers"
    trips = datamap["datasets"]["trips"]
    del trips["subject"]
    trips["parties"] = {"payer": {"subject": ["traveller"]}, "guest": {"subject": ["email"]}}
    trips["rectification"] = {"current": {"fare": "fare"}}
    assert "not about one party" in said(datamap, tmp_path / "2")
