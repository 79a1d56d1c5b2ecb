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
    :param crawl: log lines a day of search engines, from addresses that nobody else has.
    :param threads: conversations by e-mail; ``conversations``: at the helpdesk; ``letters``: by post.
    :param applicants: for a job.
    :param event_days: of the last so many days random visits are in the site's statistics; ``event_share``: and how many.
    :param big: bytes of the one big attachment; ``picture_hours``: between two pictures of a camera.
    :param every_line: whether the answer sheet names the log lines and events that are nobody's.
    :param terms: whether it tells of every record when its term is over.
    """

    customers: int
    guests: int
    old_orders: int
    orders_a_day: float
    sessions_a_day: float
    strays_a_day: float
    crawl: int = 0
    threads: int = 20
    conversations: int = 20
    letters: int = 5
    applicants: int = 10
    event_days: int = 5
    event_share: float = 0.5
    big: int = 0
    picture_hours: int = 16
    every_line: bool = True
    terms: bool = True


SIZES = {
    "tiny": Size(40, 16, 60, 0.15, 0.6, 1.0),
    "small": Size(
        1_500, 500, 3_000, 4, 25, 30, threads=1_000, conversations=800, letters=300, applicants=60, event_days=400,
        event_share=0.25, big=25_000_000, picture_hours=2,
    ),
    "medium": Size(
        20_000, 8_000, 40_000, 50, 300, 400, threads=15_000, conversations=10_000, letters=4_000, applicants=400,
        event_days=400, event_share=0.2, big=25_000_000, picture_hours=1, terms=False,
    ),
    # 5 million log lines a month: some of 100,000 customers and of visitors without a cookie, most of search engines.
    "large": Size(
        100_000, 40_000, 200_000, 250, 2_500, 5_000, crawl=150_000, threads=60_000, conversations=40_000,
        letters=20_000, applicants=2_000, event_days=400, event_share=0.05, big=25_000_000, picture_hours=1,
        every_line=False, terms=False,
    ),
}  # fmt: skip
