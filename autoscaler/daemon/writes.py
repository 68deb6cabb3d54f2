"""The write scheduler: one outstanding write per function, the newest wish wins, wakes go first."""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.daemon.backoff import Backoff
from autoscaler.daemon.buckets import TokenBucket
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.daemon.wishes import Urgency, Wish
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Clock, Cluster, ScaleChange, ScaleOutcome, ScaleResult, WriteFailure

Settled = Callable[[FunctionKey, ScaleOutcome], None]


class WriteScheduler:
    """Writes wishes as fast as two token buckets allow, one for wakes and one for everything else.

    What is lost to a foreign change is dropped: the next tick decides anew from what is there then. What
    the API server refuses waits long, since somebody has to mend it first; what may pass is tried again.

    Args:
        clock: for back-off and the buckets.
        cluster: where writes go.
        settings: rates and bursts.
        generator: jitter of the back-off.
        settled: told of every outcome.
    """

    def __init__(
        self,
        clock: Clock,
        cluster: Cluster,
        settings: KubernetesSettings,
        generator: np.random.Generator,
        settled: Settled = lambda key, outcome: None,
    ) -> None:
        self.counts: dict[ScaleOutcome, int] = dict.fromkeys(ScaleOutcome, 0)
        self._clock = clock
        self._cluster = cluster
        self._settled = settled
        self._backoff = Backoff(generator)
        now_s = clock.now().monotonic_s
        wakes = TokenBucket(settings.wakes_per_second, settings.wake_burst, now_s)
        others = TokenBucket(settings.writes_per_second, settings.write_burst, now_s)
        self._buckets = {Urgency.WAKE: wakes, Urgency.RAISE: others, Urgency.CUT: others}
        self._queues: list[dict[FunctionKey, Wish]] = [{} for _ in Urgency]
        self._delayed: dict[FunctionKey, Wish] = {}
        self._due: list[tuple[float, int, FunctionKey]] = []
        self._order = itertools.count()
        self._outstanding: dict[FunctionKey, asyncio.Task[ScaleResult]] = {}
        self._ending: set[FunctionKey] = set()
        self._following: dict[FunctionKey, Wish] = {}
        self._failures: dict[FunctionKey, WriteFailure] = {}
        self._has_news = asyncio.Event()

    def offer(self, wishes: Iterable[Wish], is_tick: bool) -> None:
        """Take the wishes of a step. A full tick's are all there is: what it no longer wishes is dropped.

        Who waits keeps its place, or a fleet that wishes more than the rate allows would never write its last names.
        """
        unsent = self._take_unsent()
        if is_tick:
            place = {key: number for number, key in enumerate(unsent)}
            for wish in sorted(wishes, key=lambda wish: place.get(wish.change.key, len(place))):
                self._enqueue(wish)
        else:
            for wish in wishes:
                unsent[wish.change.key] = _from_what_is(wish, unsent.get(wish.change.key))
            for wish in unsent.values():
                self._enqueue(wish)
        self._has_news.set()

    def is_ending(self, key: FunctionKey) -> bool:
        """Tell whether a write that takes a function to zero is out: what still runs of it will not stay."""
        return key in self._ending

    def drop_unsent(self) -> None:
        """Give up every write that has not gone out."""
        self._take_unsent()

    def retain(self, fleet: Fleet) -> None:
        """Forget functions that the fleet no longer has, and what they wish."""
        self._backoff.retain(fleet)
        for wishes in (self._following, self._delayed, *self._queues):
            for key in [key for key, wish in wishes.items() if not _is_of(wish.change, fleet)]:
                del wishes[key]
        for key in [key for key in self._failures if key not in fleet.row_of]:
            del self._failures[key]

    def failure(self, key: FunctionKey) -> WriteFailure | None:
        """Give the failure of a function's last write; None: it went through."""
        return self._failures.get(key)

    def failures(self) -> Sequence[WriteFailure]:
        """Name the functions whose last write did not go through."""
        return list(self._failures.values())

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        while True:
            self._has_news.clear()
            wait_s = self._send_due()
            await flag_or_time(self._has_news, self._clock, wait_s)

    async def close(self, deadline_s: float) -> None:
        """Start no more writes, and wait for those that are out; what is then still out is given up."""
        self.drop_unsent()
        outstanding = list(self._outstanding.values())
        if outstanding:
            _, late = await asyncio.wait(outstanding, timeout=deadline_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _take_unsent(self) -> dict[FunctionKey, Wish]:
        unsent: dict[FunctionKey, Wish] = {}
        for wishes in (self._following, self._delayed, *self._queues):
            unsent.update(wishes)
            wishes.clear()
        self._due.clear()
        return unsent

    def _enqueue(self, wish: Wish) -> None:
        change = wish.change
        if change.old == change.new:
            return
        if change.key in self._outstanding:
            self._following[change.key] = wish
            return
        until_s = self._backoff.until_s(change.key, change.uid)
        if until_s > 0 and until_s > self._clock.now().monotonic_s:
            self._delayed[change.key] = wish
            heapq.heappush(self._due, (until_s, next(self._order), change.key))
        else:
            self._queues[wish.urgency][change.key] = wish

    def _send_due(self) -> float | None:
        now_s = self._clock.now().monotonic_s
        waits_s = [wait_s for wait_s in (self._promote(now_s), *map(self._send_queue, Urgency)) if wait_s is not None]
        return min(waits_s, default=None)

    def _promote(self, now_s: float) -> float | None:
        """Queue what its back-off lets go; give the seconds until the next."""
        while self._due and self._due[0][0] <= now_s:
            _, _, key = heapq.heappop(self._due)
            wish = self._delayed.pop(key, None)
            if wish is not None:
                self._enqueue(wish)
        return self._due[0][0] - now_s if self._due else None

    def _send_queue(self, urgency: Urgency) -> float | None:
        """Send what the bucket allows; give the seconds until its next token if something is left."""
        queue, bucket, now_s = self._queues[urgency], self._buckets[urgency], self._clock.now().monotonic_s
        while queue:
            if not bucket.take(now_s):
                return bucket.wait_s(now_s)
            self._send(queue.pop(next(iter(queue))))
        return None

    def _send(self, wish: Wish) -> None:
        task = asyncio.ensure_future(self._cluster.scale(wish.change))
        self._outstanding[wish.change.key] = task
        if wish.change.new == 0:
            self._ending.add(wish.change.key)
        task.add_done_callback(lambda done: self._settle(wish, done))

    def _settle(self, wish: Wish, task: "asyncio.Future[ScaleResult]") -> None:
        key = wish.change.key
        del self._outstanding[key]
        self._ending.discard(key)
        following = self._following.pop(key, None)
        if task.cancelled():
            return
        result = _result(task)
        self.counts[result.outcome] += 1
        if result.outcome is ScaleOutcome.DONE:
            self._done(wish.change, following)
        else:
            self._failed(wish, result, following)
        self._settled(key, result.outcome)
        self._has_news.set()

    def _done(self, change: ScaleChange, following: Wish | None) -> None:
        self._backoff.clear(change.key)
        self._failures.pop(change.key, None)
        if following is not None and following.change.uid == change.uid:
            self._enqueue(replace(following, change=replace(following.change, old=change.new)))

    def _failed(self, wish: Wish, result: ScaleResult, following: Wish | None) -> None:
        change, now = wish.change, self._clock.now()
        self._failures[change.key] = WriteFailure(change.key, result.outcome, result.message, now)
        if result.outcome is ScaleOutcome.LOST:
            if following is not None and following.change.old != change.old:
                self._enqueue(following)  # decided from what the foreign change left
            return
        self._backoff.failed(change.key, change.uid, result, now.monotonic_s)
        if result.outcome is ScaleOutcome.RETRY:
            self._enqueue(following or wish)


def _from_what_is(wish: Wish, unsent: Wish | None) -> Wish:
    """Start from the count that the unsent wish was to change: the step takes that wish for granted."""
    if unsent is None:
        return wish
    return replace(wish, change=replace(wish.change, old=unsent.change.old))


def _is_of(change: ScaleChange, fleet: Fleet) -> bool:
    row = fleet.row_of.get(change.key)
    return row is not None and fleet.uids[row] == change.uid


def _result(task: "asyncio.Future[ScaleResult]") -> ScaleResult:
    """Give a write's result; an error that the adapter let through is one that may pass."""
    error = task.exception()
    return task.result() if error is None else ScaleResult(ScaleOutcome.RETRY, message=f"{type(error).__name__}")
