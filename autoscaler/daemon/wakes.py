"""The wake hub: requests held until a function can serve, single-flight, bounded, released by the watch."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.ports import Clock, ScaleOutcome, WakeResult, WakeState

MOST_HELD = 100_000
"""Requests held at once in all; each costs a few KiB. A tenant may hold as many as there are places left: one alone half of
them, ten that want all of them a tenth each, and whoever comes then still finds as many."""

HOPELESS = frozenset({ScaleOutcome.GONE, ScaleOutcome.FORBIDDEN, ScaleOutcome.INVALID})
"""Outcomes of a write after which no replica will come of holding on."""

DECISION_S = 2.0
"""How long a wake that does not hold waits for the decision, which takes milliseconds."""

_Outcome = tuple[WakeState, str | None]


@dataclass(slots=True)
class _Held:
    waiters: set["asyncio.Future[_Outcome]"] = field(default_factory=set)
    starters: set["asyncio.Future[_Outcome]"] = field(default_factory=set)
    is_asked: bool = False  # a step has had its wake; what steps before it decided says nothing of it


class WakeHub:
    """Holds requests by function; all that hold for one function are one wake.

    Args:
        clock: measures holds.
        notify: takes the event that shall become a step at once.
        ready: gives replicas that can serve now and will stay.
    """

    def __init__(
        self,
        clock: Clock,
        notify: Callable[[Wake], None],
        ready: Callable[[FunctionKey], int],
        most_held: int = MOST_HELD,
    ) -> None:
        self._clock = clock
        self._notify = notify
        self._ready = ready
        self._most_held = most_held
        self._held: dict[FunctionKey, _Held] = {}
        self._count = 0
        self._count_of = Counter[str]()

    async def wake(self, key: FunctionKey, hold_s: float, waiters: int, tenant: str) -> WakeResult:
        """Ask for a function and hold until it is ready.

        Args:
            hold_s: longest wait, seconds; 0: only until it is decided whether it starts.
            waiters: requests that this function may hold at once.
            tenant: whose function it is.
        """
        held = self._held.get(key, _Held())
        places = self._most_held - self._count
        if hold_s > 0 and (len(held.waiters) >= waiters or self._count_of[tenant] >= places):
            return WakeResult(WakeState.FULL, 0.0)
        self._held[key] = held
        future: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        group = held.waiters if hold_s > 0 else held.starters
        group.add(future)
        self._count += 1
        self._count_of[tenant] += 1
        started_s = self._clock.now().monotonic_s
        self._notify(Wake(key, len(held.waiters)))
        try:
            if self._ready(key) >= 1:  # it may have become ready before this waiter was in place
                return WakeResult(WakeState.READY, 0.0)
            state, reason = await self._outcome(future, hold_s)
        finally:
            group.discard(future)
            self._count -= 1
            self._count_of[tenant] -= 1
            if not self._count_of[tenant]:
                del self._count_of[tenant]  # tenants come and go
            if not held.waiters and not held.starters and self._held.get(key) is held:
                del self._held[key]
        return WakeResult(state, self._clock.now().monotonic_s - started_s, reason)

    def waiting(self, fleet: Fleet) -> Floats:
        """Give requests held by row: `(functions,) float64`."""
        result = np.zeros(len(fleet))
        for key, held in self._held.items():
            row = fleet.row_of.get(key)
            if row is not None:
                result[row] = len(held.waiters)
        return result

    def heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Release a function's requests once a replica can serve; the cluster's watch calls this."""
        if requested >= 1 and ready >= 1:
            self._release(key, (WakeState.READY, None))

    def decided(self, decisions: Decisions, events: Sequence[Event]) -> None:
        """Tell those that hold for a function what a step made of it: one that stays at 0 is refused, one that
        runs already (a cut to 0 was called back) is ready, one that is gone is not found.

        Args:
            decisions: of a tick or of a step between ticks.
            events: those that the step was given.
        """
        for event in events:
            if isinstance(event, Wake) and event.key in self._held:
                self._held[event.key].is_asked = True
        if decisions.is_tick:
            for key in [key for key in self._held if key not in decisions.fleet.row_of]:
                self._release(key, (WakeState.NOT_FOUND, None))
        asked = [key for key, held in self._held.items() if held.is_asked and key in decisions.fleet.row_of]
        for key in asked:
            row = decisions.fleet.row_of[key]
            position = int(np.searchsorted(decisions.rows, row))
            if position < len(decisions.rows) and decisions.rows[position] == row:
                self._tell(key, int(decisions.desired[position]), REASON_OF[int(decisions.reason[position])])

    def settled(self, key: FunctionKey, outcome: ScaleOutcome) -> None:
        """Let go of requests whose function will not start: the write that was to start it was refused."""
        if outcome in HOPELESS:
            self._release(key, (WakeState.NOT_READY, None))

    def close(self) -> None:
        """Let go of everything, and hold nothing any more: another daemon decides from now on."""
        self._most_held = 0
        for key in self._held:
            self._release(key, (WakeState.NOT_READY, None))

    async def _outcome(self, future: "asyncio.Future[_Outcome]", hold_s: float) -> _Outcome:
        late = asyncio.ensure_future(self._clock.sleep(hold_s if hold_s > 0 else DECISION_S))
        try:
            await asyncio.wait((future, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        if future.done():
            return future.result()
        return (WakeState.NOT_READY if hold_s > 0 else WakeState.STARTED), None

    def _tell(self, key: FunctionKey, desired: int, reason: Reason) -> None:
        if desired < 1:
            self._release(key, (WakeState.REFUSED, reason.name))
        else:
            _settle(self._held[key].starters, (WakeState.STARTED, None))
            if self._ready(key) >= 1:
                self._release(key, (WakeState.READY, None))

    def _release(self, key: FunctionKey, outcome: _Outcome) -> None:
        held = self._held.get(key)
        if held is not None:
            _settle(held.waiters | held.starters, outcome)


def _settle(futures: set["asyncio.Future[_Outcome]"], outcome: _Outcome) -> None:
    for future in futures:
        if not future.done():
            future.set_result(outcome)
