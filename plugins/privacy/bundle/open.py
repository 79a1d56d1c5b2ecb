"""Opening a sealed bundle."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyrage

from privacy.bundle.check import check_bundle, harmless
from privacy.errors import BadInput, Refused, Tampered
from privacy.storage import translated

__all__ = ["check_bundle", "open_bundle", "unseal"]

_BLOCK = 2**20


def open_bundle(
    sealed: Path | BinaryIO,
    secret: str,
    to: Path,
    *,
    inner_sha256: str | None = None,
    outer_sha256: str | None = None,
) -> None:
    """Unseal a bundle into a folder, which appears whole or not at all.

    :param sealed: the file, or its content. :param secret: the request's age identity (``AGE-SECRET-KEY-1...``).
    :param to: made here (mode 0700); may be there if it is empty.
    :param inner_sha256, outer_sha256: what was recorded of the ZIP and of the sealed file.
    :raises Refused: ``bundle.exists``: there is something in ``to``.
    :raises Tampered: ``bundle.altered``: another digest than recorded; ``bundle.cannot_open``: changed, cut off, or
        sealed for another key; ``bundle.unsafe``: a name in it leads out of the folder.
    """
    identity = _identity(secret)
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise Refused(
            "bundle.exists",
            "There is something there; nothing is overwritten.",
            where=str(to),
            advice="Name a new folder.",
        )
    with translated(str(to)):
        to.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target: the ZIP in the clear, without a name, and a folder that takes the target's name at the end.
        with tempfile.TemporaryFile(dir=to.parent) as plain:
            with sealed.open("rb") if isinstance(sealed, Path) else nullcontext(sealed) as file:
                _unseal(file, plain, identity, inner_sha256, outer_sha256)
            partial = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
            try:
                _unpack(plain, partial)
                partial.replace(to)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise


def unseal(
    sealed: BinaryIO,
    plain: IO[bytes],
    secret: str,
    *,
    inner_sha256: str | None = None,
    outer_sha256: str | None = None,
) -> None:
    """The ZIP that was sealed, written to ``plain``.

    :param sealed: the file's content; the others as for :func:`open_bundle`.
    :raises Tampered: ``bundle.altered``, ``bundle.cannot_open``. :raises BadInput: ``bundle.identity``.
    """
    _unseal(sealed, plain, _identity(secret), inner_sha256, outer_sha256)


def _identity(secret: str) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(secret)
    except pyrage.IdentityError:
        raise BadInput("bundle.identity", "That is no age identity.") from None


def _unseal(
    sealed: BinaryIO, plain: IO[bytes], identity: Any, inner_sha256: str | None, outer_sha256: str | None
) -> None:
    source, target = _Hashing(sealed), _Hashing(plain)
    try:
        pyrage.decrypt_io(source, target, [identity])
    except (pyrage.DecryptError, OSError):
        if source.error or target.error:
            raise (source.error or target.error or OSError()) from None
        raise Tampered(
            "bundle.cannot_open",
            "The sealed bundle does not open: it was changed, cut off, or sealed for another key.",
            advice="Restore it from a backup, or start the export again.",
        ) from None
    # Whatever stands behind the age file's end is part of the file that was recorded.
    while source.read(_BLOCK):
        pass
    for recorded, digest, what in ((outer_sha256, source.digest, "sealed file"), (inner_sha256, target.digest, "ZIP")):
        if recorded is not None and digest.hexdigest() != recorded:
            raise Tampered("bundle.altered", f"The sha256 of the {what} is not what was recorded.")
    plain.flush()


def _unpack(plain: IO[bytes], to: Path) -> None:
    try:
        with zipfile.ZipFile(plain) as archive:
            members = archive.infolist()
            if len({info.filename for info in members}) != len(members):
                raise _unsafe()
            for info in members:
                if not harmless(info.filename) or stat.S_ISLNK(info.external_attr >> 16) or info.is_dir():
                    raise _unsafe()
            for info in members:
                target = to / info.filename
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with archive.open(info) as source, os.fdopen(os.open(target, flags, 0o600), "wb") as file:
                    shutil.copyfileobj(source, file, _BLOCK)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise Tampered("bundle.cannot_open", "What was sealed is no whole ZIP.") from None


def _unsafe() -> Tampered:
    return Tampered(
        "bundle.unsafe", "A name in the bundle leads out of its folder, or stands twice; nothing was written."
    )


class _Hashing:
    """A file that is read or written, with the sha256 of what passed, and what went wrong on our side."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        data = cast("bytes", self._kept(self._file.read, size))
        self.digest.update(data)
        return data

    def write(self, data: bytes) -> int:
        self._kept(self._file.write, data)
        self.digest.update(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def _kept(self, call: Any, argument: object) -> object:
        try:
            return call(argument)
        except BaseException as problem:
            self.error = problem
            raise
