"""What a new version of the policy changes, in plain words, and whose data it touches (promise NOTICE).

A change touches the datasets that are under the promise, held for the purpose, or with the processor. A promise that no
dataset is under is about all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from privacy.datamap.models import Text

KINDS = ("promises", "purposes", "processors", "datasets", "contact")
"""In the order in which changes are told."""

_BASES = {
    "consent": ("toestemming", "consent"), "contract": ("de overeenkomst", "the contract"),
    "legal_obligation": ("een wettelijke plicht", "a legal obligation"),
    "legitimate_interest": ("een gerechtvaardigd belang", "a legitimate interest"),
    "vital_interest": ("een vitaal belang", "a vital interest"), "public_task": ("een publieke taak", "a public task"),
}  # fmt: skip
_UNITS = {
    "Y": ("jaar", "jaar", "year", "years"), "M": ("maand", "maanden", "month", "months"),
    "W": ("week", "weken", "week", "weeks"), "D": ("dag", "dagen", "day", "days"),
    "H": ("uur", "uur", "hour", "hours"), "N": ("minuut", "minuten", "minute", "minutes"),
    "S": ("seconde", "seconden", "second", "seconds"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    :param kind: of :data:`KINDS`. :param name: of what: a promise's id, a purpose ... :param words: in plain words.
    :param datasets: full names of those whose people it touches.
    """

    kind: str
    name: str
    words: Text
    datasets: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"kind": self.kind, "name": self.name, "nl": self.words.nl, "en": self.words.en,
            "datasets": list(self.datasets)}  # fmt: skip


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What differs between the contents of two versions (:func:`privacy.rights.policy_versions.content`).

    Versions and dates are no changes. Each difference is told once, in a stable order.
    """
    found: list[Change] = []
    for kind in KINDS[:3]:
        for name in sorted({*old[kind], *new[kind]}):
            before, after = old[kind].get(name), new[kind].get(name)
            if before != after:
                found.append(Change(kind, name, _words(kind, before, after), _touched(kind, name, old, new)))
    found += _of_datasets(old, new)
    if old["contact"] != new["contact"] or old["controller"] != new["controller"]:
        words = Text(nl="Onze contactgegevens zijn veranderd.", en="Our contact details have changed.")
        found.append(Change("contact", "contact", words, _people(new)))
    return found


def touched(found: list[Change]) -> tuple[str, ...]:
    """The datasets whose people are written to."""
    return tuple(sorted({name for change in found for name in change.datasets}))


def digest(old: str | None, new: str, found: list[Change]) -> str:
    """sha256 of what an operator approves: from which version to which, and every change."""
    said = [old, new, [change.as_json() for change in found]]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _touched(kind: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The datasets on people that there are now, which it was or is about."""

    def about(dataset: Mapping[str, Any]) -> bool:
        return bool(dataset["promise"] == name if kind == "promises" else name in dataset[kind])

    hit = {full for said in (old, new) for full, dataset in said["datasets"].items() if about(dataset)}
    if kind == "promises" and not hit:
        return _people(new)
    return tuple(sorted(hit & set(new["datasets"])))


def _people(new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(new["datasets"]))


def _of_datasets(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Data that are held for something else, or with somebody else, than before; data that are new touch nobody yet."""
    for full in sorted(set(old["datasets"]) & set(new["datasets"])):
        before, after = old["datasets"][full], new["datasets"][full]
        nl, en = [], []
        for kind, verb_nl, verb_en in (("purposes", "voor", "for"), ("processors", "door", "by")):
            for name in sorted(set(after[kind]) - set(before[kind])):
                title = new[kind][name]["title"]
                nl.append(f"nu ook {verb_nl} {_in(title, 'nl')}")
                en.append(f"now also {verb_en} {_in(title, 'en')}")
            for name in sorted(set(before[kind]) - set(after[kind])):
                title = (old[kind].get(name) or new[kind].get(name))["title"]
                nl.append(f"niet meer {verb_nl} {_in(title, 'nl')}")
                en.append(f"no longer {verb_en} {_in(title, 'en')}")
        if before["promise"] != after["promise"]:
            nl.append(f"onder een andere belofte: {_in(new['promises'][after['promise']]['title'], 'nl')}")
            en.append(f"under another promise: {_in(new['promises'][after['promise']]['title'], 'en')}")
        if nl:
            words = Text(
                nl=f"“{after['title']['nl']}” gebruiken wij {'; '.join(nl)}.",
                en=f"“{after['title']['en']}” is used {'; '.join(en)}.",
            )
            yield Change("datasets", full, words, (full,))


def _words(kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Text:
    said = after or before
    assert said is not None  # noqa: S101 - one of the two versions has it
    title = {language: _in(said["title"], language) for language in ("nl", "en")}
    nl, en = {
        "promises": ("Belofte", "Promise"), "purposes": ("Doel", "Purpose"), "processors": ("Verwerker", "Processor"),
    }[kind]  # fmt: skip
    if before is None:
        more = _more(kind, said)
        return Text(nl=f"Nieuw. {nl}: {title['nl']}{more[0]}.", en=f"New. {en}: {title['en']}{more[1]}.")
    if after is None:
        return Text(nl=f"Vervallen. {nl}: {title['nl']}.", en=f"Dropped. {en}: {title['en']}.")
    parts = [part for part in _parts(kind, before, after) if part is not None]
    return Text(
        nl=f"{nl} “{title['nl']}”: {'; '.join(p[0] for p in parts)}.",
        en=f"{en} “{title['en']}”: {'; '.join(p[1] for p in parts)}.",
    )


def _more(kind: str, said: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "purposes":
        basis = _BASES[said["basis"]]
        return f" (op grond van {basis[0]})", f" (on the basis of {basis[1]})"
    if kind == "processors":
        return f" ({said['service']['nl']}; {said['country']})", f" ({said['service']['en']}; {said['country']})"
    term = _term(said["term"])
    return (f" ({term[0]})", f" ({term[1]})") if term[0] else ("", "")


def _parts(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str] | None]:
    def part(nl: str, en: str, was: tuple[str, str], now: tuple[str, str]) -> tuple[str, str]:
        return (
            f"{nl} was {was[0] or 'geen'}, wordt {now[0] or 'geen'}",
            f"{en} was {was[1] or 'none'}, becomes {now[1] or 'none'}",
        )

    if before["title"] != after["title"]:
        yield part("de naam", "the name", _both(before["title"]), _both(after["title"]))
    if kind == "promises":
        if before["term"] != after["term"]:
            yield part("de bewaartermijn", "the term", _term(before["term"]), _term(after["term"]))
        if before["quote"] != after["quote"]:
            yield (f"er staat nu: {after['quote']}", f"it now says: {after['quote']}")
    elif kind == "purposes":
        if before["basis"] != after["basis"]:
            yield part("de grondslag", "the basis", _BASES[before["basis"]], _BASES[after["basis"]])
        for what, nl, en in (("marketing", "reclame", "marketing"), ("profiling", "profilering", "profiling")):
            if before[what] != after[what]:
                yield (f"is {'nu' if after[what] else 'geen'} {nl}", f"is {'now' if after[what] else 'no longer'} {en}")
    else:
        if before["service"] != after["service"]:
            yield part("wat het doet", "what it does", _both(before["service"]), _both(after["service"]))
        if before["country"] != after["country"]:
            pair = (before["country"],) * 2, (after["country"],) * 2
            yield part("het land", "the country", *pair)
        if before["transfer"] != after["transfer"]:
            none = {"nl": "", "en": ""}
            yield part(
                "doorgifte buiten de EU", "transfer outside the EU", _both(before["transfer"] or none),
                _both(after["transfer"] or none),
            )  # fmt: skip


def _term(term: Mapping[str, Any] | None) -> tuple[str, str]:
    if term is None:
        return "", ""
    nl, en = [], []
    if term["at_least"]:
        nl.append(f"minstens {_period(term['at_least'])[0]}")
        en.append(f"at least {_period(term['at_least'])[1]}")
    if term["at_most"]:
        nl.append(f"hoogstens {_period(term['at_most'])[0]}")
        en.append(f"at most {_period(term['at_most'])[1]}")
    if term["condition"]:
        nl.append(term["condition"]["nl"])
        en.append(term["condition"]["en"])
    if term["counts_from"] == "end_of_financial_year":
        nl.append("vanaf het einde van het boekjaar")
        en.append("from the end of the financial year")
    for kind in term["kinds"].values():
        own = _term(kind["term"])
        nl.append(f"{_in(kind['title'], 'nl')}: {own[0]}")
        en.append(f"{_in(kind['title'], 'en')}: {own[1]}")
    return ", ".join(nl), ", ".join(en)


def _period(text: str) -> tuple[str, str]:
    """``P12M`` in words."""
    nl, en, number, time = [], [], "", False
    for letter in text[1:]:
        if letter == "T":
            time = True
        elif letter.isdigit():
            number += letter
        else:
            one_nl, many_nl, one_en, many_en = _UNITS["N" if letter == "M" and time else letter]
            nl.append(f"{number} {one_nl if number == '1' else many_nl}")
            en.append(f"{number} {one_en if number == '1' else many_en}")
            number = ""
    return " en ".join(nl), " and ".join(en)


def _both(title: Any) -> tuple[str, str]:
    return _in(title, "nl"), _in(title, "en")


def _in(title: Any, language: str) -> str:
    return str(title if isinstance(title, str) else title[language])
