"""The plan of a test, made anew when labels change, a function appears, or its schedules run out."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from autoscaler.core.columns import Bools
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.functions import tenant_of
from autoscaler.policy.loading import PolicySet
from autoscaler.policy.plan import Plan
from autoscaler.policy.problems import Problem, suggestion
from autoscaler.policy.settings import PoolSettings
from autoscaler.simulator.policy_tests.documents import Case, FunctionInput, key_of
from autoscaler.simulator.policy_tests.loads import Loads, lanes_of
from autoscaler.simulator.policy_tests.reading import Suite

_AHEAD_S = 60.0
"""How long before schedules run out a plan is made anew."""


class Planned(NamedTuple):
    """A plan, and how its lanes are called in the input (`loads.lanes_of`)."""

    plan: Plan
    lanes: Sequence[str | None]
    proves: Bools


class Planning:
    """Compiles the documents of a test for the functions that there are."""

    def __init__(
        self,
        policies: PolicySet,
        pools: Mapping[str, PoolSettings] | None,
        loads: Loads,
        deployed: Sequence[Deployed],
    ) -> None:
        self._policies, self._loads = policies, loads
        self._deployed = {one.key: one for one in deployed}
        self._compiler = Compiler(pools)
        self._created = sorted(one.created_s for one in deployed if one.created_s is not None)
        self._stale_s = -math.inf
        self.planned: Planned

    def change(self, key: FunctionKey, change: Callable[[Deployed], Deployed]) -> None:
        """Change a Deployment; the next plan has it."""
        self._deployed[key] = change(self._deployed[key])
        self._stale_s = -math.inf

    def plan_at(self, utc_s: float) -> Planned:
        """Give the plan that holds at a moment of the calendar."""
        if utc_s >= self._stale_s:
            there = [one for one in self._deployed.values() if one.created_s is None or one.created_s <= utc_s]
            plan = self._compiler.compile(self._policies, there, utc_s)
            self.planned = Planned(plan, *lanes_of(plan, self._loads))
            self._stale_s = min([plan.known_until_s - _AHEAD_S, *(one for one in self._created if one > utc_s)])
        return self.planned

    def is_dry_run(self, key: FunctionKey) -> bool:
        """Tell whether decisions on a function are recorded and not written."""
        plan = self.planned.plan
        row = plan.fleet.row_of.get(key)
        return row is None or plan.functions[row].dry_run

    def problems(self) -> tuple[Problem, ...]:
        """Give what is wrong with labels and annotations."""
        return self._compiler.problems

    def contradictions(self, suite: Suite, path: str, case: Case) -> Iterator[Problem]:
        """Find functions that no tenant has, metrics that nothing uses, and metrics that the input says nothing of."""
        for one in self._deployed.values():
            if tenant_of(one, self._policies.namespaces) is None:
                yield self._homeless(suite, path, case, one.key)
        for name, said in case.input.items():
            key, place = key_of(name), f"{path}.input.{name}"
            if key in self.planned.plan.fleet.row_of:
                yield from self._unsaid(suite, place, key, said)
                yield from self._unused(suite, place, key)

    def _unsaid(self, suite: Suite, place: str, key: FunctionKey, said: FunctionInput) -> Iterator[Problem]:
        fleet = self.planned.plan.fleet
        row, rules = fleet.row_of[key], self._compiler.rules(key)
        origin = rules.fields["metrics"].origin if rules is not None else "its policy"
        for name, target in (("rps", fleet.rules.target_rps), ("concurrency", fleet.rules.target_concurrency)):
            is_said = getattr(said, name) is not None or any(getattr(span, name) is not None for span in said.spans)
            if target[row] < math.inf and not is_said:
                wrong = f"is missing, and its policy scales by it ({origin})"
                yield suite.problem(f"{place}.{name}", wrong, f"`{name}:` with a series; _ for unknown")
        for lane in self._lanes(key):
            if self.planned.lanes[lane] is None:
                wrong = f"is missing, and its policy scales by it ({origin})"
                yield suite.problem(f"{place}.others.{fleet.others.names[lane]}", wrong, "a series; _ for unknown")

    def _lanes(self, key: FunctionKey) -> list[int]:
        fleet = self.planned.plan.fleet
        return [lane for lane, row in enumerate(fleet.others.rows.tolist()) if row == fleet.row_of[key]]

    def _unused(self, suite: Suite, place: str, key: FunctionKey) -> Iterator[Problem]:
        lanes = self._lanes(key)
        used = {self.planned.lanes[lane] for lane in lanes}
        for name in self._loads.others(key):
            if name not in used:
                known = [self.planned.plan.fleet.others.names[lane] for lane in lanes]
                wrong = "is no metric that its policy scales by"
                yield suite.problem(f"{place}.others.{name}", wrong, suggestion(name, known) if known else "none")

    def _homeless(self, suite: Suite, path: str, case: Case, key: FunctionKey) -> Problem:
        functions, place = (
            (case.functions, f"{path}.functions") if case.functions else (suite.tests.functions, "functions")
        )
        position = next(number for number, one in enumerate(functions) if one.key == key)
        namespaces = self._policies.namespaces
        if key.namespace in namespaces:
            return suite.problem(f"{place}[{position}]", f"{key} is marked as no function", "no such label")
        allowed = suggestion(key.namespace, namespaces) or "a namespace that some Tenant lists"
        return suite.problem(f"{place}[{position}].name", f"no tenant has namespace {key.namespace}", allowed)
