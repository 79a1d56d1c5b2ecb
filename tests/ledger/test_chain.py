"""The chain and its signed head, under crashes, forgers and full disks."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.errors import BadInput, GiveUp, Refused, RetryLater, Tampered
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.ledger.chain import Head, HeadFile


class Book:
    """A ledger in a folder, and what can be done to it behind its back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.head = folder, folder / "head.json"
        self.clock = FixedClock(datetime(2026, 11, 1, tzinfo=UTC))
        self.db = migrated(folder)
        self.ledger = self.opened()

    def opened(self) -> Ledger:
        return Ledger(self.db, MasterKey(b"k" * 32), self.head, self.clock)

    def begin(self, run: str) -> int:
        return self.ledger.begin(run, pipeline="p", actor="a", code_version="1", policy_version="1")

    def forge(self, *statements: str) -> None:
        with self.db.begin() as connection:
            for name in ("ledger_no_update", "ledger_no_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def test_a_table_that_was_cut_off_takes_no_more_entries_until_the_alarm_is_cleared(book):
    """Edge case 26: chained on from the cut, it would look whole once it were longer than the head."""
    for number in range(3):
        book.begin(f"r{number}")
    book.forge("DELETE FROM ledger WHERE seq = 3")
    with pytest.raises(Tampered, match=r"ledger\.altered"):
        book.begin("r9")
    assert len(book.ledger.entries()) == 2
    assert not book.ledger.verify().ok


def test_a_forged_last_entry_is_not_chained_on_from(book):
    """Edge case 26."""
    book.begin("r1")
    book.forge("UPDATE ledger SET hash = replace(hash, substr(hash, 1, 1), 'x')")
    with pytest.raises(Tampered):
        book.begin("r2")


def test_forged_entries_between_the_head_and_the_end_are_not_signed_for(book):
    """Edge cases 13 and 26: what a crash left unsigned is held against the chain before it is."""
    book.begin("r1")
    old = book.head.read_bytes()
    book.begin("r2")
    book.begin("r3")
    book.head.write_bytes(old)
    book.forge("UPDATE ledger SET entry = replace(entry, '\"r3\"', '\"r4\"') WHERE seq = 3")
    with pytest.raises(Tampered):
        book.begin("r5")


def unsigned(book, *runs):
    """Begin the first run, and the others so that they are not signed for."""
    book.begin(runs[0])
    old = book.head.read_bytes()
    for run in runs[1:]:
        book.begin(run)
    book.head.write_bytes(old)


def test_entries_that_were_not_signed_for_are_named_by_the_entry_that_signs_for_them(book):
    """Edge cases 13 and 26: who writes beyond the head can chain on as well as a crash can."""
    unsigned(book, "r1", "r2", "r3")
    assert book.begin("r4") == 5
    recovered = book.ledger.entries(kind="ledger.recovered")[0]
    assert (recovered.seq, recovered.entry["count"]) == (4, 2)
    assert (recovered.entry["first"], recovered.entry["last"]) == (2, 3)
    found = book.ledger.verify()
    assert (found.ok, found.unanchored, found.recovered) == (True, 0, ((2, 3),))
    book.begin("r5")
    assert book.ledger.verify().recovered == ((2, 3),), "said once"


def test_a_writer_waits_for_a_head_that_is_being_put_in_place_and_recovers_nothing(book):
    """Edge case 13: two at once, the first of which has committed."""
    unsigned(book, "r1", "r2")
    first, last = book.ledger.entries()
    there = HeadFile(book.head, MasterKey(b"k" * 32))
    with there.staged(Head(last.seq, last.hash), book.clock.now()) as publish:
        writer = threading.Thread(target=lambda: book.opened().event("x", actor="a"))
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        publish()
    writer.join(20)
    assert [e.entry["kind"] for e in book.ledger.entries()] == ["run.begun", "run.begun", "x"]
    assert first.seq == 1


def test_a_gap_among_entries_that_are_not_signed_for_stops_the_writing(book):
    """Edge case 26: one of them taken out, and the one after it chained on to what is left."""
    from privacy.ledger.chain import link

    unsigned(book, "r1", "r2", "r3")
    first, _, third = book.ledger.entries()
    with book.db.connect() as connection:
        text = connection.exec_driver_sql("SELECT entry FROM ledger WHERE seq = 3").scalar()
    book.forge("DELETE FROM ledger WHERE seq = 2", f"UPDATE ledger SET hash = '{link(first.hash, text)}' WHERE seq = 3")
    assert third.seq == 3
    with pytest.raises(Tampered, match="Entry 2"):
        book.begin("r4")


@pytest.mark.parametrize("table", ["request_register", "holds"])
def test_an_empty_ledger_beside_requests_or_holds_is_an_alarm_and_is_not_begun_anew(book, table):
    """Edge case 26: ledger and head removed together."""
    assert book.ledger.verify().ok
    rows = {
        "request_register": "(number, right_, received_at, revision) VALUES ('AVG-2026-0042-5', 'access', 'x', 1)",
        "holds": "(id, kind, author, placed_at, sealed) VALUES ('x', 'request', 'a', 'x', 's')",
    }
    with book.db.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO {table} {rows[table]}")
    assert table in book.ledger.verify().problems[0]
    with pytest.raises(Tampered, match="empty"):
        book.begin("r1")


def test_a_writer_that_comes_late_does_not_take_the_head_back(book):
    """Edge case 13: two processes, of which the first to commit is the last to sign."""
    book.begin("r1")
    book.begin("r2")
    first, _ = book.ledger.entries()
    with HeadFile(book.head, MasterKey(b"k" * 32)).staged(Head(first.seq, first.hash), book.clock.now()) as publish:
        publish()
    assert book.ledger.verify().anchored == 2


def test_a_head_that_was_removed_is_an_alarm(book):
    """Edge case 26."""
    book.begin("r1")
    book.head.unlink()
    assert not book.ledger.verify().ok
    with pytest.raises(Tampered):
        book.begin("r2")


def test_killed_between_the_first_commit_and_its_head_leaves_an_entry_not_yet_signed_for(book, monkeypatch):
    """Edge case 13."""
    with monkeypatch.context() as patch:
        patch.setattr("privacy.ledger.chain.HeadFile._publish", _killed)
        with book.ledger.writing():
            pass
        with pytest.raises(KeyboardInterrupt):
            book.begin("r0")
    assert not book.ledger.entries(), "killed before the ledger was even founded"
    book.ledger._head.found(book.clock.now())
    with monkeypatch.context() as patch:
        patch.setattr("privacy.ledger.chain.HeadFile._publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            book.begin("r1")
    found = book.ledger.verify()
    assert (found.ok, found.entries, found.anchored, found.unanchored) == (True, 1, 0, 1)
    assert book.begin("r1") == 1, "the retry finds it, and signs for it"
    assert book.ledger.verify().unanchored == 0


def _killed(*_):
    raise KeyboardInterrupt


def test_a_head_that_cannot_be_put_in_place_after_the_commit_does_not_take_the_entry_back(book, monkeypatch, caplog):
    book.begin("r1")

    def no_replace(*_):
        raise OSError(errno.EIO, "io")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", no_replace)
        assert book.begin("r2") == 2
    assert "could not be put in place" in caplog.text
    assert book.ledger.verify().unanchored == 1
    book.begin("r3")
    assert book.ledger.verify().unanchored == 0
    assert sorted(p.name for p in book.folder.iterdir() if "next" in p.name) == []


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(errno.ENOSPC, RetryLater, "storage.full"), (errno.EACCES, GiveUp, "ledger.head_denied")],
)
def test_a_disk_that_takes_no_head_takes_no_entry(book, monkeypatch, number, kind, code):
    """Edge case 13: what cannot be signed for is not committed."""
    book.begin("r1")

    def no_sync(_):
        raise OSError(number, "x")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_sync)
        with pytest.raises(kind) as failure:
            book.begin("r2")
    assert failure.value.code == code
    assert len(book.ledger.entries()) == 1
    assert book.begin("r2") == 2
    assert book.ledger.verify().ok


def test_a_head_that_cannot_be_read_stops_the_writing(book):
    book.begin("r1")
    book.head.unlink()
    book.head.mkdir()
    with pytest.raises(GiveUp, match=r"ledger\.head_denied"):
        book.begin("r2")


def test_a_backup_of_database_and_head_together_goes_on(book):
    """Edge case 23: restored with the head that belongs to it."""
    book.begin("r1")
    backup = book.folder / "backup"
    backup.mkdir()
    with book.db.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{backup}/ledger.db'")
        connection.exec_driver_sql("BEGIN")
    shutil.copy(book.head, backup)
    book.begin("r2")
    restored = Book(backup)
    assert restored.begin("r3") == 2
    assert restored.ledger.verify().ok


@pytest.mark.parametrize("content", ["CAST('{}' AS BLOB)", "CAST(x'7b2261223a22c3227d' AS TEXT)"])
def test_bytes_in_the_place_of_an_entry_are_found(book, content):
    """Edge case 26."""
    for run in ("r1", "r2", "r3"):
        book.begin(run)
    with book.db.begin() as connection:
        for name in ("ledger_once", "ledger_request", "ledger_kind_at"):
            connection.exec_driver_sql(f"DROP INDEX {name}")
    book.forge(f"UPDATE ledger SET entry = {content} WHERE seq = 2")
    found = book.ledger.verify()
    assert not found.ok
    assert "2" in found.problems[0] or "after it" in found.problems[0]


def test_an_entry_put_in_before_the_first_is_found(book):
    book.begin("r1")
    book.forge("INSERT INTO ledger (seq, entry, hash) VALUES (0, '{}', '')")
    assert not book.ledger.verify().ok


def test_a_run_that_has_not_begun_cannot_end(book):
    with pytest.raises(Refused, match=r"ledger\.not_begun"):
        book.ledger.end("r1", status="failed", actor="a")


def test_a_run_that_was_ended_by_hand_is_not_ended_again_by_its_own_tasks(book):
    """Edge case 36."""
    book.begin("r1")
    book.ledger.end("r1", status="failed", actor="operator", reason="marked")
    with pytest.raises(Refused, match=r"ledger\.recorded"):
        book.ledger.end("r1", status="done", actor="a", records=3)
    assert [e.entry["status"] for e in book.ledger.entries(kind="run.ended")] == ["failed"]


def test_an_event_cannot_pass_for_a_run(book):
    for kind in ("run.begun", "run.ended", "run.x", "", "X", "a b"):
        with pytest.raises(BadInput):
            book.ledger.event(kind, actor="a")


@pytest.mark.parametrize("bad", [-1, 2**53, 1.5, "many"])
def test_a_count_is_a_count(book, bad):
    with pytest.raises(BadInput):
        book.ledger.event("x", actor="a", count=bad)


def test_times_are_in_utc_and_sort_as_texts(book):
    """Edge case 13: the clock set back changes no order either: that of the entries is their number."""
    ends = [datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, microsecond=5, tzinfo=UTC)]
    for run, at in zip(("r2", "r1"), reversed(ends), strict=True):
        book.clock.set(at)
        book.begin(run)
    texts = [str(e.entry["at"]) for e in book.ledger.entries()]
    assert texts == ["2026-11-01T00:00:00.000005Z", "2026-11-01T00:00:00.000000Z"]
    with pytest.raises(BadInput):
        book.ledger.end("r1", status="done", actor="a", oldest_remaining=datetime(2026, 1, 1))


def test_a_change_and_its_entry_are_both_there_or_neither(book):
    with pytest.raises(BadInput), book.ledger.writing() as writing:
        assert writing.event("x", actor="a") + writing.event("x", actor="a@b.example") == 3
    assert book.ledger.entries() == []
    with book.ledger.writing() as writing:
        assert [writing.event("x", actor="a"), writing.event("y", actor="a")] == [1, 2]
    assert (book.ledger.verify().ok, book.ledger.verify().anchored) == (True, 2)


class Chaining(RuleBasedStateMachine):
    """Two writers, crashes before the head, a forger who puts everything back; a model that knows what is there."""

    @initialize()
    def open(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.book = Book(Path(self.temporary.name))
        self.writers = [self.book.opened(), self.book.opened()]
        self.said: list[str] = []
        self.signed = 0

    def teardown(self):
        if hasattr(self, "temporary"):
            self.temporary.cleanup()

    def recover(self):
        if self.signed < len(self.said):
            self.said.append("ledger.recovered")

    @rule(who=st.integers(0, 1), kind=st.sampled_from(["a", "b.c", "hold.placed"]))
    def write(self, who, kind):
        self.book.clock.set(self.book.clock.now() + timedelta(seconds=1))
        self.recover()
        assert self.writers[who].event(kind, actor="a") == len(self.said) + 1
        self.said.append(kind)
        self.signed = len(self.said)

    @rule(who=st.integers(0, 1), kinds=st.lists(st.sampled_from(["d", "e"]), max_size=3))
    def write_together(self, who, kinds):
        with self.writers[who].writing() as writing:
            for kind in kinds:
                writing.event(kind, actor="a")
        if kinds:
            self.recover()
        self.said += kinds
        self.signed = len(self.said) if kinds else self.signed

    @precondition(lambda self: self.book.head.exists())
    @rule(who=st.integers(0, 1))
    def die_before_the_head(self, who):
        old = self.book.head.read_bytes()
        self.writers[who].event("x", actor="a")
        self.book.head.write_bytes(old)
        self.recover()
        self.said.append("x")

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def forge(self, data):
        seq = data.draw(st.integers(1, self.signed))
        with self.book.db.connect() as connection:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS ledger_no_update")
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS ledger_no_delete")
            connection.commit()
            for statement in (
                "UPDATE ledger SET entry = replace(entry, '\"actor\"', '\"actos\"') WHERE seq = ?",
                "DELETE FROM ledger WHERE seq = ?",
                "DELETE FROM ledger WHERE seq >= ?",
            ):
                rows = connection.exec_driver_sql("SELECT seq, entry, hash FROM ledger WHERE seq >= ?", (seq,)).all()
                connection.exec_driver_sql(statement, (seq,))
                connection.commit()
                assert not self.book.ledger.verify().ok
                connection.exec_driver_sql("DELETE FROM ledger WHERE seq >= ?", (seq,))
                for row in rows:
                    connection.exec_driver_sql("INSERT INTO ledger (seq, entry, hash) VALUES (?, ?, ?)", tuple(row))
                connection.commit()

    @invariant()
    def it_holds_what_was_said(self):
        if hasattr(self, "book"):
            found = self.book.ledger.verify()
            assert (found.ok, found.entries, found.anchored) == (True, len(self.said), self.signed)
            assert [e.entry["kind"] for e in self.book.ledger.entries()] == self.said


TestChaining = Chaining.TestCase
TestChaining.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
