"""The demo shop as files: the same every time, whole, and made up throughout."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from demo import SIZES, TODAY, Size, make
from demo.moments import Calendar

DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
SMALL = Size(customers=20, guests=5, old_orders=10, orders_a_day=0.05, sessions_a_day=0.1, strays_a_day=0.1)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(tmp_path / name, seed=seed, size=SMALL)
    make(tmp_path / "b", seed=1, size=SMALL)  # Over what is there: the same again.
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    # What has a name of its own; messages and letters are named by when they came.
    fixed = [{name for name in digests(tmp_path / at) if not re.match("mail|dossiers|analytics", name)} for at in "ac"]
    assert fixed[0] == fixed[1]
    for name in ("shop.db", "recruiting.db", "answers.json"):
        assert digests(tmp_path / "a")[name] != digests(tmp_path / "c")[name]


def test_a_file_is_as_old_as_its_record_and_the_name_of_a_message_is_its_time(tmp_path):
    """Sources tell when a file was changed: the demo's files do not depend on the day on which they were made."""
    make(tmp_path, seed=1, size=SMALL)
    files = [f for f in tmp_path.rglob("*") if f.is_file() and f.parent != tmp_path]
    latest = Calendar(TODAY).now / 1_000_000
    assert [f for f in files if f.stat().st_mtime > latest or f.stat().st_mtime % 1] == []
    messages = [f for f in files if f.parent.name in ("cur", "new")]
    numbered = [f for f in messages if f.name[:9].isdigit()]
    assert [f for f in numbered if f.stat().st_mtime != int(f.name.partition(".")[0])] == []
    assert len(messages) - len(numbered) == 1


def test_another_day_moves_the_logs_with_it(tmp_path):
    make(tmp_path, seed=1, size=SMALL, today=date(2027, 3, 30))
    names = sorted(path.name for path in (tmp_path / "weblogs/nginx/access").iterdir())
    assert names[:2] == ["access-2026-02-28.gz", "access-2026-03-01.gz"]
    assert names[-2:] == ["access-2027-03-29.gz", "access.log"]


def test_foreign_keys_hold_and_the_counts_are_those_told(made):
    assert made.db.execute("PRAGMA foreign_key_check").fetchall() == []
    for table, count in made.about.counts.items():
        assert made.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == count > 0
    assert made.about.lines == len(made.lines)
    assert made.about.subjects == len(made.subjects)


def test_thirteen_months_of_logs_one_gz_a_day_and_todays_still_plain(made):
    folder = made.folder / "weblogs/nginx/access"
    names = {path.name for path in folder.iterdir()}
    days = [date(2025, 10, 20) + timedelta(days=n) for n in range((TODAY - date(2025, 10, 20)).days)]
    assert names == {f"access-{day}.gz" for day in days} | {"access.log"}
    assert (folder / "access.log").read_bytes().endswith(b"\n")
    assert all(path.read_bytes()[4:8] == b"\0\0\0\0" for path in folder.glob("*.gz"))


def test_the_hour_that_occurs_twice_is_there_with_both_offsets(made):
    """Edge case 3: local log times that occur twice, mixed offsets in one file."""
    night = gzip.decompress((made.folder / "weblogs/nginx/access/access-2026-10-25.gz").read_bytes())
    assert b"25/Oct/2026:02:21:20 +0200" in night
    assert b"25/Oct/2026:02:21:20 +0100" in night


def test_every_name_address_and_number_is_made_up(made):
    texts = [line.decode("utf-8", "replace") for line in made.lines.values()]
    texts += [text for text in made.db.iterdump() if text.startswith("INSERT")]
    for text in texts:
        for found in re.findall(r"@([\w.-]+\.[a-zA-Z]{2,})\b", text) + re.findall(r"https?://([\w.-]+)", text):
            assert found.lower().endswith((".example", "w3.org")), found
    addresses = {line.split(b" ")[0] for line in made.lines.values() if re.match(rb"\S+ - \S+ \[[^]]{26}\]", line)}
    addresses |= {
        row[0].encode() for row in made.db.execute("SELECT ip FROM sessions UNION SELECT ip FROM orders") if row[0]
    }
    for address in addresses:
        assert any(ip_address(address.decode()) in network for network in DOCUMENTATION)


def test_hostile_texts_and_lines_in_no_known_form_are_in_it(made):
    """Edge case 27 (in data), and 8: lines in no known format."""
    names = {row[0] for row in made.db.execute("SELECT first_name FROM customers")}
    bodies = {row[0] for row in made.db.execute("SELECT body FROM contact_messages")}
    assert "'; DROP TABLE klanten; --" in names
    assert {"{{ 7*7 }}", "=cmd|' /C calc'!A0", "<script>alert('hoi')</script>"} <= bodies
    assert any("\r\nBcc:" in body for body in bodies)
    assert b"\x00" * 12 in made.lines.values()
    assert any(rb"\x22" in line for line in made.lines.values())


def test_the_large_shop_has_100_000_customers_and_5_million_log_lines_a_month():
    large = SIZES["large"]
    assert large.customers == 100_000
    # A visit leaves four and a half lines, search engines the same number each minute.
    a_day = 4.5 * large.sessions_a_day + large.strays_a_day + large.crawl // 1440 * 1440
    assert a_day * 30 == pytest.approx(5_000_000, rel=0.01)


def test_search_engines_stand_between_the_visitors_lines_and_are_nobodys(tmp_path):
    """A large shop's sheet leaves out which lines are nobody's; whose the others are, it tells by the right number."""
    about = make(tmp_path, seed=1, size=replace(SMALL, crawl=1440, every_line=False))
    answers = json.loads((tmp_path / "answers.json").read_text())
    assert not [name for name in answers["nobody"] if name.startswith(("weblogs", "analytics"))]
    (anna,) = (entry for entry in answers["subjects"] if entry["subject"] == "1001")
    keys = [key for key in anna["records"]["weblogs.access"] if key[0].endswith("gz")]
    files = {file: gzip.decompress((tmp_path / "weblogs" / file).read_bytes()).split(b"\n")[:-1] for file, _ in keys}
    hers = re.compile(rb'^192\.0\.2\.(1|40) |- 1001 \[|"did-anna')
    assert all(hers.search(files[file][n - 1]) for file, n in keys)
    assert all(len(lines) >= 1440 for lines in files.values())
    for lines in files.values():
        stamps = [found[1] for line in lines if (found := re.search(rb"\[(\d\d/\w{3}/[\d:]+ \+\d{4})\]", line))]
        assert stamps == sorted(stamps, key=lambda s: datetime.strptime(s.decode(), "%d/%b/%Y:%H:%M:%S %z"))
    assert about.lines > 1440 * 390
