"""Connections that never ask: closed after a while, so that they cost nobody else a place."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from autoscaler.server.errors import Handler


class Newcomers:
    """Connections without a whole request head so far.

    A kept connection that falls silent is closed by the server's keep-alive time; before the first request
    nothing else bounds it, and a stranger without a token could hold every file descriptor.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._waiting: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def watch(self, make: Callable[[], web.RequestHandler]) -> Callable[[], asyncio.Protocol]:
        """Give a factory of connections that are closed unless they ask in time."""

        def made() -> asyncio.Protocol:
            connection = make()
            timer = asyncio.get_running_loop().call_later(self._patience_s, self._part, connection)
            self._waiting[connection] = timer
            return connection

        return made

    @web.middleware
    async def greet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a connection stay that asks; a middleware."""
        timer = self._waiting.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()  # which also lets go of the connection
        return await handler(request)

    def _part(self, connection: web.RequestHandler) -> None:
        del self._waiting[connection]
        connection.force_close()
