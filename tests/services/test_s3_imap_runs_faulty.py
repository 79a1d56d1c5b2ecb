"""Whole purges over servers that fail in the middle: nothing is lost or doubled, and no run is green that is not done.

How each single call fails is in ``test_s3_faults`` and ``test_imap_faults``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import count

import pytest

from privacy.errors import PrivacyError, Refused, RetryLater, Unreadable
from privacy.orchestration import purges
from privacy.storage_s3 import S3Store
from services.dovecot import Dovecot, dovecot
from services.faulty import Answer, Asked, Faulty, Pass, error, faulty
from services.imap_kit import line
from services.seaweed import Seaweed
from services.sql_studio import steps
from services.stores_studio import StoresStudio, Template

CASES, LINES = 3 * 5, 3 * 2 + 2
"""So many records go: see ``stores_studio.fill``."""


@pytest.fixture(scope="module")
def mail() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture(scope="module")
def template(s3: Seaweed, mail: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("studio"), s3, mail, rows=2, versions=False)


@pytest.fixture
def front(s3: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """One that the store's own patience does not outlast."""
    assert S3Store.__init__.__kwdefaults__
    monkeypatch.setitem(S3Store.__init__.__kwdefaults__, "attempts", 1)
    with faulty(s3.port) as made:
        yield made


def deleted(studio: StoresStudio) -> int:
    """So many records all runs together say that they deleted."""
    return sum(e.entry["deleted"] for e in studio.house.ledger.entries(kind="run.ended"))


def right(studio: StoresStudio, rule: str, before: dict[str, bytes]) -> None:
    """What is due is gone, counted once, and all else is as it was."""
    assert deleted(studio) == (CASES if rule == "cases" else LINES)
    after = studio.everything()
    assert all(after[name] == before[name] for name in after.keys() & before.keys())
    changed = 3 if rule == "lines" else 0
    assert len(before.keys() - after.keys()) == (CASES if rule == "cases" else 1 + changed)
    assert len(after.keys() - before.keys()) == changed
    assert studio.house.verify().ok
    studio.close()


@pytest.mark.parametrize("rule", ["cases", "lines"])
def test_an_object_store_that_turns_busy_in_the_middle_leaves_the_run_open_and_the_next_try_is_right(
    template: Template, front: Faulty, rule: str
) -> None:
    """503 from the second change on, until it has recovered."""
    studio, changes, well = template.fresh(endpoint=front.endpoint), count(), []

    def rule_of(asked: Asked, forward: Pass) -> Answer:
        changing = asked.deletes or asked.method in ("PUT", "DELETE")
        return error(503, "SlowDown") if changing and not well and next(changes) >= 1 else forward()

    before = studio.everything()
    front.rule = rule_of
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        steps(studio, rule)
    assert not studio.house.ledger.entries(run=studio.run(rule).id, kind="run.ended"), "it is not green"
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        steps(studio, rule)
    well.append(True)
    steps(studio, rule)
    assert studio.ended(studio.run(rule))["status"] == "done"
    right(studio, rule, before)


@pytest.mark.parametrize("rule", ["cases", "lines"])
def test_a_slow_object_store_takes_longer_and_nothing_else(template: Template, front: Faulty, rule: str) -> None:
    studio = template.fresh(endpoint=front.endpoint)
    before = studio.everything()
    front.rule = lambda _, forward: (time.sleep(0.15), forward())[1]
    steps(studio, rule)
    assert studio.ended(studio.run(rule))["status"] == "done"
    right(studio, rule, before)


def test_a_key_that_a_200_lists_as_failed_makes_the_run_red_and_the_next_one_takes_it(
    template: Template, front: Faulty
) -> None:
    """Edge case 12: the rows of that case stay with its paper, or nothing would ever find it again."""
    studio = template.fresh(endpoint=front.endpoint)
    before, well = studio.everything(), []

    def rule(asked: Asked, forward: Pass) -> Answer:
        if not asked.deletes or well:
            return forward()
        said = "".join(
            f"<Error><Key>{key}</Key><Code>AccessDenied</Code></Error>"
            for key in re.findall(r"<Key>(.*?)</Key>", asked.body.decode())
        )
        return Answer(200, f"<DeleteResult>{said}</DeleteResult>".encode())

    front.rule = rule
    run = studio.run("cases")
    purges.plan(studio.house, run)
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    with pytest.raises(Refused, match=r"storage\.denied"):
        purges.record(studio.house, run, None)
    ended = studio.ended(run)
    assert (ended["status"], ended["reason"], ended["failed"]) == ("failed", "storage.denied", 6)
    there = studio.everything()
    assert [name for name in there if name.startswith("scans/cases/")] == [
        name for name in before if name.startswith("scans/cases/")
    ]
    assert len(studio.sql("SELECT 1 FROM cases")) == 5, "no row goes before its papers"
    well.append(True)
    studio.purge("cases", "next")
    right(studio, "cases", before)


def test_credentials_that_have_expired_delete_nothing_and_the_run_is_red(template: Template, front: Faulty) -> None:
    studio = template.fresh(endpoint=front.endpoint)
    before, run = studio.everything(), studio.run("cases")
    front.rule = lambda *_: error(403, "ExpiredToken")
    with pytest.raises(Unreadable, match=r"storage\.denied") as raised:
        purges.plan(studio.house, run)
    with pytest.raises(Refused, match=r"storage\.denied"):
        purges.record(studio.house, run, raised.value.code)
    assert (studio.ended(run)["status"], studio.ended(run)["deleted"]) == ("failed", 0)
    assert studio.everything() == before
    front.rule = lambda _, forward: forward()
    studio.purge("cases", "next")
    right(studio, "cases", before)


def test_a_mail_server_whose_line_is_cut_anywhere_in_a_purge_costs_a_try_and_no_message(
    template: Template, mail: Dovecot
) -> None:
    with line(mail.port) as whole:
        studio = template.fresh(port=whole.port)
        before = studio.everything()
        steps(studio, "cases")
        right(studio, "cases", before)
    cut = 0
    for most in range(whole.came // 12, whole.came, whole.came // 6):
        with line(mail.port, most) as broken:
            studio = template.fresh(port=broken.port)
            for _ in range(4):
                try:
                    steps(studio, "cases")
                    break
                except PrivacyError as problem:
                    # What Airflow tries again; anything else would end the run.
                    cut += was_cut(studio, problem)
            assert studio.ended(studio.run("cases"))["status"] == "done"
            right(studio, "cases", before)
    assert cut >= 3


def was_cut(studio: StoresStudio, problem: PrivacyError) -> bool:
    assert isinstance(problem, RetryLater)
    assert problem.code == "mailbox.connection"
    assert not studio.house.ledger.entries(run=studio.run("cases").id, kind="run.ended"), "it is not green"
    return True
