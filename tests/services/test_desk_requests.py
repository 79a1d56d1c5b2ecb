"""An erasure from the first form to the letter, on the desk of a live Airflow: no shell, no id typed, one answer."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from conftest_airflow import PROJECT, Live, with_template
from conftest_browser import problems, wide
from conftest_runs import Ferry
from privacy.errors import BadInput
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout
from privacy.rights import Right, State
from privacy.sources.base import Identifier

WHO, EMAIL = 64_207_917, "vergeet.desk@veer.example"
DAG = "erase_subject"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    ferry = Ferry(tmp_path_factory.mktemp("ferry"))
    with sqlite3.connect(ferry.database) as db:
        db.execute("INSERT OR REPLACE INTO travellers VALUES (?, ?, 'V')", (WHO, EMAIL))
        db.execute("INSERT OR REPLACE INTO trips VALUES (902, ?, NULL, '1.50', '2026-05-01T10:00:00Z')", (WHO,))
    layout = Layout(tmp_path_factory.mktemp("airflow"), PROJECT, free_port(), privacy=ferry.variables)
    with with_template(layout) as started:
        started.wait(DAG, seconds=240)
        yield Live(ferry, started)


class Operator:
    """A browser without pictures: cookies, forms with all that stands in them, and the Origin."""

    def __init__(self, live: Live) -> None:
        self._port = live.airflow.layout.port
        password = json.loads(live.airflow.layout.passwords_file.read_text())["admin"]
        said = self._ask(
            "POST", "/auth/token", json.dumps({"username": "admin", "password": password}), "application/json"
        )
        self._cookies = {"_token": json.loads(said[1])["access_token"]}

    _cookies: dict[str, str] = {}  # noqa: RUF012

    def page(self, path: str) -> str:
        status, text, _ = self._ask("GET", f"/privacy{path}")
        assert status == 200, (path, status, text)
        return text

    def send(self, page: str, path: str, **fields: object) -> str:
        """Fill in a form of a page, and follow to where it leads."""
        assert f'action="/privacy{path}"' in page, path
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token is not None
        body = urlencode({"token": unescape(token[1]), **fields})
        status, text, to = self._ask("POST", f"/privacy{path}", body, "application/x-www-form-urlencoded")
        assert status == 303, (path, status, text)
        return self.page(to.removeprefix("/privacy"))

    def _ask(self, method: str, path: str, body: str = "", kind: str = "") -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        sent = {"Origin": f"http://127.0.0.1:{self._port}", "Content-Type": kind,
                "Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}  # fmt: skip
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie" and value.startswith("privacy_desk="):
                self._cookies["privacy_desk"] = value.partition(";")[0].partition("=")[2]
        return answer.status, answer.read().decode(), answer.getheader("Location") or ""


def until(look: Callable[[], str], wanted: str, seconds: float = 120) -> str:
    end, text = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        if wanted in (text := look()):
            return text
        time.sleep(0.5)
    raise AssertionError(f"{wanted!r} does not stand in {text}")


@pytest.mark.timeout(500)
def test_an_erasure_is_registered_proven_started_approved_and_done_on_the_desk_alone(airflow: Live) -> None:
    """Edge case 32 too: the desk's answer is Airflow's, and the ledger has it by the same code, of the same person."""
    operator = Operator(airflow)
    form = operator.page("/requests/new")
    page = operator.send(
        form, "/requests/new", right="erasure", channel="post", kind1="ferry.traveller", value1=WHO, kind2="email",
        value2=EMAIL,
    )  # fmt: skip
    number = re.search(r"<h1>([^<]+)</h1>", page)
    assert number is not None
    here = f"/requests/{number[1]}"
    page = operator.send(page, f"{here}/do/prove", kind="document", seen="a passport, at the counter")
    assert "The proof is recorded" in page
    page = operator.send(page, f"{here}/start")
    assert "hx-get" in page
    page = until(lambda: operator.page(here), "may this be erased?")
    assert "Approve" in page
    assert "awaiting input" in page
    assert number[1] in operator.page("/approvals")
    progress = operator.page(f"{here}/progress")
    assert re.search(rf"plan <small>{number[1]}</small>", progress)
    time.sleep(3)  # an answer in the very moment of the question is lost, wherever it is given
    question = re.search(r"/approvals/([0-9a-f-]{36})", page)
    assert question is not None
    page = operator.send(page, f"/approvals/{question[1]}", option="Approve", back="request")
    assert "Answered: Approve" in page
    # The same row: Required Actions takes no second answer, and the desk has no question any more.
    assert "may this be erased?" not in operator.page("/approvals")
    with pytest.raises(BadInput):
        airflow.api.answer(DAG, _run(airflow, number[1]), "request.approve", 0, "Reject")
    until(lambda: airflow.api.state(DAG, _run(airflow, number[1])), "success", 180)
    house = airflow.ferry.house
    assert house.register.get(number[1]).state is State.ANSWERED
    approved = house.ledger.entries(request=number[1], kind="erasure.approved")
    assert [e.entry["actor"] for e in approved] == ["admin"]
    page = operator.page(here)
    assert "whom it was about was forgotten" in page
    assert EMAIL not in page
    assert "hx-get" not in page
    with sqlite3.connect(airflow.ferry.database) as db:
        assert db.execute("SELECT count(*) FROM travellers WHERE traveller = ?", (WHO,)).fetchone() == (0,)
    with sqlite3.connect(airflow.airflow.layout.folder / "airflow.db") as db:
        said = db.execute("SELECT owner, dag_id, task_id FROM log WHERE event = 'update_hitl_detail'").fetchall()
    assert ("admin", DAG, "request.approve") in said
    for name, content in airflow.everything_written():
        assert EMAIL.encode() not in content, name


def opened(airflow: Live, tab: Page, operator: Operator) -> str:
    """Where the desk is, for a tab that has the operator's cookies."""
    url = airflow.airflow.layout.url
    tab.context.add_cookies([{"name": n, "value": v, "url": url} for n, v in operator._cookies.items()])
    return f"{url}/privacy"


@pytest.mark.browser
def test_the_pages_are_usable_by_everybody_and_fit_on_a_small_screen(airflow: Live, tab: Page) -> None:
    desk = opened(airflow, tab, Operator(airflow))
    register = airflow.ferry.house.register
    named = [Identifier("email", "toegankelijk@veer.example")]
    numbers = [register.receive(right, named, author="desk").number for right in (Right.ACCESS, Right.OBJECTION)]
    paths = ["requests", "requests/new", "approvals", f"requests/{numbers[0]}/letters/receipt"]
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in (*paths, *(f"requests/{number}" for number in numbers)):
            tab.goto(f"{desk}/{path}")
            tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert problems(tab) == [], (path, scheme)
            assert not wide(tab), (path, scheme)


@pytest.mark.browser
def test_a_run_is_followed_by_itself_while_somebody_types_and_nothing_typed_is_lost(
    airflow: Live, tab: Page, console: list[str]
) -> None:
    """Each dataset as it is read, by what the content security policy lets the page ask."""
    operator = Operator(airflow)
    number = airflow.ferry.request()
    tab.set_default_timeout(60_000)
    tab.goto(f"{opened(airflow, tab, operator)}/requests/{number}")
    tab.get_by_role("button", name="Start export_subject").click()
    expect(tab.get_by_role("status").first).to_contain_text("Started")
    typed = tab.get_by_label("What was seen, in words").first
    # It is the next step once the run has begun, and one of the others before.
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    typed.fill("a passport, at the counter")
    expect(tab.locator("#progress")).to_contain_text("It has ended.", timeout=120_000)
    expect(tab.locator("#progress")).to_contain_text("ferry.travellers")
    assert typed.input_value() == "a passport, at the counter"
    tab.get_by_role("link", name="Show the request as it is now").click()
    expect(tab.locator("dl").first).to_contain_text("sealed")
    assert console == []


def _run(airflow: Live, number: str) -> str:
    with sqlite3.connect(airflow.airflow.layout.folder / "airflow.db") as db:
        rows = db.execute("SELECT run_id, conf FROM dag_run WHERE dag_id = ? ORDER BY id DESC", (DAG,)).fetchall()
    return next(str(run) for run, conf in rows if number in str(conf))
