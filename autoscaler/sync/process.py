"""Pass after pass for as long as this process holds the Lease: after each change of a Tenant, and at every resync."""

import asyncio
from collections.abc import Mapping

import numpy as np
import structlog

from autoscaler.policy.onboarding.tenants import read_tenant
from autoscaler.ports import Clock, Leadership, OwnedError, OwnedObjects
from autoscaler.sync.passing import NoLonger, Outcome, Passing

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("autoscaler.sync")

_SETTLE_S = 1.0
"""What changes within a second is looked at together."""
_FIRST_RETRY_S = 2.0


class Sync:
    """Keeps what every Tenant is given.

    Args:
        objects: the cluster.
        passing: makes the passes.
        leadership: which process writes.
        clock: for waiting.
        generator: spreads retries.
        resync_s: longest time between two passes, in which drift is mended, seconds.
    """

    def __init__(
        self,
        objects: OwnedObjects,
        passing: Passing,
        leadership: Leadership,
        clock: Clock,
        generator: np.random.Generator,
        resync_s: float,
    ) -> None:
        self._objects = objects
        self._passing = passing
        self._leadership = leadership
        self._clock = clock
        self._generator = generator
        self._resync_s = resync_s
        self._failures = 0
        self._said: Mapping[str, str] = {}

    async def run(self) -> None:
        """Work until cancelled, in every term in which this process may write."""
        while True:
            await self._leadership.gained()
            log.info("keeping tenants")
            working = asyncio.ensure_future(self._term())
            losing = asyncio.ensure_future(self._leadership.lost())
            try:
                await asyncio.wait((working, losing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                losing.cancel()
                working.cancel()
                outcomes = await asyncio.gather(working, losing, return_exceptions=True)
            failure = outcomes[0]
            if isinstance(failure, Exception):
                raise failure

    async def once(self) -> Outcome:
        """Make one pass, as `run` does, and say what it did.

        Raises:
            OwnedError: the cluster cannot be read.
            NoLonger: another process may write by now.
        """
        outcome = await self._passing.once()
        self._say(outcome)
        return outcome

    async def _term(self) -> None:
        """Make passes until this process may write no longer."""
        while True:
            try:
                outcome = await self.once()
            except OwnedError as error:
                self._failures += 1
                log.warning("tenants cannot be read", error=str(error), failures=self._failures)
                await self._clock.sleep(max(self._retry_s(), error.retry_after_s))
                continue
            except NoLonger:
                return
            self._failures = self._failures + 1 if outcome.problems else 0
            retry_s = max(self._retry_s(), outcome.retry_after_s) if outcome.problems else self._resync_s
            await self._news(outcome, retry_s)

    def _retry_s(self) -> float:
        """Give the wait after so many failures in a row; the resync at most."""
        step_s = min(self._resync_s, _FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 20))
        return step_s * float(self._generator.uniform(0.75, 1.0))

    async def _news(self, outcome: Outcome, within_s: float) -> None:
        """Wait until a Tenant is another than the pass read it, or the time is over."""
        waiting = asyncio.ensure_future(self._clock.sleep(within_s))
        hearing = asyncio.ensure_future(self._heard(outcome))
        try:
            await asyncio.wait((waiting, hearing), return_when=asyncio.FIRST_COMPLETED)
            if hearing.done() and not hearing.result():
                await waiting
        finally:
            waiting.cancel()
            hearing.cancel()
            await asyncio.gather(waiting, hearing, return_exceptions=True)

    async def _heard(self, outcome: Outcome) -> bool:
        """Tell that a Tenant changed, or that nothing can be heard any more."""
        try:
            async for is_there, document in self._objects.changes():
                tenant = read_tenant(document)
                if outcome.marks.get(tenant.name) != (tenant.mark if is_there else None):
                    await self._clock.sleep(_SETTLE_S)
                    return True
        except OwnedError as error:
            log.info("changes of tenants cannot be followed", error=str(error))
        return False

    def _say(self, outcome: Outcome) -> None:
        """Log what a pass did, where it did anything, and each trouble when it begins and when it ends."""
        if outcome.written or outcome.deleted or outcome.rotated:
            log.info(
                "tenants kept",
                tenants=outcome.tenants,
                written=outcome.written,
                deleted=outcome.deleted,
                rotated=outcome.rotated,
                problems=len(outcome.problems),
            )
        told = {**outcome.problems, **outcome.left, **dict.fromkeys(outcome.missing, "is no kind of this cluster")}
        for place in told.keys() - self._said.keys():
            say = log.warning if place in outcome.problems else log.info
            say("left out", place=place, problem=told[place])
        for place in self._said.keys() - told.keys():
            log.info("no longer left out", place=place)
        self._said = told
