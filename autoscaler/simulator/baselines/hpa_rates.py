"""How fast an HPA may scale: its memory of its own changes, and the limits that its policies make of it."""

import math

from autoscaler.core.lanes import Select
from autoscaler.simulator.baselines.hpa_spec import HpaDirection


class Changes:
    """An HPA's own changes in one direction: (replicas, when).

    The list is not a queue. A new change takes the place of the **last** stale one and is appended only where none is
    stale. Other stale ones stay, and still count in the opposite direction if its periods are longer; the one whose
    place was taken is lost to them.
    """

    def __init__(self) -> None:
        self._changes: list[tuple[int, float]] = []

    def add(self, replicas: int, now_s: float, longest_period_s: float) -> None:
        """Keep a change; what is older than the longest period of the direction's own policies is stale."""
        stale = [at for at, (_, when_s) in enumerate(self._changes) if now_s - when_s > longest_period_s]
        if stale:
            self._changes[stale[-1]] = (replicas, now_s)
        else:
            self._changes.append((replicas, now_s))

    def within(self, period_s: float, now_s: float) -> int:
        """Sum the replicas of all changes younger than a period; one exactly as old as it no longer counts."""
        return sum(replicas for replicas, when_s in self._changes if now_s - when_s < period_s)


class Rates:
    """The limits of both directions, from the changes of both."""

    def __init__(self) -> None:
        self._ups = Changes()
        self._downs = Changes()

    def remember(self, before: int, after: int, up: HpaDirection, down: HpaDirection, now_s: float) -> None:
        """Keep a change that was written to the scale."""
        changes, direction = (self._ups, up) if after > before else (self._downs, down)
        longest_s = max((policy.period_s for policy in direction.policies or ()), default=0.0)
        changes.add(abs(after - before), now_s, longest_s)

    def ceiling(self, up: HpaDirection, current: int, now_s: float) -> int:
        """Give the most replicas that growth may reach now.

        Percent is a product of doubles, rounded up: 10 % on 50 gives 56, since 50 * 1.1 is above 55.
        """
        if up.select == Select.DISABLED:
            return current
        limits = [
            math.ceil(base * (1 + policy.value / 100)) if policy.is_percent else base + policy.value
            for policy in up.policies or ()
            for base in [self._base(current, policy.period_s, now_s)]
        ]
        return min(limits) if up.select == Select.MIN else max(limits)

    def floor(self, down: HpaDirection, current: int, now_s: float) -> int:
        """Give the fewest replicas that shrinkage may reach now.

        Percent is a product of doubles, cut towards zero: 80 % off 10 leaves 1, since 10 * (1 - 0.8) is below 2.
        """
        if down.select == Select.DISABLED:
            return current
        limits = [
            math.trunc(base * (1 - policy.value / 100)) if policy.is_percent else base - policy.value
            for policy in down.policies or ()
            for base in [self._base(current, policy.period_s, now_s)]
        ]
        return max(limits) if down.select == Select.MIN else min(limits)

    def _base(self, current: int, period_s: float, now_s: float) -> int:
        """Work out what ran when the period began, if nobody else changed it: else it may be any number, even below 0."""
        return current - self._ups.within(period_s, now_s) + self._downs.within(period_s, now_s)
