"""The demo shop on all four servers at once: it is the same shop, and its years pass there as they do in files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from conftest_demo import Made
from conftest_look import Files, Look, Thing
from conftest_simulation import Shop
from conftest_years import OFTEN, SHORT, simulate
from services.sql_studio import listening
from services.whole import Servers, Whole

MOST = 40
"""So many ticks of the short form are computed here; a tick asks each server dozens of times."""

ODDS = OFTEN | {"killed": 20}
"""With more that die: the calls of each server are among those at which they do."""


def known(look: Look) -> Counter[tuple[object, ...]]:
    """What there is, whatever a store makes of its content: mail servers end lines their way, databases have types."""

    def one(thing: Thing) -> tuple[object, ...]:
        return thing if thing[0].partition(".")[0] not in ("mail", "shop", "recruiting") else thing[:2]

    return Counter(one(thing) for thing in look.things.elements())


def test_the_shop_on_servers_is_the_shop_in_files(made: Made, servers: Servers) -> None:
    """Edge case 28: a look that sees nothing would explain everything."""
    whole, keys = (
        Whole(made.folder, servers, "same"),
        json.loads((made.folder / "answers.json").read_text())["datasets"],
    )
    there, here = Look(whole, keys), Look(Files(made.folder), keys)
    assert known(there) == known(here)
    assert there.files == here.files
    whole.anew()
    assert Look(whole, keys).things == there.things


@pytest.mark.timeout(900)
def test_two_years_under_a_moving_clock_on_servers(servers: Servers, tmp_path: Path) -> None:
    """Edge cases 1, 2, 3, 4, 6, 7, 10, 12, 13, 14, 15, 16, 18 and 33.

    The house is in this process, and in one of its own where it is killed: hundreds of runs cannot go through Airflow.
    """
    made: list[Whole] = []

    def installed(data: Path) -> Whole:
        made.append(Whole(data, servers, "years"))
        return made[0]

    shop = Shop(tmp_path, 1, rows=7, installed=installed)
    ended = simulate(shop, 1, SHORT, most=MOST, odds=ODDS, points=listening)
    assert ended.done.total() > MOST
    assert ended.done["died"] > 2
    # What was read before is what is there: nothing has changed under the same ETag or UID.
    made[0].anew()
    assert ended.last is not None
    assert shop.look().things == ended.last.things
