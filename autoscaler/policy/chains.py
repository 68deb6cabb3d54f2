"""Functions that start together: whom the `wake.with` of each names, and whom those name in turn."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.lanes import Shared
from autoscaler.policy.live_checks import Finding
from autoscaler.policy.plan import FunctionPlan, Plan
from autoscaler.policy.problems import Problem, shown

MOST_TOGETHER = 100
"""Functions that start with one at most, the nearest first: what one request starts costs everybody's next step."""


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """What starts together.

    Attributes:
        functions: what the shell needs of each function, by row, those that start with it included.
        problems: names that are no function of the tenant, by the place that says them.
    """

    functions: tuple[FunctionPlan, ...]
    problems: Mapping[str, tuple[Problem, ...]]


def chained(fleet: Fleet, shared: Shared) -> Chains:
    """Find what starts with each function: those it names, those that they name, and so on; cycles end by themselves.

    What is another tenant's is as if it were not there. A function that is never woken is not, nor by it others.

    Args:
        fleet: whose functions.
        shared: their rules.
    """
    plans = [rules.plan for rules in shared.distinct]
    functions = [plans[number] for number in shared.rows.tolist()]
    saying = [number for number, rules in enumerate(shared.distinct) if rules.wake_with]
    if not saying:
        return Chains(tuple(functions), {})
    walk = _Walk(fleet, shared)
    problems: dict[str, dict[str, Problem]] = defaultdict(dict)
    for row in np.flatnonzero(np.isin(shared.rows, saying)).tolist():
        if functions[row].wake_hold_s is None:
            continue
        found = walk.from_row(row)
        if len(found) > MOST_TOGETHER:
            problem = _too_many(walk.place(row), fleet.keys[row])
            problems[problem.file].setdefault(problem.path, problem)
        functions[row] = replace(functions[row], wake_with=tuple(fleet.keys[one] for one in found[:MOST_TOGETHER]))
    for problem in walk.unmet():
        problems[problem.file].setdefault(f"{problem.path} {problem.code}", problem)
    return Chains(tuple(functions), {place: tuple(named.values()) for place, named in problems.items()})


def chain_findings(plan: Plan) -> Iterator[Finding]:
    """Name what a plan's documents want to start together and cannot."""
    for problem in (problem for named in plan.unmet.values() for problem in named):
        yield Finding(problem, "Who calls it waits for a start of its own.", is_warning=True)


@dataclass(slots=True)
class _Walk:
    """Follows names from function to function, and remembers which of them ever led to one.

    Functions of one namespace under the same rules, 100,000 under a tenant's defaults, name the same ones: they are
    followed once for all of them.
    """

    fleet: Fleet
    shared: Shared
    _direct: dict[tuple[int, str], tuple[int, ...]] = field(default_factory=dict)
    _reached: dict[tuple[int, str], tuple[int, ...]] = field(default_factory=dict)
    _met: dict[tuple[int, int], str | None] = field(default_factory=dict)

    def from_row(self, row: int) -> Sequence[int]:
        """Give the rows that start with one, nearest first; one more than may, where there are too many."""
        alike = self._alike(row)
        if alike not in self._reached:
            found = dict.fromkeys(self._named_by(row))
            following = list(found)
            while following and len(found) <= MOST_TOGETHER + 1:
                named = (one for last in following for one in self._named_by(last) if one not in found)
                following = list(dict.fromkeys(named))
                found |= dict.fromkeys(following)
            self._reached[alike] = tuple(found)
        return [one for one in self._reached[alike] if one != row][: MOST_TOGETHER + 1]

    def place(self, row: int) -> str:
        """Say where it stands whom a function starts with it."""
        return self.shared.distinct[self.shared.rows.item(row)].fields["wake"].origin

    def unmet(self) -> Iterator[Problem]:
        """Name what is no function of the tenant, for whomever it is said, or one that is never woken."""
        for (number, position), wrong in self._met.items():
            if wrong is not None:
                rules = self.shared.distinct[number]
                name = shown(rules.wake_with[position])
                yield Problem(
                    rules.fields["wake"].origin, None, f"wake.with[{position}]", f"is {name}, {wrong}", _ALLOWED, _CODE
                )

    def _named_by(self, row: int) -> tuple[int, ...]:
        alike = self._alike(row)
        if alike not in self._direct:
            number = alike[0]
            names = self.shared.distinct[number].wake_with
            found = [self._find(row, name) for name in names]
            for position, one in enumerate(found):
                wrong = _NOBODY if one is None else None if self._may_wake(one) else _NEVER
                # A tenant's default is meant where one of its namespaces has such a function.
                self._met[number, position] = wrong and self._met.get((number, position), wrong)
            self._direct[alike] = tuple(one for one in found if one is not None and self._may_wake(one))
        return self._direct[alike]

    def _alike(self, row: int) -> tuple[int, str]:
        """Tell what the names that a function gives depend on: its rules and its namespace."""
        return self.shared.rows.item(row), self.fleet.keys[row].namespace

    def _find(self, row: int, name: str) -> int | None:
        """Give the row that a function means by a name; None: its tenant has no such one."""
        namespace, _, own = name.rpartition("/")
        found = self.fleet.row_of.get(FunctionKey(namespace or self.fleet.keys[row].namespace, own))
        is_theirs = found is not None and self.fleet.tenant[found] == self.fleet.tenant[row]
        return found if is_theirs else None

    def _may_wake(self, row: int) -> bool:
        return self.shared.distinct[self.shared.rows.item(row)].plan.wake_hold_s is not None


def _too_many(place: str, key: FunctionKey) -> Problem:
    wrong = f"starts more than {MOST_TOGETHER} functions with {key}, one by another; those furthest off are left out"
    return Problem(place, None, "wake.with", wrong, f"{MOST_TOGETHER} functions that start with one", _CODE)


_NOBODY = "which is no function of this tenant"
_NEVER = "which is never woken (wake: null)"
_ALLOWED = "NAME of a function of the same namespace, or NAMESPACE/NAME, of the same tenant"
_CODE = "NotStartedWith"
