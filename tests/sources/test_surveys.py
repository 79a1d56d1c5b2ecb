"""What files, records in files and messages hold as far as terms are concerned, and picks that they refuse."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import BadInput
from privacy.sources.base import Among, ByKey, Delete, Due, Every, Item, Selection, Source, Step, Surveying
from privacy.sources.files import FilesSource
from privacy.sources.mailbox import MailboxSource
from sources import files_kit, mailbox_kit, records_kit
from sources.weblogs_kit import Logs, line

TICK = timedelta(microseconds=1)
FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 11, 25, tzinfo=UTC)
BOUNDS = st.lists(st.integers(-3, 3).map(lambda h: NOW + timedelta(hours=h)), max_size=3)
HOURS = st.lists(st.integers(-3, 3).map(lambda h: NOW + timedelta(hours=h)), max_size=6)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def agrees(source: Source, name: str, bounds: list[datetime]) -> None:
    """A survey counts what is located; edge case 1: at each bound, and a microsecond later."""
    picks = [FOREVER, *(Due(b + more) for b in bounds for more in (timedelta(0), TICK))]

    def located(pick: Due) -> list[Item]:
        selection = Selection(name, pick)
        return [item for p in source.partitions(selection) for item in source.locate(selection, p)]

    assert isinstance(source, Surveying)
    found = source.survey(name, NOW, picks)
    assert found.picked == tuple(sum(item.records for item in located(pick)) for pick in picks)
    assert found.oldest == min((i.oldest for i in located(FOREVER) if i.oldest), default=None)


@settings(max_examples=25, deadline=None)
@given(times=HOURS, bounds=BOUNDS)
def test_files_are_counted_as_they_are_located(times, bounds):
    with tempfile.TemporaryDirectory() as folder:
        cabinet = files_kit.Cabinet(Path(folder) / "camera", files_kit.camera)
        for number, at in enumerate(times):
            cabinet.put(f"thumbnails/{'abcdef'[number]}/{at:%Y%m%dT%H%M%SZ}.jpg")
        source = cabinet.source()
        agrees(source, "thumbnails", bounds)
        found = source.survey("thumbnails", NOW)
        assert (found.records, found.bytes, found.undated) == (len(times), len(times), 0)
        assert found.future == sum(at > NOW for at in times)


@settings(max_examples=25, deadline=None)
@given(
    times=st.lists(st.none() | st.integers(-3, 3).map(lambda h: NOW + timedelta(hours=h)), max_size=6), bounds=BOUNDS
)
def test_records_are_counted_as_they_are_located(times, bounds):
    """Edge case 11: one without a start is told of, and due to nobody."""
    with tempfile.TemporaryDirectory() as folder:
        kit = records_kit.Kit(Path(folder), "clicks", names=r".+\.ndjson(\.gz)?", records={})
        for name, mine in (("a.ndjson", times[::2]), ("b.ndjson.gz", times[1::2])):
            kit.lines(f"clicks/{name}", [records_kit.click(at and iso(at)) for at in mine])
        source = kit.source()
        agrees(source, "clicks", bounds)
        found = source.survey("clicks", NOW)
        assert (found.records, found.undated) == (len(times), times.count(None))
        assert found.future == sum(at is not None and at > NOW for at in times)


@settings(max_examples=25, deadline=None)
@given(
    dumps=st.lists(st.dictionaries(st.integers(1, 3), st.integers(-3, 3), max_size=3), min_size=1, max_size=3),
    bounds=BOUNDS,
)
def test_of_overlapping_dumps_the_version_that_holds_is_the_record(dumps, bounds):
    """It says when a record began; what would go is every version of it."""
    with tempfile.TemporaryDirectory() as folder:
        kit = records_kit.Kit(Path(folder), "conversations")
        newest: dict[int, datetime] = {}
        for number, dump in enumerate(dumps):
            times = {talk: NOW + timedelta(hours=hour) for talk, hour in dump.items()}
            talks = [records_kit.talk(talk, iso(at)) for talk, at in times.items()]
            kit.dump(f"dumps/conversations-2026-11-2{number}.json", talks)
            newest |= {talk: max(at, newest.get(talk, at)) for talk, at in times.items()}
        source = kit.source()
        agrees(source, "conversations", bounds)
        found = source.survey("conversations", NOW, [FOREVER])
        assert (found.records, found.undated, found.picked) == (len(newest), 0, (sum(map(len, dumps)),))
        assert found.oldest == min(newest.values(), default=None)
        assert found.future == sum(at > NOW for at in newest.values())


def test_an_old_dump_of_a_conversation_that_goes_on_makes_nothing_late(tmp_path):
    kit = records_kit.Kit(tmp_path, "conversations")
    kit.dump("dumps/conversations-2026-01-01.json", [records_kit.talk(1, "2024-01-01T00:00:00Z")])
    kit.dump("dumps/conversations-2026-11-01.json", [records_kit.talk(1, "2026-10-01T00:00:00Z")])
    last = datetime(2026, 10, 1, tzinfo=UTC)
    assert kit.source().survey("conversations", NOW).oldest == last
    assert kit.locate(Due(last)) == ()
    assert [(item.records, item.oldest) for item in kit.locate(Due(last + TICK))] == [(1, last), (1, last)]


@settings(max_examples=15, deadline=None)
@given(times=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=4), bounds=BOUNDS)
def test_messages_are_counted_as_they_are_located(times, bounds):
    with tempfile.TemporaryDirectory() as folder:
        archive = mailbox_kit.Archive(Path(folder))
        begun = []
        for number, (named, filed) in enumerate(times):
            name = archive.put(
                mailbox_kit.mail(), ["INBOX", "Klanten"][number % 2], at=iso(NOW + timedelta(hours=named))[:-1]
            )
            (path,) = (p for p in archive.files() if p.name.startswith(name))
            seconds = (NOW + timedelta(hours=filed)).timestamp()
            os.utime(path, (seconds, seconds))
            begun.append(NOW + timedelta(hours=min(named, filed)))
        source = archive.source()
        agrees(source, "correspondence", bounds)
        found = source.survey("correspondence", NOW)
        assert (found.records, found.oldest, found.undated) == (len(times), min(begun, default=None), 0)
        assert found.bytes == sum(path.stat().st_size for path in archive.files())
        assert found.future == sum(at > NOW for at in begun)


def test_of_what_nothing_starts_a_term_of_all_is_undated_and_none_is_due(tmp_path):
    archive = mailbox_kit.Archive(tmp_path / "mail")
    archive.put(mailbox_kit.mail())
    mail = archive.source(correspondence=mailbox_kit.dataset(["INBOX"], starts=None))
    kit = records_kit.Kit(tmp_path / "desk", "clicks", starts=None)
    kit.lines("clicks/clicks-2026-11-01.ndjson", [records_kit.click("2026-11-01T10:00:00Z")])
    cabinet = files_kit.Cabinet(tmp_path / "camera", files_kit.camera)
    del cabinet.raw["datasets"]["thumbnails"]["starts"]
    cabinet.put("thumbnails/a/20261101T100000Z.jpg")
    for source, name in ((mail, "correspondence"), (kit.source(), "clicks"), (cabinet.source(), "thumbnails")):
        found = source.survey(name, NOW, [FOREVER])
        assert (found.records, found.undated, found.oldest, found.picked) == (1, 1, None, (0,))


@pytest.fixture(params=["weblogs", "records", "files", "mailbox"])
def served(request, tmp_path) -> tuple[Source, str]:
    """A source without kinds, one due record in it, and the name of its dataset."""
    if request.param == "weblogs":
        logs = Logs(tmp_path)
        logs.put("nginx/access.log.gz", [line()])
        return logs.source(), "access"
    if request.param == "records":
        kit = records_kit.Kit(tmp_path, "clicks")
        kit.lines("clicks/clicks-2026-11-01.ndjson", [records_kit.click("2026-11-01T10:00:00Z")])
        return kit.source(), "clicks"
    if request.param == "files":
        cabinet = files_kit.Cabinet(tmp_path, files_kit.camera)
        cabinet.put("thumbnails/a/20261101T100000Z.jpg")
        return cabinet.source(), "thumbnails"
    archive = mailbox_kit.Archive(tmp_path)
    archive.put(mailbox_kit.mail())
    return archive.source(), "correspondence"


KINDS = Among("page", frozenset({"x"}))


@pytest.mark.parametrize(
    ("pick", "code"), [(Due(NOW, KINDS), "no_kinds"), (Every(), "no_every"), (Every(among=KINDS), "no_kinds")]
)
def test_records_of_some_kinds_or_dated_or_not_are_refused_where_they_cannot_be_told(served, pick, code):
    """Not one way of asking takes such a pick for another one."""
    source, name = served
    selection = Selection(name, pick)
    (partition, *_) = source.partitions(Selection(name, Due(NOW)))
    (item,) = [
        i for p in source.partitions(Selection(name, FOREVER)) for i in source.locate(Selection(name, FOREVER), p)
    ]
    reading = [
        lambda: source.partitions(selection),
        lambda: list(source.read(selection, partition)),
        lambda: list(source.locate(selection, partition)),
    ]
    if isinstance(source, FilesSource | MailboxSource) and pick == Every():
        # These tell all records, dated or not, to whoever looks for the erased among them.
        assert list(source.locate(selection, partition)) == [item]
        reading = []
    asked = [
        *reading,
        lambda: list(source.apply([Step(selection, Delete(), (item,))], [])),
        lambda: source.survey(name, NOW, [pick]),
    ]
    for ask in asked:
        with pytest.raises(BadInput, match=rf"sources\.{code}") as told:
            ask()
        assert told.value.where.endswith(name)
    assert list(source.locate(Selection(name, FOREVER), source.partitions(Selection(name, FOREVER))[0])) == [item]


def test_what_is_picked_by_key_is_read_and_never_changed_nor_counted(served):
    source, name = served
    pick = ByKey(keys=frozenset([("x",)]))
    with pytest.raises(BadInput, match=r"sources\.for_reading"):
        list(source.apply([Step(Selection(name, pick), Delete(), ())], []))
    with pytest.raises(BadInput, match=r"sources\.not_counted"):
        source.survey(name, NOW, [pick])
