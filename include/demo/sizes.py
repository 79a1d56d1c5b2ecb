"""How big a demo shop is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Counts; the fixed cast comes on top.

    :param customers: with an account; a multiple of 20 (see :mod:`demo.people`).
    :param guests: people who order without one.
    :param old_orders: orders from before the logs begin; the per-day figures are averages over the 13 months of logs.
    :param strays: log lines a day of nobody known: robots and visitors without a cookie.
    """

    customers: int
    guests: int
    old_orders: int
    orders_a_day: float
    sessions_a_day: float
    strays_a_day: float


SIZES = {
    "tiny": Size(40, 16, 60, 0.15, 0.6, 1.0),
    "small": Size(1_500, 500, 3_000, 4, 25, 30),
    "medium": Size(20_000, 8_000, 40_000, 50, 300, 400),
    "large": Size(200_000, 80_000, 400_000, 500, 3_000, 4_000),
}
