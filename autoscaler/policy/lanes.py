"""Lanes of a fleet: what only some functions have, or several times, gathered from the rules of each."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.lanes import OtherMetrics, RatePolicies, Schedules
from autoscaler.policy.plan import QueryPlan
from autoscaler.policy.rules import FunctionRules, RateRule
from autoscaler.policy.schedules import AHEAD_S, Schedule, Spans, spans

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Rules of the functions of a fleet, of which few differ.

    Attributes:
        distinct: rules that differ.
        rows: `(functions,) int64`, index into `distinct`.
    """

    distinct: Sequence[FunctionRules]
    rows: Ints

    @classmethod
    def of(cls, rules: Sequence[FunctionRules]) -> "Shared":
        """Tell which of the rules of each function are one and the same."""
        distinct = {id(one): one for one in rules}
        place = {identity: position for position, identity in enumerate(distinct)}
        return cls(tuple(distinct.values()), np.array([place[id(one)] for one in rules], dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class _Spread(Generic[Part]):
    """Parts of distinct rules, laid out once for each function that has the rules.

    Attributes:
        parts: of all distinct rules, one after the other.
        rows: `(lanes,) int64`, the function of each lane, ascending.
        at: `(lanes,) int64`, index into `parts` of each lane.
    """

    parts: Sequence[Part]
    rows: Ints
    at: Ints

    def column(self, value: Callable[[Part], float]) -> Floats:
        """Give a number of each lane's part."""
        return np.array([value(part) for part in self.parts], dtype=np.float64)[self.at]


def _spread(shared: Shared, parts: Callable[[FunctionRules], Iterable[Part]]) -> _Spread[Part]:
    by_rules = [tuple(parts(one)) for one in shared.distinct]
    sizes = np.array([len(one) for one in by_rules], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    counts = sizes[shared.rows]
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    within = np.arange(len(rows), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Spread([part for one in by_rules for part in one], rows, starts[shared.rows][rows] + within)


def rates(shared: Shared, rule_of: Callable[[FunctionRules], RateRule | None]) -> RatePolicies:
    """Give the scaling policies of one direction."""
    ruled = _spread(shared, lambda rules: [rule] if (rule := rule_of(rules)) is not None else [])
    policies = _spread(shared, lambda rules: rule.policies if (rule := rule_of(rules)) is not None else ())
    sizes = ruled.column(lambda rule: len(rule.policies)).astype(np.int64)
    return RatePolicies(
        rows=ruled.rows,
        select=ruled.column(lambda rule: rule.select).astype(np.uint8),
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        is_percent=policies.column(lambda policy: policy.type == "Percent").astype(np.bool_),
        value=policies.column(lambda policy: policy.value),
        period_s=policies.column(lambda policy: policy.period),
    )


def others(shared: Shared) -> tuple[OtherMetrics, tuple[QueryPlan | None, ...]]:
    """Give the metrics that no gateway measures, and what is asked for each lane."""
    lanes = _spread(shared, lambda rules: rules.others)
    parts, at = lanes.parts, lanes.at.tolist()
    metrics = OtherMetrics(
        rows=lanes.rows,
        kind=lanes.column(lambda metric: metric.kind).astype(np.uint8),
        names=tuple(parts[position].name for position in at),
        target=lanes.column(lambda metric: metric.target),
        is_value=lanes.column(lambda metric: metric.is_value).astype(np.bool_),
    )
    return metrics, tuple(parts[position].query for position in at)


class Calendar:
    """Compiles schedules; remembers their spans, so that a plan made anew costs nothing until half of them is over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, float, int, float], Spans] = {}

    def schedules(self, shared: Shared, utc_s: float, ahead_s: float = AHEAD_S) -> tuple[Schedules, float]:
        """Give the spans of all functions, and until when they are known.

        Args:
            utc_s: now, UTC seconds.
            ahead_s: how far to look, seconds.

        Returns:
            The spans, and the UTC seconds up to which all their begins are known; inf: there are no schedules.
        """
        used: dict[tuple[str, str, float, int, float], Spans] = {}

        def edges(rules: FunctionRules) -> Iterable[tuple[float, float, float, float]]:
            share = len(rules.schedules)
            for one in rules.schedules:
                key = (one.cron, one.time_zone, one.duration, share, ahead_s)
                known = used.get(key) or self._known.get(key)
                if known is None or not known.is_fresh(utc_s):
                    known = spans(one, utc_s, ahead_s, share)
                used[key] = known
                for start_s, end_s in known.edges:
                    yield start_s, end_s, *_limits(one)

        lanes = _spread(shared, edges)
        self._known = used
        compiled = Schedules(
            rows=lanes.rows,
            starts_s=lanes.column(lambda part: part[0]),
            ends_s=lanes.column(lambda part: part[1]),
            floor=lanes.column(lambda part: part[2]),
            ceiling=lanes.column(lambda part: part[3]),
        )
        return compiled, min((one.known_until_s for one in used.values()), default=math.inf)


def _limits(schedule: Schedule) -> tuple[float, float]:
    floor = 0.0 if schedule.min is None else float(schedule.min)
    return floor, math.inf if schedule.max is None else float(schedule.max)
