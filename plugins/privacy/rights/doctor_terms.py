"""What the doctor says of data map and policy: mistakes, terms that nobody keeps, schedules that are too seldom."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from croniter import croniter

from privacy.rights.doctor import Level, Said, right, wrong

if TYPE_CHECKING:
    from privacy.datamap.policy import Policy, Rule
    from privacy.rights.house import House

_TICKS, _YEARS = 800, 4
"""So many runs of a schedule are looked at, at most so many years: a leap day is in each four."""


def datamap(house: House) -> Iterator[Said]:
    """Data map, policy and SQL load and fit each other."""
    from privacy.datamap.promised import unnamed
    from privacy.sources.described import mistakes

    found = house.datamap
    told = list(mistakes(found))
    yield from (wrong("data map", m, m.where, fatal=m.fatal) for m in told)
    yield from (wrong("data map", f, f.where, fatal=False) for f in unnamed(found))
    if not any(m.fatal for m in told):
        yield right("data map", "PRIVACY_HOME", f"{found.home}: {len(found.systems)} systems, no mistake.")


def terms(house: House) -> Iterator[Said]:
    """Every term is kept by a rule, whose DAG runs as often as the policy says.

    That ``keep_at_most`` leaves room for ``every`` and ``margin`` is held where the policy is loaded.
    """
    from privacy.datamap.promised import unproven

    yield from (wrong("term", f, f.where) for f in unproven(house.datamap))
    policy, folder = house.policy, dags_folder()
    if not policy.purges:
        yield right("term", "policy", "no rule purges anything.")
        return
    if not folder.is_dir():
        yield Said(
            "term", "schedules", Level.WARNING, f"There is no folder of DAGs {folder}: schedules were not looked at.",
            "term.no_dags", "Look on the scheduler's machine, or set AIRFLOW__CORE__DAGS_FOLDER.",
        )  # fmt: skip
        return
    found = schedules(folder)
    for purge, made in policy.purges.items():
        for name, rule in made.rules.items():
            yield _rule(policy, purge, name, rule, found.get(purge))


def _rule(policy: Policy, purge: str, name: str, rule: Rule, schedule: str | None) -> Said:
    term = policy.promises[rule.promise].term
    assert term is not None  # noqa: S101 - the policy does not load otherwise
    where = f"rule {name} ({rule.promise})"
    every = min((t.every for t in (term, *term.kinds.values()) if t.every), key=lambda period: period.longest)
    gap = longest_gap(schedule) if schedule else None
    if gap is None:
        return Said(
            "term", where, Level.FATAL, f"No DAG {purge} has a schedule: nothing is deleted by itself.",
            "term.no_schedule", f"Add dags/{purge}.py with a cron schedule that runs every {every}.",
        )  # fmt: skip
    if gap > every.longest:
        return Said(
            "term", where, Level.FATAL, f"DAG {purge} ({schedule}) runs {gap} apart; the policy says every {every}.",
            "term.too_seldom", "Let the DAG run more often, or correct `every` and `margin` in the policy.",
        )  # fmt: skip
    bounds = [f"at least {term.keep_at_least}"] if term.keep_at_least else []
    bounds += [f"at most {term.keep_at_most}"] if term.keep_at_most else []
    margin = f", margin {term.margin}" if term.margin else ""
    return right("term", where, f"kept {', '.join(bounds)}; {purge} runs ({schedule}) within every {every}{margin}.")


def dags_folder() -> Path:
    """Where the DAG files are: Airflow's setting in the environment, or ``dags`` beside ``plugins``."""
    told = os.environ.get("AIRFLOW__CORE__DAGS_FOLDER")
    return Path(told) if told else Path(__file__).resolve().parents[3] / "dags"


def schedules(folder: Path) -> dict[str, str]:
    """DAG -> its cron schedule, of those that have one; read from the files, for only Airflow itself may run them."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.py")):
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in (node for node in function.decorator_list if isinstance(node, ast.Call)):
                given = {word.arg: word.value for word in call.keywords}
                cron, named = given.get("schedule"), given.get("dag_id")
                if isinstance(cron, ast.Constant) and isinstance(cron.value, str) and croniter.is_valid(cron.value):
                    name = named.value if isinstance(named, ast.Constant) else function.name
                    found[str(name)] = cron.value
    return found


def longest_gap(schedule: str) -> timedelta:
    """The most time between two runs of a cron schedule, of its next :data:`_TICKS`."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    ticks, last, gap = croniter(schedule, start), start, timedelta(0)
    for number in range(_TICKS):
        at = ticks.get_next(datetime)
        gap, last = max(gap, at - last if number else gap), at
        if at > start + timedelta(days=366 * _YEARS):
            break
    return gap
