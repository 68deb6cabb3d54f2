"""What the kernels know of a function: one row of an array, and regions of a pool of numbers."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

FUNCTION = np.dtype(
    [
        # What every event touches, side by side, so that few cache lines are read.
        ("at_s", "f8"),  # up to when requests are accounted for
        ("other_s", "f8"),  # when the next event is due that is no arrival, no end of service and no end of patience
        ("drawn_s", "f8"),  # every arrival before it was drawn; inf: none ever comes
        ("arrivals_next", "i8"),  # place in the pool of the next arrival's time
        ("arrivals_end", "i8"),
        ("arrivals_at", "i8"),
        ("arrivals_room", "i8"),
        ("services_off", "i8"),  # places from an arrival's time to its service time
        ("busy", "i8"),  # requests being served by replicas that are wanted: a heap of their ends
        ("busy_at", "i8"),
        ("busy_room", "i8"),
        ("ready", "i8"),
        ("limit", "i8"),
        ("queue", "i8"),  # requests that wait: a ring of pairs (arrived, service)
        ("queue_first", "i8"),
        ("queue_at", "i8"),
        ("queue_room", "i8"),  # pairs, a power of two
        ("queue_most", "i8"),
        ("in_flight", "i8"),  # accepted and not answered, those that somebody else carries left out
        ("hold_s", "f8"),
        ("patience_s", "f8"),  # when the first of those who wait loses patience
        ("slo_s", "f8"),
        ("started", "i8"),
        ("finished", "i8"),
        ("served", "i8"),
        ("cold", "i8"),
        ("refused", "i8"),
        ("misses", "i8"),
        ("waits", "i8"),  # waits that were noted: values, or counts of bins
        ("waits_at", "i8"),
        ("waits_room", "i8"),
        ("waits_binned", "i8"),
        ("waited_s", "f8"),
        ("longest_s", "f8"),
        ("in_flight_s", "f8"),
        ("busy_s", "f8"),
        ("idle_s", "f8"),
        ("queued_s", "f8"),
        ("sojourn_s", "f8"),  # from arrival to the end of service, of all that are or were served; of refused ones too
        # What changes with replicas.
        ("replicas_at_s", "f8"),  # up to when replicas are accounted for
        ("requested", "i8"),
        ("missing", "i8"),  # asked for, and cannot start
        ("crashing", "i8"),  # 1: what is missing holds its place
        ("starting", "i8"),  # a queue of pairs (ready at, number of the start), by time
        ("starting_first", "i8"),
        ("starting_at", "i8"),
        ("starting_room", "i8"),
        ("draining", "i8"),  # requests served by replicas that are no longer wanted: a heap of their ends
        ("draining_at", "i8"),
        ("draining_room", "i8"),
        ("cuts", "i8"),  # ends of grace: a queue of pairs (at, requests cut then)
        ("cuts_first", "i8"),
        ("cuts_at", "i8"),
        ("cuts_room", "i8"),
        ("cut", "i8"),  # requests that are served now and will be cut
        ("grace_s", "f8"),
        ("holds", "i8"),  # 1: a policy says who is held while no replica is ready
        ("held", "i8"),
        ("held_end_s", "f8"),
        ("carried", "i8"),
        ("failed", "i8"),
        ("starts", "i8"),
        ("replicas_max", "i8"),
        ("starting_s", "f8"),
        ("ready_s", "f8"),
        ("draining_s", "f8"),
        ("zero_s", "f8"),
        ("allocated_s", "f8"),
        # Of functions whose requests go to a replica that is chosen when they come (`kernels.routing`).
        ("routing", "i8"),  # who is chosen; 0: nobody is, all places are one pool
        ("line_room", "i8"),  # requests that wait at a replica at most
        ("in_lines", "i8"),  # those that do
        ("active", "i8"),  # ready replicas that serve anything
        ("leaving", "i8"),  # replicas that drain
        ("cut_replicas", "i8"),  # replicas that were cut, and whose ends of service are still in the heap
        ("ends", "i8"),  # a heap of pairs (end of service, replica)
        ("ends_at", "i8"),
        ("ends_room", "i8"),
        ("replicas_at", "i8"),
        ("replicas_room", "i8"),
        ("replicas_free", "i8"),  # first number that no replica has; -1: all are taken
        ("stack_at", "i8"),  # replicas by place
        ("stack_room", "i8"),
        ("tree_at", "i8"),  # requests at the replicas by place, and the least of every two below them
        ("tree_room", "i8"),
        ("tree_size", "i8"),  # places, a power of two
        ("lines_at", "i8"),  # those who wait at replicas
        ("lines_room", "i8"),
        ("lines_free", "i8"),
        ("chances_at", "i8"),  # uniform numbers beside the arrivals, where the choice is random
        ("chances_room", "i8"),
    ],
    align=True,
)
"""One function. `…_at` is a place in the pool, `…_room` how much the region there holds."""

Functions = NDArray[np.void]
"""`(functions,) FUNCTION`."""


class Column(IntEnum):
    """Rows of the `(columns, functions) float64` that kernels keep up to date for whoever looks at all functions."""

    NEXT = 0
    """When something is due next."""

    ARRIVAL = 1
    """When the next request arrives, or up to when none does that was drawn."""

    READY = 2
    WAITING = 3
    REQUESTED = 4


class Ask(IntEnum):
    """Why a kernel stopped at a function before its time was up: what it cannot do itself."""

    DONE = 0
    OTHER = 1
    WINDOW = 2
    """The next window of arrivals."""

    BUSY = 3
    """Room for one more request that is served."""

    QUEUE = 4
    """Room for one more that waits."""

    WAITS = 5
    """Room for one more wait."""

    HOLD = 6
    """A request came that finds no ready replica: whether it is held is the policy's to say."""

    REACHED = 7
    """A replica got ready while requests are held."""

    EXPIRED = 8
    """A hold ended."""


def new_functions(number: int) -> Functions:
    """Give so many rows, of functions that have nothing and do nothing."""
    functions = np.zeros(number, FUNCTION)
    for name in ("other_s", "patience_s", "drawn_s", "hold_s", "slo_s", "grace_s", "held_end_s"):
        functions[name] = np.inf
    functions["limit"] = 1
    functions["queue_most"] = np.iinfo(np.int64).max
    functions["replicas_free"] = functions["lines_free"] = -1
    return functions
