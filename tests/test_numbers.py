"""Request numbers: what is mistyped is noticed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import BadInput
from privacy.numbers import PATTERN, check, number

YEARS, SERIALS = st.integers(2000, 2099), st.integers(1, 999_999)


@given(YEARS, SERIALS)
def test_a_number_is_accepted_however_it_is_typed(year, serial):
    made = number("AVG", year, serial)
    assert check(f" {made.lower()} ", "AVG") == made
    assert re.fullmatch(PATTERN, made)


@given(YEARS, SERIALS, st.data())
def test_every_single_wrong_digit_is_noticed(year, serial, data):
    made = number("AVG", year, serial)
    at = data.draw(st.sampled_from([n for n, c in enumerate(made) if c.isdigit()]))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != made[at]]))
    with pytest.raises(BadInput, match="check digit"):
        check(made[:at] + digit + made[at + 1 :], "AVG")


@given(YEARS, SERIALS, st.data())
def test_every_swap_of_neighbours_is_noticed(year, serial, data):
    made = number("AVG", year, serial)
    pairs = [n for n in range(len(made) - 1) if made[n : n + 2].isdigit() and made[n] != made[n + 1]]
    if pairs:
        at = data.draw(st.sampled_from(pairs))
        with pytest.raises(BadInput, match="check digit"):
            check(made[:at] + made[at + 1] + made[at] + made[at + 2 :], "AVG")


@pytest.mark.parametrize(
    "text", ["", "AVG-2026-42-7", "XYZ-2026-0042-7", "AVG 2026 0042 7", "anna@a.example", "AVG-2026-0042-7; --"]
)
def test_anything_else_is_refused_without_quoting_it(text):
    with pytest.raises(BadInput) as refusal:
        check(text, "AVG")
    assert not text or text not in str(refusal.value)
