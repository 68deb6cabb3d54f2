"""What the server may ask of wakes, whether or not this daemon decides at that moment."""

from dataclasses import dataclass, replace

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import MOST_HELD, Hold
from autoscaler.daemon.health import held_because
from autoscaler.daemon.held import HeldRequests
from autoscaler.daemon.planner import Planned
from autoscaler.daemon.term import Term
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.ports import Caller, Clock, Cluster, Leadership, WakeResult, WakeState

DRY_RUN = "DRY_RUN"
NEVER_WOKEN = "WAKE_NOT_ALLOWED"

UNKNOWN_HOLD_S = 25.0
"""Longest hold of a request whose policy is not known yet; the policy's own default."""
MOST_NAMED = 3
LOOK_S = 1.0
"""How often a request that no term can take looks whether this daemon is still the one that decides."""


class Waking:
    """Answers wakes by the term that decides, and holds them where that has yet to begin.

    A request outlives terms: one that is held when a term ends, or comes before the next has a plan, asks the next one,
    within its hold. Where that is another daemon's, the caller is told so (MOVED) and asks there.

    Attributes:
        term: what decides now; None: nothing does.
        is_ending: nothing will decide here any more.

    Args:
        clock: measures holds.
        cluster: says whether anything can be written.
        leadership: says whether this daemon decides.
        log: the account of wakes.
        is_dry: the whole daemon writes nothing.
    """

    def __init__(self, clock: Clock, cluster: Cluster, leadership: Leadership, log: WakeLog, *, is_dry: bool) -> None:
        self.term: Term | None = None
        self.is_ending = False
        self._clock = clock
        self._cluster = cluster
        self._leadership = leadership
        self._log = log
        self._is_dry = is_dry
        self._early = HeldRequests(clock)

    async def wake(
        self, caller: Caller, key: FunctionKey, hold_s: float | None, is_refused: bool = False
    ) -> WakeResult:
        """Start a function and hold until it is ready; cancelling the call gives the place up.

        Args:
            hold_s: longest wait, seconds, cut to the policy's own; 0: start, don't wait; None: the policy's.
            is_refused: a connection to the function was refused just now.
        """
        asked = _Asked(caller, key, hold_s, is_refused, self._now_s())
        result = WakeResult(WakeState.MOVED, 0.0)
        while result.state is WakeState.MOVED and self._leadership.state().is_leader:
            term = self.term
            if term is not None and term.planned is not None:
                result = await self._ask_term(term, term.planned, asked)
            elif self.is_ending:
                if self._leadership.state().lease is None:
                    result = WakeResult(WakeState.NOT_READY, 0.0)
                break
            else:
                result = await self._wait_for_a_term(asked)
        return replace(result, waited_s=self._now_s() - asked.at_s)

    def look_again(self) -> None:
        """Let those ask again who wait for a term with a plan: there is one, or there will be none."""
        self._early.let_go(self._early.holds.moved())

    def problems(self) -> list[str]:
        """Say which functions are ready and do not even refuse a connection from here; one sentence, or none."""
        names = [str(key) for key in self.term.hub.out_of_reach()] if self.term is not None else []
        if not names:
            return []
        which = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
        return [
            f"{len(names)} functions that are waited for and ready cannot be reached from here through their Services "
            f"({which}): does a NetworkPolicy stand in the way? (kubernetes.dial)"
        ]

    async def _wait_for_a_term(self, asked: "_Asked") -> WakeResult:
        """Hold a request of which nothing is known yet; places are shared among callers, since tenants are not known."""
        now_s = self._now_s()
        left_s = asked.left_s(UNKNOWN_HOLD_S, now_s) if asked.hold_s != 0 else asked.at_s + LOOK_S - now_s
        if left_s <= 0:
            return WakeResult(WakeState.NOT_READY, 0.0)
        tenants = asked.caller.tenants
        whose = "*" if tenants is None else ",".join(sorted(tenants))
        hold = Hold(self._early.next_id(), asked.key, whose, now_s + min(left_s, LOOK_S), MOST_HELD)
        result = await self._early.hold(hold)
        return replace(result, state=WakeState.MOVED) if result.state is WakeState.NOT_READY else result

    async def _ask_term(self, term: Term, planned: Planned, asked: "_Asked") -> WakeResult:
        key, fleet = asked.key, planned.plan.fleet
        row = fleet.row_of.get(key)
        tenant = fleet.tenants[fleet.tenant[row]] if row is not None else ""
        if row is None or not asked.caller.may_see_function(tenant, key):
            return WakeResult(WakeState.NOT_FOUND, 0.0)
        function, serves = planned.plan.functions[row], term.serves(key)
        if serves:
            term.events.touch(key)
        elif (refused := self._refused(planned, row)) is not None:
            return self._turned_away(key, tenant, WakeState.REFUSED, refused)
        elif self._is_away():
            term.events.touch(key)  # it starts once the API server is heard of again
            return self._turned_away(key, tenant, WakeState.NOT_READY)
        # One that is never woken is asked for while it runs, and can be held for that alone.
        may_wake = function.wake_hold_s is not None
        longest_s, waiters = (function.wake_hold_s, function.wake_waiters) if may_wake else (UNKNOWN_HOLD_S, MOST_HELD)
        left_s = asked.left_s(longest_s or 0.0, self._now_s()) if asked.hold_s != 0 else 0.0
        if left_s <= 0 and asked.hold_s != 0:
            return self._turned_away(key, tenant, WakeState.NOT_READY)
        return await term.hub.wake(key, left_s, waiters, tenant, is_refused=asked.is_refused)

    def _is_away(self) -> bool:
        """Tell whether nothing can be written for want of the API server.

        Where it is for want of the Lease alone, the request is held: it is renewed any moment, or another daemon's.
        """
        return self._leadership.may_write() and held_because(self._cluster, self._leadership) is not None

    def _refused(self, planned: Planned, row: int) -> str | None:
        """Say what forbids a function at zero to start, whatever budgets say; None: nothing does."""
        if self._is_dry or not planned.may_write[row]:
            return DRY_RUN
        return NEVER_WOKEN if planned.plan.functions[row].wake_hold_s is None else None

    def _turned_away(self, key: FunctionKey, tenant: str, state: WakeState, reason: str | None = None) -> WakeResult:
        self._log.turned_away(key, tenant, state, self._now_s(), reason)
        return WakeResult(state, 0.0, reason)

    def _now_s(self) -> float:
        return self._clock.now().monotonic_s


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for a function, and when it came."""

    caller: Caller
    key: FunctionKey
    hold_s: float | None
    is_refused: bool
    at_s: float

    def left_s(self, longest_s: float, now_s: float) -> float:
        """Give what is left of its hold, which is no longer than the policy's."""
        held_s = longest_s if self.hold_s is None else min(self.hold_s, longest_s)
        return self.at_s + held_s - now_s
