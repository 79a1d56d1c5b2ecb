"""Each kind of mistake is one error that names file, dataset, key, and what to write instead; all of a file's at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest_bikes import HOME
from privacy.datamap.load import load
from privacy.errors import BadConfiguration, BadInput

MAP, POLICY = "datamap/velo.yaml", "policy/policy.yaml"
GATES = r"""
system: gates
title: {nl: p, en: g}
source: weblogs
connection: gates
owner: o
datasets:
  passes:
    title: {nl: t, en: t}
    description: {nl: d, en: d}
    prefix: gate/
    format: (?P<code>\S+)
    key: [file, line_number]
    subject: [code]
    purposes: [hire]
    source: {nl: s, en: s}
    promise: HIRE-3Y
    erasure: {do: delete}
    owner: o
    examples: [{velo.code: "7"}, {velo.code: "007"}]
    columns:
      file: {type: text, description: d, category: system.operations, provenance: observed}
      line_number: {type: integer, description: d, category: system.operations, provenance: observed}
      code: {type: text, identity: velo.code, description: d, category: user.unique_id, provenance: observed}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(HOME, tmp_path / "home")
    return tmp_path / "home"


def edit(home: Path, file: str, old: str, new: str) -> None:
    text = (home / file).read_text()
    assert old in text
    (home / file).write_text(text.replace(old, new, 1))


def refused(home: Path) -> str:
    with pytest.raises(BadConfiguration) as error:
        load(home)
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        # keys
        (MAP, "    table: riders", "    tabel: riders", ["datasets.riders.tabel", "not known", "did you mean 'table'?"]),
        (MAP, "description: Rider code, category", "descripton: Rider code, category",
            ["datasets.riders.columns.code.descripton", "did you mean 'description'?", "code.description: this key is missing"]),
        (MAP, "    table: riders", "    table: riders\n    table: rider", ["line ", "'table' stands twice"]),
        (MAP, "system: velo", "system: velo\nsystem: velo", ["line 3", "'system' stands twice"]),
        (MAP, "system: velo", "system: bikes", ["stands in velo.yaml", "name the file bikes.yaml"]),
        (MAP, "system: velo", "system: [velo", ["line "]),
        # names of the policy
        (MAP, "purposes: [hire]", "purposes: [hier]", ["datasets.riders.purposes", "no purpose 'hier'", "did you mean 'hire'?"]),
        (MAP, "processors: [lockworks]", "processors: [lockwork]",
            ["datasets.hires.processors", "no processor 'lockwork'", "did you mean 'lockworks'?"]),
        (MAP, "promise: HIRE-3Y", "promise: HIRE-3", ["datasets.hires.promise", "no promise 'HIRE-3'", "'HIRE-3Y'"]),
        (MAP, "category: user.name,", "category: user.biometric,",
            ["datasets.riders.columns.full_name.category", "no word for 'user.biometric'", "add it there"]),
        # names of the map itself
        (MAP, "identity: velo.code", "identity: velo.cod",
            ["datasets.riders.columns.code.identity", "no identity kind 'velo.cod'", "did you mean 'velo.code'?"]),
        (MAP, "identity: velo.code", "identity: shop.code", ["no identity kind 'shop.code'"]),
        (MAP, "identity: email", "identity: e-mail", ["no identity kind 'e-mail'", "did you mean 'email'?"]),
        (MAP, 'examples: [{velo.code: "7"}', "examples: [{phone: 1}", ["datasets.riders.examples", "'phone'", "velo.code"]),
        (MAP, "    key: [code]", "    key: [cod]", ["datasets.riders", "no column 'cod'", "did you mean 'code'?"]),
        (MAP, "{type: text, description: Name,", "{type: txt, description: Name,", ["columns.full_name", "'txt' is not a type"]),
        # terms
        (POLICY, "keep_at_most: P3Y", "keep_at_most: 0", ["policy.yaml: promises.HIRE-3Y.term", "0 is no period"]),
        (POLICY, "keep_at_most: P3Y", "keep_at_most: P0D", ["promises.HIRE-3Y.term", "'P0D' is nothing"]),
        (POLICY, "keep_at_most: P3Y", "keep_at_most: -P3Y", ["promises.HIRE-3Y.term", "'-P3Y' is no period; write one"]),
        (POLICY, "keep_at_most: P3Y", "keep_at_most: P3y", ["promises.HIRE-3Y.term", "'P3y' is no period"]),
        (POLICY, "keep_at_most: P3Y", "keep_at_most: null", ["promises.HIRE-3Y.term", "keep_at_most: there is nothing there"]),
        (POLICY, "keep_at_most: P3Y", "keep_at_least: P3Y, keep_at_most: P3Y", ["keep_at_most - keep_at_least is less"]),
        (POLICY, "term: {condition: {nl: Tot u stopt, en: Until you stop}}", "term:", ["RIDER-ACCOUNT: term: there is nothing"]),
        (POLICY, "    term: {condition: {nl: Tot u stopt, en: Until you stop}}", "",
            ["velo.yaml: datasets.riders.promise", "RIDER-ACCOUNT has no term; name the promise whose term holds"]),
        # processors
        (POLICY, "country: BE,", "country: US,", ["processors.lockworks", "outside the EEA", "`transfer:`"]),
        (POLICY, "country: BE,", "country: BE, commercial: true,", ["processors.lockworks.commercial", "NO-SELL"]),
        (POLICY, "agreement: 2024-02-01", "agreemnet: 2024-02-01", ["lockworks.agreemnet", "did you mean 'agreement'?"]),
        (POLICY, "zone: Europe/Brussels", "zone: Brussels", ["zone: 'Brussels' is no time zone"]),
        # purposes that a promise or a consent limits
        (POLICY, "term: {keep_at_most: P3Y", "only_purposes: [damage]\n    term: {keep_at_most: P3Y",
            ["velo.yaml: datasets.hires.purposes", "HIRE-3Y allows damage only, not 'hire'"]),
        (POLICY, "basis: contract}", "basis: consent, marketing: true}",
            ["velo.yaml: datasets.riders.consent", "purpose 'hire' is marketing: name the dataset that holds the consent"]),
        (MAP, "    table: riders", "    table: riders\n    consent: rider", ["datasets.riders.consent", "did you mean 'riders'?"]),
    ],
)  # fmt: skip
def test_a_mistake_names_file_dataset_key_and_what_to_write(home, file, old, new, said):
    """Edge case 25; CONTACT-CONSENT, NO-SELL and LOG-12M's limit of purposes among them."""
    edit(home, file, old, new)
    text = refused(home)
    assert text.startswith("[datamap.invalid] ")
    for words in said:
        assert words in text


HIRE_TERM = "term: {keep_at_most: P3Y, every: P7D, margin: P1D}"
KINDS = "term: {keep_at_most: P3Y, every: P7D, margin: P1D, title: {nl: r, en: r}, kinds: {bike: {title: {nl: f, en: f}, %s}}}"
BIKE = "keep_at_most: P1Y, every: P7D"


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        (None, "starts: {column: began}", "starts: {column: began, kind: depot}",
            "datasets.hires.starts.kind: the promise's term has no kinds"),
        (BIKE, "starts: {column: began}", "starts: {column: began, kind: depo}", "there is no column 'depo'"),
        (BIKE, "starts: {column: began}", "starts: {column: began, kind: began}", "column 'began' is no text"),
        (BIKE, "starts: {column: began}", "starts: {column: began}\n    term_kind: bik",
            "datasets.hires.term_kind: the term of HIRE-3Y has no kind 'bik'; did you mean 'bike'?"),
        (BIKE, "starts: {column: began}", "starts: {column: began, kind: depot}\n    term_kind: bike", "not both"),
        # Deleted too early, or kept for ever: a record of a kind has the bounds that the purge of the others keeps.
        ("keep_at_least: P1Y", "starts: {column: began}", "starts: {column: began, kind: depot}",
            "kind 'bike' has other bounds than the term itself"),
        (f"{BIKE}, counts_from: end_of_financial_year", "starts: {column: began}", "starts: {column: began, kind: depot}",
            "kind 'bike' counts from end_of_financial_year, the term itself from event"),
        (BIKE, "starts: {column: began}", "follows: velo.riders", "velo.riders has no `starts` of its own"),
        (BIKE, "starts: {column: began}", "follows: velo.rider", "there is no dataset 'velo.rider'; did you mean 'velo.riders'?"),
        (BIKE, "starts: {column: began}", "starts: {column: began}\n    follows: velo.riders", "not both"),
    ],
)  # fmt: skip
def test_a_kind_that_no_purge_could_keep_is_a_mistake(home, kind, old, new, said):
    """Edge case 25."""
    if kind is not None:
        edit(home, POLICY, HIRE_TERM, KINDS % kind)
    assert load(home)
    edit(home, MAP, old, new)
    assert said in refused(home)


def test_a_dataset_has_the_term_of_its_kind_and_one_with_a_column_those_of_all(home):
    edit(home, POLICY, HIRE_TERM, KINDS % BIKE)
    whole = load(home)
    hires = whole["velo.hires"].dataset
    assert str(whole.policy.term_of(hires).keep_at_most) == "P3Y"
    assert list(whole.policy.terms_of(hires)) == [None]
    edit(home, MAP, "starts: {column: began}", "starts: {column: began, kind: depot}")
    by_kind = load(home)
    terms = by_kind.policy.terms_of(by_kind["velo.hires"].dataset)
    assert {kind: str(term.keep_at_most) for kind, term in terms.items()} == {"bike": "P1Y", None: "P3Y"}
    edit(home, MAP, "starts: {column: began, kind: depot}", "starts: {column: began}\n    term_kind: bike")
    of_one = load(home)
    terms = of_one.policy.terms_of(of_one["velo.hires"].dataset)
    assert {kind: str(term.keep_at_most) for kind, term in terms.items()} == {None: "P1Y"}


def test_all_mistakes_of_a_file_are_told_at_once(home):
    edit(home, MAP, "    table: riders", "    tabel: riders")
    edit(
        home, MAP, "identity: email, description: E-mail address, cat", "identity: 1, description: E-mail address, cat"
    )
    edit(home, MAP, "key: [depot, slip]", "key: [depo, slip]")
    text = refused(home)
    assert "datasets.riders.tabel" in text
    assert "datasets.riders.columns.mail.identity" in text
    assert "datasets.hires: key: there is no column 'depo'" in text


def test_a_log_may_be_used_for_the_purposes_of_its_promise_alone(home):
    """LOG-12M: the data map refuses another purpose for logs."""
    (home / "datamap/gates.yaml").write_text(GATES)
    assert len(list(load(home))) == 7
    edit(home, POLICY, "term: {keep_at_most: P3Y", "only_purposes: [hire, damage]\n    term: {keep_at_most: P3Y")
    edit(home, POLICY, "purposes:\n  hire", "purposes:\n  ads: {title: {nl: a, en: a}, basis: contract}\n  hire")
    edit(home, "datamap/gates.yaml", "purposes: [hire]", "purposes: [hire, ads]")
    assert "gates.yaml: datasets.passes.purposes: HIRE-3Y allows hire, damage only, not 'ads'" in refused(home)


def test_yaml_has_two_booleans_so_that_a_country_can_be_norway(home):
    edit(home, POLICY, "country: BE,", "country: NO,")
    assert load(home).policy.processors["lockworks"].country == "NO"


def test_a_key_of_the_policy_stands_in_one_file(home):
    (home / "policy/more.yaml").write_text("zone: UTC\n")
    text = refused(home)
    assert "zone: stands in more.yaml too" in text


def test_a_mistake_in_a_policy_of_several_files_names_the_right_one(home):
    text = (home / POLICY).read_text()
    at = text.index("processors:")
    (home / POLICY).write_text(text[:at] + text[text.index("categories:") :])
    (home / "policy/processors.yaml").write_text(text[at : text.index("categories:")].replace("BE", "be"))
    assert "processors.yaml: processors.lockworks.country" in refused(home)


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "just words\n"])
def test_a_file_without_a_mapping_is_an_error(home, content):
    (home / "datamap/other.yaml").write_text(content)
    assert "other.yaml: a mapping is expected at the top" in refused(home)


def test_no_data_map_and_no_policy_are_errors_rather_than_an_empty_export(home):
    """Edge cases 25 and 28: an empty list of sources."""
    (home / MAP).unlink()
    assert "[datamap.empty]" in refused(home)
    (home / POLICY).unlink()
    assert "[policy.empty]" in refused(home)


def test_a_dataset_without_its_select_says_which_file_to_write(home):
    (home / "sql/velo/photos.sql").unlink()
    assert "datasets.photos: write its SELECT in sql/velo/photos.sql" in refused(home)


def test_a_name_that_does_not_exist_is_an_error_with_the_nearest(home):
    datamap = load(home)
    assert datamap["velo.hires"].full == "velo.hires"
    with pytest.raises(BadInput, match=r"did you mean 'velo\.hires'"):
        datamap["velo.hire"]
    with pytest.raises(BadInput, match="no dataset 'hires'"):
        datamap["hires"]
    assert datamap.kind("velo.code").person
    assert datamap.kind("email") is None
    assert [(s.system, e.dataset) for s, e in datamap.edges()] == [("velo", "riders"), ("velo", "old_mails")]


def test_a_file_that_changed_is_read_again_and_one_that_did_not_is_not(home):
    """A scheduler that runs for weeks hands its data map to every task: the data team's change must reach them."""
    before = load(home)
    assert load(home) is before
    edit(home, MAP, "    table: riders", "    table: riders_new")
    assert load(home).systems["velo"].datasets["riders"].table == "riders_new"
    edit(home, MAP, "    table: riders_new", "    tabel: riders")
    refused(home)
