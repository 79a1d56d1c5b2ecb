"""Loading what every task needs once, in the process that they are forked from.

Importing pyarrow, pandas (which pyarrow looks for at its first array) and SQLAlchemy in each task made a run of four
levels twice as long as an empty one.
"""

from __future__ import annotations

import gc
import importlib
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from privacy.errors import PrivacyError
from privacy.orchestration import pools

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap

MODULES = (
    "filetype",
    "jinja2.ext",
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pyrage",
    "sqlalchemy.dialects.sqlite",
    "privacy.bundle.write",
    "privacy.holds",
    "privacy.identity",
    "privacy.ledger",
    "privacy.orchestration.connections",
    "privacy.orchestration.ending",
    "privacy.orchestration.steps",
    "privacy.rights.house",
    "privacy.sources.files",
    "privacy.sources.mailbox",
    "privacy.sources.records",
    "privacy.sources.sql",
    "privacy.sources.sql_mariadb",
    "privacy.sources.sql_postgres",
    "privacy.sources.weblogs",
)
"""What the steps import; after an update of this project, a scheduler that runs has to be started anew."""


@hookimpl
def on_starting(component: object) -> None:
    """Airflow calls this before a scheduler makes its workers.

    :param component: the job (scheduler, DAG processor), or a mark for a task, which inherits all of it.
    """
    if type(component).__name__ == "Job":
        pools.prepare(preload())


def preload() -> DataMap | None:
    """Load modules, data map and templates into this process, before others are forked from it.

    :returns: the data map; None: it cannot be read, which the first task says.
    """
    for name in MODULES:
        importlib.import_module(name)
    from privacy.bundle.report import prepare
    from privacy.datamap.load import load
    from privacy.settings import settings

    datamap = None
    with suppress(PrivacyError, OSError):
        # Whatever is wrong with them, the first task says. A file that is changed later is read anew.
        home = settings().home
        datamap = load(home)
        prepare(home)
    # What is there now stays for good: no task that is forked from here looks through it for garbage.
    gc.collect()
    gc.freeze()
    return datamap
