"""Looking into a bundle, and encrypted copies of it to download, for a user of the desk who may.

What leaves the desk is what the person gets: an encrypted ZIP. Its passphrase is shown once, to whoever made it, and is
kept nowhere; the file waits for an hour in the store of bundles, where it is of no use without it. Every step leaves
its entry before anything is shown (promise SECURE).
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from privacy.errors import PrivacyError, Refused, Tampered
from privacy.rights.delivering import Handed, deliver
from privacy.rights.encrypting import encrypted, opened
from privacy.rights.opening import DOWNLOADED, OPENED
from privacy.rights.passphrases import passphrase
from privacy.rights.payload import Broken, Copied, GlassGround
from privacy.storage import translated

if TYPE_CHECKING:
    from privacy.rights.house import House

COPY_FOR = timedelta(hours=1)
"""So long a copy waits to be downloaded."""

_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks. :param actor: as the ledger names them. :param user: Airflow's id."""

    actor: str
    user: str


@dataclass(frozen=True, slots=True)
class Made:
    """A copy that waits. :param passphrase: of it; shown to whoever made it, once."""

    copied: Copied
    passphrase: str = field(repr=False)


def blocked(house: House, number: str) -> bool:
    """Whether the data of a request's subject are not to be processed at all. :raises Refused: it was forgotten."""
    subject = house.register.open(number).subject
    return subject is not None and house.stops.blocks(subject)


def break_glass(house: House, number: str, ground: GlassGround, because: str, who: Who) -> Broken:
    """See :meth:`privacy.rights.opening.Opening.break_glass`."""
    return house.register.break_glass(
        number, ground, because, author=who.actor, user=who.user, blocked=blocked(house, number)
    )


@contextmanager
def look(house: House, number: str, reason: str, who: Who, *, leaves: bool = False) -> Iterator[BinaryIO]:
    """The ZIP in a bundle, in the clear, for as long as the block takes; the entry stands before that.

    :param reason: what is looked at, for the ledger. :param leaves: a copy is to be made of it.
    :raises Refused: see :meth:`privacy.rights.opening.Opening.openable`. :raises Tampered: ``bundle.altered``.
    """
    shut = blocked(house, number)
    found = house.register.openable(number, user=who.user, blocked=shut, leaves=leaves)
    with opened(house, number, found.ref, found.secret) as inner:
        house.register.unlock(
            number, OPENED, author=who.actor, user=who.user, blocked=shut, leaves=leaves, reason=reason
        )
        yield inner


def make(house: House, number: str, who: Who, *, again: bool = False) -> Made:
    """Make an encrypted copy, to be downloaded within the hour.

    :param again: another one, whose passphrase takes the place of one that was shown before.
    :raises Refused: ``bundle.copied``: there is one, and its passphrase was shown; others as :func:`look`.
    """
    before = house.register.open(number).copied
    if before is not None and house.clock.now() < before.until and not again:
        raise Refused(
            "bundle.copied", "There is a copy to download, and its passphrase was shown; it is shown once.",
            where=house.register.get(number).number,
            advice="If it is lost, make a new copy: it has a passphrase of its own, and the earlier one goes.",
        )  # fmt: skip
    word = passphrase()
    with look(house, number, "copy", who, leaves=True) as inner, encrypted(house, number, inner, word) as file:
        return Made(_kept(house, number, file.content, file.digest, file.size, who), word)


def hand_over(house: House, number: str, passphrase_by: str, who: Who, *, again: bool = False) -> tuple[Handed, Copied]:
    """Deliver a released copy as a file that is handed over or posted; it waits to be downloaded within the hour.

    :param passphrase_by, again: see :func:`privacy.rights.delivering.deliver`.
    :raises Refused: as :func:`look` and :func:`privacy.rights.delivering.deliver`.
    """
    house.register.openable(number, user=who.user, blocked=blocked(house, number), leaves=True)
    house.settings.staging.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        translated("staging"),
        tempfile.TemporaryDirectory(prefix="open-", dir=house.settings.staging) as folder,
    ):
        out = Path(folder) / "copy.zip"
        done = deliver(house, number, passphrase_by, who.actor, out=out, again=again)
        with out.open("rb") as file:
            return done, _kept(house, number, file, done.digest, done.bytes, who)


@contextmanager
def fetch(house: House, number: str, who: Who) -> Iterator[tuple[Copied, IO[bytes]]]:
    """The copy that waits, which is what was recorded; the entry stands before its first byte is given.

    :returns: what it is, and its content, a file that is gone with the block.
    :raises Refused: ``bundle.no_copy``; others as :func:`look`. :raises Tampered: ``bundle.altered``.
    """
    copied, ref = house.register.open(number).copied, house.register.bundle(number)
    shut = blocked(house, number)
    house.register.openable(number, user=who.user, blocked=shut, leaves=True)
    over = copied is None or ref is None or house.clock.now() >= copied.until or copied.bundle != ref.outer_sha256
    if copied is None or over:
        raise Refused(
            "bundle.no_copy", "There is no copy to download, or its hour is over.", where=number,
            advice="Make one on the request's page; its passphrase is shown once.",
        )  # fmt: skip
    with translated("staging"), tempfile.TemporaryFile(dir=house.settings.staging) as file:
        digest = hashlib.sha256()
        with house.bundles.open(copied.path) as stored:
            while block := stored.read(_BLOCK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != copied.digest:
            raise Tampered(
                "bundle.altered", "The copy is not the file that was recorded; nothing was given.", where=number,
                advice="Make a new copy, and look who may write to the store of bundles.",
            )  # fmt: skip
        house.register.unlock(
            number, DOWNLOADED, author=who.actor, user=who.user, blocked=shut, leaves=True, digest=copied.digest,
            bytes=copied.bytes,
        )  # fmt: skip
        file.seek(0)
        yield copied, file


def _kept(house: House, number: str, content: BinaryIO, digest: str, size: int, who: Who) -> Copied:
    ref = house.register.bundle(number)
    assert ref is not None  # noqa: S101 - it was opened
    path, now = f"{house.register.get(number).number}/{uuid.uuid4()}.zip", house.clock.now()
    copied = Copied(
        path=path, digest=digest, bytes=size, bundle=ref.outer_sha256, author=who.actor, at=now, until=now + COPY_FOR
    )
    with house.bundles.write(copied.path) as target:
        while block := content.read(_BLOCK):
            target.write(block)
    before = house.register.copied(number, copied)
    if before is not None:
        # Where it cannot go now, the nightly purge takes it.
        with suppress(PrivacyError):
            house.bundles.delete(before.path)
    return copied
