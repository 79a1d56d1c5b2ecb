"""When the terms of this person's own records run out, on the page and in the manifest."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest_bundle import DOCUMENT, MESSAGE, House
from privacy.bundle.expiry import Starts, expiry
from privacy.datamap.models import Starts as Said
from privacy.datamap.policy import Term

AT = "received_at"
MOST = {"keep_at_most": "P12M", "every": "P1D"}


def promised(house: House, full: str, term: dict[str, object]) -> None:
    """The dataset's term, from now on."""
    ref = house.map[full]
    promise = house.map.policy.promises[ref.dataset.promise].model_copy(update={"term": Term.model_validate(term)})
    promises = house.map.policy.promises | {ref.dataset.promise: promise}
    house.map = replace(house.map, policy=house.map.policy.model_copy(update={"promises": promises}))


def letters(house: House, *starts: datetime | None):
    rows = [MESSAGE | {"message": f"{n}.post", AT: at} for n, at in enumerate(starts)]
    part = house.part("mail.letters", rows[:1], rows[1:], originals=lambda _: io.BytesIO(b"x"))
    to = house.open(house.write(house.rest([part])))
    told = {d["dataset"]: d for d in json.loads((to / "datapackage.json").read_text())["privacy:datasets"]}
    return told["mail.letters"]["term"], (to / "LEESMIJ.html").read_text(), (to / "README.html").read_text()


def test_the_page_says_through_which_day_the_oldest_and_the_newest_are_kept(office):
    """Edge case 18: from the end of the financial year; the last second of 2025 in Amsterdam is 23:00 in UTC."""
    oldest, newest = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC)
    term, nl, en = letters(office, newest, oldest)
    assert term == {"promise": "FISCAL", "kept_through": {"oldest": "2032-12-31", "newest": "2033-12-31"}}
    assert "de oudste bewaard tot en met 31 december 2032, de nieuwste tot en met 31 december 2033" in nl
    assert "the oldest kept until 31 December 2032, the newest until 31 December 2033 inclusive" in en


def test_what_is_kept_at_most_is_gone_before_a_day(office):
    """Edge case 4."""
    promised(office, "mail.letters", MOST)
    term, nl, en = letters(office, datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert term == {"promise": "FISCAL", "gone_before": {"oldest": "2025-02-28", "newest": "2025-02-28"}}
    assert "de termijn is om sinds 28 februari 2025; verwijderd zodra uw verzoek is afgehandeld" in nl
    assert "the term has been over since 28 February 2025; removed once your request is answered" in en


def test_a_term_in_hours_is_told_to_the_minute(office):
    """Edge case 2."""
    promised(office, "mail.letters", {"keep_at_most": "PT48H", "every": "PT1H"})
    term, nl, _ = letters(office, datetime(2026, 3, 28, 11, tzinfo=UTC))
    assert term["gone_before"]["newest"] == "2026-03-30T13:00:00+02:00"
    assert "de termijn is om sinds 30 maart 2026, 13:00" in nl


def test_both_bounds_are_told(office):
    promised(office, "mail.letters", {"keep_at_least": "P1M", "keep_at_most": "P3M", "every": "P1D"})
    term, nl, en = letters(office, datetime(2027, 1, 31, 12, tzinfo=UTC))
    assert (term["kept_through"]["oldest"], term["gone_before"]["oldest"]) == ("2027-02-28", "2027-04-30")
    assert "bewaard tot en met 28 februari 2027; verwijderd vóór 30 april 2027" in nl
    assert "kept until 28 February 2027 inclusive; gone before 30 April 2027" in en


def test_records_whose_term_has_not_begun_are_counted(office):
    """Edge case 11."""
    term, nl, en = letters(office, datetime(2025, 5, 1, tzinfo=UTC), None, None)
    assert term["not_begun"] == 2
    assert "voor 2 gegevens is de termijn nog niet begonnen" in nl
    assert "the term of 2 records has not begun" in en
    term, nl, _ = letters_again(office, None)
    assert term == {"promise": "FISCAL", "not_begun": 1}
    assert "voor 1 gegeven is de termijn nog niet begonnen" in nl


def letters_again(house: House, *starts: datetime | None):
    (house.folder / "opened").rename(house.folder / "before")
    return letters(house, *starts)


def test_a_term_that_ends_with_an_event_has_no_date(office):
    part = office.part("dossiers.files", [DOCUMENT], originals=lambda _: io.BytesIO(b"x"))
    to = office.open(office.write(office.rest([part])))
    page = (to / "LEESMIJ.html").read_text()
    assert '<td data-label="Bewaartermijn">Tot u stopt</td><td data-label="Voor uw gegevens">geen datum' in page


def test_a_start_in_the_far_future_gives_no_wrong_date(office):
    """Edge case 11."""
    term, nl, _ = letters(office, datetime(9998, 1, 1, tzinfo=UTC))
    assert term == {"promise": "FISCAL"}
    assert "geen datum" in nl


def test_a_start_that_is_not_given_is_not_told_by_the_term_either(office):
    """Edge case 22."""
    ref = office.map["mail.letters"]
    access = office.map["dossiers.files"].dataset.columns["remark"].access
    columns = ref.dataset.columns | {AT: ref.dataset.columns[AT].model_copy(update={"access": access})}
    dataset = ref.dataset.model_copy(update={"columns": columns})
    system = ref.system.model_copy(update={"datasets": {"letters": dataset}})
    office.map = replace(office.map, systems=office.map.systems | {"mail": system})
    term, *_ = letters(office, datetime(2025, 5, 1, tzinfo=UTC))
    assert term == {"promise": "FISCAL"}


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us", "Europe/Amsterdam"), pa.timestamp("us", "UTC")])
def test_the_files_footer_knows_the_oldest_and_the_newest_behind_lists_and_records(tmp_path, kind):
    values = [None, date(2024, 5, 1), date(2023, 2, 3)]
    if pa.types.is_timestamp(kind):
        values = [v and datetime(v.year, v.month, v.day, 12, 0, 0, 1, tzinfo=UTC) for v in values]
    nested = pa.array([[{"a": 1, "at": 2}]] * 3, pa.list_(pa.struct([("a", pa.int64()), ("at", pa.int64())])))
    table = pa.table({"tags": nested, "at": pa.array(values, kind)})
    starts = Starts()
    for n, piece in enumerate((table.slice(0, 2), table.slice(2))):
        pq.write_table(piece, tmp_path / f"{n}.parquet", row_group_size=1)
        starts.add(tmp_path / f"{n}.parquet", "at")
    assert (starts.first, starts.last, starts.waiting) == (values[2], values[1], 1)


KINDS = {
    "keep_at_least": "P10Y", "counts_from": "end_of_financial_year", "title": {"nl": "Overige verkopen", "en": "Other sales"},
    "kinds": {"home": {
        "keep_at_least": "P7Y", "counts_from": "end_of_financial_year",
        "title": {"nl": "Verkopen hier", "en": "Sales here"},
    }},
}  # fmt: skip


def of_kinds(house: House, **change: object) -> None:
    """The same, with the kind of each message in its text."""
    ref = house.map["mail.letters"]
    dataset = ref.dataset.model_copy(update={"starts": Said(column=AT, kind="text"), **change})
    system = ref.system.model_copy(update={"datasets": {"letters": dataset}})
    house.map = replace(house.map, systems=house.map.systems | {"mail": system})


def test_each_kind_of_record_has_its_own_term_and_an_unknown_one_the_longest(office):
    """INV-STAT; edge cases 11 and 18."""
    promised(office, "mail.letters", KINDS)
    of_kinds(office)
    given = [("home", 2019), ("home", None), ("abroad", 2018), (None, 2016), (None, None)]
    rows = [
        MESSAGE | {"message": f"{n}.post", "text": kind, AT: year and datetime(year, 5, 1, tzinfo=UTC)}
        for n, (kind, year) in enumerate(given)
    ]
    part = office.part("mail.letters", rows[:2], rows[2:], originals=lambda _: io.BytesIO(b"x"))
    to = office.open(office.write(office.rest([part])))
    package = json.loads((to / "datapackage.json").read_text())
    told = {d["dataset"]: d for d in package["privacy:datasets"]}["mail.letters"]["term"]
    # Here from 2019: through 2026, as from 2016 elsewhere; from 2018 elsewhere: through 2028.
    assert told == {
        "promise": "FISCAL", "kept_through": {"oldest": "2026-12-31", "newest": "2028-12-31"}, "not_begun": 2,
    }  # fmt: skip
    (table,) = [r for r in package["resources"] if r["name"] == "mail.letters.parquet"]
    term = table["privacy:term"]
    assert (term["keep_at_least"], term["kind_in"], term["kinds"]["home"]["keep_at_least"]) == ("P10Y", "text", "P7Y")
    assert (term["of"]["nl"], term["kinds"]["home"]["of"]["en"]) == ("Overige verkopen", "Sales here")
    nl, en = (to / "LEESMIJ.html").read_text(), (to / "README.html").read_text()
    assert (
        "Verkopen hier: ten minste 7 jaar, geteld vanaf het einde van het boekjaar; "
        "Overige verkopen: ten minste 10 jaar, geteld vanaf het einde van het boekjaar"
    ) in nl
    assert "Sales here: at least 7 years" in en
    assert "Other sales: at least 10 years" in en
    assert "de oudste bewaard tot en met 31 december 2026, de nieuwste tot en met 31 december 2028" in nl


def test_a_dataset_of_one_kind_has_the_term_of_that_alone(office):
    """MAIL-STAT: other mail has a limit of its own."""
    promised(office, "mail.letters", KINDS)
    of_kinds(office, starts=Said(column=AT), term_kind="home")
    term, nl, _ = letters(office, datetime(2019, 5, 1, tzinfo=UTC))
    assert term == {"promise": "FISCAL", "kept_through": {"oldest": "2026-12-31", "newest": "2026-12-31"}}
    assert "Ten minste 7 jaar" in nl
    assert "10 jaar" not in nl


def test_what_goes_with_something_else_says_with_what(office):
    of_kinds(office, starts=None, follows="dossiers.files")
    term, nl, en = letters(office, datetime(2019, 5, 1, tzinfo=UTC))
    assert term == {"promise": "FISCAL"}
    title = office.map["dossiers.files"].dataset.title
    assert f"gaat weg samen met: {title.nl}" in nl
    assert f"goes together with: {title.en}" in en


def test_an_empty_dataset_has_no_dates(office):
    assert not expiry(office.map.policy, office.map["mail.letters"], Starts())
