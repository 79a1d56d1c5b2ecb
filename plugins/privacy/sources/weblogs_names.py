"""What the names of log files say: whether a file is a log, which log it is of, whether it was rotated."""

from __future__ import annotations

import re

from privacy.storage import TEMPORARY

_PLAIN = re.compile(r"(log|log[._-]?[0-9][0-9T._-]*|[0-9][0-9T._-]*)")
_ARCHIVES = (".tar.gz", ".json.gz", ".sql.gz")

_ROTATED = re.compile(
    r"(?P<log>.+?)(?P<day>[._-]\d{4}[._-]?\d\d[._-]?\d\d[\dT._-]*?)?(?P<end>\.log)?"
    r"(?P<after>\.\d[\dT._-]*|[._-]\d{6}[\dT._-]*|(?<=\.log)[._-]?\d[\dT._-]*)?"
)


def log_of(key: str) -> tuple[str, bool]:
    """Which log a plain file is of (its name without what rotation put into it), and whether it was rotated."""
    found = _ROTATED.fullmatch(key)
    if found is None:
        return key, False
    return found["log"] + (found["end"] or ""), bool(found["day"] or found["after"])


def is_log(key: str) -> bool:
    """Whether a file is read as a log, by its name.

    ``*.gz``, and plain files: no suffix, ``.log``, or one of digits (``access.log.1``, ``access.log-20251125``).
    """
    name = key.rpartition("/")[2]
    if name.startswith(".") or name.endswith(TEMPORARY):
        return False
    if name.endswith(".gz"):
        return not name.endswith(_ARCHIVES)
    _, dot, suffix = name.rpartition(".")
    return not dot or bool(_PLAIN.fullmatch(suffix))
