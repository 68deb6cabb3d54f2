"""The real Prometheus, scraping an exporter with the OpenFaaS gateway's names, passes the load source's contract."""

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.policy.source_settings import SourceSettings
from tests.contract.load_source import LoadServer, LoadSourceContract
from tests.integration.prometheus.loading import openfaas, source
from tests.servers.exporter import Exporter
from tests.servers.prometheus import VERSIONS, Prometheus, prometheus

pytestmark = pytest.mark.server


@dataclass
class RealServer:
    """Prometheus at a scrape interval of 1 s; a stopped process is silent, and scrapes nothing."""

    server: Prometheus
    exporter: Exporter
    settings: SourceSettings
    busy: FunctionKey
    rate: float
    idle: FunctionKey

    def now(self) -> Now:
        return SystemClock().now()

    async def call_idle(self) -> None:
        self.exporter.call("idle")

    async def silence(self) -> None:
        self.server.server.send(signal.SIGSTOP)

    async def talk(self) -> None:
        self.server.server.send(signal.SIGCONT)


class TestRealPrometheus(LoadSourceContract):
    """The contract, over real scrapes."""

    @pytest.fixture(params=VERSIONS)
    async def load_server(self, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[LoadServer]:
        """Run exporter and Prometheus."""
        with Exporter() as exporter:
            exporter.load("busy.fn", 10.0)
            exporter.know("busy.fn", 1)
            exporter.know("idle.fn", 0)
            with prometheus(tmp_path, {"gateway": [exporter.address]}, program=request.param) as server:
                settings = source(server.url, openfaas(), scrapeInterval="1s", timeout="3s")
                busy, idle = FunctionKey("fn", "busy"), FunctionKey("fn", "idle")
                yield RealServer(server, exporter, settings, busy, 10.0, idle)
                server.server.send(signal.SIGCONT)
