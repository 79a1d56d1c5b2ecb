"""Reading an object, and sending one in parts: what :class:`privacy.storage_s3.S3Store` opens and writes."""

from __future__ import annotations

import io
import time
from contextlib import suppress
from typing import Any

from privacy.storage_s3_errors import FAILURES, of, translated

_SKIP = 256 * 1024
"""So many bytes are rather read than asked for anew."""
_CUT = 3
"""So often in a row a connection may be cut before a reader gives up."""
_MOST_PARTS = 10_000


class Reading(io.RawIOBase):
    """The content of one very object, from wherever it is wanted; a connection that is cut is taken up again.

    :param client: boto3's.
    :param about: the arguments of ``get_object`` that name it.
    :param key: for errors.
    :raises Unreadable: ``storage.missing``, ``storage.denied``, right away.
    :raises RetryLater: ``storage.changed``: it was replaced while it was read; ``storage.busy``.
    """

    def __init__(self, client: Any, about: dict[str, str], key: str) -> None:
        super().__init__()
        self._client, self._about, self._key = client, dict(about), key
        self._at = 0
        answer = self._get(None)
        self._body: Any = answer["Body"]
        self._size = int(answer["ContentLength"])
        # From here on only this one will do.
        self._about["IfMatch"] = answer["ETag"]
        if answer.get("VersionId"):
            self._about["VersionId"] = answer["VersionId"]

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """How far it has been read, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on from elsewhere; nothing is asked for yet."""
        to = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if to < 0:
            raise ValueError("negative seek position")
        if to != self._at:
            ahead = to - self._at
            if self._body is not None and 0 < ahead <= _SKIP and to <= self._size:
                while self._at < to and self._some(to - self._at):
                    pass
            else:
                self._drop()
            self._at = to
        return to

    def readinto(self, buffer: Any) -> int:
        """See :class:`io.RawIOBase`."""
        with memoryview(buffer).cast("B") as view:
            data = self._some(len(view))
            view[: len(data)] = data
            return len(data)

    def close(self) -> None:
        """Let the connection go."""
        if not self.closed:
            self._drop()
        super().close()

    def _some(self, size: int) -> bytes:
        """Up to so many bytes from here on; none: its end."""
        if self._at >= self._size or not size:
            return b""
        for cut in range(_CUT + 1):
            try:
                if self._body is None:
                    self._body = self._get(f"bytes={self._at}-")["Body"]
                data: bytes = self._body.read(size)
                if not data:
                    raise OSError  # Its end came before its length was reached.
                self._at += len(data)
                return data
            except FAILURES as problem:
                self._drop()
                if cut == _CUT:
                    raise of(problem, self._key) from None
                time.sleep(0.1 * 2**cut)
        raise AssertionError  # Unreachable.

    def _get(self, part: str | None) -> Any:
        try:
            return self._client.get_object(**self._about, **({} if part is None else {"Range": part}))
        except FAILURES as problem:
            raise of(problem, self._key) from None

    def _drop(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            with suppress(Exception):
                body.close()


class Sending(io.RawIOBase):
    """What is written is sent in parts, and appears nowhere until :meth:`complete`; :meth:`abort` takes it back.

    :param about: the arguments that name the object, for every request; ``made``: those of its properties.
    :param key: for errors.
    :param part: bytes of a part; an object of less is sent in one request.
    :param several: in parts however small it is: its ETag shows that then.
    """

    def __init__(
        self, client: Any, about: dict[str, str], made: dict[str, Any], key: str, *, part: int, several: bool
    ) -> None:
        super().__init__()
        self._client, self._about, self._made, self._key = client, about, made, key
        self._part, self._several = part, several
        self._held = bytearray()
        self._sent: list[dict[str, Any]] = []
        self._upload: str | None = None
        self._total = 0

    def writable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """How much has been written, in bytes."""
        return self._total

    def write(self, data: Any) -> int:
        """See :class:`io.RawIOBase`; takes all of it."""
        with memoryview(data) as given, given.cast("B") as view:
            size = len(view)
            self._held += view
        self._total += size
        with translated(self._key):
            while len(self._held) >= self._size():
                self._send(self._size())
        return size

    def complete(self, condition: dict[str, str]) -> Any:
        """Put it in place. :param condition: ``IfMatch`` or ``IfNoneMatch``. :returns: the server's answer."""
        if self._upload is None and not self._several:
            return self._client.put_object(**self._about, **self._made, **condition, Body=bytes(self._held))
        if self._held or not self._sent:
            self._send(len(self._held))
        return self._client.complete_multipart_upload(
            **self._about, **condition, UploadId=self._upload, MultipartUpload={"Parts": self._sent}
        )

    def abort(self) -> None:
        """Take back what was sent. What cannot be is left to :meth:`privacy.storage.Store.sweep`."""
        if self._upload is not None:
            with suppress(*FAILURES):
                self._client.abort_multipart_upload(**self._about, UploadId=self._upload)

    def _size(self) -> int:
        # An object has 10,000 parts at most: those of a long one grow.
        return self._part << (len(self._sent) * 8 // _MOST_PARTS)

    def _send(self, size: int) -> None:
        if self._upload is None:
            self._upload = str(self._client.create_multipart_upload(**self._about, **self._made)["UploadId"])
        number = len(self._sent) + 1
        answer = self._client.upload_part(
            **self._about, UploadId=self._upload, PartNumber=number, Body=bytes(self._held[:size])
        )
        self._sent.append({"PartNumber": number, "ETag": answer["ETag"]})
        del self._held[:size]
