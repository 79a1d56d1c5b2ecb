"""The pages: a module each, with the router of what belongs to it; a page that is not named here does not exist."""

from __future__ import annotations

from fastapi import APIRouter

from privacy.desk.routes import assets, bundles, disclosures, holds, promises, requests, retention

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    requests.router,
    bundles.router,
    retention.router,
    holds.router,
    disclosures.router,
    promises.router,
)

PAGES: tuple[tuple[str, str], ...] = (
    ("requests", "Requests"),
    ("retention", "Retention"),
    ("holds", "Holds"),
    ("promises", "Promises"),
)
"""(its path, its name), as the desk's own navigation has them; the first one opens first."""
