"""What people do to a running system, right and wrong."""

import asyncio

import numpy as np

from autoscaler.core.fleet import FunctionKey
from tests.deterministic.apiserver import APPLY, BY_HAND
from tests.deterministic.documents import MOST
from tests.deterministic.faults.fault import End, Fault
from tests.deterministic.judge import Annotated
from tests.deterministic.site import Drawn
from tests.deterministic.world import World

DEPLOYED = (APPLY, "Update", "")
OURS = "autoscaler.faas.dev/"


def _one(world: World, rng: np.random.Generator) -> Drawn:
    return world.site.functions[int(rng.integers(len(world.site.functions)))]


def _scaled(world: World, rng: np.random.Generator) -> End:
    """`kubectl scale`, once."""
    there = world.api.find(_one(world, rng).key)
    if there is not None:
        world.api.set_replicas(there, int(rng.integers(0, 2 * MOST)), BY_HAND)
    return lambda: None


def _scaled_at_the_same_time(world: World, rng: np.random.Generator) -> End:
    """Somebody else writes whatever functions have, while ticks write it too: compare-and-sets are lost."""
    keys = [one.key for one in world.site.functions]

    async def write() -> None:
        for place in rng.permutation(len(keys))[:3].tolist():
            await asyncio.sleep(float(rng.uniform(0.0, 3.0)))
            there = world.api.find(keys[place])
            if there is not None:
                world.api.set_replicas(there, max(0, there.requested + int(rng.choice([-1, 1]))), BY_HAND)

    world.spawn(write())
    return lambda: None


def _deployed(world: World, rng: np.random.Generator) -> End:
    """Deploys whose manifest sets `replicas`."""
    one = _one(world, rng)

    async def deploy() -> None:
        for _ in range(int(rng.integers(1, 6))):
            there = world.api.find(one.key)
            if there is not None:
                there.template += 1
                world.api.set_replicas(there, int(rng.integers(1, 4)), DEPLOYED)
            await asyncio.sleep(float(rng.uniform(1.0, 6.0)))

    world.spawn(deploy())
    return lambda: None


def _annotated(world: World, key: FunctionKey, kind: str, text: str, replicas: int = 0) -> End:
    there = world.api.find(key)
    if there is None or any(order.key == key and order.until == np.inf for order in world.judge.annotated):
        return lambda: None
    there.annotations = {**there.annotations, f"{OURS}{kind}": text}
    world.api.touch(there)
    order = Annotated(key, kind, replicas, there.version)
    world.judge.annotated.append(order)

    def end() -> None:
        now = world.api.find(key)
        if now is not None and f"{OURS}{kind}" in now.annotations:
            now.annotations = {name: value for name, value in now.annotations.items() if name != f"{OURS}{kind}"}
            world.api.touch(now)
        order.until = world.api.version

    return end


def _paused(world: World, rng: np.random.Generator) -> End:
    return _annotated(world, _one(world, rng).key, "paused", "true")


def _forced(world: World, rng: np.random.Generator) -> End:
    replicas = int(rng.integers(0, MOST))
    return _annotated(world, _one(world, rng).key, "force", str(replicas), replicas)


def _maximum_lowered(world: World, rng: np.random.Generator) -> End:
    most = int(rng.integers(2, MOST))
    return world.change_folder(lambda folder: folder.changed(most=most))


def _namespace_unclaimed(world: World, rng: np.random.Generator) -> End:
    return world.change_folder(lambda folder: folder.claiming("acme", "acme-a"))


def _policy_broken(world: World, rng: np.random.Generator) -> End:
    """An invalid document: the last good one stays in force."""
    broken = str(rng.choice(sorted(world.site.namespaces)))
    return world.change_folder(lambda folder: folder.changed(broken=broken))


def _recreated(world: World, rng: np.random.Generator) -> End:
    """A Deployment is deleted and made anew under the same name, at once or after a while."""
    key, replicas, at_once = _one(world, rng).key, int(rng.integers(1, 4)), bool(rng.random() < 0.5)
    if world.api.find(key) is None:
        return lambda: None
    world.api.delete(key)
    if at_once:
        world.make(key, replicas)

    def end() -> None:
        if world.api.find(key) is None:
            world.make(key, replicas)

    return end


def _namespace_deleted(world: World, rng: np.random.Generator) -> End:
    """A namespace goes with everything in it, and comes back by a deploy of all."""
    namespace = str(rng.choice(sorted(world.site.namespaces)))
    keys = [one.key for one in world.site.functions if one.key.namespace == namespace]
    for key in keys:
        if world.api.find(key) is not None:
            world.api.delete(key)

    def end() -> None:
        for key in keys:
            if world.api.find(key) is None:
                world.make(key, 1)

    return end


def _woken_at_random(world: World, rng: np.random.Generator) -> End:
    """Requests that ask for functions, running ones too, and many at once for one."""

    async def ask() -> None:
        for _ in range(int(rng.integers(2, 10))):
            await asyncio.sleep(float(rng.uniform(0.0, 3.0)))
            key, host = _one(world, rng).key, world.hosts[int(rng.integers(2))]
            for _ in range(int(rng.choice([1, 1, 20]))):
                world.spawn(world.wake(key, host))

    world.spawn(ask())
    return lambda: None


FAULTS = (
    Fault("kubectl scale", _scaled),
    Fault("others write too", _scaled_at_the_same_time, (10.0, 20.0)),
    Fault("deploys that set replicas", _deployed, (31.0, 45.0)),
    Fault("paused by annotation", _paused),
    Fault("forced by annotation", _forced),
    Fault("maximum lowered", _maximum_lowered),
    Fault("namespace unclaimed", _namespace_unclaimed),
    Fault("policy broken", _policy_broken),
    Fault("Deployment recreated", _recreated, (1.0, 30.0)),
    Fault("namespace deleted", _namespace_deleted),
    Fault("wakes at random", _woken_at_random, (30.0, 40.0)),
)
