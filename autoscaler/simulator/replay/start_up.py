"""How long replicas took to become ready, as a log shows it."""

from collections.abc import Iterable

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.step import Entry, Recorded


def start_up_lag(entries: Iterable[Entry]) -> float | None:
    """Give the median seconds from a raise that a tick found to the tick that found it ready; None: there was none."""
    lags: list[float] = []
    fleet: Fleet | None = None
    raised_s = requested = np.empty(0)
    for entry in entries:
        if not isinstance(entry, Recorded) or entry.step.observation is None or entry.step.is_recall:
            continue
        seen, now_s = entry.step.observation, entry.step.now.monotonic_s
        if seen.fleet is not fleet:
            fleet, requested, raised_s = seen.fleet, seen.requested, np.full(len(seen.fleet), np.nan)
        lags += _arrived(raised_s, seen.requested, requested, seen.ready, now_s)
        requested = seen.requested
    return float(np.median(lags)) if lags else None


def _arrived(raised_s: Floats, requested: Floats, before: Floats, ready: Floats, now_s: float) -> list[float]:
    """Note raises that a tick found, and give the waits of those that are over."""
    fresh = (requested > before) & (ready < requested)
    raised_s[(requested < before)] = np.nan
    raised_s[fresh & np.isnan(raised_s)] = now_s
    is_over = ~np.isnan(raised_s) & (ready >= requested)
    waits: list[float] = (now_s - raised_s[is_over]).tolist()
    raised_s[is_over] = np.nan
    return waits
