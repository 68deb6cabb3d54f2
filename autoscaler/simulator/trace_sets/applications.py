"""Tables with a row for each application: IBM's configurations, which have no load, and containers by the minute.

Source: ubc-cirrus-lab/ibm-cloud-code-engine-traces (MIT), ubc-cirrus-lab/femux plots/data/knative_deployment_data (MIT).
"""

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.trace_sets.errors import Findings
from autoscaler.simulator.trace_sets.tables import Batch, check_names, text_batches
from autoscaler.simulator.trace_sets.tenancy import placed, unplaced
from autoscaler.simulator.trace_sets.trace_set import Counts, Identity, TraceFunction, TraceSet

IBM_COLUMNS = ("ns", "app", "cpu", "mem_gb", "concurrency", "min_scale")
_MINUTE = re.compile(r"m([0-9]+)")


def read_ibm(lines: Iterable[str], findings: Findings) -> TraceSet:
    """Read the configurations of applications of IBM Code Engine.

    Raises:
        TraceError: it is no such table.
    """

    def wanted(names: list[str]) -> tuple[str, ...]:
        check_names(names, IBM_COLUMNS, findings)
        return IBM_COLUMNS

    functions: dict[tuple[str, str], TraceFunction] = {}
    for batch in text_batches(lines, findings, wanted):
        cpu = batch.numbers("cpu", 0.0, 1e4, "cores, 0 to 1e+04")
        memory = batch.numbers("mem_gb", 0.0, 1e5, "GB, 0 to 1e+05")
        limit = batch.numbers("concurrency", 0.0, 1e6, "a number of requests")
        least = batch.numbers("min_scale", 0.0, 1e6, "a number of replicas")
        names = zip(_texts(batch, "ns"), _texts(batch, "app"), strict=True)
        findings.check()
        for row, (namespace, app) in enumerate(names):
            functions[namespace, app] = replace(
                unplaced(Identity(namespace, None, app)),
                cpu=float(cpu[row]) or None,
                memory_gb=float(memory[row]) or None,
                concurrency_limit=int(limit[row]) or None,
                min_replicas=int(least[row]),
            )
    _check_rows(len(functions), findings)
    notes = ("Configurations alone: how often these applications were called is in other files of the source.",)
    return TraceSet(placed(list(functions.values()), "byOwner"), None, 0.0, "IBM Code Engine", notes)


def read_containers(lines: Iterable[str], findings: Findings) -> TraceSet:
    """Read how many containers each application needed at once in every minute: columns `app`, `mem_mb`, `m0`, `m1`, …

    Raises:
        TraceError: it is no such table.
    """
    minutes: list[str] = []

    def wanted(names: list[str]) -> list[str]:
        check_names(names, ("app", "mem_mb"), findings)
        minutes.extend(name for name in names if _MINUTE.fullmatch(name))
        if minutes != [f"m{number}" for number in range(len(minutes))] or not minutes:
            findings.add(1, "", "has other minutes", "columns m0, m1, … in their order")
        return ["app", "mem_mb", *minutes]

    rows: list[Floats] = []
    functions = []
    for batch in text_batches(lines, findings, wanted):
        memory = batch.numbers("mem_mb", 0.0, 1e9, "MB, 0 to 1e+09")
        counts = [batch.numbers(name, 0.0, 1e6, "a number of containers") for name in minutes]
        apps = _texts(batch, "app")
        findings.check()
        rows.append(np.stack(counts, axis=1))
        for app, size in zip(apps, memory, strict=True):
            functions.append(replace(unplaced(Identity(None, app, app)), memory_gb=float(size) / 1024 or None))
    _check_rows(len(functions), findings)
    load = Counts(60.0, np.concatenate(rows).astype(np.int32), "containers")
    notes = (
        "Containers that were needed, not requests: an application is what scales, and service times are in them.",
    )
    return TraceSet(placed(functions, "byApp"), load, load.length_s, "Containers by the minute", notes)


def _texts(batch: Batch, column: str) -> list[str]:
    words = batch.words(column)
    return [words.values[code] for code in words.codes]


def _check_rows(rows: int, findings: Findings) -> None:
    if not rows:
        findings.add(None, "", "has no rows", "a row for each application")
        findings.check()
