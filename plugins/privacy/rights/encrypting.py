"""What was sealed as a ZIP that any archiver opens with a passphrase (AES-256): so a copy leaves the house.

What was sealed is inside it as it was sealed, one file: not even the names of its files can be read without it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import pyzipper

from privacy.bundle.open import unseal
from privacy.storage import translated

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import BundleRef

_BLOCK = 2**20


@contextmanager
def opened(house: House, number: str, ref: BundleRef, secret: str) -> Iterator[BinaryIO]:
    """The ZIP that was sealed, which is what the register recorded; a file without a name, gone with the block.

    :param secret: the request's age identity.
    :raises Tampered: ``bundle.altered``, ``bundle.cannot_open``. :raises Refused: ``bundle.purged``.
    """
    with (
        house.sealed_bundle(number) as sealed,
        translated("staging"),
        tempfile.TemporaryFile(dir=house.settings.staging) as plain,
    ):
        with sealed.open("rb") as file:
            unseal(file, plain, secret, inner_sha256=ref.inner_sha256, outer_sha256=ref.outer_sha256)
        plain.seek(0)
        yield cast(BinaryIO, plain)


@dataclass(frozen=True, slots=True)
class Encrypted:
    """An encrypted ZIP. :param content: from its beginning. :param digest: its sha256; ``size`` in bytes."""

    content: BinaryIO
    digest: str
    size: int


@contextmanager
def encrypted(house: House, number: str, inner: BinaryIO, passphrase: str) -> Iterator[Encrypted]:
    """The encrypted ZIP around another one; a file without a name, gone with the block."""
    with translated("staging"), tempfile.TemporaryFile(dir=house.settings.staging) as file:
        # What is in it is compressed already.
        with pyzipper.AESZipFile(file, "w", compression=pyzipper.ZIP_STORED, encryption=pyzipper.WZ_AES) as archive:
            archive.setpassword(passphrase.encode())
            archive.setencryption(pyzipper.WZ_AES, nbits=256)
            at = house.clock.now()
            moment = (at.year, at.month, at.day, at.hour, at.minute, at.second)
            info = archive.zipinfo_cls(f"{number}.zip", date_time=moment)
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=True) as member:
                while block := inner.read(_BLOCK):
                    member.write(block)
        size, digest = file.tell(), hashlib.sha256()
        file.seek(0)
        while block := file.read(_BLOCK):
            digest.update(block)
        file.seek(0)
        yield Encrypted(cast(BinaryIO, file), digest.hexdigest(), size)
