"""The notation of types, and the exact Arrow type of each."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.datamap.types import NAMES, arrow_type

SIMPLE = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string(), "boolean": pa.bool_(), "date": pa.date32(),
    "binary": pa.binary(), "decimal(12,2)": pa.decimal128(12, 2), "datetime": pa.timestamp("us", "Europe/Brussels")}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), SIMPLE.items())
def test_each_type_has_one_exact_arrow_type(text, wanted):
    assert arrow_type(text, "Europe/Brussels") == wanted
    assert arrow_type(f"  {text} ", "Europe/Brussels") == wanted


def notations(depth: int) -> st.SearchStrategy[tuple[str, pa.DataType]]:
    simple = st.sampled_from(list(SIMPLE.items()))
    if depth == 0:
        return simple
    inner = notations(depth - 1)
    lists = inner.map(lambda t: (f"list<{t[0]}>", pa.list_(t[1])))
    records = st.lists(inner, min_size=1, max_size=3).map(
        lambda ts: (
            f"record<{', '.join(f'f{n}: {t}' for n, (t, _) in enumerate(ts))}>",
            pa.struct([pa.field(f"f{n}", a) for n, (_, a) in enumerate(ts)]),
        )
    )
    return simple | lists | records


@settings(max_examples=40, deadline=None)
@given(notations(3))
def test_lists_and_records_nest_as_deep_as_needed(case):
    """Edge case 21."""
    text, wanted = case
    assert arrow_type(text, "Europe/Brussels") == wanted


def test_a_decimal_may_have_76_digits():
    assert arrow_type("decimal(38,38)") == pa.decimal128(38, 38)
    assert arrow_type("decimal(39,0)") == pa.decimal256(39, 0)
    assert arrow_type("decimal(76, 2)") == pa.decimal256(76, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("datetime", "needs its zone"),
        ("list<datetime>", "needs its zone"),
        ("dat", "'dat' is not a type; write one of: integer"),
        ("", "'' is not a type"),
        ("Integer", "'Integer' is not a type"),
        ("decimal(2,3)", "scale at most the precision"),
        ("decimal(0,0)", "precision 1 to 76"),
        ("decimal(77,1)", "precision 1 to 76"),
        ("decimal", "'decimal' is not a type"),
        ("list<>", "'' is not a type"),
        ("record<>", "needs the form name: type"),
        ("record<a integer>", "needs the form name: type"),
        ("record<a: integer, : text>", "needs the form name: type"),
        ("list<text", "is not a type"),
        ("list<text>>", "is not a type"),
    ],
)
def test_what_is_no_type_is_an_error_that_says_what_to_write(text, said):
    with pytest.raises(ValueError) as error:
        arrow_type(text)
    assert said in str(error.value)


def test_the_hint_lists_every_notation():
    assert {"integer", "number", "text", "boolean", "date", "datetime", "binary"} <= set(NAMES)
