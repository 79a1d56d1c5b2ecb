"""Letters over SMTP: with TLS to whom the certificate names, once, and with nothing of a person in what is told of it."""

from __future__ import annotations

import email
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from privacy.connections import Connection, EnvironmentConnections
from privacy.datamap.models import Text
from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, RetryLater
from privacy.letters import Letter, Post, outbox
from privacy.orchestration.embedded import free_port
from services.dovecot import Authority
from services.imap_kit import line

USER, PASSWORD = "avg@werkplaats.example", "een wachtwoord: @/%#"
TO = "anna.jansen@post.example"
SENDER = Contact(
    name="De Wérkplaats", address=("Dorpsstraat 1",), email="baas@werkplaats.example", authority=Text(nl="a", en="a"),
    authority_url="https://a.example",
)  # fmt: skip
LETTER = Letter("brief-1", TO, "Bewaar: één", "Beste Anna,\n\n.\n.tot ziens €\n", datetime(2026, 11, 20, 8, tzinfo=UTC))


class Server:
    """A mail server of a test, and what it took in.

    :param says: what it says, by command, instead of taking it.
    """

    def __init__(
        self, authority: Authority, *, starttls: bool, says: dict[str, str] | None = None, tls: bool = True
    ) -> None:
        self.says, self.taken, self.logins = says or {}, list[Envelope](), 0
        self.authority, self.scheme = authority, "smtp" if starttls else "smtps"
        context = authority.serving() if tls else None
        more: dict[str, Any] = {"authenticator": self.login, "auth_require_tls": tls}
        if starttls and tls:
            more |= {"tls_context": context, "require_starttls": True}
        elif tls:
            more |= {"ssl_context": context, "auth_require_tls": False}
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), **more)
        self.port: int = self.controller.port

    def login(
        self, _server: object, _session: object, _envelope: object, _how: str, given: LoginPassword
    ) -> AuthResult:
        self.logins += 1
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False, message=self.says.get("AUTH"))

    async def handle_MAIL(self, _s: object, _x: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        envelope.mail_from, envelope.mail_options = address, options
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(self, _s: object, _x: Session, envelope: Envelope, address: str, _o: list[str]) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, _s: object, _x: Session, envelope: Envelope) -> str:  # noqa: N802
        said = self.says.get("DATA", "250 2.0.0 queued as anna.jansen@post.example")
        if said.startswith("250"):
            self.taken.append(envelope)
        return said

    def connection(self, *, port: int | None = None, password: str = PASSWORD, **options: str) -> Connection:
        url = f"{self.scheme}://{quote(USER, safe='')}:{quote(password, safe='')}@127.0.0.1:{port or self.port}/"
        return Connection("letters", url, {"ca_file": str(self.authority.ca)} | options)

    def send(self, letter: Letter = LETTER, **options: Any) -> str:
        return Post(self.connection(**options), SENDER).send(letter)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def serving(authority: Authority, **more: Any) -> Iterator[Server]:
    server = Server(authority, **more)
    server.controller.start()
    try:
        yield server
    finally:
        server.controller.stop()


@pytest.fixture(params=[True, False], ids=["starttls", "tls"])
def server(authority: Authority, request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(authority, starttls=request.param) as its:
        yield its


def silent(problem: PrivacyError) -> None:
    for secret in (TO, "anna", "jansen", USER, "avg@", PASSWORD, "quote"):
        assert secret not in f"{problem!s} {problem!r}".lower()
    assert problem.__cause__ is None
    assert problem.__suppress_context__ or problem.__context__ is None


def test_a_letter_comes_whole_to_whom_it_is_for_and_the_answer_is_a_number(server: Server) -> None:
    assert server.send() == "250"
    (taken,) = server.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("baas@werkplaats.example", [TO])
    assert isinstance(taken.content, bytes)
    found = email.message_from_bytes(taken.content, policy=default)
    assert found.get_content().replace("\r\n", "\n") == LETTER.text
    assert (found["To"], found["Subject"], found["Message-ID"]) == (TO, LETTER.subject, "<brief-1@werkplaats.example>")
    assert server.logins == 1


def test_the_installation_sends_by_a_server_where_its_connection_says_so(server: Server, tmp_path: Path) -> None:
    url = server.connection().url + "?ca_file=" + quote(str(server.authority.ca), safe="")
    its = outbox(EnvironmentConnections({"PRIVACY_CONNECTION_LETTERS": url}), tmp_path, SENDER)
    assert its.send(LETTER) == "250"
    assert len(server.taken) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("says", "kind", "code"),
    [("451 4.3.0 wait, quote anna.jansen@post.example", RetryLater, "letters.later"),
     ("421 4.3.2 quote anna.jansen@post.example", RetryLater, "letters.later"),
     ("550 5.1.1 quote anna.jansen@post.example unknown", GiveUp, "letters.refused"),
     ("552 5.2.2 full", GiveUp, "letters.refused")],
)  # fmt: skip
def test_what_the_server_says_decides_whether_it_is_tried_again(
    server: Server, command: str, says: str, kind: type[PrivacyError], code: str
) -> None:
    server.says[command] = says
    with pytest.raises(kind, match=rf"{code}.*\({says[:3]}\)") as stopped:
        server.send()
    silent(stopped.value)
    assert not server.taken
    del server.says[command]
    assert server.send() == "250"


def test_a_password_that_is_no_longer_right_is_told_without_it_or_the_login(server: Server) -> None:
    with pytest.raises(BadConfiguration, match=r"letters\.login") as stopped:
        server.send(password="een oud wachtwoord")
    silent(stopped.value)
    assert not server.taken
    server.says["AUTH"] = "454 4.7.0 later, avg@werkplaats.example"
    with pytest.raises(RetryLater, match=r"letters\.later.*\(454\)") as later:
        server.send(password="een oud wachtwoord")
    silent(later.value)


def test_a_certificate_that_is_not_of_the_authority_named_gets_no_password(server: Server, tmp_path: Path) -> None:
    other = Authority(tmp_path).ca
    for ca_file in (str(other), ""):
        with pytest.raises(BadConfiguration, match=r"letters\.certificate") as stopped:
            server.send(ca_file=ca_file)
        silent(stopped.value)
    with pytest.raises(BadConfiguration, match=r"letters\.ca_file"):
        server.send(ca_file=str(tmp_path / "none.pem"))
    assert server.logins == 0


def test_a_certificate_of_another_host_gets_no_password(tmp_path: Path) -> None:
    with serving(Authority(tmp_path, hosts=("mail.elsewhere.example",)), starttls=True) as server:
        with pytest.raises(BadConfiguration, match=r"letters\.certificate"):
            server.send()
        assert server.logins == 0


def test_a_server_without_tls_gets_neither_password_nor_letter(authority: Authority) -> None:
    with serving(authority, starttls=True, tls=False) as server:
        with pytest.raises(BadConfiguration, match=r"letters\.no_tls") as stopped:
            server.send()
        silent(stopped.value)
        assert (server.logins, server.taken) == (0, [])


def test_a_line_that_is_cut_anywhere_is_tried_again_and_the_letter_comes(server: Server) -> None:
    """A letter that was taken while the line broke comes again, under the same Message-ID."""
    with line(server.port) as whole:
        assert server.send(port=whole.port) == "250"
    cut = 0
    for most in range(0, whole.came, 100):
        server.taken.clear()
        with line(server.port, most) as broken:
            for _ in range(3):
                try:
                    assert server.send(port=broken.port) == "250"
                    break
                except RetryLater as problem:
                    cut += told(problem)
        ids = {email.message_from_bytes(bytes(e.content or b""))["Message-ID"] for e in server.taken}
        assert ids == {"<brief-1@werkplaats.example>"}
        assert len(server.taken) <= 2
    assert cut >= 5
    with pytest.raises(RetryLater, match=r"letters\.unreachable"):
        server.send(port=free_port())


def told(problem: PrivacyError) -> bool:
    silent(problem)
    assert problem.code == "letters.unreachable"
    return True


def test_an_address_is_sent_to_as_the_dns_has_it_or_not_at_all(server: Server) -> None:
    with pytest.raises(BadInput, match=r"letters\.not_ascii"):
        server.send(replace(LETTER, to="ännä@post.example"))
    with pytest.raises(BadConfiguration, match=r"letters\.address"):
        server.send(replace(LETTER, to="a@b.example\r\nRCPT TO:<c@d.example>"))
    with pytest.raises(BadInput, match=r"letters\.id"):
        server.send(replace(LETTER, id="x>\r\nBcc: c@d.example"))
    assert not server.taken
    server.send(replace(LETTER, to="anna@müller.example"))
    assert server.taken[0].rcpt_tos == ["anna@xn--mller-kva.example"]


def test_nothing_of_a_letter_gets_into_a_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        server.send()
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("mail.", "asyncio"))]
    assert not any(TO in text or PASSWORD in text for text in ours)


@pytest.mark.parametrize("url", ["smtps:///", "smtp://host.example:x/", "ftp://host.example/"])
def test_a_connection_that_names_no_server_says_what_to_write(url: str) -> None:
    with pytest.raises(BadConfiguration, match=r"letters\.connection.*smtps://user"):
        Post(Connection("letters", url), SENDER)
