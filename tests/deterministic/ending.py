"""What must be so at the end of a run, when everything has been right for long enough."""

from collections import defaultdict
from collections.abc import Sequence, Set
from itertools import pairwise

from autoscaler.core.fleet import FunctionKey
from tests.deterministic import oracle
from tests.deterministic.budgets import POOL
from tests.deterministic.documents import STABLE_S
from tests.deterministic.site import Drawn
from tests.deterministic.world import World

TURNS = 1
"""Changes of direction once all windows are full: up to what is needed, and down when the look-back lets it."""

LEFT_AFTER = 3
"""Changes by somebody else after which a function is left to them."""


def judge_end(world: World) -> None:
    """Check what must be so when everything has been right for long enough."""
    observer, wanted = world.observer, oracle.decided(world)
    running = world.leading().running
    if running is None:
        observer.say("ended", None, "no daemon runs at the end")
        return
    health = running.daemon.health()
    if health.step_failures:
        observer.say("failed", None, f"{health.step_failures} steps failed over an error that nobody foresaw")
    held = {view.key for view in health.held}
    for key in sorted(held):
        if world.api.by_hand[key] < LEFT_AFTER:
            observer.say("held", key, f"it is left alone, and was changed by hand {world.api.by_hand[key]} times")
    for one in world.site.functions:
        there = world.api.find(one.key)
        if there is None or one.key in held:
            continue
        if not _is_bound(world, one) and wanted[one.key] not in oracle.needed(one):
            observer.say("wrong", one.key, f"a fresh daemon decides {wanted[one.key]}, it needs {oracle.needed(one)}")
        if there.requested != wanted[one.key] and not _is_waking(world, one.key, there.requested):
            observer.say("not-settled", one.key, f"{there.requested} run, a fresh daemon decides {wanted[one.key]}")
    for name, budget in world.site.budgets.items():
        _judge_cap(world, name, budget.cap, [one for one in world.site.functions if one.tenant == name], held)
    members = [one for one in world.site.functions if world.site.budgets[one.tenant].is_in_pool]
    _judge_cap(world, POOL, world.site.pool.size, members, held)
    _judge_turns(world)


def _is_bound(world: World, one: Drawn) -> bool:
    """Tell whether any budget may keep a function from what its load needs."""
    budget = world.site.budgets[one.tenant]
    return budget.cap is not None or budget.concurrency_cap is not None or budget.is_in_pool


def _judge_cap(world: World, name: str, cap: float | None, theirs: Sequence[Drawn], held: Set[FunctionKey]) -> None:
    """Check that no more runs than a budget has, but for what is left to somebody else."""
    have = sum(there.requested for one in theirs if (there := world.api.find(one.key)) is not None)
    if cap is not None and have > cap and held.isdisjoint(one.key for one in theirs):
        world.observer.say("budget", None, f"{name} has {have} replicas of {cap:g}")


def _is_waking(world: World, key: FunctionKey, requested: int) -> bool:
    """Tell whether a function without load still runs because somebody came for it a while ago."""
    one = world.site.by_key[key]
    return requested == 1 and one.levels[-1][1] == 0 and one.rules.goes_to_zero


def _judge_turns(world: World) -> None:
    changes: dict[FunctionKey, list[int]] = defaultdict(list)
    for write in world.observer.writes:
        if write.at_s > world.site.calm_s + STABLE_S + world.truth.lag_s and write.old != write.new:
            changes[write.key].append(1 if write.new > write.old else -1)
    for key, directions in changes.items():
        turns = sum(one != other for one, other in pairwise(directions))
        if turns > TURNS:
            world.observer.say(
                "oscillation", key, f"{len(directions)} changes in {turns + 1} directions under constant load"
            )
