"""Faults drawn at random for as long as one likes, on a real control plane: `python -m tests.soak.faults`.

Needs a network namespace for pods: `python -m tests.servers.netns python -m tests.soak.faults --minutes 60 --seed 1`.
It prints a line per fault and a table at the end; it ends with 1 if anything was seen that may never be seen.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.cluster.faults.clocks import MovableClock
from tests.cluster.faults.installing import installed
from tests.cluster.faults.judging import oscillations, trespasses, unjustified_shrinks
from tests.cluster.faults.site import MOVING, OWN, PATIENCE, RULE, STEADY, Site
from tests.servers import netns
from tests.servers.controlplane import ControlPlane
from tests.servers.nodeagent import node_agent
from tests.soak.accounts import account
from tests.soak.catalogue import CATALOGUE, Fault

_MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_LOADS = (5.0, 15.0, 25.0, 35.0, 55.0, 75.0)
_FUNCTIONS = (STEADY, MOVING, OWN["recreated"])


class Run:
    """One run: what is struck, how long it takes until replicas are right again, and what may not be seen.

    Args:
        site: the installation.
        clock: the daemon's wall clock.
        generator: everything that is drawn.
        log: folder of the daemon's decision log.
    """

    def __init__(self, site: Site, clock: MovableClock, generator: np.random.Generator, log: Path) -> None:
        self._site = site
        self._log = log
        self._clock = clock
        self._generator = generator
        self._took_s: dict[str, list[float]] = defaultdict(list)
        self._late: list[str] = []
        self._began_s = time.monotonic()

    def strike(self, name: str, fault: Fault) -> None:
        """Do one fault while load changes, then hold load constant and wait until replicas are right."""
        began_s = time.monotonic()
        for key in _FUNCTIONS:
            self._site.load(key, self._load())
        with fault.struck(self._site, self._clock, self._generator):
            for _ in range(int(self._generator.integers(1, 4))):
                time.sleep(float(self._generator.uniform(0.3, 1.0)) * fault.lasts_s)
                self._site.load(MOVING, self._load())
        took_s = self._until_right(name, fault.more_s)
        print(
            f"{time.monotonic() - self._began_s:7.0f} s  {name:38} {time.monotonic() - began_s:6.1f} s"
            f"  right after {took_s:5.1f} s",
            flush=True,
        )

    def _until_right(self, name: str, more_s: float) -> float:
        start_s = time.monotonic()
        try:
            for key in _FUNCTIONS:
                self._site.wait_right(key, more_s=more_s)
        except TimeoutError as error:
            self._late.append(f"{name}: {str(error).splitlines()[0][:200]}")
        took_s = time.monotonic() - start_s
        self._took_s[name].append(took_s)
        return took_s

    def _load(self) -> float:
        return float(self._generator.choice(_LOADS))

    def verdict(self) -> int:
        """Print the figures; give the exit status."""
        site, changes = self._site, self._site.recorder.changes
        shrinks = unjustified_shrinks(changes, site.traffic.truth, RULE)
        swings = oscillations(changes, site.traffic.truth, RULE)
        strangers = trespasses(changes, site.touched(), site.claimed())
        print(f"\n{'fault':38} {'times':>5}  {'median':>8} {'longest':>8}   seconds until right, load constant")
        for name, took_s in sorted(self._took_s.items()):
            print(f"{name:38} {len(took_s):5}  {statistics.median(took_s):8.1f} {max(took_s):8.1f}")
        promised_s = RULE.settle_s + RULE.scrape_s
        print(f"\nchanges of replicas {len(changes)}; promised {promised_s:.1f} s and what the fault itself takes")
        print(
            f"shrinks without reason {len(shrinks)}, oscillations {len(swings)}, writes to unclaimed namespaces "
            f"{len(strangers)}, not right within {PATIENCE:g} times the promise {len(self._late)}"
        )
        for one in (*shrinks, *swings, *strangers, *self._late):
            print(one)
        for shrink in shrinks:
            print("\n".join(account(shrink, site.traffic.truth, self._log)))
        return 1 if shrinks or swings or strangers or self._late else 0


@contextmanager
def cluster(folder: Path) -> Iterator[ControlPlane]:
    """Run a control plane with controllers and a node whose pods are processes."""
    plane = ControlPlane(folder)
    try:
        plane.start()
        for path in _RIGHTS:
            plane.apply((_MANIFESTS / path).read_text())
        plane.start_controllers()
        agent = node_agent(plane)
        agent.start()
        try:
            yield plane
        finally:
            agent.stop()
    finally:
        plane.stop()


def main() -> int:
    """Run for the time that was asked for; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(CATALOGUE), action="append", help="these faults alone")
    arguments = parser.parse_args()
    if not netns.is_inside():
        print(f"pods need addresses of their own: {netns.HOW.replace('pytest tests/cluster', 'tests.soak.faults')}")
        return 2
    generator = np.random.default_rng(arguments.seed)
    names = arguments.only or sorted(CATALOGUE)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "plane").mkdir()
        log = folder / "decisions"
        clock = MovableClock(folder / "offset")
        with (
            cluster(folder / "plane") as plane,
            installed(plane, folder, arguments.seed, clock.env, f"decisionLog: {{path: {log}}}\n") as site,
        ):
            run, end_s = Run(site, clock, generator, log), time.monotonic() + 60.0 * arguments.minutes
            print(f"seed {arguments.seed}, {arguments.minutes:g} minutes")
            while time.monotonic() < end_s:
                for number in generator.permutation(len(names)):
                    run.strike(names[number], CATALOGUE[names[number]])
                    if time.monotonic() >= end_s:
                        break
            return run.verdict()


if __name__ == "__main__":
    sys.exit(main())
