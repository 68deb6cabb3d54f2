"""What became of a test: what differs from what was expected, and what was decided around it."""

from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason


class Decided(NamedTuple):
    """A decision in short.

    Attributes:
        at_s: seconds of the test.
        is_tick: whether a full tick decided it, or a step between ticks.
        requested: `spec.replicas` that was found.
        ready: replicas that could serve.
        desired: the result.
        reason: what bound it.
    """

    at_s: float
    is_tick: bool
    requested: int
    ready: int
    desired: int
    reason: Reason


class Difference(NamedTuple):
    """A field that is not as expected, in words of the test file."""

    field: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold.

    Attributes:
        path: of the expectation, `tests[0].expect[2]`.
        line: of it.
        at_s: when it first does not hold, seconds of the test.
        function: whose.
        same: fields that are as expected, and their values.
        differences: fields that are not.
        record: the decision that was looked at; None: there was none.
        around: decisions before and after it, where they changed something, in order of time; it is one of them.
        more: how often else within its span it does not hold.
    """

    path: str
    line: int
    at_s: float
    function: FunctionKey
    same: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    record: DecisionRecord | None
    around: tuple[Decided, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test, run.

    Attributes:
        name: the test's.
        why: what it shows; empty: it does not say.
        file: where it stands.
        line: likewise.
        expectations: how many it has.
        failures: those that do not hold, in order of the file; none: it passed.
        ticks: full ticks that were made.
    """

    name: str
    why: str
    file: str
    line: int
    expectations: int
    failures: tuple[Failure, ...]
    ticks: int

    @property
    def has_passed(self) -> bool:
        return not self.failures
