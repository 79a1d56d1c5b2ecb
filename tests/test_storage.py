"""A folder as an object store: whole or not at all, and nowhere else than below its root."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.connections import Connection
from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, Refused, RetryLater, Unreadable
from privacy.storage import TEMPORARY, FolderStore, store

KILLED = """
import os, signal, sys
from pathlib import Path
from privacy.storage import FolderStore
class Killed(FolderStore):
    def _commit(self, folder, temporary, name):
        if sys.argv[2] == "after":
            super()._commit(folder, temporary, name)
        os.kill(os.getpid(), signal.SIGKILL)
with Killed(Path(sys.argv[1])).write("a/b.log") as file:
    file.write(b"new" * 100_000)
"""


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def put(folder: FolderStore, key: str, content: bytes = b"x") -> None:
    with folder.write(key) as file:
        file.write(content)


def get(folder: FolderStore, key: str) -> bytes:
    with folder.open(key) as file:
        return file.read()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_listed_in_order_of_keys_and_deleted(folder):
    for key in ("b/2", "a.log", "a/1", "b/10"):
        put(folder, key, key.encode())
    assert [e.key for e in folder.list()] == ["a.log", "a/1", "b/10", "b/2"]
    assert [e.key for e in folder.list("b/1")] == ["b/10"]
    assert [e.key for e in folder.list("b")] == ["b/10", "b/2"]
    assert get(folder, "b/10") == b"b/10"
    assert folder.stat("a/1") == next(iter(folder.list("a/1")))
    folder.delete("a/1")
    assert [e.key for e in folder.list()] == ["a.log", "b/10", "b/2"]


def test_a_new_object_is_for_its_owner_alone(folder, tmp_path):
    put(folder, "bundles/one.age")
    assert (tmp_path / "store/bundles/one.age").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "store/bundles").stat().st_mode & 0o777 == 0o700


def test_an_exception_while_writing_leaves_the_old_content_and_nothing_else(folder, tmp_path):
    put(folder, "a", b"old")
    with pytest.raises(ZeroDivisionError), folder.write("a") as file:
        file.write(b"half" * (1 // 0))
    assert get(folder, "a") == b"old"
    assert names(tmp_path / "store") == ["a"]


@pytest.mark.parametrize(("moment", "found"), [("before", b"old"), ("after", b"new" * 100_000)])
def test_a_kill_leaves_the_old_or_the_new_content_never_half(folder, tmp_path, moment, found):
    """Edge case 7; what the killed writer left is not listed, is swept, and hinders nobody."""
    put(folder, "a/b.log", b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "store"), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert get(folder, "a/b.log") == found
    assert [e.key for e in folder.list()] == ["a/b.log"]
    left = [n for n in names(tmp_path / "store/a") if n.endswith(TEMPORARY)]
    assert len(left) == (moment == "before")
    put(folder, "a/b.log", b"next")
    assert get(folder, "a/b.log") == b"next"
    assert folder.sweep("a/b") == 0


def test_half_written_files_of_killed_writers_are_swept_but_not_those_of_living_ones(folder, tmp_path):
    put(folder, "a/b.log", b"old")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "store"), "before"], check=False)
    with folder.write("a/c.log") as file:
        file.write(b"c")
        assert folder.sweep("a/") == 1
    assert get(folder, "a/c.log") == b"c"
    assert names(tmp_path / "store/a") == ["b.log", "c.log"]


def test_two_writers_of_one_key_do_not_mix(folder):
    with folder.write("a") as file:
        file.write(b"first")
        with pytest.raises(RetryLater, match=r"storage\.busy"), folder.write("a"):
            pass
    assert get(folder, "a") == b"first"


def test_a_replaced_file_keeps_its_permissions_owner_and_time(folder, tmp_path):
    """Edge case 7: its mtime restarts no clock."""
    put(folder, "a", b"old")
    path = tmp_path / "store/a"
    path.chmod(0o640)
    os.utime(path, ns=(1_700_000_000_123_456_789, 1_600_000_000_123_456_789))
    with folder.write("a", replacing=folder.stat("a")) as file:
        file.write(b"new")
    status = path.stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o640, 1_600_000_000_123_456_789)
    assert path.read_bytes() == b"new"


def test_what_was_changed_meanwhile_is_neither_replaced_nor_deleted(folder, tmp_path):
    """Edge case 14."""
    put(folder, "a", b"old")
    seen = folder.stat("a")
    with (tmp_path / "store/a").open("ab") as file:
        file.write(b"er")
    with pytest.raises(RetryLater, match=r"storage\.changed"):
        folder.delete("a", expected=seen)
    seen = folder.stat("a")
    with pytest.raises(RetryLater, match=r"storage\.changed"), folder.write("a", replacing=seen) as out:
        out.write(b"new" * (tmp_path / "store/a").write_bytes(b"other"))
    assert get(folder, "a") == b"other"
    with pytest.raises(RetryLater, match=r"storage\.changed"), folder.write("gone", replacing=seen):
        pass


@pytest.mark.parametrize("key", ["../a", "a/../b", "/etc/passwd", "", "a//b", "a/.", "a\0b"])
def test_a_key_leads_nowhere_but_below_the_root(folder, key):
    """Edge case 9."""
    put(folder, "a/b")
    for act in (folder.stat, folder.open, folder.delete, lambda k: put(folder, k)):
        with pytest.raises(BadInput, match=r"storage\.key"):
            act(key)


def test_a_link_is_listed_but_never_followed(folder, tmp_path):
    """Edge case 9: a symlink instead of the file, or of a folder on the way."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("theirs")
    put(folder, "a/b")
    (tmp_path / "store/link").symlink_to(outside / "x")
    (tmp_path / "store/a/dir").symlink_to(outside)
    (tmp_path / "store/dangling").symlink_to(outside / "nothing")
    assert {e.key for e in folder.list() if not e.regular} == {"link", "a/dir", "dangling"}
    for key in ("link", "a/dir/x", "dangling"):
        for act in (folder.open, folder.delete, lambda k: put(folder, k)):
            with pytest.raises(Unreadable, match=r"storage\.link"):
                act(key)
    assert (outside / "x").read_text() == "theirs"


def test_a_link_swapped_in_between_look_and_open_is_not_followed(tmp_path):
    """Edge case 9."""
    (tmp_path / "x").write_text("theirs")

    class Swapping(FolderStore):
        def _device(self) -> int:
            # Asked for right before the file is opened; the worst moment.
            if (tmp_path / "store/a").is_file() and not (tmp_path / "store/a").is_symlink():
                (tmp_path / "store/a").unlink()
                (tmp_path / "store/a").symlink_to(tmp_path / "x")
            return super()._device()

    put(FolderStore(tmp_path / "store"), "a")
    with pytest.raises(Unreadable, match=r"storage\.link"):
        Swapping(tmp_path / "store").open("a")


def test_a_file_with_another_name_elsewhere_is_read_but_not_replaced_or_deleted(folder, tmp_path):
    """Edge case 9: a hard link would keep the content."""
    put(folder, "a", b"old")
    os.link(tmp_path / "store/a", tmp_path / "other")
    assert get(folder, "a") == b"old"
    with pytest.raises(Refused, match=r"storage\.hard_link"):
        folder.delete("a")
    with pytest.raises(Refused, match=r"storage\.hard_link"):
        put(folder, "a", b"new")
    assert (tmp_path / "other").read_bytes() == b"old"


def test_another_filesystem_is_refused(tmp_path):
    """Edge case 9; a device number that differs is all that a mount is to the store."""

    class Elsewhere(FolderStore):
        def _device(self) -> int:
            return super()._device() + 1

    put(FolderStore(tmp_path), "a/b")
    put(FolderStore(tmp_path), "c")
    there = Elsewhere(tmp_path)
    assert {(e.key, e.identity) for e in there.list()} == {("a", "mount"), ("c", "mount")}
    for key in ("a/b", "c"):
        with pytest.raises(Unreadable, match=r"storage\.mount"):
            there.open(key)


def test_a_pipe_is_no_file_and_is_not_waited_for(folder, tmp_path):
    put(folder, "a")
    os.mkfifo(tmp_path / "store/pipe")
    with pytest.raises(Unreadable, match=r"storage\.special"):
        folder.open("pipe")


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(errno.ENOSPC, RetryLater, "storage.full"), (errno.EDQUOT, RetryLater, "storage.full"),
     (errno.EACCES, Unreadable, "storage.denied"), (errno.EMFILE, RetryLater, "storage.busy"),
     (errno.EIO, Unreadable, "storage.broken"), (errno.EINVAL, GiveUp, "storage.failed")],
)  # fmt: skip
def test_the_systems_errors_become_ours_and_the_old_file_stays(folder, tmp_path, number, kind, code):
    class Failing(FolderStore):
        def _commit(self, *_: object) -> None:
            raise OSError(number, "text of the system")

    put(folder, "a", b"old")
    with pytest.raises(kind) as caught:
        put(Failing(tmp_path / "store"), "a", b"new")
    assert (caught.value.code, caught.value.where) == (code, "a")
    assert caught.value.__suppress_context__
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), PrivacyError)  # noqa: S301
    assert get(folder, "a") == b"old"
    assert names(tmp_path / "store") == ["a"]


def test_a_missing_object_or_store_says_so(folder):
    for act in (folder.stat, folder.open, folder.delete, lambda key: list(folder.list(key))):
        with pytest.raises(Unreadable, match=r"storage\.missing"):
            act("a/b")


def test_a_connection_that_is_no_folder_says_what_to_write(tmp_path):
    put(store(Connection("logs", tmp_path.as_uri())), "a")  # type: ignore[arg-type]
    with pytest.raises(BadConfiguration, match="file:///"):
        store(Connection("logs", "ftp://x.example/logs"))


def test_many_are_removed_together_and_each_that_stays_says_why(tmp_path: Path) -> None:
    """Edge cases 9 and 14: what was changed, linked or is gone stays; everything else goes, in whatever folder it is."""
    store = FolderStore(tmp_path / "s")
    for key in ("a/1", "a/2", "a/3", "a/4", "b/5", "top"):
        with store.write(key) as file:
            file.write(key.encode())
    entries = [store.stat(key) for key in ("a/1", "a/2", "a/3", "a/4", "b/5", "top")]
    (tmp_path / "s/a/2").write_bytes(b"another content")
    (tmp_path / "s/a/3").unlink()
    os.link(tmp_path / "s/a/4", tmp_path / "elsewhere")
    gone = FolderStore(tmp_path / "s").delete_all([*entries, replace(entries[4], key="c/9")])
    assert [None if p is None else p.code for p in gone] == [
        None, "storage.changed", "storage.changed", "storage.hard_link", None, None, "storage.missing",
    ]  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "s").rglob("*") if p.is_file()) == ["2", "4"]


def test_a_link_is_not_removed_among_others_even_where_a_link_is_what_was_located(tmp_path: Path) -> None:
    """Edge case 9: a link, a link swapped in for a file, a folder that is one, a pipe; a name that leads elsewhere."""
    store = FolderStore(tmp_path / "s")
    for key in ("a/1", "a/2", "b/3"):
        put(store, key)
    (tmp_path / "s/a/link").symlink_to(tmp_path / "s/b/3")
    os.mkfifo(tmp_path / "s/a/pipe")
    entries = [store.stat(key) for key in ("a/1", "a/2", "b/3", "a/link", "a/pipe")]
    (tmp_path / "s/a/2").unlink()
    (tmp_path / "s/a/2").symlink_to(tmp_path / "s/b/3")
    (tmp_path / "s/b").rename(tmp_path / "s/c")
    (tmp_path / "s/b").symlink_to(tmp_path / "s/c")
    odd = [replace(entries[0], key=key) for key in ("a/../c/3", "a/..", "../x", "a/\0", "")]
    told = store.delete_all([*entries, *odd])
    assert [None if p is None else p.code for p in told] == [
        None, *["storage.link"] * 3, "storage.special", *["storage.key"] * 5,
    ]  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "s").rglob("*") if not p.is_dir()) == ["2", "3", "link", "pipe"]
