"""A file of a part that is being written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO


class Digesting:
    """A new file (mode 0600) that knows its size and sha256; enough of a file for pyarrow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, content: Any) -> int:
        """Add bytes. :returns: how many."""
        data = memoryview(content)
        if self._file is None:
            self._file = self._path.open("r+b")
            self._file.seek(0, os.SEEK_END)
        self._file.write(data)
        self.digest.update(data)
        self.size += data.nbytes
        return data.nbytes

    def rest(self) -> None:
        """Give the handle back until more is written."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Hand what waits to the system."""
        if self._file is not None:
            self._file.flush()

    def writable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """No."""
        return False

    def seekable(self) -> bool:
        """No."""
        return False

    def close(self) -> None:
        """Safe to repeat."""
        if not self.closed:
            self.closed = True
            self.rest()
