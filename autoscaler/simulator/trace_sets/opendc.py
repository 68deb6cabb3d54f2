"""OpenDC's serverless traces: a file for each function, a row for each step.

Source: atlarge-research/opendc opendc-experiments-faas (its test trace) and JOUNAIDSoufiane/OpenDC-Serverless.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.trace_sets.errors import Findings
from autoscaler.simulator.trace_sets.tables import check_names, text_batches
from autoscaler.simulator.trace_sets.tenancy import placed, unplaced
from autoscaler.simulator.trace_sets.trace_set import Counts, Identity, TraceFunction, TraceSet

TIME, REQUESTS, SERVICE, MEMORY = (
    "Timestamp [ms]",
    "Invocations",
    "Avg Exec time per Invocation",
    "Provisioned Memory [mb]",
)
NEEDED = (TIME, REQUESTS, SERVICE, MEMORY)


def read_opendc(files: Sequence[tuple[str, Iterable[str], Findings]]) -> TraceSet:
    """Read functions, a file each.

    A function is served as long as its requests were on average over all steps.

    Args:
        files: name, lines, and what is found wrong with each.

    Raises:
        TraceError: one is no such file, or of another length than the first.
    """
    step_s, rows, functions = 0.0, list[Floats](), list[TraceFunction]()
    for name, lines, findings in files:
        function, of_s, counts = _one(name, lines, findings)
        if rows and (of_s, len(counts)) != (step_s, len(rows[0])):
            wrong = f"has {len(counts)} steps of {of_s:g} s"
            findings.add(None, "", wrong, f"{len(rows[0])} steps of {step_s:g} s, as the first file has")
            findings.check()
        step_s = of_s
        rows.append(counts)
        functions.append(function)
    load = Counts(step_s, np.stack(rows).astype(np.int32))
    notes = (
        "Requests are known by the step: where within it each arrived is lost.",
        "Service times are one mean for each function: how they vary within a step is not recorded.",
    )
    return TraceSet(placed(functions, "byOwner"), load, load.length_s, "OpenDC serverless", notes)


def _one(name: str, lines: Iterable[str], findings: Findings) -> tuple[TraceFunction, float, Floats]:
    """Give a function, the length of its steps, and its requests in each."""
    parts: list[list[Floats]] = []

    def wanted(names: list[str]) -> tuple[str, ...]:
        check_names(names, NEEDED, findings)
        return NEEDED

    for batch in text_batches(lines, findings, wanted):
        part = [batch.numbers(TIME, 0.0, 1e14, "milliseconds"), batch.numbers(REQUESTS, 0, 1e9, "a number of requests")]
        part += [batch.numbers(SERVICE, 0.0, 1e10, "milliseconds"), batch.numbers(MEMORY, 0.0, 1e9, "MB")]
        findings.check()
        parts.append(part)
    if not parts:
        findings.add(None, "", "has no rows", "a row for each step")
        findings.check()
    times_ms, counts, service_ms, memory_mb = (np.concatenate(column) for column in zip(*parts, strict=True))
    step_s = _step_s(times_ms, findings)
    steps = np.rint((times_ms - times_ms[0]) / (step_s * 1e3)).astype(np.int64)
    filled = np.zeros(int(steps[-1]) + 1)
    filled[steps] = counts
    weights = counts.sum()
    mean_s = float((counts * service_ms).sum() / weights) / 1e3 if weights else 0.0
    function = replace(
        unplaced(Identity(None, None, name)),
        service_s=mean_s if mean_s > 0 else None,
        memory_gb=float(memory_mb.max()) / 1024 if memory_mb.max() > 0 else None,
    )
    return function, step_s, filled


def _step_s(times_ms: Floats, findings: Findings) -> float:
    distances = np.diff(times_ms)
    if np.any(distances <= 0):
        row = int(np.flatnonzero(distances <= 0)[0]) + 1
        findings.add(row + 2, TIME, f"is {times_ms[row]:g}, not after the row before it", "times that ascend")
        findings.check()
    return float(distances.min()) / 1e3 if len(distances) else 60.0
