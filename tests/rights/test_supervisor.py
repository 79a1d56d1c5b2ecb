"""What a supervisor is handed: rule, promise with its words, runs, exceptions, who approved, and the proof."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from conftest_purges import NOW, Studio, days
from privacy.errors import BadInput, GiveUp, Tampered
from privacy.rights import supervisor

HOSTILE = "=cmd|' /C calc'!A0<script>window.hit = 1</script>{{ 7*7 }}"
FILES = ["approvals.csv", "deleted.csv", "evidence.html", "exceptions.csv", "proof.csv", "runs.csv", "verantwoording.html"]  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    made = Studio(tmp_path_factory.mktemp("studio"))
    for number in range(120):
        made.case(number, None, days(40), notes=0, papers=0)
    made.purge("cases", approve=True)
    ledger = made.house.ledger
    ledger.begin("bad", pipeline="purge_logs", rule="lines", actor=HOSTILE, code_version="1", policy_version="3")
    ledger.end(
        "bad", status="failed", actor="a", reason="=1+1", held=2, retained={"+changed": 3}, late=1, late_by="PT9H"
    )
    return made


@pytest.fixture(scope="module")
def out(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "new"
    written = supervisor.write(studio.house, days(1), NOW.replace(hour=13), folder)
    assert sorted(path.name for path in written) == FILES
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_have_every_run_exception_and_answer(out: Path) -> None:
    runs = {row["rule"]: row for row in rows(out / "runs.csv")}
    assert (runs["cases"]["promises"], runs["cases"]["limit"], runs["cases"]["deleted"]) == ("CASE", "<=P14D", "120")
    assert (runs["lines"]["status"], runs["lines"]["candidates"]) == ("failed", "")
    deleted = {row["dataset"]: row["records"] for row in rows(out / "deleted.csv") if row["records"] != "0"}
    assert deleted == {"studio.cases": "120"}
    found = [(r["rule"], r["exception"], r["reason"], r["records"]) for r in rows(out / "exceptions.csv")]
    assert ("lines", "held", "", "2") in found
    assert ("lines", "retained", "'+changed", "3") in found
    assert ("lines", "late", "PT9H", "1") in found
    assert ("lines", "run failed", "'=1+1", "") in found
    assert [(r["what"], r["by"]) for r in rows(out / "approvals.csv")] == [
        ("purge.asked", "desk"),
        ("purge.approved", "chief"),
    ]


def test_the_proof_is_the_signed_head_and_anybody_can_check_it(out: Path, studio: Studio) -> None:
    import rfc8785

    (proof,) = rows(out / "proof.csv")
    head = {"at": proof["signed_at"], "hash": proof["head_hash"], "seq": int(proof["head_entry"])}
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(proof["public_key"]))
    key.verify(bytes.fromhex(proof["signature"]), rfc8785.dumps(head))
    assert studio.house.ledger.archive.hashes([head["seq"]]) == {head["seq"]: head["hash"]}
    assert int(proof["first_entry"]) <= int(proof["last_entry"]) <= head["seq"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("verantwoording.html", ("Verwijderd", "goedgekeurd", "chief", "Belofte", "mislukt", "Openbare sleutel")),
        ("evidence.html", ("Deleted", "approved", "chief", "Promise", "failed", "Public key")),
    ],
)
def test_the_page_says_it_in_words_and_nothing_in_the_ledger_acts(out: Path, name: str, words: tuple[str, ...]) -> None:
    """Edge case 27."""
    text = (out / name).read_text()
    for part in (*words, "Het Atelier", "CASE", "&lt;=P14D", "default-src &#39;none&#39;"):
        assert part in text or part.replace("&#39;", "'") in text, part
    assert "<script>" not in text
    assert "{{ 7*7 }}" in text
    assert not re.search(r"(src|href)=[\"'](?!#)", text), "nothing is fetched"


def test_a_cell_is_never_a_formula(out: Path) -> None:
    """Edge case 27: a spreadsheet computes nothing of what somebody wrote."""
    for path in out.glob("*.csv"):
        for row in rows(path):
            assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


@given(st.text(max_size=20))
def test_every_text_is_harmless_and_nothing_is_lost(text: str) -> None:
    """Edge case 27."""
    (cell,) = supervisor.harmless(pd.DataFrame({"a": [text]}, dtype=object))["a"]
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not str(cell).startswith(supervisor.FORMULA)


def test_a_period_without_runs_says_so_and_a_wrong_one_is_refused(studio: Studio, tmp_path: Path) -> None:
    supervisor.write(studio.house, days(9), days(8), tmp_path)
    assert rows(tmp_path / "runs.csv") == []
    assert "This rule was not run in this period." in (tmp_path / "evidence.html").read_text()
    with pytest.raises(BadInput, match=r"ledger\.period"):
        supervisor.write(studio.house, days(1), days(1), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(GiveUp, match=r"ledger\.out"):
        supervisor.write(studio.house, days(1), NOW, tmp_path / "file")


def test_the_nights_without_a_run_are_exceptions(tmp_path: Path) -> None:
    """Edge cases 6 and 28: a run that never was stands in no entry, and must not look as if all was well."""
    studio = Studio(tmp_path / "studio")
    studio.case(1, None, days(1), notes=0, papers=0)
    studio.house.ledger.event("x.y", actor="a")
    for day in (0, 1, 5, 6):
        studio.clock.set(NOW + timedelta(days=day))
        studio.purge("cases", f"{day}")
    studio.clock.set(NOW + timedelta(days=8))

    def unproven(rule: str, since: float, until: float) -> list[tuple[str, str]]:
        supervisor.write(studio.house, days(-since), days(-until), tmp_path / "out")
        found = rows(tmp_path / "out" / "exceptions.csv")
        return [(r["when"], r["reason"]) for r in found if (r["rule"], r["exception"]) == (rule, "not proven")]

    # Each run proves it for a day, which may have 25 hours; what is yet to come is no gap.
    assert unproven("cases", -9, 30) == [
        ("2026-11-22T13:00:00Z", "until 2026-11-25T12:00:00Z"), ("2026-11-27T13:00:00Z", "until 2026-11-28T12:00:00Z"),
    ]  # fmt: skip
    assert unproven("cases", 3, 4) == [("2026-11-23T12:00:00Z", "until 2026-11-24T12:00:00Z")]
    assert "not proven" in (tmp_path / "out" / "evidence.html").read_text()
    assert unproven("cases", 5, 6) == unproven("cases", -9, 0) == []
    assert unproven("lines", -9, 30) == [("2026-11-21T13:00:00Z", "until 2026-11-28T12:00:00Z")]
    assert unproven("sales", -9, 30) == []


def test_a_ledger_that_was_altered_is_handed_to_nobody(tmp_path: Path) -> None:
    """Edge case 26."""
    studio = Studio(tmp_path / "studio")
    studio.house.ledger.event("x.y", actor="a")
    with studio.house.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_update")
        connection.exec_driver_sql("UPDATE ledger SET entry = replace(entry, 'x.y', 'x.z')")
    with pytest.raises(Tampered, match=r"ledger\.altered"):
        supervisor.write(studio.house, days(1), NOW, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_count_that_some_runs_lack_stays_a_whole_number() -> None:
    found = supervisor.harmless(pd.DataFrame({"late": [3, None], "what": ["=1", None]}, dtype=object))
    assert found.to_csv(index=False) == "late,what\n3,'=1\n,\n"
