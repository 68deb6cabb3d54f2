"""A comparison on counts per minute, as a document: one trace, and who decides on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from pydantic import Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, field_names, problems_of, suggestion
from autoscaler.policy.strict import Strict
from autoscaler.simulator.baselines.settings import DECIDERS, DeciderField
from autoscaler.simulator.function_group import Traits
from autoscaler.simulator.minutes.counts import MinuteCounts
from autoscaler.simulator.minutes.deciders import ALLOWED, check, policy_of, title_of
from autoscaler.simulator.minutes.policies import MinutePolicy
from autoscaler.simulator.minutes.result import MinuteResult
from autoscaler.simulator.minutes.run import simulate_policies
from autoscaler.simulator.scenario import NO_FIELD, ScenarioError
from autoscaler.simulator.trace_sets.using import TraceUse

KIND = "MinuteScenario"

IDLE = (Traits.model_fields.keys() | {"placement"}) - {"memory", "concurrency_limit"}
"""Fields of a trace's use that counts of containers know nothing of."""


class MinuteScenario(Strict):
    """Deciders over the same counts, the first of them the one that the others are compared with."""

    kind: Literal["MinuteScenario"]
    title: str = Field("", description="What it is about, in a line. Default none.")
    trace: TraceUse = Field(
        description="The recorded traffic. Of traits of its functions `service`, `memory` and `concurrencyLimit` matter here."
    )
    deciders: list[DeciderField] = Field(
        min_length=1, description=f"Who decides, one after the other: {ALLOWED}. No default."
    )

    @model_validator(mode="after")
    def _says_what_matters(self) -> "MinuteScenario":
        if idle := sorted(IDLE & self.trace.model_fields_set):
            raise ValueError(f"a trace without `{to_camel(idle[0])}`, which does nothing on counts")
        return self

    @model_validator(mode="after")
    def _decide_on_counts(self) -> "MinuteScenario":
        for number, decider in enumerate(self.deciders):
            try:
                check(decider)
            except ValueError as error:
                raise ValueError(f"deciders that need nothing but counts; deciders[{number}]: {error}") from None
        return self

    def run(self, counts: MinuteCounts) -> tuple[MinuteResult, ...]:
        """Let every decider decide; results bear the deciders' names.

        Raises:
            ScenarioError: a decider's time is no whole number of the counts' steps.
            MinuteCountsError: a count is negative or absurd.
        """
        results = simulate_policies(counts, self._policies(counts.step_s))
        named = zip(results, self.deciders, strict=True)
        return tuple(replace(result, policy=title_of(decider)) for result, decider in named)

    def _policies(self, step_s: float) -> list[MinutePolicy]:
        found, problems = list[MinutePolicy](), list[Problem]()
        for number, decider in enumerate(self.deciders):
            try:
                found.append(policy_of(decider, step_s))
            except ValueError as error:
                wrong, _, allowed = str(error).partition("; ")
                allowed = allowed.removesuffix(" are allowed")
                problems.append(Problem(self.title or KIND, None, f"deciders[{number}]", wrong, allowed))
        if problems:
            raise ScenarioError(problems)
        return found


def parse(text: str, file: str) -> MinuteScenario:
    """Read the document.

    Raises:
        ScenarioError: with everything that is wrong, by line and field.
    """
    documents = read_documents(file, text)
    if len(documents) != 1:
        wrong = f"has {len(documents)} documents"
        raise ScenarioError([Problem(file, 1, "", wrong, f"one with `kind: {KIND}`; no policy decides here")])
    document = documents[0]
    if document.problems:
        allowed = f"one mapping with `kind: {KIND}`"
        found = document.problems
        raise ScenarioError([replace(one, allowed=allowed) if "apiVersion" in one.allowed else one for one in found])
    try:
        return MinuteScenario.model_validate(document.value)
    except ValidationError as error:
        problems = problems_of(error, MinuteScenario, file, document.lines)
        raise ScenarioError([_untagged(problem, document.lines) for problem in problems]) from error


def _untagged(problem: Problem, lines: Mapping[str, int]) -> Problem:
    """Take the `type` of a decider out of a path, where the models' union puts it, and name that decider's fields."""
    parts = problem.path.split(".")
    if not problem.path.startswith("deciders[") or len(parts) < 2 or parts[1] not in DECIDERS:
        return problem
    path = ".".join([parts[0], *parts[2:]])
    allowed = problem.allowed
    if problem.wrong == NO_FIELD:
        allowed = suggestion(parts[-1], field_names(DECIDERS[parts[1]], ()))
    return replace(problem, path=path, line=lines.get(path, problem.line), allowed=allowed)
