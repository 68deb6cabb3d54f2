"""A column of measured durations."""

from collections.abc import Iterable, Sequence

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.law_documents import MOST_VALUES
from autoscaler.simulator.trace_sets.errors import Findings
from autoscaler.simulator.trace_sets.plain import LONGEST_S
from autoscaler.simulator.trace_sets.tables import check_names, text_batches
from autoscaler.simulator.trace_sets.trace_set import joined


def read_durations(lines: Iterable[str], findings: Findings, column: str, unit_s: float) -> Floats:
    """Read the durations of a text with commas, seconds.

    Args:
        column: that holds them.
        unit_s: seconds that 1 in it stands for.

    Raises:
        TraceError: it holds none, or more than a law may have.
    """

    def wanted(names: list[str]) -> Sequence[str]:
        check_names(names, [column], findings)
        return [column]

    most = LONGEST_S / unit_s
    parts: list[Floats] = []
    for batch in text_batches(lines, findings, wanted):
        parts.append(batch.numbers(column, 0.0, most, f"a duration from 0 to {most:g}"))
        if sum(map(len, parts)) > MOST_VALUES:
            findings.add(None, column, f"has more than {MOST_VALUES} rows", f"1 to {MOST_VALUES}")
            findings.check()
    values = joined(parts)
    if not np.any(values > 0):
        findings.add(None, column, "has no duration above 0", "one at least")
    findings.check()
    return values * unit_s
