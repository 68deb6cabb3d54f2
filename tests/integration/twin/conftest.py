"""A twin to ask."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.workload import Constant
from autoscaler.twin.world import Scenario, Twin, served
from tests.integration.twin.scene import DATABASE, RESIZE, SLEEPY, TOKENS, HandClock


@pytest.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def twin(clock: HandClock) -> AsyncIterator[Twin]:
    """A twin of 20 s platform time: one function with 10 requests/s, one never called, and a database."""
    scenario = Scenario(
        functions=(
            FunctionSpec(RESIZE, service_s=0.2, concurrency_limit=10, replicas=2, service="constant"),
            FunctionSpec(SLEEPY, service_s=0.1, replicas=0),
        ),
        workloads={RESIZE: Constant(type="constant", rate=10, arrivals="even")},
        bystanders={DATABASE: 1},
        start_s=2.0,
        warmup_s=20.0,
    )
    async with served(Twin(scenario, TOKENS, clock, np.random.default_rng(1))) as running:
        yield running
