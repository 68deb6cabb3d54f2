"""What is seen of a load: four states, so that missing data is never read as zero."""

from enum import IntEnum


class Seen(IntEnum):
    """State of a load. The order is that of trust: a larger state allows more.

    UNKNOWN: empty, NaN, Inf, warnings, partial answer, error, time-out, stale. Changes nothing.
    LOWER_BOUND: a value whose window is not wholly covered by scrapes of an `up` target (a true
        10/s reads 3.75, then 6.25, in a 1-minute window after a 5-minute gap). May raise only.
    VALUE: the window is wholly covered. May raise and lower, not to zero.
    PROVEN_ZERO: series there, target up for the whole window, counter still, nothing in flight.
        May lower, and may go to zero.
    """

    UNKNOWN = 0
    LOWER_BOUND = 1
    VALUE = 2
    PROVEN_ZERO = 3
