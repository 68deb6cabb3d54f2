"""Reading a source once, or with a kept adapter, and picking one function out of what came."""

import multiprocessing
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from autoscaler.adapters.prometheus import PrometheusLoads, pool, worker
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.ports import Replicas

QUICK = multiprocessing.get_context("forkserver")
"""Workers of most tests are copies of a process that has imported what they need: hundreds of them are started here, and a
new one spends most of a second on imports. They know the environment of the first; tests of the daemon start new ones."""
QUICK.set_forkserver_preload([worker.__name__])


@dataclass(frozen=True)
class One:
    """A load's row; None is unknown."""

    rps: float | None
    concurrency: float | None
    in_flight: float | None
    is_covered: bool
    is_idle: bool

    @property
    def is_unknown(self) -> bool:
        return self.rps is None and self.concurrency is None and self.in_flight is None


def row(load: Load, plan: Plan, name: str) -> One:
    """Give what a load says of `namespace/name`."""
    at = plan.fleet.row_of[FunctionKey(*name.split("/"))]

    def known(column: Any) -> float | None:
        return None if np.isnan(column[at]) else float(column[at])

    return One(
        known(load.rps),
        known(load.concurrency),
        known(load.in_flight),
        bool(load.is_covered[at]),
        bool(load.is_idle[at]),
    )


def openfaas(job: str = "gateway", **more: Any) -> dict[str, Any]:
    """Give settings of an OpenFaaS gateway."""
    return {"profile": "openfaas", "match": {"job": job}, "defaultNamespace": "fn", **more}


def source(url: str, *gateways: Mapping[str, Any], **more: Any) -> SourceSettings:
    """Give settings of a source."""
    return SourceSettings.model_validate({"url": url, "gateways": list(gateways) or [openfaas()], **more})


def running(**ready: int) -> Callable[[Fleet], Replicas]:
    """Give replicas by the names of functions; those not named have none."""

    def replicas_of(fleet: Fleet) -> Replicas:
        counts = np.array([ready.get(key.name, 0) for key in fleet.keys], dtype=np.float64)
        return Replicas(counts, counts)

    return replicas_of


@asynccontextmanager
async def loads(
    patience_s: float = 30.0,
    workers: int = 2,
    replicas_of: Callable[[Fleet], Replicas] | None = None,
    is_as_shipped: bool = False,
    **sources: SourceSettings,
) -> AsyncIterator[PrometheusLoads]:
    """Run the adapter for the length of an `async with` block.

    Args:
        is_as_shipped: its workers are new processes, with the environment of this moment; else copies (`QUICK`).
    """
    made = PrometheusLoads(sources, patience_s=patience_s, workers=workers, replicas_of=replicas_of)
    with pytest.MonkeyPatch.context() as patch:
        if not is_as_shipped:
            patch.setattr(pool, "_SPAWN", QUICK)
        await made.start()
        try:
            yield made
        finally:
            await made.close()


async def read_at(settings: SourceSettings, plan: Plan, moments: Sequence[Now]) -> list[Load]:
    """Read source `main` at these moments, one after the other."""
    async with loads(main=settings) as made:
        return [await made.read(plan, moment) for moment in moments]
