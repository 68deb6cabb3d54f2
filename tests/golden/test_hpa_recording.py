"""Kubernetes' HPA, recorded: the baseline decides the same, and says the same."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.core.lanes import Select
from autoscaler.simulator.baselines.hpa_spec import HpaBehavior, HpaDirection, HpaPolicy, completed
from autoscaler.simulator.comparison import compare
from autoscaler.simulator.recordings import HpaSequence, read_hpa
from autoscaler.simulator.replayed_hpa import hpa_answers, hpa_outcomes, hpa_spec

RECORDING = Path(__file__).parent / "recordings" / "hpa_decisions.jsonl.gz"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    with gzip.open(RECORDING, "rt") as text:
        return list(text)


@pytest.fixture(scope="module")
def sequences(lines: list[str]) -> tuple[HpaSequence, ...]:
    return read_hpa(lines, RECORDING.name)


def test_the_baseline_decides_as_the_hpa_did(sequences: tuple[HpaSequence, ...]) -> None:
    """The baseline gives the recorded replicas at every step of every sequence."""
    assert str(compare(sequences, hpa_answers(sequences))) == "150 of 150 sequences identical"


def test_the_baseline_says_what_the_hpa_said(lines: list[str], sequences: tuple[HpaSequence, ...]) -> None:
    """All conditions stand after every step as they were recorded: able, active, limited, scaled to zero."""
    names = ("able_reason", "active_reason", "limited_reason", "scaled_to_zero")
    for line, sequence in zip(lines, sequences, strict=True):
        for step, found in zip(json.loads(line)["steps"], hpa_outcomes(sequence), strict=True):
            got = (found.able, found.active, found.limited, found.is_zeroed)
            assert got == tuple(step[name] for name in names), f"{sequence.name} t={step['t']}"


def test_what_is_left_out_of_a_behavior_is_completed_as_the_api_server_does(
    lines: list[str], sequences: tuple[HpaSequence, ...]
) -> None:
    """Of what a user wrote, `completed` makes the behavior that was recorded beside it."""
    for line, sequence in zip(lines, sequences, strict=True):
        written = json.loads(line)["spec"]["behavior"]
        assert hpa_spec(sequence.spec).behavior == as_written(written), sequence.name


def as_written(behavior: dict[str, Any] | None) -> HpaBehavior | None:
    return None if behavior is None else completed(direction(behavior["scale_up"]), direction(behavior["scale_down"]))


def direction(written: dict[str, Any] | None) -> HpaDirection | None:
    if written is None:
        return None
    policies, select = written["policies"], written["select_policy"]
    return HpaDirection(
        written["stabilization_window_seconds"],
        None if select is None else Select[select.upper()],
        None if policies is None else tuple(map(policy, policies)),
        written["tolerance"],
    )


def policy(written: dict[str, Any]) -> HpaPolicy:
    return HpaPolicy(written["type"] == "Percent", written["value"], written["period_seconds"])
