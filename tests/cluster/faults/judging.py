"""What a run may never show, as pure functions of what was recorded and of the load that there really was."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tests.servers.recorder import NOBODY, OURS, Change

Key = tuple[str, str]
"""Namespace and name."""

_STEP_S = 0.1
_MEASURED = 0.15


@dataclass(frozen=True)
class Rule:
    """What the policy under test asks for; one for all functions of a run.

    Attributes:
        target: requests/s of one replica.
        most: largest count; the smallest is 0.
        stable_s: averaging window.
        scrape_s: interval of scrapes; of a rate's range so much is not covered, and lies before the first of them.
        stabilization_s: look-back of cuts.
        zero_after_s: silence before zero.
        tick_s: interval of decisions.
        lag_s: how old the load may be that a write in sight was decided from: scrape, tick and the request deadline.
    """

    target: float = 10.0
    most: int = 8
    stable_s: float = 4.0
    scrape_s: float = 1.0
    stabilization_s: float = 2.0
    zero_after_s: float = 6.0
    tick_s: float = 0.5
    lag_s: float = 6.0

    def wants(self, per_s: float) -> int:
        """Give what a fresh daemon whose windows are full of this load decides."""
        return min(self.most, math.ceil(per_s / self.target))

    @property
    def looked_back_s(self) -> float:
        """Stretch of load that the look-back of a cut surely sees.

        It looks back over the ticks of `stabilization_s`. The oldest of them is up to one tick later than that, and
        saw the load of a scrape that was just made; the newest may see one that is a whole interval old.
        """
        return max(0.0, self.stabilization_s - self.tick_s - self.scrape_s)

    @property
    def settle_s(self) -> float:
        """Time after which replicas must be right once faults are over and load is constant."""
        return self.stable_s + self.stabilization_s + 2 * self.tick_s


@dataclass
class TrueLoad:
    """Requests per second that there really were, piecewise constant, by function; 0 before the first.

    Attributes:
        steps: (since when in monotonic seconds, requests/s), oldest first.
    """

    steps: dict[Key, list[tuple[float, float]]] = field(default_factory=dict)

    def change(self, key: Key, at_s: float, per_s: float) -> None:
        """Note that a function is called this often from now on."""
        self.steps.setdefault(key, []).append((at_s, per_s))

    def mean(self, key: Key, start_s: float, end_s: float) -> float:
        """Give the mean over a stretch of time."""
        steps = self.steps.get(key, [])
        ends = [*(at_s for at_s, _ in steps), math.inf][1:]
        calls = sum(
            max(0.0, min(end_s, until_s) - max(start_s, at_s)) * per_s
            for (at_s, per_s), until_s in zip(steps, ends, strict=True)
        )
        return calls / (end_s - start_s)

    def is_constant(self, key: Key, start_s: float, end_s: float) -> bool:
        """Tell whether it did not change within a stretch of time."""
        return not any(start_s < at_s <= end_s for at_s, _ in self.steps.get(key, []))


def least_allowed(key: Key, at_s: float, load: TrueLoad, rule: Rule) -> int:
    """Give the smallest count that the load gives any reason for at a moment.

    For every lag that a right daemon may have: the largest of the window means within what the look-back sees, and at
    least one replica unless it was silent for as long as zero takes. A rate measured from a few scrapes is off by
    up to a seventh of a replica's target, or of the rate.
    """
    return min(_asked(key, at_s - _STEP_S * step, load, rule) for step in range(round(rule.lag_s / _STEP_S) + 1))


def _asked(key: Key, at_s: float, load: TrueLoad, rule: Rule) -> int:
    ends_s = [at_s - _STEP_S * step for step in range(round(rule.looked_back_s / _STEP_S) + 1)]
    per_s = max(load.mean(key, end_s - rule.stable_s + rule.scrape_s, end_s) for end_s in ends_s)
    asked = rule.wants(max(0.0, per_s - _MEASURED * max(rule.target, per_s)))
    is_silent = load.mean(key, at_s - rule.zero_after_s, at_s) == 0
    return max(asked, 0 if is_silent else 1)


def is_ours(change: Change) -> bool:
    """Tell whether the daemon wrote it; where nobody is named it did, for the others of a test have names."""
    return change.manager in (OURS, NOBODY)


def unjustified_shrinks(changes: Iterable[Change], load: TrueLoad, rule: Rule) -> list[Change]:
    """Give our cuts below what load gives a reason for; 0 is the only right number of them."""
    return [
        change
        for change in changes
        if is_ours(change)
        and change.new < change.old
        and change.new < least_allowed((change.namespace, change.name), change.at_s, load, rule)
    ]


def trespasses(changes: Iterable[Change], touched: Iterable[Key], claimed: Collection[str]) -> list[Key]:
    """Give what we wrote to in namespaces that no tenant claims, even if it changed nothing."""
    written = {(change.namespace, change.name) for change in changes if is_ours(change)}
    return sorted(key for key in written | set(touched) if key[0] not in claimed)


def oscillations(changes: Iterable[Change], load: TrueLoad, rule: Rule, window_s: float = 20.0) -> list[list[Change]]:
    """Give every up-down-up or down-up-down of ours within a window, load having been constant since it settled."""
    found = []
    ours = sorted((change for change in changes if is_ours(change)), key=_identity)
    for (namespace, name, _), group in groupby(ours, key=_identity):
        turns = _turns(list(group))
        for three in zip(turns, turns[1:], turns[2:], strict=False):
            start_s, end_s = three[0].at_s, three[2].at_s
            settled_s = start_s - rule.settle_s - rule.lag_s
            if end_s - start_s <= window_s and load.is_constant((namespace, name), settled_s, end_s):
                found.append(list(three))
    return found


def _identity(change: Change) -> tuple[str, str, str]:
    return change.namespace, change.name, change.uid


def _turns(changes: Sequence[Change]) -> list[Change]:
    """Give the first change of every run in one direction."""
    return [
        change
        for before, change in zip([None, *changes[:-1]], changes, strict=True)
        if before is None or (before.new > before.old) != (change.new > change.old)
    ]
