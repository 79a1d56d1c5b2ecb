"""A whole export out of the ``large`` demo shop, all its steps in one process: how much memory it takes.

The shop takes half an hour to make, so it is made once: ``make bench LARGE=/some/folder``. Without it the row
that was measured last stay in the page.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Row, measure, report

PROJECT = Path(__file__).parents[2]
HOME = PROJECT / "include"
WHO = 1001
LIMIT = round(400e6 / 2**20)
NAME = "a whole export from the large shop"


def made(folder: Path) -> Path:
    """The shop; made there when it is not."""
    if not (folder / "about.json").exists():
        subprocess.run(
            [sys.executable, str(HOME / "demo" / "__main__.py"), "--to", str(folder), "--size", "large"], check=True
        )
    return folder


def export(shop: Path) -> None:
    """Register, resolve, read every unit, seal, record: what the DAG's tasks do, one after the other."""
    from privacy.connections import EnvironmentConnections
    from privacy.datamap.load import load
    from privacy.orchestration import ending, steps
    from privacy.orchestration.runs import Run
    from privacy.rights import Right
    from privacy.rights.house import House
    from privacy.settings import Settings
    from privacy.sources.base import Identifier

    with tempfile.TemporaryDirectory() as state:
        urls = {
            f"PRIVACY_CONNECTION_{s.connection.upper()}": f"sqlite:///{shop}/{s.connection}.db"
            if s.source == "sql"
            else (shop / s.connection).as_uri()
            for s in load(HOME).systems.values()
        }
        house = House(Settings(home=HOME, state=Path(state)), EnvironmentConnections(urls))
        house.found()
        named = [Identifier("shop.customer_id", WHO)]
        number = house.register.receive(Right.ACCESS, named, author="bench", channel="bench").number
        run = Run("00000000-0000-4000-8000-000000000001", number, "bench")
        steps.open_request(house, run)
        steps.resolve_identity(house, run)
        parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
        summary = steps.write_bundle(house, run, parts)
        if (
            ending.record(house, run, failed=None)["status"] != "done"
            or not summary["datasets"]["weblogs.access"]["records"]
        ):
            raise AssertionError("the export is not whole")


def whole_shop(folder: Path) -> list[Row]:
    """The memory of an export."""
    shop = made(folder)
    size = sum(f.stat().st_size for f in shop.rglob("*") if f.is_file()) / 2**30
    one = measure(Path(__file__), str(shop))
    return [
        Row(f"{NAME}: peak memory", f"100,000 customers, 5 M log lines a month, {size:.1f} GiB as stored", "MiB",
            round(one.peak_mib), LIMIT, "the limit itself", round(one.peak_mib / LIMIT, 2), "at most 400 MB",
            one.peak_mib <= LIMIT),
    ]  # fmt: skip


if __name__ == "__main__":
    report(lambda: export(Path(sys.argv[1])))
