"""Plain tables that anyone can write: a row for each request, or for each function and step."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.policy.problems import shown
from autoscaler.simulator.trace_sets.collecting import GapSum, OrderCheck, Registry, Store
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.names import kubernetes_names
from autoscaler.simulator.trace_sets.tables import Batch, Clock, Words, check_names
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, Identity, TraceFunction, TraceSet, just_after

FIELDS = ("function", "namespace", "tenant", "time", "gap", "duration", "requests", "memory_mib")
"""What a plain table's columns may be; `function` and `time` (or `gap`) are needed."""

LONGEST_S = 1e7
MOST_CELLS = 200_000_000
MIB_GB = 1 / 1024

_ALLOWED_DURATION = f"seconds from 0 to {LONGEST_S:g}"
_ALLOWED_COUNT = "a number of requests, 0 to 1e+09, or an empty cell where nothing is known"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds which field.

    Attributes:
        names: column of each field that is named otherwise than the field.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        return self.names.get(name, name)

    def wanted(self, names: list[str], findings: Findings) -> Collection[str]:
        """Give the columns of a table that are read; what is missing is found wrong."""
        clock = "gap" if self.of("gap") in names and self.of("time") not in names else "time"
        asked = [self.of(name) for name in FIELDS if name in self.names]
        check_names(names, dict.fromkeys([self.of("function"), self.of(clock), *asked]), findings)
        return [self.of(name) for name in FIELDS if self.of(name) in names]


def read_plain(
    batches: Iterable[Batch],
    findings: Findings,
    store: Store,
    columns: Columns,
    *,
    step_s: float | None = None,
    from_zero: bool = False,
) -> TraceSet:
    """Read a plain table.

    Args:
        store: keeps single requests.
        columns: which column holds what.
        step_s: length of a step of counts; None: the smallest distance of two times.
        from_zero: count seconds from 0, and not from the first time.

    Raises:
        TraceError: it holds no trace.
    """
    reading = _Reading(findings, columns, Clock(from_zero=from_zero))
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        findings.add(None, "", "has no rows", "rows after the first line")
        raise TraceError(findings.problems)
    reader = reading.counts if columns.of("requests") in first.columns else reading.events
    result = reader(chain([first], iterator), store, step_s)
    findings.check()
    return result


@dataclass(slots=True)
class _Reading:
    """One reading of a table."""

    findings: Findings
    columns: Columns
    clock: Clock
    registry: Registry = field(default_factory=Registry)
    fields: tuple[str, ...] = ()
    memory_gb: dict[int, float] = field(default_factory=dict)

    def events(self, batches: Iterable[Batch], store: Store, _step_s: float | None) -> TraceSet:
        time, duration = self.columns.of("time"), self.columns.of("duration")
        order, gaps, first_s, end_s = OrderCheck(time, self.findings), GapSum(), np.inf, -np.inf
        for batch in batches:
            codes = self._functions(batch)
            if time in batch.columns:
                times_s = batch.times(time, self.clock)
                order.check(batch.lines, codes, times_s, len(self.registry))
            else:
                gap = self.columns.of("gap")
                gaps_s = batch.numbers(gap, 0.0, LONGEST_S, "seconds since the function's request before, 0 at least")
                times_s = gaps.times(codes, gaps_s, len(self.registry))
                self.clock.origin_s = self.clock.origin_s or 0.0
            durations_s = None
            if duration in batch.columns:
                durations_s = batch.numbers(duration, 0.0, LONGEST_S, _ALLOWED_DURATION)
            if not self.findings.problems:
                store.append(codes, times_s, durations_s)
                first_s = min(first_s, float(times_s.min()))
                end_s = max(end_s, float((times_s if durations_s is None else times_s + durations_s).max()))
        self.findings.check()
        origin_s = 0.0 if self._is_from_zero() else first_s
        load = store.grouped(len(self.registry), origin_s)
        return self._made(load, just_after(end_s - origin_s), origin_s)

    def counts(self, batches: Iterable[Batch], _store: Store, step_s: float | None) -> TraceSet:
        time, requests = self.columns.of("time"), self.columns.of("requests")
        parts: list[tuple[Ints, Floats, Floats]] = []
        for batch in batches:
            codes = self._functions(batch)
            times_s = batch.times(time, self.clock)
            counts = batch.numbers(requests, 0.0, 1e9, _ALLOWED_COUNT, empty=np.nan)
            parts.append((codes, times_s, counts))
        self.findings.check()
        codes, times_s, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
        origin_s = 0.0 if self._is_from_zero() else float(times_s.min())
        load = self._matrix(codes, times_s - origin_s, counts, step_s)
        return self._made(load, load.length_s, origin_s)

    def _matrix(self, codes: Ints, times_s: Floats, counts: Floats, step_s: float | None) -> Counts:
        step_s = step_s or _step_of(times_s)
        steps = np.rint(times_s / step_s).astype(np.int64)
        off = np.flatnonzero(np.abs(steps * step_s - times_s) > 1e-3 * step_s)
        allowed = f"times that are whole steps of {step_s:g} s after the first"
        for row in off[:1]:
            self.findings.add(None, self.columns.of("time"), f"is {times_s[row]:g} s after the first time", allowed)
        shape = (len(self.registry), int(steps.max()) + 1)
        if shape[0] * shape[1] > MOST_CELLS:
            wrong = f"makes {shape[0]} functions × {shape[1]} steps of {step_s:g} s"
            self.findings.add(None, "", wrong, f"at most {MOST_CELLS} cells; name a longer step, or single requests")
        self.findings.check()
        is_whole = bool(np.all(counts == np.rint(counts)))
        matrix = np.zeros(shape, np.int32 if is_whole and counts.max(initial=0) < 2**31 else np.float64)
        cells = codes * shape[1] + steps
        _, seen = np.unique(cells, return_counts=True)
        if np.any(seen > 1):
            wrong = f"has {int((seen > 1).sum())} steps of a function twice"
            self.findings.add(None, self.columns.of("time"), wrong, "a row for each function and step")
            self.findings.check()
        matrix.reshape(-1)[cells] = counts
        return Counts(step_s, matrix)

    def _is_from_zero(self) -> bool:
        return self.clock.origin_s == 0.0 and not self.clock.is_moments

    def _functions(self, batch: Batch) -> Ints:
        """Give the function of each row, and learn what else the rows say of it."""
        self.fields = tuple(
            name for name in ("tenant", "namespace", "function") if self.columns.of(name) in batch.columns
        )
        words: list[Words] = [batch.words(self.columns.of(name)) for name in self.fields]
        self.findings.check()
        codes = self.registry.codes(words)
        memory = self.columns.of("memory_mib")
        if memory in batch.columns:
            sizes = batch.numbers(memory, 1e-3, 1e9, "MiB, more than 0")
            for code in np.unique(codes[~np.isin(codes, list(self.memory_gb))]):
                self.memory_gb[int(code)] = float(sizes[codes == code].max()) * MIB_GB
        return codes

    def _made(self, load: Counts | Events, length_s: float, origin_s: float) -> TraceSet:
        begins_utc_s = (self.clock.origin_s or 0.0) + origin_s if self.clock.is_moments else None
        kind = "requests one by one" if isinstance(load, Events) else f"counts of {load.step_s:g} s"
        notes = [f"A plain table of {kind}."]
        if isinstance(load, Counts) or load.durations_s is None:
            notes.append("Service times are not in it.")
        functions = self._named()
        self.findings.check()
        return TraceSet(functions, load, length_s, self.findings.file, tuple(notes), begins_utc_s)

    def _named(self) -> tuple[TraceFunction, ...]:
        """Give the functions; what names no namespace lives in its tenant's, or in `default`."""
        said = [dict(zip(self.fields, identity, strict=True)) for identity in self.registry.identities]
        spaces = [one.get("namespace") or one.get("tenant") or "default" for one in said]
        namespaces = kubernetes_names(spaces)
        members: dict[str, list[str]] = {}
        for space, one in zip(spaces, said, strict=True):
            members.setdefault(space, []).append(one["function"])
        names = {space: kubernetes_names(functions) for space, functions in members.items()}
        for space, functions in members.items():
            if len(set(functions)) != len(functions):
                wrong = f"has functions of the same name of several tenants in namespace {shown(space)}"
                self.findings.add(None, self.columns.of("tenant"), wrong, "namespaces that one tenant has")
        return tuple(
            TraceFunction(
                one.get("tenant") or namespaces[space],
                namespaces[space],
                names[space][one["function"]],
                Identity(one.get("tenant"), one.get("namespace"), one["function"]),
                memory_gb=self.memory_gb.get(code),
            )
            for code, (space, one) in enumerate(zip(spaces, said, strict=True))
        )


def _step_of(times_s: Floats) -> float:
    """Give the smallest distance of two times; a minute where there is one time alone."""
    distances = np.diff(np.unique(times_s))
    return float(distances.min()) if len(distances) else 60.0
