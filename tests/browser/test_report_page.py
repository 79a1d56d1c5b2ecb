"""The report in a real browser: for every reader, without a network, and unmoved by what stands in the data."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from conftest_browser import missing, problems, wide
from conftest_bundle import DOCUMENT, MESSAGE, ORDER, House
from privacy.bundle import Omission

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 2">{{ 7*7 }}\u202e=1+1\0'
TABLE = "table.data[data-title=Bestellingen]"


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
    opened: Path, tab: Page, console: list[str]
) -> None:
    """Edge case 27, and no serious finding of axe-core."""
    for page, width, scheme in (
        ("LEESMIJ.html", 1280, "light"),
        ("README.html", 1280, "dark"),
        ("LEESMIJ.html", 400, "light"),
    ):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto((opened / page).as_uri())
        found = problems(tab)
        assert [f for f in found if f.startswith(("serious", "critical"))] == [], found
        assert tab.evaluate("() => [window.hit ?? null, document.images.length, document.scripts.length]") == [
            None,
            0,
            1,
        ]
        assert not wide(tab), (page, width)
        assert console == [], "the page's own policy lets its script and style through, and nothing is loaded"

    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto((opened / "LEESMIJ.html").as_uri())
    table = tab.locator(TABLE)
    heads = table.locator("thead tr").first.locator("th, td").all_text_contents()
    (at,) = [n for n, text in enumerate(heads) if text.startswith("Prijs")]
    column = table.locator(f"tbody tr > :nth-child({at + 1})")
    prices = column.all_text_contents()
    for order, turned in (("ascending", False), ("descending", True)):
        table.locator(f"thead tr:first-child > :nth-child({at + 1}) button").click()
        assert column.all_text_contents() == sorted(prices, key=float, reverse=turned)
        assert tab.locator("[aria-sort]").first.get_attribute("aria-sort") == order
    tools = tab.locator("xpath=//table[@data-title='Bestellingen']/../preceding-sibling::*[1]")
    rows = table.locator("tbody tr:not([hidden])")
    tools.locator("input").fill("CAFE 11")
    assert (rows.count(), tools.get_by_role("status").inner_text()) == (1, "1 van 12 rijen")
    tools.locator("input").fill("")
    assert (rows.count(), tools.get_by_role("status").inner_text()) == (12, "")
    links = [str(link.get_attribute("href")) for link in tab.locator("td a").all()]
    mails = [link for link in links if link.endswith(".eml")]
    assert len(mails) == 7
    assert all((opened / link).is_file() for link in mails)
