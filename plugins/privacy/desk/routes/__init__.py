"""The pages: a module each, with the router of what belongs to it; a page that is not named here does not exist."""

from __future__ import annotations

from fastapi import APIRouter

from privacy.desk.routes import (
    approvals,
    assets,
    bundles,
    datamap,
    disclosures,
    holds,
    ledger,
    notices,
    promises,
    request_detail,
    request_new,
    requests,
    retention,
    today,
)

ROUTERS: tuple[APIRouter, ...] = (
    assets.router, today.router, request_new.router, requests.router, request_detail.router, bundles.router,
    notices.router, approvals.router, retention.router, holds.router, disclosures.router, ledger.router,
    promises.router, datamap.router,
)  # fmt: skip

PAGES: tuple[tuple[str, str], ...] = (
    ("today", "Today"), ("requests", "Requests"), ("approvals", "Approvals"), ("retention", "Retention"),
    ("holds", "Holds"), ("promises", "Promises"), ("ledger", "Ledger"), ("datamap", "Data map"),
)  # fmt: skip
"""(its path, its name), as the desk's own navigation has them; the first one opens first."""
