"""When passes are made, and what becomes of what fails."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.policy.onboarding.credentials import RotationTimes
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.onboarding.subjects import Subject
from autoscaler.ports import OwnedUnavailable
from autoscaler.sync.pace import Pace
from autoscaler.sync.passing import NoLonger, Passing
from autoscaler.sync.process import Sync
from autoscaler.sync.rehearsal import Rehearsal
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.test_terms import Given
from tests.unit.sync.memory import MemoryOwned

RESYNC_S = 60.0


class Rig:
    """The process on a hand clock."""

    def __init__(self, *, is_leader: bool = True, per_s: float = 1000.0) -> None:
        self.clock = HandClock()
        self.cluster = MemoryOwned()
        self.leadership = Given(is_leader=is_leader)
        self._tokens = itertools.count()
        self._per_s = per_s
        self.passing = self.passes(Site())
        self.sync = Sync(self.cluster, self.passing, self.leadership, self.clock, np.random.default_rng(1), RESYNC_S)

    def passes(self, site: Site) -> Passing:
        """Give what makes passes with other options."""
        return Passing(
            self.cluster,
            site,
            RotationTimes(rotate_s=3600.0, overlap_s=60.0),
            self.clock,
            Pace(self.clock, self._per_s),
            lambda: f"token-{next(self._tokens)}",
            self.leadership.may_write,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it run for the length of a block."""
        task = asyncio.ensure_future(self.sync.run())
        try:
            await self.clock.settle()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_standby_writes_nothing() -> None:
    """Without the Lease nothing is read or written; with it a pass is made at once."""
    rig = Rig(is_leader=False)
    rig.cluster.add("acme", "a")
    async with rig.running():
        await rig.clock.advance(10 * RESYNC_S)
        assert rig.cluster.reads == 0
        rig.leadership.give()
        await rig.clock.advance(1)
        assert ("Secret", "a", "faas-autoscaler-alerts") in rig.cluster.objects


async def test_a_new_tenant_does_not_wait_for_the_resync() -> None:
    """A Tenant that comes, and one that goes, is seen to within two seconds."""
    rig = Rig()
    async with rig.running():
        await rig.clock.advance(5)
        rig.cluster.add("acme", "a")
        await rig.clock.advance(2)
        assert ("Role", "a", "faas-autoscaler-team") in rig.cluster.objects
        rig.cluster.remove("acme")
        await rig.clock.advance(2)
        assert rig.cluster.objects == {}


async def test_what_changes_nothing_makes_no_pass() -> None:
    """The daemon's own writes into a Tenant's status, and this process's, are no reason for another pass."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    async with rig.running():
        await rig.clock.advance(5)
        reads = rig.cluster.reads
        for number in range(20):
            rig.cluster.known["acme"]["status"]["functions"] = number
            rig.cluster.tell("acme")
            await rig.clock.advance(1)
        assert rig.cluster.reads == reads
        await rig.clock.advance(RESYNC_S)
        assert rig.cluster.reads == reads + 1


async def test_drift_is_mended_at_the_resync() -> None:
    """An object that went is back after a resync, and nothing else is written."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    async with rig.running():
        await rig.clock.advance(5)
        del rig.cluster.objects["Role", "a", "faas-autoscaler-team"]
        rig.cluster.writes.clear()
        await rig.clock.advance(RESYNC_S)
        assert rig.cluster.writes == ["apply Role a/faas-autoscaler-team"]


async def test_the_hash_is_written_before_the_secret() -> None:
    """A token is in force before anybody can read it."""
    rig = Rig()
    rig.cluster.add("acme", "a", "b")
    await rig.passing.once()
    secrets = [f"apply Secret {home}/faas-autoscaler-alerts" for home in "ab"]
    assert [one for one in rig.cluster.writes if "callers" in one or "Secret" in one] == ["callers acme", *secrets]


async def test_one_tenants_trouble_is_its_own_and_is_tried_again() -> None:
    """What is refused is named and tried again, ever more slowly; the others have theirs meanwhile."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    rig.cluster.add("other", "b")
    rig.cluster.refuses = {"Secret a/faas-autoscaler-alerts"}
    async with rig.running():
        await rig.clock.advance(1)
        assert ("Secret", "b", "faas-autoscaler-alerts") in rig.cluster.objects
        assert ("Role", "a", "faas-autoscaler-team") in rig.cluster.objects
        await rig.clock.advance(10 * RESYNC_S)
        assert 10 <= rig.cluster.reads <= 25
        assert rig.cluster.writes.count("callers acme") == 1
        rig.cluster.refuses = set()
        await rig.clock.advance(RESYNC_S)
        assert ("Secret", "a", "faas-autoscaler-alerts") in rig.cluster.objects


async def test_a_cluster_that_does_not_answer_is_asked_again() -> None:
    """Nothing is deleted on half an answer, and work goes on when it is back."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    async with rig.running():
        await rig.clock.advance(1)
        before = dict(rig.cluster.objects)
        rig.cluster.trouble = OwnedUnavailable("no answer", retry_after_s=5.0)
        await rig.clock.advance(5 * RESYNC_S)
        assert rig.cluster.objects == before
        rig.cluster.trouble = None
        rig.cluster.objects.clear()
        await rig.clock.advance(2 * RESYNC_S)
        assert rig.cluster.objects.keys() == before.keys()


async def test_the_lease_is_asked_for_before_every_write() -> None:
    """When it is lost in the middle of a pass not one more object is written, and the next term begins anew."""
    rig = Rig(per_s=1.0)
    rig.cluster.add("acme", "a")
    async with rig.running():
        await rig.clock.advance(2)
        assert rig.cluster.writes
        rig.leadership.take_quietly()
        count = len(rig.cluster.writes)
        await rig.clock.advance(RESYNC_S)
        assert len(rig.cluster.writes) == count
    rig.leadership.is_leader = False
    rig.cluster.objects.clear()
    with pytest.raises(NoLonger):
        await rig.passing.once()


async def test_what_the_options_give_no_more_is_deleted() -> None:
    """A team, a daemon's binding and a quota that the options no longer name go; the rest, the token included, stays."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    generous = Site(team=(Subject("Group", "devs"),), daemon=Subject("ServiceAccount", "autoscaler/autoscaler"))
    await rig.passes(generous).once()
    given = set(rig.cluster.objects)
    secret = rig.cluster.objects["Secret", "a", "faas-autoscaler-alerts"]
    outcome = await rig.passes(Site(most_policies=None)).once()
    gone = {("RoleBinding", "faas-autoscaler-team"), ("RoleBinding", "faas-autoscaler-tenant")}
    gone |= {("ResourceQuota", "faas-autoscaler")}
    assert {(kind, name) for kind, _, name in given - set(rig.cluster.objects)} == gone
    assert outcome.deleted == len(gone)
    assert rig.cluster.objects["Secret", "a", "faas-autoscaler-alerts"] == secret


async def test_a_missing_kind_is_left_out() -> None:
    """Without the Prometheus operator there are no receivers and no rules, and that is said."""
    rig = Rig()
    rig.cluster.missing = {"AlertmanagerConfig", "PrometheusRule"}
    rig.cluster.add("acme", "a")
    outcome = await rig.passing.once()
    assert outcome.missing == ("AlertmanagerConfig", "PrometheusRule")
    assert {kind for kind, _, _ in rig.cluster.objects} == {"Secret", "Role", "ResourceQuota"}
    assert outcome.problems == {}


async def test_a_rehearsal_tells_and_writes_nothing() -> None:
    """Each write of a dry run is said instead, without the token."""
    rig = Rig()
    rig.cluster.add("acme", "a")
    said: list[str] = []
    site, times = Site(), RotationTimes()
    pace = Pace(rig.clock, 1000.0)
    rehearsal = Rehearsal(rig.cluster, said.append)
    await Passing(rehearsal, site, times, rig.clock, pace, lambda: "token-0", lambda: True).once()
    assert rig.cluster.writes == []
    assert "would create Secret a/faas-autoscaler-alerts" in said
    assert not any("token-0" in line for line in said)


async def test_many_that_come_and_go_leave_nothing_behind() -> None:
    """After 500 tenants were made and deleted in turns, no object is left, and as many tokens were made as tenants."""
    rig = Rig()
    async with rig.running():
        for group in range(10):
            for number in range(50):
                rig.cluster.add(f"t-{group}-{number}", f"n-{group}-{number}")
            await rig.clock.advance(10)
            assert len([kind for kind, _, _ in rig.cluster.objects if kind == "Secret"]) == 50
            for number in range(50):
                rig.cluster.remove(f"t-{group}-{number}")
            await rig.clock.advance(10)
            assert rig.cluster.objects == {}
    assert len([one for one in rig.cluster.writes if one.startswith("callers")]) == 500


async def test_turns_are_handed_out_at_a_steady_rate() -> None:
    """A second's worth at once, and then one after another; after a pause that the server asks for, none."""
    clock = HandClock()
    pace = Pace(clock, 10.0)
    done: list[float] = []

    async def one() -> None:
        await pace.turn()
        done.append(clock.now_s - 1000.0)

    tasks = [asyncio.ensure_future(one()) for _ in range(20)]
    await clock.advance(5)
    assert len([at for at in done if at == 0.0]) in (9, 10, 11)  # sums of tenths
    assert done[-1] == pytest.approx(1.0, abs=0.11)
    pace.hold(30.0)
    tasks.append(asyncio.ensure_future(one()))
    await clock.advance(40)
    assert done[-1] >= 35.0
    await asyncio.gather(*tasks)
