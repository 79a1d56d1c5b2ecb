"""An installation as it is after years: a register of 100,000 requests and a ledger of a million entries, in a minute.

Written past the library, and as the library would have it: chained, signed for, each request's content sealed under its
own key and told of in the ledger. ``privacy ledger verify`` stands; a test of the desk's speed proves nothing without.
"""

from __future__ import annotations

import heapq
import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from privacy import numbers
from privacy.connections import Connection
from privacy.database import engine
from privacy.datamap.load import load_policy
from privacy.datamap.policy import Policy
from privacy.keys import MasterKey, new_key, seal
from privacy.ledger import upgrade
from privacy.ledger.chain import START, Head, HeadFile
from privacy.ledger.runs import written as instant
from privacy.ledger.tables import DATES
from privacy.rights.payload import Act, BundleRef, Closing, Evidence, EvidenceKind, Ground, Payload, Proof
from privacy.rights.rows import _about, written
from privacy.rights.states import Right
from privacy.settings import Settings
from privacy.sources.base import Identifier

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
"""The moment as of which it is full."""

YEARS = timedelta(days=6 * 365)
PLACE = "AVG-2020-0001-0"
"""Stands for a request's number in content that is made once and used for many."""

DIGEST = "0" * 64
Said = tuple[datetime, dict[str, Any]]


def make(folder: Path, home: Path, *, requests: int = 100_000, entries: int = 1_000_000, now: datetime = NOW) -> None:
    """Fill a state folder that is empty.

    :param folder: ``PRIVACY_STATE``. :param home: ``PRIVACY_HOME``: the policy's rules are those that have run.
    :param entries: of the ledger, about, and never fewer than the requests need. :param now: aware.
    """
    drawn = random.Random(7)  # noqa: S311 - the same each time
    settings = Settings(home=home, state=folder)
    key, policy = MasterKey.load(settings.master_key_file, create=True), load_policy(home)
    made = engine(Connection("ledger", f"sqlite:///{folder}/ledger.db"), create=True)
    upgrade(made)
    rows, told = _register(key, policy, requests, now, drawn)
    runs = max(0, entries - len(told)) // 2
    head = Head(0, START)
    raw = made.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("BEGIN")
        columns = list(rows[0]) if rows else []
        cursor.executemany(
            f"INSERT INTO request_register ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            [tuple(row.values()) for row in rows],
        )
        told.sort(key=lambda one: one[0])
        head = _written(cursor, heapq.merge(told, _runs(policy, runs, now, drawn), key=lambda one: one[0]))
        cursor.execute("COMMIT")
        cursor.execute("PRAGMA optimize")
    finally:
        raw.close()
        made.dispose()
    with HeadFile(settings.head_file, key).staged(head, now) as publish:
        publish()


def _written(cursor: Any, said: Iterator[Said]) -> Head:
    previous, seq, rows = bytes.fromhex(START), 0, []
    for at, entry in said:
        # Canonical as it is, of numbers and plain letters alone: RFC 8785's own writer would take a minute.
        text = json.dumps({"at": instant(at), **entry}, sort_keys=True, separators=(",", ":"))
        digest = sha256(previous + text.encode())
        previous, seq = digest.digest(), seq + 1
        rows.append((seq, text, digest.hexdigest()))
        if len(rows) == 20_000:
            cursor.executemany("INSERT INTO ledger (seq, entry, hash) VALUES (?, ?, ?)", rows)
            rows = []
    cursor.executemany("INSERT INTO ledger (seq, entry, hash) VALUES (?, ?, ?)", rows)
    return Head(seq, previous.hex())


def _runs(policy: Policy, count: int, now: datetime, drawn: random.Random) -> Iterator[Said]:
    """Runs of all rules in turn: three of a hundred failed, one of two hundred asked; and each day the evidence."""
    rules = [(purge, name, rule) for purge, made in policy.purges.items() for name, rule in made.rules.items()]
    own = list(type(policy.own).model_fields) if policy.own else []
    every = [(p, n, r.promises) for p, n, r in rules]
    every += [("purge_bundles", name, getattr(policy.own, name).promises) for name in own]
    step, day = YEARS / max(count, 1), None
    for number in range(count):
        at = now - YEARS + step * number
        purge, rule, promises = every[number % len(every)]
        run = str(uuid.UUID(int=drawn.getrandbits(128), version=4))
        taken = drawn.randrange(99)
        begun = {"kind": "run.begun", "actor": "scheduled", "run": run, "pipeline": purge, "rule": rule, "limit": "P12M",
            "code_version": "1.0.0", "policy_version": policy.version, "as_of": instant(at),
            "bound": instant(at - timedelta(days=365)), "candidates": taken, "plan_digest": DIGEST}  # fmt: skip
        yield at, begun | ({"promises": list(promises)} if promises else {})
        if number % 200 == 0:
            for kind, who in (("purge.asked", "scheduled"), ("purge.approved", "operator")):
                yield at, {"kind": kind, "actor": who, "run": run, "rule": rule, "digest": DIGEST}
        failed = number % 100 in (3, 50, 77) and number < count - 5 * len(every)
        yield at + step / 2, {"kind": "run.ended", "actor": "scheduled", "run": run,
            "status": "failed" if failed else "done", **({"reason": "database.busy"} if failed else {}),
            "datasets": {f"shop.{rule}": {"bytes": taken * 70, "records": taken}}, "records": taken, "bytes": taken * 70,
            "deleted": 0 if failed else taken, "retained": {}, "held": 0, "failed": 0, "omitted": {},
            "unattributed": 0}  # fmt: skip
        if at.date() != day:
            day = at.date()
            yield at + step / 2, {"kind": "evidence.verified", "actor": "scheduled", "count": 0}


def _register(
    key: MasterKey, policy: Policy, count: int, now: datetime, drawn: random.Random
) -> tuple[list[dict[str, Any]], list[Said]]:
    """Rows, and what the ledger has of them. Who asked lately still waits; a few wait for too long."""
    wrapping, cases = key.derive("wrap"), _cases()
    rows: list[dict[str, Any]] = []
    told: list[Said] = []
    step = YEARS / max(count, 1)
    late = set(drawn.sample(range(count // 2), min(5, count // 2)))
    for serial in range(1, count + 1):
        received = now - YEARS + step * serial - timedelta(minutes=1)
        number = numbers.number(policy.prefix, received.year, serial)
        name = "open" if serial in late or now - received < timedelta(days=20) else cases["order"][serial % 10]
        right, dates, content = cases[name]
        run = str(uuid.UUID(int=drawn.getrandbits(128), version=4))
        moments = {d: written(received + timedelta(hours=hours)) for d, hours in dates.items()}
        row: dict[str, Any] = {"number": number, "right_": right.value, **dict.fromkeys(DATES), **moments,
            "received_at": written(received), "run": run if dates.get("begun_at") else None}  # fmt: skip
        said = [(received, {"kind": "request.received", "right": right.value, "received_at": instant(received)})]
        for date, hours in dates.items():
            at = received + timedelta(hours=hours)
            said.append((at, {"kind": f"request.{date.removesuffix('_at')}"}))
            if date == "begun_at":
                told += _export(number, run, at)
            if date == "released_at":
                said.append((at + timedelta(hours=1), {"kind": "request.delivered", "reason": "link"}))
        if forgotten := (name == "erased"):
            said.append((received + timedelta(hours=200), {"kind": "request.forgotten"}))
        row["revision"] = len(said)
        for revision, (at, entry) in enumerate(said, 1):
            told.append((at, {**entry, "actor": "operator", "request": number, "revision": revision}))
        about = _about(row)
        if forgotten:
            row |= {"key": None, "payload": None}
            told[-1][1]["digest"] = sha256(about.encode()).hexdigest()
        else:
            own = new_key()
            row |= {"key": seal(wrapping, own, about=number),
                "payload": seal(own, content.replace(PLACE, number).encode(), about=about)}  # fmt: skip
        rows.append(row)
    return rows, told


def _export(number: str, run: str, at: datetime) -> Iterator[Said]:
    both = {"actor": "operator", "run": run, "request": number}
    yield (
        at,
        {**both, "kind": "run.begun", "pipeline": "export_subject", "code_version": "1.0.0", "policy_version": "1"},
    )
    yield at + timedelta(minutes=3), {**both, "kind": "run.ended", "status": "done", "records": 42, "bytes": 70_000,
        "datasets": {"shop.orders": {"records": 42, "bytes": 70_000}}, "deleted": 0, "retained": {}, "held": 0,
        "failed": 0, "omitted": {}, "unattributed": 0}  # fmt: skip


def _cases() -> dict[str, Any]:
    """Kinds of requests: the right, hours from arrival to each date, and the content as it is sealed."""
    at = NOW - YEARS
    first = Payload.of(number=PLACE, identifiers=(Identifier("email", "anna@voorbeeld.example"),), channel="email",
        author="operator", secret="AGE-SECRET-KEY-OF-NO-ONE")  # fmt: skip
    proven = first.but(proofs=(Proof.of(evidence=Evidence(kind=EvidenceKind.DOCUMENT), author="operator", at=at),))
    closing = Closing.of(author="operator", at=at)
    bundle = BundleRef.of(path="none", run="none", inner_sha256=DIGEST, outer_sha256=DIGEST, counts={"shop.orders": 42},
        sealed_at=at, purged_at=at)  # fmt: skip
    act = Act.of(author="operator", at=at)
    released = {"begun_at": 1, "sealed_at": 2, "proven_at": 30, "released_at": 50}
    acted = {"proven_at": 30, "acted_at": 40, "answered_at": 50}
    found = {
        "open": (Right.ACCESS, {}, first),
        "copied": (Right.ACCESS, released, proven.but(bundle=bundle, release=closing)),
        "carried": (Right.PORTABILITY, released, proven.but(bundle=bundle, release=closing)),
        "erased": (Right.ERASURE, acted, proven.but(act=act, answer=closing)),
        "corrected": (Right.RECTIFICATION, acted, proven.but(act=act, answer=closing)),
        "refused": (Right.ACCESS, {"refused_at": 60}, first.but(refusal=Closing.of(author="operator", at=at,
            ground=Ground.IDENTITY))),
    }  # fmt: skip
    order = ["copied", "erased", "copied", "refused", "copied", "carried", "erased", "copied", "corrected", "copied"]
    return {name: (r, d, p.as_bytes().decode()) for name, (r, d, p) in found.items()} | {"order": order}
