"""A gateway beside the daemon: it carries calls, counts them, and asks for a wake when nobody is there to serve."""

import asyncio
from collections import Counter

import aiohttp
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import Platform
from autoscaler.twin.clock import Clock

_READY_POLL_S = 0.02


class Gateway:
    """Takes the platform's generated traffic, and real HTTP calls at `/function/{name}`.

    A call to a function without a ready replica asks the daemon's `/v1/wake/…` with the gateway's own
    token and is held meanwhile; so does each generated request that waits, up to `wakes_at_once`.

    Args:
        default_namespace: namespace of a name without a dot.
        wakes_at_once: wake calls open at once for one function's generated requests.
    """

    def __init__(self, platform: Platform, clock: Clock, default_namespace: str, wakes_at_once: int = 8) -> None:
        self._platform = platform
        self._clock = clock
        self._default_namespace = default_namespace
        self._wakes_at_once = wakes_at_once
        self._daemon_url: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self._asking: Counter[FunctionKey] = Counter()
        self._calls: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """Give the application to serve."""
        app = web.Application()
        app.router.add_route("*", "/function/{name}", self._call)
        app.router.add_route("*", "/function/{name}/{path:.*}", self._call)
        return app

    def connect(self, daemon_url: str, token: str) -> None:
        """Tell where wakes are asked for, and the gateway's own credential there."""
        self._daemon_url = daemon_url.rstrip("/")
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=60)
        )

    async def close(self) -> None:
        """Give up the wakes that are under way."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def ask_for_waiting(self) -> None:
        """Ask for a wake for generated requests that wait while no replica is ready."""
        if self._session is None:
            return
        for key in self._platform.keys:
            wanted = min(self._platform.waiting(key), self._wakes_at_once)
            for _ in range(wanted - self._asking[key]):
                self._asking[key] += 1
                call = asyncio.create_task(self._ask(key))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _ask(self, key: FunctionKey) -> None:
        try:
            status, retry_s = await self._wake(key)
            if status != 200:
                await self._clock.sleep(retry_s)
        finally:
            self._asking[key] -= 1

    async def _call(self, request: web.Request) -> web.Response:
        key = self._key(request.match_info["name"])
        if key not in self._platform.keys:
            return web.json_response({"error": f"no function {request.match_info['name']}"}, status=404)
        began_s = self._clock.now().monotonic_s
        is_cold = self._platform.ready(key) == 0
        self._platform.enter(key)
        try:
            if is_cold:
                status, retry_s = await self._wake(key)
                if status != 200:
                    headers = {"Retry-After": str(max(1, round(retry_s)))}
                    return web.json_response({"error": f"{key} does not start"}, status=status, headers=headers)
                while self._platform.ready(key) == 0:  # the platform moves in steps behind the daemon's word
                    await self._clock.sleep(_READY_POLL_S)
            await self._clock.sleep(self._platform.spec(key).service_s)
        finally:
            if key in self._platform.keys:
                self._platform.leave(key)
        took_s = self._clock.now().monotonic_s - began_s
        return web.json_response({"function": str(key), "cold": is_cold, "took_s": round(took_s, 3)})

    async def _wake(self, key: FunctionKey) -> tuple[int, float]:
        """Ask the daemon and hold; gives its status, 503 where it cannot be reached, and when to try again."""
        if self._session is None:
            return 503, 1.0
        try:
            async with self._session.post(f"{self._daemon_url}/v1/wake/{key.namespace}/{key.name}") as answer:
                await answer.read()
                retry = answer.headers.get("Retry-After", "")
                return answer.status, float(retry) if retry.isdecimal() else 1.0
        except (aiohttp.ClientError, TimeoutError):
            return 503, 1.0

    def _key(self, name: str) -> FunctionKey:
        function, dot, namespace = name.rpartition(".")
        return FunctionKey(namespace, function) if dot else FunctionKey(self._default_namespace, name)
