"""All state of the core: a struct of arrays, one row per function, remade whenever the fleet is another."""

import numpy as np

from autoscaler.core.calendar import Standing, standing
from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.derived import Derived, derive
from autoscaler.core.fleet import Fleet
from autoscaler.core.holding import Holding
from autoscaler.core.lookback import LookBack, Lowest
from autoscaler.core.observation import Observation
from autoscaler.core.panic import Panic
from autoscaler.core.part import Lanes, Part
from autoscaler.core.rate_policies import RateLimits
from autoscaler.core.rounding import replicas_of
from autoscaler.core.staged import NO_REPLICAS, NOBODY
from autoscaler.core.windows import Averages, Proof

COLUMNS = (
    "range_s",
    "active_s",
    "wake_ends_s",
    "wake_floor",
    "is_starting",
    "waiting",
    "known_demand",
    "restart_floor",
    "initial_floor",
    "asked",
    "settled",
    "found",
    "missing_since_s",
    "is_missing",
    "unknown_ticks",
    "is_unheard",
)
"""Columns of one number a function, which follow it when the fleet changes."""

NEW_S = 60.0
"""A Deployment created no longer ago than this when it is first seen is a new function, which has initial replicas."""


class Memory:
    """What the controller remembers of one fleet.

    Attributes:
        fleet: the fleet whose rows these are.
        derived: its constants.
        ticks: full ticks so far, of this memory and of those it was carried from.
        decided_s: monotonic seconds of the last tick; -inf: none.
        at_rest: `(functions,) bool`: no replica, and nothing remembered but that idleness is proven.
        range_s: `(functions,) float64`, stretch that a sample covers, as last told.
        shortest_s: the shortest of these.
        longest_s: the longest of these.
        active_s: `(functions,) float64`, last wake; idleness is proven from there on; -inf: never woken.
        wake_ends_s: `(functions,) float64`, until when a wake's floor holds; -inf: none.
        wake_floor: `(functions,) float64`, that floor: its activation where it left zero, else 1.
        is_starting: `(functions,) bool`, a wake's floor holds until it is ready.
        waiting: `(functions,) float64`, most requests that events since the last tick said are held.
        known_demand: `(functions,) float64`, demand of the last tick with known load; nan: never known.
        restart_floor: `(functions,) float64`, what ran when first seen; 0 once a whole window is known.
        initial_floor: `(functions,) float64`, what a new function has until then; 0: none.
        asked: `(functions,) float64`, the last decision.
        settled: `(functions,) float64`, what the last tick decided: the floor of a boost whose demand is not known.
            Not `asked`, or the order of two events between ticks would matter.
        reason: `(functions,) uint8`, `Reason` of the last decision.
        found: `(functions,) float64`, `spec.replicas` at the last tick.
        is_missing: `(functions,) bool`, fewer replicas are ready than requested.
        missing_since_s: `(functions,) float64`, since when.
        awake: rows whose wake's floor may hold, ascending.
        woken: rows that events since the last tick said requests are held for.
        unknown: rows whose load was unknown at the last tick.
        starting: rows of which no whole window is known yet since they were first seen.
        unknown_ticks: `(functions,) float64`, ticks in a row with unknown load.
        is_unheard: `(functions,) bool`, no sample of the past that was recalled knew its load.
        credit: `(tenants,) float64`, replicas that the blast radius lets a tenant lose now; inf: full.
        holding: what tenants borrowed of their pools lately.
        uncharged: `(tenants,) float64`, replicas of theirs that their pools were not charged for at the last tick.
        short: rows that budgets left with less than they asked for at the last tick, ascending.
        short_of: `(short,) float64`, what they asked for.
        demanded: `(tenants,) float64`, what pools were asked for by each at the last tick, within its own limits.
        pending: `(tenants,) float64`, beside what was granted at the last tick, what a strict pool had no room for: what
            was still there, or waited for.
        proof: coverage and proof of zero.
        averages: samples of the past.
        panic: who panics.
        recommendations: look-back of cuts, of the lanes `derived.stabilized`.
        recommendations_up: look-back of raises, of the lanes `derived.stabilized_up`.
        delays: look-back of the scale-down delay, of the lanes `derived.delayed`.
        rates: own changes of the past periods, for scaling policies.
    """

    def __init__(self, observation: Observation, ticks: int, now_s: float, utc_s: float) -> None:
        fleet = observation.fleet
        functions = len(fleet)
        rules = fleet.rules
        self.fleet = fleet
        self.derived: Derived = derive(fleet)
        self.ticks = ticks
        self.decided_s = -np.inf
        self.at_rest = np.zeros(functions, np.bool_)
        self.range_s = told_range(observation.load.range_s, np.zeros(functions))
        self.shortest_s, self.longest_s = _ends(self.range_s)
        self.active_s = np.full(functions, -np.inf)
        self.wake_ends_s = np.full(functions, -np.inf)
        self.wake_floor = np.zeros(functions)
        self.is_starting = np.zeros(functions, np.bool_)
        self.waiting = np.zeros(functions)
        self.known_demand = np.full(functions, np.nan)
        found = replicas_of(observation.requested)
        self.restart_floor = found.copy()
        self.initial_floor = _initial(observation, utc_s)
        self.asked = found.copy()
        self.settled = found.copy()
        self.found = found.copy()
        self.missing_since_s = np.full(functions, np.inf)
        self.is_missing = np.zeros(functions, np.bool_)
        self.awake = NOBODY
        self.woken: list[Ints] = []
        self.unknown = NOBODY
        self.starting = np.flatnonzero(found)
        self.unknown_ticks = np.zeros(functions)
        self.is_unheard = np.ones(functions, np.bool_)
        self.reason = np.zeros(functions, np.uint8)
        self.credit = np.full(len(fleet.tenants), np.inf)
        holding = self.derived.promises.holding
        self.holding = Holding(len(fleet.tenants), holding, fleet.budgets.hold_s[fleet.budgets.pool[holding]])
        self.uncharged = np.zeros(len(fleet.tenants))
        self.pending = np.zeros(len(fleet.tenants))
        self.short, self.short_of = NOBODY, NO_REPLICAS
        self.demanded = np.zeros(len(fleet.tenants))
        self.proof = Proof(functions)
        self.averages = Averages(fleet, self.derived, self.range_s, ticks)
        self.panic = Panic(replicas_of(observation.ready), rules.panic_threshold, now_s)
        derived = self.derived
        self.recommendations = LookBack(rules.stabilization_down_s[derived.stabilized.rows])
        self.recommendations_up = Lowest(rules.stabilization_up_s[derived.stabilized_up.rows])
        self.delays = LookBack(rules.delay_s[derived.delayed.rows])
        self.rates = RateLimits(fleet.rate_up, fleet.rate_down, functions)
        self._begin_look_backs(found, now_s)
        self._standing: Standing | None = None
        self._shared: set[str] = set()

    def standing(self, utc_s: float) -> Standing:
        """Give the floors and ceilings that hold at a time of the calendar."""
        if self._standing is None or not self._standing.holds(utc_s):
            self._standing = standing(self.fleet, self.derived, utc_s)
        return self._standing

    @property
    def size_bytes(self) -> int:
        """Bytes of all state columns."""
        samples = [one for signal in self.averages.signals for one in signal]
        parts = (self, self.panic, self.proof.covered, self.proof.idle, *samples)
        own = sum(value.nbytes for part in parts for value in vars(part).values() if isinstance(value, np.ndarray))
        lanes = (self.recommendations, self.recommendations_up, self.delays, self.rates, self.holding)
        return own + sum(part.nbytes for part in lanes)

    def begin(self, observation: Observation, now_s: float, utc_s: float) -> None:
        """Begin with the first tick after a past was recalled.

        Who was new then nobody knows, so who is new now is asked for now. What was not heard of begins as at a start
        without any past: what is found counts from now, not from when the past began.
        """
        self.initial_floor = _initial(observation, utc_s)
        self.starting = np.flatnonzero((self.restart_floor > 0) | (self.initial_floor > 0))
        self.panic.since_s[self.is_unheard & self.panic.is_first] = now_s
        found = replicas_of(observation.requested)
        self.found, self.asked, self.settled = found, found.copy(), found.copy()
        self._begin_look_backs(found, now_s)

    def _begin_look_backs(self, found: Floats, now_s: float) -> None:
        """Take what is found for the recommendation until now, where nothing was heard of before."""
        for lanes, look_back in (
            (self.derived.stabilized, self.recommendations),
            (self.derived.stabilized_up, self.recommendations_up),
        ):
            at = np.flatnonzero(self.is_unheard[lanes.rows])
            if at.size:
                look_back.begin(at, found[lanes.rows[at]], now_s)

    def keep(self, name: str, part: Part, values: Floats | Codes) -> None:
        """Write a part's numbers into a column; where it is everything the column is taken over, not copied.

        What is taken over belongs to a step's decisions too, and is copied before the first single number is changed.
        """
        if part.rows is None:
            setattr(self, name, values)
            self._shared.add(name)
        else:
            part.put(self.own(name), values)

    def own(self, name: str) -> Floats:
        """Give a column that may be written to."""
        if name in self._shared:
            setattr(self, name, getattr(self, name).copy())
            self._shared.remove(name)
        column: Floats = getattr(self, name)
        return column

    def hear_ranges(self, range_s: Floats) -> None:
        """Take the ranges that a tick's samples cover; where one is another, its samples are sorted anew."""
        if self.shortest_s == self.longest_s and (range_s == self.shortest_s).all():
            return
        if np.array_equal(range_s, self.range_s):
            return
        told = told_range(range_s, self.range_s)
        if np.array_equal(told, self.range_s):
            return
        self.range_s = told
        self.shortest_s, self.longest_s = _ends(told)
        self.at_rest.fill(False)
        averages = Averages(self.fleet, self.derived, told, self.ticks)
        averages.carry(self.averages, np.arange(len(self.fleet)), np.arange(len(self.fleet.others.rows)))
        self.averages = averages


def _initial(observation: Observation, utc_s: float) -> Floats:
    """Give the initial replicas of functions that were created with any a moment ago; 0: of others."""
    fleet = observation.fleet
    is_new = (utc_s - fleet.created_s <= NEW_S) & (observation.requested > 0)  # nan compares false: not known to be new
    result: Floats = np.where(is_new, np.floor(fleet.rules.initial), 0.0)
    return result


def _ends(range_s: Floats) -> tuple[float, float]:
    """Give the shortest and the longest of ranges; of none, inf and -inf."""
    return float(range_s.min(initial=np.inf)), float(range_s.max(initial=-np.inf))


def told_range(range_s: Floats, before: Floats) -> Floats:
    """Give ranges where a range that is none (nan, inf, negative, 0: no answer) stays as it was before."""
    is_range = (range_s > 0) & (range_s < np.inf)
    return range_s.copy() if is_range.all() else np.where(is_range, range_s, before)


def followed(memory: Memory | None, observation: Observation, now_s: float, utc_s: float) -> Memory:
    """Give the memory for an observation's fleet: the same one, or a new one that knows what the old one knew.

    A function is the same where key and uid are; a recreated Deployment begins anew. What is gone frees its memory.
    """
    if memory is not None and memory.fleet is observation.fleet:
        return memory
    fresh = Memory(observation, 0 if memory is None else memory.ticks, now_s, utc_s)
    if memory is not None:
        _carry(fresh, memory)
    return fresh


def _carry(fresh: Memory, memory: Memory) -> None:
    old_of_new = _same_functions(fresh.fleet, memory.fleet)
    fresh.decided_s = memory.decided_s
    new = np.flatnonzero(old_of_new >= 0)
    old = old_of_new[new]
    told = fresh.range_s.copy()
    for name in (*COLUMNS, "reason"):
        getattr(fresh, name)[new] = getattr(memory, name)[old]
    fresh.shortest_s, fresh.longest_s = _ends(fresh.range_s)
    fresh.awake = np.flatnonzero(fresh.wake_ends_s > -np.inf)
    fresh.woken, fresh.unknown = [np.flatnonzero(fresh.waiting)], np.flatnonzero(fresh.unknown_ticks)
    fresh.starting = np.flatnonzero((fresh.restart_floor > 0) | (fresh.initial_floor > 0))
    if not np.array_equal(told, fresh.range_s):
        fresh.averages = Averages(fresh.fleet, fresh.derived, fresh.range_s, fresh.ticks)
    new_of_old = np.full(len(memory.fleet), -1)
    new_of_old[old] = new
    fresh.averages.carry(memory.averages, new_of_old, _same_lanes(fresh.fleet, memory.fleet, new_of_old))
    fresh.proof.carry(new, memory.proof, old)
    fresh.panic.carry(new, memory.panic, old)
    here, there = fresh.derived, memory.derived
    lanes, old_lanes = _pairs(here.stabilized, there.stabilized, new_of_old)
    fresh.recommendations.carry(lanes, memory.recommendations, old_lanes)
    lanes, old_lanes = _pairs(here.stabilized_up, there.stabilized_up, new_of_old)
    fresh.recommendations_up.carry(lanes, memory.recommendations_up, old_lanes)
    lanes, old_lanes = _pairs(here.delayed, there.delayed, new_of_old)
    fresh.delays.carry(lanes, memory.delays, old_lanes)
    fresh.rates.carry(memory.rates, new_of_old)
    there_of = {name: place for place, name in enumerate(memory.fleet.tenants)}
    here_there = [(place, there_of[name]) for place, name in enumerate(fresh.fleet.tenants) if name in there_of]
    tenants, old_tenants = np.array(here_there, np.int64).reshape(-1, 2).T
    fresh.credit[tenants] = memory.credit[old_tenants]
    fresh.holding.carry(tenants, memory.holding, old_tenants)


def _pairs(lanes: Lanes, old_lanes: Lanes, new_of_old: Ints) -> tuple[Ints, Ints]:
    """Give lanes here and lanes there of the same functions."""
    _, here, there = np.intersect1d(lanes.rows, new_of_old[old_lanes.rows], return_indices=True)
    return here, there


def _same_functions(new: Fleet, old: Fleet) -> Ints:
    """Give `(functions of the new fleet,) int64`, the row in the old fleet; -1: not the same function."""
    uids, find = old.uids, old.row_of.get
    rows = (find(key, -1) for key in new.keys)
    same = (row if row >= 0 and uids[row] == uid else -1 for row, uid in zip(rows, new.uids, strict=True))
    return np.fromiter(same, np.int64, len(new))


def _same_lanes(new: Fleet, old: Fleet, new_of_old: Ints) -> Ints:
    """Give `(lanes of the old fleet,) int64`, the lane of the same metric of the same function; -1: none."""
    place = {
        (row, kind, name): lane
        for lane, (row, kind, name) in enumerate(
            zip(new.others.rows.tolist(), new.others.kind.tolist(), new.others.names, strict=True)
        )
    }
    rows = new_of_old[old.others.rows].tolist()
    found = (place.get(one, -1) for one in zip(rows, old.others.kind.tolist(), old.others.names, strict=True))
    return np.fromiter(found, np.int64, len(old.others.rows))
