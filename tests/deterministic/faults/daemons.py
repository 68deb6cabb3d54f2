"""Faults of the daemon's own process, and of the machine under it."""

import asyncio

import numpy as np

from tests.deterministic.faults.fault import End, Fault
from tests.deterministic.host import Host
from tests.deterministic.world import World


def _host(world: World, rng: np.random.Generator) -> Host:
    """Draw whom it befalls: mostly the one that decides, sometimes the standby."""
    return world.leading() if rng.random() < 0.7 or not world.has_lease else world.hosts[int(rng.integers(2))]


def _back(world: World, host: Host) -> End:
    """Start a daemon again, if it is one that is to run and nobody did so meanwhile."""

    def start() -> None:
        if host.running is None and (world.has_lease or host is world.hosts[0]):
            host.start()

    return start


def _killed(world: World, rng: np.random.Generator) -> End:
    """`kill -9`; it comes back after a while."""
    host = _host(world, rng)
    host.kill()
    return _back(world, host)


def _stopped(world: World, rng: np.random.Generator) -> End:
    """SIGTERM; it comes back after a while."""
    host = _host(world, rng)
    host.stop()
    return _back(world, host)


def _loop_of_kills(world: World, rng: np.random.Generator) -> End:
    """`kill -9` in a loop."""
    is_over = False

    async def kill() -> None:
        while not is_over:
            host = _host(world, rng)
            host.kill()
            await asyncio.sleep(float(rng.uniform(0.1, 2.0)))
            _back(world, host)()
            await asyncio.sleep(float(rng.uniform(0.5, 12.0)))

    def end() -> None:
        nonlocal is_over
        is_over = True

    world.spawn(kill())
    return end


def _paused(world: World, rng: np.random.Generator) -> End:
    """SIGSTOP, then SIGCONT."""
    running = _host(world, rng).running
    if running is None:
        return lambda: None
    running.process.pause()
    return running.process.resume


def _two(world: World, rng: np.random.Generator) -> End:
    """Two run though no Lease tells them who decides; the second is killed or stopped at the end."""
    host, is_killed = world.hosts[1], bool(rng.random() < 0.5)
    if host.running is not None:
        return lambda: None
    host.start()
    return host.kill if is_killed else host.stop


def _paused_beside_another(world: World, rng: np.random.Generator) -> End:
    """The first is stopped while a second takes over, and then goes on beside it for a while."""
    first = world.leading()
    running, second = first.running, world.hosts[1 - world.hosts.index(first)]
    if running is None:
        return lambda: None
    running.process.pause()
    if second.running is None:
        second.start()

    async def go_on() -> None:
        await asyncio.sleep(float(rng.uniform(10.0, 20.0)))
        running.process.resume()

    world.spawn(go_on())

    def end() -> None:
        running.process.resume()
        if not world.has_lease:
            second.kill()
            _back(world, second)()

    return end


def _rolled(world: World, rng: np.random.Generator) -> End:
    """A rolling upgrade: one after the other is asked to end and followed by a new one."""
    waits_s = rng.uniform(0.5, 5.0, 3).tolist()

    async def go() -> None:
        first, second = world.hosts
        is_more = second.running is None
        if is_more:
            second.start()
        for host in (first,) if is_more else (first, second):
            await asyncio.sleep(waits_s[0])
            host.stop()
            await asyncio.sleep(waits_s[1])
            if host.running is None:
                host.start()
        await asyncio.sleep(waits_s[2])
        if is_more:
            second.stop()

    world.spawn(go())
    return lambda: None


def _wall_clock(world: World, rng: np.random.Generator) -> End:
    """The wall clock is an hour wrong."""
    host = _host(world, rng)
    host.move_wall_clock(float(rng.choice([-3600.0, 3600.0])))
    return lambda: host.move_wall_clock(0.0)


FAULTS = (
    Fault("kill -9", _killed, (0.1, 30.0)),
    Fault("SIGTERM", _stopped, (0.1, 30.0)),
    Fault("kill -9 in a loop", _loop_of_kills, (20.0, 60.0)),
    Fault("SIGSTOP, SIGCONT", _paused, (1.0, 70.0)),
    Fault("two daemons at once", _two, (10.0, 60.0)),
    Fault("SIGSTOP, another one, SIGCONT", _paused_beside_another, (25.0, 60.0)),
    Fault("rolling upgrade", _rolled, (26.0, 30.0)),
    Fault("wall clock an hour wrong", _wall_clock),
)
