"""Metrics beside requests/s and concurrency: what a scenario says of them, and their values over a run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.lanes import MetricKind
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.traces import WorkloadField
from autoscaler.simulator.workload import Workload

NAMES: dict[MetricKind, str] = {MetricKind.CPU: "cpu", MetricKind.QUEUE: "queue"}
"""How a scenario calls a metric; a tenant's own query is called by its text."""


class Level(Strict):
    """From a time on, a value."""

    at: Duration = Field(ge=0, description="When it begins.")
    value: Annotated[float, Field(ge=0)] | None = Field(description="The value from then on; null: not known.")


class Levels(Strict):
    """A metric whose values stand in the scenario, whatever the function does; not known before the first."""

    type: Literal["levels"]
    values: tuple[Level, ...] = Field(min_length=1, strict=False, description="The values, in order of time.")

    @model_validator(mode="after")
    def _in_order(self) -> "Levels":
        at = [level.at for level in self.values]
        if at != sorted(set(at)):
            raise ValueError("values in ascending order of `at`, no time twice")
        return self

    @cached_property
    def steps(self) -> tuple[Floats, Floats]:
        """Times, and the values from each on; nan: not known."""
        at_s = np.array([level.at for level in self.values])
        return at_s, np.array([np.nan if level.value is None else level.value for level in self.values])


class Backlog(Strict):
    """Messages that wait in a queue: they arrive as a workload says, and ready replicas take them off.

    A fluid: expected numbers, so that it draws nothing at random; replicas count as they were at the tick before.
    """

    type: Literal["backlog"]
    arriving: WorkloadField = Field(description="Messages/s, as a workload. No default.")
    service: Annotated[Duration, Field(gt=0)] = Field(
        description="Mean time that one replica takes for a message. No default."
    )


class PerRequest(Strict):
    """So much for each request that is being served, such as cores; of those that wait nothing."""

    type: Literal["perRequest"]
    value: float = Field(gt=0, description="What one request takes while it is served. No default.")


MetricField = Annotated[Levels | Backlog | PerRequest, Field(discriminator="type")]
METRICS: dict[str, type[Strict]] = {"levels": Levels, "backlog": Backlog, "perRequest": PerRequest}
"""The metrics of a scenario by their `type`."""


class _Lane(ABC):
    """One lane's values over a run."""

    @abstractmethod
    def value(self, at_s: float, served: float, ready: float) -> float:
        """Give the value at a tick; nan: not known.

        Args:
            served: requests being served, on average over the sample's range; nan: not known.
            ready: replicas ready now.
        """


class _OfLevels(_Lane):
    def __init__(self, levels: Levels) -> None:
        self._at_s, self._values = levels.steps

    def value(self, at_s: float, _served: float, _ready: float) -> float:
        place = int(np.searchsorted(self._at_s, at_s, side="right")) - 1
        return float(self._values[place]) if place >= 0 else np.nan


class _OfBacklog(_Lane):
    def __init__(self, arriving: Workload, service_s: float) -> None:
        self._arriving, self._service_s = arriving, service_s
        self._known_s = self._waiting = self._ready = 0.0

    def value(self, at_s: float, _served: float, ready: float) -> float:
        arrived = np.diff(self._arriving.cumulative(np.array([self._known_s, at_s])))[0]
        taken = self._ready * (at_s - self._known_s) / self._service_s
        self._waiting = max(float(self._waiting + arrived - taken), 0.0)
        self._known_s, self._ready = at_s, ready
        return float(np.ceil(self._waiting - 1e-9))


class _PerRequest(_Lane):
    def __init__(self, value: float) -> None:
        self._value = value

    def value(self, _at_s: float, served: float, _ready: float) -> float:
        return self._value * served


class Lanes:
    """The further metrics of all functions, as a tick sees them.

    Args:
        metrics: of each function by name, as the scenario has them.
        arriving: workloads of their backlogs, by function and name.
    """

    def __init__(
        self,
        metrics: Mapping[FunctionKey, Mapping[str, Levels | Backlog | PerRequest]],
        arriving: Mapping[tuple[FunctionKey, str], Workload],
    ) -> None:
        self._lanes: dict[tuple[FunctionKey, str], _Lane] = {}
        for key, named in metrics.items():
            for name, metric in named.items():
                self._lanes[key, name] = _lane(metric, arriving.get((key, name)))

    def missing(self, plan: Plan) -> tuple[Problem, ...]:
        """Name what policies scale by and the scenario does not have: a run without it would mislead."""
        return tuple(
            Problem(
                str(key), None, f"metrics.{name}", "is what its policy scales by, and the scenario has none", _ALLOWED
            )
            for key, name in _names(plan.fleet)
            if (key, name) not in self._lanes
        )

    def fill(self, plan: Plan, load: Load, platform: Platform, at_s: float) -> tuple[Floats, Bools]:
        """Give `Load.others` and `Load.others_idle` of a tick: of each lane once a tick, in the order of time."""
        fleet = plan.fleet
        values = np.full(len(fleet.others.names), np.nan)
        for lane, (key, name) in enumerate(_names(fleet)):
            row, ready = int(fleet.others.rows[lane]), platform.ready(key)
            served = min(float(load.concurrency[row]), ready * platform.spec(key).concurrency_limit)
            known = load.concurrency[row] == load.concurrency[row]
            values[lane] = self._lanes[key, name].value(at_s, served if known else np.nan, ready)
        return values, (values == 0) & self._proves_idleness(plan)

    def _proves_idleness(self, plan: Plan) -> Bools:
        """Tell which lanes at 0 are a proof: a queue's, and those of queries that have an activity query."""
        others = plan.fleet.others
        asks = [query is not None and query.activity is not None for query in plan.queries]
        is_asked = np.array(asks or [False] * len(others.names), dtype=np.bool_)
        result: Bools = (others.kind == MetricKind.QUEUE) | ((others.kind == MetricKind.QUERY) & is_asked)
        return result


_ALLOWED = "in the function's `metrics` a {type: levels}, {type: backlog} or {type: perRequest} of this name"


def _names(fleet: Fleet) -> list[tuple[FunctionKey, str]]:
    """Give function and name of every lane, as a scenario calls it."""
    others = fleet.others
    kinds = [MetricKind(kind) for kind in others.kind.tolist()]
    return [
        (fleet.keys[row], NAMES.get(kind, name))
        for row, kind, name in zip(others.rows.tolist(), kinds, others.names, strict=True)
    ]


def _lane(metric: Levels | Backlog | PerRequest, arriving: Workload | None) -> _Lane:
    match metric:
        case Levels():
            return _OfLevels(metric)
        case PerRequest():
            return _PerRequest(metric.value)
        case Backlog() if arriving is not None:
            return _OfBacklog(arriving, metric.service)
    raise ValueError("a backlog needs the workload that fills it")
