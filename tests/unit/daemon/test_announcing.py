"""Events: which decisions are told of, how often, and what happens where they cannot be."""

import asyncio

import pytest
from structlog.testing import capture_logs

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.announcing import BURST, MOST_WAITING, PER_SECOND, Announcer
from autoscaler.ports import Announcement, AnnouncementFailed
from tests.unit.core.fleets import budgets
from tests.unit.core.test_pools import once
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import FILES, policy, rig, tenant
from tests.unit.daemon.test_terms import Given


class MemoryAnnouncements:
    """Implements `ports.Announcements`."""

    def __init__(self) -> None:
        self.told: list[Announcement] = []
        self.refusal: str | None = None
        self.forbidden: set[str] = set()

    async def announce(self, announcement: Announcement) -> None:
        if announcement.key.namespace in self.forbidden:
            raise AnnouncementFailed(f"events is forbidden in {announcement.key.namespace}")
        if self.refusal is not None:
            raise AnnouncementFailed(self.refusal)
        self.told.append(announcement)

    def of(self, name: str) -> list[str]:
        """Give the reasons told of a function."""
        return [one.reason for one in self.told if str(one.key) == name]


def one(name: str, tenant_name: str = "acme", words: str = "words") -> Announcement:
    return Announcement(FunctionKey(tenant_name, name), "uid", tenant_name, False, "Demand", words, 0.0)


async def test_a_change_of_replicas_is_told_with_its_reason_and_words() -> None:
    """A raise is told once, on the Deployment's uid, with the numbers of the case."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    key = cluster.add("acme/a", 2)
    loads.concurrency[key] = 45.0
    async with rig(cluster, loads=loads, announcements=told) as it:
        await it.ticks(5)
    assert told.of("acme/a") == ["Demand"]
    assert told.told[0].uid == cluster.deployments[key].uid
    assert not told.told[0].is_warning
    assert "45" in told.told[0].words


async def test_a_quiet_fleet_is_no_news() -> None:
    """Functions that are as they should be when the daemon starts are not told of."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    for number in range(50):
        loads.concurrency[cluster.add(f"acme/f{number}", 1)] = 5.0
    async with rig(cluster, loads=loads, announcements=told) as it:
        await it.ticks(5)
    assert told.told == []


async def test_a_limit_that_binds_is_told_once() -> None:
    """A function at its maximum is told of when it gets there, not at every tick after."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    loads.concurrency[cluster.add("acme/a", 3)] = 90.0
    files = FILES | {"policy.yaml": policy(spec="  replicas: {max: 3}\n")}
    async with rig(cluster, files=files, loads=loads, announcements=told) as it:
        await it.ticks(100)
    assert told.of("acme/a") == ["MaxReplicas"]


async def test_a_foreign_writer_is_a_warning() -> None:
    """Who leaves a function to somebody else says so as a warning."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    key = cluster.add("acme/a", 2)
    loads.concurrency[key] = 15.0
    cluster.autoscalers[key] = "HorizontalPodAutoscaler web"
    async with rig(cluster, loads=loads, announcements=told) as it:
        await it.ticks(2)
    assert told.of("acme/a") == ["ForeignWriter"]
    assert told.told[0].is_warning


async def test_what_flaps_is_told_once_a_minute() -> None:
    """A function whose replicas change every few seconds has one announcement a minute, of what is then so."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    key = cluster.add("acme/a", 1)
    async with rig(cluster, loads=loads, announcements=told) as it:
        for number in range(60):
            loads.concurrency[key] = 15.0 + 10.0 * number
            await it.ticks(1)
    assert 2 <= len(told.told) <= 3


@pytest.mark.parametrize(
    ("files", "changes"),
    [
        (FILES, {"dryRun": True}),
        (FILES | {"tenant.yaml": tenant(spec="  dryRun: true\n")}, {}),
        (FILES | {"policy.yaml": policy(spec="  dryRun: true\n")}, {}),
    ],
    ids=["all", "tenant", "policy"],
)
async def test_a_dry_run_says_so(files: dict[str, str], changes: dict[str, object]) -> None:
    """Under a dry run, of whatever it is, the words say that nothing is written; of other functions they don't."""
    files = files | {"other-tenant.yaml": tenant("umbrella"), "other-policy.yaml": policy("umbrella")}
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    for name in ("acme/a", "umbrella/a"):
        loads.concurrency[cluster.add(name, 1)] = 45.0
    async with rig(cluster, files=files, loads=loads, announcements=told, **changes) as it:
        await it.ticks(2)
    is_said = {one.tenant: one.words.startswith("Dry run") for one in told.told}
    assert is_said == {"acme": True, "umbrella": bool(changes)}


@pytest.mark.parametrize("is_noticed", [True, False])
async def test_of_what_is_not_written_for_want_of_the_lease_nothing_is_told(is_noticed: bool) -> None:
    """A decision that is made when the Lease is gone is never written, and no Event says that it was."""
    cluster, loads, told, given = MemoryCluster(), MemoryLoads(), MemoryAnnouncements(), Given(is_leader=True)
    loads.concurrency[cluster.add("acme/a", 1)] = 45.0
    loads.during = given.take if is_noticed else given.take_quietly
    async with rig(cluster, loads=loads, announcements=told, leadership=given) as it:
        await it.clock.advance(30)
        assert (told.told, cluster.asked) == ([], [])
        loads.during = lambda: None
        given.give()
        await it.ticks(3)
    assert told.of("acme/a") == ["Demand"]


async def test_namespaces_that_fail_in_turn_are_logged_seldom() -> None:
    """Where a right lacks in some namespaces, failures between successes are one log line a minute, not one each."""
    clock, told = HandClock(), MemoryAnnouncements()
    announcer = Announcer(clock, told)
    told.forbidden = {"a", "b"}
    running = asyncio.ensure_future(announcer.run())
    with capture_logs() as lines:
        for number in range(90):
            announcer.offer([one(f"f{number}", "abc"[number % 3])])
            await clock.advance(1.0)
    assert len([line for line in lines if line["event"] == "events cannot be written"]) == 2
    assert announcer.dropped == 60
    running.cancel()


async def test_the_rate_is_bounded_and_tenants_take_turns() -> None:
    """Of thousands of announcements a burst goes out, then some a second, and a small tenant's is among the first."""
    clock, told = HandClock(), MemoryAnnouncements()
    announcer = Announcer(clock, told)
    announcer.offer([one(f"f{number}") for number in range(500)])
    announcer.offer([one("small", "umbrella")])
    running = asyncio.ensure_future(announcer.run())
    await clock.settle()
    assert len(told.told) == BURST
    assert told.told[1].tenant == "umbrella"
    await clock.advance(10.0)
    assert len(told.told) == BURST + 10 * PER_SECOND
    running.cancel()


async def test_the_newest_words_count_and_the_queue_is_bounded() -> None:
    """What waits is replaced by what is newer of the same function; beyond the bound new functions are dropped."""
    clock, told = HandClock(), MemoryAnnouncements()
    announcer = Announcer(clock, told)
    announcer.offer([one(f"f{number}") for number in range(MOST_WAITING + 10)])
    assert announcer.dropped == 10
    announcer.offer([one("f0", words="newer")])
    assert announcer.dropped == 10
    running = asyncio.ensure_future(announcer.run())
    await clock.settle()
    assert told.told[0].words == "newer"
    running.cancel()


async def test_a_missing_right_is_one_problem_and_delays_nothing() -> None:
    """Where Events may not be written, the daemon says why and goes on; once it may, the problem is gone."""
    cluster, loads, told = MemoryCluster(), MemoryLoads(), MemoryAnnouncements()
    key = cluster.add("acme/a", 1)
    loads.concurrency[key] = 45.0
    told.refusal = "events is forbidden"
    files = {"tenant.yaml": tenant(), "policy.yaml": policy()}
    async with rig(cluster, files=files, loads=loads, announcements=told) as it:
        await it.ticks(3)
        assert cluster.deployments[key].requested == 5
        assert any("events is forbidden" in words for words in it.daemon.health().cluster_problems)
        told.refusal = None
        loads.concurrency[key] = 95.0
        await it.ticks(40)
        assert told.of("acme/a") == ["Demand"]
        assert not it.daemon.health().cluster_problems


def test_an_event_says_nothing_of_others_in_the_pool() -> None:
    """Events lie in the tenant's namespace: what a pool refused is told with the tenant's own numbers alone."""
    shared = budgets(10, {"guarantee": 4.0}, {"guarantee": 2.0})
    announcer = Announcer(HandClock(), MemoryAnnouncements())
    (told,) = announcer.pick(once(shared, [1, 20], [1, 2]), lambda key: False)
    assert (str(told.key), told.reason) == ("b/f", "Pool")
    assert "asks for 20 and gets 9" in told.words
    assert "in the pool" not in told.words
    assert "21" not in told.words
