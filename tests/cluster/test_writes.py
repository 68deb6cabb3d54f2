"""The write scheduler against a real API server, with a proxy in front of it that fails as it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.kubernetes import KubernetesCluster
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wishes import Wish
from autoscaler.daemon.writes import MOST_OTHERS_OUT, WriteScheduler
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import fleet_of, running, wait_for
from tests.servers.controlplane import ControlPlane, deployment_document
from tests.servers.faultproxy import SCALES, Fault, FaultProxy
from tests.unit.daemon.wishing import wished

pytestmark = pytest.mark.server

NAMESPACE, COUNT = "writing", 60
SLOW_S = 5.0


@pytest.fixture(scope="module")
def proxy(plane: ControlPlane) -> Iterator[FaultProxy]:
    certificate = plane.certificate
    with FaultProxy(plane.url, certificate, certificate.with_suffix(".key")) as made:
        yield made


@pytest.fixture(scope="module")
def functions(plane: ControlPlane) -> list[FunctionKey]:
    """Sixty Deployments that nothing but these tests changes."""
    plane.namespace(NAMESPACE)
    names = [f"f-{number:02}" for number in range(COUNT)]
    for name in names:
        document = deployment_document(NAMESPACE, name, replicas=0)
        document["spec"]["paused"] = True
        plane.request("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", json=document)
    return [FunctionKey(NAMESPACE, name) for name in names]


class Writing:
    """A running scheduler on a running cluster."""

    def __init__(self, cluster: KubernetesCluster, writes: WriteScheduler, proxy: FaultProxy) -> None:
        self.cluster = cluster
        self.writes = writes
        self.proxy = proxy
        self._first = len(proxy.seen)

    def wish(self, wanted: dict[FunctionKey, int], *, is_tick: bool = True) -> None:
        """Wish for these counts, from what the cache holds."""
        self.writes.observed()
        uids = {deployed.key: deployed.uid for deployed in self.cluster.catalog().deployed}
        olds = self.cluster.replicas(fleet_of(*wanted)).requested.astype(int).tolist()
        changes = [ScaleChange(key, uids[key], old, wanted[key]) for key, old in zip(wanted, olds, strict=True)]
        wishes = [Wish(change, change.key.namespace) for change in changes if change.old != change.new]
        self.writes.offer(wished(wishes), is_tick)

    def patched(self) -> list[str]:
        """Name the functions of all writes that were answered, in order of their answers."""
        seen = [one for one in list(self.proxy.seen)[self._first :] if one.method == "PATCH"]
        return [one.path.split("/deployments/")[1].split("/")[0] for one in seen]


@contextlib.asynccontextmanager
async def writing(
    plane: ControlPlane,
    proxy: FaultProxy,
    tmp_path: Path,
    *,
    may_write: Callable[[], bool] = lambda: True,
    as_stranger: bool = False,
    **settings: object,
) -> AsyncIterator[Writing]:
    """Run a scheduler whose writes, and watches, go through the proxy; it begins with every function at 1."""
    config = json.loads(plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = proxy.url
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    configured = KubernetesSettings.model_validate({"kubeconfig": str(path), "timeout": "2s", **settings})
    async with running(configured) as cluster:
        writes = WriteScheduler(SystemClock(), cluster, configured, np.random.default_rng(1), may_write=may_write)
        task = asyncio.create_task(writes.run())
        try:
            yield Writing(cluster, writes, proxy)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await writes.close(5.0)


def reset(plane: ControlPlane, functions: list[FunctionKey], replicas: int) -> None:
    """Put every function at a count, before the daemon's watch begins."""
    for key in functions:
        if plane.replicas(*key) != replicas:
            plane.scale(*key, replicas)


async def test_a_wake_goes_between_the_writes_of_a_drain(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """While cuts drain at their rate a wake is written next; in the end every count is what was wished."""
    reset(plane, functions, 3)
    woken, cuts = functions[0], functions[1:]
    plane.scale(*woken, 0)
    async with writing(plane, proxy, tmp_path, writesPerSecond=10, writeBurst=5) as daemon:
        daemon.wish(dict.fromkeys(cuts, 1))
        await wait_for(lambda: len(daemon.patched()) >= 8, "eight cuts")
        daemon.wish({woken: 2}, is_tick=False)
        await wait_for(lambda: woken.name in daemon.patched(), "the wake")
        assert daemon.patched().index(woken.name) <= 15
        assert daemon.writes.queued()["cut"] > 30
        await wait_for(lambda: len(daemon.patched()) == COUNT, "the end of the drain", 60)
        await wait_for(lambda: daemon.writes.counts[ScaleOutcome.DONE] == COUNT, "every answer")
        assert {plane.replicas(*key) for key in cuts} == {1}
        assert plane.replicas(*woken) == 2


async def test_slow_cuts_do_not_hold_up_a_wake(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """While the API server takes seconds for each of forty cuts, a wake is done before the first of them."""
    reset(plane, functions, 3)
    woken, cuts = functions[0], functions[1:]
    plane.scale(*woken, 0)
    slow = Fault("PATCH", r"f-(?!00)", hold_s=SLOW_S)
    async with writing(plane, proxy, tmp_path, timeout="30s", writeBurst=100) as daemon:
        with proxy.faults(slow) as strikes:
            daemon.wish(dict.fromkeys(cuts, 1))
            await wait_for(lambda: strikes.count >= MOST_OTHERS_OUT, "forty cuts on their way")
            daemon.wish({woken: 2}, is_tick=False)
            await wait_for(lambda: len(daemon.patched()) > 0, "an answer")
            assert daemon.patched()[0] == woken.name
            assert strikes.count == MOST_OTHERS_OUT
        await wait_for(lambda: daemon.writes.counts[ScaleOutcome.DONE] == COUNT, "every answer", 60)


async def test_a_write_whose_answer_was_lost_is_done(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """A patch that was applied though its connection broke counts as done at the next try, and as nobody else's."""
    reset(plane, functions, 1)
    key = functions[0]
    foreign = []
    async with writing(plane, proxy, tmp_path) as daemon:
        daemon.cluster.subscribe_changes(foreign.append)
        with proxy.stalled(), proxy.faults(Fault("PATCH", SCALES, is_cut=True)) as strikes:
            daemon.wish({key: 4})
            await wait_for(lambda: strikes.count >= 1, "the write")
            await wait_for(lambda: daemon.writes.counts[ScaleOutcome.RETRY] >= 1, "its loss")
            assert plane.replicas(*key) == 4
        await wait_for(lambda: daemon.writes.counts[ScaleOutcome.DONE] == 1, "the next try")
        assert daemon.writes.counts[ScaleOutcome.LOST] == 0
        assert daemon.writes.failures() == []
        assert foreign == []
        assert plane.replicas(*key) == 4


async def test_a_storm_of_429_is_waited_out(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """Told to wait, the scheduler lets raises wait, and writes all of them when the storm is over."""
    reset(plane, functions, 1)
    async with writing(plane, proxy, tmp_path) as daemon:
        with proxy.faults(Fault("PATCH", SCALES, status=429, retry_after_s=3)) as strikes:
            daemon.wish(dict.fromkeys(functions, 2))
            await wait_for(lambda: strikes.count > 0, "a refusal")
            out = strikes.count
            await wait_for(lambda: daemon.writes.counts[ScaleOutcome.RETRY] >= out, "their answers")
            assert strikes.count <= MOST_OTHERS_OUT
        await wait_for(lambda: daemon.writes.counts[ScaleOutcome.DONE] == COUNT, "every write", 120)
        assert {plane.replicas(*key) for key in functions} == {2}


async def test_errors_at_random_lose_no_write(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """With every third write failing, all are written in the end, each once; on a slow machine some are late too."""
    reset(plane, functions, 1)
    async with writing(plane, proxy, tmp_path) as daemon:
        with proxy.faults(Fault("PATCH", SCALES, share=0.33, status=500)) as strikes:
            daemon.wish(dict.fromkeys(functions, 3))
            await wait_for(lambda: daemon.writes.counts[ScaleOutcome.DONE] == COUNT, "every write", 120)
            assert daemon.writes.counts[ScaleOutcome.RETRY] >= strikes.count > 0
        assert {plane.replicas(*key) for key in functions} == {3}
        assert daemon.writes.counts[ScaleOutcome.LOST] == 0


async def test_after_a_lost_lease_nothing_is_sent(
    plane: ControlPlane, proxy: FaultProxy, functions: list[FunctionKey], tmp_path: Path
) -> None:
    """A drain ends where the Lease is lost; what was out is counted, and nothing else changes."""
    reset(plane, functions, 1)
    may = [True]
    rates = {"writesPerSecond": 20, "writeBurst": 5}
    async with writing(plane, proxy, tmp_path, may_write=lambda: may[0], **rates) as daemon:
        daemon.wish(dict.fromkeys(functions, 2))
        await wait_for(lambda: len(daemon.patched()) >= 10, "ten writes")
        may[0] = False
        await wait_for(lambda: sum(daemon.writes.queued().values()) == 0, "what waits to be dropped")
        await daemon.writes.close(30.0)
        done = daemon.writes.counts[ScaleOutcome.DONE]
        assert 10 <= done < COUNT
        daemon.wish(dict.fromkeys(functions, 7))
        await wait_for(lambda: sum(daemon.writes.queued().values()) == 0, "what is wished later to be dropped")
        assert sum(plane.replicas(*key) == 2 for key in functions) == done
