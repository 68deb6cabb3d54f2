"""Our core on the HPA's recordings: where it differs first, a named choice says why (docs/decisions/0001-hpa-quirks.md)."""

import gzip
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from autoscaler.simulator.comparison import Comparison, compare
from autoscaler.simulator.recordings import HpaSequence, read_hpa
from tests.golden.core_as_hpa import core_answers
from tests.golden.hpa_choices import Choice, chosen_answers

FOLDER = Path(__file__).parent
ADR = FOLDER.parents[1] / "docs" / "decisions" / "0001-hpa-quirks.md"
EXPLAINED = {
    (Choice.LEFT_OUT_IS_EMPTY,): 41,
    (Choice.NO_CHANGE_IS_LOST,): 17,
    (Choice.ZERO_IS_NO_SWITCH,): 7,
    (Choice.BOUNDS_COME_LAST,): 4,
    (Choice.PERCENT_LEAVES_ZERO,): 4,
    (Choice.UNKNOWN_REPEATS,): 3,
    (Choice.PERCENT_LEAVES_ZERO, Choice.ZERO_IS_NO_SWITCH): 1,
}
"""How many sequences differ first because of which choices; the fewest that explain the step."""


@pytest.fixture(scope="module")
def sequences() -> tuple[HpaSequence, ...]:
    with gzip.open(FOLDER / "recordings" / "hpa_decisions.jsonl.gz", "rt") as text:
        return read_hpa(text, "hpa_decisions.jsonl.gz")


@pytest.fixture(scope="module")
def comparison(sequences: tuple[HpaSequence, ...]) -> Comparison:
    return compare(sequences, core_answers(sequences))


def few_choices() -> Iterator[tuple[Choice, ...]]:
    """All single choices, then all pairs."""
    return (some for size in (1, 2) for some in combinations(Choice, size))


def test_every_first_difference_is_explained_by_a_choice(
    sequences: tuple[HpaSequence, ...], comparison: Comparison
) -> None:
    """At the first step that differs, the HPA's own account with one choice made, or two, gives our answer."""
    named = {sequence.name: sequence for sequence in sequences}
    explained: Counter[tuple[Choice, ...]] = Counter()
    for found in comparison.differences:
        reasons = (one for one in few_choices() if chosen_answers(named[found.name], one)[found.step] == found.got)
        why = next(reasons, None)
        assert why is not None, f"no choice explains {found}"
        explained[why] += 1
    assert dict(explained) == EXPLAINED


def test_without_a_choice_the_account_is_the_recorded_one(sequences: tuple[HpaSequence, ...]) -> None:
    """With no choice made, the account that explains is the HPA's own."""
    for sequence in sequences[::5]:
        assert chosen_answers(sequence, ()) == [step.desired for step in sequence.steps]


def test_a_difference_without_a_reason_is_not_explained(
    sequences: tuple[HpaSequence, ...], comparison: Comparison
) -> None:
    """One replica more than our answer is explained nowhere: the choices do not allow just anything."""
    named = {sequence.name: sequence for sequence in sequences}
    for found in comparison.differences[::8]:
        answers = {chosen_answers(named[found.name], one)[found.step] for one in few_choices()}
        assert answers <= {found.expected, found.got}, found


@pytest.mark.parametrize("choice", Choice)
def test_every_choice_has_its_reason_in_the_decision_record(choice: Choice) -> None:
    """The ADR names each choice in the very words of the test."""
    assert f"**{choice}**" in ADR.read_text()
