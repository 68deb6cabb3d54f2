"""Listening."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

from autoscaler.server.newcomers import Newcomers
from autoscaler.server.tls import Certificates

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_BACKLOG = 1024
_LEAVING_S = 30.0
"""Of a request under authorities that are believed no longer: longer than a wake is usually held."""


class Address(NamedTuple):
    """Where a listener really listens; the port is never 0."""

    host: str
    port: int


@contextlib.asynccontextmanager
async def serve(
    app: web.Application,
    listen: str,
    shutdown_s: float = 2.0,
    patience_s: float = 30.0,
    certificates: Certificates | None = None,
    look_s: float = 2.0,
) -> AsyncIterator[Address]:
    """Serve an application for the length of an `async with` block; it can be served once.

    A client that hangs up cancels its handler (aiohttp's default lets it run on, and a held wake would keep
    its place for nothing). Connections that idle are closed after 75 s, longer than proxies keep theirs.

    Args:
        listen: `HOST:PORT` or `[IPv6]:PORT`; port 0 takes a free one.
        patience_s: seconds within which a new connection must have sent a whole request head.
        shutdown_s: seconds that requests may take to finish when the block ends; then they are cancelled.
        certificates: what TLS is served with; None: plain HTTP.
        look_s: seconds between looks at the certificates' files.

    Raises:
        ValueError: `listen` is no address.
        OSError: the address cannot be listened on.
    """
    host, port = parse_address(listen)
    newcomers = Newcomers(patience_s)
    app.middlewares.insert(0, newcomers.greet)
    runner = web.AppRunner(
        app,
        handler_cancellation=True,
        keepalive_timeout=75.0,
        lingering_time=1.0,
        max_line_size=8190,
        max_field_size=8190,
        max_headers=128,
        auto_decompress=False,
        shutdown_timeout=shutdown_s,
        access_log_class=AccessLog,
        logger=_library,
    )
    await runner.setup()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        door = _Door(newcomers.watch(_connections(runner)), patience_s)
        stack.callback(door.close)
        name = await door.open(host, port, certificates.current.context if certificates is not None else None)
        if certificates is not None:
            renewing = asyncio.create_task(_renew(certificates, door, _connections(runner), look_s))
            renewing.add_done_callback(_say_why)
            stack.push_async_callback(_ended, renewing)
        yield name


class _Door:
    """What a listener accepts connections with; its TLS can be another one without a moment in which it is closed."""

    def __init__(self, make: Callable[[], asyncio.Protocol], handshake_s: float) -> None:
        self._make = make
        self._handshake_s = handshake_s
        self._servers: list[asyncio.Server] = []

    async def open(self, host: str, port: int, context: ssl.SSLContext | None) -> Address:
        loop, timeout = asyncio.get_running_loop(), None if context is None else self._handshake_s
        server = await loop.create_server(
            self._make, host, port, backlog=_BACKLOG, ssl=context, ssl_handshake_timeout=timeout
        )
        self._servers = [server]
        name = server.sockets[0].getsockname()
        return Address(name[0], name[1])

    async def change(self, context: ssl.SSLContext) -> None:
        """Serve the next connections with another context, on the same sockets; those that are open go on.

        A context that is in use keeps the authorities and sessions that it once had: only another one forgets them.
        """
        loop, opened = asyncio.get_running_loop(), []
        try:
            for socket in [socket for server in self._servers for socket in server.sockets]:
                opened.append(
                    await loop.create_server(
                        self._make,
                        sock=socket.dup(),
                        backlog=_BACKLOG,
                        ssl=context,
                        ssl_handshake_timeout=self._handshake_s,
                    )
                )
        except OSError:
            _close(opened)
            raise
        before, self._servers = self._servers, opened
        for server in before:
            for socket in server.sockets:
                loop.remove_reader(socket.fileno())
        # What the old servers have accepted must be theirs before they close: asyncio drops it otherwise.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        _close(before)

    def close(self) -> None:
        _close(self._servers)


def _close(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()


async def _renew(certificates: Certificates, door: _Door, server: web.Server, look_s: float) -> None:
    """Follow the files. Who showed a certificate under authorities that changed may finish its request, and then goes."""
    async with asyncio.TaskGroup() as leaving:
        while True:
            await asyncio.sleep(look_s)
            before = certificates.current.files.client_authorities
            if await certificates.refresh(door.change) and before != certificates.current.files.client_authorities:
                for connection in server.connections:
                    if connection.transport is not None and connection.transport.get_extra_info("peercert"):
                        connection.close()  # wakes one that idles, which would else be waited for
                        leaving.create_task(connection.shutdown(_LEAVING_S))


def _say_why(renewing: asyncio.Task[None]) -> None:
    """Say that files are followed no longer, which nothing foreseen brings about: the certificate would just end one day."""
    if not renewing.cancelled() and renewing.exception() is not None:
        _log.error("certificates are followed no longer", exc_info=renewing.exception())


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _connections(runner: web.AppRunner) -> web.Server:
    if runner.server is None:
        raise RuntimeError("the runner is not set up")
    return runner.server


def parse_address(listen: str) -> Address:
    """Split `HOST:PORT` or `[IPv6]:PORT`.

    Raises:
        ValueError: it is neither; the message says what is allowed.
    """
    host, colon, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{listen!r} is no address to listen on; HOST:PORT or [IPv6]:PORT is, port 0 to 65535")
    return Address(bare, int(port))


class AccessLog(AbstractAccessLogger):
    """One line a request without query and headers, where secrets and strangers' data are."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log refusals and what came by POST as information, the rest for who debugs."""
        if request.path in _QUIET:
            return
        is_notable = response.status >= 400 or request.method == "POST"
        write = _log.info if is_notable else _log.debug
        write(
            "request",
            method=request.method,
            path=request.rel_url.raw_path[:200],  # not what a proxy's client writes before it, such as a password
            status=response.status,
            bytes=response.body_length,
            duration_s=round(time, 6),
        )


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a line of the library's may be written: of a head that is no HTTP it quotes a part, which may
    be a credential. That such a request came and got a 400 is in the access log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log = structlog.get_logger("autoscaler.server")
_library = logging.getLogger("autoscaler.server.http")
_library.addFilter(_is_ours)
