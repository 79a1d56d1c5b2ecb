"""What goes wrong with a mail server: cut lines, refused logins, other numbers, missing rights. Nothing is half done."""

from __future__ import annotations

import logging
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from privacy.connections import Connection
from privacy.errors import BadConfiguration, PrivacyError, RetryLater, Unreadable
from privacy.sources.base import Delete, Due, Outcome, Selection, Status, Step
from privacy.sources.mailbox_imap_server import MailServer, _login
from services.dovecot import PASSWORD, Authority, Dovecot, dovecot
from services.imap_kit import Served, line, served
from sources.mailbox_kit import ANNA, BRAM, mail, moment, of

ACL = """
mail_plugins = acl
plugin {
  acl = vfile:%(folder)s/acl
}
"""
BARE = "imap_capability = IMAP4rev1 LITERAL+ NAMESPACE\n"
"""Without UIDPLUS, and without ID: no name of the server."""


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def bare() -> Iterator[Dovecot]:
    with dovecot(BARE) as running:
        yield running


@pytest.fixture
def archive(server: Dovecot) -> Iterator[Served]:
    with served(server) as its:
        yield its


def statuses(outcomes: list[Outcome]) -> list[tuple[Status, str]]:
    return [(o.status, o.reason) for o in outcomes]


def silent(problem: PrivacyError, archive: Served) -> None:
    """Hold that an error says nobody's name."""
    for text in (str(problem), repr(problem)):
        for secret in (ANNA, BRAM, archive.server.user, archive.server.user.split("@")[0], PASSWORD, "Anna Jansen"):
            assert secret not in text
    assert problem.__cause__ is None
    assert problem.__suppress_context__ or problem.__context__ is None


def was_cut(problem: PrivacyError, archive: Served) -> bool:
    silent(problem, archive)
    assert problem.code == "mailbox.connection"
    return True


def test_a_line_that_is_cut_anywhere_is_tried_again_and_the_result_is_right(archive: Served) -> None:
    """Issue 6: a connection cut in the middle; the same source connects anew."""
    for n in range(30):
        archive.put(mail("x" * 3000, to=ANNA if n % 3 else BRAM), ("INBOX", "Klanten.Anna Jansen")[n % 2])
    wanted = archive.plain.read(ANNA)
    with line(archive.server.port) as whole:
        archive.options = {"port": whole.port}
        assert archive.read(ANNA) == wanted
    cut = 0
    # In the handshake and the login too, of which the client's library says something else.
    for most in (*range(0, 3600, 300), *range(4000, whole.came, max(1, whole.came // 8))):
        with line(archive.server.port, most) as broken:
            archive.options = {"port": broken.port}
            source, selection = archive.source(), Selection("correspondence", of(ANNA))
            for _ in range(4):
                try:
                    rows = [
                        r
                        for p in source.partitions(selection)
                        for b in source.read(selection, p)
                        for r in b.to_pylist()
                    ]
                    break
                except RetryLater as problem:
                    cut += was_cut(problem, archive)
            assert rows == wanted
    assert cut >= 12


@pytest.mark.parametrize("pick", [of(ANNA), Due(moment("2026-05-02T00:00:00"))], ids=["of", "due"])
def test_a_line_that_is_cut_while_messages_are_removed_leaves_none_half_removed(server: Dovecot, pick: object) -> None:
    """Each message is there, as it was, or it is gone; the next try does the rest, and no other message is touched."""
    size, at = 0, 0
    cut = 0
    while at <= size:
        with served(server) as archive:
            for n in range(12):
                archive.put(mail(to=ANNA), at=f"2026-05-{1 + n // 6:02d}T10:00:00", flags=":2,S")
                archive.put(mail(to=BRAM), at="2026-05-03T10:00:00", flags=":2,ST" if n % 2 else ":2,F")
            step = archive.step(pick, Delete())
            before, planned = archive.kept(), {str(item.key[1]) for item in step.items}
            assert len(planned) in (6, 12)
            with line(server.port, at or None) as broken:
                archive.options = {"port": broken.port}
                source = archive.source()
                for _ in range(4):
                    try:
                        outcomes = list(source.apply([step], ()))
                        break
                    except RetryLater as problem:
                        cut += was_cut(problem, archive)
                        now = archive.kept()
                        # What was removed is whole gone; what is there bears no mark of ours.
                        assert all(now[key] == before[key] for key in now)
                        assert {name for _, name in before.keys() - now.keys()} <= planned
                assert {o.status for o in outcomes} <= {Status.DONE, Status.GONE}
                assert {name for _, name in before.keys() - archive.kept().keys()} == planned
                size = size or broken.came
                at += max(1, size // 16)
    assert cut >= 10


def test_what_others_have_marked_for_removal_stays(archive: Served) -> None:
    """UID EXPUNGE, not EXPUNGE."""
    archive.put(mail(to=ANNA))
    other = archive.put(mail(to=BRAM), flags=":2,ST")
    assert statuses(archive.apply([archive.step(of(ANNA), Delete())])) == [(Status.DONE, "")]
    assert [(name, flags) for (_, name), (flags, _) in archive.kept().items()] == [(other, "ST")]


def test_a_server_without_uidplus_is_read_and_nothing_is_removed(bare: Dovecot) -> None:
    with served(bare) as archive:
        archive.put(mail(to=ANNA))
        archive.put(mail(to=BRAM), flags=":2,T")
        before = archive.kept()
        assert len(archive.read(ANNA)) == 1
        step = archive.step(of(ANNA), Delete())
        assert statuses(archive.apply([step])) == [(Status.FAILED, "mailbox.no_uidplus")]
        assert archive.kept() == before
        assert [p.code for p in archive.source().check() if "uidplus" in p.code] == ["mailbox.no_uidplus"]


@pytest.mark.parametrize("lasting", [True, False])
def test_a_mailbox_that_was_made_anew_is_changed_and_not_gone(server: Dovecot, bare: Dovecot, lasting: bool) -> None:
    """UIDVALIDITY: what was planned by the old numbers is nobody's to remove, and is not said to be removed."""
    with served(server if lasting else bare) as archive:
        archive.put(mail(to=ANNA))
        archive.put(mail(to=ANNA))
        step = archive.step(of(ANNA), Delete())
        key = step.items[0].key
        renumber(archive)
        found = statuses(archive.apply([step]))
        assert found == [(Status.CHANGED, "version")] * 2
        assert len(archive.kept()) == 2
        assert archive.step(of(ANNA), Delete()).items != step.items
        if lasting:
            assert archive.original(tuple(map(str, key))) == mail(to=ANNA)
        else:
            with pytest.raises(Unreadable, match=r"mailbox\.renumbered"):
                archive.original(tuple(map(str, key)), ANNA)


def test_a_mailbox_that_is_made_anew_while_it_is_read_is_read_again(archive: Served) -> None:
    for n in range(4):
        archive.put(mail(to=ANNA, Subject=str(n)), "Klanten")
    source, selection = archive.source(batch_rows=1), Selection("correspondence", of(ANNA))
    (partition,) = [p for p in source.partitions(selection) if p.name == "Klanten"]
    with source.opened("correspondence", "Klanten") as folder:
        listed = folder.messages()
        renumber(archive, "Klanten")
        source.mail.folders()
        with source.opened("correspondence", "INBOX"):
            pass
        with pytest.raises(RetryLater, match=r"mailbox\.(renumbered|moved|connection)"):
            list(folder.contents(listed))
    assert sum(batch.num_rows for batch in source.read(selection, partition)) == 4


def renumber(archive: Served, folder: str = "INBOX") -> None:
    """Lose the server's numbers, as a mailbox that is copied from a backup does."""
    archive.close()
    path = archive.folder(folder)
    old = validity(archive, folder)
    for file in [f for f in path.iterdir() if f.name.startswith("dovecot")]:
        file.unlink()
    (path / "dovecot-uidlist").write_text(f"3 V{old + 1} N1\n")
    archive.server.give()
    assert validity(archive, folder) == old + 1


def validity(archive: Served, folder: str) -> int:
    with archive.server.client() as client:
        return int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])


def test_names_by_number_serve_where_the_server_gives_no_better_ones(bare: Dovecot) -> None:
    with served(bare) as archive:
        archive.put(mail(to=ANNA))
        archive.put(mail(to=BRAM), "Klanten")
        (row,), (plain,) = archive.read(ANNA), archive.plain.read(ANNA)
        assert row | {"message": ""} == plain | {"message": ""}
        number, _, uid = row["message"].partition(".")
        assert (int(number), uid) == (validity(archive, "INBOX"), "0000000001")
        assert archive.original((row["folder"], row["message"])) == mail(to=ANNA)


def test_a_message_that_somebody_removes_meanwhile_is_gone_and_never_read_as_another(archive: Served) -> None:
    """Edge case 14."""
    archive.put(mail(to=ANNA))
    archive.put(mail(to=ANNA))
    step = archive.step(of(ANNA), Delete())
    source = archive.source()
    with source.opened("correspondence", "INBOX") as folder:
        listed = folder.messages()
        archive.files()
        with archive.server.client() as client:
            client.select_folder("INBOX")
            client.delete_messages([1])
            client.uid_expunge([1])
        with pytest.raises(RetryLater, match=r"mailbox\.moved"):
            list(folder.contents(listed))
        folder.delete(folder.open(listed[0]))
        folder.delete(folder.open(listed[1]))
        assert folder.settle() == {listed[0].name}
    assert statuses(archive.apply([step])) == [(Status.GONE, "")] * 2


@pytest.mark.parametrize("rights", ["lr", "lrwst"])
def test_who_may_only_read_can_export_and_can_remove_nothing(rights: str) -> None:
    """A read-only account suffices for exports; to mark without the right to expunge is no half removal."""
    with dovecot(ACL) as server, served(server) as archive:
        (server.folder / "acl").write_text(f"* owner {rights}\n")
        archive.put(mail(to=ANNA), flags=":2,S")
        archive.put(mail(to=BRAM), flags=":2,T")
        before = archive.kept()
        step = archive.step(of(ANNA), Delete())
        assert archive.read(ANNA) == archive.plain.read(ANNA)
        with pytest.raises(Unreadable, match=r"mailbox\.denied") as stopped:
            archive.apply([step])
        silent(stopped.value, archive)
        assert archive.kept() == before


def test_a_password_that_is_no_longer_right_is_told_without_it_or_the_login(archive: Served) -> None:
    """Issue 6: an expired password."""
    archive.options = {"password": "een oud wachtwoord"}
    with pytest.raises(BadConfiguration, match=r"mailbox\.login") as stopped:
        archive.read(ANNA)
    silent(stopped.value, archive)
    assert "oud" not in str(stopped.value)
    assert [p.code for p in archive.source().check()] == ["mailbox.login"]
    assert _login("EXPIRED", "mail").code == "mailbox.expired"


def test_a_server_that_is_not_there_or_goes_away_is_tried_again_later() -> None:
    with dovecot() as server, served(server) as archive:
        archive.put(mail(to=ANNA))
        source, selection = archive.source(), Selection("correspondence", of(ANNA))
        partitions = source.partitions(selection)
        assert server.process is not None
        server.process.kill()
        with pytest.raises(RetryLater, match=r"mailbox\.connection"):
            list(source.read(selection, partitions[0]))
        (server.folder / "run" / "master.pid").unlink(missing_ok=True)
        server.process.start()
        server.process.ready(lambda: bool(MailServer(archive.connection(), "mail").names()))
        assert sum(b.num_rows for p in source.partitions(selection) for b in source.read(selection, p)) == 1


def test_a_certificate_that_is_not_of_the_authority_named_gets_no_password(archive: Served, tmp_path: Path) -> None:
    other = Authority(tmp_path).ca
    for options in ({"ca_file": str(other)}, {"ca_file": ""}):
        for scheme in ("imaps", "imap"):
            archive.options = options | {"scheme": scheme}
            with pytest.raises(BadConfiguration, match=r"mailbox\.certificate") as stopped:
                archive.read(ANNA)
            silent(stopped.value, archive)
    archive.options = {"ca_file": str(tmp_path / "none.pem")}
    with pytest.raises(BadConfiguration, match=r"mailbox\.ca_file"):
        archive.read(ANNA)


def test_starttls_is_spoken_where_the_connection_says_imap(archive: Served) -> None:
    archive.put(mail(to=ANNA))
    archive.options = {"scheme": "imap"}
    assert len(archive.read(ANNA)) == 1


def test_a_server_without_tls_gets_no_password() -> None:
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                near, _ = listening.accept()
                near.sendall(b"* OK hello\r\n")
                while data := near.recv(4096):
                    heard.extend(data)
                    tag = data.split()[0]
                    near.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        server = MailServer(Connection("mail", f"imap://anna:geheim@127.0.0.1:{port}/"), "mail")
        with pytest.raises(BadConfiguration, match=r"mailbox\.no_tls"):
            server.names()
    assert b"CAPABILITY" in heard
    assert b"geheim" not in heard


@pytest.mark.parametrize(
    "url", ["imaps://host.example/", "imaps://anna@/", "imaps://anna@host.example:x/", "https://x.example/"]
)
def test_a_connection_that_names_no_server_says_what_to_write(url: str, archive: Served) -> None:
    archive.connection = lambda: Connection("mail", url)  # type: ignore[method-assign]
    with pytest.raises(BadConfiguration, match=r"mailbox\.connection.*imaps://user"):
        archive.source()


def test_a_large_message_is_streamed_and_is_whole(archive: Served) -> None:
    """Edge case 20: 25 MB attachments; and no message is held twice."""
    large = mail("x" * 78 + "\r\n" + ("y" * 78 + "\r\n") * 400_000, to=ANNA)
    archive.put(large)
    (row,) = archive.read(ANNA, on=("to",))
    assert row["size"] == len(large) > 30 * 2**20
    source = archive.source()
    with source.opened("correspondence", "INBOX") as folder:
        folder.messages()
    tracemalloc.start()
    try:
        with source.open("correspondence", (row["folder"], row["message"])) as file:
            size = sum(len(piece) for piece in iter(lambda: file.read(2**16), b""))
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert size == len(large)
    assert archive.original((row["folder"], row["message"])) == large


def test_no_line_of_the_mail_gets_into_a_log(archive: Served, caplog: pytest.LogCaptureFixture) -> None:
    archive.put(mail(to=ANNA))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("imapclient").setLevel(logging.DEBUG)
        assert len(archive.read(ANNA)) == 1
    assert ANNA not in caplog.text
    assert PASSWORD not in caplog.text


def test_a_folder_that_is_not_there_any_more_is_told_and_one_of_a_purge_is_passed_over(archive: Served) -> None:
    archive.put(mail(to=ANNA), "Klanten")
    source = archive.source()
    step = archive.step(of(ANNA), Delete())
    with archive.server.client() as client:
        client.delete_folder("Klanten")
    with pytest.raises(Unreadable, match=r"mailbox\.no_folder"):
        source.partitions(Selection("correspondence", of(ANNA)))
    assert statuses(list(source.apply([Step(step.selection, step.change, step.items)], ()))) == [(Status.GONE, "")]
