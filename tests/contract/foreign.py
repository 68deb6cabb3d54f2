"""What a Kubernetes API must tell of other writers, whoever serves it: the real API server or the twin."""

import uuid
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import ReplicaChange, ScaleChange, ScaleOutcome
from tests.contract.cluster import ClusterServer, find, found, requested, running, wait_for

SOMEBODY = "somebody"


class SharedServer(ClusterServer, Protocol):
    """One API server on which others write too; `scale` writes the Deployment in the name of `SOMEBODY`."""

    async def deploy(self, namespace: str, name: str, replicas: int) -> None:
        """Write replicas and a new pod template at once, in the name of `SOMEBODY`."""
        ...

    async def by_scale(self, namespace: str, name: str, replicas: int) -> None:
        """Write replicas through the scale subresource, in the name of `SOMEBODY`."""
        ...

    async def autoscale(self, namespace: str, name: str) -> None:
        """Create a HorizontalPodAutoscaler of a Deployment of the same name."""
        ...

    async def leave(self, namespace: str, name: str) -> None:
        """Delete that HorizontalPodAutoscaler."""
        ...


class ForeignContract:
    """The tests. Every one works in a namespace of its own, so that a server may be shared."""

    @pytest.fixture
    def key(self) -> FunctionKey:
        return FunctionKey(f"ns-{uuid.uuid4().hex[:10]}", "f")

    @pytest.fixture
    async def cluster(self, shared_server: SharedServer, key: FunctionKey) -> AsyncIterator[KubernetesCluster]:
        """A cluster that knows `key` at two replicas."""
        await shared_server.create(*key, replicas=2)
        async with running(shared_server.settings) as cluster:
            await wait_for(lambda: find(cluster, key), "the Deployment")
            yield cluster

    @pytest.fixture
    def changes(self, cluster: KubernetesCluster, key: FunctionKey) -> list[ReplicaChange]:
        """Changes of `key` by others, as they are told."""
        told: list[ReplicaChange] = []
        cluster.subscribe_changes(lambda change: told.append(change) if change.key == key else None)
        return told

    async def write(self, cluster: KubernetesCluster, key: FunctionKey, new: int) -> None:
        """Write replicas as the daemon does."""
        change = ScaleChange(key, found(cluster, key).uid, requested(cluster, key), new)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE

    async def test_somebody_is_named(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """Replicas written into the Deployment, or into its scale, are told with who it was."""
        await shared_server.scale(*key, 4)
        await wait_for(lambda: len(changes) == 1, "the first change")
        await shared_server.by_scale(*key, 6)
        await wait_for(lambda: len(changes) == 2, "the second change")
        uid = found(cluster, key).uid
        assert changes == [
            ReplicaChange(key, uid, 2, 4, SOMEBODY, is_deploy=False),
            ReplicaChange(key, uid, 4, 6, SOMEBODY, is_deploy=False),
        ]

    async def test_ours_are_not_told(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """What this daemon writes is no change by others, to zero and back too, after which nobody is named."""
        for count in (5, 0, 1, 3, 0, 2):
            await self.write(cluster, key, count)
        await shared_server.scale(*key, 9)
        await wait_for(lambda: changes, "the change by somebody")
        assert [(change.old, change.new, change.manager) for change in changes] == [(2, 9, SOMEBODY)]

    async def test_a_second_daemons_writes_are_ours_too(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """Another daemon of ours is known by name; where nobody is named after a zero, nobody is accused."""
        async with running(shared_server.settings) as other:
            for count in (5, 4, 7):
                await self.write(other, key, count)
                await wait_for(lambda: requested(cluster, key) == count, "the other daemon's write")  # noqa: B023
            assert changes == []
            await self.write(other, key, 0)
            await self.write(other, key, 3)
            await wait_for(lambda: len(changes) == 2, "the unnamed changes")
        assert [(change.old, change.new, change.manager) for change in changes] == [(7, 0, ""), (0, 3, "")]

    async def test_a_deploy_is_told_apart(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """Replicas that come with a new pod template are a deploy; later ones by hand are none."""
        await shared_server.deploy(*key, 3)
        await wait_for(lambda: len(changes) == 1, "the deploy")
        await shared_server.scale(*key, 5)
        await wait_for(lambda: len(changes) == 2, "the change by hand")
        assert [(change.new, change.is_deploy, change.has_new_template) for change in changes] == [
            (3, True, True),
            (5, False, False),
        ]

    async def test_a_change_met_by_a_lost_write_is_told_once(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """A write that is lost to somebody reads the new count again; the change is told when the watch tells it."""
        change = ScaleChange(key, found(cluster, key).uid, 2, 5)
        await shared_server.scale(*key, 8)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.LOST
        assert requested(cluster, key) == 8
        await wait_for(lambda: changes, "the change")
        await shared_server.label(*key, {"a": "b"})
        await wait_for(lambda: found(cluster, key).labels.get("a") == "b", "a later event")
        assert [(change.old, change.new, change.manager) for change in changes] == [(2, 8, SOMEBODY)]

    async def test_what_changed_during_an_outage_is_told_once(
        self, shared_server: SharedServer, cluster: KubernetesCluster, changes: list[ReplicaChange], key: FunctionKey
    ) -> None:
        """After every connection broke, a change is told once, by whichever event or list tells it."""
        await shared_server.interrupt()
        await shared_server.scale(*key, 6)
        await wait_for(lambda: changes, "the change after the interruption", 60.0)
        await shared_server.label(*key, {"a": "b"})
        await wait_for(lambda: found(cluster, key).labels.get("a") == "b", "a later event", 60.0)
        assert [(change.old, change.new, change.manager) for change in changes] == [(2, 6, SOMEBODY)]

    async def test_autoscalers_are_found(
        self, shared_server: SharedServer, cluster: KubernetesCluster, key: FunctionKey
    ) -> None:
        """A HorizontalPodAutoscaler is named as its Deployment's rival, before the first sync too, until it is gone."""
        await shared_server.autoscale(*key)
        await wait_for(lambda: key in cluster.rivals(), "the autoscaler")
        assert cluster.rivals()[key] == f"HorizontalPodAutoscaler {key.name}"
        async with running(shared_server.settings) as later:
            assert key in later.rivals()
        await shared_server.leave(*key)
        await wait_for(lambda: key not in cluster.rivals(), "its deletion")
