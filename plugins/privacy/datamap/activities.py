"""The records of processing activities (art. 30(1) GDPR), written from data map and policy: no fact stands twice.

English, with the Dutch titles that the statement and the reports use. What the article asks for, and from where:

=====================================  ==============================================================
art. 30(1)                             from
=====================================  ==============================================================
(a) controller, contact                ``policy/``: ``controller``, ``contact``
(b) purposes                           ``purposes`` of policy and datasets
(c) categories of subjects and data    ``subjects`` and ``categories`` of the policy; columns
(d) recipients                         ``processors`` of policy and datasets
(e) transfers                          ``country`` and ``transfer`` of a processor
(f) time limits                        the promise of a dataset, and its term
(g) security measures                  ``security`` of the policy
=====================================  ==============================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import REQUEST, Column, Dataset, Text
from privacy.datamap.policy import Period, Term

_BASES = {
    "consent": "consent (a)",
    "contract": "contract (b)",
    "legal_obligation": "legal obligation (c)",
    "vital_interest": "vital interest (d)",
    "public_task": "public task (e)",
    "legitimate_interest": "legitimate interest (f)",
}
_GLOBAL = {"email": "E-mail address", "phone": "Phone number", "device_id": "Device", "ip": "IP address"}


def activities(datamap: DataMap) -> str:
    """The whole document, in Markdown; the same for the same data map and policy."""
    lines = [*_head(datamap), *_overviews(datamap)]
    for system in datamap.systems.values():
        lines += ["", f"## {_both(system.title)}: `{system.system}`", ""]
        lines += [f"Kind of store: {system.source}. Who answers for it: {_cell(system.owner)}."]
        if system.excused:
            lines += ["", *_table(("not described", "why"), ((f"`{e.name}`", e.why) for e in system.excused))]
        for name, dataset in system.datasets.items():
            lines += _dataset(datamap, Ref(system, name, dataset))
    return "\n".join(lines) + "\n"


def _head(datamap: DataMap) -> Iterator[str]:
    policy = datamap.policy
    contact = policy.contact
    yield "# Records of processing activities"
    yield ""
    yield "Art. 30(1) GDPR. Written by `privacy datamap records` from `datamap/` and `policy/`: change those, not this."
    yield ""
    yield from _table(
        ("", ""),
        (
            ("Controller (verwerkingsverantwoordelijke)", policy.controller),
            ("Contact", ", ".join((contact.name, *contact.address, contact.email))),
            ("Supervisory authority", f"{contact.authority.en}, <{contact.authority_url}>"),
            ("Privacy statement", f"version {policy.version}, in force since {policy.in_force.isoformat()}"),
            ("Whole dates count in", policy.zone),
        ),
    )


def _overviews(datamap: DataMap) -> Iterator[str]:
    policy = datamap.policy
    by_purpose = _index(datamap, lambda ref: ref.dataset.purposes)
    yield from ("", "## Purposes", "")
    yield from _table(
        ("purpose", "legal basis, art. 6(1)", "datasets"),
        (
            (
                _both(purpose.title) + " (marketing)" * purpose.marketing + " (profiling)" * purpose.profiling,
                _BASES[purpose.basis],
                _listed(by_purpose[name]),
            )
            for name, purpose in policy.purposes.items()
        ),
    )
    by_kind = _index(datamap, lambda ref: sorted(ref.dataset.kinds - {REQUEST}))
    people: dict[str, list[str]] = {}
    for kind in by_kind:
        people.setdefault(subject_of(datamap, kind), []).append(kind)
    yield from ("", "## Categories of people", "")
    yield from _table(
        ("who", "known by", "datasets"),
        (
            (who, ", ".join(f"`{kind}`" for kind in kinds), _listed(name for kind in kinds for name in by_kind[kind]))
            for who, kinds in people.items()
        ),
    )
    by_category = _index(datamap, lambda ref: [word.nl for word in categories_of(datamap, ref)])
    words = {word.nl: word for word in policy.categories.values()}
    yield from ("", "## Categories of data", "")
    yield from _table(
        ("the statement's word", "where it stands there", "datasets"),
        (
            (_both(word), word.section or "its list of categories", _listed(by_category[nl]))
            for nl, word in words.items()
        ),
    )
    by_processor = _index(datamap, _processors)
    yield from ("", "## Recipients: processors, and transfers outside the EEA", "")
    yield from _table(
        ("who", "what for", "country", "agreement of", "transfer", "datasets"),
        (
            (
                p.name,
                _both(p.service),
                p.country,
                p.agreement.isoformat(),
                p.transfer.en if p.transfer else "none",
                _listed(by_processor[name]),
            )
            for name, p in policy.processors.items()
        ),
    )
    by_promise = _index(datamap, lambda ref: [ref.dataset.promise])
    yield from ("", "## Time limits", "")
    yield from _table(
        ("promise", "", "time limit", "datasets"),
        (
            (
                f"`{name}`",
                _both(promise.title),
                titled_terms([*promise.term.kinds.values(), promise.term]),
                _listed(by_promise[name]),
            )
            for name, promise in policy.promises.items()
            if promise.term is not None
        ),
    )
    yield from ("", "## Security measures", "")
    yield from [f"* {_cell(_both(measure))}" for measure in policy.security] or ["None is named in the policy."]


def _index(datamap: DataMap, words_of: Callable[[Ref], Iterable[str]]) -> defaultdict[str, list[str]]:
    """Word -> the full names of the datasets that have it, in the data map's order."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for ref in datamap:
        for word in words_of(ref):
            found[word].append(ref.full)
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names)) or "no dataset"


def _processors(ref: Ref) -> list[str]:
    """Who holds a dataset, and who delivers it."""
    delivery = ref.dataset.delivery
    return list(dict.fromkeys([*ref.dataset.processors, *([delivery.processor] if delivery else [])]))


def facts(datamap: DataMap, ref: Ref) -> dict[str, str]:
    """What the records say of a dataset, in English: about whom, purposes, categories, recipients, time limit, ..."""
    policy, dataset = datamap.policy, ref.dataset
    return {
        "About": _about(datamap, dataset),
        "Purposes": ", ".join(policy.purposes[name].title.en for name in dataset.purposes),
        "Categories of data": ", ".join(word.en for word in categories_of(datamap, ref)) or "none",
        "Source": dataset.source.en,
        "Processors": ", ".join(policy.processors[name].name for name in _processors(ref)) or "none",
        "Time limit": f"{titled_terms(policy.terms_of(dataset).values())} (`{dataset.promise}`), "
        f"{_starts(datamap, dataset)}",
        "Access": _access(dataset),
        "Erasure": _erasure(dataset),
        "Owner": dataset.owner,
    }


def _dataset(datamap: DataMap, ref: Ref) -> Iterator[str]:
    dataset = ref.dataset
    yield from ("", f"### {_both(dataset.title)}: `{ref.full}`", "", _cell(dataset.description.en), "")
    yield from _table(("", ""), facts(datamap, ref).items())
    yield ""
    yield from _table(
        ("column", "what it is", "category", "provenance"),
        (
            (
                f"`{name}`" + (f" (identity: {column.identity})" if column.identity else ""),
                column.description.en + (" (left out of copies)" if column.access else ""),
                f"`{column.category}`",
                column.provenance.value,
            )
            for name, column in dataset.columns.items()
        ),
    )


def categories_of(datamap: DataMap, ref: Ref) -> list[Text]:
    """The statement's words for what a dataset holds of people, each once, in the order of its columns.

    A record's own number, or a customer's, tells records apart and is no more than that, unless there is nothing else.
    """
    if not ref.dataset.people:
        return []
    columns = {n: c for n, c in ref.dataset.columns.items() if not _only_a_number(datamap, ref, n, c)}
    words = (datamap.policy.category(column.category) for column in (columns or ref.dataset.columns).values())
    return list({word.nl: word for word in words if word is not None}.values())


def _only_a_number(datamap: DataMap, ref: Ref, name: str, column: Column) -> bool:
    kind = datamap.kind(column.identity) if column.identity else None
    number = column.category == "user.unique_id" or column.category.partition(".")[0] == "system"
    return number and (name in ref.dataset.key or (kind is not None and kind.person))


def subject_of(datamap: DataMap, kind: str) -> str:
    """The category of people whom an identity kind identifies; without a word in the policy, the kind's own name."""
    if kind in datamap.policy.subjects:
        return _both(datamap.policy.subjects[kind])
    declared = datamap.kind(kind)
    return _both(declared.title) if declared is not None else _GLOBAL.get(kind, kind)


def term_words(term: Term | None) -> str:
    """A term for people, in English."""
    if term is None:
        return "no term"
    parts = [f"at least {_period(term.keep_at_least)}"] if term.keep_at_least else []
    parts += [f"at most {_period(term.keep_at_most)}"] if term.keep_at_most else []
    said = ", ".join(parts)
    if parts and term.counts_from == "end_of_financial_year":
        said += " from the end of the financial year"
    said = "; ".join(filter(None, (said, term.condition.en if term.condition else "")))
    if term.decided is not None:
        said += f"; decided by {term.decided.by} on {term.decided.on.isoformat()}: {term.decided.why}"
    return said


def titled_terms(terms: Collection[Term]) -> str:
    """The terms of several kinds of records, in English, each with what it is of; of one alone, just that."""
    if len(terms) == 1:
        return "".join(map(term_words, terms))
    return "; ".join(f"{_both(term.title)}: {term_words(term)}" if term.title else term_words(term) for term in terms)


def _period(period: Period) -> str:
    years, months = divmod(period.months, 12) if period.months % 12 == 0 and period.months > 12 else (0, period.months)
    hours, seconds = divmod(period.seconds, 3600)
    counted = ((years, "year"), (months, "month"), (period.days, "day"), (hours, "hour"), (seconds, "second"))
    return " and ".join(f"{n} {unit}{'s' * (n > 1)}" for n, unit in counted if n)


def _about(datamap: DataMap, dataset: Dataset) -> str:
    if not dataset.people:
        why = getattr(dataset.subject, "nobody", "")
        return f"nobody: {why.en if isinstance(why, Text) else why}"
    known = [kind for kind in sorted(dataset.kinds) if kind != REQUEST]
    people = ", ".join(dict.fromkeys(subject_of(datamap, kind) for kind in known)) or "whom a request is about"
    return people if len(dataset.people) == 1 else f"{people}; as {', '.join(dataset.people)}"


def _starts(datamap: DataMap, dataset: Dataset) -> str:
    if dataset.follows is not None:
        return f"goes with {datamap[dataset.follows].dataset.title.en} (`{dataset.follows}`)"
    if dataset.starts is None:
        return "no column starts it"
    kind = f", by the kind in `{dataset.starts.kind}`" if dataset.starts.kind else ""
    return f"from `{dataset.starts.column}`{kind}"


def _access(dataset: Dataset) -> str:
    if dataset.access is not None:
        return f"withheld: {dataset.access.ground.en}"
    redacted = {column.access.ground.en for column in dataset.columns.values() if column.access is not None}
    said = f"given; some columns left out: {', '.join(sorted(redacted))}" if redacted else "given"
    private = [name for name, party in dataset.people.items() if party.private]
    said += f"; what is private to the {' and the '.join(private)} is left out for the others" if private else ""
    return said if dataset.people else "given to nobody"


def _erasure(dataset: Dataset) -> str:
    erasure = dataset.erasure
    if erasure.do == "set":
        return f"emptied or replaced: {', '.join(erasure.set or {})}"
    if erasure.do == "retain":
        return f"kept until: {erasure.why}"
    return "deleted"


def _both(text: Text) -> str:
    return text.en if text.en == text.nl else f"{text.en} ({text.nl})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(text: str) -> str:
    """A text in one line of Markdown that it cannot break out of."""
    return " ".join(text.split()).replace("|", "\\|")
