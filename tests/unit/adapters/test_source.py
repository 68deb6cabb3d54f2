"""One source's memory and its workers, whatever hangs or cannot be started."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.messages import Adopt, Answer, Ask
from autoscaler.adapters.prometheus.pool import Pool, Worker
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.adapters.prometheus.source import Source
from autoscaler.core.now import Now
from autoscaler.policy.settings import SourceSettings
from tests.integration.prometheus.plans import plan_of

SETTINGS = SourceSettings.model_validate(
    {"url": "http://127.0.0.1:9", "gateways": [{"profile": "openfaas", "match": {"job": "gateway"}}]}
)


class Hanging(Pool):
    """Workers that never answer."""

    async def ask(self, adopt: Adopt, ask: Ask) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError


def segments() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob(f"faas-autoscaler-{os.getpid()}-*")}


async def test_plans_that_change_while_a_source_hangs_leave_no_memory() -> None:
    """However often functions come and go during one reading, only what is read and what is next is kept."""
    before = segments()
    source = Source("main", SETTINGS, Hanging(1), patience_s=0.0)
    await source.adopt(plan_of({"ours": ["fn/a"]}))
    await source.read(Now(0.0, 0.0))
    for number in range(5):
        await source.adopt(plan_of({"ours": ["fn/a", f"fn/b{number}"]}))
        assert len(segments() - before) == 4
    await source.stop()
    source.release()
    assert segments() - before == set()


async def test_a_worker_that_cannot_be_started_makes_its_source_sick_and_nothing_else() -> None:
    """Where no process may be started (too many, no memory), asking fails as a sick source does."""

    def start() -> Worker:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    segment = OwnedSegment(1, b"fn/a", np.ones((1, 1), dtype=np.bool_))
    try:
        with pytest.raises(SourceError):
            await Pool(1, start).ask(Adopt("main", SETTINGS, (), segment.description), Ask("main", 1, 0.0, 1.0))
    finally:
        segment.close()
