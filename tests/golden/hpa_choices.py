"""Where our core decides otherwise than Kubernetes' HPA on purpose, each choice as a change of the HPA's own account.

The words are in docs/decisions/0001-hpa-quirks.md.
"""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

from autoscaler.simulator.baselines.hpa import Hpa
from autoscaler.simulator.baselines.hpa_rates import Changes, Rates
from autoscaler.simulator.baselines.hpa_spec import Able, HpaDirection, HpaSight, HpaSpec, completed
from autoscaler.simulator.recordings import HpaSequence
from autoscaler.simulator.replayed_hpa import hpa_spec, sights


class Choice(StrEnum):
    """A choice, by the name it has in the ADR."""

    LEFT_OUT_IS_EMPTY = "a behavior that is left out is an empty one"
    NO_CHANGE_IS_LOST = "no own change is lost by overwriting"
    BOUNDS_COME_LAST = "min and max bind the outcome and skip nothing"
    PERCENT_LEAVES_ZERO = "percent alone leads out of zero"
    ZERO_IS_NO_SWITCH = "a zero is a count like any other"
    UNKNOWN_REPEATS = "an unknown load repeats the last recommendation"


class _AllChanges(Changes):
    """Own changes of which none takes another's place."""

    def add(self, replicas: int, now_s: float, longest_period_s: float) -> None:
        super().add(replicas, now_s, float("inf"))


class _Rates(Rates):
    """Limits with some choices made."""

    def __init__(self, choices: Collection[Choice]) -> None:
        super().__init__()
        self._choices = choices
        if Choice.NO_CHANGE_IS_LOST in choices:
            self._ups, self._downs = _AllChanges(), _AllChanges()

    def ceiling(self, up: HpaDirection, current: int, now_s: float) -> int:
        has_percent = any(policy.is_percent for policy in up.policies or ())
        least = 1 if has_percent and Choice.PERCENT_LEAVES_ZERO in self._choices else -(2**31)
        return max(super().ceiling(up, current, now_s), least)


class ChosenHpa(Hpa):
    """The HPA with some of our choices made."""

    def __init__(self, spec: HpaSpec, choices: Collection[Choice]) -> None:
        if Choice.LEFT_OUT_IS_EMPTY in choices and spec.behavior is None:
            spec = replace(spec, behavior=completed(None, None))
        super().__init__(spec)
        self._choices = choices
        self._rates = _Rates(choices)

    def _decide(self, now_s: float, sight: HpaSight) -> tuple[int, Able]:
        low, high = self._spec.min_replicas, self._spec.max_replicas
        if sight.current == 0 and Choice.ZERO_IS_NO_SWITCH in self._choices:
            self._is_zeroed = True
            desired, able = super()._decide(now_s, sight)
            return max(desired, low), able
        if sight.current > 0 and Choice.BOUNDS_COME_LAST in self._choices:
            self._spec = replace(self._spec, min_replicas=0, max_replicas=2**31 - 1)
            desired, able = super()._decide(now_s, sight)
            self._spec = replace(self._spec, min_replicas=low, max_replicas=high)
            return min(max(desired, low), high), able
        return super()._decide(now_s, sight)

    def step_unknown(self, now_s: float) -> None:
        """Tell that the round that follows has no metric."""
        if Choice.UNKNOWN_REPEATS in self._choices and self._wanted:
            self._wanted.append((self._wanted[-1][0], now_s))


def chosen_answers(sequence: HpaSequence, choices: Collection[Choice]) -> list[int]:
    """Give what the HPA would answer with these choices made, to what the recording saw."""
    hpa = ChosenHpa(hpa_spec(sequence.spec), choices)
    answers = []
    for now_s, sight in sights(sequence):
        if sight.metric_milli is None:
            hpa.step_unknown(now_s)
        answers.append(hpa.step(now_s, sight).desired)
    return answers
