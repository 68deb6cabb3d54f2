"""Requests to functions at zero, as a gateway holds them: for how long, how many, and what budgets make of them."""

import pytest

from tests.unit.simulator.test_run import run

BURST = "{type: steps, arrivals: even, steps: [{at: 100s, rate: 20}, {at: 110s, rate: 0}]}"
"""200 requests in ten seconds, to a function that sleeps."""


def test_who_is_held_is_served_once_a_replica_is_ready() -> None:
    """Within hold and waiters everybody is served: who came first waited for the whole start-up, and nobody is refused."""
    row = run(BURST, policy="wake: {hold: 25s, waiters: 1000}")[0].functions[0]
    assert (row.requests, row.refused, row.late, row.turned_away, row.unfinished) == (200, 0, 0, 0, 0)
    assert row.cold == 80  # those of the four seconds until the first is ready
    assert row.wait_max_s is not None
    assert row.wait_max_s >= 4.0


def test_more_than_its_waiters_are_turned_away_at_once() -> None:
    """A policy of 30 waiters holds the first 30 of the 80 that come while it starts; the others waited for nothing."""
    row = run(BURST, policy="wake: {hold: 25s, waiters: 30}")[0].functions[0]
    assert (row.cold, row.refused, row.late, row.turned_away) == (80, 50, 0, 50)


def test_a_hold_shorter_than_the_start_ends_it() -> None:
    """With a hold of 1.5 s and a start-up of 4 s those of the first 2.5 s are late, and whoever came after is served."""
    row = run(BURST, policy="wake: {hold: 1500ms}")[0].functions[0]
    assert (row.cold, row.refused, row.late, row.turned_away) == (80, 50, 50, 0)


def test_callers_may_be_less_patient_than_the_policy() -> None:
    """Where callers give up after a second, the policy's hold of 25 s keeps nobody longer."""
    row = run(BURST, more="replicas: 0, hold: 1s", policy="wake: {hold: 25s}")[0].functions[0]
    assert (row.cold, row.late, row.turned_away) == (80, 60, 0)


@pytest.mark.parametrize(
    ("tenant", "policy"),
    [("budget: {replicas: {cap: 0}}", ""), ("dryRun: false", "replicas: {max: 0}"), ("dryRun: false", "dryRun: true")],
)
def test_what_may_not_start_turns_everybody_away(tenant: str, policy: str) -> None:
    """Under a cap or a maximum of nothing, and under a dry run, requests are refused at once, and none waits."""
    row = run(BURST, tenant=tenant, policy=policy)[0].functions[0]
    assert (row.requests, row.refused, row.turned_away, row.unfinished) == (200, 200, 200, 0)
    assert (row.wait_max_s, row.replicas_max) == (0.0, 0)


def test_a_start_that_does_not_come_makes_them_late() -> None:
    """While no node has room for the replica, each request is let go at the end of its hold."""
    obstacle = "[{type: unschedulable, start: 0s, end: 5m, functions: [acme/resize]}]"
    row = run(BURST, events=obstacle, policy="wake: {hold: 10s}")[0].functions[0]
    assert (row.requests, row.late, row.turned_away, row.unfinished) == (200, 200, 0, 0)
    assert row.wait_max_s == pytest.approx(10.0)


def test_tenants_rows_add_them_up() -> None:
    """What a tenant's functions refused is in the tenant's row, and both parts of it."""
    result = run(BURST, policy="wake: {hold: 1500ms, waiters: 20}")[0]
    function, tenant = result.functions[0], result.tenants[0]
    assert (tenant.refused, tenant.late, tenant.turned_away) == (function.refused, function.late, function.turned_away)
    assert function.refused == function.late + function.turned_away
    assert function.late > 0
    assert function.turned_away > 0
