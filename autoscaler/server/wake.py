"""Wakes: a gateway asks for a function and is held until it can serve."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from autoscaler.ports import Autoscaling, Verb, WakeResult, WakeState
from autoscaler.server import auth, query, replies
from autoscaler.server.errors import not_found, not_ready
from autoscaler.server.limits import Limits
from autoscaler.server.tally import TALLY

_STATUS = {
    WakeState.READY: 200,
    WakeState.STARTED: 200,
    WakeState.NOT_READY: 503,
    WakeState.REFUSED: 429,
    WakeState.FULL: 429,
}
"""Plain 200 says go: Envoy's ext_authz lets nothing else pass."""

_RETRY_AFTER_S = {WakeState.NOT_READY: 2, WakeState.REFUSED: 10, WakeState.FULL: 1}
"""When to come again: a start may end any moment, a full cap rarely does, a place is soon free."""


class Wakes:
    """`GET`, `HEAD` or `POST /v1/wake/{namespace}/{function}?hold=`, all the same; a body is ignored."""

    def __init__(self, service: Autoscaling, limits: Limits) -> None:
        self._service = service
        self._limits = limits

    async def wake(self, request: web.Request) -> web.Response:
        """Hold until the function is ready; a gateway that hangs up cancels this and frees the place."""
        caller = await auth.caller(request, self._service, auth.WAKERS, Verb.UPDATE)
        key = query.function_key(request)
        hold_s = query.hold_s(request, self._limits.hold_s)
        if self._service.plan() is None:
            raise not_ready()
        tally = request.app[TALLY]
        tally.wakes_held += 1
        try:
            async with discarding_body(request):
                result = await self._service.wake(caller, key, hold_s)
        except asyncio.CancelledError:
            tally.wakes_cancelled += 1
            raise
        finally:
            tally.wakes_held -= 1
        tally.count_wake(result)
        if result.state is WakeState.NOT_FOUND:
            raise not_found(self._service.elsewhere(caller, key))
        return _answer(result)


def _answer(result: WakeResult) -> web.Response:
    headers = {"X-Wake-State": result.state.value}
    if result.state in _RETRY_AFTER_S:
        headers["Retry-After"] = str(_RETRY_AFTER_S[result.state])
    body = {"state": result.state.value, "waited_s": result.waited_s, "reason": result.reason}
    return replies.json(body, status=_STATUS[result.state], headers=headers)


@contextlib.asynccontextmanager
async def discarding_body(request: web.Request) -> AsyncIterator[None]:
    """Read and forget the body meanwhile: with unread bytes in its buffer, a socket does not tell of a hang-up."""
    if not request.can_read_body:
        yield
        return
    discarding = asyncio.create_task(_discard(request))
    try:
        yield
    finally:
        discarding.cancel()
        await asyncio.gather(discarding, return_exceptions=True)


async def _discard(request: web.Request) -> None:
    async for _chunk in request.content.iter_any():
        pass
