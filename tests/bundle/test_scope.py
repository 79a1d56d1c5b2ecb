"""What a direct transfer to another controller gives: what was provided and observed (art. 20 GDPR, WP 242)."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from conftest_bundle import DOCUMENT, MESSAGE, ORDER, House, log
from privacy.bundle import Scope, check_bundle
from privacy.bundle.scope import left_behind, nothing_left
from privacy.datamap.models import Provenance

PROFILE = {"client": 7, "interest": "ringen", "_subject": 1, "_party": "subject"}


def derived(house: House, full: str, *names: str) -> None:
    """Say that these columns are derived."""
    ref = house.map[full]
    columns = dict(ref.dataset.columns)
    for name in names:
        columns[name] = columns[name].model_copy(update={"provenance": Provenance.DERIVED})
    dataset = ref.dataset.model_copy(update={"columns": columns})
    system = ref.system.model_copy(update={"datasets": ref.system.datasets | {ref.name: dataset}})
    house.map = replace(house.map, systems=house.map.systems | {ref.system.system: system})


@pytest.fixture
def transfer(house: House) -> House:
    house.facts = replace(house.facts, right="portability", scope=Scope.TRANSFER)
    return house


def manifest(house: House, parts):
    to = house.open(house.write(parts))
    found = json.loads((to / "datapackage.json").read_text())
    assert check_bundle(to) == []
    return to, found, {d["dataset"]: d for d in found["privacy:datasets"]}


def test_what_was_derived_is_left_out_and_counted_with_the_ground(transfer):
    derived(transfer, "shop.orders", "weight", "tags", "id")
    rows = [ORDER | {"weight": 0.5, "tags": ["a"]}, ORDER | {"id": 2, "weight": 0.25}]
    to, found, datasets = manifest(transfer, transfer.parts(orders=[rows]))
    assert found["privacy:request"]["scope"] == "provided_and_observed"
    given = json.loads((to / "data/shop/orders.json").read_text())
    assert [(r["id"], r["weight"], r["tags"], r["price"]) for r in given] == [
        (1, None, None, "10.50"),
        (2, None, None, "10.50"),
    ]
    assert pq.read_table(to / "data/shop/orders.parquet").column("weight").null_count == 2
    told = {r["column"]: (r["values"], r["ground"]["en"]) for r in datasets["shop.orders"]["redacted"]}
    assert (told["tags"][0], told["weight"][0]) == (1, 2)
    assert "WP 242" in told["weight"][1]
    assert told["score"] == (2, "trade secret")


def test_a_dataset_of_derived_data_alone_is_left_out_as_a_whole_and_said_so(transfer):
    """Edge case 28."""
    to, found, datasets = manifest(transfer, transfer.parts(profiles=[[PROFILE, PROFILE]]))
    assert not (to / "data").exists()
    assert "shop.profiles" not in found["privacy:nothing_held"]
    (told,) = datasets["shop.profiles"]["withheld_why"]
    assert (told["code"], told["records"]) == ("derived", 2)
    assert "WP 242" in told["nl"]
    page = (to / "LEESMIJ.html").read_text()
    assert "rechtstreekse overdracht" in page
    assert "ringen" not in page


def test_what_came_from_the_person_is_transferred_with_its_originals(transfer, papers):
    transfer.map = papers
    derived(transfer, "mail.letters", "text")
    derived(transfer, "dossiers.files", "remark", "name", "media_type")
    mail = transfer.part("mail.letters", [MESSAGE], originals=lambda _: io.BytesIO(b"x"))
    paper = transfer.part("dossiers.files", [DOCUMENT], originals=lambda _: io.BytesIO(b"x"))
    assert (mail.originals, mail.redacted["text"], paper.originals) == (1, 1, 1)
    _, found, _ = manifest(transfer, transfer.rest([mail, paper]))
    (document,) = [r for r in found["resources"] if r["path"].endswith("plan.pdf")]
    assert document["mediatype"] == "application/pdf"


def test_documents_that_the_controller_made_itself_stay_behind_with_their_name(transfer, papers):
    transfer.map = papers
    ref = papers["dossiers.files"]
    derived(transfer, "dossiers.files", "file")
    # A key stays, so the column that names the documents is another one here.
    dataset = transfer.map["dossiers.files"].dataset.model_copy(update={"key": ("name",)})
    system = ref.system.model_copy(update={"datasets": ref.system.datasets | {"files": dataset}})
    transfer.map = replace(papers, systems=papers.systems | {"dossiers": system})
    part = transfer.part("dossiers.files", [DOCUMENT], originals=lambda _: io.BytesIO(b"x"))
    assert (part.originals, part.originals_left_out, part.redacted["file"]) == (0, 1, 1)


def test_raw_lines_go_with_what_was_observed(transfer):
    derived(transfer, "web.access", "device")
    part = transfer.part("web.access", [log("a", 1, "x")])
    assert (part.originals, part.redacted["device"]) == (1, 1)


def test_everything_is_given_unless_it_goes_to_another_controller(house):
    derived(house, "shop.orders", "weight")
    house.facts = replace(house.facts, right="portability")
    to, found, _ = manifest(house, house.parts(orders=[[ORDER | {"weight": 0.5}]], profiles=[[PROFILE]]))
    assert found["privacy:request"]["scope"] == "all"
    assert json.loads((to / "data/shop/orders.json").read_text())[0]["weight"] == 0.5
    assert (to / "data/shop/profiles.json").exists()


def test_a_key_stays_and_a_dataset_of_numbers_alone_is_no_derived_one(house):
    derived(house, "shop.prints", "client")
    assert left_behind(house.map["shop.prints"].dataset, Scope.TRANSFER) == set()
    assert not nothing_left(house.map["shop.prints"].dataset, Scope.TRANSFER)
    assert nothing_left(house.map["shop.profiles"].dataset, Scope.TRANSFER)
    assert not nothing_left(house.map["shop.profiles"].dataset, Scope.ALL)
