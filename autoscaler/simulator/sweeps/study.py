"""Studies: what a sweep varies, as a document."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal, cast, overload

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError, model_validator

from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, line_of, path_text, problems_of
from autoscaler.policy.strict import Strict
from autoscaler.simulator.slo import Each, Slo, SloError, measure_names
from autoscaler.simulator.sweeps.paths import Path, PathError

FINER: tuple[Each, ...] = ("all", "tenant", "function")

Value = str | int | float | bool | None | list[object] | dict[str, object]
"""What a parameter may be set to: anything that the field of the path takes."""


@dataclass(frozen=True, slots=True)
class Range(Sequence[float | int]):
    """Numbers at equal steps, both ends included where a step meets them; none is made before it is asked for."""

    first: float | int
    last: float | int
    step: float | int = 1

    def __len__(self) -> int:
        return math.floor((self.last - self.first) / self.step * (1 + 1e-12)) + 1

    @overload
    def __getitem__(self, place: int) -> float | int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[float | int]: ...
    def __getitem__(self, place: int | slice) -> float | int | Sequence[float | int]:
        """Give a number by its place; steps of a tenth give 0.3 and not 0.30000000000000004."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        value = self.first + (place if place >= 0 else place + len(self)) * self.step
        return value if isinstance(value, int) else round(value, 12)


_RANGE = "numbers as {from: 1, to: 50, step: 1}, with `to` at or above `from` and a step above 0"


def _values(value: object) -> Sequence[Value]:
    """Take a list as it is, and a mapping for a range."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, Mapping) or not value.keys() <= {"from", "to", "step"}:
        raise ValueError(f"a list of values, or {_RANGE}")
    numbers = value.get("from"), value.get("to"), value.get("step", 1)
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise ValueError(_RANGE)
    first, last, step = cast(tuple[float, float, float], numbers)
    if not (math.isfinite(first) and math.isfinite(last) and math.isfinite(step) and step > 0 and last >= first):
        raise ValueError(_RANGE)
    return Range(first, last, step)


Values = Annotated[Sequence[Value], PlainValidator(_values)]
"""A list of values, or a range."""

Parameters = dict[str, Values]


def _listed(value: object) -> object:
    """Take one text for a list of one."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_listed)]


def as_text(value: object) -> str:
    """Write a value so that equal ones are equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class PolicyVariant(Strict):
    """One of the policies that are compared."""

    name: str = Field(min_length=1, max_length=63, description="What tables call it. No default.")
    documents: Texts | None = Field(
        None,
        description="Files or folders with Tenant and ScalingPolicy documents, relative to the study. Default: the scenario's.",
    )
    decider: dict[str, Value] | None = Field(
        None, description="Who decides: `{type: …}` as a scenario's `decider`. Default: the scenario's."
    )
    parameters: Parameters = Field(
        default_factory=dict, description="Parameters of this policy alone, beside the study's. Default none."
    )


class TraceVariant(Strict):
    """One of the workloads under which the policies are compared."""

    name: str = Field(min_length=1, max_length=63, description="What tables call it. No default.")
    traces: list[dict[str, Value]] | None = Field(
        None,
        description="What stands in the scenario's `traces`; files relative to the study. Default: the scenario's.",
    )
    workload: dict[str, Value] | None = Field(
        None,
        description="Workload of every function of the scenario; a CSV has a column for each. Default: their own.",
    )


class Requirement(Strict):
    """An objective, and of whom it is required."""

    require: str = Field(description="Bounds with commas: `p99_wait<=0.5,cold<=1%`. No default.")
    each: Each = Field(
        "all", description="Of everything together (all), of each tenant, or of each function. Default all."
    )


class SearchSettings(Strict):
    """Look for the cheapest that keeps the objective, instead of running the whole grid."""

    minimize: str = Field(description="The measure that is as small as possible. No default.")
    over: str | None = Field(
        None,
        description="Path of a parameter that is in the order of the measure: more of it costs more and waits less. It is "
        "bisected. Default: none; successive halving over the grid.",
    )
    from_: float | int | None = Field(None, alias="from", description="Its least value; with `over`.")
    to: float | int | None = Field(None, description="Its largest value; with `over`.")
    step: float | int = Field(1, gt=0, description="From one value to the next. Default 1.")

    @model_validator(mode="after")
    def _is_whole(self) -> "SearchSettings":
        if (self.over is None) != (self.from_ is None) or (self.over is None) != (self.to is None):
            raise ValueError("`over`, `from` and `to` together, or none of them")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise ValueError("`to` at or above `from`")
        return self

    @property
    def range(self) -> Range | None:
        """The values of `over`."""
        return None if self.from_ is None or self.to is None else Range(self.from_, self.to, self.step)


class Study(Strict):
    """A sweep: every policy, parameter, trace and seed with every other."""

    kind: Literal["Study"]
    title: str = Field("", description="What the study is about, in a line. Default none.")
    scenario: str = Field(min_length=1, description="File of the scenario, relative to the study. No default.")
    policies: list[PolicyVariant] = Field(
        default_factory=lambda: [PolicyVariant(name="scenario")],
        min_length=1,
        description="Policies that are compared. Default: the scenario's own documents and decider.",
    )
    parameters: Parameters = Field(
        default_factory=dict,
        description="Values by the path of a field in the scenario or its documents. Default none.",
    )
    traces: list[TraceVariant] = Field(
        default_factory=list, description="Workloads under which they are compared. Default: the scenario's own."
    )
    seeds: int | list[Annotated[int, Field(ge=0)]] = Field(
        5, description="How many (1, 2, …), or which. Policies meet the same requests under a seed. Default 5."
    )
    minimize: list[str] = Field(
        default_factory=lambda: ["cold", "replica_seconds"],
        min_length=1,
        max_length=4,
        description="Measures that are weighed against each other; nobody's choice is worse in all. Default cold, replica_seconds.",
    )
    slo: Requirement | str | None = Field(
        None, description="The objective: bounds, or `{require, each}`. Default none."
    )
    search: SearchSettings | None = Field(
        None, description="Search instead of the whole grid. Default: the whole grid."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of every interval. Default 0.95.")
    compare_with: str | None = Field(
        None, description="Policy that the others' differences are taken from, seed by seed. Default: the first."
    )
    keep: Each = Field(
        "tenant",
        description="Rows kept of each run: all (one), tenant (also by tenant), function (also by function). Default tenant.",
    )

    @model_validator(mode="after")
    def _is_possible(self) -> "Study":
        _each_once("policies", [policy.name for policy in self.policies])
        _each_once("traces", [trace.name for trace in self.traces])
        if self.compare_with is not None and self.compare_with not in (names := [one.name for one in self.policies]):
            raise ValueError(f"`compareWith` one of its policies: {', '.join(names)}")
        if self.search is not None and self.slo is None:
            raise ValueError("`slo` beside `search`: it looks for the cheapest that keeps it")
        return self

    @property
    def seed_list(self) -> Sequence[int]:
        """The seeds."""
        return range(1, self.seeds + 1) if isinstance(self.seeds, int) else self.seeds

    @property
    def fresh_seeds(self) -> Sequence[int]:
        """As many seeds again, above all of `seed_list`: what a search chose is judged under them."""
        first = max(self.seed_list) + 1
        return range(first, first + len(self.seed_list))

    @property
    def objective(self) -> Slo | None:
        """What is required; None: nothing."""
        if self.slo is None:
            return None
        wanted = Requirement(require=self.slo) if isinstance(self.slo, str) else self.slo
        return Slo.parse(wanted.require, wanted.each)

    @property
    def rows(self) -> Each:
        """The finest rows that are kept: what `keep` says, or what the objective is about."""
        return max(self.keep, self.objective.each if self.objective else "all", key=FINER.index)

    @property
    def base(self) -> str:
        """Name of the policy that others are compared with."""
        return self.compare_with or self.policies[0].name

    def parameters_of(self, policy: PolicyVariant) -> Mapping[str, Sequence[Value]]:
        """Give the parameters that a policy is run with, the study's first."""
        return {**self.parameters, **policy.parameters}


def _each_once(what: str, names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each name once in `{what}`; {', '.join(twice)} is there twice")


class StudyError(Exception):
    """A study that cannot be run; `problems` has every reason, with where it is and what is allowed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def parse_study(text: str, file: str) -> tuple[Study, Mapping[str, int]]:
    """Read a study.

    Args:
        file: its name, for problems only.

    Returns:
        The study, and the line of each of its fields.

    Raises:
        StudyError: it cannot be run.
    """
    documents = read_documents(file, text)
    if len(documents) != 1:
        line = documents[1].lines[""] if documents else 1
        raise StudyError([Problem(file, line, "", f"has {len(documents)} documents", "one mapping with `kind: Study`")])
    (document,) = documents
    if document.problems:
        raise StudyError([_of_study(problem) for problem in document.problems])
    try:
        study = Study.model_validate(document.value)
    except ValidationError as error:
        found = problems_of(error, Study, file, document.lines)
        raise StudyError([_unhidden(problem) for problem in found]) from error
    if problems := _problems(study, file, document.lines):
        raise StudyError(problems)
    return study, document.lines


def _of_study(problem: Problem) -> Problem:
    """Say of what is no YAML that a study may stand there, where the reader of policies names their fields."""
    return replace(problem, allowed="one mapping with `kind: Study`") if "apiVersion" in problem.allowed else problem


def _unhidden(problem: Problem) -> Problem:
    """Say what is wrong with a parameter: its name is hidden among those that may hold secrets."""
    is_table = "parameters." in problem.path and problem.wrong.endswith("(not shown)")
    return replace(problem, wrong="is neither a list nor a range") if is_table else problem


def _problems(study: Study, file: str, lines: Mapping[str, int]) -> list[Problem]:
    """Say what the models cannot: with the line of the very parameter, seed or measure."""
    found: list[Problem] = []

    def add(parts: tuple[str | int, ...], wrong: str, allowed: str) -> None:
        found.append(Problem(file, line_of(lines, parts), path_text(parts), wrong, allowed))

    tables: list[tuple[tuple[str | int, ...], Parameters]] = [(("parameters",), study.parameters)]
    tables += [(("policies", at, "parameters"), policy.parameters) for at, policy in enumerate(study.policies)]
    for parts, table in tables:
        for name, values in table.items():
            try:
                Path.parse(name)
            except PathError as error:
                add((*parts, name), error.wrong, error.allowed)
            if not len(values):
                add((*parts, name), "has no values, so the grid is empty", "one value or more")
            elif not isinstance(values, Range) and len({as_text(value) for value in values}) < len(values):
                add((*parts, name), "has a value twice", "different values")
    if not study.seed_list or (isinstance(study.seeds, list) and len(set(study.seeds)) < len(study.seeds)):
        add(("seeds",), "has no seed, or one twice", "a number from 1, or a list of different seeds")
    checks: list[tuple[tuple[str, ...], Callable[[], object]]] = [
        (("minimize",), partial(measure_names, study.minimize)),
        (("slo",), lambda: study.objective),
    ]
    if (search := study.search) is not None:
        checks.append((("search", "minimize"), partial(measure_names, [search.minimize])))
        checks.append((("search", "over"), partial(Path.parse, "startUp" if search.over is None else search.over)))
    for parts, check in checks:
        try:
            check()
        except (SloError, PathError) as error:
            add(parts, error.wrong, error.allowed)
    return found
