"""A Prometheus that holds what several gateways would have said until now, so that nothing has to be waited for."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.prometheus import VERSION_2, Prometheus, prometheus, write_blocks

SCRAPE_S, SELDOM_S = 15.0, 60.0
PAST_S, FUTURE_S = 600.0, 600.0
"""How long it has been scraped, and for how long a test may go on as if it still were."""

Samples = list[tuple[float, float]]


def scraped(every_s: float, value: float, per_s: float = 0.0, now_s: float | None = None) -> Samples:
    """Give the samples of a series from the past to the future.

    Args:
        value: of the first one.
        per_s: by how much it grows.
    """
    start_s = (time.time() if now_s is None else now_s) - PAST_S
    count = int((PAST_S + FUTURE_S) / every_s)
    return [(start_s + number * every_s, value + per_s * number * every_s) for number in range(count)]


def openfaas(
    job: str, functions: Iterable[str], in_flight: float = 0.0, every_s: float = SCRAPE_S
) -> dict[str, Samples]:
    """Give what a gateway of OpenFaaS says of functions that are called once a second."""
    told = {
        f'up{{job="{job}"}}': scraped(every_s, 1),
        f'process_start_time_seconds{{job="{job}"}}': scraped(every_s, 1_000),
        f'scrape_duration_seconds{{job="{job}"}}': scraped(every_s, 0.01),
    }
    for name in functions:
        labels = f'{{job="{job}",function_name="{name}"}}'
        told[f"gateway_function_invocation_started{labels}"] = scraped(every_s, 10 + in_flight, 1.0)
        told[f"gateway_function_invocation_total{labels}"] = scraped(every_s, 10, 1.0)
        told[f"gateway_service_count{labels}"] = scraped(every_s, 1)
    return told


@contextmanager
def holding(folder: Path, samples: dict[str, Samples], program: str = VERSION_2) -> Iterator[Prometheus]:
    """Run a Prometheus over these samples; it scrapes nothing."""
    write_blocks(folder, samples)
    with prometheus(folder, {}, program=program) as server:
        yield server
