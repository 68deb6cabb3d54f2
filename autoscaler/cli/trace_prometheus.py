"""A span of a real Prometheus as a trace set: requests of each function by step, and service times by Little's law."""

import numpy as np

from autoscaler.cli.prometheus_span import PrometheusSpan, SpanLoads
from autoscaler.simulator.trace_sets.trace_set import Counts, Identity, TraceFunction, TraceSet


async def read_span(span: PrometheusSpan, within_s: float) -> TraceSet:
    """Read what was asked of every function of a span.

    Args:
        within_s: longest that reading it may take.

    Raises:
        WrongConfiguration: the Prometheus does not answer.
    """
    return trace_of(span, await span.loads(within_s))


def trace_of(span: PrometheusSpan, loads: SpanLoads) -> TraceSet:
    """Give the loads of a span as a trace set; its tenants are the namespaces."""
    service_s = loads.service_s()
    functions = tuple(
        TraceFunction(
            key.namespace,
            key.namespace,
            key.name,
            Identity(key.namespace, None, key.name),
            service_s=float(mean_s) if np.isfinite(mean_s) else None,
        )
        for key, mean_s in zip(span.keys, service_s, strict=True)
    )
    step_s = float(loads.edges_s[1] - loads.edges_s[0]) if len(loads.edges_s) > 1 else float(span.end_s - span.start_s)
    load = Counts(step_s, loads.rps * step_s)
    unknown = load.unknown_steps()
    without = sum(one.service_s is None for one in functions)
    notes = (
        f"Mean rates of {step_s:g} s: bursts shorter than that are lost.",
        "Service times are means by Little's law (requests in flight over requests/s): their spread is not known.",
        *((f"{unknown} of {load.matrix.size} steps are not known: nothing arrives in them.",) if unknown else ()),
        *((f"{without} of {len(functions)} functions are without a service time.",) if without else ()),
    )
    source = f"Prometheus, {', '.join(span.gateways)}"
    return TraceSet(functions, load, load.length_s, source, notes, float(span.start_s))
