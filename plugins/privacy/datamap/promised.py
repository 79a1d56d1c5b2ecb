"""The policy and the data map held against each other: words of the statement that no dataset gives a meaning.

The other way round is no matter of a check: a purpose, processor, promise or category that the policy does not have
does not load (``privacy.datamap.load``).
"""

from __future__ import annotations

from collections.abc import Iterator

from privacy.datamap.completeness import Finding
from privacy.datamap.load import DataMap


def unnamed(datamap: DataMap) -> list[Finding]:
    """Categories, purposes and processors of the policy that no dataset names; none of them is red.

    A statement may speak of more than is held today; a word for something that was given up should go.
    """
    return [*_categories(datamap), *_named(datamap), *_subjects(datamap)]


def _categories(datamap: DataMap) -> Iterator[Finding]:
    policy = datamap.policy
    held = {word.nl for ref in datamap for c in ref.dataset.columns.values() if (word := policy.category(c.category))}
    for word in {word.nl: word for word in policy.categories.values()}.values():
        if word.nl not in held:
            place = f"its section {word.section!r} speaks of it" if word.section else "its list names it"
            yield _finding(
                "policy.category_unheld",
                word.nl,
                f"No column of any dataset is of this category of the statement ({place}).",
                "Give the columns that hold it their category, or take the word out of policy and statement.",
            )


def _named(datamap: DataMap) -> Iterator[Finding]:
    purposes = {purpose for ref in datamap for purpose in ref.dataset.purposes}
    processors = {processor for ref in datamap for processor in ref.dataset.processors}
    processors |= {ref.dataset.delivery.processor for ref in datamap if ref.dataset.delivery is not None}
    for what, known, used, where in (
        ("purpose", datamap.policy.purposes, purposes, "where data are used so"),
        ("processor", datamap.policy.processors, processors, "at the datasets that it gets"),
    ):
        for name in known:
            if name not in used:
                yield _finding(
                    f"policy.{what}_unnamed",
                    name,
                    f"No dataset names this {what}.",
                    f"Name it {where}, or take it out of policy and statement.",
                )


def _subjects(datamap: DataMap) -> Iterator[Finding]:
    kinds = {kind for ref in datamap for kind in ref.dataset.kinds}
    for kind in datamap.policy.subjects:
        if kind not in kinds:
            yield _finding(
                "policy.subject_unknown",
                kind,
                "No dataset finds people by this identity kind.",
                "Correct it under `subjects:` of the policy.",
            )


def _finding(code: str, name: str, message: str, advice: str) -> Finding:
    return Finding("policy", name, message, advice, code, red=False)
