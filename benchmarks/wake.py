"""`python -m benchmarks.wake`: what a wake costs, from the request to the answer; `--only latency` measures a part of it.

latency: from a request to its PATCH, beside 100,000 functions. many: 1,000 wakes at once. held: 10,000 requests that wait.
warm: calls of functions that run, by gateway. cold: from zero to the answer, on real parts. What each does in detail, the
module `benchmarks.wake_PART` says. On a machine that others use too, `nice -n -10` as root measures the daemon and not them.
"""

import argparse
import sys

from benchmarks import wake_cold, wake_held, wake_latency, wake_many, wake_warm
from benchmarks.report import emit

PARTS = {
    "latency": wake_latency.measure,
    "many": wake_many.measure,
    "held": wake_held.measure,
    "warm": wake_warm.measure,
    "cold": wake_cold.measure,
}


def main() -> int:
    """Measure what was asked for; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="these parts alone")
    asked = parser.parse_args()
    figures = [figure for name in asked.only or PARTS for figure in PARTS[name]()]
    emit(figures, asked.json)
    return int(any(figure.holds is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
