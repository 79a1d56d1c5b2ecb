"""The pages: a module each, with the router of what belongs to it; a page that is not named here does not exist."""

from __future__ import annotations

from fastapi import APIRouter

from privacy.desk.routes import assets, datamap, ledger, promises, requests, today

ROUTERS: tuple[APIRouter, ...] = (
    assets.router, today.router, requests.router, promises.router, ledger.router, datamap.router,
)  # fmt: skip

PAGES: tuple[tuple[str, str], ...] = (
    ("today", "Today"), ("requests", "Requests"), ("promises", "Promises"), ("ledger", "Ledger"),
    ("datamap", "Data map"),
)  # fmt: skip
"""(its path, its name), as the desk's own navigation has them; the first one opens first."""
