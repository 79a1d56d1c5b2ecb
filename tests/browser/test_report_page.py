"""The report in a real browser: for every reader, without a network, and unmoved by what stands in the data."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from conftest_browser import Browser, axe_source, missing
from conftest_bundle import DOCUMENT, MESSAGE, ORDER, House
from privacy.bundle import Omission

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 2">{{ 7*7 }}\u202e=1+1\0'
AXE = """
return axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.map((v) => [v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(" ")]));
"""
ORDERS = """
const t = document.querySelector("table.data[data-title=Bestellingen]");
const texts = (part, at) => Array.from(at === undefined ? part.rows[0].cells : part.rows).map(
  (e) => (at === undefined ? e : e.cells[at]).textContent);
"""
SEARCH = (
    ORDERS
    + """
const tools = t.parentElement.previousElementSibling, input = tools.querySelector("input");
input.value = arguments[0];
input.dispatchEvent(new Event("input"));
return [t.querySelectorAll("tbody tr:not([hidden])").length, tools.querySelector("[role=status]").textContent];
"""
)


@pytest.fixture
def opened(office: House) -> Path:
    """A bundle with something of everything, hostile things too."""
    office.facts = replace(office.facts, name=HOSTILE)
    orders = [
        ORDER | {"id": n, "price": f"{n * 7 % 10}.50", "message": f"Café {n}" if n else HOSTILE} for n in range(12)
    ]
    profile = {"client": 7, "interest": "ringen", "_subject": 1, "_party": "subject"}
    letters = [MESSAGE | {"message": f"{n}.post", "_withheld": "mention" if n == 3 else None} for n in range(8)]
    papers = [DOCUMENT | {"file": f"files/7/{n}.pdf", "remark": "x" if n else None} for n in range(2)]
    parts = [
        office.part("shop.orders", orders),
        office.part("shop.profiles", [profile]),
        office.part("mail.letters", letters, originals=lambda _: io.BytesIO(b"x")),
        office.part("dossiers.files", papers, originals=lambda _: io.BytesIO(b"x")),
    ]
    omissions = (Omission("shop.prints", "", "delivery.missing"),)
    return office.open(office.write(office.rest(parts), omissions=omissions))


def test_everybody_can_read_it_sort_it_and_search_it_and_nothing_in_the_data_acts(
    opened: Path, browser: Browser
) -> None:
    """Edge case 27, and no serious finding of axe-core."""
    for page, width, scheme in (
        ("LEESMIJ.html", 1280, "light"),
        ("README.html", 1280, "dark"),
        ("LEESMIJ.html", 400, "light"),
    ):
        browser.prefers(scheme)
        browser.size(width, 900)
        browser.open(opened / page)
        browser.run(axe_source() + "\nwindow.axe = axe;")
        found = browser.run(AXE)
        assert [f for f in found if f[0] in ("serious", "critical")] == [], found
        assert browser.run("return [window.hit, document.images.length, document.scripts.length]") == [None, 0, 1]
        assert browser.run("return [innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [width, True]
        assert browser.log() == [], "the page's own policy lets its script and style through, and nothing is loaded"

    browser.size(1280, 900)
    browser.open(opened / "LEESMIJ.html")
    (at,) = [n for n, text in enumerate(browser.run(ORDERS + "return texts(t.tHead)")) if text.startswith("Prijs")]
    prices = browser.run(ORDERS + "return texts(t.tBodies[0], arguments[0])", at)
    for order, turned in (("ascending", False), ("descending", True)):
        browser.run(ORDERS + "t.tHead.rows[0].cells[arguments[0]].querySelector('button').click()", at)
        shown = browser.run(ORDERS + "return texts(t.tBodies[0], arguments[0])", at)
        assert shown == sorted(prices, key=float, reverse=turned)
        assert browser.run("return document.querySelector('[aria-sort]').getAttribute('aria-sort')") == order
    assert browser.run(SEARCH, "CAFE 11") == [1, "1 van 12 rijen"]
    assert browser.run(SEARCH, "") == [12, ""]
    links = browser.run("return Array.from(document.querySelectorAll('td a')).map((a) => a.getAttribute('href'))")
    mails = [link for link in links if link.endswith(".eml")]
    assert len(mails) == 7
    assert all((opened / link).is_file() for link in mails)
