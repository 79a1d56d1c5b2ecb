"""Runs of a log's lines say what each line says by itself: nothing is dropped, kept or counted otherwise for being fast."""

from __future__ import annotations

import gzip
import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.sources.base import Delete, Due, Set, Status
from privacy.sources.weblogs_due import Lines
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_match import DueMatcher
from privacy.sources.weblogs_runs import Runs
from privacy.sources.weblogs_shape import MANY, shape
from privacy.sources.weblogs_times import micros
from sources.weblogs_kit import COLUMNS, FORMAT, Logs, customer, line, of, system

BOUND = datetime(2025, 11, 20, 10, 30, tzinfo=UTC)
JSON = r'\{"time": ?"(?P<time>[^"]*)", "ip":"(?P<ip>[^"]+)"(?:, "more": "[^"]*")*(, "size": (?P<size>\d{1,4}|-))?\}'
DEMO = FORMAT.replace(r"(?P<status>\d+)", r"(?P<status>\d{3})").replace(r"(?P<size>\S+)", r"(?P<size>\d+|-)")
# The time may stand in more than one place: each line has to be looked at by itself.
LOOSE = r".*\[(?P<time>[^\]]+)\].*"


def form(pattern: str = FORMAT, **changes: object) -> LineFormat:
    names = set(re.compile(pattern).groupindex) | {"file", "line_number", "line"}
    columns = {name: dict(spec) for name, spec in COLUMNS.items() if name in names}
    columns["time"] |= changes
    subject = [name for name in ("user_id", "device_id", "ip") if name in names]
    made = system(format=pattern, columns=columns, **({"subject": subject} if subject else {"subject": None}))
    return LineFormat("weblogs.access", made.datasets["access"])


FORMS = {name: form(text) for name, text in (("nginx", FORMAT), ("demo", DEMO), ("json", JSON))}

clocks = st.builds(
    "{:02}:{:02}:{:02}".format, st.integers(0, 24), st.sampled_from([0, 29, 30, 31, 59, 60]), st.integers(0, 60)
)
days = st.sampled_from(["19/Nov/2025", "20/Nov/2025", "21/Nov/2025", "25/Nov/2024", "30/Feb/2024", "26/Oct/2025",
    "20/nov/2025", "9/Nov/2025", "01/Jan/2027"])  # fmt: skip
offsets = st.sampled_from(["", " +0100", " +0000", " -1130", " +9959", " +2400", " +01:00", "Z", " +01"])
nginx = st.builds("{}:{}{}".format, days, clocks, offsets)
iso = st.builds("{}{}{}{}{}".format, st.sampled_from(["2025-11-20", "2024-11-20", "2025-10-26", "2025-02-30"]),
    st.sampled_from("T _"), clocks, st.sampled_from(["", ".5", ".123", ".123456", ".1234567"]),
    st.sampled_from(["Z", "+01:00", "-11:30", "+24:00", "", "z"]))  # fmt: skip
times = st.one_of(nginx, iso, st.sampled_from(["-", "", "1732100000"]))
texts = st.sampled_from(["GET / HTTP/2.0", "GET /?d=[19/Nov/2024:10:00:00 HTTP/1.1", "[", "a\nb", "a\r", "\t", "\x00",
    '" 200 5 "-" "', "[25/Nov/2024:10:00:00 +0100]", "é"])  # fmt: skip
lines = st.one_of(
    st.builds(lambda t, r, a, s, e: line(t, request=r, agent=a, size=s) + e, times, texts, texts,
        st.sampled_from(["512", "-", "x"]), st.sampled_from([b"", b"", b"\r", b"\r\r", b" ", b"\x00"])),
    st.builds(lambda t, more: f'{{"time":"{t}", "ip":"192.0.2.7"{more}}}'.encode(), times,
        st.sampled_from(["", ', "more": "x"', ', "size": 12', ', "size": 12345', ', "more": "\n"'])),
    st.sampled_from([b"", b"\r", b"\x00", b"what is this", line()[:-1], b'x"']),
)  # fmt: skip
# Few lines, and so many alike that they are taken at once.
logs_ = st.lists(st.tuples(lines, st.sampled_from([1, 1, 1, 2, 3, MANY, 2 * MANY + 1])), max_size=8).map(
    lambda parts: b"".join((text + b"\n") * count for text, count in parts)
)
ends = st.sampled_from([b"", b"", line(), b"what is this"])
moments = st.sampled_from(
    [BOUND, BOUND - timedelta(hours=1), BOUND + timedelta(days=400), datetime(2024, 1, 1, tzinfo=UTC)]
)


def split(block: bytes) -> list[bytes]:
    """The lines as the plain way has them."""
    found = block.split(b"\n")
    return found[:-1] if not found[-1] else found


def compare(made: LineFormat, log: bytes, bounds: Iterable[datetime], modified: datetime, *, spans: bool) -> set[int]:
    """Hold that runs say of all lines what each says by itself; which sizes of runs there were."""
    block, cuts, clock = bytearray(log), sorted({micros(bound) for bound in bounds}), made.clock("time")
    assert clock is not None
    told: dict[bytes, int | None] = {}
    for each in dict.fromkeys(split(log)):
        found = made.match(each)
        told[each] = None if found is None else clock(found)
    at, sizes = 0, set()
    for run in Runs(made, "time", cuts, micros(modified), spans=spans).of(block):
        assert run.start == at < run.end
        at = run.end
        here = [told[each] for each in split(bytes(block[run.start : run.end]))]
        assert {bisect_right(cuts, micros(modified) if time is None else time) for time in set(here)} == {run.slot}
        assert run.lines == len(here)
        sizes.add(run.lines)
        if spans:
            known = [time for time in here if time is not None]
            assert (run.first, run.last) == (min(known, default=None), max(known, default=None))
            assert run.undated == len(here) - len(known)
    assert at == len(block)
    return sizes


@settings(max_examples=60)
@given(st.sampled_from(sorted(FORMS)), logs_, ends, st.lists(moments, min_size=1, max_size=3), moments, st.booleans())
def test_runs_say_of_lines_what_each_says_by_itself(name, log, end, bounds, modified, spans):
    """Edge cases 3, 8 and 11: other zones, clocks that change, odd lines, dates that are no times, NULs."""
    compare(FORMS[name], log + end, bounds, modified, spans=spans)


BASES = ["18/Nov/2024:10:00:00 +0100", "17/Nov/2025:23:59:59 +0000", "22/Nov/2025:10:00:00 +0000",
    "20/Nov/2025:09:10:00 +0000", "20/Nov/2025:11:10:00 +0000", "20/Nov/2025:10:10:00 +0000",
    "22/Dec/2027:10:00:00 +0100", "18/Nov/2024:10:00:00", "2024-11-18T10:00:00+01:00", "2027-11-18 10:00:00.123Z"]  # fmt: skip


@pytest.mark.parametrize("base", BASES)
def test_one_odd_line_among_many_alike_is_judged_by_itself(base):
    """Edge cases 3, 8 and 11, at each place where a proof could go by it."""
    day, rest = base[:12], base[20:]
    odd = [
        *(line(f"{day}{clock}{rest}") for clock in ("24:00:00", "29:10:00", "10:60:00", "10:10:60", "23:59:59", "0:00:00")),
        *(line(f"{day}00:00:00 {offset}") for offset in ("+9959", "-9959", "+2400", "+1", "+01:00", "")),
        *(line(f"{base[:6]}/{year}{base[11:]}") for year in (1999, 2024, 2029)),
        *(line(f"{other}{base[2:]}") for other in ("00", "31", "1 ", "20")),
        *(line(base, agent=agent) for agent in ("a\nb", "a\rb", "[", f"[{base}]", '"', "\x00")),
        *(line(base, user=user) for user in ("a\tb", "a\vb", "a\fb", "a b", "")),
        *(line(base) + end for end in (b"\r", b"\r\r", b" ", b'"', b"\n")),
        line(base, size="\t"), line(base, size="1\n"), line(base)[:-1], line("-"), line(""), b"", b"\x00",
        line("18/Nov/2024:10:00:00 +0100"), line("22/Dec/2027:10:00:00 +0100"), b"[18/Nov/2024:10:00:00 +0100]",
    ]  # fmt: skip
    each, old, new = line(base) + b"\n", datetime(2024, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    for text in odd:
        log = each * 3 + text + b"\n" + each * (MANY + 1)
        for modified in (old, new):
            compare(FORMS["nginx"], log, [BOUND], modified, spans=False)
        compare(FORMS["nginx"], log, [BOUND, BOUND + timedelta(days=700)], new, spans=True)


@pytest.mark.parametrize("base", [base for base in BASES if not base.startswith("20/Nov/2025:10")])
def test_many_lines_alike_are_one_run(base):
    """But where it would be slower to look: in the hour of the bound."""
    at, new = line(base) + b"\n", datetime(2029, 1, 1, tzinfo=UTC)
    for spans in (False, True) if "+" in base else (False,):
        assert max(compare(FORMS["nginx"], at * 3 * MANY, [BOUND], new, spans=spans)) >= 2 * MANY


def test_where_the_clock_goes_half_an_hour_on_the_latest_time_is_not_that_of_the_latest_clock():
    """Edge case 3: what a clock without an offset says in the half hour that there never was is taken for later."""
    made = form(zone="Australia/Lord_Howe")
    log = b"".join(line(f"05/Oct/2025:02:{minute:02}:00") + b"\n" for minute in (29, 31, 0, 30)) * MANY
    for spans in (False, True):
        compare(made, log, [datetime(2025, 10, 4, 15, 45, tzinfo=UTC)], BOUND, spans=spans)
        compare(made, log, [datetime(2025, 9, 1, tzinfo=UTC)], BOUND, spans=spans)


@settings(max_examples=25, deadline=None)
@given(logs_, ends, logs_, moments, moments)
def test_a_log_is_rewritten_and_counted_as_it_would_be_line_by_line(
    tmp_path_factory, log, end, second, before, changed
):
    """Edge case 7, of a gz of two members: the same bytes stay, and the counts, the oldest and the size are theirs."""
    content = log + second + end
    logs = Logs(tmp_path_factory.mktemp("logs"))
    path = logs.put("nginx/access/a.gz", gzip.compress(log) + gzip.compress(second + end), at=changed, compress=False)
    matcher = DueMatcher(FORMS["nginx"], Due(before), micros(changed))
    picked = [(text, matcher.pick(text)) for text in split(content)]
    due = [(text, pick.time) for text, pick in picked if pick is not None and pick.rows]
    kept = b"".join(text + b"\n" for text, pick in picked if pick is None or not pick.rows)
    if content and not content.endswith(b"\n") and kept and (picked[-1][1] is None or not picked[-1][1].rows):
        kept = kept[:-1]
    step = logs.step(Due(before), Delete())
    size = sum(len(text) + 1 for text, _ in due)
    if not due:
        assert step.items == ()
        return
    (item,) = step.items
    assert (item.records, item.bytes, item.whole) == (len(due), size, not kept)
    assert micros(item.oldest) == min(time for _, time in due)
    (outcome,) = logs.apply([step])
    assert (outcome.status, outcome.records, outcome.bytes) == (Status.DONE, len(due), size)
    assert path.exists() == bool(kept)
    if kept:
        assert gzip.decompress(path.read_bytes()) == kept


def test_a_log_in_any_order_loses_its_old_lines_alone(tmp_path):
    logs = Logs(tmp_path)
    old, new = (line(f"{day}/Nov/2025:10:00:00 +0100", user=7) for day in (18, 22))
    path = logs.put("nginx/access/a.gz", [*[old] * 700, *[new] * 700, old, new, *[old] * 300])
    (outcome,) = logs.apply([logs.step(Due(BOUND), Delete())])
    assert outcome.records == 1001
    assert gzip.decompress(path.read_bytes()) == (new + b"\n") * 701


def test_a_log_in_which_whatever_could_be_a_time_is_late_stays_as_it_is(tmp_path):
    """A line that is in no known form goes with its file, and stays with it: whichever proof there is for the others."""
    logs = Logs(tmp_path)
    late = [line("22/Dec/2025:10:00:00 +0100"), b'[22/Dec/2025:10:00:00 +0100] "odd"']
    logs.put("nginx/access/a.gz", late * 400, at=datetime(2025, 12, 23, tzinfo=UTC))
    assert logs.locate(Due(BOUND)) == ()
    path = logs.put("nginx/access/b.gz", late * 400, at=datetime(2025, 11, 1, tzinfo=UTC))
    (outcome,) = logs.apply([logs.step(Due(BOUND), Delete())])
    assert outcome.records == 400
    assert gzip.decompress(path.read_bytes()) == (late[0] + b"\n") * 400


def test_a_date_in_a_request_is_no_time(tmp_path):
    logs = Logs(tmp_path)
    old, new = "18/Nov/2024:10:00:00 +0100", "22/Dec/2025:10:00:00 +0100"
    keep = line(new, request=f"GET /?[{old}] HTTP/2.0")
    drop = line(old, agent=f"x [{new}]")
    path = logs.put("nginx/access/a.gz", [keep, drop] * 3 + [keep] * 600 + [drop] * 600)
    (outcome,) = logs.apply([logs.step(Due(BOUND), Delete())])
    assert outcome.records == 603
    assert gzip.decompress(path.read_bytes()) == (keep + b"\n") * 603


def test_those_to_be_spared_stay_in_a_log_of_many_lines(tmp_path):
    """Edge case 15."""
    logs = Logs(tmp_path)
    theirs, others = (line("18/Nov/2024:10:00:00 +0100", user=n) for n in (1001, 1002))
    path = logs.put("nginx/access/a.gz", [others] * 600 + [theirs] + [others] * 600)
    (outcome,) = logs.apply([logs.step(Due(BOUND), Delete())], [of(customer(1001))])
    assert (outcome.records, outcome.reason) == (1200, "held:1")
    assert gzip.decompress(path.read_bytes()) == theirs + b"\n"


def test_lines_that_are_due_can_still_be_changed_instead(tmp_path):
    logs = Logs(tmp_path)
    path = logs.put("nginx/access/a.gz", [line("18/Nov/2024:10:00:00 +0100", user=1)] * 600)
    (outcome,) = logs.apply([logs.step(Due(BOUND), Set({"user_id": None}))])
    assert outcome.records == 600
    assert gzip.decompress(path.read_bytes()) == (line("18/Nov/2024:10:00:00 +0100") + b"\n") * 600


def digest(*parts: tuple[int, bytes]) -> str:
    found = Lines()
    for number, text in parts:
        found.add(number, len(split(text)), text)
    return found.hexdigest()


@given(st.lists(st.sampled_from([b"a", b"b", b"", b"a\r"]), min_size=1, max_size=9), st.data())
def test_the_same_lines_have_one_digest_in_whatever_pieces_they_come(texts, data):
    at, parts = 0, []
    while at < len(texts):
        end = data.draw(st.integers(at + 1, len(texts)))
        parts.append((at, b"".join(text + b"\n" for text in texts[at:end])))
        at = end
    whole = b"".join(text + b"\n" for text in texts)
    assert digest(*parts) == digest((0, whole)) == digest(*((n, text + b"\n") for n, text in enumerate(texts)))


def test_other_lines_or_the_same_in_other_places_have_other_digests():
    assert digest((0, b"a\nb")) == digest((0, b"a\nb\n"))
    found = [digest((0, b"a\n"), (2, b"b\nc\n")), digest((0, b"a\nb\n"), (3, b"c\n")), digest((1, b"a\nb\nc\n")),
        digest((0, b"a\n"), (2, b"b\n"), (4, b"c\n")), digest((0, b"a\nb\n\n")), digest()]  # fmt: skip
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "pattern", [FORMAT, DEMO, JSON, r"(?P<ip>\S+) \[(?P<time>[^\]]+)\](?: \w+){2,}", r'a{x\d{2}\t"(?P<time>[^"]+)"']
)
def test_formats_whose_time_has_one_place_are_looked_at_in_bulk(pattern):
    assert shape(pattern.encode(), "time") is not None


@pytest.mark.parametrize("pattern", [
    LOOSE,
    r"\S+ (?P<time>[^ ]+) \S+",  # A blank is part of times.
    r"\[(?P<time>[^\]]+)\](?= x).*",
    r"\[(?P<time>[^\]]+)\].*\bx",
    r"\[(?P<time>[^\]]+)\] x$",
    r"(?i)\[(?P<time>[^\]]+)\] x",
    r"\[(?P<time>[^\]]+)\] (x)\1",
    r"\[(?P<time>[^\]]+)\] (?>x)",
    r"\[(?P<time>[^\]]+)\] x*+",
    r"\[(?P<time>[^\]]+)\] (x)++",
    r"\[(?P<time>[^\]]+)\]|x",
    r"(a|ab)\[(?P<time>[^\]]+)\]",
    r"\[(?P<time>[^\]]+)\]x{,2}",
    r"\[(?P<time>\d+/\w+/\d+:[\d:]+)\]",
    r"\[(?P<time>[^\]]+)",
    r"(?P<time>[^\]]+)\]",
    r"\[(?P<time>[^\]]+)\]\n",
    r"\[(?P<time>[^\]]{26})\]",
    r"\[(?P<time>[^\]]+?)\]",
    r"\[?\[(?P<time>[^\]]+)\]",
    r"\[(?P<time>[^\]]+)\]?x",
    r"(\[(?P<time>[^\]]+)\])?",
])  # fmt: skip
def test_formats_that_leave_a_doubt_are_looked_at_line_by_line(pattern):
    re.compile(pattern)
    assert shape(pattern.encode(), "time") is None
