"""`autoscaler run` against the twin on loopback."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.workload import Constant
from autoscaler.twin.world import Scenario, Tokens, Twin, served
from tests.integration.daemon.running import BUSY, DATABASE, GATEWAY, SLEEPY, Running


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """A twin with 22 requests/s for one function, one asleep and a database; the daemon is the test's to start."""
    scenario = Scenario(
        functions=(
            FunctionSpec(BUSY, service_s=0.2, concurrency_limit=10, replicas=1, service="constant"),
            FunctionSpec(SLEEPY, service_s=0.1, replicas=0),
        ),
        workloads={BUSY: Constant(type="constant", rate=22, arrivals="even")},
        bystanders={DATABASE: 1},
        start_s=0.5,
        warmup_s=20.0,
    )
    tokens = Tokens(admin="admin-token", scaler="scaler-token")
    async with served(Twin(scenario, tokens, SystemClock(), np.random.default_rng(1))) as twin:
        result = Running(twin, tmp_path)
        twin.connect(result.url, GATEWAY)
        try:
            yield result
        finally:
            result.server.stop()
