"""Wakes: a gateway asks for a function and is held until it can serve."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

from aiohttp import web

from autoscaler.ports import Autoscaling, Caller, Verb, WakeResult, WakeState
from autoscaler.server import auth, query
from autoscaler.server.limits import Limits
from autoscaler.server.tally import TALLY
from autoscaler.server.wake_answers import answer

FORWARDED = "X-Autoscaler-Forwarded"
"""Marks a request that a standby has handed on: whoever gets it answers itself, or not at all."""

WAITED_HEADER = "X-Autoscaler-Waited"
"""Seconds that a forwarded wake was held before; counts only beside `FORWARDED`."""

WAITED: web.RequestKey[float] = web.RequestKey("waited", float)
"""Seconds that a wake was held before this daemon was asked, or asked again."""

_DISCARDING: web.RequestKey[bool] = web.RequestKey("discarding", bool)
"""There while somebody reads the body: only one may."""

_NEXT_TO_NOTHING_S = 0.001
"""Least hold that is handed on, seconds: 0 means to start and not to wait."""


class Wakes:
    """`GET`, `HEAD` or `POST /v1/wake/{namespace}/{function}`, all the same; a body is ignored.

    Behind the function's name any further path may stand, by any method: gateways are served by it that put what
    shall be asked before the path of the request that they ask for (Envoy). Then the query is their client's, and is
    not read.
    """

    def __init__(self, service: Autoscaling, limits: Limits) -> None:
        self._service = service
        self._limits = limits

    async def wake(self, request: web.Request) -> web.Response:
        """Hold until the function is ready; a gateway that hangs up cancels this and frees the place."""
        caller = await auth.caller(request, self._service, auth.WAKERS, Verb.UPDATE)
        asked = query.wake(request, caller.wake_form, self._limits.hold_s)
        waited_s = _waited_s(request)
        hold_s = self._hold_s(caller, asked, waited_s)
        tally = request.app[TALLY]
        tally.wakes_held += 1
        try:
            async with discarding_body(request):
                result = await self._service.wake(caller, asked.key, hold_s, is_refused=asked.is_refused)
        except asyncio.CancelledError:
            tally.wakes_cancelled += 1
            raise
        finally:
            tally.wakes_held -= 1
        if result.state is not WakeState.MOVED:  # it is asked again, and has not ended yet
            tally.count_wake(result)
        return answer(WakeResult(result.state, waited_s + result.waited_s, result.reason), asked, caller.wake_form)

    def _hold_s(self, caller: Caller, asked: query.WakeQuery, waited_s: float) -> float | None:
        """Give the hold to ask for: 0 only where the request shall not be held at all; None: the policy's."""
        if asked.hold_s == 0 or not waited_s:
            return asked.hold_s
        left = left_s(asked.hold_s, self._service.hold_s(caller, asked.key), waited_s)
        return max(left, _NEXT_TO_NOTHING_S) if left is not None else None


def left_s(asked_s: float | None, policy_s: float | None, waited_s: float) -> float | None:
    """Give what is left of a hold, seconds.

    Args:
        asked_s: by the request; None: it leaves that to the policy; 0: it shall not be held.
        policy_s: the policy's own; None: not known here.
        waited_s: what has gone of it already.

    Returns:
        Not above 0 where nothing is left; None: the policy's, whatever that is.
    """
    longest_s = min(_or_inf(asked_s), _or_inf(policy_s))
    return longest_s - waited_s if math.isfinite(longest_s) else None


def _or_inf(seconds: float | None) -> float:
    return seconds if seconds is not None else math.inf


def _waited_s(request: web.Request) -> float:
    """Give what has gone of the hold already, here or at the daemon that hands the request on."""
    before_s = 0.0
    if FORWARDED in request.headers:
        with contextlib.suppress(ValueError):
            before_s = float(request.headers.get(WAITED_HEADER, "0"))
    if not 0 <= before_s < math.inf:
        before_s = 0.0
    here_s: float = request.get(WAITED, 0.0)
    return before_s + here_s


@contextlib.asynccontextmanager
async def discarding_body(request: web.Request) -> AsyncIterator[None]:
    """Read and forget the body meanwhile: with unread bytes in its buffer, a socket does not tell of a hang-up."""
    if _DISCARDING in request or not request.can_read_body:
        yield
        return
    request[_DISCARDING] = True
    discarding = asyncio.create_task(_discard(request))
    try:
        yield
    finally:
        del request[_DISCARDING]
        discarding.cancel()
        await asyncio.gather(discarding, return_exceptions=True)


async def _discard(request: web.Request) -> None:
    async for _chunk in request.content.iter_any():
        pass
