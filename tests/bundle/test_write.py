"""The bundle as a person or a program finds it: whole, exact, described, the same each time, sealed."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import stat
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from conftest_bundle import AS_OF, FULL, KEY, NUMBER, ORDER, log
from privacy.bundle import Omission, Part, check_bundle
from privacy.errors import BadInput, GiveUp, RetryLater
from privacy.storage import FolderStore


def manifest(folder):
    return json.loads((folder / "datapackage.json").read_text())


def resource(folder, path):
    return next(r for r in manifest(folder)["resources"] if r["path"] == path)


def test_a_bundle_opens_into_this_tree(house):
    opened = house.open(house.write(house.usual()))
    tree = sorted(p.relative_to(opened).as_posix() for p in opened.rglob("*") if p.is_file())
    assert tree == [
        "LEESMIJ.html",
        "README.html",
        "data/shop/orders.json",
        "data/shop/orders.parquet",
        "data/web/access.json",
        "data/web/access.parquet",
        "data/web/access/access.log-20261101.log",
        "datapackage.json",
    ]
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in opened.rglob("*") if p.is_file())
    assert check_bundle(opened) == []


def test_json_and_parquet_of_many_parts_hold_the_same_records_in_order(house):
    """Edge case 21."""
    first = house.part("shop.orders", [ORDER, FULL], [ORDER | {"id": 3}])
    empty = house.part("shop.orders")
    last = house.part("shop.orders", [ORDER | {"id": 4, "message": 'regel\n"einde", \u2028 \x00 😀'}])
    others = [house.part(ref.full) for ref in house.map if ref.name != "orders"]
    opened = house.open(house.write([first, empty, last, *others]))
    text = (opened / "data/shop/orders.json").read_text()
    rows = json.loads(text)
    assert len(text.splitlines()) - text.count("\u2028") == 6
    typed = pq.read_table(opened / "data/shop/orders.parquet").to_pylist()
    assert [int(r["id"]) for r in rows] == [r["id"] for r in typed] == [1, 2**60, 3, 4]
    assert rows[1]["id"] == str(2**60)
    assert (rows[1]["at"], rows[1]["paid"]) == ("2026-07-01T10:00:00+02:00", "2026-07-01T08:00:00.000001Z")
    assert (rows[1]["fee"], typed[1]["fee"]) == (
        {"amount": "1.20", "tries": str(2**60)},
        {"amount": Decimal("1.20"), "tries": 2**60},
    )
    assert (rows[1]["message"], rows[1]["drawing"], rows[1]["tags"]) == ("", "AP8=", ["a", "é", ""])
    assert rows[3]["message"] == typed[3]["message"] == 'regel\n"einde", \u2028 \x00 😀'
    assert rows[0]["paid"] is None


def test_the_package_is_valid_for_frictionless(house, frictionless):
    opened = house.open(house.write(house.usual()))
    assert manifest(opened)["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    report = frictionless.Package(str(opened / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "type", "message"])
    assert report.stats["tasks"] == 7


def test_frictionless_reads_every_type_from_the_json_by_its_schema(house, frictionless):
    """Edge case 21."""
    opened = house.open(house.write(house.usual()))
    found = resource(opened, "data/shop/orders.json")
    table = frictionless.resources.TableResource(
        path=found["path"], basepath=str(opened), schema=frictionless.Schema.from_descriptor(found["schema"])
    )
    report = table.validate()
    assert report.valid, report.flatten(["type", "message"])
    row = [r.to_dict() for r in table.read_rows()][1]
    assert (row["id"], row["price"], row["gift"], row["message"]) == (2**60, Decimal("10.50"), True, "")
    assert row["paid"] == FULL["paid"]
    assert row["day"] == FULL["day"]
    assert {f["name"]: f["type"] for f in found["schema"]["fields"]}["drawing"] == "string"


def test_frictionless_refuses_a_value_of_another_type(house, frictionless):
    opened = house.open(house.write(house.usual()))
    found = resource(opened, "data/shop/orders.json")
    path = opened / found["path"]
    path.write_text(path.read_text().replace('"10.50"', '"ten"', 1))
    table = frictionless.resources.TableResource(
        path=found["path"], basepath=str(opened), schema=frictionless.Schema.from_descriptor(found["schema"])
    )
    assert [e[0] for e in table.validate().flatten(["type"])] == ["type-error"]
    assert not frictionless.Package(str(opened / "datapackage.json")).validate().valid


def test_a_resource_says_what_it_is_for_who_has_it_and_until_when(house):
    found = resource(house.open(house.write(house.usual())), "data/shop/orders.parquet")
    assert found["mediatype"] == "application/vnd.apache.parquet"
    assert (found["privacy:rows"], found["hash"][:7]) == (2, "sha256:")
    assert found["privacy:categories"] == [
        {"key": "user.contact.email", "nl": "Emailadres", "en": "E-mail address"},
        {"key": "user.unique_id", "nl": "Klantgegevens", "en": "Client data"},
    ]
    assert found["privacy:processors"][0]["name"] == "Koerier BV"
    assert found["privacy:purposes"][0]["basis"] == "contract"
    assert found["privacy:term"] == {
        "promise": "FISCAL", "title": {"nl": "Fiscaal", "en": "Fiscal"}, "keep_at_least": "P7Y",
        "counts_from": "end_of_financial_year",
    }  # fmt: skip
    assert found["privacy:provenance"] == ["provided"]


def test_the_manifest_says_what_is_not_in_the_bundle(house):
    """Edge case 28: nothing is left out silently."""
    parts = house.parts(
        orders=[[ORDER | {"receiver": "oma@b.example"}]], notes=[[{"id": 1, "client": 7, "_party": "subject"}]]
    )
    parts[-1] = house.part("web.access", unattributed=4, unreadable=2)
    parts = [p for p in parts if p.dataset != "shop.prints"]
    omitted = (Omission("shop.prints", "prints", "sql.no_table"),)
    summary = house.write(parts, omissions=omitted, notes={"contested_visits": 2})
    found = manifest(house.open(summary))
    by_name = {d["dataset"]: d for d in found["privacy:datasets"]}
    assert [(r["column"], r["values"], r["ground"]["en"]) for r in by_name["shop.orders"]["redacted"]] == [
        ("receiver", 1, "Data of another person (art. 15(4) and 20(4) GDPR)"),
        ("score", 1, "trade secret"),
    ]
    assert (by_name["shop.notes"]["withheld"], [w["nl"] for w in by_name["shop.notes"]["withheld_why"]]) == (
        1,
        ["onderzoek loopt"],
    )
    assert (by_name["web.access"]["unattributed"], by_name["web.access"]["unreadable"]) == (4, 2)
    assert found["privacy:omitted"] == [
        {"dataset": "shop.prints", "partition": "prints", "reason": "sql.no_table",
         "nl": "de database kon niet worden gelezen", "en": "the database could not be read"},
    ]  # fmt: skip
    assert found["privacy:nothing_held"] == ["shop.profiles"]
    assert found["privacy:identity"] == {"contested_visits": 2}
    assert (summary.withheld, summary.redacted, summary.unattributed, summary.omitted) == (
        {"shop.notes": 1}, {"shop.orders": 2}, {"web.access": 4}, {"sql.no_table": 1},
    )  # fmt: skip
    # What the register keeps of it, for whoever may not open the bundle: as the manifest has it.
    said = {d["dataset"]: d for d in found["privacy:datasets"]}
    for dataset, left in summary.why.items():
        withheld = [("withheld", w["records"], w["en"]) for w in said[dataset]["withheld_why"]]
        redacted = sum(r["values"] for r in said[dataset]["redacted"])
        assert [one for one in left if one[0] == "withheld"] == withheld
        assert sum(count for what, count, _ in left if what == "redacted") == redacted
    assert set(summary.why) == {"shop.notes", "shop.orders"}


def test_the_summary_holds_counts_and_digests_and_nothing_personal(house):
    summary = house.write(house.usual())
    text = json.dumps(summary.as_json())
    assert (summary.path, summary.records, summary.datasets["shop.orders"]["records"]) == (KEY, 4, 2)
    sealed = house.folder / "bundles" / KEY
    assert summary.bytes == sealed.stat().st_size
    assert not any(word in text for word in ("Anna", "anna@", "Gefeliciteerd", "why"))
    assert "Anna" not in repr(house.facts)


def test_the_same_parts_give_the_same_zip_whatever_the_machine_says(house, monkeypatch):
    first = house.write(house.usual())
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = house.write([p.as_json() for p in house.usual()], key=f"{NUMBER}/other.zip.age")
    assert again.inner_sha256 == first.inner_sha256
    assert house.zip(again) == house.zip(first)
    assert again.outer_sha256 != first.outer_sha256
    infos = zipfile.ZipFile(io.BytesIO(house.zip(first))).infolist()
    assert {i.date_time for i in infos} == {(2026, 11, 20, 8, 30, 0)}
    assert [i.filename for i in infos] == sorted(i.filename for i in infos)
    house.facts = replace(house.facts, as_of=AS_OF + timedelta(hours=1))
    assert house.write(house.usual()).inner_sha256 != first.inner_sha256


def test_how_records_were_cut_into_batches_and_parts_changes_nothing(house):
    rows = [ORDER | {"id": n} for n in range(7)]
    rest = [house.part(ref.full) for ref in house.map if ref.name != "orders"]
    one = house.write([house.part("shop.orders", rows), *rest])
    two = house.write(
        [house.part("shop.orders", rows[:2], rows[2:3]), house.part("shop.orders", rows[3:]), *rest],
        key=f"{NUMBER}/other.zip.age",
    )
    assert one.inner_sha256 == two.inner_sha256


def test_long_values_in_other_parts_give_the_same_zip(house):
    """Arrow writes each piece of a column by itself: its pages and dictionaries would show how it was cut."""
    rows = [ORDER | {"id": n, "message": f"{n:05d}" * 60} for n in range(12_000)]
    rest = [house.part(ref.full) for ref in house.map if ref.name != "orders"]
    digests = {
        house.write(
            [*(house.part("shop.orders", *(rows[a:b] for a, b in part)) for part in parts), *rest],
            key=f"{NUMBER}/{n}.zip.age",
        ).inner_sha256
        for n, parts in enumerate(
            ([[(0, 10_000), (10_000, 12_000)]], [[(0, 777), (777, 12_000)]], [[(0, 500)], [(500, 12_000)]])
        )
    }
    assert len(digests) == 1


@pytest.mark.parametrize("count", ["Infinity", "NaN", "1e999", "[" * 5000 + "]" * 5000])
def test_a_manifest_that_counts_nonsense_is_a_finding_and_no_crash(house, count):
    opened = house.open(house.write(house.usual()))
    text = (opened / "datapackage.json").read_text()
    at = text.index('"records":') + len('"records":')
    end = min(text.index(c, at) for c in ",}\n")
    (opened / "datapackage.json").write_text(text[:at] + count + text[end:])
    assert check_bundle(opened) == ["datapackage.json: it is missing or cannot be read"]


def test_row_groups_are_cut_at_the_same_rows_across_parts(house, monkeypatch):
    from privacy.bundle import merge

    monkeypatch.setattr(merge, "ROW_GROUP", 4)
    rows = [ORDER | {"id": n} for n in range(11)]
    parts = [house.part("shop.orders", rows[:3]), house.part("shop.orders", rows[3:9], rows[9:])]
    opened = house.open(house.write([*parts, *(house.part(r.full) for r in house.map if r.name != "orders")]))
    file = pq.ParquetFile(opened / "data/shop/orders.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [4, 4, 3]
    assert file.read().column("id").to_pylist() == list(range(11))


def test_members_beyond_four_gigabytes_have_room_for_their_sizes(house, monkeypatch):
    """Zip64, which is decided before a member's size is known."""
    from privacy.bundle import write

    monkeypatch.setattr(write, "_ZIP64", 1)
    summary = house.write(house.usual())
    assert check_bundle(house.open(summary)) == []
    infos = zipfile.ZipFile(io.BytesIO(house.zip(summary))).infolist()
    assert {i.extract_version for i in infos if i.filename != "datapackage.json"} == {45}


def test_nothing_in_the_clear_stays_on_disk(house):
    house.write(house.usual())
    assert [p.name for p in house.staging.iterdir() if p.name.startswith("bundle-")] == []
    sealed = (house.folder / "bundles" / KEY).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert b"Gefeliciteerd" not in sealed


def test_log_files_of_one_name_in_two_folders_stay_two(house):
    lines = [log("web1/access.log-1.gz", 1, "een"), log("web2/access.log-1.gz", 1, "twee"), log("../..", 1, "drie")]
    opened = house.open(house.write(house.parts(access=[lines[:1], lines[1:]])))
    raw = {p.name: p.read_text() for p in (opened / "data/web/access").iterdir()}
    assert raw == {"web1_access.log-1.log": "een\n", "web2_access.log-1.log": "twee\n", "original.log": "drie\n"}


def test_a_bundle_without_any_record_says_so(house):
    opened = house.open(house.write(house.parts()))
    assert not (opened / "data").exists()
    assert len(manifest(opened)["privacy:nothing_held"]) == 5
    assert "no data on you" in (opened / "README.html").read_text()
    assert check_bundle(opened) == []


def test_a_dataset_that_was_not_read_fails_the_bundle(house):
    """Edge case 28: an export never gets silently smaller."""
    parts = [p for p in house.usual() if p.dataset != "shop.profiles"]
    with pytest.raises(GiveUp, match=r"bundle\.incomplete.*shop\.profiles"):
        house.write(parts)
    assert not list((house.folder / "bundles").rglob("*.age"))


def test_the_same_part_given_twice_is_refused(house):
    parts = house.usual()
    with pytest.raises(GiveUp, match=r"bundle\.part"):
        house.write([*parts, parts[0]])


@pytest.mark.parametrize("name", ["data.jsonl", "data.parquet"])
@pytest.mark.parametrize("how", ["cut", "flipped", "gone"])
def test_a_part_that_changed_in_staging_fails_the_bundle_and_leaves_none(house, name, how):
    parts = house.usual()
    file = house.staging / parts[0].folder / name
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-9] if how == "cut" else content[:5] + bytes([content[5] ^ 1]) + content[6:])
    with pytest.raises(GiveUp, match=r"staging\.(changed|gone)"):
        house.write(parts)
    assert list(house.store.list()) == []
    assert [p.name for p in house.staging.iterdir() if p.name.startswith("bundle-")] == []


def test_a_part_whose_count_is_not_its_records_fails_the_bundle(house):
    parts = house.usual()
    parts[0].records += 1
    with pytest.raises(GiveUp, match=r"bundle\.incomplete"):
        house.write(parts)


def test_json_with_fewer_records_than_parquet_fails_the_bundle(house):
    """Edge case 28: whatever wrote the part, with a digest that fits."""
    parts = house.usual()
    file = house.staging / parts[0].folder / "data.jsonl"
    content = file.read_bytes().splitlines(keepends=True)[0]
    file.write_bytes(content)
    parts[0].files["data.jsonl"] = (len(content), hashlib.sha256(content).hexdigest())
    with pytest.raises(GiveUp, match=r"bundle\.incomplete"):
        house.write(parts)
    assert list(house.store.list()) == []


def test_a_staging_folder_that_is_gone_ends_it(house):
    """Edge case 36."""
    parts = house.usual()
    house.staging.rename(house.folder / "elsewhere")
    with pytest.raises(GiveUp, match=r"staging\.gone"):
        house.write(parts)
    assert not house.staging.exists()


class FullStore(FolderStore):
    """A disk that has no room from the second block on."""

    @contextmanager
    def write(self, key, **more):
        with super().write(key, **more) as file:
            written = 0

            class File:
                def write(self, data):
                    nonlocal written
                    if written:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    written += 1
                    return file.write(data)

            yield File()


def test_a_full_store_leaves_the_earlier_bundle_as_it_was(house):
    first = house.write(house.usual())
    before = (house.folder / "bundles" / KEY).read_bytes()
    with pytest.raises(RetryLater, match=r"storage\.full"):
        house.write(house.usual(), store=FullStore(house.folder / "bundles"))
    assert (house.folder / "bundles" / KEY).read_bytes() == before
    assert [e.key for e in house.store.list()] == [first.path]


def test_a_wrong_public_key_is_refused_before_anything_is_written(house):
    from privacy.bundle import write_bundle

    with pytest.raises(BadInput, match=r"bundle\.recipient"):
        write_bundle(house.staging, house.map, house.facts, [], recipient="age1x", store=house.store, key=KEY)


def test_a_part_survives_its_way_through_json(house):
    for part in house.usual():
        assert Part.from_json(json.loads(json.dumps(part.as_json()))) == part


def test_times_of_the_request_are_in_the_manifest_in_utc(house):
    found = manifest(house.open(house.write(house.usual())))
    assert found["privacy:request"] == {
        "number": NUMBER, "right": "access", "scope": "all", "received_at": "2026-11-18T23:30:00Z", "as_of": "2026-11-20T08:30:01Z",
    }  # fmt: skip
    assert datetime.fromisoformat(found["created"]) == AS_OF
