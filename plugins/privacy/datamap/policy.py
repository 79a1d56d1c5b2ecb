"""The policy: the privacy statement as data. Promises, terms, purposes, processors, categories, contact.

Terms live here alone (ISO 27555's deletion terms): at least, at most, what they count from, how often the purge runs.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from privacy.datamap.models import (
    CATEGORIES,
    Dataset,
    Decided,
    Name,
    Sentence,
    Text,
    did_you_mean,
    is_category,
    known_zone,
)
from privacy.datamap.stores import Strict

_PERIOD = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


class Period(Strict):
    """An ISO 8601 duration of whole dates (``P12M``, ``P14D``) or of real time (``PT48H``), never of both.

    Written in YAML as that text. Zero and negative periods are errors, as are other units.
    """

    text: str
    months: int = 0
    days: int = 0
    seconds: int = 0

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if isinstance(value, dict):
            return value
        found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
        if not isinstance(value, str) or found is None or value[-1] in "PT":
            raise ValueError(f"{value!r} is no period; write one like P12M, P14D or PT48H")
        n = {unit: int(count or 0) for unit, count in found.groupdict().items()}
        months, days = n["years"] * 12 + n["months"], n["weeks"] * 7 + n["days"]
        seconds = n["hours"] * 3600 + n["minutes"] * 60 + n["seconds"]
        if not (months or days or seconds):
            raise ValueError(f"{value!r} is nothing: a term is longer than that")
        if seconds and (months or days):
            raise ValueError(f"{value!r} mixes dates and hours; a term is one or the other")
        return {"text": value, "months": months, "days": days, "seconds": seconds}

    @property
    def shortest(self) -> timedelta:
        """The least real time that it can be (months of 28 days, a day of 23 hours)."""
        return timedelta(days=self.months * 28, hours=self.days * 23, seconds=self.seconds)

    @property
    def longest(self) -> timedelta:
        """The most real time that it can be (months of 31 days, a day of 25 hours)."""
        return timedelta(days=self.months * 31, hours=self.days * 25, seconds=self.seconds)

    def __str__(self) -> str:
        return self.text


def _refuse_null(value: object, what: str) -> object:
    """A key without a value is a slip of the pen: silently, it would be a record kept for ever."""
    if isinstance(value, dict) and (empty := [str(key) for key, given in value.items() if given is None]):
        raise ValueError(f"{', '.join(empty)}: there is nothing there; write {what}, or leave the key out")
    return value


class Term(Strict):
    """How long records are kept.

    :param keep_at_least: the statutory retention: never gone before.
    :param keep_at_most: the promise: always gone by then.
    :param counts_from: the event itself, or the end of the financial year in which it was.
    :param every: how often its purge runs; ``margin``: how much earlier than needed it starts.
    :param condition: a term that ends with an event instead of a date ("until the client stops").
    :param decided: who decided it, where the statement gives none.
    :param title: which records it is the term of, where there are several kinds.
    :param kinds: terms of their own for some kinds of record (a domestic sale, other mail). A dataset says that all its
        records are of one (``term_kind``), or in which column a record's kind stands (``starts: {kind: column}``); a
        record of any other kind has this term itself, which is therefore the longest of those that keep at least.
    """

    keep_at_least: Period | None = None
    keep_at_most: Period | None = None
    condition: Text | None = None
    counts_from: Literal["event", "end_of_financial_year"] = "event"
    every: Period | None = None
    margin: Period | None = None
    decided: Decided | None = None
    title: Text | None = None
    kinds: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Term] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        return _refuse_null(value, "a period like P12M")

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if not (self.keep_at_least or self.keep_at_most or self.condition):
            raise ValueError("a term has keep_at_least, keep_at_most or a condition")
        if self.keep_at_most and not self.every:
            raise ValueError("keep_at_most needs `every`: how often the purge runs")
        if self.keep_at_most and self.every:
            least = self.keep_at_least.longest if self.keep_at_least else timedelta(0)
            slack = self.every.longest + (self.margin.longest if self.margin else timedelta(0))
            if self.keep_at_most.shortest - least < slack:
                what = "keep_at_most - keep_at_least" if self.keep_at_least else "keep_at_most"
                raise ValueError(f"{what} is less than every + margin: no run can keep that; let it run more often")
        for name, kind in self.kinds.items():
            if kind.kinds:
                raise ValueError(f"kinds.{name}: a kind has no kinds of its own")
            if kind.title is None or self.title is None:
                missing = f"kinds.{name}" if kind.title is None else "a term with kinds"
                raise ValueError(f"{missing}: say which records it is for (`title`), for those who read of it")
        return self

    def of(self, kind: str | None) -> Term:
        """The term of a kind of record; this one for any kind without a term of its own."""
        return self.kinds.get(kind, self) if kind else self


class Promise(Strict):
    """One promise of the statement to a data subject.

    :param quote: the statement's own words, in its language.
    :param kept_by: what keeps it: the DAGs by name, or the part of the house.
    :param not_yet: what is missing until it is kept whole; shown amber, never silently.
    :param term: its term, where it is about time.
    :param only_purposes: data under this promise are used for nothing else; the data map refuses other purposes.
    """

    title: Text
    quote: Sentence
    kept_by: Sentence
    not_yet: Sentence | None = None
    term: Term | None = None
    only_purposes: tuple[Name, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        return _refuse_null(value, "a term")


class Purpose(Strict):
    """One purpose of processing, with its legal basis (art. 6(1))."""

    title: Text
    basis: Literal["consent", "contract", "legal_obligation", "legitimate_interest", "vital_interest", "public_task"]
    marketing: bool = False
    profiling: bool = False


class NoFurtherUse(Strict):
    """The setting at a processor by which it uses the data for nothing of its own (promise GA-NOSHARE).

    :param setting: what is set there, in words. :param agreed: when the contract was; ``confirmed``: when somebody last
        looked that the setting still stands; each year again.
    """

    setting: Text
    agreed: date
    confirmed: date


class Processor(Strict):
    """Who processes data for the controller, by name.

    :param service: the statement's category of third parties.
    :param country: ISO 3166 alpha-2 code; outside the EEA a transfer ground (``transfer``) is needed.
    :param contact: the e-mail address to which orders are sent (to keep footage: CAM-SHARE), and notices (art. 19).
    :param no_further_use: the setting by which it uses the data for nothing of its own (GA-NOSHARE).
    :param commercial: it would use the data for commercial ends of its own: refused (NO-SELL).
    """

    name: Sentence
    service: Text
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    transfer: Text | None = None
    agreement: date
    contact: Sentence | None = None
    no_further_use: NoFurtherUse | None = None
    commercial: bool = False

    @field_validator("commercial")
    @classmethod
    def _never_sold(cls, value: bool) -> bool:
        if value:
            raise ValueError("who uses data for commercial ends of its own is given none (NO-SELL): remove it")
        return value

    @model_validator(mode="after")
    def _transfer(self) -> Self:
        if self.country not in EEA and self.transfer is None:
            raise ValueError(f"{self.country} is outside the EEA: say on what ground data go there (`transfer:`)")
        return self


EEA = frozenset("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split())


class Category(Text):
    """The statement's own word for a category of data.

    :param section: the part of the statement that speaks of it, where that is not its list of categories (CATS):
        applications, camera, communication.
    """

    section: Sentence | None = None


class Contact(Strict):
    """Where a subject can turn."""

    name: Sentence
    address: tuple[Sentence, ...]
    email: Sentence
    authority: Text
    authority_url: Sentence


class Guard(Strict):
    """Over what a rule asks an operator before it deletes. A plan of at most ``at_least`` records asks nobody.

    :param share: of all that the rule's datasets hold, by records, or by bytes where these are not known.
    :param times: of what was foreseen to fall due since the rule's last run, scaled by the runs that were missed.
    :param oldest: how long before the bound a record may have begun: one that began in 1970 is a broken date.
    """

    at_least: int = Field(default=100, ge=0)
    share: float = Field(default=0.2, gt=0, le=1)
    times: float = Field(default=3.0, ge=1)
    oldest: Period = Field(default_factory=lambda: Period.model_validate("P10Y"))


class Rule(Strict):
    """What a purge deletes: records of these datasets that are past the term of one promise.

    :param promise: whose term holds; :param proves: promises that its runs prove besides.
    :param datasets: full names, in the order of deleting: what follows another dataset, and what refers to it, first.
    """

    promise: str
    proves: tuple[str, ...] = ()
    datasets: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")], ...] = Field(min_length=1)
    guard: Guard = Field(default_factory=Guard)

    @property
    def promises(self) -> tuple[str, ...]:
        """All promises that a run of it proves."""
        return (self.promise, *self.proves)


class Purge(Strict):
    """A pipeline that deletes what is past its term, as its DAG of the same name runs it.

    :param rules: by name; each is planned, approved and done by itself.
    """

    title: Text
    rules: dict[Name, Rule] = Field(min_length=1)


class OwnRule(Strict):
    """A rule about the project's own records.

    :param promises: what its runs prove. :param at_closing: kinds that do not wait for any term.
    """

    term: Term
    promises: tuple[str, ...] = ()
    at_closing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        for term in (self.term, *self.term.kinds.values()):
            if term.every is None or not (term.keep_at_least or term.keep_at_most):
                raise ValueError("a term of our own records has keep_at_least or keep_at_most, and `every`")
            if term.decided is None:
                raise ValueError("a term of our own records says who decided it (`decided:`)")
        return self


class Own(Strict):
    """Terms of what this project itself keeps on people; ``purge_bundles`` and ``clean_airflow`` hold them.

    :param bundles: sealed bundles, from the release or refusal of their request.
    :param staging: what a run left behind, from when anybody wrote into it last.
    :param plans: sealed plans, from the end of their run; never before it.
    :param deliveries: what processors delivered for a request, from its release or refusal.
    :param requests: key and content of a closed request; ``at_closing``: rights that are forgotten as soon as closed.
    :param letters: the outbox of letters, where it is a folder.
    :param airflow: Airflow's own metadata and logs.
    :param markers: erasure markers, from the erasure: as long as the oldest backup that may be restored.
    :param policy_letters: keyed digests of who was written to about a version of the policy, from its last letter.
    """

    bundles: OwnRule
    staging: OwnRule
    plans: OwnRule
    deliveries: OwnRule
    requests: OwnRule
    letters: OwnRule
    airflow: OwnRule
    markers: OwnRule
    policy_letters: OwnRule


class Policy(Strict):
    """A controller's promises.

    :param prefix: of request numbers, e.g. ``AVG``.
    :param zone: the IANA zone in which its terms count whole dates.
    :param categories: fideslang key -> the statement's own category; the longest key that fits holds.
    :param subjects: identity kind -> the category of people whom it identifies, for the records of processing.
    :param security: the technical and organisational measures, for the records of processing.
    :param purges: what is deleted when its term is over, by the name of the DAG that does it.
    :param own: how long the project keeps its own records; without it their purges refuse to run.
    :param remind_processors: after how long a processor that has not confirmed a notice is reminded, again and again.
    """

    controller: Sentence
    version: Sentence
    in_force: date
    language: Literal["nl", "en"] = "nl"
    zone: str
    prefix: Annotated[str, Field(pattern=r"^[A-Z]{2,5}$")]
    contact: Contact
    promises: dict[Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$")], Promise] = Field(min_length=1)
    purposes: dict[Name, Purpose] = Field(min_length=1)
    processors: dict[Name, Processor] = Field(default_factory=dict)
    categories: dict[str, Category] = Field(min_length=1)
    subjects: dict[str, Text] = Field(default_factory=dict)
    security: tuple[Text, ...] = ()
    purges: dict[Annotated[str, Field(pattern=r"^purge_[a-z0-9_]+$")], Purge] = Field(default_factory=dict)
    own: Own | None = None
    remind_processors: Period = Field(default_factory=lambda: Period.model_validate("P7D"))

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("categories")
    @classmethod
    def _known(cls, value: dict[str, Category]) -> dict[str, Category]:
        for key in value:
            if not is_category(key):
                raise ValueError(f"{key!r} is no data category of fideslang's taxonomy{did_you_mean(key, CATEGORIES)}")
        return value

    @model_validator(mode="after")
    def _rules(self) -> Self:
        seen: dict[str, str] = {}
        for purge, made in self.purges.items():
            for name, rule in made.rules.items():
                here = f"purges.{purge}.rules.{name}"
                if name in seen:
                    raise ValueError(f"{here}: {seen[name]} has a rule of this name too; a rule's name tells it apart")
                seen[name] = purge
                for promise in rule.promises:
                    if promise not in self.promises:
                        raise ValueError(
                            f"{here}: there is no promise {promise!r}{did_you_mean(promise, self.promises)}"
                        )
                term = self.promises[rule.promise].term
                if term is None or not (term.keep_at_least or term.keep_at_most) or term.every is None:
                    raise ValueError(f"{here}: {rule.promise} has no term that a purge can keep, with `every`")
        for name in Own.model_fields if self.own else ():
            for promise in getattr(self.own, name).promises:
                if promise not in self.promises:
                    raise ValueError(
                        f"own.{name}: there is no promise {promise!r}{did_you_mean(promise, self.promises)}"
                    )
        return self

    def rule(self, name: str) -> tuple[str, Rule]:
        """A rule and the purge that it belongs to. :raises KeyError: there is none of this name."""
        for purge, made in self.purges.items():
            if name in made.rules:
                return purge, made.rules[name]
        raise KeyError(name)

    def term_of(self, dataset: Dataset) -> Term:
        """The term of a dataset's records: of its promise, and of its ``term_kind``.

        Where a column says of which kind a record is (``starts: {kind: column}``), this is the term with its ``kinds``;
        :meth:`Term.of` gives that of a record.

        :raises KeyError: the promise is unknown, or is about no time; loading the data map refuses such a dataset.
        """
        term = self.promises[dataset.promise].term
        if term is None:
            raise KeyError(dataset.promise)
        return term.of(dataset.term_kind)

    def terms_of(self, dataset: Dataset) -> dict[str | None, Term]:
        """The terms that its records can have: by kind where a column tells it, ``None`` for any other; else one."""
        term = self.term_of(dataset)
        by_record = dataset.starts is not None and dataset.starts.kind is not None
        found: dict[str | None, Term] = {name: term.of(name) for name in term.kinds} if by_record else {}
        return {**found, None: term}

    def category(self, key: str) -> Category | None:
        """The statement's own name for a fideslang category: that of the longest prefix that is mapped."""
        while key:
            if key in self.categories:
                return self.categories[key]
            key = key.rpartition(".")[0]
        return None
