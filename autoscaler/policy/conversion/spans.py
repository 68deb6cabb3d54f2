"""KEDA's cron trigger, a begin and an end → a schedule, a begin and a duration.

Source: KEDA pkg/scalers/cron_scaler.go: it is on where the next end comes before the next start.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cronsim import CronSim, CronSimError

_FROM = datetime(2023, 1, 1, tzinfo=UTC)
_DAYS = 430
"""More than a year, so that what is yearly is seen once at least."""
_MOST = 2_000
_LONGEST_S = 31 * 86_400


def lasting_s(start: str, end: str) -> float:
    """Give how long it lasts from each start to its end, by the clock.

    Raises:
        ValueError: there is no such number; the message says why.
    """
    starts = list(_firings(start, _MOST))
    if not starts:
        raise ValueError("it never starts")
    found: set[float] = set()
    ends = _firings(end, 100 * _MOST)
    ending = next(ends, None)
    for begin, following in pairwise([*starts, None]):
        while ending is not None and begin is not None and ending <= begin:
            ending = next(ends, None)
        if ending is None or begin is None:
            break
        if following is not None and ending >= following:
            raise ValueError("it starts again before it ends; write one `schedules` entry for each stretch")
        found.add((ending - begin).total_seconds())
    if len(found) != 1:
        raise ValueError("it does not always last as long; write one `schedules` entry for each length")
    lasting = found.pop()
    if lasting > _LONGEST_S:
        raise ValueError("it lasts longer than 31 days; write `replicas.min`, or several `schedules`")
    return lasting


def _firings(cron: str, most: int) -> Iterator[datetime]:
    """Give the moments at which it fires, ascending, in UTC, where no clock is ever changed."""
    if len(cron.split()) != 5:
        raise ValueError("it needs five fields, minute hour day month weekday")
    until = _FROM + timedelta(days=_DAYS)
    try:
        for count, at in enumerate(CronSim(cron, _FROM)):
            if at >= until or count == most:
                return
            yield at
    except (CronSimError, ValueError, AssertionError) as error:
        raise ValueError(f"it is no cron expression: {str(error).lower() or 'bad field'}") from None
