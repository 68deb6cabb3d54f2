"""What the calendar holds of functions, as JSON."""

from collections.abc import Iterable, Mapping
from math import isfinite

from autoscaler.core.lanes import Schedules
from autoscaler.core.outlook import Outlook, Scheduled, outlooks

Json = dict[str, object]


def scheduled(schedules: Schedules, rows: Iterable[int], utc_s: float) -> Mapping[int, Json]:
    """Give what schedules hold of each row that has any, and the next change; null is no bound, or no change known."""
    return {row: _outlook(one) for row, one in outlooks(schedules, rows, utc_s).items()}


def _outlook(outlook: Outlook) -> Json:
    coming = _bounds(outlook.then) | {"utc_s": outlook.changes_s} if isfinite(outlook.changes_s) else None
    return _bounds(outlook.now) | {"next": coming}


def _bounds(bounds: Scheduled) -> Json:
    return {
        "min": int(bounds.floor) if bounds.floor > 0 else None,
        "max": int(bounds.ceiling) if isfinite(bounds.ceiling) else None,
    }
