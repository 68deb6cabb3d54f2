"""What a connection to a function through its Service comes to: packet rules follow endpoints, sometimes late."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import Reached
from tests.deterministic.eventloop import VirtualLoop
from tests.deterministic.process import Process

ROUND_TRIP_S = 0.001
SILENCE_S = 1.0
"""Seconds after which a connection is given up to which nobody says anything."""


@dataclass(slots=True)
class _Rule:
    """What the packet rules of one Service say, and what they will say next."""

    is_open: bool = False
    is_wanted: bool = False
    since_s: float = -inf


@dataclass
class Network:
    """The way from a daemon, or a gateway, to the functions.

    Attributes:
        late_s: seconds by which rules follow endpoints later than usual, by fault; the longest counts.
        mute: number of faults that let packets of connections vanish.
        unserved: functions without a Service: there is nothing to try.
    """

    loop: VirtualLoop
    rng: np.random.Generator
    version: Callable[[], int]
    late_s: dict[int, float] = field(default_factory=dict)
    mute: int = 0
    unserved: frozenset[FunctionKey] = frozenset()
    _rules: dict[FunctionKey, _Rule] = field(default_factory=dict)
    _closed_at: dict[FunctionKey, int] = field(default_factory=dict)

    def follow(self, key: FunctionKey, ready: int) -> None:
        """Take note of a function's ready replicas; the rules follow after a while."""
        rule = self._rules.setdefault(key, _Rule())
        is_wanted = ready >= 1
        if is_wanted != rule.is_wanted:
            rule.is_wanted = is_wanted
            usual_s = float(self.rng.uniform(0.0, 0.3))
            late_s = max(self.late_s.values(), default=0.0) if is_wanted else 0.0
            self.loop.call_later(usual_s + late_s, self._follow, key, is_wanted)

    def is_open(self, key: FunctionKey) -> bool:
        """Tell whether a connection would succeed now."""
        return key in self.unserved or self._rules.setdefault(key, _Rule()).is_open

    def since_s(self, key: FunctionKey) -> float:
        """Give when the rules of a function last changed."""
        return self._rules.setdefault(key, _Rule()).since_s

    def closed_at(self, key: FunctionKey) -> int:
        """Give the version of the cluster at which a function's rules closed last."""
        return self._closed_at.get(key, 0)

    async def dial(self, process: Process, key: FunctionKey) -> Reached:
        """Try a connection."""
        await process.gate()
        if key in self.unserved:
            return Reached.UNKNOWN
        await asyncio.sleep(SILENCE_S if self.mute else ROUND_TRIP_S)
        await process.gate()
        if self.mute:
            return Reached.SILENT
        return Reached.REACHED if self.is_open(key) else Reached.REFUSED

    def _follow(self, key: FunctionKey, is_open: bool) -> None:
        rule = self._rules[key]
        if rule.is_open != is_open and rule.is_wanted == is_open:
            rule.is_open, rule.since_s = is_open, self.loop.now_s
            if not is_open:
                self._closed_at[key] = self.version()
