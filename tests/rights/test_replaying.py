"""Restore replay: whoever was erased and comes back with a backup is erased again, and nobody else is."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from conftest_demo import HOME
from conftest_erasing import NOW, Erasing
from demo import make
from privacy.clock import FixedClock
from privacy.errors import Refused, Tampered
from privacy.holds import HoldKind
from privacy.rights import Right, State, replaying
from privacy.rights.markers import Markers
from privacy.rights.notice_rows import Deed
from privacy.rights.notices import Notices, holding
from privacy.sources.base import Identifier, Subject

WHO = "1002"

NUMBER_ALONE = """{do: delete, referenced: {gender: null, first_name: "-", infix: null, last_name: "-", email: unique,
      phone: null, birth_date: null, engagement_date: null, wedding_date: null, ring_size: null, newsletter: false,
      signature: null, merged_into: null, staff_notes: null}}"""
"""What is left of a customer to whom retained orders refer."""


def home(folder: Path) -> Path:
    """The shop's folder, in which an erasure leaves a customer's number where an invoice needs it."""
    shutil.copytree(HOME, folder / "home", ignore=shutil.ignore_patterns("demo", "__pycache__"))
    file = folder / "home" / "datamap" / "shop.yaml"
    head, customers, rest = file.read_text().partition("\n  customers:\n")
    if "referenced:" not in rest.partition("\n  customer_emails:")[0]:
        rest = rest.replace("erasure: {do: delete}", f"erasure: {NUMBER_ALONE}", 1)
    file.write_text(head + customers + rest)
    return folder / "home"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make(folder, seed=1, size="tiny")
    with closing(sqlite3.connect(folder / "shop.db")) as db, db:
        # An erasure of hers would wait for a dispute.
        db.execute(
            "UPDATE disputes SET closed_at = opened_at WHERE order_id IN (SELECT order_id FROM orders WHERE customer_id = 1002)"
        )
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Path:
    """A shop in which one customer was erased."""
    folder = tmp_path_factory.mktemp("once")
    shop = Erasing(folder / "one", made, home=home(folder))
    number = shop.request(WHO)
    shop.erase(number)
    if shop.house.register.get(number).state is State.PARTLY_DONE:
        shop.erase(number, "run-2")
    assert shop.house.register.get(number).state is not State.PARTLY_DONE
    return shop.folder


@pytest.fixture
def shop(tmp_path: Path, once: Path) -> Erasing:
    shutil.copytree(once, tmp_path / "one", symlinks=True)
    found = Erasing(tmp_path / "one", home=once.parent / "home")
    found.clock = FixedClock(NOW + timedelta(days=1))
    return found


def replay(shop: Erasing, run: str = "replay-1", **more) -> replaying.Replay:
    return replaying.replay(shop.house, run, actor="schedule", code_version="1", **more)


def restore(shop: Erasing, made: Path, *names: str) -> None:
    for name in names:
        source, target = made / name, shop.shop / name
        if source.is_dir():
            shutil.rmtree(target)
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)


def test_nothing_is_done_where_nobody_came_back(shop: Erasing) -> None:
    before = shop.everything()
    found = replay(shop)
    assert (found.people, found.records, found.done) == (0, 0, True)
    assert found.looked > 0
    assert shop.everything() == before
    again = replay(shop, "replay-2")
    assert again.skipped > 0
    assert again.looked < found.looked


def test_whoever_comes_back_with_a_backup_is_erased_again_and_nobody_else(shop: Erasing, made: Path) -> None:
    """Edge case 23."""
    erased = shop.everything()
    restore(shop, made, "shop.db", "mail", "analytics", "weblogs", "recruiting.db", "dossiers", "helpdesk")
    assert shop.everything() != erased
    found = replay(shop)
    assert found.done
    assert found.records > 0
    assert shop.everything() == erased
    assert replay(shop, "replay-2").records == 0


CUSTOMER = (
    "INSERT INTO customers (customer_id, first_name, last_name, email, email_since, language, newsletter, created_at)"
)
LATER = "2026-11-21T09:00:00Z"


def back(shop: Erasing, made: Path) -> None:
    """The backup is restored, and then somebody new registers with the erased one's address, and writes a review."""
    restore(shop, made, "shop.db")
    ((email,),) = shop.rows("SELECT email FROM customers WHERE customer_id = 1002")
    shop.change(f"{CUSTOMER} VALUES (9001, 'N', 'N', ?, ?, 'nl', 0, ?)", email, LATER, LATER)
    shop.change("INSERT INTO addresses VALUES (9001, 9001, 'delivery', 'S', '1', '1000 AA', 'T', 'NL', '2026-11-21')")
    shop.change(
        "INSERT INTO reviews (review_id, customer_id, email, product_id, rating, title, published, posted_at) "
        "SELECT 9001, NULL, ?, product_id, 5, 'new', 1, ? FROM reviews LIMIT 1", email, LATER,
    )  # fmt: skip


@pytest.mark.check("others show a replay")
def test_who_came_back_as_a_new_customer_keeps_what_is_newer_than_the_erasure(shop: Erasing, made: Path) -> None:
    """Edge cases 19 and 23: it may as well be the next person who has that address; their records are theirs."""
    erased = shop.everything()
    back(shop, made)
    found = replay(shop)
    assert (found.people, found.reborn, found.done) == (1, 0, True)
    assert shop.rows("SELECT count(*) FROM customers WHERE customer_id = 9001") == [(1,)]
    assert shop.rows("SELECT count(*) FROM addresses WHERE customer_id = 9001") == [(1,)]
    assert shop.rows("SELECT title FROM reviews WHERE review_id = 9001") == [("new",)]
    for table, key in (("reviews", "review_id"), ("addresses", "address_id"), ("customers", "customer_id")):
        shop.change(f"DELETE FROM {table} WHERE {key} = 9001")
    assert shop.everything() == erased
    assert replay(shop, "replay-2").people == 0


@pytest.mark.check("others show a replay")
def test_a_number_that_was_given_out_again_is_told_of_and_nothing_of_its_new_holder_goes(shop: Erasing) -> None:
    """Edge case 19: the shop's next customer got an erased one's number."""
    shop.change(
        f"INSERT OR REPLACE {CUSTOMER[7:]} VALUES (1002, 'N', 'N', 'n@next.example', ?, 'nl', 0, ?)", LATER, LATER
    )
    shop.change("INSERT INTO addresses VALUES (9001, 1002, 'delivery', 'S', '1', '1000 AA', 'T', 'NL', NULL)")
    before = shop.everything()
    found = replay(shop)
    assert (found.people, found.records, found.reborn) == (0, 0, 1)
    assert shop.everything() == before
    shop.change(
        "INSERT INTO reviews (review_id, customer_id, email, product_id, rating, title, published, posted_at) "
        "SELECT 9002, 1002, NULL, product_id, 5, 'old', 1, '2025-01-01T00:00:00Z' FROM products LIMIT 1"
    )
    found = replay(shop, "replay-2")
    assert (found.people, found.reborn) == (1, 1)
    assert shop.everything() == before


def devices(made: Path) -> list[str]:
    with closing(sqlite3.connect(made / "shop.db")) as db:
        return [d for (d,) in db.execute("SELECT DISTINCT device_id FROM sessions WHERE customer_id = ?", (WHO,)) if d]


def logs(shop: Erasing) -> list[bytes]:
    return [content for name, content in shop.everything().items() if name.startswith("weblogs/")]


@pytest.mark.check("others show a replay")
def test_lines_that_arrive_late_go_although_their_file_is_new(shop: Erasing, made: Path) -> None:
    """Edge case 10. A line with nothing but an IP address is nobody's once the visit that it was part of is erased."""
    assert replay(shop).skipped == 0
    assert replay(shop, "replay-2").skipped > 0
    restore(shop, made, "weblogs")
    theirs = [f" - {WHO} [".encode(), *(f'"{device}"'.encode() for device in devices(made))]
    assert any(word in content for content in logs(shop) for word in theirs)
    found = replay(shop, "replay-3")
    assert found.records > 0
    assert not any(word in content for content in logs(shop) for word in theirs)


@pytest.mark.check("others show a replay")
def test_a_dry_run_changes_nothing_and_says_what_would_go(shop: Erasing, made: Path) -> None:
    back(shop, made)
    before = shop.everything()
    found = replay(shop, dry=True)
    assert found.records > 0
    assert not found.done
    assert shop.everything() == before
    (entry,) = shop.house.ledger.entries(kind=replaying.LOOKED)
    assert entry.entry["count"] == found.records


@pytest.mark.check("others show a replay")
def test_too_much_at_once_is_not_done_unless_somebody_has_seen_the_plan(
    shop: Erasing, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "GUARD", replaying.Guard(at_least=0, share=0.0001))
    back(shop, made)
    before = shop.everything()
    with pytest.raises(Refused) as refused:
        replay(shop)
    assert refused.value.code == "replay.too_many"
    with pytest.raises(Refused) as refused:
        replay(shop, "replay-2", expected="0" * 64)
    assert refused.value.code == "replay.other_digest"
    assert shop.everything() == before
    assert shop.house.ledger.entries(run="replay-1", kind="run.ended")[0].entry["reason"] == "replay.too_many"
    digest = replay(shop, "replay-3", dry=True).digest
    assert replay(shop, "replay-4", expected=digest).done


def test_markers_that_somebody_wrote_by_hand_erase_nobody(shop: Erasing) -> None:
    before = shop.everything()
    mark = Markers(shop.house).mark("shop.customer_id", 1001)
    with shop.house.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO erasure_markers VALUES (?, '', '', '2026-11-21T12:00:00+00:00')", (mark,)
        )  # fmt: skip
    with pytest.raises(Tampered) as refused:
        replay(shop)
    assert refused.value.code == "markers.altered"
    assert shop.everything() == before


@pytest.mark.check("others show a replay")
def test_what_is_held_stays_and_goes_with_the_next_run_after(shop: Erasing, made: Path) -> None:
    back(shop, made)
    hold: str = shop.house.holds.place(
        HoldKind.SUSPENSION, (Subject(1, (Identifier("shop.customer_id", 1002),)),), ground="a case", author="counsel"
    )  # fmt: skip
    found = replay(shop)
    assert found.kept["held"] > 0
    assert shop.rows("SELECT count(*) FROM addresses WHERE customer_id = 1002") != [(0,)]
    shop.house.holds.release(hold, author="counsel")
    replay(shop, "replay-2")
    assert shop.rows("SELECT count(*) FROM addresses WHERE customer_id = 1002") == [(0,)]


@pytest.mark.check("others show a replay")
def test_a_replay_that_was_killed_is_ended_by_the_next_one_which_finishes(
    shop: Erasing, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 13."""
    erased = shop.everything()
    restore(shop, made, "shop.db", "mail", "weblogs")

    class Killed(BaseException):
        """The process is gone."""

    def look(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("privacy.plans.erased.look", look)
        with pytest.raises(Killed):
            replay(shop)
    assert not shop.house.ledger.entries(run="replay-1", kind="run.ended")
    replay(shop, "replay-2")
    ended = shop.house.ledger.entries(run="replay-1", kind="run.ended")[0].entry
    assert (ended["status"], ended["reason"], ended["derived"]) == ("failed", "run.lost", True)
    assert int(str(ended["deleted"])) > 0
    assert shop.everything() == erased


@pytest.mark.check("others show a replay")
def test_no_identifier_is_kept_by_a_replay(shop: Erasing, made: Path) -> None:
    back(shop, made)
    ((email,),) = shop.rows("SELECT email FROM customers WHERE customer_id = 1002")
    replay(shop)
    for file in (shop.folder / "state").rglob("*"):
        if file.is_file():
            assert email.encode() not in file.read_bytes()


def test_a_restriction_is_told_to_those_who_have_something_of_the_person_and_so_is_its_end(shop: Erasing) -> None:
    """Art. 19 GDPR: not to whoever might, to whoever does."""
    named = [Identifier("shop.customer_id", 1009)]
    number = shop.house.register.receive(Right.RESTRICTION, named, author="desk").number
    subject, notices = shop.house.subject(number), Notices(shop.house)
    made = notices.tell(number, Deed.RESTRICTION, holding(shop.house, subject), subject=subject, author="desk")
    told = {notice.processor for notice in made}
    assert "polderhosting" in told
    assert "loonbureau" not in told
    ended = notices.tell(number, Deed.LIFTING, notices.about(number, Deed.RESTRICTION), subject=subject, author="desk")
    assert {notice.processor for notice in ended} == told


def test_an_erasure_tells_the_processors_of_what_went_and_of_nothing_that_is_retained(shop: Erasing) -> None:
    """Art. 19 GDPR: the accountant keeps the invoices, as the shop does."""
    made = {n.processor: Notices(shop.house).open(n.id) for n in Notices(shop.house).all()}
    assert "telkantoor" not in made
    assert "shop.sessions" in made["polderhosting"].datasets
    assert "shop.invoices" not in made["polderhosting"].datasets
    assert ("shop.customer_id", (WHO,)) in made["polderhosting"].identifiers
