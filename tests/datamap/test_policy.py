"""Terms and promises: what cannot be kept, or was not meant, does not load."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from privacy.datamap.policy import Period, Policy, Processor, Promise, Term

T = {"nl": "t", "en": "t"}


def message(model, data):
    with pytest.raises(ValidationError) as error:
        model.model_validate(data)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "months", "days", "seconds"),
    [
        ("P12M", 12, 0, 0), ("P7Y", 84, 0, 0), ("P1Y6M", 18, 0, 0), ("P14D", 0, 14, 0), ("P2W", 0, 14, 0),
        ("P1M3D", 1, 3, 0), ("PT48H", 0, 0, 172_800), ("PT90M", 0, 0, 5_400), ("PT1H30M1S", 0, 0, 5_401),
    ],
)  # fmt: skip
def test_a_period_is_whole_dates_or_real_time(text, months, days, seconds):
    period = Period.model_validate(text)
    assert (period.months, period.days, period.seconds, str(period)) == (months, days, seconds, text)


@pytest.mark.parametrize(
    "text",
    ["P0D", "P0M", "PT0H", "P0Y0M", "-P12M", "P-12M", "P12", "12M", "P12m", "PM", "P", "PT", "P1DT", "P1.5M", "P12X", "PT48",
        "P1H", "12 months", "", " P1D", "P1D ", 12, 0, -1, None, True, [], "P1DT12H", "P1M1W T"],
)  # fmt: skip
def test_a_term_of_nothing_a_negative_one_or_a_typo_in_its_unit_is_an_error(text):
    """Edge case 25."""
    said = message(Term, {"keep_at_most": text, "every": "P1D"})
    assert "write" in said or "longer than that" in said or "one or the other" in said


def test_a_key_without_a_value_is_not_a_record_kept_for_ever():
    """Edge case 25: null."""
    assert "keep_at_most: there is nothing there" in message(Term, {"keep_at_least": "P7Y", "keep_at_most": None})
    assert "margin: there is nothing there" in message(Term, {"keep_at_most": "P1M", "every": "P1D", "margin": None})
    assert "term: there is nothing there" in message(Promise, {"title": T, "quote": "q", "kept_by": "k", "term": None})
    assert "a term has keep_at_least" in message(Term, {"every": "P1D"})


STAT = {"keep_at_least": "P10Y", "title": T}


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"here": {"keep_at_least": "P0Y", "title": T}}, "is nothing: a term is longer than that"),
        ({"here": {"keep_at_least": "-P7Y", "title": T}}, "is no period"),
        ({"here": {"keep_at_least": "P7J", "title": T}}, "is no period"),
        ({"here": {"keep_at_least": None, "title": T}}, "keep_at_least: there is nothing there"),
        ({"here": None}, "kinds.here"),
        ({"here": {"title": T}}, "a term has keep_at_least"),
        ({"here": {"keep_at_most": "P7Y", "title": T}}, "keep_at_most needs `every`"),
        ({"here": {"keep_at_least": "P7Y"}}, "kinds.here: say which records it is for (`title`)"),
        ({"here": {"keep_at_least": "P7Y", "title": T, "kinds": {"x": STAT}}}, "a kind has no kinds of its own"),
        ({"Here": STAT}, "should match pattern"),
    ],
)  # fmt: skip
def test_the_term_of_a_kind_is_as_strict_as_any(kinds, said):
    """Edge case 25: of 0, null, negative, a typo in its unit."""
    assert said in message(Term, STAT | {"kinds": kinds})


def test_whoever_reads_of_a_term_with_kinds_is_told_what_the_rest_is():
    kinds = {"here": {"keep_at_least": "P7Y", "title": T}}
    assert "a term with kinds: say which records" in message(Term, {"keep_at_least": "P10Y", "kinds": kinds})
    term = Term.model_validate(STAT | {"kinds": kinds})
    assert [str(term.of(kind).keep_at_least) for kind in ("here", "there", "", None)] == ["P7Y", "P10Y", "P10Y", "P10Y"]


def test_a_limit_needs_to_say_how_often_its_purge_runs():
    assert "keep_at_most needs `every`" in message(Term, {"keep_at_most": "P1M"})


@pytest.mark.parametrize(
    ("least", "most", "every", "margin", "can"),
    [
        ("P11M", "P14M", "P1D", None, True),
        ("P12M", "P12M", "P1D", None, False),
        ("P7Y", "P6Y", "P1D", None, False),
        # 31 days are not always less than a month and two days.
        ("P31D", "P1M2D", "P1D", None, False),
        ("PT24H", "PT48H", "PT24H", None, True),
        ("PT24H", "PT48H", "PT23H", "PT1H", True),
        ("PT24H", "PT48H", "PT24H", "PT1S", False),
        (None, "PT48H", "PT1H", None, True),
        (None, "PT48H", "PT48H", None, True),
        (None, "PT48H", "P7D", None, False),
        (None, "P7D", "P1D", "P6D", False),
    ],
)
def test_bounds_that_no_run_can_keep_are_refused(least, most, every, margin, can):
    data = {"keep_at_most": most, "every": every} | {
        k: v for k, v in (("keep_at_least", least), ("margin", margin)) if v
    }
    if can:
        assert Term.model_validate(data).keep_at_most
    else:
        said = message(Term, data)
        assert ("keep_at_most - keep_at_least" if least else "keep_at_most is less than every + margin") in said


def test_a_period_is_as_long_as_the_calendar_and_the_clock_make_it():
    """Edge cases 2 and 4: a month is 28 to 31 days, a day 23 to 25 hours; 48 hours are 48 hours."""
    month, day, hours = (Period.model_validate(text) for text in ("P1M", "P1D", "PT48H"))
    assert (month.shortest, month.longest) == (timedelta(days=28), timedelta(days=31))
    assert (day.shortest, day.longest) == (timedelta(hours=23), timedelta(hours=25))
    assert hours.shortest == hours.longest == timedelta(hours=48)


def processor(**changes):
    return {"name": "P", "service": T, "country": "NL", "agreement": "2024-01-01"} | changes


def test_a_processor_for_commercial_ends_of_its_own_is_refused():
    """NO-SELL."""
    assert "NO-SELL" in message(Processor, processor(commercial=True))
    assert Processor.model_validate(processor(commercial=False)).commercial is False


def test_data_leave_the_eea_on_a_stated_ground_only():
    """EU."""
    for country in ("US", "GB", "CH"):
        assert f"{country} is outside the EEA" in message(Processor, processor(country=country))
        assert Processor.model_validate(processor(country=country, transfer=T)).transfer
    for country in ("NL", "NO", "IE"):
        assert Processor.model_validate(processor(country=country))
    assert "country" in message(Processor, processor(country="Netherlands"))


def test_the_longest_category_that_fits_gives_the_statements_word(bikes_policy: Policy):
    assert bikes_policy.category("user.behavior.purchase_history").en == "Rides"
    assert bikes_policy.category("user.contact.email").en == "E-mail"
    assert bikes_policy.category("user.health_and_medical") is None
    assert bikes_policy.category("") is None


@pytest.fixture(scope="module")
def bikes_policy() -> Policy:
    from conftest_bikes import HOME
    from privacy.datamap.load import load

    return load(HOME).policy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prefix": "avg"}, "prefix"),
        ({"prefix": "TOOLONG"}, "prefix"),
        ({"language": "de"}, "language"),
        ({"zone": "Europe/Amsterdm"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"promises": {}}, "promises"),
        ({"promises": {"log_12m": {}}}, "promises"),
        ({"categories": {"user.nose": T}}, "'user.nose' is no data category"),
    ],
)
def test_a_policy_knows_its_prefix_language_zone_and_categories(bikes_policy, change, said):
    assert said in message(Policy, bikes_policy.model_dump(exclude_none=True) | change)
