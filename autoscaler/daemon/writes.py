"""The write scheduler: one outstanding write per function, the newest wish wins, wakes go first, tenants take turns."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.daemon.backlog import Backlog
from autoscaler.daemon.backoff import RETRY_AFTER_MOST_S, Backoff
from autoscaler.daemon.pace import Pace
from autoscaler.daemon.parked import Parked
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.daemon.wishes import Urgency, Wish, Wishes
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Clock, Cluster, ScaleChange, ScaleOutcome, ScaleResult, WriteFailure

MOST_OUT = 96
"""Writes that are out at once; no more than the adapter sends at once, so that what is out is on the wire."""
MOST_OTHERS_OUT = 40
"""Those of them that are no wakes. The rest is kept for wakes, however slowly the API server answers; forty hold the
usual 20 writes/s at answers of 2 s."""
SENT_AT_ONCE = 8
"""Writes begun in one turn of the event loop; each is prepared there in about 0.2 ms."""
LOOKED_AT_ONCE = 1_000
"""Wishes looked at in one turn, where most cannot go out."""
OVERDUE_S = 60.0
"""A cut that has waited for so long goes before every eighth raise: raises without end must not keep what nobody
needs for ever."""
RAISES_TO_A_CUT = 7
STALE_TICKS = 3
"""A cut is not sent once the last tick is so many ticks ago: a process that stood still decides anew before it cuts."""
PAUSE_UNSAID_S = 1.0
"""Pause after a 429 that does not say how long; the API server's usual one."""
RATE_OVER_S = 10.0

Settled = Callable[[FunctionKey, ScaleOutcome], None]


class WriteScheduler:
    """Writes wishes as fast as two token buckets allow, one for wakes and one for everything else.

    Wakes go before raises, raises before cuts; within each, tenants take turns. What is lost to a foreign change is
    dropped: the next tick decides anew from what is there then. What the API server refuses waits long, since
    somebody has to mend it first; what may pass is tried again. While the API server fails or says that it has too
    much to do, it is asked less.

    Args:
        clock: for back-off and the buckets.
        cluster: where writes go.
        settings: rates and bursts.
        generator: jitter of the back-off.
        settled: told of every outcome.
        may_write: asked before every single write; once it says no, nothing more goes out, and what waits is dropped.
        has: tells whether a namespace is a tenant's at this moment; what was wished for before it went is dropped.
        stale_s: seconds after a full tick for which its cuts may go out.
        reading_s: longest that the reading of a tick may take. What took longer stood still meanwhile, and so much of
            `stale_s` is gone.
        wake_log: told of writes that start a function, and to forget what is gone; None: nobody is.
    """

    def __init__(
        self,
        clock: Clock,
        cluster: Cluster,
        settings: KubernetesSettings,
        generator: np.random.Generator,
        settled: Settled = lambda key, outcome: None,
        may_write: Callable[[], bool] = lambda: True,
        has: Callable[[str, str], bool] = lambda tenant, namespace: True,
        stale_s: float = math.inf,
        wake_log: WakeLog | None = None,
        reading_s: float = 0.0,
    ) -> None:
        self.counts: dict[ScaleOutcome, int] = dict.fromkeys(ScaleOutcome, 0)
        self._clock = clock
        self._cluster = cluster
        self._settled = settled
        self._may_write = may_write
        self._has = has
        self._backoff = Backoff(generator)
        self._stale_s = stale_s
        self._reading_s = reading_s
        self._wake_log = wake_log if wake_log is not None else WakeLog()
        now_s = self._offered_s = clock.now().monotonic_s
        self._wakes = Pace(settings.wakes_per_second, settings.wake_burst, now_s)
        self._others = Pace(settings.writes_per_second, settings.write_burst, now_s)
        self._backlog = Backlog()
        self._fleet: Fleet | None = None
        self._parked = Parked()
        self._outstanding: dict[FunctionKey, asyncio.Task[ScaleResult]] = {}
        self._others_out = 0
        self._raises = 0
        self._ending: set[FunctionKey] = set()
        self._unsure: dict[FunctionKey, Wish] = {}
        self._assuming: set[FunctionKey] = set()
        self._given_up: set[FunctionKey] = set()
        self._landed: dict[FunctionKey, ScaleChange] = {}
        self._failures: dict[FunctionKey, WriteFailure] = {}
        self._drained: deque[float] = deque(maxlen=1_000)
        self._has_news = asyncio.Event()

    def offer(self, wishes: Wishes, is_tick: bool, asked_s: float | None = None) -> None:
        """Take the wishes of a step. A full tick's are all there is: what it no longer wishes is dropped.

        Who waits keeps its place, or a fleet that wishes more than the rate allows would never write its last names.

        Args:
            wishes: what it wishes.
            is_tick: whether it was a full tick.
            asked_s: monotonic seconds at which what it was decided on was asked for; None: now.
        """
        now_s = self._clock.now().monotonic_s
        if is_tick:
            self._offered_s = now_s if asked_s is None else min(now_s, asked_s + self._reading_s)
            self._backlog.renew(wishes, now_s)
            self._assuming.clear()
            self._wake_log.tidy()
            self._failures = {key: one for key, one in self._failures.items() if self._still_fails(key, one)}
        else:
            for wish in wishes:
                self._add(wish, now_s)
        for change in self._landed.values():
            self._start_after(change)
        self._make_sure(now_s)
        self._join(self._parked.free(self._is_recreated))
        self._has_news.set()

    def _make_sure(self, now_s: float) -> None:
        """Write the old count where a cut to zero is wanted no more, and nobody knows what became of its write."""
        for key, cut in self._unsure.items():
            if key not in self._backlog and key not in self._outstanding:
                stay = replace(cut, change=replace(cut.change, new=cut.change.old))
                self._backlog.put(stay, now_s, is_sure=False)

    def _add(self, wish: Wish, now_s: float) -> None:
        """Take a wish between ticks: its step takes what waits or is out for granted."""
        key = wish.change.key
        unsent, out = self._backlog.find(key), self._outstanding.get(key)
        if unsent is not None:
            wish = wish.starting_from(unsent.change.old)  # the write starts from what is there
        elif out is not None:
            self._assuming.add(key)
        self._backlog.put(wish, now_s)

    def observed(self) -> None:
        """Note that replicas are read now for the next step: its wishes know what was written until here."""
        self._landed.clear()

    def is_ending(self, key: FunctionKey) -> bool:
        """Tell whether what still runs of a function may not stay.

        A write that takes it to zero waits or is out, or was sent and nobody knows what became of it: it timed out.
        """
        wish = self._backlog.find(key)
        return key in self._ending or key in self._unsure or (wish is not None and wish.change.new == 0)

    def drop_unsent(self) -> None:
        """Give up every write that has not gone out; one that is out is not tried again."""
        self._backlog.clear()
        self._given_up.update(self._outstanding)

    def retain(self, fleet: Fleet) -> None:
        """Write nothing from now on but to these functions, and forget the failures of others."""
        self._fleet = fleet
        self._backoff.retain(fleet)
        self._wake_log.retain(fleet)
        self._unsure = {key: wish for key, wish in self._unsure.items() if self._is_there(wish.change)}
        for key in [key for key in self._failures if key not in fleet.row_of]:
            del self._failures[key]

    def failure(self, key: FunctionKey) -> WriteFailure | None:
        """Give the failure of a function's last write; None: it went through."""
        return self._failures.get(key)

    def failures(self) -> Sequence[WriteFailure]:
        """Name the functions whose last write did not go through and is still wanted."""
        return list(self._failures.values())

    def queued(self) -> Mapping[str, int]:
        """Give the writes that wait, those that back off included: by class `wake`, `raise`, `cut`."""
        return {urgency.name.lower(): self._backlog.count(urgency) for urgency in Urgency}

    def waited_s(self) -> Mapping[str, float]:
        """Give the seconds that the first in line has waited, by class; who backs off is not in line. 0: nobody is."""
        now_s = self._clock.now().monotonic_s
        return {urgency.name.lower(): self._backlog.longest_waited_s(urgency, now_s) for urgency in Urgency}

    def per_second(self) -> float:
        """Give the writes a second that were sent over the last ten seconds."""
        now_s = self._clock.now().monotonic_s
        while self._drained and self._drained[0] <= now_s - RATE_OVER_S:
            self._drained.popleft()
        is_all = len(self._drained) < (self._drained.maxlen or 0)
        return len(self._drained) / (RATE_OVER_S if is_all else max(now_s - self._drained[0], 1e-3))

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

    # What goes out

    def _send_due(self) -> float | None:
        """Send what may go in this turn; give the seconds until something may, None: until there is news."""
        now_s = self._clock.now().monotonic_s
        self._join(self._parked.due(now_s, LOOKED_AT_ONCE))
        is_joining, sent = self._backlog.admit(self._parked), 0
        for _ in range(LOOKED_AT_ONCE):
            if not self._may_write():
                self.drop_unsent()
                return None
            urgency = self._next_class(now_s)
            if urgency is None:
                return 0.0 if is_joining else self._wait_s(now_s)
            sent += self._try_next(urgency, now_s)
            if sent == SENT_AT_ONCE:
                break
        return 0.0

    def _next_class(self, now_s: float) -> Urgency | None:
        """Tell what goes next; None: nothing that waits may go now."""
        if len(self._outstanding) >= MOST_OUT:
            return None
        if self._backlog.has_line(Urgency.WAKE) and self._wakes.wait_s(now_s) == 0:
            return Urgency.WAKE
        if self._others_out >= MOST_OTHERS_OUT or self._others.wait_s(now_s) > 0:
            return None
        raises, cuts = self._backlog.has_line(Urgency.RAISE), self._may_cut(now_s)
        if raises and cuts and self._raises >= RAISES_TO_A_CUT:
            return Urgency.CUT if self._backlog.next_waited_s(Urgency.CUT, now_s) >= OVERDUE_S else Urgency.RAISE
        return Urgency.RAISE if raises else Urgency.CUT if cuts else None

    def _may_cut(self, now_s: float) -> bool:
        """Tell whether cuts wait that are still to be believed."""
        return now_s - self._offered_s <= self._stale_s and self._backlog.has_line(Urgency.CUT)

    def _wait_s(self, now_s: float) -> float | None:
        parked_s = self._parked.wait_s(now_s)
        waits_s = [] if parked_s is None else [parked_s]
        if len(self._outstanding) < MOST_OUT:
            if self._backlog.has_line(Urgency.WAKE):
                waits_s.append(self._wakes.wait_s(now_s))
            has_others = self._backlog.has_line(Urgency.RAISE) or self._may_cut(now_s)
            if self._others_out < MOST_OTHERS_OUT and has_others:
                waits_s.append(self._others.wait_s(now_s))
        return min(waits_s, default=None)

    def _try_next(self, urgency: Urgency, now_s: float) -> bool:
        """Send the next of a class, unless it must wait or is of a function that is gone; tell whether it went."""
        wish = self._backlog.next(urgency)
        if wish is None:
            return False
        change = wish.change
        if change.key in self._outstanding:
            return False  # it is wanted once that write is answered
        if not self._is_there(change) or not self._has(wish.tenant, change.key.namespace):
            self._backlog.drop(change.key)
            return False
        block = self._backoff.block(change.key, change.uid, now_s)
        if block is not None:
            self._parked.park(change.key, change.uid, block.until_s)
            if urgency is Urgency.WAKE and block.outcome is not ScaleOutcome.RETRY:
                self._settled(change.key, block.outcome)  # or somebody would wait in vain
            return False
        self._backlog.drop(change.key)
        self._send(wish, urgency, now_s)
        return True

    def _is_there(self, change: ScaleChange) -> bool:
        if self._fleet is None:
            return True
        row = self._fleet.row_of.get(change.key)
        return row is not None and self._fleet.uids[row] == change.uid

    def _is_recreated(self, key: FunctionKey, uid: str) -> bool:
        """Tell whether another object of that name is wished for by now: it does not wait for what befell this one."""
        wish = self._backlog.find(key)
        return wish is not None and wish.change.uid != uid

    def _join(self, keys: Iterable[FunctionKey]) -> None:
        now_s = self._clock.now().monotonic_s
        for key in keys:
            self._backlog.join(key, now_s)

    def _send(self, wish: Wish, urgency: Urgency, now_s: float) -> None:
        pace = self._wakes if urgency is Urgency.WAKE else self._others
        pace.take(now_s)
        self._backoff.begins(wish.change.key, now_s)
        self._raises = 0 if urgency is Urgency.CUT else self._raises + (urgency is Urgency.RAISE)
        self._others_out += urgency is not Urgency.WAKE
        self._drained.append(now_s)
        if urgency is Urgency.WAKE:
            self._wake_log.sent(wish.change.key, now_s)
        task = asyncio.ensure_future(self._cluster.scale(wish.change))
        self._outstanding[wish.change.key] = task
        if wish.change.new == 0:
            self._ending.add(wish.change.key)
        task.add_done_callback(lambda done: self._settle(wish, urgency, done))

    # What comes back

    def _settle(self, wish: Wish, urgency: Urgency, task: "asyncio.Future[ScaleResult]") -> None:
        key = wish.change.key
        del self._outstanding[key]
        self._others_out -= urgency is not Urgency.WAKE
        self._ending.discard(key)
        if task.cancelled():
            return
        result = _result(task)
        self._note_certainty(wish, result)
        self.counts[result.outcome] += 1
        self._learn(self._wakes if urgency is Urgency.WAKE else self._others, result)
        if result.outcome is ScaleOutcome.DONE:
            if urgency is Urgency.WAKE:
                self._wake_log.written(key, self._clock.now().monotonic_s)
            self._done(wish.change)
        else:
            self._failed(wish, result)
        self._assuming.discard(key)
        self._given_up.discard(key)
        self._settled(key, result.outcome)
        self._has_news.set()

    def _note_certainty(self, wish: Wish, result: ScaleResult) -> None:
        """Note whether anybody knows what became of a cut to zero; who is told when to come again was not served."""
        if result.outcome is not ScaleOutcome.RETRY:
            self._unsure.pop(wish.change.key, None)
        elif wish.change.new == 0 and not result.is_throttled and result.retry_after_s is None:
            self._unsure[wish.change.key] = wish

    def _learn(self, pace: Pace, result: ScaleResult) -> None:
        """Ask more of an API server that answers, and less of one that does not."""
        now_s = self._clock.now().monotonic_s
        if result.outcome is not ScaleOutcome.RETRY:
            pace.went_through(now_s)
        elif result.is_throttled:
            asked_s = PAUSE_UNSAID_S if result.retry_after_s is None else result.retry_after_s
            self._others.pause(now_s + min(asked_s, RETRY_AFTER_MOST_S))
            self._wakes.probe(now_s)  # somebody waits for each of them
        else:
            pace.failed(now_s)

    def _done(self, change: ScaleChange) -> None:
        self._failures.pop(change.key, None)
        if self._backoff.went_through(change.key):
            self._join(self._parked.free(lambda key, _: key.namespace == change.key.namespace))
        self._landed[change.key] = change
        self._start_after(change)
        self._join((change.key,))

    def _start_after(self, change: ScaleChange) -> None:
        """Let what is wanted of a function start from what was just written, if it was decided before."""
        wish = self._backlog.find(change.key)
        if wish is not None and (wish.change.uid, wish.change.old) == (change.uid, change.old):
            self._backlog.put(wish.starting_from(change.new), self._clock.now().monotonic_s)

    def _failed(self, wish: Wish, result: ScaleResult) -> None:
        change, now = wish.change, self._clock.now()
        self._failures[change.key] = WriteFailure(change.key, result.outcome, result.message, now)
        newer, is_assuming = self._backlog.find(change.key), change.key in self._assuming
        is_of_it = newer is not None and newer.change.uid == change.uid
        if result.outcome is ScaleOutcome.LOST:
            if newer is not None and is_of_it and (newer.change.old == change.old or is_assuming):
                self._backlog.drop(change.key)  # decided from a count that is not there
        else:
            if newer is not None and is_of_it and is_assuming:
                self._backlog.put(newer.starting_from(change.old), now.monotonic_s)
            self._backoff.failed(change.key, change.uid, result, now.monotonic_s)
            if result.outcome is ScaleOutcome.RETRY and newer is None and change.key not in self._given_up:
                self._backlog.put(wish, now.monotonic_s)
        self._join((change.key,))

    def _still_fails(self, key: FunctionKey, failure: WriteFailure) -> bool:
        """Tell whether a failure is worth showing after a tick, which decided anew on what a lost write had met."""
        return key in self._backlog and failure.outcome is not ScaleOutcome.LOST


def _result(task: "asyncio.Future[ScaleResult]") -> ScaleResult:
    """Give a write's result; an error that the adapter let through is one that may pass."""
    error = task.exception()
    return task.result() if error is None else ScaleResult(ScaleOutcome.RETRY, message=f"{type(error).__name__}")
