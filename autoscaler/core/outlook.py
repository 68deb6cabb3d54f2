"""What the calendar holds of a function now, and when that changes next."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Ints
from autoscaler.core.lanes import Schedules


class Scheduled(NamedTuple):
    """Bounds that schedules set.

    Attributes:
        floor: replicas at least; 0: none.
        ceiling: replicas at most; inf: none.
    """

    floor: float
    ceiling: float


NOTHING_SCHEDULED = Scheduled(0.0, np.inf)


class Outlook(NamedTuple):
    """What schedules hold, and what comes next.

    Attributes:
        now: what they hold now.
        changes_s: UTC seconds of the next change; inf: none is known.
        then: what they hold from then on; as `now` where no change is known.
    """

    now: Scheduled
    changes_s: float
    then: Scheduled


def outlooks(schedules: Schedules, rows: Iterable[int], utc_s: float) -> Mapping[int, Outlook]:
    """Give the outlook of those of the rows that have any schedule ahead or in force.

    Edges at which nothing changes, such as the end of a span within a wider one, are passed over.

    Args:
        schedules: spans of the fleet, as far ahead as its plan looks.
        rows: rows of the fleet.
        utc_s: now, UTC seconds.
    """
    spans = np.flatnonzero(schedules.ends_s > utc_s)
    spans = spans[np.isin(schedules.rows[spans], np.fromiter(rows, np.int64))]
    return {
        row: _outlook(schedules, spans[schedules.rows[spans] == row], utc_s)
        for row in set(schedules.rows[spans].tolist())
    }


def _outlook(schedules: Schedules, spans: Ints, utc_s: float) -> Outlook:
    now = _held(schedules, spans, utc_s)
    edges = np.unique(np.concatenate((schedules.starts_s[spans], schedules.ends_s[spans])))
    for edge_s in edges[(edges > utc_s) & np.isfinite(edges)].tolist():
        then = _held(schedules, spans, edge_s)
        if then != now:
            return Outlook(now, edge_s, then)
    return Outlook(now, np.inf, now)


def _held(schedules: Schedules, spans: Ints, utc_s: float) -> Scheduled:
    held = spans[(schedules.starts_s[spans] <= utc_s) & (utc_s < schedules.ends_s[spans])]
    return Scheduled(float(schedules.floor[held].max(initial=0.0)), float(schedules.ceiling[held].min(initial=np.inf)))
