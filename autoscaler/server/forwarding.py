"""Standbys hand on what only the daemon that decides can answer: once, and never by a redirect.

A gateway or an Alertmanager knows one Service, behind which any of the daemons may answer. A redirect would send
it to an address that it may not reach, with a credential that it may drop on the way; so the standby asks itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace

import aiohttp
from aiohttp import web
from yarl import URL

from autoscaler.ports import Asked, Autoscaling, Leadership, LeadershipState, Shown, Verb
from autoscaler.server import auth, query
from autoscaler.server.admission import Admission
from autoscaler.server.alerts import read_body
from autoscaler.server.errors import Handler, Refused
from autoscaler.server.following import Following, has_moved
from autoscaler.server.limits import Limits
from autoscaler.server.run import parse_address
from autoscaler.server.trusting import Trusting
from autoscaler.server.vouching import HEADER, VOUCHING, target_of
from autoscaler.server.wake import FORWARDED, WAITED, WAITED_HEADER, discarding_body
from autoscaler.server.wake_answers import STATE

_ASKED_WITH = ("Authorization", auth.THROUGH_A_PROXY, "Accept", "Content-Type", *query.METHOD_OF)
_ANSWERED_WITH = ("Content-Type", "Retry-After", "WWW-Authenticate", "Allow")
_WAKES_ANSWERED_WITH = (*_ANSWERED_WITH, STATE, "X-Accel-Redirect", "Refresh", "Content-Security-Policy", "Vary")
_ALERTS = frozenset({"/v1/alerts", "/system/alert"})
_WAKES = "/v1/wake/"
_CONNECT_S = 2.0
_BEYOND_HOLD_S = 30.0
_CONNECTING = 64
"""Requests on their way to the holder at once: of thousands none would be connected within its time, and all would try
again."""
_KEEP_ALIVE_S = 30.0  # less than our listener keeps a connection, so that none is used just as it is closed
_LOOK_S = 0.1
_AGAIN_S = 1.0
"""After so long a wake is asked again though the Lease says nothing new: its holder may be back."""


class Forwarding:
    """Answers for the holder of the Lease while this daemon is not it.

    Args:
        service: knows credentials: nobody unknown makes a standby ask anything.
        leadership: says who decides, and where it answers.
        limits: bounds on one request.
        trusting: how to know the other daemon by its certificate; None: they speak plain HTTP.
    """

    def __init__(
        self, service: Autoscaling, leadership: Leadership, limits: Limits, trusting: Trusting | None = None
    ) -> None:
        self._service = service
        self._leadership = leadership
        self._limits = limits
        self._trusting = trusting
        self._admission = Admission(limits)
        self._open: dict[asyncio.Timeout, str | None] = {}  # what is asked, of whom
        self._connecting = asyncio.Semaphore(_CONNECTING)
        self._session: aiohttp.ClientSession | None = None
        self._following = Following(service, leadership, limits, self._wake)

    def attach(self, app: web.Application) -> None:
        """Become a part of an application, innermost of its middlewares."""

        @web.middleware
        async def forward(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not _is_the_holders(request):
                return await handler(request)
            if request.path.startswith(_WAKES):
                return await self._following.answer(request, handler)
            if self._leadership.state().is_leader:
                return await handler(request)
            return await self._forward(request)

        app.middlewares.append(forward)
        app.cleanup_ctx.append(self._asking)

    async def finish(self, grace_s: float) -> None:
        """Let held wakes be answered by the daemon that decides from now on, before this one ends.

        Args:
            grace_s: longest wait; what is held then is told that it is not ready.
        """
        ending = asyncio.get_running_loop().call_later(grace_s, self._give_up)
        try:
            async with asyncio.timeout(grace_s + _CONNECT_S):
                await self._following.finish(grace_s)
        except TimeoutError:
            pass  # closing the listener cuts off what is left
        finally:
            ending.cancel()

    async def _asking(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep a client for as long as the application is served, and see who holds the Lease."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S)
        async with aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_ending_turns()],
        ) as self._session:
            looking = asyncio.create_task(self._see_it_move())
            try:
                yield
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _see_it_move(self) -> None:
        """Give up what is asked of a daemon that no longer decides, though it may never say so; let wakes be asked again."""
        loop = asyncio.get_running_loop()
        before, asked_s = self._who(), loop.time()
        while True:
            await asyncio.sleep(_LOOK_S)
            now = self._who()
            if now != before:
                self._give_up(now[1])
            # While this daemon decides, or is about to end, it is a matter of moments until it answers.
            if now != before or now[0] or loop.time() >= asked_s + _AGAIN_S:
                before, asked_s = now, loop.time()
                await self._following.ask_again()

    def _who(self) -> tuple[bool, str | None]:
        state = self._leadership.state()
        return state.is_leader, state.holder

    def _give_up(self, holder: str | None = None) -> None:
        """Give up what is asked of others than this holder; None: everything."""
        now_s = asyncio.get_running_loop().time()
        for deadline in [deadline for deadline, asked in self._open.items() if holder is None or asked != holder]:
            del self._open[deadline]
            deadline.reschedule(now_s)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if FORWARDED in request.headers:
            raise _nobody("this daemon does not decide now, though another one took it to")
        verb = Verb.UPDATE if request.method == "POST" else Verb.GET
        caller = await auth.caller(request, self._service, auth.WAKERS, verb)
        names = await self._known_names(request, verb)
        if request.path not in _ALERTS:
            async with discarding_body(request):
                return await self._ask_holder(request, names, None)
        # Bodies are small by the rules of alerts, the only route that takes one, and few of one sender at once.
        async with self._admission.turn(caller.tenants):
            return await self._ask_holder(request, names, await read_body(request, self._limits))

    async def _ask_holder(self, request: web.Request, names: list[str], body: bytes | None) -> web.StreamResponse:
        """Ask the holder, and hand its answer on as it comes; a client that hangs up cancels this."""
        response: web.StreamResponse | None = None
        try:
            async with self._asked(request, names, body) as answer:
                response = web.StreamResponse(status=answer.status, headers=_some(answer.headers, _ANSWERED_WITH))
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
        except (aiohttp.ClientError, TimeoutError, OSError):
            if response is not None:
                raise  # a part is out already: cut off, so that nobody takes it for the whole
            raise _nobody("the daemon that decides does not answer, or another one follows it") from None
        return response

    async def _wake(self, request: web.Request) -> web.Response | None:
        """Ask the holder for a wake; None: there is none at this moment, or it decides no more."""
        await auth.caller(request, self._service, auth.WAKERS, Verb.UPDATE)
        names = await self._known_names(request, Verb.UPDATE)
        try:
            async with self._asked(request, names, None) as answer:
                headers = _some(answer.headers, _WAKES_ANSWERED_WITH)
                response = web.Response(status=answer.status, headers=headers, body=await answer.read())
        except (_Nobody, aiohttp.ClientError, TimeoutError, OSError):
            return None
        return None if has_moved(response) else response

    async def _known_names(self, request: web.Request, verb: Verb) -> list[str]:
        """Give the names of the certificate that was shown as far as somebody is known by them: few, of up to a hundred."""
        asked = Asked(verb, query.named_namespace(request))
        names = auth.peer_names(request)
        return [name for name in names if await self._service.identify(Shown(names=(name,)), asked) is not None]

    @contextlib.asynccontextmanager
    async def _asked(
        self, request: web.Request, names: list[str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask the holder.

        Raises:
            Refused: 503 where there is nobody to ask.
        """
        if self._session is None:
            raise _nobody("this daemon is ending")
        # Only now, since a body may take its time: an address of before would not be given up when the Lease moves.
        state = self._leadership.state()
        headers = {FORWARDED: "1", **_some(request.headers, _ASKED_WITH), **_vouching(request, names, state)}
        if WAITED in request:
            headers[WAITED_HEADER] = f"{request[WAITED]:.3f}"
        holders, turn = _holders(state, "http" if self._trusting is None else "https"), _Turn(self._connecting)
        trust, name = self._trusting.now() if self._trusting is not None else (True, None)
        asking = self._session.request(
            request.method,
            # As it came: a client that tidies `/v1/wake/../x` up asks for another route than was judged here.
            URL(holders + request.rel_url.raw_path_qs, encoded=True),
            headers=headers,
            data=body,
            timeout=aiohttp.ClientTimeout(total=self._limits.hold_s + _BEYOND_HOLD_S, sock_connect=_CONNECT_S),
            allow_redirects=False,
            ssl=trust,
            server_hostname=name,
            trace_request_ctx=turn,
        )
        async with self._unless_it_moves(state.holder), turn, asking as answer:
            yield answer

    @contextlib.asynccontextmanager
    async def _unless_it_moves(self, holder: str | None) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as deadline:
            self._open[deadline] = holder
            try:
                yield
            finally:
                self._open.pop(deadline, None)


class _Turn:
    """A request's turn to be sent to the holder; it ends when its head is out, or it failed."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._has_place = False

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._has_place = True

    async def __aexit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self._has_place:
            self._has_place = False
            self._places.release()


def _ending_turns() -> aiohttp.TraceConfig:
    async def end(_session: aiohttp.ClientSession, context: SimpleNamespace, _sent: object) -> None:
        context.trace_request_ctx.end()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(end)
    return tracing


FORWARDING: web.AppKey[Forwarding] = web.AppKey("forwarding", Forwarding)
"""Where an application keeps what hands on; absent: nobody else ever decides."""


def _is_the_holders(request: web.Request) -> bool:
    """Tell whether only the daemon that decides can answer; probes, metrics and the page everybody can."""
    is_ours = request.path.startswith("/v1/") or request.path in _ALERTS
    return is_ours and request.match_info.http_exception is None


def _vouching(request: web.Request, names: list[str], state: LeadershipState) -> dict[str, str]:
    """Give the header that tells the holder of a certificate, where one was shown that somebody is known by."""
    vouching = request.app.get(VOUCHING)
    if not names or vouching is None:
        return {}
    try:
        return {HEADER: vouching.sign(names, state.holder or "", target_of(request))}
    except ValueError as error:
        what, allowed = f"this cannot be handed on: {error}", "a certificate with fewer names, or a token"
        raise Refused(503, what, "client certificate", allowed, {"Retry-After": "1"}) from None


def _holders(state: LeadershipState, scheme: str) -> str:
    """Give the base URL of the holder.

    Raises:
        Refused: 503 where there is none to ask.
    """
    if state.holder is None or state.holder == state.identity or state.address is None:
        raise _nobody("no daemon decides at this moment")
    try:
        host, port = parse_address(state.address)
    except ValueError:
        raise _nobody("the Lease names no address at which its holder answers") from None
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Nobody(Refused):
    """No daemon can be asked at this moment."""


def _nobody(what: str) -> _Nobody:
    return _Nobody(503, what, "daemon", "ask again shortly", {"Retry-After": "1"})


def _some(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
