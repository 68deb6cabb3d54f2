"""A TLS proxy in front of an API server that lies, delays, refuses and falls silent as a test tells it.

It serves with the API server's own certificate, so a kubeconfig that names it needs no other change. Faults are
values; a test switches them through the `FaultProxy` object, which runs in a thread of its own.
"""

import asyncio
import contextlib
import math
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import orjson
from aiohttp import web

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")
_TOGETHER_S = 0.2
_REMEMBERED = 64
_TURNS_TO_CLOSE = 50
_GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}


@dataclass(frozen=True, eq=False)
class Fault:
    """What happens to requests that match; the first fault that matches a request has it.

    Attributes:
        method: regular expression of the whole method.
        path: regular expression searched for in path and query.
        share: fraction of the matching requests that it strikes, drawn from the proxy's seed.
        status: answer with this and forward nothing; None: forward.
        retry_after_s: the Retry-After of that answer.
        hold_s: wait before anything else; inf: as long as the fault lasts, and then cut the connection unforwarded.
        answer_hold_s: forward at once, wait before answering.
        is_cut: forward, then cut the connection instead of answering.
        error_event: open watches that say this and end.
    """

    method: str = ".*"
    path: str = ""
    share: float = 1.0
    status: int | None = None
    retry_after_s: int | None = None
    hold_s: float = 0.0
    answer_hold_s: float = 0.0
    is_cut: bool = False
    error_event: dict[str, Any] | None = None

    def matches(self, request: web.Request) -> bool:
        """Tell whether a request is one of those that it may strike."""
        return (
            re.fullmatch(self.method, request.method) is not None and re.search(self.path, request.path_qs) is not None
        )


WATCHES = r"[?&]watch=true"
SCALES = r"/scale(\?|$)"


def refused(status: int, retry_after_s: int | None = None, *, share: float = 1.0, path: str = "") -> Fault:
    """Refuse requests, as an API server that is overloaded, broken or not convinced does."""
    return Fault(path=path, share=share, status=status, retry_after_s=retry_after_s)


def slow(seconds: float) -> Fault:
    """Take this long before a request is even looked at."""
    return Fault(hold_s=seconds)


def gone_as_status() -> Fault:
    """Refuse to resume a watch: 410 as the answer's status."""
    return Fault("GET", WATCHES, status=410)


def gone_as_event() -> Fault:
    """Refuse to resume a watch: 200, and then an ERROR event of code 410."""
    return Fault("GET", WATCHES, error_event=_GONE)


PARTITION = Fault(hold_s=math.inf)
"""No request gets anywhere while it lasts; together with `FaultProxy.stalled` nothing passes at all."""


class Seen(NamedTuple):
    """One request that came in: when (monotonic seconds), what, and what was answered; 0: nothing was."""

    at_s: float
    method: str
    path: str
    status: int


@dataclass(eq=False)
class _Active:
    """A fault in force."""

    fault: Fault
    over: asyncio.Event = field(default_factory=asyncio.Event)
    hits: int = 0


class Strikes:
    """How often the faults of one `with` block struck, so that a test knows that there was a fault at all."""

    def __init__(self, active: list[_Active]) -> None:
        self._active = active

    @property
    def count(self) -> int:
        """Requests struck so far."""
        return sum(one.hits for one in self._active)


class FaultProxy:
    """Forwards everything to one API server, except where a fault says otherwise.

    Args:
        upstream: its address.
        certificate: PEM file that it serves with, trusted towards upstream too.
        key: PEM file of the private key.
        seed: of what is drawn (`Fault.share`, the disorder of events).
    """

    def __init__(self, upstream: str, certificate: Path, key: Path, seed: int = 0) -> None:
        self.seen: list[Seen] = []
        self.url = ""
        self._upstream = upstream
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._serving.load_cert_chain(certificate, key)
        self._generator = np.random.default_rng(seed)
        self._active: tuple[_Active, ...] = ()
        self._disorder = 0.0
        self._watches: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._ending = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        assert self._started.wait(10), "the proxy does not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(20)
        self._loop.close()

    @contextlib.contextmanager
    def faults(self, *faults: Fault) -> Iterator[Strikes]:
        """Have faults in force for the length of a `with` block."""
        active = [_Active(fault) for fault in faults]
        self._active = (*self._active, *active)
        try:
            yield Strikes(active)
        finally:
            self._active = tuple(one for one in self._active if one not in active)
            for one in active:
                self._loop.call_soon_threadsafe(one.over.set)

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Let every watch, open or new, stay open and say nothing; afterwards what was kept back flows on."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flowing.set)

    @contextlib.contextmanager
    def disordered(self, share: float = 0.3) -> Iterator[None]:
        """Send this share of watch events again at some later time, and events that come close together in any order."""
        self._disorder = share
        try:
            yield
        finally:
            self._disorder = 0.0

    def cut_watches(self) -> int:
        """Break every open watch as a broken network does; give how many there were."""
        watches = list(self._watches)
        for transport in watches:
            self._loop.call_soon_threadsafe(transport.abort)
        return len(watches)

    def statuses(self, method: str, path: str, since_s: float = 0.0) -> list[int]:
        """Give what requests since a moment were answered; `path` is searched for as a regular expression."""
        seen = (one for one in list(self.seen) if one.at_s >= since_s and one.method == method)
        return [one.status for one in seen if re.search(path, one.path)]

    def count(self, method: str, path: str, since_s: float = 0.0) -> int:
        """Count such requests."""
        return len(self.statuses(method, path, since_s))

    async def _serve(self) -> None:
        self._flowing.set()
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(
            self._upstream, connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(), trust_env=False
        ) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._serving)
            await site.start()
            self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            self._started.set()
            await self._ending.wait()
            for transport in list(self._watches):
                transport.abort()
            # Handlers that still wait for the API server would wait for ever, and their connections with them.
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await runner.cleanup()
            # Cut, not closed politely, which would take as long as the other side likes; a loop turn or two do the rest.
            await connector.close(abort_ssl=True)
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        at_s, response = time.monotonic(), None
        try:
            response = await self._respond(request, await request.read())
        except (aiohttp.ClientError, OSError):
            _cut(request)
        finally:
            status = 0 if response is None else response.status
            self.seen.append(Seen(at_s, request.method, request.path_qs, status))
        return response or web.Response()

    async def _respond(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        """Do to a request what the fault that strikes it says; None: its connection was cut."""
        active = self._struck(request)
        if active is None:
            return await self._forward(request, body)
        fault = active.fault
        await _passed(active.over, fault.hold_s)
        if math.isinf(fault.hold_s):
            _cut(request)
            return None
        if fault.error_event is not None:
            line = orjson.dumps({"type": "ERROR", "object": fault.error_event}) + b"\n"
            return web.Response(body=line, content_type="application/json")
        if fault.status is not None:
            return _refusal(fault.status, fault.retry_after_s)
        response = await self._forward(request, body)
        await _passed(active.over, fault.answer_hold_s)
        if fault.is_cut:
            _cut(request)
            return None
        return response

    def _struck(self, request: web.Request) -> _Active | None:
        for active in self._active:
            if active.fault.matches(request) and self._generator.random() < active.fault.share:
                active.hits += 1
                return active
        return None

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method, request.rel_url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            if request.query.get("watch") != "true" or answer.status != 200:
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
            return await self._stream(request, answer, kept)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Hand a watch on, event by event, until either side ends it."""
        response = web.StreamResponse(headers=headers)
        await self._flowing.wait()
        await response.prepare(request)
        transport = request.transport
        assert transport is not None, "the client has gone"
        self._watches.add(transport)
        try:
            rest, past = b"", deque[bytes](maxlen=_REMEMBERED)
            while chunk := await answer.content.readany():
                if self._disorder > 0:
                    await asyncio.sleep(_TOGETHER_S)
                    chunk += answer.content.read_nowait()
                *lines, rest = (rest + chunk).split(b"\n")
                await self._flowing.wait()
                await response.write(b"".join(line + b"\n" for line in self._disorderly(lines, past)))
        finally:
            self._watches.discard(transport)
        return response

    def _disorderly(self, lines: list[bytes], past: deque[bytes]) -> list[bytes]:
        """Mix events with former ones; where there is a bookmark they keep their order, since it vouches for the others."""
        if self._disorder == 0 or any(b'"BOOKMARK"' in line[:40] for line in lines):
            return lines
        past.extend(lines)
        again = [past[self._generator.integers(len(past))] for _ in lines if self._generator.random() < self._disorder]
        more = [*lines, *again]
        return [more[number] for number in self._generator.permutation(len(more))]


async def _passed(over: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than the fault lasts."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), None if math.isinf(seconds) else seconds)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _refusal(status: int, retry_after_s: int | None) -> web.Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": "told to refuse"}
    return web.json_response(document, status=status, headers=headers)
