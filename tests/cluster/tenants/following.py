"""The daemon's documents over the real API server: a cluster that watches them, and the policies in force."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from autoscaler.adapters.kubernetes import KubernetesCluster, WatchTimes, connect
from autoscaler.daemon.policies import Policies
from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.loading import Given, ResourceState
from autoscaler.policy.resources import Identity
from autoscaler.policy.settings import KubernetesSettings, PoolSettings
from tests.contract.cluster import wait_for
from tests.servers.controlplane import ControlPlane

Document = dict[str, Any]
GROUP = f"/apis/{API_VERSION}"
KEY = "capsule.clastix.io/tenant"
GIVEN = Given(("main",), {"default": PoolSettings()}, (KEY,))
TIMES = WatchTimes(refused_s=1.0)


class Followed(NamedTuple):
    """What a daemon has of documents."""

    cluster: KubernetesCluster
    policies: Policies

    def state(self, identity: Identity) -> ResourceState | None:
        return self.policies.current.resources.get(identity)

    def max_of(self, namespace: str, name: str = "default") -> int | None:
        """Give what the policy in force says; -1: there is none."""
        policy = self.policies.current.policies.get(namespace, {}).get(name)
        return -1 if policy is None else policy.document.spec.replicas.max

    async def until(self, what: str, condition: Any) -> None:
        """Wait until something holds of what is in force."""
        await wait_for(lambda: condition(self.policies.current), what, 30.0)


@contextlib.asynccontextmanager
async def following(
    settings: KubernetesSettings, files: Mapping[str, str] | None = None, label_keys: Collection[str] = ()
) -> AsyncIterator[Followed]:
    """Follow documents for the length of the block, from when everything was listed and is in force."""
    async with contextlib.AsyncExitStack() as stack:
        load_in = stack.enter_context(ThreadPoolExecutor(1))
        connecting = connect(settings, np.random.default_rng(1), times=TIMES, label_keys=label_keys)
        cluster = await stack.enter_async_context(connecting)
        policies = Policies(files or {}, GIVEN, load_in)
        policies.subscribe(lambda current: cluster.follow(current.namespaces))
        resources = cluster.resources()
        assert resources is not None
        works = [asyncio.create_task(cluster.run()), asyncio.create_task(policies.follow_resources(resources))]
        try:
            await wait_for(lambda: cluster.is_synced() or any(work.done() for work in works), "everything in force")
            yield Followed(cluster, policies)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)


def tenant(name: str, **spec: Any) -> Document:
    """Give a Tenant."""
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}


def policy(namespace: str, name: str = "default", **spec: Any) -> Document:
    """Give a ScalingPolicy."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "ScalingPolicy", "metadata": metadata, "spec": spec}


async def apply(plane: ControlPlane, *documents: Document) -> None:
    """Apply documents, as an admin does."""
    for document in documents:
        await asyncio.to_thread(plane.apply, json.dumps(document))


async def create(plane: ControlPlane, document: Document) -> None:
    """Create a document as it is, `kubectl`'s annotation included, which the API server takes out of what is applied."""
    await asyncio.to_thread(plane.request, "POST", _collection(document), json=document)


async def delete(plane: ControlPlane, document: Document) -> None:
    """Delete a document, as an admin does."""
    await asyncio.to_thread(plane.request, "DELETE", f"{_collection(document)}/{document['metadata']['name']}")


def _collection(document: Document) -> str:
    namespace = document["metadata"].get("namespace")
    return f"{GROUP}/namespaces/{namespace}/scalingpolicies" if namespace is not None else f"{GROUP}/tenants"
