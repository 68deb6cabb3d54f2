"""How a request for a function that may be at zero ends."""

from enum import Enum


class WakeState(Enum):
    """How a wake ended."""

    READY = "ready"  # a replica can serve
    STARTED = "started"  # hold=0: it was asked to start
    NOT_READY = "not-ready"  # not within the hold
    REFUSED = "refused"  # the function's or its tenant's own limit, a pause or `wake: null` forbids it
    EXHAUSTED = "exhausted"  # the pool that its tenant shares has nothing left for it
    FULL = "full"  # too many requests are held already
    NOT_FOUND = "not-found"  # no such function, or not this caller's
    MOVED = "moved"  # this daemon no longer decides, or does not yet: whoever holds the request asks anew
