"""What the daemon's ordinary adapter reads from the twin is what the simulator would tell its controller."""

from collections.abc import AsyncIterator
from dataclasses import fields

import numpy as np
import pytest

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.adapters.prometheus.asking import QUERY_LAG
from autoscaler.core.observation import Load
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.twin.prometheus import Mode
from autoscaler.twin.world import TARGET, Twin
from tests.integration.twin.scene import RESIZE, SLEEPY, HandClock

TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme-prod], source: main}
"""


@pytest.fixture
def plan(twin: Twin) -> Plan:
    """The plan of the twin's Deployments, a database among them, for one tenant."""
    deployed = [Deployed(one.key, one.uid, one.labels, one.annotations) for one in twin.deployments]
    made = Compiler().compile(load({"tenant.yaml": TENANT}), deployed, 0.0)
    assert made.fleet.keys == (RESIZE, SLEEPY)
    return made


@pytest.fixture
async def loads(twin: Twin) -> AsyncIterator[PrometheusLoads]:
    settings = SourceSettings.model_validate(
        {
            "url": twin.prometheus_url,
            "scrapeInterval": "1s",
            "timeout": "500ms",
            "gateways": [{"profile": "openfaas", "match": TARGET}],
        }
    )
    source = PrometheusLoads({"main": settings}, patience_s=30.0, workers=1)
    await source.start()
    try:
        yield source
    finally:
        await source.close()


def simulated(twin: Twin, plan: Plan) -> Load:
    """Give the simulator's sample at the time that the adapter asks for, a little before now."""
    return twin.measurement.load(plan.fleet, twin.now_s() - QUERY_LAG * twin.measurement.interval_s)


def assert_same(read: Load, expected: Load) -> None:
    """Compare two samples, column by column; a query's UTC time is known to a quarter of a microsecond only."""
    assert read.panic is expected.panic is None
    for column in (one for one in fields(Load) if one.name != "panic"):
        np.testing.assert_allclose(
            getattr(read, column.name), getattr(expected, column.name), rtol=1e-6, err_msg=column.name
        )


async def test_a_steady_load(twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads) -> None:
    """Under steady load every column is the same, proof of zero of the function never called included."""
    read = await loads.read(plan, clock.now())
    assert_same(read, simulated(twin, plan))
    assert read.rps.tolist() == [pytest.approx(10, rel=0.05), 0]
    assert (read.is_covered.tolist(), read.is_idle.tolist()) == ([True, True], [False, True])


async def test_moving_loads(twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads) -> None:
    """They stay the same over scaling and moving time, at whatever part of a scrape interval."""
    twin.deployments.set_replicas(RESIZE, 1)
    for step_s in (0.4, 0.3, 1.1, 2.5, 0.2):
        await clock.move(step_s)
        assert_same(await loads.read(plan, clock.now()), simulated(twin, plan))


async def test_a_long_call_of_a_function_never_called(
    twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads
) -> None:
    """A call that goes on for longer than the range is in flight in both, and the function not idle."""
    twin.platform.enter(SLEEPY)
    await clock.move(6.0)
    read = await loads.read(plan, clock.now())
    assert_same(read, simulated(twin, plan))
    assert (read.in_flight.tolist()[1], read.is_idle.tolist()[1]) == (1, False)
    twin.platform.leave(SLEEPY)
    await clock.move(6.0)
    assert (await loads.read(plan, clock.now())).is_idle.tolist()[1]


async def test_a_counter_just_born(twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads) -> None:
    """Calls that a counter is born with are a load at once, in both, though nothing of them is an increase."""
    for _ in range(6):
        twin.platform.enter(SLEEPY)
    await clock.move(1.0)
    for _ in range(5):
        read = await loads.read(plan, clock.now())
        assert_same(read, simulated(twin, plan))
        assert (read.rps.tolist()[1], read.is_covered.tolist()[1], read.is_idle.tolist()[1]) == (6 / 4, True, False)
        await clock.move(0.5)


async def test_counters_that_were_never_seen_before_prove_no_births(
    twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads
) -> None:
    """After an outage too long to look back over, all that was ever counted is never a load, in both."""
    twin.prometheus.turn(Mode.SILENT)
    await clock.move(400.0)
    twin.prometheus.turn(Mode.ANSWERS)
    seen = []
    for _ in range(16):
        await clock.move(0.4)
        read = await loads.read(plan, clock.now())
        assert_same(read, simulated(twin, plan))
        seen.append((read.rps.tolist()[0], read.is_covered.tolist()[0]))
    assert np.nanmax([rps for rps, _ in seen]) <= 10.5
    assert all(rps == pytest.approx(10, rel=0.05) for rps, is_covered in seen if is_covered)
    assert seen[-1][1]


async def test_after_an_outage(twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads) -> None:
    """The first answers after an outage are not covered, in both, and nothing is idle by them."""
    twin.prometheus.turn(Mode.SILENT)
    await clock.move(20.0)
    twin.prometheus.turn(Mode.ANSWERS)
    await clock.move(2.6)
    read = await loads.read(plan, clock.now())
    assert_same(read, simulated(twin, plan))
    assert not read.is_covered.any()
    assert not read.is_idle.any()


@pytest.mark.parametrize("mode", [Mode.SILENT, Mode.UNAVAILABLE, Mode.EMPTY])
async def test_nothing_known_is_nothing_read(
    twin: Twin, clock: HandClock, plan: Plan, loads: PrometheusLoads, mode: Mode
) -> None:
    """A server that hangs, refuses or has no series is unknown for every function, as the simulator's silence is."""
    twin.prometheus.turn(mode)
    read = await loads.read(plan, clock.now())
    assert np.isnan([read.rps, read.concurrency, read.in_flight]).all()
    assert not read.is_covered.any()
    assert not read.is_idle.any()
