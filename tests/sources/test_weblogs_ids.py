"""The filters of logs: what they leave unread has nothing to tell, and where one is in doubt, the log is read."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.connections import Connection, EnvironmentConnections
from privacy.errors import BadConfiguration, PrivacyError, Unreadable
from privacy.keys import MasterKey, new_key
from privacy.sources import source_for
from privacy.sources.base import Delete, Due, Of, Selection, Set, Step, Subject, Tally
from privacy.sources.weblogs import WeblogSource
from privacy.sources.weblogs_ids_index import bound
from privacy.sources.weblogs_ids_index import tail as tail_of
from privacy.sources.weblogs_ids_make import Indexed, summed
from privacy.sources.weblogs_shape import only
from privacy.storage import FolderStore
from sources.test_weblogs_index import Counting, stamp
from sources.test_weblogs_read import DEVICES, IDS, LINES, SUBJECTS
from sources.weblogs_kit import DAY, Logs, customer, device, line, of, system, visit

KEY = MasterKey(b"k" * 32).derive("log-index")
FIRST, LAST = "access-20251125.log.gz", "access-20251127.log.gz"


class Shop:
    """Logs, and sources over them that share an index on disk."""

    def __init__(self, folder: Path) -> None:
        self.logs, self.folder = Logs(folder / "logs"), folder / "index"
        self.opened: list[str] = []

    def source(self, *, key: bytes | None = KEY, **changes) -> WeblogSource:
        store = Counting(self.logs.root)
        self.opened = store.opened
        secret = None if key is None else lambda: key
        connection = Connection("logs", self.logs.root.as_uri())
        return WeblogSource(system(**changes), connection, files=store, index=self.folder, secret=secret)

    def index(self, **more) -> Indexed:
        return summed(self.source(**more).index("access"))

    def read(self, pick: Of, tally: Tally | None = None, on: tuple[str, ...] | None = None, **more) -> list[dict]:
        source, selection = self.source(**more), Selection("access", pick, on)
        return [
            row for p in source.partitions(selection) for b in source.read(selection, p, tally) for row in b.to_pylist()
        ]

    def locate(self, pick: Of, **more) -> list:
        source, selection = self.source(**more), Selection("access", pick)
        return [item for p in source.partitions(selection) for item in source.locate(selection, p)]

    def read_files(self, pick: Of, **more) -> set[str]:
        """The files that were read for it: more than their last bytes."""
        self.read(pick, **more)
        return {name for name in self.opened if self.opened.count(name) > 1}

    @property
    def filters(self) -> list[Path]:
        folder = self.folder / "ids" / "weblogs.access"
        return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Three closed days, of which each has a customer of its own, and today's log."""
    made = Shop(tmp_path)
    for day in range(3):
        at = DAY + timedelta(days=day)
        lines = [
            line(stamp(at + timedelta(hours=hour)), user=user, device=f"did-{day}", ip=f"192.0.2.{day}")
            for hour, user in ((1, 1001 + day), (12, "-"), (23, 2000))
        ]
        made.logs.put(f"nginx/access-{at:%Y%m%d}.log.gz", lines, at=at + timedelta(days=1))
    made.logs.put("nginx/access.log", [line(stamp(DAY + timedelta(days=3)), user=1001)], at=DAY + timedelta(days=3))
    return made


def test_only_the_logs_that_a_subject_is_in_are_read(shop):
    assert shop.index() == Indexed(4, 3, 0, 1, 0, 0, 0, shop.index().bytes, shop.index().of, {})
    assert shop.read_files(of(customer(1001))) == {FIRST, "access.log"}
    assert shop.read_files(of(device("did-2"))) == {LAST, "access.log"}
    assert shop.read_files(of(visit("2025-11-26T00:00", "2025-11-26T23:00", ip="192.0.2.1"))) == {
        "access-20251126.log.gz", "access.log",
    }  # fmt: skip
    assert shop.read_files(of(customer(9))) == {"access.log"}, "today's is always read"


def test_a_log_is_indexed_once_and_the_next_one_when_it_is_rotated(shop):
    assert (shop.index().made, shop.index().made) == (3, 0)
    assert shop.source().unindexed("access") == []
    before = shop.filters
    shop.logs.put("nginx/access-20251128.log.gz", [line(user=1004)], at=DAY + timedelta(days=4))
    assert [p.name for p in shop.source().unindexed("access")] == ["nginx/access-20251128.log.gz"]
    found = shop.index()
    assert (found.made, found.there) == (1, 3)
    assert set(before) < set(shop.filters)


def test_a_log_that_is_renamed_by_rotation_keeps_its_filter(shop):
    shop.index()
    folder = shop.logs.root / "nginx"
    (folder / FIRST).rename(folder / "access.log.7.gz")
    assert shop.index().made == 0
    assert shop.read_files(of(customer(1002))) == {"access-20251126.log.gz", "access.log"}
    assert [row["file"] for row in shop.read(of(device("did-0")))] == ["nginx/access.log.7.gz"]


def _rewritten(path: Path, content: bytes, **trick: bool) -> None:
    """Another content; in place with the same size and time, where asked."""
    before = path.stat()
    packed = gzip.compress(content, mtime=0)
    if trick.get("size"):  # A field for the name makes any length.
        packed = packed[:3] + b"\x08" + packed[4:10]
        body = gzip.compress(content, mtime=0)[10:]
        packed += b"n" * (before.st_size - len(packed) - len(body) - 1) + b"\0" + body
        assert len(packed) == before.st_size
    if trick.get("place"):
        path.write_bytes(packed)
    else:
        half = path.with_name(".half")
        half.write_bytes(packed)
        half.replace(path)
    if trick.get("time"):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "trick", [{}, {"time": True}, {"place": True}, {"size": True, "time": True, "place": True}], ids=str
)
def test_a_log_that_was_rewritten_is_read_whatever_its_name_size_and_time(shop, trick):
    """With the same inode, size and time of change, too: the checksum of its content is another."""
    shop.index()
    _rewritten(shop.logs.root / "nginx" / FIRST, line(user=7) + b"\n", **trick)
    assert [row["user_id"] for row in shop.read(of(customer(7)))] == [7]


def test_a_log_of_several_compressed_members_is_always_read_and_looked_at_once(shop):
    """Edge case 8: its end speaks of the last member alone, so that nothing vouches for the others."""
    path = shop.logs.root / "nginx" / FIRST
    several = gzip.compress(line(user=7) + b"\n") + gzip.compress(line(user=8) + b"\n")
    path.write_bytes(several)
    os.utime(path, (DAY.timestamp(), DAY.timestamp()))
    assert (shop.index().unfit, shop.index().unfit) == (1, 1)
    assert shop.opened.count(FIRST) == 1, "it was not read again to learn the same"
    assert shop.read_files(of(customer(9))) == {FIRST, "access.log"}


def test_plain_logs_in_a_folder_are_read(shop):
    shop.logs.put("nginx/access.log.1", [line(user=7)], at=DAY + timedelta(days=1))
    shop.logs.put("nginx/access.log.2", [line(user=8)], at=DAY)
    found = shop.index()
    assert (found.plain, found.open) == (2, 1)
    assert [row["user_id"] for row in shop.read(of(customer(8)))] == [8]


def _damaged(path: Path, how: str) -> None:
    raw = path.read_bytes()
    if how == "a bit":
        path.write_bytes(raw[:-3] + bytes((raw[-3] ^ 1,)) + raw[-2:])
    elif how == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["a bit", "cut", "empty", "a folder"])
def test_a_damaged_filter_is_not_believed(shop, how):
    shop.index()
    for path in shop.filters:
        _damaged(path, how)
    everything = {FIRST, "access-20251126.log.gz", LAST, "access.log"}
    assert shop.read_files(of(customer(9))) == everything
    assert len(shop.read(of(customer(2000)))) == 3


def test_what_is_said_of_one_log_is_not_believed_of_another(shop):
    shop.index()
    first, second, *_ = shop.filters
    first_text, second_text = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_text)
    second.write_bytes(first_text)
    for user, day in ((1001, 0), (1002, 1), (1003, 2)):
        assert device(f"did-{day}").value in {row["device_id"] for row in shop.read(of(customer(user)))}


def test_a_filter_of_another_key_is_not_believed_and_made_anew(shop):
    shop.index()
    other = MasterKey(new_key()).derive("log-index")
    assert len(shop.read_files(of(customer(9)), key=other)) == 4
    assert shop.index(key=other).made == 3
    assert shop.read_files(of(customer(9)), key=other) == {"access.log"}


@pytest.mark.parametrize("gone", ["the index", "the key"])
def test_without_an_index_or_a_key_everything_is_read_as_before(shop, gone):
    shop.index()
    if gone == "the index":
        shutil.rmtree(shop.folder)
    assert len(shop.read_files(of(customer(9)), key=KEY if gone == "the index" else None)) == 4


def test_a_source_without_a_key_cannot_make_an_index(shop):
    with pytest.raises(BadConfiguration, match=r"weblogs\.no_index"):
        shop.source(key=None).index("access")


def test_an_installation_without_a_master_key_reads_its_logs(shop):
    def missing() -> bytes:
        raise BadConfiguration("keys.missing", "There is no master key.")

    connections = EnvironmentConnections({"PRIVACY_CONNECTION_LOGS": shop.logs.root.as_uri()})
    source = source_for(system(), connections, home=shop.logs.root, index=shop.folder, secret=missing)
    assert len(source.partitions(Selection("access", of(customer(1))))) == 4


def test_another_format_or_another_kind_of_column_makes_the_filters_anew(shop):
    shop.index()
    columns = {k: dict(v) for k, v in system().model_dump(exclude_none=True)["datasets"]["access"]["columns"].items()}
    del columns["device_id"]["identity"]
    changes = {"columns": columns, "subject": ["user_id", "ip"]}
    assert shop.index(**changes).made == 3


def test_the_index_names_nobody_and_no_log(shop):
    shop.index()
    text = b"\n".join(str(p).encode() + p.read_bytes() for p in shop.filters)
    for word in (b"192.0.2", b"1001", b"did-", b"access-2025", b"GET"):
        assert word not in text
    assert all(p.stat().st_mode & 0o077 == 0 for p in (shop.folder / "ids" / "weblogs.access",))


def test_the_filter_goes_with_its_log_by_a_purge_and_by_whoever_else_removes_it(shop):
    """LOG-12M; a straddling log that is rewritten has none until it is looked at again (edge case 7)."""
    shop.index()
    old = Due(DAY + timedelta(days=1, hours=13))
    source, selection = shop.source(), Selection("access", old)
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    list(source.apply([Step(selection, Delete(), items)], ()))
    assert len(shop.filters) == 1, "one log is gone, one was rewritten"
    assert shop.index().made == 1
    (shop.logs.root / "nginx" / LAST).unlink()
    shop.index()
    assert len(shop.filters) == 1


def test_what_a_writer_that_was_killed_left_goes_and_what_one_writes_now_stays(shop):
    """Edge case 13."""
    shop.index()
    old, new = (shop.filters[0].with_name(f".{name}") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    shop.index()
    assert (old.exists(), new.exists()) == (False, True)


def test_an_erasure_rewrites_the_log_and_drops_its_filter(shop):
    shop.index()
    pick = of(customer(2000))
    source, selection = shop.source(), Selection("access", pick)
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    list(source.apply([Step(selection, Set({"user_id": 4711}), items)], ()))
    assert shop.filters == []
    assert len(shop.read(of(customer(4711)))) == 3
    assert shop.index().made == 3
    assert len(shop.read(of(customer(4711)))) == 3
    assert shop.read(pick) == []


def test_a_damaged_log_has_no_filter_and_still_fails_the_export(shop):
    path = shop.logs.root / "nginx" / FIRST
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    os.utime(path, (DAY.timestamp(), DAY.timestamp()))
    found = shop.index()
    assert (found.failed, found.codes) == (1, {"weblogs.truncated": 1})
    with pytest.raises(Unreadable, match=r"weblogs\.truncated"):
        shop.read(of(customer(9)))


def test_a_link_is_told_of_and_never_indexed(shop):
    """Edge case 9."""
    (shop.logs.root / "nginx" / "access-20251101.log.gz").symlink_to("/etc/hostname")
    assert shop.index().codes == {"storage.link": 1}
    with pytest.raises(PrivacyError, match=r"storage\.link"):
        shop.read(of(customer(9)))


def test_a_log_that_changed_a_moment_ago_waits(shop):
    shop.logs.put("nginx/access-20251129.log.gz", [line(user=7)], at=datetime.now(UTC) + timedelta(seconds=5))
    assert shop.index().open == 2
    assert [row["user_id"] for row in shop.read(of(customer(7)))] == [7]


def test_lines_in_no_known_form_are_told_of_with_the_index_too(shop):
    """A log is read for them where one may hold what identifies a subject, and else is not."""
    at = DAY - timedelta(days=1)
    shop.logs.put("nginx/access-20251124.log.gz", [line(), b"?? customer 31415926 ?? x77 did-odd"], at=at)
    shop.index()
    for pick, count in (
        (customer(31415926), 1), (device("did-odd"), 1), (device("x77"), 1), (customer(27182818), 0), (device("di"), 1),
    ):  # fmt: skip
        tally = Tally()
        assert shop.read(of(pick), tally) == []
        assert tally.unreadable == count, pick.kind
    assert "access-20251124.log.gz" not in shop.read_files(of(customer(27182818)))


def test_a_log_with_much_in_no_known_form_is_always_read(shop):
    odd = [b"customer %d" % n for n in range(2000)]
    shop.logs.put("nginx/access-20251124.log.gz", odd, at=DAY - timedelta(days=1))
    assert shop.index().unfit == 1
    tally = Tally()
    shop.read(of(device("customer 1999")), tally)
    assert tally.unreadable == 1


def test_who_else_used_an_address_is_still_asked_of_the_logs_beside(shop):
    """A visit over midnight that another customer's line in the next log falls into is nobody's, with the index too."""
    pick = of(visit("2025-11-25T22:30", "2025-11-26T00:30", ip="192.0.2.99"))
    for day, hours, user in ((0, 23, "-"), (1, 0, 1234)):
        at = DAY + timedelta(days=day)
        shop.logs.put(
            f"nginx/access-b-{at:%Y%m%d}.log.gz",
            [line(stamp(at + timedelta(hours=hours)), ip="192.0.2.99", user=user)],
            at=at + timedelta(days=1),
        )
    shop.index()
    tally = Tally()
    assert shop.read(pick, tally) == []
    assert tally.unattributed == 1
    (shop.logs.root / "nginx" / "access-b-20251126.log.gz").unlink()
    shop.index()
    assert [row["ip"] for row in shop.read(pick)] == ["192.0.2.99"]


def test_logs_beside_that_do_not_have_the_address_are_not_read_for_a_visit(shop):
    shop.index()
    pick = of(visit("2025-11-25T11:00", "2025-11-26T23:00", ip="192.0.2.0"))
    assert shop.read_files(pick) == {FIRST, "access.log"}
    assert len(shop.read(pick)) == 0, "1001 has the address in it, too"


@pytest.mark.parametrize("tail", ["", ".*", r"\S*", '"( .*)?'])
def test_a_format_with_an_open_end_and_lines_that_end_as_on_windows(tmp_path, tail):
    """What a line's last field is, the search over a whole block says as the reading of one line does (edge case 8)."""
    shop = Shop(tmp_path)
    form = r"(?P<ip>\S+) - (?P<user_id>\S+) \[(?P<time>[^\]]+)\] \"(?P<device_id>[^\"]*)" + tail
    columns = {"file": {"type": "text"}, "line_number": {"type": "integer"}, "ip": {"type": "text", "identity": "ip"},
        "user_id": {"type": "integer", "identity": "shop.customer_id"}, "device_id": {"type": "text", "identity": "device_id"},
        "time": {"type": "datetime", "zone": "UTC"}}  # fmt: skip
    lines = [f'192.0.2.{n} - {n if n % 2 else "-"} [{stamp(DAY)}] "did-{n}'.encode() for n in range(1, 5)]
    shop.logs.put("nginx/access.log.1.gz", b"\r\n".join(lines) + b"\r\n")
    shop.logs.put("nginx/access.log.2.gz", b"\n".join(each + b'" more' for each in lines))
    assert shop.index(format=form, columns=columns).made == 2
    for pick in (of(device("did-2")), of(customer(3)), of(device('did-4" more')), of(device("did-9"))):
        found = shop.read(pick, format=form, columns=columns)
        assert found == shop.read(pick, format=form, columns=columns, key=None)
    assert shop.read(of(customer(3)), format=form, columns=columns)


def test_on_an_object_store_the_version_says_the_content_and_nothing_else_is_read(shop):
    entry = FolderStore(shop.logs.root).stat("nginx/access.log")
    for identity in ("etag:5d41402abc4b2a76b9719d911017c592", "version:3sL4kqtJlcpXroDTDmJ"):
        there = replace(entry, identity=identity)
        assert tail_of(FolderStore(shop.logs.root / "nowhere"), there) == b""
        assert bound(there, b"", 1)
    assert not bound(entry, tail_of(FolderStore(shop.logs.root), entry), entry.bytes), "a plain file in a folder"


@pytest.mark.parametrize(
    "form", [r"^(?P<a>\S+)", r"(?P<a>\S+)$", r"(?P<a>x)(?=y)", r"(?i)(?P<a>x)", r"(?P<a>x)(?P=a)", r"\b(?P<a>x)"]
)
def test_a_format_that_looks_around_itself_is_read_line_by_line(form):
    assert only(form.encode(), [b"a"]) is None


def test_a_format_keeps_the_groups_that_are_asked_for_alone():
    assert (
        only(rb"(?P<a>\S+) \[(?P<b>[^\]]+)\] (c|d) [(?P<x>)]+", [b"a"])
        == rb"(?P<a>\S+) \[(?:[^\]]+)\] (?:c|d) [(?P<x>)]+"
    )


@settings(max_examples=25, deadline=None)
@given(
    files=st.lists(st.tuples(st.lists(LINES, max_size=8), st.sampled_from([b"\n", b"\r\n"])), min_size=1, max_size=3),
    subjects=SUBJECTS, cut=st.booleans(),
)  # fmt: skip
def test_with_the_index_everything_is_as_without_line_for_line(files, subjects, cut):
    """Rows, what was counted beside them, and items to their digests; by columns alone as well."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        for number, (lines, end) in enumerate(files):
            content = end.join(lines) + (b"" if cut else end)
            shop.logs.put(f"nginx/access.log.{number}.gz", content)
        made = shop.index()
        assert made.made == len(files)
        for pick in (Of(subjects), *(Of((one,)) for one in subjects)):
            for on in (None, ("device_id",), ("ip", "user_id")):
                tallies = Tally(), Tally()
                rows = [shop.read(pick, t, on, key=key) for t, key in zip(tallies, (KEY, None), strict=True)]
                assert rows[0] == rows[1]
                assert tallies[0] == tallies[1]
            assert shop.locate(pick) == shop.locate(pick, key=None)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(IDS, DEVICES, st.sampled_from(["192.0.2.1", "2001:DB8::0:1", "2001:db8:0::1"]))),
    st.integers(0, 3),
)
def test_however_an_identifier_is_written_a_filter_never_denies_it(people, more):
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        lines = [line(user=user, device=device, ip=ip) for user, device, ip in people]
        shop.logs.put("nginx/access.log.1.gz", lines + [line(user=n, device=f"d{n}") for n in range(more)])
        shop.index()
        for user, mine, ip in people:
            kinds = [visit("00:00", "23:59", ip="2001:db8::1" if ":" in ip else ip)]
            kinds += [customer(int(user)), customer(user)] if user.isdigit() else []  # type: ignore[arg-type]
            kinds += [device(mine)] if mine != "-" else []
            for one in kinds:
                assert shop.source().partitions(Selection("access", Of((Subject(1, (one,)),))))
