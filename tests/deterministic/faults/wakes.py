"""What befalls wakes: crowds, hang-ups, floods, packet rules that lag, replicas that never get ready, cuts that race."""

import asyncio
from collections.abc import Sequence

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from tests.deterministic.documents import ZERO_AFTER_S
from tests.deterministic.faults.fault import NUMBERS, End, Fault
from tests.deterministic.world import World


def _one(world: World, rng: np.random.Generator) -> FunctionKey:
    """Draw a function, mostly one that may be at zero."""
    sleepy = [one.key for one in world.site.functions if one.rules.goes_to_zero]
    keys = sleepy if sleepy and rng.random() < 0.8 else [one.key for one in world.site.functions]
    return keys[int(rng.integers(len(keys)))]


def _patience_s(rng: np.random.Generator) -> float:
    """Draw after how long a request is given up: of two thirds never."""
    return float(rng.choice([np.inf, np.inf, rng.exponential(1.5)]))


def _asked_now_and_then(world: World, rng: np.random.Generator) -> End:
    """Requests for functions that sleep, some of which hang up."""
    is_over = False

    async def ask() -> None:
        while not is_over:
            await asyncio.sleep(float(rng.exponential(2.0)))
            world.spawn(world.requests.ask(_one(world, rng), hangs_up_s=_patience_s(rng)))

    def end() -> None:
        nonlocal is_over
        is_over = True

    world.spawn(ask())
    return end


def _crowd(world: World, rng: np.random.Generator, keys: Sequence[FunctionKey], size: int) -> None:
    for key in rng.choice(len(keys), size).tolist():
        world.spawn(world.requests.ask(keys[key], hangs_up_s=_patience_s(rng)))


def _thousand_at_once(world: World, rng: np.random.Generator) -> End:
    """Thousands of requests in one instant: for one function or for all, and again once most of those have hung up."""
    keys = [one.key for one in world.site.functions]
    some = [_one(world, rng)] if rng.random() < 0.6 else keys

    async def come() -> None:
        for _ in range(2):
            _crowd(world, rng, some, int(rng.integers(300, 1_500)))
            await asyncio.sleep(float(rng.uniform(0.1, 6.0)))

    world.spawn(come())
    return lambda: None


def _flood(world: World, rng: np.random.Generator) -> End:
    """One tenant's functions are asked for without end, while somebody else's is asked for once in a while."""
    of = {name: [one.key for one in world.site.functions if one.tenant == name] for name in world.site.source_of}
    tenant = max(of, key=lambda name: len(of[name])) if rng.random() < 0.6 else str(rng.choice(sorted(of)))
    theirs = of[tenant]
    others = [one.key for one in world.site.functions if one.tenant != tenant]
    is_over = False

    async def go() -> None:
        while not is_over:
            _crowd(world, rng, theirs, int(rng.integers(20, 120)))
            await asyncio.sleep(float(rng.uniform(0.02, 0.5)))
            _crowd(world, rng, others, int(rng.integers(0, 3)) if others else 0)
            await asyncio.sleep(float(rng.uniform(0.5, 3.0)))

    def end() -> None:
        nonlocal is_over
        is_over = True

    if theirs:
        world.spawn(go())
    return end


def _as_it_goes(world: World, rng: np.random.Generator) -> End:
    """Somebody comes whenever a function is about to go to zero: as it is decided, as it is written, just after."""

    def come(key: FunctionKey) -> None:
        world.loop.call_later(
            float(rng.choice([0.0, rng.uniform(0.0, 0.03), rng.uniform(0.0, 0.4)])),
            lambda: world.spawn(world.requests.ask(key, hangs_up_s=_patience_s(rng))),
        )

    world.observer.on_zero.append(come)
    return lambda: world.observer.on_zero.remove(come)


def _once_in_a_keep_alive(world: World, rng: np.random.Generator) -> End:
    """Somebody comes about when the keep-alive since the last time is over, which no counter shows."""
    keys = [one.key for one in world.site.functions if one.rules.goes_to_zero]
    is_over = False

    async def come(key: FunctionKey) -> None:
        while not is_over:
            await world.requests.ask(key)
            await asyncio.sleep(ZERO_AFTER_S + float(rng.uniform(-2.0, 10.0)))

    def end() -> None:
        nonlocal is_over
        is_over = True

    for key in keys[:4]:
        world.spawn(come(key))
    return end


def _rules_late(world: World, rng: np.random.Generator) -> End:
    """Packet rules follow endpoints late: a replica is ready, and connections to it are refused."""
    number = next(NUMBERS)
    world.network.late_s[number] = float(rng.choice([1.0, 3.0, 10.0]))

    def end() -> None:
        del world.network.late_s[number]

    return end


def _packets_dropped(world: World, _rng: np.random.Generator) -> End:
    """Nothing comes back from functions, not even a refusal."""
    world.network.mute += 1

    def end() -> None:
        world.network.mute -= 1

    return end


def _never_ready(world: World, rng: np.random.Generator) -> End:
    """A function's replicas crash before they are ready, while somebody asks for it."""
    key = _one(world, rng)
    world.platform.advance_one(key, world.loop.now_s)
    world.platform.obstruct(key, Obstacle.NOT_READY)
    _crowd(world, rng, [key], int(rng.integers(1, 6)))

    def end() -> None:
        world.platform.advance_one(key, world.loop.now_s)
        world.platform.obstruct(key, Obstacle.NONE)

    return end


FAULTS = (
    Fault("requests that hang up", _asked_now_and_then, (20.0, 60.0), is_orderly=True),
    Fault("thousands of requests at once", _thousand_at_once, is_orderly=True),
    Fault("one tenant's flood of requests", _flood, (5.0, 15.0), is_orderly=True),
    Fault("requests for what goes to zero", _as_it_goes, (40.0, 140.0), is_orderly=True),
    Fault("requests at the end of a keep-alive", _once_in_a_keep_alive, (60.0, 140.0), is_orderly=True),
    Fault("packet rules late", _rules_late, (20.0, 60.0)),
    Fault("packets to functions dropped", _packets_dropped, (5.0, 40.0)),
    Fault("replicas never ready", _never_ready, (20.0, 60.0)),
)
