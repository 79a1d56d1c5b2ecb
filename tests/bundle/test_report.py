"""The report: what a person reads first, without any other tool."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from conftest_bundle import MESSAGE, ORDER, log
from privacy.bundle import Omission
from privacy.bundle.cells import readable
from privacy.bundle.overview import categories, outside
from privacy.bundle.report import prepare
from privacy.datamap.models import Text
from privacy.datamap.policy import Processor
from privacy.errors import BadConfiguration
from privacy.sources.base import Identifier

HOSTILE = ["<script>alert(1)</script>", "</script><script>alert(2)</script>", "</style><b onclick=x>", "{{ 7*7 }}", "'; DROP TABLE orders; --", '=cmd|"/c calc"!A1', "{% include '/etc/passwd' %}", '"><img src=x onerror=alert(1)>', "a\r\nSet-Cookie: x"]  # fmt: skip


class Page(HTMLParser):
    """The page as a browser reads it: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "img"):
            self._open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "td" in self._open:
            self.cells[-1] += data


def pages(house, parts, **more) -> dict[str, str]:
    opened = house.open(house.write(parts, **more), f"opened{house.counter}")
    return {"nl": (opened / "LEESMIJ.html").read_text(), "en": (opened / "README.html").read_text()}


def section(page: str, title: str) -> str:
    """The text below a heading."""
    found = re.search(rf"<h[23][^>]*>{title}</h[23]>(.*?)(?=<h[23]|</main>)", page, re.DOTALL)
    assert found, title
    return Page(re.sub(r"</?section[^>]*>", "", found[1])).text


def test_it_says_who_asked_what_and_when_in_the_shops_own_time(house):
    page = pages(house, house.usual())
    for text in (
        "Anna de Vries",
        "AVG-2026-0042-7",
        "anna@voorbeeld.example",
        "19 november 2026",
        "20 november 2026, 09:30",
    ):
        assert text in section(page["nl"], "Uw verzoek")
    assert "19 November 2026" in section(page["en"], "Your request")
    assert '<html lang="nl">' in page["nl"]
    assert page["nl"].startswith("<!DOCTYPE html>")


def test_it_says_of_each_dataset_category_purpose_processor_source_term_and_count(house):
    text = section(pages(house, house.usual())["nl"], "Bestellingen")
    for word in (
        "Emailadres",
        "uitvoering van de overeenkomst",
        "Koerier BV (Bezorging)",
        "uw bestelling",
        "Ten minste 7 jaar, geteld vanaf het einde van het boekjaar",
        "door u verstrekt",
    ):
        assert word in text
    assert "At most 12 months" in section(pages(house, house.usual())["en"], "Log lines")


def test_only_processors_that_hold_records_of_this_person_are_named(house):
    page = pages(house, house.usual())["nl"]
    assert "Koerier BV" in page
    assert "Drukkerij" not in page
    assert "Stats Inc" not in page


def test_transfers_and_profiling_follow_from_what_is_held(house):
    """R-AUTO: a dataset with a profiling purpose is described."""
    usual = pages(house, house.usual())
    assert "Geen van deze verwerkers" in section(usual["nl"], "Doorgifte buiten de Europese Economische Ruimte")
    assert "geen profiel" in section(usual["nl"], "Profilering en geautomatiseerde besluiten")
    profile = {"client": 7, "interest": "ringen", "_subject": 1, "_party": "subject"}
    page = pages(house, house.parts(profiles=[[profile]]))["en"]
    assert "Stats Inc (Interests): adequacy decision." in section(page, "Transfers outside the European Economic Area")
    assert "Interests: Interest profile (consent)" in section(page, "Profiling and automated decisions")
    assert "derived by us" in section(page, "Interests")


def test_it_says_what_is_not_in_it_and_why(house):
    """Edge case 28."""
    parts = house.parts(
        orders=[[ORDER | {"receiver": "oma@b.example"}]], notes=[[{"id": 1, "client": 7, "_party": "subject"}]]
    )
    parts[-1] = house.part("web.access", unattributed=1204, unreadable=1)
    page = pages(house, parts, omissions=(Omission("shop.prints", "p1", "sql.broken"),))["nl"]
    text = section(page, "Wat er niet in staat")
    for said in (
        "Notities: 1 gegeven niet verstrekt. Grond: onderzoek loopt.",
        "Bestellingen: “Ontvanger”, 1 waarde weggelaten. Grond: Gegevens van een ander (art. 15 lid 4 en 20 lid 4 AVG).",
        "Bestellingen: “Kredietscore”, 1 waarde weggelaten. Grond: bedrijfsgeheim.",
        "Drukwerk, deel p1: staat er niet in, want de database kon niet worden gelezen.",
        "Schrijf naar baas@werkplaats.example en noem AVG-2026-0042-7",
        "Logregels: 1.204 gegevens met een adres dat u toen gebruikte",
        "Logregels: 1 gegeven in een onbekende vorm",
    ):
        assert said in text
    assert "oma@b.example" not in page
    assert "Gezocht en niets van u gevonden: Interesses, Drukwerk." not in page
    assert "Interesses" in page


def test_rights_complaint_and_contact_are_there(house):
    page = pages(house, house.usual())["nl"]
    assert "bezwaar" in section(page, "Uw rechten")
    assert "Autoriteit, https://autoriteit.example" in section(page, "Klacht")
    assert "baas@werkplaats.example" in section(page, "Contact")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_is_shown_as_it_is_and_never_acted_upon(house, text):
    """Edge case 27."""
    house.facts = replace(house.facts, name=text)
    parts = house.parts(orders=[[ORDER | {"message": text}]], access=[[log(text, 1, text)]])
    for page in pages(house, parts).values():
        found = Page(page)
        assert not {"img", "iframe", "object", "form"} & set(found.tags)
        assert found.tags.count("script") == found.tags.count("style") == 1
        assert not [name for name, _ in found.attributes if name.startswith("on")]
        assert text.replace("\r\n", "\n") in found.cells
        assert "49" not in found.cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", "a\u2400b"),
        ("prijs\u202e001\u202c", "prijs[U+202E]001[U+202C]"),
        ("\u2066x\u2069\u200f", "[U+2066]x[U+2069][U+200F]"),
        ("bel\a\x1b[31m\x85", "bel\u2407\u241b[31m[U+0085]"),
        ("een\ntwee\tdrie", "een\ntwee\tdrie"),
        ("שלום 🙂", "שלום 🙂"),
        ("be\u200bta\u2060al\u00adt\ufeff", "be[U+200B]ta[U+2060]al[U+00AD]t[U+FEFF]"),
        ("a\U000e0041\U000e007fb\u3164", "a[U+E0041][U+E007F]b[U+3164]"),
        ("pay\u200dpal\u200c", "pay[U+200D]pal[U+200C]"),
        ("🙂\ufe0f\ufe01\u200d\u200d", "🙂\ufe0f[U+FE01][U+200D][U+200D]"),
        ("x\U000e0101\U000e0102", "x[U+E0101][U+E0102]"),
        (
            "می\u200cخ ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 ©\ufe0f 葛\U000e0100",
            "می\u200cخ ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 ©\ufe0f 葛\U000e0100",
        ),
    ],
)
def test_nothing_in_a_value_is_hidden_or_turns_the_text_around_it(house, text, shown):
    """Edge case 27."""
    house.facts = replace(house.facts, name=text, named=(Identifier("email", text),))
    for page in pages(house, house.parts(orders=[[ORDER | {"message": text}]])).values():
        assert shown in Page(page).cells
        assert page.count(shown) == 3
        assert text == shown or text not in page


def test_the_page_may_run_its_own_script_and_load_nothing(house):
    """Edge case 27."""
    for page in pages(house, house.usual()).values():
        found = Page(page)
        (policy,) = [value for name, value in found.attributes if name == "content" and "default-src" in str(value)]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.keys() == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
        assert {rules["default-src"], rules["base-uri"], rules["form-action"]} == {"'none'"}
        for tag in ("style", "script"):
            (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
        assert not {"link", "img", "iframe"} & set(found.tags)
        assert not [name for name, _ in found.attributes if name == "style" or name.startswith("on")]
        assert {value for name, value in found.attributes if name in ("src", "href") and not value.startswith("#")} == {
            "https://autoriteit.example"
        }


def test_where_all_records_are_shown_their_number_is_said_once(house):
    page = pages(house, house.usual())
    for number in ("Alle 2", "Er is er één"):
        assert number not in page["nl"]
    assert "<caption>Tijden in Europe/Amsterdam.</caption>" in page["nl"]
    assert "<caption>Times in Europe/Amsterdam.</caption>" in page["en"]


def test_times_are_the_shops_own_and_the_hour_that_comes_twice_says_which_one_it_is(house):
    times = [datetime(2026, 7, 1, 8, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 30, tzinfo=UTC)]  # fmt: skip
    cells = Page(pages(house, house.parts(orders=[[ORDER | {"at": None, "paid": t} for t in times]]))["nl"]).cells
    for cell in (
        "2026-07-01 10:00:00",
        "2026-10-25 02:30:00+02:00",
        "2026-10-25 02:30:00+01:00",
        "9999-12-31T23:30:00Z",
    ):
        assert cell in cells


def test_columns_are_explained_in_the_language_of_the_page(house):
    orders = house.map["shop.orders"]
    words = Text(nl="Prijs in euro's", en="Price in euros")
    columns = orders.dataset.columns | {
        "price": orders.dataset.columns["price"].model_copy(update={"description": words})
    }
    dataset = orders.dataset.model_copy(update={"columns": columns})
    system = orders.system.model_copy(update={"datasets": orders.system.datasets | {"orders": dataset}})
    house.map = replace(house.map, systems=house.map.systems | {"shop": system})
    opened = house.open(house.write(house.usual()))
    assert "Prijs in euro&#39;s<small>price</small>" in (opened / "LEESMIJ.html").read_text()
    assert "Price in euros<small>price</small>" in (opened / "README.html").read_text()
    found = json.loads((opened / "datapackage.json").read_text())["resources"]
    (field,) = [f for f in found[0]["schema"]["fields"] if f["name"] == "price"]
    assert field["description"] == "Price in euros"
    assert field["privacy:description"] == {"nl": "Prijs in euro's", "en": "Price in euros"}


def test_a_dataset_of_nothing_but_numbers_has_a_category_all_the_same(house):
    assert [text.en for text in categories(house.map, house.map["shop.prints"])] == ["Client data"]


def test_a_term_begins_with_a_capital_and_the_controller_leads_to_the_contact(house):
    page = pages(house, house.parts(profiles=[[{"client": 7, "interest": "x", "_subject": 1, "_party": "subject"}]]))[
        "nl"
    ]
    assert '<td data-label="Bewaartermijn">Tot u stopt</td>' in page
    assert '<a href="#contact">De Werkplaats</a>' in page
    assert '<h2 id="contact">Contact</h2>' in page


def test_the_first_records_are_a_table_and_the_rest_is_in_the_files(house):
    rows = [ORDER | {"id": n} for n in range(130)]
    page = pages(house, house.parts(orders=[rows[:70], rows[70:]]))["nl"]
    assert Page(page).cells.count("Gefeliciteerd") == 100
    assert "De eerste 100 van 130; de bestanden bevatten alles." in page
    assert '<th scope="col" class="number">Prijs<small>price</small></th>' in page
    assert '<td class="number" data-label="Prijs">10.50</td>' in page


def test_long_and_binary_values_are_cut_short_on_the_page_only(house):
    row = ORDER | {"message": "é" * 501, "drawing": b"x" * 1234, "gift": False}
    found = Page(pages(house, house.parts(orders=[[row]]))["nl"])
    assert "é" * 500 + " … (volledig in de bestanden)" in found.cells
    assert "1.234 bytes, zie de bestanden" in found.cells
    assert "nee" in found.cells


def test_portability_has_its_own_words(house):
    house.facts = replace(house.facts, right="portability", name=None)
    page = pages(house, house.usual())
    assert "artikel 20 AVG" in page["nl"]
    assert "Naam" not in section(page["nl"], "Uw verzoek")


def test_a_shop_replaces_a_template_by_a_file_of_the_same_name(house):
    house.template("shop.nl.j2", "<p>Bel gerust: {{ policy.controller }}, {{ facts.name }}</p>")
    house.facts = replace(house.facts, name="<b>Anna</b>")
    page = pages(house, house.usual())
    assert "<p>Bel gerust: De Werkplaats, &lt;b&gt;Anna&lt;/b&gt;</p>" in page["nl"]
    assert "Bel gerust" not in page["en"]


@pytest.mark.parametrize(
    "text", ["{{ no_such_thing }}", "{% if %}", "{{ facts.name + 1 }}", "{{ 1 // 0 }}", "{% include 'no.j2' %}"]
)
def test_a_template_that_cannot_be_used_is_named_without_any_value(house, text):
    """Edge case 34."""
    house.template("shop.nl.j2", text)
    with pytest.raises(BadConfiguration, match=r"bundle\.template") as caught:
        house.write(house.usual())
    assert "Anna" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert list(house.store.list()) == []


def test_the_templates_can_be_compiled_before_processes_are_forked(house):
    prepare(house.map.home)
    house.template("words.nl.j2", "{% set %}")
    with pytest.raises(BadConfiguration, match=r"words\.nl\.j2 line 1"):
        prepare(house.map.home)


@pytest.mark.parametrize(
    ("country", "transfer", "told"),
    [
        ("NL", None, False),
        ("US", {"nl": "t", "en": "t"}, True),
        ("NL", {"nl": "t", "en": "t"}, True),
        ("NO", None, False),
    ],
)
def test_a_processor_is_told_of_as_a_transfer_by_its_country_or_by_what_is_declared(country, transfer, told):
    """Art. 46 GDPR: a processor within the EEA whose servers are not counts too."""
    words = {"nl": "w", "en": "w"}
    made = Processor.model_validate(
        {"name": "P", "service": words, "country": country, "agreement": "2024-01-01", "transfer": transfer}
    )
    assert outside(made) is told


def test_the_overview_comes_first_by_category_with_the_processors_by_name(house):
    """Promise R-ACCESS: which processors hold them, and under which category."""
    page = pages(house, house.usual())["nl"]
    assert page.index("Overzicht</h2>") < page.index("Uw verzoek</h2>")
    row = re.search(r'<tr><th scope="row">Emailadres</th>(.*?)</tr>', page, re.DOTALL)
    assert '<a href="#shop.orders">Bestellingen</a>' in row[1]
    assert "Koerier BV" in row[1]
    assert "Stats" not in row[1]
    table = section(page, "Wie uw gegevens voor ons verwerkt")
    assert re.search(r"Koerier BV\s*Bezorging\s*NL\s*Bestellingen\s*Emailadres, Klantgegevens", table)


def test_what_waits_for_a_persons_look_is_told_with_the_reason_and_how_to_ask(office):
    """Edge case 28."""
    rows = [MESSAGE | {"_withheld": "mention"}, MESSAGE | {"message": "2", "_withheld": "internal"}]
    page = pages(office, office.rest([office.part("mail.letters", rows)]))
    text = section(page["nl"], "Wat er niet in staat")
    assert "Berichten: 1 gegeven niet verstrekt. Grond: Berichten tussen anderen waarin uw adres alleen wordt" in text
    assert "Berichten: 1 gegeven niet verstrekt. Grond: Berichten van onze medewerkers onder elkaar" in text
    assert "Schrijf naar baas@werkplaats.example en noem AVG-2026-0042-7" in text
    assert "Write to baas@werkplaats.example and mention AVG-2026-0042-7" in section(page["en"], "What is not in it")
    assert "Berichten" not in section(page["nl"], "Overzicht").partition("Gezocht en niets")[2]


def test_what_names_nobody_is_told_with_the_reason_the_term_and_how_to_ask(office):
    text = section(pages(office, office.rest([]))["nl"], "Wat wij bewaren zonder dat er een naam in staat")
    assert "Camerabeelden: Een beeld noemt niemand. Bewaartermijn: Tot u stopt." in text
    assert "de dag, het tijdstip en de plaats" in text


def test_a_record_leads_to_its_original(office):
    part = office.part("mail.letters", [MESSAGE, MESSAGE | {"message": "2.post"}], originals=lambda _: io.BytesIO(b"x"))
    page = pages(office, office.rest([part]))["nl"]
    assert '<a href="data/mail/letters/2.post.eml">2.post</a>' in page
    assert "2, in de map data/mail/letters/" in section(page, "Berichten")


def test_a_single_record_is_a_list_of_its_values(house):
    page = pages(house, house.parts(orders=[[ORDER]]))["nl"]
    assert '<tr><th scope="row">Prijs<small>price</small></th><td class="number">10.50</td></tr>' in page


def test_columns_in_which_nothing_stands_are_named_once_and_apart_from_what_was_left_out(house):
    text = section(pages(house, house.parts(orders=[[ORDER, ORDER | {"id": 2}]]))["nl"], "Bestellingen")
    assert re.search(r"Niet ingevuld\s*Ontvanger, Betaald op, Dag", text)
    assert re.search(r"Weggelaten\s*Kredietscore \(waarom\)", text)


def test_lists_and_records_are_shown_without_a_programs_brackets(house):
    fee = {"amount": "1.20", "tries": 3}
    cells = Page(pages(house, house.parts(orders=[[ORDER | {"tags": ["rood", "b"], "fee": fee}]]))["nl"]).cells
    assert "rood, b" in cells
    assert "amount: 1.20; tries: 3" in cells


def test_pairs_of_a_key_and_a_value_read_as_a_name_with_its_value():
    """As web statistics write what an event is about: one of four kinds of value."""
    inner = pa.struct([("string_value", pa.string()), ("int_value", pa.int64())])
    kind = pa.list_(pa.struct([("key", pa.string()), ("value", inner)]))
    pairs = [{"key": "page", "value": {"string_value": "/a", "int_value": None}}, {"key": "n", "value": {"string_value": None, "int_value": 0}},
        {"key": "none", "value": None}, {"key": "both", "value": {"string_value": "x", "int_value": 1}}]  # fmt: skip
    assert readable(pairs, kind, ZoneInfo("UTC")) == "page: /a\nn: 0\nkey: none\nboth: (string_value: x; int_value: 1)"
