"""Exports and purges through Celery's workers on the whole stack: spread over two of them, and one is killed.

Shop and recruiting are on MariaDB, ledger and register on PostgreSQL, files and bundles on S3, mail on IMAP. What there is
afterwards is seen by a plain look that asks none of our sources; what there should be is said by the generator's answer
sheet.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from conftest_answers import decided
from conftest_demo import Made
from conftest_look import SHARED, Thing, place_of
from services.celery import WORKERS, celery_airflow
from services.celery_shop import AHEAD, BATCH, EXPORT, Celery, Gate, Installation, gate
from services.faulty import Asked, faulty
from services.whole import Servers

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

WHO = "2004"
"""The customer with the most visits, under two accounts that were merged."""

PEOPLE = {"applicant:1010": 1, "employee:1004": 0, "guest:pieter.gast@post.example": 0}
"""An applicant who was hired, an employee, a guest; and how each is named."""

HOUSEHOLD = "1005"
"""Shares an address with somebody: a person has to decide."""

AS_OF = datetime.fromisoformat("2026-11-21T12:00:00+01:00")
OLD, NEW = AS_OF - timedelta(days=500), AS_OF - timedelta(days=5)


@dataclass(frozen=True)
class Kill:
    """A purge in which a worker is killed.

    :param dag: the purge. :param rule: it is killed in this one.
    :param held: the request to S3 that is under way then. :param nth: which of them; 0: killed between two batches.
    :param done: whether the request arrives, and only its answer is lost. :param more: what comes in before.
    """

    dag: str
    rule: str
    held: Callable[[Asked], bool] = lambda _: False
    nth: int = 0
    done: bool = False
    more: Callable[[Installation], None] = lambda _: None


def rewriting(asked: Asked) -> bool:
    """The last of the requests by which an object gets its new content."""
    return asked.method == "POST" and "/weblogs/" in asked.path and "uploadId=" in asked.path


def removing(asked: Asked) -> bool:
    return asked.deletes and b"<Key>camera/" in asked.body


@pytest.fixture(scope="module")
def celery(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Celery]:
    folder = tmp_path_factory.mktemp("celery")
    made = Made(folder / "shop", seed=2)
    with faulty(servers.s3.port) as way:
        shop = Installation(made, servers, folder, way)
        dags = {EXPORT, *(kill.dag for kill in KILLS)}
        with celery_airflow(folder, servers.postgresql, shop.variables, *dags) as airflow:
            yield Celery(shop, airflow)
    made.close()


def test_an_export_of_a_years_logs_is_spread_over_both_workers_and_its_bundle_is_right(celery: Celery) -> None:
    number, run = celery.export(WHO)
    assert celery.airflow.over(EXPORT, run) == "success", celery.states(EXPORT, run)
    shares = celery.airflow.shares(EXPORT, run, "extract")
    assert set(shares) == set(WORKERS)
    pools = {str(t["rendered_map_index"]): t["pool"] for t in celery.airflow.tasks(EXPORT, run)}
    logs = [name for name in pools if name.startswith("weblogs.access ")]
    assert len(logs) >= 5
    assert {pools[name] for name in logs} == {"privacy_weblogs"}
    assert min(shares.values()) >= 5, shares
    assert celery.shop.told(number) == [("run.begun", ""), ("run.ended", "done")]
    celery.shop.right(number, celery.shop.made.subjects[WHO])
    celery.shop.tidy()


def test_people_of_every_kind_get_exactly_the_records_of_the_answer_sheet(celery: Celery) -> None:
    """Edge cases 12, 16, 19, 22, 31: all at once; whose address is shared is decided by a person, and asked again."""
    shop, airflow = celery.shop, celery.airflow
    runs = {who: celery.export(who, by) for who, by in PEOPLE.items()}
    shared, first = celery.export(HOUSEHOLD, 1)
    for _, run in runs.values():
        assert airflow.over(EXPORT, run) == "success", celery.states(EXPORT, run)
    assert airflow.over(EXPORT, first) == "failed"
    question = shop.house.register.question(shared)
    assert question is not None
    entry = shop.made.subjects[HOUSEHOLD]
    shop.house.register.decide(shared, decided(entry, question, "shared"), "desk")
    again = airflow.api.trigger(EXPORT, request=shared)
    assert airflow.over(EXPORT, again) == "success", celery.states(EXPORT, again)
    hosts: Counter[str] = Counter()
    for _, run in runs.values():
        hosts.update(airflow.shares(EXPORT, run, "extract"))
    assert set(hosts) == set(WORKERS)
    for who, (number, _) in runs.items():
        shop.right(number, shop.made.subjects[who])
    shop.right(shared, entry["decisions"]["shared"])
    shop.tidy()


def test_a_worker_killed_in_the_middle_of_an_export_costs_time_and_nothing_else(celery: Celery) -> None:
    """Edge case 12."""
    before = celery.shop.look()
    number, run = celery.export(WHO)
    killed = celery.airflow.killed_while(lambda: celery.extracting(run))
    try:
        assert celery.airflow.over(EXPORT, run) == "success", celery.states(EXPORT, run)
        again = [t for t in celery.airflow.tasks(EXPORT, run) if t["task_id"] == "extract" and t["try_number"] > 1]
        assert again
        assert {t["hostname"] for t in again} == set(WORKERS) - {killed}
    finally:
        celery.airflow.start(killed)
    assert celery.shop.told(number) == [("run.begun", ""), ("run.ended", "done")]
    celery.shop.right(number, celery.shop.made.subjects[WHO])
    celery.shop.tidy()
    after = celery.shop.look()
    assert after.things == before.things
    assert after.files == before.files


def pictures(shop: Installation) -> None:
    """More still pictures that are due."""
    for n in range(8):
        key = f"thumbnails/balie/20261101T0{n}0000Z.jpg"
        shop.place.put("camera", key, b"\xff\xd8\xff" + bytes([n]))
        shop.due.of["camera.thumbnails", (key,)] = (datetime(2026, 11, 3, n, tzinfo=UTC), "at_most")


def straddling(shop: Installation) -> None:
    """Logs with lines that are due and lines that are not."""
    for n in range(4):
        lines = [
            f'198.51.100.9 - - [{at:%d/%b/%Y:%H:%M:%S %z}] "GET /{n} HTTP/1.1" 200 {size} "-" "x" "-"'.encode()
            for size, at in enumerate((OLD, NEW, OLD, NEW))
        ]
        key = f"nginx/access/access-mixed-{n}.gz"
        shop.place.put("weblogs", key, gzip.compress(b"".join(line + b"\n" for line in lines)))
        for line, at in zip(lines, (OLD, NEW, OLD, NEW), strict=True):
            shop.due.of["weblogs.access", (key, line)] = (at + timedelta(days=366), "at_most")


KILLS = [
    Kill("purge_camera_footage", "footage", removing, nth=3, done=True, more=pictures),
    Kill("purge_logfiles", "log_lines", rewriting, nth=2, more=straddling),
    Kill("purge_email_archive", "other_mail"),
]


@pytest.mark.parametrize("kill", KILLS, ids=[kill.dag for kill in KILLS])
def test_a_worker_killed_in_the_middle_of_a_purge_leaves_right_counts_and_all_else_as_it_was(
    celery: Celery, kill: Kill
) -> None:
    """Edge cases 7, 12 and 13."""
    shop, airflow, house = celery.shop, celery.airflow, celery.shop.house
    shop.settled()
    kill.more(shop)
    airflow.wait(kill.dag)
    rules, ahead = house.policy.purges[kill.dag].rules, AHEAD.get(kill.dag, timedelta(days=1))
    due = {name: shop.due.by(AS_OF, ahead, *rule.datasets) for name, rule in rules.items()}
    mine, before = due[kill.rule], shop.look()
    assert len(mine) > 3 * BATCH
    assert mine <= {thing[:2] for thing in before.things}
    told = {e.seq for e in house.ledger.entries()}
    run = airflow.api.trigger(kill.dag, dry_run=False, as_of=AS_OF.isoformat())

    with ExitStack() as stack:
        barrier = stack.enter_context(gate(shop.faulty, kill.held, kill.nth, done=kill.done))
        killed = airflow.killed_while(lambda: in_the_middle(celery, kill, run, barrier, mine), seconds=240)
    try:
        left = mine & {thing[:2] for thing in shop.look().things}
        assert 0 < len(left) < len(mine)
        state = airflow.over(kill.dag, run, asked=lambda _: celery.approve(kill.dag, run))
        assert state == "success", celery.states(kill.dag, run)
    finally:
        airflow.start(killed)
    assert max(t["try_number"] for t in airflow.tasks(kill.dag, run) if t["task_id"] == "rule.purge") > 1
    new = [e.entry for e in house.ledger.entries() if e.seq not in told]
    begun = {e["run"]: e["rule"] for e in new if e["kind"] == "run.begun"}
    ended = [(begun[e["run"]], e["status"], e["deleted"]) for e in new if e["kind"] == "run.ended"]
    assert sorted(ended) == sorted((rule, "done", len(those)) for rule, those in due.items())
    shop.tidy()
    # What was to go, is gone; everything else is there, byte for byte.
    after = shop.look()
    gone = before.things - after.things
    assert not after.things - before.things
    assert Counter(thing[:2] for thing in gone.elements()) == Counter({key for those in due.values() for key in those})
    touched = {where(thing) for thing in gone if thing[0].partition(".")[0] in SHARED}
    assert {k: v for k, v in after.files.items() if k not in touched} == {
        k: v for k, v in before.files.items() if k not in touched
    }


def where(thing: Thing) -> str:
    return f"{thing[0].partition('.')[0]}/{place_of(thing)}"


def in_the_middle(celery: Celery, kill: Kill, run: str, barrier: Gate, mine: set[tuple[str, object]]) -> str | None:
    """The worker that deletes for the rule, while a request of it waits, or between two batches."""
    if kill.nth and barrier.holds.is_set():
        return celery.purging(kill.dag, run, kill.rule)
    celery.approve(kill.dag, run)
    if kill.nth:
        return None
    there = {("mail", (folder, name)) for folder, name, _ in celery.shop.place.messages()}
    return celery.purging(kill.dag, run, kill.rule) if 0 < len(mine & there) < len(mine) else None
