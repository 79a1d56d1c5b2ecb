"""Removing and changing lines of logs: exactly those, and everything else byte for byte as it was."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import BadConfiguration, RetryLater
from privacy.sources.base import Delete, Due, Identifier, Redaction, Selection, Set, Status, Step
from privacy.storage import FolderStore
from sources.weblogs_kit import DAY, FORMAT, Logs, customer, device, line, of, system, visit

OLD, NEW = "25/Nov/2024:10:00:00 +0100", "25/Nov/2025:10:00:00 +0100"
BOUND = Due(datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def content(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.name.endswith(".gz") else raw


def everything(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): content(p) for p in sorted(root.rglob("*")) if p.is_file()}


def test_an_item_is_a_file_with_n_matching_lines(logs):
    logs.put("nginx/access.log.1.gz", [line(OLD), line(NEW), line("24/Nov/2024:00:00:00 +0000")])
    logs.put("nginx/access.log.2.gz", [line(OLD)] * 2)
    logs.put("nginx/access.log.3.gz", [line(NEW)])
    first, second = logs.locate(BOUND)
    assert (first.key, first.records, first.whole) == (("nginx/access.log.1.gz",), 2, False)
    assert (second.key, second.records, second.whole) == (("nginx/access.log.2.gz",), 2, True)
    assert second.bytes == len(content(logs.root / "nginx/access.log.2.gz"))
    assert first.oldest == datetime(2024, 11, 24, tzinfo=UTC)
    assert logs.locate(BOUND) == (first, second)
    assert logs.locate(of()) == ()


def test_a_file_that_straddles_the_bound_is_rewritten_with_its_name_owner_permissions_and_time(logs):
    """Edge case 7: not kept, not dropped, still compressed, and its mtime restarts no clock."""
    lines = [line(OLD, request="a"), line(NEW, request="b"), b"no form", line(OLD, request="c"), line(NEW) + b"\r"]
    path = logs.put("nginx/access.log.1.gz", lines)
    path.chmod(0o640)
    os.utime(path, ns=(5, 1_763_999_999_123_456_789))
    other = logs.put("nginx/access.log.2.gz", [line(NEW)])
    before = other.read_bytes()
    (outcome,) = logs.apply([logs.step(BOUND, Delete())])
    assert (outcome.status, outcome.records, outcome.reason) == (Status.DONE, 2, "")
    assert outcome.bytes == len(lines[0]) + len(lines[3]) + 2
    assert content(path) == b"".join(lines[n] + b"\n" for n in (1, 2, 4))
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o640, 1_763_999_999_123_456_789)
    assert other.read_bytes() == before
    assert logs.locate(BOUND) == ()


def test_a_file_in_which_everything_is_due_is_removed(logs):
    path = logs.put("nginx/access.log.1.gz", [line(OLD)] * 3)
    step = logs.step(BOUND, Delete())
    assert [o.status for o in logs.apply([step])] == [Status.DONE]
    assert not path.exists()
    assert [o.status for o in logs.apply([step])] == [Status.GONE]


def test_lines_in_no_known_form_are_kept_for_the_files_own_age(logs):
    """Edge cases 8 and 11."""
    path = logs.put("nginx/access.log.1", [line(OLD), b"no form", line("no time")], at=BOUND.before)
    logs.put("nginx/access.log", [])
    logs.apply([logs.step(BOUND, Delete())])
    assert content(path) == b"no form\n" + line("no time") + b"\n"
    os.utime(path, (0, BOUND.before.timestamp() - 1))
    logs.apply([logs.step(BOUND, Delete())])
    assert not path.exists()


def test_only_the_subjects_lines_go(logs):
    """Edge case 22: those of a contested visit stay too."""
    lines = [line(user=1001), line(user=10011), line(device="did-a"), line(user=1002, device="did-a"),
        line("25/Nov/2025:10:00:00 +0000", ip="192.0.2.7"), line("25/Nov/2025:12:00:00 +0000", ip="192.0.2.7"),
        line("25/Nov/2025:12:10:00 +0000", ip="192.0.2.7", user=1002)]  # fmt: skip
    path = logs.put("nginx/access.log.1.gz", lines)
    mine = of(customer(1001), device("did-a"), visit("09:00", "11:00"), visit("11:30", "12:30"))
    (outcome,) = logs.apply([logs.step(mine, Delete())])
    assert outcome.records == 3
    assert content(path) == b"".join(lines[n] + b"\n" for n in (1, 3, 5, 6))


def test_set_replaces_the_named_fields_of_the_subjects_lines_and_nothing_else(logs):
    lines = [
        line(user=1001, device="did-a"),
        line(user=1002, device="did-a"),
        line(NEW, user=1001, ip="192.0.2.7") + b"\r",
    ]
    path = logs.put("nginx/access.log.1.gz", lines)
    change = Set(
        {"user_id": Redaction.NULL, "device_id": None, "ip": "192.0.2.0", "time": datetime(2025, 1, 1, tzinfo=UTC)}
    )
    (outcome,) = logs.apply([logs.step(of(customer(1001)), change)])
    assert (outcome.status, outcome.records) == (Status.DONE, 2)
    blank = line("01/Jan/2025:00:00:00 +0000", ip="192.0.2.0")
    assert content(path) == blank + b"\n" + lines[1] + b"\n" + blank + b"\r\n"


def test_a_unique_token_differs_in_every_line_and_is_of_the_columns_type(logs):
    path = logs.put("nginx/access.log.1", [line(user=1001, device="did-a")] * 20)
    logs.put("nginx/access.log", [], at=DAY + timedelta(1))
    logs.apply([logs.step(of(customer(1001)), Set({"user_id": Redaction.UNIQUE, "device_id": Redaction.UNIQUE}))])
    rows = logs.read(Due(datetime(2030, 1, 1, tzinfo=UTC)))
    assert path.exists()
    assert len({r["user_id"] for r in rows} - {None}) == len({r["device_id"] for r in rows}) == 20


@pytest.mark.parametrize("value", ['a"b', "a\nb"])
def test_a_value_that_would_break_the_line_is_refused_and_the_file_left_alone(logs, value):
    """Edge case 27."""
    logs.put("nginx/access.log.1.gz", [line(user=1001)])
    before = everything(logs.root)
    (outcome,) = logs.apply([logs.step(of(customer(1001)), Set({"device_id": value}))])
    assert (outcome.status, outcome.reason) == (Status.FAILED, "weblogs.cannot_set")
    assert everything(logs.root) == before


def test_a_column_that_is_no_field_cannot_be_set(logs):
    logs.put("nginx/access.log.1.gz", [line(user=1001)])
    with pytest.raises(BadConfiguration, match=r"weblogs\.cannot_set"):
        logs.apply([logs.step(of(customer(1001)), Set({"line": b""}))])


def test_what_is_held_stays_and_the_rest_goes(logs):
    """Edge case 15."""
    lines = [line(OLD, user=1001), line(OLD, user=1002), line(OLD, device="did-c"), line(OLD)]
    path = logs.put("nginx/access.log.1.gz", lines)
    (outcome,) = logs.apply([logs.step(BOUND, Delete())], [of(customer(1002)), of(device("did-c")), of()])
    assert (outcome.status, outcome.records, outcome.reason) == (Status.HELD, 2, "held:2")
    assert content(path) == lines[1] + b"\n" + lines[2] + b"\n"
    before = path.read_bytes()
    (outcome,) = logs.apply([logs.step(BOUND, Delete())], [of(customer(1002), device("did-c"))])
    assert (outcome.status, outcome.records, outcome.reason) == (Status.HELD, 0, "held:2")
    assert path.read_bytes() == before


def test_several_steps_rewrite_a_file_once(logs, tmp_path):
    class Counting(FolderStore):
        commits = 0

        def _commit(self, folder: int, temporary: str, name: str) -> None:
            Counting.commits += 1
            super()._commit(folder, temporary, name)

    lines = [line(OLD), line(NEW, user=1001), line(NEW, user=1002)]
    path = logs.put("nginx/access.log.1.gz", lines)
    steps = [logs.step(BOUND, Delete()), logs.step(of(customer(1001)), Delete()),
        logs.step(of(customer(1002)), Set({"user_id": None}))]  # fmt: skip
    outcomes = logs.apply(steps, store=Counting(tmp_path))
    assert [(o.status, o.records) for o in outcomes] == [(Status.DONE, 1)] * 3
    assert content(path) == line(NEW) + b"\n"
    assert Counting.commits == 1


def test_a_file_that_changed_since_it_was_located_is_left_alone(logs):
    """Edge case 14."""
    path = logs.put("nginx/access.log.1.gz", [line(OLD)])
    step = logs.step(BOUND, Delete())
    logs.put("nginx/access.log.1.gz", [line(OLD), line(NEW)])
    before = path.read_bytes()
    (outcome,) = logs.apply([step])
    assert (outcome.status, outcome.reason) == (Status.CHANGED, "version")
    assert path.read_bytes() == before
    logs.put("nginx/access.log.1.gz", [line(NEW)])
    assert [o.status for o in logs.apply([step])] == [Status.GONE]


def test_the_log_that_the_web_server_writes_is_never_touched(logs):
    """Edge case 8: not even when all of it matches; after its rotation it is."""
    path = logs.put("nginx/access.log", [line(user=1001)])
    logs.put("nginx/access.log.1", [line(NEW)], at=DAY - timedelta(1))
    before = path.read_bytes()
    (outcome,) = logs.apply([logs.step(of(customer(1001)), Delete())])
    assert (outcome.status, outcome.reason) == (Status.CHANGED, "active")
    assert path.read_bytes() == before
    path.rename(logs.root / "nginx/access.log.2")
    logs.put("nginx/access.log", [], at=DAY + timedelta(1))
    assert [o.status for o in logs.apply([logs.step(of(customer(1001)), Delete())])] == [Status.DONE]


def test_a_plain_log_that_nobody_wrote_to_since_the_bound_is_not_taken_for_active(logs):
    """A web server that was switched off keeps nothing for ever."""
    path = logs.put("nginx/access.log", [line(OLD)], at=BOUND.before - timedelta(1))
    assert [o.status for o in logs.apply([logs.step(BOUND, Delete())])] == [Status.DONE]
    assert not path.exists()


def test_links_and_keys_that_lead_elsewhere_are_refused(logs, tmp_path):
    """Edge case 9: a symlink swapped in, a hard link elsewhere, `..`, another dataset's file."""
    outside = logs.put("outside.log", [line(OLD)])
    swapped = logs.put("nginx/access.log.1", [line(OLD)])
    linked = logs.put("nginx/access.log.2", [line(OLD), line(NEW)])
    fine = logs.put("nginx/access.log.3.gz", [line(OLD)])
    logs.put("nginx/access.log", [])
    step = logs.step(BOUND, Delete())
    os.link(linked, tmp_path / "hard")
    swapped.unlink()
    swapped.symlink_to(outside)
    by_name = {o.key[0]: (o.status, o.reason) for o in logs.apply([step])}
    assert by_name == {
        "nginx/access.log.1": (Status.FAILED, "storage.link"),
        "nginx/access.log.2": (Status.FAILED, "storage.hard_link"),
        "nginx/access.log.3.gz": (Status.DONE, ""),
    }
    assert outside.exists()
    assert (tmp_path / "hard").read_bytes() == linked.read_bytes() == line(OLD) + b"\n" + line(NEW) + b"\n"
    assert not fine.exists()
    for key in ("nginx/access/../../outside.log", "outside.log"):
        bad = Step(step.selection, Delete(), (type(step.items[0])((key,), "v", 1, 1, None, True, "d"),))
        (outcome,) = logs.apply([bad])
        assert (outcome.status, outcome.reason) in (
            (Status.FAILED, "storage.key"), (Status.FAILED, "weblogs.not_a_log")
        )  # fmt: skip


def test_a_damaged_file_fails_alone_and_the_others_are_done(logs):
    bad = logs.put("nginx/access.log.1.gz", [line(OLD, request=str(n * 7919)) for n in range(3000)])
    good = logs.put("nginx/access.log.2.gz", [line(OLD)])
    step = logs.step(BOUND, Delete())
    status = bad.stat()
    bad.write_bytes(bad.read_bytes()[:-8] + b"\0" * 8)
    os.utime(bad, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [(o.status, o.reason) for o in logs.apply([step])] == [(Status.FAILED, "weblogs.corrupt"), (Status.DONE, "")]
    assert bad.exists()
    assert not good.exists()


def test_a_full_disk_leaves_the_old_file_and_is_tried_again_later(logs, tmp_path):
    """The disk fills up in the middle of the rewriting."""

    class Full(FolderStore):
        def write(self, key, *, replacing=None):  # type: ignore[no-untyped-def, override]
            made = super().write(key, replacing=replacing)
            enter = made.__enter__

            def entered():  # type: ignore[no-untyped-def]
                file = enter()
                real, left = file.write, [1000]

                def write(data: bytes) -> int:
                    left[0] -= len(data)
                    if left[0] < 0:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return real(data)

                return type("Filling", (), {"write": staticmethod(write), "flush": file.flush})()

            made.__class__ = type("Made", (made.__class__,), {"__enter__": lambda _: entered()})
            return made

    logs.put("nginx/access.log.1.gz", [line(OLD), *(line(NEW, request=str(n * 7919)) for n in range(5000))])
    step, before = logs.step(BOUND, Delete()), everything(tmp_path)
    with pytest.raises(RetryLater, match=r"storage\.full"):
        logs.apply([step], store=Full(tmp_path))
    assert everything(tmp_path) == before
    assert [o.status for o in logs.apply([step])] == [Status.DONE]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from privacy.storage import FolderStore
from sources.test_weblogs_apply import BOUND
from sources.weblogs_kit import Delete, Logs
class Killed(FolderStore):
    def _commit(self, folder, temporary, name):
        if sys.argv[2] == "after":
            super()._commit(folder, temporary, name)
        os.kill(os.getpid(), signal.SIGKILL)
logs = Logs(Path(sys.argv[1]))
logs.apply([logs.step(BOUND, Delete())], store=Killed(logs.root))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_in_the_middle_leaves_old_or_new_and_the_next_try_finishes(logs, moment):
    """Edge case 7."""
    path = logs.put("nginx/access.log.1.gz", [line(OLD), line(NEW)])
    step = logs.step(BOUND, Delete())
    tests = str(Path(__file__).parent.parent)
    script = KILLED.replace("import Delete, Logs", "import Logs").replace(
        "from sources.test_weblogs_apply import BOUND", "from datetime import *; from privacy.sources.base import *"
    ).replace("logs.step(BOUND", "logs.step(Due(datetime(2025, 1, 1, tzinfo=timezone.utc))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script, str(logs.root), moment, tests], check=False)
    assert done.returncode == -signal.SIGKILL
    kept = [line(OLD), line(NEW)] if moment == "before" else [line(NEW)]
    assert content(path) == b"".join(x + b"\n" for x in kept)
    (outcome,) = logs.apply([step])
    assert outcome.status is (Status.DONE if moment == "before" else Status.GONE)
    assert everything(logs.root) == {"nginx/access.log.1.gz": line(NEW) + b"\n"}


def test_an_erased_subjects_late_file_is_found_by_the_next_look(logs):
    """Edge case 10: after the purge, and after that subject's erasure."""
    logs.put("nginx/access.log.1.gz", [line(OLD, user=1001)])
    logs.apply([logs.step(BOUND, Delete())])
    logs.put("nginx/access.log-late.gz", [line(OLD, user=1001), line(NEW, user=1001)], at=DAY + timedelta(9))
    assert [i.records for i in logs.locate(BOUND)] == [1]
    assert [i.records for i in logs.locate(of(customer(1001)))] == [2]


def test_a_log_with_an_optional_field_is_set_where_the_field_is(logs):
    pattern = FORMAT.replace(r" \"(?P<device_id>[^\"]*)\"", r"(?: \"(?P<device_id>[^\"]*)\")?")
    lines = [line(user=1001, device="did-a"), line(user=1001).removesuffix(b' "-"')]
    path = logs.put("nginx/access.log.1.gz", lines)
    source, pick = logs.source(format=pattern), of(customer(1001))
    selection = Selection("access", pick)
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    list(source.apply([Step(selection, Set({"device_id": "gone"}), items)], ()))
    assert content(path) == line(user=1001, device="gone") + b"\n" + lines[1] + b"\n"
    assert system(format=pattern).datasets["access"].format == pattern


PIECES = st.sampled_from([line(OLD, user=1001), line(NEW, user=1001), line(NEW, user=1002), line(OLD), b"no form", b"", b"\0\r",
    line(NEW, user=1001) + b"\r"])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12), st.booleans(), st.booleans(), st.sampled_from(["due", "of"]))
def test_every_other_line_is_byte_for_byte_the_same(lines, newline, compress, what):
    mine = [bool(b" 1001 " in x) if what == "of" else b"/2024:" in x for x in lines]
    pick = of(customer(1001), Identifier("ip", "192.0.2.7")) if what == "of" else BOUND
    with tempfile.TemporaryDirectory() as folder:
        logs = Logs(Path(folder))
        ends = [b"\n"] * (len(lines) - 1) + [b"\n" if newline else b""]
        path = logs.put(
            "nginx/access.log.1" + ".gz" * compress, b"".join(a + b for a, b in zip(lines, ends, strict=True))
        )
        logs.put("nginx/access.log", [], at=DAY + timedelta(1))
        logs.apply([logs.step(pick, Delete())])
        rest = b"".join(a + b for a, b, gone in zip(lines, ends, mine, strict=True) if not gone)
        assert (content(path) if path.exists() else b"") == rest
