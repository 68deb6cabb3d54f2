"""Faults of tenants and their budgets: they come, go, move and quarrel, and pools change under them."""

import asyncio
from dataclasses import replace

import numpy as np

from tests.deterministic.documents import Folder
from tests.deterministic.faults.fault import End, Fault
from tests.deterministic.world import World

TWINS = (("acme-b", "corp"), ("corp", "acme"), ("acme-a", "corp"))
"""Namespaces and whom they may be given to: tenants of the same source."""


def _tenant(world: World, rng: np.random.Generator) -> str:
    return str(rng.choice(sorted(world.site.source_of)))


def _tenant_deleted(world: World, rng: np.random.Generator) -> End:
    """A Tenant is deleted while its functions run and are written, and made again."""
    name = _tenant(world, rng)
    return world.change_folder(lambda folder: folder.without_tenant(name))


def _tenant_comes_and_goes(world: World, rng: np.random.Generator) -> End:
    """A Tenant is deleted and made again, over and over, faster than ticks come."""
    name, waits_s = _tenant(world, rng), rng.uniform(0.1, 6.0, 8).tolist()

    async def go() -> None:
        for wait_s in waits_s:
            undo = world.change_folder(lambda folder: folder.without_tenant(name))
            await asyncio.sleep(wait_s / 2)
            undo()
            await asyncio.sleep(wait_s / 2)

    world.spawn(go())
    return lambda: None


def _renamed(world: World, rng: np.random.Generator) -> End:
    """A Tenant gets another name, with the same namespaces and budget."""
    name = _tenant(world, rng)
    return world.change_folder(lambda folder: folder.renamed(name, f"{name}-new"))


def _moved(world: World, rng: np.random.Generator) -> End:
    """A namespace goes from one tenant to another."""
    namespace, other = TWINS[int(rng.integers(len(TWINS)))]
    return world.change_folder(lambda folder: _given(folder, namespace, other))


def _given(folder: Folder, namespace: str, other: str) -> Folder:
    for name, one in folder.tenants.items():
        folder = folder.claiming(name, *(claim for claim in one.claims if claim != namespace))
    return _with(folder, namespace, other)


def _with(folder: Folder, namespace: str, name: str) -> Folder:
    one = folder.tenants.get(name)
    return folder if one is None or namespace in one.claims else folder.claiming(name, *one.claims, namespace)


def _claimed_twice(world: World, rng: np.random.Generator) -> End:
    """Two tenants claim one namespace, so it is nobody's."""
    namespace, other = TWINS[int(rng.integers(len(TWINS)))]
    return world.change_folder(lambda folder: _with(folder, namespace, other))


def _promised_more(world: World, rng: np.random.Generator) -> End:
    """Guarantees are changed, at times to more than the pool has."""
    pool, budgets = world.site.pool, world.site.budgets
    if not pool.has_limit:
        return lambda: None
    members = [name for name, one in budgets.items() if one.is_in_pool]
    parts = rng.dirichlet(np.ones(max(1, len(members)))) * pool.size * float(rng.uniform(0.2, 1.5))
    changed = {
        name: budgets[name].with_guarantee(int(part), float(rng.choice([0.0, 1.0, 2.0])))
        for name, part in zip(members, parts.tolist(), strict=False)
    }
    return world.change_folder(lambda folder: folder.budgeted(changed))


def _pool_shrunk(world: World, rng: np.random.Generator) -> End:
    """Daemons are started again with a pool of another size, perhaps below what is guaranteed."""
    pool = world.site.pool
    if not pool.has_limit:
        return lambda: None
    world.change_pool(replace(pool, size=max(1, round(pool.size * float(rng.uniform(0.3, 1.3))))))
    return lambda: world.change_pool(pool)


def _cannot_start(world: World, rng: np.random.Generator) -> End:
    """A quota lets no more pods of a namespace be made."""
    namespace = str(rng.choice(sorted(world.site.namespaces)))
    keys = [one.key for one in world.site.functions if one.key.namespace == namespace]

    def refuse(is_refused: bool) -> None:
        for key in keys:
            there = world.api.find(key)
            if there is not None:
                there.is_refused = is_refused
                world.api.touch(there)

    refuse(True)
    return lambda: refuse(False)


def _controllers_still(world: World, rng: np.random.Generator) -> End:
    """The controllers stand still: nothing is seen to start or to end."""

    def still(is_unobserved: bool) -> None:
        for one in list(world.api):
            one.is_unobserved = is_unobserved

    still(True)
    return lambda: still(False)


FAULTS = (
    Fault("tenant deleted", _tenant_deleted, (1.0, 50.0), is_orderly=True),
    Fault("tenant comes and goes", _tenant_comes_and_goes, (50.0, 55.0), is_orderly=True),
    Fault("tenant renamed", _renamed, (1.0, 50.0), is_orderly=True),
    Fault("namespace moved", _moved, (1.0, 50.0), is_orderly=True),
    Fault("namespace claimed twice", _claimed_twice, (1.0, 50.0), is_orderly=True),
    Fault("guarantees changed", _promised_more, (5.0, 60.0), is_orderly=True),
    Fault("pool changed", _pool_shrunk, (10.0, 60.0)),
    Fault("replicas refused by a quota", _cannot_start, (5.0, 80.0)),
    Fault("controllers stand still", _controllers_still),
)
