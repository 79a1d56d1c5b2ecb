"""The web server's logs as a source: whose line, which files, what goes and what stays."""

from __future__ import annotations

import contextlib
import gzip
from datetime import UTC, datetime

import pytest

from privacy.errors import PrivacyError, RetryLater, Unreadable
from privacy.sources.base import Delete, Due, Selection, Status, Tally
from sources.weblogs_kit import Logs, customer, device, line, of, visit

DAY = "nginx/access/access-2025-11-25.gz"


@pytest.fixture
def logs(tmp_path):
    return Logs(tmp_path)


def test_a_line_with_an_id_belongs_to_that_id_whatever_its_address(logs):
    logs.put(DAY, [line(ip="192.0.2.7", user=1001), line(ip="192.0.2.7", user=1002), line(ip="192.0.2.7", device="d1")])
    assert logs.numbers(of(customer(1001))) == [("access-2025-11-25.gz", 1)]
    assert logs.numbers(of(device("d1"))) == [("access-2025-11-25.gz", 3)]


def test_a_line_with_an_address_only_is_theirs_during_their_own_visit_with_their_agent(logs):
    logs.put(DAY, [
        line("25/Nov/2025:10:59:59 +0100", ip="192.0.2.7"),
        line("25/Nov/2025:11:00:00 +0100", ip="192.0.2.7"),
        line("25/Nov/2025:11:30:00 +0100", ip="192.0.2.7"),
        line("25/Nov/2025:11:10:00 +0100", ip="192.0.2.7", agent="other"),
        line("25/Nov/2025:11:10:00 +0100", ip="192.0.2.8"),
        line("25/Nov/2025:11:30:01 +0100", ip="192.0.2.7"),
    ])  # fmt: skip
    assert [n for _, n in logs.numbers(of(visit("10:00:00", "10:30:00")))] == [2, 3]


def test_a_visit_during_which_another_id_used_the_address_gives_nothing_and_is_counted(logs):
    """Edge case 22."""
    logs.put(DAY, [
        line("25/Nov/2025:11:10:00 +0100", ip="192.0.2.7"),
        line("25/Nov/2025:11:20:00 +0100", ip="192.0.2.7", user=1002),
    ])  # fmt: skip
    tally = Tally()
    assert logs.numbers(of(visit("10:00:00", "10:30:00"), customer(1001)), tally) == []
    assert tally.unattributed == 1


def test_another_id_in_the_file_of_the_day_before_counts_when_a_visit_crosses_midnight(logs):
    """Edge case 22: the windows of a visit do not end with a file."""
    logs.put("nginx/access/access-2025-11-24.gz", [line("24/Nov/2025:23:58:00 +0100", ip="192.0.2.7", user=1002)])
    logs.put(DAY, [line("25/Nov/2025:00:02:00 +0100", ip="192.0.2.7")])
    window = visit("2025-11-24T22:55:00", "2025-11-24T23:10:00")
    assert logs.numbers(of(window, customer(1001))) == []


def test_mixed_offsets_and_the_doubled_hour_are_real_instants(logs):
    """Edge case 3."""
    logs.put(DAY, [line("26/Oct/2025:02:30:00 +0200", user=1001), line("26/Oct/2025:02:30:00 +0100", user=1001)])
    first, second = (row["time"] for row in logs.read(of(customer(1001))))
    assert (second.astimezone(UTC) - first.astimezone(UTC)).total_seconds() == 3600


def test_raw_lines_are_given_byte_for_byte_and_unknown_forms_are_kept(logs):
    """Edge cases 8 and 11."""
    odd = line(user=1001, request="GET /\\x22\xff HTTP/2.0")
    logs.put(DAY, gzip.compress(odd + b"\n") + gzip.compress(b"what is this\n" + line(user=1001)), compress=False)
    rows = logs.read(of(customer(1001)))
    assert [row["line"] for row in rows] == [odd, line(user=1001)]
    assert [row["line_number"] for row in rows] == [1, 3]


@pytest.mark.parametrize("cut", [10, 60, 2000])
def test_a_truncated_gzip_is_an_error_and_never_a_smaller_answer(logs, cut):
    """Edge case 8."""
    path = logs.put(DAY, [line(user=1001, request=f"GET /{n * 7919} HTTP/2.0") for n in range(3000)])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(Unreadable) as error:
        logs.read(of(customer(1001)))
    assert "access-2025-11-25.gz" in str(error.value)
    assert "1001" not in str(error.value)


def test_a_log_that_is_rotated_between_listing_and_reading_is_found_again(logs):
    """Edge case 8: renamed and compressed during the run."""
    path = logs.put("nginx/access/access.log", [line(user=1001)])
    source, selection = logs.source(), Selection("access", of(customer(1001)))
    (partition,) = source.partitions(selection)
    logs.put(DAY, path.read_bytes())
    path.write_bytes(line(user=1001, request="GET /new HTTP/2.0") + b"\n")
    assert [b.num_rows for b in source.read(selection, partition)] == [1]
    assert [r["request"] for b in source.read(selection, partition) for r in b.to_pylist()] == ["GET /ringen HTTP/2.0"]
    (logs.root / DAY).unlink()
    with pytest.raises(RetryLater):
        list(source.read(selection, partition))


def test_a_straddling_file_is_rewritten_stays_compressed_and_all_else_is_the_same(logs):
    """Edge case 7."""
    old = [line("24/Nov/2024:10:00:00 +0100", user=n) for n in range(3)]
    new = [line("25/Nov/2025:10:00:00 +0100", user=n) for n in range(3)]
    path = logs.put("nginx/access/a.gz", old + new)
    whole = logs.put("nginx/access/b.gz", old)
    kept = logs.put("nginx/access/c.gz", new)
    before, mtime = kept.read_bytes(), path.stat().st_mtime
    due = Due(datetime(2025, 1, 1, tzinfo=UTC))
    unit = [logs.step(due, Delete())]
    assert [o.status for o in logs.apply(unit)] == [Status.DONE, Status.DONE]
    assert gzip.decompress(path.read_bytes()) == b"".join(x + b"\n" for x in new)
    assert path.stat().st_mtime == mtime
    assert not whole.exists()
    assert kept.read_bytes() == before
    assert logs.locate(due) == ()
    assert {o.status for o in logs.apply(unit)} <= {Status.GONE, Status.CHANGED}


def test_lines_that_are_held_stay_in_the_rewritten_file(logs):
    """Edge case 15."""
    path = logs.put("nginx/access/a.gz", [line("24/Nov/2024:10:00:00 +0100", user=n) for n in (1, 2)])
    due = Due(datetime(2025, 1, 1, tzinfo=UTC))
    logs.apply([logs.step(due, Delete())], [of(customer(2))])
    assert gzip.decompress(path.read_bytes()) == line("24/Nov/2024:10:00:00 +0100", user=2) + b"\n"


def test_a_file_that_changed_since_it_was_located_is_left_alone(logs):
    """Edge case 14."""
    path = logs.put("nginx/access/a.gz", [line("24/Nov/2024:10:00:00 +0100", user=1)])
    step = logs.step(Due(datetime(2025, 1, 1, tzinfo=UTC)), Delete())
    logs.put("nginx/access/a.gz", [line("24/Nov/2024:10:00:00 +0100", user=n) for n in (1, 2)])
    before = path.read_bytes()
    assert [o.status for o in logs.apply([step])] == [Status.CHANGED]
    assert path.read_bytes() == before


def test_a_link_among_the_logs_is_never_followed(logs, tmp_path):
    """Edge case 9."""
    outside = tmp_path / "outside.gz"
    outside.write_bytes(gzip.compress(line("24/Nov/2024:10:00:00 +0100", user=1) + b"\n"))
    (tmp_path / "nginx/access").mkdir(parents=True)
    (tmp_path / "nginx/access/a.gz").symlink_to(outside)
    before = outside.read_bytes()
    with contextlib.suppress(PrivacyError):
        logs.apply([logs.step(Due(datetime(2025, 1, 1, tzinfo=UTC)), Delete())])
    assert outside.read_bytes() == before


def test_order_and_rows_do_not_depend_on_the_size_of_a_batch(logs):
    logs.put(DAY, [line(user=1001, request=f"GET /{n} HTTP/2.0") for n in range(25)])
    reads = [logs.read(of(customer(1001)), batch_rows=size) for size in (1, 2, 7, 1000)]
    assert reads[0] == reads[1] == reads[2] == reads[3]
    assert len(reads[0]) == 25


def test_a_selection_without_identifiers_gives_nothing(logs):
    logs.put(DAY, [line(), line(user=1001)])
    assert logs.read(of()) == []
