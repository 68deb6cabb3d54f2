"""Faults of Prometheus servers and of what they scrape."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autoscaler.core.observation import Load
from tests.deterministic.faults.fault import NUMBERS, Begin, End, Fault
from tests.deterministic.loads import Prometheus, Spoil, forgotten, lessened, silent
from tests.deterministic.world import World


def _any(world: World, rng: np.random.Generator) -> list[Prometheus]:
    """Draw the servers it befalls: one of two, or both."""
    if rng.random() < 0.4:
        return list(world.servers)
    return [world.servers[int(rng.integers(len(world.servers)))]]


def _spoiling(make: Callable[[np.random.Generator], Spoil]) -> Begin:
    """Make a fault of something that is done to answers."""

    def begin(world: World, rng: np.random.Generator) -> End:
        number, spoil, servers = next(NUMBERS), make(rng), _any(world, rng)
        for server in servers:
            server.spoilers[number] = spoil
        reveal = _hide(world, servers)

        def end() -> None:
            for server in servers:
                del server.spoilers[number]
            reveal()

        return end

    return begin


def _hide(world: World, servers: list[Prometheus]) -> End:
    spans = [world.truth.hide(server.name, world.loop.now_s) for server in servers]

    def reveal() -> None:
        for span in spans:
            span[1] = world.loop.now_s

    return reveal


def _partial(rng: np.random.Generator) -> Spoil:
    share = float(rng.uniform(0.1, 0.9))
    return lambda load, generator: forgotten(load, generator.random(len(load.rps)) < share)


def _not_finite(rng: np.random.Generator) -> Spoil:
    number = float(rng.choice([np.inf, -np.inf, -5.0]))

    def spoil(load: Load, _: np.random.Generator) -> Load:
        wrong = np.full(len(load.rps), number)
        return replace(load, rps=wrong, concurrency=wrong, in_flight=wrong)

    return spoil


def _flapping(rng: np.random.Generator) -> Spoil:
    share = float(rng.uniform(0.3, 0.7))
    return lambda load, generator: silent(load) if generator.random() < share else load


def _hanging(world: World, rng: np.random.Generator) -> End:
    number, servers = next(NUMBERS), _any(world, rng)
    for server in servers:
        server.answers_in_s[number] = float(rng.choice([0.5, 1.5, 100.0]))
    reveal = _hide(world, servers)

    def end() -> None:
        for server in servers:
            del server.answers_in_s[number]
        reveal()

    return end


def _away(world: World, rng: np.random.Generator) -> End:
    """The server itself is away: nothing is scraped, and nothing answered."""
    number, servers = next(NUMBERS), _any(world, rng)
    reveal = _hide(world, servers)
    for server in servers:
        server.is_not_scraping += 1
        server.spoilers[number] = lambda load, _: silent(load)

    def end() -> None:
        for server in servers:
            server.is_not_scraping -= 1
            del server.spoilers[number]
        reveal()

    return end


def _target_down(world: World, rng: np.random.Generator) -> End:
    servers = _any(world, rng)
    reveal = _hide(world, servers)
    for server in servers:
        server.is_target_down += 1

    def end() -> None:
        for server in servers:
            server.is_target_down -= 1
        reveal()

    return end


def _gateway_restarted(world: World, rng: np.random.Generator) -> End:
    """Counters begin anew: for one range, what is measured is a lower bound that grows."""
    number, servers, began_s = next(NUMBERS), _any(world, rng), world.loop.now_s
    reveal = _hide(world, servers)
    for server in servers:
        range_s = server.measurement.range_s

        def spoil(load: Load, _: np.random.Generator, range_s: float = range_s) -> Load:
            share = (world.loop.now_s - began_s) / range_s
            return load if share >= 1 else lessened(load, share)

        server.spoilers[number] = spoil

    def end() -> None:
        for server in servers:
            del server.spoilers[number]
        reveal()

    return end


FAULTS = (
    Fault("Prometheus silent", _spoiling(lambda _: lambda load, _rng: silent(load)), (5.0, 70.0)),
    Fault("Prometheus answers a part", _spoiling(_partial)),
    Fault("Prometheus answers no numbers", _spoiling(_not_finite)),
    Fault("Prometheus flaps", _spoiling(_flapping)),
    Fault("Prometheus slow or hanging", _hanging),
    Fault("Prometheus away", _away, (5.0, 70.0)),
    Fault("gateway not scraped", _target_down),
    Fault("gateway restarted", _gateway_restarted, (13.0, 20.0)),
)
