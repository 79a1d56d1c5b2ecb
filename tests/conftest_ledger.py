"""A migrated database of ledger, holds and register: migrated once by each test process, copied for each test."""

from __future__ import annotations

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine
from privacy.ledger import upgrade


@lru_cache(maxsize=1)
def _template() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="privacy-ledger-")
    made = engine(Connection("ledger", f"sqlite:///{folder.name}/ledger.db"), create=True)
    upgrade(made)
    made.dispose()
    return folder


def migrated(folder: Path) -> sa.Engine:
    """``ledger.db`` in a folder, up to date; what is there already stays."""
    file = folder / "ledger.db"
    if not file.exists():
        shutil.copyfile(Path(_template().name) / "ledger.db", file)
    return engine(Connection("ledger", f"sqlite:///{file}"), create=True)
