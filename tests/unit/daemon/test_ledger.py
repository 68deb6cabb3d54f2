"""The ledger: replica-seconds, what zero saved and cold starts, from what ticks saw."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.step import Step
from autoscaler.core.nothing import no_decisions
from autoscaler.core.now import Now
from autoscaler.daemon.ledger import Ledger
from autoscaler.policy.provenance import NOWHERE
from autoscaler.ports import Usage
from tests.unit.core.fleets import make_fleet, observe
from tests.unit.daemon.fakes import MemoryCluster
from tests.unit.daemon.rig import FILES, ZERO, policy, rig

ZERO_AFTER = {"zero_after_s": 60.0}
FLEET = make_fleet(
    [
        ("acme", "render", ZERO_AFTER),
        ("acme", "report", ZERO_AFTER | {"min_replicas": 3.0}),
        ("acme", "search", {}),
        ("umbrella", "mail", ZERO_AFTER),
    ]
)
"""One that may go to zero; one that would keep 3 without it; one that may not; one of another tenant."""


def tick(ledger: Ledger, at_s: float, requested: tuple[float, ...], fleet: Fleet = FLEET) -> None:
    """Let the ledger take a tick that saw these replicas."""
    observation = observe(fleet, requested=requested)
    now = Now(at_s, 1_700_000_000.0 + at_s)
    ledger.take_step(Step(now, observation, (), replace(no_decisions(now), fleet=fleet, is_tick=True)), NOWHERE)


def counted(ledger: Ledger) -> Usage:
    """Give what it counted."""
    usage = ledger.usage()
    assert usage is not None
    return usage


def test_before_a_tick_nothing_is_known() -> None:
    """No tick, no counts; the first one counts nothing, since nothing is known of before it."""
    ledger = Ledger()
    assert ledger.usage() is None
    tick(ledger, 10.0, (5, 0, 1, 2))
    usage = counted(ledger)
    assert (usage.replica_seconds.tolist(), usage.saved_replica_seconds.tolist()) == ([0, 0], [0, 0])
    assert usage.cold_starts.tolist() == [0, 0, 0, 0]


def test_replicas_are_summed_over_time_by_tenant() -> None:
    """What a tick saw holds until the next one: 5 at 0 s and 2 at 10 s are 50 replica-seconds by then, 70 by 20 s."""
    ledger = Ledger()
    sums = []
    for at_s, requested in ((0.0, (5, 0, 0, 4)), (10.0, (2, 0, 0, 4)), (20.0, (2, 0, 0, 4))):
        tick(ledger, at_s, requested)
        sums.append(counted(ledger).replica_seconds.tolist())
    assert sums == [[0, 0], [50, 40], [70, 80]]


def test_zero_saves_what_the_minimum_would_keep() -> None:
    """At zero with leave: one replica, or the minimum where that is more; without leave, or running, nothing."""
    ledger = Ledger()
    for at_s in (0.0, 10.0):
        tick(ledger, at_s, (0, 0, 0, 1))
    assert counted(ledger).saved_replica_seconds.tolist() == [(1 + 3) * 10, 0]


def test_what_is_switched_off_saves_nothing() -> None:
    """A function whose maximum is 0 would be at zero without idling too; one that may have 2 at the most saves 2 of 3."""
    off, least = ZERO_AFTER | {"max_replicas": 0.0}, ZERO_AFTER | {"max_replicas": 2.0, "min_replicas": 3.0}
    fleet, ledger = make_fleet([("acme", "off", off), ("umbrella", "least", least)]), Ledger()
    for at_s in (0.0, 10.0):
        tick(ledger, at_s, (0, 0), fleet)
    assert counted(ledger).saved_replica_seconds.tolist() == [0, 20]


def test_a_start_from_zero_is_counted_once() -> None:
    """From 0 to any number is one cold start of the function and of its tenant; growth from there is none."""
    ledger = Ledger()
    for number, requested in enumerate(((0, 0, 1, 0), (3, 0, 1, 0), (5, 0, 2, 0), (0, 0, 2, 0), (1, 0, 2, 1))):
        tick(ledger, 2.0 * number, requested)
    usage = counted(ledger)
    assert usage.cold_starts.tolist() == [2, 0, 0, 1]
    assert usage.tenant_cold_starts.tolist() == [2, 1]


def test_between_ticks_and_of_the_past_nothing_is_counted() -> None:
    """Steps without an observation, and samples of the past, whose replicas are those of now, change no count."""
    ledger = Ledger()
    tick(ledger, 100.0, (0, 0, 1, 1))
    now = Now(102.0, 1_700_000_102.0)
    ledger.take_step(Step(now, None, (), no_decisions(now)), NOWHERE)
    past = Now(40.0, 1_700_000_040.0)
    ledger.take_step(Step(past, observe(FLEET, requested=(9, 9, 9, 9)), (), no_decisions(past)), NOWHERE)
    tick(ledger, 110.0, (0, 0, 1, 1))
    assert counted(ledger).replica_seconds.tolist() == [10, 10]
    assert counted(ledger).cold_starts.tolist() == [0, 0, 0, 0]


def test_what_was_between_two_terms_is_not_counted() -> None:
    """Another daemon decided and counted meanwhile; the counts of before go on from where they were."""
    ledger = Ledger()
    tick(ledger, 0.0, (0, 0, 1, 1))
    tick(ledger, 10.0, (1, 0, 1, 1))
    ledger.begin(Now(500.0, 1_700_000_500.0))
    tick(ledger, 500.0, (0, 0, 1, 5))
    assert counted(ledger).replica_seconds.tolist() == [10, 10]
    tick(ledger, 510.0, (1, 0, 1, 5))
    assert counted(ledger).replica_seconds.tolist() == [20, 60]
    assert counted(ledger).cold_starts.tolist() == [2, 0, 0, 0]


def test_counts_stay_with_their_functions() -> None:
    """Where functions and tenants come and go each keeps its own counts; who is new begins at 0."""
    ledger = Ledger()
    tick(ledger, 0.0, (0, 0, 1, 0))
    tick(ledger, 10.0, (1, 0, 1, 2))
    other = make_fleet([("acme", "aaa", ZERO_AFTER), ("acme", "render", ZERO_AFTER), ("umbrella", "mail", ZERO_AFTER), ("zed", "z", {})])  # fmt: skip
    tick(ledger, 20.0, (7, 0, 2, 1), other)
    usage = counted(ledger)
    assert usage.cold_starts.tolist() == [0, 1, 1, 0]
    assert usage.fleet.tenants == ("acme", "umbrella", "zed")
    assert usage.replica_seconds.tolist() == [10 + 20, 20, 0]
    tick(ledger, 30.0, (7, 1, 2, 1), other)
    assert counted(ledger).cold_starts.tolist() == [0, 2, 1, 0]
    assert counted(ledger).replica_seconds.tolist() == [30 + 70, 40, 10]


def test_cold_starts_are_given_in_rows_of_another_fleet() -> None:
    """Between a new plan's tick and what is shown of the last one, each function still has its own count."""
    ledger = Ledger()
    tick(ledger, 0.0, (0, 0, 1, 0))
    tick(ledger, 10.0, (1, 0, 1, 2))
    other = make_fleet([("acme", "aaa", {}), ("acme", "render", {}), ("umbrella", "mail", {})])
    usage = counted(ledger)
    assert usage.cold_starts_of(other, np.array([0, 1, 2])).tolist() == [0, 1, 1]
    assert usage.cold_starts_of(FLEET, np.array([3, 0])).tolist() == [1, 1]


@given(st.lists(st.tuples(st.floats(0.1, 60.0), st.lists(st.integers(0, 4), min_size=4, max_size=4)), max_size=12))
def test_counts_are_those_of_a_plain_loop(ticks: list[tuple[float, list[int]]]) -> None:
    """Whatever ticks saw, the columns say what adding up function by function says, and never fall."""
    ledger, at_s = Ledger(), 0.0
    held, saved, starts = [0.0, 0.0], [0.0, 0.0], [0, 0, 0, 0]
    before: list[int] | None = None
    keeps = (1, 3, 0, 1)
    for passed_s, requested in ticks:
        at_s += passed_s
        tick(ledger, at_s, tuple(float(one) for one in requested))
        if before is not None:
            for row, tenant in enumerate((0, 0, 0, 1)):
                held[tenant] += before[row] * passed_s
                saved[tenant] += keeps[row] * passed_s if before[row] == 0 else 0.0
                starts[row] += before[row] == 0 and requested[row] > 0
        before = requested
    if before is not None:
        usage = counted(ledger)
        assert usage.replica_seconds.tolist() == pytest.approx(held)
        assert usage.saved_replica_seconds.tolist() == pytest.approx(saved)
        assert usage.cold_starts.tolist() == starts


@pytest.mark.parametrize(("dry_run", "starts"), [(False, 1), (True, 0)])
async def test_a_daemon_counts_what_is_there(dry_run: bool, starts: int) -> None:
    """A function at zero saves its replica until load starts it once; in a dry run nothing starts, and it saves on."""
    cluster, ledger = MemoryCluster(), Ledger()
    key = cluster.add("acme/thumbnail", 0)
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=ZERO)}, journals=[ledger], dryRun=dry_run) as it:
        await it.ticks(3)
        assert counted(ledger).saved_replica_seconds.tolist() == pytest.approx([6.0])
        it.loads.concurrency[key] = 5.0
        await it.ticks(3)
        assert counted(ledger).cold_starts.tolist() == [starts]
        assert counted(ledger).replica_seconds.tolist() == pytest.approx([2.0 * starts])
        assert counted(ledger).saved_replica_seconds.tolist() == pytest.approx([12.0 - 2.0 * starts])
