"""Erasures where things go wrong around them: the same number elsewhere, hostile data, errors that quote, hands in the way."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest_demo import Made
from conftest_erasing import Erasing
from conftest_judge import Judge
from conftest_look import Files, Look
from demo.words import HOSTILE
from privacy.errors import PrivacyError, Refused
from privacy.orchestration import erasures
from privacy.orchestration.runs import Run
from privacy.plans import erased
from privacy.rights import Evidence, EvidenceKind, Right, State
from privacy.sources.base import Identifier

WHO, ADDRESS, NAME = "1001", "anna@voorbeeld.example", "Anna"
BOBBY = "1011"
"""A customer who is called ``'; DROP TABLE klanten; --`` and ``{{ 7*7 }}``."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = Made(tmp_path_factory.mktemp("edges") / "shop", seed=1)
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path, made: Made) -> Erasing:
    return Erasing(tmp_path / "one", made.folder)


def allowed(shop: Erasing, number: str, name: str = "run-1") -> Run:
    """A plan that was approved, and is not done yet."""
    run, said = shop.planned(number, name)
    if said["asked"]:
        erasures.answered(shop.house, run, approved=True, by="privacy officer")
    return run


def look(shop: Erasing, made: Made) -> Look:
    return Judge(made, Files(shop.shop)).look()


def told(shop: Erasing) -> str:
    """All that the ledger has."""
    return "\n".join(str(dict(e.entry)) for e in shop.house.ledger.entries())


@pytest.mark.check("an erasure in a shop of its own; test_erasing shows what most depends on")
@pytest.mark.parametrize(("subject", "other"), [("applicant:1001", 1001), ("1001", 1001)])
def test_who_has_the_same_number_in_another_system_is_somebody_else(
    shop: Erasing, made: Made, subject: str, other: int
) -> None:
    """Edge case 31: customer 1001 and applicant 1001 are two people."""
    tables = {"applicant:1001": [("shop", "customers", "customer_id"), ("shop", "sessions", "customer_id")],
              "1001": [("recruiting", "applicants", "applicant_id"), ("recruiting", "applications", "applicant_id")]}  # fmt: skip

    def theirs() -> list[list[tuple[object, ...]]]:
        return [
            shop.rows(f"SELECT * FROM {table} WHERE {column} = ?", other, database=database)
            for database, table, column in tables[subject]
        ]

    before, judge = theirs(), Judge(made, Files(shop.shop))
    assert all(before)
    left, seen = judge.left(subject)[0], judge.look()
    shop.erase(shop.request(subject))
    assert theirs() == before
    if subject != WHO:  # Customer 1001's own erasure is held against the sheet in test_erasure_sheet.
        judge.check(subject, left, seen, judge.look())


def test_what_somebody_is_called_runs_nowhere(shop: Erasing, capsys: pytest.CaptureFixture[str]) -> None:
    """Edge case 27: SQL, templates, formulas and HTML in a subject's own data."""
    number = shop.request(BOBBY)
    tables = shop.rows("SELECT name FROM sqlite_master ORDER BY name")
    run, _ = shop.planned(number)
    question = erasures.asks(shop.house, run)
    assert question is not None
    erasures.answered(shop.house, run, approved=True, by="privacy officer")
    erasures.erase(shop.house, run)
    erasures.verify(shop.house, run)
    erasures.record(shop.house, run, None)
    erasures.tell(shop.house, run)
    assert shop.rows("SELECT name FROM sqlite_master ORDER BY name") == tables
    said = "\n".join([*question, told(shop), capsys.readouterr().out])
    assert number in said
    for text in (*HOSTILE, "bobby@post.example", "DROP TABLE"):
        assert text not in said
    (letter,) = (shop.folder / "state/outbox").glob("*.eml")
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[3], "49;"):
        assert text not in letter.read_text()


def asked(shop: Erasing, address: str, name: str) -> str:
    """Somebody asks to be erased who names this address, and shows a passport: what they are told.

    Refused, or nothing is found of them.
    """
    try:
        number = shop.house.register.receive(Right.ERASURE, [Identifier("email", address)], author="desk").number
        shop.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
        ended = shop.erase(number, name)
    except PrivacyError as problem:
        return str(problem)
    assert ended["deleted"] == 0
    return str(ended)


def test_an_address_that_is_a_program_names_nobody(shop: Erasing, made: Made) -> None:
    """Edge case 27: whoever asks to erase ``' OR 1=1 --`` erases nobody."""
    seen = look(shop, made)
    for n, text in enumerate((*HOSTILE, "' OR 1=1 --", "%", "*@*", f"{ADDRESS}' --")):
        said = asked(shop, text, f"run-{n}")
        assert text not in said
        assert text not in told(shop)
    assert look(shop, made).things == seen.things


@pytest.mark.check("an erasure in a shop of its own; test_erasing shows what most depends on")
def test_an_error_of_the_database_that_quotes_a_person_is_told_without_them(
    shop: Erasing, made: Made, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Edge case 34; and a database that refuses one statement is as it was, and is finished by the next run."""
    run = allowed(shop, number := shop.request(WHO))
    before = look(shop, made)
    shop.change(
        f"CREATE TRIGGER quoting BEFORE DELETE ON reviews BEGIN SELECT RAISE(ABORT, 'no {NAME} {ADDRESS}'); END"
    )
    with pytest.raises(PrivacyError) as failed:
        erasures.erase(shop.house, run)
    shown = "".join(traceback.format_exception(failed.value))
    with pytest.raises(PrivacyError) as ended:
        erasures.record(shop.house, run, failed.value.code)
    shown += "".join(traceback.format_exception(ended.value)) + told(shop) + caplog.text + "".join(capsys.readouterr())
    assert failed.value.code in shown
    for quoted in (ADDRESS, ADDRESS.upper(), f"no {NAME}"):
        assert quoted not in shown
    after, rows = look(shop, made), ("shop.", "recruiting.")
    assert [t for t in before.things if t[0].startswith(rows)] == [t for t in after.things if t[0].startswith(rows)]
    assert shop.house.register.get(number).state is State.PROVEN
    shop.change("DROP TRIGGER quoting")
    assert shop.erase(number, "run-2")["status"] == "done"
    assert not shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1001")


@pytest.mark.check("an erasure in a shop of its own; test_erasing shows what most depends on")
def test_what_a_purge_took_between_plan_and_erasure_is_gone_and_no_failure(shop: Erasing) -> None:
    """Edge case 29: a record falls due between two steps; it is not counted as deleted by both."""
    run = allowed(shop, shop.request(WHO))
    ((sessions,),) = shop.rows("SELECT count(*) FROM sessions WHERE customer_id = 1001")
    planned = Erasing(shop.folder / "whole", shop.shop)
    whole = planned.erase(planned.request(WHO))
    shop.change("DELETE FROM sessions WHERE customer_id = 1001")
    erasures.erase(shop.house, run)
    erasures.verify(shop.house, run)
    erasures.record(shop.house, run, None)
    assert sessions > 0
    ended = shop.ended(run)
    assert ended["status"] == "done"
    assert ended["deleted"] == whole["deleted"] - sessions


@pytest.mark.check("an erasure in a shop of its own; test_erasing shows what most depends on")
def test_a_run_that_is_ended_by_hand_between_two_batches_stops_there(shop: Erasing) -> None:
    """Edge case 36: marked as failed while its task still writes; what both runs say adds up to what one would."""
    whole = Erasing(shop.folder / "whole", shop.shop)
    expected = whole.erase(whole.request(WHO))["deleted"]
    number = shop.request(WHO)
    run, times = allowed(shop, number), 0

    def stop() -> bool:
        nonlocal times
        times += 1
        if times == 3:
            with pytest.raises(Refused):
                erasures.record(shop.house, run, "marked by hand")
        return False

    with pytest.raises(Refused) as refused:
        erased.erase(shop.house.means, run.id, erasures.subjects_of(shop.house, number), actor="operator", stop=stop)
    assert refused.value.code == "erasure.ended"
    assert shop.house.register.get(number).state is State.PROVEN
    assert shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1001")
    first = shop.ended(run)
    assert (first["status"], first["deleted"] > 0) == ("failed", True)
    assert first["deleted"] + shop.erase(number, "run-2")["deleted"] == expected
    assert shop.house.verify().ok
