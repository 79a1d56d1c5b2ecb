"""The standard suite over a mail server: every dataset of its data map, with nothing written for any of them."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import yaml

import conftest_bikes
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import Ref, load
from privacy.sources import source_for
from privacy.sources.base import Of, Selection, Source
from privacy.testing import CHECKS, examples_of
from privacy.testing.checks_read import closing_early_frees_the_cursor
from privacy.testing.mail import Messages, snapshot
from services.dovecot import PASSWORD, Dovecot, dovecot
from services.imap_kit import served
from services.test_imap_same import fill
from sources.mailbox_kit import raw_system


class OnServer:
    """A mailbox of a server as the suite works with it. See :class:`privacy.testing.stores.Scratch`.

    :param folder: the Maildir that the server serves to this user.
    """

    def __init__(self, home: Path, server: Dovecot, folder: Path, user: str) -> None:
        self.home, self.server, self.folder, self.user = home, server, folder, user
        self.datamap = load(home)
        self.password = PASSWORD

    def source(self, ref: Ref, batch_rows: int = 10_000) -> Source:
        ca = quote(str(self.server.authority.ca), safe="")
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        url = f"imaps://{login}@127.0.0.1:{self.server.port}/?ca_file={ca}"
        connections = EnvironmentConnections({"PRIVACY_CONNECTION_MAIL": url})
        return source_for(ref.system, connections, home=self.home, batch_rows=batch_rows)

    def handles(self) -> int:
        gc.collect()
        return sum(bool(c.raddr) and c.raddr.port == self.server.port for c in psutil.Process().net_connections())

    @contextmanager
    def scratch(self, _ref: Ref) -> Iterator[OnServer]:
        self.server.empty()
        for path in self.folder.rglob("*"):
            to = self.server.mail / path.relative_to(self.folder)
            if path.is_dir():
                to.mkdir(parents=True, exist_ok=True)
            elif "dovecot" not in path.name:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)
        self.server.give()
        yield OnServer(self.home, self.server, self.server.mail, self.server.user)

    def snapshot(self, ref: Ref) -> Messages:
        found = snapshot(self.folder, ref.system)
        return Messages({key: content for key, content in found.messages.items() if "dovecot" not in str(key[-1])})

    def damages(self, _ref: Ref) -> list[str]:
        return ["!login", "contents", "!folder"]

    def damage(self, _ref: Ref, how: str, canary: str) -> None:
        if how == "!login":
            self.password = canary
        elif how == "!folder":
            shutil.rmtree(self.folder / ".Verzonden")
            shutil.rmtree(self.folder / ".Administratie")
        else:
            for path in [p for p in self.folder.rglob("*") if p.is_file() and p.parent.name in ("cur", "new")]:
                path.unlink()
                path.with_name(f"1{path.name}").write_bytes(b"\xff" + canary.encode("utf-8", "replace") + b"\r\n\r\n")
            self.server.give()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnServer]:
    home = tmp_path_factory.mktemp("archive") / "home"
    shutil.copytree(conftest_bikes.HOME, home)
    raw = raw_system()
    shared = dict.fromkeys(("sender", "reply_to", "to", "cc", "bcc", "envelope"), "unique") | {"text": None}
    raw["datasets"]["correspondence"]["erasure"] = {"do": "delete", "shared": shared}
    for dataset in raw["datasets"].values():
        dataset["promise"], dataset["purposes"] = "HIRE-3Y", ["hire"]
    (home / "datamap/mail.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    with dovecot() as server, served(server) as archive:
        fill(archive, odd=False)
        server.give()
        yield OnServer(home, server, server.mail, server.user)


ONE_CONNECTION = {closing_early_frees_the_cursor}
"""A source keeps its one connection until it ends itself: see the last test."""


@pytest.mark.parametrize("check", [c for c in CHECKS if c not in ONE_CONNECTION], ids=lambda check: check.__name__)
@pytest.mark.parametrize("full", ["mail.correspondence", "mail.administration"])
def test_dataset(stores: OnServer, full: str, check) -> None:
    """Edge case 22, and all that the suite names."""
    ref = stores.datamap[full]
    check(stores, ref, examples_of(stores.datamap, ref))


def test_a_source_has_one_connection_and_leaves_none(stores: OnServer) -> None:
    ref = stores.datamap["mail.correspondence"]
    before = stores.handles()
    source = stores.source(ref, 1)
    selection = Selection(ref.name, Of(examples_of(stores.datamap, ref)))
    for partition in source.partitions(selection):
        reading = source.read(selection, partition)
        next(reading, None)
        assert stores.handles() == before + 1
        reading.close()  # type: ignore[attr-defined]
    del source, reading
    assert stores.handles() == before
