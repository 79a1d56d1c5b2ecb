"""Local times of a zone as instants, for a database whose own zones cannot be relied on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_FROM, _TO = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_DAY, _SECOND, _MICROSECOND = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)


@lru_cache(maxsize=64)
def offsets(zone: str) -> tuple[tuple[str, int], ...]:
    """(from this local time on, what to subtract from it in microseconds), the latest first.

    By the rule of :mod:`privacy.sources.instants`: a local time that occurs twice is the later of the two, one that
    never occurs is read with the offset before. From 2100 on nothing is summer time, which is the later reading again.

    :param zone: an IANA name.
    """
    known = ZoneInfo(zone)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(known).utcoffset() or timedelta(0)

    found, at = [("0001-01-01 00:00:00", offset(_FROM))], _FROM
    while at < _TO:
        after = at + _DAY
        if offset(at) != offset(after):
            low, high = at, after
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            changes = high.replace(microsecond=0)
            # On either way the new offset holds from the local time at which its clock starts.
            found.append(((changes + offset(after)).strftime("%Y-%m-%d %H:%M:%S"), offset(after)))
        at = after
    if len(found) > 1:
        winter = min(offset(_TO - _DAY * n) for n in (0, 182))
        found.append((_TO.strftime("%Y-%m-%d %H:%M:%S"), winter))
    return tuple((since, shift // _MICROSECOND) for since, shift in reversed(found))
