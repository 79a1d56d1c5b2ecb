"""Opening gives back exactly what was sealed, or nothing; checking finds every change."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pyarrow.parquet as pq
import pyrage
import pytest

from conftest_bundle import KEY
from privacy.bundle import check_bundle, open_bundle
from privacy.errors import BadInput, PrivacyError, Refused, Tampered, Unreadable


def sealed(house) -> bytes:
    return (house.folder / "bundles" / KEY).read_bytes()


def seal(house, content: bytes) -> io.BytesIO:
    return io.BytesIO(pyrage.encrypt(content, [house.identity.to_public()]))


def test_a_stream_opens_as_a_file_does(house):
    summary = house.write(house.usual())
    opened = house.open(summary)
    open_bundle(io.BytesIO(sealed(house)), house.secret, house.folder / "again")
    for path in opened.rglob("*"):
        if path.is_file():
            assert (house.folder / "again" / path.relative_to(opened)).read_bytes() == path.read_bytes()


def test_nothing_is_overwritten(house):
    house.write(house.usual())
    (house.folder / "mine").mkdir()
    (house.folder / "mine/letter.txt").write_text("keep me")
    (house.folder / "link").symlink_to(house.folder / "elsewhere")
    for name in ("mine", "mine/letter.txt", "link"):
        with pytest.raises(Refused, match=r"bundle\.exists"):
            open_bundle(io.BytesIO(sealed(house)), house.secret, house.folder / name)
    assert [p.name for p in (house.folder / "mine").iterdir()] == ["letter.txt"]


def test_an_empty_folder_may_be_filled(house):
    house.write(house.usual())
    (house.folder / "new").mkdir()
    open_bundle(io.BytesIO(sealed(house)), house.secret, house.folder / "new")
    assert check_bundle(house.folder / "new") == []


@pytest.mark.parametrize("at", [0, 30, 250, -1])
def test_a_flipped_byte_of_the_sealed_file_is_found_and_nothing_is_written(house, at):
    """SECURE."""
    house.write(house.usual())
    content = bytearray(sealed(house))
    content[at] ^= 1
    with pytest.raises(Tampered, match=r"bundle\.cannot_open"):
        open_bundle(io.BytesIO(content), house.secret, house.folder / "to")
    assert not (house.folder / "to").exists()
    assert not [p for p in house.folder.iterdir() if p.name.startswith(".to")]


def test_a_sealed_file_that_is_cut_off_or_longer_is_found(house):
    summary = house.write(house.usual())
    with pytest.raises(Tampered):
        open_bundle(io.BytesIO(sealed(house)[:-20]), house.secret, house.folder / "to")
    with pytest.raises(Tampered):
        open_bundle(
            io.BytesIO(sealed(house) + b"x"), house.secret, house.folder / "to", outer_sha256=summary.outer_sha256
        )
    assert not (house.folder / "to").exists()


def test_another_bundle_under_the_same_name_is_found_by_the_recorded_digests(house):
    """Sealing needs the public key alone, so anyone could: what was recorded decides."""
    recorded = house.write(house.usual())
    forged = seal(house, house.zip(recorded).replace(b"LEESMIJ", b"LEESMIK"))
    with pytest.raises(Tampered, match="sealed file"):
        open_bundle(forged, house.secret, house.folder / "to", outer_sha256=recorded.outer_sha256)
    forged.seek(0)
    with pytest.raises(Tampered, match="ZIP"):
        open_bundle(forged, house.secret, house.folder / "to", inner_sha256=recorded.inner_sha256)
    assert not (house.folder / "to").exists()


def test_another_requests_key_opens_nothing(house):
    house.write(house.usual())
    with pytest.raises(Tampered, match=r"bundle\.cannot_open"):
        open_bundle(io.BytesIO(sealed(house)), str(pyrage.x25519.Identity.generate()), house.folder / "to")
    with pytest.raises(BadInput, match=r"bundle\.identity"):
        open_bundle(io.BytesIO(sealed(house)), "AGE-SECRET-KEY-1NO", house.folder / "to")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "a//b", "./a", "a\\..\\evil", "C:evil", "folder/", ""]
)
def test_a_name_that_leads_out_of_the_folder_is_refused(house, name):
    """Edge case 9."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        archive.writestr("fine.txt", "fine")
        archive.writestr(zipfile.ZipInfo(name), "evil")
    with pytest.raises(Tampered, match=r"bundle\.unsafe"):
        open_bundle(seal(house, text.getvalue()), house.secret, house.folder / "deep" / "to")
    assert not list(house.folder.rglob("*evil*"))
    assert not (house.folder / "deep" / "to").exists()


def test_a_link_or_a_name_that_stands_twice_is_refused(house):
    """Edge case 9."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(Tampered, match=r"bundle\.unsafe"):
        open_bundle(seal(house, text.getvalue()), house.secret, house.folder / "to")
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(Tampered, match=r"bundle\.unsafe"):
        open_bundle(seal(house, text.getvalue()), house.secret, house.folder / "to")


def test_what_is_no_zip_is_refused(house):
    with pytest.raises(Tampered, match=r"bundle\.cannot_open"):
        open_bundle(seal(house, b"no zip"), house.secret, house.folder / "to")


FILES = (
    "LEESMIJ.html",
    "README.html",
    "data/shop/orders.json",
    "data/shop/orders.parquet",
    "data/web/access/access.log-20261101.log",
)


def test_a_whole_bundle_has_no_problem_as_a_folder_and_as_a_zip(house):
    summary = house.write(house.usual())
    opened = house.open(summary)
    assert check_bundle(opened, manifest_sha256=summary.manifest_sha256) == []
    archive = house.folder / "bundle.zip"
    archive.write_bytes(house.zip(summary))
    assert check_bundle(archive, inner_sha256=summary.inner_sha256, manifest_sha256=summary.manifest_sha256) == []


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found(house, name):
    opened = house.open(house.write(house.usual()))
    content = bytearray((opened / name).read_bytes())
    content[len(content) // 2] ^= 1
    (opened / name).write_bytes(content)
    assert any(problem.startswith(f"{name}: ") for problem in check_bundle(opened))


@pytest.mark.parametrize("name", [*FILES, "datapackage.json"])
def test_a_removed_file_is_found(house, name):
    opened = house.open(house.write(house.usual()))
    (opened / name).unlink()
    assert any(problem.startswith(f"{name}: it is missing") for problem in check_bundle(opened))


@pytest.mark.parametrize("name", ["more.txt", "data/shop/more.json", ".hidden"])
def test_an_added_file_is_found(house, name):
    opened = house.open(house.write(house.usual()))
    (opened / name).write_text("{}")
    assert check_bundle(opened) == [f"{name}: the manifest does not name this file"]


def test_an_added_link_is_found(house):
    opened = house.open(house.write(house.usual()))
    (opened / "folder").symlink_to("/etc")
    (opened / "README.html").unlink()
    (opened / "README.html").symlink_to(opened / "LEESMIJ.html")
    assert len(check_bundle(opened)) == 2


def rewrite(opened, path, **change):
    """As one would who knows how a manifest is made."""
    file = opened / "datapackage.json"
    manifest = json.loads(file.read_text())
    found = next(r for r in manifest["resources"] if r["path"] == path)
    content = (opened / path).read_bytes()
    found |= {"bytes": len(content), "hash": "sha256:" + hashlib.sha256(content).hexdigest()} | change
    file.write_text(json.dumps(manifest))


def test_a_record_removed_from_the_json_is_found_even_with_a_forged_digest(house):
    summary = house.write(house.usual())
    opened = house.open(summary)
    file = opened / "data/shop/orders.json"
    rows = file.read_text().splitlines(keepends=True)
    file.write_text(rows[0] + rows[2] + rows[3])
    rewrite(opened, "data/shop/orders.json")
    assert "data/shop/orders.json: 1 records, 2 in the manifest" in check_bundle(opened)
    rewrite(opened, "data/shop/orders.json", **{"privacy:rows": 1})
    assert check_bundle(opened) == ["shop.orders: 1 records in json, 2 in the manifest"]
    assert "datapackage.json: its sha256 is not what was recorded" in check_bundle(
        opened, manifest_sha256=summary.manifest_sha256
    )


def test_a_record_removed_from_the_parquet_is_found_even_with_a_forged_digest(house):
    opened = house.open(house.write(house.usual()))
    file = opened / "data/shop/orders.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    rewrite(opened, "data/shop/orders.parquet", **{"privacy:rows": 1})
    assert check_bundle(opened) == ["shop.orders: 1 records in parquet, 2 in the manifest"]


def test_a_line_removed_from_the_originals_is_found_even_with_a_forged_digest(house):
    opened = house.open(house.write(house.usual()))
    name = FILES[-1]
    (opened / name).write_text("d 1\n")
    rewrite(opened, name)
    assert check_bundle(opened) == [f"{name}: 1 lines, 2 in the manifest"]


@pytest.mark.parametrize(
    "text", ["{}", "[\n{}\n", "[\n{}\n{}\n]\n", "[\n{},\n]\n", "[\n1\n]\n", "[\n{}\n]\nx", "[\n{\n]\n", ""]
)
def test_json_that_is_no_whole_array_is_found(house, text):
    opened = house.open(house.write(house.usual()))
    (opened / "data/shop/orders.json").write_text(text)
    rewrite(opened, "data/shop/orders.json")
    assert "data/shop/orders.json: it cannot be read" in check_bundle(opened)


def test_files_that_the_manifest_forgets_with_their_records_are_found(house):
    opened = house.open(house.write(house.usual()))
    manifest = json.loads((opened / "datapackage.json").read_text())
    manifest["resources"] = [r for r in manifest["resources"] if not r["path"].startswith("data/shop/")]
    (opened / "datapackage.json").write_text(json.dumps(manifest))
    for path in (opened / "data/shop").iterdir():
        path.unlink()
    assert "shop.orders: 0 records in json, 2 in the manifest" in check_bundle(opened)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"resources": [{"path": "../x"}], "privacy:datasets": []}', "\xff"])
def test_a_manifest_that_is_none_is_found(house, text):
    opened = house.open(house.write(house.usual()))
    (opened / "datapackage.json").write_bytes(text.encode("latin-1"))
    (problem,) = check_bundle(opened)
    assert problem.startswith("datapackage.json: ")


def test_a_changed_zip_is_found(house):
    summary = house.write(house.usual())
    content = house.zip(summary)
    archive = house.folder / "bundle.zip"
    for at in range(40, len(content), 211):
        archive.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert check_bundle(archive, inner_sha256=summary.inner_sha256)
    archive.write_bytes(b"no zip")
    assert check_bundle(archive) == ["it is no ZIP, or a broken one"]
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(archive, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        new.writestr("more.txt", "")
    assert check_bundle(archive) == ["more.txt: the manifest does not name this file"]


def test_checking_what_is_not_there_says_so(house):
    with pytest.raises(Unreadable, match=r"bundle\.missing"):
        check_bundle(house.folder / "nowhere")
    with pytest.raises(BadInput, match=r"bundle\.no_zip"):
        check_bundle(house.folder, inner_sha256="0")


def test_a_target_below_a_file_is_ours_to_say(house):
    house.write(house.usual())
    (house.folder / "file").write_text("")
    with pytest.raises(PrivacyError) as caught:
        open_bundle(io.BytesIO(sealed(house)), house.secret, house.folder / "file" / "to")
    assert str(house.folder) in str(caught.value)
