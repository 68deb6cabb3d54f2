"""The policy documents in force: read again when a file or a custom resource changes, the last good ones kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import NamedTuple

from autoscaler.daemon.telemetry import log
from autoscaler.policy.compile import tenant_plans
from autoscaler.policy.loading import Given, Inputs, PolicySet, load
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.problems import Problem
from autoscaler.policy.shards import Shard, restricted
from autoscaler.ports import Resources

MOST_SAID = 100
"""Problems of one reading that are logged one by one; all of them are in the API and in status."""


class _Taken(NamedTuple):
    """What one reading came to: of all shards, of this one, and tenants of the others."""

    whole: PolicySet
    current: PolicySet
    elsewhere: Mapping[str, TenantPlan]


class Policies:
    """Holds the documents in force; a broken one is refused alone and its last good version stays.

    Attributes:
        current: the documents in force of the tenants that this daemon decides for.
        elsewhere: tenants that fall to another shard, by name.

    Args:
        files: texts of the policy folder by name.
        given: what settings have that documents may name.
        load_in: where documents are read. A thread of its own: somebody's huge document must not keep anybody's plan.
        shard: whose tenants this daemon decides for; None: all.
    """

    def __init__(self, files: Mapping[str, str], given: Given, load_in: Executor, shard: Shard | None = None) -> None:
        self._given = given
        self._load_in = load_in
        self._inputs = Inputs(files=files)
        self._shard = shard
        self._listeners: list[Callable[[PolicySet], None]] = []
        self._said: frozenset[Problem] = frozenset()
        self._has_said = False
        self._reading = asyncio.Lock()
        self._take(self._read(self._inputs, None))

    async def follow(self, changes: AsyncIterator[Mapping[str, str]]) -> None:
        """Take every new state of the folder; returns when there are no more."""
        async for files in changes:
            await self.update(files)

    async def update(self, files: Mapping[str, str]) -> None:
        """Take a new state of the folder; the same one again changes nothing."""
        async with self._reading:
            if files != self._inputs.files:
                await self._renew(replace(self._inputs, files=files))

    async def follow_resources(self, resources: Resources) -> None:
        """Take every new state of the custom resources, until cancelled; what comes meanwhile is taken at once."""
        version: int | None = None
        while True:
            await resources.changed(version)
            async with self._reading:
                found = resources.snapshot()
                labels = found.namespace_labels
                await self._renew(replace(self._inputs, resources=found.resources, namespace_labels=labels))
            version = found.version
            resources.took(version)

    def subscribe(self, listener: Callable[[PolicySet], None]) -> None:
        """Call the listener with the documents in force, now and whenever they change."""
        self._listeners.append(listener)
        listener(self.current)

    def has(self, tenant: str, namespace: str) -> bool:
        """Tell whether a namespace is a tenant's at this moment, whatever the plan of the last tick says."""
        return self.current.namespaces.get(namespace) == tenant

    def shard_of(self, namespace: str) -> tuple[str, Shard] | None:
        """Give the tenant and the shard of a namespace that another shard decides for; None: no other one does."""
        tenant = self._whole.namespaces.get(namespace)
        if self._shard is None or tenant is None or tenant not in self.elsewhere:
            return None
        return tenant, self._shard.of(tenant)

    async def _renew(self, inputs: Inputs) -> None:
        loop = asyncio.get_running_loop()
        taken = await loop.run_in_executor(self._load_in, self._read, inputs, self._whole)
        self._inputs = inputs
        self._take(taken)

    def _read(self, inputs: Inputs, previous: PolicySet | None) -> _Taken:
        whole = load(inputs, previous, self._given)
        if self._shard is None:
            return _Taken(whole, whole, {})
        current = restricted(whole, self._shard)
        plans = tenant_plans(whole)
        return _Taken(whole, current, {name: plans[name] for name in plans.keys() - current.tenants.keys()})

    def _take(self, taken: _Taken) -> None:
        self._whole, self.current, self.elsewhere = taken
        for listener in self._listeners:
            listener(self.current)
        self._say()

    def _say(self) -> None:
        """Log what is wrong, once: another document's change is no reason to say it again."""
        problems = self.current.problems
        news = [problem for problem in problems if problem not in self._said]
        self._said = frozenset(problems)
        say = log.info if news or not self._has_said else log.debug
        self._has_said = True
        say("policies loaded", tenants=len(self.current.tenants), problems=len(problems))
        for problem in news[:MOST_SAID]:
            log.warning("policy problem", problem=str(problem))
        if len(news) > MOST_SAID:
            log.warning("more policy problems", problems=len(news) - MOST_SAID)
