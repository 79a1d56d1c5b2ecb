"""What logs hold, and the log index: a closed log is read once, and what is said of it is what reading it says."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.connections import Connection, EnvironmentConnections
from privacy.errors import PrivacyError, RetryLater, Unreadable
from privacy.sources import source_for
from privacy.sources.base import ByKey, Delete, Due, Selection, Status, Step
from privacy.sources.weblogs import WeblogSource
from privacy.storage import FolderStore
from sources.weblogs_kit import DAY, FORMAT, Logs, customer, line, of, system

TICK = timedelta(microseconds=1)
FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))
NOW = DAY + timedelta(days=30)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


class Counting(FolderStore):
    """The store, and which files of it were opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def open(self, key: str):
        self.opened.append(key.rpartition("/")[2])
        return super().open(key)


class Indexed:
    """Logs, and sources over them that share an index on disk."""

    def __init__(self, folder: Path) -> None:
        self.logs, self.index = Logs(folder / "logs"), folder / "index"

    def source(self, *, index: bool = True, **changes) -> tuple[WeblogSource, Counting]:
        store = Counting(self.logs.root)
        connection = Connection("logs", self.logs.root.as_uri())
        made = WeblogSource(system(**changes), connection, files=store, index=self.index if index else None)
        return made, store

    def locate(self, pick: Due, **more) -> tuple[tuple, list[str]]:
        """The items, and the files that were opened for them."""
        source, store = self.source(**more)
        selection = Selection("access", pick)
        return tuple(i for p in source.partitions(selection) for i in source.locate(selection, p)), store.opened


@pytest.fixture
def indexed(tmp_path: Path) -> Indexed:
    made = Indexed(tmp_path)
    for day in range(3):
        at = DAY + timedelta(days=day)
        lines = [line(stamp(at + timedelta(hours=hour))) for hour in (1, 12, 23)]
        made.logs.put(f"nginx/access-{at:%Y%m%d}.log.gz", lines, at=at + timedelta(days=1))
    made.logs.put("nginx/access.log", [line(stamp(DAY + timedelta(days=3)))], at=DAY + timedelta(days=3))
    return made


MIDDLE = Due(DAY + timedelta(days=1, hours=12))


def test_a_closed_log_is_read_once_and_then_only_where_the_bound_cuts_it(indexed):
    """Edge case 7: the file that straddles the bound is read for its lines; the log of today always is."""
    first, opened = indexed.locate(MIDDLE)
    assert {"access-20251125.log.gz", "access-20251126.log.gz", "access-20251127.log.gz"} <= set(opened)
    again, opened = indexed.locate(MIDDLE)
    assert again == first
    assert set(opened) == {"access-20251126.log.gz", "access.log"}
    assert [(i.records, i.whole) for i in again] == [(3, True), (1, False)]


def test_a_log_that_is_rotated_on_is_not_read_again(indexed):
    """Edge case 8: a new name is no new content; its item names it as it is called now."""
    indexed.locate(FOREVER)
    (indexed.logs.root / "nginx/access-20251125.log.gz").rename(indexed.logs.root / "nginx/access-old.log.gz")
    items, opened = indexed.locate(Due(DAY + timedelta(days=1)))
    assert [item.key for item in items] == [("nginx/access-old.log.gz",)]
    assert items == indexed.locate(Due(DAY + timedelta(days=1)), index=False)[0]
    assert set(opened) == {"access.log"}


def test_the_index_names_nobody_and_no_log(indexed):
    indexed.logs.put("nginx/access-anna-1.log.gz", [line(user=1001, ip="192.0.2.77")], at=DAY)
    indexed.locate(FOREVER)
    files = [path for path in indexed.index.rglob("*") if path.is_file()]
    assert len(files) == 4  # closed logs alone
    for path in files:
        for word in ("anna", "1001", "192.0.2", "access-", ".gz"):
            assert word not in path.name + path.read_text()


def test_what_is_said_of_a_log_that_is_gone_goes_too(indexed):
    """LOG-12M covers the index."""
    indexed.locate(FOREVER)
    (indexed.logs.root / "nginx/access-20251125.log.gz").unlink()
    indexed.locate(FOREVER)
    assert len([p for p in indexed.index.rglob("*") if p.is_file()]) == 2


def test_with_a_log_that_is_removed_goes_at_once_what_is_said_of_it(indexed):
    items, _ = indexed.locate(MIDDLE)
    source, _ = indexed.source()
    outcomes = list(source.apply([Step(Selection("access", MIDDLE), Delete(), items)], []))
    assert [(o.status, o.records) for o in outcomes] == [(Status.DONE, 3), (Status.DONE, 1)]
    # The one that was rewritten is another file now, and is read again.
    assert len([p for p in indexed.index.rglob("*") if p.is_file()]) == 1
    assert indexed.locate(MIDDLE)[0] == ()


def touch(path: Path, at: datetime) -> None:
    os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.mark.parametrize("how", ["content", "time", "replaced"])
def test_a_log_that_is_another_by_now_is_read(indexed, how):
    """Edge case 10: old lines that arrive late, in a file that was known."""
    indexed.locate(FOREVER)
    path = indexed.logs.root / "nginx/access-20251127.log.gz"
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    content = gzip.compress(line(stamp(DAY - timedelta(days=9))) + b"\n")
    if how == "content":
        path.write_bytes(path.read_bytes() + content)
        touch(path, at)
    elif how == "time":
        path.write_bytes(content)
        touch(path, at + timedelta(microseconds=2))
    else:
        path.rename(path.with_name("kept"))
        path.write_bytes(content)
        touch(path, at)
        path.with_name("kept").unlink()
    items, opened = indexed.locate(Due(DAY))
    assert [item.key[0] for item in items] == ["nginx/access-20251127.log.gz"]
    assert "access-20251127.log.gz" in opened


SPOILS = {
    "emptied": lambda _: "",
    "cut off": lambda text: text[: len(text) // 2],
    "other counts": lambda text: text.replace('"lines": 3', '"lines": 2'),
    "other times": lambda text: text.replace('"first": 17', '"first": 27'),
    "no object": lambda _: "[]",
    "more in it": lambda text: text.replace('"lines"', '"more": 1, "lines"'),
    "another form": lambda text: text.replace('"lines": 3', '"lines": "3"'),
    "no text": lambda _: "\udcff",
}


@pytest.mark.parametrize("how", SPOILS)
def test_an_index_that_is_damaged_is_not_believed(indexed, how):
    right, _ = indexed.locate(MIDDLE)
    for path in [p for p in indexed.index.rglob("*") if p.is_file()]:
        text = SPOILS[how](path.read_text())
        assert text != path.read_text()
        path.write_text(text, errors="surrogateescape")
    again, opened = indexed.locate(MIDDLE)
    assert again == right
    assert "access-20251127.log.gz" in opened


def test_what_is_said_of_one_log_is_not_believed_of_another(indexed):
    indexed.locate(MIDDLE)
    right, _ = indexed.locate(MIDDLE)
    first, *others = sorted(p for p in indexed.index.rglob("*") if p.is_file())
    for other in others:
        shutil.copy(first, other)
    assert indexed.locate(MIDDLE)[0] == right


@pytest.mark.parametrize("gone", ["deleted", "a file", "a link to nowhere"])
def test_without_the_index_everything_is_read_as_before(indexed, gone):
    right, _ = indexed.locate(MIDDLE)
    shutil.rmtree(indexed.index)
    if gone == "a file":
        indexed.index.write_text("")
    elif gone == "a link to nowhere":
        indexed.index.symlink_to(indexed.index.parent / "nowhere/at/all")
    again, opened = indexed.locate(MIDDLE)
    assert again == right
    assert "access-20251127.log.gz" in opened


def test_another_format_reads_every_log_again(indexed):
    indexed.locate(MIDDLE)
    _, opened = indexed.locate(MIDDLE, format=FORMAT.replace(r"\d+", "[0-9]+"))
    assert "access-20251127.log.gz" in opened


def test_another_zone_reads_every_log_again(tmp_path):
    """Edge case 3: local times, read in another zone, are other instants."""
    indexed = Indexed(tmp_path)
    indexed.logs.put("nginx/access-a.log.gz", [line("25/Nov/2025:00:30:00")], at=DAY)
    bound = Due(datetime(2025, 11, 25, tzinfo=UTC))
    assert len(indexed.locate(bound)[0]) == 1
    columns = json.loads(
        json.dumps(dict(system().datasets["access"].model_dump(mode="json", exclude_none=True))["columns"])
    )
    for name in columns:
        columns[name] = {k: v for k, v in columns[name].items() if k in ("type", "identity", "original", "zone")}
    columns["time"]["zone"] = "UTC"
    assert indexed.locate(bound, columns=columns)[0] == ()


def test_a_log_that_was_changed_a_moment_ago_is_not_remembered(indexed):
    """Within one tick of a file's clock it could be changed once more, and look the same."""
    path = indexed.logs.root / "nginx/access-20251127.log.gz"
    os.utime(path)
    indexed.locate(FOREVER)
    assert "access-20251127.log.gz" in indexed.locate(FOREVER)[1]


def test_a_damaged_log_is_not_remembered(indexed):
    path = indexed.logs.root / "nginx/access-20251127.log.gz"
    path.write_bytes(path.read_bytes()[:-12])
    touch(path, DAY)
    for _ in range(2):
        with pytest.raises(Unreadable, match=r"weblogs\.(truncated|corrupt)"):
            indexed.locate(FOREVER)


def test_a_source_without_a_folder_remembers_for_itself(indexed):
    source, store = indexed.source(index=False)
    selection = Selection("access", MIDDLE)
    for _ in range(2):
        store.opened.clear()
        items = [i for p in source.partitions(selection) for i in source.locate(selection, p)]
    assert set(store.opened) == {"access-20251126.log.gz", "access.log"}
    assert tuple(items) == indexed.locate(MIDDLE, index=False)[0]
    assert not indexed.index.exists()


def test_a_file_of_lines_in_no_known_form_goes_with_its_own_age(indexed):
    """Edge cases 8 and 11: it is due by the file's last change, and says so."""
    indexed.logs.put("nginx/access-odd.log.gz", [b"-- MARK --", b"?"], at=DAY - timedelta(days=5))
    for _ in range(2):
        (item,) = indexed.locate(Due(DAY))[0]
        assert (item.records, item.whole, item.oldest) == (2, True, DAY - timedelta(days=5))
        assert indexed.locate(Due(DAY - timedelta(days=5)))[0] == ()


def test_a_survey_counts_lines_and_tells_of_those_without_a_time(indexed):
    """Edge cases 1, 8 and 11."""
    odd = [b"-- MARK --", line("soon"), line(stamp(NOW + timedelta(days=1)))]
    indexed.logs.put("nginx/access-odd.log.gz", odd, at=DAY + timedelta(days=9))
    at = DAY + timedelta(hours=1)
    picks = [Due(at), Due(at + TICK), MIDDLE, FOREVER]
    for index in (True, True, False):
        source, _ = indexed.source(index=index)
        found = source.survey("access", NOW, picks)
        assert (found.records, found.undated, found.future, found.oldest) == (13, 2, 1, at)
        assert found.picked == (0, 1, 4, 13)
        assert found.bytes == sum(p.stat().st_size for p in indexed.logs.root.rglob("*") if p.is_file())


def test_where_nothing_starts_a_term_no_line_is_due(indexed):
    source, _ = indexed.source(starts=None)
    found = source.survey("access", NOW, [FOREVER])
    assert (found.records, found.undated, found.oldest, found.picked) == (10, 10, None, (0,))
    assert indexed.locate(FOREVER, starts=None)[0] == ()
    assert indexed.logs.read(FOREVER, starts=None) == []
    key = ("nginx/access-20251125.log.gz", 1)
    assert len(indexed.logs.read(ByKey(keys=frozenset([key])), starts=None)) == 1


@pytest.mark.parametrize("index", [True, False])
def test_a_survey_of_no_log_at_all_is_none_that_found_nothing(tmp_path, index):
    """Edge case 28."""
    (tmp_path / "logs").mkdir()
    source, _ = Indexed(tmp_path).source(index=index)
    with pytest.raises(PrivacyError, match=r"weblogs\.no_files"):
        source.survey("access", NOW, [FOREVER])


HOURS = st.integers(-4, 4).map(lambda hour: DAY + timedelta(hours=hour))
LINES = st.lists(st.one_of(HOURS.map(lambda at: line(stamp(at))), st.sampled_from([b"", b"--", line("x")])), max_size=5)


@settings(max_examples=20, deadline=None)
@given(
    files=st.lists(st.tuples(LINES, HOURS, st.booleans(), st.booleans()), min_size=1, max_size=4),
    bounds=st.lists(HOURS.flatmap(lambda at: st.sampled_from([at - TICK, at, at + TICK])), min_size=1, max_size=3),
)
def test_what_the_index_says_is_what_reading_says(files, bounds):
    """Edge cases 1, 3, 7, 8 and 11: items to the last digest, and surveys, whatever was asked before."""
    with tempfile.TemporaryDirectory() as folder:
        indexed = Indexed(Path(folder))
        for number, (lines, at, ends, packed) in enumerate(files):
            content = b"\n".join(lines) + b"\n" * (ends and bool(lines))
            indexed.logs.put(f"nginx/access.log.{number}" + ".gz" * packed, content, at=at, compress=packed)
        picks = [*map(Due, bounds), FOREVER]
        plain = {}
        for pick in picks:
            known, _ = indexed.locate(pick)
            plain[pick], _ = indexed.locate(pick, index=False)
            assert known == plain[pick]
            assert indexed.locate(pick)[0] == known
        surveys = [indexed.source(index=index)[0].survey("access", NOW, picks) for index in (True, False)]
        assert surveys[0] == surveys[1]
        assert surveys[0].picked == tuple(sum(i.records for i in plain[pick]) for pick in picks)
        assert surveys[0].oldest == min((i.oldest for i in plain[FOREVER]), default=None)
        if all(ends or packed for _, _, ends, packed in files):  # A last line of today's log waits for its end.
            odd = [
                one for lines, _, ends, _ in files for one in _lines(lines, ends) if b"[" not in one or b"[x]" in one
            ]
            assert surveys[0].undated == len(odd)


def _lines(lines: list[bytes], ends: bool) -> list[bytes]:
    """The lines that a file has: an empty one at its end is none without a newline of its own."""
    content = b"\n".join(lines) + b"\n" * (ends and bool(lines))
    found = content.split(b"\n")
    return found if found[-1] else found[:-1]


def test_a_held_line_keeps_its_file_which_is_read_again(indexed):
    items, _ = indexed.locate(MIDDLE)
    source, _ = indexed.source()
    step = Step(Selection("access", MIDDLE), Delete(), items)
    indexed.logs.put("nginx/access-more.log.gz", [line(stamp(DAY), user=7)], at=DAY)
    more = indexed.locate(Due(DAY + timedelta(hours=1)))[0]
    kept = Step(Selection("access", MIDDLE), Delete(), tuple(i for i in more if "more" in str(i.key)))
    outcomes = list(source.apply([step, kept], [of(customer(7))]))
    assert outcomes[-1].status is Status.HELD
    assert [item.key for item in indexed.locate(MIDDLE)[0]] == [("nginx/access-more.log.gz",)]


@pytest.mark.parametrize("hour", [1, 23])
@pytest.mark.parametrize("more", [-TICK, timedelta(0), TICK])
def test_at_its_first_and_its_last_line_a_known_log_is_cut_exactly(indexed, hour, more):
    """Edge case 1: what is known of a log says the same at its bounds as its lines do."""
    indexed.locate(FOREVER)
    pick = Due(DAY + timedelta(hours=hour) + more)
    items, _ = indexed.locate(pick)
    assert items == indexed.locate(pick, index=False)[0]
    assert [(i.records, i.whole) for i in items] == {
        (1, -TICK): [], (1, timedelta(0)): [], (1, TICK): [(1, False)],
        (23, -TICK): [(2, False)], (23, timedelta(0)): [(2, False)], (23, TICK): [(3, True)],
    }[hour, more]  # fmt: skip
    surveys = [indexed.source(index=index)[0].survey("access", NOW, [pick]) for index in (True, False)]
    assert surveys[0] == surveys[1]


def test_a_name_that_means_another_known_log_by_now_gives_none_for_the_one_that_was_listed(indexed):
    """Edge case 8: rotated between the list and the look; else one log would be planned twice, the other never."""
    indexed.locate(FOREVER)
    source, _ = indexed.source()
    selection = Selection("access", FOREVER)
    partitions = {p.name: p for p in source.partitions(selection)}
    folder = indexed.logs.root / "nginx"
    (folder / "access-20251126.log.gz").replace(folder / "access-20251125.log.gz")
    with pytest.raises(RetryLater, match=r"weblogs\.rotated"):
        list(source.locate(selection, partitions["nginx/access-20251125.log.gz"]))
    (item,) = source.locate(selection, partitions["nginx/access-20251126.log.gz"])
    assert item.key == ("nginx/access-20251125.log.gz",)


def test_of_a_log_that_grew_between_the_list_and_its_rotation_nothing_partial_is_remembered(indexed):
    """Edge case 8: what came after the list waits for the next run, which must see it."""
    source, _ = indexed.source()
    selection = Selection("access", FOREVER)
    path = indexed.logs.put("nginx/access.log", [line(stamp(DAY))] * 800, at=DAY)
    assert path.stat().st_size > 64 * 1024
    (partition,) = (p for p in source.partitions(selection) if p.name == "nginx/access.log")
    path.write_bytes(path.read_bytes() + line(stamp(DAY - timedelta(days=9))) + b"\n")
    path.rename(path.with_name("access.log.1"))
    touch(path.with_name("access.log.1"), DAY - timedelta(hours=1))  # as if it had been copied with its time
    indexed.logs.put("nginx/access.log", [line(stamp(NOW))], at=NOW)
    indexed.logs.put("nginx/access.log.0", [line(stamp(NOW))], at=NOW)
    (item,) = source.locate(selection, partition)
    assert (item.key, item.records, item.whole) == (("nginx/access.log.1",), 800, False)
    assert [(i.key[0], i.records) for i in indexed.locate(Due(DAY - timedelta(days=8)))[0]] == [
        ("nginx/access.log.1", 1)
    ]


def test_the_index_lies_where_whoever_makes_a_source_says(indexed):
    """A folder of its own for each dataset, that nobody else may look into."""
    url = {"PRIVACY_CONNECTION_LOGS": indexed.logs.root.as_uri()}
    selection = Selection("access", MIDDLE)
    for index in (None, indexed.index):
        source = source_for(system(), EnvironmentConnections(url), home=indexed.logs.root, index=index)
        items = [i for p in source.partitions(selection) for i in source.locate(selection, p)]
        assert tuple(items) == indexed.locate(MIDDLE, index=False)[0]
        assert indexed.index.exists() is (index is not None)
    assert [path.name for path in indexed.index.iterdir()] == ["weblogs.access"]
    assert (indexed.index / "weblogs.access").stat().st_mode & 0o077 == 0


def test_many_who_write_and_forget_the_same_at_once_never_read_half_of_it(indexed):
    """Two nights that overlap, and the workers of one."""
    right, _ = indexed.locate(MIDDLE)

    def night(number: int) -> tuple:
        if number % 3 == 0:
            shutil.rmtree(indexed.index, ignore_errors=True)
        return indexed.locate(MIDDLE)[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(night, range(60))) == {right}
    left = [path.name for path in indexed.index.rglob("*") if path.name.startswith(".")]
    indexed.locate(MIDDLE)
    assert left == []
