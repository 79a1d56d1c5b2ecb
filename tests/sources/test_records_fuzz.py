"""Whatever bytes a file has, the outcome is rows or an error of ours; and the quick ways give what the plain ways give."""

from __future__ import annotations

import gzip
import json
import tempfile
from io import BytesIO
from pathlib import Path

import jmespath
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from privacy.errors import PrivacyError
from privacy.sources import records_json
from privacy.sources.base import Delete, Of, Subject
from privacy.sources.records_json import Document, Found
from privacy.sources.records_path import Path as Compiled
from sources.records_kit import GA4, Kit, click, customer, device, email, event, of, talk

AT = "2026-11-20T10:00:00"
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
EVERYBODY = of(customer(1001), email("a@shop.example"), device("d"))

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["1001", "a@shop.example", "visitor", "customer", "\ud800", "-", " "]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8,
)  # fmt: skip


def outcome(kind: str, name: str, content: bytes) -> None:
    """Reading, locating and removing whatever there is: rows, items, outcomes, or our own error."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder), kind)
        kit.put(name, content)
        for ask in (kit.read, lambda pick: kit.apply([kit.step(pick, Delete())])):
            try:
                ask(EVERYBODY)
            except PrivacyError as problem:
                assert problem.code.split(".")[0] in ("records", "storage")  # noqa: PT017


def mutated(good: bytes):
    """Good content with some bytes of it lost, doubled, or others."""

    def change(cuts: list[tuple[int, int, bytes]]) -> bytes:
        made = good
        for at, size, new in cuts:
            place = at % max(len(made), 1)
            made = made[:place] + new + made[place + size :]
        return made

    return st.lists(
        st.tuples(st.integers(0, 2**20), st.integers(0, 9), st.binary(max_size=4)), min_size=1, max_size=3
    ).map(change)


LINES = b"".join(json.dumps(click(AT + "Z", customer=c, device="d")).encode() + b"\n" for c in (1001, None, 7))
DUMP = json.dumps(
    {
        "a": [1.5],
        "conversations": [
            talk(n, AT + "Z", customer=1001, email="a@shop.example", others=["b"], rating=4.5) for n in range(3)
        ],
    }
).encode()


def parquet(**options) -> bytes:
    out = BytesIO()
    rows = [event(AT, user="1001", device="d"), event(AT, device="d", ip="192.0.2.7"), event(AT, user="7")] * 3
    pq.write_table(pa.Table.from_pylist(rows, GA4), out, row_group_size=4, **options)
    return out.getvalue()


PARQUET = [parquet(compression=codec) for codec in ("none", "snappy", "zstd")]


@QUICK
@given(
    mutated(LINES)
    | st.lists(values, max_size=4).map(lambda found: "\n".join(map(json.dumps, found)).encode("utf-8", "replace"))
    | st.binary(max_size=40)
)
@example(b'{"at": 1e999999999, "visitor": {"customer": 1e400}}')
@example(b'{"at": "2026-11-20T10:00:00Z", "visitor": {"customer": ' + b"9" * 5000 + b"}}")
@example(b'{"at":"2026-11-20T10:00:00Z","visitor":{"customer":1001},"page":"\\ud800"}')
def test_any_bytes_of_lines(content):
    outcome("clicks", "clicks/clicks-2026-11-20.ndjson", content)


@QUICK
@given(
    mutated(DUMP)
    | values.map(lambda v: json.dumps({"conversations": v}).encode())
    | st.lists(values, max_size=3).map(lambda v: json.dumps({"conversations": v}).encode())
)
@example(b'{"conversations": ' + b'[{"a":' * 2000)
def test_any_bytes_of_a_document(content):
    outcome("conversations", "dumps/conversations-2026-11-20.json", content)


@QUICK
@given(st.sampled_from(PARQUET).flatmap(mutated) | st.binary(max_size=30).map(lambda b: b"PAR1" + b + b"PAR1"))
def test_any_bytes_of_parquet(content):
    outcome("events", "ga4/events_20261120.parquet", content)


@settings(QUICK, max_examples=15)
@given(mutated(gzip.compress(LINES)) | mutated(gzip.compress(DUMP)))
def test_any_bytes_of_gzip(content):
    outcome("clicks", "clicks/clicks-2026-11-20.ndjson.gz", content)
    outcome("conversations", "dumps/conversations-2026-11-20.json.gz", content)


@QUICK
@given(
    st.lists(st.dictionaries(texts.filter(str.isprintable), values, max_size=3), max_size=5),
    values,
    st.integers(1, 9),
    st.sampled_from([None, 1]),
)
@example([], 100.0, 3, None)
@example([{"a": -1.5e300}], 1e-7, 1, None)
def test_a_document_read_in_pieces_is_the_document(records, beside, size, indent):
    """Byte for byte, wherever the pieces end; every record with its own bytes."""
    text = json.dumps({"before": beside, "list": {"of": records}, "x": [beside]}, indent=indent, ensure_ascii=True)
    if "NaN" in text or "Infinity" in text:
        return
    raw = text.encode()
    pieces = (raw[at : at + size] for at in range(0, len(raw), size))
    parts = list(Document(pieces, ("list", "of"), "here").parts())
    assert b"".join(part.raw if isinstance(part, Found) else part.encode() for part in parts) == raw
    assert [json.loads(part.raw) for part in parts if isinstance(part, Found)] == [
        part.quick for part in parts if isinstance(part, Found)
    ]
    assert len([part for part in parts if isinstance(part, Found)]) == len(records)


@settings(QUICK, max_examples=20)
@given(st.lists(st.sampled_from([b"{}", b'{"a":1}\r', b"", b" "]), max_size=8), st.integers(1, 5), st.booleans())
def test_lines_are_cut_at_newlines_alone_wherever_the_pieces_end(found, size, ended):
    raw = b"\n".join(found) + b"\n" * ended
    pieces = (raw[at : at + size] for at in range(0, len(raw), size))
    cut = list(records_json.lines(pieces, "here"))
    assert b"".join(cut) == raw
    assert all(line.endswith(b"\n") for line in cut[:-1])
    assert all(line.count(b"\n") <= 1 for line in cut)


paths = st.sampled_from([
    "a", "a.b", "a.b.c", '"a b".c', "a[?b=='x'].c | [0]", "a[?b=='x'].c.d", "a[?b=='x'] | [0].c", "a[0].b", "a[-1]", "a[].b", "a[*].b",
    "@", "a | b", "a.b[?c=='x'].d", "a[?b!='x'].c", "a || b", "length(a)", "a[?b=='x'].c | [1]",
])  # fmt: skip
leaves_ = st.none() | st.sampled_from(["x", "y", 1, True, 1.5, "", [], {}])
documents = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(
        leaves_,
        lambda i: st.lists(i, max_size=3) | st.dictionaries(st.sampled_from("abcd"), i, max_size=3),
        max_leaves=12,
    ),
)


@settings(QUICK, max_examples=80)
@given(paths, documents)
def test_a_path_gives_what_the_library_gives(expression, document):
    compiled = Compiled(expression)
    try:
        wanted = jmespath.search(expression, document)
    except Exception:  # noqa: BLE001
        with pytest.raises(PrivacyError):
            compiled.get(document)
        return
    assert compiled.get(document) == wanted
    if compiled.tops is not None:
        assert compiled.get({k: v for k, v in document.items() if k in compiled.tops}) == wanted


people = st.fixed_dictionaries({
    "user": st.sampled_from([None, "", "1001", "01001", "+1001", "1001 ", "10010", "7", "9"]),
    "device": st.sampled_from([None, " ", "d", "D", "dd", "é"]),
})  # fmt: skip


@settings(QUICK, max_examples=40)
@given(
    st.lists(people, max_size=12),
    st.sampled_from(["none", "snappy", "zstd", "gzip"]),
    st.booleans(),
    st.integers(1, 5),
    st.sampled_from(["1.0", "2.0"]),
)
def test_the_quick_look_at_parquet_finds_whom_a_look_at_every_row_finds(rows, codec, dictionary, group, page):
    """With and without dictionaries and statistics, in small row groups: never a record less (edge case 22: nor more)."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder), "events")
        kit.parquet("ga4/events_20261120.parquet", [event(AT, **row) for row in rows], compression=codec, use_dictionary=dictionary,
            row_group_size=group, data_page_version=page, write_statistics=dictionary != (group % 2 == 0))  # fmt: skip
        wanted = []
        for number, row in enumerate(rows, 1):
            user = row["user"] if row["user"] and row["user"].strip() else None
            mine = (user is not None and user.strip().lstrip("+0") == "1001") if user else row["device"] == "d"
            wanted += [number] * mine
        both = Of((Subject(1, (customer(1001), device("d"))), Subject(2, (customer(424242),))))
        assert [n for _, n in kit.numbers(both)] == wanted
