"""What went into a run's controller gives the same decisions again, byte for byte, in any other controller."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario, parse

STUDIES = Path(__file__).parents[2] / "simulations"
Step = tuple[Now, Observation | None, tuple[Event, ...], bytes]


def as_bytes(decisions: Decisions) -> bytes:
    """Give everything that was decided, but the fleet, as bytes."""
    names = [field.name for field in fields(decisions) if field.name not in ("now", "fleet", "applied", "accounts")]
    columns = [getattr(decisions, name) for name in (*names, "stages", "stage_reasons")]
    columns += [] if decisions.accounts is None else columns_of(decisions.accounts)
    return repr(decisions.now).encode() + b"".join(np.ascontiguousarray(column).tobytes() for column in columns)


def locked(observation: Observation | None) -> None:
    """Make what a step is given unwritable, however deep, so that a controller that changes it fails."""
    if observation is not None:
        for column in columns_of(observation):
            column.flags.writeable = False


def columns_of(value: object) -> Iterator[np.ndarray]:
    """Give every column within a value, its parts included."""
    for field in fields(value):
        part = getattr(value, field.name)
        if isinstance(part, np.ndarray):
            yield part
        elif is_dataclass(part):
            yield from columns_of(part)


def recorded(name: str, duration_s: float) -> tuple[Scenario, list[Step]]:
    """Run the beginning of a study and give every step of its controller."""
    text = (STUDIES / name / "scenario.yaml").read_text()
    scenario, documents = parse(text)
    scenario = scenario.model_copy(update={"duration": duration_s})
    steps: list[Step] = []

    def record(now: Now, observation: Observation | None, events: tuple[Event, ...], decisions: Decisions) -> None:
        locked(observation)
        steps.append((now, observation, events, as_bytes(decisions)))

    simulate(scenario, {name: documents}, record=record)
    return scenario, steps


def fresh(scenario: Scenario) -> Controller:
    blast = scenario.blast_radius
    return Controller(None if blast is None else BlastRadiusRule(blast.replicas, blast.share, blast.period))


@pytest.mark.parametrize("name", ["first-look", "tenant-cap", "prometheus-outage", "alert-boost"])
def test_a_recorded_run_is_decided_again_to_the_byte(name: str) -> None:
    """Fed with a run's (now, observation, events), a fresh controller decides the same, wakes and alerts included."""
    scenario, steps = recorded(name, 900.0)
    controller = fresh(scenario)
    for number, (now, observation, events, expected) in enumerate(steps):
        assert as_bytes(controller.step(now, observation, events)) == expected, f"step {number} at {now}"
        controller.check_invariants()
    assert len(steps) >= 450


def test_another_input_gives_other_bytes() -> None:
    """The comparison can fail: one requested replica more in one observation is another decision."""
    scenario, steps = recorded("first-look", 60.0)
    controller = fresh(scenario)
    position = next(number for number, step in enumerate(steps) if step[1] is not None)
    now, observation, events, expected = steps[position]
    assert observation is not None
    changed = {field.name: getattr(observation, field.name) for field in fields(observation)}
    changed["requested"] = observation.requested + 1
    for step in steps[:position]:
        controller.step(step[0], step[1], step[2])
    assert as_bytes(controller.step(now, Observation(**changed), events)) != expected
