"""A copy that is too large for a letter waits in a real object store, behind a link that ends."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
import pyzipper

from conftest_letters import Books, plain
from privacy.clock import SystemClock
from privacy.rights import delivering
from privacy.rights.delivering import deliver
from privacy.rights.own_store import Bundles
from privacy.storage_s3 import S3Store
from services.seaweed import Seaweed


@pytest.fixture
def books(tmp_path, s3: Seaweed) -> Books:
    found = Books(tmp_path)
    found.clock.set(SystemClock().now())  # A link ends by the server's clock.
    found.house.bundles = S3Store(s3.connection(s3.bucket()))
    return found


def test_whoever_has_letter_and_passphrase_and_nobody_else_opens_what_the_link_leads_to(books: Books, monkeypatch):
    number = books.released()
    monkeypatch.setattr(delivering, "LARGEST", 100)
    done = deliver(books.house, number, "phone", "desk")
    (letter,) = books.letters
    (link,) = [word for word in plain(letter).split() if word.startswith("http://127.0.0.1")]
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - a server of this test
        content = answer.read()
        assert answer.headers["Content-Disposition"] == "attachment"
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        assert archive.read(f"{number}.zip", pwd=done.passphrase.encode())[:2] == b"PK"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(link.split("?")[0])  # noqa: S310 - a server of this test
    path = books.house.register.open(number).delivery.path
    assert path not in [thing.name for thing in Bundles().things(books.house)]
    books.clock.set(SystemClock().now() + timedelta(days=8))
    assert path in [thing.name for thing in Bundles().things(books.house) if thing.now]
