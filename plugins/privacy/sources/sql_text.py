"""The SQL around a dataset's own SELECT: of subjects, due, by key. What a database writes differently: ``sql_dialect``.

Values are always bound, many as one JSON text; names come from the data map and are quoted. Identifiers arrive as a
table ``ids``: ``n`` the subject's number, ``k`` the kind, ``vt`` the value as text, ``vi`` as a whole number where it
is one, ``f`` and ``t`` from when until when (microseconds), ``a`` the user agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from privacy.datamap.models import Dataset
from privacy.errors import BadConfiguration
from privacy.sources.base import PARTY, SUBJECT, Due, Identifier, Of, Selection
from privacy.sources.instants import micros
from privacy.sources.sql_dialect import Key, literal, quoted
from privacy.sources.sql_due import DueText
from privacy.sources.sql_kinds import Ask, Dialect

_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/
    | (?P<end>;) | (?P<parameter>\?\d* | (?<![:\w]):[A-Za-z_]\w* | (?<!\w)[@$][A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"(?:\s | ; | --[^\n]* | /\*.*?\*/)*", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and its parameters, which are hidden from ``repr``.

    :param repeats: one record can come more than once for a subject.
    """

    text: str
    parameters: dict[str, object]
    repeats: bool = False

    def __repr__(self) -> str:
        return f"Statement({self.text!r})"


@dataclass(frozen=True, slots=True)
class Own:
    """A dataset's own SELECT, checked.

    :param typed: what the database knows of its columns (see ``Dialect.columns_of``).
    :param where: the dataset's full name, for errors.
    """

    dataset: Dataset
    text: str
    typed: Mapping[str, object]
    where: str


def one_select(text: str, where: str) -> str:
    """The text of one statement, without what ends it; a line break follows, should it end in a comment.

    :raises BadConfiguration: it has parameters, or more than one statement.
    """
    for token in _TOKEN.finditer(text):
        if token["parameter"]:
            raise BadConfiguration(
                "sql.parameters", f"The SELECT has a parameter ({token['parameter']}).", where=where,
                advice="Select every record; whose and due when is added by the framework.",
            )  # fmt: skip
        if token["end"]:
            if not _NOTHING.fullmatch(text, token.end()):
                raise BadConfiguration("sql.statements", "The file has more than one statement.", where=where)
            text = text[: token.start()]
            break
    return f"\n{text.strip()}\n"


_WRITTEN_MANY_WAYS = ("ip", "phone")
"""Kinds that a shop may write otherwise than their normal form: 2001:DB8::1, 0031 6 12345678."""


class Wrap:
    """Makes the statements for one dataset.

    :param own: its own SELECT.
    :param ask: runs what has to be known beforehand (see :meth:`Dialect.spelled`).
    """

    def __init__(self, own: Own, dialect: Dialect, ask: Ask) -> None:
        self.own, self._dialect, self._dataset, self._ask = own, dialect.of(own.typed), own.dataset, ask
        self._columns = ", ".join(f"d.{quoted(name)}" for name in own.dataset.columns)
        self._version = self._dialect.version([f"d.{quoted(name)}" for name in told(own.dataset)])
        self._key = [f"d.{quoted(name)}" for name in own.dataset.key]
        self._from = f"({own.text}) AS d"
        self._terms = DueText(own.dataset, self._dialect, own.where)

    def select(
        self,
        selection: Selection,
        keys: Iterable[Key] | None = None,
        *,
        each_once: bool = False,
        perhaps: bool = False,
        versions: bool = False,
    ) -> Statement:
        """The selected records: the dataset's columns, the subject's number, the place of the party in the data map.

        Ordered by subject, key and party.

        :param keys: only these keys.
        :param each_once: each record for the first of its subjects alone.
        :param perhaps: also records that do not say whether it was in an identifier's time: what may be held, stays.
        :param versions: after the subject's number comes the version, where the database makes it.
        """
        version = f", {self._version} AS _version" if versions and self._version else ""
        parameters: dict[str, object] = {}
        if keys is not None:
            parameters["keys"] = self._dialect.rows(keys)
        pick = selection.pick
        if isinstance(pick, Due):
            where, more = self._terms.condition(pick)
            text = f"SELECT {self._columns}, NULL AS {SUBJECT}{version}, 0 AS {PARTY} FROM {self._from} WHERE {where}"
            text += self._only(keys)
            return Statement(f"{text} ORDER BY {self._order(self._key)}", parameters | more)
        known = [i for i in _identifiers(pick) if not i[1].contested]
        kinds = {identifier.kind for _, identifier in known}
        ways = [way for way in self._ways(selection.on) if way.kind in kinds]
        if not ways:
            return Statement(f"SELECT {self._columns}, NULL{version}, 0 FROM {self._from} WHERE 1 = 0", {})
        rows = self._rows(known, ways)
        parameters["ids"] = self._dialect.rows(rows)
        arms = [
            f"SELECT {self._columns}, i.n AS {SUBJECT}{version}, {way.party} AS {PARTY} {self._match(way, keys)}"
            f"{'' if selection.on else self._during(way, perhaps=perhaps)}{self._only(keys)}"
            for way in ways
        ]
        outer = [quoted(name) for name in self._dataset.key]
        text = " UNION ALL ".join(arms)
        if each_once:
            text = (
                f"SELECT u.*, row_number() OVER (PARTITION BY {self._order(outer)} ORDER BY {SUBJECT}, {PARTY}) "
                f"AS _first FROM ({text}) AS u"
            )
        first = " WHERE _first = 1" if each_once else ""
        text = f"WITH {self._dialect.ids('ids', 'ids', _longest(rows))} SELECT * FROM ({text}) AS u{first}"
        # An identifier that is written in two ways is two rows, for records of one of them.
        values = [(row[0], row[1], row[2]) for row in rows]
        repeats = len(ways) > 1 or len(set(values)) < len(values)
        return Statement(f"{text} ORDER BY {SUBJECT}, {self._order(outer)}, {PARTY}", parameters, repeats)

    def survey(self, now: datetime, picks: Sequence[Due]) -> tuple[str, dict[str, object]]:
        """See :meth:`privacy.sources.sql_due.DueText.survey`."""
        return self._terms.survey(self.own.text, now, picks)

    def unattributed(self, selection: Selection) -> Statement | None:
        """By subject, how many records might be theirs and are nobody's (see :class:`privacy.sources.base.Tally`).

        With a contested identifier; with one that was theirs for a while, where the record does not say when it was;
        with the address of their visit, from another user agent. None: these identifiers cannot have any.
        """
        if not isinstance(selection.pick, Of) or selection.on is not None:
            return None
        known = list(_identifiers(selection.pick))
        doubtful = {i.kind for _, i in known if i.contested or i.valid_from or i.valid_to}
        kinds = {i.kind for _, i in known}
        ways = [way for way in self._ways(None) if way.kind in kinds]
        if not any(way.kind in doubtful for way in ways):
            return None
        everybody, ids = self._rows(known, ways), self._rows([i for i in known if not i[1].contested], ways)
        key = f"i.n AS {SUBJECT}, {', '.join(self._key)}"
        maybe = [f"SELECT {key} {self._match(w, None, 'everybody')}{self._during(w, perhaps=True)}" for w in ways]
        surely = [f"SELECT {key} {self._match(w, None)}{self._during(w)}" for w in ways]
        text = (
            f"WITH {self._dialect.ids('ids', 'ids', _longest(ids))}, "
            f"{self._dialect.ids('everybody', 'everybody', _longest(everybody))} "
            f"SELECT {SUBJECT}, count(*) FROM (SELECT * FROM ({' UNION ALL '.join(maybe)}) AS m "
            f"EXCEPT SELECT * FROM ({' UNION ALL '.join(surely)}) AS s) AS u GROUP BY {SUBJECT}"
        )
        return Statement(text, {"everybody": self._dialect.rows(everybody), "ids": self._dialect.rows(ids)})

    def _rows(self, known: Sequence[tuple[int, Identifier]], ways: Iterable[_Way]) -> list[tuple[object, ...]]:
        """The rows of ``ids``, each once: the identifiers, and how else they are written in the columns looked at."""
        written: dict[tuple[str, str], list[str]] = {}
        for way in ways:
            if way.kind not in ("email", *_WRITTEN_MANY_WAYS):
                continue
            wanted = {str(i.value) for _, i in known if i.kind == way.kind}
            here = f"d.{quoted(way.column)}"
            for value, texts in self._dialect.spelled(self.own.text, here, way.kind, wanted, self._ask).items():
                written.setdefault((way.kind, value), []).extend(texts)
        rows = (
            (no, i.kind, text, _whole(i.value), _us(i.valid_from), _us(i.valid_to), i.agent)
            for no, i in known
            for text in (str(i.value), *written.get((i.kind, str(i.value)), ()))
        )
        return list(dict.fromkeys(rows))

    def _only(self, keys: Iterable[Key] | None) -> str:
        return "" if keys is None else f" AND {self._dialect.keyed_by_index(self._key, 'keys')}"

    def _order(self, names: Sequence[str]) -> str:
        return ", ".join(self._dialect.order(name) for name in names)

    def _ways(self, on: tuple[str, ...] | None) -> Iterator[_Way]:
        """Every way in which a record can be a subject's."""
        columns = self._dataset.columns
        if on is not None:
            for name in on:
                yield _Way(0, name, str(columns[name].identity), "")
            return
        for party, people in enumerate(self._dataset.people.values()):
            earlier = ""
            for name in people.subject:
                yield _Way(party, name, str(columns[name].identity), earlier)
                # The first column that is filled in says whose it is: what stands in later ones is somebody's who
                # shares an address with them.
                # Blanks fill in nothing, as in logs.
                here = f"d.{quoted(name)}"
                earlier += " AND " + (
                    f"{here} IS NULL" if columns[name].type == "integer" else self._dialect.blank(here)
                )

    def _match(self, way: _Way, keys: Iterable[Key] | None, ids: str = "ids") -> str:
        """Identifiers and records side by side, where the one stands in the other."""
        here = f"d.{quoted(way.column)}"
        whole = self._dataset.columns[way.column].type == "integer"
        of_kind = f"i.k = {literal(way.kind)}"
        if way.kind not in ("email", *_WRITTEN_MANY_WAYS) and keys is None and self.own.typed.get(way.column):
            # From the identifiers to the records, by the index that a shop has on such a column.
            same = self._dialect.same(here, whole)
            match = f"FROM {ids} AS i CROSS JOIN {self._from} WHERE {of_kind} AND {same}"
        else:
            if way.kind == "email":
                same = f"i.vt = {self._dialect.folded(here)}"
            elif way.kind in _WRITTEN_MANY_WAYS:
                same = f"i.vt = {self._dialect.normal(here, way.kind)}"
            elif whole:
                same = f"i.vi = {self._dialect.same_integer(here)}"
            else:
                same = f"i.vt = {self._dialect.same_text(here)}"
            match = f"FROM {self._from} {self._dialect.then_join} {ids} AS i WHERE {of_kind} AND {same}"
        return match + way.earlier

    def _during(self, way: _Way, *, perhaps: bool = False) -> str:
        """The identifier's own time: a visit's window, both ends included; another's span, its end excluded.

        :param perhaps: also where the record does not say when it was, and whatever its user agent.
        """
        time = self._dataset.time
        at = "NULL" if time is None else self._dialect.micros(f"d.{quoted(time)}", self._dataset.columns[time])
        if way.kind == "ip":
            inside = f"({at}) BETWEEN i.f AND i.t"
            if perhaps:
                return f" AND coalesce({inside}, 1 = 1)"
            # A record that does not say its user agent agrees only with a visit that does not say it either.
            agent = 'd."user_agent"' if "user_agent" in self._dataset.columns else "NULL"
            return f" AND {inside} AND {self._dialect.alike(agent, 'i.a')}"
        inside = f"(i.f IS NULL OR ({at}) >= i.f) AND (i.t IS NULL OR ({at}) < i.t)"
        return f" AND coalesce({inside}, 1 = 1)" if perhaps else f" AND {inside}"


def told(dataset: Dataset) -> list[str]:
    """The columns that a version covers: all but what the term counts from, unless that is a part of the key."""
    start = None if dataset.starts is None else dataset.starts.column
    return [name for name in dataset.columns if name != start or name in dataset.key]


@dataclass(frozen=True, slots=True)
class _Way:
    """One column that can make a record a subject's.

    :param party: the place of the party in the data map.
    :param earlier: the condition that no earlier column of that party is filled in.
    """

    party: int
    column: str
    kind: str
    earlier: str


def _identifiers(pick: Of) -> Iterator[tuple[int, Identifier]]:
    for subject in pick.subjects:
        for identifier in subject.identifiers:
            yield subject.no, identifier


def _longest(rows: Sequence[tuple[object, ...]]) -> int:
    return max((len(row[2]) for row in rows if isinstance(row[2], str)), default=0)


def _whole(value: str | int) -> int | None:
    try:
        found = int(value)
    except ValueError:
        return None
    return found if str(found) == str(value) and -(2**63) <= found < 2**63 else None


def _us(at: datetime | None) -> int | None:
    return None if at is None else micros(at)
