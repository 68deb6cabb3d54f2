"""Probes: open, without data."""

from aiohttp import web

from autoscaler.ports import Autoscaling
from autoscaler.server import replies


class Probes:
    """`/healthz`: the loop answers. `/readyz`: caches are synced and a first tick is done."""

    def __init__(self, service: Autoscaling) -> None:
        self._service = service

    async def live(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as anything answers: whatever ails the sources or the API, a restart mends none of it."""
        return replies.json({"status": "alive"})

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 once requests can be served, 503 before."""
        is_ready = self._service.health().is_ready
        return replies.json({"status": "ready" if is_ready else "not-ready"}, status=200 if is_ready else 503)
