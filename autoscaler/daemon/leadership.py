"""Who decides: one daemon holds the Lease, the others stand by.

The rules are those of client-go's `tools/leaderelection`. Only what this process observed itself counts, on the
monotonic clock: a holder is followed once its record has stood unchanged in our sight for the duration that the
record names, and a holder stops writing `renewDeadline` after the start of its last renewal that went through. Wall
clocks, its own or others', decide nothing. As client-go says of itself, this alone does not rule out two writers: a
write may be under way while its sender stands still. That one is harmless by the compare-and-set of every write.

Differences: `may_write` is computed when it is asked, where client-go has a flag that a paused process clears too
late; a standby hears of a release through a watch, where client-go polls; and each term, also one after a renewal
that came too late, is told apart from the one before. `kubernetes.aio.leaderelection` is not used: it measures by
the wall clock, polls, never releases, cannot be asked whether a write may go out now, and takes no clock.
"""

import asyncio
import math
from dataclasses import replace

import numpy as np

from autoscaler.daemon.rounds import ended
from autoscaler.daemon.telemetry import log
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.policy.settings import LeadershipSettings
from autoscaler.ports import Clock, LeadershipState, LeaseConflict, LeaseRecord, LeaseStore, LeaseUnavailable

RELEASED_S = 1.0
"""Duration of a released Lease, as client-go has it: whoever looks at durations alone need not wait either."""

_RELEASE_TRIES = 3
_ASKING = "cannot be read or written"
_FOLLOWING = "cannot be followed"


class Alone:
    """Implements `autoscaler.ports.Leadership` where there is no Lease: this daemon decides, always."""

    def may_write(self) -> bool:
        """Tell that it may."""
        return True

    def state(self) -> LeadershipState:
        """Tell that there is no Lease."""
        return LeadershipState(is_leader=True)

    async def gained(self) -> None:
        """Return at once."""

    async def lost(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def run(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Do nothing: there is nothing to give up."""


class Election:
    """Implements `autoscaler.ports.Leadership` by a Lease.

    Args:
        clock: its monotonic time measures everything.
        lease: the Lease.
        settings: its name and its times.
        identity: this process's name in it; no other process may ever have the same, nor this one's next start.
        address: HOST:PORT at which standbys reach this daemon; "": nowhere.
        generator: spreads tries, so that standbys do not come all at once.
    """

    def __init__(
        self,
        clock: Clock,
        lease: LeaseStore,
        settings: LeadershipSettings,
        identity: str,
        address: str,
        generator: np.random.Generator,
    ) -> None:
        self._clock = clock
        self._lease = lease
        self._settings = settings
        self._identity = identity
        self._address = address
        self._generator = generator
        self._record: LeaseRecord | None = None
        self._free_at_s = -math.inf
        self._renewed_s = -math.inf
        self._holds = False
        self._is_over = False
        self._terms = 0
        self._problems: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()

    def may_write(self) -> bool:
        """Tell whether it may at this very moment.

        Computed from the clock: after any pause, of this process or of the machine, the first answer is right.
        """
        return self._holds and not self._is_over and self._now_s() < self._renewed_s + self._settings.renew_deadline

    def state(self) -> LeadershipState:
        """Say who decides."""
        record = self._record
        return LeadershipState(
            is_leader=self.may_write(),
            lease=self._settings.lease,
            identity=self._identity,
            holder=(record.holder or None) if record is not None else None,
            address=(record.address or None) if record is not None and record.holder else None,
            transitions=self._terms,
            problem=next(iter(self._problems.values()), None),
        )

    async def gained(self) -> None:
        """Wait until it may write."""
        while not self.may_write():
            await self._news_within(None)

    async def lost(self) -> None:
        """Wait until it may no longer; a term that ended and began again in between counts as lost."""
        term = self._terms
        while self.may_write() and term == self._terms:
            await self._news_within(self._renewed_s + self._settings.renew_deadline - self._now_s())

    async def run(self) -> None:
        """Take part until cancelled; once released, only look who follows."""
        while not self._is_over:
            async with self._turn:
                await self._try()
            if self._holds or self._may_be_had() or _ASKING in self._problems:
                await self._pause()
            else:
                await self._stand_by()
        while True:  # what is still held here is handed on to whoever that is
            await self._follow()
            await self._clock.sleep(self._settings.retry_period)
            await self._look_after_conflict()

    async def release(self) -> None:
        """Give the Lease up; from the first moment on nothing may be written."""
        self._is_over = True
        self._tell()
        async with self._turn:
            for _ in range(_RELEASE_TRIES):
                if not self._holds or self._record is None:
                    return
                try:
                    self._see(await self._lease.write(_released(self._record)))
                except LeaseConflict:
                    await self._look_after_conflict()
                except LeaseUnavailable as error:
                    log.warning("lease not released", lease=self._settings.lease, error=str(error))
                    return

    async def _try(self) -> None:
        """Renew the Lease, or look whether it may be had."""
        if self._is_over:
            return
        try:
            if self._holds:
                await self._renew()
            else:
                await self._look()
        except LeaseConflict:
            await self._look_after_conflict()
        except LeaseUnavailable as error:
            self._failed(_ASKING, error)
        else:
            self._problems.pop(_ASKING, None)

    async def _renew(self) -> None:
        if self._record is not None:
            await self._write(self._ours(self._record.transitions, self._record.version))

    async def _look(self) -> None:
        """Read the Lease, always afresh before it is taken, and take it if it may be had."""
        record = await self._lease.read()
        self._see(record)
        if not self._may_be_had():
            return
        if record is None:
            await self._write(self._ours(0, ""))
        else:
            changed_hands = record.holder != self._identity
            await self._write(self._ours(record.transitions + changed_hands, record.version))

    async def _look_after_conflict(self) -> None:
        """See who wrote: another daemon, or this one, in a write whose answer was lost."""
        try:
            self._see(await self._lease.read())
        except LeaseUnavailable as error:
            self._failed(_ASKING, error)

    async def _write(self, record: LeaseRecord) -> None:
        """Write a record of ours; it holds from when it was sent, not from when the answer came."""
        started_s = self._now_s()
        self._see(await self._lease.write(record))
        is_new = not self.may_write()
        self._holds, self._renewed_s = True, started_s
        self._problems.pop(_FOLLOWING, None)
        if is_new and self.may_write():
            self._terms += 1
            log.info("leading", lease=self._settings.lease, identity=self._identity)
        self._tell()

    def _see(self, record: LeaseRecord | None) -> None:
        """Take over what the Lease says; the time counts from when it was first seen to say so."""
        known = self._record
        is_same = record is not None and known is not None and record.version == known.version
        if not is_same:
            self._record = record
            self._free_at_s = self._free_from_s(record)
        if self._holds and (record is None or record.holder != self._identity):
            self._holds = False
            say = log.info if self._is_over else log.warning
            say("lease given up", lease=self._settings.lease, holder=record.holder if record is not None else None)
        self._tell()

    def _free_from_s(self, record: LeaseRecord | None) -> float:
        """Give when a holder that is not heard of any more may be followed."""
        if record is None:
            return self._free_at_s  # deleted under its holder, who may write until it looks again
        if record.holder in ("", self._identity):
            return -math.inf
        return self._now_s() + (record.duration_s if record.duration_s > 0 else self._settings.duration)

    def _may_be_had(self) -> bool:
        return self._now_s() >= self._free_at_s

    async def _stand_by(self) -> None:
        """Follow the Lease until it may be had, or can no longer be followed; another try is then due."""
        following = asyncio.ensure_future(self._follow())
        # Standbys that see the same end of a Lease try one after another; conflicts sort out the rest.
        later_s = self._generator.uniform(0.0, 0.2) * self._settings.retry_period
        try:
            while not self._is_over and not self._may_be_had():
                if following.done():
                    return await self._pause()
                await self._news_within(self._free_at_s + later_s - self._now_s())
        finally:
            await ended([following])

    async def _follow(self) -> None:
        try:
            async for record in self._lease.follow(self._record):
                self._problems.pop(_FOLLOWING, None)
                self._see(record)
        except LeaseUnavailable as error:
            self._failed(_FOLLOWING, error)
        self._tell()

    async def _pause(self) -> None:
        if not self._is_over:
            await self._news_within(self._settings.retry_period * self._generator.uniform(0.8, 1.0))

    async def _news_within(self, seconds: float | None) -> None:
        await flag_or_time(self._news, self._clock, seconds)

    def _tell(self) -> None:
        """Wake everybody who waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _failed(self, doing: str, error: LeaseUnavailable) -> None:
        words = f"the Lease {self._settings.lease} {doing}: {error}"
        if self._problems.get(doing) != words:
            log.warning("lease unavailable", problem=words)
        self._problems[doing] = words

    def _ours(self, transitions: int, version: str) -> LeaseRecord:
        return LeaseRecord(self._identity, self._address, self._settings.duration, transitions, version)

    def _now_s(self) -> float:
        return self._clock.now().monotonic_s


def _released(record: LeaseRecord) -> LeaseRecord:
    return replace(record, holder="", address="", duration_s=RELEASED_S)
