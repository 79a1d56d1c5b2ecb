"""``privacy erasures``, ``notices`` and ``policy``: what is shown and recorded, without a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_cli import POLICY, Salon
from privacy.rights import Right
from privacy.rights.markers import Markers
from privacy.rights.notices import Notices
from privacy.rights.payload import Act
from privacy.sources.base import Identifier, Subject

PROCESSORS = """
processors:
  kapperpost: {name: Kapperpost, service: {nl: post, en: post}, country: NL, agreement: 2024-01-01, contact: post@kapper.example}
"""
GUEST = Subject(1, (Identifier("salon.guest", 1), Identifier("email", "anna@a.example")))


@pytest.fixture
def salon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Salon:
    made = Salon(tmp_path, monkeypatch)
    made.good("init")
    return made


def test_who_is_back_is_shown_by_a_dry_run_and_erased_by_a_real_one(salon: Salon) -> None:
    assert salon.good("erasures", "replay")["people"] == 0
    house = salon.house()
    with house.ledger.writing() as writing:
        Markers(house).note(writing, GUEST, house.clock.now())
    said = salon.run("erasures", "replay", "--dry-run")
    assert "1 people are back; 3 of their records would be erased again" in said.output
    assert "anna@" not in said.output
    done = salon.good("erasures", "replay")
    assert (done["people"], done["records"], done["done"]) == (1, 3, True)
    assert salon.good("erasures", "replay")["people"] == 0


def test_a_replay_does_not_call_it_well_where_an_erasure_is_still_under_way(salon: Salon) -> None:
    number = salon.good("request", "new", "--right", "erasure", "--id", "salon.guest=1")["number"]
    salon.good("request", "prove", number, "--by", "document", "--seen", "passport")
    assert "partly done" not in salon.run("erasures", "replay").output
    house = salon.house()
    house.register.acted(number, Act(author="desk", at=house.clock.now(), counts={"deleted": 1}), partly=True)
    assert (
        "partly done: 1; what is back of those, the next finish_erasures erases"
        in salon.run("erasures", "replay").output
    )


def test_a_notice_is_listed_and_confirmed(salon: Salon) -> None:
    (salon.home / "policy/policy.yaml").write_text(POLICY + PROCESSORS)
    file = salon.home / "datamap/salon.yaml"
    file.write_text(
        file.read_text().replace("    purposes: [hair]\n", "    purposes: [hair]\n    processors: [kapperpost]\n")
    )
    house = salon.house()
    number = house.register.receive(Right.ERASURE, [Identifier("salon.guest", 1)], author="desk").number
    (notice,) = Notices(house).tell(number, "erasure", ["salon.cuts"], subject=GUEST, author="desk")
    (listed,) = salon.good("notices", "list", "--request", number)
    assert (listed["notice"], listed["state"]) == (notice.id, "to_send")
    assert salon.run("notices", "send").exit_code == 1  # there is no template in this home
    assert salon.good("notices", "refuse", notice.id)["state"] == "refused"
    assert salon.good("notices", "confirm", notice.id)["state"] == "confirmed"
    assert "notice.unknown" in salon.error("notices", "confirm", "nobody")
    assert "anna@" not in salon.run("notices", "list").output


def test_the_first_version_is_recorded_and_a_change_is_shown_in_plain_words(salon: Salon) -> None:
    assert "first" in salon.run("policy", "diff").output
    assert salon.good("policy", "record") == {"version": "1", "number": 1}
    assert salon.good("policy", "diff")["changes"] == []
    changed = POLICY.replace('version: "1"', 'version: "2"').replace("quote: q", "quote: Iets anders.")
    (salon.home / "policy/policy.yaml").write_text(changed)
    said = salon.good("policy", "diff")
    assert (said["from"], said["to"], said["datasets"]) == ("1", "2", ["salon.cuts", "salon.guests"])
    assert "it now says: Iets anders." in said["changes"][0]["en"]
    assert "policy.not_first" in salon.error("policy", "record")
