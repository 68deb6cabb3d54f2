"""Two real Alertmanagers that share what they have told, as one that must not fail is run: Prometheus tells both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.alertmanager.deciding import BOOSTED, REPLICAS, Site, site
from tests.integration.alertmanager.notifying import labels, notifying, receiver
from tests.servers.alertmanager import Alertmanager, Mesh
from tests.servers.link import Link, linked
from tests.servers.process import free_port

pytestmark = pytest.mark.server

CHECKOUT, THUMBNAIL = labels("acme/checkout"), labels("acme/thumbnail")
FUNCTIONS = ["acme/checkout", "acme/thumbnail"]


@dataclass
class Pair:
    """Both, the network between them, and the daemon that both notify.

    Attributes:
        links: how each is reached by the other.
    """

    it: Site
    both: tuple[Alertmanager, Alertmanager]
    links: tuple[Link, Link]

    async def tell(self, *alerts: dict[str, str], ends_in_s: float = 3600.0) -> None:
        """Tell both, as Prometheus does."""
        for one in self.both:
            await asyncio.to_thread(one.tell, *alerts, ends_in_s=ends_in_s)

    async def sees(self, count: int) -> None:
        """Wait until each sees so many, itself included."""
        await self.it.until(lambda: [one.peers() for one in self.both] == [count, count], f"{count} in each one's eyes")

    async def part(self) -> None:
        """Cut the network between them, and wait until each thinks it is alone."""
        for link in self.links:
            link.cut()
        await self.sees(1)

    async def join(self) -> None:
        """Mend it, and wait until they have found each other."""
        for link in self.links:
            link.mend()
        await self.sees(2)


@contextlib.asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    """Run a meshed pair and a daemon; what fires is told anew every second, by whose turn it is."""
    ports = free_port(), free_port()
    async with contextlib.AsyncExitStack() as stack:
        it = await stack.enter_async_context(site(FUNCTIONS))
        links = stack.enter_context(linked(ports[0])), stack.enter_context(linked(ports[1]))
        meshes = (
            Mesh(ports[0], links[0].port, (links[1].port,)),
            Mesh(ports[1], links[1].port, (links[0].port,)),
        )
        first, second = [
            await stack.enter_async_context(notifying(folder / name, receiver(it.url, repeat_s=1), mesh))
            for name, mesh in zip(("first", "second"), meshes, strict=True)
        ]
        second.begins_as(first)
        result = Pair(it, (first, second), links)
        await it.start(cluster="pair", first=first.url, second=second.url)
        await result.sees(2)
        yield result


async def test_a_pair_is_one_alertmanager_and_so_are_its_halves(tmp_path: Path) -> None:
    """Meshed, parted and meshed again, two that tell the same alert are one level; its end lifts it."""
    async with pair(tmp_path) as two:
        it = two.it
        await two.tell(CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await two.part()
        taken = it.answered(200)
        await two.tell(THUMBNAIL)
        await it.until(lambda: it.answered(200) >= taken + 4, "each to tell both alerts, and again")
        await it.ticks()
        assert it.boosted() == FUNCTIONS
        assert [it.replicas(one) for one in FUNCTIONS] == [BOOSTED, BOOSTED]
        await two.join()
        await two.tell(CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.boosted() == ["acme/thumbnail"], "the one to end")
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "it to fall")
        assert it.replicas("acme/thumbnail") == BOOSTED


async def test_one_of_a_pair_that_dies_leaves_the_others_alerts_in_force(tmp_path: Path) -> None:
    """The one that is left tells what fires, tells its end, and is read back alone by a daemon that restarts."""
    async with pair(tmp_path) as two:
        it, (first, second) = two.it, two.both
        await two.tell(CHECKOUT, THUMBNAIL)
        await it.until(lambda: it.boosted() == FUNCTIONS, "both to rise")
        await asyncio.to_thread(first.kill)
        await it.end()
        await it.start(cluster="pair", first=first.url, second=second.url)
        await it.until(lambda: it.boosted() == FUNCTIONS, "both to be in force")
        assert it.boosted("FREEZE") == []  # one of a cluster that answers is enough
        await it.ticks(10)
        assert [it.replicas(one) for one in FUNCTIONS] == [BOOSTED, BOOSTED]
        await asyncio.to_thread(second.tell, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.boosted() == ["acme/thumbnail"], "the one to end")


async def test_halves_that_contradict_each_other_change_nothing_but_the_level(tmp_path: Path) -> None:
    """While one half says that an alert ended and the other that it fires, the replicas have the level or do without."""
    async with pair(tmp_path) as two:
        it, (first, second) = two.it, two.both
        await two.tell(CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await two.part()
        await asyncio.to_thread(first.tell, CHECKOUT, ends_in_s=0)
        taken = it.answered(200)
        seen: set[int] = set()
        it.cluster.subscribe(lambda key, requested, ready: seen.add(requested))
        await it.until(lambda: it.answered(200) >= taken + 4, "one to say that it ended, the other that it fires")
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "what fires to hold, being said again")
        assert seen <= {REPLICAS, BOOSTED}
        await asyncio.to_thread(second.tell, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "it to fall once both say so")
