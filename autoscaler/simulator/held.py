"""Requests that a gateway holds for one function while it wakes: the daemon's own rules, in virtual time."""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import Hold, Holds, Released


class HoldRule(NamedTuple):
    """What a policy says of requests to a function that has no ready replica.

    Attributes:
        hold_s: longest wait for one, seconds.
        waiters: requests held at once; 0: the function is never woken, so that a request is turned away.
    """

    hold_s: float
    waiters: int


class Come(NamedTuple):
    """A request that came.

    Attributes:
        at_s: when.
        service_s: how long it is served, once it is.
    """

    at_s: float
    service_s: float


class HeldRequests:
    """Requests by the time of their arrival; who waits and who is let go is said by `core.holds`.

    Every function has a state of its own, since functions of a platform are advanced one after the other. So the bound
    of places by tenant, which all functions of a daemon share, is not simulated.

    Attributes:
        rule: the policy's.
        late: requests let go because their hold ended.
        turned_away: requests refused at once: too many are held, or the function may not start.

    Args:
        key: the function.
        patience_s: longest wait of a caller, whatever the policy allows; inf: for ever.
    """

    def __init__(self, key: FunctionKey, rule: HoldRule, patience_s: float = inf) -> None:
        self.rule = rule
        self.late = self.turned_away = 0
        self._key = key
        self._hold_s = min(rule.hold_s, patience_s)
        self._holds = Holds()
        self._arrived: dict[int, Come] = {}
        self._come = 0

    def __len__(self) -> int:
        return len(self._holds)

    def arrive(self, come: Come) -> bool:
        """Take a request in; False: it is turned away."""
        at_s = come.at_s
        hold = Hold(self._come, self._key, self._key.namespace, at_s + self._hold_s, self.rule.waiters)
        self._come += 1
        if self._holds.arrive(hold, at_s) is not None:
            self.turned_away += 1
            return False
        self._arrived[hold.id] = come
        return True

    def next_end_s(self) -> float:
        """Give the time at which the next hold ends; inf: nobody is held."""
        end_s = self._holds.next_end_s()
        return inf if end_s is None else end_s

    def expire(self, at_s: float) -> Sequence[Come]:
        """Let those go whose hold is over; give them."""
        gone = self._gone(self._holds.expire(at_s))
        self.late += len(gone)
        return gone

    def reached(self) -> Sequence[Come]:
        """Release all, since a replica is ready; give them in the order in which they had come."""
        return self._gone(self._holds.reached(self._key))

    def decided(self, decisions: Decisions, events: Sequence[Event]) -> Sequence[Come]:
        """Take in a step; give those whom it turns away."""
        gone = self._gone(self._holds.decided(decisions, events).released)
        self.turned_away += len(gone)
        return gone

    def still(self) -> Iterable[Come]:
        """Give those who are held now."""
        return self._arrived.values()

    def _gone(self, released: Sequence[Released]) -> list[Come]:
        return [self._arrived.pop(hold.id) for one in released for hold in one.holds]
