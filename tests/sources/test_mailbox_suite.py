"""The standard suite over an e-mail archive: every dataset of its data map, with nothing written for any of them."""

from __future__ import annotations

import base64
import io
import shutil
from typing import Any, BinaryIO

import pyarrow as pa
import pytest
import yaml

import conftest_bikes
from privacy.sources.base import Partition, Selection, Subject, Tally
from privacy.sources.mailbox import MailboxSource
from privacy.testing import CHECKS, Stores, examples_of
from sources.mailbox_kit import ANNA, BRAM, Archive, mail, raw_system

DATASETS = ("mail.correspondence", "mail.administration")


def fill(archive: Archive) -> None:
    """Every kind of message: of both, of one, mentions, blind copies, broken ones."""
    days = (f"2026-05-{day:02d}T10:00:00" for day in range(1, 29))
    for folder in ("INBOX", "Klanten", "Klanten.Anna", "Administratie", "Administratie.2026"):
        archive.put(mail(sender=f"Anna <{ANNA}>", to="winkel@diamonto.example"), folder, at=next(days))
        archive.put(mail(to=f"{ANNA.upper()}, {BRAM}", Bcc="x@x.example, y@y.example"), folder, at=next(days))
    coded = base64.encodebytes(f"vraag {ANNA}".encode())
    archive.put(mail(coded, Content_Transfer_Encoding="base64"), at=next(days))
    archive.put(mail(f"over {BRAM}", to="jan@diamonto.example"), at=next(days))
    archive.put(mail(sender=ANNA, Bcc=f"{ANNA}, {BRAM}"), "Verzonden", at=next(days))
    archive.put(mail(sender="x@x.example", to="y@y.example"), "Verzonden", at=next(days), sub="new")
    archive.put(b"", at=next(days))
    archive.put(b"\0\xffTo anna\r\r\n\r", "Verzonden", at=next(days))
    (archive.root / "dovecot-uidlist").write_bytes(b"3 V1 N1\n")
    (archive.root / "tmp" / "1770000000.M1P1.mx1").write_bytes(mail(to=ANNA))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("archive")
    fill(Archive(folder / "mail"))
    shutil.copytree(conftest_bikes.HOME, folder / "home")
    raw = raw_system()
    for dataset in raw["datasets"].values():
        dataset["promise"], dataset["purposes"] = "HIRE-3Y", ["hire"]
    shared = dict.fromkeys(("sender", "reply_to", "to", "cc", "bcc", "envelope"), "unique") | {"text": None}
    raw["datasets"]["correspondence"]["erasure"] = {"do": "delete", "shared": shared}
    (folder / "home/datamap/mail.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return Stores(folder / "home", {"mail": (folder / "mail").as_uri()})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("full", DATASETS)
def test_dataset(stores: Stores, full: str, check) -> None:
    """Edge case 22, and all that the suite names."""
    ref = stores.datamap[full]
    check(stores, ref, examples_of(stores.datamap, ref))


class Tells(MailboxSource):
    """Gives withheld messages whole."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Any:
        for batch in super().read(selection, partition, tally):
            rows = batch.to_pylist()
            yield pa.RecordBatch.from_pylist([r | {"text": r["text"] or "x"} for r in rows], schema=batch.schema)


class Invents(MailboxSource):
    """Says of a message of others that the subject stands in it."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Any:
        for batch in super().read(selection, partition, tally):
            rows = batch.to_pylist()
            lost = dict.fromkeys(rows[0]) | {n: rows[0][n] for n in ("folder", "message", "received_at", "_subject")}
            yield pa.RecordBatch.from_pylist([lost | {"_withheld": "mention", "_subject": 2}], schema=batch.schema)


class KeepsBlindCopies(MailboxSource):
    """Leaves nothing out of the list of blind copies."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Any:
        for batch in super().read(selection, partition, tally):
            rows = batch.to_pylist()
            given = [r | {"bcc": None if r["_withheld"] else ["x@x.example"]} for r in rows]
            yield pa.RecordBatch.from_pylist(given, schema=batch.schema)


class GivesTheFile(MailboxSource):
    """Gives originals as they are stored."""

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        return super().open(dataset, key, None if reader else reader)


class CutsShort(MailboxSource):
    """Gives a reader less than the message."""

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        with super().open(dataset, key, reader) as file:
            return io.BytesIO(file.read() if reader is None else file.read()[:-1])


WRONG = [
    (Tells, "only_their_own_records", "a withheld row says text"),
    (Invents, "only_their_own_records", "has nothing of the subject in it"),
    (KeepsBlindCopies, "only_their_own_records", "blind copies of others"),
    (GivesTheFile, "originals_hold_no_blind_copies_of_others", "leave them out"),
    (CutsShort, "originals_hold_no_blind_copies_of_others", "nothing to leave out"),
]


@pytest.mark.parametrize(("kind", "name", "said"), WRONG)
def test_the_suite_catches_a_source_that_tells_too_much(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, kind: type, name: str, said: str
) -> None:
    """Edge cases 20 and 28."""
    ref = stores.datamap["mail.correspondence"]
    made = stores.source(ref)
    monkeypatch.setattr(made, "__class__", kind)
    monkeypatch.setattr(stores, "source", lambda *_: made)
    (check,) = [check for check in CHECKS if check.__name__ == name]
    with pytest.raises(AssertionError, match=said):
        check(stores, ref, examples_of(stores.datamap, ref))
