"""What wakes between ticks owe to budgets: what a step foretells, the next tick does."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from autoscaler.core.controller import Controller
from autoscaler.core.events import Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.promises import promise
from autoscaler.core.reasons import REASON_OF, Reason, is_held_on
from tests.property.core.strategies import seeds
from tests.property.core.test_controller_properties import as_bytes
from tests.property.effort import examples
from tests.unit.core.fleets import INF, budgets, make_fleet, observe, stepped

REFUSED = (Reason.BUDGET, Reason.CONCURRENCY_BUDGET, Reason.POOL)


class World:
    """Tenants whose functions either have a load that stays, or are at zero; whatever is decided runs at the next step.

    Attributes:
        fleet: the functions.
        load: `(functions,) float64`, replicas that each load asks for.
        runs: `(functions,) float64`.
    """

    def __init__(self, rng: np.random.Generator, *, strict: bool = False, is_paused: bool = True) -> None:
        tenants, count = int(rng.integers(1, 4)), int(rng.integers(2, 7))
        pool = float(rng.choice([INF, 3.0, 6.0, 10.0, 20.0]))
        names = [f"t{tenant}" for tenant in range(tenants)]
        each = [
            {
                "guarantee": float(rng.choice([0.0, 0.0, 1.0, 3.0])),
                "lend": float(rng.choice([INF, INF, 0.0])),
                "weight": float(rng.choice([0.0, 1.0, 1.0, 2.0])),
                "concurrency_cap": float(rng.choice([INF, INF, 40.0, 100.0])),
            }
            for _ in names
        ]
        self.fleet: Fleet = make_fleet(
            [
                (
                    tenant,
                    f"f{number}",
                    {
                        "concurrency_limit": float(rng.choice([10.0, 10.0, 20.0])),
                        "min_replicas": float(rng.choice([0.0] * 5 + [2.0])),
                        "zero_after_s": 1.0,
                        "activation": float(rng.choice([1.0, 1.0, 3.0])),
                        "paused": is_paused and bool(rng.random() < 0.1),
                    },
                )
                for tenant in names
                for number in range(count)
            ],
            {tenant: float(rng.choice([INF, 0.0, 2.0, 4.0, 8.0])) for tenant in names},
            budgets=budgets(pool, *each, strict=strict),
        )
        self.rng, functions = rng, tenants * count
        self.load = np.where(rng.random(functions) < 0.5, 0.0, rng.integers(1, 8, functions)).astype(np.float64)
        self.runs = np.zeros(functions)
        self.now_s = 0.0
        self.controller = Controller(None)

    def tick(self, waiting: object = 0.0) -> np.ndarray:
        """Run a tick; give its reasons."""
        idle = self.load == 0
        seen = observe(self.fleet, self.runs, rps=self.load * 10.0, in_flight=0.0, is_idle=idle, waiting=waiting)
        decisions = stepped(self.controller, self.now_s, seen)
        self.runs, self.now_s = decisions.desired.copy(), self.now_s + 2.0
        return decisions.reason

    def settle(self) -> None:
        """Run ticks until what is granted, or was found at the start, no longer moves."""
        for _ in range(8):
            self.tick()

    def wakes(self) -> list[Wake]:
        """Wake some functions that are at zero."""
        rows = np.flatnonzero((self.runs == 0) & (self.load == 0) & (self.rng.random(len(self.runs)) < 0.6))
        return [Wake(self.fleet.keys[row], int(self.rng.choice([1, 1, 15, 80]))) for row in rows.tolist()]


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_what_a_step_foretells_the_next_tick_does(seed: int) -> None:
    """Where nothing else happens, who is given one or held has one after the next tick, and who is refused has none."""
    world = World(np.random.default_rng(seed))
    world.settle()
    wakes = world.wakes()
    step = stepped(world.controller, world.now_s - 1.0, None, wakes)
    held = np.zeros(len(world.fleet))
    held[[world.fleet.row_of[wake.key] for wake in wakes]] = [wake.waiting for wake in wakes]
    world.runs[step.rows] = step.desired
    world.tick(held)
    for row, desired, code in zip(step.rows.tolist(), step.desired.tolist(), step.reason.tolist(), strict=True):
        reason = REASON_OF[code]
        if desired or is_held_on(reason):
            assert world.runs[row] >= 1, (seed, row, reason)
        elif reason in REFUSED:
            assert world.runs[row] == 0, (seed, row, reason)


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_a_guarantee_is_there_whatever_others_wake(seed: int) -> None:
    """However many wakes one tenant makes, another's within its guarantee and limits starts in its own step."""
    rng = np.random.default_rng(seed)
    world = World(rng, is_paused=False)
    world.settle()
    tenant, guarantee = world.fleet.tenant, promise(world.fleet).guarantee
    mine = int(rng.integers(len(world.fleet.tenants)))
    wakes = world.wakes()
    others = [wake for wake in wakes if tenant[world.fleet.row_of[wake.key]] != mine]
    stepped(world.controller, world.now_s - 1.5, None, others)
    at = np.flatnonzero((tenant == mine) & (world.runs == 0) & (world.load == 0))
    if not at.size or world.runs[tenant == mine].sum() + 1 > guarantee[mine]:
        return
    step = stepped(world.controller, world.now_s - 1.0, None, [Wake(world.fleet.keys[int(at[0])], 1)])
    assert step.desired[0] >= 1 or REASON_OF[int(step.reason[0])] in (Reason.BUDGET, Reason.CONCURRENCY_BUDGET), seed


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_over_a_cap_there_are_first_replicas_alone_and_for_one_tick(seed: int) -> None:
    """Between ticks a tenant is over its cap by one replica at most for each function woken, and after the tick no more."""
    world = World(np.random.default_rng(seed), is_paused=False)
    world.settle()
    cap, tenant = np.floor(world.fleet.tenant_cap), world.fleet.tenant
    for wake in world.wakes():
        step = stepped(world.controller, world.now_s - 1.0, None, [wake])
        before = np.bincount(tenant, weights=world.runs, minlength=len(cap))
        row = int(step.rows[0])
        world.runs[row] = step.desired[0]
        over = before[tenant[row]] + step.desired[0] > cap[tenant[row]]
        assert not over or step.desired[0] <= 1, seed
    world.tick()
    assert np.all(np.bincount(tenant, weights=world.runs, minlength=len(cap)) <= cap), seed


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_in_a_strict_pool_nobody_is_held_for_nothing(seed: int) -> None:
    """Once what was cut has gone, who was held in a strict pool has one; the pool is over for nobody."""
    world = World(np.random.default_rng(seed), strict=True, is_paused=False)
    world.settle()
    wakes = world.wakes()
    step = stepped(world.controller, world.now_s - 1.0, None, wakes)
    held = np.zeros(len(world.fleet))
    held[[world.fleet.row_of[wake.key] for wake in wakes]] = [wake.waiting for wake in wakes]
    world.runs[step.rows] = step.desired
    for _ in range(3):
        world.tick(held)
    awaited = step.rows[(step.desired >= 1) | (step.reason == Reason.RECLAIM) | (step.reason == Reason.BETWEEN_TICKS)]
    assert np.all(world.runs[awaited] >= 1), seed


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_where_no_budget_binds_splitting_wakes_changes_nothing(seed: int) -> None:
    """One by one or together, and in either order, wakes without budgets come to the same replicas and the same next tick."""
    worlds = [World(np.random.default_rng(seed)) for _ in range(3)]
    wakes, found = [], []
    for number, world in enumerate(worlds):
        free = budgets(INF, *({} for _ in world.fleet.tenants))
        world.fleet = replace(world.fleet, budgets=free, tenant_cap=np.full(len(world.fleet.tenants), INF))
        world.settle()
        wakes = wakes or world.wakes()
        for part in [wakes] if number == 0 else [[wake] for wake in wakes[:: 1 if number == 1 else -1]]:
            step = stepped(world.controller, world.now_s - 1.0, None, part)
            world.runs[step.rows] = step.desired
        last = observe(world.fleet, world.runs, rps=world.load * 10.0, in_flight=0.0, is_idle=world.load == 0)
        found.append((world.runs.tolist(), as_bytes(stepped(world.controller, world.now_s, last))))
    assert found[0] == found[1] == found[2], seed
