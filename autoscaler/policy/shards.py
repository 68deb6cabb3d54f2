"""Which daemon decides for which tenant, where one is not enough.

A tenant is never split: its budget and its blast radius need one owner. Which of n shards it falls to is a
rendezvous hash of its name: of the n hashes of (shard, tenant) the largest wins, so that one more shard takes about
1/(n + 1) of the tenants, as many from each, and moves no other.
"""

import hashlib
from dataclasses import dataclass, replace

from autoscaler.policy.loaded import Memory
from autoscaler.policy.loading import Identity, PolicySet


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of the tenants.

    Attributes:
        number: 0 ≤ number < count.
        count: how many parts there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `i/n`, as the settings have checked it."""
        number, _, count = text.partition("/")
        return cls(int(number), int(count))

    def has(self, tenant: str) -> bool:
        """Tell whether a tenant falls to this part."""
        return shard_of(tenant, self.count) == self.number

    def of(self, tenant: str) -> "Shard":
        """Give the part that a tenant falls to."""
        return Shard(shard_of(tenant, self.count), self.count)

    def lease(self, name: str) -> str:
        """Name this part's Lease."""
        return f"{name}-{self.number}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def shard_of(tenant: str, count: int) -> int:
    """Give the shard of a tenant, 0 ≤ shard < `count`.

    The bytes that are hashed are part of what daemons of different versions must agree on:
    `tests/golden/shards.json` holds what they come to.
    """
    return max(range(count), key=lambda number: hashlib.sha256(f"{number}/{tenant}".encode()).digest())


def restricted(policies: PolicySet, shard: Shard) -> PolicySet:
    """Keep the documents of a shard's tenants; problems stay as they are, for they were found among all.

    A ScalingPolicy in nobody's namespace is left to the first shard, so that somebody says so.
    """
    tenants = {name: loaded for name, loaded in policies.tenants.items() if shard.has(name)}
    namespaces = {namespace: name for namespace, name in policies.namespaces.items() if name in tenants}
    own = {namespace: found for namespace, found in policies.policies.items() if namespace in namespaces}
    owned = {name: found for name, found in policies.owned.items() if name in tenants}

    def is_ours(identity: Identity) -> bool:
        if identity.kind == "Tenant":
            return shard.has(identity.name)
        is_nobodys = identity.namespace not in policies.namespaces
        return shard.number == 0 if is_nobodys else identity.namespace in namespaces

    resources = {identity: state for identity, state in policies.resources.items() if is_ours(identity)}
    refused = frozenset(filter(is_ours, policies.refused))
    return replace(
        policies,
        tenants=tenants,
        policies=own,
        namespaces=namespaces,
        owned=owned,
        resources=resources,
        refused=refused,
        doubted=policies.doubted & refused,
        memory=Memory(),
    )
