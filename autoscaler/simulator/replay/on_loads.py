"""Loads of a past span under policies: what they would have decided."""

from collections.abc import Callable, Sequence

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.policy.plan import Plan
from autoscaler.simulator.replay.accounts import Accounts
from autoscaler.simulator.replay.lagging import Lagging


class OnLoads:
    """Decides loads that were measured while somebody else, or nobody, scaled.

    Load is taken as it was: more or fewer replicas change no request rate and no requests in flight. A function begins with
    the replicas that it had, or with what the policies give it where nobody knows them.

    Args:
        controller: decides.
        plan_at: the policies as of UTC seconds; asked again when the schedules of a plan run out. The functions stay.
        start_up_s: seconds from a raise until its replicas are ready.

    Attributes:
        accounts: what came of it, by function.
        ticks: ticks decided.
        unscaled: functions that no tenant of the documents has; none where there was no tick.
    """

    def __init__(self, controller: Controller, plan_at: Callable[[float], Plan], start_up_s: float) -> None:
        self.accounts = Accounts()
        self.ticks = 0
        self._controller = controller
        self._plan_at = plan_at
        self._plan: Plan | None = None
        self._start_up_s = start_up_s
        self._requested: Floats = np.empty(0)
        self._lagging = Lagging(self._requested, start_up_s)

    def unscaled(self, keys: Sequence[FunctionKey]) -> Sequence[FunctionKey]:
        """Give which of these functions no tenant of the documents has."""
        return [] if self._plan is None else [key for key in keys if key not in self._plan.fleet.row_of]

    def tick(self, now: Now, load: Load, had: Floats) -> None:
        """Decide on what was measured.

        Args:
            load: rows as the plan's.
            had: `(functions,) float64`, replicas that there were; nan: not known.
        """
        plan = self._followed(now, had)
        fleet, nobody = plan.fleet, np.zeros(len(plan.fleet))
        ready = self._lagging.ready(now.monotonic_s, self._requested)
        seen = Observation(fleet, load, self._requested.copy(), ready, waiting=nobody, is_held=nobody > 0)
        decisions = self._controller.step(now, seen, ())
        self.ticks += 1
        self.accounts.tick(now, None, decisions, had, self._requested, np.arange(len(fleet)))
        self._requested[decisions.rows] = decisions.desired

    def _followed(self, now: Now, had: Floats) -> Plan:
        if self._plan is None or now.utc_s >= self._plan.known_until_s:
            is_first, self._plan = self._plan is None, self._plan_at(now.utc_s)
            self.accounts.follow(self._plan.fleet)
            if is_first:
                self._requested = np.nan_to_num(had)
                self._lagging = Lagging(self._requested.copy(), self._start_up_s)
        return self._plan
