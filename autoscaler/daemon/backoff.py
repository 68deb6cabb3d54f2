"""How long writes wait after one that did not go through: of its function, or of its whole namespace."""

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
NAMESPACE_MOST_S = 60.0
"""Longest wait of a namespace in which nothing may be written: one request a minute, however many functions it has,
so that a right that was given is noticed soon."""
PROBE_S = 15.0
"""How long a namespace that is tried again waits for the answer; longer than a request may take."""
RETRY_AFTER_MOST_S = 300.0
FORGET_S = 600.0
"""Time after a wait was over without another failure after which the next one counts as the first."""

_WAITS_S = {
    ScaleOutcome.RETRY: (RETRY_FIRST_S, RETRY_MOST_S),
    ScaleOutcome.FORBIDDEN: (FORBIDDEN_FIRST_S, REFUSED_MOST_S),
}
"""First and longest wait."""


@dataclass(slots=True)
class Block:
    """What stands against a write.

    Attributes:
        uid: the object whose write failed; "": a whole namespace waits.
        outcome: of the last one.
        failures: in a row.
        until_s: monotonic seconds before which nothing shall be written.
    """

    uid: str
    outcome: ScaleOutcome
    failures: int
    until_s: float


class Backoff:
    """Waits that double with jitter: up to half a minute for what passes, to ten for what somebody must mend.

    A recreated Deployment (another uid) starts afresh. Rights are mostly given by namespace: once two functions of
    one were refused for lack of them and none went through in between, the whole namespace waits, and one write at a
    time finds out whether the right has come.

    Args:
        generator: jitter, so that many functions do not come back in one moment.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._blocks: dict[FunctionKey, Block] = {}
        self._namespaces: dict[str, Block] = {}
        self._allowed: set[str] = set()
        self._probed: set[str] = set()

    def block(self, key: FunctionKey, uid: str, now_s: float) -> Block | None:
        """Give what stands against a write now; None: nothing."""
        own, all_of_it = self._blocks.get(key), self._namespaces.get(key.namespace)
        blocks = [one for one in (own, all_of_it) if one is not None and one.uid in {uid, ""} and one.until_s > now_s]
        return max(blocks, key=lambda block: block.until_s, default=None)

    def begins(self, key: FunctionKey, now_s: float) -> None:
        """Note that a write goes out: where a namespace is tried again, the others wait for its answer."""
        block = self._namespaces.get(key.namespace)
        if block is not None:
            block.until_s = now_s + PROBE_S
            self._probed.add(key.namespace)

    def went_through(self, key: FunctionKey) -> bool:
        """Forget a function's failures, for a write went through; tell whether its namespace waits no longer."""
        self._blocks.pop(key, None)
        self._allowed.add(key.namespace)
        self._probed.discard(key.namespace)
        return self._namespaces.pop(key.namespace, None) is not None

    def failed(self, key: FunctionKey, uid: str, result: ScaleResult, now_s: float) -> None:
        """Note a write that did not go through; the wait is never shorter than what the API server asked for."""
        if result.outcome is ScaleOutcome.FORBIDDEN and key.namespace not in self._allowed:
            self._namespace_failed(key.namespace, result, now_s)
            return
        if result.outcome is ScaleOutcome.FORBIDDEN:
            self._allowed.discard(key.namespace)  # a second one in a row is the namespace's
        self._blocks[key] = self._next(self._blocks.get(key), uid, result, now_s, REFUSED_MOST_S)

    def _namespace_failed(self, namespace: str, result: ScaleResult, now_s: float) -> None:
        before = self._namespaces.get(namespace)
        if before is not None and before.until_s > now_s and namespace not in self._probed:
            return  # it was out when the first was refused, and says nothing new
        self._probed.discard(namespace)
        self._namespaces[namespace] = self._next(before, "", result, now_s, NAMESPACE_MOST_S)

    def retain(self, fleet: Fleet) -> None:
        """Forget functions that are no longer there."""
        for key in [key for key in self._blocks if key not in fleet.row_of]:
            del self._blocks[key]

    def _next(self, before: Block | None, uid: str, result: ScaleResult, now_s: float, most_s: float) -> Block:
        is_same = before is not None and (before.uid, before.outcome) == (uid, result.outcome)
        failures = before.failures + 1 if before is not None and is_same and now_s - before.until_s < FORGET_S else 1
        return Block(uid, result.outcome, failures, now_s + self._wait_s(result, failures, most_s))

    def _wait_s(self, result: ScaleResult, failures: int, most_s: float) -> float:
        first_s, own_most_s = _WAITS_S.get(result.outcome, (REFUSED_FIRST_S, REFUSED_MOST_S))
        doubled_s = min(most_s, own_most_s, first_s * 2.0 ** min(failures - 1, 16))
        jittered_s = doubled_s * float(self._generator.uniform(0.75, 1.25))
        return max(jittered_s, min(result.retry_after_s or 0.0, RETRY_AFTER_MOST_S))
