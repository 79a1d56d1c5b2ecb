"""What the doctor tries of the systems of the data map: connection, permission, region, claims."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from privacy.connections import Connection
from privacy.errors import BadConfiguration
from privacy.rights.doctor import Level, Said, guarded, right, wrong

if TYPE_CHECKING:
    from privacy.datamap.models import System
    from privacy.rights.house import House

_READ_ONLY = "sql.read_only"
_EMPTY = "datamap.empty_store"


def systems(house: House) -> Iterator[Said]:
    """Every system, one by one: one that cannot be reached says nothing about the others."""
    try:
        found = house.datamap.systems
    except BadConfiguration:
        return  # Told where the data map is looked at.
    for system in found.values():
        yield from guarded("connection", system.system, partial(_system, house, system))


def _system(house: House, system: System) -> Iterator[Said]:
    from privacy.datamap.completeness import unclaimed

    name, connection = system.system, house.connections.get(system.connection)
    yield from region(connection)
    source = house.source(name)
    held = list(source.inventory())
    findings = unclaimed(system, held, house.datamap.home)
    empty = next((f for f in findings if f.code == _EMPTY), None)
    if empty is not None:
        # A folder where nothing is mounted looks so. Processors may have delivered nothing yet.
        awaited = all(d.delivery is not None for d in system.datasets.values())
        yield Said(
            "connection", name, Level.WARNING if awaited else Level.FATAL, empty.message, _EMPTY,
            f"Mount what belongs there, or correct the connection {system.connection}.",
        )  # fmt: skip
        if not awaited:
            return
    else:
        yield right("connection", name, f"opened ({connection.scheme}), {len(held)} tables, prefixes or folders.")
    problems = list(source.check())
    told = {p.where.partition(":")[0] for p in problems}
    for problem in problems:
        if problem.code != _READ_ONLY:
            yield wrong("connection", problem, name, fatal=problem.fatal)
    yield from permission(house, system, connection, {p.code: p.message for p in problems})
    # What a dataset's own source has said of it is not said twice.
    more = [f for f in findings if f.code != _EMPTY]
    more = [f for f in more if f.code != "datamap.absent" or f"{name}.{f.name.partition(':')[0]}" not in told]
    for finding in more:
        yield wrong("claim", finding, name, fatal=finding.red)
    if not any(finding.red for finding in more):
        yield right("claim", name, "all that is in it is described, or excused by name.")


def permission(house: House, system: System, connection: Connection, problems: dict[str, str]) -> Iterator[Said]:
    """Whether a store may be read, and written to where a rule deletes; of a store that only a delete tells, so.

    :param problems: code -> message of what the source's check has told.
    """
    name, rules = system.system, purging(house, system)
    needs = f"rule {', '.join(rules)}" if rules else ""
    if system.source == "sql":
        lacks = problems.get(_READ_ONLY)
    elif connection.scheme == "file":
        lacks = _fixed_folders(system, connection.folder)
    elif connection.scheme == "s3":
        yield from bucket(name, connection, needs)
        return
    else:
        yield right("permission", name, "may be read; that it may delete is proven by its purges alone.")
        return
    if lacks and rules:
        yield Said(
            "permission", name, Level.FATAL, f"{lacks.rstrip('.')}; {needs} cannot delete.", "permission.purge",
            "Give this account (of a folder: this user) the right to write and delete, or purge it elsewhere.",
        )  # fmt: skip
    elif lacks:
        yield right("permission", name, "may be read only: enough for exports, and no rule purges here.")
    else:
        yield right("permission", name, f"may be read, and written to{f' by {needs}' if rules else ''}.")


def bucket(name: str, connection: Connection, needs: str) -> Iterator[Said]:
    """Whether a bucket may be written to and deleted from, and what it keeps by itself; nothing is changed.

    :param needs: who needs that; empty: nobody.
    """
    from privacy.storage_s3_doctor import allowed

    if not needs:
        yield right("permission", name, "may be read: enough for exports, and no rule purges here.")
        return
    found = allowed(connection)
    lacks = [word for word, may in (("written to", found.write), ("deleted from", found.delete)) if may is False]
    if lacks:
        yield Said(
            "permission", name, Level.FATAL, f"The bucket cannot be {' or '.join(lacks)}; {needs} cannot delete.",
            "permission.purge", "Give these credentials the rights that docs/adr/0013 lists.",
        )  # fmt: skip
    elif None in (found.write, found.delete):
        yield right("permission", name, f"may be read; that {needs} may delete is proven by its purges alone.")
    else:
        kept = "; it keeps versions, and a purge removes them all" if found.versions else ""
        yield right("permission", name, f"may be read, written to and deleted from by {needs}{kept}.")
    if found.days:
        yield Said(
            "permission", name, Level.WARNING,
            f"Object lock keeps whatever is new for {found.days} days: {needs} cannot delete it before, and a "
            "rewritten object begins anew.",
            "permission.retention", "Take the default retention off the bucket, or see that every term is longer.",
        )  # fmt: skip
    elif found.lock:
        yield Said(
            "permission", name, Level.WARNING, f"Object lock is on: what bears a hold or a date stays from {needs}.",
            "permission.lock", "Nothing, where that is meant: it is told as held, and stands in the ledger.",
        )  # fmt: skip
    elif found.lock is None:
        yield Said(
            "permission", name, Level.WARNING, "These credentials may not ask whether the bucket has object lock.",
            "permission.lock_unknown", "Allow s3:GetBucketObjectLockConfiguration, or look at it yourself.",
        )  # fmt: skip


def purging(house: House, system: System) -> list[str]:
    """The rules that delete from a system, by name."""
    mine = {f"{system.system}.{dataset}" for dataset in system.datasets}
    made = [(name, rule) for purge in house.policy.purges.values() for name, rule in purge.rules.items()]
    rules = [name for name, rule in made if mine & set(rule.datasets)]
    delivered = any(d.delivery is not None for d in system.datasets.values())
    return rules + (["own.deliveries"] if delivered and house.policy.own is not None else [])


def _fixed_folders(system: System, root: Path) -> str | None:
    """How many folders with records cannot be written to; counted, for a folder may be named after a person."""
    prefixes = {(d.prefix or "").rpartition("/")[0] for d in system.datasets.values()}
    fixed: set[str] = set()
    for top in {root / prefix for prefix in prefixes}:
        for folder, _, _ in os.walk(top):
            if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                fixed.add(folder)
    return f"{len(fixed)} of its folders cannot be written to" if fixed else None


@cache
def _eu() -> dict[str, str]:
    """Region -> where that is, of those within the EU."""
    found: dict[str, str] = json.loads(files("privacy").joinpath("storage_s3_regions.json").read_text(encoding="utf-8"))
    return found


def region(connection: Connection) -> Iterator[Said]:
    """Whether the region that a connection declares, as an option or in its URL's query, is within the EU."""
    try:
        query = dict(parse_qsl(urlsplit(connection.url).query))
    except ValueError:
        return  # No URL: told by whoever opens it.
    declared = (connection.options.get("region") or query.get("region") or "").strip().lower()
    if not declared:
        return
    if declared in _eu():
        yield right("region", connection.name, f"within the EU: {_eu()[declared]}.")
        return
    yield Said(
        "region", connection.name, Level.FATAL, "The declared region is none within the EU that is known.",
        "region.outside_eu", "Move the data to a region within the EU (storage_s3_regions.json lists them).",
    )  # fmt: skip
