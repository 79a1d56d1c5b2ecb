"""What the doctor asks of Airflow: whether its pools are there, which only the scheduler's start makes.

It is seen through Airflow's API alone, where ``PRIVACY_AIRFLOW_URL`` says where that is; else nobody here can say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from privacy.errors import BadConfiguration, GiveUp, PrivacyError
from privacy.rights.doctor import Level, Said, guarded, right

if TYPE_CHECKING:
    from privacy.rights.house import House

_URL = "PRIVACY_AIRFLOW_URL"


def pools(house: House) -> Iterator[Said]:
    """A line a pool that lacks, or one that all are there; none where it is not said where Airflow is."""
    if os.environ.get(_URL):
        yield from guarded("pool", "Airflow", lambda: _pools(house))


def _pools(house: House) -> Iterator[Said]:
    from privacy.datamap.pools import SEVERAL, sizes

    try:
        wanted = sizes(house.datamap)
    except BadConfiguration:
        return  # Told where the data map is looked at.
    there, lacks = _asked(), 0
    for pool, slots in wanted.items():
        found = there.get(pool)
        if found is not None and found != 0:
            continue
        lacks += 1
        # Of one store's pool Airflow is told only where it is there: its tasks run in the one of several.
        never = found == 0 or pool == SEVERAL
        state = "has no slots" if found == 0 else "is not there"
        means = "tasks in it are never started" if never else f"tasks that touch its store run in {SEVERAL}"
        yield Said(
            "pool", pool, Level.FATAL if never else Level.WARNING, f"Airflow's pool {state}: {means}.",
            "airflow.pool", f"Start the scheduler anew, see its log; or: airflow pools set {pool} {slots} privacy",
        )  # fmt: skip
    if not lacks:
        yield right("pool", "Airflow", f"all {len(wanted)} pools are there.")


def _asked() -> Mapping[str, int]:
    """Pool -> slots, as Airflow has them."""
    from privacy.orchestration.api import AirflowApi

    url, user, password = (os.environ.get(f"PRIVACY_AIRFLOW_{name}", "") for name in ("URL", "USER", "PASSWORD"))
    if not (user and password):
        raise BadConfiguration(
            "airflow.settings", "Airflow cannot be asked: its user is not set.", where=_URL,
            advice="Set PRIVACY_AIRFLOW_USER and PRIVACY_AIRFLOW_PASSWORD.",
        )  # fmt: skip
    try:
        found = AirflowApi(url, user, password).call("GET", "/pools?limit=1000")
        return {str(pool["name"]): int(pool["slots"]) for pool in found["pools"]}
    except PrivacyError as problem:
        # Its place is the address, which no line of the doctor has.
        raise type(problem)(problem.code, problem.message, where=_URL, advice=problem.advice) from None
    except (ValueError, KeyError, TypeError):
        raise GiveUp(
            "airflow.answer", "What answers at Airflow's address is not Airflow.", where=_URL, advice=f"Correct {_URL}."
        ) from None
