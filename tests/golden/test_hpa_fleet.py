"""Many HPAs decided together, against the recording of real ones."""

import gzip
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.reasons import Reason
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.hpa_behaving import BehavingFleet
from autoscaler.simulator.baselines.hpa_fleet import HpaFleet, Limits, Sights
from autoscaler.simulator.baselines.hpa_spec import Active, HpaMetric, HpaOutcome, HpaSpec, Limited
from autoscaler.simulator.baselines.signals import Lanes
from autoscaler.simulator.recordings import HpaSequence, read_hpa
from autoscaler.simulator.replayed_hpa import hpa_outcomes, hpa_spec, sights

RECORDING = Path(__file__).parent / "recordings" / "hpa_decisions.jsonl.gz"
PERIOD_S = 15.0


@pytest.fixture(scope="module")
def plain() -> list[HpaSequence]:
    """Recorded sequences of objects without a behavior, over external metrics."""
    with gzip.open(RECORDING, "rt") as text:
        found = read_hpa(text, RECORDING.name)
    return [one for one in found if one.spec.effective_behavior is None and HpaMetric(one.spec.metric_kind).is_external]


def decided_together(
    specs: Sequence[HpaSpec], seen: Sequence[np.ndarray], is_off: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give replicas and reasons of every object at every step, each `(steps, objects)`.

    Args:
        seen: of each step `(3, objects)`: current, ready, metric in thousandths.
        is_off: `(steps, objects)`, who is switched off.
    """
    limits = Limits(
        *(np.array([getattr(one, name) for one in specs], float) for name in ("min_replicas", "max_replicas"))
    )
    fleet = HpaFleet(limits, specs[0].tolerance, PERIOD_S, specs[0].stabilization_down_s)
    lanes = Lanes(
        np.arange(len(specs)),
        np.array([one.target_milli for one in specs], float),
        np.array([one.metric is HpaMetric.EXTERNAL_VALUE for one in specs]),
    )
    replicas, reasons = [], []
    for number, (current, ready, metric_milli) in enumerate(seen):
        trail = Trail(current.copy(), Reason.DEMAND)
        rows = np.flatnonzero(~is_off[number])
        fleet.decide(trail, rows, np.full(len(rows), number), lanes, Sights(current, ready, metric_milli / 1000))
        replicas.append(trail.replicas)
        reasons.append(trail.reason)
    return np.array(replicas), np.array(reasons)


def test_together_they_decide_as_each_did(plain: list[HpaSequence]) -> None:
    """All 36 recorded objects without a behavior get, as rows of a few fleets, the replicas that each was given."""
    by_length = sorted(plain, key=lambda one: (one.spec.default_tolerance, len(one.steps)))
    compared = 0
    for (_, steps), group in groupby(by_length, key=lambda one: (one.spec.default_tolerance, len(one.steps))):
        sequences = list(group)
        outcomes = [hpa_outcomes(one) for one in sequences]
        seen = [[sight for _, sight in sights(one)] for one in sequences]
        columns = [
            np.array([(s.current, s.ready, np.nan if s.metric_milli is None else s.metric_milli) for s in row], float).T
            for row in zip(*seen, strict=True)
        ]
        is_off = np.array([[one.active is Active.DISABLED for one in row] for row in zip(*outcomes, strict=True)])
        replicas, reasons = decided_together([hpa_spec(one.spec) for one in sequences], columns, is_off)
        expected = np.array([[step.desired for step in one.steps] for one in sequences]).T
        np.testing.assert_array_equal(replicas, expected)
        for at, one in enumerate(sequences):
            for number, step in enumerate(one.steps):
                if one.spec.min_replicas <= step.current <= one.spec.max_replicas:  # else the condition is an older one
                    assert not is_bound_otherwise(outcomes[at][number], Reason(int(reasons[number, at])))
        compared += len(sequences) * (steps > 0)
    assert compared == len(plain) == 36


@pytest.fixture(scope="module")
def behaving() -> list[HpaSequence]:
    """Recorded sequences of objects with a behavior, over external metrics."""
    with gzip.open(RECORDING, "rt") as text:
        found = read_hpa(text, RECORDING.name)
    return [one for one in found if one.spec.effective_behavior and HpaMetric(one.spec.metric_kind).is_external]


def test_with_a_behavior_each_decides_as_it_did(behaving: list[HpaSequence]) -> None:
    """Every recorded object with a behavior gets, step by step, the replicas that it was given: windows, rates, tolerances."""
    for one in behaving:
        spec = hpa_spec(one.spec)
        assert spec.behavior is not None
        limits = Limits(np.array([float(spec.min_replicas)]), np.array([float(spec.max_replicas)]))
        fleet = BehavingFleet(limits, spec.tolerance, PERIOD_S, spec.stabilization_down_s, spec.behavior)
        is_level = np.array([spec.metric is HpaMetric.EXTERNAL_VALUE])
        lanes = Lanes(np.zeros(1, np.int64), np.array([float(spec.target_milli)]), is_level)
        given = []
        for number, ((_, sight), outcome) in enumerate(zip(sights(one), hpa_outcomes(one), strict=True)):
            current = np.array([float(sight.current)])
            value = np.nan if sight.metric_milli is None else sight.metric_milli / 1000
            trail = Trail(current.copy(), Reason.DEMAND)
            rows = np.zeros(0 if outcome.active is Active.DISABLED else 1, np.int64)
            seen = Sights(current, np.array([float(sight.ready)]), np.array([value]))
            fleet.decide(trail, rows, np.full(len(rows), number), lanes, seen)
            given.append(float(trail.replicas[0]))
            if spec.min_replicas <= sight.current <= spec.max_replicas:
                assert not is_bound_otherwise(outcome, Reason(int(trail.reason[0])))
        assert given == [step.desired for step in one.steps], one.spec
    assert len(behaving) == 84


def is_bound_otherwise(outcome: HpaOutcome, reason: Reason) -> bool:
    """Tell whether a limit that the original names is named otherwise here."""
    limits = {
        Limited.UP: Reason.SCALE_UP_POLICY,
        Limited.TOO_MANY: Reason.MAX_REPLICAS,
        Limited.TOO_FEW: Reason.MIN_REPLICAS,
        Limited.DOWN: Reason.SCALE_DOWN_POLICY,
    }
    if outcome.active is not Active.VALID:
        return False
    return outcome.limited in limits and reason is not limits[outcome.limited]
