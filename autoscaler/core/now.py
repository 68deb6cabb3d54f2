"""The time a step is told."""

from typing import NamedTuple


class Now(NamedTuple):
    """One moment, as a step is told it; nothing in the core reads a clock.

    Everything that is measured (windows, delays, expiry) uses `monotonic_s`, which never jumps;
    `utc_s` is for the calendar alone.
    """

    monotonic_s: float
    utc_s: float
