"""The applications of both listeners, put together."""

from aiohttp import web

from autoscaler.ports import Autoscaling, Clock, DecisionArchive, Leadership, Meter
from autoscaler.server.alerts import Webhook, withhold_body
from autoscaler.server.dashboard import Dashboard
from autoscaler.server.errors import answer_refusals
from autoscaler.server.forwarding import FORWARDING, Forwarding
from autoscaler.server.functions import Reading
from autoscaler.server.holding import HoldingRules
from autoscaler.server.limits import Limits
from autoscaler.server.metrics import Metrics
from autoscaler.server.probes import Probes
from autoscaler.server.taking_up import TakingUp
from autoscaler.server.tally import TALLY, Tally, count_requests
from autoscaler.server.tenants import Tenants
from autoscaler.server.tls import Certificates
from autoscaler.server.trusting import Trusting
from autoscaler.server.vouching import VOUCHING, Vouching
from autoscaler.server.wake import Wakes


def build(
    service: Autoscaling,
    clock: Clock,
    limits: Limits | None = None,
    archive: DecisionArchive | None = None,
    leadership: Leadership | None = None,
    certificates: Certificates | None = None,
) -> web.Application:
    """Build the main listener's application: alerts, wakes, API, probes and dashboard.

    Args:
        limits: bounds on one request; None: the usual ones.
        archive: the decision log; None: none is kept.
        leadership: who decides; while another daemon does, it is asked in place of this one. None: this one always does.
        certificates: what its listener's TLS is served with, and the others' too; None: they speak plain HTTP.

    Returns:
        The application; its counts are at `app[TALLY]`, for `build_metrics`; where there is leadership, what hands on
        is at `app[FORWARDING]`.
    """
    bounds = limits if limits is not None else Limits()
    app = _application()
    app[TALLY] = Tally()
    app.middlewares.insert(0, count_requests)
    webhook, wakes = Webhook(service, bounds), Wakes(service, bounds)
    reading = Reading(service, clock, bounds, archive)
    for alerts_path in ("/v1/alerts", "/system/alert"):
        app.router.add_post(alerts_path, webhook.take, expect_handler=withhold_body)
    wake_path = "/v1/wake/{namespace}/{function}"
    for method in ("GET", "HEAD", "POST"):
        app.router.add_route(method, wake_path, wakes.wake, expect_handler=withhold_body)
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        app.router.add_route(method, wake_path + "/{original:.*}", wakes.wake, expect_handler=withhold_body)
    app.router.add_get("/v1/functions", reading.list_functions)
    app.router.add_get("/v1/functions/{namespace}/{function}", reading.show_function)
    app.router.add_get("/v1/functions/{namespace}/{function}/policy", HoldingRules(service).show)
    app.router.add_post(
        "/v1/functions/{namespace}/{function}/take-up", TakingUp(service).take_up, expect_handler=withhold_body
    )
    app.router.add_get("/v1/tenants", Tenants(service, bounds).list_tenants)
    app.router.add_get("/v1/decisions", reading.list_decisions)
    app.router.add_get("/v1/status", reading.show_status)
    _add_probes(app, service, is_inside=False)
    app.router.add_routes(Dashboard().routes())
    if leadership is not None and certificates is not None:
        app[VOUCHING] = Vouching(certificates, clock, leadership)
    if leadership is not None:
        trusting = Trusting(certificates) if certificates is not None else None
        app[FORWARDING] = Forwarding(service, leadership, bounds, trusting)
        app[FORWARDING].attach(app)
    return app


def build_metrics(
    service: Autoscaling,
    tally: Tally | None = None,
    archive: DecisionArchive | None = None,
    certificates: Certificates | None = None,
    meter: Meter | None = None,
) -> web.Application:
    """Build the metrics listener's application: metrics and probes, open, for inside the cluster.

    Args:
        tally: counts of the main listener, its `app[TALLY]`; None: there is none, its series are left out.
        archive: the decision log; None: none is kept, its series are left out.
        certificates: of the main listener; None: it has no TLS, its series are left out.
        meter: who counts what functions use; None: nobody does, its series are left out.
    """
    app = _application()
    app.router.add_get("/metrics", Metrics(service, tally, archive, certificates, meter).expose)
    _add_probes(app, service, is_inside=True)
    return app


def _application() -> web.Application:
    app = web.Application(middlewares=[answer_refusals])
    app.on_response_prepare.append(_harden)
    return app


def _add_probes(app: web.Application, service: Autoscaling, *, is_inside: bool) -> None:
    probes = Probes(service, is_inside=is_inside)
    app.router.add_get("/healthz", probes.live)
    app.router.add_get("/readyz", probes.ready)


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Server"] = "autoscaler"
