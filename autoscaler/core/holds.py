"""Held requests: who waits for a function, who is turned away, and who is released, as values in and values out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.invariants import InvariantError
from autoscaler.core.reasons import REASON_OF, is_held_on, is_the_pools
from autoscaler.core.wake_state import WakeState

MOST_HELD = 100_000
"""Requests held at once in all; each costs a few KiB. A tenant may hold as many as there are places left: one alone half of
them, ten that want all of them a tenth each, and whoever comes then still finds as many."""

_STALE_ENDS = 1_000


@dataclass(frozen=True, slots=True)
class Hold:
    """One request that asks for a function.

    Attributes:
        id: names it; no other one has the same.
        key: the function.
        tenant: whose function it is.
        ends_s: monotonic seconds at which it is let go, ready or not.
        waiters: requests that its function may hold at once.
        is_starter: it waits only until it is decided whether the function starts, and counts as nobody's waiter.
    """

    id: int
    key: FunctionKey
    tenant: str
    ends_s: float
    waiters: int
    is_starter: bool = False


class Released(NamedTuple):
    """Requests for one function that are held no more. One value for all of them: there can be 10,000 in one moment.

    Attributes:
        key: the function.
        holds: the requests, in the order in which they came, those that only started something last.
        state: how they ended.
        reason: name of the reason code that forbade it; None: nothing did.
    """

    key: FunctionKey
    holds: Sequence[Hold]
    state: WakeState
    reason: str | None = None


class Told(NamedTuple):
    """What a step means for those who wait.

    Attributes:
        released: who is let go by it.
        wanted: functions with replicas decided for them, for which somebody waits: those that serve already are `reached`.
        asleep: functions without, for which somebody came after the step began: a wake of theirs must be told anew.
    """

    released: list[Released]
    wanted: list[FunctionKey]
    asleep: list[FunctionKey]


@dataclass(slots=True)
class _Waiting:
    """Those who wait for one function, by id in the order in which they came."""

    waiters: dict[int, Hold] = field(default_factory=dict)
    starters: dict[int, Hold] = field(default_factory=dict)
    is_asked: bool = False  # a step has had its wake; what steps before it decided says nothing of it


class Holds:
    """Requests that are held, by function.

    Knows no clock and no connection: `now_s` is handed in, and who is let go is handed back. The daemon keeps a future
    for each id, the simulator a request in virtual time.

    Args:
        most_held: requests held at once in all.
    """

    def __init__(self, most_held: int = MOST_HELD) -> None:
        self._most_held = most_held
        self._held: dict[int, Hold] = {}
        self._of: dict[FunctionKey, _Waiting] = {}
        self._of_tenant = Counter[str]()
        self._ends: list[tuple[float, int]] = []  # a heap; those who left are found out when their turn comes

    def __len__(self) -> int:
        """Give the requests held."""
        return len(self._held)

    def __contains__(self, id_: int) -> bool:
        return id_ in self._held

    def is_awaited(self, key: FunctionKey) -> bool:
        """Tell whether somebody waits for a function."""
        return key in self._of

    def waiting(self, key: FunctionKey) -> int:
        """Give the requests held for a function until it is ready."""
        found = self._of.get(key)
        return len(found.waiters) if found is not None else 0

    def column(self, fleet: Fleet) -> Floats:
        """Give requests held by row: `(functions,) float64`."""
        result = np.zeros(len(fleet))
        for key, waiting in self._of.items():
            row = fleet.row_of.get(key)
            if row is not None:
                result[row] = len(waiting.waiters)
        return result

    # Who comes and goes

    def arrive(self, hold: Hold, now_s: float) -> WakeState | None:
        """Take a request in.

        Returns:
            None: it waits, or has waited already; else how it ended: there was no place (FULL), or no time (NOT_READY).
        """
        if hold.id in self._held:
            return None
        if hold.ends_s <= now_s:
            return WakeState.NOT_READY
        if self._of_tenant[hold.tenant] >= self._most_held - len(self._held):
            return WakeState.FULL
        if not hold.is_starter and self.waiting(hold.key) >= hold.waiters:
            return WakeState.FULL
        waiting = self._of.setdefault(hold.key, _Waiting())
        (waiting.starters if hold.is_starter else waiting.waiters)[hold.id] = hold
        self._held[hold.id] = hold
        self._of_tenant[hold.tenant] += 1
        heappush(self._ends, (hold.ends_s, hold.id))
        return None

    def leave(self, id_: int) -> Hold | None:
        """Let one go that hung up, which frees its place at once; None: it was not held."""
        hold = self._held.get(id_)
        if hold is None:
            return None
        waiting = self._of[hold.key]
        del (waiting.starters if hold.is_starter else waiting.waiters)[id_]
        if not waiting.waiters and not waiting.starters:
            del self._of[hold.key]
        self._forget((hold,))
        return hold

    # What lets them go

    def reached(self, key: FunctionKey) -> list[Released]:
        """Release everybody who waits for a function: it can serve."""
        return self._all_of(key, WakeState.READY)

    def hopeless(self, key: FunctionKey) -> list[Released]:
        """Let everybody go who waits for a function that will not start: its write was refused."""
        return self._all_of(key, WakeState.NOT_READY)

    def gone(self, key: FunctionKey) -> list[Released]:
        """Let everybody go who waits for a function that is no more."""
        return self._all_of(key, WakeState.NOT_FOUND)

    def moved(self) -> list[Released]:
        """Let everybody go, to ask whoever decides from now on."""
        return [released for key in list(self._of) for released in self._all_of(key, WakeState.MOVED)]

    def expire(self, now_s: float) -> list[Released]:
        """Let those go whose hold is over; who only started something is told that it was asked for."""
        due: dict[tuple[FunctionKey, WakeState], list[Hold]] = {}
        while (end_s := self.next_end_s()) is not None and end_s <= now_s:
            hold = self._held[self._ends[0][1]]
            self.leave(hold.id)
            state = WakeState.STARTED if hold.is_starter else WakeState.NOT_READY
            due.setdefault((hold.key, state), []).append(hold)
        return [Released(key, holds, state) for (key, state), holds in due.items()]

    def next_end_s(self) -> float | None:
        """Give the monotonic second at which the next hold is over; None: nobody is held."""
        while self._ends and self._ends[0][1] not in self._held:
            heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    def decided(self, decisions: Decisions, events: Sequence[Event], *, is_acted_on: bool = True) -> Told:
        """Take in what a step made of functions for which somebody waits.

        One that stays at 0 is turned away: by the pool, or by a limit of its own. Unless what keeps it there passes by itself:
        between ticks nothing of its tenant is cut, which the next tick does; or a lender waits for what it gets back.

        Args:
            decisions: of a tick or of a step between ticks.
            events: those that the step was given; before a step was given a function's wake, it says nothing of those
                who wait for it.
            is_acted_on: what was decided is written; else who only starts something is told that it does not.
        """
        for event in events:
            if isinstance(event, Wake) and (waiting := self._of.get(event.key)) is not None:
                waiting.is_asked = True
        told = Told([], [], [])
        if decisions.is_tick:
            for key in [key for key in self._of if key not in decisions.fleet.row_of]:
                told.released.extend(self.gone(key))
        for key, waiting, desired, code in self._decided_of(decisions):
            if desired >= 1:
                told.wanted.append(key)
                if waiting.starters and waiting.is_asked:
                    state = WakeState.STARTED if is_acted_on else WakeState.NOT_READY
                    told.released.extend(self._starters_of(key, state))
            elif not waiting.is_asked:
                told.asleep.append(key)
            elif not is_held_on(reason := REASON_OF[code]):
                state = WakeState.EXHAUSTED if is_the_pools(reason) else WakeState.REFUSED
                told.released.extend(self._all_of(key, state, reason.name))
        return told

    def check_invariants(self) -> None:
        """Check what must always hold.

        Raises:
            InvariantError: something does not hold.
        """
        groups = [group for one in self._of.values() for group in (one.waiters, one.starters)]
        ids = [id_ for group in groups for id_ in group]
        tenants = Counter(hold.tenant for hold in self._held.values())
        ends = {id_ for _, id_ in self._ends}
        checks = {
            "everybody waits for one function": sorted(ids) == sorted(self._held),
            "no function without somebody": all(one.waiters or one.starters for one in self._of.values()),
            "tenants are counted": tenants == self._of_tenant and 0 not in self._of_tenant.values(),
            "everybody has an end": ends >= self._held.keys(),
            "the bound holds": len(self._held) <= self._most_held,
            "ends of those who left are few": len(self._ends) <= 2 * len(self._held) + _STALE_ENDS + 1,
        }
        for what, holds in checks.items():
            if not holds:
                raise InvariantError(what)

    def _decided_of(self, decisions: Decisions) -> Iterator[tuple[FunctionKey, _Waiting, float, int]]:
        """Give replicas and reason that were decided for each function for which somebody waits."""
        row_of, keys = decisions.fleet.row_of, decisions.fleet.keys
        if decisions.is_tick:  # all who waited for a function that is gone were let go
            found = list(self._of.items())
            rows = np.fromiter((row_of[key] for key, _ in found), np.int64, len(found))
        else:
            named = [(key, self._of.get(key), row) for row in decisions.rows.tolist() for key in (keys[row],)]
            found = [(key, waiting) for key, waiting, _ in named if waiting is not None]
            rows = np.array([row for _, waiting, row in named if waiting is not None], dtype=np.int64)
        places = np.searchsorted(decisions.rows, rows)
        is_decided = places < len(decisions.rows)
        is_decided[is_decided] = decisions.rows[places[is_decided]] == rows[is_decided]
        places = places[is_decided]
        desired, code = decisions.desired[places].tolist(), decisions.reason[places].tolist()
        for at, replicas, reason in zip(np.flatnonzero(is_decided).tolist(), desired, code, strict=True):
            yield *found[at], replicas, reason

    def _all_of(self, key: FunctionKey, state: WakeState, reason: str | None = None) -> list[Released]:
        found = self._of.pop(key, None)
        if found is None:
            return []
        holds = [*found.waiters.values(), *found.starters.values()]
        self._forget(holds)
        return [Released(key, holds, state, reason)]

    def _starters_of(self, key: FunctionKey, state: WakeState) -> list[Released]:
        starters = list(self._of[key].starters.values())
        for hold in starters:
            self.leave(hold.id)
        return [Released(key, starters, state)] if starters else []

    def _forget(self, holds: Sequence[Hold]) -> None:
        """Free the places of requests that no function knows any more."""
        for hold in holds:
            del self._held[hold.id]
        for tenant, count in Counter([hold.tenant for hold in holds]).items():
            self._of_tenant[tenant] -= count
            if not self._of_tenant[tenant]:
                del self._of_tenant[tenant]  # tenants come and go
        if len(self._ends) > 2 * len(self._held) + _STALE_ENDS:
            self._ends = [(one.ends_s, one.id) for one in self._held.values()]
            heapify(self._ends)
