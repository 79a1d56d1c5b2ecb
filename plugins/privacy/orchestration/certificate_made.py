"""A certificate for a server of an installation's own network, and the authority that signed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = 10
"""So long it is valid: nobody outside of this network trusts it, and no one can renew it but by hand."""


def certificate(host: str, now: datetime | None = None) -> dict[str, str]:
    """Draw an authority and a server's certificate. The authority's key is thrown away: it signs nothing else.

    :param host: the server's name or address, as who connects to it writes it.
    :param now: an aware moment from which they are valid, less a day for clocks that go wrong; None: this one.
    :returns: PEM: ``ca`` (the authority), ``certificate`` and ``key`` (PKCS #8) of the server.
    """
    begin = (now or datetime.now(UTC)) - timedelta(days=1)
    end = begin + timedelta(days=YEARS * 365)
    top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Privacy pipelines, this installation's own authority")

    def signed(subject: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]) -> str:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        about = x509.AuthorityKeyIdentifier.from_issuer_public_key(top.public_key())
        made = made.add_extension(about, critical=False)
        for extension, critical in extensions:
            made = made.add_extension(extension, critical=critical)
        return made.sign(top, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    serving = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    authority = signed(
        issuer, top.public_key(), (x509.BasicConstraints(ca=True, path_length=0), True), (_usage(signs=True), True)
    )
    server = signed(
        _name(host), own.public_key(), (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([_host(host)]), False), (serving, False), (_usage(signs=False), True),
    )  # fmt: skip
    key = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"ca": authority, "certificate": server, "key": key}


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Of a key that signs certificates, or of one that a server proves itself with."""
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
