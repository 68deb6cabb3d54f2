"""A process as the kernel sees it: it runs, stands still or is dead, and has a clock of its own."""

import asyncio
import math

from autoscaler.core.now import Now
from tests.deterministic.eventloop import VirtualLoop

UTC_S = 1_800_000_000.0
"""UTC at virtual second 0."""


class Process:
    """One start of a daemon. Everything that enters or leaves it goes through `gate`.

    Attributes:
        name: of the daemon, the same over restarts.
        number: of this start; no two processes share one.
        is_dead: it was killed: nothing of it will ever go on.
        wall_s: how wrong its wall clock is, seconds.
        started_s: virtual seconds of its start.
        paused_s: virtual seconds at which it last went on after a pause; its start before that.
        heard_s: virtual seconds at which it last heard of the Deployments, if only that nothing changed.
        views: when it saw which resource version of Deployments first, ascending.
    """

    def __init__(self, loop: VirtualLoop, name: str, number: int, origin_s: float) -> None:
        self.name = name
        self.number = number
        self.is_dead = False
        self.wall_s = 0.0
        self.started_s = self.paused_s = self.heard_s = loop.now_s
        self.views: list[tuple[float, int]] = []
        self._loop = loop
        self._origin_s = origin_s
        self._going_on: asyncio.Future[None] | None = None
        self._never: asyncio.Future[None] = loop.create_future()

    @property
    def identity(self) -> str:
        """Name it in a Lease."""
        return f"{self.name}-{self.number}"

    @property
    def is_paused(self) -> bool:
        return self._going_on is not None

    def now(self) -> Now:
        """Give this machine's monotonic and wall clock; the first goes on while it stands still."""
        return Now(self._origin_s + self._loop.now_s, UTC_S + self._loop.now_s + self.wall_s)

    def at_s(self, monotonic_s: float) -> float:
        """Give virtual seconds of a time of this machine's monotonic clock."""
        return monotonic_s - self._origin_s

    async def sleep(self, seconds: float) -> None:
        """Wait; a timer that ends while the process stands still is seen when it goes on."""
        await asyncio.sleep(max(0.0, seconds))
        await self.gate()

    def hears(self) -> None:
        """Note that the API server answered something about Deployments."""
        self.heard_s = self._loop.now_s

    def saw(self, version: int) -> None:
        """Note that the changes up to a version reached it."""
        self.hears()
        if not self.views or version > self.views[-1][1]:
            self.views.append((self._loop.now_s, version))

    def saw_at_s(self, version: float) -> float:
        """Give when it saw a version, or a later one, first; inf: not yet."""
        return next((at_s for at_s, seen in self.views if seen >= version), math.inf)

    async def gate(self) -> None:
        """Go on if the process runs; else when it goes on, which a dead one never does."""
        while self._going_on is not None or self.is_dead:
            if self.is_dead:
                await asyncio.shield(self._never)
            elif self._going_on is not None:
                await asyncio.shield(self._going_on)

    def standing_still(self) -> "asyncio.Future[None] | None":
        """Give what is done when it goes on; None: it runs."""
        return self._never if self.is_dead else self._going_on

    def pause(self) -> None:
        """Stop it where it is (SIGSTOP)."""
        if self._going_on is None:
            self._going_on = self._loop.create_future()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        if self._going_on is not None:
            going_on, self._going_on = self._going_on, None
            self.paused_s = self._loop.now_s
            going_on.set_result(None)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self.is_dead = True
        self.resume()
