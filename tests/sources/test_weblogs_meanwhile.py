"""Logs that change between listing and reading, and what must not depend on what was read before."""

from __future__ import annotations

import gzip
import os
import shutil
from datetime import UTC, datetime

import pytest

from privacy import storage
from privacy.errors import RetryLater, Unreadable
from privacy.sources.base import Delete, Due, Identifier, Of, Partition, Selection, Status, Step
from sources.weblogs_kit import UA, Logs, customer, device, line, of

WINDOW = Identifier(
    "ip",
    "198.51.100.9",
    datetime(2025, 11, 25, 9, tzinfo=UTC),
    datetime(2025, 11, 25, 11, tzinfo=UTC),
    agent=UA,
)
"""A visit of the subject's, from 9 to 11 o'clock UTC."""
VISIT = Selection("access", of(WINDOW))
MINE = Selection("access", of(customer(1001)))
HERE = "nginx/access/"


@pytest.fixture
def logs(tmp_path):
    return Logs(tmp_path)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 11, 25, hour, minute, tzinfo=UTC)


def stamp(hour: int, minute: int = 0) -> str:
    return f"25/Nov/2025:{hour:02}:{minute:02}:00 +0000"


def stranger(hour: int = 10, minute: int = 5) -> bytes:
    """A line of somebody else from the subject's address, within their visit."""
    return line(stamp(hour, minute), user=2002)


def nobody(hour: int) -> bytes:
    return line(stamp(hour), ip="192.0.2.7")


def rows(source, selection, parts) -> list[tuple[str, int]]:
    return [
        (row["file"].rpartition("/")[2], row["line_number"])
        for part in parts
        for batch in source.read(selection, part)
        for row in batch.to_pylist()
    ]


def add(path, *more: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(each + b"\n" for each in more))


def test_a_log_that_was_emptied_in_place_and_copied_away_is_looked_for_again(logs):
    """Edge cases 8 and 22: copytruncate keeps the file's identity; the stranger's line is in the copy."""
    logs.put(HERE + "a.log.1", [line(stamp(10))], at=at(11))
    path = logs.put(HERE + "access.log", [stranger()], at=at(11))
    source = logs.source()
    parts = source.partitions(VISIT)
    shutil.copy(path, logs.root / HERE / "access.log.1")
    os.truncate(path, 0)
    with pytest.raises(RetryLater, match=r"weblogs\.rotated"):
        rows(source, VISIT, parts[:1])
    assert rows(source, VISIT, source.partitions(VISIT)) == []


@pytest.mark.parametrize("apart", [False, True], ids=["one task", "a task each"])
def test_a_line_that_came_after_the_list_contests_a_visit_for_every_task(logs, apart):
    """Edge case 22: what was read of a file before must not decide what is found in it now."""
    path = logs.put(HERE + "web1.log", [nobody(6), line(stamp(6, 1))], at=at(6))
    logs.put(HERE + "web2.log", [line(stamp(10))], at=at(11))
    early = Identifier("ip", "198.51.100.9", at(6), at(7), agent=UA)
    both = Selection("access", of(WINDOW, early))
    parts = logs.source().partitions(both)
    add(path, stranger())
    os.utime(path, (at(11).timestamp(),) * 2)
    reader = logs.source()
    found = [rows(logs.source() if apart else reader, both, [part]) for part in parts]
    assert found == [[("web1.log", 2)], []]


@pytest.mark.parametrize("odd", [stranger(), line("no time", user=2002)], ids=["out of order", "without a time"])
@pytest.mark.parametrize("which", [slice(None), slice(1, None)], ids=["both files", "the second alone"])
def test_a_strangers_line_deep_inside_another_file_contests_whatever_was_read_first(logs, odd, which):
    """Edge case 22."""
    many = [nobody(1)] * 4000
    many[2100] = odd
    logs.put(HERE + "a.gz", many, at=at(12))
    logs.put(HERE + "b.gz", [line(stamp(10))], at=at(12))
    source = logs.source()
    assert rows(source, VISIT, source.partitions(VISIT)[which]) == []
    other = Selection("access", of(Identifier("ip", "192.0.2.200", at(1), at(2), agent=UA)))
    assert rows(source, other, source.partitions(other)) == []
    assert rows(source, VISIT, source.partitions(VISIT)[1:]) == []


def test_a_visit_that_was_uncontested_when_it_was_located_is_looked_at_again_before_a_delete(logs):
    """Edge cases 22 and 33: a stranger's line arrives between plan and purge."""
    logs.put(HERE + "access.log-20251125.gz", [line(stamp(10))], at=at(11))
    path = logs.put(HERE + "access.log", [nobody(10)], at=at(11))
    source = logs.source()
    items = tuple(item for part in source.partitions(VISIT) for item in source.locate(VISIT, part))
    assert sum(item.records for item in items) == 1
    before = (logs.root / HERE / "access.log-20251125.gz").read_bytes()
    add(path, stranger())
    assert [o.status for o in source.apply([Step(VISIT, Delete(), items)], [])] == [Status.GONE]
    assert (logs.root / HERE / "access.log-20251125.gz").read_bytes() == before
    assert rows(source, VISIT, source.partitions(VISIT)) == []


def test_after_a_log_was_renamed_the_next_try_of_the_same_task_succeeds(logs):
    """Edge case 8."""
    logs.put(HERE + "a.gz", [line(stamp(10))], at=at(12))
    path = logs.put(HERE + "access.log.1", [nobody(9)], at=at(12))
    source = logs.source()
    parts = source.partitions(VISIT)
    logs.put(HERE + "access.log.1.gz", path.read_bytes(), at=at(12), compress=True)
    path.unlink()
    with pytest.raises(RetryLater, match=r"weblogs\.rotated"):
        rows(source, VISIT, parts[:1])
    assert rows(source, VISIT, parts[:1]) == [("a.gz", 1)]


def test_a_log_whose_name_now_means_one_that_is_still_being_compressed_is_found(logs):
    """Edge case 8."""
    content = [line(stamp(10), user=1001)] * 50
    logs.put(HERE + "access.log.2.gz", content, at=at(1))
    plain = logs.put(HERE + "access.log.1", [line(stamp(11), request=f"GET /{n}") for n in range(5000)], at=at(2))
    logs.put(HERE + "access.log", [line(stamp(12))], at=at(12))
    source = logs.source()
    parts = [part for part in source.partitions(MINE) if part.name.endswith("2.gz")]
    old = logs.root / HERE / "access.log.2.gz"
    old.rename(logs.root / HERE / "access.log.3.gz")
    old.write_bytes(gzip.compress(plain.read_bytes())[:200])
    assert len(rows(source, MINE, parts)) == 50


def test_a_damaged_archive_beside_todays_log_fails_instead_of_being_passed_over(logs):
    """Edge cases 8 and 28: it is no copy in the making, it begins otherwise."""
    logs.put(HERE + "access.log", [line(stamp(12), user=1001)], at=at(12))
    damaged = logs.put(
        HERE + "access.log.gz", [line(stamp(10), user=1001, request=f"GET /{n}") for n in range(3000)], at=at(1)
    )
    damaged.write_bytes(damaged.read_bytes()[:4000])
    assert [part.name for part in logs.source().partitions(MINE)] == [HERE + "access.log", HERE + "access.log.gz"]
    with pytest.raises(Unreadable, match=r"weblogs\.truncated"):
        logs.read(MINE.pick)


@pytest.mark.parametrize("part", [0, 10, 300, -9], ids=["empty", "a header", "some of it", "nearly all"])
def test_a_copy_in_the_making_counts_its_lines_once(logs, part):
    """Edge case 8."""
    plain = [line(stamp(10), user=1001, request=f"GET /{n}") for n in range(300)]
    logs.put(HERE + "access.log.1", plain, at=at(12))
    whole = gzip.compress(b"".join(each + b"\n" for each in plain))
    (logs.root / HERE / "access.log.1.gz").write_bytes(whole[:part])
    assert len(logs.read(MINE.pick)) == 300


def test_files_that_are_renamed_while_they_are_listed_are_all_read(logs, monkeypatch):
    """Edge case 8: between the list and the look at each, everything moved on by one."""
    for name, hour in (("access.log.2", 1), ("access.log.1", 2), ("access.log", 3)):
        logs.put(HERE + name, [line(stamp(hour), user=1001)], at=at(hour))
    folder, listdir, done = logs.root / HERE, os.listdir, []

    def rotating(handle):
        names = listdir(handle)
        if "access.log" in names and not done:
            done.append(1)
            for old, new in (("2", "3"), ("1", "2")):
                (folder / f"access.log.{old}").rename(folder / f"access.log.{new}")
            (folder / "access.log").rename(folder / "access.log.1")
        return names

    monkeypatch.setattr(storage.os, "listdir", rotating)
    assert len(logs.read(MINE.pick)) == 3


def test_names_that_never_stand_still_end_the_try(logs, monkeypatch):
    path = logs.put(HERE + "access.log.1", [line(stamp(1), user=1001)], at=at(1))
    listdir, names = os.listdir, iter(range(2, 1000))

    def restless(handle):
        nonlocal path
        found = listdir(handle)
        if path.name in found:
            path = path.rename(path.with_name(f"access.log.{next(names)}"))
            return [path.name]
        return found

    monkeypatch.setattr(storage.os, "listdir", restless)
    with pytest.raises(RetryLater, match=r"weblogs\.rotated"):
        logs.source().partitions(MINE)


@pytest.mark.parametrize(
    ("name", "beside", "active"),
    [
        ("access.log", "access.log.1", True),
        ("web1.log", "web2.log", True),
        ("web-1.log", "web-2.log", True),
        ("www.shop.example-443.log", "access.log", True),
        ("access", "other", True),
        ("access.log.1", "access.log", False),
        ("access.log-20251125", "access.log", False),
        ("access-2025-11-25.log", "access-2025-11-26.log", False),
        ("access_20251125", "access", False),
        # Of one log's dated files the last is the one that is written; another log's newer file says nothing of it.
        ("access-2025-11-25.log", "error-2025-11-26.log", True),
        ("web1-2025-11-25.log", "web2-2025-11-26.log", True),
    ],
)
def test_what_a_web_server_may_still_write_is_never_rewritten(logs, name, beside, active):
    """Edge case 8: its next line would go into a file that has no name any more."""
    path = logs.put(HERE + name, [line(stamp(10), user=1001), line(stamp(10), user=1)], at=at(10))
    logs.put(HERE + beside, [line(stamp(11), user=5)], at=at(12))
    before = path.read_bytes()
    (outcome,) = logs.apply([logs.step(of(customer(1001)), Delete())])
    assert (outcome.status, outcome.reason) == ((Status.CHANGED, "active") if active else (Status.DONE, ""))
    assert (path.read_bytes() == before) is active


def test_a_line_of_a_held_person_whose_time_cannot_be_read_stays(logs):
    """Edge case 31 of holds: what may be theirs stays, as in a table."""
    logs.put(HERE + "a.gz", [line("no time", device="d1"), line(stamp(10), device="d2")], at=at(12))
    held = of(device("d1", valid_from=at(1), valid_to=at(23)))
    step = logs.step(Due(datetime(2025, 11, 28, tzinfo=UTC)), Delete())
    (outcome,) = logs.apply([step], [held])
    assert (outcome.status, outcome.reason) == (Status.HELD, "held:1")
    assert gzip.decompress((logs.root / HERE / "a.gz").read_bytes()) == line("no time", device="d1") + b"\n"


def test_one_source_serves_two_selections_in_turn_and_mixes_nothing_up(logs):
    logs.put(HERE + "a.gz", [line(stamp(10), user=1001), line(stamp(10), user=1002)], at=at(12))
    source, other = logs.source(), Selection("access", of(customer(1002)))
    by_user = Selection("access", of(customer(1001)), on=("user_id",))
    for _ in range(2):
        assert rows(source, MINE, source.partitions(MINE)) == [("a.gz", 1)]
        assert rows(source, other, source.partitions(other)) == [("a.gz", 2)]
        assert rows(source, by_user, source.partitions(by_user)) == [("a.gz", 1)]
        nobodys = Selection("access", Of(()))
        assert rows(source, nobodys, [Partition(HERE + "a.gz", 1)]) == []


def test_a_strangers_line_without_a_time_in_the_same_file_contests_the_visit(logs):
    """Edge case 22: it may have been written during the visit."""
    logs.put(HERE + "a.gz", [line(stamp(10)), line("no time", user=2002)], at=at(12))
    assert logs.read(VISIT.pick) == []


@pytest.mark.parametrize(
    ("changed", "begins", "contested"),
    [(at(8, 30), 7, True), (at(7, 59), 7, False), (at(23), 11, True)],
    ids=["an hour's delay", "long before", "put together of several servers' logs"],
)
def test_a_file_is_looked_into_when_its_lines_may_reach_into_the_visit(logs, changed, begins, contested):
    """Edge case 22: by its last change and its first line, and a margin on both sides."""
    logs.put(HERE + "a.gz", [line(stamp(10))], at=at(12))
    logs.put(HERE + "b.gz", [*[nobody(begins)] * 2000, stranger()], at=changed)
    assert (logs.read(VISIT.pick) == []) is contested
