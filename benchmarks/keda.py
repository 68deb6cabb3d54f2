"""`python -m benchmarks.keda`: this daemon in the shape in which KEDA 2.21 was measured, beside KEDA's figures.

A real API server holds 1,000 functions (`--functions`), all but ten of them idle at zero; a real Prometheus scrapes a
page of a gateway that counts their calls, every 15 s and, for the last two parts, every 2 s. The program itself decides
on them, ticking every 2 s, with a Lease as the shipped manifests have it. There are no nodes: of every Deployment the
replicas it asks for are said to be ready at once, so what is measured is the way to the write, not a cold start.

When a load was scraped is what Prometheus stored with the sample; when a write arrived is what the API server's audit
log says. KEDA's figures (operator, metrics adapter, the HPA, API server 1.36.3, Prometheus 2.42, two cores) were measured
once in this shape with 1,056 functions, polling every 30 s, and are not measured again here.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoscaler.core.fleet import FunctionKey
from benchmarks.fleets import names
from benchmarks.keda_site import BEFORE, FAST, SLOW, Scrape, Site, site
from benchmarks.memory import resident_mib
from benchmarks.report import Figure, at_most
from tests.servers.daemon import Candidate
from tests.servers.process import wait_until

TICK_S = 2.0
SLACK_S = 0.5
IDLE_S = 60.0
BUSY, BUSY_PER_S = 10, 27.5  # 2.75 and 27.5 replicas: no rounding is near
WOKEN, WOKEN_PER_S = 40, 300.0
MEANWHILE = 5
GROWING, GROWN_TO, MORE = 10, 28, 12
LOOKED_AT_AGAIN_S = 10.0
WALL_MIN = {1_000: 9, 10_000: 12}

KEDA = {
    "looked_at": 498.0,
    "prometheus_queries_per_s": 33.7,
    "api_requests_per_s": 74.0,
    "resident": 304.0,
    "woken_from_scrape_p50": 13.8,
    "woken_from_scrape_max": 29.9,
    "woken_from_load_p50": 24.0,
    "woken_from_load_max": 34.3,
    "beyond_one_p50": 15.0,
    "beyond_one_max": 30.0,
    "killed_looked_at": 227.0,
    "killed_woken_p50": 135.0,
    "killed_woken_max": 219.0,
}
"""What KEDA 2.21.0 took, by figure; it has none of the others."""


class Drill:
    """The parts of the measurement, one after the other, on one site."""

    def __init__(self, place: Site, keys: Sequence[FunctionKey]) -> None:
        self._site = place
        self._count = len(keys)
        shuffled = list(keys)
        random.Random(1).shuffle(shuffled)
        self._unused: Iterator[FunctionKey] = iter(shuffled)
        self._growing = self._some(GROWING)

    def run(self) -> Iterator[Figure]:
        """Do everything, one part after the other."""
        self._site.allow(self._growing, GROWN_TO + MORE)
        for key in self._some(BUSY):
            self._site.page.load(key, BUSY_PER_S)
        self._site.wait_scraped()
        daemon = self._site.daemon("first", SLOW)
        yield at_most("looked_at", self._started(daemon), "s", None)
        self._settle(daemon)
        yield from self._idle(daemon)
        yield from self._woken(SLOW, 60.0)
        yield from self._followed(daemon)
        yield from self._restarted()
        fast = self._site.daemon("fast", FAST)
        self._started(fast)
        self._settle(fast)
        yield from self._woken(FAST, 40.0)
        yield from self._tenfold()
        fast.stop()

    def _some(self, count: int) -> list[FunctionKey]:
        return [next(self._unused) for _ in range(count)]

    def _started(self, daemon: Candidate) -> float:
        begun_s = time.perf_counter()
        daemon.start()
        self._site.wait_looked_at(daemon, self._count)
        return time.perf_counter() - begun_s

    def _settle(self, daemon: Candidate) -> None:
        """Wait until those under load have their replicas, and nothing was written for a few ticks."""
        calm_s = 3 * TICK_S

        def is_calm() -> bool:
            newest = max((one.at_s for one in self._site.kubelet.wanted), default=0.0)
            return time.time() - newest > calm_s

        wait_until(is_calm, f"{daemon.name} to settle", 120, 0.2)
        time.sleep(calm_s)

    def _idle(self, daemon: Candidate) -> list[Figure]:
        begin_s, queries, ticks = time.time(), self._site.queries(SLOW), daemon.metric("autoscaler_ticks_total")
        time.sleep(IDLE_S)
        took_s = time.time() - begin_s
        asked = self._site.requests.between(begin_s, begin_s + took_s)
        lease = [one for one in asked if one.resource == "leases"]
        watches = [one for one in asked if one.verb == "watch" and one.resource != "leases"]
        others = len(asked) - len(lease) - len(watches)
        queries = self._site.queries(SLOW) - queries
        ticks = daemon.metric("autoscaler_ticks_total") - ticks
        process = daemon.process
        assert process is not None
        return [
            at_most("prometheus_queries_per_s", queries / took_s, "1/s", None),
            at_most("prometheus_queries_per_tick", queries / ticks, "queries", 4.0),
            at_most("api_requests_per_s", len(asked) / took_s, "1/s", None),
            at_most("api_requests_lease", len(lease) / took_s, "1/s", None),
            at_most("api_requests_watches", len(watches) / took_s, "1/s", None),
            at_most("api_requests_others", others, "requests", 0.0),
            at_most("resident", resident_mib(process.pid), "MiB", None),
        ]

    def _woken(self, scrape: Scrape, over_s: float) -> list[Figure]:
        """Load sleeping functions at moments spread over a while; give how long their first write takes."""
        begun_s = self._load_some(self._some(WOKEN), WOKEN_PER_S, over_s)
        self._wait_written(begun_s)
        from_load, from_scrape, beyond = [], [], []
        for key, since_s in begun_s.items():
            written_s = self._site.requests.patches(key, since_s)[0].at_s
            from_load.append(written_s - since_s)
            from_scrape.append(written_s - self._site.first_shown_s(scrape, key, since_s))
            wanted = self._site.kubelet.of(key, since_s)
            beyond += [one.at_s - wanted[0].at_s for one in wanted if one.replicas > 1][:1]
        kind = "" if scrape is SLOW else "_fast"
        return [
            at_most(f"woken{kind}_from_scrape_p50", statistics.median(from_scrape), "s", None),
            at_most(f"woken{kind}_from_scrape_max", max(from_scrape), "s", TICK_S + SLACK_S),
            at_most(f"woken{kind}_from_load_p50", statistics.median(from_load), "s", None),
            at_most(f"woken{kind}_from_load_max", max(from_load), "s", None),
            at_most(f"beyond_one{kind}_p50", statistics.median(beyond), "s", None),
            at_most(f"beyond_one{kind}_max", max(beyond), "s", None),
        ]

    def _load_some(self, keys: Sequence[FunctionKey], per_s: float, over_s: float) -> dict[FunctionKey, float]:
        """Begin loads at moments that meet scrapes and ticks at every phase; give the UTC seconds of each."""
        drawn = random.Random(2)
        moments = sorted(drawn.uniform(0, over_s) for _ in keys)
        begin_s, begun_s = time.time(), {}
        for key, moment_s in zip(keys, moments, strict=True):
            time.sleep(max(0.0, begin_s + moment_s - time.time()))
            begun_s[key] = time.time()
            self._site.page.load(key, per_s)
        return begun_s

    def _wait_written(self, begun_s: dict[FunctionKey, float]) -> None:
        def are_written() -> bool:
            return all(any(one.replicas > 1 for one in self._site.kubelet.of(*begun)) for begun in begun_s.items())

        wait_until(are_written, "every function under load to have more than one replica", 120, 0.2)

    def _followed(self, daemon: Candidate) -> list[Figure]:
        """Kill the holder of the Lease while another stands by."""
        standby = self._site.daemon("second", SLOW)
        standby.begin()
        killed_s = time.time()
        begun_s = self._load_some(self._some(MEANWHILE), WOKEN_PER_S, 0.0)
        daemon.kill()
        wait_until(standby.is_leading, "the standby to lead", 60, 0.01)
        self._site.wait_looked_at(standby, self._count)
        looked_at_s = time.time() - killed_s
        self._wait_written(begun_s)
        standby.stop()
        return [at_most("killed_standby_looked_at", looked_at_s, "s", LOOKED_AT_AGAIN_S)]

    def _restarted(self) -> list[Figure]:
        """Kill a daemon that is alone, and start it again at once, as a kubelet does."""
        daemon = self._site.daemon("alone", SLOW, leadership=None)
        self._started(daemon)
        self._settle(daemon)
        killed_s = time.time()
        begun_s = self._load_some(self._some(MEANWHILE), WOKEN_PER_S, 0.0)
        daemon.kill()
        self._started(daemon)
        looked_at_s = time.time() - killed_s
        self._wait_written(begun_s)
        took_s = [self._site.requests.patches(key, since_s)[0].at_s - killed_s for key, since_s in begun_s.items()]
        daemon.stop()
        return [
            at_most("killed_looked_at", looked_at_s, "s", LOOKED_AT_AGAIN_S),
            at_most("killed_woken_p50", statistics.median(took_s), "s", None),
            at_most("killed_woken_max", max(took_s), "s", None),
        ]

    def _tenfold(self) -> list[Figure]:
        """Load functions for three replicas, then ten times as much; give when the last write of each arrives."""
        keys = self._growing
        for key in keys:
            self._site.page.load(key, BUSY_PER_S)
        self._wait_at(keys, 3)
        time.sleep(2 * FAST.range_s)
        begun_s = self._load_some(keys, 10 * BUSY_PER_S, 2 * FAST.range_s)
        self._wait_at(keys, GROWN_TO)
        time.sleep(FAST.range_s + FAST.interval_s + 2 * TICK_S)
        last_s, over = [], []
        for key, since_s in begun_s.items():
            wanted = self._site.kubelet.of(key, since_s)
            if any(after.replicas < before.replicas for before, after in itertools.pairwise(wanted)):
                raise RuntimeError(f"{key} does not rise steadily: {wanted}")
            last_s.append(next(one.at_s for one in wanted if one.replicas >= GROWN_TO) - since_s)
            over.append(wanted[-1].replicas / GROWN_TO)
        return [
            at_most("tenfold_last_write_p50", statistics.median(last_s), "s", None),
            at_most("tenfold_last_write_max", max(last_s), "s", FAST.range_s + FAST.interval_s + TICK_S + SLACK_S),
            # A scrape that is answered late on a busy machine counts more calls than its moment had.
            at_most("tenfold_replicas_of_wanted", max(over), "ratio", None),
        ]

    def _wait_at(self, keys: Sequence[FunctionKey], replicas: int) -> None:
        def are_there() -> bool:
            of = [self._site.kubelet.of(key, 0.0) for key in keys]
            return all(wanted and wanted[-1].replicas >= replicas for wanted in of)

        wait_until(are_there, f"{replicas} replicas of each of {len(keys)} functions", 120, 0.2)


def measure(count: int) -> list[Figure]:
    """Put everything together for so many functions, and take it down again."""
    keys = names(count)
    with tempfile.TemporaryDirectory() as name, site(Path(name), keys) as place:
        figures = []
        for figure in Drill(place, keys).run():
            figures.append(figure)
            print(f"  {figure.name}: {figure.value:.2f} {figure.unit}", file=sys.stderr, flush=True)
        return figures


def emit(figures: Sequence[Figure], as_json: bool) -> None:
    """Print figures beside KEDA's: one JSON object, or a table."""
    if as_json:
        print(
            json.dumps(
                {
                    one.name: {
                        "value": one.value,
                        "unit": one.unit,
                        "bound": one.bound,
                        "holds": one.holds,
                        "keda": KEDA.get(one.name),
                    }
                    for one in figures
                }
            )
        )
        return
    width = max(len(one.name) for one in figures)
    print(f"{'figure':<{width}}  {'here':>10}  {'bound':>8}  {'unit':<8}  {'holds':<5}  KEDA 2.21")
    for one in figures:
        bound = "-" if one.bound is None else f"{one.bound:g}"
        holds = "-" if one.holds is None else "yes" if one.holds else "NO"
        beside = f"{KEDA[one.name]:g}" if one.name in KEDA else "-"
        print(f"{one.name:<{width}}  {one.value:>10,.2f}  {bound:>8}  {one.unit:<8}  {holds:<5}  {beside}")


def main() -> int:
    """Run it as a program; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--functions", type=int, default=1_000, help="how many; KEDA's were 1,056 (default 1000)")
    given = parser.parse_args()
    if given.functions < BEFORE:
        parser.error(f"--functions {given.functions}: {BEFORE} and more are allowed")
    minutes = next((wall for most, wall in sorted(WALL_MIN.items()) if given.functions <= most), 20)
    print(f"{given.functions} functions: about {minutes} minutes", file=sys.stderr)
    figures = measure(given.functions)
    emit(figures, given.json)
    return int(any(figure.holds is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
