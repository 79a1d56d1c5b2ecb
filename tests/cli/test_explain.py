"""`privacy explain`: whose one record is and by which rule, until when, held by what; nothing of it is repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from privacy.cli import explain as command
from privacy.cli.explain import _lines
from privacy.connections import EnvironmentConnections
from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap, load
from privacy.errors import BadInput
from privacy.holds import Everything, HoldKind, Keys
from privacy.rights.explain import explain, facts
from privacy.sources import source_for
from privacy.sources.base import Identifier, Source, Subject
from privacy.sources.keyed import typed_key

INCLUDE = Path(__file__).parents[2] / "include"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Shop:
    """The demo shop, to be asked about single records."""

    def __init__(self, folder: Path) -> None:
        from demo import make

        make(folder, seed=7, size="tiny")
        self.answers = json.loads((folder / "answers.json").read_text())
        everything = load(INCLUDE)
        urls = {}
        for name in everything.systems:
            place = next(f for n in (f"{name}.db", name) if (f := folder / n).exists())
            urls[name] = place.as_uri() if place.is_dir() else f"sqlite:///{place}"
        self.datamap = DataMap(INCLUDE, everything.policy, {name: everything.systems[name] for name in urls})
        self._connections = EnvironmentConnections({f"PRIVACY_CONNECTION_{n.upper()}": u for n, u in urls.items()})
        self._sources: dict[str, Source] = {}

    def source(self, system: str) -> Source:
        if system not in self._sources:
            self._sources[system] = source_for(self.datamap.systems[system], self._connections, home=INCLUDE)
        return self._sources[system]

    def explain(self, dataset: str, key: list[Any]) -> Any:
        ref = self.datamap[dataset]
        return explain(self.datamap, self.source, ref, typed_key(ref, [str(part) for part in key]), holds=None, now=NOW)

    def named(self, entry: dict[str, Any]) -> set[tuple[str, Any]]:
        """What a subject of the answer sheet is known by."""
        pairs = [(kind, value) for names in entry["named"] for kind, value in names.items()]
        return {
            (kind, normal(kind, value, k.type if (k := self.datamap.kind(kind)) else "text")) for kind, value in pairs
        }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


TRIED = frozenset(
    ("shop.customers", "shop.orders", "shop.quotes", "shop.sessions", "weblogs.access", "mail.correspondence",
        "helpdesk.conversations", "analytics.ga4_events", "dossiers.letters")
)  # fmt: skip


def of_the_sheet(shop: Shop) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Of the cast's records one a dataset, and every thirtieth: (dataset, key, whose)."""
    tried: set[str] = set()
    number = 0
    for entry in shop.answers["subjects"]:
        if entry["note"].startswith("cast") and "decisions" not in entry:
            for dataset, keys in entry.get("records", {}).items():
                if dataset in TRIED:
                    number += 1
                    if dataset not in tried or number % 30 == 0:
                        tried.add(dataset)
                        yield dataset, keys[len(keys) // 2], entry


def test_who_has_a_record_by_the_answer_sheet_is_whom_it_is_explained_to(shop):
    """Edge case 22, and 19: an address of today leads to a guest's order of years ago."""
    tried, wrong = set(), []
    for dataset, key, entry in of_the_sheet(shop):
        tried.add(dataset)
        found = shop.explain(dataset, key)
        theirs = [{(i.kind, i.value) for i in lead.subject.identifiers} for lead in found.leads if lead.theirs]
        if not any(shop.named(entry) & people for people in theirs):
            wrong.append((dataset, key, entry["subject"], [(lead.rule, lead.theirs) for lead in found.leads]))
    assert wrong == []
    assert tried == TRIED


def test_what_is_nobodys_by_the_answer_sheet_is_explained_as_nobodys_with_a_reason(shop):
    for dataset, keys in shop.answers["nobody"].items():
        if dataset in TRIED:
            found = shop.explain(dataset, keys[len(keys) // 2])
            # A message among staff is the shop's own people's.
            assert not any(lead.theirs and not lead.own for lead in found.leads), (dataset, keys[len(keys) // 2])
            assert all(lead.rule in ("unfilled", "no_visit", "visit", "named", "several") for lead in found.leads)


def test_a_line_with_an_address_alone_is_told_by_the_visit_that_it_falls_into(shop):
    anna = next(entry for entry in shop.answers["subjects"] if entry["subject"] == "1001")
    for key in anna["records"]["weblogs.access"]:
        (lead,) = shop.explain("weblogs.access", key).leads
        assert lead.theirs
        if lead.rule == "visit":
            assert lead.column == "ip"
            assert lead.via[0].startswith("shop.")
            return
    pytest.fail("none of the lines was told by a visit")


@pytest.mark.parametrize("text", ["1_001", "\u0661\u0662", "\uff11", "1.0", "", "+"])
def test_an_identifier_is_a_number_in_ascii_digits(text):
    """Python's own reading of a number takes more: an operator's slip would be another customer's number."""
    with pytest.raises(BadInput):
        normal("shop.customer_id", text, "integer")
    assert normal("shop.customer_id", " -01001 ", "integer") == -1001


def test_a_key_is_typed_by_its_columns_and_never_repeated(shop):
    """Edge case 34."""
    ref = shop.datamap["shop.order_lines"]
    assert typed_key(ref, ["1101", "2"]) == (1101, 2)
    for parts in (
        ["wil@veer.example"],
        ["wil@veer.example", "1"],
        ["99999999999999999999", "1"],
        ["1_101", "2"],
        ["\u0661101", "2"],
    ):
        with pytest.raises(BadInput) as problem:
            typed_key(ref, parts)
        assert "veer" not in str(problem.value)
        assert "9999" not in str(problem.value)


def until(shop: Shop, dataset: str, key: list[Any]) -> tuple[dict[str, Any], str]:
    """When a record goes: for machines, and in words."""
    found = shop.explain(dataset, key)
    return facts(shop.datamap, found)["term"], "\n".join(_lines(shop.datamap, found, personal=False))


def test_when_a_record_goes_is_what_the_answer_sheet_says(shop):
    """Edge cases 16 and 18: by the record's own kind; an open dispute, an application that is open."""
    kinds = set()
    for dataset in ("shop.orders", "shop.engravings", "shop.contact_messages", "recruiting.applications"):
        for *key, due, bound in shop.answers["terms"][dataset][::12]:
            term, _ = until(shop, dataset, key)
            at = term["gone_by" if bound == "at_most" else "kept_until"]
            assert (at and at.isoformat().replace("+00:00", "Z")) == due, (dataset, key)
            assert (term["started"] is None) == (due is None)
            kinds.add((dataset, term["kind"]))
    assert kinds == {
        ("shop.orders", "domestic"), ("shop.orders", None), ("shop.engravings", "domestic"), ("shop.engravings", None),
        ("shop.contact_messages", "other"), ("recruiting.applications", None),
    }  # fmt: skip


def test_the_kind_of_a_record_is_told_in_words(shop):
    _, text = until(shop, "shop.orders", [1101])
    assert "of the kind: " in text
    term, text = until(shop, "shop.orders", [1103])
    assert (term["kind"], term["started"]) == ("domestic", None)
    assert "of the kind: Sales within the Netherlands" in text
    assert "its term has not begun: term_starts is empty" in text
    assert "of the kind: Other messages" in until(shop, "shop.contact_messages", [1])[1]


def test_a_file_says_with_what_it_goes(shop):
    file = shop.answers["terms"]["dossiers.applications"][0][0]
    term, text = until(shop, "dossiers.applications", [file])
    assert (term["follows"], term["started"]) == ("recruiting.applications", None)
    assert "goes with Your applications (recruiting.applications), right before that\n  at most P14D" in text


# The command, on the hair salon


def test_one_record_is_explained_in_words_and_for_machines(salon):
    shown = salon.run("explain", "salon.cuts", "10").stdout
    assert "one person's: column guest (salon.guest) decides, the first of guest, email that is filled in" in shown
    assert "Known of them: email 1, salon.guest 1" in shown
    assert "until the end" in shown
    assert "deletes it" in shown
    assert "What holds it\n  nothing" in shown
    data = salon.good("explain", "salon.cuts", "10")
    assert data["whose"][0]["theirs"] is True
    for text in (shown, json.dumps(data)):
        assert "anna" not in text
        assert "red" not in text.replace("redacted", "").replace("filled", "")


def test_a_term_is_told_as_whole_local_dates_and_hours_as_real_ones(salon):
    """Edge cases 2, 4, 11 and 18."""
    policy, system = salon.home / "policy/policy.yaml", salon.home / "datamap/salon.yaml"
    head, cuts = system.read_text().split("\n  cuts:\n")
    system.write_text(head + "\n  cuts:\n" + cuts.replace("time: at", "time: at\n    starts: {column: at}"))
    salon.execute("UPDATE cuts SET at = '2024-02-28T23:30:00Z' WHERE cut = 10")  # the 29th, where it counts
    salon.execute("UPDATE cuts SET at = NULL WHERE cut = 11")
    asked = policy.read_text()
    for term, told in (
        ("{keep_at_most: P12M, every: P1D}", "at most P12M: gone by 2025-02-28"),
        ("{keep_at_least: P7Y, counts_from: end_of_financial_year}", "at least P7Y: not gone before 2032-01-01"),
        ("{keep_at_most: PT48H, every: PT1H}", "at most PT48H: gone by 2024-03-02 00:30 CET"),
    ):
        policy.write_text(asked.replace("term: {condition: {nl: tot opzegging, en: until the end}}", f"term: {term}"))
        assert told in salon.run("explain", "salon.cuts", "10").stdout
    assert "its term has not begun: at is empty" in salon.run("explain", "salon.cuts", "11").stdout
    assert salon.good("explain", "salon.cuts", "10")["term"]["gone_by"].startswith("2024-03-01 23:30")


def test_a_guest_is_known_by_the_address_alone_and_a_shared_one_waits_for_a_person(salon):
    assert "one person's: column email (email)" in salon.run("explain", "salon.cuts", "13").stdout
    salon.execute("INSERT INTO cuts VALUES (14, NULL, 'house@h.example', '2026-02-05T10:00:00Z', 'grey')")
    shown = salon.run("explain", "salon.cuts", "14").stdout
    assert "leads to 2 people; an operator decides for each request" in shown
    assert "gives it to nobody before an operator has decided" in shown
    salon.execute("INSERT INTO cuts VALUES (15, NULL, 'no address', NULL, 'grey'), (16, NULL, ' ', NULL, 'grey')")
    assert "what stands there cannot be one" in salon.run("explain", "salon.cuts", "15").stdout
    assert "nobody: none of guest, email is filled in" in salon.run("explain", "salon.cuts", "16").stdout


def test_a_hold_on_a_record_is_named_by_what_it_is_and_not_by_its_ground(salon):
    """Edge case 15."""
    house = salon.house()
    anna = Subject(1, (Identifier("salon.guest", 1),))
    house.holds.place(HoldKind.SUSPENSION, Keys(((10,),)), ["salon.cuts"], ground="claim of anna", author="a")
    house.holds.place(HoldKind.RESTRICTION, anna, ground="asked", author="a")
    house.holds.place(HoldKind.OBJECTION, Everything(), ["salon.guests"], ground="asked", author="a")
    number = salon.good("request", "new", "--id", "salon.guest=2")["number"]

    def kinds(*words):
        return [(h["kind"], h["request"]) for h in salon.good("explain", *words)["holds"]]

    assert kinds("salon.cuts", "10") == [("suspension", None), ("restriction", None)]
    assert kinds("salon.cuts", "11") == [("restriction", None)]
    assert kinds("salon.cuts", "12") == [("request", number)]
    assert kinds("salon.guests", "4") == [("objection", None)]
    shown = salon.run("explain", "salon.cuts", "10").stdout
    assert "suspension" in shown
    assert "claim" not in shown


def test_a_key_can_be_asked_for_and_a_wrong_one_is_not_repeated(salon):
    assert salon.run("explain", "salon.cuts", "-", read="10\n").exit_code == 0
    for words in (("salon.cuts", "wil@veer.example"), ("salon.cuts", "1", "wil@veer.example"), ("salon.cuts", "77")):
        line = salon.error("explain", *words)
        assert "veer" not in line
        assert "77" not in line
    assert "[explain.no_record]" in salon.error("explain", "salon.cuts", "77")
    assert "did you mean 'salon.cuts'" in salon.error("explain", "salon.cut", "1")


def test_numbers_of_people_are_shown_on_a_terminal_only(salon, monkeypatch):
    assert "terminal only" in salon.error("explain", "salon.cuts", "10", "--personal")
    assert "[cli.values_as_json]" in salon.error("explain", "salon.cuts", "10", "--personal", "--json")
    monkeypatch.setattr(command, "on_a_terminal", lambda: True)
    shown = salon.run("explain", "salon.cuts", "10", "--personal").stdout
    assert "    salon.guest: 1" in shown
    assert "anna" not in shown


def test_without_an_installation_it_says_that_holds_are_not_known(salon):
    import shutil

    shutil.rmtree(salon.state)
    assert "there is no installation here" in salon.run("explain", "salon.cuts", "10").stdout
    assert salon.good("explain", "salon.cuts", "10")["holds"] is None


def test_what_a_processor_delivered_is_given_once_all_of_its_delivery_is_there(shop):
    """The export leaves a delivery out that is not whole; the same is told of each of its files."""
    told = set()
    for entry in shop.answers["requests"]:
        for name, delivery in entry["deliveries"].items():
            whole = delivery["state"] == "complete"
            for key in delivery["records"] if whole else delivery.get("arrived", []):
                assert shop.explain(f"deliveries.{name}", key).given is whole
                told.add(whole)
    assert told == {True, False}
