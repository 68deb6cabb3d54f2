"""What a fault is, and how it is drawn."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tests.deterministic.asking import WARM_S
from tests.deterministic.world import World

End = Callable[[], None]
Begin = Callable[[World, np.random.Generator], End]

FEW = 0.3
"""Share of runs with one fault beside those of wakes and budgets: with more there is hardly a moment at which a wake must
be answered well."""
NUMBERS = itertools.count()
"""Tells faults of one kind apart that last at the same time; nothing is drawn from it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong for a while.

    Attributes:
        name: how it is called in what a failing seed prints.
        begin: makes it so, and gives what ends it.
        length_s: shortest and longest duration, seconds.
        is_orderly: it excuses nothing: everything still goes as it should.
        hinders_wakes: a wake may fail for it, or be late.
    """

    name: str
    begin: Begin
    length_s: tuple[float, float] = (5.0, 40.0)
    is_orderly: bool = False
    hinders_wakes: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault of a run: when it comes, how long it stays."""

    fault: Fault
    at_s: float
    length_s: float

    def __str__(self) -> str:
        return f"{self.at_s:9.3f} s {self.fault.name} for {self.length_s:.3f} s"


def plan(
    faults: tuple[Fault, ...],
    also: tuple[Fault, ...],
    of_wakes: tuple[Fault, ...],
    rng: np.random.Generator,
    calm_s: float,
) -> list[Planned]:
    """Draw the faults of a run, so that all have ended when it gets calm.

    Args:
        faults: one to eight are drawn of these, in some runs one.
        also: none to three of these.
        of_wakes: one to three of these.
    """
    drawn = [faults[number] for number in rng.integers(0, len(faults), int(rng.integers(1, 9))).tolist()]
    if rng.random() < FEW:
        drawn = drawn[:1]
    if also:
        drawn += [also[number] for number in rng.integers(0, len(also), int(rng.integers(0, 4))).tolist()]
    drawn += [of_wakes[number] for number in rng.integers(0, len(of_wakes), int(rng.integers(1, 4))).tolist()]
    return timed(drawn, rng, calm_s)


def timed(faults: Iterable[Fault], rng: np.random.Generator, calm_s: float) -> list[Planned]:
    """Draw when each of these comes and how long it stays, so that all have ended when it gets calm."""
    found = []
    for fault in faults:
        shortest_s, longest_s = fault.length_s
        length_s = float(rng.uniform(shortest_s, min(longest_s, calm_s - WARM_S)))
        found.append(Planned(fault, float(rng.uniform(WARM_S, max(WARM_S, calm_s - length_s))), length_s))
    return sorted(found, key=lambda planned: planned.at_s)


async def happen(planned: Planned, world: World, rng: np.random.Generator) -> None:
    """Let a fault come and go."""
    await asyncio.sleep(planned.at_s)
    world.trace(f"begins: {planned.fault.name}")
    world.troubled += not planned.fault.is_orderly
    hinders = planned.fault.hinders_wakes and not planned.fault.is_orderly
    world.hindered += hinders
    end = planned.fault.begin(world, rng)
    await asyncio.sleep(planned.length_s)
    end()
    if not planned.fault.is_orderly:
        world.troubled -= 1
        world.quiet_since_s = world.loop.now_s
    if hinders:
        world.hindered -= 1
        world.unhindered_since_s = world.loop.now_s
    world.trace(f"ends: {planned.fault.name}")
