"""Token buckets: how many writes may go out now, and when the next one may."""


class TokenBucket:
    """A rate with a burst, in the time it is told.

    Args:
        per_second: tokens that come back each second.
        burst: tokens it holds at most; it starts full.
        now_s: monotonic seconds.
    """

    def __init__(self, per_second: float, burst: int, now_s: float) -> None:
        self._full_per_second = self._per_second = per_second
        self._full_burst = self._burst = float(burst)
        self._tokens = float(burst)
        self._at_s = now_s

    @property
    def per_second(self) -> float:
        """Tokens that come back each second now."""
        return self._per_second

    def take(self, now_s: float) -> bool:
        """Take a token if there is one."""
        self._refill(now_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until there is a token; 0 if there is one."""
        self._refill(now_s)
        return max(0.0, (1 - self._tokens) / self._per_second)

    def shrink(self, share: float, now_s: float) -> None:
        """Let it have a share of its rate and of its burst from now on; what it saved up beyond that is forfeited.

        Args:
            share: fraction, 0 < share <= 1; 1 is what it was made with. A burst is never less than one token.
        """
        self._refill(now_s)
        self._per_second = self._full_per_second * share
        self._burst = max(1.0, self._full_burst * share)
        self._tokens = min(self._tokens, self._burst)

    def _refill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        # A millionth of a token absorbs float noise, so that a wait of wait_s() is always long enough.
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_second + 1e-6 * (passed_s > 0))
        self._at_s = max(self._at_s, now_s)
