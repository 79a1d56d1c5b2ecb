"""Checking an opened bundle: every digest, every count, no file more and none less."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from privacy.bundle.package import MANIFEST
from privacy.errors import BadInput, PrivacyError, Unreadable
from privacy.storage import translated

_BLOCK = 2**20


def check_bundle(bundle: Path, *, inner_sha256: str | None = None, manifest_sha256: str | None = None) -> list[str]:
    """What of an opened bundle is not as its manifest says; empty: everything is.

    Every file's bytes and sha256 are computed again, the records in Parquet and JSON and the lines of originals are
    counted, and no file may be there that the manifest does not name.

    :param bundle: a folder, or the ZIP.
    :param inner_sha256, manifest_sha256: what was recorded of the ZIP and of ``datapackage.json``. Without one of
        them, whoever changed a file could have changed the manifest too.
    :raises Unreadable: there is no such file or folder.
    """
    if not bundle.exists():
        raise Unreadable("bundle.missing", "There is no such bundle.", where=str(bundle))
    problems: list[str] = []
    with translated(str(bundle)):
        if bundle.is_dir():
            if inner_sha256 is not None:
                raise BadInput("bundle.no_zip", "The digest of a ZIP cannot be checked on a folder.", where=str(bundle))
            return [*problems, *_check(_Folder(bundle), manifest_sha256)]
        if inner_sha256 is not None and _sha256(bundle) != inner_sha256:
            problems.append("the ZIP's sha256 is not what was recorded")
        try:
            with zipfile.ZipFile(bundle) as archive:
                return [*problems, *_check(_Zip(archive), manifest_sha256)]
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
            return [*problems, "it is no ZIP, or a broken one"]


def harmless(name: str) -> bool:
    """Whether a name stays where it is put (edge case 9)."""
    parts = name.split("/")
    return not (
        "\\" in name or "\0" in name or ":" in parts[0] or any(part in ("", ".", "..") for part in parts)
    )  # fmt: skip


class _Place(Protocol):
    """Where the files of a bundle are."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> Any: ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self._root):
            here = Path(folder)
            found += [(here / name).relative_to(self._root).as_posix() for name in files]
            found += [(here / n).relative_to(self._root).as_posix() for n in folders if (here / n).is_symlink()]
        return found

    def open(self, name: str) -> Any:
        path = self._root / name
        for part in (path, *path.parents):
            if part == self._root:
                break
            if part.is_symlink():
                raise Unreadable("bundle.link", "A link is no file of a bundle.", where=name)
        if not path.is_file():
            raise Unreadable("bundle.link", "That is no file.", where=name)
        return path.open("rb")


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return self._archive.namelist()

    def open(self, name: str) -> Any:
        return self._archive.open(name)


def _check(place: _Place, manifest_sha256: str | None) -> Iterator[str]:
    listed = place.names()
    names = {*listed}
    try:
        with place.open(MANIFEST) as file:
            text = file.read()
        manifest = json.loads(text)
        resources = {str(r["path"]): r for r in manifest["resources"]}
        said = {str(d["dataset"]): (int(d["records"]), int(d["originals"])) for d in manifest["privacy:datasets"]}
        well_formed = len(resources) == len(manifest["resources"]) and all(map(harmless, resources))
    except (
        KeyError, OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, PrivacyError,
        zipfile.BadZipFile, zlib.error,
    ):  # fmt: skip
        yield f"{MANIFEST}: it is missing or cannot be read"
        return
    if not well_formed:
        yield f"{MANIFEST}: a path stands twice or leads out of the bundle"
        return
    if manifest_sha256 is not None and hashlib.sha256(text).hexdigest() != manifest_sha256:
        yield f"{MANIFEST}: its sha256 is not what was recorded"
    for name in sorted(names - {*resources, MANIFEST}):
        yield f"{name}: the manifest does not name this file"
    for name in sorted(name for name, times in Counter(listed).items() if times > 1):
        yield f"{name}: it stands twice"
    counted: dict[str, dict[str, int]] = {}
    for path, resource in resources.items():
        if path not in names:
            yield f"{path}: it is missing"
            continue
        yield from _check_file(place, path, resource, counted)
    yield from _check_counts(counted, said)


def _check_counts(counted: dict[str, dict[str, int]], said: dict[str, tuple[int, int]]) -> Iterator[str]:
    """Parquet, JSON, originals and the manifest's own table agree."""
    for dataset in sorted({*said, *counted}):
        found, (records, originals) = counted.get(dataset, {}), said.get(dataset, (0, 0))
        if found.get("original", 0) != originals:
            yield f"{dataset}: {found.get('original', 0)} originals, {originals} in the manifest"
        if found and not found.keys() & {"json", "parquet", "whole"}:
            continue  # It has lines of a log alone; whole originals hang on records.
        for form in ("json", "parquet"):
            if found.get(form, 0) != records:
                yield f"{dataset}: {found.get(form, 0)} records in {form}, {records} in the manifest"


def _check_file(
    place: _Place, path: str, resource: dict[str, Any], counted: dict[str, dict[str, int]]
) -> Iterator[str]:
    form, dataset = resource.get("format"), str(resource.get("privacy:dataset", ""))
    try:
        with place.open(path) as file:
            size, digest, lines = 0, hashlib.sha256(), 0
            while block := file.read(_BLOCK):
                size, lines = size + len(block), lines + block.count(b"\n")
                digest.update(block)
        rows = lines
        if form in ("json", "parquet"):
            with place.open(path) as file:
                rows = _records(file) if form == "json" else pq.read_metadata(file).num_rows
            counted.setdefault(dataset, {})[form] = rows
        elif dataset:
            own = counted.setdefault(dataset, {})
            for what in ("original",) if form == "log" else ("original", "whole"):
                own[what] = own.get(what, 0) + 1
    except (OSError, ValueError, PrivacyError, pa.ArrowException, zipfile.BadZipFile, zlib.error, EOFError):
        yield f"{path}: it cannot be read"
        return
    if size != resource.get("bytes"):
        yield f"{path}: {size} bytes, {resource.get('bytes')} in the manifest"
    if f"sha256:{digest.hexdigest()}" != resource.get("hash"):
        yield f"{path}: its sha256 is not the manifest's"
    if "privacy:rows" in resource and rows != resource["privacy:rows"]:
        yield f"{path}: {rows} {'lines' if form == 'log' else 'records'}, {resource['privacy:rows']} in the manifest"


def _records(file: Any) -> int:
    """The records of a JSON array with one record a line.

    :raises ValueError: it is not such an array.
    """
    comma = False
    if file.readline() != b"[\n":
        raise ValueError("no array")
    for count, line in enumerate(file):
        text = line.rstrip(b"\n")
        if text == b"]":
            if comma or file.read(1):
                raise ValueError("no end")
            return count
        if count and not comma:
            raise ValueError("no comma")
        comma = text.endswith(b",")
        if not isinstance(orjson.loads(text.removesuffix(b",")), dict):
            raise ValueError("no record")
    raise ValueError("no end")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
