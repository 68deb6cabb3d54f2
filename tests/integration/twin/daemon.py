"""A hand-written stand-in for the daemon's two routes that gateways and Alertmanagers call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web


class FakeDaemon:
    """Keeps what it was sent; a wake is held until `release` says how it ends."""

    def __init__(self) -> None:
        self.url = ""
        self.wakes: list[tuple[str, str]] = []
        self.payloads: list[Any] = []
        self.tokens: list[str] = []
        self.alert_status = 200
        self._release: asyncio.Future[tuple[int, dict[str, str]]] = asyncio.get_running_loop().create_future()

    def release(self, status: int, headers: dict[str, str] | None = None) -> None:
        """End every wake, those to come too, with this status."""
        self._release.set_result((status, headers or {}))

    async def wake(self, request: web.Request) -> web.Response:
        self.wakes.append((request.match_info["namespace"], request.match_info["name"]))
        self.tokens.append(request.headers.get("Authorization", ""))
        status, headers = await asyncio.shield(self._release)
        return web.json_response({}, status=status, headers=headers)

    async def alerts(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        self.payloads.append(await request.json())
        return web.json_response({}, status=self.alert_status)


@contextlib.asynccontextmanager
async def fake_daemon() -> AsyncIterator[FakeDaemon]:
    """Serve it on loopback."""
    daemon = FakeDaemon()
    app = web.Application()
    app.router.add_post("/v1/wake/{namespace}/{name}", daemon.wake)
    app.router.add_post("/v1/alerts", daemon.alerts)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    daemon.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield daemon
    finally:
        await runner.cleanup()
