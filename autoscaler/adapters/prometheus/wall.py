"""The machine's wall clock, by which Prometheus is asked, beside the one that measures: where one moved without the other."""

from autoscaler.adapters.prometheus.transport import MOST_SKEW_S
from autoscaler.core.now import Now


class Wall:
    """Remembers for when a source was asked last.

    Two clocks of one machine part when one is set, and when it sleeps: a virtual machine that was paused for an hour
    goes on where it was by the clock that measures, and an hour later by the other.
    """

    def __init__(self) -> None:
        self._last: Now | None = None
        self._latest_utc_s = float("-inf")

    def back_s(self, now: Now) -> float:
        """Give by how many seconds the wall clock is behind what a source has answered for already; 0: it is not.

        What Prometheus says of that time is what was then: it takes no samples older than those it has, so that a
        function which is called now stands still there until the clock has caught up.
        """
        back_s = self._latest_utc_s - now.utc_s
        return back_s if back_s > MOST_SKEW_S else 0.0

    def answered(self, asked: Now, range_s: float) -> bool:
        """Take in that an answer counts; tell whether the wall clock left out more since the last than it reaches back.

        Args:
            asked: the moment that it is of.
            range_s: seconds before that which it covers.
        """
        last, self._last = self._last, asked
        self._latest_utc_s = max(self._latest_utc_s, asked.utc_s)
        if last is None:
            return False
        return asked.monotonic_s - last.monotonic_s <= range_s < asked.utc_s - last.utc_s
