"""Our core beside the plain account of Knative's rules, on specs and loads that no recording has."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from autoscaler.simulator.comparison import compare
from autoscaler.simulator.recordings import KpaSequence, read_kpa
from autoscaler.simulator.replayed_kpa import kpa_answers
from tests.golden.knative_scale import KnativeScaler

Random = np.random.Generator
Spec = dict[str, str | float]
SPECS: dict[str, list[float]] = {
    "target_value": [0.01, 0.07, 0.7, 1, 2.5, 3.3, 33.333, 70, 140],
    "max_scale_up_rate": [1.01, 1.1, 1.5, 2, 10, 1000],
    "max_scale_down_rate": [1.01, 1.1, 1.3, 1.5, 2, 3, 10, 100],
    "panic_threshold": [1.1, 1.5, 2, 3.3, 10],
    "stable_window_seconds": [6, 7, 15, 30, 60, 61, 120, 300],
    "scale_down_delay_seconds": [0, 0, 1, 2, 3, 7, 30, 31, 120, 300],
    "activation_scale": [0, 1, 2, 3, 5, 20],
    "initial_ready": [0, 1, 2, 3, 12, 40],
}
WHOLE = {"activation_scale", "initial_ready"}
LEVELS = [0, 0, 0, 1, 5, 30, 200, 2000]
"""Loads, in units of the target; it jumps from one to another and the averages follow."""


def spec_from(rng: Random) -> Spec:
    numbers = {name: float(rng.choice(values)) for name, values in SPECS.items()}
    whole: Spec = {name: int(value) if name in WHOLE else value for name, value in numbers.items()}
    return {"metric": str(rng.choice(["rps", "concurrency"])), **whole}


def averages(rng: Random, target: float, ticks: int) -> Iterator[tuple[float, float]]:
    """Give (stable, panic) of each tick; a tenth of them an exact multiple of the target, where rounding shows."""
    level = stable = panic = 0.0
    for _ in range(ticks):
        if rng.random() < 0.06:
            level = float(rng.choice(LEVELS)) * 2 * rng.random() * target
        stable, panic = 0.9 * stable + 0.1 * level, 0.4 * panic + 0.6 * level
        if stable < 0.001 * target:
            stable = panic = 0.0
        shown = target * int(rng.integers(20)) if rng.random() < 0.1 else stable
        yield round(shown, 3), round(panic, 3)


def line_from(rng: Random, name: str, ticks: int = 200) -> str:
    """Write a sequence as the plain account decides it; pods follow what is wanted slowly, and sometimes die."""
    spec = spec_from(rng)
    scaler = KnativeScaler.begin(spec, 0.0)
    ready = wanted = int(spec["initial_ready"])
    steps = []
    for number, (stable, panic) in enumerate(averages(rng, float(spec["target_value"]), ticks)):
        t = 2 + 2 * number
        if number > 0 and rng.random() < 0.5:
            ready += int(np.clip(wanted - ready, -rng.integers(20), rng.integers(20)))
        if number > 0 and rng.random() < 0.02:
            ready = int(rng.integers(30))
        wanted = scaler.step(t, stable, panic, ready)
        steps.append({"t": t, "stable": stable, "panic": panic, "ready": ready, "desired": wanted})
    return json.dumps({"name": name, "spec": spec, "steps": steps})


@pytest.mark.parametrize("seed", range(4))
def test_the_core_decides_as_the_plain_account(seed: int) -> None:
    """Whatever the spec, the load and the pods, the core gives the replicas of Knative's rules at every step."""
    rng = np.random.default_rng(seed)
    sequences: tuple[KpaSequence, ...] = read_kpa([line_from(rng, f"seed-{seed}-{n}") for n in range(40)], "generated")
    comparison = compare(sequences, kpa_answers(sequences))
    assert not comparison.differences, "\n".join(map(str, comparison.differences))
