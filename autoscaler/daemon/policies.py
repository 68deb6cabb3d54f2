"""The policy documents in force: reloaded when a file changes, the last good ones kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Executor

from autoscaler.daemon.telemetry import log
from autoscaler.policy.compile import tenant_plans
from autoscaler.policy.loading import PolicySet, load
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.shards import Shard, restricted


class Policies:
    """Holds the documents in force; a broken one is refused alone and its last good version stays.

    Attributes:
        current: the documents in force of the tenants that this daemon decides for.
        elsewhere: tenants that fall to another shard, by name.

    Args:
        files: texts of the policy folder by name.
        sources: names of the configured Prometheus sources, which tenants may name.
        load_in: where texts are parsed, so that a large folder never stalls the event loop.
        shard: whose tenants this daemon decides for; None: all.
    """

    def __init__(
        self, files: Mapping[str, str], sources: Collection[str], load_in: Executor, shard: Shard | None = None
    ) -> None:
        self._sources = frozenset(sources)
        self._load_in = load_in
        self._files = files
        self._shard = shard
        self._listeners: list[Callable[[PolicySet], None]] = []
        self._take(load(files, None, self._sources))

    async def follow(self, changes: AsyncIterator[Mapping[str, str]]) -> None:
        """Take every new state of the folder; returns when there are no more."""
        async for files in changes:
            await self.update(files)

    async def update(self, files: Mapping[str, str]) -> None:
        """Take a new state of the folder; the same one again changes nothing."""
        if files == self._files:
            return
        loop = asyncio.get_running_loop()
        whole = await loop.run_in_executor(self._load_in, load, files, self._whole, self._sources)
        self._files = files
        self._take(whole)

    def subscribe(self, listener: Callable[[PolicySet], None]) -> None:
        """Call the listener with the documents in force, now and whenever they change."""
        self._listeners.append(listener)
        listener(self.current)

    def shard_of(self, namespace: str) -> tuple[str, Shard] | None:
        """Give the tenant and the shard of a namespace that another shard decides for; None: no other one does."""
        tenant = self._whole.namespaces.get(namespace)
        if self._shard is None or tenant is None or tenant not in self.elsewhere:
            return None
        return tenant, self._shard.of(tenant)

    def _take(self, whole: PolicySet) -> None:
        self._whole = whole
        self.current = whole if self._shard is None else restricted(whole, self._shard)
        self.elsewhere: Mapping[str, TenantPlan] = {
            name: tenant for name, tenant in tenant_plans(whole).items() if name not in self.current.tenants
        }
        for listener in self._listeners:
            listener(self.current)
        self._say()

    def _say(self) -> None:
        log.info("policies loaded", problems=len(self.current.problems))
        for problem in self.current.problems:
            log.warning("policy problem", problem=str(problem))
