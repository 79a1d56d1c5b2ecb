"""A dataset's own SELECT as files: which one a kind of database takes, and the parts that several share.

``sql/<system>/<dataset>.sql`` serves every database that reads it; ``<dataset>.<dialect>.sql`` goes before it. A line
``-- part: <name>`` stands for what ``sql/<system>/parts/<name>.sql`` says (again, the dialect's own goes before it): so
a rule that several datasets follow, such as when the term of an order begins, is written once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from privacy.errors import BadConfiguration

_PART = re.compile(r"^[ \t]*-- part: (?P<name>\S+)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def file_of(folder: Path, name: str, dialects: Sequence[str]) -> Path:
    """The file that counts, whether it is there or not.

    :param folder: ``sql/<system>``, or its ``parts``. :param name: of the dataset, or the part.
    :param dialects: what may stand between name and ``.sql``, the first that is there counts: ``("mysql", "servers")``.
    """
    files = [folder / f"{name}.{dialect}.sql" for dialect in dialects]
    return next((file for file in files if file.is_file()), folder / f"{name}.sql")


def text_of(file: Path, dialects: Sequence[str], where: str) -> str:
    """A SELECT, with its parts in their places.

    :param where: the dataset's full name, for errors.
    :raises BadConfiguration: ``sql.no_file``, ``sql.no_part``, ``sql.unreadable``: naming the file.
    """

    def part(found: re.Match[str]) -> str:
        if not _NAME.fullmatch(found["name"]):
            raise BadConfiguration("sql.no_part", f"{found['name']!r} names no part of a SELECT.", where=where)
        text = _read(file_of(file.parent / "parts", found["name"], dialects), "sql.no_part", where)
        if _PART.search(text):
            raise BadConfiguration(
                "sql.no_part", f"The part {found['name']} asks for a part itself.", where=where,
                advice="Write it out: a part stands for itself.",
            )  # fmt: skip
        return text.rstrip()

    return _PART.sub(part, _read(file, "sql.no_file", where))


def _read(file: Path, missing: str, where: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        what = "SELECT" if missing == "sql.no_file" else "part of the SELECT"
        raise BadConfiguration(missing, f"The {what} is missing.", where=where, advice=f"Write it in {file}.") from None
    except (OSError, UnicodeDecodeError):
        raise BadConfiguration("sql.unreadable", f"{file.name} cannot be read as UTF-8.", where=where) from None
