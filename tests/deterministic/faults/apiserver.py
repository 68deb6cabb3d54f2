"""Faults of the API server, of etcd, and of the network before them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tests.deterministic.faults.fault import NUMBERS, Begin, End, Fault
from tests.deterministic.troubles import Kind, Meddle, Request, Stream
from tests.deterministic.world import World


def _meddling(make: Callable[[np.random.Generator], Meddle], *, cuts: bool = False) -> Begin:
    """Make a fault of something that is done to requests, of all daemons or of one."""

    def begin(world: World, rng: np.random.Generator) -> End:
        number, meddle = next(NUMBERS), make(rng)
        daemons = None if rng.random() < 0.7 else frozenset({"one"})
        world.troubles.meddlers[number] = _of(daemons, meddle)
        if cuts:
            world.troubles.cut_watches(daemons)
        return partial(_remove, world.troubles.meddlers, number)

    return begin


def _remove(faults: dict[int, Any], number: int) -> None:
    del faults[number]


def _of(daemons: frozenset[str] | None, meddle: Meddle) -> Meddle:
    def meddle_with(request: Request, rng: np.random.Generator) -> None:
        if daemons is None or request.daemon in daemons:
            meddle(request, rng)

    return meddle_with


def _away(_rng: np.random.Generator) -> Meddle:
    def meddle(request: Request, _: np.random.Generator) -> None:
        request.is_cut = True

    return meddle


def _frozen(_rng: np.random.Generator) -> Meddle:
    """etcd is paused: nothing is answered; of writes some had gone through before."""

    def meddle(request: Request, rng: np.random.Generator) -> None:
        request.swallows, request.is_applied = True, bool(rng.random() < 0.3)

    return meddle


def _slow(rng: np.random.Generator) -> Meddle:
    longest_s = float(rng.choice([2.0, 6.0, 14.0]))

    def meddle(request: Request, rng: np.random.Generator) -> None:
        request.latency_s += float(rng.uniform(0.5, 1.0)) * longest_s

    return meddle


def _answering(status: int, share: float, waits_s: tuple[float, ...] = ()) -> Callable[[np.random.Generator], Meddle]:
    def make(_rng: np.random.Generator) -> Meddle:
        def meddle(request: Request, rng: np.random.Generator) -> None:
            if rng.random() < share:
                request.refusal = status, float(rng.choice(waits_s)) if waits_s else None

        return meddle

    return make


def _applied_unanswered(_rng: np.random.Generator) -> Meddle:
    """A PATCH takes effect, and its answer comes after the client's deadline."""

    def meddle(request: Request, rng: np.random.Generator) -> None:
        if request.kind is Kind.WRITE and rng.random() < 0.5:
            request.swallows = True

    return meddle


def _unreadable(_rng: np.random.Generator) -> Meddle:
    """The right to list and watch is taken away; that to write stays."""

    def meddle(request: Request, _: np.random.Generator) -> None:
        if request.kind in (Kind.LIST, Kind.WATCH):
            request.refusal = 403, None

    return meddle


def _streaming(stream: Stream) -> Begin:
    def begin(world: World, _rng: np.random.Generator) -> End:
        number = next(NUMBERS)
        world.troubles.streams[number] = None, stream
        return partial(_remove, world.troubles.streams, number)

    return begin


def _cut(world: World, _rng: np.random.Generator) -> End:
    world.troubles.cut_watches(None)
    return lambda: None


def _compacted(world: World, _rng: np.random.Generator) -> End:
    """Whoever follows must list anew (410), now and at the end."""
    world.api.forget()
    world.troubles.cut_watches(None)

    def end() -> None:
        world.api.forget()
        world.troubles.cut_watches(None)

    return end


FAULTS = (
    Fault("API server away", _meddling(_away, cuts=True), (2.0, 70.0)),
    Fault("API server killed and restarted", _meddling(_away, cuts=True), (1.0, 5.0)),
    Fault("etcd paused", _meddling(_frozen), (5.0, 25.0)),
    Fault("API server slow", _meddling(_slow)),
    Fault("429 storm with Retry-After", _meddling(_answering(429, 0.9, (1.0, 5.0, 20.0)))),
    Fault("500 at 5 %", _meddling(_answering(500, 0.05))),
    Fault("token wrong or expired", _meddling(_answering(401, 1.0))),
    Fault("right taken away", _meddling(_answering(403, 1.0))),
    Fault("right to read taken away", _meddling(_unreadable, cuts=True), (10.0, 80.0)),
    Fault("PATCH applied, answered too late", _meddling(_applied_unanswered)),
    Fault("watch stale", _streaming(Stream(is_deaf=True)), (5.0, 89.0)),
    Fault("watch stalled for long", _streaming(Stream(is_deaf=True)), (92.0, 140.0)),
    Fault("watch events repeated", _streaming(Stream(repeats=0.3))),
    Fault("watch events reordered", _streaming(Stream(swaps=0.3))),
    Fault("watches cut", _cut),
    Fault("history compacted", _compacted),
)
