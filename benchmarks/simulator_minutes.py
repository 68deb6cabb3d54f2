"""Counts per minute: 100 Azure apps, one day, a sweep of 20 keep-alives, after the trace was read.

The trace is the reference data of `autoscaler selftest`. Time is that of the processor, the best of several runs.
"""

import time
from collections.abc import Iterator

from autoscaler.cli.selftest_tables import reference_lines
from autoscaler.simulator.minutes.run import keep_alive_sweep
from autoscaler.simulator.validation.reference import AZURE, azure_apps
from benchmarks.report import Figure, at_most

KEEP_ALIVES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120, 180, 240)
BOUND_S = 0.1
RUNS = 5
COLD = {1: 10_639, 10: 1_123, 240: 170}
"""Cold starts of the reference table, so that what is measured is known to be right."""


def measure() -> Iterator[Figure]:
    """Measure the sweep."""
    counts = azure_apps(reference_lines(AZURE))
    took_s = []
    for _ in range(RUNS):
        begin = time.process_time()
        results = keep_alive_sweep(counts, KEEP_ALIVES)
        took_s.append(time.process_time() - begin)
        for minutes, result in zip(KEEP_ALIVES, results, strict=True):
            if minutes in COLD and result.total.cold != COLD[minutes]:
                raise AssertionError(f"{minutes} minutes: {result.total.cold} cold starts, not {COLD[minutes]}")
    yield at_most("minutes_100_apps_20_keep_alives", min(took_s), "s", BOUND_S)
