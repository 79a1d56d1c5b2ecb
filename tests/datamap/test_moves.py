"""What a data map may not say of what moves on hiring, and of messages that lie elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from privacy.datamap.load import load
from privacy.errors import BadConfiguration

SHOP = Path(__file__).parents[2] / "include"
FIELDS = "fields: {email: email, phone: phone, birth_date: birth_date}"
TRANSFER, STRAYS = "recruiting", "mail"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (TRANSFER, "when: hired_at", "when: hired", "transfer.when: there is no column 'hired'; did you mean 'hired_at'?"),
        (TRANSFER, "when: hired_at", "when: channel", "transfer.when: column 'channel' is no datetime like 'term_starts'"),
        (TRANSFER, "of: recruiting.applicants", "of: recruiting.applicant", "transfer.of: there is no dataset 'recruiting.applicant'"),
        (TRANSFER, "to: recruiting.employees", "to: dossiers.personnel", "transfer.to: there is no dataset 'dossiers.personnel' of a database"),
        (TRANSFER, "to: recruiting.employees", "to: employees", "transfer.to: String should match"),
        (TRANSFER, "to: recruiting.employees\n      by: recruiting.applicant_id", "to: recruiting.employees\n      by: recruiting.employee_no",
            "transfer.by: the dataset has not exactly one column with `identity: recruiting.employee_no`"),
        (TRANSFER, FIELDS, "fields: {emial: email, birth_date: birth_date}", "transfer.fields: there is no column 'emial'; did you mean 'email'?"),
        (TRANSFER, FIELDS, "fields: {email: mail, birth_date: birth_date}", "transfer.fields: recruiting.employees has no column 'mail'"),
        (TRANSFER, FIELDS, "fields: {birth_date: phone}", "'birth_date' is of type date and 'phone' of type text"),
        (TRANSFER, FIELDS, "fields: {birth_date: birth_date, phone: email, email: email}", "two of them move to one column"),
        (TRANSFER, FIELDS, "fields: {birth_date: birth_date, applicant_id: employee_no}", "column 'employee_no' says which record"),
        (TRANSFER, FIELDS, "fields: {birth_date: birth_date, applicant_id: applicant_id}", "column 'applicant_id' says which record"),
        (TRANSFER, FIELDS, "fields: {email: email}", "transfer.agree: 'birth_date' is not among the fields"),
        (TRANSFER, FIELDS, "fields: {}", "transfer.fields: Dictionary should have at least 1 item"),
        (TRANSFER, "when: hired_at", "wenn: hired_at", "did you mean 'when'?"),
        (STRAYS, "since: applied_at", "since: applied", "strays: recruiting.applications has no column 'applied'; did you mean 'applied_at'?"),
        (STRAYS, "since: applied_at", "since: channel", "strays: column 'channel' of recruiting.applications is no datetime"),
        (STRAYS, "until: [rejected_at, hired_at]", "until: []", "strays.until: Tuple should have at least 1 item"),
        (STRAYS, "of: recruiting.applications", "of: dossiers.applications", "strays.of: there is no dataset 'dossiers.applications' of a database"),
        (STRAYS, "by: recruiting.applicant_id", "by: email", "strays.by: recruiting.applications has not exactly one column"),
        (STRAYS, "ahead: P30D", "ahead: P1M", "strays.ahead: String should match"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path, file, old, new, said):
    home = tmp_path / "home"
    shutil.copytree(SHOP, home, ignore=shutil.ignore_patterns("demo", "templates"))
    path = home / f"datamap/{file}.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(BadConfiguration) as error:
        load(home)
    assert said in str(error.value)
    assert f"{file}.yaml" in str(error.value)


def test_only_what_follows_in_a_mailbox_has_strays_and_only_what_has_a_term_moves(tmp_path):
    home = tmp_path / "home"
    shutil.copytree(SHOP, home, ignore=shutil.ignore_patterns("demo", "templates"))
    mail, recruiting = home / "datamap/mail.yaml", home / "datamap/recruiting.yaml"
    mail.write_text(
        mail.read_text().replace("    follows: recruiting.applicants\n", "    starts: {column: received_at}\n")
    )
    with pytest.raises(BadConfiguration, match="only folders of a mailbox that follow a dataset"):
        load(home)
    shutil.copy(SHOP / "datamap/mail.yaml", mail)
    text = recruiting.read_text()
    block = text[text.index("    transfer:\n") : text.index("    purposes:", text.index("    transfer:\n"))]
    before, dated, after = text.partition("    starts: {column: term_starts}\n")
    assert dated
    assert before.rstrip().endswith('names nobody."}}')  # The vacancies'.
    recruiting.write_text(before + block + after)
    with pytest.raises(BadConfiguration, match=r"(?s)vacancies\.transfer: .*say what that counts from"):
        load(home)
