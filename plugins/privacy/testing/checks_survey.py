"""What a survey must tell, for any dataset: exactly what would be located, and what no purge ever takes."""

# ruff: noqa: ARG001 - the contract's parameters, whether needed here or not
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from privacy.datamap.load import Ref
from privacy.sources.base import Among, Due, Source, Survey, Surveying
from privacy.testing.checks_read import FOREVER, Examples
from privacy.testing.reading import items_of, must, naming, rows_of
from privacy.testing.stores import Bench
from privacy.testing.whose import moment

_TICK = timedelta(microseconds=1)
_SOME = datetime(2026, 1, 1, tzinfo=UTC)


def a_survey_counts_what_would_be_located(bench: Bench, ref: Ref, examples: Examples) -> None:
    """A purge is judged by it before anything goes: each pick's records, the oldest start, what is in the future.

    At a record's own start and a microsecond later (edge case 1); undated records are told and in no pick (edge case
    11), unless they go by the age of their file.
    """
    starts = ref.dataset.starts
    with naming(ref, "surveying"):
        source = bench.source(ref)
        rows = rows_of(source, ref, FOREVER)
        times = sorted(at for row in rows if (at := moment(ref.dataset, starts.column if starts else None, row)))
        middle = times[len(times) // 2].astimezone(UTC) if times else _SOME
        picks = [FOREVER, Due(middle), Due(middle + _TICK)]
        located = [items_of(source, ref, pick) for pick in picks]
        found = _surveyed(source, ref, middle, picks)
    counted = tuple(sum(item.records for item in items) for items in located)
    must(found.picked == counted, ref, f"a survey counts {found.picked} records where {counted} are located")
    begun = [item.oldest for item in located[0] if item.oldest is not None]
    must(found.oldest == min(begun, default=None), ref, "a survey's oldest start is not that of all items")
    future = sum(at > middle for at in times)
    must(found.future == future, ref, f"a survey tells of {found.future} records in the future where {future} are")
    must(found.bytes >= 0 and found.undated >= 0, ref, "a survey counts less than nothing")
    must(starts is not None or not any(counted), ref, "a record is due although nothing starts a term")
    if found.records is not None:
        dated = len(times)
        said = f"{found.records} records, of which {found.undated} undated, where {dated} have a start"
        must(found.records - found.undated == dated, ref, f"a survey tells of {said}")


def records_of_each_kind_are_counted_and_located_apart(bench: Bench, ref: Ref, examples: Examples) -> None:
    """Where kinds have terms of their own: what is of one kind, and what is of none of them, is the whole."""
    column = ref.dataset.starts.kind if ref.dataset.starts else None
    if column is None:
        return
    with naming(ref, "surveying by kind"):
        source = bench.source(ref)
        values = Counter(row[column] for row in rows_of(source, ref, FOREVER))
        known = sorted(value for value in values if value is not None)
        picks = [Due(FOREVER.before, Among(column, frozenset({value}))) for value in known]
        picks += [Due(FOREVER.before, Among(column, frozenset(known[:1]), others=True))]
        wanted = [values[value] for value in known]
        wanted += [sum(values.values()) - sum(values[value] for value in known[:1])]
        counted = list(_surveyed(source, ref, _SOME, picks).picked)
        located = [len(items_of(source, ref, pick)) for pick in picks]
    must(counted == wanted, ref, f"a survey counts {counted} records of each kind where {wanted} are read")
    must(located == wanted, ref, f"{located} items of each kind are located where {wanted} records are read")


def _surveyed(source: Source, ref: Ref, now: datetime, picks: Sequence[Due]) -> Survey:
    if not isinstance(source, Surveying):
        raise AssertionError(f"{ref.full}: the source cannot be asked what there is; give it `survey`.")
    return source.survey(ref.name, now, picks)
