"""What befalls a run: alerts, outages, wakes, obstacles."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict

Positive = Annotated[Duration, Field(gt=0)]
NotNegative = Annotated[Duration, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Pattern = Annotated[str, Field(pattern=r"^[-a-z0-9*]+/[-a-z0-9*]+$", max_length=127)]


class Span(Strict):
    """Something that lasts from a time to a time."""

    start: NotNegative = Field(alias="from", description="When it begins. No default.")
    end: Positive = Field(alias="to", description="When it ends. No default.")

    @model_validator(mode="after")
    def _has_length(self) -> "Span":
        if self.end <= self.start:
            raise ValueError(f"a `to` after `from` ({self.start:g}s)")
        return self


class AlertEvent(Span):
    """An alert that fires and resolves, as Alertmanager sends it: at once, repeated, and at its end."""

    type: Literal["alert"]
    labels: dict[str, str] = Field(min_length=1, description="Its labels; `namespace` says whose it is. No default.")
    repeat: Positive = Field(60.0, description="How often it is sent while it fires. Default 1m.")


class PrometheusOutage(Span):
    """Prometheus is away: it answers nothing and scrapes nothing."""

    type: Literal["prometheusOutage"]


class TargetDown(Span):
    """The gateway's metrics cannot be scraped; Prometheus itself answers."""

    type: Literal["targetDown"]


class ObstacleEvent(Span):
    """Replicas that are not there yet do not start: a quota refuses them, no node has room, or they crash.

    What is ready goes on serving. At the end everything that is missing starts at once.
    """

    type: Literal["quota", "unschedulable", "crash"]
    functions: list[Pattern] = Field(
        min_length=1, description="Whose replicas: NAMESPACE/NAME, with * for any part of either. No default."
    )

    @property
    def obstacle(self) -> Obstacle:
        """What Kubernetes says of it."""
        return {
            "quota": Obstacle.QUOTA_EXCEEDED,
            "unschedulable": Obstacle.NOT_SCHEDULABLE,
            "crash": Obstacle.NOT_READY,
        }[self.type]

    def touches(self, key: FunctionKey) -> bool:
        return any(_matches(pattern, key) for pattern in self.functions)

    def unmatched(self, keys: Collection[FunctionKey]) -> str | None:
        """Give a pattern that matches none of the functions; None: each matches one."""
        return next((one for one in self.functions if not any(_matches(one, key) for key in keys)), None)


class WakeEvent(Strict):
    """Somebody wakes a function, without a request."""

    type: Literal["wake"]
    at: NotNegative = Field(description="When. No default.")
    namespace: Name = Field(description="The function's namespace. No default.")
    function: Name = Field(description="The function's name. No default.")

    @property
    def key(self) -> FunctionKey:
        return FunctionKey(self.namespace, self.function)


EVENTS: dict[str, type[Strict]] = {
    "alert": AlertEvent,
    "prometheusOutage": PrometheusOutage,
    "targetDown": TargetDown,
    "quota": ObstacleEvent,
    "unschedulable": ObstacleEvent,
    "crash": ObstacleEvent,
    "wake": WakeEvent,
}
"""The events by their `type`."""

ScenarioEvent = Annotated[
    AlertEvent | PrometheusOutage | TargetDown | ObstacleEvent | WakeEvent, Field(discriminator="type")
]


def _matches(pattern: str, key: FunctionKey) -> bool:
    namespace, _, name = pattern.partition("/")
    return fnmatchcase(key.namespace, namespace) and fnmatchcase(key.name, name)
