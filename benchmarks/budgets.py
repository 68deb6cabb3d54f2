"""What budgets cost a tick: stage 6 alone, reasons and account included, beside an addition of two columns.

A thousand tenants of a hundred functions share a pool. Either all get what they ask for, or a tenth of them asks for
more than its share of what is left. Time is that of the processor (one core).
"""

import gc
import sys
import time
from dataclasses import replace

import numpy as np

from autoscaler.core.accounts import account
from autoscaler.core.budget import Household
from autoscaler.core.budgets import Budgets
from autoscaler.core.columns import Floats
from autoscaler.core.memory import Memory
from autoscaler.core.part import Part
from autoscaler.core.reasons import Reason
from autoscaler.core.shared import share_out
from autoscaler.core.sight import Sight, look
from autoscaler.core.staged import NOBODY
from autoscaler.core.trail import Trail
from benchmarks.decisions import addition_ns
from benchmarks.mixed import PER_TENANT, mixed, moment
from benchmarks.report import Figure, at_most, main

BOUND_MS, FREE_MS = 3.0, 0.3
TICKS = 200


class Stage:
    """Stage 6 over one fleet.

    Attributes:
        memory: its state.
        sight: what a tick sees.
        asked: `(functions,) float64`, replicas from the limits.
    """

    def __init__(self, functions: int, share_bound: float, concurrency: bool = False) -> None:
        """Make the fleet.

        Args:
            functions: how many, a hundred of each tenant.
            share_bound: share of the tenants that ask for more than there is for them.
            concurrency: whether those are bound by a concurrency cap, in place of the pool.
        """
        rng = np.random.default_rng(11)
        world = mixed(functions, rng)
        tenants = functions // PER_TENANT
        asked = np.ceil(world.usual / 7.0)
        of_tenants = np.add.reduceat(asked, np.arange(tenants) * PER_TENANT)
        is_greedy = np.arange(tenants) < round(share_bound * tenants)
        of_pool = np.where(is_greedy, np.floor(of_tenants * 0.7), of_tenants)
        budgets = Budgets(
            guarantee=np.where(is_greedy | (share_bound == 0), np.floor(of_tenants * 0.3), of_tenants),
            lend=np.full(tenants, np.inf),
            weight=1.0 + np.arange(tenants) % 3,
            concurrency_cap=np.where(is_greedy & concurrency, of_pool * 20.0, np.inf),
            pool=np.zeros(tenants, np.int64),
            pools=("default",),
            size=np.array([of_tenants.sum() + 1000.0 if concurrency else of_pool.sum()]),
            is_strict=np.zeros(1, np.bool_),
            hold_s=np.full(1, 30.0),
            grace_s=np.full(1, 60.0),
        )
        world.fleet = replace(world.fleet, tenant_cap=np.full(tenants, np.inf), budgets=budgets)
        observation = world.observation(rng, asked)
        self.memory = Memory(observation, 0, 0.0, 0.0)
        self.sight: Sight = look(self.memory, observation, Part(functions), 0.0)
        self.asked: Floats = asked
        self.bound = 0

    def run(self, number: int) -> None:
        """Run the stage once, on a trail of its own, and make the account."""
        trail = Trail(self.asked.copy(), Reason.DEMAND)
        sight = self.sight._replace(now_s=moment(number).monotonic_s)
        begin = time.thread_time_ns()
        household = Household(
            part=sight.part,
            fleet=self.memory.fleet,
            derived=self.memory.derived,
            requested=sight.requested,
            minima=self.memory.fleet.rules.min_replicas,
            masked=NOBODY,
        )
        budgeted = share_out(trail, self.memory, sight, household)
        assert budgeted.sums is not None
        nothing = np.zeros(len(self.memory.fleet.tenants))
        accounts = account(budgeted.sums, nothing, self.memory.derived.cap, self.memory.derived.promises)
        self.cost_ns = time.thread_time_ns() - begin
        self.bound = int(np.count_nonzero(accounts.bound))


def cost_ms(functions: int, share_bound: float, concurrency: bool = False) -> float:
    """Give the median cost of the stage, ms; what runs is what was granted the tick before."""
    stage = Stage(functions, share_bound, concurrency)
    costs = []
    for number in range(TICKS):
        stage.run(number)
        costs.append(stage.cost_ns)
    expected = share_bound * functions / PER_TENANT
    if not 0.8 * expected <= stage.bound <= expected:
        raise AssertionError(f"{expected:.0f} tenants are to be bound, {stage.bound} are")
    return float(np.median(costs)) / 1e6


def measure() -> list[Figure]:
    """Measure all figures."""
    gc.collect()
    gc.disable()
    bound, free = cost_ms(100_000, 0.1), cost_ms(100_000, 0.0)
    addition_ms = addition_ns() * 100_000 / 1e6
    return [
        at_most("budgets_1000_tenants_100000_functions_tenth_bound", bound, "ms", BOUND_MS),
        at_most("budgets_1000_tenants_100000_functions_none_bound", free, "ms", FREE_MS),
        at_most("addition_of_two_columns", addition_ms, "ms", None),
        at_most("tenth_bound_against_addition", bound / addition_ms, "x", None),
        at_most("none_bound_against_addition", free / addition_ms, "x", None),
        at_most("budgets_all_bound", cost_ms(100_000, 1.0), "ms", None),
        at_most("concurrency_budgets_tenth_bound", cost_ms(100_000, 0.1, concurrency=True), "ms", None),
    ]


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
