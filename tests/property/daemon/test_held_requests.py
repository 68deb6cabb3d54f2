"""Requests that are held, under whatever happens to them: each has its answer or hung up, and the account of it ends."""

import asyncio

import numpy as np
from hypothesis import given, settings

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import Reached, ScaleOutcome, WakeResult
from tests.property.core.strategies import seeds
from tests.property.effort import examples
from tests.unit.daemon.test_wake_hub import Site

KEYS = [FunctionKey(namespace, name) for namespace in ("acme", "umbrella") for name in ("a", "b")]
LONGEST_HOLD_S = 9.0


class Story:
    """What happens to a hub, by chance."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.site = Site(most_held=int(rng.choice([5, 60, 100_000])))
        self.site.answers = [list(Reached)[number] for number in rng.integers(len(Reached), size=40)]
        self.calls: list[asyncio.Task[WakeResult]] = []
        self._rng = rng
        self._deeds = [self._come, self._come, self._hang_up, self._serve, self._go, self._settle, self._wait]

    async def run(self) -> None:
        for deed in self._rng.integers(len(self._deeds), size=50).tolist():
            await self._deeds[deed](KEYS[int(self._rng.integers(len(KEYS)))])
            self.site.hub._holds.check_invariants()
        if self._rng.random() < 0.5:
            await asyncio.sleep(0)
            self.site.hub.close()
        for _ in range(int(LONGEST_HOLD_S) + 2):
            await self.site.clock.advance(1.0)
        await self.site.clock.settle()
        await self.site.hub.closed()

    async def _come(self, key: FunctionKey) -> None:
        for _ in range(int(self._rng.choice([1, 1, 3, 80]))):
            hold_s, waiters = float(self._rng.choice([0.0, 0.5, 3.0, LONGEST_HOLD_S])), int(self._rng.choice([2, 100]))
            is_refused = bool(self._rng.random() < 0.3)
            waking = self.site.hub.wake(key, hold_s, waiters, key.namespace, is_refused=is_refused)
            self.calls.append(asyncio.ensure_future(waking))
        if self._rng.random() < 0.7:
            await asyncio.sleep(0)

    async def _hang_up(self, _key: FunctionKey) -> None:
        for number in self._rng.integers(len(self.calls), size=20 if self.calls else 0).tolist():
            self.calls[number].cancel()

    async def _serve(self, key: FunctionKey) -> None:
        self.site.serving.add(key)
        self.site.hub.heard(key)

    async def _go(self, key: FunctionKey) -> None:
        self.site.serving.discard(key)
        self.site.hub.heard(key)

    async def _settle(self, key: FunctionKey) -> None:
        self.site.hub.settled(key, list(ScaleOutcome)[int(self._rng.integers(len(ScaleOutcome)))])

    async def _wait(self, _key: FunctionKey) -> None:
        await self.site.clock.advance(float(self._rng.choice([0.01, 0.3, 2.0])))


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_every_request_ends(seed: int) -> None:
    """Whoever comes, goes, is released or hangs up in whatever turn: nobody waits on, and no wake goes on for nobody."""
    story = Story(np.random.default_rng(seed))
    asyncio.run(story.run())
    assert all(call.done() for call in story.calls), seed
    assert all(call.cancelled() or call.exception() is None for call in story.calls), seed
    assert [len(story.site.hub._holds), story.site.hub.waiting(KEYS[0])] == [0, 0], seed
    assert all(wake.ended_s is not None for key in KEYS for wake in story.site.log.of(key)), seed
