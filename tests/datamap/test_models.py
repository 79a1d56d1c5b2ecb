"""Mistakes in a dataset, a system or an edge are errors that say what to write instead."""

from __future__ import annotations

from copy import deepcopy

import pytest
import yaml
from pydantic import ValidationError

from conftest_bikes import HOME
from privacy.datamap.models import Party, System, Text, did_you_mean, is_category

RAW = yaml.safe_load((HOME / "datamap/velo.yaml").read_text())


def change(path: str, value: object) -> dict:
    """The bikes' system with one thing changed; a value of ``...`` removes it."""
    raw = deepcopy(RAW)
    *way, last = path.split("/")
    here = raw
    for step in way:
        here = here[int(step) if isinstance(here, list) else step]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return raw


def test_a_column_is_explained_in_two_languages_or_by_one_text_for_both():
    def explained(description: object) -> Text:
        system = System.model_validate(change("datasets/riders/columns/code/description", description))
        return system.datasets["riders"].columns["code"].description

    assert explained("Code") == Text(nl="Code", en="Code")
    assert explained({"nl": "Rijderscode", "en": "Rider code"}) == Text(nl="Rijderscode", en="Rider code")
    for wrong in ("", {"nl": "Rijderscode"}, 7, None):
        with pytest.raises(ValidationError, match="description"):
            explained(wrong)


def test_the_bikes_themselves_are_a_system():
    system = System.model_validate(RAW)
    assert system.datasets["hires"].kinds == {"velo.code", "email"}
    assert list(system.datasets["hires"].people) == ["rider", "passenger"]
    assert system.datasets["riders"].people == {"subject": Party(subject=("code",))}
    assert system.datasets["bikes"].people == {}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("datasets/riders/key", ["cod"], "key: there is no column 'cod'; did you mean 'code'?"),
        ("datasets/riders/key", [], "key"),
        ("datasets/riders/subject", ["cod"], "subject: there is no column 'cod'"),
        ("datasets/riders/subject", ["full_name"], "column 'full_name' identifies a subject: give it `identity:`"),
        ("datasets/riders/subject", ..., "say whose its records are"),
        ("datasets/bikes/subject", {"nobody": ""}, "nobody"),
        ("datasets/riders/parties", {"a": {"subject": ["code"]}}, "say whose its records are"),
        ("datasets/hires/parties/rider/private", ["mial"], "private: there is no column 'mial'; did you mean 'mail'?"),
        ("datasets/hires/time", "begun", "time: there is no column 'begun'; did you mean 'began'?"),
        ("datasets/hires/time", "price", "time: column 'price' is no date or datetime"),
        ("datasets/hires/starts", {"column": "remark"}, "starts: column 'remark' is no date or datetime"),
        ("datasets/hires/starts", {"column": "x"}, "starts: there is no column 'x'"),
        ("datasets/hires/erasure", {"do": "set", "set": {"emal": None}}, "erasure.set: there is no column 'emal'"),
        ("datasets/hires/erasure", {"do": "set"}, "`set` lists columns when `do: set`"),
        ("datasets/hires/erasure", {"do": "delete", "set": {}}, "`set` lists columns when `do: set`"),
        ("datasets/hires/erasure", {"do": "retain"}, "says until when (`until`) and on what legal ground"),
        ("datasets/hires/erasure", {"do": "forget"}, "'delete', 'set' or 'retain'"),
        ("datasets/riders/examples", [{"velo.code": "7"}], "name two subjects that have records here"),
        ("datasets/riders/purposes", [], "purposes"),
        ("datasets/riders/columns", {}, "columns"),
        ("datasets/riders/owner", "", "owner"),
        ("datasets/riders/access", {"do": "redact", "ground": {"nl": "g", "en": "g"}}, "redact single columns"),
        ("datasets/riders/columns/mail/access", {"do": "withhold", "ground": {"nl": "g", "en": "g"}}, "is `do: redact`"),
        ("datasets/riders/columns/mail/access", {"do": "redact"}, "ground"),
        ("datasets/riders/columns/mail/category", "user.contact.emial", "did you mean 'user.contact.email'?"),
        ("datasets/riders/columns/mail/type", "txt", "'txt' is not a type; write one of"),
        ("datasets/riders/columns/mail_since/zone", ..., "a datetime needs its zone"),
        ("datasets/riders/columns/mail_since/zone", "Europe/Brusels", "'Europe/Brusels' is no time zone"),
        ("datasets/riders/columns/mail/path", "a..b", "'a..b' is no JMESPath; write one like"),
        ("datasets/riders/columns/mail_since/form", "unix", "epoch"),
        ("datasets/riders/columns/mail/original", True, "an original column has type binary"),
        ("datasets/riders/columns/mail/provenance", "bought", "'provided', 'observed' or 'derived'"),
        ("datasets/riders/columns/Mail", {}, "Mail"),
        ("datasets/riders/title", {"nl": "t"}, "title.en"),
        ("datasets", {}, "datasets"),
        ("system", "Velo", "system"),
        ("excused/0/why", "", "why"),
        ("identity/edges/0/dataset", "rider", "there is no dataset 'rider'; did you mean 'riders'?"),
        ("identity/edges/0/target", "mial", "riders:code->mial: there is no column 'mial'; did you mean 'mail'?"),
        ("identity/edges/0/target", "full_name", "column 'full_name' has no `identity:`"),
        ("identity/edges/0/valid", ["since", None], "there is no column 'since'"),
        ("identity/edges/0/valid", ["mail", None], "column 'mail' says when, so its type is date or datetime"),
        ("identity/edges/0/window", ["mail_since", "mail_since"], "and only such a link, has a `window: [from, to]`"),
        ("identity/edges/0/before", "30M", "'30M' is no period"),
        ("identity/edges/0/after", "-PT5M", "'-PT5M' is no period"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_to_write_instead(path, value, said):
    with pytest.raises(ValidationError) as error:
        System.model_validate(change(path, value))
    assert said in str(error.value)


def test_a_link_to_an_ip_address_needs_its_window():
    raw = change("datasets/riders/columns/mail/identity", "ip")
    with pytest.raises(ValidationError, match="has a `window"):
        System.model_validate(raw)


def test_a_category_of_ones_own_may_stand_below_a_leaf_only():
    assert is_category("user.contact.email")
    assert is_category("user.contact.email.of_the_shop")
    assert not is_category("user.contact.emial")
    assert not is_category("email")
    assert not is_category("user.contact.email.of_the_shop.deeper")


def test_a_hint_is_the_near_miss_else_what_there_is():
    assert did_you_mean("ordres", ["orders", "lines"]) == "; did you mean 'orders'?"
    assert did_you_mean("zzz", ["orders", "lines"]) == "; there are: lines, orders"
    assert did_you_mean("zzz", []) == ""


def test_a_loaded_system_cannot_be_changed():
    system = System.model_validate(RAW)
    with pytest.raises(ValidationError):
        system.owner = "somebody"
