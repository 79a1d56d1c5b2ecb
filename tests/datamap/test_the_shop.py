"""The first shop's data map and policy: every promise of the statement, in its own words, and every dataset under one."""

from __future__ import annotations

from pathlib import Path

import pytest

from privacy.datamap.load import load
from privacy.datamap.models import Nobody
from privacy.errors import BadConfiguration

HOME = Path(__file__).parents[2] / "include"

PROMISES = """LOG-12M CAM-48H CAM-SHARE DISCLOSE APP-14D APP-CONSENT APP-HIRED MAIL-STAT CLIENT-LIFE INV-STAT STAFF-BLOCK
R-ACCESS R-PORT PORT-SERVICE R-RECT R-RESTR R-OBJ R-ERASE R-AUTO CONTACT-CONSENT NO-SELL R-30D ID-KNOWN REG CATS PURPOSES
PROCESSORS GA-NOSHARE GA-IP EU SECURE NOTICE COMPLAINT""".split()


@pytest.fixture(scope="module")
def shop():
    return load(HOME)


def test_every_promise_is_there(shop):
    assert sorted(shop.policy.promises) == sorted(PROMISES)


def test_every_promise_is_quoted_in_the_statements_own_words(shop):
    statement = " ".join((HOME / "policy/statement.nl.txt").read_text().split())
    strange = [
        name for name, promise in shop.policy.promises.items() if " ".join(promise.quote.split()) not in statement
    ]
    assert strange == []


def test_every_dataset_has_a_term_and_names_nobody_only_with_a_reason(shop):
    for ref in shop:
        assert shop.policy.promises[ref.dataset.promise].term is not None
        assert ref.dataset.people or isinstance(ref.dataset.subject, Nobody)


def test_every_column_is_explained_in_two_languages(shop):
    columns = [(ref.full, name, column.description) for ref in shop for name, column in ref.dataset.columns.items()]
    assert [(full, name) for full, name, words in columns if words.nl == words.en] == []


def test_logs_are_used_to_improve_the_site_and_for_nothing_else(shop):
    """LOG-12M."""
    assert shop.policy.promises["LOG-12M"].only_purposes
    for ref in shop:
        if ref.dataset.promise == "LOG-12M":
            assert set(ref.dataset.purposes) <= set(shop.policy.promises["LOG-12M"].only_purposes)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "datamap/shop.yaml",
            "table: customers",
            "tabel: customers",
            ["datasets.customers.tabel", "did you mean 'table'"],
        ),
        ("datamap/shop.yaml", "key: [customer_id]", "key: [customer]", ["datasets.customers", "customer_id"]),
        ("datamap/shop.yaml", "category: user.name.first", "category: user.name.frist", ["user.name.first"]),
        (
            "datamap/shop.yaml",
            "purposes: [relations,",
            "purposes: [relation,",
            ["datasets.customers.purposes", "relations"],
        ),
        (
            "datamap/shop.yaml",
            "promise: CLIENT-LIFE",
            "promise: CLIENTLIFE",
            ["datasets.customers.promise", "CLIENT-LIFE"],
        ),
        ("datamap/shop.yaml", "type: date,", "type: dat,", ["is not a type"]),
        ("datamap/shop.yaml", "system: shop\n", "system: shop\nsystem: shop\n", ["stands twice"]),
        ("datamap/shop.yaml", "identity: email", "identity: emial", ["did you mean 'email'"]),
        ("datamap/weblogs.yaml", "purposes: [service_improvement]", "purposes: [relations]", ["LOG-12M allows"]),
        ("policy/promises.yaml", "P12M", "P0M", ["P0M"]),
        ("policy/promises.yaml", "P12M", "-P12M", ["-P12M"]),
        ("policy/promises.yaml", "P12M", "P12", ["P12"]),
        ("policy/processors.yaml", "agreement:", "agreemnet:", ["agreement"]),
    ],
)
def test_every_mistake_names_file_key_and_what_to_write(tmp_path, file, old, new, said):
    """Edge case 25 among them: a term of 0, a negative one, a typo in its unit."""
    for path in HOME.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".sql"):
            (tmp_path / path.relative_to(HOME)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(HOME)).write_bytes(path.read_bytes())
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    with pytest.raises(BadConfiguration) as error:
        load(tmp_path)
    for words in [file.rpartition("/")[2], *said]:
        assert words in str(error.value)


def test_a_sql_dataset_without_its_select_is_an_error_that_says_which_file(tmp_path):
    for path in [*HOME.rglob("*.yaml"), *HOME.rglob("sql/recruiting/*.sql")]:
        (tmp_path / path.relative_to(HOME)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.relative_to(HOME)).write_bytes(path.read_bytes())
    with pytest.raises(BadConfiguration, match=r"sql/shop/orders\.sql"):
        load(tmp_path)
