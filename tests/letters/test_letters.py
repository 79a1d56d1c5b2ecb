"""Letters: from the shop's templates into the outbox, and nothing of their values into a header or an error."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default

import pytest

from privacy.connections import EnvironmentConnections
from privacy.datamap.models import Text
from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration, BadInput
from privacy.letters import Letter, outbox, written

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
SENDER = Contact(
    name="De Wérkplaats", address=("Dorpsstraat 1",), email="baas@werkplaats.example", authority=Text(nl="a", en="a"),
    authority_url="https://a.example",
)  # fmt: skip
LETTER = Letter("order-1", "iemand@bedrijf.example", "Bewaar: één", "Beste,\n\ntot ziens €\n", AT)


def shop(tmp_path, **templates):
    for name, text in templates.items():
        file = tmp_path / "templates/letters" / f"{name}.nl.j2"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_letter_lies_in_the_outbox_as_a_message_that_a_mail_program_reads(tmp_path):
    name = outbox(EnvironmentConnections({}), tmp_path, SENDER).send(LETTER)
    found = email.message_from_bytes((tmp_path / "outbox" / name).read_bytes(), policy=default)
    assert (found["Subject"], found["To"]) == ("Bewaar: één", "iemand@bedrijf.example")
    assert found["From"].addresses[0].display_name == "De Wérkplaats"
    assert found["Date"].datetime == AT
    assert found["Message-ID"] == "<order-1@werkplaats.example>"
    assert found.get_content().replace("\r\n", "\n") == LETTER.text
    assert (tmp_path / "outbox" / name).stat().st_mode & 0o777 == 0o600


def test_the_outbox_is_where_its_connection_says(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_LETTERS": elsewhere.as_uri()})
    outbox(connections, tmp_path, SENDER).send(LETTER)
    assert [file.name for file in elsewhere.iterdir()] == ["order-1.eml"]
    with pytest.raises(BadConfiguration, match=r"storage\.unknown_kind"):
        outbox(EnvironmentConnections({"PRIVACY_CONNECTION_LETTERS": "https://127.0.0.1"}), tmp_path, SENDER)


@pytest.mark.parametrize(
    "changed",
    [{"to": "no address"}, {"to": "a@b.example\nBcc: c@d.example"}, {"subject": "one\nBcc: c@d.example"}, {"to": ""}],
)
def test_nothing_breaks_out_of_a_header_and_the_error_quotes_nothing(tmp_path, changed):
    """Edge case 27."""
    with pytest.raises(BadConfiguration, match=r"letters\.address") as caught:
        outbox(EnvironmentConnections({}), tmp_path, SENDER).send(replace(LETTER, **changed))
    assert "d.example" not in str(caught.value)
    assert not (tmp_path / "outbox").exists()


def test_a_letter_leads_to_no_other_folder(tmp_path):
    with pytest.raises(BadInput, match=r"letters\.id"):
        outbox(EnvironmentConnections({}), tmp_path, SENDER).send(replace(LETTER, id="../x"))


def test_values_are_data_for_a_template_and_never_part_of_it(tmp_path):
    """Edge case 27."""
    home = shop(tmp_path, order="Over {{ name }}\n\nBeste {{ name }} & co\n")
    subject, text = written(home, "order", "nl", {"name": "{{ 7 * 7 }} <b>"})
    assert (subject, text) == ("Over {{ 7 * 7 }} <b>", "Beste {{ 7 * 7 }} <b> & co\n")


@pytest.mark.parametrize(
    "template", [None, "{{ gone }}\n\nx", "{% if %}", "only a subject\n", "{{ name.gone.gone }}\n\nx"]
)
def test_a_template_that_cannot_be_used_is_an_error_that_names_the_file_and_no_value(tmp_path, template):
    """Edge case 25."""
    home = shop(tmp_path, **({} if template is None else {"order": template}))
    with pytest.raises(BadConfiguration, match=r"letters\.template.*order\.nl\.j2") as caught:
        written(home, "order", "nl", {"name": "anna@a.example"})
    assert "anna" not in str(caught.value)
