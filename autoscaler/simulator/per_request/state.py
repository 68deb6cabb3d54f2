"""What the kernel of the mode of an instance per request works on: arrays, and what their fields are.

The fields are those of structured types and no constants, since numba keeps compiled code by the types of what goes in.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints

Links = NDArray[np.int32]
Records = NDArray[np.void]

NOBODY = -1
"""In place of a function: no request, time only passes. In place of an instance, or of one who waits: none."""

BOUNDLESS = 2**62
"""A bound on a count that is none."""

POSITIONS_A_WORD = 32
POSITIONS_A_SUMMARY = 1_024

DONE, NEEDS_ROOM, NEEDS_DRAWS, NEEDS_FLUSH, NEEDS_QUEUE = range(5)
"""What a call of the kernel ends with."""

LIMITS = 3
"""The limits on instances: the function's, its tenant's, its pool's."""

FUNCTION = np.dtype(
    [
        ("base", "i8"),  # its first slot
        ("size", "i8"),  # its slots
        ("next", "i8"),  # slots that were taken
        ("summary", "i8"),  # its first word of the summary
        ("top", "i8"),  # no word of the summary above this one has a bit
        ("kept", "i8"),  # its keep-alive
        ("live", "i8"),  # instances
        ("queued", "i8"),  # requests that wait
        ("in_flight", "i8"),  # requests in all
        ("at_s", "f8"),  # up to when request-seconds are accounted for
        ("in_flight_s", "f8"),  # the area under `in_flight`
        ("queued_s", "f8"),  # the area under `queued`
        ("sojourn_s", "f8"),  # from arrival to end, of all that are or were served, or gave up
        ("busy_s", "f8"),
        ("idle_s", "f8"),
        ("requests", "i8"),
        ("served", "i8"),
        # What changes with instances, and with who waits.
        ("tenant", "i8"),
        ("cap", "i8"),
        ("drawn", "i8"),  # start-ups used of those that were drawn
        ("changed_s", "f8"),  # when `live` last changed
        ("peak", "i8"),
        ("starting_s", "f8"),
        ("allocated_s", "f8"),
        ("zero_s", "f8"),  # seconds without an instance
        ("lifespan_s", "f8"),  # of the instances that went
        ("ended", "i8"),  # those
        ("cold", "i8"),
        ("bound", "i8"),  # most requests that wait
        ("first", "i8"),  # who waits longest
        ("last", "i8"),
        ("patience_s", "f8"),
        ("rejected", "i8"),
        ("late", "i8"),  # requests that gave up
        ("slo_s", "f8"),
        ("misses", "i8"),
    ]
)
"""One function."""

INSTANCE = np.dtype(
    [
        ("idle_s", "f8"),  # since when it is idle; inf: it is not
        ("born_s", "f8"),
        ("ready_s", "f8"),  # when it could serve
        ("owner", "i4"),  # function; NOBODY: there is no instance
        ("before", "i4"),  # who became idle just before it, among those that are kept as long
        ("after", "i4"),
    ],
    align=True,
)
"""One slot for an instance."""

SERVING = np.dtype([("end_s", "f8"), ("slot", "i8")])
"""An instance that serves, and when that ends."""

KEEP = np.dtype([("keep_s", "f8"), ("oldest", "i8"), ("newest", "i8")])
"""A keep-alive, and of the instances that it keeps the one that is idle longest, and the one that is so since last."""

TENANT = np.dtype([("live", "i8"), ("peak", "i8"), ("cap", "i8"), ("guarantee", "i8"), ("pool", "i8")])
"""Instances of a tenant: now, the most so far, the most allowed, and those kept for it alone."""

POOL = np.dtype([("live", "i8"), ("peak", "i8"), ("free", "i8")])
"""Instances of a pool: now, the most so far, and those that may start beyond what is kept for tenants."""

WAITER = np.dtype([("came_s", "f8"), ("service_s", "f8"), ("after", "i8")])
"""One who waits, and who waits next; or a free place, and the next one."""

WAIT = np.dtype([("wait_s", "f8"), ("function", "i8")])
"""A wait that is over."""

NOW = np.dtype(
    [
        ("now_s", "f8"),
        ("gone_s", "f8"),  # when the next idle instance goes
        ("serving", "i8"),
        ("queued", "i8"),  # requests that wait, of all functions
        ("waits", "i8"),  # those that are noted
        ("spare", "i8"),  # first free place among those who wait
        ("is_freed", "i8"),  # 1: one who waits may be able to start now
    ]
)
"""Single numbers."""


class State(NamedTuple):
    """Functions that may share limits, their instances, and who waits.

    The slots of one function lie together and are taken in the order of creation, so that of two instances the newer has
    the higher slot; when they run out, those that live are moved together. Bits say which slots are idle: 32 in a word,
    and which of 32 words have one in a word of the summary. So the newest idle one is found in a few steps, however many
    there are.

    Attributes:
        functions: `(functions,) FUNCTION`.
        instances: `(slots,) INSTANCE`.
        seconds_at: `(slots,)`, seconds that the function had 1, 2, … instances.
        words: which slots are idle.
        summary: which words have a bit.
        serving: heap of `SERVING` by when it ends, from place 1 on; inf after the last.
        keeps: `(different keep-alives,) KEEP`.
        tenants: `(tenants,) TENANT`.
        pools: `(pools + 1,) POOL`, the last is of all functions together.
        bound: `(functions, LIMITS)`, requests for which that limit allowed no instance.
        short_s: likewise, their service seconds.
        starts: `(functions, drawn ahead)`, start-up seconds by number of the start.
        colds: likewise, services that begin with one; `(functions, 0)`: a request's own service does.
        queue: `(room,) WAITER`.
        waits: `(room,) WAIT`.
        now: `(1,) NOW`.
    """

    functions: Records
    instances: Records
    seconds_at: Floats
    words: Ints
    summary: Ints
    serving: Records
    keeps: Records
    tenants: Records
    pools: Records
    bound: Ints
    short_s: Floats
    starts: Floats
    colds: Floats
    queue: Records
    waits: Records
    now: Records
