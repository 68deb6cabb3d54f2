"""Which functions this daemon has reached through their Services since they became ready."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.rounds import ended
from autoscaler.ports import Clock, Reached

FIRST_WAIT_S, MOST_WAIT_S = 0.01, 0.2
"""Between two tries of one function. Packet rules follow an endpoint within some 10 ms to a second."""
SETTLED_S = 1.2
"""Time after which a connection is taken to reach a new replica although an old one still ends: packet rules lead to the old
one until they know of the new, which takes kube-proxy up to its `minSyncPeriod` of a second."""
SILENT_TRIES = 3
"""Tries in a row without an answer, of a second each, after which a function is said to be out of reach."""

Dial = Callable[[FunctionKey], Awaitable[Reached]]


class Reaching:
    """Tries functions that somebody waits for, each in one task, until a connection through its Service succeeds.

    What was reached once is taken to be reachable until `lost` is told: who asks for a running function is not made
    to wait for another connection.

    Args:
        dial: tries once; what has no address to try counts as reached.
        clock: spaces tries.
        on_reached: called in the event loop once a function was reached.
    """

    def __init__(self, dial: Dial, clock: Clock, on_reached: Callable[[FunctionKey], None]) -> None:
        self._dial = dial
        self._clock = clock
        self._on_reached = on_reached
        self._reached: set[FunctionKey] = set()
        self._trying: dict[FunctionKey, asyncio.Task[None]] = {}
        self._silent: set[FunctionKey] = set()

    def is_reached(self, key: FunctionKey) -> bool:
        """Tell whether a function was reached, and not lost since."""
        return key in self._reached

    def concerns(self, key: FunctionKey) -> bool:
        """Tell whether a function was reached, or is tried."""
        return key in self._reached or key in self._trying

    def want(self, key: FunctionKey) -> None:
        """Try a function that has a ready endpoint, until it is reached, lost or let be."""
        if key not in self._reached and key not in self._trying:
            self._trying[key] = asyncio.create_task(self._try(key))

    def doubt(self, key: FunctionKey) -> None:
        """Note that somebody was refused a moment ago: what was reached before has to be reached again."""
        self._reached.discard(key)

    def let_be(self, key: FunctionKey) -> None:
        """Stop trying: nobody waits for it any more."""
        task = self._trying.pop(key, None)
        if task is not None:
            task.cancel()
        self._silent.discard(key)

    def lost(self, key: FunctionKey) -> None:
        """Note that nobody is behind a function's Service now, or soon will be."""
        self._reached.discard(key)
        self.let_be(key)

    def out_of_reach(self) -> Iterator[FunctionKey]:
        """Give the functions that are tried now, and do not even refuse: packets to them are dropped on the way."""
        return iter(sorted(self._silent))

    async def close(self) -> None:
        """Stop trying anything."""
        tasks = list(self._trying.values())
        self._trying.clear()
        await ended(tasks)

    async def _try(self, key: FunctionKey) -> None:
        try:
            await self._until_reached(key)
        finally:
            if self._trying.get(key) is asyncio.current_task():  # else it was let be, and perhaps is tried anew
                del self._trying[key]
        self._reached.add(key)
        self._on_reached(key)

    async def _until_reached(self, key: FunctionKey) -> None:
        wait_s, silent, lingers_since_s = FIRST_WAIT_S, 0, math.inf
        while (answer := await self._dial(key)) not in (Reached.REACHED, Reached.UNKNOWN):
            now_s = self._clock.now().monotonic_s
            lingers_since_s = min(lingers_since_s, now_s) if answer is Reached.LINGERING else math.inf
            if now_s - lingers_since_s >= SETTLED_S:
                break
            silent = silent + 1 if answer is Reached.SILENT else 0
            (self._silent.add if silent >= SILENT_TRIES else self._silent.discard)(key)
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, MOST_WAIT_S)
        self._silent.discard(key)
