"""Recordings of what other autoscalers decided: their two formats, read strictly.

A recording is JSON lines, one sequence of decisions of one object a line, each with what was seen at every step and
`desired`, what the real code answered. Fields that nothing here needs are ignored: the recorders write more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from autoscaler.policy.problems import Problem, problems_of

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Load = Annotated[float, Field(ge=0)]
Kind = Literal["kpa", "hpa"]

ONE_OR_MORE = "a list of one or more"
Item = TypeVar("Item")


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise ValueError(ONE_OR_MORE)
    return items


Some = Annotated[tuple[Item, ...], AfterValidator(_not_empty)]

MOST_PROBLEMS = 5
"""Problems of a bad line that are told; a line of the other kind has hundreds."""


class RecordingError(Exception):
    """A recording that cannot be read; `problems` has the reasons, each with its place and what is allowed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class KpaSpec(_Recorded):
    """What Knative's autoscaler was told.

    Attributes:
        metric: what stable and panic are averages of.
        target_value: load that one pod shall carry, target × utilization.
        max_scale_up_rate: largest growth per tick, as a factor of ready pods.
        max_scale_down_rate: largest shrinkage per tick, as a divisor of ready pods.
        panic_threshold: ratio of pods wanted over the panic window to ready pods that begins panic.
        stable_window_seconds: panic lasts so long after the last tick over the threshold.
        scale_down_delay_seconds: look-back over decisions, of which the largest holds; 0: none.
        activation_scale: least pods where any are wanted; 0 and 1: off.
        initial_ready: ready pods when the autoscaler was born.
    """

    metric: Literal["concurrency", "rps"]
    target_value: float = Field(gt=0)
    max_scale_up_rate: float = Field(ge=1)
    max_scale_down_rate: float = Field(ge=1)
    panic_threshold: float = Field(gt=0)
    stable_window_seconds: float = Field(gt=0)
    scale_down_delay_seconds: float = Field(ge=0)
    activation_scale: Count
    initial_ready: Count


class KpaStep(_Recorded):
    """One tick of Knative's autoscaler: averages over both windows, ready pods, and its answer."""

    t: float
    stable: Load
    panic: Load
    ready: Count
    desired: Count


class HpaPolicyRecord(_Recorded):
    """A scaling policy of a behavior."""

    type: Literal["Pods", "Percent"]
    value: int = Field(gt=0)
    period_seconds: int = Field(ge=1, le=1800)


class HpaDirectionRecord(_Recorded):
    """What both directions have; a tolerance of null is the controller's."""

    select_policy: Literal["Max", "Min", "Disabled"]
    policies: Some[HpaPolicyRecord]
    tolerance: float | None = Field(ge=0)


class HpaUpRecord(HpaDirectionRecord):
    """`scaleUp` as the API server completed it."""

    stabilization_window_seconds: int = Field(ge=0, le=3600)


class HpaDownRecord(HpaDirectionRecord):
    """`scaleDown` likewise; a window of null is the controller's."""

    stabilization_window_seconds: int | None = Field(ge=0, le=3600)


class HpaBehaviorRecord(_Recorded):
    """`behavior` as the API server completed it."""

    scale_up: HpaUpRecord
    scale_down: HpaDownRecord


class HpaSpecRecord(_Recorded):
    """What an HPA was told: one metric, bounds, behavior (null: left out), and the controller's flags."""

    min_replicas: Count
    max_replicas: int = Field(ge=1, le=2**31 - 1)
    metric_kind: Literal["external_average_value", "external_value", "pods_average_value"]
    target_value: float = Field(ge=0.001)
    default_tolerance: float = Field(ge=0)
    default_scale_down_stabilization_seconds: float = Field(ge=0)
    effective_behavior: HpaBehaviorRecord | None

    @model_validator(mode="after")
    def _is_possible(self) -> "HpaSpecRecord":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"a max_replicas of min_replicas ({self.min_replicas}) or more")
        return self


class HpaStep(_Recorded):
    """One round of an HPA.

    Attributes:
        t: seconds.
        total: the metric, of kind `external_average_value`; null: it could not be had.
        metric_value: likewise of the other kinds.
        current: `spec.replicas`, which are all ready.
        desired: its answer.
    """

    t: float
    total: float | None = None
    metric_value: float | None = None
    current: Count
    desired: Count


class KpaSequence(_Recorded):
    """What Knative's autoscaler decided for one revision, in order of time."""

    name: str
    spec: KpaSpec
    steps: Some[KpaStep]

    @model_validator(mode="after")
    def _is_possible(self) -> "KpaSequence":
        _need_order([step.t for step in self.steps])
        return self


class HpaSequence(_Recorded):
    """What an HPA decided for one workload, in order of time."""

    name: str
    spec: HpaSpecRecord
    steps: Some[HpaStep]

    @model_validator(mode="after")
    def _is_possible(self) -> "HpaSequence":
        _need_order([step.t for step in self.steps])
        field = self.metric_field
        for number, step in enumerate(self.steps):
            if field not in step.model_fields_set:
                raise ValueError(f"`{field}` in every step (null: no metric), which steps[{number}] lacks")
        return self

    @property
    def metric_field(self) -> str:
        """Give the field of a step in which the metric is."""
        return "total" if self.spec.metric_kind == "external_average_value" else "metric_value"


Sequence = TypeVar("Sequence", KpaSequence, HpaSequence)


def read_kpa(lines: Iterable[str], file: str) -> tuple[KpaSequence, ...]:
    """Read a recording of Knative's autoscaler.

    Args:
        lines: the text; empty lines are ignored.
        file: its name, for problems only.

    Raises:
        RecordingError: a line is not one sequence, or there is none.
    """
    return _read(lines, file, KpaSequence)


def read_hpa(lines: Iterable[str], file: str) -> tuple[HpaSequence, ...]:
    """Read a recording of Kubernetes' HPA; see `read_kpa`."""
    return _read(lines, file, HpaSequence)


def _read(lines: Iterable[str], file: str, model: type[Sequence]) -> tuple[Sequence, ...]:
    found = tuple(_sequence(text, number, file, model) for number, text in enumerate(lines, 1) if text.strip())
    if not found:
        raise RecordingError([Problem(file, None, "", "holds no sequence", "one JSON object a line, at least one")])
    return found


def _sequence(text: str, number: int, file: str, model: type[Sequence]) -> Sequence:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        lines: Mapping[str, int] = {"": number}
        problems = tuple(_plain(problem) for problem in problems_of(error, model, file, lines))
        raise RecordingError(problems[:MOST_PROBLEMS]) from error


def _plain(problem: Problem) -> Problem:
    """Say of a line that is no JSON what it is, and not what stands in it; and of an empty list that it is empty."""
    if problem.allowed.startswith("Invalid JSON"):
        return Problem(problem.file, problem.line, "", problem.allowed, "one whole JSON object a line")
    if problem.allowed == ONE_OR_MORE:
        return replace(problem, wrong="is empty")
    return problem


def _need_order(times_s: list[float]) -> None:
    if any(later <= earlier for earlier, later in pairwise(times_s)):
        raise ValueError("steps in order of time, each `t` above the one before")
