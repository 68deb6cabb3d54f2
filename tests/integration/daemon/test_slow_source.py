"""The whole daemon while one tenant's Prometheus takes half a minute over an answer."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.workload import Constant
from autoscaler.twin.world import Scenario, Tokens, Twin, served
from tests.integration.daemon.running import BUSY, DOCUMENTS, GATEWAY, TENANT, Running, sha256, until
from tests.integration.prometheus.fake import FakePrometheus, healthy

THEIRS = FunctionKey("bravo", "busy")


@dataclass
class Beside:
    """A daemon with two tenants, and the server of the second, which accepts queries and says nothing."""

    running: Running
    slow: FakePrometheus


@pytest.fixture
async def beside(tmp_path: Path) -> AsyncIterator[Beside]:
    """Both tenants' functions are as busy; the daemon is the test's to start."""
    scenario = Scenario(
        functions=tuple(
            FunctionSpec(key, service_s=0.2, concurrency_limit=10, replicas=1, service="constant")
            for key in (BUSY, THEIRS)
        ),
        workloads={BUSY: Constant(type="constant", rate=22, arrivals="even")},
        start_s=0.5,
        warmup_s=20.0,
    )
    tokens = Tokens(admin="admin-token", scaler="scaler-token")
    with FakePrometheus(healthy) as slow:
        slow.reply = lambda _: slow.released.wait() and None
        async with served(Twin(scenario, tokens, SystemClock(), np.random.default_rng(1))) as twin:
            running = Running(twin, tmp_path)
            twin.connect(running.url, GATEWAY)
            settings = json.loads(running.config.read_text())
            settings["sources"]["slow"] = settings["sources"]["main"] | {"url": slow.url, "timeout": "30s"}
            running.config.write_text(json.dumps(settings))
            theirs = DOCUMENTS.replace("acme", "bravo").replace("source: main", "source: slow")
            (tmp_path / "policies" / "bravo.yaml").write_text(theirs.format(tenant=sha256(f"{TENANT}-of-bravo")))
            try:
                yield Beside(running, slow)
            finally:
                running.server.stop()


async def test_while_one_source_takes_half_a_minute_others_are_decided_on_at_every_tick(beside: Beside) -> None:
    """The first tenant's function follows its load, tick after tick, during one unanswered query of the second's."""
    running, slow = beside.running, beside.slow
    await running.start()
    await until(lambda: running.replicas(BUSY) == 5, "five replicas")
    asked, ticks = len(slow.requests), (await running.status())["ticks"]
    await running.ticks(ticks + 10)
    status = await running.status()
    assert asked == len(slow.requests) <= 2  # what was before the start is asked for once, and given up in time
    assert {one["name"]: one["is_ok"] for one in status["sources"]} == {"main": True, "slow": False}
    assert running.replicas(THEIRS) == 1
