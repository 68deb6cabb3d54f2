"""Instances that are moved together, so that slots are free for those to come."""

from math import inf

import numpy as np

from autoscaler.simulator.compiled import compiled, inlined
from autoscaler.simulator.per_request.kernel import mark
from autoscaler.simulator.per_request.state import NOBODY, State


@compiled
def repack(state: State, function: int, base: int, size: int, summary: int) -> None:
    """Move the instances of a function together, in their order, so that slots are free behind them.

    Args:
        base: its first slot from now on: where they are, or behind all others.
        size: its slots from now on.
        summary: its first word of the summary from now on.
    """
    one = state.functions[function]
    old, old_size, taken = one["base"], one["size"], one["next"]
    state.words[old >> 5 : (old + old_size) >> 5] = 0
    state.summary[one["summary"] : one["summary"] + ((old_size + 1_023) >> 10)] = 0
    if base != old:
        for place in range(old_size):
            state.seconds_at[base + place] = state.seconds_at[old + place]
            state.seconds_at[old + place] = 0.0
    one["base"], one["size"], one["summary"], one["next"] = base, size, summary, 0
    moved = np.empty(taken, np.int64)
    for slot in range(old, old + taken):
        if state.instances[slot]["owner"] != NOBODY:
            moved[slot - old] = base + one["next"]
            _move(state, one, slot, base + one["next"])
            one["next"] += 1
    one["top"] = max(one["next"] - 1, 0) >> 10
    for place in range(1, state.now[0]["serving"] + 1):
        slot = state.serving[place]["slot"]
        if old <= slot < old + taken:
            state.serving[place]["slot"] = moved[slot - old]


@inlined
def _move(state: State, one: np.void, slot: int, to: int) -> None:
    """Move an instance to another slot."""
    source, target, kept = state.instances[slot], state.instances[to], state.keeps[one["kept"]]
    owner, idle_s, before, after = source["owner"], source["idle_s"], source["before"], source["after"]
    born_s, ready_s = source["born_s"], source["ready_s"]
    source["owner"] = NOBODY
    target["owner"], target["idle_s"], target["before"], target["after"] = owner, idle_s, before, after
    target["born_s"], target["ready_s"] = born_s, ready_s
    if idle_s == inf:
        return
    if before == NOBODY:
        kept["oldest"] = to
    else:
        state.instances[before]["after"] = to
    if after == NOBODY:
        kept["newest"] = to
    else:
        state.instances[after]["before"] = to
    mark(state, one, to)
