"""The standard suite over an e-mail archive: every dataset of its data map, with nothing written for any of them."""

from __future__ import annotations

import base64
import shutil

import pytest
import yaml

import conftest_bikes
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
    (folder / "home/datamap/mail.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return Stores(folder / "home", {"mail": (folder / "mail").as_uri()})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("full", DATASETS)
def test_dataset(stores: Stores, full: str, check) -> None:
    """Edge case 22, and all that the suite names."""
    ref = stores.datamap[full]
    check(stores, ref, examples_of(stores.datamap, ref))
