"""What functions need whose requests go to a replica that is chosen when they come: room for replicas and their lines."""

from collections.abc import Mapping
from math import inf

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.kernels.replicas import (
    DRAINS,
    END,
    FIRST,
    IS_GONE,
    LEAST_LOADED,
    LINE,
    NEWEST_IDLE,
    PLACE,
    POOLED,
    RANDOM,
    REPLICA,
    SERVED,
    WAITER,
)
from autoscaler.simulator.regions import Regions
from autoscaler.simulator.spec import Routing

ROUTINGS: Mapping[Routing, int] = {
    "pooled": POOLED,
    "newestIdle": NEWEST_IDLE,
    "leastLoaded": LEAST_LOADED,
    "random": RANDOM,
}


def room_for_replicas(one: np.void, regions: Regions, more: int) -> None:
    """Make room for replicas beside those there are and will be: their numbers, and places on the stack.

    Args:
        one: the function's row `FUNCTION`, which is changed, as everywhere here.
    """
    places = int(one["ready"] + one["starting"] + one["missing"]) + more
    numbers = places + int(one["leaving"] + one["cut_replicas"])
    old = int(one["replicas_room"])
    if numbers > old:
        regions.room(one, "replicas", numbers)
        replicas = _table(one, regions, "replicas", REPLICA)
        replicas[old:] = 0.0
        replicas[old:, PLACE] = IS_GONE
        one["replicas_free"] = _linked(replicas[old:, FIRST], old, int(one["replicas_free"]))
    regions.room(one, "stack", places)
    if places > one["tree_size"]:
        _grow_tree(one, regions, 1 << (places - 1).bit_length())


def room_for_one(one: np.void, regions: Regions) -> None:
    """Make room for one more request at a replica, be it served or in its line."""
    regions.room(one, "ends", int(one["ends"]) + 1)
    if one["lines_free"] < 0:
        old = int(one["lines_room"])
        regions.room(one, "lines", old + 1)
        one["lines_free"] = _linked(_table(one, regions, "lines", WAITER)[old:, 2], old, -1)


def room_for_cuts(one: np.void, regions: Regions, more: int) -> None:
    """Make room for as many ends of grace."""
    cuts = _table(one, regions, "cuts", 2)[int(one["cuts_first"]) :][: int(one["cuts"])].copy()
    regions.room(one, "cuts", len(cuts) + more)
    _table(one, regions, "cuts", 2)[: len(cuts)] = cuts
    one["cuts_first"] = 0


def take_chances(one: np.void, regions: Regions, generator: np.random.Generator) -> None:
    """Draw a number for every request that was drawn, by which its replica is chosen."""
    number = int(one["arrivals_end"] - one["arrivals_at"])
    regions.room(one, "chances", number)
    at = int(one["chances_at"])
    regions.pool[at : at + number] = generator.random(number)


def in_lines(one: np.void, regions: Regions) -> Floats:
    """Give when those came who wait at replicas, in no order."""
    lines = _table(one, regions, "lines", WAITER)
    replicas = _table(one, regions, "replicas", REPLICA)
    came_s: list[float] = []
    for replica in replicas[replicas[:, PLACE] >= DRAINS]:
        node = int(replica[FIRST])
        for _ in range(int(replica[LINE])):
            came_s.append(float(lines[node, 0]))
            node = int(lines[node, 2])
    return np.array(came_s)


def remaining_s(one: np.void, regions: Regions, now_s: float) -> float:
    """Give for how long those who are served now will be, together, did nobody cut them."""
    ends = _table(one, regions, "ends", END)[: int(one["ends"])]
    places = _table(one, regions, "replicas", REPLICA)[ends[:, 1].astype(np.int64), PLACE]
    return float(np.sum(ends[places != IS_GONE, 0] - now_s))


def _grow_tree(one: np.void, regions: Regions, size: int) -> None:
    """Make a tree of so many places, and put what the replicas have into it."""
    regions.room(one, "tree", 2 * size)
    ready, at = int(one["ready"]), int(one["tree_at"])
    stack = regions.pool[int(one["stack_at"]) :][:ready].astype(np.int64)
    replicas = _table(one, regions, "replicas", REPLICA)[stack]
    tree = regions.pool[at : at + 2 * size]
    tree[:] = inf
    tree[size : size + ready] = replicas[:, SERVED] + replicas[:, LINE]
    for node in range(size - 1, 0, -1):
        tree[node] = min(tree[2 * node], tree[2 * node + 1])
    one["tree_size"] = size


def _linked(links: Floats, first: int, last: int) -> int:
    """Link new numbers, each to the next and the last one to those there are; give the first."""
    links[:] = np.arange(first + 1, first + 1 + len(links))
    links[-1] = last
    return first


def _table(one: np.void, regions: Regions, name: str, columns: int) -> Floats:
    """Give a region as a table, in place."""
    at, room = int(one[f"{name}_at"]), int(one[f"{name}_room"])
    return regions.pool[at : at + columns * room].reshape(room, columns)
