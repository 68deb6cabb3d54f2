"""What budgets owe to whole steps, and to functions that weigh differently."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from autoscaler.core.budget import fill
from autoscaler.core.concurrency import fill_by_weight, fill_weighed
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet
from autoscaler.core.holding import Holding
from autoscaler.core.promises import promise
from autoscaler.core.reasons import Reason
from tests.property.core.strategies import events_of, fleet_of, observation_of, seeds
from tests.property.core.test_controller_properties import as_bytes
from tests.property.effort import examples
from tests.unit.core.fleets import INF, at, budgets, make_fleet, observe, stepped

CASES = 40


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_a_fill_by_weight_is_feasible_and_wastes_nothing(seed: int) -> None:
    """It keeps the cap, minima come first, then one each, and nobody who wants another replica could have it."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        share = np.unique(np.sort(rng.integers(0, 3, rng.integers(1, 12))), return_inverse=True)[1]
        rows, shares = len(share), int(share[-1]) + 1
        weight = rng.choice([1.0, 2.0, 3.0, 5.0, 20.0], rows)
        demand = rng.integers(0, 9, rows).astype(float)
        guarantee = np.minimum(demand, rng.integers(0, 3, rows))
        cap, current = rng.integers(0, 120, shares).astype(float), rng.integers(0, 9, rows).astype(float)
        got = fill_weighed(demand, guarantee, current, weight, share, cap)
        assert np.all((got == np.floor(got)) & (got >= 0) & (got <= demand))
        left = cap - np.bincount(share, weights=got * weight, minlength=shares)
        assert np.all(left >= 0), seed
        assert np.all((got == demand) | (weight > left[share])), seed
        for one in range(shares):
            mine = share == one
            ones = np.maximum(guarantee, np.minimum(demand, 1.0))
            if (guarantee * weight)[mine].sum() <= cap[one]:
                assert np.all(got[mine] >= guarantee[mine]), seed
            if (ones * weight)[mine].sum() <= cap[one]:
                assert np.all(got[mine] >= ones[mine]), seed
        again = fill_weighed(demand, guarantee, got, weight, share, cap)
        assert np.array_equal(again, got), seed
        assert np.array_equal(fill_by_weight(demand, guarantee, current, weight, share, cap), got), seed


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_where_all_weigh_the_same_it_is_the_fill_of_replicas(seed: int) -> None:
    """With replicas that all weigh w, a cap of c is one of c / w replicas."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        share = np.unique(np.sort(rng.integers(0, 3, rng.integers(1, 12))), return_inverse=True)[1]
        rows, weight = len(share), float(rng.choice([1.0, 3.0, 20.0]))
        demand = rng.integers(0, 9, rows).astype(float)
        guarantee = np.minimum(demand, rng.integers(0, 3, rows))
        cap, current = rng.integers(0, 60, int(share[-1]) + 1) * weight, rng.integers(0, 9, rows).astype(float)
        got = fill_weighed(demand, guarantee, current, np.full(rows, weight), share, cap)
        assert got.tolist() == fill(demand, guarantee, current, share, cap / weight).tolist(), seed


def pooled(rng: np.random.Generator) -> Fleet:
    """Make a random fleet in pools that are not strict, without caps of requests in flight."""
    fleet = fleet_of(rng, has_pools=True)
    shared = fleet.budgets
    plain = replace(shared, is_strict=np.zeros(2, np.bool_), concurrency_cap=np.full(len(fleet.tenants), INF))
    return replace(fleet, budgets=plain)


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_after_splitting_events_the_next_tick_is_the_same(seed: int) -> None:
    """Told one by one or together, under whatever budgets, events come to the same bytes at the next tick."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng, has_pools=True)
    first, last = observation_of(rng, fleet), observation_of(rng, fleet)
    events = events_of(rng, 2.0, most=6)
    together, split = Controller(None), Controller(None)
    for controller, parts in ((together, [events]), (split, [[event] for event in events])):
        controller.step(at(0), first, [])
        for part in parts:
            stepped(controller, 2.0, None, part)
    assert as_bytes(together.step(at(4.0), last, [])) == as_bytes(split.step(at(4.0), last, []))


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_between_ticks_no_guarantee_is_refused_and_no_pool_overrun_but_for_it(seed: int) -> None:
    """A row that a pool refuses between ticks is of a tenant that has its guarantee; what is above fits, or stood before."""
    rng = np.random.default_rng(seed)
    fleet = pooled(rng)
    promises = promise(fleet)
    controller = Controller(None)
    controller.step(at(0), observation_of(rng, fleet, wildness=0.0), [])
    asked = controller.step(at(1.0), observation_of(rng, fleet, wildness=0.0), []).whole().desired.copy()
    for number in range(4):
        before = np.bincount(fleet.tenant, weights=asked, minlength=len(fleet.tenants))
        step = stepped(controller, 2.0 + number / 10, None, events_of(rng, 2.0))
        asked[step.rows] = step.desired
        after = np.bincount(fleet.tenant, weights=asked, minlength=len(fleet.tenants))
        refused = fleet.tenant[step.rows[(step.stage_reasons == Reason.POOL).any(axis=0)]]
        assert np.all(after[refused] >= promises.guarantee[refused]), seed
        surplus = np.maximum(after, promises.guarantee) - np.maximum(before, promises.guarantee)
        in_use = np.bincount(promises.pool, weights=after, minlength=2)
        raised = np.bincount(promises.pool, weights=surplus, minlength=2)
        uncharged = controller._memory.uncharged if controller._memory is not None else np.zeros(0)
        free = np.bincount(promises.pool, weights=uncharged, minlength=2)
        assert np.all((raised <= 0) | (in_use - free <= promises.size)), seed


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_one_tenants_load_never_takes_anothers_guarantee(seed: int) -> None:
    """Whatever one tenant's loads, requests and events are, each other gets the smaller of demand and guarantee, every tick."""
    rng = np.random.default_rng(seed)
    shared = budgets(
        float(rng.integers(6, 30)), {"guarantee": 2.0}, {"guarantee": 4.0}, {}, hold_s=float(rng.choice([0, 20]))
    )
    fleet = make_fleet([(tenant, f"f{n}", {}) for tenant in ("t0", "t1", "t2") for n in range(3)], budgets=shared)
    controller, runs = Controller(None), np.zeros(9)
    for tick in range(8):
        mine = fleet.tenant == 1
        rps = np.where(mine, rng.choice([0.0, 10.0, 25.0], 9), rng.exponential(1000.0, 9))
        runs = np.where(mine, runs, rng.integers(0, 50, 9))
        seen = observe(fleet, runs, rps=rps, is_held=~mine & (rng.random(9) < 0.1))
        events = [event for event in events_of(rng, 2.0 * tick, most=8) if getattr(event, "key", None) is not None]
        decisions = stepped(controller, 2.0 * tick, seen, [one for one in events if one.key.namespace != "t1"])
        asked = decisions.stages[4, mine].sum()
        assert decisions.desired[mine].sum() >= min(asked, 4.0), seed
        runs = decisions.desired.copy()


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_what_was_borrowed_is_kept_as_long_as_the_hold_and_no_longer(seed: int) -> None:
    """Of what a tenant borrows, what it has had for the whole hold is not kept; what it had not, is."""
    rng = np.random.default_rng(seed)
    hold_s, times, borrowed = 10.0, np.cumsum(rng.choice([1.0, 2.0, 5.0], 30)), np.floor(rng.random((30, 3)) * 8)
    holding = Holding(3, np.array([0, 2]), np.full(2, hold_s))
    for tick, now_s in enumerate(times.tolist()):
        held = holding.held(now_s)
        past = [np.zeros(3), *borrowed[:tick]]
        since = [place for place in range(len(past)) if place == tick or times[place] > now_s - hold_s]
        least = np.min([past[place] for place in since], axis=0)
        assert held[1] == 0
        assert np.array_equal(held[[0, 2]], (past[tick] - least)[[0, 2]]), seed
        holding.grant(borrowed[tick], now_s)
