"""Recordings are read strictly: what is wrong is told with its line, its field and what is allowed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.policy.problems import Problem
from autoscaler.simulator.comparison import Answer, compare, first_difference
from autoscaler.simulator.recordings import RecordingError, read_hpa, read_kpa
from autoscaler.simulator.replayed_hpa import hpa_outcomes, hpa_spec

KPA: dict[str, Any] = {
    "name": "revision",
    "spec": {
        "metric": "rps",
        "target_value": 7,
        "total_value": 10,
        "max_scale_up_rate": 10,
        "max_scale_down_rate": 2,
        "panic_threshold": 2,
        "stable_window_seconds": 60,
        "scale_down_delay_seconds": 0,
        "activation_scale": 1,
        "target_burst_capacity": 211,
        "initial_ready": 1,
    },
    "steps": [
        {"t": 2, "stable": 3.5, "panic": 4, "ready": 1, "desired": 1, "excess_burst_capacity": -3},
        {"t": 4, "stable": 9.25, "panic": 9.5, "ready": 1, "desired": 2, "excess_burst_capacity": -8},
    ],
}
POLICIES: list[dict[str, Any]] = [{"type": "Percent", "value": 100, "period_seconds": 15}]
DIRECTION: dict[str, Any] = {
    "stabilization_window_seconds": 0,
    "select_policy": "Max",
    "policies": POLICIES,
    "tolerance": None,
}
HPA: dict[str, Any] = {
    "name": "workload",
    "spec": {
        "min_replicas": 1,
        "max_replicas": 20,
        "metric_kind": "external_average_value",
        "target_value": 10,
        "default_tolerance": 0.1,
        "default_scale_down_stabilization_seconds": 300,
        "sync_period_seconds": 15,
        "behavior": None,
        "effective_behavior": {"scale_up": DIRECTION, "scale_down": DIRECTION | {"stabilization_window_seconds": None}},
    },
    "steps": [
        {"t": 0, "total": 33, "current": 2, "desired": 4},
        {"t": 15, "total": None, "current": 4, "desired": 4},
    ],
}


def text_of(sequence: dict[str, Any], spoil: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    spoiled = json.loads(json.dumps(sequence))  # a copy in which nothing is shared
    spoil(spoiled)
    return json.dumps(spoiled)


def problems(read: Callable[[list[str], str], object], *lines: str) -> tuple[Problem, ...]:
    with pytest.raises(RecordingError) as caught:
        read(list(lines), "some.jsonl")
    return caught.value.problems


def test_whole_sequences_are_read_and_further_fields_ignored() -> None:
    """Both formats are read, with empty lines between and with fields that nothing needs."""
    assert [one.name for one in read_kpa([text_of(KPA), "\n", text_of(KPA)], "a")] == ["revision", "revision"]
    assert read_hpa([text_of(HPA)], "a")[0].steps[1].total is None


@pytest.mark.parametrize(
    ("spoil", "path", "wrong"),
    [
        (lambda it: it.pop("name"), "name", "is missing"),
        (lambda it: it["steps"][1].pop("panic"), "steps[1].panic", "is missing"),
        (lambda it: it["steps"][1].update(stable=None), "steps[1].stable", "is None"),
        (lambda it: it["steps"][0].update(stable=-1), "steps[0].stable", "is -1"),
        (lambda it: it["steps"][0].update(stable=float("nan")), "steps[0].stable", "is nan"),
        (lambda it: it["steps"][0].update(ready=1.5), "steps[0].ready", "is 1.5"),
        (lambda it: it["steps"][0].update(desired="1"), "steps[0].desired", "is '1'"),
        (lambda it: it["steps"][0].update(desired=2**31), "steps[0].desired", "is 2147483648"),
        (lambda it: it["steps"][1].update(t=2), "", "its fields contradict each other"),
        (lambda it: it.update(steps=[]), "steps", "is empty"),
        (lambda it: it["spec"].update(metric="cpu"), "spec.metric", "is 'cpu'"),
        (lambda it: it["spec"].update(target_value=0), "spec.target_value", "is 0"),
        (lambda it: it["spec"].update(max_scale_down_rate=0.9), "spec.max_scale_down_rate", "is 0.9"),
        (lambda it: it["spec"].pop("initial_ready"), "spec.initial_ready", "is missing"),
    ],
)
def test_a_bad_field_of_a_revision_is_told(spoil: Callable[[dict[str, Any]], object], path: str, wrong: str) -> None:
    """The second line's bad field is named, with what is allowed."""
    found = problems(read_kpa, text_of(KPA), text_of(KPA, spoil))
    assert [(one.file, one.line, one.path, one.wrong) for one in found] == [("some.jsonl", 2, path, wrong)]
    assert found[0].allowed


@pytest.mark.parametrize(
    ("spoil", "path", "wrong"),
    [
        (lambda it: it["steps"][1].pop("total"), "", "its fields contradict each other"),
        (
            lambda it: it["spec"].update(metric_kind="external_value"),
            "",
            "its fields contradict each other",
        ),
        (lambda it: it["steps"][1].update(total="9"), "steps[1].total", "is '9'"),
        (lambda it: it["spec"].update(metric_kind="cpu"), "spec.metric_kind", "is 'cpu'"),
        (lambda it: it["spec"].update(min_replicas=21), "spec", "its fields contradict each other"),
        (lambda it: it["spec"].update(target_value=0.0001), "spec.target_value", "is 0.0001"),
        (lambda it: it["spec"].pop("effective_behavior"), "spec.effective_behavior", "is missing"),
        (
            lambda it: it["spec"]["effective_behavior"].update(scale_up=None),
            "spec.effective_behavior.scale_up",
            "is None",
        ),
        (
            lambda it: it["spec"]["effective_behavior"]["scale_up"].update(policies=[]),
            "spec.effective_behavior.scale_up.policies",
            "is empty",
        ),
        (
            lambda it: it["spec"]["effective_behavior"]["scale_up"].update(stabilization_window_seconds=None),
            "spec.effective_behavior.scale_up.stabilization_window_seconds",
            "is None",
        ),
        (
            lambda it: it["spec"]["effective_behavior"]["scale_up"]["policies"][0].update(period_seconds=0),
            "spec.effective_behavior.scale_up.policies[0].period_seconds",
            "is 0",
        ),
    ],
)
def test_a_bad_field_of_an_hpa_is_told(spoil: Callable[[dict[str, Any]], object], path: str, wrong: str) -> None:
    """The bad field is named, with its line and what is allowed."""
    found = problems(read_hpa, text_of(HPA, spoil))
    assert [(one.line, one.path, one.wrong) for one in found] == [(1, path, wrong)]
    assert found[0].allowed


@pytest.mark.parametrize("text", ["{", '{"name": "a"', "nope", '{"name": "a"} {"name": "b"}'])
def test_a_line_that_is_no_json_is_told(text: str) -> None:
    """A cut or foreign line is named by its number, without what stands in it."""
    (found,) = problems(read_kpa, text_of(KPA), text)
    assert found.line == 2
    assert found.wrong.startswith("Invalid JSON")
    assert found.allowed == "one whole JSON object a line"


@pytest.mark.parametrize("lines", [(), ("\n", "  \n")])
def test_a_recording_without_a_sequence_is_told(lines: tuple[str, ...]) -> None:
    """Nothing compared is no success."""
    (found,) = problems(read_hpa, *lines)
    assert found.wrong == "holds no sequence"


def test_a_recording_of_the_other_kind_is_told_briefly() -> None:
    """Of a line with hundreds of problems the first few are told."""
    assert len(problems(read_kpa, text_of(HPA))) == 5


def test_thousandths_are_kept_as_kubernetes_keeps_them() -> None:
    """A quantity of 33.333 is 33,333 thousandths, and what is finer is rounded up; 0.3 is 300, without float noise."""
    targets = {33.333: 33_333, 0.3: 300, 1.1: 1_100, 0.0011: 2, 125_000: 125_000_000}
    for target, milli in targets.items():
        (sequence,) = read_hpa([text_of(HPA, lambda it, target=target: it["spec"].update(target_value=target))], "a")  # type: ignore[misc]
        assert hpa_spec(sequence.spec).target_milli == milli


def test_the_first_difference_is_named() -> None:
    """Of two steps that differ the first is told; a sequence without one is identical."""
    (sequence,) = read_kpa([text_of(KPA)], "a")
    same, late, early = ([Answer(first, "A"), Answer(second, "B")] for first, second in ((1, 2), (1, 3), (0, 3)))
    assert first_difference(sequence, same) is None
    assert str(first_difference(sequence, late)) == "revision: differs first at t=4: expected 2, got 3 (B)"
    found = compare([sequence] * 3, [same, late, early])
    assert [one.t for one in found.differences] == [4, 2]
    assert str(found) == "1 of 3 sequences identical"


def test_the_baseline_sees_what_was_recorded() -> None:
    """Counts come from the recording at every step, so that a difference does not lead to others."""
    (sequence,) = read_hpa([text_of(HPA)], "a")
    assert [found.desired for found in hpa_outcomes(sequence)] == [4, 4]
