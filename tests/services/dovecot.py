"""A private Dovecot over TLS: mailboxes are Maildirs in its folder, the certificate's authority is made for it."""

from __future__ import annotations

import base64
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from imapclient import IMAPClient

from privacy.connections import Connection
from privacy.orchestration.embedded import free_port
from services.serving import Process, program, running

MOST = 500
"""So many users it has."""

PASSWORD = "een wachtwoord: @/%#"
OWNER = 5000
"""Whose the Maildirs are where this runs as root: Dovecot gives root no mail. It needs no name on the machine."""

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
mail_location = maildir:{folder}/mail/%n
mail_fsync = never
mail_max_userip_connections = 1000
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
passdb {{
  driver = passwd-file
  args = scheme=plain username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{more}
"""


class Authority:
    """A certificate authority of a test, and a server's certificate for 127.0.0.1 and localhost.

    :param folder: gets ``ca.pem``, ``server.pem`` and ``server.key``.
    """

    def __init__(self, folder: Path, *, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> None:
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of a test")])
        authority = _certificate(name, name, top, top, x509.BasicConstraints(ca=True, path_length=0), ())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        server = _certificate(subject, name, own, top, x509.BasicConstraints(ca=False, path_length=None), hosts)
        self.ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        self.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def serving(self) -> ssl.SSLContext:
        """What a server of Python's shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey,
    basic: x509.BasicConstraints, hosts: tuple[str, ...],
) -> x509.Certificate:  # fmt: skip
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).add_extension(basic, critical=True)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    if hosts:
        names = [_name(host) for host in hosts]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(signer, hashes.SHA256())


def _name(host: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)


class Dovecot:
    """A running Dovecot with one user at a time.

    :param folder: its own, which its mail user can reach.
    """

    def __init__(self, folder: Path, more: str) -> None:
        self.folder, self.count = folder, 0
        self.port, self.starttls = free_port(), free_port()
        self.process: Process | None = None
        self.authority = Authority(folder)
        root = os.getuid() == 0
        user = "" if root else _me()
        self.owner = OWNER if root else os.getuid()
        (folder / "home").mkdir()
        self.users(PASSWORD)
        self.empty()
        (folder / "dovecot.conf").write_text(
            CONFIGURATION.format(
                folder=folder, port=self.port, starttls=self.starttls, more=more % {"folder": folder}, uid=self.owner,
                gid=OWNER if root else os.getgid(), internal="dovecot" if root else user,
                group="dovecot" if root else _group(), login="dovenull" if root else user,
            )
        )  # fmt: skip

    def users(self, password: str) -> None:
        """Set the password of all users; Dovecot looks for another after a second or two."""
        coded = base64.b64encode(password.encode()).decode()  # A colon would end the field.
        users = (f"archief{n}@diamonto.example:{{PLAIN.b64}}{coded}:::::\n" for n in range(1, MOST + 1))
        (self.folder / "users").write_text("".join(users))

    def give(self) -> None:
        """Make the mailbox the mail user's, whoever put files into it."""
        if os.getuid() == 0:
            for path in (self.folder / "home", self.folder / "mail", self.mail, *self.mail.rglob("*")):
                os.chown(path, OWNER, OWNER, follow_symlinks=False)

    def connection(
        self, *, port: int | None = None, scheme: str = "imaps", password: str = PASSWORD, **options: str
    ) -> Connection:
        """What the data map's name stands for."""
        port = port or (self.port if scheme == "imaps" else self.starttls)
        url = f"{scheme}://{quote(self.user, safe='')}:{quote(password, safe='')}@127.0.0.1:{port}/"
        return Connection("mail", url, {"ca_file": str(self.authority.ca)} | options)

    @contextmanager
    def client(self) -> Iterator[IMAPClient]:
        """A mail program of somebody else."""
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        with IMAPClient("127.0.0.1", self.port, ssl_context=context, timeout=30) as client:
            client.login(self.user, PASSWORD)
            yield client

    def empty(self) -> None:
        """Have another user, with a mailbox that nobody opened yet: what the last one's sessions still write is theirs."""
        self.count += 1
        assert self.count <= MOST
        self.user = f"archief{self.count}@diamonto.example"
        self.mail = self.folder / "mail" / f"archief{self.count}"
        self.mail.mkdir(parents=True)
        self.give()


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _group() -> str:
    import grp

    return grp.getgrgid(os.getgid()).gr_name


@contextmanager
def dovecot(more: str = "") -> Iterator[Dovecot]:
    """A Dovecot that answers, until the block ends.

    :param more: more of its configuration; ``%(folder)s`` is its folder.
    """
    # Not in pytest's own folders: those are closed to other users, and a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    try:
        folder.chmod(0o755)
        server = Dovecot(folder, more)
        command = [program("dovecot"), "-F", "-c", str(folder / "dovecot.conf")]

        def answers() -> bool:
            with server.client():
                return True

        with running(command, folder, answers, seconds=30) as process:
            server.process = process
            yield server
    except BaseException:
        with suppress(OSError):
            print((folder / "dovecot.log").read_text()[-3000:])  # noqa: T201 - pytest shows it where a test fails
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
