"""The mode of an instance per request, one function, beside SimFaaS 0.2.2 on its own example.

The example is that of its README: 0.9 requests/s, services of 1.991 s (2.244 s with a cold start), an idle instance kept
for 600 s: about 8 instances. The larger one has 1,000 times the load: about 2,000 instances. Both simulators draw gaps and
service times, and both keep their statistics; ours has the time-weighted numbers of instances, busy, idle and starting
seconds, lifespans, and both sides of Little's law. SimFaaS is installed from the package index into an environment
of its own. Time is that of the processor, the best of several runs.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autoscaler.simulator.laws import Exponential
from autoscaler.simulator.per_request.one_function import OneFunction
from benchmarks.report import Figure, at_least
from benchmarks.simfaas_environment import python_with_simfaas

RATE, WARM_S, COLD_S, KEEP_ALIVE_S = 0.9, 1.991, 2.244, 600.0
SCALES = {8: 1.0, 2_000: 1_000.0}
"""How many times the example's rate gives about so many instances."""

BOUNDS = {8: 10e6, 2_000: 5e6}
RATIOS = {8: 80.0, 2_000: 2_000.0}
REQUESTS = 20_000_000
RUNS = 3
SIMFAAS_REQUESTS = {8: (20_000, 320_000), 2_000: (9_000, 18_000)}
"""From how many requests on it is measured, when it has its instances, and up to how many."""

SIMFAAS = Path(__file__).with_name("simfaas_example.py")


def measure() -> Iterator[Figure]:
    """Measure ours, and SimFaaS right after it, at both sizes."""
    _per_s(1.0, 100_000)  # compiles
    python = python_with_simfaas()
    for instances, scale in SCALES.items():
        ours = max(_per_s(scale, REQUESTS) for _ in range(RUNS))
        theirs = _simfaas_per_s(python, scale, SIMFAAS_REQUESTS[instances])
        yield at_least(f"per_request_{instances}", ours / 1e6, "M/s", BOUNDS[instances] / 1e6)
        yield at_least(f"simfaas_{instances}", theirs / 1e3, "k/s", None)
        yield at_least(f"per_request_to_simfaas_{instances}", ours / theirs, "ratio", RATIOS[instances])


def _per_s(scale: float, requests: int) -> float:
    """Give requests simulated in a second of processor time."""
    function = OneFunction(
        rate=RATE * scale,
        service=Exponential(WARM_S),
        cold_service=Exponential(COLD_S),
        keep_alive_s=KEEP_ALIVE_S,
        generator=np.random.Generator(np.random.SFC64(1)),
    )
    begin = time.process_time()
    account = function.advance(requests / (RATE * scale))
    return account.requests / (time.process_time() - begin)


def _simfaas_per_s(python: str, scale: float, span: tuple[int, int]) -> float:
    """Give the same of SimFaaS: what a longer run does more than a shorter one, by how much longer it takes."""
    shorter, longer = (_simfaas(python, scale, requests) for requests in span)
    return (longer[0] - shorter[0]) / (longer[1] - shorter[1])


def _simfaas(python: str, scale: float, requests: int) -> tuple[int, float]:
    """Give the requests of a run of SimFaaS, and its seconds of processor time."""
    arguments = [str(one) for one in (RATE * scale, WARM_S, COLD_S, KEEP_ALIVE_S, requests / (RATE * scale))]
    answer = subprocess.run([python, str(SIMFAAS), *arguments], check=True, capture_output=True, text=True)
    told = json.loads(answer.stdout)
    return int(told["requests"]), float(told["took_s"])
