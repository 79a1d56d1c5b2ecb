"""Records of the past are never altered: what they should say is linked to them, and given with later copies (R-RECT)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from conftest_demo import made
from privacy.bundle import open_bundle
from privacy.orchestration import ending
from privacy.orchestration import steps as export
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind, Right, State
from privacy.rights.notices import Notices
from privacy.rights.notices_told import told_of
from privacy.rights.own_store import Requests
from privacy.rights.supplements import of_record, of_subject
from rights.rectify_kit import Shop, number

__all__ = ["made"]


@pytest.fixture
def shop(made, tmp_path) -> Shop:
    return Shop.copied(made.folder, tmp_path)


@pytest.fixture
def corrected(shop) -> str:
    """She is called De Fries; her invoices say De Vries."""
    asked = shop.request(number(1001))
    shop.wanted(asked, {"name.last": "Fries <b>"})
    shop.done(asked)
    return asked


def copy(shop: Shop, customer: int) -> dict[str, bytes]:
    """The files of a copy for a customer, by the steps of its export."""
    register = shop.house.register
    asked = register.receive(Right.ACCESS, [number(customer)], author="desk").number
    this = Run(f"export-{customer}", asked, "operator")
    export.open_request(shop.house, this)
    export.resolve_identity(shop.house, this)
    parts = [export.extract(shop.house, this, unit) for unit in export.list_parts(shop.house, this)]
    export.write_bundle(shop.house, this, parts)
    ending.empty_staging(shop.house, this)
    register.prove(asked, Evidence(kind=EvidenceKind.DOCUMENT, seen="pas"), "desk")
    with shop.house.sealed_bundle(asked) as sealed:
        to = shop.folder / f"copy-{customer}"
        open_bundle(sealed, register.open(asked).secret, to)
    return {path.relative_to(to).as_posix(): path.read_bytes() for path in to.rglob("*") if path.is_file()}


def test_the_invoice_stays_as_it_is_and_whoever_uses_it_sees_what_it_should_say(shop, corrected):
    assert shop.sql("SELECT name FROM invoices WHERE invoice_no = 'F2026-001101'") == [("Anna de Vries",)]
    assert shop.sql("SELECT last_name FROM customers WHERE customer_id = 1001") == [("Fries <b>",)]
    (said,) = of_record(shop.house, "shop.invoices", ("F2026-001101",))
    assert (said.request, said.was, said.to, said.keys) == (corrected, "Vries", "Fries <b>", ("F2026-001101",))
    assert said.fact.nl == "Achternaam"
    assert of_record(shop.house, "shop.invoices", ("F2026-001121",)) == []
    assert "Vries" not in repr(said)


@pytest.mark.check("makes whole copies for three people; test_scope and the bundle show how they are given")
def test_her_later_copies_give_the_statement_and_nobody_elses_do(shop, corrected):
    """Edge cases 22 and 27."""
    files = copy(shop, 1001)
    said = json.loads(files["datapackage.json"])["privacy:supplements"]
    (invoice,) = [one for one in said if one["dataset"] == "shop.invoices"]
    assert invoice["records"] == ["F2019-001102", "F2026-001101"]
    assert (invoice["says"], invoice["should_say"], invoice["request"]) == ("Vries", "Fries <b>", corrected)
    page = files["LEESMIJ.html"].decode()
    assert "Uw aanvullingen" in page
    assert "Fries &lt;b&gt;" in page
    assert "Your supplementary statements" in files["README.html"].decode()
    assert "privacy:supplements" not in json.loads(copy(shop, 1002)["datapackage.json"])


def test_her_later_copies_say_which_processors_were_told_and_nobody_elses_do(shop, corrected):
    """Edge case 22; art. 19 GDPR: they may ask who was told."""
    notices = Notices(shop.house)
    assert shop.house.register.get(corrected).state is State.ANSWERED
    made = notices.of(corrected)
    notices.send(actor="watch")
    notices.confirm(made[0].id, "desk")
    files = copy(shop, 1001)
    said = json.loads(files["datapackage.json"])["privacy:told"]
    assert {one["request"] for one in said} == {corrected}
    names = {shop.house.policy.processors[one.processor].name for one in made}
    assert {one["processor"] for one in said} == names
    assert {one["deed"] for one in said} == {"rectification"}
    assert [one["confirmed_at"] is not None for one in said].count(True) == 1
    assert all(one["at"] and one["datasets"] for one in said)
    page, english = files["LEESMIJ.html"].decode(), files["README.html"].decode()
    assert "Wie wij van uw verzoeken op de hoogte brachten" in page
    assert "gegevens aanpassen" in page
    assert "Whom we told of your requests" in english
    assert all(name in english for name in names)
    assert "privacy:told" not in json.loads(copy(shop, 1002)["datapackage.json"])
    before = made[0].made_at - timedelta(seconds=1)
    assert told_of(shop.house, shop.house.subject(corrected), before) == ()


def test_a_copy_as_of_before_the_statement_does_not_have_it(shop, corrected):
    subject = shop.house.subject(corrected)
    at = shop.house.register.correction(corrected).supplemented_at
    assert {one.dataset for one in of_subject(shop.house, subject, at)} == {"shop.orders", "shop.invoices"}
    assert of_subject(shop.house, subject, at.replace(year=2025)) == ()


@pytest.mark.usefixtures("corrected")
def test_the_statement_stays_as_long_as_a_record_that_it_is_linked_to(shop):
    """The register forgets requests after years; an invoice may be older than that."""
    (thing,) = Requests().things(shop.house)
    assert thing.stays == "supplement"
    for table in (
        "engravings",
        "order_lines",
        "payments",
        "invoices",
        "returns",
        "disputes",
        "orders",
        "contact_messages",
    ):
        shop.sql(f"DELETE FROM {table}")
    (thing,) = Requests().things(shop.house)
    assert thing.stays == ""


def test_the_ledger_knows_that_a_statement_is_linked_and_to_how_many_records(shop, corrected):
    (entry,) = [e.entry for e in shop.house.ledger.entries(request=corrected, kind="request.supplemented")]
    assert entry["count"] == len(shop.house.register.correction(corrected).plan.links)
    assert "shop.invoices" in entry["datasets"]
    assert shop.house.verify().problems == ()
