"""A receipt: what is in it, how large it gets, and when there is none. How it looks: tests/browser/test_receipt_page.py."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from conftest_purges import NOW, Studio, days
from privacy.errors import BadInput, Refused, Tampered
from privacy.ledger.copies import HeadCopies
from privacy.rights import receipt
from privacy.rights.house import House


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path / "studio")
    made.case(1, "anna@post.example", days(40))
    made.purge("cases")
    return made


def content(studio: Studio, page: Path) -> dict[str, Any]:
    """What the page holds, after the checks that it makes itself, made here in another language."""
    text = page.read_text()
    start = text.index('id="receipt">') + len('id="receipt">')
    data = json.loads(text[start : text.index("</script>", start)])
    public = studio.house.ledger.archive.public_key
    assert data["public_key"] == public.public_bytes_raw().hex()
    public.verify(bytes.fromhex(data["signature"]), f"privacy receipt\n{data['sealed']}".encode())
    found: dict[str, Any] = json.loads(data["sealed"])
    for part in found["segments"]:
        previous, head = bytes.fromhex(part["previous"]), dict(part["head"])
        for entry in part["entries"]:
            previous = sha256(previous + entry.encode()).digest()
        assert previous.hex() == head["hash"]
        assert part["first"] + len(part["entries"]) - 1 == head["seq"]
        public.verify(bytes.fromhex(head.pop("signature")), rfc8785.dumps(head))
    return found


def others(studio: Studio, count: int) -> None:
    """Entries of other runs."""
    with studio.house.ledger.writing() as writing:
        for _ in range(count):
            writing.event("other.thing", actor="a")


def test_the_head_that_stands_is_used_when_it_is_near(studio: Studio, tmp_path: Path) -> None:
    others(studio, 20)
    made = receipt.write(studio.house, "run-cases", tmp_path / "r.html")
    found = content(studio, tmp_path / "r.html")
    (part,) = found["segments"]
    assert (made.own, made.entries, part["fresh"], part["head"]["seq"]) == (3, 23, False, 23)
    assert found["promises"] == {"CASE": {"nl": "c", "en": "c", "quote": "q"}}
    text = (tmp_path / "r.html").read_text()
    assert "anna" not in text


def test_a_receipt_of_an_old_run_stays_small_and_says_when_its_head_was_signed(studio: Studio, tmp_path: Path) -> None:
    others(studio, receipt.NEAR + 1)
    studio.clock.set(NOW + timedelta(days=1))
    assert receipt.write(studio.house, "run-cases", tmp_path / "r.html").entries == 3
    (part,) = content(studio, tmp_path / "r.html")["segments"]
    assert part["fresh"]
    assert part["head"]["at"].startswith("2026-11-21")
    assert (tmp_path / "r.html").stat().st_size < 30_000


def test_a_copy_that_was_kept_near_it_is_better_than_a_fresh_head(studio: Studio, tmp_path: Path) -> None:
    settings = studio.house.settings.model_copy(update={"head_copies": tmp_path / "copies"})
    studio.house = House(settings, studio.house.connections, studio.clock)
    others(studio, 5)
    archive = studio.house.ledger.archive
    head = archive.head()
    assert head is not None
    HeadCopies(tmp_path / "copies", archive.public_key).add(head)
    others(studio, receipt.NEAR + 1)
    receipt.write(studio.house, "run-cases", tmp_path / "r.html")
    (part,) = content(studio, tmp_path / "r.html")["segments"]
    assert (part["fresh"], part["head"]["seq"]) == (False, 8)


def test_a_run_that_went_on_for_long_is_in_parts(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "studio")
    ledger = studio.house.ledger
    others(studio, 3)
    ledger.begin("r", pipeline="erase_subject", actor="a", code_version="1", policy_version="1")
    others(studio, receipt.NEAR + 1)
    ledger.end("r", status="done", actor="a", deleted=3)
    receipt.write(studio.house, "r", tmp_path / "r.html")
    first, second = content(studio, tmp_path / "r.html")["segments"]
    assert (first["first"], first["fresh"], len(first["entries"])) == (4, True, 1)
    assert (second["first"], len(second["entries"])) == (receipt.NEAR + 6, 1)


def test_what_cannot_be_proven_has_no_receipt(studio: Studio, tmp_path: Path) -> None:
    """Edge cases 26 and 28."""
    out = tmp_path / "r.html"
    with pytest.raises(BadInput, match=r"receipt\.unknown"):
        receipt.write(studio.house, "nobody's", out)
    studio.house.ledger.begin("r", pipeline="p", actor="a", code_version="1", policy_version="1")
    with pytest.raises(Refused, match=r"receipt\.not_ended"):
        receipt.write(studio.house, "r", out)
    head = studio.house.settings.head_file.read_text()
    studio.house.ledger.end("r", status="done", actor="a")
    studio.house.settings.head_file.write_text(head)
    with pytest.raises(Refused, match=r"receipt\.not_signed"):
        receipt.write(studio.house, "r", out)
    with studio.house.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_update")
        connection.exec_driver_sql("UPDATE ledger SET entry = replace(entry, 'CASE', 'EASE') WHERE seq = 1")
    with pytest.raises(Tampered, match=r"ledger\.altered"):
        receipt.write(studio.house, "run-cases", out)
    assert not out.exists()
