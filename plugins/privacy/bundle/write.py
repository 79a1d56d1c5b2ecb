"""Writing a bundle: parts, report and manifest into one ZIP that is sealed while it is made.

The ZIP is deterministic: the same parts and the same ``as_of`` give the same bytes. It is never on disk in the clear:
what is written to the store is the age file (https://age-encryption.org/v1) around it.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson
import pyrage

from privacy.bundle.holdings import Facts, Holding, Omission, Resource, left_out, withheld
from privacy.bundle.merge import Group, Stream, finished, gather, sample, writing
from privacy.bundle.package import MANIFEST, describe
from privacy.bundle.parts import Part
from privacy.bundle.report import PAGES, ROWS, Shown, key_of, render
from privacy.bundle.scope import Scope
from privacy.datamap.load import DataMap
from privacy.errors import BadInput, GiveUp
from privacy.storage import Store

_ZIP64 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What was sealed: counts and digests, nothing personal.

    :param path: the key in the store of bundles.
    :param inner_sha256, outer_sha256: of the ZIP, and of the sealed file around it; ``manifest_sha256``: of
        ``datapackage.json``, which has the digests of all other files.
    :param datasets: ``system.dataset`` -> ``records`` and ``bytes``, for each that was read.
    :param bytes: of the sealed file. :param withheld, redacted, unattributed: by dataset, where there are any;
        ``originals``: likewise, the files beside its tables. :param omitted: reason -> how often.
    :param why: by dataset: withheld records and redacted values, how many, and why in English.
    """

    path: str
    inner_sha256: str
    outer_sha256: str
    manifest_sha256: str
    datasets: dict[str, dict[str, int]]
    records: int
    bytes: int
    withheld: dict[str, int] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
    unattributed: dict[str, int] = field(default_factory=dict)
    originals: dict[str, int] = field(default_factory=dict)
    omitted: dict[str, int] = field(default_factory=dict)
    why: dict[str, list[tuple[Literal["withheld", "redacted"], int, str]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For an XCom or a file; without ``why``, which are texts."""
        found = asdict(self)
        del found["why"]
        return found


def write_bundle(
    staging: Path,
    datamap: DataMap,
    facts: Facts,
    parts: Iterable[Part | Mapping[str, Any]],
    *,
    recipient: str,
    store: Store,
    key: str,
    omissions: Sequence[Omission] = (),
    notes: Mapping[str, int] | None = None,
) -> BundleSummary:
    """Put a bundle together and seal it. Safe to repeat: the file appears whole or not at all.

    :param staging: the folder that the parts' folders lie in; nothing is left there.
    :param parts: in order (see :class:`privacy.bundle.parts.Part`); at least one for each dataset that names people.
    :param recipient: the request's age public key. :param key: ``<number>/<uuid>.zip.age``.
    :param omissions: what could not be given; :param notes: counts of identity resolution; both for the manifest.
    :raises GiveUp: ``bundle.incomplete``, ``staging.gone``, ``staging.changed``.
    :raises RetryLater: ``staging.full``, ``storage.full``.
    """
    try:
        public = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise BadInput("bundle.recipient", "That is no age public key.", where=facts.number) from None
    found = [p if isinstance(p, Part) else Part.from_json(p) for p in parts]
    if not staging.is_dir():
        raise GiveUp("staging.gone", "The run's staging folder is gone.", where=facts.number)
    with writing(facts.number, staging):
        work = tempfile.TemporaryDirectory(prefix="bundle-", dir=staging)
    with work as folder:
        groups = gather(staging, Path(folder), datamap, found, omissions)
        bundle = _Bundle(staging, datamap, facts, groups, omissions, notes)
        inner, outer = _Pulled(bundle.zip()), hashlib.sha256()
        with store.write(key) as file:
            sealed = _Pushed(file, outer)
            try:
                pyrage.encrypt_io(inner, sealed, [public])
            except (pyrage.EncryptError, OSError):
                # The library tells only the text of what our own side raised.
                raise (inner.error or sealed.error or GiveUp("bundle.seal", "It cannot be sealed.")) from None
            finally:
                inner.close()
    return _summary(key, inner, sealed, bundle)


class _Bundle:
    """The files of one bundle, made while the ZIP is read."""

    def __init__(
        self,
        staging: Path,
        datamap: DataMap,
        facts: Facts,
        groups: Sequence[Group],
        omissions: Sequence[Omission],
        notes: Mapping[str, int] | None,
    ) -> None:
        self._staging, self._datamap, self._facts = staging, datamap, facts
        self._groups, self.omissions, self._notes = groups, omissions, notes
        self.manifest_sha256 = ""

    @property
    def scope(self) -> Scope:
        """What of a dataset is given."""
        return self._facts.scope

    @property
    def holdings(self) -> list[Holding]:
        """By dataset; their resources are known once the ZIP has been read."""
        return [group.holding for group in self._groups]

    @property
    def read(self) -> list[Holding]:
        """Those that were read at all: of one that was omitted as a whole, nobody knows that it holds nothing."""
        return [group.holding for group in self._groups if group.parts]

    def zip(self) -> Generator[bytes, None, None]:
        """The ZIP, sorted by name; the manifest, which knows all the others, comes last by its name too."""
        sink = _Sink()
        moment = _moment(self._facts.as_of)
        pages: list[Resource] = []
        with zipfile.ZipFile(sink, "w") as archive:
            for stream, group in self._in_order():
                size, lines, digest = 0, 0, hashlib.sha256()
                with archive.open(_member(stream, moment), "w", force_zip64=stream.most > _ZIP64) as member:
                    for chunk in stream.chunks():
                        size += len(chunk)
                        lines += chunk.count(b"\n") if stream.format == "log" else 0
                        digest.update(chunk)
                        member.write(chunk)
                        yield sink.take()
                resource = finished(stream, size, digest.hexdigest(), lines)
                (group.holding.resources if group else pages).append(resource)
            content = describe(self._datamap, self._facts, self.holdings, pages, self.omissions, self._notes)
            text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            self.manifest_sha256 = hashlib.sha256(text).hexdigest()
            with archive.open(_member(_text(MANIFEST, "json", text), moment), "w") as member:
                member.write(text)
        yield sink.take()

    def _in_order(self) -> Iterator[tuple[Stream, Group | None]]:
        shown = [_shown(self._staging, group) for group in self._groups]
        for path, language in sorted(PAGES.items()):
            page = render(self._datamap, self._facts, shown, self.omissions, self._notes or {}, language)
            yield _text(path, "html", page), None
        everything = [(stream, group) for group in self._groups for stream in group.streams]
        yield from sorted(everything, key=lambda pair: pair[0].path)


def _shown(staging: Path, group: Group) -> Shown:
    """A dataset for the report, with the way from its records to their originals."""
    key = group.holding.ref.dataset.key
    whole = [(s.path, s.original) for s in group.streams if s.original is not None]
    rows = sample(staging, group, ROWS)
    wanted = {key_of(row, key) for row in rows} if whole else set()
    found = ((key_of(original.key, key), path) for path, original in whole if original.key is not None)
    paths = [s.path for s in group.streams if s.original is None]
    return Shown(group.holding, paths, rows, len(whole), {own: path for own, path in found if own in wanted})


def _text(path: str, form: str, content: bytes) -> Stream:
    return Stream(path, form, None, len(content), True, lambda: iter((content,)))


def _moment(at: datetime) -> tuple[int, int, int, int, int, int]:
    """A ZIP's times have no zone: UTC, whatever the machine's zone is."""
    utc = at.astimezone(UTC)
    return (utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)


def _member(stream: Stream, moment: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(stream.path, moment)
    info.create_system = 3
    info.external_attr = 0o600 << 16
    # At zlib's own level, 6. Parquet is compressed already.
    info.compress_type = zipfile.ZIP_DEFLATED if stream.compress else zipfile.ZIP_STORED
    return info


def _summary(key: str, inner: _Pulled, sealed: _Pushed, bundle: _Bundle) -> BundleSummary:
    holdings = bundle.holdings

    def counted(count: dict[str, int]) -> dict[str, int]:
        return {full: n for full, n in count.items() if n}

    return BundleSummary(
        path=key,
        inner_sha256=inner.digest.hexdigest(),
        outer_sha256=sealed.digest.hexdigest(),
        manifest_sha256=bundle.manifest_sha256,
        datasets={h.ref.full: {"records": h.records, "bytes": h.bytes} for h in bundle.read},
        records=sum(h.records for h in holdings),
        bytes=sealed.size,
        withheld=counted({h.ref.full: h.withheld for h in holdings}),
        redacted=counted({h.ref.full: sum(h.redacted.values()) for h in holdings}),
        unattributed=counted({h.ref.full: h.unattributed for h in holdings}),
        originals=counted({h.ref.full: sum(not r.tabular for r in h.resources) for h in holdings}),
        omitted=dict(sorted(Counter(omission.reason for omission in bundle.omissions).items())),
        why={h.ref.full: found for h in holdings if (found := list(_why(h, bundle.scope)))},
    )


def _why(holding: Holding, scope: Scope) -> Iterator[tuple[Literal["withheld", "redacted"], int, str]]:
    for group in withheld(holding):
        yield "withheld", group.records, group.why.en
    grounds: Counter[str] = Counter()
    for left in left_out(holding, scope):
        grounds[left.ground.en] += left.values
    for ground, count in grounds.items():
        yield "redacted", count, ground


class _Sink:
    """What :mod:`zipfile` writes to; it cannot seek, so sizes stand behind each member."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        """What has been written since it was last asked."""
        found = b"".join(self._chunks)
        self._chunks.clear()
        return found


class _Pulled:
    """A generator of bytes as a file to read, which knows the sha256 of what was read."""

    def __init__(self, chunks: Generator[bytes, None, None]) -> None:
        self._chunks = chunks
        self._ready = memoryview(b"")
        self.digest = hashlib.sha256()
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._ready:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return b""
                self.digest.update(chunk)
                self._ready = memoryview(chunk)
        except BaseException as problem:
            self.error = problem
            raise
        found = bytes(self._ready[:size] if size >= 0 else self._ready)
        self._ready = self._ready[len(found) :]
        return found

    def close(self) -> None:
        """Let go of what the generator has open."""
        self._chunks.close()


class _Pushed:
    """A file to write that knows its size and sha256."""

    def __init__(self, file: BinaryIO, digest: Any) -> None:
        self._file, self.digest, self.size = file, digest, 0
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            self._file.write(data)
        except BaseException as problem:
            self.error = problem
            raise
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """The store flushes when it is whole."""
