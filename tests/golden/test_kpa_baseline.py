"""The baseline `kpa` against the recording of Knative's autoscaler."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np

from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation, PanicAverages
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.baselines.kpa import KpaBaseline
from autoscaler.simulator.baselines.settings import Kpa
from autoscaler.simulator.recordings import KpaSequence, KpaSpec, read_kpa
from tests.unit.core.fleets import make_fleet

RECORDING = Path(__file__).parent / "recordings" / "knative_kpa_decisions.jsonl.gz"
TICK_S = 2.0


def config_of(spec: KpaSpec) -> Kpa:
    """Give the decider that a recorded revision would be a document's."""
    return Kpa(
        type="kpa",
        metric=spec.metric,
        target=spec.target_value,
        utilization=1.0,
        stable=format_duration(spec.stable_window_seconds),
        panic_threshold=spec.panic_threshold,
        max_rate_up=spec.max_scale_up_rate,
        max_rate_down=spec.max_scale_down_rate,
        delay=format_duration(spec.scale_down_delay_seconds),
        grace="0s",
    )


def decided(sequence: KpaSequence) -> list[int]:
    """Give what the baseline decides on the averages that Knative saw."""
    rules = {"activation": max(1.0, sequence.spec.activation_scale)}
    fleet = make_fleet([("acme", "f", rules)])
    baseline = KpaBaseline(config_of(sequence.spec))
    steps = sequence.steps
    seen = [(steps[0].t - TICK_S, np.nan, np.nan, sequence.spec.initial_ready)]
    seen += [
        (step.t, *(np.nan if one is None else one for one in (step.stable, step.panic)), step.ready) for step in steps
    ]
    desired = []
    for at_s, stable, panic, ready in seen:
        value, short, pods = np.array([stable]), np.array([panic]), np.array([float(ready)])
        load = Load(
            rps=value,
            concurrency=value,
            in_flight=np.array([np.nan]),
            is_covered=~np.isnan(value),
            is_idle=value == 0,
            range_s=np.array([sequence.spec.stable_window_seconds]),
            panic=PanicAverages(short, short),
        )
        observation = Observation(fleet, load, pods, pods, np.zeros(1), np.zeros(1, bool))
        desired.append(int(baseline.step(Now(at_s, at_s), replace(observation), ()).desired[0]))
    return desired[1:]


def test_the_baseline_decides_as_knative_did() -> None:
    """Every eighth recorded sequence comes out as it was recorded, step by step; all do through the core, which is the same."""
    with gzip.open(RECORDING, "rt") as text:
        sequences = read_kpa(text, RECORDING.name)
    chosen = sequences[::8]
    assert len(chosen) >= 15
    differing = [one.name for one in chosen if decided(one) != [step.desired for step in one.steps]]
    assert differing == []
