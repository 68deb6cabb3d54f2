"""Service level objectives: what they are about, how they are written, and whether a run kept them."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autoscaler.policy.problems import suggestion
from autoscaler.policy.quantities import parse_duration
from autoscaler.simulator.result import Result, Row

Each = Literal["all", "tenant", "function"]
"""Whose measures: of everything together, of every tenant, or of every function."""

Measures = Mapping[str, float | None]
"""Values by measure; None: nothing to measure, such as the wait of no request."""

Unit = Literal["s", "fraction", "replicas", "replica-s", "GB-s", "money"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Something a planner minimizes or bounds; of every measure less is better.

    Attributes:
        unit: of its value and of bounds without a unit of their own.
        words: what it is, for people.
        of: gives it of a row, of a run that lasted so many seconds.
    """

    unit: Unit
    words: str
    of: Callable[[Row, float], float | None]


def _share(count: Callable[[Row], int | None]) -> Callable[[Row, float], float | None]:
    """Give a count as a share of the requests; None: there was none, or nothing was counted."""

    def share(row: Row, _length_s: float) -> float | None:
        counted = count(row)
        return counted / row.requests if row.requests and counted is not None else None

    return share


MEASURES: Mapping[str, Measure] = {
    "p99_wait": Measure("s", "wait that 99 of 100 requests did not exceed", lambda row, _: row.wait_p99_s),
    "p95_wait": Measure("s", "wait that 95 of 100 requests did not exceed", lambda row, _: row.wait_p95_s),
    "p50_wait": Measure("s", "median wait", lambda row, _: row.wait_p50_s),
    "mean_wait": Measure("s", "mean wait", lambda row, _: row.wait_mean_s),
    "max_wait": Measure("s", "longest wait", lambda row, _: row.wait_max_s),
    "cold": Measure("fraction", "requests that waited for a start", _share(lambda row: row.cold)),
    "refused": Measure("fraction", "requests answered without being served", _share(lambda row: row.refused)),
    "failed": Measure("fraction", "requests cut while they were served", _share(lambda row: row.failed)),
    "misses": Measure(
        "fraction", "requests that waited beyond their function's slo", _share(lambda row: row.slo_misses)
    ),
    "replicas": Measure("replicas", "replicas on average", lambda row, length_s: row.replica_seconds / length_s),
    "replicas_max": Measure("replicas", "replicas at most", lambda row, _: float(row.replicas_max)),
    "replica_seconds": Measure("replica-s", "replica-seconds paid for", lambda row, _: row.replica_seconds),
    "idle_replica_seconds": Measure("replica-s", "replica-seconds ready and idle", lambda row, _: row.idle_s),
    "gb_seconds": Measure("GB-s", "GB-seconds paid for", lambda row, _: row.gb_s),
    "idle_gb_seconds": Measure("GB-s", "GB-seconds ready and idle", lambda row, _: row.idle_gb_s),
    "cost": Measure("money", "cost by the scenario's prices", lambda row, _: row.cost),
}
"""The measures of a row."""

BY_FUNCTION: Mapping[str, float] = {
    "cold_p50_by_function": 0.5,
    "cold_p75_by_function": 0.75,
    "cold_p95_by_function": 0.95,
}
"""Share of cold requests that this fraction of the functions with requests does not exceed.

By function and by request differ by orders of magnitude: 0.15 % of all requests may be 82 % at the third quartile.
"""

NAMES: tuple[str, ...] = (*MEASURES, *BY_FUNCTION)

REFUSALS: Mapping[str, float] = {
    "p99_wait": 0.01,
    "p95_wait": 0.05,
    "p50_wait": 0.5,
    "mean_wait": 0.01,
    "max_wait": 0.0,
}
"""Share of the requests that may be refused where a wait is bounded and nothing is said of refusals.

Who is refused at once has waited for nothing, so a platform that refuses 80 of 100 requests would keep any bound on waits.
Of a quantile it is what the quantile passes over, as if who was refused had waited for ever; a mean has the 99th's.
"""

_CONDITION = re.compile(r"\s*([A-Za-z0-9_]+)\s*(<=|<|>=|>|==|=)\s*(\S+)\s*")
_ALLOWED = "MEASURE<=BOUND, several with commas, such as p99_wait<=0.5 or cold<=0.01,refused<=0.001"


class SloError(ValueError):
    """A text that is no objective.

    Attributes:
        wrong: what is wrong with it.
        allowed: what is allowed instead.
    """

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(f"{wrong}; allowed: {allowed}")
        self.wrong, self.allowed = wrong, allowed


@dataclass(frozen=True, slots=True)
class Condition:
    """One bound.

    Attributes:
        measure: one of `NAMES`.
        bound: largest value that keeps it, in the measure's unit.
    """

    measure: str
    bound: float

    def __str__(self) -> str:
        return f"{self.measure}<={self.bound:.12g}"

    def excess(self, value: float) -> float:
        """Give by what share of the bound a value is above it; at most 0: it is kept. Of a bound of 0, the value."""
        return (value - self.bound) / self.bound if self.bound else value


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an objective was kept.

    Attributes:
        held: None: there was nothing to judge, such as waits without requests.
        excess: the largest `Condition.excess`; None: there was nothing to judge.
        condition: the condition that it is of.
        name: the tenant or function that it is of; empty: everything together.
    """

    held: bool | None
    excess: float | None = None
    condition: Condition | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Slo:
    """An objective: every condition, for everything together, or for every tenant or function by itself.

    Attributes:
        conditions: one or more, as written.
        each: whose measures must keep them.
    """

    conditions: tuple[Condition, ...]
    each: Each = "all"

    @property
    def implied(self) -> Condition | None:
        """What bounds on waits and misses imply of refusals (`REFUSALS`); None: nothing, or a condition says it."""
        if any(one.measure == "refused" for one in self.conditions):
            return None
        shares = [one.bound if one.measure == "misses" else REFUSALS.get(one.measure) for one in self.conditions]
        known = [share for share in shares if share is not None]
        return Condition("refused", min(known)) if known else None

    @property
    def required(self) -> tuple[Condition, ...]:
        """Everything that is judged: the conditions, and what they imply."""
        return self.conditions if self.implied is None else (*self.conditions, self.implied)

    @classmethod
    def parse(cls, text: str, each: Each = "all") -> "Slo":
        """Read `p99_wait<=0.5,cold<=1%`; bounds of waits may be durations, those of shares percents.

        Raises:
            SloError: it is none.
        """
        return cls(tuple(_condition(part) for part in text.split(",")), each)

    def __str__(self) -> str:
        so = "" if self.implied is None else f", and so {self.implied}"
        return ", ".join(map(str, self.conditions)) + so + ("" if self.each == "all" else f" for each {self.each}")

    def judge(self, measured: Mapping[str, Measures]) -> Verdict:
        """Judge what `measures_of` gave for `each`; the worst counts, and what has no value is passed over."""
        worst = Verdict(None)
        for name, values in measured.items():
            for condition in self.required:
                value = values[condition.measure]
                if value is None:
                    continue
                excess = condition.excess(value)
                if worst.excess is None or excess > worst.excess:
                    worst = Verdict(excess <= 0.0, excess, condition, name)
        return worst


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise SloError(f"{text.strip()!r} is no condition", _ALLOWED)
    name, sign, bound = match.groups()
    if name not in NAMES:
        raise SloError(f"{name} is no measure", suggestion(name, NAMES))
    if sign != "<=":
        raise SloError(f"{name} has {sign}", f"<=, since of every measure less is better: {name}<={bound}")
    return Condition(name, _bound(name, bound))


def _bound(name: str, text: str) -> float:
    unit = MEASURES[name].unit if name in MEASURES else "fraction"
    try:
        if unit == "s" and not _is_number(text):
            return parse_duration(text)
        if unit == "fraction" and text.endswith("%"):
            return _in_range(float(text[:-1]) / 100.0, unit)
        return _in_range(float(text), unit)
    except ValueError as error:
        allowed = {
            "s": "seconds from 0, or a duration such as 500ms",
            "fraction": "a fraction from 0 to 1, or a percentage such as 1%",
        }
        raise SloError(f"{name} has the bound {text!r}", allowed.get(unit, "a number from 0")) from error


def _is_number(text: str) -> bool:
    return not text[-1:].isalpha() or text.lower() in ("nan", "inf")


def _in_range(value: float, unit: Unit) -> float:
    if not 0.0 <= value < float("inf") or (unit == "fraction" and value > 1.0):
        raise ValueError("out of range")
    return value


def measure_names(texts: Collection[str]) -> tuple[str, ...]:
    """Give the names of measures.

    Raises:
        SloError: one is none.
    """
    for name in texts:
        if name not in NAMES:
            raise SloError(f"{name} is no measure", suggestion(name, NAMES))
    return tuple(texts)


def measures_of(result: Result, each: Each = "all") -> dict[str, dict[str, float | None]]:
    """Give the measures of a run: by tenant, by function, or (`all`) of everything together under the name ""."""
    length_s = result.duration_s
    if each == "function":
        return {row.function or "": _measures(row, (row,), length_s) for row in result.functions}
    if each == "tenant":
        by_tenant: dict[str | None, list[Row]] = {row.tenant: [] for row in result.tenants}
        for row in result.functions:
            by_tenant[row.tenant].append(row)
        return {row.tenant or "": _measures(row, by_tenant[row.tenant], length_s) for row in result.tenants}
    return {"": _measures(result.total, result.functions, length_s)}


def _measures(row: Row, functions: Sequence[Row], length_s: float) -> dict[str, float | None]:
    values = {name: measure.of(row, length_s) for name, measure in MEASURES.items()}
    cold = np.array([part.cold / part.requests for part in functions if part.requests])
    for name, fraction in BY_FUNCTION.items():
        values[name] = float(np.quantile(cold, fraction, method="inverted_cdf")) if len(cold) else None
    return values
