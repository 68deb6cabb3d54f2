"""`python -m benchmarks.tick`: a whole tick of 100,000 functions against the bare Prometheus queries that it makes.

The program itself runs in dry run, over an API server on loopback that lists the functions and a real Prometheus that
scrapes 100,000 series per signal every 15 s. A tick is what the program says of itself: reading, deciding on every
function, and handing over what was decided. Bare: the same queries one after the other over a kept connection, bodies
read, not parsed; they are sent between two ticks, while the program is stopped, so that ticks and bare queries take
turns on the same machine. `--functions 10000` measures so many.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from autoscaler.adapters.prometheus.asking import QUERY_LAG
from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.source_settings import SourceSettings
from benchmarks.busy_gateway import busy_gateway
from benchmarks.dummy_kubernetes import dummy_kubernetes
from benchmarks.memory import family
from benchmarks.program import Program
from benchmarks.report import Figure, at_most, emit
from benchmarks.stall import settings
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus, prometheus

FUNCTIONS = 100_000
ROUNDS = 9
BOUND = 1.3
TICK_S = 30
_SCRAPE_S = 15
_POLL_S = 0.5
_SERIES_PER_SIGNAL = 3  # of a function on the page
_PATIENCE_S = 300.0
_QUERY_SECONDS = 'autoscaler_source_query_seconds{source="main"}'


class Round(NamedTuple):
    """One turn, seconds: a tick, the part of it that its queries took with their parsing, and the bare queries."""

    tick_s: float
    reading_s: float
    bare_s: float


def measure(count: int = FUNCTIONS) -> Sequence[Figure]:
    """Let the program tick, and ask the same bare in between."""
    with (
        tempfile.TemporaryDirectory() as name,
        busy_gateway(count) as gateway,
        dummy_kubernetes(count, Path(name)) as kubeconfig,
        prometheus(Path(name), {"gateway": [gateway]}, f"{_SCRAPE_S}s") as server,
    ):
        _wait_scraped(server, count)
        program = Program(Path(name), kubeconfig, server.url, count, f"{TICK_S}s")
        with program.running() as pid:
            program.wait_ready()
            rounds = _rounds(program, pid, settings(server.url), count)
    short = f"{count // 1_000}k"
    return [
        at_most(f"tick_ratio_{short}", statistics.median(one.tick_s / one.bare_s for one in rounds), "ratio", BOUND),
        at_most(
            f"reading_ratio_{short}", statistics.median(one.reading_s / one.bare_s for one in rounds), "ratio", None
        ),
        at_most(f"tick_{short}", statistics.median(one.tick_s for one in rounds) * 1_000, "ms", None),
        at_most(f"tick_reading_{short}", statistics.median(one.reading_s for one in rounds) * 1_000, "ms", None),
        at_most(
            f"tick_beside_{short}", statistics.median(one.tick_s - one.reading_s for one in rounds) * 1_000, "ms", None
        ),
        at_most(f"bare_queries_{short}", statistics.median(one.bare_s for one in rounds) * 1_000, "ms", None),
    ]


def _wait_scraped(server: Prometheus, count: int) -> None:
    """Wait until the range, and a scrape before it, are full of whole scrapes."""
    scraped = f'min_over_time(scrape_samples_scraped{{job="gateway"}}[{5 * _SCRAPE_S}s])'
    counted = f'count_over_time(up{{job="gateway"}}[{5 * _SCRAPE_S}s])'
    wait_until(
        lambda: (server.value(counted) or 0) >= 5 and (server.value(scraped) or 0) >= _SERIES_PER_SIGNAL * count,
        "a range of whole scrapes",
        _PATIENCE_S,
        _POLL_S,
    )


def _rounds(program: Program, pid: int, source: SourceSettings, count: int) -> list[Round]:
    rounds: list[Round] = []
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(ROUNDS + 1):
            own = _next_tick(program)
            if not own['autoscaler_source_up{source="main"}']:
                raise RuntimeError(f"the source is not read: {program.tail()}")
            if own['autoscaler_source_series{source="main"}'] < _SERIES_PER_SIGNAL * count:
                raise RuntimeError("not everything was read")
            with _stopped(pid):
                bare_s = _bare(session, source)
            rounds.append(Round(own["autoscaler_last_tick_seconds"], own[_QUERY_SECONDS], bare_s))
            print(
                "  tick {:.2f} s, its queries {:.2f} s, bare {:.2f} s".format(*rounds[-1]), file=sys.stderr, flush=True
            )
    return rounds[1:]  # the first one opened connections and told the worker its functions


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Stop a process and those that it started for the length of a `with` block."""
    processes = family(pid)
    for one in processes:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in processes:
            os.kill(one, signal.SIGCONT)


def _next_tick(program: Program) -> dict[str, float]:
    """Wait until a tick has ended, and give what the program says of itself then."""
    before, own = program.own_metrics()["autoscaler_ticks_total"], dict[str, float]()

    def has_ticked() -> bool:
        own.update(program.own_metrics())
        return own["autoscaler_ticks_total"] > before

    wait_until(has_ticked, "a tick", _PATIENCE_S, _POLL_S)
    return own


def _bare(session: requests.Session, source: SourceSettings) -> float:
    start = time.perf_counter()
    at_s = time.time() - QUERY_LAG * source.scrape_interval
    for profile in profiles_of(source):
        for query in profile.queries:
            params = {"query": query.text, "time": f"{at_s:.3f}"}
            answer = session.get(f"{source.url}/api/v1/query", params=params, headers={"Accept-Encoding": "identity"})
            answer.raise_for_status()
    return time.perf_counter() - start


def main() -> int:
    """Run it as a program; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--functions", type=int, default=FUNCTIONS, help=f"how many (default {FUNCTIONS})")
    given = parser.parse_args()
    print(f"{given.functions} functions: about 7 minutes", file=sys.stderr)
    figures = measure(given.functions)
    emit(figures, given.json)
    return int(any(figure.holds is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
