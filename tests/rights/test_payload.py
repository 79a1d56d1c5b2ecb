"""The sealed content of a request: everything comes back, and nothing of another's is taken for it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import Tampered
from privacy.identity import Candidate, Question
from privacy.rights import Payload
from privacy.rights.payload import asked, plain
from privacy.sources.base import Identifier, Subject

ZONES = st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDENTIFIERS = st.builds(
    Identifier,
    TEXTS,
    TEXTS | st.integers(-(2**63), 2**63 - 1),
    MOMENTS,
    MOMENTS,
    TEXTS,
    st.none() | TEXTS,
    st.booleans(),
)
MANY = st.lists(IDENTIFIERS, min_size=1, max_size=3).map(tuple)


@given(MANY, MANY, TEXTS)
@settings(max_examples=60)
def test_every_identifier_comes_back_with_its_type_and_its_instants(named, known, name):
    """Edge case 21."""
    made = Payload(
        number="AVG-2026-0042-5", identifiers=plain(named), name=name, channel="email", author="desk", secret="s",
        question=asked(Question((Candidate(1, named),), known)), subject=Subject(1, plain(known)),
    )  # fmt: skip
    back = Payload.from_bytes(made.as_bytes(), made.number)
    assert back == made
    assert [type(i.value) for i in back.identifiers] == [type(i.value) for i in named]
    assert [i.valid_from for i in back.subject.identifiers] == [i.valid_from for i in known]


def test_content_of_another_number_or_of_no_form_is_evidence_of_tampering():
    made = Payload(
        number="AVG-2026-0042-5", identifiers=(Identifier("email", "a@a.example"),), channel="c", author="a", secret="s"
    )
    for content in (made.as_bytes(), b"{}", b"nothing", made.as_bytes()[:-1] + b',"more":1}'):
        with pytest.raises(Tampered) as refusal:
            Payload.from_bytes(content, "AVG-2026-0043-2")
        assert "a.example" not in str(refusal.value)


def test_a_naive_datetime_is_no_instant():
    with pytest.raises(ValueError, match="instant"):
        plain((Identifier("email", "a@a.example", datetime(2026, 1, 1)),))


def test_windows_are_written_in_utc():
    window = datetime(2026, 7, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert plain((Identifier("ip", "192.0.2.1", window),))[0].valid_from.isoformat() == "2026-07-01T00:00:00+00:00"
