"""Held requests as futures: one timer for all of them, and releases in turns that let others run."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import MOST_HELD, Hold, Holds, Released
from autoscaler.daemon.fairness import Line
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.ports import Clock, WakeResult, WakeState

RELEASED_AT_ONCE = 32
"""Requests released in one turn of the event loop. Each is then answered in that turn, which takes some 0.1 ms; between
two turns writes, watches and other tenants have theirs."""


class HeldRequests:
    """Keeps a future for each request of a `Holds`; no task of its own for any of them.

    Attributes:
        holds: who waits; whatever it releases is given to `let_go`.

    Args:
        clock: measures holds.
        log: told of each request that is held; None: nobody is.
        most_held: requests held at once in all.
        left: called when nobody waits for a function any more.
    """

    def __init__(
        self,
        clock: Clock,
        log: WakeLog | None = None,
        most_held: int = MOST_HELD,
        left: Callable[[FunctionKey], None] = lambda key: None,
    ) -> None:
        self.holds = Holds(most_held)
        self._clock = clock
        self._log = log
        self._left = left
        self._ids = itertools.count()
        self._futures: dict[int, asyncio.Future[Released]] = {}
        self._ended: dict[int, Released] = {}  # those whose turn has yet to come
        self._line: Line[int] = Line()
        self._is_draining = False
        self._sooner = asyncio.Event()
        self._until_s = 0.0
        self._timer: asyncio.Task[None] | None = None

    async def hold(self, hold: Hold, came: Callable[[], None] = lambda: None) -> WakeResult:
        """Hold a request until it is let go; cancelling this gives its place up.

        Args:
            hold: made with an id of `next_id`.
            came: called once it is in its place.
        """
        started_s = self._clock.now().monotonic_s
        state = self.holds.arrive(hold, started_s)
        if state is not None:
            if self._log is not None:
                self._log.turned_away(hold.key, hold.tenant, state, started_s)
            return WakeResult(state, 0.0)
        future: asyncio.Future[Released] = asyncio.get_running_loop().create_future()
        self._futures[hold.id] = future
        if self._log is not None:
            self._log.asked(hold.key, hold.tenant, started_s)
        self._keep_time(hold.ends_s)
        came()
        try:
            released = await future
        finally:
            self._hang_up(hold)
        return WakeResult(released.state, self._clock.now().monotonic_s - started_s, released.reason)

    def next_id(self) -> int:
        """Name the next request."""
        return next(self._ids)

    def let_go(self, released: Sequence[Released]) -> None:
        """Let requests go that the state machine released: at once if they are few, else tenants take turns."""
        now_s = self._clock.now().monotonic_s
        ids: defaultdict[str, list[int]] = defaultdict(list)
        for one in released:
            for hold in one.holds:
                self._ended[hold.id] = one
                ids[hold.tenant].append(hold.id)
        for tenant, theirs in ids.items():
            self._line.join(tenant, theirs, now_s)
        for one in released:
            self._tell_left(one.key)
        if not self._is_draining:
            self._drain()

    def close(self) -> None:
        """Let everybody go, to ask anew."""
        self.let_go(self.holds.moved())
        if self._timer is not None:
            self._timer.cancel()

    def _drain(self) -> None:
        """Answer those whose turn it is; the rest in further turns of the event loop."""
        now_s = self._clock.now().monotonic_s
        answered: Counter[tuple[FunctionKey, WakeState, str | None]] = Counter()
        for _ in range(RELEASED_AT_ONCE):
            id_ = self._line.pop(self._ended.__contains__)
            if id_ is None:
                break
            ended = self._ended.pop(id_)
            if not self._futures[id_].done():  # else it was given up a moment ago, and is about to say so itself
                self._futures.pop(id_).set_result(ended)
                answered[ended.key, ended.state, ended.reason] += 1
        if self._log is not None:
            for (key, state, reason), count in answered.items():
                self._log.released(key, state, count, now_s, reason)
        self._is_draining = len(self._line) > 0
        if self._is_draining:
            asyncio.get_running_loop().call_soon(self._drain)

    def _hang_up(self, hold: Hold) -> None:
        """Forget a request that was given up before its answer; one that was answered is forgotten already."""
        if self._futures.pop(hold.id, None) is None:
            return
        self._ended.pop(hold.id, None)
        self.holds.leave(hold.id)
        if self._log is not None:
            self._log.released(hold.key, None, 1, self._clock.now().monotonic_s)
        self._tell_left(hold.key)

    def _tell_left(self, key: FunctionKey) -> None:
        if not self.holds.is_awaited(key):
            self._left(key)

    def _keep_time(self, end_s: float) -> None:
        if self._timer is None or self._timer.done():
            self._until_s = end_s
            self._timer = asyncio.ensure_future(self._let_late_go())
        elif end_s < self._until_s:
            self._sooner.set()

    async def _let_late_go(self) -> None:
        """Let those go whose hold is over, for as long as anybody is held."""
        while (end_s := self.holds.next_end_s()) is not None:
            self._until_s = end_s
            self._sooner.clear()
            await flag_or_time(self._sooner, self._clock, end_s - self._clock.now().monotonic_s)
            self.let_go(self.holds.expire(self._clock.now().monotonic_s))
