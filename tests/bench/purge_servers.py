"""Purges of rows on MariaDB and PostgreSQL, on private servers: ours beside what a user would run instead.

Ours is the whole of the stage "purge" of a run (the plan's items read, the gate, each batch checked, the ledger on
PostgreSQL). Beside it stands the floor: a loop of DELETE by range that checks nothing, which no purge in batches can beat.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import Row
from purge import GOING, staged

from services.mariadb import MariaDB, mariadb
from services.postgres import Postgres, postgres
from services.serving import program
from services.sql_studio import ServerStudio

ROWS, BATCH, TURNS = 1_000_000, 10_000, 2
GONE = ROWS * GOING // 10
BOUND = "2019-01-01"

_FILL = {
    "mysql": "INSERT INTO sales SELECT seq, mod(seq, 50000), CONCAT(IF(mod(seq, 10) < {going}, 2017, 2024), '-', "
    "mod(seq, 12) + 1, '-', mod(seq, 28) + 1), 'domestic' FROM seq_0_to_{last}",
    "postgresql": "INSERT INTO sales SELECT n, mod(n, 50000), make_date(CASE WHEN mod(n, 10) < {going} THEN 2017 ELSE 2024 "
    "END, mod(n, 12) + 1, mod(n, 28) + 1), 'domestic' FROM generate_series(0, {last}) AS n",
}
_READY = {"mysql": "ANALYZE TABLE sales", "postgresql": "ANALYZE sales"}


@contextmanager
def _filled(server: MariaDB | Postgres, books: Postgres) -> Iterator[ServerStudio]:
    """A studio whose sales have three indexes beside their key, all of them new."""
    kind = type("Filled", (ServerStudio,), {"server": server, "books": books})
    with tempfile.TemporaryDirectory() as name:
        studio: ServerStudio = kind(Path(name) / "studio", rows=BATCH)
        if server.kind == "mysql":
            studio.sql("ALTER TABLE sales MODIFY kind VARCHAR(20)")
        for number, columns in enumerate(("client", "sold_on", "kind, client")):
            studio.sql(f"CREATE INDEX sales_{number} ON sales ({columns})")
        studio.sql(_FILL[server.kind].format(going=GOING, last=ROWS - 1))
        studio.sql(_READY[server.kind])
        yield studio
        ((left,),) = studio.sql("SELECT count(*) FROM sales")
        if left != ROWS - GONE:
            raise AssertionError(left)
        studio.close()


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _archiver(server: MariaDB) -> None:
    """What MariaDB's users run: it takes all rows out, deletes them by range, and checks nothing else."""
    where = f"sold_on < '{BOUND}' AND kind = 'domestic'"
    source = f"A=utf8mb4,h=127.0.0.1,P={server.port},D=studio,t=sales,u=owner,p=owner"
    command = [
        program("pt-archiver"),
        "--source",
        source,
        "--purge",
        "--bulk-delete",
        "--limit",
        str(BATCH),
        "--commit-each",
    ]
    subprocess.run([*command, "--where", where], check=True, capture_output=True)


def _floor(server: MariaDB | Postgres) -> None:
    """The barest loop: that each range has about a batch is known beforehand, and nothing is asked."""
    raw = server.admin("studio") if isinstance(server, Postgres) else server.admin()
    with raw, raw.cursor() as cursor:
        if isinstance(server, MariaDB):
            cursor.execute("USE studio")
        step = BATCH * 10 // GOING
        for least in range(0, ROWS, step):
            # Each statement is a transaction of its own.
            cursor.execute(
                f"DELETE FROM sales WHERE sale_no BETWEEN {least} AND {least + step - 1} AND sold_on < '{BOUND}' "
                "AND kind = 'domestic'"
            )


def _one(server: Postgres) -> None:
    with server.admin("studio") as raw:
        raw.execute(f"DELETE FROM sales WHERE sold_on < '{BOUND}' AND kind = 'domestic'")


def _measured(
    server: MariaDB | Postgres, books: Postgres, peer: Callable[[], None]
) -> tuple[dict[str, float], float, float]:
    """The stages of ours, the peer's seconds and the floor's: of each the turn that was soonest done, all in turns."""
    ours, theirs, floors = list[dict[str, float]](), list[float](), list[float]()
    for _ in range(TURNS):
        with _filled(server, books):
            theirs.append(_seconds(peer))
        with _filled(server, books) as studio:
            ours.append(staged(studio, "sales"))
        with _filled(server, books):
            floors.append(_seconds(lambda: _floor(server)))
        # All of this takes minutes: what is known so far.
        sys.stderr.write(f"{server.kind}: instead {theirs[-1]:.2f} s, ours {ours[-1]}, floor {floors[-1]:.2f} s\n")
    return min(ours, key=lambda found: found["purge"]), min(theirs), min(floors)


def _rows(
    name: str, ours: dict[str, float], peer: float, floor: float, other: str, target: str, most: float
) -> list[Row]:
    size, purge = f"{GONE:,} of {ROWS:,} rows, 3 indexes, batches of {BATCH:,}", ours["purge"]
    told = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in ours.items())
    total = sum(ours.values())
    loop = "a loop of DELETE by range, a COMMIT every 10,000, no check at all"
    return [
        Row(f"purge of rows on {name}: apply through the gate", f"{size}, {GONE / purge:,.0f} rows a second", "s",
            round(purge, 2), round(peer, 2), f"{other}, {GONE / peer:,.0f} rows a second", round(purge / peer, 2), target,
            purge <= most * peer),
        Row(f"purge of rows on {name}: apply through the gate", size, "s", round(purge, 2), round(floor, 2), loop,
            round(purge / floor, 2), f"none: shown; the loop takes {floor / peer:.2f} times as long as {other}", True),
        Row(f"purge of rows on {name}: total ({told})", size, "s", round(total, 2), round(peer, 2), other,
            round(total / peer, 2), "none: shown", True),
    ]  # fmt: skip


def servers() -> list[Row]:
    """Both. :raises Missing: a program is not installed."""
    with mariadb() as mysql, postgres() as postgresql:
        with mysql.admin() as raw, raw.cursor() as cursor:
            # For all the same: the table and its indexes fit, as in a shop.
            cursor.execute(f"SET GLOBAL innodb_buffer_pool_size = {512 * 2**20}")
        on_mariadb = _measured(mysql, postgresql, lambda: _archiver(mysql))
        on_postgresql = _measured(postgresql, postgresql, lambda: _one(postgresql))
    return [
        *_rows("MariaDB", *on_mariadb, "pt-archiver --purge --bulk-delete --commit-each",
            "at least 1.5 times its rows a second", 1 / 1.5),
        *_rows("PostgreSQL", *on_postgresql, "one DELETE, one transaction", "at least 60 % of its rows a second", 1 / 0.6),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in servers():
        sys.stdout.write(f"{row}\n")
