"""Scenarios: what is simulated, as a document beside ordinary `Tenant` and `ScalingPolicy` documents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, field_names, problems_of, suggestion
from autoscaler.policy.settings import BlastRadius, PoolSettings
from autoscaler.policy.strict import Strict
from autoscaler.simulator.events import (
    EVENTS,
    AlertEvent,
    Name,
    NotNegative,
    ObstacleEvent,
    Positive,
    PrometheusOutage,
    ScenarioEvent,
    Span,
    TargetDown,
    WakeEvent,
)
from autoscaler.simulator.instants import Instant
from autoscaler.simulator.lanes import METRICS, Backlog, Levels, MetricField, PerRequest
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.traces import WORKLOADS, AnyTrace, CsvTrace, PrometheusTrace, WorkloadField
from autoscaler.simulator.workload import Workload

__all__ = [
    "AlertEvent",
    "FunctionGroup",
    "NotNegative",
    "Positive",
    "PrometheusOutage",
    "Scenario",
    "ScenarioError",
    "Span",
    "TargetDown",
    "WakeEvent",
    "parse",
]

EPOCH_S = 1_767_225_600.0
"""UTC seconds at which runs begin whose scenario says nothing: the first of January 2026, a Thursday."""

TraceKey = tuple[FunctionKey, str]
"""What a recorded workload is of: a function's calls (`""`), or the metric of this name."""

Traces = Mapping[TraceKey, Workload]
"""The recorded workloads of a scenario, read."""

CALLS = ""

NO_FIELD = "is no field"
"""What `policy.problems` says of a field that a model does not have."""

FUNCTION_LABEL = "faas_function"
MOST_FUNCTIONS = 200_000
MOST_TICKS = 10_000_000


class FunctionGroup(Strict):
    """Functions that are alike. Each has arrivals and service times of its own."""

    name: Name = Field(description="Name of the function; of several, what their names begin with. No default.")
    namespace: Name = Field(description="Their namespace; a Tenant of the scenario claims it. No default.")
    count: int = Field(1, ge=1, le=100_000, description="How many; above 1 they are NAME-0, NAME-1, … Default 1.")
    workload: WorkloadField = Field(description="When requests arrive at each of them. No default.")
    service: Positive = Field(description="Mean time that a request is served. No default.")
    service_times: Literal["exponential", "constant"] = Field(
        "exponential", description="Law of the service times. Default exponential, the usual spread."
    )
    start_up: NotNegative | None = Field(
        None, description="Time from asking for a replica to its being ready. Default: the scenario's."
    )
    concurrency_limit: int = Field(
        1, ge=1, description="Requests that one replica serves at once; more wait. Default 1."
    )
    replicas: int = Field(0, ge=0, description="Replicas at the start, ready at once. Default 0.")
    metrics: dict[str, MetricField] = Field(
        default_factory=dict,
        description="Metrics beside requests/s and concurrency that its policy scales by: `cpu`, `queue`, or the text of a "
        "tenant's own query. Default none.",
    )
    hold: Positive | None = Field(
        None, description="Longest wait for a free replica; then the request is refused. Default: none, it waits on."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Further labels of the Deployments. Default none.")
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the Deployments. Default none."
    )

    def specs(self) -> Iterator[FunctionSpec]:
        """Give the functions of the group."""
        for number in range(self.count):
            name = self.name if self.count == 1 else f"{self.name}-{number}"
            yield FunctionSpec(
                key=FunctionKey(self.namespace, name),
                service_s=self.service,
                start_s=self.start_up,
                concurrency_limit=self.concurrency_limit,
                labels={FUNCTION_LABEL: name, **self.labels},
                annotations=self.annotations,
                replicas=self.replicas,
                service=self.service_times,
                hold_s=self.hold,
            )

    def feeds(self) -> Iterator[tuple[str, Workload | AnyTrace]]:
        """Give the workload of its calls and those of its metrics, by name."""
        yield CALLS, self.workload
        for name, metric in self.metrics.items():
            if isinstance(metric, Backlog):
                yield name, metric.arriving


_TAGGED: dict[str, type[Strict]] = {**EVENTS, **WORKLOADS, **METRICS}


class Scenario(Strict):
    """One run: functions under their traffic, policies, and what befalls them."""

    kind: Literal["Scenario"]
    title: str = Field("", description="What the run is about, in a line. Default none.")
    seed: int = Field(1, ge=0, description="Seed of all randomness; `--seed` wins. Default 1.")
    duration: Positive = Field(description="Virtual time that the run lasts. No default.")
    utc: Instant = Field(
        EPOCH_S, description="Moment at which the run begins, for schedules. Default 2026-01-01T00:00:00Z, a Thursday."
    )
    tick: Positive = Field(2.0, description="Interval of decisions. Default 2s, the daemon's.")
    scrape_interval: Positive = Field(15.0, description="Scrape interval of the gateway's metrics. Default 15s.")
    range: Positive | None = Field(None, description="Stretch that one sample covers. Default: 4 × scrapeInterval.")
    start_up: NotNegative = Field(5.0, description="Time from asking for a replica to its being ready. Default 5s.")
    write_delay: NotNegative = Field(0.0, description="Time from a decision to the Deployment's having it. Default 0s.")
    blast_radius: BlastRadius | None = Field(
        default_factory=BlastRadius, description="Limit of load-driven cuts, as in the settings; null: off."
    )
    pools: dict[str, PoolSettings] | None = Field(
        None,
        description="Stocks of replicas that tenants share, by name, as in the settings. Default: none has a limit.",
    )
    policies: list[str] = Field(
        default_factory=list,
        description="Files with Tenant and ScalingPolicy documents, relative to the scenario's. Default none: the "
        "documents after the scenario's in its own file.",
    )
    functions: list[FunctionGroup] = Field(min_length=1, description="The functions. No default.")
    events: list[ScenarioEvent] = Field(default_factory=list, description="What befalls the run. Default nothing.")

    @model_validator(mode="after")
    def _is_possible(self) -> "Scenario":
        if self.duration / self.tick > MOST_TICKS:
            raise ValueError(f"at most {MOST_TICKS} ticks; duration / tick is {self.duration / self.tick:.0f}")
        if self.range is not None and self.range < 4 * self.scrape_interval:
            raise ValueError(f"a range of 4 scrape intervals ({4 * self.scrape_interval:g}s) or more")
        if sum(group.count for group in self.functions) > MOST_FUNCTIONS:
            raise ValueError(f"at most {MOST_FUNCTIONS} functions in all")
        seen: set[FunctionKey] = set()
        for spec in self.specs():
            if spec.key in seen:
                raise ValueError(f"each name once in a namespace; {spec.key} is there twice")
            seen.add(spec.key)
        for event in self.events:
            if isinstance(event, WakeEvent) and event.key not in seen:
                raise ValueError(f"wakes of functions of the scenario; {event.key} is none")
            if isinstance(event, ObstacleEvent) and (name := event.unmatched(seen)) is not None:
                raise ValueError(f"obstacles of functions of the scenario; {name} matches none")
        return self

    def specs(self) -> Iterator[FunctionSpec]:
        """Give all functions, in the order of the document."""
        for group in self.functions:
            yield from group.specs()

    def traces(self) -> Iterator[tuple[TraceKey, str, AnyTrace]]:
        """Give what must be read before the run, with the path of the field that says so."""
        for number, group in enumerate(self.functions):
            for name, workload in group.feeds():
                if isinstance(workload, CsvTrace | PrometheusTrace):
                    path = f"functions[{number}]." + (f"metrics.{name}.arriving" if name else "workload")
                    yield from (((spec.key, name), path, workload) for spec in group.specs())

    def workloads(self, traces: Traces) -> Traces:
        """Give the workloads of every function and of its metrics.

        Raises:
            ScenarioError: a recorded workload is not among the traces.
        """
        found: dict[TraceKey, Workload] = dict(traces)
        for key, path, _ in self.traces():
            if key not in found:
                raise ScenarioError([Problem(str(key[0]), None, path, "was not read", "rates that are handed in")])
        for group in self.functions:
            for name, workload in group.feeds():
                if isinstance(workload, Workload):
                    found |= {(spec.key, name): workload for spec in group.specs()}
        return found

    def under_span(self, span: Mapping[str, str], file: str) -> "Scenario":
        """Give the same scenario with a span of a Prometheus as the calls of every function, as long as that span.

        Args:
            span: fields of `PrometheusTrace`, as a document has them.
            file: where they are from, for problems only.

        Raises:
            ScenarioError: they are none.
        """
        try:
            trace = PrometheusTrace.model_validate({"type": "prometheus", **span})
        except ValidationError as error:
            raise ScenarioError(problems_of(error, PrometheusTrace, file, {})) from error
        functions = [group.model_copy(update={"workload": trace}) for group in self.functions]
        return self.model_copy(update={"functions": functions, "duration": trace.end - trace.start, "utc": trace.start})

    def metrics(self) -> Mapping[FunctionKey, Mapping[str, Levels | Backlog | PerRequest]]:
        """Give the further metrics of every function."""
        return {spec.key: group.metrics for group in self.functions for spec in group.specs()}


class ScenarioError(Exception):
    """A scenario that cannot be run; `problems` has every reason, with where it is and what is allowed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def parse(text: str, file: str = "scenario.yaml") -> tuple[Scenario, str]:
    """Read a scenario's file: the first document is the scenario, the others are policy documents.

    Args:
        file: its name, for problems only.

    Returns:
        The scenario, and the text of the other documents. Its lines keep their numbers, since where the
        scenario was there are empty ones, so that problems found in it name the right line.

    Raises:
        ScenarioError: it cannot be run.
    """
    first, others = _split(text)
    documents = read_documents(file, first)
    if not documents:
        raise ScenarioError([Problem(file, 1, "", "is empty", "a mapping with `kind: Scenario`")])
    document = documents[0]
    if document.problems:
        raise ScenarioError(document.problems)
    try:
        return Scenario.model_validate(document.value), others
    except ValidationError as error:
        problems = problems_of(error, Scenario, file, document.lines)
        raise ScenarioError([_untagged(problem, document.lines) for problem in problems]) from error


def _split(text: str) -> tuple[str, str]:
    """Cut a file after its first document."""
    lines = text.splitlines(keepends=True)
    has_begun = False
    for number, line in enumerate(lines):
        is_separator = line.split(maxsplit=1)[:1] == ["---"] and line.startswith("---")
        if is_separator and has_begun:
            return "".join(lines[:number]), "\n" * number + "".join(lines[number:])
        has_begun = has_begun or not (is_separator or not line.strip() or line.startswith("#"))
    return text, ""


def _untagged(problem: Problem, lines: Mapping[str, int]) -> Problem:
    """Take each `type` out of a path, where the models' union puts it, and name the fields of the last one."""
    parts = problem.path.split(".")
    tags = [place for place, part in enumerate(parts) if place and part in _TAGGED]
    if not tags:
        return problem
    innermost, rest = _TAGGED[parts[tags[-1]]], ".".join(parts[tags[-1] + 1 :])
    path = ".".join(part for place, part in enumerate(parts) if place not in tags)
    is_foreign = problem.wrong == NO_FIELD and "." not in rest
    allowed = suggestion(rest, field_names(innermost, ())) if is_foreign else problem.allowed
    return replace(problem, path=path, line=lines.get(path, problem.line), allowed=allowed)
