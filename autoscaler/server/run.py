"""Listening."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import NamedTuple

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

from autoscaler.server.newcomers import Newcomers

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Address(NamedTuple):
    """Where a listener really listens; the port is never 0."""

    host: str
    port: int


@contextlib.asynccontextmanager
async def serve(
    app: web.Application, listen: str, shutdown_s: float = 2.0, patience_s: float = 30.0
) -> AsyncIterator[Address]:
    """Serve an application for the length of an `async with` block; it can be served once.

    A client that hangs up cancels its handler (aiohttp's default lets it run on, and a held wake would keep
    its place for nothing). Connections that idle are closed after 75 s, longer than proxies keep theirs.

    Args:
        listen: `HOST:PORT` or `[IPv6]:PORT`; port 0 takes a free one.
        patience_s: seconds within which a new connection must have sent a whole request head.
        shutdown_s: seconds that requests may take to finish when the block ends; then they are cancelled.

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
        make = newcomers.watch(_connections(runner))
        listener = await asyncio.get_running_loop().create_server(make, host, port, backlog=1024)
        stack.callback(listener.close)
        name = listener.sockets[0].getsockname()
        yield Address(name[0], name[1])


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
            path=request.raw_path.partition("?")[0][:200],
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
