"""Published cases with input and output both in hand: they come out exactly, or are shown."""

from collections.abc import Iterator

from autoscaler.simulator.baselines.settings import Hybrid
from autoscaler.simulator.minutes.hybrid import HybridHistogram
from autoscaler.simulator.minutes.policies import KeepAlive, MinutePolicy
from autoscaler.simulator.minutes.run import keep_alive_sweep, simulate_minutes
from autoscaler.simulator.validation.check import Check, exactly, reported
from autoscaler.simulator.validation.reference import (
    AZURE,
    AZURE_SWEEP,
    OPENDC,
    azure_apps,
    opendc_runs,
    sweep_points,
)
from autoscaler.simulator.validation.setting import Setting, Table, once

PUBLISHED_COLD = 10_629
"""Cold starts of default Knative on the 100 apps, simulated by FeMux, which caps them by the minute's arrivals."""

REAL_COLD, REAL_COLD_OR_FAILED = 7_989, 10_213
"""The same apps on a real Knative."""


def opendc(setting: Setting) -> Iterator[Check]:
    """Compare with OpenDC Serverless: one function over a day, on a grid of minutes."""
    for run in opendc_runs(setting.lines(OPENDC)):
        if run.is_hybrid:
            policy: MinutePolicy = HybridHistogram(Hybrid(type="hybrid"), run.counts.step_s)
        else:
            policy = KeepAlive(run.minutes)
        total = simulate_minutes(run.counts, policy).total
        kept = "hybrid histogram of" if run.is_hybrid else "kept"
        name = f"{run.name}, {kept} {run.minutes} min"
        if run.is_hybrid or run.has_bursts:
            yield reported(f"{name}: cold", run.cold, total.cold, "OpenDC's own rules")
        else:
            yield exactly(f"{name}: cold", run.cold, total.cold)
        if run.wasted_s:
            idle_s = (total.allocated_steps - total.used_steps) * run.counts.step_s
            yield reported(f"{name}: idle s", run.wasted_s, idle_s, "OpenDC's own rules")


def azure(setting: Setting) -> Iterator[Check]:
    """Compare a sweep of keep-alives over 100 apps of Azure."""
    apps = azure_apps(setting.lines(AZURE))
    points = list(sweep_points(setting.lines(AZURE_SWEEP)))
    results = keep_alive_sweep(apps, [point.minutes for point in points])
    for point, result in zip(points, results, strict=True):
        name, total = f"keep-alive {point.minutes} min", result.total
        yield exactly(f"{name}: cold", point.cold, total.cold)
        yield exactly(f"{name}: container-minutes", point.container_minutes, total.allocated_steps)
        yield exactly(f"{name}: allocated GB-s", point.allocated_gb_s, total.allocated_gb_s, 1)
        yield exactly(f"{name}: idle GB-s", point.idle_gb_s, total.idle_gb_s, 1)
        percent = 100 * (result.cold_fraction_quantile(0.75) or 0.0)
        yield exactly(f"{name}: p75 app cold %", point.p75_cold_percent, percent, 2)
    shortest = results[0].total.cold
    yield reported("1 min: cold, as published", PUBLISHED_COLD, shortest, "FeMux's simulation")
    yield reported("1 min: cold", REAL_COLD, shortest, "a real Knative")
    yield reported("1 min: cold or failed", REAL_COLD_OR_FAILED, shortest, "a real Knative")


TABLES = (
    Table(
        "opendc",
        "Fixed keep-alive on a grid of minutes, one function",
        "JOUNAIDSoufiane/OpenDC-Serverless, published experiments",
        once(opendc),
    ),
    Table(
        "azure",
        "Keep-alives on 100 apps of Azure, one day",
        "ubc-cirrus-lab/femux: knative_deployment_data; a recomputation cell by cell",
        once(azure),
    ),
)
