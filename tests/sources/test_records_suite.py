"""The standard suite over files of records: Parquet, NDJSON and overlapping dumps, with nothing written for any."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

import conftest_bikes
from conftest_bikes import HOME
from privacy.testing import CHECKS, Stores, examples_of
from sources.records_kit import Kit, click, dataset, event, talk

NAMES = [check.__name__ for check in CHECKS]
KINDS = ("clicks", "conversations", "events")


def describe(kind: str) -> dict:
    erasure = {"do": "set", "set": {"user_id": "unique", "country": None}} if kind == "events" else {"do": "delete"}
    if kind == "clicks":
        erasure = {"do": "set", "set": {"customer": None, "ip": "192.0.2.0"}}
    examples = [{"desk.customer_id": 1001, "device_id": "d-anna"}, {"desk.customer_id": 1002}]
    if kind == "conversations":
        examples = [{"desk.customer_id": 1001, "email": "anna@shop.example"}, {"email": "bram@shop.example"}]
        erasure = {"do": "delete", "shared": {"customer_id": None, "email": None, "participant_emails": "unique"}}
    made = dataset(kind, erasure=erasure, examples=examples, promise="HIRE-3Y", purposes=["hire"])
    for column in made["columns"].values():
        column["category"] = "user.behavior"
        if column.get("identity") == "shop.customer_id":
            column["identity"] = "desk.customer_id"
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk") / "home"
    shutil.copytree(HOME, folder)
    person = {"title": {"nl": "k", "en": "c"}, "type": "integer", "person": True}
    system = {"system": "desk", "title": {"nl": "s", "en": "s"}, "source": "records", "connection": "desk", "owner": "o",
        "identity": {"kinds": {"customer_id": person}}, "datasets": {kind: describe(kind) for kind in KINDS}}  # fmt: skip
    (folder / "datamap/desk.yaml").write_text(yaml.safe_dump(system, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def stores(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    root = tmp_path_factory.mktemp("desk-files").resolve()
    kit = Kit(root, "events")
    for day in (18, 19, 20):
        at = f"2026-11-{day}T10:00:00"
        people = [{"user": "1001"}, {"user": "1002"}, {"device": "d-anna"}, {"user": "1002", "device": "d-anna"}, {}]
        kit.parquet(
            f"ga4/events_202611{day}.parquet", [event(at, ip="192.0.2.7", **p) for p in people], row_group_size=2
        )
        seen = [{"customer": 1001}, {"customer": 1002}, {"device": "d-anna"}, {"customer": "1001"}, {"ip": "192.0.2.9"}]
        kit.lines(f"clicks/clicks-2026-11-{day}.ndjson" + ".gz" * (day != 19), [click(at + "Z", **p) for p in seen])
        kit.dump(f"dumps/conversations-2026-11-{day}.json" + ".gz" * (day == 20), [
            talk(1, f"2026-11-{day}T08:00:00Z", customer=1001, email="anna@shop.example", others=["Bram@shop.example"]),
            talk(2, f"2026-11-{day}T08:00:00Z", customer=1001 if day < 20 else 7, rating=4.5),
            talk(3, "2026-11-01T08:00:00Z", email="ANNA@shop.example"), talk(day, at + "Z", email="bram@shop.example"),
            talk(5, at + "Z", customer=8, email="anna@shop.example", others=["c@shop.example"]),
        ])  # fmt: skip
    return Stores(home, {"velo": conftest_bikes.make(root.parent / "velo.db"), "desk": root.as_uri()})


@pytest.mark.parametrize("check", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_records_pass_the_standard_suite(stores, kind, check):
    ref = stores.datamap[f"desk.{kind}"]
    CHECKS[NAMES.index(check)](stores, ref, examples_of(stores.datamap, ref))


class Breaks:
    """A good source but for one thing."""

    def __init__(self, source, how: str) -> None:
        self._source, self._how = source, how

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def apply(self, unit, spare):
        return self._source.apply(unit, () if self._how == "ignores holds" else spare)

    def locate(self, selection, partition):
        items = list(self._source.locate(selection, partition))
        return iter(items[:-1] if self._how == "the newest dump alone is located" else items)


class Bench(Stores):
    how = ""

    def source(self, ref, batch_rows=10_000):
        return Breaks(super().source(ref, batch_rows), self.how)

    def scratch(self, ref):
        outer = super().scratch(ref)
        how = self.how

        class Same:
            def __enter__(self):
                copy = outer.__enter__()
                made = Bench(copy.datamap.home, copy._urls)
                made.how = how
                return made

            def __exit__(self, *problem):
                return outer.__exit__(*problem)

        return Same()


@pytest.mark.parametrize(
    ("how", "check", "said"),
    [
        ("ignores holds", "what_is_held_is_spared", "heed `spare`"),
        ("the newest dump alone is located", "locate_agrees_with_read", "select different records"),
    ],
)
def test_a_source_of_dumps_that_breaks_a_rule_is_caught(stores, how, check, said):
    bench = Bench(stores.datamap.home, stores._urls)
    bench.how = how
    ref = bench.datamap["desk.conversations"]
    with pytest.raises(AssertionError, match=said):
        CHECKS[NAMES.index(check)](bench, ref, examples_of(bench.datamap, ref))


def test_nothing_in_the_store_itself_was_changed(stores):
    assert len(stores.snapshot(stores.datamap["desk.conversations"]).files) == 9
