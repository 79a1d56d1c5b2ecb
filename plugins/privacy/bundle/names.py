"""Names of files in a bundle, made of what a store calls them: safe on every file system, each one once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
"""Names that are devices on Windows, whatever follows the dot."""

NEUTRAL = "original"
"""The name of a file whose own is not given, or has nothing in it that may stay."""


def safe(name: str) -> str:
    """A file's own name, for a path: no folder, no ``..``, nothing that a file system or a shell would read."""
    return _plain(PurePosixPath(name.replace("\\", "/")).name)


def safe_path(name: str) -> str:
    """The same with its folders in it, for files of one name in two folders."""
    return _plain(name.replace("\\", "/").strip("/").replace("/", "_"))


def _plain(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    # The end of a long name is what tells it apart, and has its extension.
    kept = kept.lstrip(".")[-150:].lstrip("._-").rstrip(".") or NEUTRAL
    return f"_{kept}" if kept.partition(".")[0].upper() in _RESERVED else kept


def unique(names: Sequence[str | None], ending: str = "") -> list[str]:
    """A name in the bundle for each of these, in their order; with its folders where two share one.

    :param names: as the store has them; None: not given, so a neutral one.
    :param ending: what each ends with, e.g. ``.eml``; left out: the extension of its own.
    """
    own = [NEUTRAL if name is None else safe(name) for name in names]
    # Some file systems take two names that differ in case for one.
    times = Counter(name.casefold() for name in own)
    taken: set[str] = set()
    tries: dict[str, int] = {}
    found: list[str] = []
    for name, short in zip(names, own, strict=True):
        wanted = short if name is None or times[short.casefold()] == 1 else safe_path(name)
        wanted = wanted if wanted.endswith(ending) else wanted + ending
        found.append(_free(wanted, taken, tries))
    return found


def unpacked(names: Iterable[str]) -> list[str]:
    """The names of what is in these gz files."""
    return [name.removesuffix(".gz") for name in names]


def _free(wanted: str, taken: set[str], tries: dict[str, int]) -> str:
    path, folded = PurePosixPath(wanted), wanted.casefold()
    made, n = wanted, tries.get(folded, 1)
    while made.casefold() in taken:
        n += 1
        made = f"{path.stem}-{n}{path.suffix}"
    # The next of this name need not try them all again.
    tries[folded] = n
    taken.add(made.casefold())
    return made
