"""The demo's run on the twin, recorded by the daemon, is decided again to the same bytes of a decision log."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from autoscaler.adapters.clock import ScaledClock
from autoscaler.adapters.decision_log.folder import listed
from autoscaler.cli.demo import Options, _Stage, _usable_port
from autoscaler.cli.replay_log import controller_of
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Damage, Entry, Gap, Head, Origin, Recorded, Step
from autoscaler.policy.settings import Settings
from autoscaler.simulator.replay.again import Again
from autoscaler.twin.story import SHORTEST_S

SPEED = 6.0
FEW_TICKS = 10
"""With fewer the machine was too busy to have the demo's daemon ready in time: it is played once more, for longer."""


class _Recorded(_Stage):
    """The demo, with a decision log."""

    def _settings(self) -> Settings:
        settings = super()._settings()
        log = settings.decision_log.model_copy(update={"path": str(self._folder / "log")})
        return settings.model_copy(update={"decision_log": log})


@dataclass
class Demo:
    """What a run of the demo left.

    Attributes:
        data: its decision log, one file.
        ticks: ticks that the demo's own witness saw.
    """

    data: bytes
    ticks: int

    def entries(self) -> list[Entry]:
        return list(read(self.data))

    def recorded(self) -> list[Recorded]:
        return [entry for entry in self.entries() if isinstance(entry, Recorded)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    for duration_s in (SHORTEST_S, 4 * SHORTEST_S):
        folder = tmp_path_factory.mktemp("demo")
        options = Options(duration_s, SPEED, _usable_port(0), opens=False, is_json=True, record=None)
        _, witness = asyncio.run(_Recorded(options, ScaledClock(SPEED), folder).play())
        if witness.ticks >= FEW_TICKS:
            break
    (file,) = listed(folder / "log")
    return Demo(file.path.read_bytes(), witness.ticks)


def test_the_log_holds_the_whole_run(demo: Demo) -> None:
    """Every tick, wakes and alerts between ticks, changes in both directions, and no step lost."""
    entries = demo.entries()
    steps = [entry.step for entry in demo.recorded()]
    assert not [entry for entry in entries if isinstance(entry, Gap | Damage)]
    assert sum(step.observation is not None for step in steps) == demo.ticks
    assert any(step.events for step in steps)
    changed = [step.decisions for step in steps if step.decisions.changed.size]
    assert any((one.desired > one.requested).any() for one in changed)
    assert any((one.desired < one.requested).any() for one in changed)


def test_the_simulators_driver_decides_the_same(demo: Demo) -> None:
    """Fed with what the daemon saw, the simulator's driver gives each decision again, to the bit."""
    again = Again(controller_of)
    again.take(demo.entries())
    assert again.outcome.first is None
    assert again.outcome.is_identical
    assert again.outcome.compared == len(demo.recorded())


def test_the_same_log_byte_for_byte(demo: Demo) -> None:
    """A fresh controller's decisions on the recorded inputs, written down, are the daemon's decision log itself."""
    head = demo.entries()[0]
    assert isinstance(head, Head)
    controller, encoder, data = controller_of(head), Encoder(head), b""
    for entry in demo.recorded():
        step = entry.step
        decisions = controller.step(step.now, step.observation, step.events)
        again = Step(step.now, step.observation, step.events, decisions)
        data += encoder.frames(again, lambda _, origin=entry.origin: origin)
    assert data == demo.data


def test_another_input_gives_another_log(demo: Demo) -> None:
    """The comparison can fail: a controller without the blast radius writes other bytes, or one replica found more does."""
    steps = [entry.step for entry in demo.recorded()]
    controller, encoder, data = (
        controller_of(Head("", 0, json.dumps({"blastRadius": None}))),
        Encoder(Head("", 0, "")),
        b"",
    )
    for step in steps:
        if step.observation is not None:
            step.observation.requested[0] += 1
        decisions = controller.step(step.now, step.observation, step.events)
        data += encoder.frames(Step(step.now, step.observation, step.events, decisions), lambda _: Origin())
    again = Again(lambda _: controller_of(Head("", 0, "{}")))
    again.take(read(data))
    assert again.outcome.is_identical
    originals = [entry.step.decisions for entry in demo.recorded()]
    found = [entry.step.decisions for entry in read(data) if isinstance(entry, Recorded)]
    assert any(one.desired.tobytes() != other.desired.tobytes() for one, other in zip(originals, found, strict=True))


def test_the_log_is_small(demo: Demo) -> None:
    """A run of the demo takes no more than 1 KiB a tick, its fleet and documents included."""
    assert len(demo.data) < 1_024 * demo.ticks
