"""A span of a real Prometheus as a trace set: what was counted of each function from scrape to scrape."""

from collections.abc import Iterator

import numpy as np

from autoscaler.adapters.prometheus.counters import Counted
from autoscaler.cli.prometheus_span import PrometheusSpan
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.trace_sets.littles_law import ServiceTimes, service_times
from autoscaler.simulator.trace_sets.trace_set import Counts, Identity, TraceFunction, TraceSet


def read_span(span: PrometheusSpan, within_s: float) -> TraceSet:
    """Read what was asked of every function of a span; its tenants are the namespaces.

    Args:
        within_s: longest that reading it may take.

    Raises:
        WrongConfiguration: the Prometheus does not answer.
    """
    counted = span.counts(within_s)
    served = service_times(counted.requests, counted.in_flight, counted.step_s)
    functions = tuple(
        TraceFunction(
            key.namespace,
            key.namespace,
            key.name,
            Identity(key.namespace, None, key.name),
            service_s=float(mean_s) if np.isfinite(mean_s) else None,
        )
        for key, mean_s in zip(span.keys, served.mean_s, strict=True)
    )
    load = Counts(counted.step_s, counted.requests, in_flight=counted.in_flight)
    source = f"Prometheus, {', '.join(span.gateways)}"
    return TraceSet(functions, load, load.length_s, source, tuple(_notes(counted, load, served)), float(span.start_s))


def _notes(counted: Counted, load: Counts, served: ServiceTimes) -> Iterator[str]:
    step = format_duration(load.step_s)
    yield f"Counts of {step}, as gateways had them at scrapes: nothing is extrapolated, and when within {step} is not known."
    functions = len(served.mean_s)
    without = int(np.isnan(served.mean_s).sum())
    if without < functions:
        yield "Service times are means by Little's law (requests in flight over requests/s): their spread is not known."
    if quiet := int(served.is_quiet.sum()):
        yield (
            f"Those of {quiet} of {functions} functions are of their quieter half alone, where they are shorter: under load "
            "they include waits."
        )
    if unknown := load.unknown_steps():
        yield f"{unknown} of {load.matrix.size} steps are not known: nothing arrives in them."
    if counted.unclear:
        names = ", ".join(str(key) for key in counted.unclear)
        yield f"Nothing is known of {names}: series may be of another function as well."
    if without:
        yield f"{without} of {functions} functions are without a service time."
