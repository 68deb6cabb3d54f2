"""Knative's autoscaler, recorded: our core decides the same, and so does an account of its rules in plain Python."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.simulator.comparison import compare
from autoscaler.simulator.recordings import KpaSequence, read_kpa
from autoscaler.simulator.replayed_kpa import kpa_answers
from tests.golden.knative_scale import KnativeScaler

RECORDING = Path(__file__).parent / "recordings" / "knative_kpa_decisions.jsonl.gz"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    with gzip.open(RECORDING, "rt") as text:
        return list(text)


@pytest.fixture(scope="module")
def sequences(lines: list[str]) -> tuple[KpaSequence, ...]:
    return read_kpa(lines, RECORDING.name)


def replayed(sequence: dict[str, Any]) -> list[int]:
    """Let the plain account decide a sequence; it is born within the tick before the first step."""
    scaler = KnativeScaler.begin(sequence["spec"], sequence["steps"][0]["t"] - 2)
    return [scaler.step(step["t"], step["stable"], step["panic"], step["ready"]) for step in sequence["steps"]]


def test_the_plain_account_of_knative_is_right(lines: list[str]) -> None:
    """The oracle answers every step of every sequence as the real code did."""
    recorded = [json.loads(line) for line in lines]
    assert len(recorded) == 150
    for sequence in recorded:
        assert replayed(sequence) == [step["desired"] for step in sequence["steps"]], sequence["name"]


def test_the_core_decides_as_knative_did(sequences: tuple[KpaSequence, ...]) -> None:
    """With Knative's rules alone switched on, the core gives the recorded replicas at every step."""
    comparison = compare(sequences, kpa_answers(sequences))
    assert str(comparison) == "150 of 150 sequences identical", "\n".join(map(str, comparison.differences))


def test_no_row_looks_at_another(sequences: tuple[KpaSequence, ...]) -> None:
    """A sequence alone in its fleet gets the answers that it gets among others."""
    few = sequences[::30]
    together = kpa_answers(few)
    assert [kpa_answers([sequence])[0] for sequence in few] == together


def test_sequences_of_different_times_keep_their_order(sequences: tuple[KpaSequence, ...]) -> None:
    """Sequences whose steps are at other times are decided by themselves, and answered in the recording's order."""
    short = sequences[1].model_copy(update={"steps": sequences[1].steps[:5]})
    answers = kpa_answers([sequences[0], short, sequences[2]])
    assert [len(found) for found in answers] == [180, 5, 180]
    assert answers[1] == kpa_answers([sequences[1]])[0][:5]
