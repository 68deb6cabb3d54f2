"""The twin's Prometheus passes the tests that a real one passes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import numpy as np
import pytest

from autoscaler.adapters.clock import ScaledClock
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.workload import Constant
from autoscaler.twin.prometheus import Mode
from autoscaler.twin.world import TARGET, Scenario, Tokens, Twin, served
from tests.contract.load_source import LoadServer, LoadSourceContract

BUSY = FunctionKey("acme-prod", "busy")
IDLE = FunctionKey("acme-prod", "idle")
RATE = 10.0


@dataclass
class TwinServer:
    """A twin whose clock runs three times as fast as the wall's."""

    twin: Twin
    clock: ScaledClock
    settings: SourceSettings
    busy: FunctionKey = BUSY
    rate: float = RATE
    idle: FunctionKey = IDLE

    def now(self) -> Now:
        return self.clock.now()

    async def call_idle(self) -> None:
        url = f"{self.twin.gateway_url}/function/{IDLE.name}.{IDLE.namespace}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200

    async def silence(self) -> None:
        self.twin.prometheus.turn(Mode.SILENT)

    async def talk(self) -> None:
        self.twin.prometheus.turn(Mode.ANSWERS)


class TestTwin(LoadSourceContract):
    """The contract of `ports.LoadSource`, through the ordinary adapter, over the twin's sockets."""

    @pytest.fixture
    async def load_server(self) -> AsyncIterator[LoadServer]:
        clock = ScaledClock(3.0)
        scenario = Scenario(
            functions=(
                FunctionSpec(BUSY, service_s=0.1, concurrency_limit=10, replicas=1),
                FunctionSpec(IDLE, service_s=0.1, replicas=1),
            ),
            workloads={BUSY: Constant(type="constant", rate=RATE)},
        )
        async with served(Twin(scenario, Tokens("admin", "scaler"), clock, np.random.default_rng(1))) as twin:
            source = {
                "url": twin.prometheus_url,
                "scrapeInterval": "1s",
                "timeout": "500ms",
                "gateways": [{"profile": "openfaas", "match": TARGET}],
            }
            yield TwinServer(twin, clock, SourceSettings.model_validate(source))
