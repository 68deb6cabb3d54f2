"""`python -m benchmarks.ranges`: how short a range may be over which a real Prometheus still tells a rate rightly.

A counter that rises by 3/s is scraped every 2 s, each scrape up to 20 ms early or late, once whole and once with every
twentieth scrape lost. `rate` is asked for every half second, over ranges of two to six scrapes: how often it answers at
all, how often within 3 % of the truth, and the least that it ever tells.
"""

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from benchmarks.report import Figure, at_least, main
from tests.servers.prometheus import prometheus, write_blocks

SCRAPES = (2, 3, 4, 6)
PER_S = 3.0
NEAR = 0.03
ALLOWED = 4
_START_S = 1_700_000_000.0
_SCRAPE_S = 2.0
_JITTER_S = 0.02
_COUNT = 1_200
_LOST_EVERY = 20
_EDGE_S = 60.0
_STEP_S = 0.5


def measure() -> Sequence[Figure]:
    """Make forty minutes of scrapes, and ask for their rate again and again."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        write_blocks(Path(name), {f'calls{{job="{job}"}}': list(_samples(job == "lost")) for job in ("whole", "lost")})
        with prometheus(Path(name), {}) as server:
            for scrapes in SCRAPES:
                for job in ("whole", "lost"):
                    figures += _figures(server.url, scrapes, job)
    return figures


def _figures(url: str, scrapes: int, job: str) -> list[Figure]:
    begin_s, end_s = _START_S + _EDGE_S, _START_S + _COUNT * _SCRAPE_S - _EDGE_S
    asked = int((end_s - begin_s) / _STEP_S) + 1
    rates = _rates(url, f'rate(calls{{job="{job}"}}[{scrapes * _SCRAPE_S:g}s])', begin_s, end_s)
    right = sum(abs(rate / PER_S - 1) <= NEAR for rate in rates)
    bound = 1.0 if scrapes == ALLOWED else None  # the shortest that settings may have
    return [
        at_least(f"answered_{scrapes}_{job}", len(rates) / asked, "share", bound),
        at_least(f"right_{scrapes}_{job}", right / asked, "share", bound if job == "whole" else None),
        at_least(f"least_{scrapes}_{job}", min(rates) / PER_S, "of truth", None),
    ]


def _rates(url: str, query: str, begin_s: float, end_s: float) -> list[float]:
    params: dict[str, str | float] = {"query": query, "start": begin_s, "end": end_s, "step": _STEP_S}
    answer = requests.get(f"{url}/api/v1/query_range", params=params, timeout=30)
    answer.raise_for_status()
    (series,) = answer.json()["data"]["result"]
    return [float(value) for _, value in series["values"]]


def _samples(with_losses: bool) -> Iterator[tuple[float, float]]:
    drawn = random.Random(1)
    for scrape in range(_COUNT):
        after_s = scrape * _SCRAPE_S + round(drawn.uniform(-_JITTER_S, _JITTER_S), 3)
        if not (with_losses and scrape % _LOST_EVERY == _LOST_EVERY // 2):
            yield _START_S + after_s, round(10 + PER_S * after_s, 3)


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
