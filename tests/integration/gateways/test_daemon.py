"""The whole way: calls through real gateways, a real Prometheus, `autoscaler run`, and the replicas that it asks for."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.twin.world import Scenario, Tokens, Twin, served
from tests.integration.daemon.running import Running, until
from tests.integration.gateways.calling import Steady
from tests.integration.gateways.standing import KINDS, Standing, settings

pytestmark = pytest.mark.server

CALLED = [FunctionKey(f"{kind}-prod", "resize-v2") for kind in KINDS]
NOT_CALLED = [FunctionKey(f"{kind}-prod", "resize") for kind in KINDS]
MOST = 3
DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {kind}-acme}}
spec:
  namespaces: [{kind}-prod]
  source: main
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {kind}-prod}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: rps, target: 1, utilization: 1}}]
  replicas: {{min: 0, max: {most}}}
  windows: {{stable: 2s}}
  scaleDown: {{stabilization: 1s}}
  zero: {{after: 4s}}
"""


@pytest.fixture
async def running(stand: Standing, tmp_path: Path) -> AsyncIterator[Running]:
    """A cluster with two functions of each gateway at one replica; the daemon is the test's to start."""
    functions = tuple(FunctionSpec(key, service_s=0.1, replicas=1) for key in (*CALLED, *NOT_CALLED))
    scenario = Scenario(functions=functions, workloads={}, start_s=0.2)
    twin = Twin(scenario, Tokens("admin-token", "scaler-token"), SystemClock(), np.random.default_rng(1))
    async with served(twin):
        result = Running(twin, tmp_path)
        written = "---\n".join(DOCUMENTS.format(kind=kind, most=MOST) for kind in KINDS)
        (tmp_path / "policies" / "acme.yaml").write_text(written)
        source = settings(stand.servers[0]).model_dump(mode="json", by_alias=True, exclude_unset=True)
        document = json.loads(result.config.read_text())
        result.config.write_text(json.dumps({**document, "sources": {"main": source}}))
        try:
            yield result
        finally:
            result.server.stop()


async def test_calls_raise_replicas_and_silence_ends_them(stand: Standing, running: Running) -> None:
    """Of each gateway, the function that is called gets its most replicas, and none once nobody calls it any more."""
    await running.start()
    with Steady(stand.ways("prod/resize-v2")):
        await until(lambda: [running.replicas(key) for key in CALLED] == [MOST] * len(CALLED), "most replicas", 60)
        assert all(running.replicas(key) <= 1 for key in NOT_CALLED)
    await until(lambda: [running.replicas(key) for key in CALLED] == [0] * len(CALLED), "no replicas", 60)
