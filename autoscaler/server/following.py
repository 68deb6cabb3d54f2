"""A wake follows the Lease: it is asked of whoever decides, and asked again when that changes, until its hold is over."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from autoscaler.ports import Autoscaling, Caller, Leadership, Verb, WakeResult, WakeState
from autoscaler.server import auth, query
from autoscaler.server.errors import Handler
from autoscaler.server.limits import Limits
from autoscaler.server.tally import TALLY
from autoscaler.server.wake import FORWARDED, WAITED, discarding_body, left_s
from autoscaler.server.wake_answers import STATE, answer

USUAL_HOLD_S = 25.0
"""Hold where neither the request nor a policy that is known here says one, seconds: the default of policies."""

_AT_ONCE = 20
"""Wakes that ask again in one turn of the event loop; ten thousand in one would stall it for a second or two."""

AskHolder = Callable[[web.Request], Awaitable[web.Response | None]]


class Following:
    """Answers wakes here or by the daemon that decides, whoever that is while they are held.

    A wake is idempotent: asked again, it takes its place anew, and `WAITED` says what has gone of its hold. A wake that
    another daemon handed on is never handed on again: its answer is then `moved`, and that daemon looks for itself.

    Args:
        service: knows credentials and policies.
        leadership: says who decides.
        limits: bounds on one request.
        ask_holder: hands a request on; None: nobody can be asked, or it gave up, at this moment.
    """

    def __init__(self, service: Autoscaling, leadership: Leadership, limits: Limits, ask_holder: AskHolder) -> None:
        self._service = service
        self._leadership = leadership
        self._limits = limits
        self._ask_holder = ask_holder
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._count = 0
        self._ends_s = math.inf
        self._is_finishing = False
        self._is_done = asyncio.Event()

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a wake; a client that hangs up cancels this."""
        async with discarding_body(request):
            if self._is_finishing:
                return await self._answer(request, handler)
            self._count += 1
            try:
                return await self._answer(request, handler)
            finally:
                self._count -= 1
                if not self._count:
                    self._is_done.set()

    async def ask_again(self) -> None:
        """Let those that nobody could answer be asked again: somebody else decides, or a while has gone."""
        for position, waiting in enumerate(list(self._waiting), 1):
            if not waiting.done():
                waiting.set_result(None)
            if position % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def finish(self, grace_s: float) -> None:
        """Wait until every wake that has come has its answer: this daemon does not decide any more, and ends.

        Those that still come are answered too and not waited for: of some gateways there is never an end.

        Args:
            grace_s: longest wait; whose hold is not over then is told that it is not ready.
        """
        self._ends_s = asyncio.get_running_loop().time() + grace_s
        self._is_finishing = True
        if self._count:
            self._is_done.clear()
            await self._is_done.wait()

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        while (response := await self._once(request, handler)) is None:
            request[WAITED] = loop.time() - started_s
            left = min(await self._left_s(request), self._ends_s - loop.time())
            if left <= 0:
                return await self._ended(request, WakeState.NOT_READY)
            await self._wait(left)
            request[WAITED] = loop.time() - started_s
        return response

    async def _once(self, request: web.Request, handler: Handler) -> web.StreamResponse | None:
        """Ask once; None: there is no answer to be had at this moment."""
        is_forwarded = FORWARDED in request.headers
        if self._leadership.state().is_leader:
            response = await handler(request)
            return response if is_forwarded or not has_moved(response) else None
        if is_forwarded:
            return await self._ended(request, WakeState.MOVED)
        of_holder = await self._ask_holder(request)
        return of_holder if of_holder is not None else await self._serving(request)

    async def _serving(self, request: web.Request) -> web.Response | None:
        """Answer for a function that runs, though nobody decides at this moment: its gateway shall not wait for that."""
        caller, asked = await self._asked(request)
        is_serving = await self._service.is_serving(caller, asked.key)
        return await self._ended(request, WakeState.READY) if is_serving else None

    async def _left_s(self, request: web.Request) -> float:
        caller, asked = await self._asked(request)
        left = left_s(asked.hold_s, self._service.hold_s(caller, asked.key), request[WAITED])
        return left if left is not None else USUAL_HOLD_S - request[WAITED]

    async def _wait(self, longest_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting[waiting] = None
        timer = loop.call_later(longest_s, _set, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            del self._waiting[waiting]

    async def _ended(self, request: web.Request, state: WakeState) -> web.Response:
        caller, asked = await self._asked(request)
        result = WakeResult(state, request.get(WAITED, 0.0))
        if state is not WakeState.MOVED:
            request.app[TALLY].count_wake(result)
        return answer(result, asked, caller.wake_form)

    async def _asked(self, request: web.Request) -> tuple[Caller, query.WakeQuery]:
        caller = await auth.caller(request, self._service, auth.WAKERS, Verb.UPDATE)
        return caller, query.wake(request, caller.wake_form, self._limits.hold_s)


def has_moved(response: web.StreamResponse) -> bool:
    """Tell whether an answer says to ask whoever decides now."""
    return response.headers.get(STATE) == WakeState.MOVED.value


def _set(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
