"""A trace set: functions, what is known of each, and the requests that were recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.laws import Quantiles

Counted = Literal["requests", "containers"]

Cells = NDArray[np.int32] | NDArray[np.float64]
"""Counts, whole where all are known; `float64` where nan is one that is not."""


SHORTEST_S = 1e-6
"""A trace that is shorter came at one instant: it has no rate."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a function is in its source, which may have written hashes.

    Attributes:
        owner: account that it belongs to; None: the source does not say.
        app: application that it is part of; None: likewise.
        function: the function itself.
    """

    owner: str | None
    app: str | None
    function: str


@dataclass(frozen=True, slots=True)
class TraceFunction:
    """One function of a trace.

    Attributes:
        tenant: who pays for it.
        namespace: where it lives, a Kubernetes name.
        name: its name there, likewise.
        identity: who it is in the source.
        service_s: mean seconds that a request is served, > 0; None: not recorded, or every request has its own.
        service: law of the service times, of that mean; None: not recorded.
        memory_gb: of a replica, 1 GB is 1024 MiB; None: not recorded.
        cpu: of a replica, cores; None: not recorded.
        concurrency_limit: requests that a replica serves at once; None: not recorded.
        min_replicas: floor that its owner set; None: not recorded.
    """

    tenant: str
    namespace: str
    name: str
    identity: Identity
    service_s: float | None = None
    service: Quantiles | None = None
    memory_gb: float | None = None
    cpu: float | None = None
    concurrency_limit: int | None = None
    min_replicas: int | None = None

    @property
    def key(self) -> FunctionKey:
        return FunctionKey(self.namespace, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was counted in equal steps.

    Attributes:
        step_s: length of a step.
        matrix: `(functions, steps)`, `int32`, or `float64` where nan is a step of which nothing is known.
        of: `requests` that began within a step, or `containers` that were needed in it at once.
        in_flight: `(functions, steps) float64`, requests in flight at the end of each step; nan: not known. None: nowhere.
    """

    step_s: float
    matrix: Cells
    of: Counted = "requests"
    in_flight: Floats | None = None

    @property
    def steps(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def length_s(self) -> float:
        return self.steps * self.step_s

    def totals(self) -> Floats:
        """Give the sum over all known steps, `(functions,) float64`."""
        if self.matrix.dtype.kind == "i":
            whole: Floats = self.matrix.sum(axis=1, dtype=np.float64)
            return whole
        known: Floats = np.nansum(self.matrix, axis=1)
        return known

    def unknown_steps(self) -> int:
        """Give the number of cells of which nothing is known."""
        return 0 if self.matrix.dtype.kind == "i" else int(np.isnan(self.matrix).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Single requests, function after function.

    Attributes:
        offsets: `(functions + 1,) int64`; function i's requests are `[offsets[i], offsets[i + 1])`.
        times_s: `(requests,) float64`, seconds from the trace's beginning at which each arrived, ascending within a
            function; may be a memory map.
        durations_s: `(requests,) float64`, seconds that each was served, >= 0; None: not recorded.
    """

    offsets: Ints
    times_s: Floats
    durations_s: Floats | None = None

    def times_of(self, place: int) -> Floats:
        return self.times_s[self.offsets[place] : self.offsets[place + 1]]

    def durations_of(self, place: int) -> Floats | None:
        if self.durations_s is None:
            return None
        return self.durations_s[self.offsets[place] : self.offsets[place + 1]]

    def totals(self) -> Floats:
        """Give the requests of each function, `(functions,) float64`."""
        return np.diff(self.offsets).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class TraceSet:
    """Functions and what was recorded of their traffic.

    Attributes:
        functions: one a row of the load; no namespace has a name twice.
        load: None: nothing was recorded of it, only what the functions are.
        length_s: seconds that were recorded; 0 without a load.
        source: what it is and where it is from, in a line.
        notes: what of the source was kept, changed and lost, one sentence each.
        begins_utc_s: UTC seconds of its beginning; None: not recorded.

    Raises:
        ValueError: functions and load do not fit each other.
    """

    functions: tuple[TraceFunction, ...]
    load: Counts | Events | None
    length_s: float
    source: str
    notes: tuple[str, ...] = ()
    begins_utc_s: float | None = None
    _places: dict[FunctionKey, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {one.key: place for place, one in enumerate(self.functions)})
        if len(self._places) != len(self.functions):
            raise ValueError("a name that is twice in a namespace")
        rows = len(self.functions) if self.load is None else len(self.load.totals())
        if rows != len(self.functions):
            raise ValueError(f"{rows} rows of a load for {len(self.functions)} functions")

    def place(self, key: FunctionKey) -> int | None:
        """Give the row of a function; None: it has none."""
        return self._places.get(key)

    def totals(self) -> Floats:
        """Give what was recorded of each function in all, `(functions,) float64`: requests, or container-steps."""
        return np.zeros(len(self.functions)) if self.load is None else self.load.totals()

    def rates(self) -> Floats:
        """Give the mean requests/s of each function, `(functions,) float64`; nan where nothing is known of it.

        So it is of all where everything came at one instant.
        """
        if isinstance(self.load, Counts) and self.load.matrix.dtype.kind == "f":
            known_s = (~np.isnan(self.load.matrix)).sum(axis=1) * self.load.step_s
            return np.where(known_s > 0, self.load.totals() / np.maximum(known_s, 1e-12), np.nan)
        is_instant = self.length_s < SHORTEST_S
        return np.full(len(self.functions), np.nan) if is_instant else self.totals() / self.length_s

    def tenants(self) -> dict[str, tuple[str, ...]]:
        """Give the namespaces of each tenant, both sorted."""
        found: dict[str, set[str]] = {}
        for one in self.functions:
            found.setdefault(one.tenant, set()).add(one.namespace)
        return {tenant: tuple(sorted(found[tenant])) for tenant in sorted(found)}

    def service_s(self, place: int) -> float | None:
        """Give the mean service time of a function, from single requests where each has its own; None: unknown."""
        its_own = self.load.durations_of(place) if isinstance(self.load, Events) else None
        if its_own is not None and len(its_own):
            mean_s = float(its_own.mean())
            return mean_s if mean_s > 0 else None
        return self.functions[place].service_s

    def chosen(self, places: Sequence[int] | Ints) -> "TraceSet":
        """Give the set of some of the functions, in the order of `places`."""
        rows = np.asarray(places, dtype=np.int64)
        functions = tuple(self.functions[place] for place in rows)
        return replace(self, functions=functions, load=_chosen(self.load, rows))

    def between(self, from_s: float, to_s: float) -> "TraceSet":
        """Give a stretch as a set of its own, such as a part to learn from and a later one to try on.

        Args:
            from_s: its beginning, seconds; of counts it is moved down to the beginning of a step, as `to_s` is.
            to_s: its end, not included.

        Raises:
            ValueError: it is not within what was recorded, or shorter than a step.
        """
        if not 0 <= from_s < to_s <= self.length_s * (1 + 1e-12):
            raise ValueError(f"a stretch within 0 and {self.length_s:g} s; it is {from_s:g} to {to_s:g} s")
        load = self.load
        if isinstance(load, Counts):
            first, last = int(from_s / load.step_s + 1e-9), int(to_s / load.step_s + 1e-9)
            if last <= first:
                raise ValueError(f"a stretch of one step ({load.step_s:g} s) or more; it is {from_s:g} to {to_s:g} s")
            in_flight = None if load.in_flight is None else load.in_flight[:, first:last]
            load = replace(load, matrix=load.matrix[:, first:last], in_flight=in_flight)
            from_s, to_s = first * load.step_s, last * load.step_s
        elif isinstance(load, Events):
            load = _cut(load, from_s, to_s)
        begins_utc_s = None if self.begins_utc_s is None else self.begins_utc_s + from_s
        return replace(self, load=load, length_s=to_s - from_s, begins_utc_s=begins_utc_s)

    def noting(self, *notes: str) -> "TraceSet":
        """Give the same set with notes added."""
        return replace(self, notes=(*self.notes, *notes))

    def __iter__(self) -> Iterator[TraceFunction]:
        return iter(self.functions)

    def __len__(self) -> int:
        return len(self.functions)


def _chosen(load: Counts | Events | None, rows: Ints) -> Counts | Events | None:
    match load:
        case None:
            return None
        case Counts():
            return replace(
                load, matrix=load.matrix[rows], in_flight=None if load.in_flight is None else load.in_flight[rows]
            )
        case Events():
            offsets = np.concatenate([[0], np.cumsum(np.diff(load.offsets)[rows])])
            times_s = joined([load.times_of(row) for row in rows])
            if load.durations_s is None:
                return Events(offsets, times_s)
            spans = [(load.offsets[row], load.offsets[row + 1]) for row in rows]
            return Events(offsets, times_s, joined([load.durations_s[first:last] for first, last in spans]))


def _cut(load: Events, from_s: float, to_s: float) -> Events:
    """Give the requests of a stretch, their times from its beginning."""
    functions = len(load.offsets) - 1
    bounds = [np.searchsorted(load.times_of(row), (from_s, to_s)) + load.offsets[row] for row in range(functions)]
    offsets = np.concatenate([[0], np.cumsum([last - first for first, last in bounds])]).astype(np.int64)
    times_s = joined([load.times_s[first:last] for first, last in bounds]) - from_s
    if load.durations_s is None:
        return Events(offsets, times_s)
    return Events(offsets, times_s, joined([load.durations_s[first:last] for first, last in bounds]))


def just_after(last_s: float) -> float:
    """Give the end of a trace whose last request arrived, or ended, then: every request is before it."""
    return float(np.nextafter(last_s, np.inf))


def joined(parts: Sequence[Floats]) -> Floats:
    """Join columns; none make an empty one."""
    return np.concatenate(parts) if parts else np.empty(0)
