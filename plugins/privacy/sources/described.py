"""What can be said of a data map's sources without opening a store: for a check where there is none (CI)."""

from __future__ import annotations

from collections.abc import Iterator

from privacy.datamap.load import DataMap
from privacy.datamap.models import System, did_you_mean
from privacy.errors import BadConfiguration
from privacy.sources import KINDS
from privacy.sources.base import Problem
from privacy.sources.sql_text import one_select

NEEDS = {
    "weblogs": ("prefix", "format"),
    "records": ("prefix", "names", "records"),
    "files": ("prefix", "names"),
    "mailbox": ("mailbox",),
}
"""What a dataset of a kind of source says of its store (see ``privacy.datamap.stores``)."""


def mistakes(datamap: DataMap) -> Iterator[Problem]:
    """Kinds of source that there are not, datasets that lack what theirs needs, and SELECTs that cannot be.

    Whether tables and columns of a SELECT exist only the store can tell (:meth:`Source.check`).
    """
    for system in datamap.systems.values():
        if system.source not in KINDS:
            said = f"There is no kind of source {system.source!r}{did_you_mean(system.source, KINDS)}."
            yield Problem("sources.unknown", said, system.system, f"Correct `source:` in {system.system}.yaml.")
        for name, dataset in system.datasets.items():
            lacks = [field for field in NEEDS.get(system.source, ()) if getattr(dataset, field) is None]
            if lacks:
                yield Problem(
                    "datamap.layout",
                    f"A dataset of {system.source} says where it lies: {', '.join(f'`{field}:`' for field in lacks)}.",
                    f"{system.system}.{name}",
                    f"Write it in {system.system}.yaml.",
                )
        if system.source == "sql":
            yield from _selects(datamap, system)


def _selects(datamap: DataMap, system: System) -> Iterator[Problem]:
    for file in sorted((datamap.home / "sql" / system.system).glob("*.sql")):
        name = file.name.split(".")[0]
        where = f"{system.system}.{name}"
        if name not in system.datasets:
            yield Problem(
                "sql.no_dataset", "No dataset reads this file.", f"sql/{system.system}/{file.name}",
                f"Describe the dataset in {system.system}.yaml, or remove the file.", fatal=False,
            )  # fmt: skip
            continue
        try:
            one_select(file.read_text(encoding="utf-8-sig"), where)
        except BadConfiguration as problem:
            yield Problem(problem.code, problem.message, problem.where, problem.advice)
        except (OSError, UnicodeDecodeError):
            yield Problem("sql.unreadable", f"{file.name} cannot be read as UTF-8.", where, "Write it as UTF-8.")
