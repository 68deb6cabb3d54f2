"""A metrics listener of a daemon that has everything: budgets, TLS, a decision log, counts of each kind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.policy.settings import ServerTLSSettings
from autoscaler.ports import (
    AlertReceipt,
    LogState,
    Recollection,
    ScaleOutcome,
    StatusOutcome,
    Usage,
    WakeResult,
    WakeState,
    WatchState,
)
from autoscaler.server.app import build_metrics
from autoscaler.server.run import serve
from autoscaler.server.tally import Tally
from autoscaler.server.tls import Certificates
from tests.integration.http.fakes import FakeAutoscaling
from tests.integration.http.fleets import contested
from tests.servers.certificates import Authority


class StandingLog:
    """A decision log that is well and is asked for nothing but that."""

    def state(self) -> LogState:
        return LogState("/decisions", files=2, bytes=4_096, steps=12, lost=0, error=None)

    async def at(self, key: FunctionKey, utc_s: float) -> DecisionRecord | None:
        raise NotImplementedError

    async def changes(self, key: FunctionKey, since_utc_s: float, until_utc_s: float) -> Recollection:
        raise NotImplementedError


class StandingMeter:
    """Counts over the prepared fleet: 3 cold starts of each function, 100 replica-seconds of each tenant, 50 saved."""

    def __init__(self, service: FakeAutoscaling) -> None:
        self._service = service

    def usage(self) -> Usage | None:
        """Give them; None before the first tick."""
        if self._service.decisions is None:
            return None
        fleet = self._service.decisions.fleet
        of_tenants = np.full(len(fleet.tenants), 100.0)
        return Usage(fleet, np.full(len(fleet), 3), of_tenants, of_tenants + 0.125, of_tenants / 2)


def busy() -> FakeAutoscaling:
    """Give a daemon whose tenants contest a pool, and that has counted something of each kind."""
    service = FakeAutoscaling()
    assert service.decisions is not None
    service.decisions = contested(service.decisions)
    service.state = {
        "writes": dict.fromkeys(ScaleOutcome, 4),
        "writes_queued": {"wake": 0, "raise": 3, "cut": 5},
        "writes_waited_s": {"wake": 0.0, "raise": 1.5, "cut": 40.0},
        "watches": [WatchState("deployments", None, 6, True, True, 3.5, None)],
        "foreign_writes": {"kubectl-scale": 2},
        "status_writes": dict.fromkeys(StatusOutcome, 1),
    }
    woken(service.wake_log)
    return service


def woken(log: WakeLog) -> None:
    """Let a function of each of two tenants be woken at 990 s: acme's serves two, a third had hung up; umbrella's is refused."""
    search, render = FunctionKey("acme-dev", "search"), FunctionKey("umbrella", "render")
    for _ in range(3):
        log.asked(search, "acme", 990.0)
    log.sent(search, 990.004)
    log.written(search, 990.020)
    log.released(search, None, 1, 990.5)
    log.ready(search, 991.25)
    log.released(search, WakeState.READY, 2, 991.251)
    log.asked(render, "umbrella", 990.0)
    log.released(render, WakeState.REFUSED, 1, 990.003, "BUDGET")


def counted() -> Tally:
    """Give counts of the main listener, something of each kind."""
    tally = Tally()
    tally.requests["/v1/functions", 200] += 5
    tally.count_alerts(AlertReceipt(3, {"no-rule": 2}), truncated=1)
    tally.count_wake(WakeResult(WakeState.READY, 0.75))
    return tally


@asynccontextmanager
async def everything(folder: Path, service: FakeAutoscaling | None = None) -> AsyncIterator[str]:
    """Serve its metrics for the length of an `async with` block; gives host and port.

    Args:
        folder: for the certificate.
        service: the daemon; None: `busy()`.
    """
    pair = Authority(folder).sign("DNS:localhost")
    tls = {"certFile": str(pair.certificate), "keyFile": str(pair.key)}
    certificates = Certificates(ServerTLSSettings.model_validate(tls))
    daemon = service if service is not None else busy()
    app = build_metrics(daemon, counted(), StandingLog(), certificates, StandingMeter(daemon))
    async with serve(app, "127.0.0.1:0") as at:
        yield f"{at.host}:{at.port}"
