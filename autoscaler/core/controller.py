"""The controller: the only thing that changes the core's state, and nothing but the order of things."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.between import between_ticks
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.boosts import BoostInForce, Boosts
from autoscaler.core.columns import Floats, Ints, true_at, with_rows
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, BoostResolved, Effect, Event, Wake
from autoscaler.core.floors import Floor
from autoscaler.core.invariants import check_decisions, check_memory
from autoscaler.core.memory import Memory, followed
from autoscaler.core.nothing import no_decisions
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.recall import recall
from autoscaler.core.rounding import MOST_REPLICAS
from autoscaler.core.staged import NOBODY
from autoscaler.core.tick import tick

LEAST_WAKE_S = 60.0
"""A wake's floor holds for a stable window, and no shorter than this: so long a start may take. Once the function is
ready it holds for as long as the request it was for may take to show in its load, counted from there."""

SCRAPED_WITHIN = 1.25
"""A request shows in a sample one range and one scrape after it came, at the latest; a range is four scrapes at least."""

EARLY_EVENTS = 10_000
"""Events kept until the first observation; over it they are refused and counted."""


class Controller:
    """Decides replicas of all functions.

    The same object runs in the daemon, in the twin's demo and in the simulator. It reads no clock and makes no
    call: the same steps with the same inputs give the same bytes.

    Attributes:
        refused: events that found no place (boosts over a tenant's bound, events before the first observation).
    """

    def __init__(self, blast_radius: BlastRadiusRule | None) -> None:
        """Start without any memory.

        Args:
            blast_radius: limit of load-driven cuts by tenant; None: off.
        """
        self._blast_radius = blast_radius
        self._memory: Memory | None = None
        self._boosts = Boosts()
        self._held: Ints = NOBODY
        self._last: Decisions | None = None
        self._now_s = -np.inf
        self._early: dict[Event, None] = {}
        self._early_refused = 0

    def anew(self) -> "Controller":
        """Give a controller under the same limit, without memory: it knows what one does that was just started."""
        return Controller(self._blast_radius)

    @property
    def refused(self) -> int:
        return self._boosts.refused + self._early_refused

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        """Decide.

        With an observation it is a full tick over all functions. Without one it only raises, and decides no
        rows but those that events name.

        Args:
            now: the moment; monotonic time that runs backwards is taken as standing still.
            observation: what the tick saw; None: a step between ticks.
            events: what happened since the last step; repetitions change nothing more.
        """
        now = self._forward(now)
        if observation is not None:
            return self._tick(now, observation, events)
        if self._memory is None or self._last is None:
            self._keep_early(events)
            return no_decisions(now)
        rows = self._apply(self._memory, events, now.monotonic_s)
        others = self._floors(self._memory, now.monotonic_s)
        return between_ticks(now, self._memory, self._last, held=self._held, rows=rows, others=others)

    def recall(self, at: Now, observation: Observation) -> Decisions:
        """Take in a sample of the past, oldest first, before the first tick; nothing is decided.

        After it the first tick decides as one of a controller that has run since then, over replicas that did not
        change and that it did not change. After the first tick, and no later than what was told, it changes nothing.

        Args:
            at: the moment that the sample is of.
            observation: the sample, beside the replicas of now; nobody waits, nobody holds anything.

        Returns:
            Decisions on no function.
        """
        now_s = at.monotonic_s
        told_s = -np.inf if self._memory is None else self._memory.proof.idle.last_s
        if self._last is None and told_s < now_s < np.inf:
            memory = self._memory = followed(self._memory, observation, now_s, np.inf)
            recall(memory, observation, now_s)
        return no_decisions(at)

    def boosts(self, now: Now) -> tuple[BoostInForce, ...]:
        """Give the boosts, freezes and wakes of alerts that are in force, in the order in which they came."""
        return self._boosts.in_force(now.monotonic_s)

    @property
    def state_bytes(self) -> int:
        """Bytes of the state kept for all functions, the last decisions apart."""
        return 0 if self._memory is None else self._memory.size_bytes

    def check_invariants(self) -> None:
        """Check what must always hold of the state and of the last tick's decisions.

        Raises:
            InvariantError: something does not hold.
        """
        if self._memory is not None and self._last is not None:
            check_memory(self._memory)
            check_decisions(self._last.whole(), self._memory.derived)

    def _tick(self, now: Now, observation: Observation, events: Sequence[Event]) -> Decisions:
        is_recalled = self._memory is not None and self._last is None
        memory = self._memory = followed(self._memory, observation, now.monotonic_s, now.utc_s)
        if is_recalled:
            memory.begin(observation, now.monotonic_s, now.utc_s)
        self._apply(memory, [*self._early, *events], now.monotonic_s)
        self._early.clear()
        self._boosts.lift(now.monotonic_s)
        self._held = true_at(observation.is_held)
        self._count_from_ready(memory, observation, now.monotonic_s)
        others = self._floors(memory, now.monotonic_s)
        frozen = self._boosts.frozen(memory.fleet)
        self._last = tick(
            now, memory, observation, held=self._held, others=others, frozen=frozen, rule=self._blast_radius
        )
        return self._last

    def _forward(self, now: Now) -> Now:
        """Let time go forward alone; what is no time stands still."""
        if np.isfinite(now.monotonic_s) and now.monotonic_s >= self._now_s:
            self._now_s = now.monotonic_s
        elif self._now_s == -np.inf:
            self._now_s = 0.0
        return Now(self._now_s, now.utc_s if np.isfinite(now.utc_s) else 0.0)

    def _keep_early(self, events: Sequence[Event]) -> None:
        """Keep events until functions are known, each once, where it was told last: of two levels the later holds."""
        for event in events:
            if event in self._early or len(self._early) < EARLY_EVENTS:
                self._early.pop(event, None)
                self._early[event] = None
            else:
                self._early_refused += 1

    def _apply(self, memory: Memory, events: Sequence[Event], now_s: float) -> Ints:
        """Write events into the state; give the rows they raise, ascending."""
        firing = [event for event in events if isinstance(event, BoostFiring)]
        named = [
            self._wake(memory, [event for event in events if isinstance(event, Wake)], now_s),
            self._fire(memory, firing, now_s) if firing else NOBODY,
        ]
        last = {event.id: event for event in events if not isinstance(event, Wake)}  # of two levels the later holds
        for event in last.values():
            if isinstance(event, BoostResolved):
                self._boosts.resolve(event.id)
        rows = np.unique(np.concatenate(named)) if events else NOBODY
        memory.at_rest[rows] = False
        return rows

    def _wake(self, memory: Memory, wakes: Sequence[Wake], now_s: float) -> Ints:
        """Raise the floors of all that are woken. Wakes are levels: their order, and a repetition, change nothing."""
        find = memory.fleet.row_of.get
        found = [(row, wake.waiting) for wake in wakes if (row := find(wake.key)) is not None]
        if not found:
            return NOBODY
        rows, waiting = np.array(found, np.int64).T
        rules = memory.fleet.rules
        floor = np.where(memory.settled[rows] == 0, np.maximum(rules.activation[rows], 1.0), 1.0)
        memory.wake_floor[rows[memory.wake_ends_s[rows] <= now_s]] = 0.0
        np.maximum.at(memory.wake_floor, rows, floor)
        np.maximum.at(memory.waiting, rows, waiting.astype(np.float64))
        memory.woken.append(np.unique(rows[waiting > 0]))
        memory.active_s[rows] = now_s
        memory.wake_ends_s[rows] = now_s + np.maximum(rules.stable_window_s[rows], LEAST_WAKE_S)
        memory.is_starting[rows] = True
        named = np.unique(rows)
        memory.awake = with_rows(memory.awake, named)
        return named

    def _count_from_ready(self, memory: Memory, observation: Observation, now_s: float) -> None:
        """Let a wake's floor end once the load of a function that has become ready is known by itself.

        It becomes so once: one that flaps is held up no longer for it, and requests that are still held for one ask by
        themselves. A replica that was wanted at the last tick too is not one of before the wake that still ends.
        """
        if not memory.awake.size:
            return
        rows = memory.awake[memory.is_starting[memory.awake] & (memory.wake_ends_s[memory.awake] > now_s)]
        is_wanted = (observation.requested[rows] >= 1) & (memory.found[rows] >= 1)
        rows = rows[is_wanted & (observation.ready[rows] >= 1)]
        window_s = np.maximum(memory.fleet.rules.stable_window_s[rows], SCRAPED_WITHIN * memory.range_s[rows])
        memory.wake_ends_s[rows] = now_s + window_s
        memory.is_starting[rows] = False

    def _fire(self, memory: Memory, events: Sequence[BoostFiring], now_s: float) -> Ints:
        def floors_of(rows: Ints, firing: Sequence[BoostFiring]) -> Floats:
            factor, add = (np.array([getattr(event, name) for event in firing]) for name in ("factor", "add"))
            with np.errstate(over="ignore", invalid="ignore"):
                boosted = memory.known_demand[rows] * factor + add
            floors = np.array([np.nan if event.floor is None else event.floor for event in firing])
            is_wake = np.array([event.effect is Effect.WAKE for event in firing])
            floors[is_wake] = np.maximum(memory.fleet.rules.activation[rows[is_wake]], 1.0)
            for otherwise in (boosted, memory.settled[rows]):
                np.copyto(floors, otherwise, where=np.isnan(floors))
            result: Floats = np.clip(np.ceil(floors), 0.0, MOST_REPLICAS)
            return result

        return self._boosts.fire(events, memory.fleet, floors_of, now_s)

    def _floors(self, memory: Memory, now_s: float) -> tuple[Floor, ...]:
        awake = memory.awake = memory.awake.compress(memory.wake_ends_s.take(memory.awake) > now_s)
        return Floor(awake, memory.wake_floor[awake], Reason.WAKE), *self._boosts.floors(memory.fleet)
