"""What all baselines share: a tick is a trail of replicas and reasons, a wake raises, other events are nobody's."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event, Wake
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.outright import between_outright, tick_outright
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.watched import Watched


class Baseline(ABC):
    """Somebody else's rules, stepped as the controller is.

    It knows no tenants' budgets, schedules, boosts or orders by annotation: those are ours alone.

    Attributes:
        hears_wakes: whether a gateway that holds a request asks it; else the gateway holds or refuses by itself.

    Args:
        fleet: the functions.
        watched: the platform's own counters.
    """

    hears_wakes = True

    def __init__(self, fleet: Fleet, watched: Watched) -> None:
        self.fleet = fleet
        self.watched = watched

    @abstractmethod
    def decide(self, now_s: float, observation: Observation) -> Trail:
        """Decide a full tick.

        Returns:
            Replicas and reasons of every row of the fleet.
        """

    def woken(self, _now_s: float, rows: Ints, _waiting: Floats) -> Floats:
        """Give the replicas that functions shall have at least for whom a request is held, `(rows,) float64`.

        Args:
            _now_s: the moment.
            rows: the functions, ascending.
            _waiting: requests held for each.
        """
        return np.ones(len(rows))

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        """Decide; see `run.Decider`."""
        rows, waiting = self._wakes(events)
        floors = self.woken(now.monotonic_s, rows, waiting) if len(rows) else np.empty(0)
        if observation is not None:
            self.fleet = observation.fleet
            trail = self.decide(now.monotonic_s, observation)
            at = np.flatnonzero(trail.replicas[rows] < floors)
            trail.apply(Stage.FLOORS, Change(rows[at], floors[at], Reason.WAKE))
            return tick_outright(now, observation, trail)
        asked = self.watched.requested()[rows]
        trail = Trail(asked.copy(), Reason.PASSED)
        trail.apply(Stage.FLOORS, Change(np.arange(len(rows)), np.maximum(asked, floors), Reason.WAKE))
        return between_outright(now, self.fleet, rows, asked, self.watched.ready()[rows], trail)

    def _wakes(self, events: Sequence[Event]) -> tuple[Ints, Floats]:
        """Give the rows that wakes name, ascending, and the most requests that any of them holds for each."""
        found = [(self.fleet.row_of.get(event.key), event.waiting) for event in events if isinstance(event, Wake)]
        most: dict[int, int] = {}
        for row, waiting in found if self.hears_wakes else ():
            if row is not None:
                most[row] = max(most.get(row, 0), waiting)
        rows = np.array(sorted(most), np.int64)
        return rows, np.array([most[row] for row in rows.tolist()], np.float64)


def hears_wakes(decider: object) -> bool:
    """Tell whether a decider answers requests that a gateway holds; the controller and most baselines do."""
    return decider.hears_wakes if isinstance(decider, Baseline) else True


def within(trail: Trail, low: Floats, high: Floats) -> None:
    """Keep replicas between a minimum and a maximum.

    Args:
        low: `(functions,) float64`.
        high: `(functions,) float64`; inf: none.
    """
    few = np.flatnonzero(trail.replicas < low)
    trail.apply(Stage.FLOORS, Change(few, low[few], Reason.MIN_REPLICAS))
    many = np.flatnonzero(trail.replicas > high)
    trail.apply(Stage.LIMITS, Change(many, high[many], Reason.MAX_REPLICAS))


def ceiling_of(rules: Rules) -> Floats:
    """Give the documents' maxima, whole."""
    result: Floats = np.floor(rules.max_replicas)
    return result


def stay(trail: Trail, rows: Ints, reasons: Codes) -> None:
    """Let rows that nothing was decided of keep the reason that they had.

    Args:
        rows: the rows.
        reasons: `(functions,) uint8`, of the last decision of each.
    """
    for code in np.unique(reasons[rows]).tolist():
        if code not in (Reason.PASSED, Reason.DEMAND):
            same = rows[reasons[rows] == code]
            trail.apply(Stage(code // 10), Change(same, trail.replicas[same], REASON_OF[code]))
