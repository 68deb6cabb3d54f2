"""The requests that gateways counted over a span of the past, scrape by scrape."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.prometheus.counting import Counting, Grid, Seen
from autoscaler.adapters.prometheus.raw import RawReader
from autoscaler.adapters.prometheus.spans import read_span
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.finding import Finder
from autoscaler.policy.profiles import CATALOG, Gateway, profile_of
from autoscaler.policy.profiles.queries import matchers, selected
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings

CELLS = 20_000_000
"""Functions times steps that are held at once: two columns of 8 bytes each, 320 MB. Steps are longer where there would
be more."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What gateways counted; rows are functions.

    Attributes:
        step_s: length of a step: a scrape interval, or several.
        requests: `(functions, steps) float64`, requests of each step, counted; nan: not known.
        in_flight: `(functions, steps) float64`, requests in flight at the end of each; nan: not known. None: of some
            gateway nobody knows.
        unclear: functions some of whose series may be another's, so that nothing of them is known.
    """

    step_s: float
    requests: Floats
    in_flight: Floats | None
    unclear: Sequence[FunctionKey]


def read_counts(
    settings: SourceSettings,
    keys: Sequence[FunctionKey],
    start_s: int,
    end_s: int,
    within_s: float,
    cells: int = CELLS,
) -> Counted:
    """Read what every function was asked for.

    Args:
        settings: the source, with the gateways that count, none of them of profile custom.
        keys: the functions.
        start_s: beginning of the span, UTC seconds.
        end_s: its end; what is left of it after whole steps is not read.
        within_s: longest that it may take.
        cells: functions times steps that may be held.

    Raises:
        SourceError: no whole answer.
    """
    interval_s = settings.scrape_interval
    intervals = max(1, int((end_s - start_s) / interval_s + 1e-9))
    every = max(1, -(-intervals * len(keys) // cells))
    grid = Grid(float(start_s), interval_s, every, max(1, intervals // every))
    deadline = time.monotonic() + within_s
    requests = np.zeros((len(keys), grid.steps))
    in_flight: Floats | None = np.zeros_like(requests)
    unclear: set[int] = set()
    for gateway in settings.gateways:
        counted, running, meant = _of_gateway(settings, gateway, keys, grid, deadline)
        requests += counted
        in_flight = None if in_flight is None or running is None else in_flight + running
        unclear |= meant
    requests[sorted(unclear)] = np.nan
    return Counted(every * interval_s, requests, in_flight, [keys[row] for row in sorted(unclear)])


def _of_gateway(
    settings: SourceSettings, gateway: GatewaySettings, keys: Sequence[FunctionKey], grid: Grid, deadline: float
) -> tuple[Floats, Floats | None, set[int]]:
    """Give requests and requests in flight as one gateway saw them, and the functions that it does not tell apart."""
    profile, known = profile_of(gateway, settings), CATALOG[gateway.profile]
    finder = Finder(profile, {str(key): row for row, key in enumerate(keys)}, np.ones(len(keys), np.bool_))
    selectors, seen = _asked(gateway, known)
    counting = Counting(grid, len(keys), finder.place, seen, known.is_per_pod)
    reader = RawReader(settings, deadline)
    # A scrape before the span tells what was counted until then; one after it, less than half a step late, ends it.
    first_s = grid.start_s - 2 * grid.interval_s
    last_s = grid.start_s + (grid.steps * grid.every + 0.5) * grid.interval_s
    try:
        for stretch in reader.stretches(selectors, first_s, last_s):
            counting.take(stretch)
    finally:
        reader.close()
    requests, in_flight = counting.finished(_alive(settings, grid) if known.is_per_pod else None)
    return requests, in_flight, {row for place in counting.unclear for row in finder.meant(place)}


def _asked(gateway: GatewaySettings, known: Gateway) -> tuple[Mapping[str, str], Seen]:
    """Give the selectors of what is read, by the names that they are told apart by."""
    target, own = matchers(gateway.match), matchers(known.only)
    selectors = {"up": f"up{{{target}}}", known.counter: selected(known.counter, (own, target))}
    selectors |= {gauge: selected(gauge, (own, target)) for gauge in known.gauges}
    selectors |= {name: selected(name, (target,)) for name in (*known.starts, *known.uptimes)}
    is_difference = known.counter in known.gauges  # what began, less what has ended
    gauges = {name: -1.0 if is_difference and name != known.counter else 1.0 for name in known.gauges}
    return selectors, Seen("up", known.counter, gauges, known.starts, known.uptimes)


def _alive(settings: SourceSettings, grid: Grid) -> Bools:
    """Tell in which intervals anything was scraped."""
    interval_s = max(1, round(grid.interval_s))
    query = f"count(count_over_time(up[{format_duration(1.5 * interval_s)}]))"  # scrapes come a little late
    intervals = grid.steps * grid.every
    found = read_span(settings, query, int(grid.start_s), int(grid.start_s) + intervals * interval_s, interval_s)
    return ~np.isnan(found[0].values) if found else np.zeros(intervals, np.bool_)
