"""Holds on the desk: placed after a count, over real stores; footage until its wipe; released for a reason."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx import Response

from conftest_cameras import HOUR, NOW, Cameras
from conftest_desk import HERE, PROJECT, SESSION, People, Scheduled, token_of
from conftest_desk_purges import PurgeDesk, days
from privacy.connections import EnvironmentConnections
from privacy.desk.access import Deed, User
from privacy.desk.app import make
from privacy.desk.holds import GONE_SOON, Footage
from privacy.desk.house import Houses
from privacy.errors import BadInput
from privacy.holds import HoldKind, Keys
from privacy.holds.listing import PAGE, listed, query
from privacy.holds.rows import Row
from privacy.rights import holding
from privacy.rights.order_rows import Line, Order
from privacy.settings import Settings
from privacy.sources.base import Identifier, Subject

SAID = {"hold_kind": "suspension", "ground": "claim", "note": "Anna de Vries, zaak 7", "tell": "no"}


@pytest.fixture
def desk(tmp_path: Path) -> PurgeDesk:
    return PurgeDesk(tmp_path)


class CameraDesk:
    """The desk over the shop's cameras; none of its other systems is there."""

    def __init__(self, folder: Path) -> None:
        self.cameras = Cameras(folder)
        settings = Settings(home=self.cameras.home, state=self.cameras.state)
        urls = {"PRIVACY_CONNECTION_CAMERA": self.cameras.folder.as_uri()}
        self.houses = Houses(settings, EnvironmentConnections(urls), self.cameras.clock)
        self.app = make(self.houses, People(), Scheduled(), "a secret of the tests", PROJECT)

    def as_(self, who: str) -> TestClient:
        client = TestClient(self.app, base_url=HERE, follow_redirects=False, raise_server_exceptions=False)
        client.cookies.set(SESSION, who)
        return client


def send(client: TestClient, action: str, token: str, **fields: str | list[str]) -> Response:
    return client.post(action, data={"token": token, **fields}, headers={"Origin": HERE})


def counted(answer: Response) -> str:
    found = re.search(r'name="counted" value="([0-9a-f]{64})"', answer.text)
    assert found is not None, answer.text
    return found[1]


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def place(client: TestClient, way: str, **fields: str | list[str]) -> Response:
    """Count, then place."""
    token = token_of(client.get(f"/holds/new?way={way}").text)
    seen = send(client, "/holds/new", token, way=way, deed="count", **fields)
    return send(client, "/holds/new", token, way=way, deed="place", counted=counted(seen), **fields)


def test_a_persons_records_are_counted_and_then_no_purge_takes_them(desk: PurgeDesk) -> None:
    """Edge case 15: what the desk holds, a purge leaves alone, and the address stands in no address of a page."""
    desk.cases(30, 40)
    client, fields = desk.as_("operator"), {"kind": "studio.case_no", "value": " 1 ", **SAID}
    token = token_of(client.get("/holds/new?way=person").text)
    seen = send(client, "/holds/new", token, way="person", deed="count", **fields)
    counts = plain(seen.text).partition("It would keep now")[2]
    for dataset in ("studio.cases", "studio.notes", "scans.papers"):
        assert f"{dataset} 1" in counts
    assert desk.house.holds.active() == ()
    done = send(client, "/holds/new", token, way="person", deed="place", counted=counted(seen), **fields)
    assert done.status_code == 303
    assert re.fullmatch(r"/holds/[0-9a-f]{32}\?placed=true", done.headers["location"])
    (hold,) = desk.house.holds.active()
    assert (hold.kind, hold.author, hold.tell) == (HoldKind.SUSPENSION, "operator at shop.example", False)
    assert hold.ground == f"{holding.GROUNDS['claim']}: {SAID['note']}"
    ended = desk.studio.purge("cases")
    assert ended["held"] >= 1
    assert desk.studio.sql("SELECT case_no FROM cases") == [(1,)]
    assert place(client, "person", **{**fields, "kind": "email", "value": "Case1@A.example"}).status_code == 303
    (hold,) = [one for one in desk.house.holds.active() if one.id != hold.id]
    for who in ("viewer", "operator"):
        for path in ("/holds", f"/holds/{hold.id}", f"/holds/{hold.id}/footage"):
            shown = desk.as_(who).get(path).text
            assert "case1" not in shown.casefold()
            assert "Anna" not in shown
        assert "A legal claim" in desk.as_(who).get("/holds").text
        assert "no: secret" in desk.as_(who).get("/holds").text


def test_what_was_changed_after_its_count_is_counted_again_and_not_placed(desk: PurgeDesk) -> None:
    desk.cases(30, 40)
    client = desk.as_("operator")
    token = token_of(client.get("/holds/new?way=person").text)
    fields = {"kind": "email", "value": "case1@a.example", **SAID}
    proof = counted(send(client, "/holds/new", token, way="person", deed="count", **fields))
    for change, secret in (({"value": "case2@a.example"}, proof), ({}, ""), ({}, "é"), ({"tell": "yes"}, proof)):
        answer = send(client, "/holds/new", token, way="person", deed="place", counted=secret, **{**fields, **change})
        assert (answer.status_code, "not what was counted any more" in answer.text) == (200, True)
    assert desk.house.holds.active() == ()


@pytest.mark.parametrize(
    ("way", "about"),
    [
        ("person", {"kind": "email", "value": "case1@a.example"}), ("record", {"dataset": "studio.cases", "key": "1"}),
        ("dataset", {"dataset": "studio.cases"}),
    ],
)  # fmt: skip
def test_a_form_that_is_sent_twice_places_one_hold(desk: PurgeDesk, way: str, about: dict[str, str]) -> None:
    """Of two that look the same somebody releases one, and believes that it is over."""
    desk.cases(30, 40)
    client, other = desk.as_("operator"), desk.as_("other")
    places = []
    for who in (client, client, other):
        token = token_of(who.get(f"/holds/new?way={way}").text)
        proof = counted(send(who, "/holds/new", token, way=way, deed="count", **about, **SAID))
        answer = send(who, "/holds/new", token, way=way, deed="place", counted=proof, **about, **SAID)
        places.append(answer.headers["location"])
    assert places[0] == places[1] != places[2]
    assert len(desk.house.holds.active()) == 2


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> PurgeDesk:
    """One desk for all forms that change nothing."""
    return PurgeDesk(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize(
    ("way", "change", "field"),
    [
        ("person", {"kind": "email", "value": "no address"}, "value"),
        ("person", {"kind": "shoe", "value": "41"}, "kind"),
        ("person", {"kind": "email", "value": ""}, "value"),
        ("person", {"kind": "email", "value": "case1@a.example", "ground": ""}, "ground"),
        ("person", {"kind": "email", "value": "case1@a.example", "ground": "other", "note": ""}, "ground"),
        ("person", {"kind": "email", "value": "case1@a.example", "tell": ""}, "tell"),
        ("person", {"kind": "email", "value": "case1@a.example", "hold_kind": "request"}, "hold_kind"),
        ("person", {"kind": "email", "value": "case1@a.example", "dataset": "studio.nothing"}, "dataset"),
        ("record", {"dataset": "", "key": "1"}, "dataset"),
        ("record", {"dataset": "studio.cases", "key": ""}, "key"),
        ("record", {"dataset": "studio.cases", "key": "one"}, "key"),
        ("dataset", {}, "dataset"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field_with_what_was_typed_kept(
    untouched: PurgeDesk, way: str, change: dict[str, str], field: str
) -> None:
    desk = untouched
    client, fields = desk.as_("operator"), {**SAID, **change}
    token = token_of(client.get(f"/holds/new?way={way}").text)
    if change.get("key") == "one":
        # That no record can have this key is found by whoever places it.
        proof = send(client, "/holds/new", token, way=way, deed="count", **fields)
        answer = send(client, "/holds/new", token, way=way, deed="place", counted=counted(proof), **fields)
    else:
        answer = send(client, "/holds/new", token, way=way, deed="place", **fields)
    assert answer.status_code == 400
    assert f'id="wrong-{field}"' in answer.text
    if fields["note"]:
        assert f'value="{SAID["note"]}"' in answer.text
    assert desk.house.holds.active() == ()


def test_single_records_are_held_and_not_the_person_with_them(desk: PurgeDesk) -> None:
    """Edge case 15: one sale, of somebody who has two; a number that no record has is told before."""
    desk.studio.sale((1, 7, "2010-05-05", "domestic"), (2, 7, "2010-05-05", "domestic"))
    client = desk.as_("operator")
    token = token_of(client.get("/holds/new?way=record").text)
    none = send(client, "/holds/new", token, way="record", deed="count", dataset="studio.sales", key="99", **SAID)
    assert "Nothing: no record is found" in none.text
    assert place(client, "record", dataset="studio.sales", key="1\r\n", **SAID).status_code == 303
    (hold,) = desk.house.holds.active()
    assert (hold.what, hold.datasets) == (Keys((("1",),)), ("studio.sales",))
    assert "1 record" in plain(client.get(f"/holds/{hold.id}").text)
    desk.studio.purge("sales", approve=True)
    assert desk.studio.sql("SELECT sale_no FROM sales") == [(1,)]


def test_a_whole_dataset_is_counted_and_held(desk: PurgeDesk) -> None:
    desk.cases(30, 40, 50)
    client = desk.as_("operator")
    token = token_of(client.get("/holds/new?way=dataset").text)
    seen = send(
        client, "/holds/new", token, way="dataset", deed="count", dataset=["studio.cases", "web.access"], **SAID
    )
    assert "studio.cases 3" in plain(seen.text)
    assert place(client, "dataset", dataset=["studio.cases"], **SAID).status_code == 303
    assert "all records" in client.get("/holds").text


def test_footage_is_held_by_camera_and_hours_until_the_company_confirms(tmp_path: Path) -> None:
    desk = CameraDesk(tmp_path)
    desk.cameras.clip("counter", 20 * HOUR)
    desk.cameras.clip("counter", 10 * HOUR)
    desk.cameras.picture("counter", 20 * HOUR - timedelta(minutes=5))
    client = desk.as_("operator")
    form = client.get("/holds/new?way=camera").text
    assert '<option value="counter">' in form
    begins, ends = ((NOW - ago).astimezone().isoformat() for ago in (21 * HOUR, 19 * HOUR))
    fields = {"camera": "counter", "begins": begins, "ends": ends, **SAID}
    token = token_of(form)
    seen = plain(send(client, "/holds/new", token, way="camera", deed="count", **fields).text)
    assert "camera.clips 1" in seen
    assert "camera.thumbnails 1" in seen
    done = place(client, "camera", **fields)
    assert done.status_code == 303
    page = done.headers["location"].partition("?")[0]
    assert len(desk.cameras.letters) == 1
    shown = client.get(page)
    assert "27 h 00 min until the wipe" in shown.text
    assert "not confirmed" in shown.text
    assert 'hx-trigger="every 30s"' in shown.text
    assert "nachtwaker has not confirmed that it is kept; 27 h 00 min" in plain(client.get("/holds").text)
    order = re.search(r"/orders/([0-9a-f]{12})/confirm", shown.text)
    assert order is not None
    assert "/confirm" not in desk.as_("viewer").get(page).text
    assert send(client, f"{page}/orders/{order[1]}/confirm", token).status_code == 303
    assert "confirmed 20/11/2026" in plain(client.get(page).text)
    assert "until the company" not in client.get("/holds").text
    assert "hx-trigger" not in client.get(page).text
    assert send(client, f"{page}/orders/{'0' * 12}/confirm", token).status_code == 404
    assert send(client, f"{page}/release", token, why="").status_code == 400
    assert send(client, f"{page}/release", token, why="done").status_code == 400
    assert send(client, f"{page}/release", token, why="given").status_code == 303
    assert len(desk.cameras.letters) == 2
    (entry,) = [e.entry for e in desk.houses().ledger.entries(kind="hold.released")]
    assert (entry["ground"], entry["actor"]) == ("given", "operator at shop.example")
    assert "It was released on" in client.get(page).text
    assert desk.houses().verify().ok


def test_hours_that_the_clocks_repeat_or_skip_are_held_whole() -> None:
    """Edge case 3: 02:30 on 25 October 2026 comes twice, on 29 March never."""
    twice = holding.span("c", "2026-10-25T02:30", "2026-10-25T02:30", "Europe/Amsterdam")
    assert (twice.begins.isoformat(), twice.ends.isoformat()) == (
        "2026-10-25T00:30:00+00:00",
        "2026-10-25T01:30:00+00:00",
    )
    never = holding.span("c", "2026-03-29T02:30", "2026-03-29T02:30", "Europe/Amsterdam")
    assert never.begins < never.ends
    with pytest.raises(BadInput, match=r"named\.moment"):
        holding.span("c", "yesterday", "2026-03-29T02:30", "Europe/Amsterdam")


def test_a_camera_that_nobody_knows_and_hours_that_end_before_they_begin_are_refused(tmp_path: Path) -> None:
    desk = CameraDesk(tmp_path)
    desk.cameras.clip("counter", 20 * HOUR)
    client = desk.as_("operator")
    token = token_of(client.get("/holds/new?way=camera").text)
    hours = {"begins": "2026-11-20T08:00", "ends": "2026-11-20T07:00"}
    for fields, field in (({"camera": "counter", **hours}, "ends"), ({"camera": "door", **hours}, "ends"),
        ({"camera": "door", "begins": hours["ends"], "ends": hours["begins"]}, "camera"),
        ({"camera": "counter", "begins": "", "ends": ""}, "begins")):  # fmt: skip
        answer = send(client, "/holds/new", token, way="camera", deed="count", **fields, **SAID)
        assert (answer.status_code, f'id="wrong-{field}"' in answer.text) == (400, True), fields


def test_footage_that_nobody_was_told_to_keep_is_an_alarm(tmp_path: Path) -> None:
    """Edge case 24: the letter could not be sent; the hold stands, and the order is sent from its page."""
    desk = CameraDesk(tmp_path)
    desk.cameras.clip("counter", 20 * HOUR)
    house = desk.houses()
    span = holding.span("counter", "2026-11-19T11:00Z", "2026-11-19T13:00Z", "UTC")
    what, names = holding.footage(house, span)
    id = house.holds.place(HoldKind.SUSPENSION, what, names, ground="g", author="a", tell=False)
    client = desk.as_("operator")
    assert "was NOT told to keep it" in plain(client.get("/holds").text)
    shown = client.get(f"/holds/{id}").text
    assert "Order it to be kept" in shown
    assert send(client, f"/holds/{id}/order", token_of(shown)).status_code == 303
    assert "was NOT told" not in client.get(f"/holds/{id}").text


@pytest.mark.parametrize(
    ("ago", "confirmed", "words", "urgent"),
    [
        (timedelta(hours=30), None, "18 h 00 min until the wipe", "amber"),
        (timedelta(hours=48) - GONE_SOON, None, "12 h 00 min until the wipe", "amber"),
        (timedelta(hours=48) - GONE_SOON + timedelta(seconds=1), None, "11 h 59 min until the wipe", "red"),
        (timedelta(hours=48), None, "past the wipe", "red"),
        (timedelta(hours=30), timedelta(hours=1), "18 h 00 min until the wipe", "green"),
        (timedelta(hours=60), timedelta(hours=1), "past the wipe", "amber"),
        (timedelta(hours=60), timedelta(hours=20), "past the wipe", "green"),
    ],
)
def test_the_countdown_says_how_urgent_it_is(
    ago: timedelta, confirmed: timedelta | None, words: str, urgent: str
) -> None:
    """A word that came after the wipe is no proof that the footage is there."""
    begins = NOW - ago
    line = Line("counter", begins, begins, begins + timedelta(hours=48))
    order = Order("o", "h", "p", (line,), begins, None if confirmed is None else NOW - confirmed)
    found = Footage.at(order, line, NOW)
    assert (found.words, found.urgent) == (words, urgent)


class Few(People):
    """An operator of some pipelines alone."""

    def may(self, user: User, deed: Deed, dag: str) -> bool:
        return deed == "read" or (user.id == "operator" and dag in ("purge_cases", "export_subject"))


def test_whoever_may_not_start_what_deletes_them_may_neither_count_nor_hold_records(desk: PurgeDesk) -> None:
    desk.app.state.gate = Few()
    desk.cases(30)
    desk.studio.sale((1, 7, "2010-05-05", "domestic"))
    theirs = desk.house.holds.place(HoldKind.SUSPENSION, Keys(((1,),)), ["studio.sales"], ground="g", author="a")
    client = desk.as_("operator")
    token = token_of(client.get("/holds/new?way=person").text)
    named = {"kind": "email", "value": "case1@a.example", **SAID}
    for dataset, status in (([], 403), (["studio.sales"], 403), (["studio.cases", "studio.sales"], 403),
        (["studio.cases"], 200)):  # fmt: skip
        fields: dict[str, Any] = {**named, "dataset": dataset}
        assert send(client, "/holds/new", token, way="person", deed="count", **fields).status_code == status, dataset
    assert send(client, f"/holds/{theirs}/release", token, why="over").status_code == 403
    assert "Release it" not in client.get(f"/holds/{theirs}").text
    assert len(desk.house.holds.active()) == 1
    viewer = desk.as_("viewer")
    assert "You may not place holds" in viewer.get("/holds/new?way=person").text
    assert "<option" not in viewer.get("/holds/new?way=person").text


def test_a_hold_of_somebodys_request_is_ended_by_no_form(desk: PurgeDesk) -> None:
    """Promise R-RESTR: only the person lifts their restriction."""
    holds, whom = desk.house.holds, Subject(1, (Identifier("email", "case1@a.example"),))
    for kind in (HoldKind.REQUEST, HoldKind.RESTRICTION):
        id = holds.place(kind, whom, ground="g", author="a", request="ATE-2026-0042-9")
        client = desk.as_("operator")
        token = token_of(client.get("/holds/new?way=person").text)
        assert "ends with it" in client.get(f"/holds/{id}").text
        assert send(client, f"/holds/{id}/release", token, why="over").status_code == 409
    assert len(holds.active()) == 2
    shown = plain(client.get("/holds").text)
    assert "1 open request keeps what it asks" in shown
    assert "restriction" in shown


def test_pages_of_holds_follow_each_other_and_a_row_that_was_altered_hides_no_other(desk: PurgeDesk) -> None:
    house = desk.studio.house
    key = house.key.derive("holds")
    with house.engine.begin() as connection:
        for n in range(2 * PAGE + 3):
            at = (days(n // 7)).isoformat(timespec="microseconds")
            row = Row(f"{n:032x}", "suspension", None, '["studio.cases"]', "a", at)
            row.about(key, Keys(((str(n),),)), "g").insert(connection)
        connection.execute(sa.text("UPDATE holds SET author = 'b' WHERE id = :id"), {"id": f"{7:032x}"})
    seen, broken, after = list[str](), list[str](), ""
    while True:
        page = listed(house.engine, house.key, after)
        seen += [hold.id for hold in page.holds]
        broken += page.broken
        after = page.after
        if not after:
            break
    assert broken == [f"{7:032x}"]
    assert sorted([*seen, *broken]) == [f"{n:032x}" for n in range(2 * PAGE + 3)]
    assert "is not what was placed" in desk.as_("viewer").get("/holds").text
    assert desk.as_("viewer").get("/holds?after=x|y").status_code == 400


@pytest.mark.parametrize("after", ["", "2026-11-20T12:00:00.000000+00:00|abc"])
def test_no_list_of_holds_or_orders_reads_or_sorts_all_of_them(desk: PurgeDesk, after: str) -> None:
    sql = str(query(after).compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
    with desk.house.engine.connect() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert plan[0].endswith("USING INDEX holds_placed") or "USING INDEX holds_placed (" in plan[0], plan
    assert len(plan) == 1, plan


def test_the_pipelines_that_a_hold_stands_in_the_way_of() -> None:
    from conftest_demo import HOME
    from privacy.datamap.load import load_policy

    policy = load_policy(HOME)
    assert holding.pipelines(policy, ["shop.invoices"]) == {"purge_invoices"}
    assert holding.pipelines(policy, ["shop.customers", "shop.sessions"]) == {"erase_subject", "purge_logfiles"}
    assert holding.pipelines(policy, None) == {"erase_subject", *policy.purges}
    assert json.dumps(list(holding.ENDS))
