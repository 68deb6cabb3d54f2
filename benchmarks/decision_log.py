"""`python -m benchmarks.decision_log`: what a decision log takes, on disk and of a processor, and what reading it costs.

Bytes are those of an hour of real ticks of 2 s, whole ticks and the fleet included, times 24. Time is that of the
processor (one core). Nothing of it is spent in the thread that decides but `handover`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.adapters.decision_log.folder import create
from autoscaler.adapters.decision_log.recall import changes, record_at
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.columns import Floats
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Head, Origin, Recorded, Step
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.policy.provenance import NOWHERE
from autoscaler.policy.settings import DecisionLogSettings
from benchmarks.report import Figure, at_most, main

TICK_S = 2.0
SCRAPE_S = 15.0
HOUR = int(3_600 / TICK_S)
BEGINS_UTC_S = 1_767_225_600.0
LARGE = 100_000
PER_TENANT = 100
BUSY_SHARE = 0.6
TICK_BOUND_MS = 2_000.0 / 4
"""A quarter of a core: the log's thread shares two with everything else."""


def fleet_of(functions: int) -> Fleet:
    """Make tenants of a hundred functions: 7 requests/s a replica, zero after five minutes."""
    owner = np.arange(functions) // PER_TENANT
    tenants = tuple(f"tenant-{number:04d}" for number in range(int(owner[-1]) + 1))
    keys = tuple(FunctionKey(tenants[owner[row]], f"function-{row % PER_TENANT:04d}") for row in range(functions))
    numbers = {
        "target_rps": 7.0,
        "target_concurrency": np.inf,
        "stable_window_s": 60.0,
        "max_rate_up": 1000.0,
        "max_rate_down": 2.0,
        "tolerance_up": 0.0,
        "tolerance_down": 0.0,
        "stabilization_down_s": 300.0,
        "concurrency_limit": 20.0,
        "min_replicas": 0.0,
        "max_replicas": 50.0,
        "concurrency_cap": np.inf,
        "activation": 1.0,
        "zero_after_s": 300.0,
        "force": np.nan,
    }
    rules = Rules(
        **{name: np.full(functions, value) for name, value in numbers.items()}, paused=np.zeros(functions, bool)
    )
    uids = tuple(f"{row:08x}-0000-4000-8000-{row * 7919 % 2**48:012x}" for row in range(functions))
    caps = np.full(len(tenants), np.inf)
    return Fleet(keys, uids, {key: row for row, key in enumerate(keys)}, owner, tenants, caps, rules)


def steps(fleet: Fleet, ticks: int, usual: Floats) -> Iterator[Step]:
    """Decide tick after tick; each function is scraped every 15 s, and its load is then another one.

    Args:
        usual: `(functions,) float64`, requests/s about which a function's load moves; 0: nobody calls it.
    """
    rng, functions = np.random.default_rng(5), len(fleet)
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    scraped_at = rng.uniform(0.0, SCRAPE_S, functions)
    rps, replicas = usual.copy(), np.ceil(usual / 7.0)
    for number in range(ticks):
        at_s = TICK_S * number
        due = np.flatnonzero(((at_s - scraped_at) % SCRAPE_S < TICK_S) & (usual > 0))
        rps = rps.copy()
        rps[due] = usual[due] * rng.uniform(0.7, 1.3, len(due))
        load = Load(
            rps=rps,
            concurrency=np.full(functions, np.nan),
            in_flight=np.floor(rps / 10.0),
            is_covered=np.ones(functions, bool),
            is_idle=rps == 0,
            range_s=np.full(functions, 60.0),
        )
        seen = Observation(fleet, load, replicas, replicas.copy(), np.zeros(functions), np.zeros(functions, bool))
        now = Now(at_s, BEGINS_UTC_S + at_s)
        decisions = controller.step(now, seen, ())
        yield Step(now, seen, (), decisions)
        replicas = replicas.copy()
        replicas[decisions.rows] = decisions.desired


def origin_of(fleet: Fleet) -> Callable[[Fleet], Origin]:
    """Give labels as OpenFaaS sets them, in the form of the daemon's own marks."""
    marks = tuple(f'{{"annotations": {{}}, "labels": {{"faas_function": "{key.name}"}}}}' for key in fleet.keys)
    origin = Origin({}, marks)
    return lambda _: origin


def written(fleet: Fleet, ticks: int, usual: Floats) -> tuple[bytes, list[float]]:
    """Write a log; give it, and the milliseconds that each tick took to write."""
    encoder, origin = Encoder(Head("run", 0, "{}")), origin_of(fleet)
    pieces, costs = [], []
    for step in steps(fleet, ticks, usual):
        begin = time.thread_time_ns()
        pieces.append(encoder.frames(step, origin))
        costs.append((time.thread_time_ns() - begin) / 1e6)
    return b"".join(pieces), costs


def usual_of(functions: int, active: float) -> Floats:
    """Give the load about which each function moves; a share of them has any."""
    rng = np.random.default_rng(11)
    return np.where(rng.random(functions) < active, rng.exponential(30.0, functions), 0.0)


def day_bytes(functions: int, active: float) -> float:
    """Give the bytes of a day for each function, of a fleet of which this share is called."""
    data, _ = written(fleet_of(functions), HOUR, usual_of(functions, active))
    return len(data) * 24 / functions


def handover_us(functions: int) -> float:
    """Give the median microseconds that the deciding thread spends on handing a tick over."""
    fleet, costs = fleet_of(functions), []
    with tempfile.TemporaryDirectory() as folder:
        log = DecisionLog(folder, DecisionLogSettings(), None, tell=print)
        log.start()
        for step in steps(fleet, 12, usual_of(functions, BUSY_SHARE)):
            begin = time.thread_time_ns()
            log.take_step(step, NOWHERE)
            costs.append((time.thread_time_ns() - begin) / 1e3)
        log.close(60.0)
    return float(np.median(costs))


def reading(functions: int) -> list[Figure]:
    """Give what questions of an hour of log cost, seconds."""
    fleet = fleet_of(functions)
    data, _ = written(fleet, HOUR, usual_of(functions, BUSY_SHARE))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, descriptor = create(folder, BEGINS_UTC_S, 0)
        os.close(descriptor)
        path.write_bytes(data)
        key, until_s = fleet.keys[functions // 2], BEGINS_UTC_S + 3_600
        at_s = _seconds(lambda: record_at(folder, key, until_s - 1_000.0))
        last_s = _seconds(lambda: changes(folder, key, BEGINS_UTC_S, until_s))
        all_s = _seconds(lambda: sum(isinstance(entry, Recorded) for entry in read(path.read_bytes())))
    return [
        at_most(f"explain_at_{functions}", at_s, "s", None),
        at_most(f"explain_last_hour_{functions}", last_s, "s", None),
        at_most(f"read_hour_{functions}", all_s, "s", None),
    ]


def _seconds(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def measure() -> list[Figure]:
    """Measure all figures."""
    large = fleet_of(LARGE)
    data, costs = written(large, 40, usual_of(LARGE, BUSY_SHARE))
    return [
        at_most("day_of_a_quiet_function", day_bytes(1_000, 0.0), "bytes", None),
        at_most("day_of_a_called_function", day_bytes(1_000, 1.0), "bytes", None),
        at_most("day_of_a_lone_function", day_bytes(1, 1.0), "bytes", None),
        at_most("first_tick_100000", costs[0], "ms", None),
        at_most("tick_100000", float(np.median(costs[1:])), "ms", TICK_BOUND_MS),
        at_most("tick_100000_bytes", len(data) / len(costs), "bytes", None),
        at_most("handover_100000", handover_us(LARGE), "us", None),
        *reading(1_000),
    ]


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
