"""Standbys hand on what only the daemon that decides can answer: once, and never by a redirect.

A gateway or an Alertmanager knows one Service, behind which any of the daemons may answer. A redirect would send
it to an address that it may not reach, with a credential that it may drop on the way; so the standby asks itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web
from yarl import URL

from autoscaler.ports import Asked, Autoscaling, Leadership, LeadershipState, Shown, Verb
from autoscaler.server import auth, query
from autoscaler.server.admission import Admission
from autoscaler.server.alerts import read_body
from autoscaler.server.errors import Handler, Refused
from autoscaler.server.limits import Limits
from autoscaler.server.run import parse_address
from autoscaler.server.trusting import Trusting
from autoscaler.server.vouching import HEADER, VOUCHING, target_of
from autoscaler.server.wake import discarding_body

FORWARDED = "X-Autoscaler-Forwarded"
"""Marks a request that a standby has handed on: whoever gets it answers itself, or not at all."""

_ASKED_WITH = ("Authorization", auth.THROUGH_A_PROXY, "Accept", "Content-Type")
_ANSWERED_WITH = ("Content-Type", "Retry-After", "X-Wake-State", "WWW-Authenticate", "Allow")
_ALERTS = frozenset({"/v1/alerts", "/system/alert"})
_WAKES = "/v1/wake/"
_CONNECT_S = 2.0
_BEYOND_HOLD_S = 30.0
_KEEP_ALIVE_S = 30.0  # less than our listener keeps a connection, so that none is used just as it is closed
_LOOK_S = 0.5


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
        self._open: set[asyncio.Timeout] = set()
        self._session: aiohttp.ClientSession | None = None

    def attach(self, app: web.Application) -> None:
        """Become a part of an application, innermost of its middlewares."""

        @web.middleware
        async def forward(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not _is_the_holders(request) or self._leadership.state().is_leader:
                return await handler(request)
            return await self._forward(request)

        app.middlewares.append(forward)
        app.cleanup_ctx.append(self._asking)

    async def _asking(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep a client for as long as the application is served, and see who holds the Lease."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S)
        async with aiohttp.ClientSession(
            connector=connector, trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as self._session:
            looking = asyncio.create_task(self._see_it_move())
            try:
                yield
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _see_it_move(self) -> None:
        """Give up what is asked of a daemon that no longer decides, though it may never say so."""
        holder = self._leadership.state().holder
        while True:
            await asyncio.sleep(_LOOK_S)
            before, holder = holder, self._leadership.state().holder
            if holder != before:
                while self._open:
                    self._open.pop().reschedule(asyncio.get_running_loop().time())

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if FORWARDED in request.headers:
            raise _nobody("this daemon does not decide now, though another one took it to")
        is_wake = request.path.startswith(_WAKES)
        verb = Verb.UPDATE if is_wake or request.method == "POST" else Verb.GET
        caller = await auth.caller(request, self._service, auth.WAKERS, verb)
        names = await self._known_names(request, verb)
        if request.path not in _ALERTS:
            async with discarding_body(request):
                return await self._ask_holder(request, names, None)
        # Bodies are small by the rules of alerts, the only route that takes one, and few of one sender at once.
        async with self._admission.turn(caller.tenants):
            return await self._ask_holder(request, names, await read_body(request, self._limits))

    async def _ask_holder(self, request: web.Request, names: list[str], body: bytes | None) -> web.StreamResponse:
        # Only now, since a body may take its time: an address of before would not be given up when the Lease moves.
        state = self._leadership.state()
        headers = {FORWARDED: "1", **_some(request.headers, _ASKED_WITH), **_vouching(request, names, state)}
        holders = _holders(state, "http" if self._trusting is None else "https")
        # As it came: a client that tidies `/v1/wake/../x` up asks for another route than the one that was judged here.
        url = URL(holders + request.rel_url.raw_path_qs, encoded=True)
        return await self._ask(request, url, headers, body)

    async def _known_names(self, request: web.Request, verb: Verb) -> list[str]:
        """Give the names of the certificate that was shown as far as somebody is known by them: few, of up to a hundred."""
        asked = Asked(verb, query.named_namespace(request))
        names = auth.peer_names(request)
        return [name for name in names if await self._service.identify(Shown(names=(name,)), asked) is not None]

    async def _ask(
        self, request: web.Request, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> web.StreamResponse:
        """Ask the holder, and hand its answer on as it comes; a client that hangs up cancels this."""
        if self._session is None:
            raise _nobody("this daemon is ending")
        timeout = aiohttp.ClientTimeout(total=self._limits.hold_s + _BEYOND_HOLD_S, sock_connect=_CONNECT_S)
        trust, name = self._trusting.now() if self._trusting is not None else (True, None)
        response: web.StreamResponse | None = None
        try:
            async with (
                self._unless_it_moves(),
                self._session.request(
                    request.method,
                    url,
                    headers=headers,
                    data=body,
                    timeout=timeout,
                    allow_redirects=False,
                    ssl=trust,
                    server_hostname=name,
                ) as answer,
            ):
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

    @contextlib.asynccontextmanager
    async def _unless_it_moves(self) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as deadline:
            self._open.add(deadline)
            try:
                yield
            finally:
                self._open.discard(deadline)


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
        raise _nobody(f"this cannot be handed on: {error}") from None


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


def _nobody(what: str) -> Refused:
    return Refused(503, what, "daemon", "ask again shortly", {"Retry-After": "1"})


def _some(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
