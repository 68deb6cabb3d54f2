"""A course of the platform with everything in it, as text: what compiled and interpreted kernels are compared by."""

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.held import HoldRule
from autoscaler.simulator.laws import Lognormal
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.workload import Constant


def course() -> str:
    """Run it, and give every number of every function."""
    keys = [FunctionKey("acme", name) for name in "abc"]
    specs = [
        FunctionSpec(keys[0], service_s=0.3, concurrency_limit=2, replicas=1, termination_grace_s=0.2, slo_s=0.1),
        FunctionSpec(keys[1], service_s=0.2, start_s=Lognormal(2.0, 1.0), hold_s=1.5, service=Lognormal(0.2, 2.0)),
        FunctionSpec(keys[2], service_s=0.05, replicas=1, gateway_queue=40),
    ]
    workloads = {
        keys[0]: Constant(type="constant", rate=12.0),
        keys[1]: Constant(type="constant", rate=5.0, arrivals="even"),
        keys[2]: Constant(type="constant", rate=25.0),
    }
    platform = Platform(specs, workloads, np.random.default_rng(11), 1.0)
    platform.hold_by(keys[1], HoldRule(1.0, 4))
    steps = np.random.default_rng(5)
    for step in range(120):
        platform.advance(step * 0.9)
        for key in keys[:2]:
            platform.scale(key, int(steps.integers(0, 5)))
        if step % 20 == 0:
            platform.obstruct(keys[0], Obstacle.NOT_READY if step % 40 else Obstacle.NONE)
    return "\n".join(
        f"{key} {statistics} {statistics.waits_s.tolist()}" for key, statistics in platform.all_statistics()
    )
