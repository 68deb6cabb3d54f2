"""What a tick makes of its observation before anything is decided."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints, true_at
from autoscaler.core.knobs import Knobs, knobs_of
from autoscaler.core.memory import Memory
from autoscaler.core.observation import Observation
from autoscaler.core.part import Lanes, Part
from autoscaler.core.rounding import replicas_of
from autoscaler.core.seen import Seen
from autoscaler.core.windows import Averaged, Cleaned, Times, clean, only_loads


class Sight(NamedTuple):
    """What is known of the rows that a tick decides; every column is of that part.

    Attributes:
        part: the rows.
        rules: what the policies say of them.
        seen: `(size,) uint8`, `Seen`.
        averaged: means over the windows.
        cleaned: the samples.
        unsure: positions whose load is unknown or a lower bound.
        requested: `(size,) float64`, `spec.replicas`.
        ready: `(size,) float64`.
        held: positions for which requests are held in a wake.
        waiting: `(held,) float64`, how many.
        obstacle: `(size,) uint8`, `Obstacle`; empty: nothing is known of any.
        now_s: monotonic seconds.
        gathered: what several stages want to know of the same lanes, each column gathered once.
    """

    part: Part
    rules: Knobs
    seen: Codes
    averaged: Averaged
    cleaned: Cleaned
    unsure: Ints
    requested: Floats
    ready: Floats
    held: Ints
    waiting: Floats
    obstacle: Codes
    now_s: float
    gathered: dict[tuple[str, Lanes], Floats]

    def requested_of(self, lanes: Lanes, functions: int) -> Floats:
        """Give what is requested of those functions of lanes that are in the part; not to be written to."""
        key = "requested", lanes
        if key not in self.gathered:
            self.gathered[key] = self.requested.take(lanes.of(self.part, functions)[1])
        return self.gathered[key]

    def standing_of(self, lanes: Lanes, memory: Memory) -> Floats:
        """Give what runs as far as we are concerned: what we asked for last, until what is requested moves.

        Likewise; of one tick, before what it decides is remembered.
        """
        key = "standing", lanes
        if key not in self.gathered:
            rows, requested = lanes.rows_in(self.part, len(memory.fleet)), self.requested_of(lanes, len(memory.fleet))
            standing = memory.asked.take(rows)
            moved = true_at(requested != memory.found.take(rows))
            standing[moved] = requested.take(moved)
            self.gathered[key] = standing
        return self.gathered[key]


def look(memory: Memory, observation: Observation, part: Part, now_s: float) -> Sight:
    """Take the tick's samples into windows, coverage and proof."""
    load, fleet, derived = observation.load, memory.fleet, memory.derived
    cleaned = clean(load, part, fleet, derived, memory.unknown)
    memory.ticks += 1
    averaged = memory.averages.take(cleaned, part, now_s)
    if load.panic is not None:
        panic_rps, _ = only_loads(load.panic.rps)
        panic_concurrency, _ = only_loads(load.panic.concurrency)
        averaged = Averaged(cleaned.rps, cleaned.concurrency, panic_rps, panic_concurrency, cleaned.others)
    window_s = memory.range_s if load.panic is not None else fleet.rules.stable_window_s
    seen = memory.proof.take(
        cleaned,
        part,
        Times(memory.range_s, memory.shortest_s, now_s),
        window_s=window_s,
        of_moment=derived.of_moment
        if load.panic is None
        else np.zeros(len(fleet), np.bool_),  # what is ready-made is of its whole range
        alone=derived.only_others,
    )
    _count_unknown(memory, part.rows_at(cleaned.unknown))
    held = _held(memory, observation, part)
    rows = part.rows_at(held)
    return Sight(
        part=part,
        rules=knobs_of(derived.knobs, part),
        seen=seen,
        averaged=averaged,
        cleaned=cleaned,
        unsure=_unsure(seen, cleaned.unknown),
        requested=replicas_of(part.of(observation.requested)),
        ready=replicas_of(part.of(observation.ready)),
        held=held,
        waiting=np.fmax(np.fmax(observation.waiting[rows], memory.waiting[rows]), 0.0),
        obstacle=part.of(observation.obstacle) if len(observation.obstacle) else observation.obstacle,
        now_s=now_s,
        gathered={},
    )


def _unsure(seen: Codes, unknown: Ints) -> Ints:
    """Give the positions whose load is unknown or a lower bound; where there are none of these, who is unknown."""
    is_unsure = seen <= Seen.LOWER_BOUND.value
    return unknown if np.count_nonzero(is_unsure) == len(unknown) else true_at(is_unsure)


def _count_unknown(memory: Memory, rows: Ints) -> None:
    """Count ticks in a row with unknown load."""
    count = memory.unknown_ticks.take(rows) + 1.0
    memory.unknown_ticks[memory.unknown] = 0.0
    memory.unknown_ticks[rows] = count
    memory.unknown = rows


def _held(memory: Memory, observation: Observation, part: Part) -> Ints:
    """Give the positions for which requests are held, as the tick saw it or events said since the last one."""
    seen = true_at(part.of(observation.waiting) != 0)
    woken = [part.within(rows) for rows in memory.woken if rows.size]
    return np.unique(np.concatenate([seen, *woken])) if woken else seen
