"""The policy and the data map held against each other: words that no dataset gives a meaning, terms that nobody keeps.

The other way round is no matter of a check: a purpose, processor, promise or category that the policy does not have
does not load (``privacy.datamap.load``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from privacy.datamap.completeness import Finding
from privacy.datamap.load import DataMap
from privacy.datamap.policy import Term

YEAR = timedelta(days=365)
"""How long somebody's look at a processor's setting lasts."""


def unnamed(datamap: DataMap) -> list[Finding]:
    """What the policy speaks of in vain: categories, purposes and processors that no dataset names, and promises that
    are not kept whole yet. None of it is red.

    A statement may speak of more than is held today; a word for something that was given up should go.
    """
    return [*_categories(datamap), *_named(datamap), *_subjects(datamap), *_not_yet(datamap)]


def unconfirmed(datamap: DataMap, today: date) -> list[Finding]:
    """Settings against further use by a processor that nobody has looked at for a year (GA-NOSHARE). Amber."""
    return [
        _finding(
            "policy.setting_unconfirmed", name,
            f"That it uses the data for nothing of its own was confirmed on {use.confirmed}, more than a year ago.",
            "Look at its setting, and write the day into `no_further_use: {confirmed: ...}`.",
        )
        for name, processor in datamap.policy.processors.items()
        if (use := processor.no_further_use) is not None and today - use.confirmed > YEAR
    ]  # fmt: skip


def unproven(datamap: DataMap) -> list[Finding]:
    """Terms that nobody keeps: no rule of a purge proves the promise, or takes a dataset that is under it. All red.

    A promise whose term ends with an event has none; neither has a dataset that names nobody and has no start.
    """
    policy = datamap.policy
    rules = [rule for purge in policy.purges.values() for rule in purge.rules.values()]
    proven = {promise for rule in rules for promise in rule.promises}
    purged = {full for rule in rules for full in rule.datasets}
    found = [
        Finding(
            "policy", name, f"No rule keeps the term of {name} ({_words(promise.term)}), so nothing proves it.",
            "Add a rule with this promise under `purges:` of the policy.", "policy.unproven",
        )
        for name, promise in policy.promises.items()
        if promise.term is not None and bounded(promise.term) and name not in proven
    ]  # fmt: skip
    for ref in datamap:
        dataset = ref.dataset
        term = policy.promises[dataset.promise].term
        if term is None or not bounded(term) or ref.full in purged or dataset.delivery is not None:
            continue
        dated = dataset.starts is not None or dataset.follows is not None
        if dated or dataset.people:
            begins = "" if dated else ", and say what its term counts from (`starts`) or what it `follows`"
            found.append(
                Finding(
                    ref.system.system, ref.name,
                    f"It is under {dataset.promise} ({_words(term)}), and no rule purges it: it is kept for ever.",
                    f"Add it to the datasets of a rule of {dataset.promise}{begins}.", "datamap.unpurged",
                )
            )  # fmt: skip
    return found


def bounded(term: Term) -> bool:
    """Whether a term ends with time, and not with an event."""
    return bool(term.keep_at_least or term.keep_at_most)


def _words(term: Term | None) -> str:
    assert term is not None  # noqa: S101 - of a promise that has one
    bounds = (("at least", term.keep_at_least), ("at most", term.keep_at_most))
    return ", ".join(f"{word} {period}" for word, period in bounds if period is not None)


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


def _not_yet(datamap: DataMap) -> Iterator[Finding]:
    for id, promise in datamap.policy.promises.items():
        if promise.not_yet is not None:
            yield _finding(
                "policy.not_yet", id, f"Not kept whole yet: {promise.not_yet}.",
                "Build it, and take `not_yet` out of the promise.",
            )  # fmt: skip


def _finding(code: str, name: str, message: str, advice: str) -> Finding:
    return Finding("policy", name, message, advice, code, red=False)
