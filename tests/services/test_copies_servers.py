"""A bundle that is looked at, copied and downloaded with the register in PostgreSQL and the bundles in an object store."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
import pyzipper

from conftest_letters import Books
from privacy.clock import SystemClock
from privacy.errors import Refused, Tampered
from privacy.rights import Right, copies
from privacy.rights.copies import Who
from privacy.rights.own_store import Bundles
from privacy.rights.payload import GlassGround
from privacy.storage_s3 import S3Store
from services.postgres import Postgres
from services.seaweed import Seaweed

OFFICER, OTHER = Who("officer", "7"), Who("other", "8")


@pytest.fixture
def books(tmp_path: Path, s3: Seaweed, postgresql: Postgres) -> Books:
    found = Books(tmp_path)
    found.house.engine.dispose()
    found.urls["PRIVACY_CONNECTION_LEDGER"] = postgresql.create("copies")
    found.clock.set(SystemClock().now())
    (found.state / "ledger-head.json").unlink(missing_ok=True)
    found.house = found.opened()
    found.house.found()
    found.house.bundles = S3Store(s3.connection(s3.bucket()))
    return found


def fetched(books: Books, number: str, who: Who) -> bytes:
    with copies.fetch(books.house, number, who) as (_, file):
        return file.read()


def test_a_closed_bundle_opens_on_a_ground_alone_and_its_copy_is_what_was_sealed(books: Books) -> None:
    number, house = books.asked(), books.house
    books.export(number)
    with pytest.raises(Refused, match=r"glass\.needed"):
        copies.make(house, number, OFFICER)
    copies.break_glass(house, number, GlassGround.INCIDENT, "This may have come from somebody else", OFFICER)
    made = copies.make(house, number, OFFICER)
    with pytest.raises(Refused, match=r"glass\.needed"):
        fetched(books, number, OTHER)
    with pyzipper.AESZipFile(io.BytesIO(fetched(books, number, OFFICER))) as archive:
        inner = archive.read(f"{number}.zip", pwd=made.passphrase.encode())
    assert inner[:2] == b"PK"
    assert made.copied.path not in [thing.name for thing in Bundles().things(house)]
    again = copies.make(house, number, OFFICER, again=True)
    assert [e.key for e in house.bundles.list(f"{number}/") if e.key.endswith(".zip")] == [again.copied.path]
    with house.bundles.write(again.copied.path) as file:
        file.write(b"something else")
    with pytest.raises(Tampered, match=r"bundle\.altered"):
        fetched(books, number, OFFICER)
    books.clock.set(books.clock.now() + timedelta(hours=1))
    assert again.copied.path in [thing.name for thing in Bundles().things(house)]
    assert house.verify().ok


def test_whoever_is_restricted_is_blocked_and_nobody_else(books: Books) -> None:
    number = books.released()
    assert not copies.blocked(books.house, number)
    books.asked(Right.RESTRICTION)
    assert copies.blocked(books.house, number)
