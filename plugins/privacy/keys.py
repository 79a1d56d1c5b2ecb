"""The master key, and everything that is sealed with it.

One file holds 32 random bytes (base64). From it come, by HKDF, the key that wraps other keys, the key that signs the
ledger's head, and the keys of keyed digests. Sealing is AES-256-GCM (``cryptography``), bound to what it is *about*:
a sealed text copied to another row does not open there.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privacy.errors import BadConfiguration, Tampered

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """A fresh random key of 32 bytes."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, plain: bytes, *, about: str) -> str:
    """Encrypt ``plain`` so that only ``key`` opens it, and only as being about ``about``.

    :returns: base64 text: a random nonce and the AES-256-GCM ciphertext.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, about.encode())).decode()


def unseal(key: bytes, sealed: str, *, about: str) -> bytes:
    """Decrypt what :func:`seal` made.

    :raises Tampered: when the key, the text or what it is about differs from when it was sealed.
    """
    try:
        raw = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode())
    except (InvalidTag, ValueError, binascii.Error):
        raise Tampered(
            "keys.cannot_open",
            "A sealed text does not open with this key.",
            where=about,
            advice="Check that PRIVACY_KEY_FILE is the key that this database was written with.",
        ) from None


class MasterKey:
    """The installation's one secret.

    :param secret: 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise BadConfiguration("keys.length", f"A master key has {KEY_BYTES} bytes, not {len(secret)}.")
        self._secret = secret

    def __repr__(self) -> str:
        return "MasterKey(...)"

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> MasterKey:
        """Read the key file; with ``create``, make one (mode 0600) where there is none.

        :raises BadConfiguration: no such file, or not a key.
        """
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(handle, "wb") as file:
                    file.write(base64.b64encode(new_key()) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
        try:
            return cls(base64.b64decode(path.read_bytes().strip(), validate=True))
        except FileNotFoundError:
            raise BadConfiguration(
                "keys.missing",
                "There is no master key.",
                where=str(path),
                advice="Set PRIVACY_KEY_FILE, or run `privacy init` for a new installation.",
            ) from None
        except (OSError, binascii.Error, BadConfiguration):
            raise BadConfiguration(
                "keys.unreadable", "The master key file does not hold a key.", where=str(path)
            ) from None

    def derive(self, use: str) -> bytes:
        """A key of 32 bytes for one use, the same each time."""
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"privacy/{use}".encode()).derive(
            self._secret
        )

    def wrap(self, key: bytes, *, about: str) -> str:
        """Seal another key under this one."""
        return seal(self.derive("wrap"), key, about=about)

    def unwrap(self, wrapped: str, *, about: str) -> bytes:
        """The key that :meth:`wrap` sealed; :raises Tampered: see :func:`unseal`."""
        return unseal(self.derive("wrap"), wrapped, about=about)

    def signer(self) -> Ed25519PrivateKey:
        """The key that signs the ledger's head."""
        return Ed25519PrivateKey.from_private_bytes(self.derive("ledger-head"))
