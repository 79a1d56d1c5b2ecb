"""The contract of a store, for a folder, a bucket, and a bucket that keeps versions: the same calls, the same answers."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.connections import Connection
from privacy.errors import BadInput, PrivacyError, RetryLater, Unreadable
from privacy.storage import Entry, Store, delete_judged, store
from services.seaweed import Seaweed

KINDS = ("folder", "bucket", "versions", "prefix")


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path, s3: Seaweed) -> Store:
    return make(request.param, tmp_path, s3)


def make(kind: str, folder: Path, s3: Seaweed) -> Store:
    if kind == "folder":
        return store(Connection("logs", (folder / "store").as_uri()))
    bucket = s3.bucket(versions=kind == "versions")
    return store(s3.connection(bucket, "shop/logs" if kind == "prefix" else ""))


def put(kept: Store, key: str, content: bytes = b"x") -> Entry:
    with kept.write(key) as file:
        file.write(content)
    return kept.stat(key)


def get(kept: Store, key: str) -> bytes:
    with kept.open(key) as file:
        return file.read()


def test_what_is_written_is_read_listed_in_order_of_keys_and_deleted(kept: Store) -> None:
    """Edge case 12: a sibling that begins alike, and names that a server that walks by folder lists elsewhere."""
    for key in ("b/2", "a.log", "a/1", "b/10", "b-c", "b.d/e", "é ü+%25"):
        put(kept, key, key.encode())
    assert [e.key for e in kept.list()] == ["a.log", "a/1", "b-c", "b.d/e", "b/10", "b/2", "é ü+%25"]
    assert [e.key for e in kept.list("b/1")] == ["b/10"]
    assert [e.key for e in kept.list("b/")] == ["b/10", "b/2"]
    assert [e.key for e in kept.list("b")] == ["b-c", "b.d/e", "b/10", "b/2"]
    assert get(kept, "b/10") == b"b/10"
    assert get(kept, "é ü+%25") == "é ü+%25".encode()
    assert list(kept.list()) == [kept.stat(e.key) for e in kept.list()]
    assert all(entry.regular for entry in kept.list())
    kept.delete("a/1")
    assert [e.key for e in kept.list("a")] == ["a.log"]


def test_an_exception_while_writing_leaves_the_old_content_and_nothing_else(kept: Store) -> None:
    put(kept, "a", b"old")
    with pytest.raises(ZeroDivisionError), kept.write("a") as file:  # noqa: PT012
        file.write(b"half" * (3 << 20))
        file.write(b"half" * (1 // 0))
    assert get(kept, "a") == b"old"
    assert [e.key for e in kept.list()] == ["a"]


def test_what_is_being_written_is_not_there_before_it_is_whole(kept: Store) -> None:
    with kept.write("a") as file:
        file.write(b"x" * 100)
        assert list(kept.list()) == []
    assert kept.stat("a").bytes == 100


def test_a_replaced_object_keeps_its_time_of_change(kept: Store) -> None:
    """Edge case 7: a rewrite restarts no clock, and neither does a second one."""
    before = put(kept, "a/b.log", b"old" * 5)
    with kept.write("a/b.log", replacing=before) as file:
        file.write(b"new")
    after = kept.stat("a/b.log")
    assert (after.modified, after.bytes) == (before.modified, 3)
    assert after.identity != before.identity
    assert list(kept.list()) == [after]
    with kept.write("a/b.log", replacing=after) as file:
        file.write(b"newer")
    assert [(e.modified, e.bytes) for e in kept.list()] == [(before.modified, 5)]


def test_what_was_changed_meanwhile_is_neither_replaced_nor_deleted(kept: Store) -> None:
    """Edge case 14."""
    seen = put(kept, "a", b"old")
    put(kept, "a", b"older")
    with pytest.raises(RetryLater, match=r"storage\.changed"):
        kept.delete("a", expected=seen)
    with pytest.raises(RetryLater, match=r"storage\.changed"), kept.write("a", replacing=seen):
        pass
    seen = kept.stat("a")
    with pytest.raises(RetryLater, match=r"storage\.changed"), kept.write("a", replacing=seen) as out:  # noqa: PT012
        out.write(b"new")
        kept.delete("a")
    with pytest.raises(RetryLater, match=r"storage\.changed"), kept.write("gone", replacing=seen):
        pass
    with pytest.raises(RetryLater, match=r"storage\.changed"):
        kept.delete("a", expected=seen)
    assert list(kept.list()) == []


def test_a_key_leads_nowhere_but_below_the_root(kept: Store) -> None:
    """Edge case 9."""
    acts: tuple[Callable[[str], object], ...] = (kept.stat, kept.open, kept.delete, lambda k: put(kept, k))
    put(kept, "a/b")
    for key in ("../a", "a/../b", "/etc/passwd", "", "a//b", "a/.", "a\0b"):
        for act in acts:
            with pytest.raises(BadInput, match=r"storage\.key"):
                act(key)


def test_a_missing_object_says_so_by_its_key_and_nothing_else(kept: Store) -> None:
    put(kept, "other")
    for act in (kept.stat, kept.open, kept.delete):
        with pytest.raises(Unreadable, match=r"storage\.missing") as caught:
            act("a/b")
        assert caught.value.where == "a/b"
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        assert isinstance(pickle.loads(pickle.dumps(caught.value)), PrivacyError)  # noqa: S301


def test_many_are_removed_together_and_each_that_stays_says_why(kept: Store) -> None:
    """Edge cases 12 and 14: what was changed or is gone stays; everything else goes, in whatever folder it is."""
    keys = [f"a/{n:03}" for n in range(40)] + ["b/5", "top"]
    entries = [put(kept, key, key.encode()) for key in keys]
    put(kept, "a/002", b"another content")
    kept.delete("a/003")
    put(kept, "a/0029", b"a sibling")
    told = kept.delete_all(entries)
    assert [None if p is None else p.code for p in told[:5]] == [None, None, "storage.changed", "storage.changed", None]
    assert told[5:] == [None] * (len(keys) - 5)
    assert [e.key for e in kept.list()] == ["a/002", "a/0029"]


@pytest.mark.parametrize("many", [3, 40])
def test_a_judge_sees_each_as_it_is_now_and_keeps_what_it_wants(kept: Store, many: int) -> None:
    seen = [put(kept, f"k/{n:02}", b"x" * (n + 1)) for n in range(many)]
    found: dict[int, object] = {}

    def judge(at: int, one: object) -> str | None:
        found[at] = one
        return "stays" if at == 1 or one is None else None

    told = delete_judged(kept, [*(e.key for e in seen), "k/none"], judge)
    assert list(told) == ["stays" if n in (1, many) else None for n in range(many + 1)]
    micros = timedelta(microseconds=1)
    then = [(e.identity, e.bytes, (e.modified - datetime(1970, 1, 1, tzinfo=UTC)) // micros) for e in seen]
    assert [found[at] for at in range(many)] == then
    assert found[many] is None
    assert list(kept.list()) == [seen[1]]


SOME = os.urandom(700_000)


@pytest.fixture(scope="module", params=["folder", "bucket"])
def long(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, s3: Seaweed) -> Store:
    kept = make(request.param, tmp_path_factory.mktemp("long"), s3)
    put(kept, "some", SOME)
    return kept


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_reading_here_and_there_gives_the_bytes_that_are_there(long: Store, data: st.DataObject) -> None:
    """Parquet is read from its end; a seek must not lose or double a byte."""
    plain = io.BytesIO(SOME)
    with long.open("some") as file:
        for _ in range(data.draw(st.integers(1, 6))):
            whence = data.draw(st.sampled_from([0, 1, 2]))
            low = {0: 0, 1: -plain.tell(), 2: -len(SOME)}[whence]
            offset = data.draw(st.integers(low, low + len(SOME) + 10))
            assert file.seek(offset, whence) == plain.seek(offset, whence)
            size = data.draw(st.sampled_from([0, 1, 100, 70_000, 400_000, -1]))
            assert file.read(size) == plain.read(size)
            assert file.tell() == plain.tell()


def test_an_empty_object_is_one(kept: Store) -> None:
    entry = put(kept, "empty", b"")
    assert (entry.bytes, get(kept, "empty")) == (0, b"")
    with kept.write("empty", replacing=entry) as file:
        file.write(b"")
    assert get(kept, "empty") == b""


def test_an_object_of_several_parts_comes_back_as_it_was_written(kept: Store) -> None:
    content = os.urandom(9 << 20)
    with kept.write("big") as file:
        for at in range(0, len(content), 1_234_567):
            assert file.write(content[at : at + 1_234_567]) == len(content[at : at + 1_234_567])
        assert file.tell() == len(content)
    assert get(kept, "big") == content
    assert list(kept.list()) == [kept.stat("big")]


def test_two_writers_of_one_key_do_not_mix(kept: Store) -> None:
    """A folder refuses the second one at once, a bucket whoever ends last."""
    with pytest.raises(RetryLater, match=r"storage\.(busy|changed)"), kept.write("a") as file:  # noqa: PT012
        file.write(b"first")
        with kept.write("a") as other:
            other.write(b"second")
    assert [get(kept, e.key) for e in kept.list()] in ([], [b"second"])
