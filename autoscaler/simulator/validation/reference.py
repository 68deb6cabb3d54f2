"""Reference data as values. The files are described in `data/README.md`."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.simulator.minutes.counts import MinuteCounts

GOLDEN = "keepalive_golden_reference.csv"
KNATIVE = "knative_kpa_measured_2021.csv"
AWS = "aws_lambda_2020_pacslab.csv.gz"
AWS_SUMMARY = "simfaas_aws_exp.csv"
OPENDC = "opendc_serverless_lambda_experiments.csv.gz"
AZURE = "azure2019_100apps_containers_per_min.csv.gz"
AZURE_SWEEP = "azure2019_100apps_keepalive_sweep_reference.csv"
FILES = (GOLDEN, KNATIVE, AWS, AWS_SUMMARY, OPENDC, AZURE, AZURE_SWEEP)

Z95 = 1.959964
"""Half a 95 % confidence interval, in standard errors."""


class Measured(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


class GoldenPoint(NamedTuple):
    """One function with a fixed keep-alive, in ten million requests and more.

    Attributes:
        rate: requests/s, Poisson.
        warm_s, cold_s: mean service of a warm and of a cold request.
        keep_alive_s: of an idle instance.
        cap: most instances.
        is_exponential: law of both services; else they are constant.
        cold, instances, busy, rejected: fraction of requests, mean numbers, fraction of requests.
    """

    rate: float
    warm_s: float
    cold_s: float
    keep_alive_s: float
    cap: int
    is_exponential: bool
    cold: Measured
    instances: Measured
    busy: Measured
    rejected: float
    requests: int


def golden_points(lines: Iterable[str]) -> Iterator[GoldenPoint]:
    """Read the golden points; the two columns called `ci95` half-name what stands before them."""
    for row in list(csv.reader(lines))[1:]:
        rate, warm_s, cold_s, keep_alive_s, requests, cap = (float(cell) for cell in row[:6])
        cold, cold_ci, instances, instances_ci, busy, busy_ci, rejected = (float(cell) for cell in row[7:14])
        yield GoldenPoint(
            rate,
            warm_s,
            cold_s,
            keep_alive_s,
            int(cap),
            row[6] == "exp",
            Measured(cold, cold_ci / Z95),
            Measured(instances, instances_ci / Z95),
            Measured(busy, busy_ci / Z95),
            rejected,
            int(requests),
        )


class KnativePoint(NamedTuple):
    """An hour of a real Knative service.

    Attributes:
        metric: `rps` or `concurrency`.
        target: per replica.
        rate: requests/s.
        ready: mean ready pods.
        response_s: mean response time.
    """

    metric: str
    target: float
    rate: float
    ready: float
    response_s: float


def knative_points(lines: Iterable[str]) -> Iterator[KnativePoint]:
    """Read Knative's measured points."""
    for row in csv.DictReader(lines):
        numbers = (float(row[name]) for name in ("target", "rps", "avg_ready", "mean_resp_s"))
        yield KnativePoint(row["metric"], *numbers)


@dataclass(frozen=True, slots=True, eq=False)
class LambdaRun:
    """A recorded stream of requests to AWS Lambda.

    Attributes:
        name: the experiment's.
        times_s: `(requests,)`, ascending.
        durations_s: `(requests,)`, served seconds, a start-up included.
        is_cold: `(requests,)`, whether AWS started an instance for it.
    """

    name: str
    times_s: Floats
    durations_s: Floats
    is_cold: Bools

    @property
    def rate(self) -> float:
        """Requests/s over the whole run."""
        return len(self.times_s) / float(self.times_s[-1])


def lambda_runs(lines: Iterable[str]) -> list[LambdaRun]:
    """Read the recorded runs, the slowest first."""
    rows: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)
    for row in csv.DictReader(lines):
        rows[row["exp"]].append((float(row["t"]), float(row["dur_s"]), row["cold"] == "1"))
    runs = []
    for name, found in rows.items():
        columns = np.array(sorted(found))
        runs.append(LambdaRun(name, columns[:, 0], columns[:, 1], columns[:, 2] == 1))
    return sorted(runs, key=lambda run: run.rate)


class LambdaSummary(NamedTuple):
    """One of the published summaries of runs on AWS Lambda; seconds, requests/s, fractions and mean numbers."""

    rate: float
    warm_s: float
    cold_s: float
    keep_alive_s: float
    cold: float
    instances: float


def lambda_summaries(lines: Iterable[str]) -> Iterator[LambdaSummary]:
    """Read them; the file has milliseconds and minutes."""
    for row in csv.DictReader(lines):
        yield LambdaSummary(
            rate=float(row["ArrivalRate"]),
            warm_s=float(row["ServiceTimeWarm"]) / 1000,
            cold_s=float(row["ServiceTimeCold"]) / 1000,
            keep_alive_s=float(row["IdleMinutesBeforeKill"]) * 60,
            cold=float(row["ColdStartProbability"]),
            instances=float(row["AverageInstanceCount"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class OpenDcRun:
    """One published run of OpenDC Serverless: a function over a day.

    Attributes:
        name: of its workload.
        is_hybrid: under the hybrid histogram; else under a fixed keep-alive.
        minutes: the keep-alive, or the range of the histogram.
        counts: invocations by minute.
        cold: cold starts that it published.
        wasted_s: container-seconds kept and not used, likewise.
    """

    name: str
    is_hybrid: bool
    minutes: int
    counts: MinuteCounts
    cold: int
    wasted_s: float

    @property
    def has_bursts(self) -> bool:
        """Whether several requests come at once: OpenDC's instances then have places of their own rules."""
        return not self.name.endswith("noconcurrency")


def opendc_runs(lines: Iterable[str]) -> Iterator[OpenDcRun]:
    """Read the published runs."""
    rows: dict[tuple[str, str], list[tuple[int, int, int, float]]] = defaultdict(list)
    for row in csv.DictReader(lines):
        numbers = int(row["minute"]), int(row["invocations"]), int(row["cold"]), float(row["wasted_ms"])
        rows[row["experiment"], row["policy"]].append(numbers)
    for (name, policy), found in rows.items():
        minutes, invocations, cold, wasted_ms = zip(*found, strict=True)
        containers = np.zeros((1, max(minutes) + 1), dtype=np.int32)
        np.add.at(containers[0], list(minutes), invocations)
        requests = np.array([float(sum(invocations))])
        milliseconds = int("".join(letter for letter in policy.rsplit("-", 1)[1] if letter.isdigit()))
        yield OpenDcRun(
            name,
            policy.startswith("hybrid"),
            milliseconds // 60_000,
            MinuteCounts((name,), ("opendc",), containers, np.ones(1), requests),
            sum(cold),
            max(wasted_ms) / 1000,
        )


def azure_apps(lines: Iterable[str]) -> MinuteCounts:
    """Read the containers that 100 apps of Azure needed in each minute of a day; their GB are of 1,000 MB."""
    rows = list(csv.reader(lines))[1:]
    return MinuteCounts(
        names=tuple(row[0] for row in rows),
        tenants=tuple(row[0] for row in rows),
        containers=np.array([row[3:] for row in rows], dtype=np.int32),
        memory_gb=np.array([row[1] for row in rows], dtype=np.float64) / 1000,
        requests=np.array([row[2] for row in rows], dtype=np.float64),
    )


class SweepPoint(NamedTuple):
    """What a keep-alive comes to on the 100 apps."""

    minutes: int
    cold: int
    container_minutes: int
    allocated_gb_s: float
    idle_gb_s: float
    p75_cold_percent: float


def sweep_points(lines: Iterable[str]) -> Iterator[SweepPoint]:
    """Read the keep-alive sweep."""
    for row in csv.reader(list(lines)[1:]):
        yield SweepPoint(int(row[0]), int(row[1]), int(row[2]), *(float(cell) for cell in row[3:6]))
