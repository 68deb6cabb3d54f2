"""What the source of a test answers at every tick: its loads, sampled as Prometheus would."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.lanes import MetricKind
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from autoscaler.simulator.events import PrometheusOutage
from autoscaler.simulator.policy_tests.checks import METRICS
from autoscaler.simulator.policy_tests.documents import Case, FunctionInput, key_of
from autoscaler.simulator.policy_tests.notation import Ramp, Series
from autoscaler.simulator.policy_tests.signals import Course, Samples, Segment, of_series, of_spans, without


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """One function's samples, each `(ticks,)`, as `core.observation.Load` has them."""

    rps: Floats
    concurrency: Floats
    in_flight: Floats
    is_covered: Bools
    is_idle: Bools
    others: Mapping[str, tuple[Floats, Bools]]


class Loads:
    """The loads of all functions at all ticks."""

    def __init__(self, case: Case, times_s: Floats, range_s: float) -> None:
        """Take what the input says.

        Args:
            times_s: `(ticks,) float64`, ascending.
            range_s: stretch that one sample covers.
        """
        self._case, self._times_s, self._range_s = case, times_s, range_s
        self._outages = [(one.start, one.end) for one in case.events if isinstance(one, PrometheusOutage)]
        self._is_away = np.zeros(len(times_s), bool)
        for start_s, end_s in self._outages:
            self._is_away |= (times_s >= start_s) & (times_s < end_s)

    @cached_property
    def _sampled(self) -> Mapping[FunctionKey, Sampled]:
        """Everything sampled; made when the first tick asks, so that tests that wait for their turn hold no columns."""
        sampling = _Sampling(self._case.interval, self._times_s, self._range_s, self._outages)
        return {key_of(name): sampling.function(said) for name, said in self._case.input.items()}

    def others(self, key: FunctionKey) -> Sequence[str]:
        """Give the names that the input uses for a function's other metrics."""
        said = self._case.input.get(str(key))
        return _other_names(said) if said is not None else []

    def at(self, tick: int, fleet: Fleet, lanes: Sequence[str | None], proves: Bools) -> Load:
        """Give what a tick is told.

        Args:
            lanes: `(lanes,)`, how the input calls each lane of `fleet.others`; None: it says nothing of it.
            proves: `(lanes,) bool`, whether a 0 of this lane proves idleness.
        """
        size = len(fleet)
        rps, concurrency, in_flight = (np.full(size, np.nan) for _ in range(3))
        is_covered, is_idle = np.zeros(size, bool), np.zeros(size, bool)
        others, others_idle = np.full(len(lanes), np.nan), np.zeros(len(lanes), bool)
        for key, sampled in self._sampled.items() if not self._is_away[tick] else ():
            row = fleet.row_of.get(key)
            if row is not None:
                rps[row], concurrency[row] = sampled.rps[tick], sampled.concurrency[tick]
                in_flight[row] = sampled.in_flight[tick]
                is_covered[row], is_idle[row] = sampled.is_covered[tick], sampled.is_idle[tick]
        for lane, name in enumerate(lanes if not self._is_away[tick] else ()):
            sampled_of_lane = self._sampled.get(fleet.keys[int(fleet.others.rows[lane])])
            if name is not None and sampled_of_lane is not None and name in sampled_of_lane.others:
                values, idle = sampled_of_lane.others[name]
                others[lane], others_idle[lane] = values[tick], idle[tick] and proves[lane]
        return Load(
            rps=rps,
            concurrency=concurrency,
            in_flight=in_flight,
            is_covered=is_covered,
            is_idle=is_idle,
            range_s=np.full(size, self._range_s),
            others=others,
            others_idle=others_idle,
        )


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How everything of a test is sampled."""

    interval_s: float
    times_s: Floats
    range_s: float
    outages: Sequence[tuple[float, float]]

    def function(self, said: FunctionInput) -> Sampled:
        own = {name: self._metric(getattr(said, name), _ramps(said, name)) for name in METRICS}
        others = {name: self._metric(said.others.get(name), _other_ramps(said, name)) for name in _other_names(said)}
        is_whole = self._is_unbroken(said)
        zeros = np.array([one.is_zero for name in ("rps", "concurrency") if (one := own[name]) is not None])
        is_idle = np.zeros(len(self.times_s), np.bool_)
        if zeros.size:
            is_idle |= zeros.all(axis=0)
        for one in (*own.values(), *others.values()):
            if one is not None:
                is_whole &= one.is_whole | np.isnan(one.mean)
        if own["in_flight"] is not None:
            is_idle &= own["in_flight"].is_zero
        nothing = np.full(len(self.times_s), np.nan)
        return Sampled(
            rps=nothing if (rps := own["rps"]) is None else rps.mean,
            concurrency=nothing if (concurrency := own["concurrency"]) is None else concurrency.mean,
            in_flight=nothing if (in_flight := own["in_flight"]) is None else in_flight.latest,
            is_covered=is_whole,
            is_idle=self._overridden(said, is_idle),
            others={
                name: (one.latest, self._overridden(said, one.is_zero))
                for name, one in others.items()
                if one is not None
            },
        )

    def _metric(self, series: Series | None, ramps: Sequence[tuple[float, float, Ramp]]) -> Samples | None:
        if series is None and not ramps:
            return None
        segments = of_series(series, self.interval_s) if series is not None else of_spans(ramps)
        for start_s, end_s in self.outages:
            segments = without(segments, start_s, end_s)
        return self._course(segments).samples(self.times_s, self.range_s)

    def _course(self, segments: Sequence[Segment]) -> Course:
        return Course(segments, self.range_s - float(self.times_s[0]))

    def _is_unbroken(self, said: FunctionInput) -> Bools:
        """Tell at which ticks the input says of no part of the range that scrapes were missed."""
        unbroken = np.ones(len(self.times_s), bool)
        for span in said.spans:
            if span.lower_bound:
                unbroken &= (self.times_s <= span.start) | (self.times_s - self.range_s >= span.end)
        return unbroken

    def _overridden(self, said: FunctionInput, is_idle: Bools) -> Bools:
        result = is_idle.copy()
        for span in said.spans:
            if span.idle is not None:
                result[(self.times_s > span.start) & (self.times_s <= span.end)] = span.idle
        return result


def _other_names(said: FunctionInput) -> list[str]:
    return list(dict.fromkeys([*said.others, *(name for span in said.spans for name in span.others)]))


def _ramps(said: FunctionInput, name: str) -> list[tuple[float, float, Ramp]]:
    found = ((span.start, span.end, getattr(span, name)) for span in said.spans)
    return [one for one in found if one[2] is not None]


def _other_ramps(said: FunctionInput, name: str) -> list[tuple[float, float, Ramp]]:
    return [(span.start, span.end, span.others[name]) for span in said.spans if name in span.others]


def lanes_of(plan: Plan, loads: Loads) -> tuple[list[str | None], Bools]:
    """Match the lanes of a plan with what the input says.

    The input calls a lane `cpu`, `queue`, or by its query's text; a function's only query is `query` too.

    Returns:
        `(lanes,)` names that the input uses, None where it says nothing; and `(lanes,) bool`, whether a 0 proves
        idleness: a queue's does, and that of a query beside which there is an activity query.
    """
    others = plan.fleet.others
    names = [_NAMES.get(kind, text) for kind, text in zip(others.kind.tolist(), others.names, strict=True)]
    own = Counter(
        row for row, kind in zip(others.rows.tolist(), others.kind.tolist(), strict=True) if kind not in _NAMES
    )
    result: list[str | None] = []
    for name, row, kind in zip(names, others.rows.tolist(), others.kind.tolist(), strict=True):
        said = loads.others(plan.fleet.keys[row])
        is_only = kind not in _NAMES and own[row] == 1
        result.append(name if name in said else "query" if is_only and "query" in said else None)
    asks = [query is not None and query.activity is not None for query in plan.queries] or [False] * len(names)
    proves = (others.kind == MetricKind.QUEUE) | ((others.kind == MetricKind.QUERY) & np.array(asks, dtype=np.bool_))
    return result, proves


_NAMES = {int(MetricKind.CPU): "cpu", int(MetricKind.QUEUE): "queue"}
