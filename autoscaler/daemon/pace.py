"""How fast writes go out: a token bucket whose rate falls while the API server is sick, and comes back by itself."""

from autoscaler.daemon.buckets import TokenBucket

FALL = 0.6
"""What a second with a failure leaves of the rate: just above exp(-1/2), so that while half of the writes go through,
what they add makes up for it, and the rate falls only where more than half fail."""
FALL_AT_MOST_EVERY_S = 1.0
"""Failures of one moment say one thing once."""
LEAST_SHARE = 1 / 20
"""What is left of the rate when everything fails, but never less than one a second where the full rate is more:
enough to find out within seconds that the API server is back."""


class Pace:
    """Lets writes of one kind go at a rate that the API server bears.

    A second in which a write fails multiplies the rate by `FALL`; each that goes through adds one a second to it, so
    that it grows e-fold per second. From the least share to the full rate it takes three seconds of successes,
    whatever the rate is, and six seconds of failures from the full rate to the least.

    Args:
        per_second: full rate.
        burst: writes at once at the full rate.
        now_s: monotonic seconds.
    """

    def __init__(self, per_second: float, burst: int, now_s: float) -> None:
        self._step = 1 / per_second
        self._least = min(1.0, max(LEAST_SHARE, self._step))
        self._bucket = TokenBucket(per_second, burst, now_s)
        self._share = 1.0
        self._fell_s = now_s - FALL_AT_MOST_EVERY_S
        self._paused_until_s = now_s

    @property
    def per_second(self) -> float:
        """Writes a second that may go out now, a pause apart."""
        return self._bucket.per_second

    def wait_s(self, now_s: float) -> float:
        """Seconds until one may go; 0: now."""
        return max(self._paused_until_s - now_s, self._bucket.wait_s(now_s), 0.0)

    def take(self, now_s: float) -> bool:
        """Take leave to write once, if one may go."""
        return self._paused_until_s <= now_s and self._bucket.take(now_s)

    def went_through(self, now_s: float) -> None:
        """Note an answer of a healthy API server."""
        if self._share < 1:
            self._set(min(1.0, self._share + self._step), now_s)

    def failed(self, now_s: float) -> None:
        """Note a write that met an error of the server, no answer, or no connection."""
        if now_s - self._fell_s >= FALL_AT_MOST_EVERY_S:
            self._fell_s = now_s
            self._set(max(self._least, self._share * FALL), now_s)

    def pause(self, until_s: float) -> None:
        """Let nothing go before then; a longer pause that holds already stays."""
        self._paused_until_s = max(self._paused_until_s, until_s)

    def probe(self, now_s: float) -> None:
        """Go on at the least share: enough to see whether it is served again."""
        self._fell_s = now_s
        self._set(self._least, now_s)

    def _set(self, share: float, now_s: float) -> None:
        self._share = share
        self._bucket.shrink(share, now_s)
