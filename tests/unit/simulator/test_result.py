"""The account of a run: rows of functions, tenants and pools, and what must hold in all of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.simulator.invariants import InvariantError, check
from autoscaler.simulator.peaks import Group, Peaks, groups_of
from autoscaler.simulator.prices import Prices
from autoscaler.simulator.result import Member, Result, result_of
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.waits import waits_of

SOUND = FunctionStatistics(
    requests=100,
    finished=98,
    cold=3,
    refused=5,
    late=2,
    turned_away=1,
    waits=waits_of(np.array([1.0, 2.0, 3.0])),
    starting_s=10.0,
    ready_s=90.0,
    draining_s=5.0,
    zero_s=20.0,
    replicas_max=4,
    served=92,
    failed=1,
    starts=6,
    busy_s=60.0,
    idle_s=30.0,
    allocated_s=105.0,
    slo_misses=2,
    in_flight_s=46.0,
    sojourn_s=46.0,
    queued_s=6.0,
)


def member(
    name: str, tenant: str | None, pool: str | None, memory_gb: float = 0.5, slo_s: float | None = None
) -> Member:
    spec = FunctionSpec(FunctionKey(tenant or "nobody", name), 0.2, memory_gb=memory_gb, slo_s=slo_s)
    return Member(spec, SOUND, tenant, pool, panic_ticks=7)


def outcome(*members: Member, prices: Prices | None = None) -> Result:
    most = {Group("all", ""): 9, Group("tenant", "a"): 8, Group("pool", "p"): 8}
    groups = {group for one in members for group in groups_of(one.tenant, one.pool)}
    return result_of(
        title="",
        seed=1,
        duration_s=60.0,
        ticks=31,
        members=members,
        most=dict.fromkeys(groups, 4) | most,
        changes={Reason.DEMAND: 2},
        decided={Reason.DEMAND: 31},
        prices=prices,
        provenance={"numpy": "2"},
    )


def test_rows_are_summed_by_tenant_and_pool_and_in_all() -> None:
    """Two functions of one tenant and one that nobody has: their sums, their names, nobody last."""
    result = outcome(member("y", "a", "p"), member("x", "a", "p", memory_gb=1.0), member("z", None, None))
    assert [row.function for row in result.functions] == ["a/x", "a/y", "nobody/z"]
    assert [(row.tenant, row.functions, row.requests, row.replicas_max) for row in result.tenants] == [
        ("a", 2, 200, 8),
        (None, 1, 100, 4),
    ]
    assert [(row.pool, row.served, row.panic_ticks) for row in result.pools] == [("p", 184, 14), (None, 92, 7)]
    assert (result.total.requests, result.total.functions, result.total.replicas_max) == (300, 3, 9)
    assert (result.total.tenant, result.total.pool) == (None, None)


def test_gb_seconds_are_replica_seconds_by_each_functions_memory() -> None:
    """Half a GB and one GB: a tenant's GB-seconds are the sum over its functions, phase by phase."""
    row = outcome(member("y", "a", "p"), member("x", "a", "p", memory_gb=1.0)).tenants[0]
    assert (row.starting_gb_s, row.busy_gb_s, row.idle_gb_s, row.draining_gb_s) == (15.0, 90.0, 45.0, 7.5)
    assert row.gb_s == 157.5
    assert row.replica_seconds == row.starting_s + row.busy_s + row.idle_s + row.draining_s == 210.0


def test_a_row_says_what_it_does_not_know() -> None:
    """Without prices there is no cost, without an slo no misses: None, and not 0."""
    row = outcome(member("x", "a", "p")).total
    assert (row.cost, row.slo_misses) == (None, None)
    priced = outcome(member("x", "a", "p", slo_s=1.0), prices=Prices())
    assert (priced.total.cost, priced.total.slo_misses) == (0.0, 2)


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        (Prices(replica_hour=36.0), 1.05),
        (Prices(gb_hour=36.0), 0.525),
        (Prices(gb_hour=36.0, gb_hour_idle=0.0), 0.375),
        (Prices(million_requests=1_000.0), 0.092),
        (Prices(replica_hour=36.0, gb_hour=36.0, gb_hour_idle=72.0, million_requests=1_000.0), 1.817),
    ],
)
def test_cost_is_what_the_price_table_says(prices: Prices, cost: float) -> None:
    """105 replica-seconds of half a GB, 15 GB-seconds of them idle, 92 requests served."""
    assert outcome(member("x", "a", "p"), prices=prices).total.cost == pytest.approx(cost)


def test_the_percentiles_are_over_all_requests() -> None:
    """Three of a hundred waited: half of them and 95 of 100 not at all, the 99th 2 s, the longest 3 s."""
    row = outcome(member("x", "a", "p")).functions[0]
    assert (row.wait_p50_s, row.wait_p95_s, row.wait_p99_s, row.wait_max_s) == (0.0, 0.0, 2.0, 3.0)
    assert row.wait_mean_s == 0.06


def test_json_has_every_number() -> None:
    """Written, a result has its rows, its versions, and codes by name."""
    document = json.loads(outcome(member("x", "a", "p")).to_json())
    assert document["total"]["served"] == 92
    assert document["provenance"] == {"numpy": "2"}
    assert document["changes"] == {"DEMAND": 2}


def test_sums_that_agree_pass() -> None:
    """Sound statistics, also ones that differ by the rounding of a long run, are no breach."""
    check("x", SOUND)
    long = replace(SOUND, in_flight_s=1e9 + 10, sojourn_s=1e9)
    check("x", long)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("served", 91, "98 were answered"),
        ("failed", 0, "98 were answered"),
        ("finished", 101, "101 of 100"),
        ("cold", 101, "101 of 100"),
        ("late", 5, "only 5 were refused"),
        ("idle_s", 31.0, "busy + idle"),
        ("starting_s", 11.0, "allocated"),
        ("allocated_s", 104.0, "allocated"),
        ("in_flight_s", 46.1, "arrival to answer"),
        ("sojourn_s", float("nan"), "arrival to answer"),
        ("queued_s", 6.5, "waits"),
    ],
)
def test_sums_that_contradict_each_other_stop_the_run(field: str, value: float, words: str) -> None:
    """One request or a tenth of a second too many is an error that names the function and both numbers."""
    with pytest.raises(InvariantError, match=r"a/x: ") as caught:
        check("a/x", replace(SOUND, **{field: value}))  # type: ignore[arg-type]
    assert any(words in breach for breach in caught.value.breaches)


def test_a_run_whose_sums_differ_has_no_result() -> None:
    """A result is made of sound statistics or not at all."""
    broken = replace(member("x", "a", "p"), statistics=replace(SOUND, served=90))
    with pytest.raises(InvariantError):
        outcome(broken)


def test_peaks_are_of_the_same_moment() -> None:
    """Two functions that have their most one after the other: their tenant's most is less than the sum."""
    keys = [FunctionKey("a", name) for name in "xy"]
    peaks = Peaks(dict.fromkeys(keys, groups_of("a", "p")), [(keys[0], 1), (keys[1], 1)])
    for at_s, (key, more) in enumerate(((keys[0], 4), (keys[0], -4), (keys[1], 3), (keys[1], -4))):
        peaks.change(key, more, float(at_s))
    assert peaks.most == dict.fromkeys(groups_of("a", "p"), 6)


def test_a_raise_beside_the_cut_that_makes_room_for_it_is_no_peak() -> None:
    """Of what is written at one instant only what there is after it counts, be it the last instant of all."""
    keys = [FunctionKey("a", name) for name in "xy"]
    peaks = Peaks(dict.fromkeys(keys, groups_of("a", "p")), [(keys[0], 5), (keys[1], 5)])
    for key, more, at_s in ((keys[0], 3, 2.0), (keys[1], -2, 2.0), (keys[0], 2, 4.0), (keys[1], -2, 4.0)):
        peaks.change(key, more, at_s)
    assert peaks.most == dict.fromkeys(groups_of("a", "p"), 11)
