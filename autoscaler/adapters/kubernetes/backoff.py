"""How long to wait before asking a server again that did not answer well."""

import numpy as np


class Backoff:
    """Doubling waits with jitter, so that many watches do not come back at the same moment."""

    def __init__(self, jitter: np.random.Generator, first_s: float = 0.2, most_s: float = 30.0) -> None:
        self._jitter = jitter
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def next_s(self, at_least_s: float = 0.0) -> float:
        """Count one more failure and give the wait for it, seconds.

        Args:
            at_least_s: what the server asked for; the jitter comes on top of it, never below.
        """
        step_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        jittered_s = step_s * float(self._jitter.uniform(0.5, 1.0))
        return jittered_s if at_least_s <= 0 else at_least_s + self._first_s * float(self._jitter.uniform(0.0, 1.0))

    def reset(self) -> None:
        """Forget failures: something worked."""
        self._failures = 0
