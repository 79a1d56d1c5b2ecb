"""Messages with others in them, on a mail server: rewritten as in a Maildir, with flags and times, and never lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from imapclient import IMAPClient

from privacy.sources.base import Of, Selection, Status, Step
from privacy.sources.mailbox_imap import ImapStore
from privacy.sources.mailbox_redact import TOKEN
from services.dovecot import Dovecot, dovecot
from services.imap_kit import Served, log_of, served
from sources.mailbox_kit import ANNA, BRAM, Archive, mail, of
from sources.test_mailbox_redact import ALL, ANY, TOK, statuses, step

CONTENT = mail("Dag " + ANNA, to=f"Anna <{ANNA}>, {BRAM}", Subject="x")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture
def archive(server: Dovecot) -> Iterator[Served]:
    with served(server) as its:
        yield its


def contents(archive: Archive) -> list[bytes]:
    """What there is, with one and the same token, with LF alone."""
    rows = sorted(f for f in archive.files() if f.parent.name in ("cur", "new"))
    return sorted(ANY.sub(TOK.partition(b"@")[0], f.read_bytes().replace(b"\r\n", b"\n")) for f in rows)


def asked(server: Dovecot) -> dict[int, tuple[Any, ...]]:
    """Of each message in INBOX its flags, time, and whether somebody is still found in what the server has read of it."""
    with server.client() as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search("ALL"), ["FLAGS", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE"])
        return {
            uid: (set(row[b"FLAGS"]) - {b"\\Recent"}, row[b"INTERNALDATE"].astimezone(UTC), repr(row[b"ENVELOPE"]))
            for uid, row in found.items()
        }


def test_rewritten_on_the_server_it_is_what_a_maildir_would_have_and_keeps_flags_and_time(
    archive: Served, server: Dovecot, tmp_path: Any
) -> None:
    plain = Archive(tmp_path / "mail")
    for its in (archive, plain):
        its.put(CONTENT, at="2026-05-01T10:00:00", flags=":2,FRS")
        its.put(
            mail(f"geheim {ANNA}", sender=f"Anna A <{ANNA}>", to=f"winkel@diamonto.example, {BRAM}", Subject="geheim")
        )
        its.put(mail(to=BRAM))
        its.put(mail(to=ANNA))
        assert statuses(its.apply([step(its, of(ANNA))])) == [(Status.DONE, "")] * 2
        assert statuses(its.apply([step(its, of(ANNA))])) == []
        assert len(its.read(BRAM)) == 3
        assert [row["received_at"] for row in its.read()] == [datetime(2026, 5, 1, 10, tzinfo=UTC)]
    assert contents(archive) == contents(plain)
    told = asked(server)
    assert len(told) == 4
    assert all(when == datetime(2026, 5, 1, 10, tzinfo=UTC) for _, when, _ in told.values())
    assert [
        flags
        for flags, _, said in told.values()
        if {b"\\Flagged", b"\\Answered", b"\\Seen"} <= flags and TOK[:7].decode() in said
    ]
    # By the Maildir's own names no term begins anew either.
    assert {row["received_at"] for row in archive.plain.read(BRAM)} == {datetime(2026, 5, 1, 10, tzinfo=UTC)}


def test_a_maildir_that_a_server_serves_too_shows_the_new_message_there(archive: Served, server: Dovecot) -> None:
    """Also where the server has read the old one already and remembers what it read."""
    archive.put(CONTENT, name="1777629600.M1P7.mx1")
    server.give()
    (before,) = asked(server)
    assert "anna" in asked(server)[before][2]
    assert statuses(archive.plain.apply([step(archive.plain, of(ANNA))])) == [(Status.DONE, "")]
    ((uid, (flags, _, said)),) = asked(server).items()
    assert "anna" not in said
    assert uid != before
    assert flags == {b"\\Seen"}
    assert archive.read() == []
    assert "S=" not in log_of(server)


def in_a_process(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    finally:
        os._exit(0)


CUT = {
    "append": ("append", True),
    "before expunge": ("add_flags", False),
    "marked": ("add_flags", True),
    "expunged": ("uid_expunge", True),
}


@pytest.mark.parametrize("when", CUT)
def test_killed_between_adding_and_expunging_the_next_try_ends_it(
    archive: Served, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 13: never none; and no third one."""
    archive.put(CONTENT)
    archive.put(mail("Dag", to=f"{ANNA}, {BRAM}, c@c.example"))
    name, after = CUT[when]
    both = Of((*of(ANNA).subjects, *of(BRAM, no=2).subjects))
    change, real = step(archive, both, shared=None), getattr(IMAPClient, name)
    change = Step(Selection("correspondence", both), ALL, change.items)

    def cut(self: IMAPClient, *given: Any, **more: Any) -> Any:
        if not after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, *given, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(IMAPClient, name, cut)
    assert in_a_process(lambda: archive.apply([change])) == -signal.SIGKILL
    monkeypatch.setattr(IMAPClient, name, real)
    assert len(contents(archive)) in (2, 3)
    again = archive.apply([step(archive, both, shared=None)])
    assert {o.status for o in again} == {Status.DONE}
    assert len(contents(archive)) == 2
    assert archive.read(both) == []
    assert statuses(archive.apply([change])) == [(Status.GONE, "")] * 2


def test_what_the_user_may_not_remove_is_told_and_no_copy_is_added_each_time(
    archive: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.put(CONTENT)
    monkeypatch.setattr(IMAPClient, "uid_expunge", lambda *_: None)
    for _ in range(2):
        assert statuses(archive.apply([step(archive, of(ANNA))])) == [(Status.FAILED, "mailbox.denied")]
        assert len(contents(archive)) == 2
    monkeypatch.undo()
    assert statuses(archive.apply([step(archive, of(ANNA))])) == [(Status.DONE, "")]
    assert len(contents(archive)) == 1


def test_what_somebody_removes_meanwhile_is_not_brought_back(archive: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.put(CONTENT)
    the, real = step(archive, of(ANNA)), IMAPClient.append

    def append(self: IMAPClient, *given: Any, **more: Any) -> Any:
        said = real(self, *given, **more)
        with archive.server.client() as client:
            client.select_folder("INBOX")
            (first, *_) = client.search("ALL")
            client.delete_messages([first])
            client.uid_expunge([first])
        return said

    monkeypatch.setattr(IMAPClient, "append", append)
    assert statuses(archive.apply([the])) == [(Status.GONE, "")]
    assert contents(archive) == []


def test_a_message_that_the_server_would_keep_otherwise_is_left(
    archive: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.put(CONTENT)
    real = IMAPClient.append
    monkeypatch.setattr(IMAPClient, "append", lambda self, folder, data, *more: real(self, folder, data + b"x", *more))
    assert statuses(archive.apply([step(archive, of(ANNA))])) == [(Status.FAILED, "mailbox.not_kept")]
    assert contents(archive) == [CONTENT.replace(b"\r\n", b"\n")]
    (source, *_) = archive.sources
    assert isinstance(source.mail, ImapStore)
    assert TOKEN.search(contents(archive)[0]) is None
