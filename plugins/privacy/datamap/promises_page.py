"""Each promise of the statement, what keeps it and which tests show that: the page ``docs/promises.md``.

A promise that names a pipeline which does not exist, or that no test names, is an error, unless the policy says what
is missing (``not_yet``): then it is amber, on the page and in ``privacy datamap check``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from privacy.datamap.completeness import Finding
from privacy.datamap.policy import Policy, Promise

_PIPELINE = re.compile(r"\b(?:purge|export|erase|rectify|restrict|object|watch|verify|notify|index|clean)_[a-z_]+\b")
_WORD = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Kept:
    """One promise.

    :param pipelines: the DAGs that keep it and are there. :param missing: those that are named and are not.
    :param tests: files that name it, relative to the folder above the tests', sorted.
    """

    id: str
    promise: Promise
    pipelines: tuple[str, ...]
    missing: tuple[str, ...]
    tests: tuple[str, ...]


def kept(policy: Policy, dags: Path, tests: Path) -> list[Kept]:
    """What keeps each promise, in the policy's order.

    :param dags: the folder of DAG files, one a pipeline. :param tests: the folder of tests. A test counts for a promise
        when its file names it by its id; one that names most of them, a list, counts for none.
    """
    there = {file.stem for file in dags.glob("*.py")}
    naming = _naming(policy, tests)
    found = []
    for id, promise in policy.promises.items():
        rules = [name for name, purge in policy.purges.items() if any(id in r.promises for r in purge.rules.values())]
        named = dict.fromkeys([*_PIPELINE.findall(promise.kept_by), *rules])
        found.append(
            Kept(
                id,
                promise,
                tuple(n for n in named if n in there),
                tuple(n for n in named if n not in there),
                naming.get(id, ()),
            )
        )
    return found


def problems(found: list[Kept]) -> Iterator[Finding]:
    """Promises of which nothing shows that they are kept, and the policy does not say what is missing. All red."""
    for one in found:
        if one.promise.not_yet is not None:
            continue  # `privacy datamap check` tells of it: :func:`privacy.datamap.promised.unnamed`.
        for name in one.missing:
            yield Finding(
                "policy", one.id, f"It is to be kept by {name}, which does not exist.",
                "Write that DAG, or say under `not_yet` what is missing.", "policy.no_pipeline",
            )  # fmt: skip
        if not one.tests:
            yield Finding(
                "policy", one.id, "No test names it.",
                "Name it in the test that shows it kept, or say under `not_yet` what is missing.", "policy.no_test",
            )  # fmt: skip


def page(policy: Policy, found: list[Kept], proofs: Mapping[str, str] | None = None) -> str:
    """The page, in Markdown; the same for the same policy, DAGs and tests.

    :param proofs: of an installation: promise -> its last proof, in words; then there is a column of them.
    """
    open_ = sum(one.promise.not_yet is not None for one in found)
    lines = [
        "# The promises", "",
        f"What {policy.controller}'s statement of {policy.in_force} promised, what keeps it, and tests that show it.",
        "Written by `privacy datamap promises` from `policy/`, `dags/` and `tests/`: change those, not this.", "",
        f"{len(found)} promises, of which {open_} are not kept whole yet.", "",
    ]  # fmt: skip
    head = ["promise", "kept by", "tests", *(["last proof"] if proofs is not None else [])]
    lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for one in found:
        by = one.promise.kept_by + (f" **Not yet:** {one.promise.not_yet}" if one.promise.not_yet else "")
        cells = [f"**{one.id}** {one.promise.title.en}", by, " ".join(f"`{name}`" for name in one.tests)]
        cells += [proofs.get(one.id, "none")] if proofs is not None else []
        lines.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _naming(policy: Policy, tests: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for file in sorted(tests.rglob("test_*.py")):
        named = set(_WORD.findall(file.read_text(encoding="utf-8")))
        here = [id for id in policy.promises if id in named]
        if len(here) * 2 <= len(policy.promises):
            for id in here:
                found.setdefault(id, []).append(file.relative_to(tests.parent).as_posix())
    return {id: tuple(names) for id, names in found.items()}
