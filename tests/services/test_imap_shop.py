"""The demo shop's mailbox on a mail server: everybody gets exactly the messages of the answer sheet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

import conftest_answers as its
from conftest_demo import HOME, Made, urls_of
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Of, Selection, Subject, Survey
from privacy.sources.mailbox import MailboxSource
from services.dovecot import PASSWORD, Dovecot, dovecot

pytestmark = pytest.mark.timeout(300)


def delivered(server: Dovecot, folder: Path) -> None:
    """Put a Maildir onto the server, with the times of its files."""
    server.empty()
    shutil.copytree(folder, server.mail, dirs_exist_ok=True, copy_function=shutil.copy2)
    server.give()


def url(server: Dovecot) -> str:
    """The connection as an operator writes it in the environment."""
    ca = quote(str(server.authority.ca), safe="")
    return f"imaps://{quote(server.user, safe='')}:{quote(PASSWORD, safe='')}@localhost:{server.port}/?ca_file={ca}"


def test_everybody_gets_exactly_the_messages_of_the_answer_sheet_over_imap(tmp_path: Path) -> None:
    """Edge cases 19, 20: everybody in one pass, and some by the server's search; the doctor has nothing to say."""
    with dovecot() as server:
        made = Made(tmp_path / "shop", seed=2)
        urls = urls_of(made.folder)
        files = House(
            Settings(home=HOME, state=tmp_path / "files"),
            EnvironmentConnections({f"PRIVACY_CONNECTION_{name.upper()}": its_url for name, its_url in urls.items()}),
            FixedClock(its.AFTER),
        )
        delivered(server, made.folder / "mail")
        urls["mail"] = url(server)
        house = House(
            Settings(home=HOME, state=tmp_path / "state"),
            EnvironmentConnections({f"PRIVACY_CONNECTION_{name.upper()}": its_url for name, its_url in urls.items()}),
            FixedClock(its.AFTER),
        )
        people = list(its.everybody(house, made, 2))
        assert len(people) > 110
        refs = [ref for ref in house.datamap if ref.system.source == "mailbox"]
        assert len(refs) == 3
        source, plain = house.source("mail"), files.source("mail")
        assert isinstance(source, MailboxSource)
        pick = Of(tuple(Subject(no, subject.identifiers) for no, (_, subject, _) in enumerate(people)))
        some = [no for no, (_, _, answer) in enumerate(people) if answer["withheld"].get(refs[0].full)][:6]
        count = 0
        for ref in refs:
            found = its.read(house, ref, pick)
            for no, (name, _, answer) in enumerate(people):
                assert found[no] == its.wanted_of(answer, ref), (ref.full, name)
                count += len(found[no].get("given", ()))
            for no in (*some, *range(0, len(people), 20)):
                alone = its.read(house, ref, Of((Subject(0, people[no][1].identifiers),)))
                assert alone[0] == its.wanted_of(people[no][2], ref), (ref.full, people[no][0])
            surveys: list[Survey] = [s.survey(ref.name, its.AFTER) for s in (source, plain)]  # type: ignore[attr-defined]
            # Its files have bare line feeds, for which the server gives two characters.
            assert replace(surveys[0], bytes=0) == replace(surveys[1], bytes=0)
            selection = Selection(ref.name, pick)
            for partition, same in zip(source.partitions(selection), plain.partitions(selection), strict=True):
                assert partition.name == same.name
        assert count > 140
        assert list(source.check()) == list(plain.check()) == []
        assert sorted(c.name for c in source.inventory()) == sorted(c.name for c in plain.inventory())
        source.mail.server.close()  # type: ignore[attr-defined]
        made.close()
