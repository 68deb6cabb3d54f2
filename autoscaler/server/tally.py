"""What the listeners count themselves; the daemon's own counts come from its health."""

from collections import Counter
from collections.abc import Mapping

from aiohttp import web

from autoscaler.ports import AlertReceipt, WakeResult, WakeState
from autoscaler.server.errors import Handler


class Tally:
    """Counts of requests, alerts and wakes since the start.

    Attributes:
        requests: answers by (route template, status); never by raw path, so that strangers make no series.
        alerts_accepted: alerts that raised, repeated or lifted a boost.
        alerts_dropped: alerts dropped, by reason.
        alerts_truncated: alerts that senders left out (`max_alerts`), of which nothing is known.
        wakes: wakes that ended, by state.
        wakes_cancelled: wakes given up by the gateway before they ended.
        wakes_held: wakes that are held now.
        wake_wait_s: sum of what ended wakes waited, seconds.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.alerts_accepted = 0
        self.alerts_dropped: Counter[str] = Counter()
        self.alerts_truncated = 0
        self.wakes: Counter[WakeState] = Counter()
        self.wakes_cancelled = 0
        self.wakes_held = 0
        self.wake_wait_s = 0.0

    def count_alerts(self, receipt: AlertReceipt, truncated: int) -> None:
        """Add what became of one webhook's alerts, and how many its sender left out."""
        self.alerts_accepted += receipt.accepted
        self.alerts_truncated += truncated
        dropped: Mapping[str, int] = receipt.dropped
        self.alerts_dropped.update(dropped)

    def count_wake(self, result: WakeResult) -> None:
        """Add a wake that ended."""
        self.wakes[result.state] += 1
        self.wake_wait_s += result.waited_s


TALLY: web.AppKey[Tally] = web.AppKey("tally", Tally)
"""Where an application keeps its tally."""


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every answer by route and status."""
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    request.app[TALLY].requests[route, response.status] += 1
    return response
