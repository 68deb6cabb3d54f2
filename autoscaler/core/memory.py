"""All state of the core: a struct of arrays, one row per function, remade whenever the fleet is another."""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.derived import Derived, derive
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.recommendations import Recommendations
from autoscaler.core.windows import Averages, Proof

COLUMNS = (
    "range_s",
    "active_s",
    "wake_ends_s",
    "wake_floor",
    "waiting",
    "known_demand",
    "restart_floor",
    "asked",
    "settled",
    "found",
)
"""Columns of one number a function, which follow it when the fleet changes."""


class Memory:
    """What the controller remembers of one fleet.

    Attributes:
        fleet: the fleet whose rows these are.
        derived: its constants.
        ticks: full ticks so far, of this memory and of those it was carried from.
        decided_s: monotonic seconds of the last tick; -inf: none.
        range_s: `(functions,) float64`, stretch that a sample covers, as last told.
        active_s: `(functions,) float64`, last wake; idleness is proven from there on; -inf: never woken.
        wake_ends_s: `(functions,) float64`, until when a wake's floor holds; -inf: none.
        wake_floor: `(functions,) float64`, that floor: its activation where it left zero, else 1.
        waiting: `(functions,) float64`, most requests that events since the last tick said are held.
        known_demand: `(functions,) float64`, demand of the last tick with known load; nan: never known.
        restart_floor: `(functions,) float64`, what ran when first seen; 0 once a whole window is known.
        asked: `(functions,) float64`, the last decision.
        settled: `(functions,) float64`, what the last tick decided: the floor of a boost whose demand is not known.
            Not `asked`, or the order of two events between ticks would matter.
        reason: `(functions,) uint8`, `Reason` of the last decision.
        found: `(functions,) float64`, `spec.replicas` at the last tick.
        credit: `(tenants,) float64`, replicas that the blast radius lets a tenant lose now; inf: full.
        proof: coverage and proof of zero.
        averages: samples of the past.
        recommendations: look-back of stabilization.
    """

    def __init__(self, observation: Observation, ticks: int, now_s: float) -> None:
        fleet = observation.fleet
        functions = len(fleet)
        self.fleet = fleet
        self.derived: Derived = derive(fleet)
        self.ticks = ticks
        self.decided_s = -np.inf
        self.range_s = told_range(observation.load.range_s, np.zeros(functions))
        self.active_s = np.full(functions, -np.inf)
        self.wake_ends_s = np.full(functions, -np.inf)
        self.wake_floor = np.zeros(functions)
        self.waiting = np.zeros(functions)
        self.known_demand = np.full(functions, np.nan)
        self.restart_floor = observation.requested.copy()
        self.asked = observation.requested.copy()
        self.settled = observation.requested.copy()
        self.found = observation.requested.copy()
        self.reason = np.zeros(functions, np.uint8)
        self.credit = np.full(len(fleet.tenants), np.inf)
        self.proof = Proof(functions)
        self.averages = Averages(self.derived, self.horizon_s, ticks)
        self.recommendations = Recommendations(functions)
        self.recommendations.begin(np.arange(functions), observation.requested, now_s)

    @property
    def size_bytes(self) -> int:
        """Bytes of all state columns."""
        parts = (self, self.proof.covered, self.proof.idle, self.recommendations, *self.averages.rps)
        parts += self.averages.concurrency
        return sum(value.nbytes for part in parts for value in vars(part).values() if isinstance(value, np.ndarray))

    @property
    def horizon_s(self) -> Floats:
        """`(functions,) float64`, how far back samples count for the stable window."""
        return self.fleet.rules.stable_window_s - self.range_s

    def hear_ranges(self, range_s: Floats) -> None:
        """Take the ranges that a tick's samples cover; where one is another, its samples are sorted anew."""
        told = told_range(range_s, self.range_s)
        if np.array_equal(told, self.range_s):
            return
        self.range_s = told
        averages = Averages(self.derived, self.horizon_s, self.ticks)
        averages.carry(self.averages, np.arange(len(self.fleet)))
        self.averages = averages


def told_range(range_s: Floats, before: Floats) -> Floats:
    """Give ranges where a range that is none (nan, inf, negative, 0: no answer) stays as it was before."""
    is_range = (range_s > 0) & (range_s < np.inf)
    return range_s.copy() if is_range.all() else np.where(is_range, range_s, before)


def followed(memory: Memory | None, observation: Observation, now_s: float) -> Memory:
    """Give the memory for an observation's fleet: the same one, or a new one that knows what the old one knew.

    A function is the same where key and uid are; a recreated Deployment begins anew. What is gone frees its memory.
    """
    if memory is not None and memory.fleet is observation.fleet:
        return memory
    fresh = Memory(observation, 0 if memory is None else memory.ticks, now_s)
    if memory is not None:
        _carry(fresh, memory)
    return fresh


def _carry(fresh: Memory, memory: Memory) -> None:
    old_of_new = _same_functions(fresh.fleet, memory.fleet)
    fresh.decided_s = memory.decided_s
    new = np.flatnonzero(old_of_new >= 0)
    old = old_of_new[new]
    told = fresh.range_s
    for name in COLUMNS:
        getattr(fresh, name)[new] = getattr(memory, name)[old]
    if not np.array_equal(told, fresh.range_s):
        fresh.averages = Averages(fresh.derived, fresh.horizon_s, fresh.ticks)
    new_of_old = np.full(len(memory.fleet), -1)
    new_of_old[old] = new
    fresh.averages.carry(memory.averages, new_of_old)
    fresh.proof.carry(new, memory.proof, old)
    fresh.recommendations.carry(new, memory.recommendations, old, fresh.fleet.rules.stabilization_down_s)
    credit = dict(zip(memory.fleet.tenants, memory.credit.tolist(), strict=True))
    fresh.credit = np.array([credit.get(name, np.inf) for name in fresh.fleet.tenants])


def _same_functions(new: Fleet, old: Fleet) -> Ints:
    """Give `(functions of the new fleet,) int64`, the row in the old fleet; -1: not the same function."""
    uids, find = old.uids, old.row_of.get
    rows = (find(key, -1) for key in new.keys)
    same = (row if row >= 0 and uids[row] == uid else -1 for row, uid in zip(rows, new.uids, strict=True))
    return np.fromiter(same, np.int64, len(new))
