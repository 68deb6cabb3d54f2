"""Faults of Alertmanager and of what it sends, and load that only it tells of."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autoscaler.policy.alerts import Alert
from autoscaler.ports import Caller, Role
from tests.deterministic.documents import ALERT, HOLD, NEED
from tests.deterministic.faults.fault import End, Fault
from tests.deterministic.host import OPERATOR
from tests.deterministic.world import World

REPEATED_S = 10.0
"""How often what fires is told again: before any of it ends by itself."""


def _alerts(world: World, rng: np.random.Generator, most: int, *names: str) -> list[Alert]:
    """Draw alerts of these names about functions, each of an identity of its own."""
    mark, functions = f"a{rng.integers(1 << 30)}", world.site.functions
    chosen = [functions[int(place)].key for place in rng.integers(0, len(functions), int(rng.integers(1, most + 1)))]
    return [
        Alert(
            f"{mark}x{position}",
            "2026-01-01T00:00:00.000Z",
            True,
            {"alertname": str(rng.choice(names)), "namespace": key.namespace, "function": key.name},
        )
        for position, key in enumerate(chosen)
    ]


def _ended(alerts: Sequence[Alert]) -> list[Alert]:
    return [replace(one, is_firing=False) for one in alerts]


def _send(world: World, alerts: Sequence[Alert], caller: Caller = OPERATOR) -> None:
    for host in world.hosts:
        world.spawn(host.alert(alerts, caller))


def _firing(world: World, alerts: Sequence[Alert], *, is_resolved: bool = True) -> End:
    """Let alerts fire, told again and again, and be over at the end, whether or not anybody hears of that."""
    world.alertmanager.fires(alerts)
    is_over = False

    async def repeat() -> None:
        while not is_over:
            _send(world, alerts)
            await asyncio.sleep(REPEATED_S)

    def end() -> None:
        nonlocal is_over
        is_over = True
        world.alertmanager.ends(alerts)
        if is_resolved:
            _send(world, _ended(alerts))

    world.spawn(repeat())
    return end


def _held(world: World, rng: np.random.Generator) -> End:
    """Functions are frozen, and let go."""
    return _firing(world, _alerts(world, rng, 6, HOLD))


def _needed(world: World, rng: np.random.Generator) -> End:
    """Functions are woken and kept awake, though nobody calls them."""
    return _firing(world, _alerts(world, rng, 4, NEED))


def _resolved_lost(world: World, rng: np.random.Generator) -> End:
    """What fires is over, and nobody hears of it: it ends by itself."""
    return _firing(world, _alerts(world, rng, 5, ALERT, HOLD, NEED), is_resolved=False)


def _twice(world: World, rng: np.random.Generator) -> End:
    """One group comes again and again, at once and later, and is resolved at the end."""
    alerts = _alerts(world, rng, 5, ALERT, HOLD)

    async def repeat() -> None:
        for pause_s in (0.0, 0.0, 0.5, 4.0):
            await asyncio.sleep(pause_s)
            _send(world, alerts)

    world.spawn(repeat())
    return _firing(world, alerts)


def _retried(world: World, rng: np.random.Generator) -> End:
    """Whoever sends gives up before there is an answer, and sends again."""
    alerts, waits_s = _alerts(world, rng, 5, ALERT, HOLD, NEED), rng.uniform(0.0, 0.2, 4).tolist()

    async def retry() -> None:
        for wait_s in waits_s:
            for host in world.hosts:
                sending = asyncio.ensure_future(host.alert(alerts))
                await asyncio.sleep(wait_s)
                sending.cancel()

    world.spawn(retry())
    return _firing(world, alerts)


def _pair(world: World, rng: np.random.Generator) -> End:
    """Two Alertmanagers tell the same, each in its own time: what one says late the other has overtaken."""
    alerts = _alerts(world, rng, 4, ALERT, HOLD, NEED)
    told = [(float(at_s), alerts) for at_s in rng.uniform(0.0, 9.0, 6)]
    told += [(float(at_s), _ended(alerts)) for at_s in rng.uniform(4.0, 10.0, 2)]

    async def tell() -> None:
        passed_s = 0.0
        for at_s, group in sorted(told, key=lambda one: one[0]):
            await asyncio.sleep(at_s - passed_s)
            passed_s = at_s
            _send(world, group)

    world.spawn(tell())
    return lambda: None


def _truncated(world: World, rng: np.random.Generator) -> End:
    """Of a group only the first are told again: of the others nothing is known, and they are not over."""
    alerts = _alerts(world, rng, 6, HOLD)

    async def repeat() -> None:
        await asyncio.sleep(REPEATED_S / 2)
        _send(world, alerts[:1])

    world.spawn(repeat())
    return _firing(world, alerts)


def _foreign(world: World, rng: np.random.Generator) -> End:
    """A tenant's Alertmanager tells of everybody's functions, and of what is none."""
    tenants = sorted(world.site.source_of)
    caller = Caller(Role.TENANT, frozenset({str(rng.choice(tenants))}))
    alerts = _alerts(world, rng, 8, ALERT, HOLD, NEED)
    odd = [
        {"alertname": HOLD},
        {"alertname": HOLD, "namespace": "", "function": ""},
        {"alertname": HOLD, "namespace": "acme-a", "function": "f0\0"},
        {"alertname": HOLD, "namespace": "acme-a", "function_name": "f0.bolt"},
        {"alertname": "None", "namespace": "acme-a"},
    ]
    alerts += [Alert(f"odd{place}", "yesterday", True, labels) for place, labels in enumerate(odd)]
    _send(world, alerts, caller)
    return lambda: _send(world, _ended(alerts), caller)


def _restarted(world: World, rng: np.random.Generator) -> End:
    """The daemon that decides is killed while alerts fire, and comes back."""
    end = _firing(world, _alerts(world, rng, 6, HOLD, ALERT))
    after_s, away_s = float(rng.uniform(0.5, 6.0)), float(rng.uniform(0.1, 3.0))

    async def restart() -> None:
        await asyncio.sleep(after_s)
        host = world.leading()
        host.kill()
        await asyncio.sleep(away_s)
        if host.running is None:
            host.start()

    world.spawn(restart())
    return end


def _away(world: World, _rng: np.random.Generator) -> End:
    """Nobody can read what fires."""
    world.alertmanager.is_away += 1

    def end() -> None:
        world.alertmanager.is_away -= 1

    return end


def _resolved_first(world: World, rng: np.random.Generator) -> End:
    """The message that it is over overtakes the one that it fires: the boost then ends by itself."""
    alerts = _alerts(world, rng, 3, ALERT)
    for group in (_ended(alerts), alerts):
        _send(world, group)
    return lambda: None


def _unordered(world: World, rng: np.random.Generator) -> End:
    """Messages on one alert come in a drawn order, each some seconds after the other."""
    alerts = _alerts(world, rng, 2, ALERT, HOLD)
    order = [bool(is_firing) for is_firing in rng.permutation([True, True, False, False, True])]

    async def send() -> None:
        for is_firing in order:
            await asyncio.sleep(1.5)
            _send(world, alerts if is_firing else _ended(alerts))

    world.spawn(send())
    return lambda: None


def _storm(world: World, rng: np.random.Generator) -> End:
    """Two thousand alerts at once, most of them of names that are no function."""
    (first, *_) = _alerts(world, rng, 1, ALERT)
    functions = world.site.functions
    real = [
        replace(first, fingerprint=f"{first.fingerprint}s{number}", labels=dict(first.labels, function=one.key.name))
        for number, place in enumerate(rng.integers(0, len(functions), 200).tolist())
        if (one := functions[place]).key.namespace == first.labels["namespace"]
    ]
    foreign = {"alertname": ALERT, "namespace": "kube-system", "function": "nobody"}
    others = [Alert(f"e{number}", "2026-01-01T00:00:00.000Z", True, foreign) for number in range(1800)]
    _send(world, [*real, *others])
    return lambda: None


FAULTS = (
    Fault("alert repeated, then resolved", _twice, (10.0, 40.0)),
    Fault("alert resolved before it fires", _resolved_first, (41.0, 50.0)),
    Fault("alerts out of order", _unordered, (55.0, 60.0)),
    Fault("thousands of alerts", _storm, (41.0, 50.0)),
    Fault("functions frozen by alert", _held, (10.0, 60.0)),
    Fault("functions woken by alert", _needed, (10.0, 60.0)),
    Fault("the end of alerts is lost", _resolved_lost, (45.0, 60.0)),
    Fault("alerts sent again before they are answered", _retried, (10.0, 40.0)),
    Fault("two Alertmanagers tell the same", _pair, (52.0, 60.0)),
    Fault("alerts left out of their group", _truncated, (10.0, 38.0)),
    Fault("alerts of other tenants", _foreign, (5.0, 20.0)),
    Fault("killed while alerts fire", _restarted, (15.0, 60.0)),
    Fault("what fires cannot be read", _away, (5.0, 60.0)),
)
