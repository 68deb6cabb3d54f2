"""Faults of Alertmanager, and load that only it tells of."""

import asyncio
from collections.abc import Sequence

import numpy as np

from autoscaler.policy.alerts import Alert
from tests.deterministic.documents import ALERT
from tests.deterministic.faults.fault import End, Fault
from tests.deterministic.world import World


def _alerts(world: World, rng: np.random.Generator, number: int, *, is_firing: bool, mark: str) -> list[Alert]:
    functions = world.site.functions
    chosen = [functions[int(place)] for place in rng.integers(0, len(functions), number)]
    return [
        Alert(
            f"{mark}{position}",
            "2026-01-01T00:00:00.000Z",
            is_firing,
            {"alertname": ALERT, "namespace": one.key.namespace, "function": one.key.name},
        )
        for position, one in enumerate(chosen)
    ]


def _send(world: World, alerts: Sequence[Alert]) -> None:
    for host in world.hosts:
        world.spawn(host.alert(alerts))


def _twice(world: World, rng: np.random.Generator) -> End:
    """One group comes again and again, and is resolved at the end."""
    mark = f"a{rng.integers(1 << 30)}-"
    count = int(rng.integers(1, 6))
    seed = int(rng.integers(1 << 30))

    def group(is_firing: bool) -> list[Alert]:
        return _alerts(world, np.random.default_rng(seed), count, is_firing=is_firing, mark=mark)

    async def repeat() -> None:
        for pause_s in (0.0, 0.0, 0.5, 4.0):
            await asyncio.sleep(pause_s)
            _send(world, group(True))

    world.spawn(repeat())
    return lambda: _send(world, group(False))


def _resolved_first(world: World, rng: np.random.Generator) -> End:
    """The message that it is over overtakes the one that it fires: the boost then ends by itself."""
    mark = f"b{rng.integers(1 << 30)}-"
    seed = int(rng.integers(1 << 30))
    for is_firing in (False, True):
        _send(world, _alerts(world, np.random.default_rng(seed), 3, is_firing=is_firing, mark=mark))
    return lambda: None


def _unordered(world: World, rng: np.random.Generator) -> End:
    """Messages on one alert come in a drawn order, each some seconds after the other."""
    mark = f"c{rng.integers(1 << 30)}-"
    seed = int(rng.integers(1 << 30))
    order = [bool(is_firing) for is_firing in rng.permutation([True, True, False, False, True])]

    async def send() -> None:
        for is_firing in order:
            await asyncio.sleep(1.5)
            _send(world, _alerts(world, np.random.default_rng(seed), 2, is_firing=is_firing, mark=mark))

    world.spawn(send())
    return lambda: None


def _storm(world: World, rng: np.random.Generator) -> End:
    """Two thousand alerts at once, most of them of names that are no function."""
    real = _alerts(world, rng, 200, is_firing=True, mark=f"d{rng.integers(1 << 30)}-")
    foreign = {"alertname": ALERT, "namespace": "kube-system", "function": "nobody"}
    others = [Alert(f"e{number}", "2026-01-01T00:00:00.000Z", True, foreign) for number in range(1800)]
    _send(world, [*real, *others])
    return lambda: None


FAULTS = (
    Fault("alert repeated, then resolved", _twice, (10.0, 40.0)),
    Fault("alert resolved before it fires", _resolved_first, (41.0, 50.0)),
    Fault("alerts out of order", _unordered, (55.0, 60.0)),
    Fault("thousands of alerts", _storm, (41.0, 50.0)),
)
