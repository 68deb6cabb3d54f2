"""Requests for functions, as gateways send them: each is held, hangs up or is answered, and every answer is judged."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import WakeResult, WakeState
from tests.deterministic.host import Host, Running
from tests.deterministic.process import Process

if TYPE_CHECKING:
    from tests.deterministic.world import World

HOLD_S = 25.0
PATIENCE_S = 1.0
AGAIN_S = 0.5
"""A gateway whose daemon broke off, or that is told to ask another one, asks again after so long."""
AT_ONCE_S = 1.0
"""A wake waits for no tick: for two steps, a third of a second each at most, and for a write."""
LED_S = 5.0
"""Seconds within which whoever decides answers, if only that it could not."""
SEEN_S = 0.1
"""What a process has seen for so long, it goes by."""
WARM_S = 35.0
"""Seconds before which no fault begins; a wake that is asked for later than so long after one must be answered well."""
PASSING = frozenset({"BETWEEN_TICKS", "RECLAIM"})
"""Reasons that pass by themselves: whoever waits goes on waiting."""
OF_BUDGETS = frozenset({"BUDGET", "CONCURRENCY_BUDGET", "POOL"})


@dataclass(slots=True, eq=False)
class _Asked:
    """One request at one daemon, until it is answered or broken off."""

    key: FunctionKey
    host: Host
    process: Process
    hold_s: float
    at_s: float
    asleep: frozenset[FunctionKey]
    is_refused: bool
    answer: "asyncio.Future[WakeResult | None]"


@dataclass
class Requests:
    """All requests of a run.

    Attributes:
        answers: how they ended, by state.
    """

    world: "World"
    answers: Counter[WakeState] = field(default_factory=Counter)
    _leader: Running | None = None
    _led_since_s: float = 0.0
    _open: dict[_Asked, None] = field(default_factory=dict)
    _held: Counter[tuple[int, FunctionKey]] = field(default_factory=Counter)
    _asleep: frozenset[FunctionKey] = frozenset()
    _asleep_at: tuple[int, float] = (-1, -1.0)
    _asked_s: dict[FunctionKey, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def ask(self, key: FunctionKey, host: Host | None = None, hangs_up_s: float = inf) -> None:
        """Ask for a function, and go on to it if that is ready.

        Args:
            host: whom to ask; None: whoever decides, and another one where that breaks off.
            hangs_up_s: seconds after which whoever asked gives up.
        """
        loop = self.world.loop
        end_s, gone_s = loop.now_s + HOLD_S, loop.now_s + hangs_up_s
        is_refused = host is None and not self.world.network.is_open(key)
        while loop.now_s < min(end_s, gone_s):
            whom = host or self.world.leading()
            state = await self._once(key, whom, end_s - loop.now_s, gone_s - loop.now_s, is_refused)
            if host is not None or state not in (None, WakeState.MOVED):
                return
            await asyncio.sleep(AGAIN_S)
        if loop.now_s < gone_s and loop.now_s - self._led_since_s > LED_S:
            words = f"nobody answered within its hold, though {self.world.leading().name} has decided for {LED_S:g} s"
            self.world.observer.say("wake", key, words)

    def second(self) -> None:
        """Break off whatever waits at a daemon that is no more, and find who waits for too long."""
        now_s, leader = self.world.loop.now_s, self.world.leading().running
        decides = leader is not None and leader.leadership.may_write() and not leader.process.is_paused
        if leader is not self._leader or not decides:
            self._leader, self._led_since_s = leader, now_s
        for asked in tuple(self._open):
            if asked.process.is_dead:
                asked.answer.cancel()
                continue
            late_s = now_s - max(asked.at_s, asked.process.paused_s)
            if late_s > asked.hold_s + PATIENCE_S and not asked.process.is_paused:
                self.world.observer.say("wake", asked.key, f"no answer within {late_s:.1f} s")
                asked.answer.cancel()

    async def _once(
        self, key: FunctionKey, host: Host, hold_s: float, patience_s: float, is_refused: bool
    ) -> WakeState | None:
        """Ask one daemon; None: nobody is there, it broke off, or whoever asked hung up."""
        running, world = host.running, self.world
        if running is None:
            return None
        answer = asyncio.ensure_future(host.wake(key, hold_s, is_refused=is_refused))
        asked = _Asked(key, host, running.process, hold_s, world.loop.now_s, self._all_asleep(), is_refused, answer)
        self._open[asked] = None
        at = (running.process.number, key)
        self._held[at] += 1
        answer.add_done_callback(lambda _: self._closed(asked, at))
        self._asked_s[key].append(asked.at_s)
        await asyncio.wait((answer,), timeout=None if patience_s == inf else patience_s)
        if not answer.done():
            answer.cancel()
            await asyncio.wait((answer,))
        result = None if answer.cancelled() else answer.result()
        if result is None:
            return None
        self.answers[result.state] += 1
        world.trace(f"wake of {key} by {host.name}: {result.state.name} after {result.waited_s:.3f} s")
        self._judge(asked, result)
        return result.state

    def _closed(self, asked: _Asked, at: tuple[int, FunctionKey]) -> None:
        self._open.pop(asked, None)
        self._held[at] -= 1

    def _all_asleep(self) -> frozenset[FunctionKey]:
        """Give the functions that are at zero now."""
        api, now_s = self.world.api, self.world.loop.now_s
        if self._asleep_at != (api.version, now_s):
            self._asleep = frozenset(one.key for one in api if one.requested == 0)
            self._asleep_at = (api.version, now_s)
        return self._asleep

    # What an answer must be

    def _judge(self, asked: _Asked, result: WakeResult) -> None:
        say, state = self.world.observer.say, result.state
        is_calm = self._is_calm(asked)
        if state is WakeState.READY:
            self._finds_a_replica(asked, result)
            self.world.judge.told_ready(asked.process, asked.key, self.world.loop.now_s)
        if state is WakeState.FULL:
            self._had_no_place(asked)
        if state is WakeState.NOT_READY and is_calm and self.world.api.find(asked.key) is not None:
            say("wake", asked.key, "it was not made ready although nothing was wrong")
        if state in (WakeState.REFUSED, WakeState.EXHAUSTED):
            self._was_refused(asked, result, is_calm=is_calm)
        if state is WakeState.READY and is_calm and asked.key in asked.asleep:
            self._was_written_at_once(asked)

    def _is_calm(self, asked: _Asked) -> bool:
        world = self.world
        return world.hindered == 0 and asked.at_s - max(world.unhindered_since_s, asked.process.started_s) > WARM_S

    def _finds_a_replica(self, asked: _Asked, result: WakeResult) -> None:
        """Check that whoever is told that a function is ready gets through to it, and no cut of ours is under way."""
        world, key, process = self.world, asked.key, asked.process
        say = world.observer.say
        cut = world.observer.under_way(process, key)
        if cut is not None and cut.new == 0:
            say("told-ready", key, f"{process.name} said so while its own cut {cut.old} -> 0 was on the wire")
            return
        there, now_s = world.api.find(key), world.loop.now_s
        if there is None or there.requested == 0:
            version = world.api.version if there is None else there.version
            if there is not None and world.observer.last_to_zero(key) is process:
                say("told-ready", key, f"{process.name} said so after it had cut it to 0 itself")
            elif process.saw_at_s(version) < now_s - SEEN_S and result.waited_s > 0:
                say("told-ready", key, f"{process.name} said so although it knew that none are wanted")
            return
        if world.network.is_open(key) or now_s - world.network.since_s(key) < SEEN_S:
            return
        if result.waited_s > 0 or asked.is_refused:
            say("told-ready", key, f"{process.name} said so after {result.waited_s:.3f} s, and nobody can be reached")
        elif process.saw_at_s(world.network.closed_at(key)) < now_s - SEEN_S:
            say("told-ready", key, f"{process.name} said so at once, and nobody can be reached any more")

    def _had_no_place(self, asked: _Asked) -> None:
        """Check that all places are taken where there is said to be none."""
        places = self.world.site.namespaces[asked.key.namespace].waiters
        held = self._held[asked.process.number, asked.key]
        if held < places:
            words = f"{asked.process.name} has no place, and holds {held} where {places} may be held"
            self.world.observer.say("place", asked.key, words)

    def _was_refused(self, asked: _Asked, result: WakeResult, *, is_calm: bool) -> None:
        """Check that a limit binds where one is named, and that it will not pass by itself."""
        world, key = self.world, asked.key
        one = world.site.by_key.get(key)
        if result.reason in PASSING:
            world.observer.say("refused", key, f"{result.reason} passes, and was no reason to send somebody away")
        if one is None or not is_calm:
            return
        is_scarce = world.judge.is_scarce(one, asked.process, world.loop.now_s)
        if (result.reason in OF_BUDGETS or result.state is WakeState.EXHAUSTED) and not is_scarce:
            world.observer.say("refused", key, f"{result.state.name}, {result.reason}, and budgets leave room")

    def _was_written_at_once(self, asked: _Asked) -> None:
        """Check that what was at zero was started without waiting for a tick, nor for another tenant's wakes.

        What budgets leave no room for waits for the tick that makes some.
        """
        one = self.world.site.by_key.get(asked.key)
        if one is None or self.world.judge.is_scarce(one, asked.process, self.world.loop.now_s):
            return
        written_s = self._first_write_s(asked.key, asked.at_s)
        theirs = sum(other.tenant == one.tenant and other.key in asked.asleep for other in self.world.site.functions)
        turns = theirs * len(self.world.site.source_of)  # tenants take turns
        bound_s = AT_ONCE_S + turns / self.world.site.settings.kubernetes.wakes_per_second
        if written_s > asked.at_s + bound_s:
            self.world.observer.say("wake", asked.key, f"nothing was written for it within {bound_s:g} s")
        members = self.world.site.namespaces[asked.key.namespace].chain
        for name in members:
            self._was_woken_with(asked, FunctionKey(asked.key.namespace, name), bound_s)

    def _was_woken_with(self, asked: _Asked, member: FunctionKey, bound_s: float) -> None:
        """Check that a function of the same chain was started too."""
        world = self.world
        one, there = world.site.by_key.get(member), world.api.find(member)
        is_free = one is not None and not world.judge.may_be_bound(one, asked.process, world.loop.now_s)
        if not is_free or there is None or member not in asked.asleep:
            return
        if self._first_write_s(member, asked.at_s) > asked.at_s + bound_s:
            world.observer.say("chain", member, f"{asked.key} was woken, and it was not")

    def _first_write_s(self, key: FunctionKey, from_s: float) -> float:
        writes = self.world.observer.writes_of(key)
        return next((write.at_s for write in writes if write.at_s >= from_s), inf)
