"""`python -m benchmarks.wake`: what a wake costs, from the request to the answer; `--only latency` measures a part of it.

latency: from a request to its PATCH, beside 100,000 functions. many: 1,000 wakes at once. held: 10,000 requests that wait.
warm: calls of functions that run, by gateway. cold: from zero to the answer, on real parts. What each does in detail, the
module `benchmarks.wake_PART` says. On a machine that others use too, `nice -n -10` as root measures the daemon and not them.
"""

import sys

from benchmarks import wake_cold, wake_held, wake_latency, wake_many, wake_warm
from benchmarks.report import parts_main

PARTS = {
    "latency": wake_latency.measure,
    "many": wake_many.measure,
    "held": wake_held.measure,
    "warm": wake_warm.measure,
    "cold": wake_cold.measure,
}


if __name__ == "__main__":
    sys.exit(parts_main(PARTS, __doc__))
