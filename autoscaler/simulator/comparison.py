"""Recorded decisions beside those that we make of the same sights: where a sequence differs first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.simulator.recordings import HpaSequence, KpaSequence


class Answer(NamedTuple):
    """What we decide at one step.

    Attributes:
        desired: replicas.
        reason: code of what bound it.
    """

    desired: int
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step at which a sequence is not the recorded one; what follows is its consequence.

    Attributes:
        name: the sequence.
        step: position of the step, from 0.
        t: its time, seconds.
        expected: `desired` of the recording.
        got: ours.
        reason: code of what bound ours.
    """

    name: str
    step: int
    t: float
    expected: int
    got: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: differs first at t={self.t:g}: expected {self.expected}, got {self.got} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All sequences of a recording, compared.

    Attributes:
        sequences: how many there are.
        differences: the first difference of each that differs, in the recording's order.
    """

    sequences: int
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> int:
        return self.sequences - len(self.differences)

    def __str__(self) -> str:
        return f"{self.identical} of {self.sequences} sequences identical"


def first_difference(sequence: KpaSequence | HpaSequence, answers: Sequence[Answer]) -> Difference | None:
    """Give the first step whose `desired` differs; None: the sequence is identical.

    Args:
        sequence: what was recorded.
        answers: ours, one for each step.
    """
    for number, ours in enumerate(answers):
        step = sequence.steps[number]
        if ours.desired != step.desired:
            return Difference(sequence.name, number, step.t, step.desired, ours.desired, ours.reason)
    return None


def compare(
    sequences: Sequence[KpaSequence] | Sequence[HpaSequence], answers: Sequence[Sequence[Answer]]
) -> Comparison:
    """Compare all sequences with our answers to them, one list of answers for each."""
    differences: list[Difference] = []
    for number, ours in enumerate(answers):
        found = first_difference(sequences[number], ours)
        if found is not None:
            differences.append(found)
    return Comparison(len(sequences), tuple(differences))
