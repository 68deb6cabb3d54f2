"""How much of the daemon one sender of alerts may have: so many bodies at once, one at work, so many bytes over time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field

from autoscaler.server.errors import Refused
from autoscaler.server.limits import Limits


@dataclass(slots=True)
class _Sender:
    """What one sender has of it.

    Attributes:
        bodies: places for bodies that are in memory.
        work: held while one of them is parsed and taken.
        inside: requests that wait or are in work.
        owed_bytes: read so far and not yet paid off by time.
        paid_s: until when time has paid, seconds of the event loop.
    """

    bodies: asyncio.Semaphore
    paid_s: float
    work: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0
    owed_bytes: float = 0.0


class Admission:
    """Turns of senders, so that none of them delays another, or ticks.

    A full body takes 0.4 s of the interpreter's time. A sender without end, eight at once, left one tick of twenty.
    Bytes are paid for after they were read, since nothing is known before; whoever owes more than a burst waits.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._senders: dict[Hashable, _Sender] = {}

    @contextlib.asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncIterator["Turn"]:
        """Wait for a place in memory; the body is read inside.

        Args:
            who: the sender; all its credentials are one.

        Raises:
            Refused: 503, which Alertmanager repeats: too many wait, or too many bytes are owed.
        """
        now_s = asyncio.get_running_loop().time()
        sender = self._senders.get(who) or self._add(who, now_s)
        self._pay(sender, now_s)
        if sender.inside >= self._limits.alert_requests or sender.owed_bytes > self._limits.alert_burst_bytes:
            raise _too_many(self._limits)
        sender.inside += 1
        try:
            async with sender.bodies:
                yield Turn(sender)
        finally:
            sender.inside -= 1

    def _add(self, who: Hashable, now_s: float) -> _Sender:
        for known, sender in list(self._senders.items()):
            self._pay(sender, now_s)
            if not sender.inside and not sender.owed_bytes:
                del self._senders[known]
        sender = self._senders[who] = _Sender(asyncio.Semaphore(self._limits.alert_bodies), now_s)
        return sender

    def _pay(self, sender: _Sender, now_s: float) -> None:
        paid = (now_s - sender.paid_s) * self._limits.alert_bytes_per_s
        sender.owed_bytes, sender.paid_s = max(0.0, sender.owed_bytes - paid), now_s


class Turn:
    """One request's turn."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender

    @contextlib.asynccontextmanager
    async def work(self, body: bytes, *, is_trusted: bool) -> AsyncIterator[None]:
        """Work on a body that was read, one of the sender's at a time.

        Args:
            is_trusted: it is from an operator, who speaks for every tenant: nothing is owed.
        """
        if not is_trusted:
            self._sender.owed_bytes += len(body)
        async with self._sender.work:
            yield


def _too_many(limits: Limits) -> Refused:
    allowed = (
        f"{limits.alert_requests} requests at once and {limits.alert_bytes_per_s} bytes/s "
        f"after the first {limits.alert_burst_bytes}; it may be repeated later"
    )
    return Refused(503, "too many alerts from this sender", "body", allowed, {"Retry-After": "5"})
