"""The statement's words and the data map, both ways."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import conftest_bikes
from privacy.datamap.load import DataMap, load
from privacy.datamap.policy import Category, Policy
from privacy.datamap.promised import unnamed, unproven

INCLUDE = Path(__file__).parents[2] / "include"


@pytest.fixture(scope="module")
def bikes() -> DataMap:
    return load(conftest_bikes.HOME)


def changed(datamap: DataMap, **changes: object) -> DataMap:
    raw = datamap.policy.model_dump(mode="json", exclude_none=True)
    raw["promises"] = datamap.policy.promises
    return replace(datamap, policy=Policy.model_validate(raw | changes))


def test_a_category_of_the_statement_that_no_column_holds_is_told_of(bikes):
    """CATS."""
    before = {f.name for f in unnamed(bikes)}
    words = {k: v.model_dump(exclude_none=True) for k, v in bikes.policy.categories.items()}
    more = {
        "user.biometric": {"nl": "Vingerafdruk", "en": "Fingerprint"},
        "user.sensor": {"nl": "Beelden", "en": "Pictures", "section": "Camerabewaking"},
    }
    found = {f.name: f for f in unnamed(changed(bikes, categories=words | more)) if f.name not in before}
    assert sorted(found) == ["Beelden", "Vingerafdruk"]
    assert found["Vingerafdruk"].code == "policy.category_unheld"
    assert "its list names it" in found["Vingerafdruk"].message
    assert "its section 'Camerabewaking' speaks of it" in found["Beelden"].message
    assert not any(f.red for f in found.values())


def test_a_word_that_two_keys_share_is_held_when_one_of_them_is(bikes):
    words = {k: v.model_dump(exclude_none=True) for k, v in bikes.policy.categories.items()}
    again = {"user.biometric": next(iter(words.values()))}
    assert len(unnamed(changed(bikes, categories=words | again))) == len(unnamed(bikes))


def test_purposes_processors_and_kinds_of_people_that_no_dataset_names_are_told_of(bikes):
    """PURPOSES and PROCESSORS."""
    purposes = {k: v.model_dump() for k, v in bikes.policy.purposes.items()}
    new = {"title": {"nl": "n", "en": "n"}, "basis": "contract"}
    processor = {"name": "P", "service": {"nl": "s", "en": "s"}, "country": "NL", "agreement": "2024-01-01"}
    found = unnamed(
        changed(
            bikes,
            purposes=purposes | {"nails": new},
            processors={k: v.model_dump(mode="json", exclude_none=True) for k, v in bikes.policy.processors.items()}
            | {"nobody": processor},
            subjects={"email": {"nl": "g", "en": "g"}, "velo.ridr": {"nl": "g", "en": "g"}},
        )
    )
    codes = {f.name: f.code for f in found}
    assert codes["nails"] == "policy.purpose_unnamed"
    assert codes["nobody"] == "policy.processor_unnamed"
    assert codes["velo.ridr"] == "policy.subject_unknown"
    assert "email" not in codes


def test_an_older_policy_s_categories_are_those_of_the_list():
    assert Category.model_validate({"nl": "a", "en": "a"}).section is None


def test_the_first_shop_s_list_is_the_statement_s_own():
    """CATS: the words without a section are those of the statement's list, in full; the other way round too."""
    text = (INCLUDE / "policy/statement.nl.txt").read_text()
    policy = load(INCLUDE).policy
    bullets = text.partition(policy.promises["CATS"].quote)[2].strip().split("\n\n")[0].splitlines()
    listed = [re.sub(r"^\W+", "", line) for line in bullets]
    words = {word.nl for word in policy.categories.values() if word.section is None}
    assert len(listed) == 13
    assert [line for line in listed if not any(line == w or line.startswith(w + " (") for w in words)] == []
    assert [w for w in words if not any(line == w or line.startswith(w + " (") for line in listed)] == []
    sections = {word.section for word in policy.categories.values() if word.section}
    assert sections == {"Communicatie", "Werving en Selectie", "Camerabewaking"}
    assert [s for s in sections if s.casefold() not in text.casefold()] == []


def test_the_first_shop_names_nothing_in_vain_but_what_it_may_one_day_have_to_do():
    """PURPOSES and PROCESSORS: an order of an authority and the site's security leave no records of their own."""
    found = {f.name for f in unnamed(load(INCLUDE)) if f.code != "policy.not_yet"}
    assert found <= {"security", "authority_orders"}


def test_a_promise_that_is_not_kept_whole_yet_is_told_of_by_name(bikes):
    """Amber, never silently for ever."""
    policy = bikes.policy.model_copy(deep=True)
    name, promise = next(iter(policy.promises.items()))
    policy.promises[name] = promise.model_copy(update={"not_yet": "a DAG"})
    (found,) = [f for f in unnamed(replace(bikes, policy=policy)) if f.code == "policy.not_yet"]
    assert (found.name, found.red, found.message) == (name, False, "Not kept whole yet: a DAG.")


def test_every_term_of_the_shop_is_kept_by_a_rule():
    assert unproven(load(INCLUDE)) == []


def test_a_term_without_a_rule_and_a_dataset_without_one_are_red():
    shop = load(INCLUDE)
    purges = {name: p.model_dump(mode="json") for name, p in shop.policy.purges.items()}
    del purges["purge_logfiles"]["rules"]["sessions"]
    found = {f.name: f for f in unproven(changed(shop, purges=purges))}
    assert list(found) == ["sessions"], "the promise itself is proven by other rules"
    assert found["sessions"].code == "datamap.unpurged"
    assert "LOG-12M" in found["sessions"].message
    del purges["purge_logfiles"], purges["purge_analytics_exports"]
    found = {f.name: f for f in unproven(changed(shop, purges=purges))}
    assert found["LOG-12M"].code == "policy.unproven"
    assert {"sessions", "access", "clicks"} <= set(found)
    assert all(f.red for f in found.values())


def test_a_term_that_ends_with_an_event_needs_no_rule_and_one_about_people_without_a_start_is_told():
    shop = load(INCLUDE)
    rest = {name: p.model_dump(mode="json") for name, p in shop.policy.purges.items()}
    assert not [f for f in unproven(changed(shop, purges=rest)) if f.name in ("customers", "products")]
    system = shop.systems["shop"]
    dated = system.datasets["customers"].model_copy(update={"promise": "LOG-12M"})
    other = system.model_copy(update={"datasets": {**system.datasets, "customers": dated}})
    (found,) = unproven(replace(shop, systems={**shop.systems, "shop": other}))
    assert (found.name, "starts" in found.advice) == ("customers", True)
