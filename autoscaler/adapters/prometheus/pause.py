"""Asking a sick source less often."""

_FIRST_FAILURES = 3
_FIRST_S = 2.0
_LONGEST_S = 30.0


class SickPause:
    """When a source that fails is asked again: the first failures change nothing, then 2, 4, … 30 s pass.

    The first failures stay at the rate of ticks, since most outages are one lost connection; a source that
    stays away gets one query every 30 s, not every tick.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until_s = -1.0

    def is_over(self, now_s: float) -> bool:
        """Tell whether the source may be asked, at these monotonic seconds."""
        return now_s >= self._until_s

    def succeeded(self) -> None:
        """Start anew."""
        self._failures, self._until_s = 0, -1.0

    def failed(self, now_s: float) -> None:
        """Count a reading that was asked for at `now_s` and failed."""
        self._failures += 1
        beyond = self._failures - _FIRST_FAILURES
        if beyond >= 0:
            self._until_s = now_s + min(_LONGEST_S, _FIRST_S * 2.0 ** min(beyond, 10))
