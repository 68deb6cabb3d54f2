"""Scenarios: what is simulated, as a document beside ordinary `Tenant` and `ScalingPolicy` documents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, field_names, path_text, problems_of, suggestion
from autoscaler.policy.settings import BlastRadius, PoolSettings
from autoscaler.policy.strict import Strict
from autoscaler.simulator.baselines.settings import DECIDERS, OURS, DeciderField
from autoscaler.simulator.events import (
    EVENTS,
    AlertEvent,
    NotNegative,
    ObstacleEvent,
    Positive,
    PrometheusOutage,
    ScenarioEvent,
    Span,
    TargetDown,
    WakeEvent,
)
from autoscaler.simulator.function_group import CALLS, FunctionGroup, Traits
from autoscaler.simulator.instants import Instant
from autoscaler.simulator.lanes import METRICS, Backlog, Levels, PerRequest
from autoscaler.simulator.law_documents import SERVICE_TIMES, START_UPS, Measured, StartUpField, always
from autoscaler.simulator.modes import Mode, Place, without_effect
from autoscaler.simulator.prices import Prices
from autoscaler.simulator.recorded import Recorded, RecordedFunction, TraceKey, Traces
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.trace_sets.using import TraceUse
from autoscaler.simulator.traces import WORKLOADS, AnyTrace, CsvTrace, PrometheusTrace
from autoscaler.simulator.workload import Workload

__all__ = [
    "CALLS",
    "AlertEvent",
    "FunctionGroup",
    "NotNegative",
    "Positive",
    "PrometheusOutage",
    "Scenario",
    "ScenarioError",
    "Span",
    "TargetDown",
    "TraceKey",
    "Traces",
    "WakeEvent",
    "parse",
]

EPOCH_S = 1_767_225_600.0
"""UTC seconds at which runs begin whose scenario says nothing: the first of January 2026, a Thursday."""

NO_FIELD = "is no field"
"""What `policy.problems` says of a field that a model does not have."""

MOST_FUNCTIONS = 200_000
MOST_TICKS = 10_000_000


_TAGGED: dict[str, type[Strict]] = {**EVENTS, **WORKLOADS, **METRICS}
_TAGGED_IN: dict[str, Mapping[str, type[Strict]]] = {
    "serviceTimes": SERVICE_TIMES,
    "startUp": START_UPS,
    "decider": DECIDERS,
}
"""Models by their `type`: of these fields, and of all others."""


class Scenario(Strict):
    """One run: functions under their traffic, policies, and what befalls them."""

    kind: Literal["Scenario"]
    mode: Mode = Field(
        "windowed",
        description="Who starts and stops replicas: windowed (the decider, at each tick) or perRequest (every request that "
        "finds no idle instance starts one, which is kept for `keepAlive`). Default windowed.",
    )
    decider: DeciderField = Field(
        OURS,
        description="Who decides in mode windowed: the daemon's controller, or a baseline. Default {type: controller}.",
    )
    title: str = Field("", description="What the run is about, in a line. Default none.")
    seed: int = Field(1, ge=0, description="Seed of all randomness; `--seed` wins. Default 1.")
    duration: Positive = Field(description="Virtual time that the run lasts. No default.")
    utc: Instant = Field(
        EPOCH_S, description="Moment at which the run begins, for schedules. Default 2026-01-01T00:00:00Z, a Thursday."
    )
    tick: Positive = Field(2.0, description="Interval of decisions. Default 2s, the daemon's.")
    scrape_interval: Positive = Field(15.0, description="Scrape interval of the gateway's metrics. Default 15s.")
    range: Positive | None = Field(None, description="Stretch that one sample covers. Default: 4 × scrapeInterval.")
    start_up: StartUpField = Field(
        default=always("5s"),
        description="Time from asking for a replica to its being ready, or its law. Default 5s.",
    )
    write_delay: NotNegative = Field(0.0, description="Time from a decision to the Deployment's having it. Default 0s.")
    blast_radius: BlastRadius | None = Field(
        default_factory=BlastRadius, description="Limit of load-driven cuts, as in the settings; null: off."
    )
    pools: dict[str, PoolSettings] | None = Field(
        None,
        description="Stocks of replicas that tenants share, by name, as in the settings. Default: none has a limit.",
    )
    prices: Prices | None = Field(None, description="What replicas and requests cost. Default: nothing is said of it.")
    policies: list[str] = Field(
        default_factory=list,
        description="Files or folders with Tenant and ScalingPolicy documents, relative to the scenario's. Default none: "
        "the documents after the scenario's in its own file.",
    )
    functions: list[FunctionGroup] = Field(
        default_factory=list, description="The functions. Default: those of `traces` alone."
    )
    trace_uses: list[TraceUse] = Field(
        default_factory=list, alias="traces", description="Files whose functions run beside these. Default none."
    )
    events: list[ScenarioEvent] = Field(default_factory=list, description="What befalls the run. Default nothing.")
    _recorded: tuple[RecordedFunction, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _is_possible(self) -> "Scenario":
        if self.mode == "windowed" and self.duration / self.tick > MOST_TICKS:
            raise ValueError(f"at most {MOST_TICKS} ticks; duration / tick is {self.duration / self.tick:.0f}")
        if self.range is not None and self.range < 4 * self.scrape_interval:
            raise ValueError(f"a range of 4 scrape intervals ({4 * self.scrape_interval:g}s) or more")
        if sum(group.count for group in self.functions) > MOST_FUNCTIONS:
            raise ValueError(f"at most {MOST_FUNCTIONS} functions in all")
        if not self.trace_uses:
            self._check_names([key for group in self.functions for key in group.names()])
        return self

    def _check_names(self, keys: Iterable[FunctionKey]) -> None:
        seen: set[FunctionKey] = set()
        for key in keys:
            if key in seen:
                raise ValueError(f"each name once in a namespace; {key} is there twice")
            seen.add(key)
        for event in self.events:
            if isinstance(event, WakeEvent) and event.key not in seen:
                raise ValueError(f"wakes of functions of the scenario; {event.key} is none")
            if isinstance(event, ObstacleEvent) and (name := event.unmatched(seen)) is not None:
                raise ValueError(f"obstacles of functions of the scenario; {name} matches none")

    @property
    def recorded(self) -> tuple[RecordedFunction, ...]:
        """The functions that traces have; none before `resolved`."""
        return self._recorded

    def resolved(self, traces: Traces) -> "Scenario":
        """Give the scenario with what was read for it: whole functions, and the values of measured laws.

        Raises:
            ScenarioError: then it has no functions, or some whose names clash; or its traces were not read.
        """
        recorded = traces if isinstance(traces, Recorded) else Recorded(traces)
        if self.trace_uses and not recorded.functions:
            raise ScenarioError([_not_read("traces[0]", self.trace_uses[0].file)])
        if lost := [_not_read(path, law.file) for path, law in self.law_files() if path not in recorded.laws]:
            raise ScenarioError(lost)
        functions = [group.with_laws(recorded.laws, f"functions[{n}]") for n, group in enumerate(self.functions)]
        start_up = recorded.laws.get("startUp", self.start_up)
        result = self.model_copy(update={"functions": functions, "start_up": start_up})
        result._recorded = recorded.functions
        keys = [spec.key for spec in result.specs()]
        try:
            result._check_names(keys)
        except ValueError as error:
            raise ScenarioError([Problem(self.title or "scenario", None, "traces", "clash", str(error))]) from error
        if not keys:
            raise ScenarioError([_NO_FUNCTIONS])
        if len(keys) > MOST_FUNCTIONS:
            allowed = f"at most {MOST_FUNCTIONS} functions in all"
            raise ScenarioError(
                [Problem(self.title or "scenario", None, "traces", f"have {len(keys)} functions", allowed)]
            )
        return result

    def specs(self) -> Iterator[FunctionSpec]:
        """Give all functions, in the order of the document."""
        for group in self.functions:
            yield from group.specs()
        for one in self._recorded:
            yield one.spec

    def traces(self) -> Iterator[tuple[TraceKey, str, AnyTrace]]:
        """Give what must be read before the run, with the path of the field that says so."""
        for number, group in enumerate(self.functions):
            for name, workload in group.feeds():
                if isinstance(workload, CsvTrace | PrometheusTrace):
                    path = f"functions[{number}]." + (f"metrics.{name}.arriving" if name else "workload")
                    yield from (((key, name), path, workload) for key in group.names())

    def law_files(self) -> Iterator[tuple[str, Measured]]:
        """Give the laws whose values stand in files, with the path of the field that says so."""
        laws: list[tuple[str, object]] = [("startUp", self.start_up)]
        for place, traits in self._traits().items():
            laws += [(f"{path_text(place)}.{name}", law) for name, law in traits.laws()]
        for path, law in laws:
            if isinstance(law, Measured) and law.file is not None:
                yield path, law

    def _traits(self) -> dict[Place, Traits]:
        """Give the traits of functions and traces, by where they stand."""
        groups: dict[Place, Traits] = {("functions", number): group for number, group in enumerate(self.functions)}
        return groups | {("traces", number): use for number, use in enumerate(self.trace_uses)}

    def without_effect(self, lines: Mapping[str, int], file: str) -> list[Problem]:
        """Give a problem for each field that is set and does nothing in the scenario's mode.

        Args:
            lines: line of each field path.
            file: name of the file.
        """
        found = without_effect(self.mode, frozenset(self.model_fields_set), self._traits(), lines, file)
        return sorted(found, key=lambda problem: problem.line or 0)

    def reads_anything(self) -> bool:
        """Tell whether something must be read before the run."""
        return bool(self.trace_uses) or any(True for _ in self.traces()) or any(True for _ in self.law_files())

    def workloads(self, traces: Traces) -> Traces:
        """Give the workloads of every function and of its metrics.

        Raises:
            ScenarioError: a recorded workload is not among the traces.
        """
        found: dict[TraceKey, Workload] = dict(traces)
        found |= {(one.spec.key, CALLS): one.workload for one in self._recorded}
        for key, path, _ in self.traces():
            if key not in found:
                raise ScenarioError([Problem(str(key[0]), None, path, "was not read", "rates that are handed in")])
        for group in self.functions:
            for name, workload in group.feeds():
                if isinstance(workload, Workload):
                    found |= {(key, name): workload for key in group.names()}
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
        return {key: group.metrics for group in self.functions for key in group.names()}


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
    scenario = validated(document.value, document.lines, file)
    if not scenario.functions and not scenario.trace_uses:
        raise ScenarioError([replace(_NO_FUNCTIONS, file=file, line=document.lines.get("functions", 1))])
    return scenario, others


def validated(value: object, lines: Mapping[str, int], file: str = "scenario.yaml") -> Scenario:
    """Make a scenario of the value of its document.

    Args:
        lines: line of each field path.
        file: name of the file, for problems only.

    Raises:
        ScenarioError: it is none.
    """
    try:
        scenario = Scenario.model_validate(value)
    except ValidationError as error:
        problems = problems_of(error, Scenario, file, lines)
        raise ScenarioError([_untagged(problem, lines) for problem in problems]) from error
    if idle := scenario.without_effect(lines, file):
        raise ScenarioError(idle)
    return scenario


def _not_read(path: str, file: str | None) -> Problem:
    return Problem(str(file), None, path, "was not read", "values that are handed in")


_NO_FUNCTIONS = Problem("scenario", None, "functions", "is empty, and so are the traces", "one function at least")


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
    tags = {place: model for place in range(1, len(parts)) if (model := _model_of(parts[place - 1], parts[place]))}
    if not tags:
        return problem
    last = max(tags)
    innermost, rest = tags[last], parts[last + 1 :]
    path = ".".join(part for place, part in enumerate(parts) if place not in tags)
    allowed = problem.allowed
    if problem.wrong == NO_FIELD:
        *outer, name = rest
        allowed = suggestion(name, field_names(innermost, [step for part in outer for step in _steps(part)]))
    return replace(problem, path=path, line=lines.get(path, problem.line), allowed=allowed)


def _steps(part: str) -> list[str | int]:
    """Give the field that a part of a path names, and an item for each of its brackets."""
    return [part.partition("[")[0], *[0] * part.count("[")]


def _model_of(field: str, tag: str) -> type[Strict] | None:
    """Give the model that a part of a path is the `type` of; None: it is a field."""
    return _TAGGED_IN.get(field.partition("[")[0], _TAGGED).get(tag)
