"""Probes: open, without data."""

from aiohttp import web

from autoscaler.ports import Autoscaling
from autoscaler.server import replies
from autoscaler.server.progress import lines


class Probes:
    """`/healthz`: the loop answers. `/readyz`: caches are synced and a first tick is done.

    Args:
        is_inside: only the cluster's own people reach this listener, so `?verbose` may name what fails.
    """

    def __init__(self, service: Autoscaling, *, is_inside: bool) -> None:
        self._service = service
        self._is_inside = is_inside

    async def live(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as anything answers: whatever ails the sources or the API, a restart mends none of it."""
        return replies.json({"status": "alive"})

    async def ready(self, request: web.Request) -> web.Response:
        """Answer 200 once requests can be served, 503 before; with `?verbose` how far each part is, as text."""
        health = self._service.health()
        status = 200 if health.is_ready else 503
        if "verbose" in request.query:
            said = lines(health, with_words=self._is_inside)
            return web.Response(text="\n".join([*said, ""]), status=status)
        return replies.json({"status": "ready" if health.is_ready else "not-ready"}, status=status)
