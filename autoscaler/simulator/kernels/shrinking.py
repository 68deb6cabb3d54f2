"""Scale-down of functions whose requests go to a replica that is chosen when they come (`kernels.routing`).

It shares two small functions with that kernel by repeating them: kernels that call each other share a file.
"""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.compiled import compiled, inlined
from autoscaler.simulator.kernels.replicas import DRAINS, FIRST, IS_GONE, PLACE, REPLICA, SERVED, UNTIL
from autoscaler.simulator.kernels.state import Functions


@compiled
def shrink_routed(row: int, surplus: int, now_s: float, functions: Functions, pool: Floats) -> None:
    """Take replicas away: those that start go first, newest first, then those that are ready, newest first.

    There must be room for as many ends of grace. When the next event is due must be looked for anew.
    """
    one = functions[row]
    while surplus > 0 and one["starting"] > 0:
        _drop_newest(one, pool)
        surplus -= 1
    for _ in range(surplus):
        one["ready"] -= 1
        number = int(pool[one["stack_at"] + one["ready"]])
        at = one["replicas_at"] + REPLICA * number
        _set_load(one, one["ready"], np.inf, pool)
        if pool[at + SERVED] == 0:
            _free(one, number, pool)
            continue
        one["active"] -= 1
        one["leaving"] += 1
        pool[at + PLACE] = DRAINS
        pool[at + UNTIL] = now_s + one["grace_s"]
        if one["grace_s"] < np.inf:
            pair = one["cuts_at"] + 2 * (one["cuts_first"] + one["cuts"])
            pool[pair] = now_s + one["grace_s"]
            pool[pair + 1] = number
            one["cuts"] += 1


@inlined
def _free(one: np.void, number: int, pool: Floats) -> None:
    """Give the number of a replica that is gone to those that nobody has."""
    at = one["replicas_at"] + REPLICA * number
    pool[at + PLACE] = IS_GONE
    pool[at + FIRST] = one["replicas_free"]
    one["replicas_free"] = number


@inlined
def _drop_newest(one: np.void, pool: Floats) -> None:
    """Take the newest of the replicas that start away."""
    begin = one["starting_at"] + 2 * one["starting_first"]
    last = one["starting"] - 1
    newest = last
    for place in range(last):
        if pool[begin + 2 * place + 1] > pool[begin + 2 * newest + 1]:
            newest = place
    for place in range(newest, last):
        pool[begin + 2 * place] = pool[begin + 2 * place + 2]
        pool[begin + 2 * place + 1] = pool[begin + 2 * place + 3]
    one["starting"] = last


@inlined
def _set_load(one: np.void, place: int, load: float, pool: Floats) -> None:
    """Note how many requests the replica at a place has; inf: there is none."""
    tree, node = one["tree_at"], one["tree_size"] + place
    pool[tree + node] = load
    while node > 1:
        node >>= 1
        least = min(pool[tree + 2 * node], pool[tree + 2 * node + 1])
        if pool[tree + node] == least:
            break
        pool[tree + node] = least
