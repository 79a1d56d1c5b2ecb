"""The files of a log: rotated, compressed, damaged, still being written, or no logs at all."""

from __future__ import annotations

import gzip
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from privacy.errors import BadConfiguration, PrivacyError, RetryLater, Unreadable
from privacy.sources.base import Claim, Due, Partition, Selection, Tally
from sources.weblogs_kit import DAY, Logs, customer, device, line, of, visit

MINE = of(customer(1001), device("did-alice-1"))
SELECTION = Selection("access", MINE)


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def lines_of(logs: Logs, partition: Partition) -> list[tuple[str, int]]:
    rows = [r for b in logs.source().read(SELECTION, partition) for r in b.to_pylist()]
    return [(r["file"], r["line_number"]) for r in rows]


def test_there_is_a_partition_a_file_in_order_of_keys_and_its_mark_names_nobody(logs):
    for name in ("access.log", "access.log.1", "access.log.2.gz", "access/web2.log"):
        logs.put(f"nginx/{name}", [line(user=1001)])
    found = logs.source().partitions(SELECTION)
    assert [p.name for p in found] == [
        f"nginx/{n}" for n in ("access.log", "access.log.1", "access.log.2.gz", "access/web2.log")
    ]
    assert all(p.bytes == (logs.root / p.name).stat().st_size for p in found)
    assert not any(word in p.mark for p in found for word in ("1001", "198.51.100.9"))


def test_a_log_that_is_rotated_renamed_and_compressed_meanwhile_is_found_by_its_content(logs):
    """Edge case 8: the rows still name the file as it was listed."""
    active = logs.put("nginx/access.log", [line(user=1001), line(user=1002)])
    logs.put("nginx/access.log.1", [line(user=1001, request="old")])
    first, second = logs.source().partitions(SELECTION)
    folder = logs.root / "nginx"
    (folder / "access.log.2.gz").write_bytes(gzip.compress((folder / "access.log.1").read_bytes()))
    active.rename(folder / "access.log.1")
    logs.put("nginx/access.log", [line(user=1001)] * 9)
    assert lines_of(logs, first) == [("nginx/access.log", 1)]
    assert lines_of(logs, second) == [("nginx/access.log.1", 1)]
    for path in folder.iterdir():
        path.unlink()
    logs.put("nginx/access.log", [line(user=1002)])
    with pytest.raises(RetryLater, match=r"weblogs\.rotated") as caught:
        lines_of(logs, first)
    assert caught.value.where == "weblogs.access: nginx/access.log"


def test_an_empty_file_that_is_gone_or_replaced_gives_nothing_of_another(logs):
    logs.put("nginx/access.log.1.gz", [])
    logs.put("nginx/access.log", [])
    parts = logs.source().partitions(SELECTION)
    (logs.root / "nginx/access.log.1.gz").rename(logs.root / "nginx/access.log.2.gz")
    logs.put("nginx/access.log", [line(user=1001)])
    assert [lines_of(logs, p) for p in parts] == [[], []]


def test_a_log_still_being_written_is_read_up_to_the_whole_lines_that_were_there(logs):
    """Edge case 8."""
    path = logs.put("nginx/access.log", line(user=1001) + b"\n" + line(user=1001)[:40])
    (partition,) = logs.source().partitions(SELECTION)
    with path.open("ab") as file:
        file.write(line(user=1001)[40:] + b"\n" + line(user=1001) + b"\n")
    assert lines_of(logs, partition) == [("nginx/access.log", 1)]
    path.rename(logs.root / "nginx/access.log.1")
    assert lines_of(logs, partition) == [("nginx/access.log", 1)]
    assert len(lines_of(logs, logs.source().partitions(SELECTION)[0])) == 3


def test_nothing_is_lost_at_the_end_of_a_file_without_a_last_newline(logs):
    whole = line(user=1001) + b"\n" + line(user=1001)
    for name in ("access.log", "access.log.1", "access.log.2.gz"):
        logs.put(f"nginx/{name}", whole)
    assert len(logs.read(MINE)) == 6


def test_carriage_returns_nul_bytes_and_very_long_lines_lose_nothing(logs):
    """Edge case 8."""
    long = line(user=1001, request="GET /" + "x" * (3 * 2**20))
    content = [
        line(user=1001) + b"\r",
        b"\0" * 5000,
        long,
        b"\0" * 100_000 + line(user=1001),
        b"y" * 2**21,
        line(user=1001),
    ]
    logs.put("nginx/access.log", content)
    logs.put("nginx/access.log.1.gz", content)
    tally = Tally()
    rows = logs.read(MINE, tally)
    # The first group takes NUL bytes for a part of the address: it is the format that says what a line is.
    assert [r["line_number"] for r in rows] == [1, 3, 4, 6] * 2
    assert [r["line"] for r in rows[:4]] == [content[0], long, content[3], content[5]]


def test_a_line_without_end_is_refused_rather_than_held_in_memory(logs, monkeypatch):
    monkeypatch.setattr("privacy.sources.weblogs_blocks.LONGEST", 2**21)
    logs.put("nginx/access.log.1.gz", b"\0" * 2**23)
    with pytest.raises(Unreadable, match=r"weblogs\.line_too_long.*nginx/access\.log\.1\.gz"):
        logs.read(MINE)


def test_a_gzip_file_of_several_members_is_read_whole(logs):
    """Edge case 8."""
    member = gzip.compress(line(user=1001) + b"\n")
    logs.put("nginx/access.log.1.gz", member * 3 + gzip.compress(b"") + member, compress=False)
    assert len(logs.read(MINE)) == 4


@pytest.mark.parametrize(
    ("damage", "code"),
    [(lambda raw: raw[:-9], "truncated"), (lambda raw: raw[: len(raw) // 2], "truncated"), (lambda raw: raw[:5], "truncated"),
     (lambda _: b"", "truncated"), (lambda raw: raw[:-8] + b"\0" * 8, "corrupt"), (lambda raw: raw + b"garbage" * 9, "corrupt"),
     (lambda _: b"no gzip at all", "corrupt"), (lambda raw: raw[:40] + b"\xff" * 40 + raw[80:], "corrupt")],
)  # fmt: skip
@pytest.mark.parametrize("lines", [20, 20_000])
def test_a_damaged_log_fails_by_name_instead_of_looking_complete(logs, damage, code, lines):
    """Edge cases 8 and 28."""
    path = logs.put("nginx/access.log.1.gz", [line(user=n, request=f"GET /{n * 7919}") for n in range(lines)])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Unreadable) as caught:
        logs.read(of(customer(lines - 1)))
    assert caught.value.code in (f"weblogs.{code}", "weblogs.corrupt")
    assert caught.value.where == "weblogs.access: nginx/access.log.1.gz"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert code == "corrupt" or caught.value.code == "weblogs.truncated"


def test_a_log_that_is_just_being_compressed_counts_once(logs):
    """Edge case 8: the copy is whole, half, or has no readable byte yet."""
    many = [line(user=1001, request=f"GET /{n * 7919}") for n in range(5000)]
    path = logs.put("nginx/access.log.1", many)
    whole = gzip.compress(path.read_bytes())
    for copy in (whole, whole[: len(whole) // 2], whole[:5], b""):
        logs.put("nginx/access.log.1.gz", copy, compress=False)
        assert [p.name for p in logs.source().partitions(SELECTION)] == ["nginx/access.log.1"]
    logs.put("nginx/access.log.1.gz", [line(user=1001)])
    assert len(logs.source().partitions(SELECTION)) == 2


def test_a_file_that_arrives_late_with_old_lines_is_just_read(logs):
    """Edge case 10."""
    logs.put("nginx/access.log-20251125.gz", [line(user=1001)])
    assert len(logs.read(MINE)) == 1
    logs.put(
        "nginx/access.log-20251231-from-backup.gz",
        [line("01/Jan/2024:00:00:00 +0100", user=1001)],
        at=DAY + timedelta(40),
    )
    assert len(logs.read(MINE)) == 2


def test_what_is_no_log_or_a_siblings_is_not_read_but_claimed_and_told_of(logs):
    """Edge case 12: `nginx/access` is not `nginx/accessories`."""
    for name in ("access.log", "access.log.1.gz", "access.zip", "access.json.gz", "accessories.log", "error.log",
        "error.log.1.gz", "error.log-20251125.gz"):  # fmt: skip
        logs.put(f"nginx/{name}", [line(user=1001)])
    source = logs.source()
    with pytest.raises(Unreadable, match=r"weblogs\.not_a_log"):
        # An export without what it may hold would look whole (edge case 28).
        source.partitions(SELECTION)
    due = Selection("access", Due(datetime(2020, 1, 1, tzinfo=UTC)))
    assert [p.name for p in source.partitions(due)] == ["nginx/access.log", "nginx/access.log.1.gz"]
    assert list(source.inventory()) == [Claim("nginx/access"), Claim("nginx/accessories.log"), Claim("nginx/error.log")]
    problems = {(p.code, p.where, p.fatal) for p in source.check()}
    assert problems == {
        ("weblogs.not_a_log", f"weblogs.access: nginx/access.{end}", False) for end in ("zip", "json.gz")
    }
    excused = [{"name": "nginx/access.zip", "why": "w"}, {"name": "nginx/access.json.gz", "why": "w"}]
    source = logs.source(excused=excused)
    assert list(source.check()) == []
    assert [p.name for p in source.partitions(SELECTION)] == ["nginx/access.log", "nginx/access.log.1.gz"]


@pytest.mark.parametrize("pick", [MINE, Due(datetime(2020, 1, 1, tzinfo=UTC))], ids=["of subjects", "due"])
def test_an_empty_folder_is_no_log_that_holds_nothing(logs, pick):
    """Edge case 28: the store was not mounted, or the prefix renamed."""
    (logs.root / "nginx").mkdir()
    with pytest.raises(Unreadable, match=r"weblogs\.no_files"):
        logs.read(pick)


def test_a_link_among_the_logs_fails_the_read_instead_of_making_it_smaller(logs, tmp_path):
    """Edge case 9."""
    logs.put("outside.log", [line(user=1001)])
    logs.put("nginx/access.log", [line(user=1001)])
    (tmp_path / "nginx/access.log.1").symlink_to(tmp_path / "outside.log")
    assert ("storage.link", True) in {(p.code, p.fatal) for p in logs.source().check()}
    with pytest.raises(Unreadable, match=r"storage\.link"):
        logs.read(MINE)


def test_check_tells_of_missing_logs_of_a_format_that_fits_nothing_and_of_a_missing_folder(logs):
    """Edge case 25."""
    (problem,) = logs.source().check()
    assert problem.code == "weblogs.no_files"
    logs.put("nginx/access.log", [b"something else"])
    (problem,) = logs.source().check()
    assert problem.code == "weblogs.format_fits_nothing"
    shutil.rmtree(logs.root)
    (problem,) = logs.source().check()
    assert problem.code == "storage.missing"
    with pytest.raises(Unreadable, match=r"storage\.missing"):
        logs.read(MINE)


def test_an_unknown_dataset_is_refused(logs):
    with pytest.raises(BadConfiguration, match=r"weblogs\.unknown_dataset"):
        logs.source().partitions(Selection("errors", MINE))


def test_no_error_holds_an_identifier(logs):
    """Edge case 34, for logs."""
    logs.put("nginx/access.log.1.gz", gzip.compress(line(user=1001, device="did-alice-1") * 500)[:-12], compress=False)
    with pytest.raises(PrivacyError) as caught:
        logs.read(MINE)
    assert "1001" not in str(caught.value) + repr(caught.value)
    assert "did-alice" not in str(caught.value) + repr(caught.value)


def test_more_lines_of_an_address_than_fit_in_memory_are_read_a_second_time(logs, monkeypatch):
    monkeypatch.setattr("privacy.sources.weblogs_scan.KEPT_BYTES", 1000)
    many = [line("25/Nov/2025:10:00:00 +0000", ip="192.0.2.7", request=str(n)) for n in range(100)]
    logs.put("nginx/access.log.1.gz", many)
    mine = of(visit("09:00", "11:00"))
    assert [r["line_number"] for r in logs.read(mine)] == list(range(1, 101))
    (item,) = logs.locate(mine)
    assert (item.records, item.whole) == (100, True)
