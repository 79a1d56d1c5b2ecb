"""What processors deliver: asked on record, believed when whole, never half."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest_deliveries import Served
from conftest_runs import CANARIES
from privacy.errors import BadInput, Refused
from privacy.rights import Ground

FILES = {"betalingen.csv": b"bedrag\n12,50\n", "Wilhelmina Kanarievogel.pdf": b"%PDF-1.7"}


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture
def number(served: Served) -> str:
    return served.request()


def state(served: Served, number: str) -> tuple[str, str]:
    return served.states(number)["betaalpoort"]


def test_a_delivery_goes_from_not_asked_to_delivered(served: Served, number: str) -> None:
    """Edge case 24, of any processor: late, not at all, or something else than was listed."""
    assert served.states(number) == {"betaalpoort": ("not_asked", ""), "pakketlijn": ("not_asked", "")}
    served.house.deliveries.ask(number, "betaalpoort", "desk")
    assert served.states(number) == {"betaalpoort": ("awaited", ""), "pakketlijn": ("not_asked", "")}
    served.put(number, "betalingen.csv")  # Without its list nothing has been delivered yet.
    assert state(served, number) == ("awaited", "")
    served.deliver(number, FILES)
    assert state(served, number) == ("delivered", "")
    # What came without a record that it was asked for counts too; another request's delivery does not.
    served.deliver(served.request(), FILES)
    served.deliver(number, {}, "pakketlijn")
    found = list(served.house.deliveries.of(number))
    assert [(d.state, d.asked_at is None) for d in found] == [("delivered", False), ("delivered", True)]


def test_a_drop_folder_that_cannot_be_read_is_told_and_never_taken_for_an_empty_one(served: Served, number: str) -> None:  # fmt: skip
    served.house.deliveries.ask(number, None, "desk")
    served.drops.rmdir()
    assert state(served, number) == ("unknown", "storage.missing")


def test_asking_is_recorded_once_with_nothing_personal_and_refused_when_closed(served: Served, number: str) -> None:
    """Edge case 13: typed twice, it was asked once; the register's row stays as its last entry says."""
    first = served.house.deliveries.ask(number.lower(), None, "desk")
    again = served.house.deliveries.ask(number, "pakketlijn", "somebody else")
    assert [d.asked_at for d in again] == [d.asked_at for d in first if d.processor == "pakketlijn"]
    entries = [e.entry for e in served.house.ledger.entries(kind="processor.asked")]
    assert [(e["request"], e["dataset"], e["actor"]) for e in entries] == [
        (number, "drops.betaalpoort", "desk"),
        (number, "drops.pakketlijn", "desk"),
    ]
    assert not [canary for canary in CANARIES if canary in json.dumps(entries)]
    assert served.house.verify().problems == ()
    served.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    with pytest.raises(Refused, match="refused"):
        served.house.deliveries.ask(number, None, "desk")
    with pytest.raises(BadInput, match="did you mean 'betaalpoort'"):
        served.house.deliveries.ask(number, "betalpoort", "desk")
    assert len(served.house.ledger.entries(kind="processor.asked")) == 2


def test_the_requests_number_is_with_the_subject_and_not_in_the_register(served: Served, number: str) -> None:
    kinds = [i.kind for i in served.house.subject(number).identifiers]
    assert kinds.count("request") == 1
    served.house.register.begin(number, "r")
    served.house.register.resolved(number, served.house.subject(number), run="r")
    assert "request" not in {i.kind for i in served.house.register.resolution(number).identifiers}
    assert [i.value for i in served.house.subject(number).identifiers if i.kind == "request"] == [number]


def test_on_the_command_line(served: Served, number: str, monkeypatch) -> None:
    from privacy.cli import app, datamap
    from privacy.settings import settings as cached

    cached.cache_clear()
    for name, value in served.variables.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        found = CliRunner().invoke(app, list(words))
        assert found.exit_code == 0, found.output
        return found.output

    said = run("request", "ask", number, "--processor", "betaalpoort")
    assert f"{served.drops}/betaalpoort/{number}/" in said
    assert "DELIVERED" in said
    asked = json.loads(run("request", "ask", number, "--json"))["asked"]
    assert [(a["processor"], a["state"]) for a in asked] == [("betaalpoort", "awaited"), ("pakketlijn", "awaited")]
    served.deliver(number, FILES)
    served.put(number, "more.csv", processor="pakketlijn")
    shown = run("request", "show", number)
    assert "betaalpoort  drops.betaalpoort  delivered" in shown
    assert "pakketlijn   drops.pakketlijn   awaited" in shown
    processors = json.loads(run("request", "show", number, "--json"))["processors"]
    assert [p["state"] for p in processors] == ["delivered", "awaited"]
    assert not [canary for canary in CANARIES if canary in said + shown]

    from privacy.sources.files_names import place

    words = ("datamap", "place", "drops", place(f"betaalpoort/{number}/Wilhelmina Kanarievogel.pdf"))
    assert CliRunner().invoke(app, list(words)).exit_code == 1
    monkeypatch.setattr(datamap, "on_a_terminal", lambda: True)
    assert run(*words).strip() == f"betaalpoort/{number}/Wilhelmina Kanarievogel.pdf"
    for wrong in (("nowhere", "x"), ("ferry", "x"), ("drops", "x")):
        assert CliRunner().invoke(app, ["datamap", "place", *wrong]).exit_code == 1
    cached.cache_clear()
