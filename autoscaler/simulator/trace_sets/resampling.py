"""New traces from recorded ones: more of it, later, of several, or less of it; with what is kept and lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceFunction, TraceSet, joined

WANDER_S = 1_800.0
"""How far copies of a function's traffic are moved at most when it is scaled up, either way: their bursts then do not
fall together, and the hours of the day keep their shares."""

MOST_FACTOR = 10_000.0
TRIES = 200
"""Samples drawn of which the nearest is taken."""

_ROUNDING = 1e-9


def scaled(trace_set: TraceSet, factor: float, generator: np.random.Generator, wander_s: float = WANDER_S) -> TraceSet:
    """Give each function `factor` times its requests.

    Copies of the recorded traffic, each moved by its own random time around the trace's end, are laid over each other;
    of the last copy, where the factor is not whole, requests are left out at random. Independent users grow like that:
    the mean and the day's pattern are kept, and bursts are smoothed. Where bursts have one cause (a job that calls
    `factor` times as often at the same moment) it is too smooth: `wander_s` 0 keeps all copies together.

    Args:
        factor: > 0.
        wander_s: how far a copy is moved at most.

    Raises:
        ValueError: the factor is out of bounds.
    """
    if not 0 < factor <= MOST_FACTOR:
        raise ValueError(f"a factor above 0, at most {MOST_FACTOR:g}; it is {factor:g}")
    whole, part = divmod(factor, 1.0)
    copies = int(whole) + (part > _ROUNDING)
    shares = np.ones(copies)
    if part > _ROUNDING:
        shares[-1] = part
    moves_s = np.concatenate([[0.0], generator.uniform(-wander_s, wander_s, copies - 1)]) if copies > 1 else np.zeros(1)
    load = trace_set.load
    match load:
        case Counts():
            load = _scaled_counts(load, shares, moves_s, generator)
        case Events():
            load = _scaled_events(load, shares, moves_s, trace_set.length_s, generator)
        case None:
            return trace_set
    note = (
        f"Each function has {factor:g} times its recorded requests: {copies} copies, moved by {wander_s:g} s at most."
    )
    return replace(trace_set, load=load).noting(note)


def _scaled_counts(load: Counts, shares: Floats, moves_s: Floats, generator: np.random.Generator) -> Counts:
    is_whole = load.matrix.dtype.kind == "i"
    sums = np.zeros(load.matrix.shape)
    copy: Any
    for share, move_s in zip(shares.tolist(), moves_s.tolist(), strict=True):
        copy = np.roll(load.matrix, round(move_s / load.step_s), axis=1)
        if share < 1:
            copy = generator.binomial(copy.astype(np.int64), share) if is_whole else copy.astype(np.float64) * share
        sums += copy
    if is_whole and sums.max(initial=0) < 2**31:
        return replace(load, matrix=sums.astype(np.int32), in_flight=None)
    return replace(load, matrix=sums, in_flight=None)


def _scaled_events(
    load: Events, shares: Floats, moves_s: Floats, length_s: float, generator: np.random.Generator
) -> Events:
    parts: list[tuple[Ints, Floats, Floats | None]] = []
    of = np.repeat(np.arange(len(load.offsets) - 1), np.diff(load.offsets))
    for share, move_s in zip(shares.tolist(), moves_s.tolist(), strict=True):
        chosen = generator.random(len(of)) < share if share < 1 else np.ones(len(of), np.bool_)
        times_s = _around(load.times_s[chosen] + move_s, length_s) if move_s else load.times_s[chosen]
        parts.append((of[chosen], times_s, None if load.durations_s is None else load.durations_s[chosen]))
    return _grouped(parts, len(load.offsets) - 1)


def _around(times_s: Floats, length_s: float) -> Floats:
    """Give times within a trace, those beyond either end moved around it; what rounds to its end is at its beginning."""
    result: Floats = np.mod(times_s, length_s)
    result[result >= length_s] = 0.0
    return result


def _grouped(parts: Sequence[tuple[Ints, Floats, Floats | None]], functions: int) -> Events:
    """Put requests in order of function and time."""
    of = np.concatenate([part[0] for part in parts])
    times_s = joined([part[1] for part in parts])
    order = np.lexsort((times_s, of))
    durations_s = None
    if all(part[2] is not None for part in parts):
        durations_s = joined([part[2] for part in parts if part[2] is not None])[order]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=functions))]).astype(np.int64)
    return Events(offsets, times_s[order], durations_s)


def shifted(trace_set: TraceSet, by_s: float) -> TraceSet:
    """Give the same traffic some seconds later (earlier, where negative); what passes the end comes at the beginning.

    Raises:
        ValueError: of counts, it is no whole number of steps.
    """
    load = trace_set.load
    match load:
        case Counts():
            steps = round(by_s / load.step_s)
            if abs(steps * load.step_s - by_s) > _ROUNDING * max(1.0, abs(by_s)):
                raise ValueError(f"a shift by whole steps of {load.step_s:g} s; it is {by_s:g} s")
            load = replace(load, matrix=np.roll(load.matrix, steps, axis=1), in_flight=None)
        case Events():
            of = np.repeat(np.arange(len(load.offsets) - 1), np.diff(load.offsets))
            times_s = _around(load.times_s + by_s, trace_set.length_s)
            load = _grouped([(of, times_s, load.durations_s)], len(load.offsets) - 1)
        case None:
            return trace_set
    return replace(trace_set, load=load).noting(f"Moved by {by_s:g} s, around the trace's end.")


def mixed(sets: Mapping[str, TraceSet]) -> TraceSet:
    """Put several sets side by side, each as one tenant in a namespace of its name; the shortest one says how long.

    Raises:
        ValueError: they cannot be mixed: one has no load, or counts of different steps or kinds would meet.
    """
    for tenant, one in sets.items():
        if one.load is None:
            raise ValueError(f"sets with a load; that of {tenant} has none")
    _check_mix([one.load for one in sets.values() if one.load is not None])
    sets = _timed_alike(sets)
    length_s = min(one.length_s for one in sets.values())
    cut = {tenant: one if one.length_s <= length_s else one.between(0.0, length_s) for tenant, one in sets.items()}
    functions: list[TraceFunction] = []
    for tenant, one in cut.items():
        functions += _renamed(one, tenant)
    notes = [f"{tenant}: {one.source}. {' '.join(one.notes)}" for tenant, one in sets.items()]
    notes.append(f"All as long as the shortest, {length_s:g} s.")
    load = _side_by_side([one.load for one in cut.values() if one.load is not None])
    return TraceSet(tuple(functions), load, min(one.length_s for one in cut.values()), "A mix", tuple(notes))


def _timed_alike(sets: Mapping[str, TraceSet]) -> Mapping[str, TraceSet]:
    """Give sets of which all know how long each single request was served, or none: then functions keep the means."""
    is_timed = {name: isinstance(one.load, Events) and one.load.durations_s is not None for name, one in sets.items()}
    if all(is_timed.values()):
        return sets
    return {name: _with_means(one) if is_timed[name] else one for name, one in sets.items()}


def _with_means(trace_set: TraceSet) -> TraceSet:
    load = trace_set.load
    if not isinstance(load, Events):
        return trace_set
    functions = tuple(replace(one, service_s=trace_set.service_s(place)) for place, one in enumerate(trace_set))
    note = "Not every set has service times of single requests: of its functions the means are kept."
    return replace(trace_set, functions=functions, load=Events(load.offsets, load.times_s)).noting(note)


def _renamed(trace_set: TraceSet, tenant: str) -> list[TraceFunction]:
    """Give the functions in one namespace; names that are in several of the set's get the old namespace before them."""
    names = [one.name for one in trace_set]
    is_clear = len(set(names)) == len(names)
    return [
        replace(one, tenant=tenant, namespace=tenant, name=one.name if is_clear else f"{one.namespace}-{one.name}"[:63])
        for one in trace_set
    ]


def _check_mix(loads: Sequence[Counts | Events]) -> None:
    """Refuse loads that cannot stand side by side.

    Raises:
        ValueError: they are counts and requests, or counts of different steps or kinds.
    """
    counts = [one for one in loads if isinstance(one, Counts)]
    if 0 < len(counts) < len(loads):
        raise ValueError("sets of single requests, or sets of counts, not both")
    if len({(one.step_s, one.of) for one in counts}) > 1:
        kinds = ", ".join(f"{one.of} of {one.step_s:g} s" for one in counts)
        raise ValueError(f"counts of the same steps and of the same; they are {kinds}")


def _side_by_side(loads: Sequence[Counts | Events]) -> Counts | Events:
    """Put the rows of loads that are alike under each other."""
    counts = [one for one in loads if isinstance(one, Counts)]
    if counts:
        steps = min(one.steps for one in counts)
        rows: Any = np.concatenate([one.matrix[:, :steps] for one in counts])
        return replace(counts[0], matrix=rows, in_flight=None)
    events = [one for one in loads if isinstance(one, Events)]
    offsets = [0]
    for one in events:
        offsets += (one.offsets[1:] + offsets[-1]).tolist()
    durations = [one.durations_s for one in events if one.durations_s is not None]
    durations_s = joined(durations) if len(durations) == len(events) else None
    return Events(np.array(offsets), joined([one.times_s for one in events]), durations_s)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Some functions that stand for all.

    Attributes:
        trace_set: they.
        distance: mean Wasserstein distance of the logarithms of rate, service time and memory, in standard deviations of
            all functions: 0 alike.
        median_distance: of the samples that were tried and not taken.
    """

    trace_set: TraceSet
    distance: float
    median_distance: float


def sampled(trace_set: TraceSet, number: int, generator: np.random.Generator) -> Sample:
    """Choose functions that stand for all: of many random choices the one whose rates, service times and memory are
    distributed most like all functions'. Functions that were never called are not chosen.

    Source: the idea is InVitro's (Ustiugov et al., Enabling In-Vitro Serverless Systems Research, 2023).

    Raises:
        ValueError: there are not so many functions.
    """
    called = np.flatnonzero(trace_set.totals() > 0) if trace_set.load is not None else np.arange(len(trace_set))
    if not 1 <= number <= len(called):
        raise ValueError(f"1 to {len(called)} functions that were called; {number} are wanted")
    columns = _columns(trace_set, called)
    best, distances = called[:number], list[float]()
    for _ in range(TRIES):
        chosen = np.sort(generator.choice(len(called), number, replace=False))
        distance = float(np.mean([_wasserstein(column[chosen], column) for column in columns])) if columns else 0.0
        if not distances or distance < min(distances):
            best = called[chosen]
        distances.append(distance)
    note = f"{number} of {len(called)} functions that were called, the most alike of {TRIES} samples (distance {min(distances):.3f})."
    return Sample(trace_set.chosen(best).noting(note), min(distances), float(np.median(distances)))


def _columns(trace_set: TraceSet, called: Ints) -> list[Floats]:
    """Give what functions are compared by, in standard deviations of the logarithms; what is not known is left out."""
    services = [trace_set.service_s(place) for place in called.tolist()]
    sizes = [trace_set.functions[place].memory_gb for place in called.tolist()]
    found = []
    for values in (trace_set.rates()[called].tolist(), services, sizes):
        column = np.array([np.nan if value is None or value <= 0 else np.log(value) for value in values])
        if not np.any(np.isnan(column)) and column.std() > 0:
            found.append(column / column.std())
    return found


def _wasserstein(some: Floats, every: Floats) -> float:
    """Give the mean distance between the quantiles of two columns."""
    at = (np.arange(len(every)) + 0.5) / len(every)
    return float(np.mean(np.abs(np.quantile(some, at) - np.sort(every))))
