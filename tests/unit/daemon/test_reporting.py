"""Statuses: what is written, when, how fast, by whom, and what happens where it cannot be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.daemon.reporting import (
    AGAIN_S,
    APART_S,
    BURST,
    FORGET_S,
    NUMBERS_APART_S,
    PER_SECOND,
    RETRY_MOST_S,
    Reporter,
)
from autoscaler.policy.compile import Compiler
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.resources import Identity, Resource
from autoscaler.ports import StatusOutcome, StatusResult
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.customs import MemoryResources
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import rig
from tests.unit.daemon.test_terms import Given
from tests.unit.policy.custom import POLICY, TENANT, accounts, acme, read, resource, ticked
from tests.unit.policy.texts import NOW_S, deployed

TICK_S = 2.0


@dataclass
class Site:
    """A reporter, what it writes to, and what the last tick knew."""

    clock: HandClock
    store: MemoryResources
    reporter: Reporter
    leads: bool = True
    policies: PolicySet | None = None

    async def tick(self, count: int = 1, bound: Reason = Reason.PASSED, **columns: Any) -> None:
        """Do as many ticks as a term does them, with these accounts, and let time pass after each."""
        self.policies = read(*self.store.snapshot().resources.values(), previous=self.policies)
        plan = Compiler().compile(self.policies, [deployed("a")], NOW_S)
        for _ in range(count):
            decisions = ticked(plan, self.clock.now(), accounts(plan.fleet, bound, **columns))
            self.reporter.offer(self.reporter.pick(self.policies, plan, decisions))
            await self.clock.advance(TICK_S)


@contextlib.asynccontextmanager
async def site(*resources: Resource) -> AsyncIterator[Site]:
    """Run a reporter that leads until the end of the block."""
    clock, store = HandClock(), MemoryResources(*resources)
    it = Site(clock, store, Reporter(clock, store, lambda: it.leads))
    running = asyncio.ensure_future(it.reporter.run())
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def many(count: int, tenant: str = "acme", **spec: Any) -> list[Resource]:
    """Give a tenant's policies `TENANT-0`, `TENANT-1`, … each for one function of its own."""
    names = (f"{tenant}-{number}" for number in range(count))
    return [
        resource(Identity("ScalingPolicy", f"{tenant}-prod", name), {"functions": {"names": [name]}, **spec})
        for name in names
    ]


async def test_a_first_tick_tells_every_document_what_became_of_it() -> None:
    """Both kinds get their conditions, generation and numbers with one write each."""
    async with site(acme(), resource(POLICY, {"replicas": {"max": 70}}, generation=4)) as it:
        await it.tick(asked=3.0, granted=3.0)
    assert it.store.claims(TENANT) == {"Accepted": "Valid", "InForce": "InForce", "WithinBudget": "WithinBudget"}
    assert it.store.of(TENANT)["budget"]["asked"] == 3
    assert it.store.claims(POLICY)["WithinBounds"] == "Clipped"
    assert it.store.of(POLICY)["observedGeneration"] == 4
    assert len(it.store.writes) == 2


async def test_nothing_changed_is_nothing_written() -> None:
    """However many ticks go by, a status that is right is left alone."""
    async with site(acme(), resource(POLICY, {})) as it:
        await it.tick(200, asked=1.0, granted=1.0)
    assert len(it.store.writes) == 2


async def test_a_new_daemon_finds_what_the_old_one_wrote() -> None:
    """After a restart a status that is right already is not written again."""
    async with site(acme(), resource(POLICY, {})) as it:
        await it.tick()
    async with site(*it.store.snapshot().resources.values()) as again:
        await again.tick(50)
    assert again.store.writes == []


async def test_a_reason_is_told_at_once_and_a_number_now_and_then() -> None:
    """What binds is there after one tick; numbers alone wait until the last write is long enough ago."""
    async with site(acme()) as it:
        await it.tick(5, asked=1.0, granted=1.0)
        await it.tick(asked=2.0, granted=2.0)
        assert it.store.of(TENANT)["budget"]["asked"] == 1
        await it.tick(bound=Reason.BUDGET, asked=9.0, granted=2.0)
        assert it.store.claims(TENANT)["WithinBudget"] == "BudgetExhausted"
        assert it.store.of(TENANT)["budget"]["asked"] == 9
        for step in range(int(NUMBERS_APART_S / TICK_S) + 1):
            await it.tick(bound=Reason.BUDGET, asked=10.0 + step, granted=2.0)
    assert 10 < it.store.of(TENANT)["budget"]["asked"] < 10 + NUMBERS_APART_S
    assert len(it.store.writes) == 3


async def test_what_flips_tick_by_tick_is_not_written_tick_by_tick() -> None:
    """A budget that binds every other tick costs at most one write in so many seconds, and the last state is told."""
    async with site(acme()) as it:
        for number in range(50):
            await it.tick(bound=Reason.BUDGET if number % 2 else Reason.PASSED)
        await it.tick(5, bound=Reason.POOL)
    assert len(it.store.writes) <= 50 * TICK_S / APART_S + 2
    assert it.store.claims(TENANT)["WithinBudget"] == "PoolExhausted"


async def test_an_invalid_version_says_that_the_former_one_holds() -> None:
    """A policy that breaks keeps its last good version, says so with its new generation, and comes back."""
    async with site(acme(), resource(POLICY, {"replicas": {"max": 5}})) as it:
        await it.tick(5)
        it.store.put(resource(POLICY, {"replicas": {"max": -5}}, generation=2))
        await it.tick()
        broken = it.store.of(POLICY)
        await it.tick(5)
        it.store.put(resource(POLICY, {"replicas": {"max": 6}}, generation=3))
        await it.tick()
    assert (broken["reason"], broken["observedGeneration"]) == ("Invalid", 2)
    assert {one["type"]: one["reason"] for one in broken["conditions"]}["InForce"] == "LastGoodVersion"
    assert (it.store.of(POLICY)["reason"], it.store.of(POLICY)["observedGeneration"]) == ("InForce", 3)


async def test_five_hundred_documents_do_not_exceed_the_rate() -> None:
    """Many at once are written as fast as the rate allows and no faster, until all are told."""
    async with site(acme(), *many(500)) as it:
        started_s = it.clock.now_s
        await it.tick()
        while len(it.store.writes) < 501:
            allowed = BURST + (it.clock.now_s - started_s) * PER_SECOND
            assert len(it.store.writes) <= allowed + 1
            await it.tick()
        took_s = it.clock.now_s - started_s
    assert took_s >= (501 - BURST) / PER_SECOND
    assert all(it.store.of(one.identity)["reason"] == "InForce" for one in many(500))


async def test_tenants_take_turns() -> None:
    """A tenant with hundreds of documents does not keep another one's single document waiting."""
    own = resource(Identity("Tenant", "", "own"), {"namespaces": ["own-prod"]})
    async with site(acme(), *many(300), own, *many(1, "own")) as it:
        await it.tick()
    assert it.store.written().index("own-0") < 5


async def test_a_tenant_whose_documents_all_change_delays_nobody() -> None:
    """While one tenant edits hundreds of policies all the time, another one's change is told within a few ticks."""
    own = resource(Identity("Tenant", "", "own"), {"namespaces": ["own-prod"], "bounds": {"maxReplicas": 9}})
    single = Identity("ScalingPolicy", "own-prod", "own-0")
    async with site(acme(), *many(300), own, *many(1, "own")) as it:
        await it.tick(5)
        for generation in range(2, 30):
            for one in many(300, replicas={"max": generation + 50}):
                it.store.put(resource(one.identity, one.document["spec"] if one.document else {}, generation))  # type: ignore[arg-type]
            if generation == 20:
                it.store.put(resource(single, {"replicas": {"max": 10}}, 2))
            if generation == 23:
                assert it.store.of(single)["reason"] == "Clipped"
            await it.tick()


async def test_only_who_decides_writes() -> None:
    """A daemon that may not write leaves every status as it is, and forgets what waited."""
    async with site(acme(), resource(POLICY, {})) as it:
        it.leads = False
        await it.tick(3)
        assert it.store.writes == []
        it.leads = True
        await it.tick(int(AGAIN_S / TICK_S) + 1)
    assert sorted(it.store.written()) == ["acme", "p"]


async def test_what_somebody_overwrote_is_mended() -> None:
    """A status that was changed by hand is put right before long, though nothing else happens."""
    async with site(acme(), resource(POLICY, {})) as it:
        await it.tick()
        edited = resource(POLICY, {}, uid="edited", status=it.store.of(POLICY) | {"reason": "Mine"})
        it.store.put(edited)
        await it.tick(int(AGAIN_S / TICK_S) + 1)
    assert it.store.of(POLICY)["reason"] == "InForce"


async def test_credentials_that_another_process_made_stay() -> None:
    """What `tenants sync` wrote into a status is there after every write of the daemon's."""
    callers = [{"tokenSHA256": "0" * 64}]
    async with site(resource(TENANT, {"namespaces": ["acme-prod"]}, status={"callers": callers})) as it:
        await it.tick(3)
        await it.tick(3, bound=Reason.BUDGET)
    assert it.store.of(TENANT)["callers"] == callers
    assert it.store.of(TENANT)["reason"] == "BudgetExhausted"


async def test_a_watch_that_lags_costs_no_second_write() -> None:
    """What was written and is not seen yet is not written again, and its times are those of the write."""
    async with site(acme()) as it:
        it.store.is_lagging = True
        await it.tick(3)
        before = it.store.of(TENANT)["conditions"]
        await it.tick(int(AGAIN_S / TICK_S) + 1)
        assert len(it.store.writes) == 1
        await it.tick(bound=Reason.POOL)
        it.store.catch_up()
        await it.tick(3, bound=Reason.POOL)
    after = it.store.of(TENANT)["conditions"]
    assert [one["lastTransitionTime"] for one in after[:2]] == [one["lastTransitionTime"] for one in before[:2]]
    assert after[2]["lastTransitionTime"] > before[2]["lastTransitionTime"]
    assert len(it.store.writes) == 2


@pytest.mark.parametrize("outcome", [StatusOutcome.FORBIDDEN, StatusOutcome.INVALID, StatusOutcome.RETRY])
async def test_what_cannot_be_written_is_said_and_tried_again(outcome: StatusOutcome) -> None:
    """A refusal is a problem with its words; once the API server takes it, the status is there and nothing is wrong."""
    async with site(acme()) as it:
        it.store.refusal = StatusResult(outcome, message="no right")
        await it.tick(3)
        assert it.reporter.problem is not None
        assert "no right" in it.reporter.problem
        assert it.reporter.counts[outcome] >= 1
        it.store.refusal = None
        await it.tick(int(max(AGAIN_S, RETRY_MOST_S) / TICK_S) + 1)
    assert it.reporter.problem is None
    assert it.reporter.counts[StatusOutcome.DONE] == 1
    assert it.store.of(TENANT)["reason"] == "InForce"


async def test_a_failure_of_what_is_gone_is_forgotten() -> None:
    """A problem about a document that was deleted since does not stand for ever, though nothing is written any more."""
    async with site(acme()) as it:
        await it.tick()
        it.store.put(resource(POLICY, {}))
        it.store.refusal = StatusResult(StatusOutcome.FORBIDDEN, message="no right")
        await it.tick()
        it.store.remove(POLICY)
        await it.tick()
        assert it.reporter.problem is not None
        await it.clock.advance(FORGET_S)
    assert it.reporter.problem is None


async def test_an_api_server_in_trouble_is_asked_less_and_less() -> None:
    """While writes fail, tries come at growing distances, however many documents wait; what it asks for is kept."""
    async with site(acme(), *many(100)) as it:
        it.store.refusal = StatusResult(StatusOutcome.RETRY, message="too many requests")
        await it.tick(60)
        assert len(it.store.writes) < 12
        tried = len(it.store.writes)
        it.store.refusal = StatusResult(StatusOutcome.RETRY, retry_after_s=120.0)
        await it.tick(30)
        assert len(it.store.writes) - tried <= 2


async def test_a_document_that_is_gone_is_forgotten() -> None:
    """What was deleted while it waited is not written, and no trace of it stays."""
    async with site(acme(), *many(5)) as it:
        it.store.refusal = StatusResult(StatusOutcome.RETRY)
        await it.tick()
        for one in many(5):
            it.store.remove(one.identity)
        it.store.refusal = None
        await it.tick(5)
    assert it.store.of(TENANT)["reason"] == "InForce"
    assert {one for one in it.store.written() if one != "acme"} <= {"acme-0"}


async def test_another_object_of_the_same_name_keeps_its_own() -> None:
    """A write for an object that was made anew meanwhile is refused by its uid, and the new one gets its own status."""
    async with site(acme(), resource(POLICY, {"replicas": {"max": 70}})) as it:
        it.store.is_lagging = True
        await it.tick()
        it.store.is_lagging = False
        it.store.put(resource(POLICY, {}, uid="anew"))
        await it.tick(3)
    assert it.store.of(POLICY)["reason"] == "InForce"


async def test_five_hundred_tenants_that_come_and_go_leave_nothing() -> None:
    """After five hundred documents were created, told and deleted one after the other nothing is kept of them."""
    async with site(acme()) as it:
        for number in range(500):
            identity = Identity("Tenant", "", f"t{number}")
            it.store.put(resource(identity, {"namespaces": [f"n{number}"]}))
            await it.tick()
            it.store.remove(identity)
        await it.tick(3)
        kept = [len(value) for name, value in vars(it.reporter).items() if isinstance(value, dict) and name != "counts"]
    assert len(it.store.writes) == 501
    assert max(kept) <= 1


async def test_a_daemon_tells_its_documents_while_it_decides() -> None:
    """From a term's ticks to the status; a daemon that loses the Lease stops, and the next one finds all as it was."""
    given, store = Given(is_leader=True), MemoryResources(acme(), resource(POLICY, {"replicas": {"max": 70}}))
    cluster, loads = MemoryCluster(), MemoryLoads()
    loads.concurrency[cluster.add("acme-prod/a", 1)] = 5.0
    async with rig(cluster, files={}, loads=loads, statuses=store, leadership=given) as it:
        following = asyncio.ensure_future(it.policies.follow_resources(store))
        await it.ticks(3)
        told = store.claims(POLICY)["WithinBounds"], store.of(POLICY)["functions"], store.of(TENANT)["functions"]
        given.take()
        await it.clock.advance(4)
        store.put(resource(POLICY, {}, generation=2))
        await it.clock.advance(20)
        standing_by = store.of(POLICY)["observedGeneration"]
        given.give()
        await it.clock.advance(20)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert told == ("Clipped", 1, 1)
    assert standing_by == 1
    assert (store.of(POLICY)["observedGeneration"], store.of(POLICY)["reason"]) == (2, "InForce")
