"""Hours of what an OpenFaaS gateway says of a shop's functions, for commands that look at a span of the past."""

import math
from collections.abc import Mapping

from tests.integration.prometheus.timeline import SCRAPE_S, Points

BEGIN_S = 1_774_771_200  # 2026-03-29T08:00:00Z
SERVICE_S = 0.5
"""Seconds of a request, constant: so many are in flight as come within it."""


def rate(name: str, after_s: float) -> float:
    """Give the requests/s of a function: one steady, one that is called in the first half of each hour, one never."""
    if name == "steady":
        return 20.0 + 10.0 * math.sin(2 * math.pi * after_s / 3600)
    return 8.0 if name == "half" and after_s % 3600 < 1800 else 0.0


def scrapes(
    hours: float, names: tuple[str, ...] = ("steady", "half", "never"), replicas: int = 10
) -> Mapping[str, Points]:
    """Give the series of a gateway that is scraped every 15 s."""
    target = 'instance="gw:1",job="gateway"'
    series: dict[str, Points] = {f"up{{{target}}}": [], f"process_start_time_seconds{{{target}}}": []}
    counts = dict.fromkeys(names, 0.0)
    for number in range(int(hours * 3600 / SCRAPE_S) + 1):
        at_s, after_s = float(BEGIN_S + number * SCRAPE_S), float(number * SCRAPE_S)
        series[f"up{{{target}}}"].append((at_s, 1.0))
        series[f"process_start_time_seconds{{{target}}}"].append((at_s, float(BEGIN_S - 1000)))
        for name in names:
            label = f'function_name="{name}.shop",{target}'
            counts[name] += rate(name, after_s) * SCRAPE_S
            in_flight = math.floor(rate(name, after_s) * SERVICE_S)
            series.setdefault(f"gateway_service_count{{{label}}}", []).append((at_s, float(replicas)))
            if counts[name]:
                begun = f"gateway_function_invocation_started{{{label}}}"
                ended = f'gateway_function_invocation_total{{code="200",{label}}}'
                series.setdefault(begun, []).append((at_s, math.floor(counts[name])))
                series.setdefault(ended, []).append((at_s, math.floor(counts[name]) - in_flight))
    return series
