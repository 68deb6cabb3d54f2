"""Two thousand Deployments."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import fleet_of, running
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane, deployment_document

pytestmark = pytest.mark.server
COUNT = 2_000


@pytest.fixture
async def many(plane: ControlPlane) -> AsyncIterator[list[FunctionKey]]:
    """Make them, 32 at once, and remove them again, so that the other tests' lists stay short."""
    keys = [FunctionKey(f"many-{number % 4}", f"f-{number:04}") for number in range(COUNT)]
    namespaces = sorted({key.namespace for key in keys})
    for namespace in namespaces:
        plane.namespace(namespace)
    trust = ssl.create_default_context(cafile=plane.folder / "certificates" / "apiserver.crt")
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(ssl=trust, limit=32)
    async with aiohttp.ClientSession(plane.url, headers=headers, connector=connector) as session:
        await asyncio.gather(*(_create(session, key) for key in keys))
        yield keys
        for namespace in namespaces:
            async with session.delete(f"/apis/apps/v1/namespaces/{namespace}/deployments") as answer:
                answer.raise_for_status()
                await answer.read()  # left unread, its connection would be closed politely, and outlive the loop
        # So would now and then one of 32 idle ones.
        await connector.close(abort_ssl=True)


async def _create(session: aiohttp.ClientSession, key: FunctionKey) -> None:
    document = deployment_document(*key, replicas=1)
    document["spec"]["paused"] = True
    path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments"
    async with session.post(path, data=orjson.dumps(document)) as answer:
        answer.raise_for_status()
        await answer.read()


async def test_all_are_listed_and_written(plane: ControlPlane, many: list[FunctionKey]) -> None:
    """Every one of 2,000 Deployments is in the cache after a list in pages, and 200 writes at once all go through."""
    async with running(KubernetesSettings(kubeconfig=str(plane.kubeconfig), page_size=300)) as cluster:
        ours = {deployed.key: deployed.uid for deployed in cluster.catalog().deployed}
        assert set(many) <= ours.keys()
        changes = [ScaleChange(key, ours[key], 1, 2) for key in many[:200]]
        results = await asyncio.gather(*(cluster.scale(change) for change in changes))
        assert {result.outcome for result in results} == {ScaleOutcome.DONE}
        assert sorted(cluster.replicas(fleet_of(*many)).requested.tolist()) == [1.0] * 1800 + [2.0] * 200
