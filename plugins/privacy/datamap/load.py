"""Loading data map and policy from ``PRIVACY_HOME``: every mistake names file, dataset, key and what to write.

``datamap/<system>.yaml`` is one system; ``policy/*.yaml`` are parts of one policy, merged by their top-level keys;
``sql/<system>/<dataset>.sql`` is what a SQL dataset reads (:mod:`privacy.datamap.selects`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from privacy.datamap.facts import faults as fact_faults
from privacy.datamap.footage import faults as footage_faults
from privacy.datamap.models import GLOBAL_KINDS, REQUEST, Dataset, Edge, Kind, Nobody, System, did_you_mean
from privacy.datamap.moves import moves
from privacy.datamap.policy import Policy, Term
from privacy.errors import BadConfiguration, BadInput

M = TypeVar("M", System, Policy)


@dataclass(frozen=True, slots=True)
class Ref:
    """A dataset in its system."""

    system: System
    name: str
    dataset: Dataset

    @property
    def full(self) -> str:
        """``system.dataset``, its name everywhere outside its own file."""
        return f"{self.system.system}.{self.name}"


@dataclass(frozen=True)
class DataMap:
    """Everything that the shop holds, and what it promised about it.

    :param home: the folder that it was loaded from.
    """

    home: Path
    policy: Policy
    systems: dict[str, System]

    def __iter__(self) -> Iterator[Ref]:
        for system in self.systems.values():
            for name, dataset in system.datasets.items():
                yield Ref(system, name, dataset)

    def __getitem__(self, full: str) -> Ref:
        """The dataset named ``system.dataset``.

        :raises BadInput: there is none; with the nearest name.
        """
        system, _, name = full.partition(".")
        if system in self.systems and name in self.systems[system].datasets:
            return Ref(self.systems[system], name, self.systems[system].datasets[name])
        names = [ref.full for ref in self]
        raise BadInput("datamap.unknown_dataset", f"There is no dataset {full!r}{did_you_mean(full, names)}.")

    def kind(self, name: str) -> Kind | None:
        """The identity kind of that name, where a system declares it; None for the global ones."""
        system, _, kind = name.partition(".")
        return self.systems[system].identity.kinds.get(kind) if system in self.systems else None

    def edges(self) -> Iterator[tuple[System, Edge]]:
        """All identity edges with their systems."""
        for system in self.systems.values():
            for edge in system.identity.edges:
                yield system, edge

    def sql(self, ref: Ref) -> Path:
        """Where the dataset's SELECT stands."""
        return self.home / "sql" / ref.system.system / f"{ref.name}.sql"


def load(home: Path) -> DataMap:
    """Read and check data map and policy; again only when a file of them has changed.

    :param home: ``PRIVACY_HOME``.
    :raises BadConfiguration: file, dataset, key, and what to write instead; all of a file's mistakes at once.
    """
    digest = _digest(home, "policy", "datamap")
    digest.update("\0".join(sorted(map(str, home.glob("sql/*/*.sql")))).encode())
    return _loaded(home, digest.digest())


def load_policy(home: Path) -> Policy:
    """Read and check the policy alone, for what needs no data map: one that is half filled in stops nothing then.

    It is read again only when a file of it has changed.

    :param home: ``PRIVACY_HOME``.
    :raises BadConfiguration: file, key, and what to write instead.
    """
    return _loaded_policy(home / "policy", _digest(home, "policy").digest())


def _digest(home: Path, *folders: str) -> blake2b:
    digest = blake2b()
    for file in (file for folder in folders for file in sorted((home / folder).glob("*.yaml"))):
        content = file.read_bytes()
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
    return digest


@lru_cache(maxsize=8)
def _loaded_policy(folder: Path, _: bytes) -> Policy:
    return _policy(folder)


@lru_cache(maxsize=8)
def _loaded(home: Path, _: bytes) -> DataMap:
    policy = _policy(home / "policy")
    systems: dict[str, System] = {}
    files = sorted((home / "datamap").glob("*.yaml"))
    if not files:
        raise BadConfiguration("datamap.empty", "There is no data map.", where=str(home / "datamap"))
    for file in files:
        system = _validated(System, _yaml(file), file)
        if system.system != file.stem:
            raise _wrong(file, [f"system: {system.system!r} stands in {file.name}; name the file {system.system}.yaml"])
        systems[system.system] = system
    found = DataMap(home, policy, systems)
    for system in systems.values():
        problems = list(_cross_checks(found, system))
        if problems:
            raise _wrong(home / "datamap" / f"{system.system}.yaml", problems)
    if problems := list(_rules(found)):
        raise _wrong(home / "policy", problems)
    return found


def _policy(folder: Path) -> Policy:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadConfiguration("policy.empty", "There is no policy.", where=str(folder))
    merged: dict[str, object] = {}
    origin: dict[str, Path] = {}
    for file in files:
        for key, value in _yaml(file).items():
            if key in merged:
                raise _wrong(file, [f"{key}: stands in {origin[key].name} too"])
            merged[key], origin[key] = value, file
    return _validated(Policy, merged, folder, origin)


class _UniqueKeys(yaml.CSafeLoader):
    """A YAML loader that refuses a key written twice; only ``true`` and ``false`` are booleans, as in YAML 1.2.

    Otherwise the key ``on`` and the country ``NO`` would be True and False.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _yaml(file: Path) -> dict[str, object]:
    try:
        found = yaml.load(file.read_bytes(), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as problem:
        line = f"line {problem.problem_mark.line + 1}: " if problem.problem_mark else ""
        raise _wrong(file, [f"{line}{problem.problem}"]) from None
    if not isinstance(found, dict):
        raise _wrong(file, ["a mapping is expected at the top"])
    return found


OPEN = {
    "CATEGORY?": "a data category of fideslang's taxonomy, such as user.contact.email",
    "TYPE?": "the column's type, such as text or decimal(12,2)",
    "ZONE?": "the time zone of the column's times, such as UTC or Europe/Amsterdam",
    "KEY?": "the columns that tell records apart",
    "SUBJECT?": "the identity columns that say whose a record is, or `subject: {nobody: why}`",
    "KIND?": "an identity kind, such as email",
    "EXAMPLE?": "a value of somebody who has records here, for the standard suite",
    "PROVENANCE?": "provided, observed or derived",
    "PURPOSE?": "a purpose of the policy",
    "PROMISE?": "the promise of the policy whose term holds",
    "ERASURE?": "what an erasure does: delete, set or retain",
    "TITLE?": "its name for a person",
    "DESCRIPTION?": "what it is, in a sentence",
    "SOURCE?": "where the data come from",
    "OWNER?": "who answers for it",
}
"""What a draft leaves open for a person (``privacy.datamap.draft``), and what to write there."""


def _left_open(data: object, place: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in OPEN:
                yield f"{place}: {key} is left open; write {OPEN[key]}"
            yield from _left_open(value, f"{place}.{key}" if place else str(key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _left_open(value, f"{place}.{number}")
    elif isinstance(data, str) and data in OPEN:
        yield f"{place}: {data} is left open; write {OPEN[data]}"


def _validated(model: type[M], data: object, file: Path, origin: dict[str, Path] | None = None) -> M:
    if still := list(_left_open(data)):
        raise _wrong(file, still)
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        lines = []
        for error in problem.errors(include_url=False):
            place = ".".join(str(part) for part in error["loc"])
            name = origin.get(str(error["loc"][0]), file).name + ": " if origin and error["loc"] else ""
            message = error["msg"].removeprefix("Value error, ")
            if error["type"] == "extra_forbidden":
                message = f"this key is not known{_fields_hint(model, error['loc'])}"
            elif error["type"] == "missing":
                message = "this key is missing"
            lines.append(f"{name}{place or 'top'}: {message}")
        raise _wrong(file, lines) from None


def _fields_hint(model: type[System] | type[Policy], loc: tuple[int | str, ...]) -> str:
    """What the author of a mistyped key may have meant, from the fields of the model that it stands in."""
    from typing import get_args

    from pydantic import BaseModel

    def models(annotation: object) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for part in get_args(annotation):
            yield from models(part)

    here: list[type[BaseModel]] = [model]
    for part in loc[:-1]:
        deeper = [m for h in here if str(part) in h.model_fields for m in models(h.model_fields[str(part)].annotation)]
        here = deeper or here
    return did_you_mean(str(loc[-1]), sorted({name for h in here for name in h.model_fields}))


def _cross_checks(datamap: DataMap, system: System) -> Iterator[str]:
    policy = datamap.policy
    for name, dataset in system.datasets.items():
        here = f"datasets.{name}"
        promise = policy.promises.get(dataset.promise)
        if promise is None:
            hint = did_you_mean(dataset.promise, policy.promises)
            yield f"{here}.promise: the policy has no promise {dataset.promise!r}{hint}"
        elif promise.term is None:
            yield f"{here}.promise: {dataset.promise} has no term; name the promise whose term holds"
        elif dataset.term_kind is not None and dataset.term_kind not in promise.term.kinds:
            hint = did_you_mean(dataset.term_kind, promise.term.kinds)
            yield f"{here}.term_kind: the term of {dataset.promise} has no kind {dataset.term_kind!r}{hint}"
        elif dataset.starts is not None and dataset.starts.kind is not None:
            yield from _kinds_by_record(promise.term, f"{here}.starts.kind", system.source)
        if dataset.follows is not None:
            yield from _follows(datamap, dataset, f"{here}.follows")
        yield from moves(datamap, dataset, here)
        yield from fact_faults(datamap, Ref(system, name, dataset), here)
        for purpose in dataset.purposes:
            if purpose not in policy.purposes:
                yield f"{here}.purposes: the policy has no purpose {purpose!r}{did_you_mean(purpose, policy.purposes)}"
            elif promise and promise.only_purposes and purpose not in promise.only_purposes:
                allowed = ", ".join(promise.only_purposes)
                yield f"{here}.purposes: {dataset.promise} allows {allowed} only, not {purpose!r}"
        for processor in dataset.processors:
            if processor not in policy.processors:
                yield (
                    f"{here}.processors: the policy has no processor {processor!r}"
                    f"{did_you_mean(processor, policy.processors)}"
                )
        marketing = [p for p in dataset.purposes if p in policy.purposes and policy.purposes[p].marketing]
        if marketing and dataset.consent is None:
            yield f"{here}.consent: purpose {marketing[0]!r} is marketing: name the dataset that holds the consent"
        if dataset.consent is not None and dataset.consent not in system.datasets:
            hint = did_you_mean(dataset.consent, system.datasets)
            yield f"{here}.consent: there is no dataset {dataset.consent!r}{hint}"
        for column_name, column in dataset.columns.items():
            if policy.category(column.category) is None:
                yield (
                    f"{here}.columns.{column_name}.category: the policy's categories have no word for "
                    f"{column.category!r}; add it there"
                )
            if column.identity is not None and not _kind_exists(datamap, column.identity):
                known = [
                    *GLOBAL_KINDS,
                    *(f"{s.system}.{k}" for s in datamap.systems.values() for k in s.identity.kinds),
                ]
                yield (
                    f"{here}.columns.{column_name}.identity: there is no identity kind {column.identity!r}"
                    f"{did_you_mean(column.identity, known)}"
                )
        for example in dataset.examples:
            for kind in example:
                if not isinstance(dataset.subject, Nobody) and kind not in dataset.kinds:
                    known = sorted(dataset.kinds)
                    yield f"{here}.examples: {kind!r} is not among the kinds of its subject: {', '.join(known)}"
        if dataset.delivery is not None and dataset.delivery.processor not in policy.processors:
            hint = did_you_mean(dataset.delivery.processor, policy.processors)
            yield f"{here}.delivery: the policy has no processor {dataset.delivery.processor!r}{hint}"
        if dataset.footage is not None:
            term = promise.term if promise is not None else None
            yield from footage_faults(dataset.footage, here, policy.processors, [ref.full for ref in datamap], term)
        if system.source == "sql" and not datamap.sql(Ref(system, name, dataset)).is_file():
            yield f"{here}: write its SELECT in sql/{system.system}/{name}.sql"


def _kinds_by_record(term: Term, here: str, source: str) -> Iterator[str]:
    if source != "sql":
        yield f"{here}: only a SELECT can tell records of several kinds apart"
    if not term.kinds:
        yield f"{here}: the promise's term has no kinds"
    for name, kind in term.kinds.items():
        shortest, own = kind.keep_at_least, term.keep_at_least
        if (kind.keep_at_most is None) != (term.keep_at_most is None) or (shortest is None) != (own is None):
            yield f"{here}: kind {name!r} has other bounds than the term itself; make it a dataset with `term_kind`"
        elif kind.counts_from != term.counts_from:
            yield f"{here}: kind {name!r} counts from {kind.counts_from}, the term itself from {term.counts_from}"
        elif shortest is not None and own is not None and shortest.longest > own.longest:
            yield f"{here}: kind {name!r} is kept longer than an unknown kind, which takes the longest term"


def _follows(datamap: DataMap, dataset: Dataset, here: str) -> Iterator[str]:
    system, _, name = str(dataset.follows).partition(".")
    leader = datamap.systems[system].datasets.get(name) if system in datamap.systems else None
    if leader is None:
        hint = did_you_mean(str(dataset.follows), [ref.full for ref in datamap])
        yield f"{here}: there is no dataset {dataset.follows!r}{hint}"
    elif leader.starts is None:
        yield f"{here}: {dataset.follows} has no `starts` of its own"
    elif datamap.systems[system].source != "sql":
        yield f"{here}: {dataset.follows} is in no database; only records of one can be followed"
    elif leader.promise != dataset.promise:
        yield f"{here}: {dataset.follows} has another promise ({leader.promise})"
    elif not dataset.kinds & {c.identity for c in leader.columns.values()}:
        yield f"{here}: no column of {dataset.follows} has an identity kind that finds these records"


def _rules(datamap: DataMap) -> Iterator[str]:
    """What is wrong with the policy's purges, now that the datasets are known."""
    owner: dict[str, str] = {}
    for purge, made in datamap.policy.purges.items():
        for name, rule in made.rules.items():
            here = f"purges.{purge}.rules.{name}"
            seen: set[str] = set()
            for full in rule.datasets:
                system, _, dataset_name = full.partition(".")
                dataset = datamap.systems[system].datasets.get(dataset_name) if system in datamap.systems else None
                if dataset is None:
                    yield f"{here}: there is no dataset {full!r}{did_you_mean(full, [r.full for r in datamap])}"
                    continue
                if full in owner:
                    yield f"{here}: {full} is purged by rule {owner[full]} already"
                owner[full] = name
                if dataset.promise != rule.promise:
                    yield f"{here}: {full} is under {dataset.promise}, not {rule.promise}"
                if dataset.starts is None and dataset.follows is None:
                    yield f"{here}: {full} says neither what its term counts from (`starts`) nor what it `follows`"
                if dataset.follows is not None and dataset.follows not in rule.datasets:
                    yield f"{here}: {full} follows {dataset.follows}, which is not purged by the same rule"
                if dataset.follows in seen:
                    yield f"{here}: {full} follows {dataset.follows}, so it stands before it"
                seen.add(full)


def _kind_exists(datamap: DataMap, kind: str) -> bool:
    return kind in GLOBAL_KINDS or kind == REQUEST or datamap.kind(kind) is not None


def _wrong(file: Path, lines: list[str]) -> BadConfiguration:
    first, more = lines[0], "".join("\n  " + line for line in lines[1:])
    return BadConfiguration("datamap.invalid", f"{file.name}: {first}{more}", where=str(file))
