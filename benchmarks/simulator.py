"""`python -m benchmarks.simulator`: what a simulated request costs; `--only per-request` measures a part of it.

per-request: an instance for every request that finds none idle, beside SimFaaS. windowed: the real controller in the loop.
fleet: 10,000 functions for a day, request by request, in both modes. minutes: a sweep of keep-alives over counts per minute.
memory: whether it grows with simulated time, and with the rows of a trace. sweep: two processes against one. What each
does in detail, the module `benchmarks.simulator_PART` says. Where one thread works, time is that of the processor, so that
a machine that does other work gives nearly the same figures. It needs `make setup-test`.
"""

import sys

from benchmarks import (
    simulator_fleet,
    simulator_memory,
    simulator_minutes,
    simulator_per_request,
    simulator_sweep,
    simulator_windowed,
)
from benchmarks.report import parts_main

PARTS = {
    "per-request": simulator_per_request.measure,
    "windowed": simulator_windowed.measure,
    "minutes": simulator_minutes.measure,
    "memory": simulator_memory.measure,
    "sweep": simulator_sweep.measure,
    "fleet": simulator_fleet.measure,
}


if __name__ == "__main__":
    sys.exit(parts_main(PARTS, __doc__))
