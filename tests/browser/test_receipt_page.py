"""A deletion receipt in a real browser: genuine is green, one altered digit is red, and nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from playwright.sync_api import Page

from conftest_browser import missing, problems
from conftest_purges import Studio, days
from privacy.rights import pages, receipt

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    made = Studio(tmp_path_factory.mktemp("studio"))
    for number in range(120):
        made.case(number, None, days(40), notes=1, papers=0)
    made.purge("cases", approve=True)
    return made


@pytest.fixture(scope="module")
def page(studio: Studio) -> Path:
    out = studio.folder / "receipt.html"
    receipt.write(studio.house, studio.run("cases").id, out)
    return out


def verdict(tab: Page, page: Path) -> tuple[str, str]:
    """Its colour, and all that it shows."""
    tab.goto(page.as_uri())
    tab.wait_for_selector("#verdict:not(.open)", state="attached", timeout=5000)
    return tab.locator("#verdict").get_attribute("class") or "", tab.locator("body").inner_text()


def altered(page: Path, tmp_path: Path, old: str, new: str) -> Path:
    text = page.read_text()
    assert old in text
    made = tmp_path / "altered.html"
    made.write_text(text.replace(old, new, 1))
    return made


def test_a_genuine_receipt_is_green_and_says_what_was_deleted_under_which_promise(
    page: Path, tab: Page, console: list[str], studio: Studio
) -> None:
    css, text = verdict(tab, page)
    assert css == "good"
    for part in (
        "Het Atelier",
        "CASE",
        "studio.cases: bytes 2900, records 120",
        "chief",
        "goedgekeurd / approved",
        "P14D",
    ):
        assert part in text
    assert receipt.fingerprint(studio.house.ledger.archive.public_key.public_bytes_raw()) in text
    assert console == [], "nothing was refused, nothing was fetched"
    assert tab.evaluate("() => performance.getEntriesByType('resource').length") == 0
    assert problems(tab) == []


def test_one_altered_digit_is_red_and_nothing_is_shown(page: Path, tab: Page, tmp_path: Path) -> None:
    """Edge case 26: wherever in what is claimed it stands."""
    text = page.read_text()
    start = text.index('id="receipt">')
    digits = [m.start() for m in re.finditer(r"\d", text[start : text.index("</script>", start)])]
    for at in [digits[n * len(digits) // 12] + start for n in range(12)]:
        made = tmp_path / "altered.html"
        made.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
        css, shown = verdict(tab, made)
        assert css == "bad", text[at - 20 : at + 20]
        assert "Het Atelier" not in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [(r'deleted\\\":240', r'deleted\\\":241'), ("CASE", "EASE"), ("Het Atelier", "Het atelier"), ('"signature":"', '"signature":"00')],
)  # fmt: skip
def test_whatever_is_altered_turns_it_red(page: Path, tab: Page, tmp_path: Path, old: str, new: str) -> None:
    assert verdict(tab, altered(page, tmp_path, old, new))[0] == "bad"


def test_an_altered_script_does_not_run_and_nothing_is_green(page: Path, tab: Page, tmp_path: Path) -> None:
    made = altered(page, tmp_path, "need(hex(hash) === part.head.hash", "need(true || part.head.hash")
    tab.goto(made.as_uri())
    tab.wait_for_timeout(300)
    assert tab.locator("#verdict").get_attribute("class") == "open"


def test_a_browser_without_ed25519_checks_it_all_the_same(page: Path, tab: Page, tmp_path: Path) -> None:
    """The script's own Ed25519, in place of WebCrypto's: green for what is genuine, red for what is not."""
    text = page.read_text()
    script = text[text.rindex("<script>") + 8 : text.rindex("</script>")]
    other = script.replace('importKey("raw"', 'importKey("none"')
    assert other != script
    made = text.replace(script, other).replace(pages.allowed(script), pages.allowed(other))
    (tmp_path / "own.html").write_text(made)
    assert verdict(tab, tmp_path / "own.html")[0] == "good"
    found = json.loads(text[text.index('id="receipt">') + 13 : text.index("</script>", text.index('id="receipt">'))])
    signature = found["signature"]
    for at in (0, 40, 90, 127):
        wrong = signature[:at] + f"{(int(signature[at], 16) + 1) % 16:x}" + signature[at + 1 :]
        (tmp_path / "own.html").write_text(made.replace(signature, wrong))
        assert verdict(tab, tmp_path / "own.html")[0] == "bad"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda part: part["entries"].append(part["entries"].pop().replace('"records":120', '"records":121')), "chain"),
        (lambda part: part["entries"].reverse(), "chain"),
        (lambda part: part["entries"].pop(), "numbers"),
        (lambda part: part.update(previous="1" * 64), "chain"),
        (lambda part: part["head"].update(at="2020-01-01T00:00:00.000000+00:00"), "head"),
        (lambda part: part["head"].update(signature="00" * 64), "head"),
    ],
)  # fmt: skip
def test_each_check_stands_by_itself(
    page: Path, tab: Page, tmp_path: Path, studio: Studio, change: Callable[[dict[str, Any]], object], why: str
) -> None:
    """Whoever has the key can seal anything; the chain and its head have to fit all the same."""
    text = page.read_text()
    start = text.index('id="receipt">') + len('id="receipt">')
    old = text[start : text.index("</script>", start)]
    data = json.loads(old)
    sealed = json.loads(data["sealed"])
    part = sealed["segments"][0]
    before = json.dumps(part)
    change(part)
    assert json.dumps(part) != before
    data["sealed"] = rfc8785.dumps(sealed).decode()
    data["signature"] = studio.house.key.signer().sign(f"privacy receipt\n{data['sealed']}".encode()).hex()
    (tmp_path / "r.html").write_text(text.replace(old, pages.data(data)))
    css, shown = verdict(tab, tmp_path / "r.html")
    assert css == "bad"
    assert f"({why})" in shown
