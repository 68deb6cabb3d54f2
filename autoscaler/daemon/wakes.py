"""The wake hub: requests held until their function can be reached, single-flight, bounded, released by the watch."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.holds import MOST_HELD, Hold
from autoscaler.daemon.held import HeldRequests
from autoscaler.daemon.reaching import Dial, Reaching
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.ports import Clock, ScaleOutcome, WakeResult, WakeState

HOPELESS = frozenset({ScaleOutcome.GONE, ScaleOutcome.FORBIDDEN, ScaleOutcome.INVALID})
"""Outcomes of a write after which no replica will come of holding on."""

DECISION_S = 2.0
"""How long a wake that does not hold waits for the decision, which takes milliseconds."""

LOOKED_AT_ONCE = 500
"""Functions looked at in one turn of the event loop after a step, some microseconds each."""


class WakeHub:
    """Holds requests by function; all that hold for one function are one wake.

    Who waits and who is let go is said by `core.holds`; this gives it the time, and asks for what it needs.

    Args:
        clock: measures holds.
        ask: makes the wake of a function an event that becomes a step at once; False: it can't be woken.
        serves: tells whether a function has replicas that are ready and will stay.
        dial: tries whether a function is reached through its Service.
        told: told of a function before anybody hears that it is ready: somebody comes for it.
        log: the account of wakes.
    """

    def __init__(
        self,
        clock: Clock,
        ask: Callable[[FunctionKey], bool],
        serves: Callable[[FunctionKey], bool],
        dial: Dial,
        told: Callable[[FunctionKey], None] = lambda key: None,
        log: WakeLog | None = None,
        most_held: int = MOST_HELD,
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._serves = serves
        self._told = told
        self._log = log if log is not None else WakeLog()
        self._reaching = Reaching(dial, clock, self._reached)
        self._requests = HeldRequests(clock, self._log, most_held, self._nobody_waits)
        self._holds = self._requests.holds
        self._unasked: set[FunctionKey] = set()

    async def wake(
        self, key: FunctionKey, hold_s: float, waiters: int, tenant: str, *, is_refused: bool = False
    ) -> WakeResult:
        """Ask for a function and hold until it is ready; cancelling the call gives the place up.

        Args:
            hold_s: longest wait, seconds; 0: only until it is decided whether it starts.
            waiters: requests that this function may hold at once.
            tenant: whose function it is.
            is_refused: a connection was refused just now, so that only one that succeeds from now on says that it is ready.
        """
        if is_refused:
            self._reaching.doubt(key)
        if self._serves(key) and self._reaching.is_reached(key):
            self._told(key)
            return WakeResult(WakeState.READY, 0.0)
        ends_s = self._clock.now().monotonic_s + (hold_s if hold_s > 0 else DECISION_S)
        hold = Hold(self._requests.next_id(), key, tenant, ends_s, waiters, is_starter=hold_s <= 0)
        return await self._requests.hold(hold, lambda: self._came(key))

    def waiting(self, key: FunctionKey) -> int:
        """Give the requests held for a function."""
        return self._holds.waiting(key)

    def column(self, fleet: Fleet) -> Floats:
        """Give requests held by row: `(functions,) float64`."""
        return self._holds.column(fleet)

    def heard(self, key: FunctionKey) -> None:
        """Take in that something of a function has changed: requests for it are released once it is reached.

        Of most functions nobody asks anything, and a list of 100,000 Services tells of each.
        """
        if not (self._holds.is_awaited(key) or key in self._unasked or self._reaching.concerns(key)):
            return
        if not self._serves(key):
            self._reaching.lost(key)
            self._ask_anew(key)
        elif self._holds.is_awaited(key):
            self._want(key)

    def decided(
        self, decisions: Decisions, events: Sequence[Event], *, is_acted_on: bool = True
    ) -> Sequence[FunctionKey]:
        """Tell those that hold for a function what a step made of it: one that stays at 0 is refused, one that
        runs already (a cut to 0 was called back) is ready once it is reached, one that is gone is not found.

        Args:
            decisions: of a tick or of a step between ticks.
            events: those that the step was given.
            is_acted_on: what was decided is written.

        Returns:
            Functions that are to run by this step, and for which somebody waited.
        """
        told = self._holds.decided(decisions, events, is_acted_on=is_acted_on)
        self._requests.let_go(told.released)
        self._look_at(told.wanted)
        for key in told.asleep:
            self._ask_anew(key)
        return told.wanted

    def settled(self, key: FunctionKey, outcome: ScaleOutcome) -> None:
        """Take in what became of a write: where it was to start a function and was refused, nobody waits on for it."""
        if outcome in HOPELESS:
            self._requests.let_go(self._holds.hopeless(key))
        else:
            self.heard(key)

    def out_of_reach(self) -> Iterator[FunctionKey]:
        """Give the functions that are ready, are waited for, and do not answer through their Services."""
        return self._reaching.out_of_reach()

    def close(self) -> None:
        """Let everybody go, to ask whoever decides from now on; nobody comes after this."""
        self._requests.close()

    async def closed(self) -> None:
        """Stop trying to reach anything; after `close`."""
        await self._reaching.close()

    def _look_at(self, keys: Sequence[FunctionKey]) -> None:
        """Release those who wait for functions that serve already; of thousands some in each turn of the event loop."""
        for key in keys[:LOOKED_AT_ONCE]:
            if self._holds.is_awaited(key) and self._serves(key):
                self._want(key)
        if len(keys) > LOOKED_AT_ONCE:
            asyncio.get_running_loop().call_soon(self._look_at, keys[LOOKED_AT_ONCE:])

    def _came(self, key: FunctionKey) -> None:
        if self._serves(key):  # nothing to start; should it go meanwhile, a step is asked for then
            self._unasked.add(key)
            self._want(key)
        else:
            self._unasked.discard(key)
            self._start(key)

    def _start(self, key: FunctionKey) -> None:
        if not self._ask(key):
            self._requests.let_go(self._holds.hopeless(key))

    def _ask_anew(self, key: FunctionKey) -> None:
        """Ask for a function that served when somebody came for it, and serves no more."""
        if key in self._unasked:
            self._unasked.discard(key)
            self._start(key)

    def _want(self, key: FunctionKey) -> None:
        if self._reaching.is_reached(key):
            self._reached(key)
        else:
            self._reaching.want(key)

    def _reached(self, key: FunctionKey) -> None:
        """Release everybody who waits for a function, unless it went while it was tried."""
        if self._serves(key):
            self._told(key)
            self._log.ready(key, self._clock.now().monotonic_s)
            self._requests.let_go(self._holds.reached(key))

    def _nobody_waits(self, key: FunctionKey) -> None:
        self._unasked.discard(key)
        self._reaching.let_be(key)
