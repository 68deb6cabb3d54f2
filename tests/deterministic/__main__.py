"""Replays one seed, or runs many: `python -m tests.deterministic --help`."""

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.deterministic.defects import DEFECTS, SOUND
from tests.deterministic.faults import ALL, OF_WAKES
from tests.deterministic.runner import Outcome, run


def main() -> int:
    """Run what was asked for; the exit code says whether every rule was kept."""
    asked = _arguments()
    defect = DEFECTS[asked.defect] if asked.defect else SOUND
    if asked.seed is not None:
        outcome = run(asked.seed, is_traced=asked.trace, defect=defect, only=asked.only or ())
        print("\n".join([*outcome.trace, str(outcome), f"digest {outcome.digest}"]))
        return int(bool(outcome.violations))
    seeds = range(asked.first, asked.first + asked.seeds)
    began_s, cpu_s = time.perf_counter(), 0.0
    failed, virtual_s, writes = [], 0.0, 0
    for outcome in _outcomes(seeds, asked.jobs, asked.defect):
        virtual_s, writes, cpu_s = virtual_s + outcome.virtual_s, writes + outcome.writes, cpu_s + outcome.cpu_s
        if outcome.violations:
            failed.append(outcome.seed)
            print(outcome, flush=True)
    took_s = time.perf_counter() - began_s
    print(
        f"{len(seeds)} seeds, {len(failed)} failed; {virtual_s / 3600:.1f} h of virtual time, {writes} writes, "
        f"{took_s:.1f} s ({cpu_s / len(seeds):.2f} s of one core for a seed)"
    )
    return int(bool(failed))


def _outcomes(seeds: Iterable[int], jobs: int, name: str | None) -> Iterable[Outcome]:
    if jobs == 1:
        yield from map(partial(_run, name), seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(_run, name), seeds, chunksize=20)


def _run(name: str | None, seed: int) -> Outcome:
    return run(seed, defect=DEFECTS[name] if name else SOUND)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.deterministic", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", type=int, help="replay this one")
    what.add_argument("--seeds", type=int, default=200, help="how many to run (200)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--trace", action="store_true", help="with --seed: say what happened, logs included")
    names = sorted({fault.name for fault in (*ALL, *OF_WAKES)})
    parser.add_argument("--only", choices=names, action="append", metavar="FAULT", help="with --seed: this fault alone")
    parser.add_argument("--defect", choices=sorted(DEFECTS), help="put a defect into the daemon")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
