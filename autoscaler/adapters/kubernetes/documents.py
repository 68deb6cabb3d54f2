"""The watches that documents come from: Tenants and labels of namespaces of the whole cluster, and when all is read."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from autoscaler.adapters.kubernetes.followed import Followed
from autoscaler.adapters.kubernetes.namespaces import FollowedNamespaces
from autoscaler.adapters.kubernetes.places import Kind, said
from autoscaler.adapters.kubernetes.resources import FollowedResources, ResourceCache
from autoscaler.adapters.kubernetes.watching import Watch
from autoscaler.ports import WatchState

_RETRY_S = 5.0
_LACKING = (
    "what was last read of them stays in force, and files do; their CustomResourceDefinition and the right to list and "
    "watch them are needed"
)
_NO_LABELS = "a Tenant that selects its namespaces keeps those that it had"

MakeWatch = Callable[[Followed, str | None, float], Watch]


class Documents:
    """Keeps the watches that are not of a place, and tells when what depends on documents may begin.

    A daemon that starts must not take "no documents yet" for "no documents": it would decide by a tenant's defaults
    what its policy says otherwise. So Deployments of a place are listed only once the ScalingPolicies of the place,
    and everything else that documents come from, were read and are in force.

    Args:
        has_resources: whether Tenants and ScalingPolicies are read from custom resources.
        label_keys: labels of namespaces by which Tenants may select theirs; none: they are not read.
        refused_s: after so long of refusals a kind counts as one that cannot be read.
    """

    def __init__(self, *, has_resources: bool, label_keys: Collection[str], refused_s: float) -> None:
        self.cache = ResourceCache(lambda: self._is_listed)
        self.policies = Kind(FollowedResources(self.cache, "ScalingPolicy", "scalingpolicies"), _RETRY_S, _LACKING)
        self._tenants = Kind(FollowedResources(self.cache, "Tenant", "tenants"), _RETRY_S, _LACKING)
        self._labels = Kind(FollowedNamespaces(self.cache, label_keys), _RETRY_S, _NO_LABELS)
        self._kinds = [self._tenants] * has_resources + [self._labels] * bool(label_keys)
        self._refused_s = refused_s
        self._watches: list[Watch] = []
        self._is_listed = False

    @property
    def is_listed(self) -> bool:
        """Whether Tenants and labels were listed once, or cannot be."""
        return self._is_listed

    def watch_by(self, make: MakeWatch) -> None:
        """Make the watches, before `run`."""
        self._watches = [make(kind.followed, None, kind.most_s) for kind in self._kinds]

    async def run(self) -> None:
        """Keep the watches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches:
                tasks.create_task(watch.run())
            await self._settled(self._watches)
            self._is_listed = True
            self.cache.look_again()

    async def in_force(self, beside: Sequence[Watch]) -> None:
        """Wait until the documents in force are those of now.

        Args:
            beside: watches of the place that waits; those of ScalingPolicies count.
        """
        await self._settled([watch for watch in beside if watch.kind == self.policies.followed.name])
        await self.cache.taken()

    def problems(self) -> list[str]:
        """Say which watches cannot be kept."""
        return [
            said(watch.liveness.problem, kind.lacking)
            for kind, watch in zip(self._kinds, self._watches, strict=False)
            if watch.liveness.problem
        ]

    def states(self) -> list[WatchState]:
        """Say how every watch fares."""
        return [watch.state(is_needed=True) for watch in self._watches]

    async def _settled(self, watches: Sequence[Watch]) -> None:
        for watch in watches:
            await watch.liveness.settled(self._refused_s)
