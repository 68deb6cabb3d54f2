"""How long a function's writes wait after one that did not go through."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.ports import ScaleOutcome, ScaleResult

RETRY_FIRST_S = 0.5
RETRY_MOST_S = 30.0
REFUSED_FIRST_S = 60.0
FORBIDDEN_FIRST_S = 2.0
"""An API server that has just started answers 403 to everybody until it has read the roles."""
REFUSED_MOST_S = 600.0
RETRY_AFTER_MOST_S = 300.0

_WAITS_S = {
    ScaleOutcome.RETRY: (RETRY_FIRST_S, RETRY_MOST_S),
    ScaleOutcome.FORBIDDEN: (FORBIDDEN_FIRST_S, REFUSED_MOST_S),
}
"""First and longest wait."""


@dataclass(slots=True)
class _Block:
    uid: str
    failures: int
    until_s: float


class Backoff:
    """Waits by function: doubling with jitter; up to half a minute for what passes, to ten for what somebody must mend.

    A recreated Deployment (another uid) starts afresh.

    Args:
        generator: jitter, so that many functions do not come back in one moment.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._blocks: dict[FunctionKey, _Block] = {}

    def until_s(self, key: FunctionKey, uid: str) -> float:
        """Monotonic seconds before which nothing shall be written; 0 if nothing stands against it."""
        block = self._blocks.get(key)
        return block.until_s if block is not None and block.uid == uid else 0.0

    def clear(self, key: FunctionKey) -> None:
        """Forget a function's failures: a write went through, or it is gone."""
        self._blocks.pop(key, None)

    def failed(self, key: FunctionKey, uid: str, result: ScaleResult, now_s: float) -> None:
        """Note a write that did not go through; the wait is never shorter than what the API server asked for."""
        block = self._blocks.get(key)
        failures = block.failures + 1 if block is not None and block.uid == uid else 1
        wait_s = self._wait_s(result, failures)
        self._blocks[key] = _Block(uid, failures, now_s + wait_s)

    def retain(self, fleet: Fleet) -> None:
        """Forget functions that are no longer there."""
        for key in [key for key in self._blocks if key not in fleet.row_of]:
            del self._blocks[key]

    def _wait_s(self, result: ScaleResult, failures: int) -> float:
        first_s, most_s = _WAITS_S.get(result.outcome, (REFUSED_FIRST_S, REFUSED_MOST_S))
        doubled_s = min(most_s, first_s * 2.0 ** min(failures - 1, 16))
        jittered_s = doubled_s * float(self._generator.uniform(0.75, 1.25))
        return max(jittered_s, min(result.retry_after_s or 0.0, RETRY_AFTER_MOST_S))
